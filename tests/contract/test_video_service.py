"""Videos go through the video service as its lexicons ask, and whatever it does ends in a blob or a clear error.

There is no public implementation of the service: these tests run against the stand-in of `tests.support.video_service`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, RateLimited, RejectedError, SignInError, SkywriteError, TemporaryError
from skywrite.core.http import Http
from skywrite.posting.publish import video_upload
from skywrite.posting.publish.video_service import UploadStopped, VideoServiceUnavailable
from skywrite.posting.publish.video_upload import VideoUploader
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.protocol.atproto.xrpc_errors import NotSignedIn, Refused
from skywrite.protocol.media.video import VideoInfo
from tests.support.errors import fails, known_as
from tests.support.processes import PATIENCE_SECONDS
from tests.support.video_service import (
    ACCOUNT,
    BLOB,
    DO_AND_DROP,
    DROP,
    PDS_DID,
    PDS_HOST,
    UPLOAD_TOKEN,
    Fault,
    VideoServiceStandIn,
    answer,
)

PARTS_FROM = 100_000
SMALL = bytes(range(256)) * 250
LARGE = b"".join(number.to_bytes(4, "big") for number in range(PARTS_FROM // 4)) + b"and a bit"
OVERLOADED = answer(503, "ServiceOverloaded")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts begin at 100,000 bytes, so that the tests are quick; one test shows where they begin."""
    monkeypatch.setattr(video_upload, "PARTS_FROM_BYTES", PARTS_FROM)


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http(timeout_seconds=PATIENCE_SECONDS)
    yield client
    client.close()


@pytest.fixture
def service(clock: FakeClock) -> Iterator[VideoServiceStandIn]:
    with VideoServiceStandIn(clock) as stand_in:
        stand_in.part_bytes = 30_000
        yield stand_in
    assert [] == stand_in.violations


@pytest.fixture
def uploader(service: VideoServiceStandIn, http: Http, clock: FakeClock) -> VideoUploader:
    return VideoUploader(http, service.url, ACCOUNT, service.token_for, PDS_HOST, clock)


def pieces(data: bytes, size: int = 7_000) -> Callable[[], Iterator[bytes]]:
    return lambda: (data[at : at + size] for at in range(0, len(data), size))


def send(uploader: VideoUploader, data: bytes = SMALL, **options: Any) -> dict[str, Any]:
    return uploader.upload(pieces(data), len(data), "video.mp4", **options)


def refused(uploader: VideoUploader, kind: type[SkywriteError], data: bytes = SMALL) -> SkywriteError:
    with fails(kind) as caught:
        send(uploader, data)
    assert "eyJ" not in caught.value.message + caught.value.hint
    return caught.value


