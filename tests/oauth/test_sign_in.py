"""The sign-in by OAuth, from the first request to the first post, against the reference PDS."""

from __future__ import annotations

from tests.oauth.conftest import Process, SignIn
from tests.support.pds import Pds, PdsAccount


def texts(pds: Pds, account: PdsAccount) -> list[str]:
    """The texts of the account's posts, as its server has them."""
    return [str(record["value"]["text"]) for record in pds.records(account.did)]


def test_the_queue_publishes(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """After a sign-in with the loopback client, another process publishes what is due, with a reply gate."""
    done = sign_in(process())
    assert (account.did, account.handle, ()) == (done.account.did, done.account.handle, done.missing)
    process().schedule("By the queue", at="now", replies=["nobody"])
    process().run_once()
    assert ["By the queue"] == texts(pds, account)
    assert 1 == len(pds.records(account.did, "app.bsky.feed.threadgate"))
