"""Functions that misbehave, for the child process to run; and input that strangers might serve."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

from skywrite.core.errors import InputError, MissingExtra

FORMATTING = ("b", "big", "code", "em", "i", "s", "small", "strike", "strong", "tt", "u", "font", "a", "nobr")


def double(number: int) -> int:
    """Twice the number."""
    print("A library says something.")
    return 2 * number


def takes_memory(megabytes: int) -> int:
    """Take memory and say how much."""
    return len(bytearray(megabytes << 20))


def takes_processor(seconds: float) -> bool:
    """Use the processor without a pause."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return True


def waits() -> bool:
    """Wait for a signal that nobody sends."""
    signal.pause()
    return True


def crashes() -> bool:
    """End as a broken library does."""
    os.abort()


def complains(message: str) -> bool:
    """Raise an error of ours."""
    raise InputError(message, hint="Do something.")


def lacks_extra() -> bool:
    """Raise an error of ours that has more to say."""
    raise MissingExtra("It is not installed.", extra="heic")


def lies() -> int:
    """Say that it is a number, and be a text."""
    return "text"  # type: ignore[return-value]


def environment() -> dict[str, str]:
    """What the child sees of the environment."""
    return dict(os.environ)


def writes_file(path: str) -> bool:
    """Write a file, against the rules."""
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("written")
    return True


def search_path() -> list[str]:
    """Where the child looks for modules."""
    return sys.path


def reopened_formatting(size: int = 30_000) -> str:
    """HTML of many formatting elements that a parser opens again in each of many blocks."""
    pieces: list[str] = []
    length = 0
    for number in _numbers():
        pieces.append(f"<{FORMATTING[number % len(FORMATTING)]} x{number}><p>")
        length += len(pieces[-1])
        if length > size:
            return "".join(pieces)
    raise AssertionError("unreachable")


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def reads_markdown(text: str) -> int:
    """Find links."""
    from skywrite.protocol.bsky.markdown import parse_markdown_links

    return len(parse_markdown_links(text).facets)


def reads_caption(text: str) -> str:
    """Read a caption file; the name of the error, if there is one."""
    from skywrite.protocol.media.captions import read_caption

    return _outcome(lambda: read_caption(text.encode(), "a.srt"))


def reads_movie(data: bytes) -> str:
    """Read the boxes of a video; the name of the error, if there is one."""
    from io import BytesIO

    from skywrite.protocol.media.mp4 import read_movie

    return _outcome(lambda: read_movie(BytesIO(data), len(data)))


def reads_feed(text: str) -> str:
    """Read a feed; the name of the error, if there is one."""
    from skywrite.features.feeds.reading.feed import parse_feed

    return _outcome(lambda: parse_feed(text.encode(), "text/xml", "https://a.example/"))


def _outcome(read: Callable[[], object]) -> str:
    try:
        read()
    except Exception as error:
        return str(getattr(error, "code", type(error).__name__))
    return ""


def boxes(name: bytes, *bodies: bytes) -> bytes:
    """A box of an MP4 file."""
    body = b"".join(bodies)
    return (8 + len(body)).to_bytes(4, "big") + name + body
