"""The shell of the command line's tests, for promises about its output."""

from __future__ import annotations

from tests.cli.conftest import shell, signed_out

__all__ = ["shell", "signed_out"]
