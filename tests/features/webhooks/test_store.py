"""Events and webhooks: written with what they report, delivered from leased rows."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, SkywriteError
from skywrite.core.http import Response
from skywrite.core.standard_webhooks import signature, signed_headers
from skywrite.features.feeds.model import NewFeed, Poll
from skywrite.features.feeds.store import FeedStore
from skywrite.features.webhooks.task import (
    WAITS,
    WebhookTask,
    after_answer,
    after_failure,
)
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.events import Events
from skywrite.queue.model import AccountChange, Failed, Held, Miss, Published
from skywrite.queue.store import Store
from skywrite.queue.webhooks import OLD_SECRET_LIFETIME, Settled, Webhooks
from tests.support.claims import claim_next
from tests.support.stored import ALICE, BOB, LEASE_SECONDS, NOON, PROBLEM, decide_with, later, post, raw, take

URL = "https://receiver.example/hook"


def kinds(store: Store) -> list[str]:
    """What happened, in order."""
    return [event.kind for event in Events(store).after(0)]


def test_what_becomes_of_posts_is_an_event(store: Store) -> None:
    """Published, failed, held, skipped and cancelled posts are events; waiting for another try is none."""
    outcomes = (Published("at://x/y/z", "bafy"), Failed(PROBLEM), Held(PROBLEM))
    for number, outcome in enumerate(outcomes):
        store.posts.add([post(f"post {number}")])
        claim = claim_next(store, "w", LEASE_SECONDS, take())
        assert claim is not None
        store.claims.settle(claim, outcome)
    decide, _ = decide_with(Miss("cancelled", PROBLEM))
    store.posts.add([post("late")])
    claim_next(store, "w", LEASE_SECONDS, decide)
    kept = store.posts.add([post("later", due=NOON + timedelta(days=1))])[0].id
    store.posts.hold(kept)
    store.posts.cancel(kept)
    assert ["published", "failed", "held", "skipped", "held", "cancelled"] == [
        kind.removeprefix("post.") for kind in kinds(store)
    ]


def test_a_lost_lease_reports_nothing(store: Store, clock: FakeClock) -> None:
    """A worker whose post was taken over writes no event: the one that settles does."""
    store.posts.add([post()])
    late = claim_next(store, "late", LEASE_SECONDS, take())
    clock.advance(LEASE_SECONDS + 1)
    second = claim_next(store, "second", LEASE_SECONDS, take())
    assert late is not None and second is not None
    assert not store.claims.settle(late, Failed(PROBLEM))
    assert store.claims.settle(second, Published("at://x/y/z", "bafy"))
    assert ["post.published"] == kinds(store)


def test_a_lost_login_is_an_event(store: Store) -> None:
    """An account that needs a login is reported with the reason."""
    store.posts.add([post()])
    claim = claim_next(store, "w", LEASE_SECONDS, take())
    assert claim is not None
    store.claims.settle(claim, Held(PROBLEM), account=AccountChange("needs_login", reason="The session is over."))
    event = Events(store).after(0)[-1]
    assert ("account.needs_login", ALICE, "The session is over.") == (
        event.kind,
        event.account_did,
        event.data["reason"],
    )


def test_a_failing_feed_is_an_event_once(store: Store) -> None:
    """A feed that cannot be read is reported at the third failure in a row, not at each; so is one that is gone."""
    claim = FeedStore(store).add_feed(NewFeed("https://site.example/feed", (ALICE,)), "w", LEASE_SECONDS)
    for failures, state in ((1, "active"), (2, "active"), (3, "active"), (4, "active"), (5, "gone")):
        poll = Poll("https://site.example/feed", "Site", {}, later(1800), failures=failures, problem=PROBLEM)
        FeedStore(store).record_poll(claim, poll._replace(state=state))  # type: ignore[arg-type]
        claim = FeedStore(store).claim_feed(1, "w", LEASE_SECONDS) or claim
    assert [(1, "Site"), (1, "Site")] == [
        (event.subject_id, event.data["title"]) for event in Events(store).after(0) if event.kind == "feed.failing"
    ]


def failing(store: Store, name: str, *dids: str) -> None:
    """A feed of these accounts that fails for the third time."""
    url = f"https://site.example/{name}?token=secret"
    claim = FeedStore(store).add_feed(NewFeed(url, dids), "w", LEASE_SECONDS)
    FeedStore(store).record_poll(claim, Poll(url, "Site", {}, later(1800), failures=3, problem=PROBLEM))


def test_feeds_fail_for_their_accounts(store: Store) -> None:
    """A webhook for one account hears of its feeds, of one that is shared only which, and of others' nothing."""
    hooks = Webhooks(store)
    listening = [hooks.add(URL, account_did=did)[0].id for did in (ALICE, BOB, None)]
    failing(store, "alices", ALICE)
    failing(store, "shared", ALICE, BOB)
    told = [[json.loads(one.body)["data"] for one in hooks.deliveries(hook)][::-1] for hook in listening]
    shared = {"feed": 2, "account": "bob.test", "did": BOB}
    whole = {"feed": 2, "url": "https://site.example/shared?token=secret", "title": "Site", "message": PROBLEM.message}
    assert [{"feed": 1, "account": "alice.test"}, {"feed": 2, "account": "alice.test", "did": ALICE}] == [
        {name: told[0][0][name] for name in ("feed", "account")},
        told[0][1],
    ]
    assert "https://site.example/alices?token=secret" == told[0][0]["url"]
    assert ([shared], {**whole, "dids": [ALICE, BOB]}) == (told[1], told[2][1])


