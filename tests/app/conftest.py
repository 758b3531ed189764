"""Until all files take what they need from `tests.support`."""

from tests.support.world import *  # noqa: F403
