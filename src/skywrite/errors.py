"""Everything that Skywrite raises, for `except` in users' programs: the public name of `core.errors`."""

from skywrite.core.errors import *  # noqa: F403
