"""The harness itself: the reference PDS."""

from __future__ import annotations

import pytest

from tests.support.pds import Pds, PdsAccount, Refused, running_pds

POST = {"$type": "app.bsky.feed.post", "text": "hello", "createdAt": "2026-01-01T00:00:00.000Z"}


def test_account_is_usable_and_alone(pds: Pds, account: PdsAccount) -> None:
    """A fresh account signs in with its app password and its repository is empty."""
    credentials = {"identifier": account.handle, "password": account.app_password}
    assert account.did == pds.call("com.atproto.server.createSession", credentials)["did"]
    assert [] == pds.records(account.did)


def test_expired_token_is_reported_as_expired(pds: Pds, account: PdsAccount) -> None:
    """A minted token is accepted while it is valid, and refused as ExpiredToken afterwards."""
    fresh = pds.mint_access_jwt(account.did, valid_seconds=60)
    assert account.did == pds.call("com.atproto.server.getSession", jwt=fresh)["did"]
    with pytest.raises(Refused, match="ExpiredToken"):
        pds.call("com.atproto.server.getSession", jwt=pds.mint_access_jwt(account.did))


@pytest.mark.nightly
def test_accounts_and_records_outlive_a_kill() -> None:
    """After SIGKILL and a restart the address, accounts, records and tokens are the same, and new posts are taken."""
    with running_pds(accounts=("carol.test",)) as pds:
        carol = pds.accounts[0]
        account = pds.create_account()
        body = {"repo": account.did, "collection": "app.bsky.feed.post", "record": POST}
        uri = pds.call("com.atproto.repo.createRecord", body, jwt=account.access_jwt)["uri"]
        pds.kill()
        pds.restart()
        assert [uri] == [record["uri"] for record in pds.records(account.did)]
        pds.call("com.atproto.repo.createRecord", body, jwt=account.access_jwt)
        assert 2 == len(pds.records(account.did))
        assert carol.did == pds.call("com.atproto.identity.resolveHandle", params={"handle": "carol.test"})["did"]
        session = pds.call(
            "com.atproto.server.createSession", {"identifier": "carol.test", "password": carol.app_password}
        )
        assert carol.did == session["did"]
    assert not pds.data_dir.exists()
