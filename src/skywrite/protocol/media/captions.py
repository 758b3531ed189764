"""Captions of videos: WebVTT as Bluesky accepts it, and the conversion from SubRip.

What lives here: checks of a caption file (app.bsky.embed.video#caption: `text/vtt`, 20,000 bytes; W3C WebVTT) and the
conversion of SRT. What does not: their language, which the embed carries.
"""

from __future__ import annotations

import codecs
import re

from skywrite.core.errors import InputError
from skywrite.protocol.bsky.limits import CAPTION_BYTES_MAX

_TIME = r"(?:(\d{1,3}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}(.*)$")
# Neither matches across the next one: with thousands of starts and no end, each would read the rest of the file.
_SRT_TAG = re.compile(r"</?font[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
# What browsers accept (WebVTT 6.4): two digits each, and three digits after a dot. They ignore cues with other times.
_VTT_TIME = r"(?:(\d{1,9}):)?([0-5]\d):([0-5]\d)\.(\d{3})(?!\d)"
_VTT_CUE = re.compile(rf"^\s*{_VTT_TIME}\s*-->\s*{_VTT_TIME}(.*)$")
_HINT = "Captions are WebVTT (.vtt) or SubRip (.srt) files in UTF-8."


def read_caption(data: bytes, name: str) -> bytes:
    """WebVTT bytes in UTF-8, from WebVTT or SubRip. Raises InputError; `name` is for messages."""
    text = _text(data, name)
    lines = text.split("\n")
    if not re.match(r"WEBVTT(?:[ \t].*)?$", lines[0]):
        lines = ["WEBVTT", "", *_from_srt(lines, name)]
        text = "\n".join(lines).rstrip() + "\n"
    _check_cues(lines, name)
    encoded = text.encode()
    if len(encoded) > CAPTION_BYTES_MAX:
        raise InputError(
            f"{name} has {len(encoded)} bytes of captions; the maximum is {CAPTION_BYTES_MAX}.",
            code="captions.too_large",
            hint="Remove styling and positions, or shorten the texts.",
        )
    return encoded


def _text(data: bytes, name: str) -> str:
    """The file as text with plain line ends. It may be UTF-16, if a byte order mark says so."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{name} is not in UTF-8.", code="captions.invalid", hint="Save it again with the encoding UTF-8."
        ) from None
    if not text.strip():
        raise InputError(f"{name} is empty.", code="captions.invalid", hint=_HINT)
    if "\0" in text:
        raise InputError(f"{name} is not a text file.", code="captions.invalid", hint=_HINT)
    return text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\n")


def _from_srt(lines: list[str], name: str) -> list[str]:
    """SubRip cues as WebVTT: dots in the times, no numbers, no fonts."""
    if not any(_CUE.match(line) for line in lines[:10]):
        raise InputError(f"{name} does not begin with WEBVTT or a SubRip cue.", code="captions.invalid", hint=_HINT)
    output: list[str] = []
    for index, line in enumerate(lines):
        cue = _CUE.match(line)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if cue:
            output.append(f"{_stamp(*cue.groups()[:4])} --> {_stamp(*cue.groups()[4:8])}")
        elif not (line.strip().isdigit() and _CUE.match(following)):
            output.append(_SRT_TAG.sub("", line).rstrip().replace("-->", "->"))
    return output


def _stamp(hours: str | None, minutes: str, seconds: str, fraction: str) -> str:
    return f"{int(hours or 0):02d}:{int(minutes):02d}:{int(seconds):02d}.{fraction.ljust(3, '0')}"


def _check_cues(lines: list[str], name: str) -> None:
    """Check that every cue has times that browsers can read, and ends after it begins."""
    count = 0
    for number, line in enumerate(lines, start=1):
        if "-->" not in line:
            continue
        cue = _VTT_CUE.match(line)
        if cue is None:
            hint = "Write its times like 00:00:01.500 --> 00:00:04.000"
            raise InputError(
                f"{name}, line {number}: {line.strip()[:60]!r} has no times that players can read.",
                code="captions.invalid",
                hint=hint,
            )
        if _milliseconds(*cue.groups()[4:8]) <= _milliseconds(*cue.groups()[:4]):
            raise InputError(
                f"{name}, line {number}: the cue ends before it begins.", code="captions.invalid", hint="Fix its times."
            )
        count += 1
    if not count:
        raise InputError(f"{name} contains no cue.", code="captions.invalid", hint=_HINT)


def _milliseconds(hours: str | None, minutes: str, seconds: str, fraction: str) -> int:
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction)
