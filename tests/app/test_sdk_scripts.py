"""Scripts as people write them for the atproto SDK, with the import line changed: each form of call, and what it gives.

What lives here: what public bots and tutorials do, in our own words, against the sandbox. What does not: the walk over
all names (`test_sdk_oracle`), the parts (`test_sdk`).
"""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from skywrite import (
    AsyncClient,
    AtUri,
    Client,
    IdResolver,
    Request,
    Session,
    SessionEvent,
    client_utils,
    exceptions,
    models,
)
from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError
from skywrite.sandbox import Sandbox
from skywrite.sdk.answers import answer


@pytest.fixture(scope="module")
def place() -> Iterator[SimpleNamespace]:
    """The sandbox with a conversation of three posts: alice, bob, alice; and bob follows alice."""
    with pytest.MonkeyPatch.context() as patch, Sandbox() as box:
        patch.setenv("SKYWRITE_PLC_URL", box.plc_url)
        patch.setenv("BLUESKY_PDS", box.url)
        clients = [Client(box.url), Client(box.url)]
        for client, name in zip(clients, ("alice.test", "bob.test"), strict=True):
            client.login(name, box.account(name).app_password)
        client, bob = clients
        first = client.send_post("First")
        second = bob.send_post("Second", reply_to=first)
        third = client.send_post("Third", reply_to=second)
        bob.follow(client.me.did)
        yield SimpleNamespace(client=client, bob=bob, box=box, first=first, second=second, third=third)
        for client in clients:
            client.close()


def thread(at: SimpleNamespace) -> Any:
    """The conversation, seen from its middle."""
    return at.client.get_post_thread(at.second.uri, depth=5).thread


def records(at: SimpleNamespace) -> Any:
    """The records of alice's posts, as the SDK's short form for collections lists them."""
    return at.client.app.bsky.feed.post.list(at.client.me.did, limit=10).records


