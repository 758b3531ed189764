"""Animated GIFs: telling them from still ones by their blocks, and converting them to silent MP4 videos.

What lives here: the block structure of GIF89a, and the conversion. What does not: still GIFs, which are images
(`image`), and the embed's `presentation: "gif"`, which makes the video loop without controls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.core.files import read_regular
from skywrite.protocol.media.ffmpeg import CONVERT_SECONDS_MAX, H264, convert
from skywrite.protocol.media.image import MAX_FILE_BYTES, STRANGERS_MAX_PIXELS
from skywrite.protocol.media.video import VIDEO_SECONDS_MAX, VIDEO_SIDE_MAX, check_video, probe_video

MAX_FRAMES = 20_000
# A real GIF of 100 MB has a fifth of these; one that is meant to waste time may have a piece for each byte.
MAX_PIECES = 2_000_000
_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_DEFAULT_HUNDREDTHS, _FASTEST_HUNDREDTHS = 10, 2


@dataclass(frozen=True, slots=True)
class GifInfo:
    """A GIF's size in pixels, its frames, its length as browsers play it, and how often it plays (0: forever)."""

    width: int
    height: int
    frames: int
    duration_seconds: float
    plays: int


def is_animated(data: bytes) -> bool:
    """Whether the bytes are a GIF of more than one frame; False for anything else, damaged GIFs included."""
    if not data.startswith((b"GIF87a", b"GIF89a")):
        return False
    frames = 0
    try:
        for block, _ in _blocks(data):
            frames += block == _IMAGE
            if frames > 1:
                return True
    except (IndexError, InputError):
        return False
    return False


def probe_gif(data: bytes, name: str = "The GIF") -> GifInfo:
    """Read all blocks. Raises InputError."""
    if not data.startswith((b"GIF87a", b"GIF89a")):
        raise InputError(
            f"{name} is not a GIF.", code="image.unsupported", hint="Add images as images, and a video as a video."
        )
    frames, hundredths, delay, plays = 0, 0, 0, 1
    try:
        width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
        for block, body in _blocks(data):
            if block == _IMAGE:
                frames += 1
                hundredths += delay if delay >= _FASTEST_HUNDREDTHS else _DEFAULT_HUNDREDTHS
                delay = 0
            elif block == _GRAPHIC_CONTROL:
                delay = int.from_bytes(body[2:4], "little")
            elif block == _APPLICATION and body[1:12] == b"NETSCAPE2.0":
                times = int.from_bytes(body[14:16], "little")
                plays = times + 1 if times else 0
    except IndexError:
        raise InputError(f"{name} is cut off.", code="image.damaged", hint="Export or download it again.") from None
    if not frames or not width or not height:
        raise InputError(f"{name} contains no image.", code="image.damaged", hint="Export or download it again.")
    if width * height > STRANGERS_MAX_PIXELS or frames > MAX_FRAMES:
        raise InputError(
            f"{name} has {frames} frames of {width} x {height} pixels.", code="image.too_large", hint="Make it smaller."
        )
    return GifInfo(width, height, frames, hundredths / 100, plays)


def is_animated_file(path: str) -> bool:
    """The same for a file, for a process that is to hold the file's bytes in place of its caller."""
    return is_animated(read_regular(Path(path), MAX_FILE_BYTES) or b"")


def probe_gif_file(path: str, name: str) -> GifInfo:
    """The same for a file."""
    data = read_regular(Path(path), MAX_FILE_BYTES)
    if data is None:
        raise InputError(
            f"{name} is larger than {MAX_FILE_BYTES // 10**6} MB.", code="image.too_large", hint="Make it smaller."
        )
    return probe_gif(data, name)


def gif_to_video(
    source: Path, out: Path, *, name: str = "The GIF", timeout_seconds: float = CONVERT_SECONDS_MAX
) -> None:
    """Convert an animated GIF to MP4 (H.264, even sides, index first, no sound). Transparent parts become white.

    Raises MissingExtra without ffmpeg, InputError, and what `probe_gif` and `check_video` raise.
    """
    contained.decode(probe_gif_file, str(source.absolute()), name)
    fitted = (
        f"scale='min({VIDEO_SIDE_MAX},iw)':'min({VIDEO_SIDE_MAX},ih)':force_original_aspect_ratio=decrease,"
        "scale='max(2,trunc(iw/2)*2)':'max(2,trunc(ih/2)*2)',setsar=1"
    )
    on_white = f"[0:v]split[a][b];[a]drawbox=c=white@1:replace=1:t=fill[w];[w][b]overlay=format=auto,{fitted}[v]"
    options = ("-filter_complex", on_white, "-map", "[v]", "-an", "-fps_mode", "vfr", *H264)
    length = ("-t", str(VIDEO_SECONDS_MAX + 1))
    convert(source, "gif", out, (*options, *length), name=name, timeout_seconds=timeout_seconds)
    check_video(probe_video(out, name=name), name=name)


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(kind, first bytes) of each block. The kind of an extension is its label.

    Raises IndexError if the file is cut short, and InputError if it has too many pieces.
    """
    pieces = 0
    at = 13 + _table_bytes(data[10])
    while True:
        introducer = data[at]
        if introducer == _TRAILER:
            return
        if introducer == _EXTENSION:
            kind, start = data[at + 1], at + 2
            body = start
        elif introducer == _IMAGE:
            kind, start = _IMAGE, at
            body = at + 10 + _table_bytes(data[at + 9]) + 1
        else:
            raise IndexError("no block where one should be")
        at = body
        while length := data[at]:
            at += 1 + length
            pieces += 1
            if pieces > MAX_PIECES:
                raise InputError(
                    "The GIF consists of too many pieces.",
                    code="image.too_large",
                    hint="Save it again, or make it smaller.",
                )
        at += 1
        yield kind, data[start : start + 20]


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
