"""ffmpeg: finding it, running it with a time limit, and explaining its errors.

What lives here: the only place that starts ffmpeg. It gets a file with the demuxer that the first bytes call for, and
may open nothing else. So a playlist or script that poses as a video cannot read files or addresses.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

from skywrite.core.config import child_environment
from skywrite.core.errors import InputError, MissingExtra, Overloaded

CONVERT_SECONDS_MAX = 1800.0
DEMUXERS = {
    "mp4": "mov",
    "mov": "mov",
    "webm": "matroska",
    "avi": "avi",
    "mpeg": "mpeg",
    "mpegts": "mpegts",
    "ogg": "ogg",
    "flv": "flv",
    "gif": "gif",
}
RETRY_SECONDS = 30
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")
# A header can claim any size. Four times 4K is more than anybody posts.
_BOUNDED = ("-max_alloc", "500000000", "-max_pixels", "34000000")
_PLAIN = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn", "-fflags", "+bitexact", "-flags", "+bitexact")
H264 = ("-c:v", "libx264", "-preset", "medium", "-crf", "21", "-pix_fmt", "yuv420p", "-profile:v", "high")
AAC = ("-c:a", "aac", "-b:a", "128k", "-ac", "2")


# Each conversion uses all processors and up to half a gigabyte.
CONVERSIONS_MAX = 2
TURN_SECONDS_MAX = 120.0
_TURNS = threading.BoundedSemaphore(CONVERSIONS_MAX)


def find_ffmpeg(name: str) -> str:
    """The ffmpeg of the `video` extra, or else the one on the PATH. Raises MissingExtra, which names the file."""
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        program = shutil.which("ffmpeg")
        if program is None:
            raise MissingExtra(f"{name} must be converted to MP4, which needs ffmpeg.", extra="video") from None
        return program


def convert(
    source: Path,
    kind: str,
    out: Path,
    options: tuple[str, ...],
    *,
    name: str,
    timeout_seconds: float = CONVERT_SECONDS_MAX,
) -> None:
    """Write `out` as MP4, with its index first and no metadata. Raises InputError and MissingExtra.

    `kind` is from `sniff`. `options` choose streams, filters and codecs. If this fails, `out` is deleted.
    """
    read = (*_BOUNDED, "-protocol_whitelist", "file", "-f", DEMUXERS[kind], "-i", f"file:{source.resolve()}")
    write = (*_PLAIN, "-movflags", "+faststart", "-f", "mp4", f"file:{out.resolve()}")
    command = [find_ffmpeg(name), *_QUIET, *read, *options, *write]
    if not _TURNS.acquire(timeout=TURN_SECONDS_MAX):
        raise Overloaded(
            f"{name} waits for other videos that are being converted.",
            code="conversion.busy",
            hint="Try again later.",
            retry_seconds=RETRY_SECONDS,
        )
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=timeout_seconds,
            stdin=subprocess.DEVNULL,
            env=child_environment(),
        )
    except subprocess.TimeoutExpired:
        out.unlink(missing_ok=True)
        raise InputError(
            f"Converting {name} took longer than {timeout_seconds:.0f} seconds.",
            code="conversion.failed",
            hint="Use a shorter or smaller video.",
        ) from None
    finally:
        _TURNS.release()
    if done.returncode != 0 or not out.exists() or not out.stat().st_size:
        out.unlink(missing_ok=True)
        raise InputError(
            f"{name} could not be converted: {_reason(done.stderr)}.",
            code="conversion.failed",
            hint="Does it play elsewhere?",
        )


def _reason(stderr: bytes) -> str:
    """The last line of ffmpeg's output, without the paths and pointers at its start."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return (
        lines[-1].rpartition("] ")[2].rpartition("file:")[0].strip(" :.") or "it is damaged" if lines else "it is empty"
    )
