"""The video service's methods: with which tokens and how much time they are called, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from skywrite.core.errors import SkywriteError
from skywrite.core.http import Response
from skywrite.posting.publish.video_service import (
    Job,
    Parts,
    VideoService,
    VideoServiceUnavailable,
    completed_job,
    failure,
    read_job,
    rejection,
)
from skywrite.protocol.atproto.cid import cid_for_blob
from skywrite.protocol.atproto.xrpc_errors import Refused
from tests.support.errors import fails, known_as
from tests.support.waits import Waits

MIB = 1 << 20
BLOB = {"$type": "blob", "ref": {"$link": cid_for_blob(b"a")}, "mimeType": "video/mp4", "size": 9}


def said(status: int, **answer: Any) -> Response:
    """What the service answers."""
    return Response(status, {"content-type": "application/json", "x-request-id": "r1"}, json.dumps(answer).encode())


class Network:
    """The way to a service that gives these answers one after the other, the last one again and again; and what it was
    asked.
    """

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)
        self.tokens: list[tuple[str, str, int]] = []
        self.bearers: list[str] = []
        self.timeouts: list[float | None] = []
        self.clock = Waits()
        self.service = VideoService(self, "https://video.test:8443", "did:plc:a", self._token, "pds.test", self.clock)

    def _token(self, method: str, audience: str, seconds: int) -> str:
        self.tokens.append((method, audience, seconds))
        return str(len(self.tokens))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = 0,
    ) -> Response:
        self.bearers.append((headers or {}).get("authorization", ""))
        self.timeouts.append(timeout_seconds)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def upload(network: Network, size_bytes: int = 1) -> Job:
    return network.service.upload(lambda: iter([b"x"]), size_bytes, "clip.mp4")


def test_each_token_is_for_one_purpose() -> None:
    """To ask for limits, one for the service that lives a minute; to upload, one for the account's own server that
    lives as long as the service may take to put the video there.
    """
    network = Network(said(200))
    network.service.check_limits(1)
    network.service.part("upload", 1, b"x")
    assert [
        ("app.bsky.video.getUploadLimits", "did:web:video.test%3A8443", 60),
        ("com.atproto.repo.uploadBlob", "did:web:pds.test", 1800),
    ] == network.tokens


def test_a_token_is_used_until_a_minute_before_its_end() -> None:
    """Then there is a new one, as there is where a new one is asked for."""
    network = Network(said(200))
    for pause in (0, 1740, 0.5):
        network.clock.seconds.append(pause)
        network.service.part("upload", 1, b"x")
    network.service.renew_token()
    network.service.part("upload", 1, b"x")
    assert ["Bearer 1", "Bearer 1", "Bearer 2", "Bearer 3"] == network.bearers


def test_a_token_that_is_not_accepted_is_replaced_once() -> None:
    """A service that accepts the next one neither is in trouble; the account needs no sign-in for it."""
    refused = said(401, error="JwtExpired", message="over")
    network = Network(refused, said(200, jobId="1"))
    assert Job("1", "") == upload(network)
    assert ["Bearer 1", "Bearer 2"] == network.bearers
    with pytest.raises(VideoServiceUnavailable, match="does not accept our token") as caught:
        upload(Network(refused))
    error = caught.value
    assert ("video.token_refused", 401, "JwtExpired", "r1") == (
        error.code,
        error.status,
        error.server_error,
        error.request_id,
    )


@pytest.mark.parametrize(
    ("size_bytes", "seconds"), [(0, 60), (100_000, 62), (50_000_000, 1060), (84_000_000, 1740), (90_000_000, 1740)]
)
def test_slow_connections_have_time(size_bytes: int, seconds: float) -> None:
    """A minute, and another second for each 50,000 bytes; never more than the token lives."""
    network = Network(said(200, jobId="1"))
    upload(network, size_bytes)
    network.service.finish("1")
    assert [seconds, 60] == network.timeouts


@pytest.mark.parametrize(
    ("size_bytes", "plan", "fits"),
    [
        (10, ("u", 4, 3), True),
        (12, ("u", 4, 3), True),
        (3, ("u", 1, 3), True),
        (64 * MIB, ("u", 64 * MIB, 1), True),
        (64 * MIB + 1, ("u", 64 * MIB + 1, 1), False),
        (10_000, ("u", 1, 10_000), True),
        (10_001, ("u", 1, 10_001), False),
        (100_000_000, ("u", True, 100_000_000), False),
        (10, ("u" * 1000, 4, 3), False),
        (10, ("u", 4, 2), False),
        (10, ("u", 4, 4), False),
        (10, ("u", 4, None), False),
        (10, ("u", 0, 0), False),
        (10, ("u", -4, -2), False),
        (10, ("u", "4", 3), False),
        (10, ("u", None, 3), False),
        (10, (7, 4, 3), False),
        (10, (None, 4, 3), False),
    ],
)
def test_only_a_plan_that_fits_the_video_is_followed(size_bytes: int, plan: tuple[Any, Any, Any], fits: bool) -> None:
    """Its parts make up the video, and each can be held in memory."""
    answer = dict(zip(("jobId", "partSizeBytes", "partCount"), plan, strict=True))
    service = Network(said(200, **answer)).service
    if fits:
        assert Parts(*plan) == service.start(size_bytes, "clip.mp4", {})
    else:
        with pytest.raises(VideoServiceUnavailable, match="do not fit the video"):
            service.start(size_bytes, "clip.mp4", {})


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"canUpload": True, "remainingDailyVideos": 1, "remainingDailyBytes": 1000, "message": "Verify your e-mail"},
        {"canUpload": None, "remainingDailyVideos": "0", "remainingDailyBytes": "0"},
    ],
)
def test_an_account_that_has_enough_left_may_upload(limits: dict[str, Any]) -> None:
    """One video, of exactly what is left; and where nobody can tell."""
    network = Network(said(200, **limits))
    assert network.service.check_limits(1000) is None  # type: ignore[func-returns-value]
    assert ["Bearer 1"] == network.bearers


@pytest.mark.parametrize(
    ("answer", "kind", "words", "hint"),
    [
        (said(200, canUpload=False, message="Confirm your e-mail"), "video.refused", "Confirm your e-mail.", "e-mail"),
        (said(200, canUpload=False, message="Please verify"), "video.refused", "Please verify.", "e-mail address"),
        (said(200, canUpload=False, message="25", error="Limit"), "video.limit_reached", "now: 25 Limit.", "later"),
        (said(200, canUpload=False), "video.limit_reached", "now: the limit of the day is reached.", "later"),
        (said(200, remainingDailyVideos=0), "video.limit_reached", "no video left today", "later"),
        (said(200, remainingDailyBytes=999_000), "video.limit_reached", "1 MB of video today", "later"),
        (said(200, remainingDailyBytes=-1), "video.limit_reached", "0 MB of video today; this video has 2 MB", "later"),
        (
            said(400, error="DailyLimitExceeded", message="25"),
            "video.limit_reached",
            "No more videos for now: ",
            "later",
        ),
    ],
)
def test_why_an_account_may_not_upload(answer: Response, kind: type[SkywriteError], words: str, hint: str) -> None:
    """Its owner has to do something, or tomorrow it may."""
    with fails(kind) as caught:
        Network(answer).service.check_limits(1_600_000)
    error = caught.value
    assert (kind, True, True) == (known_as(error, kind), words in error.message, hint in error.hint)


@pytest.mark.parametrize("answer", [{"jobId": "9", "state": "DONE"}, {"jobStatus": {"jobId": "9", "state": "DONE"}}])
def test_a_video_that_is_there_already_has_its_job(answer: dict[str, Any]) -> None:
    """With the status 409, and with no other."""
    assert "9" == upload(Network(said(409, error="already_exists", **answer))).job_id
    with fails("video.refused"):
        upload(Network(said(400, error="no", **answer)))


def test_a_conflict_without_a_job_is_a_refusal() -> None:
    """There is nothing to wait for."""
    with fails("video.refused", match="refused the video"):
        upload(Network(said(409, error="Conflict", message="no")))


def test_a_job_that_the_service_does_not_know_is_trouble_of_the_service() -> None:
    """The video is sent again later."""
    with pytest.raises(VideoServiceUnavailable, match="lost the video"):
        Network(said(400, error="InvalidRequest", message="no such job")).service.job("9")


@pytest.mark.parametrize(
    ("code", "kind", "words", "hint"),
    [
        ("TooManyOpenUploads", VideoServiceUnavailable, "has no capacity now: so it says", "later"),
        ("ServiceOverloaded", VideoServiceUnavailable, "has no capacity now: so it says", "later"),
        ("VideoTooLong", "video.refused", "refused the video: it is too long.", "Cut it"),
        ("encoded_video_too_large", "video.refused", "it is too large once encoded.", "shorter or smaller"),
        ("VIDEO_TOO_LONG", "video.refused", "it is too long.", "Cut it"),
        ("DailyLimitExceeded", "video.limit_reached", "No more videos for now: so it says", "later"),
        (
            "EmailUnverified",
            "video.refused",
            "may not upload videos: so it says",
            "Confirm the account's e-mail address",
        ),
        ("SomethingNew", "video.refused", "refused the video: so it says", ""),
        (None, "video.refused", "refused the video: so it says", ""),
    ],
)
def test_what_a_refusal_means(code: str | None, kind: type[SkywriteError], words: str, hint: str) -> None:
    """Whether the video, the account or the time is wrong; what the server said stays at hand for its operator."""
    error = Refused("so it says")
    error.status, error.server_error, error.request_id = 400, code, "r1"
    refusal = rejection(error)
    assert (kind, True, True) == (known_as(refusal, kind), words in refusal.message, hint in refusal.hint)
    assert (400, code, "r1") == (refusal.status, refusal.server_error, refusal.request_id)


@pytest.mark.parametrize(
    ("job", "words", "hint"),
    [
        (Job("1", "", failure_code="validation_failure", error="video_too_long"), "it is too long.", "Cut it"),
        (Job("1", "", error="bad_aspect_ratio"), "its shape is not supported.", "between 1:3 and 3:1"),
        (Job("1", "", failure_code="validation_failure", message="odd"), "video: odd.", "Export it again."),
        (Job("1", "", failure_code="encoding_failure", error="e"), "not encode the video: e.", "H.264 and AAC"),
        (Job("1", "", failure_code="pds_upload_failure", message="m", error="e"), "server: m.", "later"),
        (Job("1", "", failure_code="pds_upload_unsupported_blob_size"), "videos of this size", "blob limit"),
        (Job("1", "", failure_code="new", error="e"), "failed with the video: e.", "later"),
        (Job("1", "", failure_code="new"), "failed with the video: new.", "later"),
        (Job("1", ""), "failed with the video: no reason given.", "later"),
    ],
)
def test_a_failed_video_comes_with_its_reason_and_what_to_do(job: Job, words: str, hint: str) -> None:
    """The service's own words where there are any, else the best that it gave."""
    error = failure(job)
    assert (True, True) == (words in error.message, hint in error.hint)


