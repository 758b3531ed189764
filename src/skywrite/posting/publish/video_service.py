"""The video service's methods (app.bsky.video.*), its tokens, and what its refusals mean.

What lives here: one call each, with the right token, and the errors below. What does not: the order of the calls
(`video_upload`), many parts at once (`video_parts`). A failure here never leaves a post in doubt: none of these calls
publishes anything, so all may be repeated.

    VideoServiceUnavailable (TemporaryError)   unreachable, overloaded, or failing; UploadStopped
    TemporaryError                             the account's daily allowance is used up
    RejectedError                              the service refuses this video or this account

Sources: the app.bsky.video lexicons; https://docs.bsky.app/docs/tutorials/video for the tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote, urlsplit

from skywrite.core.clock import Clock
from skywrite.core.errors import InputError, NoAnswer, NotSent, RejectedError, ServerAnswer, TemporaryError
from skywrite.core.http import Transport
from skywrite.protocol.atproto.cid import encode_record
from skywrite.protocol.atproto.xrpc import Body, Xrpc
from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported, NotSignedIn, Refused, ServerFailure
from skywrite.protocol.bsky.embed import check_blob
from skywrite.protocol.bsky.limits import VIDEO_BYTES_MAX

UPLOAD_LXM = "com.atproto.repo.uploadBlob"
LIMITS_LXM = "app.bsky.video.getUploadLimits"
UPLOAD_TOKEN_SECONDS = 1800
LIMITS_TOKEN_SECONDS = 60
TOKEN_MARGIN_SECONDS = 60
PART_BYTES_MAX = 64 << 20
# What S3 allows, and more than any video needs: a service that plans more wants a request for every few bytes.
PARTS_MAX = 10_000
JOB_ID_CHARACTERS_MAX = 512
VIDEO_MIME = "video/mp4"
NAME_CHARACTERS_MAX = 256
_SLOW_BYTES_A_SECOND = 50_000
_TIMEOUT_SECONDS = 60.0

_Made = TypeVar("_Made", bound=ServerAnswer)

TokenFor = Callable[[str, str, int], str]
"""(method of the token, audience DID, lifetime in seconds) -> token, from com.atproto.server.getServiceAuth."""

TOKEN_REFUSED = "video.token_refused"


class VideoServiceUnavailable(TemporaryError):
    """The video service cannot be reached, is overloaded, or failed; the same video may work later."""

    code = "video.service_unavailable"


class UploadStopped(VideoServiceUnavailable):
    """The program was asked to stop while the video service worked on a video."""

    code = "video.upload_stopped"


@dataclass(frozen=True, slots=True)
class Job:
    """app.bsky.video.defs#jobStatus; `progress` is 0 to 100 within its state."""

    job_id: str
    state: str
    progress: int = 0
    blob: dict[str, Any] | None = None
    failure_code: str = ""
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Parts:
    """An open multipart upload: the response of startUpload."""

    job_id: str
    part_bytes: int
    count: int

    @property
    def numbers(self) -> set[int]:
        """The parts' numbers, from 1."""
        return set(range(1, self.count + 1))

    def bytes_of(self, number: int, size_bytes: int) -> int:
        """How large a part is: the last one has what is left."""
        return min(self.part_bytes, size_bytes - (number - 1) * self.part_bytes)


_HINT_LATER = "It is tried again later; nothing was posted."
_REJECTED = {
    "UnsupportedContentType": ("its format is not supported", "Convert it to MP4 with H.264 and AAC."),
    "VideoTooLarge": ("it is too large, or larger than what is left of today's allowance", "Make it smaller."),
    "VideoTooLong": ("it is too long", "Cut it, or post it in parts."),
    "BadAspectRatio": ("its shape is not supported", "Use a shape between 1:3 and 3:1."),
    "UploadForbidden": ("this account may not upload videos", "Confirm the account's e-mail address in the app."),
}
_FAILED = {
    "video_too_long": _REJECTED["VideoTooLong"],
    "bad_aspect_ratio": _REJECTED["BadAspectRatio"],
    "unsupported_codec": _REJECTED["UnsupportedContentType"],
    "encoded_video_too_large": ("it is too large once encoded", "Make it shorter or smaller."),
}


