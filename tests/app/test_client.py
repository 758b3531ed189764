"""The client: every method, on a sandbox; scripts for the atproto SDK with its own models."""

from __future__ import annotations

import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skywrite import Client
from skywrite.core.errors import InputError, NoAnswer, NotSent, TemporaryError
from skywrite.protocol.atproto.repo import RecordNotFound
from skywrite.protocol.atproto.sign_in import WrongPassword
from skywrite.sdk.lexicons import lexicons
from tests.support.errors import fails
from tests.support.world import World

APPLY = "com.atproto.repo.applyWrites"
LIKE, REPOST, FOLLOW = "app.bsky.feed.like", "app.bsky.feed.repost", "app.bsky.graph.follow"


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that is signed in as alice.test."""
    monkeypatch.setenv("SKYWRITE_PLC_URL", world.box.plc_url)
    monkeypatch.setenv("SKYWRITE_VIDEO_SERVICE", "")
    client = Client(world.box.url, transport=world.transport, clock=world.clock)
    client.login("alice.test", world.box.account("alice.test").app_password)
    return client


def another(world: World) -> Client:
    return Client(world.box.url, transport=world.transport, clock=world.clock)


# Signing in


@pytest.mark.parametrize("name", ["alice.test", "@alice.test", "Alice.Test", "alice.test@example.com"])
def test_who_signs_in(world: World, client: Client, name: str) -> None:
    """By handle, with or without @, or by e-mail address; by position and by the SDK's name."""
    password = world.box.account("alice.test").app_password
    first, second = another(world), another(world)
    assert first.login(name, password) == second.login(login=name, password=password) == client.me
    assert (world.box.account("alice.test").did, "alice.test") == (client.me.did, client.me.handle)


@pytest.mark.filterwarnings("ignore:This is the account.s main password")
def test_a_second_factor_is_the_third_argument(world: World, client: Client) -> None:
    """As in the SDK."""
    world.box.require_second_factor("alice.test", "abcde-fghij")
    assert client.me == another(world).login("alice.test", world.box.account("alice.test").password, "abcde-fghij")


def test_a_session_lives_on(world: World, client: Client) -> None:
    """As our own text."""
    fresh = another(world)
    fresh.login(session_string=client.export_session_string())
    assert fresh.send_post("Hello").uri == world.box.posts("alice.test")[0].uri


def test_the_session_string_of_the_sdk(world: World, client: Client) -> None:
    """Its own export, from its own client, signed in at the same server."""
    from atproto_client.client.session import Session as SdkSession

    session = client.agent.session
    text = SdkSession(session.handle, session.did, session.access_jwt, session.refresh_jwt, world.box.url).encode()
    fresh = another(world)
    assert client.me == fresh.login(session_string=text)
    fresh.send_post("Moved over")
    assert ["Moved over"] == world.texts()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, InputError),
        ({"handle": "alice.test"}, InputError),
        ({"session_string": "nonsense"}, "session.invalid"),
        ({"handle": "alice.test", "password": "abcd-abcd-abcd-abcd"}, WrongPassword),
    ],
)
def test_who_does_not_sign_in(world: World, arguments: dict[str, Any], error: type[Exception]) -> None:
    """Each with its error, and nothing is signed in."""
    fresh = another(world)
    with fails(error):
        fresh.login(**arguments)
    with fails("session.missing"):
        fresh.send_post("x")


def test_signing_out(world: World, client: Client) -> None:
    """The session is over at the server too."""
    text = client.export_session_string()
    client.logout()
    world.clock.advance(3 * 3600)
    with pytest.raises(Exception, match=r"session of alice\.test has ended"):
        stale = another(world)
        stale.login(session_string=text)
        stale.send_post("x")


# Posts


def test_the_script_of_the_tutorial(world: World, client: Client) -> None:
    """Three lines; what comes back has uri and cid."""
    post = client.send_post(text="Posting via API.")
    there = world.box.posts("alice.test")[0]
    assert ("Posting via API.", there.uri, there.cid) == (there.text, post.uri, post.cid)


def test_the_text_stays_as_it_is(world: World, client: Client) -> None:
    """No blank line, no Markdown, no long link is touched; facets are found in it."""
    text = "\n  [x](https://example.com/a/long/path/that/would/be/cut/somewhere) @bob.test  \n\n\n\n"
    client.send_post(text)
    record = world.records()[0]
    kinds = [facet["features"][0]["$type"].rpartition("#")[2] for facet in record["facets"]]
    assert (text, ["link", "mention"], None) == (record["text"], kinds, record.get("embed"))


def test_facets_that_are_given_are_left_alone(world: World, client: Client) -> None:
    """None is added, none is taken away; an empty list means none."""
    facet = {
        "index": {"byteStart": 0, "byteEnd": 3},
        "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.test"}],
    }
    client.send_post("See #this https://b.test", facets=[facet])
    client.send_post("See #this https://b.test", facets=[])
    assert [[facet], None] == [record.get("facets") for record in world.records()]


