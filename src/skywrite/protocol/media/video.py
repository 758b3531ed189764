"""Videos as Bluesky accepts them: MP4, at most 300,000,000 bytes and ten minutes, with a known aspect ratio.

What lives here: the properties of a file (from its boxes, never its images), the limits, and the conversion of other
formats to MP4 with ffmpeg. What does not: the upload (`publish.video_upload`) and animated GIFs (`gif`).

Sources: app.bsky.embed.video (`video/mp4`, size). app.bsky.video.startUpload refuses longer videos with VideoTooLong
without naming a limit; ten minutes is the limit of the official app.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from skywrite.core.errors import InputError, install_command
from skywrite.protocol.bsky.limits import VIDEO_BYTES_MAX
from skywrite.protocol.media.captions import read_caption as read_caption
from skywrite.protocol.media.ffmpeg import AAC, CONVERT_SECONDS_MAX, H264, convert
from skywrite.protocol.media.mp4 import BrokenMovie, Movie, Track, read_movie
from skywrite.protocol.media.sniff import HEAD_BYTES, IMAGES, NAMES, VIDEOS, sniff

VIDEO_SECONDS_MAX = 600
VIDEO_SIDE_MAX = 1920
SOURCE_BYTES_MAX = 4_000_000_000
PIECE_BYTES = 1 << 20
_EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2"
_FITTED = (
    f"scale='min({VIDEO_SIDE_MAX},iw)':'min({VIDEO_SIDE_MAX},ih)':force_original_aspect_ratio=decrease,{_EVEN},setsar=1"
)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The properties of a video: `width` and `height` in pixels as shown (rotated and unsqueezed), `kind` from `sniff`.

    `private` are (start, body, end) of boxes with places, names and leftovers; `read_pieces` blanks them. `notes` are
    for the writer.
    """

    width: int
    height: int
    duration_seconds: float
    size_bytes: int
    kind: str = "mp4"
    video_codec: str = ""
    audio_codec: str = ""
    fragmented: bool = False
    private: tuple[tuple[int, int, int], ...] = ()
    notes: tuple[str, ...] = ()


def probe_video(path: Path, *, name: str = "") -> VideoInfo:
    """Read the properties of an MP4 or QuickTime file, without its images.

    Raises InputError, also for videos that must be converted before anything is known about them.
    """
    name = name or path.name
    kind = _kind(path, name)
    if kind not in ("mp4", "mov"):
        raise InputError(
            f"{name} is of the kind {NAMES[kind]}, not an MP4.",
            code="video.unsupported",
            hint=f"Convert it to MP4, or: {install_command('video')}",
        )
    with path.open("rb") as file:
        return _probe(file, path.stat().st_size, kind, name)


def is_ready(path: Path, *, name: str = "") -> bool:
    """Whether a file is an MP4 that can go out unchanged. Raises InputError if it is not a video at all."""
    return _kind(path, name or path.name) == "mp4"


def check_video(info: VideoInfo, *, name: str = "The video") -> None:
    """Check a video against the limits. Raises InputError."""
    if info.size_bytes > VIDEO_BYTES_MAX:
        raise InputError(
            f"{name} has {info.size_bytes / 1e6:.0f} MB; the maximum is {VIDEO_BYTES_MAX // 10**6} MB.",
            code="video.too_large",
            hint="Make it shorter, or export it with a lower bit rate.",
        )
    if info.duration_seconds > VIDEO_SECONDS_MAX:
        raise InputError(
            f"{name} is {_clock(info.duration_seconds)} long; the maximum is {VIDEO_SECONDS_MAX // 60} minutes.",
            code="video.too_long",
            hint="Cut it, or post it in parts.",
        )
    if min(info.width, info.height) < 1 or info.duration_seconds <= 0:
        raise InputError(
            f"{name} shows nothing: it has no images or no length.", code="video.unsupported", hint="Export it again."
        )


def prepare_video(path: Path, out: Path, *, name: str = "", timeout_seconds: float = CONVERT_SECONDS_MAX) -> VideoInfo:
    """Check a video, and convert it to `out` if it is not an MP4. Returns the properties of the file to upload.

    That file is `path` if it is an MP4 (`is_ready`), which leaves `out` alone, or else `out`. Raises what
    `probe_video`, `check_video` and `convert_video` raise.
    """
    name = name or path.name
    if is_ready(path):
        info = probe_video(path, name=name)
        check_video(info, name=name)
        return info
    return convert_video(path, out, name=name, timeout_seconds=timeout_seconds)