@pytest.mark.parametrize("accounts", [{ALICE}, {ALICE, BOB}, {BOB}, set(), None])
def test_an_event_is_told_to_those_whom_it_concerns(store: Store, accounts: set[str] | None) -> None:
    """Whole to who may know of all of its accounts, in part to who may know of some, and to others not at all."""
    failing(store, "alices", ALICE)
    failing(store, "shared", ALICE, BOB)
    Events(store).note("worker.late", {"since": "then"})
    parts = [["feed", "message", "title", "url"], ["feed", "message", "title", "url"], ["since"]]
    expected = {
        frozenset({ALICE}): [parts[0], ["feed"], []],
        frozenset({ALICE, BOB}): [parts[0], parts[1], []],
        frozenset({BOB}): [None, ["feed"], []],
        frozenset(): [None, None, None],
        None: parts,
    }
    told = [event.told_to(accounts) for event in Events(store).after(0)]
    known = None if accounts is None else frozenset(accounts)
    assert expected[known] == [None if event is None else sorted(event.data) for event in told]


def test_messages_are_for_those_who_listen(store: Store) -> None:
    """A webhook gets the kinds and the account that it asked for; a paused one keeps them, a disabled one gets none."""
    hooks = Webhooks(store)
    everything, _ = hooks.add(URL)
    other_kind, _ = hooks.add(URL, kinds=["post.failed"])
    other_account, _ = hooks.add(URL, account_did=BOB)
    paused, _ = hooks.add(URL)
    hooks.change(paused.id, state="paused")
    number = store.posts.add([post("Bye", due=NOON + timedelta(days=1), key="k")])[0].id
    store.posts.cancel(number)
    counts = [len(hooks.deliveries(hook.id)) for hook in (everything, other_kind, other_account, paused)]
    assert [1, 0, 0, 1] == counts
    body = json.loads(hooks.deliveries(everything.id)[0].body)
    assert ("post.cancelled", number, "alice.test", "k") == (
        body["type"],
        body["data"]["id"],
        body["data"]["account"],
        body["data"]["key"],
    )


def test_one_message_at_a_time(store: Store, clock: FakeClock) -> None:
    """While one worker sends to a webhook no other does; when it dies, another goes on after its lease."""
    hooks = Webhooks(store)
    hook, _ = hooks.add(URL)
    hooks.send_test(hook.id)
    hooks.send_test(hook.id)
    first = hooks.claim(60)
    assert first is not None and hooks.claim(60) is None
    clock.advance(61)
    second = hooks.claim(60)
    assert second is not None and second.delivery.id == first.delivery.id
    assert not hooks.settle(first, Settled("delivered", clock.now(), 200))
    assert hooks.settle(second, Settled("delivered", clock.now(), 200))
    third = hooks.claim(60)
    assert third is not None and third.delivery.id != first.delivery.id


