"""What strangers wrote is read in a child process: it may fail, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skywrite.core.contained import Contained, Limits, TooCostly
from skywrite.core.errors import InputError, MissingExtra
from skywrite.features.feeds.reading.examine import check_filter, contained_template
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Image as DraftImage
from skywrite.posting.compose.fields import Media
from skywrite.posting.compose.images import Collector, gather_media
from skywrite.posting.sources.html_text import html_to_text
from skywrite.protocol.fetch.page import read_page
from skywrite.protocol.media.image import STRANGERS_MAX_PIXELS, prepare_thumb
from tests.support import hostile
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS, ROOT

MEMORY = 256 << 20


@pytest.fixture
def contained() -> Iterator[Contained]:
    """A child with small limits."""
    child = Contained(Limits(cpu_seconds=1, wall_seconds=PATIENCE_SECONDS, memory_bytes=MEMORY))
    yield child
    child.close()


def test_a_function_runs_in_the_child(contained: Contained) -> None:
    """Its result comes back, whatever the libraries print, and the child is kept for the next call."""
    assert [2, 4, 6] == [contained.call(hostile.double, number) for number in (1, 2, 3)]


def test_memory_is_limited(contained: Contained) -> None:
    """A call that wants more memory than it may have fails alone."""
    with pytest.raises(TooCostly, match="memory"):
        contained.call(hostile.takes_memory, 1024)
    assert 4 == contained.call(hostile.double, 2)


def test_processor_time_is_limited_by_call(contained: Contained) -> None:
    """Each call has its own share, so that a kept child does not run out of it."""
    assert [True] * 3 == [contained.call(hostile.takes_processor, 0.6) for _ in range(3)]
    with pytest.raises(TooCostly):
        contained.call(hostile.takes_processor, 60)
    assert 4 == contained.call(hostile.double, 2)


def test_a_call_that_waits_is_ended() -> None:
    """A call that takes no processor time ends, too."""
    child = Contained()
    child.warm_up()
    child.call(hostile.double, 1)
    child._limits = Limits(wall_seconds=0.5)
    with pytest.raises(TooCostly):
        child.call(hostile.waits)
    child.close()


def test_a_crash_is_an_error(contained: Contained) -> None:
    """A library that aborts takes nobody with it."""
    with pytest.raises(TooCostly):
        contained.call(hostile.crashes)
    assert 4 == contained.call(hostile.double, 2)


def test_errors_come_back_as_they_are(contained: Contained) -> None:
    """Class, message, hint and the name of an extra are those that were raised in the child."""
    with pytest.raises(InputError) as raised:
        contained.call(hostile.complains, "No.")
    assert ("input.invalid", "No.", "Do something.") == (raised.value.code, raised.value.message, raised.value.hint)
    with pytest.raises(MissingExtra) as missing:
        contained.call(hostile.lacks_extra)
    assert "heic" == missing.value.extra


def test_a_child_that_was_taken_over_cannot_say_what_it_likes(contained: Contained) -> None:
    """A reply of another type than the function's is refused."""
    with pytest.raises(TooCostly):
        contained.call(hostile.lies)