READING: dict[str, tuple[Callable[[SimpleNamespace], Any], Any]] = {
    "the profile of the sign-in": (lambda at: at.client.me.handle, "alice.test"),
    "a field of it that is not set": (lambda at: at.client.me.description, None),
    "a number of it": (lambda at: at.bob.me.follows_count, 1),
    "a field of it in brackets": (lambda at: at.bob.me["follows_count"], 1),
    "me is a profile": (lambda at: isinstance(at.client.me, models.AppBskyActorDefs.ProfileViewDetailed), True),
    "me as a dict": (lambda at: at.client.me.model_dump()["handle"], "alice.test"),
    "get_profile by name": (lambda at: at.client.get_profile(actor="bob.test").handle, "bob.test"),
    "a profile's class": (
        lambda at: type(at.client.get_profile("bob.test")) is models.AppBskyActorDefs.ProfileViewDetailed,
        True,
    ),
    "get_profiles": (lambda at: [one.handle for one in at.client.get_profiles(["bob.test"]).profiles], ["bob.test"]),
    "a limit as a dict": (lambda at: len(at.client.app.bsky.feed.get_timeline({"limit": 2}).feed), 2),
    "a limit as params": (lambda at: len(at.client.app.bsky.feed.get_timeline(params={"limit": 2}).feed), 2),
    "a limit as a model": (
        lambda at: len(
            at.client.app.bsky.feed.get_timeline(models.AppBskyFeedGetTimeline.Params(limit=2)).feed,
        ),
        2,
    ),
    "a limit as a keyword": (lambda at: len(at.client.app.bsky.feed.get_timeline(limit=2).feed), 2),
    "a limit of the short method": (lambda at: len(at.client.get_timeline(limit=2).feed), 2),
    "params of the short method": (lambda at: len(at.client.get_timeline(params={"limit": 2}).feed), 2),
    "an author's feed": (
        lambda at: [view.post.record.text for view in at.client.get_author_feed("alice.test", limit=9).feed],
        ["Third", "First"],
    ),
    "who reposted": (lambda at: at.client.get_author_feed("alice.test").feed[0].reason, None),
    "get_posts": (lambda at: at.client.get_posts([at.first.uri]).posts[0].record.text, "First"),
    "get_post by record key": (
        lambda at: at.client.get_post(AtUri.from_str(at.first.uri).rkey, "alice.test").value.text,
        "First",
    ),
    "get_post with its version": (
        lambda at: (
            at.client.get_post(post_rkey=AtUri.from_str(at.first.uri).rkey, cid=at.first.cid).cid == at.first.cid
        ),
        True,
    ),
    "a thread's class": (lambda at: isinstance(thread(at), models.AppBskyFeedDefs.ThreadViewPost), True),
    "a thread's other classes": (
        lambda at: isinstance(thread(at), models.AppBskyFeedDefs.NotFoundPost | models.AppBskyFeedDefs.BlockedPost),
        False,
    ),
    "up a thread": (lambda at: thread(at).parent.post.record.text, "First"),
    "down a thread": (lambda at: [one.post.record.text for one in thread(at).replies], ["Third"]),
    "a reply's root": (lambda at: thread(at).post.record.reply.root.uri == at.first.uri, True),
    "a record's class": (lambda at: isinstance(thread(at).post.record, models.AppBskyFeedPost.Record), True),
    "a record's type": (lambda at: thread(at).post.record.py_type, "app.bsky.feed.post"),
    "is_record_type": (
        lambda at: [
            models.is_record_type(thread(at).post.record, one)
            for one in (models.ids.AppBskyFeedPost, models.AppBskyFeedPost, models.AppBskyFeedLike.Record)
        ],
        [True, True, False],
    ),
    "what is not there": (lambda at: hasattr(thread(at).post, "frobnicate"), False),
    "what a lexicon knows": (lambda at: hasattr(thread(at).post, "embed"), True),
    "a default for what is not there": (lambda at: getattr(thread(at).post, "frobnicate", "none"), "none"),
    "records by their addresses": (
        lambda at: {uri.rpartition("/")[2]: post.text for uri, post in records(at).items()},
        lambda at: {one.uri.rpartition("/")[2]: text for one, text in ((at.first, "First"), (at.third, "Third"))},
    ),
    "a record of a collection": (
        lambda at: at.client.app.bsky.feed.post.get(at.client.me.did, AtUri.from_str(at.first.uri).rkey).value.text,
        "First",
    ),
    "who follows": (lambda at: [one.handle for one in at.client.get_followers("alice.test").followers], ["bob.test"]),
    "pages": (lambda at: at.client.get_follows(actor="bob.test", cursor=None, limit=5).cursor, None),
    "notifications": (
        lambda at: sorted(one.reason for one in at.client.app.bsky.notification.list_notifications().notifications),
        ["follow", "reply"],
    ),
    "notifications' class": (
        lambda at: isinstance(
            at.client.app.bsky.notification.list_notifications(params={"limit": 1}).notifications[0],
            models.AppBskyNotificationListNotifications.Notification,
        ),
        True,
    ),
    "a handle's DID": (lambda at: at.client.resolve_handle("bob.test").did == at.bob.me.did, True),
    "a handle's DID by the method": (
        lambda at: at.client.com.atproto.identity.resolve_handle({"handle": "bob.test"}).did == at.bob.me.did,
        True,
    ),
    "IdResolver": (lambda at: IdResolver().handle.resolve("bob.test") == at.bob.me.did, True),
    "IdResolver of nobody": (lambda at: IdResolver().handle.resolve("nobody.test"), None),
    "IdResolver's document": (
        lambda at: IdResolver().did.resolve(at.bob.me.did).also_known_as,
        ["at://bob.test"],
    ),
    "IdResolver's directory and patience": (
        lambda at: IdResolver(at.box.plc_url, timeout=5.0).did.resolve(at.bob.me.did).also_known_as,
        ["at://bob.test"],
    ),
    "nobody signed in": (lambda at: Client(at.box.url).get_profile("bob.test").handle, "bob.test"),
    "an address": (lambda at: AtUri.from_str(at.first.uri).hostname == at.client.me.did, True),
    "an answer as a dict": (lambda at: at.client.get_profile("bob.test")["handle"], "bob.test"),
    "Python's spelling in brackets": (lambda at: at.client.get_profile("alice.test")["followers_count"], 1),
    "model_dump": (lambda at: at.client.get_profile("alice.test").model_dump()["followers_count"], 1),
    "model_dump by alias": (
        lambda at: at.client.get_profile("alice.test").model_dump(by_alias=True, exclude_none=True)["followersCount"],
        1,
    ),
    "model_dump with what is not set": (lambda at: at.client.get_profile("bob.test").model_dump()["banner"], None),
    "model_dump of some": (
        lambda at: at.client.get_profile("bob.test").model_dump(include={"handle", "display_name"}),
        {"handle": "bob.test", "display_name": ""},
    ),
    "model_dump_json": (
        lambda at: json.loads(at.client.get_profile("alice.test").model_dump_json())["followers_count"],
        1,
    ),
    "get_model_as_dict": (
        lambda at: models.get_model_as_dict(at.client.get_profile("alice.test"))["followersCount"],
        1,
    ),
    "get_model_as_json": (
        lambda at: json.loads(models.get_model_as_json(thread(at).post.record))["$type"],
        "app.bsky.feed.post",
    ),
    "a post's model_dump": (lambda at: at.first.model_dump() == {"uri": at.first.uri, "cid": at.first.cid}, True),
    "the bytes of a blob": (
        lambda at: at.client.com.atproto.sync.get_blob(
            {"did": at.client.me.did, "cid": used_blob(at.client, b"bytes").ref.link}
        ),
        b"bytes",
    ),
    "a request of one's own": (
        lambda at: at.client.request.get(f"{at.box.url}/xrpc/com.atproto.server.describeServer").content["did"],
        lambda at: at.box.did,
    ),
    "list_records": (
        lambda at: [
            one.value.text
            for one in at.client.com.atproto.repo.list_records(
                models.ComAtprotoRepoListRecords.Params(
                    repo=at.client.me.did, collection=models.ids.AppBskyFeedPost, limit=2
                )
            ).records
        ],
        ["Third", "First"],
    ),
    "get_record by keywords": (
        lambda at: at.client.com.atproto.repo.get_record(
            repo=at.client.me.did, collection="app.bsky.feed.post", rkey=AtUri.from_str(at.first.uri).rkey
        ).value["text"],
        "First",
    ),
    "followers by a dict with an empty cursor": (
        lambda at: [
            one.did == at.bob.me.did
            for one in at.client.app.bsky.graph.get_followers({"actor": at.client.me.did, "cursor": None}).followers
        ],
        [True],
    ),
    "a thread by the lexicon's spelling": (
        lambda at: (
            at.client.app.bsky.feed.get_post_thread(
                {"uri": at.third.uri, "parentHeight": 1, "depth": 0}
            ).thread.parent.post.author.handle
        ),
        "bob.test",
    ),
    "a cursor in brackets": (lambda at: at.client.get_follows(actor="alice.test")["cursor"], None),
    "a count, or zero": (lambda at: at.client.get_posts([at.first.uri]).posts[0].like_count or 0, 0),
    "a viewer's like": (
        lambda at: bool(getattr(at.client.get_posts([at.first.uri]).posts[0].viewer, "like", None)),
        False,
    ),
    "a notification's reply": (
        lambda at: [
            (one.record.reply.root.uri == at.first.uri, one.author.handle, one.is_read)
            for one in at.client.app.bsky.notification.list_notifications({"limit": 20}).notifications
            if one.reason == "reply" and hasattr(one.record, "text")
        ],
        lambda at: [(True, "bob.test", False)],
    ),
    "a follow has no text": (
        lambda at: [
            hasattr(one.record, "text")
            for one in at.client.app.bsky.notification.list_notifications().notifications
            if one.reason == "follow"
        ],
        [False],
    ),
    "an upload by the method": (
        lambda at: at.client.com.atproto.repo.upload_blob(b"bytes").blob.size,
        5,
    ),
    "a blob's class": (
        lambda at: isinstance(at.client.upload_blob(b"bytes").blob, models.blob_ref.BlobRef),
        True,
    ),
    "a blob's CID": (
        lambda at: at.client.upload_blob(b"bytes").blob.cid == at.client.upload_blob(b"bytes").blob.ref.link,
        True,
    ),
    "a query by its NSID": (
        lambda at: at.client.invoke_query("app.bsky.actor.getProfile", {"actor": "bob.test"}).handle,
        "bob.test",
    ),
    "the current time": (lambda at: at.client.get_current_time().tzinfo is not None, True),
    "facets": (
        lambda at: [one.features[0].py_type for one in at.client.detect_facets("Hi @bob.test and #you, a.com")],
        [f"app.bsky.richtext.facet#{name}" for name in ("mention", "tag", "link")],
    ),
    "mentions": (lambda at: client_utils.detect_mentions("Hi @bob.test")[0].handle, "bob.test"),
}


