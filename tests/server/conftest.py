"""Until all files take what they need from `tests.support`."""

from tests.support.serving import *  # noqa: F403
