"""The world of the operations' tests, with a second process as the worker."""

from __future__ import annotations

from tests.app.conftest import World, image, sky, world

__all__ = ["World", "image", "sky", "world"]
