"""Until all files take what they need from `tests.support`."""

from tests.support.shell import *  # noqa: F403