class Fetcher:
    """Receivers, as they answer one message after the other; what they were sent."""

    def __init__(self, *answers: Response | SkywriteError) -> None:
        self._answers = iter(answers)
        self.sent: list[tuple[str, bytes, dict[str, str], float]] = []

    def post(self, url: str, body: bytes, headers: dict[str, str], *, timeout_seconds: float) -> Response:
        self.sent.append((url, body, headers, timeout_seconds))
        answer = next(self._answers)
        if isinstance(answer, SkywriteError):
            raise answer
        return answer


def test_a_worker_sends_what_waits(store: Store, clock: FakeClock) -> None:
    """Each message in turn, signed, with time enough for its receiver; what became of it is stored and logged."""
    hooks, numbers, log = Webhooks(store), [], []
    for _ in range(3):
        hook, secret = hooks.add(URL)
        hooks.send_test(hook.id)
        numbers.append(hook.id)
    fetcher = Fetcher(Response(200, {}, b""), Response(503, {}, b""), NoAnswer("Nobody answered."))
    task = WebhookTask(hooks, lambda: fetcher, clock, lambda event, **facts: log.append((event, facts)))  # type: ignore[arg-type, return-value]
    assert clock.now() == task.next_at()
    take_all(task)
    events = ["webhook_delivered", "webhook_waiting", "webhook_waiting"]
    assert events == [event for event, _ in log]
    assert [None, "The receiver answered 503: a failure.", "Nobody answered."] == [facts["error"] for _, facts in log]
    assert [later(5), later(5)] == [hooks.deliveries(hook_id)[0].attempt_at for hook_id in numbers[1:]]
    url, body, headers, timeout_seconds = fetcher.sent[-1]
    assert (URL, 15) == (url, timeout_seconds)
    assert headers == signed_headers([secret], f"msg_{hooks.deliveries(numbers[2])[0].id}", clock.now(), body)


def test_a_new_message_is_seen_within_two_seconds(store: Store, clock: FakeClock) -> None:
    """Whether nothing waits, or what waits is due much later."""
    hooks = Webhooks(store)
    task = WebhookTask(
        hooks, lambda: Fetcher(Response(503, {"retry-after": "3600"}, b"")), clock, lambda *_, **__: None
    )  # type: ignore[arg-type, return-value]
    assert later(2) == task.next_at()
    hook, _ = hooks.add(URL)
    hooks.send_test(hook.id)
    take_all(task)
    assert (later(3600), later(2)) == (hooks.next_at(), task.next_at())


def test_a_worker_that_dies_while_it_sends_holds_a_webhook_up_for_a_minute(store: Store, clock: FakeClock) -> None:
    """Then another one sends the message again; nobody sends it while the receiver may still answer."""
    hooks = Webhooks(store)
    hook, _ = hooks.add(URL)
    hooks.send_test(hook.id)

    def killed() -> Fetcher:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_all(WebhookTask(hooks, killed, clock, lambda *_, **__: None))  # type: ignore[arg-type, return-value]
    clock.advance(59)
    assert hooks.claim(60) is None
    clock.advance(1)
    assert hooks.claim(60) is not None