@pytest.mark.parametrize(("kind", "calls"), [("drop_after", 1), ("error_500", 2), ("garbage", 1)])
def test_a_lost_answer_is_settled(world: World, client: Client, kind: Any, calls: int) -> None:
    """Carried out or not: one post in the end."""
    world.box.faults.add(APPLY, kind=kind)
    posted = client.send_post("Once")
    assert ([posted.uri], calls) == ([post.uri for post in world.box.posts("alice.test")], world.box.calls[APPLY])


@pytest.mark.parametrize(("kind", "error"), [("refused", NotSent), ("drop_before", NoAnswer)])
def test_a_server_that_is_away_is_reported(world: World, client: Client, kind: Any, error: type[Exception]) -> None:
    """After some tries, with nothing written."""
    world.box.faults.add(APPLY, kind=kind, times=None)
    with fails(error):
        client.send_post("Never")
    assert [] == world.texts()


def test_everything_a_post_can_hold(world: World, client: Client, image: Callable[..., str]) -> None:
    """Images, quote, answer, gates, labels, languages, tags."""
    first = client.send_post("First")
    client.send_post(
        "Second",
        reply_to=first,
        quote=first,
        images=[(image(), "Red")],
        quotes=False,
        labels=["graphic-media"],
        langs=["de"],
        tags=["x"],
    )
    there = world.box.posts("alice.test")[1]
    assert (first.uri, first.uri, ("Red",), ("de",)) == (there.reply_to, there.quotes, there.images, there.langs)
    assert (["x"], 1) == (there.record["tags"], len(world.box.records("alice.test", "app.bsky.feed.postgate")))


def test_images_in_all_forms(world: World, client: Client, image: Callable[..., str]) -> None:
    """Bytes, paths, pairs, and the SDK's methods."""
    path = image()
    data = Path(path).read_bytes()
    client.send_image("a", data, "one", "alice.test", None, ["de"])
    client.send_images("b", [data, Path(path)], ["one"], image_aspect_ratios=None)
    client.send_post("c", images=[path, data, {"path": path, "alt": "three"}, (data, "four")])
    assert [("one",), ("one", ""), ("", "", "three", "four")] == [post.images for post in world.box.posts("alice.test")]
    assert ("de",) == world.box.posts("alice.test")[0].langs


def test_a_video(world: World, client: Client, tmp_path: Path) -> None:
    """Bytes, with its alt text."""
    from skywrite.protocol.media.ffmpeg import find_ffmpeg

    path = tmp_path / "video.mp4"
    source = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=0.5", "-pix_fmt", "yuv420p"]
    subprocess.run([find_ffmpeg("test"), "-loglevel", "error", "-y", *source, str(path)], check=True)
    client.send_video("Video", path.read_bytes(), "Bars")
    assert ("app.bsky.embed.video", "Bars") == (
        world.records()[0]["embed"]["$type"],
        world.records()[0]["embed"]["alt"],
    )


def test_a_thread(world: World, client: Client, image: Callable[..., str]) -> None:
    """Whole, with its images as bytes in the first post too, and a gate."""
    begun = client.send_post("Begin")
    data = Path(image()).read_bytes()
    posts = client.send_thread(
        [{"text": "one", "images": [(data, "Red")]}, "two", {"text": "three", "quote": begun}], quotes=False
    )
    there = world.box.posts("alice.test")[1:]
    assert [post.uri for post in posts] == [post.uri for post in there]
    assert ["one", "two", "three"] == [post.text for post in there]
    assert [None, posts[0].uri, posts[1].uri] == [post.reply_to for post in there]
    assert (("Red",), begun.uri) == (there[0].images, there[2].quotes)


def test_a_thread_as_an_answer(world: World, client: Client) -> None:
    """Its first post answers; the conversation's root is the same for all."""
    begun = client.send_post("Begin")
    client.send_thread(["one", "two"], reply_to=begun)
    assert [begun.uri] * 2 == [record["reply"]["root"]["uri"] for record in world.records()[1:]]


@pytest.mark.parametrize("posts", [[], ["one", {"text": "two", "reply_to": "at://a"}], ["one", {"texts": "two"}]])
def test_threads_that_cannot_be(world: World, client: Client, posts: list[Any]) -> None:
    """Nothing is sent."""
    with pytest.raises(InputError):
        client.send_thread(posts)
    assert [] == world.texts()


def test_an_empty_post(client: Client) -> None:
    """Is refused before it is sent."""
    with fails("post.empty"):
        client.send_post("  ")


