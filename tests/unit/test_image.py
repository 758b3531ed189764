"""Images become what Bluesky takes, with as few changes as possible and no word about who took them."""

from __future__ import annotations

import random
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from skywrite.core.errors import InputError, MissingExtra, install_command
from skywrite.protocol.media import encoders as module
from skywrite.protocol.media import image as image_module
from skywrite.protocol.media.image import PreparedImage, prepare_image, prepare_thumb
from tests.support.errors import fails

CANARY = "canary-5f1e-home-address"


def scene(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """An image with four differently coloured corners, so that turning shows."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    half_w, half_h = width // 2, height // 2
    draw.rectangle((0, 0, half_w, half_h), fill=(220, 20, 20))
    draw.rectangle((half_w, 0, width, half_h), fill=(20, 200, 20))
    draw.rectangle((0, half_h, half_w, height), fill=(20, 20, 220))
    return image if mode == "RGB" else image.convert(mode)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """An image that hardly compresses, the same each time."""
    count = width * height * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(7).randbytes(count))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def opened(prepared: PreparedImage) -> Image.Image:
    image = Image.open(BytesIO(prepared.data))
    image.load()
    return image


def private_exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = CANARY
    exif[0x013B] = CANARY
    gps = exif.get_ifd(0x8825)
    gps.update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 29: "2026:01:01"})
    exif._ifds[0x8825] = gps
    return exif


def png_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def near(expected: tuple[int, ...], actual: Any, tolerance: int = 40) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(expected, actual, strict=True))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_small_image_is_left_alone(form: str) -> None:
    """An image that fits and holds no metadata goes out byte for byte."""
    data = encoded(scene(), form)
    if form == "JPEG":
        data = prepare_image(data, name="a").data
    assert PreparedImage(data, f"image/{form.lower()}", 64, 48, ()) == prepare_image(data, name="a")


@pytest.mark.parametrize("max_side", [4000, 40], ids=["kept", "made-smaller"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF"])
def test_no_metadata_survives(form: str, max_side: int) -> None:
    """EXIF, GPS, XMP, comments and what hangs behind the image are gone from every format."""
    options: dict[str, Any] = {} if form == "GIF" else {"exif": private_exif()}
    if form in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = f"<x:xmpmeta>{CANARY}</x:xmpmeta>".encode()
    if form in ("JPEG", "GIF"):
        options["comment"] = CANARY.encode()
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", CANARY)
        info.add_itxt("XML:com.adobe.xmp", CANARY, zip=False)
        options["pnginfo"] = info
    if form == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    data = encoded(scene(), form, **options) + (CANARY.encode() if form != "AVIF" else b"")
    assert CANARY.encode() in data
    prepared = prepare_image(data, name="holiday", max_side=max_side)
    assert CANARY.encode() not in prepared.data
    assert {} == dict(opened(prepared).getexif())
    assert b"Exif" not in prepared.data


def test_turned_and_made_smaller() -> None:
    """A large image that lies on its side ends upright, small, and in its right shape."""
    stored = scene(640, 480).transpose(Image.Transpose.ROTATE_90)
    prepared = prepare_image(encoded(stored, "JPEG", exif=private_exif(6)), name="a", max_side=64)
    assert (64, 48) == (prepared.width, prepared.height)
    assert near((20, 200, 20), opened(prepared).getpixel((56, 8)))
    assert ("turned upright", "made smaller (640 x 480 to 64 x 48)") == prepared.changes


@pytest.mark.parametrize("max_side", [4000, 32])
def test_one_clear_colour_stays_clear(max_side: int) -> None:
    """A PNG that names one colour as transparent keeps it so, kept or made smaller."""
    data = encoded(Image.new("RGB", (64, 48), (9, 8, 7)), "PNG", transparency=(9, 8, 7))
    image = opened(prepare_image(data, name="a", max_side=max_side)).convert("RGBA")
    assert 0 == image.getpixel((5, 5))[3]  # type: ignore[index]


def test_jpeg_metadata_goes_without_recompression() -> None:
    """The pixels of a JPEG are the very same after its EXIF is gone."""
    data = encoded(scene(), "JPEG", exif=private_exif(), quality=71)
    prepared = prepare_image(data, name="a.jpg")
    assert Image.open(BytesIO(data)).tobytes() == opened(prepared).tobytes()
    assert ("metadata removed",) == prepared.changes


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_orientation_is_turned_upright(orientation: int, form: str) -> None:
    """All eight EXIF orientations end with the red corner at the top left and the right size."""
    method = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    stored = scene().transpose(method) if method is not None else scene()
    prepared = prepare_image(encoded(stored, form, exif=private_exif(orientation)), name="a")
    image = opened(prepared).convert("RGB")
    assert (64, 48) == (prepared.width, prepared.height) == image.size
    assert near((220, 20, 20), image.getpixel((8, 8)))
    assert near((20, 200, 20), image.getpixel((56, 8)))
    assert near((20, 20, 220), image.getpixel((8, 40)))
    assert ("turned upright" in prepared.changes) == (orientation != 1)


def test_nonsense_orientation_is_ignored() -> None:
    """An orientation of 77 turns nothing."""
    assert (64, 48) == (lambda one: (one.width, one.height))(
        prepare_image(encoded(scene(), "JPEG", exif=private_exif(77)), name="a")
    )


def test_heic_becomes_jpeg() -> None:
    """A HEIC image becomes a JPEG of the same size."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    prepared = prepare_image(encoded(scene(128, 96), "HEIF"), name="a.heic")
    assert ("image/jpeg", 128, 96) == (prepared.mime, prepared.width, prepared.height)
    assert near((220, 20, 20), opened(prepared).getpixel((8, 8)))
    assert ("converted from HEIC to JPEG",) == prepared.changes


def test_heic_without_its_part_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pillow-heif the error names the extra to install."""
    head = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic"
    data = head + struct.pack(">I", 20) + b"ispe" + struct.pack(">III", 0, 64, 48)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra) as caught:
        prepare_image(data, name="a.heic")
    assert f"Install it: {install_command('heic')}" == caught.value.hint


def test_avif_becomes_jpeg() -> None:
    """An AVIF image becomes a JPEG."""
    prepared = prepare_image(encoded(scene(), "AVIF"), name="a.avif")
    assert ("image/jpeg", ("converted from AVIF to JPEG",)) == (prepared.mime, prepared.changes)


def test_still_gif_becomes_png() -> None:
    """A still GIF becomes a PNG with the same pixels, transparency included."""
    image = scene().quantize(8)
    data = encoded(image, "GIF", transparency=0)
    prepared = prepare_image(data, name="a.gif")
    assert "image/png" == prepared.mime
    assert Image.open(BytesIO(data)).convert("RGBA").tobytes() == opened(prepared).convert("RGBA").tobytes()


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "AVIF"])
def test_first_image_of_an_animation_is_kept(form: str) -> None:
    """Of an animated PNG, WebP, GIF or AVIF the first image is kept, and that is said."""
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100)
    prepared = prepare_image(data, name="a")
    image = opened(prepared)
    assert not getattr(image, "is_animated", False)
    assert near((255, 0, 0), image.convert("RGB").getpixel((5, 5)))
    assert "only the first image of the animation is kept; a GIF or a video would be animated" in prepared.changes


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_bmp_and_tiff_become_png(form: str, mode: str) -> None:
    """What scanners and old programs write is converted, with the very same pixels."""
    image = scene().convert(mode)
    data = encoded(image, form)
    prepared = prepare_image(data, name="a")
    assert ("image/png", 64, 48) == (prepared.mime, prepared.width, prepared.height)
    assert f"converted from {form} to PNG" in prepared.changes
    assert Image.open(BytesIO(data)).convert("RGB").tobytes() == opened(prepared).convert("RGB").tobytes()


@pytest.mark.parametrize("options", [{"compression": "tiff_lzw"}, {"compression": "jpeg"}, {"big_tiff": False}])
def test_tiff_files_of_all_sorts(options: dict[str, Any]) -> None:
    """Compressed TIFFs and those in CMYK are images in sRGB afterwards."""
    for mode in ("RGB", "CMYK") if options != {"compression": "jpeg"} else ("RGB",):
        prepared = prepare_image(encoded(scene(mode="RGB").convert(mode), "TIFF", **options), name="a")
        assert opened(prepared).mode in ("RGB", "L", "P")


def test_a_turned_tiff_is_upright() -> None:
    """Its orientation is followed once."""
    exif = Image.Exif()
    exif[0x0112] = 6
    prepared = prepare_image(encoded(scene(), "TIFF", exif=exif), name="a")
    assert (48, 64) == (prepared.width, prepared.height)


def test_a_large_bmp_becomes_small() -> None:
    """A screenshot of megabytes is a PNG of kilobytes, and a photo of megabytes a JPEG within the limit."""
    assert "image/png" == prepare_image(encoded(scene(2000, 1500), "BMP"), name="a").mime
    assert "image/jpeg" == prepare_image(encoded(noise(2500, 2000), "BMP"), name="a").mime


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + bytes(12),
        b"BM" + bytes(60),
        b"II*\x00" + bytes(40),
        b"II*\x00\xff\xff\xff\xff",
        b"MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(30),
    ],
)
def test_broken_bmp_and_tiff_files_are_damaged(data: bytes) -> None:
    """What begins like one and goes on otherwise is refused in a sentence."""
    with fails("image.damaged"):
        prepare_image(data, name="a")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
@pytest.mark.parametrize("side", [4000, 40])
def test_every_png_mode_keeps_its_look(mode: str, side: int) -> None:
    """1-bit, grey, palette, transparent and 16-bit PNG files look the same, kept or made smaller."""
    if mode == "I;16":
        image = Image.frombytes("I;16", (80, 60), struct.pack("<H", 40_000) * 4800)
        expected = (40_000 // 257,) * 3
    else:
        image = Image.new("RGB", (80, 60), (0, 0, 0)).convert(mode)
        expected = (0, 0, 0)
    prepared = prepare_image(encoded(image, "PNG"), name="a", max_side=side)
    assert (min(side, 80), min(side, 80) * 3 // 4) == (prepared.width, prepared.height)
    result = opened(prepared)
    if result.mode == "I;16":
        assert 40_000 == result.getpixel((3, 3))
    else:
        assert near(expected, result.convert("RGB").getpixel((3, 3)), 2)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_transparency_is_kept_when_made_smaller(form: str) -> None:
    """A clear corner stays clear after resizing."""
    image = scene(200, 100, "RGBA")
    image.paste((0, 0, 0, 0), (100, 50, 200, 100))
    prepared = prepare_image(encoded(image, form), name="a", max_side=100)
    result = opened(prepared).convert("RGBA")
    assert (100, 50) == result.size
    assert 0 == result.getpixel((90, 45))[3]  # type: ignore[index]
    assert 255 == result.getpixel((5, 5))[3]  # type: ignore[index]


def test_transparent_noise_becomes_webp_that_fits() -> None:
    """A transparent image too large as PNG keeps its transparency as WebP."""
    image = noise(400, 400, "RGBA")
    prepared = prepare_image(encoded(image, "PNG"), name="a", max_bytes=150_000)
    assert "image/webp" == prepared.mime
    assert len(prepared.data) <= 150_000
    assert "RGBA" == opened(prepared).mode


def test_opaque_alpha_channel_is_no_transparency() -> None:
    """A large RGBA image without a single clear pixel becomes a JPEG."""
    image = noise(300, 300).convert("RGBA")
    assert "image/jpeg" == prepare_image(encoded(image, "PNG"), name="a", max_bytes=100_000).mime


@pytest.mark.parametrize("max_bytes", [6_000, 60_000, 200_000, 420_000])
def test_fitted_into_any_size(max_bytes: int) -> None:
    """Whatever the limit, the file fits, keeps its shape, and uses what it may."""
    prepared = prepare_image(encoded(noise(800, 600), "JPEG", quality=98), name="a", max_bytes=max_bytes)
    assert len(prepared.data) <= max_bytes
    assert len(prepared.data) >= 0.6 * max_bytes
    assert abs(prepared.width / prepared.height - 4 / 3) < 0.05
    assert (prepared.width, prepared.height) == opened(prepared).size


@pytest.mark.parametrize("max_bytes", [5_000, 60_000, 200_000, 300_000, 420_000])
def test_few_encodings(max_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fitting takes at most six encodings."""
    data = encoded(noise(800, 600), "JPEG", quality=98)
    seen: list[str] = []
    real = module._saved

    def counted(image: Image.Image, form: str, **options: Any) -> bytes:
        seen.append(form)
        return real(image, form, **options)

    monkeypatch.setattr(module, "_saved", counted)
    prepare_image(data, name="a", max_bytes=max_bytes)
    assert len(seen) <= 6


def test_long_sides_are_fitted_and_said() -> None:
    """A panorama is fitted into 4000 pixels a side; the change names both sizes."""
    prepared = prepare_image(encoded(Image.new("RGB", (5000, 500), "navy"), "JPEG"), name="a")
    assert (4000, 400) == (prepared.width, prepared.height)
    assert "made smaller (5000 x 500 to 4000 x 400)" in prepared.changes


def test_never_made_larger() -> None:
    """An image of one pixel stays one pixel."""
    prepared = prepare_image(encoded(Image.new("RGB", (1, 1)), "PNG"), name="a")
    assert (1, 1) == (prepared.width, prepared.height)


def test_extreme_shape_keeps_a_pixel() -> None:
    """A line of 9000 x 1 pixels keeps a height of one."""
    prepared = prepare_image(encoded(Image.new("RGB", (9000, 1), "red"), "PNG"), name="a")
    assert (4000, 1) == (prepared.width, prepared.height)


def test_thumb_has_smaller_limits() -> None:
    """A card's image fits into 1,000,000 bytes and 2000 pixels."""
    prepared = prepare_thumb(encoded(noise(2400, 900), "JPEG", quality=95), "a")
    assert len(prepared.data) <= 1_000_000
    assert max(prepared.width, prepared.height) <= 2000


def test_same_bytes_in_same_bytes_out() -> None:
    """Preparing twice gives the same bytes, so the same CID."""
    data = encoded(noise(500, 400), "JPEG", quality=97)
    assert prepare_image(data, name="a", max_bytes=90_000) == prepare_image(data, name="b", max_bytes=90_000)


def test_cmyk_becomes_rgb() -> None:
    """A CMYK JPEG becomes an RGB one with the same look."""
    data = encoded(Image.new("RGB", (40, 40), (200, 30, 30)).convert("CMYK"), "JPEG")
    image = opened(prepare_image(data, name="a"))
    assert "RGB" == image.mode
    assert near((200, 30, 30), image.getpixel((5, 5)), 20)


def swapped_profile() -> bytes:
    """sRGB with red and green exchanged and another name: what a profile does shows at once."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    return profile.replace("sRGB".encode("utf-16-be"), "odd!".encode("utf-16-be"))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_foreign_profile_is_applied(form: str) -> None:
    """An image in another colour space looks the same in sRGB, and its profile is gone."""
    prepared = prepare_image(encoded(scene(), form, icc_profile=swapped_profile()), name="a")
    image = opened(prepared)
    assert "icc_profile" not in image.info
    assert near((20, 220, 20), image.convert("RGB").getpixel((8, 8)))
    assert "colours converted to sRGB" in prepared.changes


def test_foreign_profile_keeps_transparency() -> None:
    """Colours of a transparent image are converted and its clear parts stay clear."""
    image = scene(64, 48, "RGBA")
    image.putpixel((60, 40), (0, 0, 0, 0))
    result = opened(prepare_image(encoded(image, "PNG", icc_profile=swapped_profile()), name="a"))
    assert near((20, 220, 20, 255), result.getpixel((8, 8)))
    assert 0 == result.getpixel((60, 40))[3]  # type: ignore[index]


def test_srgb_profile_only_goes() -> None:
    """An sRGB profile is dropped and the pixels stay as they are."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(scene(), "JPEG", icc_profile=srgb)
    prepared = prepare_image(data, name="a")
    assert ("metadata removed",) == prepared.changes
    assert Image.open(BytesIO(data)).tobytes() == opened(prepared).tobytes()
    assert "icc_profile" not in opened(prepared).info


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_broken_profile_is_ignored(form: str) -> None:
    """A colour profile that is none does not stop an image."""
    prepared = prepare_image(encoded(scene(), form, icc_profile=b"not a profile" * 20), name="a")
    assert b"not a profile" not in prepared.data
    assert (64, 48) == opened(prepared).size


def test_progressive_jpeg_is_kept() -> None:
    """Many scans survive the removal of metadata."""
    data = encoded(noise(200, 200), "JPEG", progressive=True, exif=private_exif())
    prepared = prepare_image(data, name="a")
    assert Image.open(BytesIO(data)).tobytes() == opened(prepared).tobytes()
    assert ("metadata removed",) == prepared.changes


def test_png_leftovers_of_a_crop_are_gone() -> None:
    """What an editor left behind the end of a cropped PNG does not go out."""
    data = encoded(scene(), "PNG")
    assert data == prepare_image(data + encoded(noise(40, 40), "PNG"), name="a").data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello, I am text", "is not an image"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"  <svg onload='x'/>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\xff\x0a" + bytes(40), "JPEG XL"),
        (b"%PDF-1.7", "PDF"),
        (bytes(4) + b"ftypisom" + bytes(20), "is a video (MP4)"),
        (b"\x1aE\xdf\xa3" + bytes(40), "is a video (WebM"),
        (b"MZ\x90\x00", "is not an image"),
    ],
)
def test_no_image_is_refused(data: bytes, words: str) -> None:
    """What is not an image by its first bytes is refused with what it is, whatever its name says."""
    with fails("image.unsupported") as caught:
        prepare_image(data, name="photo.jpg")
    assert words in caught.value.message
    assert "photo.jpg" in caught.value.message
    assert caught.value.hint


