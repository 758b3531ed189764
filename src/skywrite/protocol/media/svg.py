"""Drawings (SVG) made a PNG.

What lives here: what of a drawing may be drawn, how large it is, and drawing it. What does not: fitting the PNG to a
post (`image`), and the limits of the process in which this runs (`core.contained`).

A drawing is a program that others may have written. It is read here first, and refused if it names anything outside of
itself: the renderer would read any file of this computer into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.parsers import expat

from skywrite.core.errors import InputError, MissingExtra

DPI = 96
_UNITS = {"": 1.0, "px": 1.0, "pt": DPI / 72, "pc": DPI / 6, "mm": DPI / 25.4, "cm": DPI / 2.54, "in": float(DPI)}
_EM = {"em": 16.0, "rem": 16.0, "ex": 8.0}
_LENGTH = re.compile(r"\s*([0-9.eE+-]+?)(px|pt|pc|mm|cm|in|em|rem|ex)?\s*", re.ASCII)
_INSIDE = re.compile(r"data:image/(png|jpe?g|gif|webp)[;,]", re.IGNORECASE)
_TEXTS = frozenset({"text", "tspan", "textPath"})
# Where a family is not installed, and for "serif" and the like: the first of these that is here.
_FAMILIES = ("DejaVu Sans", "Liberation Sans", "Arial", "Noto Sans", "Helvetica", "Segoe UI", "FreeSans", "Cantarell")
_GENERIC = ("font_family", "serif_family", "sans_serif_family", "monospace_family", "cursive_family", "fantasy_family")
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"><text y="15" font-family="{}">Hm</text></svg>'


class Drawing(NamedTuple):
    """A drawing that names nothing outside of itself. `size`: its width and height in pixels, if it says them."""

    text: str
    size: tuple[int, int] | None
    has_words: bool


def read_drawing(data: bytes, name: str) -> Drawing:
    """Read a drawing. Raises InputError."""
    reading = _Reading(name)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = reading.element
    parser.EntityDeclHandler = reading.entity
    try:
        text = data.decode("utf-8-sig")
        parser.Parse(text.encode(), True)
    except UnicodeDecodeError:
        raise _damaged(f"{name} is not UTF-8 text.", "Save it as UTF-8.") from None
    except expat.ExpatError as error:
        raise _damaged(f"{name} is no drawing that can be read: {error}.", "Export it again.") from None
    return Drawing(text, reading.size, reading.has_words)


def drawn(drawing: Drawing, name: str, max_side: int) -> bytes:
    """The PNG of a drawing, no larger than it says it is. Raises InputError, MissingExtra."""
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        raise MissingExtra(f"{name} is an SVG drawing; drawing it needs an optional part.", extra="svg") from None
    assert drawing.size is not None
    scale = min(1.0, max_side / max(drawing.size))
    width, height = (max(1, round(side * scale)) for side in drawing.size)
    fonts = _fonts(svg_to_bytes, name) if drawing.has_words else {"skip_system_fonts": True}
    try:
        return bytes(svg_to_bytes(svg_string=drawing.text, width=width, height=height, dpi=DPI, **fonts))
    except ValueError as error:
        raise _damaged(f"{name} cannot be drawn: {error}.", "Make it simpler, or save it as a PNG.") from None


class _Reading:
    """What a parser finds in a drawing."""

    def __init__(self, name: str) -> None:
        self.size: tuple[int, int] | None = None
        self.has_words = False
        self._name = name
        self._is_first = True

    def element(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Look at one element, and refuse what leads out of the drawing."""
        local = tag.rpartition(":")[2]
        if self._is_first:
            self._is_first = False
            self.size = _size(attributes)
        self.has_words = self.has_words or local in _TEXTS
        for attribute, value in attributes.items():
            target = value.strip()
            if attribute.rpartition(":")[2] != "href" or local == "a" or not target or target.startswith("#"):
                continue
            if not _INSIDE.match(target):
                raise InputError(
                    f"{self._name} shows {target[:80]!r}, which is not in the drawing itself.",
                    code="image.unsupported",
                    hint="Embed it as a PNG or JPEG (data:image/png;base64,...), or save the drawing as a PNG.",
                )

    def entity(self, *declared: Any) -> None:
        """Refuse a drawing that declares entities: names for other texts and files."""
        raise InputError(
            f"{self._name} declares an entity ({str(declared[0])[:40]}), as no drawing needs to.",
            code="image.unsupported",
            hint="Save it as plain SVG.",
        )


def _size(attributes: Mapping[str, str]) -> tuple[int, int] | None:
    """Width and height in pixels; what is missing or relative follows from `viewBox`, as browsers have it."""
    width, height = _length(attributes.get("width", "")), _length(attributes.get("height", ""))
    if width is None or height is None:
        try:
            _, _, across, down = (float(number) for number in re.split(r"[\s,]+", attributes["viewBox"].strip()))
            if width is None:
                width = across if height is None else height * across / down
            if height is None:
                height = width * down / across
        except (KeyError, ValueError, ZeroDivisionError):
            return None
    if not (math.isfinite(width) and math.isfinite(height) and width > 0 and height > 0):
        return None
    return max(1, round(width)), max(1, round(height))


def _length(text: str) -> float | None:
    match = _LENGTH.fullmatch(text)
    try:
        return float(match[1]) * {**_UNITS, **_EM}[match[2] or ""] if match else None
    except ValueError:
        return None


def _fonts(draw: Any, name: str) -> dict[str, str]:
    """The family for whatever font a drawing lacks: words would be left out otherwise."""
    empty = draw(svg_string=_PROBE.format("").replace("Hm", ""))
    family = next((one for one in _FAMILIES if draw(svg_string=_PROBE.format(one)) != empty), None)
    if family is None:
        raise InputError(
            f"{name} has words, and this computer has no font to draw them with.",
            code="image.unsupported",
            hint="Install fonts (Debian: fonts-dejavu), or turn the words into paths.",
        )
    return dict.fromkeys(_GENERIC, family)


def _damaged(message: str, hint: str) -> InputError:
    return InputError(message, code="image.damaged", hint=hint)