def used_blob(client: Client, content: bytes) -> Any:
    """A blob that a profile refers to, so that the server keeps it."""
    blob = client.upload_blob(content, "image/png").blob
    record = models.AppBskyActorProfile.Record(display_name="Alice", avatar=blob)
    client.com.atproto.repo.put_record(
        models.ComAtprotoRepoPutRecord.Data(
            repo=client.me.did, collection=models.ids.AppBskyActorProfile, rkey="self", record=record
        )
    )
    return blob


@pytest.mark.parametrize("form", READING)
def test_what_is_read(place: SimpleNamespace, form: str) -> None:
    """Each form of reading gives what it gives with the SDK."""
    act, expected = READING[form]
    assert (expected(place) if callable(expected) else expected) == act(place)


def reply_ref(client: Client, post: Any) -> Any:
    """A reference to a post and to the root of its conversation, as bots make them from a thread."""
    view = client.get_post_thread(post.uri).thread.post
    parent = models.create_strong_ref(view)
    return models.AppBskyFeedPost.ReplyRef(parent=parent, root=view.record.reply.root if view.record.reply else parent)


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
WRITING: dict[str, Callable[[Client, Any], Any]] = {
    "post": lambda client, post: client.post("x").uri,
    "send_post with a builder": lambda client, post: client.send_post(
        client_utils.TextBuilder().text("é ").link("a", "https://a.com").tag("#b", "b").mention("c", client.me.did)
    ),
    "a reply": lambda client, post: client.send_post(
        text="x",
        reply_to=models.AppBskyFeedPost.ReplyRef(
            parent=models.create_strong_ref(post), root=models.create_strong_ref(post)
        ),
    ),
    "a quote": lambda client, post: client.send_post(
        "x", embed=models.AppBskyEmbedRecord.Main(record=models.create_strong_ref(post))
    ),
    "a link card": lambda client, post: client.send_post(
        "x",
        embed=models.AppBskyEmbedExternal.Main(
            external=models.AppBskyEmbedExternal.External(title="T", description="D", uri="https://a.com")
        ),
    ),
    "facets": lambda client, post: client.send_post(
        "See",
        facets=[
            models.AppBskyRichtextFacet.Main(
                features=[models.AppBskyRichtextFacet.Link(uri="https://a.com")],
                index=models.AppBskyRichtextFacet.ByteSlice(byte_start=0, byte_end=3),
            )
        ],
    ),
    "create_record": lambda client, post: client.com.atproto.repo.create_record(
        models.ComAtprotoRepoCreateRecord.Data(
            repo=client.me.did,
            collection=models.ids.AppBskyFeedPost,
            record=models.AppBskyFeedPost.Record(created_at=client.get_current_time_iso(), text="x"),
        )
    ),
    "create_record as data": lambda client, post: client.com.atproto.repo.create_record(
        data={
            "repo": client.me.did,
            "collection": "app.bsky.feed.post",
            "record": {"$type": "app.bsky.feed.post", "text": "x", "createdAt": client.get_current_time_iso()},
        }
    ),
    "a record of a collection": lambda client, post: client.app.bsky.feed.post.create(
        client.me.did, models.AppBskyFeedPost.Record(text="x", created_at=client.get_current_time_iso())
    ),
    "a record of a collection by name": lambda client, post: client.app.bsky.feed.post.create(
        repo=client.me.did, record={"text": "x", "created_at": client.get_current_time_iso()}
    ),
    "images": lambda client, post: client.send_post(
        text="x",
        embed=models.AppBskyEmbedImages.Main(
            images=[
                models.AppBskyEmbedImages.Image(
                    alt="a",
                    image=client.upload_blob(PNG, "image/png").blob,
                    aspect_ratio=models.AppBskyEmbedDefs.AspectRatio(width=1, height=1),
                )
            ]
        ),
    ),
    "send_image": lambda client, post: client.send_image(
        text="x",
        image=PNG,
        image_alt="a",
        image_aspect_ratio=models.AppBskyEmbedDefs.AspectRatio(width=1, height=1),
    ),
    "send_images": lambda client, post: client.send_images("x", [PNG, PNG], ["a", "b"]),
    "a quote with media": lambda client, post: client.send_post(
        "x",
        embed=models.AppBskyEmbedRecordWithMedia.Main(
            record=models.AppBskyEmbedRecord.Main(record=models.create_strong_ref(post)),
            media=models.AppBskyEmbedExternal.Main(
                external=models.AppBskyEmbedExternal.External(title="T", description="D", uri="https://a.com")
            ),
        ),
    ),
    "an embed as a dict": lambda client, post: client.send_post(
        "x", embed={"$type": "app.bsky.embed.record", "record": {"uri": post.uri, "cid": post.cid}}
    ),
    "languages": lambda client, post: client.send_post("x", langs=["en-US"]),
    "a reply as a dict": lambda client, post: client.send_post(
        "x", reply_to={"root": post.model_dump(), "parent": post.model_dump()}
    ),
    "a thread, post by post": lambda client, post: client.send_post(
        "y", reply_to=reply_ref(client, client.send_post("x"))
    ),
    "a list": lambda client, post: client.app.bsky.graph.list.create(
        client.me.did,
        models.AppBskyGraphList.Record(
            name="L", purpose="app.bsky.graph.defs#curatelist", created_at=client.get_current_time_iso()
        ),
    ),
    "a block": lambda client, post: client.app.bsky.graph.block.create(
        repo=client.me.did,
        record=models.AppBskyGraphBlock.Record(
            subject="did:plc:7p7xbvvdnouytbwhbvtysgid", created_at=client.get_current_time_iso()
        ),
    ),
    "apply_writes": lambda client, post: (
        client.com.atproto.repo.apply_writes(
            models.ComAtprotoRepoApplyWrites.Data(
                repo=client.me.did,
                writes=[
                    models.ComAtprotoRepoApplyWrites.Create(
                        collection=models.ids.AppBskyFeedPost,
                        value=models.AppBskyFeedPost.Record(text="x", created_at=client.get_current_time_iso()),
                    )
                ],
            )
        )
        .results[0]
        .uri
    ),
    "like": lambda client, post: client.like(uri=post.uri, cid=post.cid),
    "repost": lambda client, post: client.repost(post.uri, post.cid),
    "follow": lambda client, post: client.follow(subject=client.resolve_handle("bob.test").did),
}


