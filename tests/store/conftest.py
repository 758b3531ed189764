"""Until all files take what they need from `tests.support`."""

from tests.support.stores import *  # noqa: F403
