"""The names of the atproto SDK: attributes, namespaces, short methods, callbacks, asyncio; no SDK at run time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from skywrite import AsyncClient, Client, exceptions, models
from skywrite.core.errors import InputError, NoAnswer, RateLimited, TimedOut
from skywrite.protocol.atproto.xrpc_errors import NotSignedIn, RecordNotFound
from skywrite.sdk.answers import Answer, UploadedBlob, camel, plain
from skywrite.sdk.client_names import attribute
from skywrite.sdk.names import Namespace
from skywrite.sdk.sessions import SessionEvent
from tests.support.world import NOON, World


class Recorded:
    """A caller that keeps what it was asked."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.result = result

    def query(self, nsid: str, params: Any = None, **more: Any) -> dict[str, Any]:
        self.calls.append(("query", nsid, params, more))
        return self.result

    def procedure(self, nsid: str, body: Any = None, **more: Any) -> dict[str, Any]:
        self.calls.append(("procedure", nsid, body, more))
        return self.result


@pytest.fixture
def client(world: World, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client that is signed in as alice.test."""
    monkeypatch.setenv("SKYWRITE_PLC_URL", world.box.plc_url)
    client = Client(world.box.url, transport=world.transport, clock=world.clock)
    client.login("alice.test", world.box.account("alice.test").app_password)
    return client


def test_answers_are_read_by_attribute_and_by_key() -> None:
    """In Python's spelling and in the lexicon's, however deep; what is not there is an AttributeError."""
    answer = Answer({"displayName": "Alice", "viewer": {"likeUri": "at://x"}, "feed": [{"post": {"text": "Hi"}}]})
    assert ("Alice", "Alice", "at://x") == (answer.display_name, answer["displayName"], answer.viewer.like_uri)
    assert ("Hi", "Hi", False) == (
        answer.feed[0].post.text,
        answer["feed"][0]["post"].text,
        hasattr(answer, "description"),
    )


def test_a_list_is_read_by_its_items() -> None:
    """As a field and as the method that every dict has; JSON sees the object as it is."""
    answer = Answer({"items": [{"subject": {"displayName": "Bob"}}], "list": {"name": "Friends"}})
    assert (["Bob"], "Friends") == ([item.subject.display_name for item in answer.items], answer.list.name)
    assert [("items", answer["items"]), ("list", answer["list"])] == [*answer.items()]
    assert ('{"items": [1]}', [("a", 1)]) == (json.dumps(Answer({"items": [1]})), [*Answer({"a": 1}).items()])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("BadRequestError", RecordNotFound("x")),
        ("UnauthorizedError", NotSignedIn("x")),
        ("NetworkError", TimedOut("x")),
        ("InvokeTimeoutError", TimedOut("x")),
        ("RateLimitExceededError", RateLimited("x", until=NOON)),
        ("ModelError", InputError("x")),
        ("AtProtocolError", NoAnswer("x")),
    ],
)
def test_errors_have_the_names_of_the_sdk(name: str, error: Exception) -> None:
    """What a script catches by one of them, it catches here."""
    with pytest.raises(getattr(exceptions, name)):
        raise error


def test_a_profile_is_changed_as_in_the_sdk(client: Client) -> None:
    """It is read, or missing, then put back with the CID that was read."""
    profile = "app.bsky.actor.profile"
    with pytest.raises(exceptions.BadRequestError):
        client.app.bsky.actor.profile.get(client.me.did, "self")
    for swap in (False, True):
        read = client.app.bsky.actor.profile.get(client.me.did, "self") if swap else None
        record = {"$type": profile, "display_name": "Alice", "description": read and f"Was {read.value.display_name}"}
        data = {"repo": client.me.did, "collection": profile, "rkey": "self", "record": record}
        client.com.atproto.repo.put_record(data | ({"swap_record": read.cid} if read else {}))
    assert "Was Alice" == client.get_profile(client.me.did).description


def test_pages_and_notifications_are_read_as_in_the_sdk(world: World, client: Client) -> None:
    """Until there is no cursor; and what was seen is marked as read."""
    with Client(world.box.url, transport=world.transport, clock=world.clock) as bob:
        bob.login("bob.test", world.box.account("bob.test").app_password)
        bob.follow(client.me.did)
        bob.send_post("Hey", reply_to=client.send_post("Hello"))
    cursor, followers = None, []
    while True:
        page = client.get_followers(actor="alice.test", cursor=cursor, limit=1)
        followers += [one.handle for one in page.followers]
        cursor = page.cursor
        if not cursor:
            break
    notifications = client.app.bsky.notification.list_notifications().notifications
    client.app.bsky.notification.update_seen({"seen_at": client.get_current_time_iso()})
    read = client.app.bsky.notification.list_notifications().notifications
    assert (["bob.test"], {("follow", False), ("reply", False)}, [True, True]) == (
        followers,
        {(one.reason, one.is_read) for one in notifications},
        [one.is_read for one in read],
    )


def test_an_answer_is_no_text_builder() -> None:
    """Whoever asks whether it has a method that it does not have gets a clear no."""
    assert not any(hasattr(Answer({}), name) for name in ("build_text", "__iter_me__"))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda app: app.bsky.actor.get_profile({"actor": "a.test"}),
            ("query", "app.bsky.actor.getProfile", {"actor": "a.test"}, {}),
        ),
        (
            lambda app: app.bsky.notification.update_seen({"seen_at": "2026-01-01T00:00:00Z"}),
            ("procedure", "app.bsky.notification.updateSeen", {"seenAt": "2026-01-01T00:00:00Z"}, {}),
        ),
        (lambda app: app.bsky.feed.search_posts(q="cats"), ("query", "app.bsky.feed.searchPosts", {"q": "cats"}, {})),
        (
            lambda app: app.bsky.graph.listitem.create("did:plc:a", {"created_at": "now"}),
            (
                "procedure",
                "com.atproto.repo.createRecord",
                {
                    "repo": "did:plc:a",
                    "collection": "app.bsky.graph.listitem",
                    "record": {"$type": "app.bsky.graph.listitem", "createdAt": "now"},
                },
                {},
            ),
        ),
        (
            lambda app: app.bsky.actor.profile.get("did:plc:a", "self"),
            (
                "query",
                "com.atproto.repo.getRecord",
                {"repo": "did:plc:a", "collection": "app.bsky.actor.profile", "rkey": "self"},
                {},
            ),
        ),
    ],
)
def test_a_namespace_calls_the_method_of_its_lexicon(call: Any, expected: tuple[Any, ...]) -> None:
    """Queries and procedures by their verbs, records by their collections."""
    caller = Recorded({})
    call(Namespace(caller, "app"))
    assert [expected] == caller.calls


def test_a_method_that_is_neither_clearly_a_query_nor_a_procedure_is_refused() -> None:
    """Nothing is guessed: the error names both ways."""
    with pytest.raises(AttributeError, match=r"client\.query\('app\.bsky\.feed\.frobnicate'"):
        Namespace(Recorded({}), "app").bsky.feed.frobnicate()


def test_chat_goes_through_the_chat_service() -> None:
    """With the header that says so."""
    caller = Recorded({"convos": []})
    attribute(caller, "chat").bsky.convo.list_convos()
    proxy = {"headers": {"atproto-proxy": "did:web:api.bsky.chat#bsky_chat"}}
    assert [("query", "chat.bsky.convo.listConvos", {}, proxy)] == caller.calls


def test_a_chat_is_written_as_in_the_sdk() -> None:
    """Its dicts and models reach the chat service in the lexicon's spelling, and answers are of its classes."""
    caller = Recorded({"convo": {"id": "1", "members": [{"did": "did:plc:b", "handle": "bob.test"}]}})
    dm = attribute(caller, "chat").bsky.convo
    convo = dm.get_convo_for_members(models.ChatBskyConvoGetConvoForMembers.Params(members=["did:plc:b"])).convo
    message = models.ChatBskyConvoDefs.MessageInput(text="Hello")
    dm.send_message(models.ChatBskyConvoSendMessage.Data(convo_id=convo.id, message=message))
    dm.send_message({"convo_id": convo.id, "message": {"text": "Hello"}})
    assert isinstance(convo, models.ChatBskyConvoDefs.ConvoView)
    assert ("bob.test", None) == (convo.members[0].handle, convo.members[0].display_name)
    typed = {"$type": "chat.bsky.convo.defs#messageInput", "text": "Hello"}
    assert [
        ("chat.bsky.convo.getConvoForMembers", {"members": ["did:plc:b"]}),
        ("chat.bsky.convo.sendMessage", {"convoId": "1", "message": typed}),
        ("chat.bsky.convo.sendMessage", {"convoId": "1", "message": {"text": "Hello"}}),
    ] == [call[1:3] for call in caller.calls]


def test_a_handle_is_changed() -> None:
    """By the short name of the SDK, which answers with True."""
    caller = Recorded({})
    assert attribute(caller, "update_handle")(handle="new.test") is True
    assert [("procedure", "com.atproto.identity.updateHandle", {"handle": "new.test"}, {})] == caller.calls


def test_an_unknown_keyword_is_refused() -> None:
    """By name, before anything is sent; a dict may hold what newer servers know."""
    caller = Recorded({"feed": []})
    with pytest.raises(TypeError, match="no argument 'limt'; it takes algorithm, cursor, limit"):
        Namespace(caller, "app").bsky.feed.get_timeline(limt=2)
    Namespace(caller, "app").bsky.feed.get_timeline({"newer": 1})
    assert [{"newer": 1}] == [call[2] for call in caller.calls]


def test_short_methods_take_their_arguments_in_the_order_of_the_sdk() -> None:
    """By position and by name; an unknown one is refused."""
    caller = Recorded({"feed": []})
    attribute(caller, "get_author_feed")("a.test", limit=3)
    assert [("query", "app.bsky.feed.getAuthorFeed", {"actor": "a.test", "limit": 3}, {})] == caller.calls
    with pytest.raises(TypeError, match="no argument 'colour'"):
        attribute(caller, "get_timeline")(colour="blue")


def test_an_unknown_name_says_where_to_look(client: Client) -> None:
    """An AttributeError that names the way to every method."""
    with pytest.raises(AttributeError, match=r"client\.query"):
        client.frobnicate()


def test_a_timeline_reads_as_in_the_sdk(client: Client) -> None:
    """The posts, their authors, and what is not there."""
    client.send_post("Hello")
    (view,) = client.get_timeline(algorithm="reverse-chronological").feed
    assert ("Hello", "alice.test", None) == (view.post.record.text, view.post.author.handle, view.reason)


def test_a_record_and_a_blob_read_as_in_the_sdk(client: Client) -> None:
    """`.value.text` of a post, `.blob` of an upload."""
    post = client.get_post(client.send_post("Hello").uri)
    blob = client.upload_blob(b"bytes", "text/plain")
    assert ("Hello", blob, True) == (post.value.text, blob.blob, isinstance(blob, UploadedBlob))


def test_a_session_string_may_name_the_xrpc_address(world: World, client: Client) -> None:
    """Older exports end in /xrpc."""
    session = client.agent.session
    text = ":::".join([session.handle, session.did, session.access_jwt, session.refresh_jwt, f"{world.box.url}/xrpc"])
    fresh = Client(world.box.url, transport=world.transport, clock=world.clock)
    assert client.me == fresh.login(session_string=text)


def test_callbacks_hear_of_every_session(world: World, client: Client) -> None:
    """Of a sign-in, of one that was imported, and of a refresh; the text can be imported again."""
    heard: list[SessionEvent] = []
    texts: list[str] = []
    fresh = Client(world.box.url, transport=world.transport, clock=world.clock)
    fresh.on_session_change(lambda event, session: (heard.append(event), texts.append(session.export())))
    fresh.login("alice.test", world.box.account("alice.test").app_password)
    fresh.login(session_string=texts[-1])
    fresh.agent.refresh()
    assert [SessionEvent.CREATE, SessionEvent.IMPORT, SessionEvent.REFRESH] == heard
    assert fresh.agent.session.export_string() == texts[-1]


def test_asyncio(world: World, client: Client) -> None:
    """Every call can be awaited, and a coroutine function can be a callback."""
    heard = []

    async def changed(event: SessionEvent, session: Any) -> None:
        heard.append(event)

    async def script() -> str:
        async with AsyncClient(world.box.url, transport=world.transport, clock=world.clock) as awaited:
            awaited.on_session_change(changed)
            await awaited.login("alice.test", world.box.account("alice.test").app_password)
            post = await awaited.send_post("From a loop")
            profile = await awaited.app.bsky.actor.get_profile({"actor": awaited.me.did})
            return f"{post.uri} {profile.handle}"

    uri, handle = asyncio.run(script()).split()
    assert ([SessionEvent.CREATE], world.box.posts("alice.test")[-1].uri, "alice.test") == (heard, uri, handle)


def test_spelling() -> None:
    """Python's names become the lexicons', in dicts, lists and models alike."""
    assert ("displayName", {"seenAt": [{"aB": 1}]}) == (camel("display_name"), plain({"seen_at": [{"a_b": 1}]}))


def test_the_sdk_is_never_imported() -> None:
    """What is here stands alone."""
    script = "import sys, skywrite.async_client; print([name for name in sys.modules if name.startswith('atproto')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_older_import_paths_still_work() -> None:
    """A script that imported events of sessions from `skywrite.sdk` gets the same class."""
    from skywrite import Session, sdk

    assert (SessionEvent, Session, Answer) == (sdk.SessionEvent, sdk.ChangedSession, sdk.Answer)
