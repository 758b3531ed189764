"""What sessions and the repository count on, seen on the reference PDS."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from skywrite.core.errors import NoAnswer, NotSent
from skywrite.core.http import Http, Response
from skywrite.protocol.atproto.cid import cid_for_blob
from skywrite.protocol.atproto.repo import RecordConflict, Repo, Write
from skywrite.protocol.atproto.session import AccountUnavailable, Agent, MemorySessionStore, Session
from skywrite.protocol.atproto.sign_in import WrongPassword, create_session
from skywrite.protocol.atproto.xrpc_errors import BlobNotFound, NotSignedIn, RecordNotFound, TokenRefused
from tests.support.errors import fails
from tests.support.pds import Pds, PdsAccount
from tests.support.processes import PATIENCE_SECONDS

POST = "app.bsky.feed.post"
RKEY = "3kaaaaaaaaaa"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 5000


@pytest.fixture
def http() -> Iterator[Http]:
    client = Http()
    yield client
    client.close()


@pytest.fixture
def session(pds: Pds, account: PdsAccount, http: Http) -> Session:
    return create_session(http, pds.url, f"@{account.handle}", account.app_password)


@pytest.fixture
def repo(session: Session, http: Http) -> Repo:
    return Repo(Agent(http, session))


def post(last: str, text: str = "hello", **more: Any) -> Write:
    return Write.of(POST, RKEY + last, {"$type": POST, "text": text, "createdAt": "2024-01-01T00:00:00.000Z"} | more)


class LosesAnswers:
    """A transport that carries the first write out and loses its answer."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.lost = 0

    def request(self, method: str, url: str, **more: Any) -> Response:
        response = self._http.request(method, url, **more)
        if "applyWrites" in url and not self.lost:
            self.lost += 1
            raise NoAnswer("reset")
        return response


def test_sign_in(pds: Pds, account: PdsAccount, session: Session, http: Http) -> None:
    """Both kinds of password sign in and are told apart; the account's own server comes from its DID document."""
    main = create_session(http, pds.url, account.did, account.password)
    assert (session.did, session.handle, session.pds_url) == (account.did, account.handle, pds.url)
    assert [session.uses_main_password, main.uses_main_password] == [False, True]


def test_wrong_sign_ins(pds: Pds, account: PdsAccount, http: Http) -> None:
    """A wrong password, an address that is no PDS and a server that is down are three different errors."""
    with pytest.raises(WrongPassword):
        create_session(http, pds.url, account.handle, "wrong")
    with fails("server.not_a_pds"):
        create_session(http, f"{pds.url}/somewhere", account.handle, account.app_password)
    with pytest.raises(NotSent):
        create_session(http, "http://127.0.0.1:1", account.handle, account.app_password)


def test_a_thread_in_one_commit(repo: Repo, pds: Pds, account: PdsAccount) -> None:
    """A thread is created whole, with the CIDs computed here, and stays one when it is created again."""
    first = post("a")
    parent = {"uri": f"at://{account.did}/{POST}/{first.rkey}", "cid": first.cid}
    thread = [first, post("b", "second", reply={"root": parent, "parent": parent})]
    commit = repo.create_all(thread)
    again = repo.create_all(thread)
    assert (commit.read_back, again.read_back, again.refs) == (False, True, commit.refs)
    assert [(record["uri"], record["cid"]) for record in pds.records(account.did)] == [
        (ref.uri, ref.cid) for ref in commit.refs
    ]


def test_a_lost_answer(session: Session, http: Http, pds: Pds, account: PdsAccount) -> None:
    """A commit that was carried out and whose answer was lost is found by reading back."""
    assert Repo(Agent(LosesAnswers(http), session)).create_all([post("a")]).read_back
    assert len(pds.records(account.did)) == 1


def test_a_key_that_is_taken(repo: Repo, pds: Pds, account: PdsAccount) -> None:
    """The server's 500 for a taken record key is told as what it is, and nothing is changed."""
    repo.create_all([post("a")])
    with pytest.raises(RecordConflict):
        repo.create_all([post("a", "other"), post("b")])
    assert [record["value"]["text"] for record in pds.records(account.did)] == ["hello"]


def test_a_deleted_root(repo: Repo) -> None:
    """A thread whose root was deleted is not created again, and the error says why."""
    thread = [post("a"), post("b")]
    repo.create_all(thread)
    repo.delete(POST, thread[0].rkey)
    with pytest.raises(RecordConflict, match="was deleted"):
        repo.create_all(thread)


def test_refused_records(repo: Repo) -> None:
    """What the server calls invalid is told in its words, and a missing blob by its name."""
    with fails("record.refused", match="grapheme too big"):
        repo.create_all([post("a", "x" * 301)])
    missing = {"$type": "blob", "ref": {"$link": cid_for_blob(b"gone")}, "mimeType": "image/png", "size": 4}
    embed = {"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": missing}]}
    with pytest.raises(BlobNotFound):
        repo.create_all([post("a", embed=embed)])


def test_reading_putting_and_deleting(repo: Repo) -> None:
    """A record is written, read, guarded by what was there, listed and deleted, twice if need be."""
    write = post("a")
    with pytest.raises(RecordNotFound):
        repo.get(POST, write.rkey)
    repo.put(write, only_new=True)
    repo.put(write, only_new=True)
    with fails("record.swapped"):
        repo.put(post("a", "other"), only_new=True)
    repo.put(post("a", "other"), swap_record=write.cid)
    assert [record.value["text"] for record in repo.list_records(POST)] == ["other"]
    repo.delete(POST, write.rkey)
    repo.delete(POST, write.rkey)
    assert list(repo.list_records(POST)) == []


