"""A video in parts: what is sent again, how long is waited in between, and what becomes of an upload that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from skywrite.core.errors import InputError, RateLimited, RejectedError, SkywriteError
from skywrite.posting.publish.video_parts import InParts
from skywrite.posting.publish.video_service import Job, Parts, UploadStopped, VideoServiceUnavailable
from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported, Refused
from tests.support.waits import NOW, Waits, in_turn

VIDEO = b"0123456789"
PLAN, DONE = Parts("upload", 4, 3), Job("job", "JOB_STATE_CREATED")
AWAY, REFUSED = VideoServiceUnavailable("no answer"), Refused("no such part")
PATIENCE_SECONDS = 240
USUAL: dict[str, Any] = {
    "start": [PLAN],
    "part": [None],
    "finish": [DONE],
    "upload_status": [{"state": "finishing"}],
    "abort": [{"state": "aborted"}],
}


class Service:
    """What it is asked, and answers that are chosen for each of its methods, one after the other."""

    def __init__(self, **answers: list[Any]) -> None:
        self.asked: list[str] = []
        self.arrived: list[tuple[int, bytes]] = []
        self._answers = {name: in_turn(*usual) for name, usual in (USUAL | answers).items()}
        self._lock = threading.Lock()

    def _ask(self, method: str) -> Any:
        with self._lock:
            self.asked.append(method)
            return self._answers[method]()

    def start(self, size_bytes: int, name: str, about: dict[str, int]) -> Any:
        return self._ask("start")

    def part(self, job_id: str, number: int, data: bytes) -> None:
        self._ask("part")
        self.arrived.append((number, data))

    def finish(self, job_id: str) -> Any:
        return self._ask("finish")

    def upload_status(self, job_id: str) -> Any:
        return self._ask("upload_status")

    def abort(self, job_id: str) -> Any:
        return self._ask("abort")

    def renew_token(self) -> None:
        self.asked.append("renew_token")

    @property
    def numbers(self) -> list[int]:
        """The parts that arrived."""
        return sorted(number for number, _ in self.arrived)


def cut(size: int, data: bytes = VIDEO) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def send(service: Service, clock: Waits | None = None, *, size: int = 3, told: list[int] | None = None) -> Job | None:
    report = [].append if told is None else told.append
    in_parts = InParts(service, lambda: cut(size), len(VIDEO), clock or Waits(), threading.Event(), report)  # type: ignore[arg-type]
    return in_parts.send("clip.mp4", {})


def failing(service: Service, kind: type[SkywriteError], clock: Waits | None = None) -> str:
    with pytest.raises(kind) as caught:
        send(service, clock)
    return caught.value.message


@pytest.mark.parametrize("size", [1, 3, 4, 8, 10])
def test_however_a_video_is_read_its_parts_are_the_planned_ones(size: int) -> None:
    """Numbered from one, the last one with what is left; whoever watches hears of each, and in the end of all."""
    service, told = Service(), list[int]()
    assert DONE == send(service, size=size, told=told)
    assert [(1, b"0123"), (2, b"4567"), (3, b"89")] == sorted(service.arrived)
    assert ["start", "part", "part", "part", "renew_token", "finish"] == service.asked
    assert (4, sorted(told), 10) == (len(told), told, told[-1])


@pytest.mark.parametrize(("random", "by_chance"), [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
@pytest.mark.parametrize(
    ("method", "tries", "pauses"),
    [
        ("start", 4, [0.5, 1, 2]),
        ("part", 4, [0.5, 1, 2]),
        ("finish", 10, [0.5, 1, 2, 4, 8, 16, 16, 16, 16, 16]),
    ],
)
def test_what_fails_is_tried_ever_more_rarely(
    method: str, tries: int, pauses: list[float], random: float, by_chance: float
) -> None:
    """Twice as long each time, half more or less by chance. Then the upload in parts is given up: the video goes
    whole."""
    one_part = {"start": [Parts("upload", 10, 1)]}
    clock, service = Waits(random), Service(**one_part | {method: [AWAY] * tries})
    assert send(service, clock) is None
    assert ([by_chance * seconds for seconds in pauses], tries) == (clock.seconds, service.asked.count(method))
    assert ("abort" if method != "start" else "start") == service.asked[-1]
    answer = {"start": PLAN, "part": None, "finish": DONE}[method]
    assert DONE == send(Service(**one_part | {method: [*[AWAY] * (tries - 1), answer]}))


@pytest.mark.parametrize(("method", "tries"), [("part", 4), ("finish", 10)])
def test_short_limits_are_waited_out(method: str, tries: int) -> None:
    """So often as anything else is tried; nothing else is asked in between."""
    limits = [RateLimited("slow", until=NOW + timedelta(seconds=10 * number)) for number in range(1, tries + 1)]
    clock = Waits()
    answers = {"start": [Parts("upload", 10, 1)], method: [*limits[:-1], USUAL[method][-1]]}
    service = Service(**answers)
    assert DONE == send(service, clock)
    assert ([10.0] * (tries - 1), 0) == (clock.seconds, service.asked.count("upload_status"))
    given_up = Service(**answers | {method: limits})
    assert "slow" == failing(given_up, RateLimited)
    assert "abort" == given_up.asked[-1]


@pytest.mark.parametrize(("seconds", "waits"), [(-5, [0.0]), (60, [60.0]), (60.5, None)])
def test_a_limit_of_more_than_a_minute_is_reported(seconds: float, waits: list[float] | None) -> None:
    """The account's other posts go on meanwhile; what was sent is given back. One that is over costs no time."""
    limit, clock = RateLimited("slow", until=NOW + timedelta(seconds=seconds)), Waits()
    service = Service(part=[limit, None])
    if waits is None:
        assert "slow" == failing(service, RateLimited, clock)
        assert ([], "abort") == (clock.seconds, service.asked[-1])
    else:
        assert DONE == send(service, clock)
        assert waits == clock.seconds