@pytest.mark.parametrize("form", WRITING)
def test_what_is_written(place: SimpleNamespace, form: str) -> None:
    """Each form of writing makes a record, whose address comes back."""
    reference = WRITING[form](place.client, place.second)
    uri = reference if isinstance(reference, str) else reference.uri
    record = place.client.com.atproto.repo.get_record(
        {
            "repo": AtUri.from_str(uri).host,
            "collection": AtUri.from_str(uri).collection,
            "rkey": AtUri.from_str(uri).rkey,
        }
    )
    place.client.delete(uri)
    assert (uri, AtUri.from_str(uri).collection) == (record.uri, record.value.py_type)


UNDOING: dict[str, Callable[[Client], Any]] = {
    "delete_post": lambda client: client.delete_post(post_uri=client.send_post("x").uri),
    "unsend": lambda client: client.unsend(client.send_post("x").uri),
    "unlike": lambda client: client.unlike(like_uri=client.like(client.send_post("x").uri).uri),
    "delete_like": lambda client: client.delete_like(client.like(client.send_post("x").uri).uri),
    "unrepost": lambda client: client.unrepost(repost_uri=client.repost(client.send_post("x").uri).uri),
    "delete_repost": lambda client: client.delete_repost(client.repost(client.send_post("x").uri).uri),
    "unfollow": lambda client: client.unfollow(follow_uri=client.follow("bob.test").uri),
    "delete_follow": lambda client: client.delete_follow(client.follow("bob.test").uri),
    "a collection": lambda client: client.app.bsky.feed.post.delete(
        client.me.did, AtUri.from_str(client.send_post("x").uri).rkey
    ),
    "update_seen": lambda client: client.app.bsky.notification.update_seen({"seen_at": client.get_current_time_iso()}),
    "update_seen as data": lambda client: client.app.bsky.notification.update_seen(
        data={"seen_at": client.get_current_time_iso()}
    ),
}


