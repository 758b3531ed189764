"""Videos are told by their boxes, held against the limits, converted where they must be, and give no place away."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError, MissingExtra, install_command
from skywrite.protocol.media import ffmpeg as ffmpeg_module
from skywrite.protocol.media.captions import read_caption
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from skywrite.protocol.media.mp4 import BrokenMovie, read_movie
from skywrite.protocol.media.video import (
    VideoInfo,
    check_video,
    convert_video,
    is_ready,
    prepare_video,
    probe_video,
    read_pieces,
)
from tests.support.errors import fails

CANARY = "canary-home"
PLACE = "+52.5200+013.4050/"
PLACE_BODY = b"earth"


def render(folder: Path, name: str, *options: str, seconds: float = 1.5, size: str = "64x48") -> Path:
    """A tiny test video with sound, by ffmpeg."""
    path = folder / name
    image = f"testsrc=size={size}:rate=25:duration={seconds}"
    inputs = ["-f", "lavfi", "-i", image, "-f", "lavfi", "-i", f"sine=duration={seconds}"]
    command = [find_ffmpeg("test"), "-loglevel", "error", "-y", *inputs, *options, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    yuv = ("-pix_fmt", "yuv420p", "-preset", "ultrafast")
    plain = render(folder, "plain.mp4", *yuv, "-metadata", f"title={CANARY}", "-metadata", f"location={PLACE}")
    for name, flags in (
        ("fast.mp4", "+faststart"),
        ("fragmented.mp4", "frag_keyframe+empty_moov"),
        ("half-fragmented.mp4", "frag_keyframe"),
    ):
        render(folder, name, *yuv, "-g", "10", "-movflags", flags)
    turn = [find_ffmpeg("test"), "-loglevel", "error", "-y", "-display_rotation", "90", "-i", str(plain)]
    subprocess.run([*turn, "-c", "copy", str(folder / "turned.mp4")], check=True)
    render(folder, "phone.mov", *yuv, "-c:a", "aac")
    render(folder, "web.webm", "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus")
    render(folder, "old.avi", "-c:v", "mpeg4")
    render(folder, "hevc.mp4", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")
    render(folder, "sound.mp4", "-vn")
    return folder


@pytest.mark.parametrize("name", ["plain.mp4", "fast.mp4", "fragmented.mp4", "half-fragmented.mp4"])
def test_length_size_and_codec(videos: Path, name: str) -> None:
    """An MP4 with its index first, last, or in fragments tells its length, size and codecs."""
    info = probe_video(videos / name)
    assert (64, 48, "H.264", "AAC") == (info.width, info.height, info.video_codec, info.audio_codec)
    assert 1.5 == pytest.approx(info.duration_seconds, abs=0.25)
    assert (videos / name).stat().st_size == info.size_bytes
    assert ("fragmented" in name) == info.fragmented


def test_turned_video_has_its_size_as_shown(videos: Path) -> None:
    """A video with a rotation matrix of 90 degrees has its sides exchanged."""
    info = probe_video(videos / "turned.mp4")
    assert (48, 64) == (info.width, info.height)


def test_only_boxes_are_read(videos: Path) -> None:
    """Probing reads a few kilobytes, however large the video is."""

    class Counting(io.FileIO):
        count = 0

        def read(self, size: int = -1) -> bytes:
            data = super().read(size)
            Counting.count += len(data)
            return data

    path = videos / "plain.mp4"
    data = path.read_bytes()
    ftyp = struct.unpack_from(">I", data)[0]
    large = videos / "large.mp4"
    with large.open("wb") as out:
        out.write(data[:ftyp])
        out.write(struct.pack(">I4sQ", 1, b"mdat", 3_000_000_016))
        out.seek(3_000_000_000, io.SEEK_CUR)
        out.write(data[ftyp:])
    with Counting(large, "rb") as file:
        movie = read_movie(file, large.stat().st_size)
    assert 1.5 == pytest.approx(movie.duration_seconds, abs=0.1)
    assert Counting.count < 20_000
    with fails("video.too_large"):
        check_video(probe_video(large))


def test_places_and_names_are_blanked(videos: Path) -> None:
    """Title and place are gone from what is uploaded; images, sound and size stay."""
    path = videos / "plain.mp4"
    data = path.read_bytes()
    assert CANARY.encode() in data
    assert PLACE_BODY in data
    cleaned = b"".join(read_pieces(path))
    assert CANARY.encode() not in cleaned
    assert PLACE_BODY not in cleaned
    assert len(data) == len(cleaned)
    for start, body, end in probe_video(path).private:
        assert b"free" + bytes(end - body) == cleaned[start + 4 : end]
    copy = videos / "cleaned.mp4"
    copy.write_bytes(cleaned)
    assert _frames(path) == _frames(copy)
    assert probe_video(path).duration_seconds == probe_video(copy).duration_seconds
    assert b"".join(read_pieces(copy)) == cleaned


def _frames(path: Path) -> bytes:
    command = [find_ffmpeg("test"), "-loglevel", "error", "-i", str(path), "-f", "framemd5", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_blanking_across_pieces(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private box that lies across many pieces is blanked in each of them."""
    from skywrite.protocol.media import video

    whole = b"".join(read_pieces(videos / "plain.mp4"))
    for piece_bytes in (1, 3, 7, 1000):
        monkeypatch.setattr(video, "PIECE_BYTES", piece_bytes)
        assert whole == b"".join(read_pieces(videos / "plain.mp4"))