@pytest.mark.parametrize(("received", "again"), [([1, 2], [3]), ([2], [1, 3]), (None, [1, 2, 3])])
def test_what_the_service_misses_is_sent_again(received: list[int] | None, again: list[int]) -> None:
    """Only that; it counts as sent when it is there."""
    status = {"state": "created", "receivedParts": received}
    service, told = Service(finish=[REFUSED, DONE], upload_status=[status]), list[int]()
    assert DONE == send(service, told=told)
    assert sorted([1, 2, 3, *again]) == service.numbers
    assert (10, 10) == (told[-1], max(told))


@pytest.mark.parametrize(
    "status", [{"state": "finishing"}, {"state": "created", "receivedParts": [1, 2, 3]}, AWAY, {"state": "new"}]
)
def test_a_service_that_is_still_at_work_is_asked_again(status: Any) -> None:
    """No part is sent twice."""
    service, clock = Service(finish=[AWAY, AWAY, DONE], upload_status=[status]), Waits()
    assert DONE == send(service, clock)
    assert ([1, 2, 3], [0.5, 1.0]) == (service.numbers, clock.seconds)


@pytest.mark.parametrize("received", [7, True, "all", {"1": 1}, [[1], {}, None, "1", 2.5]])
def test_nonsense_about_parts_means_that_none_arrived(received: Any) -> None:
    """They are sent again, and the video is finished."""
    status = {"state": "created", "receivedParts": received}
    service = Service(finish=[AWAY, DONE], upload_status=[status])
    assert DONE == send(service)
    assert [1, 1, 2, 2, 3, 3] == service.numbers


def test_what_was_finished_is_not_sent_again() -> None:
    """The answer was lost, but the status names the job; also where the upload was to be given back."""
    status = {"state": "completed", "jobId": "upload", "completedJobId": "earlier"}
    lost = Service(finish=[AWAY], upload_status=[status])
    assert Job("earlier", "completed") == send(lost)
    late = Service(finish=[AWAY], abort=[{"state": "completed"}], upload_status=[*[AWAY] * 10, status])
    assert Job("earlier", "completed") == send(late)
    assert [[1, 2, 3]] * 2 == [lost.numbers, late.numbers]


@pytest.mark.parametrize(
    ("reason", "shown"), [("Not a video.", "Not a video"), ("x" * 400, "x" * 300), (None, "no answer")]
)
@pytest.mark.parametrize("told_by", ["upload_status", "abort"])
def test_an_upload_that_failed_is_a_refusal(told_by: str, reason: str | None, shown: str) -> None:
    """With the service's reason, up to a length; without one, with what was heard before."""
    failed: dict[str, Any] = {told_by: [{"state": "failed", "failureReason": reason}]}
    service = Service(finish=[AWAY], **failed)
    error = failing(service, RejectedError).replace("The video service does not finish the upload: ", "")
    assert f"The video service refused the video: {shown}." == error


