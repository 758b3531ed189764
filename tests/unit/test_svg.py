"""Drawings made PNGs: what is drawn, how large, and what no drawing may do."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skywrite import Skywrite
from skywrite.core import contained
from skywrite.core.errors import InputError, MissingExtra
from skywrite.protocol.bsky.limits import IMAGE_BYTES_MAX
from skywrite.protocol.media.image import MAX_PIXELS, PreparedImage, check_drawing, prepare_image_file
from skywrite.protocol.media.svg import read_drawing
from tests.support.world import World

HEAD = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
RED = (255, 0, 0, 255)


def svg(inside: str = "", size: str = 'width="30" height="20"', before: str = "") -> bytes:
    """A drawing."""
    return f"{before}<svg {HEAD} {size}>{inside}</svg>".encode()


def prepared(folder: Path, data: bytes) -> PreparedImage:
    """A drawing in a file, as it is posted: drawn in the child with limits."""
    (folder / "a.svg").write_bytes(data)
    return contained.decode(
        prepare_image_file, str(folder / "a.svg"), name="a.svg", max_bytes=IMAGE_BYTES_MAX, max_pixels=MAX_PIXELS
    )


def pixels(image: PreparedImage) -> Image.Image:
    """What is drawn."""
    return Image.open(BytesIO(image.data)).convert("RGBA")


def test_a_drawing_becomes_a_png(tmp_path: Path) -> None:
    """It has the size that it says, and says what was done to it."""
    image = prepared(tmp_path, svg('<rect width="30" height="20" fill="#f00"/>'))
    assert ("image/png", 30, 20, ("drawn as a PNG",)) == (image.mime, image.width, image.height, image.changes)
    assert RED == pixels(image).getpixel((15, 10))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ('width="1in" height="25.4mm"', (96, 96)),
        ('width="30px" height="1.5e1"', (30, 15)),
        ('viewBox="0 0 50 20"', (50, 20)),
        ('width="100%" height="100%" viewBox="0,0,50,20"', (50, 20)),
        ('width="100" viewBox="0 0 50 20"', (100, 40)),
        ('height="10em" viewBox="0 0 50 20"', (400, 160)),
        ("", None),
        ('width="0" height="20"', None),
        ('width="nan" height="20"', None),
        ('width="9"', None),
        ('viewBox="0 0 0 0"', None),
        ('viewBox="a b c d"', None),
    ],
)
def test_its_size_is_that_of_browsers(size: str, expected: tuple[int, int] | None) -> None:
    """Units, and what follows from `viewBox`; without a size nothing is drawn."""
    assert expected == read_drawing(svg(size=size), "a.svg").size


def test_a_large_drawing_is_drawn_as_large_as_is_shown(tmp_path: Path) -> None:
    """More than Bluesky shows is never drawn."""
    image = prepared(tmp_path, svg(size='width="8000" height="2000"'))
    assert (4000, 1000) == (image.width, image.height)


def test_words_are_drawn_in_whatever_font_is_there(tmp_path: Path) -> None:
    """A family that is not installed leaves no gap."""
    words = '<text y="15" font-family="No Such Font">Hm</text>'
    assert prepared(tmp_path, svg()).data != prepared(tmp_path, svg(words)).data


def test_words_without_any_font_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is posted that lacks its words."""
    monkeypatch.setattr("skywrite.protocol.media.svg._FAMILIES", ("No Such Font",))
    with pytest.raises(InputError, match="has no font to draw them with"):
        check_drawing(svg("<text>Hm</text>"), "a.svg")