def test_the_name_proves_nothing() -> None:
    """A PNG that is called .jpg is taken as PNG."""
    assert "image/png" == prepare_image(encoded(scene(), "PNG"), name="photo.jpg").mime


def small_bomb() -> bytes:
    """A PNG of 13000 x 13000 pixels in about 20 KB."""
    rows = zlib.compress(bytes(1 + 13000 // 8) * 13000, 9)
    header = struct.pack(">IIBBBBB", 13000, 13000, 1, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_small_file_of_169_megapixels_is_refused() -> None:
    """A 20 KB file of 169 megapixels is refused by its header."""
    data = small_bomb()
    assert len(data) < 25_000
    with fails("image.too_large") as caught:
        prepare_image(data, name="bomb.png")
    assert "13000 x 13000 pixels (169 megapixels)" in caught.value.message


def webp_bomb() -> bytes:
    header = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16382).to_bytes(3, "little") * 2
    return b"RIFF" + struct.pack("<I", 4 + len(header)) + b"WEBP" + header


def gif_bomb() -> bytes:
    return b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + b"\x00\x00\x00;"


def jpeg_bomb() -> bytes:
    return b"\xff\xd8\xff\xc0\x00\x0b\x08" + struct.pack(">HH", 65_000, 65_000) + b"\x01\x01\x11\x00\xff\xd9"


def avif_bomb() -> bytes:
    data = bytearray(encoded(scene(), "AVIF"))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 60_000, 60_000)
    return bytes(data)


@pytest.mark.parametrize("bomb", [small_bomb, webp_bomb, gif_bomb, jpeg_bomb, avif_bomb])
def test_no_decoder_sees_a_bomb(bomb: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many pixels are refused before a decoder sees them, in every format."""
    monkeypatch.setattr(image_module, "_open", None)
    with fails("image.too_large"):
        prepare_image(bomb(), name="bomb")


def test_second_header_does_not_hide_the_size() -> None:
    """A PNG that says 10 x 10 first and 13000 x 13000 later is refused."""
    small = struct.pack(">IIBBBBB", 10, 10, 1, 0, 0, 0, 0)
    data = small_bomb()
    with pytest.raises((InputError, InputError)):
        prepare_image(data[:8] + png_chunk(b"IHDR", small) + data[8:], name="bomb")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_short_is_damaged(form: str, share: float) -> None:
    """A file that ends too early is called damaged, in every format."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    data = encoded(noise(64, 64), form)
    with fails("image.damaged") as caught:
        prepare_image(data[: int(len(data) * share)], name="half")
    assert "half" in caught.value.message


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_garbage_behind_the_magic_number(form: str) -> None:
    """A magic number and garbage is a damaged image, never a traceback."""
    head = encoded(scene(), form)[:24]
    with pytest.raises((InputError, InputError)):
        prepare_image(head + bytes(range(256)) * 4, name="odd")


def test_flipped_bits_never_escape() -> None:
    """Damage anywhere ends as an image or as a clear error."""
    chance = random.Random(11)
    for form in ("JPEG", "PNG", "WEBP", "GIF", "AVIF"):
        data = encoded(scene(), form, **({} if form == "GIF" else {"exif": private_exif(6)}))
        for _ in range(60):
            broken = bytearray(data)
            for _ in range(chance.randrange(1, 4)):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
            with suppress(InputError, InputError, InputError):
                prepare_image(bytes(broken), name="broken")


def test_impossible_limit_is_said() -> None:
    """A limit of ten bytes ends in a sentence, not in a loop."""
    with fails("image.too_large"):
        prepare_image(encoded(scene(), "JPEG"), name="a", max_bytes=10)


def test_large_jpeg_is_decoded_small() -> None:
    """A JPEG far above the limit is decoded at a fraction of its size."""
    data = encoded(Image.new("RGB", (8000, 6000), "teal"), "JPEG")
    prepared = prepare_image(data, name="a", max_side=1000)
    assert (1000, 750) == (prepared.width, prepared.height)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_noise_is_never_encoded_whole_first(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample says that an image is far too large, so that only smaller ones are encoded."""
    widths, saved = [], module._saved

    def counted(image: Image.Image, form: str, **options: Any) -> bytes:
        widths.append(image.width)
        return saved(image, form, **options)

    data = encoded(noise(1100, 1100, mode), "PNG", compress_level=0)
    monkeypatch.setattr(module, "_saved", counted)
    prepared_image = prepare_image(data, name="noise.png", max_bytes=60_000)
    assert max(widths) < 1100
    assert 0.5 * 60_000 < len(prepared_image.data) <= 60_000


def test_a_webp_that_takes_too_much_memory_is_refused_by_its_head() -> None:
    """Its decoder keeps several frames, so a WebP has a maximum of its own, and no WebP of 49 megapixels is opened."""
    sides = (7000 - 1).to_bytes(3, "little")
    data = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + sides + sides
    with fails("image.too_large", match=r"7000 x 7000 pixels \(49 megapixels\); the maximum is 36 megapixels"):
        prepare_image(data, name="large.webp")
