"""Waiting for the video service: how long between two questions, how often, and when it is given up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite.errors import RateLimited
from skywrite.publish.video_service import Job, UploadStopped, VideoServiceUnavailable
from skywrite.publish.video_upload import POLL_FAILURES_MAX, VideoUploader

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BLOB = {"$type": "blob"}
RUNNING, DONE = Job("1", "JOB_STATE_ENCODING", 7), Job("1", "JOB_STATE_COMPLETED", 100, BLOB)
EMPTY = Job("1", "JOB_STATE_COMPLETED")
AWAY = VideoServiceUnavailable("no answer")


class Waits:
    """A clock that only counts what it is asked to wait for."""

    def __init__(self, random: float = 0.5) -> None:
        self.seconds: list[float] = []
        self.ends = False
        self._random = random

    def now(self) -> datetime:
        return NOW + timedelta(seconds=sum(self.seconds))

    def monotonic(self) -> float:
        return 1000 + sum(self.seconds)

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        self.seconds.append(timeout_seconds)
        return self.ends

    def random(self) -> float:
        return self._random


def in_turn(*answers: Any) -> Callable[..., Any]:
    """Each call gets the next answer; the last one stays."""
    left = list(answers)

    def answer(*_: Any) -> Any:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, Exception):
            raise found
        return found

    return answer


def uploader(clock: Waits, *, uploads: tuple[Any, ...] = (RUNNING,), jobs: tuple[Any, ...] = (DONE,)) -> VideoUploader:
    made = VideoUploader(None, "https://video.test", "did:plc:a", None, "pds.test", clock, deadline_seconds=60)  # type: ignore[arg-type]
    made._service = SimpleNamespace(  # type: ignore[assignment]
        upload=in_turn(*uploads), job=in_turn(*jobs), check_limits=lambda size: None
    )
    return made


def send(made: VideoUploader, **options: Any) -> Any:
    return made.upload(lambda: iter([b"x"]), 1, "clip.mp4", **options)


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
    made = uploader(clock, jobs=(*[RUNNING] * 9, DONE))
    assert BLOB == send(made, progress=here.append, state=lambda name, percent: states.append((name, percent)))
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
    few = [AWAY] * (POLL_FAILURES_MAX - 1)
    clock = Waits()
    made = uploader(clock, jobs=(*few, RUNNING, *few, DONE))
    made._deadline_seconds = 1000
    assert BLOB == send(made)
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
    made = uploader(clock, jobs=(RUNNING,))
    made._deadline_seconds = 60
    with pytest.raises(VideoServiceUnavailable, match="within 1 minutes"):
        send(made)
    assert sum(clock.seconds[:-1]) <= 60 < sum(clock.seconds)
    exact = Waits()
    made = uploader(exact, jobs=(RUNNING, DONE))
    made._deadline_seconds = 1.5
    assert BLOB == send(made)