def test_the_child_knows_no_secret(contained: Contained, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees the few variables that a program needs, and neither our key nor anybody's token."""
    for name in ("SKYWRITE_KEY", "BLUESKY_APP_PASSWORD", "AWS_SECRET_ACCESS_KEY", "PYTHONPATH"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    seen = contained.call(hostile.environment)
    assert ("Europe/Berlin", []) == (seen.get("TZ"), [name for name, value in seen.items() if value == "secret"])


def test_the_child_writes_no_file(contained: Contained, tmp_path: Path) -> None:
    """A decoder that was taken over leaves nothing behind."""
    with pytest.raises(TooCostly):
        contained.call(hostile.writes_file, str(tmp_path / "file"))
    assert "" == (tmp_path / "file").read_text()


def test_modules_of_the_folder_are_not_run(contained: Contained) -> None:
    """The child looks for modules where we do, and never in whatever folder it is started in."""
    assert [] == [entry for entry in contained.call(hostile.search_path) if not os.path.isabs(entry)]  # noqa: PTH117


def test_a_child_that_does_not_start_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation is an error for now, and no judgement of what was to be read."""
    monkeypatch.setattr("skywrite.core.contained._START", "raise SystemExit(1)")
    child = Contained()
    with fails("reader.unavailable"):
        child.call(hostile.double, 1)
    child.close()


def test_an_interrupted_call_leaves_no_reply_behind(contained: Contained, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of a call: the next one gets its own reply, not that of the one before."""
    exchange = Contained._exchange

    def interrupted(self: Contained, process: Any, message: bytes) -> bytes:
        process.stdin.write(len(message).to_bytes(4, "big") + message)
        process.stdin.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(Contained, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        contained.call(hostile.double, 1)
    monkeypatch.setattr(Contained, "_exchange", exchange)
    assert 4 == contained.call(hostile.double, 2)


def test_the_child_ends_with_its_parent() -> None:
    """A process that ends while a thread of it reads something for long waits for nothing and leaves nothing behind."""
    script = (
        "import threading, time; from skywrite.core import contained; from tests.support import hostile; "
        "contained.call(hostile.double, 1); print(contained._SHARED._process.pid, flush=True); "
        "threading.Thread(target=contained.call, args=(hostile.waits,), daemon=True).start(); "
        "[time.sleep(0.01) for _ in iter(lambda: contained._SHARED._lock.locked(), True)]"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)


def test_an_idle_child_ends() -> None:
    """A child that nobody has needed for a time gives its memory back; the next call starts another."""
    child = Contained(idle_seconds=0)
    assert [2, 4] == [child.call(hostile.double, number) for number in (1, 2)]
    child.close()


# Hand-made attacks


def test_a_page_of_formatting_elements_takes_little_memory(contained: Contained) -> None:
    """30 KB that make two gigabytes of elements: the head is read, and the rest is never parsed."""
    head = "<title>T</title><meta property=og:title content=O>"
    for start in (head, f"{head}<body>"):
        page = contained.call(read_page, start + hostile.reopened_formatting())
        assert ("T", ["O"]) == (page.title, page.metas["og:title"])


def test_attributes_by_the_million_take_little_memory(contained: Contained) -> None:
    """A megabyte of attributes in tags of the head is not kept."""
    attributes = " ".join(f"a{number}" for number in range(1_400))
    assert "T" == contained.call(read_page, "<title>T</title>" + f"<meta {attributes}>" * 150).title


def test_an_item_of_formatting_elements_takes_little_memory(contained: Contained) -> None:
    """The same in the text of a feed's item: its words are read."""
    assert "a" == contained.call(html_to_text, "a" + hostile.reopened_formatting(60_000))


@pytest.mark.parametrize("form", ["WEBP", "PNG", "AVIF"])
def test_kilobytes_do_not_become_gigabytes_of_pixels(contained: Contained, form: str) -> None:
    """An image by address of more than 25 megapixels is refused by its header."""
    out = BytesIO()
    Image.new("L" if form == "PNG" else "RGB", (5001, 5000)).save(
        out, form, **({"speed": 10} if form == "AVIF" else {})
    )
    with fails("image.too_large", match="25 megapixels"):
        contained.call(prepare_thumb, out.getvalue(), "https://a.example/b", STRANGERS_MAX_PIXELS)


def test_a_pattern_that_takes_gigabytes_is_refused() -> None:
    """A pattern that needs 6 GB to be compiled is no pattern that can be used."""
    with fails("filter.invalid", match="memory"):
        check_filter(["/((a{500}){500}){500}/"], [])


def test_a_template_that_takes_for_ever_is_refused() -> None:
    """What a template may not do is refused in the child as it was before."""
    with fails("template.invalid", match="no variable 'secret'"):
        contained_template("{{ secret }}")


@pytest.mark.parametrize("own", [True, False])
def test_every_image_is_decoded_in_the_child(own: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, and bytes from an address, an upload or a program: the child reads and decodes them."""
    calls: list[str] = []

    def call(function: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(function.__name__)
        return function(*arguments, **named)

    monkeypatch.setattr("skywrite.core.contained.decode", call)
    path = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(path)
    media = Media(path=str(path)) if own else Media(data=path.read_bytes(), name="a.png")
    draft = gather_media(Draft("x", images=(DraftImage(media, "A"),)), Collector(None))
    assert (["prepare_image_file"], True) == (calls, draft.images[0].media.stored is not None)