class VideoService:
    """One account at one video service. Safe to share between threads."""

    def __init__(
        self, transport: Transport, service_url: str, did: str, token_for: TokenFor, pds_host: str, clock: Clock
    ) -> None:
        self._xrpc = Xrpc(transport, service_url, clock=clock)
        self._did = did
        self._token_for = token_for
        self._pds = _did_web(pds_host)
        self._service = _did_web(urlsplit(service_url).netloc)
        self._clock = clock
        self._lock = threading.Lock()
        self._token: tuple[str, float] | None = None

    def check_limits(self, size_bytes: int) -> None:
        """Raise TemporaryError or RejectedError if the account cannot upload a video of this size now."""
        token = self._token_for(LIMITS_LXM, self._service, LIMITS_TOKEN_SECONDS)
        try:
            limits = self._asked(lambda: self._xrpc.query(LIMITS_LXM, headers=_bearer(token)))
        except MethodNotSupported:
            return
        except Refused as error:
            raise rejection(error) from None
        text = f"{_word(limits, 'message')} {_word(limits, 'error')}".strip()
        left, bytes_left = limits.get("remainingDailyVideos"), limits.get("remainingDailyBytes")
        if limits.get("canUpload") is False:
            if "mail" in text.lower() or "verif" in text.lower():
                raise RejectedError(
                    f"This account may not upload videos: {text}.",
                    code="video.refused",
                    hint=_REJECTED["UploadForbidden"][1],
                )
            raise TemporaryError(
                f"No more videos for now: {text or 'the limit of the day is reached'}.",
                code="video.limit_reached",
                hint=_HINT_LATER,
            )
        if isinstance(left, int) and left < 1:
            raise TemporaryError("The account has no video left today.", code="video.limit_reached", hint=_HINT_LATER)
        if isinstance(bytes_left, int) and bytes_left < size_bytes:
            raise TemporaryError(
                f"The account may upload {max(0, bytes_left) / 1e6:.0f} MB of video today; this video has "
                f"{size_bytes / 1e6:.0f} MB.",
                code="video.limit_reached",
                hint=_HINT_LATER,
            )

    def upload(self, pieces: Callable[[], Iterator[bytes]], size_bytes: int, name: str) -> Job:
        """uploadVideo: the whole video in one request. For a video that is already there (409) the response has its
        job.
        """
        headers = {"content-length": str(size_bytes)}
        params = {"did": self._did, "name": name[:NAME_CHARACTERS_MAX]}
        try:
            return read_job(self._post("uploadVideo", pieces, size_bytes, params, "video/mp4", headers))
        except Refused as error:
            if error.status == 409 and error.answer.get("jobId", error.answer.get("jobStatus")):
                return read_job(error.answer)
            raise rejection(error) from None

    def start(self, size_bytes: int, name: str, about: Mapping[str, int]) -> Parts:
        """startUpload; `about` may contain durationMs, width and height. Refusals are raised as Refused."""
        body = {"sizeBytes": size_bytes, "mimeType": "video/mp4", "name": name[:NAME_CHARACTERS_MAX], **about}
        answer = self._post("startUpload", body)
        job_id, part_bytes = answer.get("jobId"), answer.get("partSizeBytes")
        if _is_job_id(job_id) and isinstance(part_bytes, int) and 0 < part_bytes <= PART_BYTES_MAX:
            parts = Parts(job_id, part_bytes, -(-size_bytes // part_bytes))
            if parts.count == answer.get("partCount") and parts.count <= PARTS_MAX:
                return parts
        raise VideoServiceUnavailable("The video service planned parts that do not fit the video.", hint=_HINT_LATER)

    def part(self, job_id: str, number: int, data: bytes) -> None:
        """uploadPart, numbered from 1; safe to repeat. Refusals are raised as Refused."""
        params: dict[str, str | int] = {"jobId": job_id, "partNumber": number}
        self._post("uploadPart", data, len(data), params, "application/octet-stream")

    def finish(self, job_id: str) -> Job:
        """finishUpload; safe to repeat. Refusals are raised as Refused."""
        return completed_job(self._post("finishUpload", {"jobId": job_id}))

    def upload_status(self, job_id: str) -> dict[str, Any]:
        """getUploadStatus: the open upload's state and received parts."""
        return self._authorized(
            lambda headers: self._xrpc.query("app.bsky.video.getUploadStatus", {"jobId": job_id}, headers=headers)
        )

    def abort(self, job_id: str) -> dict[str, Any]:
        """abortUpload: releases the reserved allowance."""
        return self._post("abortUpload", {"jobId": job_id})

    def job(self, job_id: str) -> Job:
        """getJobStatus, which needs no token."""
        try:
            return read_job(self._asked(lambda: self._xrpc.query("app.bsky.video.getJobStatus", {"jobId": job_id})))
        except Refused as error:
            raise VideoServiceUnavailable(
                f"The video service lost the video: {error.message}", hint=_HINT_LATER
            ) from None

    def renew_token(self) -> None:
        """Get a new token for the next call: the service keeps the last one for its own upload to the PDS."""
        with self._lock:
            self._token = None

    def _post(
        self,
        method: str,
        body: Body,
        size_bytes: int = 0,
        params: Mapping[str, str | int] | None = None,
        content_type: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        timeout = min(_TIMEOUT_SECONDS + size_bytes / _SLOW_BYTES_A_SECOND, UPLOAD_TOKEN_SECONDS - TOKEN_MARGIN_SECONDS)
        return self._authorized(
            lambda headers: self._xrpc.procedure(
                f"app.bsky.video.{method}",
                body,
                params=params,
                content_type=content_type,
                headers={**headers, **(extra or {})},
                timeout_seconds=timeout,
            )
        )

    def _authorized(self, call: Callable[[dict[str, str]], dict[str, Any]]) -> dict[str, Any]:
        """Call with the upload token, and once more with a new one if it is not accepted."""
        token = self._upload_token()
        try:
            return self._asked(lambda: call(_bearer(token)))
        except VideoServiceUnavailable as error:
            if error.code != TOKEN_REFUSED:
                raise
            self.renew_token()
        token = self._upload_token()
        return self._asked(lambda: call(_bearer(token)))

    def _upload_token(self) -> str:
        with self._lock:
            now = self._clock.monotonic()
            if self._token is None or now > self._token[1]:
                token = self._token_for(UPLOAD_LXM, self._pds, UPLOAD_TOKEN_SECONDS)
                self._token = token, now + UPLOAD_TOKEN_SECONDS - TOKEN_MARGIN_SECONDS
            return self._token[0]

    def _asked(self, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Call, and turn failures of the service into this module's errors; refusals stay Refused."""
        try:
            return call()
        except NotSignedIn as error:
            text = f"The video service does not accept our token: {error.message}"
            raise _like(error, VideoServiceUnavailable(text, code=TOKEN_REFUSED)) from None
        except (NotSent, NoAnswer, ServerFailure) as error:
            failure = VideoServiceUnavailable(f"The video service failed: {error.message}", hint=_HINT_LATER)
            raise _like(error, failure) from None


def rejection(error: Refused) -> TemporaryError | RejectedError:
    """What a refusal (startUpload, uploadVideo, getUploadLimits) means for the video."""
    code = error.server_error or ""
    reason, hint = _REJECTED.get(code, _FAILED.get(code.lower(), ("", "")))
    problem: TemporaryError | RejectedError
    if code in ("TooManyOpenUploads", "ServiceOverloaded"):
        problem = VideoServiceUnavailable(f"The video service has no capacity now: {error.message}", hint=_HINT_LATER)
    elif reason:
        problem = RejectedError(f"The video service refused the video: {reason}.", code="video.refused", hint=hint)
    elif "limit" in code.lower():
        problem = TemporaryError(
            f"No more videos for now: {error.message}", code="video.limit_reached", hint=_HINT_LATER
        )
    elif "mail" in code.lower():
        problem = RejectedError(
            f"This account may not upload videos: {error.message}",
            code="video.refused",
            hint=_REJECTED["UploadForbidden"][1],
        )
    else:
        problem = RejectedError(f"The video service refused the video: {error.message}", code="video.refused")
    return _like(error, problem)


def failure(job: Job) -> TemporaryError | RejectedError:
    """What JOB_STATE_FAILED means for the video."""
    message = job.message or job.error or job.failure_code or "no reason given"
    reason, hint = _FAILED.get(job.error, ("", ""))
    if job.failure_code == "pds_upload_unsupported_blob_size":
        return RejectedError(
            f"The account's server does not accept videos of this size: {message}.",
            code="video.too_large_for_server",
            hint="Make the video smaller, or ask the server's operator to raise its blob limit.",
        )
    if reason or job.failure_code == "validation_failure":
        return RejectedError(
            f"The video service refused the video: {reason or message}.",
            code="video.refused",
            hint=hint or "Export it again.",
        )
    if job.failure_code == "encoding_failure":
        hint = "Export it again as MP4 with H.264 and AAC."
        return RejectedError(
            f"The video service could not encode the video: {message}.", code="video.refused", hint=hint
        )
    if job.failure_code == "pds_upload_failure":
        text = f"The video service could not store the video at the account's server: {message}."
        return VideoServiceUnavailable(text, hint=_HINT_LATER)
    return VideoServiceUnavailable(f"The video service failed with the video: {message}.", hint=_HINT_LATER)


def read_job(answer: Mapping[str, Any]) -> Job:
    """A job status, with or without the `jobStatus` wrapper, which the live service omits."""
    inner = answer.get("jobStatus", answer)
    if not isinstance(inner, Mapping) or not _is_job_id(inner.get("jobId")):
        raise VideoServiceUnavailable("The video service responded without a job.", hint=_HINT_LATER)
    progress = inner.get("progress")
    return Job(
        inner["jobId"],
        _word(inner, "state"),
        min(100, max(0, progress)) if isinstance(progress, int) else 0,
        _blob(inner.get("blob")),
        _word(inner, "failureCode"),
        _word(inner, "error"),
        _word(inner, "message"),
    )


def completed_job(answer: Mapping[str, Any]) -> Job:
    """The job to poll after an upload in parts: `completedJobId`, which may be an earlier one of the same video."""
    job, completed = read_job(answer), answer.get("completedJobId")
    return replace(job, job_id=completed) if _is_job_id(completed) else job


def _is_job_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= JOB_ID_CHARACTERS_MAX


def _blob(value: object) -> dict[str, Any] | None:
    """The blob that a record can hold, and nothing else that came with it; None if a record could not."""
    if not isinstance(value, Mapping):
        return None
    blob = {name: value.get(name) for name in ("$type", "ref", "mimeType", "size")}
    try:
        check_blob(blob, "The video", VIDEO_MIME, VIDEO_BYTES_MAX)
        encode_record({"video": blob})
    except InputError:
        return None
    return blob


def _word(inner: Mapping[str, Any], key: str) -> str:
    value = inner.get(key)
    return " ".join(value.split())[:300].rstrip(".") if isinstance(value, str) else ""


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _did_web(host: str) -> str:
    """did:web of a host; a port's colon is written %3A (did:web method, section 3.1)."""
    return f"did:web:{quote(host, safe='')}"


def _like(error: ServerAnswer, problem: _Made) -> _Made:
    problem.status, problem.server_error, problem.request_id = error.status, error.server_error, error.request_id
    return problem