@pytest.mark.parametrize("state", ["aborted", "expired"])
@pytest.mark.parametrize("abort", [Refused("no such upload"), AWAY])
def test_what_cannot_be_given_back_is_not_sent_another_way(state: str, abort: SkywriteError) -> None:
    """It might be there twice: the video waits, and the first trouble says why."""
    service = Service(finish=[AWAY], upload_status=[{"state": state}], abort=[abort])
    assert f"The upload of the video was {state}: no answer" == failing(service, VideoServiceUnavailable)
    refused = Service(part=[REFUSED], abort=[abort])
    assert "The video service broke off the upload: no such part" == failing(refused, VideoServiceUnavailable)
    silent = Service(finish=[AWAY], abort=[abort])
    assert "The video service does not finish the upload: no answer" == failing(silent, VideoServiceUnavailable)


@pytest.mark.parametrize("refusal", ["ServiceOverloaded", "MethodNotSupported", "VideoTooLong"])
def test_a_plan_that_is_refused_is_not_asked_for_again(refusal: str) -> None:
    """A service with no room for parts, or without them, gets the video whole; one that refuses the video does not."""
    error = MethodNotSupported("no parts here") if refusal == "MethodNotSupported" else Refused("no")
    error.server_error = refusal
    clock, service = Waits(), Service(start=[error])
    if refusal == "VideoTooLong":
        assert "too long" in failing(service, RejectedError, clock)
    else:
        assert send(service, clock) is None
    assert (["start"], []) == (service.asked, clock.seconds)


def test_a_part_that_is_refused_ends_the_upload() -> None:
    """The rest of the video is not even read, and nothing is finished."""
    read: list[int] = []
    service = Service(start=[Parts("upload", 1, 10)], part=[REFUSED])

    def pieces() -> Iterator[bytes]:
        for number in range(10):
            read.append(number)
            yield b"x"

    in_parts = InParts(service, pieces, 10, Waits(), threading.Event(), [].append)  # type: ignore[arg-type]
    assert in_parts.send("clip.mp4", {}) is None
    assert len(read) <= 4
    assert ({"start", "part", "abort"}, []) == (set(service.asked), service.numbers)


def test_four_parts_are_in_memory_at_most() -> None:
    """Three that travel, and the next one: the video is not read faster than it is sent."""
    fourth, held, most = threading.Event(), set[int](), list[int]()
    service = Service(start=[Parts("upload", 1, 50)])

    def part(job_id: str, number: int, data: bytes) -> None:
        fourth.wait(PATIENCE_SECONDS)
        held.discard(number)

    def pieces() -> Iterator[bytes]:
        for number in range(1, 51):
            held.add(number)
            most.append(len(held))
            if number == 4:
                fourth.set()
            yield b"x"

    service.part = part  # type: ignore[method-assign]
    in_parts = InParts(service, pieces, 50, Waits(), threading.Event(), [].append)  # type: ignore[arg-type]
    assert DONE == in_parts.send("clip.mp4", {})
    assert 4 == max(most)


@pytest.mark.parametrize("data", [VIDEO[:-1], VIDEO + b"x", VIDEO + b"xyz", b""])
def test_a_video_of_another_size_is_not_finished(data: bytes) -> None:
    """The file has changed since it was accepted: nobody approved what it holds now."""
    service = Service()
    in_parts = InParts(service, lambda: cut(3, data), len(VIDEO), Waits(), threading.Event(), [].append)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=f"has {len(data)} bytes but should have 10"):
        in_parts.send("clip.mp4", {})
    assert ("abort", 0) == (service.asked[-1], service.asked.count("finish"))


@pytest.mark.parametrize("method", ["start", "part", "finish"])
def test_a_pause_ends_when_the_program_is_stopped(method: str) -> None:
    """What is open is given back at once."""
    clock, service = Waits(), Service(**{method: [AWAY]})
    clock.ends = True
    assert "The upload of the video was stopped." == failing(service, UploadStopped, clock)
    assert ("start" if method == "start" else "abort") == service.asked[-1]
