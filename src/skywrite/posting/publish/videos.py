"""How a video is uploaded: through the video service, or as a plain blob.

What does not live here: calling the service (`video_upload`).

A plain blob is shown too; readers only have to wait until the network has encoded it. So if an account has no service
(a server on this computer, one without service auth), or the service is unavailable right now, the video goes out on
time as a plain blob, if its server accepts that size. A video that the service refused, or for which the account's
allowance is used up, does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from skywrite.core.clock import Clock
from skywrite.core.config import DEFAULT_VIDEO_SERVICE
from skywrite.core.errors import RateLimited, TemporaryError
from skywrite.core.http import Transport
from skywrite.posting.compose.fields import Stored
from skywrite.posting.publish.sender import VideoUpload
from skywrite.protocol.atproto.session import Agent

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


def through_service(pds_url: str, service_url: str) -> bool:
    """Whether videos of accounts on this PDS go through the service: the public one cannot reach this computer."""
    return bool(service_url) and not (
        service_url == DEFAULT_VIDEO_SERVICE and urlsplit(pds_url).hostname in _LOCAL_HOSTS
    )


def video_upload(
    agent: Agent,
    transport: Transport,
    service_url: str,
    clock: Clock,
    *,
    stopping: threading.Event | None = None,
) -> VideoUpload | None:
    """The upload through the video service; None where there is none to be used. `stopping` ends it at once."""
    if not through_service(agent.session.pds_url, service_url):
        return None
    from skywrite.posting.publish.video_service import UploadStopped, VideoServiceUnavailable
    from skywrite.posting.publish.video_upload import VideoUploader
    from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported

    def token_for(method: str, audience: str, seconds: int) -> str:
        return agent.service_auth(audience, method, lifetime_seconds=seconds)

    pds_host = urlsplit(agent.session.pds_url).hostname or ""
    uploader = VideoUploader(transport, service_url, agent.did, token_for, pds_host, clock, stopping=stopping)

    def send(
        item: Stored, pieces: Callable[[], Iterator[bytes]], progress: Callable[[int], None]
    ) -> Mapping[str, Any] | None:
        try:
            return uploader.upload(pieces, item.size, f"{item.cid}.mp4", progress)
        except UploadStopped:
            raise
        except RateLimited as error:
            raise TemporaryError(error.message, code="video.busy", hint=error.hint) from None
        except (VideoServiceUnavailable, MethodNotSupported):
            limit = agent.blob_upload_limit()
            if limit is None or item.size > limit:
                raise
            return None

    return send
