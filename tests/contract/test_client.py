"""The client and the queue on the reference PDS: what the sandbox lets through, the network's own code takes too."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite import Client, Skywrite
from skywrite.core.config import load_config
from skywrite.core.http import Http
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.sign_in import service_for
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from tests.support.pds import Pds, PdsAccount


@pytest.fixture
def client(pds: Pds, account: PdsAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of this test's account, which found its server by itself."""
    monkeypatch.setenv("SKYWRITE_PLC_URL", pds.plc_url)
    with Client(pds.url) as client:
        client.login(f"@{account.handle}", account.app_password)
        yield client


def png() -> bytes:
    """A small image."""
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (20, 10), "teal").save(data, "PNG")
    return data.getvalue()


def test_a_thread_with_everything(client: Client, pds: Pds, account: PdsAccount) -> None:
    """One commit: the CIDs that were computed here are those of the server."""
    begun = client.send_post("Begin @alice.test #news")
    posts = client.send_thread(
        [{"text": "one", "images": [(png(), "Teal")]}, {"text": "two", "quote": begun}, "three"],
        replies=["mentioned", "following"],
        quotes=False,
    )
    stored = [client.get_post(post.uri) for post in posts]
    assert [post.cid for post in posts] == [record.cid for record in stored]
    assert ["one", "two", "three"] == [record.value["text"] for record in stored]
    assert {"uri": posts[0].uri, "cid": posts[0].cid} == stored[2].value["reply"]["root"]
    rkey = posts[0].uri.rpartition("/")[2]
    gate = client.get_post(f"at://{account.did}/app.bsky.feed.threadgate/{rkey}")
    assert posts[0].uri == gate.value["post"]


def test_a_video_as_a_plain_blob(client: Client, tmp_path: Path) -> None:
    """A server on this computer has no video service."""
    path = tmp_path / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5", "-pix_fmt", "yuv420p"]
    subprocess.run([find_ffmpeg("test"), "-loglevel", "error", "-y", *source, str(path)], check=True)
    posted = client.send_post("Video", video={"path": str(path), "alt": "Bars"})
    embed = client.get_post(posted.uri).value["embed"]
    assert ("app.bsky.embed.video", path.stat().st_size) == (embed["$type"], embed["video"]["size"])


def test_likes_end_and_posts_go(client: Client) -> None:
    """What was made can be unmade."""
    posted = client.send_post("Hello")
    like, repost = client.like(posted.uri, posted.cid), client.repost(posted.uri)
    assert all([client.unlike(like.uri), client.unrepost(repost.uri), client.delete_post(posted.uri)])


def test_the_sdk_and_this_client_share_a_session(client: Client, pds: Pds) -> None:
    """A session string of the SDK's own client goes on here."""
    from atproto import Client as SdkClient

    sdk = SdkClient(pds.url)
    session = client.agent.session
    sdk.login(
        session_string=":::".join(
            [session.handle, session.did, session.access_jwt, session.refresh_jwt, session.pds_url]
        ),
        fetch_bsky_profile=False,
    )
    with Client() as fresh:
        fresh.login(session_string=sdk.export_session_string())
        posted = fresh.send_post("From the other side")
    assert "From the other side" == client.get_post(posted.uri).value["text"]


def test_where_an_account_signs_in_is_found(pds: Pds, account: PdsAccount) -> None:
    """From its DID to its server, by the directory."""
    http = Http()
    resolver = Resolver(http, pds.plc_url, allow_local=True)
    assert pds.url == service_for(account.did, resolver)
    http.close()


def test_the_queue_from_key_to_export(pds: Pds, account: PdsAccount, tmp_path: Path) -> None:
    """A key posts once; what waits comes back whole from an export; a rule's post goes out."""
    config = load_config({"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_PLC_URL": pds.plc_url})
    with Skywrite(config=config) as sky:
        sky.accounts.login(account.handle, account.app_password, pds=pds.url)
        first = sky.post("Release", key="v1", images=[(png(), "Teal")])
        assert first.uri == sky.post("Release", key="v1").uri
        sky.schedule("Later", at="in 1 hour", images=[(png(), "Teal")], thread=["more"])
        rows = list(sky.transfer.export_rows(media_folder=tmp_path / "media", base=tmp_path))
        sky.posts.cancel(2)
        assert [None] == [report.error for report in sky.transfer.import_rows(rows, base=tmp_path)]
        sky.posts.move(3, "now")
        assert 1 == sky.run_once().published
        assert "published" == sky.posts.get(3).post.state
