"""A video in parts: startUpload, three uploadParts at once, finishUpload, and handling their failures.

What lives here: the order of these calls and their retries. What does not: the calls (`video_service`), the wait for
the finished video (`video_upload`). Bytes are read once, in order, and at most four parts are held in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from skywrite.core.clock import Clock
from skywrite.core.errors import InputError, RateLimited, RejectedError, SkywriteError, TemporaryError
from skywrite.posting.publish.video_service import (
    Job,
    Parts,
    UploadStopped,
    VideoService,
    VideoServiceUnavailable,
    completed_job,
    rejection,
)
from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported, Refused

PARTS_AT_ONCE = 3
PART_TRIES = 4
FINISH_TRIES = 10
RETRY_FIRST_SECONDS = 0.5
RATE_LIMIT_SECONDS_MAX = 60.0
Pieces = Callable[[], Iterator[bytes]]


class InParts:
    """One video's upload in parts. `report` is called with the number of bytes that have arrived, and may raise to
    stop.
    """

    def __init__(
        self,
        service: VideoService,
        pieces: Pieces,
        size_bytes: int,
        clock: Clock,
        stopping: threading.Event,
        report: Callable[[int], None],
    ) -> None:
        self._service = service
        self._pieces = pieces
        self._size = size_bytes
        self._clock = clock
        self._stopping = stopping
        self._report = report
        self._lock = threading.Lock()
        self._done_bytes = 0

    def send(self, name: str, about: Mapping[str, int]) -> Job | None:
        """The video's job; None if the service has no uploads in parts, or gave up this one: then send it whole.

        Raises RejectedError, TemporaryError, VideoServiceUnavailable.
        """
        parts = self._start(name, about)
        if parts is None:
            return None
        try:
            self._send_parts(parts, parts.numbers)
            self._service.renew_token()
            return self._finish(parts)
        except UploadStopped:
            self._abort(parts)
            raise
        except (VideoServiceUnavailable, Refused) as error:
            return self._given_up(parts, error)
        except BaseException:
            # The program ends, the account needs a sign-in, or `report` raised: release the reserved allowance.
            self._abort(parts)
            raise

    def _start(self, name: str, about: Mapping[str, int]) -> Parts | None:
        for tried in range(PART_TRIES):
            try:
                return self._service.start(self._size, name, about)
            except MethodNotSupported:
                return None
            except Refused as error:
                refusal = rejection(error)
                if isinstance(refusal, VideoServiceUnavailable):
                    return None
                raise refusal from None
            except VideoServiceUnavailable:
                if tried == PART_TRIES - 1:
                    return None
            self._pause(tried)
        return None

    def _send_parts(self, parts: Parts, missing: set[int]) -> None:
        """Send the missing parts, three at once; the first failure stops the others and is raised."""
        from concurrent.futures import Future, ThreadPoolExecutor

        free = threading.Semaphore(PARTS_AT_ONCE)
        failed: list[BaseException] = []

        def ended(future: Future[None]) -> None:
            error = future.exception()
            if error is not None:
                failed.append(error)
            free.release()

        with ThreadPoolExecutor(PARTS_AT_ONCE, "skywrite-part") as pool:
            try:
                for number, data in self._parts(parts):
                    if number not in missing:
                        continue
                    free.acquire()
                    if failed:
                        break
                    pool.submit(self._send_part, parts, number, data, failed).add_done_callback(ended)
                    self._report_progress()
            except BaseException as error:
                failed.append(error)
        if failed:
            raise failed[0]
        self._report_progress()

    def _report_progress(self) -> None:
        with self._lock:
            done_bytes = self._done_bytes
        self._report(done_bytes)

    def _send_part(self, parts: Parts, number: int, data: bytes, failed: list[BaseException]) -> None:
        for tried in range(PART_TRIES):
            if failed:
                return
            try:
                self._service.part(parts.job_id, number, data)
                with self._lock:
                    self._done_bytes += len(data)
                return
            except RateLimited as error:
                self._wait_out(error, tried == PART_TRIES - 1)
            except VideoServiceUnavailable:
                if tried == PART_TRIES - 1:
                    raise
                self._pause(tried)

    def _parts(self, parts: Parts) -> Iterator[tuple[int, bytes]]:
        """The parts of the video, numbered from 1. Raises InputError if its size is not as expected."""
        number, held = 1, bytearray()
        sent = 0
        for piece in self._pieces():
            held += piece
            while len(held) >= parts.part_bytes:
                yield number, bytes(held[: parts.part_bytes])
                sent += parts.part_bytes
                del held[: parts.part_bytes]
                number += 1
        if held:
            yield number, bytes(held)
            sent += len(held)
        if sent != self._size:
            raise InputError(
                f"The video has {sent} bytes but should have {self._size}; it has changed in the meantime."
            )

    def _finish(self, parts: Parts) -> Job:
        """Finish, even if responses are lost; parts that the service is missing are sent again."""
        last: SkywriteError = VideoServiceUnavailable("no answer")
        for tried in range(FINISH_TRIES):
            try:
                return self._service.finish(parts.job_id)
            except RateLimited as error:
                self._wait_out(error, tried == FINISH_TRIES - 1)
                continue
            except (VideoServiceUnavailable, Refused) as error:
                last = error
            try:
                status = self._service.upload_status(parts.job_id)
            except VideoServiceUnavailable:
                self._pause(tried)
                continue
            state = status.get("state")
            if state == "completed":
                return completed_job(status)
            if state in ("failed", "aborted", "expired"):
                raise _ended(status, last)
            missing = parts.numbers - _received(status)
            if state == "created" and missing:
                self._done_bytes = self._size - sum(parts.bytes_of(number, self._size) for number in missing)
                self._send_parts(parts, missing)
            else:
                self._pause(tried)
        raise VideoServiceUnavailable(f"The video service does not finish the upload: {last.message}")

    def _given_up(self, parts: Parts, error: SkywriteError) -> Job | None:
        """Ask the service to abort the upload: None means that it did, and the video may be sent whole."""
        try:
            status = self._service.abort(parts.job_id)
            if status.get("state") == "completed":
                return completed_job(self._service.upload_status(parts.job_id))
            if status.get("state") == "failed":
                raise _ended(status, error)
        except (Refused, TemporaryError):
            # A finish is in progress, or the session has ended, or nobody knows: the first error explains more.
            raise _unavailable(error) from None
        return None

    def _abort(self, parts: Parts) -> None:
        try:
            self._service.abort(parts.job_id)
        except SkywriteError:
            # The reservation expires by itself.
            return

    def _pause(self, tried: int) -> None:
        self._wait(RETRY_FIRST_SECONDS * 2 ** min(tried, 5) * (0.5 + self._clock.random()))

    def _wait_out(self, limit: RateLimited, last: bool) -> None:
        seconds = (limit.until - self._clock.now()).total_seconds()
        if last or seconds > RATE_LIMIT_SECONDS_MAX:
            raise limit
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        if self._clock.wait(self._stopping, max(0.0, seconds)):
            raise UploadStopped("The upload of the video was stopped.", hint="It starts over next time.")


def _received(status: Mapping[str, Any]) -> set[int]:
    """The numbers of the parts that the service says it has."""
    numbers = status.get("receivedParts")
    return {number for number in numbers if isinstance(number, int)} if isinstance(numbers, list) else set()


def _ended(status: Mapping[str, Any], error: SkywriteError) -> SkywriteError:
    if status.get("state") == "failed":
        reason = str(status.get("failureReason") or error.message)[:300].rstrip(".")
        return RejectedError(
            f"The video service refused the video: {reason}.", code="video.refused", hint="Export it again as MP4."
        )
    return VideoServiceUnavailable(f"The upload of the video was {status.get('state')}: {error.message}")


def _unavailable(error: SkywriteError) -> SkywriteError:
    if isinstance(error, Refused):
        return VideoServiceUnavailable(f"The video service broke off the upload: {error.message}")
    return error