@pytest.mark.parametrize("form", UNDOING)
def test_what_answers_with_true(place: SimpleNamespace, form: str) -> None:
    """As in the SDK, whatever the server has nothing to say about."""
    assert UNDOING[form](place.client) is True


REFUSED: dict[str, tuple[Callable[[SimpleNamespace], Any], type[Exception], tuple[int, str] | None]] = {
    "a record that is not there": (
        lambda at: at.client.app.bsky.feed.post.get(at.client.me.did, "3kaaaaaaaaaaa"),
        exceptions.BadRequestError,
        (400, "RecordNotFound"),
    ),
    "a wrong password": (
        lambda at: Client(at.box.url).login("alice.test", "wrong-wrong"),
        exceptions.UnauthorizedError,
        (401, "AuthenticationRequired"),
    ),
    "nobody signed in": (lambda at: Client().send_post("x"), exceptions.LoginRequiredError, None),
    "a server that is away": (
        lambda at: Client("http://127.0.0.1:9").get_profile("bob.test"),
        exceptions.NetworkError,
        None,
    ),
    "a model without its fields": (lambda at: models.AppBskyFeedPost.Record(), exceptions.ModelError, None),
    "any of them": (lambda at: Client(at.box.url).login("alice.test", "wrong-wrong"), exceptions.AtProtocolError, None),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_raised(place: SimpleNamespace, form: str) -> None:
    """Is caught by the SDK's name for it, and says what the server answered, if it did."""
    act, error, expected = REFUSED[form]
    with pytest.raises(error) as raised:
        act(place)
    response = getattr(raised.value, "response", None)
    if expected or response is None:
        assert expected == (response and (response.status_code, response.content.error))


def test_clones_have_headers_of_their_own(place: SimpleNamespace) -> None:
    """A clone shares the session, even one that begins later; its proxy and labelers are its own."""
    client = Client(place.box.url)
    chat, labelled = client.with_bsky_chat_proxy(), client.with_labelers(["did:plc:a", "did:plc:b"])
    other = chat.with_proxy(client.AtprotoServiceType.ATPROTO_LABELER, "did:plc:c")
    client.login("alice.test", place.box.account("alice.test").app_password)
    assert [client.me] * 3 == [chat.me, labelled.me, other.me]
    assert [
        {},
        {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"},
        {"atproto-accept-labelers": "did:plc:a;redact,did:plc:b;redact"},
        {"atproto-proxy": "did:plc:c#atproto_labeler"},
    ] == [one.request.get_headers() for one in (client, chat, labelled, other)]


def test_a_profile_is_changed_through_its_record(place: SimpleNamespace) -> None:
    """What is set as an attribute is sent, however deep, and what becomes None is left out."""
    used_blob(place.client, b"avatar")
    current = place.client.app.bsky.actor.profile.get(place.client.me.did, "self")
    record = current.value
    record.display_name, record.description, record.avatar = "Alice", "New", None
    place.client.com.atproto.repo.put_record(
        models.ComAtprotoRepoPutRecord.Data(
            collection=models.ids.AppBskyActorProfile,
            repo=place.client.me.did,
            rkey="self",
            swap_record=current.cid,
            record=record,
        )
    )
    value = place.box.records("alice.test", "app.bsky.actor.profile")[0].value
    assert {"$type": "app.bsky.actor.profile", "displayName": "Alice", "description": "New"} == value


def test_a_session_is_kept_and_imported(place: SimpleNamespace) -> None:
    """By the callback's text, by position, and as an object; its repr shows no token."""
    kept: list[Session] = []
    client = Client(place.box.url, Request(timeout=60))
    client.on_session_change(lambda event, session: kept.append(session) if event == SessionEvent.CREATE else None)
    client.login("alice.test", place.box.account("alice.test").app_password)
    text = kept[0].export()
    again = [Client(place.box.url).login(None, None, one) for one in (text, Session.decode(text))]
    assert ([client.me] * 2, False) == (again, text in f"{kept[0]} {kept[0]!r}")


def test_asyncio_reads_the_profile_and_clones(place: SimpleNamespace) -> None:
    """A profile is there after the sign-in; clones, too, are awaited."""

    async def script() -> tuple[Any, ...]:
        client = AsyncClient(place.box.url)
        profile = await client.login("bob.test", place.box.account("bob.test").app_password)
        feed = await client.app.bsky.feed.get_timeline(params={"limit": 1})
        clone = client.with_labelers(["did:plc:a"])
        seen = await clone.app.bsky.actor.get_profile({"actor": client.me.did})
        return profile.follows_count, len(feed.feed), seen.handle, clone.request.get_headers()

    expected = (1, 1, "bob.test", {"atproto-accept-labelers": "did:plc:a;redact"})
    assert expected == asyncio.run(script())


# Models by themselves


def test_a_model_needs_its_required_fields() -> None:
    """The error names them; a lexicon's other fields may be left out, and unknown ones are kept."""
    with pytest.raises(InputError, match=r"AppBskyFeedPost\.Record needs text and created_at"):
        models.AppBskyFeedPost.Record(langs=["en"])
    record = models.AppBskyFeedPost.Record(text="x", created_at="now", via="my bot")
    assert {"$type": "app.bsky.feed.post", "text": "x", "createdAt": "now", "via": "my bot"} == record


def test_a_type_that_an_object_names_counts() -> None:
    """In unions and unknown fields; an unknown type is a plain answer."""
    view = answer({"$type": "app.bsky.embed.images#view", "images": [{"thumb": "t"}]})
    assert (models.AppBskyEmbedImages.View, models.AppBskyEmbedImages.ViewImage) == (type(view), type(view.images[0]))
    assert "Answer" == type(answer({"$type": "com.example.thing", "a": 1})).__name__


@pytest.mark.parametrize("doubled", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), dict.copy])
def test_copies_are_equal(doubled: Callable[[Any], Any]) -> None:
    """By every way of copying."""
    span = models.AppBskyRichtextFacet.ByteSlice(byte_start=1, byte_end=2)
    assert span == doubled(span)


