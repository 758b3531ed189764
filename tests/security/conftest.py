"""The shell of the command line's tests, for what is promised about its output."""

from __future__ import annotations

from tests.cli.conftest import shell, signed_out

__all__ = ["shell", "signed_out"]
