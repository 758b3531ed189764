"""Animated GIFs are told from still ones, measured, and become videos."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skywrite.core.errors import InputError, MissingExtra, install_command
from skywrite.protocol.media import ffmpeg as ffmpeg_module
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from skywrite.protocol.media.gif import MAX_PIECES, GifInfo, gif_to_video, is_animated, probe_gif
from skywrite.protocol.media.video import probe_video
from tests.support.errors import fails


def animation(size: tuple[int, int] = (33, 21), *, duration: int = 200, **options: int) -> bytes:
    frames = [Image.new("RGB", size, colour) for colour in ("red", "blue", "lime")]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=duration, **options)
    return out.getvalue()


def still() -> bytes:
    out = BytesIO()
    Image.new("RGB", (33, 21), "red").save(out, "GIF")
    return out.getvalue()


def pixels(video: bytes, folder: Path) -> list[bytes]:
    """The frames of a video as RGB bytes, as ffmpeg decodes them."""
    path = folder / "video.mp4"
    path.write_bytes(video)
    command = [find_ffmpeg("test"), "-loglevel", "error", "-i", str(path), "-fps_mode", "passthrough"]
    done = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], check=True, capture_output=True)
    info = probe_video(path)
    step = info.width * info.height * 3
    return [done.stdout[at : at + step] for at in range(0, len(done.stdout), step)]


def test_animated_and_still() -> None:
    """A GIF of three frames is animated; one of one frame, a PNG and garbage are not."""
    assert is_animated(animation())
    assert not is_animated(still())
    assert not is_animated(b"\x89PNG\r\n\x1a\n")
    assert not is_animated(b"GIF89a")
    assert not is_animated(b"")


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """Whatever follows the magic number, the answer is yes, no, or a clear error."""
    is_animated(b"GIF89a" + data)
    with suppress(InputError, InputError):
        probe_gif(b"GIF89a" + data)


def test_a_gif_of_single_bytes_is_not_read_to_its_end() -> None:
    """A hundred megabytes in pieces of one byte would hold up everybody else."""
    data = b"GIF89a\x08\x00\x08\x00\x00\x00\x00" + b"\x21\xfe" + b"\x01x" * (MAX_PIECES + 1) + b"\x00" + b"\x3b"
    assert not is_animated(data)
    with fails("image.too_large", match="pieces"):
        probe_gif(data)


def test_what_a_gif_says_of_itself() -> None:
    """Size, frames, length and number of plays are read from the blocks."""
    assert GifInfo(33, 21, 3, 0.6, 0) == probe_gif(animation(loop=0))
    assert GifInfo(33, 21, 3, 0.6, 6) == probe_gif(animation(loop=5))
    assert GifInfo(33, 21, 3, 0.6, 1) == probe_gif(animation())


def test_hurried_frames_last_as_in_browsers() -> None:
    """A delay of nothing counts as a tenth of a second."""
    assert 0.3 == pytest.approx(probe_gif(animation(duration=0, loop=0)).duration_seconds)


def converted(data: bytes, **options: Any) -> bytes:
    """The video of a GIF."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.gif", Path(folder) / "out.mp4"
        source.write_bytes(data)
        gif_to_video(source, out, **options)
        return out.read_bytes()


def test_becomes_a_video_with_even_sides(tmp_path: Path) -> None:
    """The video has even sides, H.264, no sound, the same length, and the frames in order."""
    video = converted(animation(loop=0))
    path = tmp_path / "a.mp4"
    path.write_bytes(video)
    info = probe_video(path)
    assert (32, 20, "H.264", "") == (info.width, info.height, info.video_codec, info.audio_codec)
    assert 0.6 == pytest.approx(info.duration_seconds, abs=0.05)
    assert video.index(b"moov") < video.index(b"mdat")
    first = [tuple(frame[:3]) for frame in pixels(video, tmp_path)]
    assert 3 <= len(first) <= 4
    for expected, actual in zip([(255, 0, 0), (0, 0, 255), (0, 255, 0)], first, strict=False):
        assert all(abs(one - other) < 30 for one, other in zip(expected, actual, strict=True))


def test_clear_parts_become_white(tmp_path: Path) -> None:
    """What is transparent in the GIF is white in the video, as on a page."""
    frames = []
    for colour in ((255, 0, 0, 255), (0, 0, 255, 255)):
        frame = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
        frame.paste(colour, (0, 0, 16, 32))
        frames.append(frame)
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100, disposal=2)
    for frame in pixels(converted(out.getvalue()), tmp_path):
        assert min(frame[28 * 3 : 29 * 3]) > 240


def test_a_gif_of_one_pixel_becomes_a_video(tmp_path: Path) -> None:
    """The smallest GIF becomes a video of two by two pixels."""
    path = tmp_path / "a.mp4"
    path.write_bytes(converted(animation((1, 1))))
    assert (2, 2) == (probe_video(path).width, probe_video(path).height)


def test_same_gif_same_video() -> None:
    """Converting twice gives the same bytes, so the same CID."""
    assert converted(animation()) == converted(animation())


def test_without_ffmpeg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ffmpeg the error names the extra to install and the GIF."""
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr(ffmpeg_module.shutil, "which", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        converted(animation(), name="cat.gif")
    assert f"Install it: {install_command('video')}" == caught.value.hint
    assert "cat.gif" in caught.value.message


def test_no_gif_is_refused() -> None:
    """Something else is refused as no GIF."""
    with fails("image.unsupported"):
        converted(b"\x89PNG\r\n\x1a\n")


def test_cut_short_is_damaged() -> None:
    """A GIF that ends too early is called damaged."""
    data = animation()
    with fails("image.damaged"):
        converted(data[: len(data) // 2])


def test_bomb_is_refused_by_its_header() -> None:
    """A GIF of 60000 x 60000 pixels is refused before ffmpeg sees it."""
    data = bytearray(animation())
    data[6:10] = b"\x60\xea\x60\xea"
    with fails("image.too_large"):
        converted(bytes(data))