def test_a_mention_that_cannot_be_looked_up(world: World, client: Client) -> None:
    """Stops the post: the writer chooses whether to try again or to leave the mention out."""
    world.box.faults.add("com.atproto.identity.resolveHandle", kind="error_500", times=None)
    with pytest.raises(TemporaryError, match="nothing was sent"):
        client.send_post("Hello @bob.test")
    world.box.faults.clear()
    world.clock.advance(3600)
    assert () == client.send_post("Hello @bob.test").warnings
    assert [1] == [record.get("facets") and len(record["facets"]) for record in world.records()]


def test_reading_and_deleting(world: World, client: Client) -> None:
    """By at-uri, by link, by record key; with its gates."""
    posted = client.send_post("Hello", replies=["nobody"], quotes=False)
    rkey = posted.uri.rpartition("/")[2]
    posts = [client.get_post(name) for name in (posted.uri, posted.url, rkey)]
    assert [(posted.uri, posted.cid, "Hello")] * 3 == [(post.uri, post.cid, post.value["text"]) for post in posts]
    assert client.delete_post(posted.url)
    assert client.delete_post(posted.uri)
    left = [world.box.records("alice.test", f"app.bsky.feed.{name}") for name in ("post", "threadgate", "postgate")]
    assert [[], [], []] == left
    with pytest.raises(RecordNotFound):
        client.get_post(posted.uri)


def test_likes_reposts_and_follows(world: World, client: Client) -> None:
    """And their ends."""
    posted = client.send_post("Hello")
    records = [client.like(posted.uri, posted.cid), client.repost(posted.uri), client.follow("@bob.test")]
    bob = world.box.account("bob.test").did
    assert [{"uri": posted.uri, "cid": posted.cid}] * 2 + [bob] == [
        world.box.records("alice.test", name)[0].value["subject"] for name in (LIKE, REPOST, FOLLOW)
    ]
    assert all([client.unlike(records[0].uri), client.unrepost(records[1].uri), client.unfollow(records[2].uri)])
    assert [[], [], []] == [world.box.records("alice.test", name) for name in (LIKE, REPOST, FOLLOW)]


def test_every_other_method(world: World, client: Client) -> None:
    """By its NSID; handles resolve with and without @; blobs are uploaded from bytes and files."""
    bob = world.box.account("bob.test").did
    assert [bob, bob] == [client.resolve_handle("bob.test"), client.resolve_handle("@bob.test")]
    assert client.me.did == client.query("com.atproto.server.getSession")["did"]
    body = {
        "repo": client.me.did,
        "collection": FOLLOW,
        "record": {"$type": FOLLOW, "subject": bob, "createdAt": "2026-01-01T00:00:00Z"},
    }
    assert client.procedure("com.atproto.repo.createRecord", body)["uri"].startswith(f"at://{client.me.did}/{FOLLOW}/")
    assert (5, "text/plain") == (lambda blob: (blob["size"], blob["mimeType"]))(
        client.upload_blob(b"hello", "text/plain")
    )


def test_only_ones_own_repository_is_written(world: World, client: Client) -> None:
    """Another account's name is refused before anything is sent; one's own is taken in each form."""
    for act in (
        lambda: client.send_post("x", "bob.test"),
        lambda: client.delete_post(f"at://{world.box.account('bob.test').did}/app.bsky.feed.post/3k"),
    ):
        with pytest.raises(InputError):
            act()
    for name in (client.me.did, "alice.test", "@Alice.Test"):
        client.send_post(name, name)
    assert 3 == len(world.texts())


def test_a_client_closes_its_connections() -> None:
    """As a context manager; what was given to it stays open."""
    with Client() as fresh:
        fresh.close()
    assert isinstance(fresh, Client)


# The atproto SDK's own models


@pytest.fixture
def models() -> Any:
    """The models of the atproto SDK."""
    from atproto import models

    return models


def test_text_builder(world: World, client: Client) -> None:
    """Its text and its facets, and nothing of ours."""
    from atproto import client_utils

    text = client_utils.TextBuilder().text("See ").link("this", "https://a.test").text(" ").tag("#news", "news")
    client.send_post(text)
    client.send_post(text=text.mention(" bob", world.box.account("bob.test").did))
    first, second = world.records()
    assert ("See this #news", ["link", "tag"]) == (
        first["text"],
        [facet["features"][0]["$type"].rpartition("#")[2] for facet in first["facets"]],
    )
    assert ("See this #news bob", 3) == (second["text"], len(second["facets"]))


