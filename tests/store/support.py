"""Until all files take what they need from `tests.support`."""

from tests.support.stored import *  # noqa: F403