def test_large_box_headers_are_blanked_too(tmp_path: Path, videos: Path) -> None:
    """A private box with a 64-bit size loses its content and keeps its size."""
    secret = struct.pack(">I4sQ", 1, b"uuid", 16 + 40) + CANARY.encode().ljust(40, b"!")
    path = tmp_path / "a.mp4"
    path.write_bytes((videos / "fast.mp4").read_bytes() + secret)
    cleaned = b"".join(read_pieces(path))
    assert CANARY.encode() not in cleaned
    path.write_bytes(cleaned)
    assert 1.5 == pytest.approx(probe_video(path).duration_seconds, abs=0.1)


@pytest.mark.parametrize("name", ["phone.mov", "web.webm", "old.avi"])
def test_other_kinds_are_converted(videos: Path, tmp_path: Path, name: str) -> None:
    """QuickTime, WebM and AVI become MP4 in H.264 and AAC."""
    out = tmp_path / "out.mp4"
    info = prepare_video(videos / name, out)
    assert ("mp4", "H.264", "AAC", 64, 48) == (info.kind, info.video_codec, info.audio_codec, info.width, info.height)
    assert info == probe_video(out)
    assert 1.5 == pytest.approx(info.duration_seconds, abs=0.25)


def test_phone_video_is_only_packed_anew(videos: Path, tmp_path: Path) -> None:
    """A QuickTime video in the right codecs keeps its very images."""
    out = tmp_path / "out.mp4"
    convert_video(videos / "phone.mov", out)
    assert _frames(videos / "phone.mov").splitlines()[-1] == _frames(out).splitlines()[-1]


def test_metadata_does_not_survive_conversion(tmp_path: Path) -> None:
    """Title and place of a converted video are gone."""
    source = render(tmp_path, "a.mkv", "-preset", "ultrafast", "-metadata", f"title={CANARY}")
    assert CANARY.encode() in source.read_bytes()
    convert_video(source, tmp_path / "out.mp4")
    assert CANARY.encode() not in (tmp_path / "out.mp4").read_bytes()


def test_odd_and_large_sides_are_fitted(tmp_path: Path) -> None:
    """A converted video has even sides of at most 1920 pixels."""
    odd = render(tmp_path, "odd.mkv", "-c:v", "ffv1", size="65x49", seconds=0.3)
    assert (64, 48) == _size(convert_video(odd, tmp_path / "odd.mp4"))
    tall = render(tmp_path, "tall.mkv", "-c:v", "ffv1", size="200x2400", seconds=0.1)
    assert (160, 1920) == _size(convert_video(tall, tmp_path / "tall.mp4"))


def _size(info: VideoInfo) -> tuple[int, int]:
    return info.width, info.height


def test_mp4_goes_as_it_is(videos: Path, tmp_path: Path) -> None:
    """An MP4 is not converted, and nothing is written."""
    out = tmp_path / "out.mp4"
    assert is_ready(videos / "plain.mp4")
    assert probe_video(videos / "plain.mp4") == prepare_video(videos / "plain.mp4", out)
    assert not out.exists()


def test_hevc_is_noted(videos: Path) -> None:
    """An MP4 in HEVC passes with a note."""
    info = probe_video(videos / "hevc.mp4")
    assert ("The video uses HEVC; some players only support H.264.",) == info.notes