def test_a_deep_answer_is_read() -> None:
    """However deep a server nests it."""
    value: Any = {"end": "here"}
    for _ in range(20_000):
        value = {"a": [value]}
    node = answer(value)
    for _ in range(20_000):
        node = node.a[0]
    assert "here" == node.end


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Client, Client, Any]]:
    """alice and carol on a sandbox of their own, and a post of alice's."""
    with Sandbox() as box:
        monkeypatch.setenv("SKYWRITE_PLC_URL", box.plc_url)
        clients = Client(box.url), Client(box.url)
        for client, name in zip(clients, ("alice.test", "carol.test"), strict=True):
            client.login(name, box.account(name).app_password)
        yield *clients, clients[0].send_post("First")
        for client in clients:
            client.close()


def test_bots_see_what_an_appview_shows(two: tuple[Client, Client, Any]) -> None:
    """Embeds as views, what the reader did with a post, filters of a feed, unread notifications, searches and mutes."""
    client, reader, first = two
    picture = reader.send_image("Sunny picture", PNG, "The sun")
    answer = reader.send_post("An answer", reply_to=first, embed=None)
    quote = reader.send_post("Look", embed=models.AppBskyEmbedRecord.Main(record=models.create_strong_ref(first)))
    reader.like(first.uri, first.cid)
    reader.follow(client.me.did)
    shown = reader.get_posts([picture.uri, quote.uri, first.uri]).posts
    assert (True, "The sun") == (
        isinstance(shown[0].embed, models.AppBskyEmbedImages.View),
        shown[0].embed.images[0].alt,
    )
    assert ("First", first.uri) == (shown[1].embed.record.value.text, shown[1].embed.record.uri)
    assert (True, None) == (shown[2].viewer.like.startswith(f"at://{reader.me.did}/"), shown[2].viewer.repost)

    def feed(kept: str) -> list[str]:
        return [item.post.uri for item in reader.get_author_feed(reader.me.did, filter=kept).feed]

    assert ([quote.uri, picture.uri], [picture.uri]) == (feed("posts_no_replies"), feed("posts_with_media"))
    assert [quote.uri, answer.uri, picture.uri] == feed("posts_with_replies")
    before = client.app.bsky.notification.get_unread_count().count
    client.app.bsky.notification.update_seen({"seen_at": client.get_current_time_iso()})
    assert (True, 0) == (before > 0, client.app.bsky.notification.get_unread_count().count)
    posts = reader.app.bsky.feed.search_posts({"q": "sunny"}).posts
    people = reader.app.bsky.actor.search_actors({"q": "carol"}).actors
    assert ([picture.uri], ["carol.test"]) == ([post.uri for post in posts], [one.handle for one in people])
    reader.mute(client.me.did)
    seen = reader.get_profile(client.me.did).viewer
    assert (True, True, None) == (seen.muted, seen.following.startswith("at://"), seen.followed_by)
    reader.unmute(client.me.did)
    assert reader.get_profile(client.me.did).viewer.muted is False