@pytest.mark.parametrize(
    "address",
    [
        "{folder}/secret.png",
        "secret.png",
        "file://{folder}/secret.png",
        " {folder}/secret.png",
        "&#47;etc/passwd",
        "http://127.0.0.1:9/a.png",
        "https://example.com/a.svg#part",
        "//example.com/a.png",
        "data:image/svg+xml;base64,AAAA",
        "data:text/plain,AAAA",
    ],
)
@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize("element", ["image", "use", "feImage"])
def test_a_drawing_shows_nothing_of_this_computer(tmp_path: Path, element: str, attribute: str, address: str) -> None:
    """Files and addresses are refused by their names, and never read."""
    address = address.format(folder=tmp_path)
    with pytest.raises(InputError, match="which is not in the drawing itself"):
        check_drawing(svg(f'<{element} {attribute}="{address}" width="30" height="20"/>'), "a.svg")


def test_what_is_inside_a_drawing_is_drawn(tmp_path: Path) -> None:
    """An embedded PNG, a part that is used twice, and a link to somewhere."""
    inside = BytesIO()
    Image.new("RGB", (2, 2), "red").save(inside, "PNG")
    import base64

    data = base64.b64encode(inside.getvalue()).decode()
    image = f'<a href="https://example.com"><image href="data:image/png;base64,{data}" width="30" height="20"/></a>'
    assert RED == pixels(prepared(tmp_path, svg(image))).getpixel((15, 10))
    used = '<defs><rect id="r" width="30" height="20" fill="red"/></defs><use xlink:href="#r"/>'
    assert RED == pixels(prepared(tmp_path, svg(used))).getpixel((15, 10))


_LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))
_USES = "".join(f'<g id="g{number}">{f"""<use href="#g{number - 1}"/>""" * 10}</g>' for number in range(1, 10))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            svg("<text>&x;</text>", before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "declares an entity",
        ),
        (
            svg("<text>&l9;</text>", before=f'<!DOCTYPE svg [<!ENTITY l0 "lol">{_LAUGHS}]>'),
            "declares an entity|not an image",
        ),
        (svg(size='width="100000" height="100000"'), "the maximum is 50 megapixels"),
        (svg(size='width="1e300" height="1"'), "the maximum is 50 megapixels"),
        (svg("<g>" * 20_000 + "</g>" * 20_000), "more memory or time|cannot be drawn"),
        (
            svg(f'<defs><rect id="g0" width="5" height="5"/>{_USES}</defs><use href="#g9"/>'),
            "more memory|cannot be drawn",
        ),
        (svg('<rect filter="url(#f)"/>', before="x"), "no SVG drawing|not an image"),
        (svg("<!--" + "x" * 10_000_000 + "-->"), "the maximum is 10 MB"),
        ("<svg>ä</svg>".encode("latin-1"), "is not UTF-8"),
        (b"<svg", "no drawing that can be read"),
    ],
    ids=["file", "laughs", "size", "endless", "deep", "uses", "text", "10 MB", "latin", "cut"],
)
def test_a_hostile_drawing_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    """What would read a file, or take more memory or time than an image may, fails alone and says so."""
    with pytest.raises((InputError, contained.TooCostly), match=words):
        prepared(tmp_path, data)


def test_a_drawing_that_draws_itself_ends(tmp_path: Path) -> None:
    """A part that uses itself is left out."""
    assert 30 == prepared(tmp_path, svg('<g id="a"><use href="#a"/></g>')).width


def test_without_its_part_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional part is named."""
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(MissingExtra) as told:
        check_drawing(svg(), "a.svg")
    assert "svg" == told.value.extra


def test_drawings_keep_no_photo_waiting(world: World, sky: Skywrite, tmp_path: Path) -> None:
    """A drawing is a program, and may take all its time: what draws is not what reads other images."""
    (tmp_path / "a.svg").write_bytes(svg())
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for reader in ("decode", "draw"):
            patch.setattr(contained, reader, noting(seen, reader, getattr(contained, reader)))
        for name in ("a.svg", "a.png"):
            sky.posts.preview(name, images=[{"path": str(tmp_path / name), "alt": "A"}])
    assert ["draw", "decode"] == seen


def noting(seen: list[str], reader: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """A reader that says when it is used."""

    def noted(*arguments: Any, **more: Any) -> Any:
        seen.append(reader)
        return call(*arguments, **more)

    return noted
