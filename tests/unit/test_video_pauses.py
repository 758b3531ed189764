"""Waiting for the video service: how long between two questions, how often, and when it is given up."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.core.errors import RateLimited, RejectedError
from skywrite.posting.publish import video_upload
from skywrite.posting.publish.video_service import Job, UploadStopped, VideoServiceUnavailable
from skywrite.posting.publish.video_upload import VideoUploader
from skywrite.protocol.media.video import VideoInfo
from tests.support.errors import fails
from tests.support.waits import NOW, Waits, in_turn

BLOB = {"$type": "blob"}
RUNNING, DONE = Job("1", "JOB_STATE_ENCODING", 7), Job("1", "JOB_STATE_COMPLETED", 100, BLOB)
EMPTY = Job("1", "JOB_STATE_COMPLETED")
AWAY = VideoServiceUnavailable("no answer")


def uploader(
    clock: Waits, *, uploads: tuple[Any, ...] = (RUNNING,), jobs: tuple[Any, ...] = (DONE,), **options: Any
) -> VideoUploader:
    options = {"deadline_seconds": 60, **options}
    uploader = VideoUploader(None, "https://video.test", "did:plc:a", None, "pds.test", clock, **options)  # type: ignore[arg-type]
    uploader._service = SimpleNamespace(  # type: ignore[assignment]
        upload=in_turn(*uploads), job=in_turn(*jobs), check_limits=lambda size: None
    )
    return uploader


def send(uploader: VideoUploader, **options: Any) -> Any:
    return uploader.upload(lambda: iter([b"x"]), 1, "clip.mp4", **options)


def test_a_response_that_was_lost_is_asked_for_again() -> None:
    """After one second and after four; the third failure is final."""
    clock = Waits()
    assert BLOB == send(uploader(clock, uploads=(AWAY, AWAY, DONE)))
    assert [1.0, 4.0] == clock.seconds
    with pytest.raises(VideoServiceUnavailable, match="no answer"):
        send(uploader(clock, uploads=(AWAY, AWAY, AWAY, DONE)))


def test_an_upload_that_was_stopped_is_not_repeated() -> None:
    """Neither is one that is stopped in a pause."""
    clock = Waits()
    with pytest.raises(UploadStopped):
        send(uploader(clock, uploads=(UploadStopped("stopped"), DONE)))
    assert [] == clock.seconds
    clock.ends = True
    with pytest.raises(UploadStopped):
        send(uploader(clock, uploads=(AWAY, DONE)))
    with pytest.raises(UploadStopped):
        send(uploader(clock, jobs=(RUNNING, DONE)))


@pytest.mark.parametrize(("random", "part"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_pauses_grow_to_ten_seconds(random: float, part: float) -> None:
    """By a quarter each time, with a fifth more or less by chance; the video's state is reported each time."""
    clock = Waits(random)
    states: list[tuple[str, int]] = []
    here: list[int] = []
    video_uploader = uploader(clock, jobs=(*[RUNNING] * 9, DONE))
    assert BLOB == send(
        video_uploader, progress=here.append, state=lambda name, percent: states.append((name, percent))
    )
    grown = [min(10.0, 1.5 * 1.25**number) for number in range(10)]
    assert [pytest.approx(part * seconds) for seconds in grown] == clock.seconds
    assert [("JOB_STATE_ENCODING", 7)] * 10 == states
    assert [1] * 11 == here


def test_a_limit_is_waited_out() -> None:
    """The next question comes when it ends, or after the usual pause where that is later."""
    clock = Waits()
    limits = (RateLimited("slow", until=NOW + timedelta(seconds=21.5)), RateLimited("slow", until=NOW), DONE)
    assert BLOB == send(uploader(clock, jobs=limits))
    assert [1.5, 20.0, 10.0] == clock.seconds


def test_a_service_that_is_away_is_asked_eight_times_in_a_row() -> None:
    """An answer in between begins anew."""
    few = [AWAY] * 7
    clock = Waits()
    video_uploader = uploader(clock, jobs=(*few, RUNNING, *few, DONE), deadline_seconds=1000)
    assert BLOB == send(video_uploader)
    with pytest.raises(VideoServiceUnavailable, match="no answer"):
        send(uploader(Waits(), jobs=(*few, AWAY, DONE)))


def test_a_finished_video_without_a_blob_is_asked_for_twice() -> None:
    """The third such answer ends it."""
    assert BLOB == send(uploader(Waits(), uploads=(EMPTY,), jobs=(EMPTY, DONE)))
    with pytest.raises(VideoServiceUnavailable, match="returned no blob"):
        send(uploader(Waits(), uploads=(EMPTY,), jobs=(EMPTY, EMPTY, DONE)))


def test_a_video_that_takes_too_long_is_given_up() -> None:
    """At the deadline it is still waited for, after it no more."""
    clock = Waits()
    video_uploader = uploader(clock, jobs=(RUNNING,))
    with pytest.raises(VideoServiceUnavailable, match="within 1 minutes"):
        send(video_uploader)
    assert sum(clock.seconds[:-1]) <= 60 < sum(clock.seconds)
    assert BLOB == send(uploader(Waits(), jobs=(RUNNING, DONE), deadline_seconds=1.5))


def test_half_an_hour_is_long_enough() -> None:
    """That is how long a video is waited for where nobody says otherwise."""
    video_uploader = VideoUploader(None, "https://video.test", "did:plc:a", None, "pds.test", clock := Waits())  # type: ignore[arg-type]
    video_uploader._service = uploader(clock, jobs=(RUNNING,))._service
    with pytest.raises(VideoServiceUnavailable, match="within 30 minutes"):
        send(video_uploader)
    assert sum(clock.seconds[:-1]) <= 1800 < sum(clock.seconds)


def test_each_piece_that_leaves_is_told() -> None:
    """How many bytes have left, each time from the start where the video is sent again; then that all arrived."""
    told: list[int] = []
    video_uploader = uploader(Waits())
    answers = in_turn(AWAY, DONE)

    def upload(pieces: Any, size_bytes: int, name: str) -> Job:
        assert b"abcdefg" == b"".join(pieces())
        return answers()  # type: ignore[no-any-return]

    video_uploader._service.upload = upload  # type: ignore[method-assign]
    assert BLOB == video_uploader.upload(lambda: iter([b"abc", b"de", b"fg"]), 7, "clip.mp4", told.append)
    assert [3, 5, 7, 3, 5, 7, 7] == told


@pytest.mark.parametrize(
    ("info", "expected"),
    [(VideoInfo(640, 480, 12.3456, 9), {"durationMs": 12_346, "width": 640, "height": 480}), (None, {})],
)
def test_the_service_may_refuse_early(monkeypatch: pytest.MonkeyPatch, info: VideoInfo | None, expected: Any) -> None:
    """It hears how long and how large the picture is before a byte of the video leaves, where that is known."""
    monkeypatch.setattr(video_upload, "PARTS_FROM_BYTES", 1)
    told: list[Any] = []
    video_uploader = uploader(Waits())
    video_uploader._service.start = lambda *about: (
        told.append(about) or in_turn(RejectedError("too long", code="video.refused"))()
    )  # type: ignore[func-returns-value, method-assign]
    with fails("video.refused", match="too long"):
        send(video_uploader, info=info)
    assert [(1, "clip.mp4", expected)] == told