@pytest.mark.parametrize("named", ["cache", "backup_nameservers"])
def test_what_the_resolver_does_not_take_is_said(named: str) -> None:
    """It is not left out silently."""
    with pytest.raises(InputError) as caught:
        IdResolver(**{named: ()})
    assert f"Leave {named} out." == caught.value.hint


def test_an_error_of_a_client_names_its_own_sign_in(place: SimpleNamespace) -> None:
    """A script without a queue is told to call `client.login`, whatever it called before."""
    hints = set()
    for call in (
        lambda client: client.get_timeline(),
        lambda client: client.send_post("Hello"),
        lambda client: client.me,
    ):
        with Client(place.box.url) as client, pytest.raises(exceptions.UnauthorizedError) as caught:
            call(client)
        hints.add(caught.value.hint)
    assert {"Call client.login(handle, app_password) first."} == hints


def test_a_client_whose_session_has_ended_names_its_own_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks the network says how a script signs in again."""
    hints = {}
    for name, call in {
        "query": lambda client: client.get_timeline(),
        "send": lambda client: client.send_post("Hello"),
        "upload": lambda client: client.upload_blob(b"x"),
        "like": lambda client: client.like(f"at://{client.me.did}/app.bsky.feed.post/3", "cid"),
        "delete": lambda client: client.delete_post(f"at://{client.me.did}/app.bsky.feed.post/3"),
    }.items():
        clock = FakeClock(datetime.now(UTC))
        with Sandbox(clock=clock) as box, Client(box.url, clock=clock) as client:
            monkeypatch.setenv("SKYWRITE_PLC_URL", box.plc_url)
            client.login("bob.test", box.account("bob.test").app_password)
            box._pds.sessions.revoke_all(client.me.did)
            clock.advance(3 * 3600)
            with pytest.raises(exceptions.UnauthorizedError) as caught:
                call(client)
        hints[name] = caught.value.hint
    assert dict.fromkeys(hints, "Call client.login(handle, app_password) first.") == hints