def test_blobs(repo: Repo) -> None:
    """A blob has the CID computed here, whole or in pieces of a known or unknown size."""
    whole = repo.upload_blob(PNG, "image/png", cid=cid_for_blob(PNG))
    sized = repo.upload_blob(lambda: iter([PNG[:99], PNG[99:]]), "image/png", size=len(PNG), cid=cid_for_blob(PNG))
    unsized = repo.upload_blob(lambda: iter([PNG[:99], PNG[99:]]), "image/png", cid=cid_for_blob(PNG))
    assert whole == sized == unsized
    with fails("request.too_large"):
        repo.upload_blob(bytes(5_242_881), "image/png")


def test_an_expired_token(pds: Pds, account: PdsAccount, session: Session, http: Http) -> None:
    """An access token that the server calls expired is refreshed, and the call goes through."""
    old = Session(session.did, session.handle, session.pds_url, pds.mint_access_jwt(account.did), session.refresh_jwt)
    unaware = Session(session.did, session.handle, session.pds_url, "not.a.token", session.refresh_jwt)
    for stale in (old, unaware):
        agent = Agent(http, stale)
        agent.procedure(
            "com.atproto.repo.createRecord", {"repo": account.did, "collection": POST, "record": post("a").value}
        )
        assert agent.session.access_jwt != stale.access_jwt
    assert len(pds.records(account.did)) == 2


def test_many_at_once(session: Session, http: Http) -> None:
    """Eight agents with one store and an ended token all get through, and end with one session."""
    store = MemorySessionStore()
    stale = Session(session.did, session.handle, session.pds_url, "not.a.token", session.refresh_jwt)
    agents = [Agent(http, stale, store=store) for _ in range(8)]
    answers: list[Any] = []

    def ask(agent: Agent) -> None:
        answers.append(agent.query("com.atproto.server.getSession")["did"])

    threads = [threading.Thread(target=ask, args=[agent]) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert answers == [session.did] * 8
    assert len({agent.session.access_jwt for agent in agents}) == 1


def test_a_refresh_asked_for_twice(session: Session, http: Http) -> None:
    """A refresh token may be used again (as after a lost answer) and leads to a session that works."""
    agents = [Agent(http, session), Agent(http, session)]
    for agent in agents:
        agent.refresh()
    for agent in agents:
        assert agent.query("com.atproto.server.getSession")["did"] == session.did
        agent.refresh()


def test_a_revoked_app_password(pds: Pds, account: PdsAccount, session: Session, http: Http) -> None:
    """When the app password is revoked, the session ends at its next refresh, with the way to sign in."""
    pds.call("com.atproto.server.revokeAppPassword", {"name": "test"}, jwt=account.access_jwt)
    with fails("session.expired") as caught:
        Agent(http, session).refresh()
    assert "accounts.login" in caught.value.hint


def test_logout(session: Session, http: Http) -> None:
    """After logging out the session cannot be refreshed; logging out again is no error."""
    agent = Agent(http, session)
    agent.delete_session()
    agent.delete_session()
    with fails("session.expired"):
        agent.refresh()


def test_a_deactivated_account(pds: Pds, account: PdsAccount, session: Session, http: Http) -> None:
    """A deactivated account is told as such, at a write and at a sign-in."""
    pds.call("com.atproto.server.deactivateAccount", {}, jwt=account.access_jwt)
    with pytest.raises(AccountUnavailable, match="deactivated"):
        Repo(Agent(http, session)).create_all([post("a")])
    with pytest.raises(AccountUnavailable, match="deactivated"):
        create_session(http, pds.url, account.handle, account.app_password)


def test_an_account_that_was_taken_down(pds: Pds, account: PdsAccount, session: Session, http: Http) -> None:
    """An account that was taken down is told as such, at a write, at a refresh and at a sign-in."""
    subject = {"$type": "com.atproto.admin.defs#repoRef", "did": account.did}
    pds.call("com.atproto.admin.updateSubjectStatus", {"subject": subject, "takedown": {"applied": True}}, admin=True)
    with pytest.raises(AccountUnavailable, match="taken down"):
        Repo(Agent(http, session)).create_all([post("a")])
    with pytest.raises(AccountUnavailable, match="taken down"):
        Agent(http, session).refresh()
    with pytest.raises(AccountUnavailable, match="taken down"):
        create_session(http, pds.url, account.handle, account.password)


def test_rights_of_app_passwords(account: PdsAccount, session: Session, http: Http) -> None:
    """What only the main password may do is told as a question of rights, not of an expired session."""
    with fails("session.not_allowed"):
        Agent(http, session).procedure("com.atproto.server.createAppPassword", {"name": "more"})


def test_service_auth(session: Session, http: Http) -> None:
    """The server gives a token for another service, half an hour long."""
    token = Agent(http, session).service_auth("did:web:video.example", "com.atproto.repo.uploadBlob")
    assert token.count(".") == 2


def test_expired_refresh_is_a_sign_in_error(session: Session, http: Http, pds: Pds, account: PdsAccount) -> None:
    """A token that is over cannot be used as a refresh token, and no answer shows it."""
    minted = pds.mint_access_jwt(account.did)
    with pytest.raises((NotSignedIn, TokenRefused)) as caught:
        Agent(http, Session(session.did, session.handle, session.pds_url, minted, minted)).refresh()
    assert minted not in repr(caught.value)
