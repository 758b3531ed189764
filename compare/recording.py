"""One recording: the world is filled, everything is asked, and each answer becomes a file.

What does not live here: what is asked (`commands`, `operations`, `pages`, `surface`).
"""

from __future__ import annotations

import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from compare import commands, operations, pages, surface
from compare.commands import pretty
from compare.normal import normalised
from compare.stage import Stage, Unplayable
from compare.web import web
from compare.world import WRITTEN, fill
from tests.support.postgres import postgres_server

# Where the next thing that was asked begins, in the file of a command, an operation or a page.
ASKED = re.compile(r"(?m)^(?=[$>] )")


def record(folder: Path, source: Path) -> None:
    """Record the program that lives in `source` into a new folder. Raises Unplayable."""
    if folder.exists() and any(folder.iterdir()):
        raise Unplayable(f"{folder} holds something already: name a new folder")
    _check_source(source)
    counts: Counter[str] = Counter()
    began = time.monotonic()
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="compare-stage-")))
        stage = Stage(place, source, now=WRITTEN)
        postgres_url = stack.enter_context(postgres_server()).create_database()
        url = stack.enter_context(web(place / "received"))
        names = fill(stage, url)
        for name, text in _everything(stage, names, postgres_url):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            words = {**stage.names, url: "<web>"}
            # Ids are numbered anew for each thing that was asked, so that one more of these changes no other.
            path.write_text("".join(normalised(part, words) for part in ASKED.split(text)), encoding="utf-8")
            counts[name.partition("/")[0]] += 1
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(f"{folder}: {summary} ({time.monotonic() - began:.0f} s)", file=sys.stderr)


def _halves(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


def main() -> None:
    """Record into a folder what lives in another: the program that each recording runs."""
    # Who is asked to end takes the servers and folders along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    record(Path(sys.argv[1]), Path(sys.argv[2]).resolve())


def _check_source(source: Path) -> None:
    import skywrite

    if source not in Path(skywrite.__file__).resolve().parents:
        raise Unplayable(f"skywrite comes from {skywrite.__file__}, not from {source}: put it first in PYTHONPATH")


def _everything(stage: Stage, names: dict[str, str], postgres_url: str) -> Iterator[tuple[str, str]]:
    received = sorted((stage.folder / "received").read_text().splitlines())
    yield "http/webhooks.txt", "\n".join(f"> {path}\n{pretty(body)}\n" for path, _, body in map(_halves, received))
    yield "surface/notices.txt", "".join(sorted((stage.kept / "work" / "notices.txt").open()))
    yield from surface.record(stage, postgres_url)
    yield from operations.record(stage, names)
    yield from pages.record(stage, names)
    yield from commands.record(stage, names)


if __name__ == "__main__":
    main()
