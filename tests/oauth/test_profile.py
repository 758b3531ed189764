"""What changes the profile, with OAuth and with an app password: the label of a bot, and pins."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.core.errors import SkywriteError
from tests.oauth.conftest import Process, SignIn
from tests.support.pds import Pds, PdsAccount

PROFILE = "app.bsky.actor.profile"


def put_profile(pds: Pds, account: PdsAccount, **fields: Any) -> None:
    """Another program writes the profile."""
    record = {"$type": PROFILE, **fields}
    body = {"repo": account.did, "collection": PROFILE, "rkey": "self", "record": record}
    pds.call("com.atproto.repo.putRecord", body, jwt=account.access_jwt)


def profile(pds: Pds, account: PdsAccount) -> dict[str, Any]:
    """What the profile says."""
    (record,) = pds.records(account.did, PROFILE)
    value: dict[str, Any] = record["value"]
    return value


def values(*names: str) -> dict[str, Any]:
    """Self labels."""
    return {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": name} for name in names]}


def test_the_right_for_the_profile(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """With it, the label goes on and off and a post is pinned; all else in the profile stays."""
    sky = process()
    put_profile(pds, account, displayName="Weather", labels=values("!no-unauthenticated"))
    sign_in(sky, rights=["profile"])
    assert (True, True) == (sky.bots.on(), sky.bots.status())
    sent = sky.post("Pin me")
    sky.reposts.pin(sent.id)
    sky.run_once()
    record = profile(pds, account)
    assert ("Weather", values("!no-unauthenticated", "bot"), sent.uri) == (
        record["displayName"],
        record["labels"],
        record["pinnedPost"]["uri"],
    )
    assert (True, values("!no-unauthenticated")) == (sky.bots.off(), profile(pds, account)["labels"])


def test_without_the_right_it_is_named(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """The error says which right to ask for."""
    sky = process()
    sign_in(sky)
    with pytest.raises(SkywriteError) as error:
        sky.bots.on()
    assert "profile" in f"{error.value.message} {error.value.hint}"


def test_an_app_password_needs_no_right(process: Process, pds: Pds, account: PdsAccount) -> None:
    """Where there is no profile yet, too."""
    sky = process()
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    assert (True, values("bot")) == (sky.bots.on(), profile(pds, account)["labels"])