def test_what_is_signed_is_signed_as_the_standard_says() -> None:
    """The signature is the one of the standard's own example."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert expected == signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)


def test_gone_disables(store: Store, clock: FakeClock) -> None:
    """A webhook whose receiver is gone gets nothing more."""
    hooks = Webhooks(store)
    hook, _ = hooks.add(URL)
    hooks.send_test(hook.id)
    claim = hooks.claim(60)
    assert claim is not None
    hooks.settle(claim, after_answer(0, Response(410, {}, b""), clock.now()))
    assert ("disabled", None) == (hooks.get(hook.id).state, hooks.next_at())


def test_ten_tries_in_three_days() -> None:
    """A message is tried ten times in a bit more than 75 hours, then given up."""
    tries, at = 0, NOON
    while (settled := after_failure(tries, "no answer", at)).state == "waiting":
        tries, at = tries + 1, settled.attempt_at
    assert (10, True) == (tries + 1, timedelta(hours=75) < at - NOON < timedelta(hours=76))
    assert [5, 300, 1800] == [wait.total_seconds() for wait in WAITS[:3]]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ("120", 120),
        ("86400", 86_400),
        ("86401", 86_400),
        ("9" * 5000, 86_400),
        ("Tue, 24 Nov 2026 12:10:00 GMT", 600),
        ("Thu, 26 Nov 2026 12:00:00 GMT", 86_400),
        ("Tue, 24 Nov 99999999999999999999 12:10:00 GMT", 5),
        ("²", 5),
        ("soon", 5),
        ("1", 5),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 5),
    ],
)
def test_retry_after_is_obeyed(answer: str, seconds: int) -> None:
    """A receiver says when it wants to be asked again, for up to a day; sooner than usual nobody asks."""
    settled = after_answer(0, Response(503, {"retry-after": answer}, b""), NOON)
    assert (NOON + timedelta(seconds=seconds), 503) == (settled.attempt_at, settled.status)


def test_the_last_try_is_the_last() -> None:
    """Whatever the receiver wishes then."""
    settled = after_answer(9, Response(503, {"retry-after": "120"}, b""), NOON)
    assert ("failed", NOON, 503) == (settled.state, settled.attempt_at, settled.status)
    assert "failed" == after_answer(9, Response(503, {}, b""), NOON).state


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (199, "waiting", "199: a failure."),
        (200, "delivered", ""),
        (204, "delivered", ""),
        (299, "delivered", ""),
        (300, "waiting", "300: a redirect, which is not followed."),
        (399, "waiting", "399: a redirect, which is not followed."),
        (400, "waiting", "400: a failure."),
        (404, "waiting", "404: a failure."),
    ],
)
def test_only_2xx_is_success(status: int, state: str, words: str) -> None:
    """A redirect is a failure like any other answer that is no success."""
    settled = after_answer(0, Response(status, {"location": URL}, b""), NOON)
    assert (state, status, True) == (settled.state, settled.status, (settled.error or "").endswith(words))


@pytest.mark.parametrize("tries", [0, 9])
def test_of_what_went_wrong_a_part_is_kept(tries: int) -> None:
    """A receiver cannot fill the database."""
    assert "x" * 300 == after_failure(tries, "x" * 301, NOON).error


def test_the_old_secret_signs_for_a_day(store: Store, clock: FakeClock) -> None:
    """After a change both secrets sign for a day; secrets are sealed in the database."""
    hooks = Webhooks(store)
    hook, old = hooks.add(URL)
    new = hooks.replace_secret(hook.id)
    hooks.send_test(hook.id)
    claim = hooks.claim(1)
    assert claim is not None and (new, old) == claim.secrets
    clock.advance(OLD_SECRET_LIFETIME.total_seconds())
    later = hooks.claim(1)
    assert later is not None and (new,) == later.secrets
    rows = str([dict(row) for row in raw(store, "SELECT * FROM webhook")])
    assert old not in rows and new not in rows


def test_old_events_are_dropped(store: Store, clock: FakeClock) -> None:
    """Events and messages that were dealt with are dropped after a week; those that wait stay."""
    hooks = Webhooks(store)
    hook, _ = hooks.add(URL)
    for number in range(2):
        store.posts.cancel(store.posts.add([post(str(number), due=NOON + timedelta(days=1))])[0].id)
    claim = hooks.claim(60)
    assert claim is not None
    hooks.settle(claim, Settled("delivered", clock.now(), 200))
    assert 2 == Events(store).prune(clock.now() + timedelta(seconds=1))
    assert ["waiting"] == [delivery.state for delivery in hooks.deliveries(hook.id)]