def test_reply_and_strong_references(world: World, client: Client, models: Any) -> None:
    """ReplyRef as in its examples, and what its own calls answer."""
    first = client.send_post("First")
    strong = models.ComAtprotoRepoStrongRef.Main(uri=first.uri, cid=first.cid)
    client.send_post("a", reply_to=models.AppBskyFeedPost.ReplyRef(parent=strong, root=strong))
    client.send_post("b", reply_to=strong)
    client.send_post("c", quote=strong)
    client.send_post("d", reply_to=models.AppBskyFeedPost.CreateRecordResponse(uri=first.uri, cid=first.cid))
    a, b, c, d = world.box.posts("alice.test")[1:]
    assert [first.uri] * 4 == [a.reply_to, b.reply_to, c.quotes, d.reply_to]


def test_embed_models(world: World, client: Client, models: Any) -> None:
    """Images with an uploaded blob, a link card, a record."""
    first = client.send_post("First")
    blob = models.blob_ref.BlobRef(**_blob(client.upload_blob(b"\x89PNG not looked at", "image/png")))
    client.send_post(
        "a",
        embed=models.AppBskyEmbedImages.Main(images=[models.AppBskyEmbedImages.Image(alt="Red", image=blob)]),
    )
    external = models.AppBskyEmbedExternal.External(uri="https://a.test", title="Title", description="About")
    client.send_post("b", embed=models.AppBskyEmbedExternal.Main(external=external))
    strong = models.ComAtprotoRepoStrongRef.Main(uri=first.uri, cid=first.cid)
    client.send_post("c", embed=models.AppBskyEmbedRecord.Main(record=strong))
    a, b, c = world.box.posts("alice.test")[1:]
    assert (("Red",), "Title", first.uri) == (a.images, b.record["embed"]["external"]["title"], c.quotes)


def _blob(plain: dict[str, Any]) -> dict[str, Any]:
    return {"mime_type": plain["mimeType"], "size": plain["size"], "ref": {"$link": plain["ref"]["$link"]}}


def test_facet_models(world: World, client: Client, models: Any) -> None:
    """As its `send_post` takes them."""
    facet = models.AppBskyRichtextFacet.Main(
        features=[models.AppBskyRichtextFacet.Link(uri="https://a.test")],
        index=models.AppBskyRichtextFacet.ByteSlice(byte_start=0, byte_end=3),
    )
    client.send_post("See", facets=[facet])
    assert "https://a.test" == world.records()[0]["facets"][0]["features"][0]["uri"]


def test_what_is_no_reply(client: Client) -> None:
    """A reference without its parts is told."""
    with fails("draft.invalid"):
        client.send_post("x", reply_to={"root": {"uri": "at://a"}})


def test_the_client_starts_without_heavy_libraries() -> None:
    """A script that only posts text loads none of them."""
    heavy = ("PIL", "jinja2", "psycopg", "cryptography", "sqlite3")
    code = f"import sys, skywrite; skywrite.Client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_a_script_that_posts_reads_no_lexicons(world: World, client: Client) -> None:
    """Nor does one that signs in and likes: classes of models are made when a name of theirs is used."""
    lexicons.cache_clear()
    post = client.send_post("Hello")
    client.like(post.uri, post.cid)
    assert 0 == lexicons.cache_info().currsize


def test_the_main_password_is_warned_of(world: World) -> None:
    """It works, as it did with the SDK; an app password draws no warning."""
    alice = world.box.account("alice.test")
    for password, count in ((alice.password, 1), (alice.app_password, 0)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            Client(world.box.url, transport=world.transport, clock=world.clock).login("alice.test", password)
        assert count == sum("main password" in str(item.message) for item in caught)


def test_no_images_are_no_images(world: World, client: Client) -> None:
    """`send_images(text, [])`, as a script has it whose folder was empty, does not post the bare text."""
    with pytest.raises(InputError, match="images is empty"):
        client.send_images("Look at this", [])
    assert [] == world.texts()


@pytest.mark.parametrize(("data", "words"), [(b"", "The data is empty."), (b"abc", "The data is not a video.")])
def test_bytes_that_are_no_video_are_named_as_such(client: Client, data: bytes, words: str) -> None:
    """Not by the name of a file that nobody has written."""
    with fails("video.unsupported", match=words):
        client.send_video("Video", data)


NEEDED = {
    name: [
        one
        for one in list(inspect.signature(method).parameters.values())[1:]
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and one.default is inspect.Parameter.empty
    ]
    for name, method in inspect.getmembers(Client, inspect.isfunction)
    if not name.startswith("_") and name != "on_session_change"
}


@pytest.mark.parametrize("name", [name for name, needed in NEEDED.items() if needed])
def test_a_value_of_another_kind_is_said(world: World, client: Client, name: str) -> None:
    """Scripts hand on what they found: None, a number or a dict is named as what it is not, and nothing is sent."""
    for value in (None, 5, {}, [] if name != "send_thread" else "Hello"):
        with pytest.raises(InputError):
            getattr(client, name)(*[value] * len(NEEDED[name]))
    assert [] == world.box.posts("alice.test")
