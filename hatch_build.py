"""Makes the README of the package: its relative links become absolute, so that they work on a package index.

What lives here: that one step of the build. The address comes from `project.urls.Source` in pyproject.toml.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_IMAGE = re.compile(r"(!\[[^\]]*\]\()(?!https?://)([^)]+\))")
_LINK = re.compile(r"((?<!!)\[[^\]]*\]\()(?!https?://|#)([^)]+\))")


def absolute(readme: str, source: str) -> str:
    """The text with links to files under `source`, and images to their raw bytes."""
    with_images = _IMAGE.sub(rf"\1{source}/raw/main/\2", readme)
    return _LINK.sub(rf"\1{source}/blob/main/\2", with_images)


class ReadmeHook(MetadataHookInterface):
    """Sets the `readme` of the package."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called by hatchling with the `project` table."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, metadata["urls"]["Source"])}
