"""Sessions over months: kept alive unused, announced before they end, and posts that wait after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.sessions import SessionKeeping, session_facts
from skywrite.features.checkup.service import check_all
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.events import Events
from tests.oauth.conftest import Process, SignIn
from tests.oauth.support import MovedClock, Wire, age_session
from tests.support.pds import Pds, PdsAccount

DAY = 86_400


def kept(sky: Skywrite) -> list[dict[str, Any]]:
    """What an hour's care of the sessions logs."""
    lines: list[dict[str, Any]] = []
    take_all(SessionKeeping(sky.context, lambda event, **facts: lines.append({"event": event, **facts})))
    return lines


def test_unused_for_a_month(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A session that nobody used for thirty days is refreshed, also one of an app password; a younger one is not."""
    clock, wire = MovedClock(), Wire(endpoint="refreshSession")
    sky = process(wire, clock)
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    clock.forward(29 * DAY)
    assert [] == kept(sky)
    clock.forward(2 * DAY)
    assert ["session_refreshed"] == [line["event"] for line in kept(sky)]
    assert 1 == sum("refreshSession" in url for url in wire.sent)
    assert [] == kept(sky)


def test_unused_by_oauth(process: Process, sign_in: SignIn, pds: Pds) -> None:
    """So is one of OAuth."""
    clock = MovedClock()
    sky = process(clock=clock)
    done = sign_in(sky)
    # A public client's session has no month; what counts is when it was refreshed last.
    facts = done.session._replace(refreshed_at=done.session.refreshed_at - timedelta(days=31))
    assert sky.context.store.sessions.replace(done.session, facts._replace(seen={}))
    assert ["session_refreshed"] == [line["event"] for line in kept(sky)]
    assert [] == kept(sky)


def test_revoked_while_nobody_looked(process: Process, pds: Pds, account: PdsAccount) -> None:
    """A session that turns out to be over is said, and its posts wait."""
    clock = MovedClock()
    sky = process(clock=clock)
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    sky.context.agent(sky.accounts.get()).delete_session()
    clock.forward(31 * DAY)
    assert ["needs_login"] == [line["event"] for line in kept(sky)]
    assert "needs_login" == sky.accounts.get().state


def test_the_end_is_announced(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """Three days before its end a session is announced once a day; at the end posts wait, and go on after a sign-in."""
    clock = MovedClock()
    sky = process(clock=clock)
    done = sign_in(sky)
    clock.forward(10.9 * DAY)
    assert [] == kept(sky)
    clock.forward(0.2 * DAY)
    assert ["session_ends"] == [line["event"] for line in kept(sky)]
    assert [] == kept(sky)
    assert ["account.session_ends"] == [event.kind for event in Events(sky.context.store).after(0)]
    post = sky.schedule("After the end", at=clock.now() + timedelta(days=4), late="publish")
    assert any("ends on" in warning for warning in post.warnings)
    before = sky.schedule("Before the end", at=clock.now() + timedelta(days=1), late="publish")
    assert () == before.warnings
    age_session(pds, done.account.did, 15, "createdAt")
    clock.forward(5 * DAY)
    assert ["needs_login"] == [line["event"] for line in kept(sky)]
    sky.run_once()
    assert [] == pds.records(account.did)
    sign_in(sky)
    sky.run_once()
    assert {"After the end", "Before the end"} == {record["value"]["text"] for record in pds.records(account.did)}


def test_the_end_found_while_publishing(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """A session that is over when a post is due holds the post; after a sign-in it goes out."""
    sky = process()
    done = sign_in(sky)
    sky.context.oauth.authenticator(done.session).end()
    post = sky.schedule("Held", at="now")
    sky.run_once()
    assert ("held", "needs_login") == (sky.posts.get(post.id).post.state, sky.accounts.get().state)
    sign_in(sky)
    sky.run_once()
    assert ["Held"] == [record["value"]["text"] for record in pds.records(account.did)]


def test_facts(process: Process, sign_in: SignIn, pds: Pds, account: PdsAccount) -> None:
    """The rights of a session and the day of its end are known, and doctor says them."""
    sky = process()
    done = sign_in(sky, rights=["likes"])
    facts = session_facts(sky.context, sky.accounts.get())
    assert facts is not None
    assert (("posts", "media", "video", "likes"), (), done.session.ends_at) == (
        facts.rights,
        facts.missing,
        facts.ends_at,
    )
    messages = [finding.message for finding in check_all(sky)]
    assert any("posts, media, video, likes" in line for line in messages)


def test_facts_of_a_password(process: Process, pds: Pds, account: PdsAccount) -> None:
    """An app password has no list of rights, and lasts while it is used."""
    sky = process()
    sky.accounts.login(account.handle, account.app_password, pds=pds.url)
    facts = session_facts(sky.context, sky.accounts.get())
    assert facts is not None
    assert ("an app password", None, None) == (facts.kind, facts.rights, facts.ends_at)
    assert facts.idle_ends_at == pytest.approx(sky.context.clock.now() + timedelta(days=90), abs=timedelta(minutes=5))
