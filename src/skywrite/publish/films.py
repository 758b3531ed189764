"""Which way a film goes: through the video service, or as a plain blob.

What does not live here: talking to the service (`video_upload`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from skywrite.atproto.session import Agent
from skywrite.clock import Clock
from skywrite.compose.draft import Stored
from skywrite.config import DEFAULT_VIDEO_SERVICE
from skywrite.http import Transport
from skywrite.publish.sender import FilmUpload


def film_upload(agent: Agent, transport: Transport, service_url: str, clock: Clock) -> FilmUpload | None:
    """The upload through the video service; None where there is none to be used.

    A PDS on this computer cannot be reached by the public service, so its films go as plain blobs.
    """
    pds_host = urlsplit(agent.session.pds_url).hostname or ""
    if not service_url or (service_url == DEFAULT_VIDEO_SERVICE and pds_host in ("localhost", "127.0.0.1")):
        return None
    from skywrite.publish.video_upload import VideoUploader

    def token_for(method: str, audience: str, seconds: int) -> str:
        return agent.service_auth(audience, method, lifetime_seconds=seconds)

    uploader = VideoUploader(transport, service_url, agent.did, token_for, pds_host, clock)

    def send(
        item: Stored, pieces: Callable[[], Iterator[bytes]], progress: Callable[[int], None]
    ) -> Mapping[str, Any] | None:
        return uploader.upload(pieces, item.size, f"{item.cid}.mp4", progress)

    return send