def test_without_ffmpeg_the_extra_is_named(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video that needs converting on a machine without ffmpeg names the extra to install."""
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setattr(ffmpeg_module.shutil, "which", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        prepare_video(videos / "web.webm", tmp_path / "out.mp4")
    assert f"Install it: {install_command('video')}" == caught.value.hint
    assert "web.webm" in caught.value.message


def test_ffmpeg_knows_no_secret(videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that a file has taken over finds neither our key nor a password in its environment."""
    program, seen = tmp_path / "ffmpeg", tmp_path / "seen"
    program.write_text(f"#!/bin/sh\nenv > '{seen}'\n")
    program.chmod(0o755)
    monkeypatch.setattr(ffmpeg_module, "find_ffmpeg", lambda name: str(program))
    for name in ("SKYWRITE_KEY", "BLUESKY_APP_PASSWORD", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, CANARY)
    with fails("conversion.failed"):
        prepare_video(videos / "web.webm", tmp_path / "out.mp4")
    assert ("PATH=" in seen.read_text(), CANARY in seen.read_text()) == (True, False)


def test_conversion_has_a_time_limit(videos: Path, tmp_path: Path) -> None:
    """A conversion that takes too long is stopped and leaves no file."""
    out = tmp_path / "out.mp4"
    out.write_bytes(b"half a video")
    with fails("conversion.failed") as caught:
        convert_video(videos / "web.webm", out, timeout_seconds=0.001)
    assert "took longer" in caught.value.message
    assert not out.exists()


def test_damaged_video_that_needs_converting(tmp_path: Path) -> None:
    """A WebM header with garbage behind it ends in a sentence and leaves no file."""
    path = tmp_path / "a.webm"
    path.write_bytes(b"\x1aE\xdf\xa3" + bytes(range(256)) * 10)
    with fails("conversion.failed"):
        convert_video(path, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    "script",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\n",
    ],
)
def test_playlists_never_reach_ffmpeg(tmp_path: Path, script: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A playlist called video.mp4 is refused, so it cannot make ffmpeg open other files."""
    path = tmp_path / "video.mp4"
    path.write_bytes(script)
    monkeypatch.setattr(ffmpeg_module.subprocess, "run", None)
    with fails("video.unsupported"):
        prepare_video(path, tmp_path / "out.mp4")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"just text", "is not a video"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "is an image (PNG)"),
        (b"<svg/>", "SVG"),
    ],
)
def test_no_video_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    """What is not a video by its first bytes is refused with what it is."""
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    with fails("video.unsupported") as caught:
        prepare_video(path, tmp_path / "out.mp4")
    assert words in caught.value.message


def test_missing_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is a sentence, no traceback."""
    with fails("video.unsupported") as caught:
        probe_video(tmp_path / "nowhere.mp4")
    assert "nowhere.mp4 cannot be read" in caught.value.message


def test_sound_alone_is_no_video(videos: Path) -> None:
    """An MP4 with sound only is refused as such."""
    with fails("video.unsupported") as caught:
        probe_video(videos / "sound.mp4")
    assert "sound.mp4 has only sound." == caught.value.message


@pytest.mark.parametrize("name", ["plain.mp4", "fast.mp4"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 0.99])
def test_cut_short_is_damaged(videos: Path, tmp_path: Path, name: str, share: float) -> None:
    """A video that ends too early is called damaged, wherever its index is."""
    data = (videos / name).read_bytes()
    path = tmp_path / "half.mp4"
    path.write_bytes(data[: int(len(data) * share)])
    with fails("video.damaged") as caught:
        probe_video(path)
    assert caught.value.message.startswith("half.mp4 is damaged")


@given(st.binary(max_size=400))
def test_any_bytes_end_in_an_answer_or_a_broken_movie(data: bytes) -> None:
    """The box reader meets any bytes with a movie or BrokenMovie, and never loops."""
    for head in (b"", b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00"):
        with suppress(BrokenMovie):
            read_movie(io.BytesIO(head + data), len(head + data))


def test_flipped_bytes_of_a_real_video(videos: Path, tmp_path: Path) -> None:
    """Damage in the index ends in an answer or a clear error."""
    chance = random.Random(3)
    data = (videos / "fragmented.mp4").read_bytes()
    path = tmp_path / "a.mp4"
    for _ in range(300):
        broken = bytearray(data)
        broken[chance.randrange(1500)] = chance.randrange(256)
        path.write_bytes(broken)
        try:
            probe_video(path)
        except InputError as error:
            assert error.message


def info(**changes: float) -> VideoInfo:
    values = {"width": 64, "height": 48, "duration_seconds": 600.0, "size_bytes": 300_000_000} | changes
    return VideoInfo(**values)  # type: ignore[arg-type]


def test_limits_are_exact() -> None:
    """Ten minutes and 300,000,000 bytes pass; one more of either does not."""
    check_video(info())
    with fails("video.too_large") as large:
        check_video(info(size_bytes=400_000_000), name="video.mp4")
    assert "video.mp4 has 400 MB; the maximum is 300 MB." == large.value.message
    with fails("video.too_large"):
        check_video(info(size_bytes=300_000_001))
    with fails("video.too_long") as long:
        check_video(info(duration_seconds=601.0), name="video.mp4")
    assert "video.mp4 is 10:01 minutes long; the maximum is 10 minutes." == long.value.message


@pytest.mark.parametrize("changes", [{"width": 0}, {"height": 0}, {"duration_seconds": 0.0}])
def test_a_video_that_shows_nothing(changes: dict[str, float]) -> None:
    """No size or no length is not a video."""
    with fails("video.unsupported"):
        check_video(info(**changes))


VTT = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello, world\n"
SRT = (
    "1\r\n00:00:01,000 --> 00:00:02,500\r\n<font color='red'>Hello</font>,\r\n<i>world</i>\r\n\r\n"
    "2\r\n0:0:3,5 --> 0:0:4,25\r\n42\r\n"
)


def test_webvtt_is_kept() -> None:
    """Sound WebVTT goes out as it is, without its byte order mark and with plain line ends."""
    assert VTT.encode() == read_caption(VTT.encode(), "a.vtt")
    assert VTT.encode() == read_caption(b"\xef\xbb\xbf" + VTT.replace("\n", "\r\n").encode(), "a.vtt")
    assert VTT.encode() == read_caption(VTT.encode("utf-16"), "a.vtt")


def test_subrip_becomes_webvtt() -> None:
    """SubRip becomes WebVTT: header, dots, no numbers, no fonts; a line that is a number stays."""
    expected = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello,\n<i>world</i>\n\n00:00:03.500 --> 00:00:04.250\n42\n"
    assert expected == read_caption(SRT.encode(), "a.srt").decode()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xfe\xfa", "is not in UTF-8"),
        ("WEBVTT\n\nGrüße".encode("latin-1"), "is not in UTF-8"),
        (b"{\\rtf1 hello}", "does not begin"),
        (b"hello", "does not begin"),
        (b"WEBVTT\n\nonly a note\n", "contains no cue"),
        (b"WEBVTT\n\n00:00:01 --> later\nx\n", "line 3"),
        (b"WEBVTT\n\n00:02.000 --> 00:01.000\nx\n", "ends before it begins"),
        (b"WEBVTT\n\n00:00:01,000 --> 00:00:02,000\nx\n", "line 3"),
        (b"WEBVTT\n\n0:01.500 --> 0:02.500\nx\n", "line 3"),
        (b"WEBVTT\n\n00:01.500 --> 00:02,500\nx\n", "line 3"),
        (b"WEBVTT\n\n00:01.5 --> 00:02.500\nx\n", "line 3"),
        (b"WEBVTT\n\n00:1.500 --> 00:02.500\nx\n", "line 3"),
        (b"WEBVTT\0\n", "is not a text file"),
    ],
)
def test_bad_captions_are_refused(data: bytes, words: str) -> None:
    """A caption file that cannot be used is refused with the reason."""
    with fails("captions.invalid") as caught:
        read_caption(data, "a.vtt")
    assert words in caught.value.message


@pytest.mark.parametrize("times", ["00:01.500 --> 00:02.500", "0:00:01.500 --> 100:00:02.500 align:left"])
def test_cues_that_players_read_pass(times: str) -> None:
    """Hours may be missing or have any number of digits."""
    assert f"WEBVTT\n\n{times}\nx\n".encode() == read_caption(f"WEBVTT\n\n{times}\nx\n".encode(), "a.vtt")


def test_captions_have_a_size_limit() -> None:
    """20,000 bytes of captions pass, one more does not."""
    body = VTT.encode()
    exact = body + b"x" * (20_000 - len(body))
    assert exact == read_caption(exact, "a.vtt")
    with fails("captions.too_large"):
        read_caption(exact + b"x", "a.vtt")
