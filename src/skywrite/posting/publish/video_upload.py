"""A video through the video service: limits, upload, and waiting for the blob that a post can reference.

What lives here: `VideoUploader`. What does not: its calls and errors (`video_service`), uploads in parts
(`video_parts`), what a video may be (`media.video`). The resulting blob is the service's own encoding, so its CID is
only known then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import RateLimited
from skywrite.core.http import Transport
from skywrite.posting.publish.video_parts import InParts
from skywrite.posting.publish.video_service import (
    Job,
    TokenFor,
    UploadStopped,
    VideoService,
    VideoServiceUnavailable,
    failure,
)
from skywrite.protocol.media.video import VideoInfo

PARTS_FROM_BYTES = 16 << 20
UPLOAD_TRIES = 3
POLL_FIRST_SECONDS = 1.5
POLL_SECONDS_MAX = 10.0
POLL_FAILURES_MAX = 8
EMPTY_ANSWERS_MAX = 2
DEADLINE_SECONDS = 1800.0
RETRY_FIRST_SECONDS = 1.0

Pieces = Callable[[], Iterator[bytes]]
BytesReported = Callable[[int], None]
StateTold = Callable[[str, int], None]


class VideoUploader:
    """Uploads videos of one account. Safe to share between threads.

    `token_for(lxm, aud, seconds)` asks the account's PDS for a service token; `pds_host` is the host of that PDS, not
    of an entryway. `deadline_seconds` limits the wait for the finished video, and `stopping` ends it at once.
    """

    def __init__(
        self,
        transport: Transport,
        service_url: str,
        did: str,
        token_for: TokenFor,
        pds_host: str,
        clock: Clock = SYSTEM_CLOCK,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        stopping: threading.Event | None = None,
    ) -> None:
        self._service = VideoService(transport, service_url, did, token_for, pds_host, clock)
        self._clock = clock
        self._deadline_seconds = deadline_seconds
        self._stopping = stopping or threading.Event()

    def upload(
        self,
        pieces: Pieces,
        size_bytes: int,
        name: str,
        progress: BytesReported | None = None,
        *,
        info: VideoInfo | None = None,
        state: StateTold | None = None,
    ) -> dict[str, Any]:
        """Send a video and wait until its blob is on the account's PDS.

        Returns that blob, for the embed. `pieces` returns the bytes from the start each time it is called. `progress`
        is called with the number of bytes sent, and again while the service works, and may raise to stop; `state` is
        called with the service's own state and percentage. `info` lets the service refuse early. Nothing is published,
        so all of it may be repeated; a video that the service knows is ready at once. Raises the errors of
        `video_service`, and RateLimited.
        """
        report = progress or _nothing
        self._service.check_limits(size_bytes)
        job: Job | None = None
        if size_bytes >= PARTS_FROM_BYTES:
            in_parts = InParts(self._service, pieces, size_bytes, self._clock, self._stopping, report)
            job = in_parts.send(name, _about(info))
        if job is None:
            job = self._send_whole(pieces, size_bytes, name, report)
        report(size_bytes)
        return self._wait_for(job, lambda: report(size_bytes), state)

    def _send_whole(self, pieces: Pieces, size_bytes: int, name: str, report: BytesReported) -> Job:
        """uploadVideo, repeated if its response is lost: the service recognises a video by its bytes."""
        for tried in range(UPLOAD_TRIES):
            try:
                return self._service.upload(lambda: _counted(pieces(), report), size_bytes, name)
            except UploadStopped:
                raise
            except VideoServiceUnavailable:
                if tried == UPLOAD_TRIES - 1:
                    raise
            self._pause(RETRY_FIRST_SECONDS * 4**tried)
        raise AssertionError("unreachable")

    def _wait_for(self, job: Job, still_here: Callable[[], None], state: StateTold | None) -> dict[str, Any]:
        """Poll until there is a blob, whatever the state is; unknown states mean in progress."""
        started = self._clock.monotonic()
        seconds, failures, empty = POLL_FIRST_SECONDS, 0, 0
        while job.blob is None:
            if job.state == "JOB_STATE_FAILED":
                raise failure(job)
            empty += job.state == "JOB_STATE_COMPLETED"
            if empty > EMPTY_ANSWERS_MAX:
                raise VideoServiceUnavailable("The video service says that the video is finished but returned no blob.")
            if self._clock.monotonic() - started > self._deadline_seconds:
                raise VideoServiceUnavailable(
                    f"The video service did not finish the video within {self._deadline_seconds / 60:.0f} minutes.",
                    hint="Skywrite asks again later.",
                )
            if state:
                state(job.state, job.progress)
            still_here()
            self._pause(seconds)
            seconds = min(POLL_SECONDS_MAX, seconds * 1.25)
            try:
                job, failures = self._service.job(job.job_id), 0
            except RateLimited as limit:
                seconds = max(seconds, (limit.until - self._clock.now()).total_seconds())
            except VideoServiceUnavailable:
                failures += 1
                if failures >= POLL_FAILURES_MAX:
                    raise
        return job.blob

    def _pause(self, seconds: float) -> None:
        jittered = seconds * (0.8 + 0.4 * self._clock.random())
        if self._clock.wait(self._stopping, jittered):
            raise UploadStopped("The upload of the video was stopped.", hint="It starts over next time.")


def _about(info: VideoInfo | None) -> dict[str, int]:
    if info is None:
        return {}
    return {"durationMs": round(info.duration_seconds * 1000), "width": info.width, "height": info.height}


def _counted(pieces: Iterator[bytes], report: BytesReported) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        report(done)


def _nothing(done_bytes: int) -> None:
    return None