@pytest.mark.parametrize(
    ("progress", "shown"), [(50, 50), (-1, 0), (0, 0), (100, 100), (101, 100), ("9", 0), (None, 0)]
)
def test_progress_is_a_percentage(progress: Any, shown: int) -> None:
    """Whatever the service says."""
    assert Job("1", "RUNNING", shown) == read_job({"jobId": "1", "state": "RUNNING", "progress": progress})


@pytest.mark.parametrize(
    ("blob", "is_taken"),
    [
        (BLOB, True),
        (None, False),
        ("bafy", False),
        (BLOB | {"$type": "ref"}, False),
        (BLOB | {"ref": "bafy"}, False),
        (BLOB | {"ref": {"$link": 7}}, False),
        (BLOB | {"mimeType": None}, False),
        (BLOB | {"size": "9"}, False),
        (BLOB | {"size": -5}, False),
        (BLOB | {"size": 2**80}, False),
        (BLOB | {"mimeType": "text/html"}, False),
        (BLOB | {"ref": {"$link": "bafkreinonsense"}}, False),
        (BLOB | {"ref": {"$link": BLOB["ref"]["$link"], "more": 1}}, False),
    ],
)
def test_only_a_sound_blob_is_one(blob: Any, is_taken: bool) -> None:
    """Else the post would be refused later."""
    assert (blob if is_taken else None) == read_job({"jobId": "1", "blob": blob}).blob


