"""Videos from a post to the network: through the video service, as a plain blob, and stopped in between."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from skywrite.app import Skywrite
from skywrite.core.errors import RejectedError
from skywrite.core.http import Http, Response
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.publish import publisher as publisher_module
from skywrite.posting.publish.videos import through_service
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from skywrite.sandbox.transport import SandboxTransport
from tests.support import video_service
from tests.support.errors import fails
from tests.support.video_service import DROP, VideoServiceStandIn
from tests.support.world import World

ENCODED = b"as the service encodes it"


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A video of half a second, of some 20 KB."""
    path = tmp_path_factory.mktemp("video") / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=0.5", "-pix_fmt", "yuv420p"]
    command = [find_ffmpeg("test"), "-loglevel", "error", "-y", *source, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return str(path)


class Routes:
    """The sandbox for everything but the video service, whose tokens come from the stand-in."""

    def __init__(self, world: World, service: VideoServiceStandIn) -> None:
        self._sandbox = SandboxTransport(world.box)
        self._service = service
        self._http = Http()
        self._world = world

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = 8_000_000,
    ) -> Response:
        to = self._http if url.startswith(self._service.url) else self._sandbox
        if url.partition("?")[0].endswith("getServiceAuth") and not self._world.box.faults._waiting:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
            seconds = int(asked["exp"]) - int(self._world.clock.now().timestamp())
            token = self._service.token_for(asked["lxm"], asked["aud"], seconds)
            return Response(200, {"content-type": "application/json"}, b'{"token":"%s"}' % token.encode())
        return to.request(method, url, headers=headers, body=body, timeout_seconds=timeout_seconds, max_bytes=max_bytes)

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def service(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[VideoServiceStandIn]:
    """The stand-in, for alice.test on the sandbox; what it encodes is on the sandbox."""
    monkeypatch.setattr(video_service, "ACCOUNT", world.box.account("alice.test").did)
    monkeypatch.setattr(video_service, "PDS_DID", "did:web:localhost")
    with VideoServiceStandIn(world.clock) as service:
        yield service
        assert [] == service.violations


@pytest.fixture
def videoing(world: World, sky: Skywrite, service: VideoServiceStandIn) -> Iterator[Skywrite]:
    """A process whose videos go through the service."""
    from skywrite.protocol.atproto.repo import Repo

    blob = Repo(sky.context.agent(sky.accounts.get())).upload_blob(ENCODED, "video/mp4")
    service.script[-1] = {"state": "JOB_STATE_COMPLETED", "blob": blob}
    routes = Routes(world, service)
    process = world.process(transport=routes, SKYWRITE_VIDEO_SERVICE=service.url)
    world.box.calls.clear()
    yield process
    routes.close()


def video_of(world: World, index: int = 0) -> dict[str, Any]:
    """A post's video on the network."""
    embed: dict[str, Any] = world.records()[index]["embed"]
    assert "app.bsky.embed.video" == embed["$type"]
    return embed


def test_a_video_goes_through_the_service(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """It is larger than the account's server takes; the post names the blob that the service made of it."""
    world.box.blob_limit = 5_000
    told: list[tuple[int, int]] = []
    videoing.post(
        "Video",
        video={"path": video, "alt": "Bars"},
        progress=lambda post, cid, done, size: told.append((done, size)),
    )
    size = Path(video).stat().st_size
    assert (len(ENCODED), {"width": 320, "height": 240}) == (
        video_of(world)["video"]["size"],
        video_of(world)["aspectRatio"],
    )
    assert ((size, size), 0) == (told[-1], world.box.calls["com.atproto.repo.uploadBlob"])
    assert [size] == [len(data) for data in service.videos.values()]


def test_a_service_that_is_away_does_not_hold_up_a_video(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """It goes out as a plain blob, on time, where it is no larger than the account's server takes."""
    world.box.blob_limit = Path(video).stat().st_size
    service.faults["getUploadLimits"] = [DROP] * 9
    videoing.post("Video", video=video)
    assert Path(video).stat().st_size == video_of(world)["video"]["size"]


def test_without_service_auth_a_video_is_a_plain_blob(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every server can vouch for its accounts."""
    from skywrite.protocol.atproto.session import Agent
    from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported

    def unknown(*_: Any, **__: Any) -> str:
        raise MethodNotSupported("getServiceAuth is not known here")

    monkeypatch.setattr(Agent, "service_auth", unknown)
    videoing.post("Video", video=video)
    assert Path(video).stat().st_size == video_of(world)["video"]["size"]


def test_a_video_too_large_for_the_plain_way_waits_for_the_service(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """It is sent when the service is back."""
    world.box.blob_limit = 5_000
    service.faults["getUploadLimits"] = [DROP] * 99
    with fails("post.still_queued"):
        videoing.post("Video", video=video)
    service.faults.clear()
    world.clock.advance(60)
    videoing.run_once()
    assert len(ENCODED) == video_of(world)["video"]["size"]


def test_a_video_that_the_service_refuses_is_not_posted(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """An answer is an answer: no other way is tried."""
    service.faults["uploadVideo"] = [video_service.answer(400, "VideoTooLong")]
    with pytest.raises(RejectedError):
        videoing.post("Video", video=video)
    assert ([], [(1, "failed")]) == (world.texts(), world.states(videoing))


def test_without_a_service_a_video_must_fit_the_server(world: World, sky: Skywrite, video: str) -> None:
    """It is told when the post is accepted."""
    world.box.blob_limit = 5_000
    with fails("media.too_large_for_server"):
        sky.schedule("Video", at="in 1 hour", video=video)
    world.box.blob_limit = 5_000_000
    sky.context._agents = None
    sky.post("Video", video=video)
    assert Path(video).stat().st_size == video_of(world)["video"]["size"]


@pytest.mark.parametrize(
    ("pds_url", "service_url", "expected"),
    [
        ("https://pds.example", "https://video.bsky.app", True),
        ("http://localhost:2583", "https://video.bsky.app", False),
        ("http://127.0.0.1:2583", "https://video.bsky.app", False),
        ("http://localhost:2583", "http://localhost:9000", True),
        ("https://pds.example", "", False),
    ],
)
def test_who_uses_the_service(pds_url: str, service_url: str, expected: bool) -> None:
    """The public one cannot reach a server on this computer."""
    assert expected == through_service(pds_url, service_url)


def test_a_limit_of_the_service_is_none_of_the_account(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """The video waits; its account is not paused."""
    service.faults["uploadVideo"] = [video_service.answer(429, "RateLimitExceeded", **{"retry-after": "3600"})] * 9
    videoing.schedule("Video", at="now", video=video)
    videoing.run_once()
    problem = videoing.context.store.posts.get(1).problem
    assert ("video.busy", "ok") == (problem.code if problem else None, videoing.accounts.get().state)


def test_a_worker_that_is_stopped_lets_go_of_a_video(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """The wait for the service ends at once, the account is free, and the next worker sends the post."""
    videoing.schedule("Video", at="now", video=video)
    began = world.clock.now()
    service.script.insert(0, {"state": "JOB_STATE_ENCODING"})
    worker = videoing.worker()
    worker.publisher = worker.publisher._replace(
        progress=lambda post, cid, done, size: worker.stop() if done == size else None
    )
    assert worker.step()
    account = videoing.accounts.get()
    assert (1, None, [(1, "scheduled")]) == (worker.tally.retried, account.lease_until, world.states(videoing))
    assert timedelta(seconds=5) > world.clock.now() - began
    assert ("video.upload_stopped", []) == (
        (videoing.context.store.posts.get(1).problem or account).code,
        world.texts(),
    )
    world.clock.advance(60)
    videoing.run_once()
    assert len(ENCODED) == video_of(world)["video"]["size"]


def test_a_worker_that_is_stopped_lets_go_of_a_large_upload(
    world: World, sky: Skywrite, video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is published by an upload, so the post can wait for the next worker; a small one is finished."""
    sky.schedule("Video", at="now", video=video)
    worker = sky.worker()
    worker.publisher = worker.publisher._replace(progress=lambda post, cid, done, size: worker.stop())
    assert (True, ["Video"]) == (worker.step(), world.texts())
    monkeypatch.setattr(publisher_module, "STOPPABLE_BYTES", 1000)
    sky.schedule("Large", at="now", video=video)
    worker = sky.worker()
    worker.stop()
    assert (True, ["Video"], "upload.interrupted") == (
        worker.step(),
        world.texts(),
        sky.context.store.posts.get(2).problem.code,
    )
    world.clock.advance(60)
    sky.run_once()
    assert ["Video", "Large"] == world.texts()


def test_in_doubt_a_video_is_not_uploaded_again(world: World, sky: Skywrite, video: str) -> None:
    """A look at the repository settles it."""
    world.box.faults.add("com.atproto.repo.applyWrites", kind="drop_after")
    world.box.faults.add("com.atproto.repo.getRecord", kind="drop_before", times=None)
    with fails("post.still_queued"):
        sky.post("Video", video=video)
    world.box.faults.clear()
    sky.post("Video", video=video)
    assert (1, ["Video"]) == (world.box.calls["com.atproto.repo.uploadBlob"], world.texts())


def test_what_may_be_on_its_way_is_never_changed(
    world: World, videoing: Skywrite, service: VideoServiceStandIn, video: str
) -> None:
    """A video went as a plain blob and its answer was lost; the next try sends the same, though the service is back."""
    service.faults["getUploadLimits"] = [DROP] * 9
    world.box.faults.add("com.atproto.repo.applyWrites", kind="drop_before")
    world.box.faults.add("com.atproto.repo.getRecord", kind="drop_before", times=None)
    videoing.schedule("Video", at="now", video=video)
    videoing.run_once()
    frozen = videoing.context.store.posts.get(1).frozen
    world.box.faults.clear()
    service.faults.clear()
    world.clock.advance(60)
    videoing.run_once()
    assert (frozen, ["Video"]) == (videoing.context.store.posts.get(1).frozen, world.texts())
    assert videoing.context.store.posts.get(1).prepared["blobs"][0][0] == video_of(world)["video"]["ref"]["$link"]


def test_a_blob_that_the_server_dropped_is_uploaded_again(
    world: World, sky: Skywrite, image: Callable[..., str]
) -> None:
    """Under the same keys, since the first write may still be on its way."""
    world.box.faults.add("com.atproto.repo.applyWrites", kind="drop_before")
    world.box.faults.add("com.atproto.repo.getRecord", kind="drop_before", times=None)
    sky.schedule("Red", at="now", images=[image()])
    sky.run_once()
    keys = [write.rkey for write in Frozen.from_json(sky.context.store.posts.get(1).frozen or "").writes]
    world.box.faults.clear()
    world.box.blob_lifetime = timedelta(seconds=1)
    world.clock.advance(60)
    sky.run_once()
    world.box.blob_lifetime = None
    world.clock.advance(60)
    sky.run_once()
    assert (["Red"], 2) == (world.texts(), world.box.calls["com.atproto.repo.uploadBlob"])
    assert keys == [post.uri.rpartition("/")[2] for post in world.box.posts("alice.test")]


def test_a_gif_in_a_thread(world: World, sky: Skywrite, image: Callable[..., str], tmp_path: Path) -> None:
    """It plays in the post to which it belongs."""
    path = tmp_path / "wave.gif"
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue", "green")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    sky.post("one", thread=[{"text": "two", "images": [{"path": str(path), "alt": "Waves"}]}])
    embed = video_of(world, 1)
    assert ("gif", "Waves", "video/mp4") == (embed["presentation"], embed["alt"], embed["video"]["mimeType"])


def test_an_animation_among_images_is_reported(sky: Skywrite, image: Callable[..., str], tmp_path: Path) -> None:
    """Only its first image can be shown beside others."""
    path = tmp_path / "wave.gif"
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    scheduled = sky.schedule("x", at="in 1 hour", images=[(str(path), "Waves"), (image(), "Red")])
    assert [True] == ["only the first image of the animation" in text for text in scheduled.warnings]
