"""However large media are, this process holds no more of them than a piece at a time, and few are decoded at once."""

from __future__ import annotations

import gc
import http.server
import io
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from skywrite.core import contained
from skywrite.core.contained import Contained
from skywrite.faces.server.problems import problem
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Image as DraftImage
from skywrite.posting.compose.fields import Media, Video
from skywrite.posting.compose.images import Collector, gather_media
from skywrite.protocol.fetch.fetch import Fetcher
from skywrite.protocol.media.image import prepare_image, prepare_image_file
from tests.support import hostile
from tests.support.errors import fails

LARGE = 30_000_000
PIECES = 4_000_000


def peak_of(work: Callable[[], object]) -> int:
    """The most memory that Python held at any time during some work, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """An image of thirty megabytes."""
    path = tmp_path / "large.bmp"
    Image.new("RGB", (4000, LARGE // 12_000)).save(path)
    return path


@pytest.fixture
def address(large: Path) -> Iterator[str]:
    """Where a server has this image."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("location", "/large.bmp")
                self.end_headers()
                self.wfile.write(b"This is not the image.")
                return
            self.send_response(200)
            self.send_header("content-length", str(large.stat().st_size))
            self.end_headers()
            with large.open("rb") as file:
                while piece := file.read(100_000):
                    self.wfile.write(piece)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_image_is_never_read_here(large: Path) -> None:
    """A file goes to the child by its name: only the fitted image comes back."""
    images = (DraftImage(Media(path=str(large)), "A"),)
    assert peak_of(lambda: gather_media(Draft("x", images=images), Collector(None))) < PIECES


def test_what_an_address_sends_goes_to_a_file(large: Path, address: str) -> None:
    """A download is written as it comes; what a redirect said is not kept."""
    fetcher = Fetcher(["127.0.0.1"])
    images = (DraftImage(Media(url=f"{address}/moved"), "A"),)
    collector = Collector(lambda: fetcher)
    fetcher.check(address)
    assert peak_of(lambda: gather_media(Draft("x", images=images), collector)) < PIECES
    assert large.read_bytes() == collector.file(images[0].media, LARGE * 2).read_bytes()
    fetcher.close()


def test_files_go_with_what_needs_them(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A downloaded video stays as long as its bytes may be asked for, and is deleted then."""
    for name, value in {"is_ready": True, "probe_video": Image.new("L", (8, 6)), "check_video": None}.items():
        monkeypatch.setattr(f"skywrite.protocol.media.video.{name}", lambda *_, value=value, **__: value)
    monkeypatch.setattr("skywrite.protocol.media.video.read_pieces", lambda path, info: iter((path.read_bytes(),)))
    monkeypatch.setattr(Image.Image, "notes", (), raising=False)
    collector = Collector(None)
    part = gather_media(Draft("x", video=Video(Media(data=b"video"), "A")), collector)
    media, folder = collector.media, collector.file(Media(data=b"other"), 10).parent
    assert part.video is not None and part.video.media.stored is not None
    del collector
    gc.collect()
    assert b"video" == b"".join(media[part.video.media.stored.cid]())
    del media
    gc.collect()
    assert not folder.exists()


def test_large_photos_are_decoded_at_a_fraction() -> None:
    """A JPEG of sixty megapixels is decoded at half its sides, where a PNG of that size is refused with a reason."""
    photo, drawing = io.BytesIO(), io.BytesIO()
    Image.new("L", (8000, 7600)).save(photo, "JPEG")
    Image.new("1", (8000, 7600)).save(drawing, "PNG")
    assert 4000 == prepare_image(photo.getvalue(), name="photo.jpg").width
    with fails("image.too_large", match=r"8000 x 7600 pixels \(61 megapixels\); the maximum is 50 megapixels"):
        prepare_image(drawing.getvalue(), name="drawing.png")


def test_a_large_image_that_costs_too_much_is_called_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives an ordinary image of many pixels is told to scale it down, and not that it may be malicious."""
    ended = contained.TooCostly("Reading it took too long.")
    call = contained.decode

    def costly(function: Callable[..., object], *args: Any, **kwargs: Any) -> object:
        if function is prepare_image_file:
            raise ended
        return call(function, *args, **kwargs)

    monkeypatch.setattr(contained, "decode", costly)
    for width, code in ((4100, "image.too_large"), (40, "input.too_costly")):
        path = tmp_path / f"{width}.png"
        Image.new("1", (width, 1000)).save(path)
        with fails(code) as caught:
            gather_media(Draft("x", images=(DraftImage(Media(path=str(path)), "A"),)), Collector(None))
        assert ("too large to prepare: 4100 x 1000 pixels" in str(caught.value)) == (width == 4100)


def test_who_waits_too_long_for_a_turn_is_told_when_to_come_again() -> None:
    """One image is decoded at a time; a caller whose turn does not come gets 503 with the time."""
    child = Contained(patience_seconds=0.01)
    with child._lock, fails("reader.busy") as busy:
        child.call(hostile.double, 2)
    answer = problem(busy.value)
    assert (503, "10", 4) == (answer.status_code, answer.headers["retry-after"], child.call(hostile.double, 2))
    child.close()