def test_nothing_else_comes_with_a_blob() -> None:
    """It becomes a part of the record, where a service has no more to say."""
    assert BLOB == read_job({"jobId": "1", "blob": BLOB | {"title": "Buy here"}}).blob


def test_what_the_service_says_is_one_short_line() -> None:
    """And no text is none."""
    job = read_job({"jobId": "1", "state": 7, "error": "  two\n words. ", "message": "x" * 400, "failureCode": None})
    assert Job("1", "", error="two words", message="x" * 300) == job


@pytest.mark.parametrize(
    "answer",
    [{}, {"jobId": ""}, {"jobId": 7}, {"jobId": "7" * 1000}, {"jobStatus": None}, {"jobStatus": {"state": "x"}}],
)
def test_an_answer_without_a_job_is_trouble_of_the_service(answer: dict[str, Any]) -> None:
    """There is nothing to ask for."""
    with pytest.raises(VideoServiceUnavailable, match="responded without a job"):
        read_job(answer)


@pytest.mark.parametrize(("completed", "expected"), [("9", "9"), ("", "1"), (7, "1"), (None, "1")])
def test_a_finished_upload_names_the_job_to_ask_for(completed: Any, expected: str) -> None:
    """Where it does not, the upload's own is the one."""
    assert expected == completed_job({"jobId": "1", "completedJobId": completed}).job_id