def test_small_video_goes_in_one_request(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Below 16 MiB the video goes whole, with did, name and exact length, and its blob comes back."""
    assert BLOB == send(uploader)
    assert [SMALL] == list(service.videos.values())
    assert {"did": ACCOUNT, "name": "video.mp4"} == service.calls("uploadVideo")[0].params
    assert [] == service.calls("startUpload")


@pytest.mark.parametrize(("extra", "expected"), [(-1, "uploadVideo"), (0, "startUpload")])
def test_parts_begin_at_16_mib(
    service: VideoServiceStandIn,
    uploader: VideoUploader,
    extra: int,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One byte below 16 MiB goes whole, 16 MiB goes in parts."""
    monkeypatch.undo()
    service.part_bytes = 5 << 20
    send(uploader, bytes((16 << 20) + extra))
    assert 1 == len(service.calls(expected))
    assert 1 == len(service.calls("uploadVideo")) + len(service.calls("startUpload"))


def test_large_video_goes_in_parts(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """From 16 MiB on the video goes in parts, at most three at once, and arrives as it was."""
    info = VideoInfo(640, 480, 12.5, len(LARGE))
    assert BLOB == send(uploader, LARGE, info=info)
    assert [LARGE] == list(service.videos.values())
    assert 4 == len(service.calls("uploadPart"))
    assert 1 <= service.parts_at_once <= 3
    assert "completed" == service.uploads["upload-1"].state


def test_three_parts_travel_at_once(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """The first three parts are answered only once all three are there."""
    service.together = threading.Barrier(3)
    assert BLOB == send(uploader, LARGE)
    assert 3 == service.parts_at_once


def test_finish_has_a_fresh_token(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """The service keeps the last token for its own upload to the PDS, so finishing brings a new one."""
    send(uploader, LARGE)
    assert service.calls("finishUpload")[0].token != service.calls("uploadPart")[0].token
    assert 1 == len({seen.token for seen in service.calls("uploadPart") + service.calls("startUpload")})


@pytest.mark.parametrize("data", [SMALL, LARGE])
def test_progress_is_reported(service: VideoServiceStandIn, uploader: VideoUploader, data: bytes) -> None:
    """Bytes are told as they leave and never more than there are; then the service's own states."""
    bytes_told: list[int] = []
    states: list[tuple[str, int]] = []
    send(uploader, data, progress=bytes_told.append, state=lambda name, share: states.append((name, share)))
    assert sorted(bytes_told) == bytes_told
    assert len(data) == bytes_told[-1]
    assert ("JOB_STATE_ENCODING", 50) in states


@pytest.mark.parametrize("wrapped", [True, False])
def test_replies_with_and_without_wrapper(service: VideoServiceStandIn, uploader: VideoUploader, wrapped: bool) -> None:
    """A job status is read with the wrapper of the lexicon and without it, as the live service sends it."""
    service.wrapped = wrapped
    assert BLOB == send(uploader)


def test_known_video_comes_back_at_once(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """409 already_exists carries the finished job: its blob is taken, and nothing is polled."""
    service.finish_job(SMALL)
    assert BLOB == send(uploader)
    assert [] == service.calls("getJobStatus")


def test_known_video_still_in_work_is_polled(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """409 with a job that is not finished goes on polling that job."""
    service.script = [{"state": "JOB_STATE_COMPLETED", "blob": BLOB}]
    first = send(uploader)
    service.script = [{"state": "JOB_STATE_ENCODING"}, {"state": "JOB_STATE_COMPLETED", "blob": BLOB}]
    assert first == send(uploader)
    assert ["job-1"] == [seen.params["jobId"] for seen in service.calls("getJobStatus")][-1:]


def test_known_video_in_parts_has_another_job(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """After finishUpload the job that it names is polled, which may be an earlier video's."""
    known = service.finish_job(LARGE)
    service.script = [{"state": "JOB_STATE_ENCODED"}, {"state": "JOB_STATE_COMPLETED", "blob": BLOB}]
    service._polls.clear()
    assert BLOB == send(uploader, LARGE)
    assert {known} == {seen.params["jobId"] for seen in service.calls("getJobStatus")}


def test_the_completed_job_is_the_one_to_poll(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """`completedJobId` is polled, also where the job status beside it names the upload."""
    known = service.finish_job(SMALL)
    status = {"jobId": "upload-1", "did": ACCOUNT, "state": "JOB_STATE_CREATED"}
    service.faults["finishUpload"] = [Fault("answer", 200, {"completedJobId": known, "jobStatus": status})]
    assert BLOB == send(uploader, LARGE)
    assert [known] == [seen.params["jobId"] for seen in service.calls("getJobStatus")]


@pytest.mark.parametrize("state", ["JOB_STATE_SCANNING", "JOB_STATE_UNHEARD_OF", "", "job_state_failed"])
def test_unknown_states_mean_in_progress(service: VideoServiceStandIn, uploader: VideoUploader, state: str) -> None:
    """A state that nobody knows is waited out."""
    service.script = [{"state": state}] * 4 + [{"state": "JOB_STATE_COMPLETED", "blob": BLOB}]
    assert BLOB == send(uploader)


@pytest.mark.parametrize("state", ["JOB_STATE_UPLOADED", "JOB_STATE_FAILED", "ALREADY_THERE"])
def test_any_blob_is_taken(service: VideoServiceStandIn, uploader: VideoUploader, state: str) -> None:
    """A blob that is there counts, whatever the state says."""
    service.script = [{"state": state, "blob": BLOB, "error": "already_exists"}]
    assert BLOB == send(uploader)


@pytest.mark.parametrize("blob", [None, "cid", {}, {"$type": "blob"}, {**BLOB, "ref": "bafy"}, {**BLOB, "size": "9"}])
def test_finished_without_a_blob(service: VideoServiceStandIn, uploader: VideoUploader, blob: Any) -> None:
    """A job that is called finished and gives no sound blob ends as trouble of the service, not in a loop."""
    service.script = [{"state": "JOB_STATE_COMPLETED", "blob": blob}]
    assert "returned no blob" in refused(uploader, VideoServiceUnavailable).message
    assert len(service.calls("getJobStatus")) <= 3


@pytest.mark.parametrize(
    ("job", "kind", "words"),
    [
        ({"failureCode": "validation_failure", "error": "video_too_long"}, "video.refused", "too long"),
        ({"failureCode": "validation_failure", "error": "bad_aspect_ratio"}, "video.refused", "shape"),
        ({"error": "unsupported_codec"}, "video.refused", "format"),
        ({"failureCode": "validation_failure", "message": "odd"}, "video.refused", "odd"),
        ({"failureCode": "encoding_failure"}, "video.refused", "encode"),
        ({"failureCode": "pds_upload_unsupported_blob_size"}, "video.too_large_for_server", "account's server"),
        ({"failureCode": "pds_upload_failure"}, VideoServiceUnavailable, "store"),
        ({"failureCode": "generic_failure"}, VideoServiceUnavailable, "failed"),
        ({"failureCode": "something_new"}, VideoServiceUnavailable, "something_new"),
        ({}, VideoServiceUnavailable, "no reason given"),
    ],
)
def test_failed_jobs(
    service: VideoServiceStandIn,
    uploader: VideoUploader,
    job: dict[str, str],
    kind: type[SkywriteError],
    words: str,
) -> None:
    """Every failure code becomes an error that says what it is and whether trying again makes sense."""
    service.script = [{"state": "JOB_STATE_CREATED"}, {"state": "JOB_STATE_FAILED", **job}]
    error = refused(uploader, kind)
    assert kind == known_as(error, kind)
    assert words in error.message
    assert error.hint
    assert isinstance(error, RejectedError) != isinstance(error, TemporaryError)


@pytest.mark.parametrize(
    ("limits", "kind", "words"),
    [
        ({"canUpload": False}, "video.limit_reached", "limit of the day"),
        ({"canUpload": False, "message": "25 a day"}, "video.limit_reached", "25 a day"),
        ({"canUpload": False, "error": "unconfirmed_email", "message": "Verify it"}, "video.refused", "Verify it"),
        ({"canUpload": True, "remainingDailyVideos": 0}, "video.limit_reached", "no video left"),
        ({"canUpload": True, "remainingDailyBytes": 5}, "video.limit_reached", "0 MB of video today"),
    ],
)
def test_limits_of_the_day(
    service: VideoServiceStandIn,
    uploader: VideoUploader,
    limits: dict[str, Any],
    kind: type[SkywriteError],
    words: str,
) -> None:
    """An account that may not upload now hears why, and not a byte of the video is sent."""
    service.limits = limits
    assert words in refused(uploader, kind).message
    assert {"getUploadLimits"} == {seen.method for seen in service.seen}


def test_a_service_without_limits_is_used(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """A service that does not know getUploadLimits does not stop the video."""
    service.faults["getUploadLimits"] = [answer(501, "MethodNotImplemented")]
    assert BLOB == send(uploader)


@pytest.mark.parametrize("fault", [DROP, DO_AND_DROP, OVERLOADED, answer(500, "InternalServerError"), answer(502, "")])
def test_lost_answers_of_a_whole_video(service: VideoServiceStandIn, uploader: VideoUploader, fault: Fault) -> None:
    """A lost answer is repeated; a video that had arrived is known by its bytes."""
    service.faults["uploadVideo"] = [fault, fault]
    assert BLOB == send(uploader)
    assert 1 == len(service.videos)


@pytest.mark.parametrize("fault", [DROP, DO_AND_DROP, OVERLOADED, answer(500, "InternalServerError"), answer(408, "x")])
def test_lost_answers_of_parts(service: VideoServiceStandIn, uploader: VideoUploader, fault: Fault) -> None:
    """A part whose answer is lost is sent again, and the video arrives as it was."""
    service.faults["uploadPart"] = [fault, fault, fault]
    assert BLOB == send(uploader, LARGE)
    assert [LARGE] == list(service.videos.values())
    assert [] == service.calls("uploadVideo")


def test_short_limit_on_parts_is_waited_out(
    service: VideoServiceStandIn, uploader: VideoUploader, clock: FakeClock
) -> None:
    """429 with a short Retry-After makes a part wait so long."""
    service.faults["uploadPart"] = [answer(429, "RateLimitExceeded", **{"retry-after": "20"})]
    before = clock.monotonic()
    assert BLOB == send(uploader, LARGE)
    assert clock.monotonic() - before >= 20


def test_long_limit_on_parts_is_reported(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """429 for an hour is not waited out: it is told, and the open upload is given back."""
    service.faults["uploadPart"] = [answer(429, "RateLimitExceeded", **{"retry-after": "3600"})] * 9
    refused(uploader, RateLimited, LARGE)
    assert "aborted" == service.uploads["upload-1"].state


@pytest.mark.parametrize(
    "fault",
    [answer(501, "MethodNotImplemented"), answer(404, "NotFound"), OVERLOADED, answer(400, "TooManyOpenUploads")],
)
def test_no_parts_for_now_means_whole(service: VideoServiceStandIn, uploader: VideoUploader, fault: Fault) -> None:
    """Where the service takes no parts, a large video goes whole."""
    service.faults["startUpload"] = [fault] * 9
    assert BLOB == send(uploader, LARGE)
    assert [LARGE] == list(service.videos.values())
    assert 1 == len(service.calls("uploadVideo"))


def test_parts_that_fail_for_good_mean_whole(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Where parts do not arrive, the upload is given back and the video goes whole."""
    service.faults["uploadPart"] = [OVERLOADED] * 99
    assert BLOB == send(uploader, LARGE)
    assert "aborted" == service.uploads["upload-1"].state
    assert [LARGE] == list(service.videos.values())


@pytest.mark.parametrize("abort", [OVERLOADED, answer(409, "UploadFinishing")])
@pytest.mark.parametrize(
    ("part", "words"), [(OVERLOADED, "ServiceOverloaded"), (answer(400, "PartTooLarge"), "broke off the upload")]
)
def test_parts_that_cannot_be_given_up(
    service: VideoServiceStandIn, uploader: VideoUploader, part: Fault, abort: Fault, words: str
) -> None:
    """Where nobody knows what became of the parts, the video is not sent a second time: the first trouble is raised."""
    service.faults["uploadPart"] = [part] * 99
    service.faults["abortUpload"] = [abort] * 9
    assert words in refused(uploader, VideoServiceUnavailable, LARGE).message
    assert [] == service.calls("uploadVideo")


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("UnsupportedContentType", "video.refused", "format"),
        ("VideoTooLarge", "video.refused", "too large"),
        ("VideoTooLong", "video.refused", "too long"),
        ("BadAspectRatio", "video.refused", "shape"),
        ("DailyLimitExceeded", "video.limit_reached", "No more videos"),
        ("UploadForbidden", "video.refused", "may not upload"),
        ("EmailUnverified", "video.refused", "This account may not upload videos"),
        ("SomethingNew", "video.refused", "The video service refused the video"),
    ],
)
def test_refusals_at_the_start(
    service: VideoServiceStandIn, uploader: VideoUploader, code: str, kind: type[SkywriteError], words: str
) -> None:
    """A video that is refused at the start is not sent another way."""
    service.faults["startUpload"] = [answer(400, code)]
    error = refused(uploader, kind, LARGE)
    assert kind == known_as(error, kind)
    assert words in error.message
    assert {"getUploadLimits"} == {seen.method for seen in service.seen}


def test_lost_answer_of_finish(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Where finishing was done and its answer lost, the status tells, and nothing is sent twice."""
    service.faults["finishUpload"] = [DO_AND_DROP]
    assert BLOB == send(uploader, LARGE)
    assert 4 == len(service.calls("uploadPart"))
    assert 1 == len(service.videos)


def test_finish_that_fails_before_it_is_done(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Finishing is tried again while the upload is still open, also when its status cannot be asked."""
    service.faults["finishUpload"] = [DROP, OVERLOADED]
    service.faults["getUploadStatus"] = [DROP, DROP, DROP]
    assert BLOB == send(uploader, LARGE)
    assert 1 == len(service.videos)


def test_missing_parts_are_sent_again(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Parts that the service lost are sent again, and only these."""
    service.forget_parts = {2, 4}
    assert BLOB == send(uploader, LARGE)
    numbers = [seen.params["partNumber"] for seen in service.calls("uploadPart")]
    assert ["1", "2", "2", "3", "4", "4"] == sorted(numbers)
    assert [LARGE] == list(service.videos.values())


def end_upload(service: VideoServiceStandIn, state: str) -> Callable[[int], None]:
    def end(done: int) -> None:
        if done == len(LARGE) and "upload-1" in service.uploads and not service.videos:
            service.uploads["upload-1"].state = state
            service.uploads["upload-1"].reason = "not a video"

    return end


def test_uploads_that_failed(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """An upload that the service calls failed is a refusal, with its reason."""
    with fails("video.refused") as caught:
        send(uploader, LARGE, progress=end_upload(service, "failed"))
    assert "not a video" in caught.value.message


@pytest.mark.parametrize("state", ["expired", "aborted"])
def test_uploads_that_are_over(service: VideoServiceStandIn, uploader: VideoUploader, state: str) -> None:
    """An upload that expired or was given up meanwhile is done whole instead."""
    assert BLOB == send(uploader, LARGE, progress=end_upload(service, state))
    assert 1 == len(service.calls("uploadVideo"))


def test_plan_that_does_not_fit(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """A plan whose parts do not add up is not followed; the video goes whole."""
    plan = {"jobId": "x", "partSizeBytes": 1000, "partCount": 2, "expiresAt": "2026-11-24T10:00:00.000Z"}
    service.faults["startUpload"] = [Fault("answer", 200, plan)] * 4
    assert BLOB == send(uploader, LARGE)
    assert 1 == len(service.calls("uploadVideo"))


def test_token_that_is_not_accepted_is_renewed_once(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """401 brings one fresh token; a second 401 is trouble of the service, not of the account."""
    service.faults["uploadVideo"] = [answer(401, "JwtExpired")]
    assert BLOB == send(uploader)
    service.faults["uploadVideo"] = [answer(401, "JwtExpired")] * 9
    error = refused(uploader, VideoServiceUnavailable, SMALL + b"2")
    assert "video.token_refused" == error.code
    assert not isinstance(error, SignInError)


def test_account_that_needs_a_sign_in(http: Http, service: VideoServiceStandIn, clock: FakeClock) -> None:
    """Where the PDS gives no token, its own error comes through, and an open upload is given back."""

    def failing(lxm: str, aud: str, seconds: int) -> str:
        if lxm == UPLOAD_TOKEN:
            raise NotSignedIn("The session is over.")
        return service.token_for(lxm, aud, seconds)

    uploader = VideoUploader(http, service.url, ACCOUNT, failing, PDS_HOST, clock)
    for data in (SMALL, LARGE):
        with pytest.raises(NotSignedIn):
            send(uploader, data)


def test_polling_backs_off_and_ends(service: VideoServiceStandIn, http: Http, clock: FakeClock) -> None:
    """A video that is never finished is given up at the deadline, and asked for ever more rarely."""
    uploader = VideoUploader(http, service.url, ACCOUNT, service.token_for, PDS_HOST, clock, deadline_seconds=600)
    service.script = [{"state": "JOB_STATE_ENCODING"}]
    before = clock.monotonic()
    assert "did not finish the video within 10 minutes" in refused(uploader, VideoServiceUnavailable).message
    assert 600 <= clock.monotonic() - before <= 630
    assert len(service.calls("getJobStatus")) < 80


def test_polling_survives_trouble(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """Lost answers and web pages while polling do not lose the video."""
    page = Fault("answer", 200, b"<html>", content_type="text/html")
    service.faults["getJobStatus"] = [DROP, page, OVERLOADED, Fault("answer", 200, {"odd": 1}), answer(500, "x")]
    assert BLOB == send(uploader)


def test_polling_that_only_fails_ends(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """A service that only fails is given up as unavailable."""
    service.faults["getJobStatus"] = [answer(500, "InternalServerError")] * 999
    refused(uploader, VideoServiceUnavailable)


def test_polling_obeys_rate_limits(service: VideoServiceStandIn, uploader: VideoUploader, clock: FakeClock) -> None:
    """429 while polling is waited out."""
    service.faults["getJobStatus"] = [answer(429, "RateLimitExceeded", **{"retry-after": "300"})]
    before = clock.monotonic()
    assert BLOB == send(uploader)
    assert clock.monotonic() - before >= 200


@pytest.mark.parametrize(
    "fault",
    [
        Fault("answer", 200, b"<html>welcome</html>", content_type="text/html"),
        Fault("answer", 200, b"{", content_type="application/json"),
        Fault("answer", 200, {"jobStatus": "later"}),
        Fault("answer", 200, {"jobId": 7}),
    ],
)
def test_answers_that_are_none(service: VideoServiceStandIn, uploader: VideoUploader, fault: Fault) -> None:
    """Web pages and garbage end as trouble of the service."""
    service.faults["uploadVideo"] = [fault] * 9
    refused(uploader, VideoServiceUnavailable)


def test_service_that_is_down(http: Http, clock: FakeClock) -> None:
    """A service that cannot be reached is unavailable."""
    with VideoServiceStandIn(clock) as gone:
        pass
    uploader = VideoUploader(http, gone.url, ACCOUNT, gone.token_for, PDS_HOST, clock)
    assert isinstance(refused(uploader, VideoServiceUnavailable), TemporaryError)


class Enough(Exception):
    pass


@pytest.mark.parametrize("data", [SMALL, LARGE])
@pytest.mark.parametrize("at", ["first", "waiting"])
def test_progress_may_stop(service: VideoServiceStandIn, uploader: VideoUploader, data: bytes, at: str) -> None:
    """What `progress` raises ends the upload at once and is what the caller sees."""

    def stop(done: int) -> None:
        if at == "first" or service.calls("getJobStatus"):
            raise Enough

    with pytest.raises(Enough):
        send(uploader, data, progress=stop)
    assert len(service.calls("uploadVideo")) <= 1
    if at == "first" and data is LARGE:
        assert "aborted" == service.uploads["upload-1"].state


@pytest.mark.parametrize("data", [SMALL, LARGE])
def test_stopping(service: VideoServiceStandIn, http: Http, clock: FakeClock, data: bytes) -> None:
    """Once the program stops, waits end at once and nothing stays open."""
    stopping = threading.Event()
    uploader = VideoUploader(http, service.url, ACCOUNT, service.token_for, PDS_HOST, clock, stopping=stopping)
    service.faults["uploadPart"] = [OVERLOADED] * 9
    stopping.set()
    with pytest.raises(UploadStopped):
        send(uploader, data)
    assert "created" not in {upload.state for upload in service.uploads.values()}


def test_video_that_changed_meanwhile(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """A video that is shorter than it was said to be is not finished."""
    with pytest.raises(InputError):
        uploader.upload(pieces(LARGE[:-5]), len(LARGE), "video.mp4")
    assert "aborted" == service.uploads["upload-1"].state
    service.violations.clear()


def test_long_names_are_cut(service: VideoServiceStandIn, uploader: VideoUploader) -> None:
    """A name longer than the lexicon takes is cut, and any character arrives as it is."""
    name = "fü&?=/ " * 60
    assert BLOB == uploader.upload(pieces(SMALL), len(SMALL), name)
    assert name[:256] == service.calls("uploadVideo")[0].params["name"]


STRICT: list[tuple[str, dict[str, Any]]] = [
    ("uploadVideo", {"params": {"did": ACCOUNT}, "body": b"x", "content_type": "video/mp4"}),
    ("uploadVideo", {"params": {"did": ACCOUNT, "name": "a", "x": "1"}, "body": b"x", "content_type": "video/mp4"}),
    ("uploadVideo", {"params": {"did": ACCOUNT, "name": "a"}, "body": b"x", "content_type": "video/webm"}),
    ("uploadVideo", {"params": {"did": "did:plc:other", "name": "a"}, "body": b"x", "content_type": "video/mp4"}),
    (
        "uploadVideo",
        {"params": {"did": ACCOUNT, "name": "a"}, "body": lambda: iter((b"x",)), "content_type": "video/mp4"},
    ),
    (
        "uploadVideo",
        {"params": {"did": ACCOUNT, "name": "a"}, "body": b"x", "content_type": "video/mp4", "token": "lxm"},
    ),
    (
        "uploadVideo",
        {"params": {"did": ACCOUNT, "name": "a"}, "body": b"x", "content_type": "video/mp4", "token": "aud"},
    ),
    (
        "uploadVideo",
        {"params": {"did": ACCOUNT, "name": "a"}, "body": b"x", "content_type": "video/mp4", "token": "no"},
    ),
    ("startUpload", {"body": {"sizeBytes": 0, "mimeType": "video/mp4"}}),
    ("startUpload", {"body": {"sizeBytes": 5}}),
    ("startUpload", {"body": {"sizeBytes": 5, "mimeType": "video/mp4", "did": ACCOUNT}}),
    ("startUpload", {"body": {"sizeBytes": 5.5, "mimeType": "video/mp4"}}),
    ("uploadPart", {"params": {"jobId": "upload-1", "partNumber": 0}, "body": b"12345"}),
    ("uploadPart", {"params": {"jobId": "upload-1", "partNumber": 3}, "body": b"12345"}),
    ("uploadPart", {"params": {"jobId": "upload-1", "partNumber": 1}, "body": b"1234"}),
    ("uploadPart", {"params": {"jobId": "upload-1", "partNumber": 2}, "body": b"12345"}),
    ("finishUpload", {"body": {"jobId": ""}}),
    ("deleteUpload", {"body": {"jobId": "x"}}),
]


@pytest.mark.parametrize(("method", "request_"), STRICT)
def test_the_stand_in_is_strict(http: Http, clock: FakeClock, method: str, request_: dict[str, Any]) -> None:
    """The stand-in refuses, and remembers, what the lexicons do not allow."""
    with VideoServiceStandIn(clock) as strict:
        strict.part_bytes = 5
        right = strict.token_for(UPLOAD_TOKEN, PDS_DID, 1800)
        call = Xrpc(http, strict.url, clock=clock).procedure
        start = {"sizeBytes": 7, "mimeType": "video/mp4"}
        call("app.bsky.video.startUpload", start, headers={"authorization": f"Bearer {right}"})
        fields = dict(request_)
        tokens = {
            "lxm": strict.token_for("app.bsky.video.uploadVideo", PDS_DID, 1800),
            "aud": strict.token_for(UPLOAD_TOKEN, strict.did, 1800),
            "no": "eyJhbGciOiJIUzI1NiJ9.e30.forged",
        }
        headers = {"authorization": f"Bearer {tokens.get(fields.pop('token', ''), right)}"}
        with pytest.raises((Refused, NotSignedIn)):
            call(f"app.bsky.video.{method}", fields.pop("body"), headers=headers, **fields)
        assert 1 == len(strict.violations)