def convert_video(path: Path, out: Path, *, name: str = "", timeout_seconds: float = CONVERT_SECONDS_MAX) -> VideoInfo:
    """Make an MP4 (H.264, AAC, at most 1920 pixels per side, index first, no metadata) and check it.

    A QuickTime video in these codecs is only repackaged. Raises MissingExtra without ffmpeg, and InputError.
    """
    name = name or path.name
    kind = _kind(path, name)
    if path.resolve() == out.resolve():
        raise ValueError("a video cannot be converted onto itself")
    if path.stat().st_size > SOURCE_BYTES_MAX:
        raise InputError(
            f"{name} is larger than {SOURCE_BYTES_MAX // 10**9} GB.",
            code="video.too_large",
            hint="Make it smaller first.",
        )
    streams = ("-map", "0:v:0", "-map", "0:a:0?")
    codecs: tuple[str, ...] = ("-vf", _FITTED, *H264, *AAC, "-t", str(VIDEO_SECONDS_MAX + 1))
    if kind in ("mp4", "mov"):
        info = probe_video(path, name=name)
        if info.duration_seconds > VIDEO_SECONDS_MAX:
            check_video(info, name=name)
        if info.video_codec == "H.264" and info.audio_codec in ("AAC", "") and info.size_bytes <= VIDEO_BYTES_MAX:
            codecs = ("-c", "copy")
    convert(path, kind, out, (*streams, *codecs), name=name, timeout_seconds=timeout_seconds)
    video = probe_video(out, name=name)
    check_video(video, name=name)
    return video


def read_pieces(path: Path, info: VideoInfo | None = None) -> Iterator[bytes]:
    """A video's bytes with its private boxes blanked. Lengths and positions stay the same."""
    info = info or probe_video(path)
    at = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield _blanked(piece, at, info.private)
            at += len(piece)


def _blanked(piece: bytes, at: int, private: tuple[tuple[int, int, int], ...]) -> bytes:
    """One piece of the file from `at`, with each private box as a `free` box of zeros (ISO/IEC 14496-12 8.1.2)."""
    stop = at + len(piece)
    changed: bytearray | None = None
    for start, body, end in private:
        if end <= at or start >= stop:
            continue
        changed = changed or bytearray(piece)
        for place, byte in enumerate(b"free", start + 4):
            if at <= place < stop:
                changed[place - at] = byte
        low, high = max(body, at), min(end, stop)
        if low < high:
            changed[low - at : high - at] = bytes(high - low)
    return piece if changed is None else bytes(changed)


def _kind(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(
            f"{name} cannot be read: {error.strerror}.",
            code="video.unsupported",
            hint="Check the path and its permissions.",
        ) from None
    if not head:
        raise InputError(
            f"{name} is empty.", code="video.unsupported", hint="Check that the file was written or downloaded whole."
        )
    kind = sniff(head)
    if kind in VIDEOS:
        return kind
    if kind in IMAGES:
        raise InputError(
            f"{name} is an image ({NAMES[kind]}), not a video.", code="video.unsupported", hint="Add it as an image."
        )
    what = f"is of the kind {NAMES[kind]}, not a video" if kind else "is not a video"
    raise InputError(
        f"{name} {what}.", code="video.unsupported", hint="Videos are MP4 files; MOV, WebM, AVI and MPEG are converted."
    )


def _probe(file: BinaryIO, size_bytes: int, kind: str, name: str) -> VideoInfo:
    try:
        movie = read_movie(file, size_bytes)
    except BrokenMovie as error:
        raise InputError(
            f"{name} is damaged: {error}.", code="video.damaged", hint="Export or download it again."
        ) from None
    shown = [track for track in movie.tracks if track.kind == "video" and track.width and track.height]
    if not shown:
        only = "only sound" if any(track.kind == "audio" for track in movie.tracks) else "no images"
        raise InputError(
            f"{name} has {only}.",
            code="video.unsupported",
            hint="Bluesky needs a video. Combine the sound with an image first.",
        )
    sound = next((track.codec for track in movie.tracks if track.kind == "audio"), "")
    return VideoInfo(
        shown[0].width,
        shown[0].height,
        movie.duration_seconds,
        size_bytes,
        kind,
        shown[0].codec,
        sound,
        movie.fragmented,
        movie.private,
        _notes(movie, shown[0]),
    )


def _notes(movie: Movie, shown: Track) -> tuple[str, ...]:
    notes = []
    if any(track.kind == "meta" for track in movie.tracks):
        notes.append("The video contains a data track that may reveal locations; Skywrite does not remove it.")
    if shown.codec != "H.264":
        notes.append(f"The video uses {shown.codec}; some players only support H.264.")
    return tuple(notes)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d} minutes"
