"""The pytest plug-in that comes with Skywrite: the fixture `skywrite_sandbox`.

Every pytest run in an environment with Skywrite loads it, so it imports the sandbox only if a test uses the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from skywrite.sandbox.core import Sandbox


@pytest.fixture
def skywrite_sandbox() -> Iterator[Sandbox]:
    """A running sandbox with the accounts alice.test and bob.test; it ends with the test."""
    from skywrite.sandbox.core import Sandbox

    with Sandbox() as box:
        yield box
