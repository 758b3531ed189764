"""What the store accepts and returns: plain values, no behaviour, no SQL.

They are named tuples, because defining these at import is ten times faster than defining dataclasses, and every
`skywrite post` imports them; for the same reason their annotations are not strings, which would be compiled one by one.
A changed copy is made with `_replace`.

Times are aware datetimes in UTC. `draft` is what the user meant (names as in `skywrite import` rows), `prepared`
the record templates, `frozen` the records exactly as they are (or will be) in the repository.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from skywrite.core.codes import name_of
from skywrite.core.errors import Busy, InputError, SkywriteError, Unexpected

State = Literal["draft", "scheduled", "publishing", "published", "failed", "held", "cancelled"]
STATES: tuple[State, ...] = ("draft", "scheduled", "publishing", "published", "failed", "held", "cancelled")
FINAL_STATES: tuple[State, ...] = ("published", "failed", "cancelled")
WAITING_STATES: tuple[State, ...] = ("publishing", "scheduled", "held", "draft")

AccountState = Literal["ok", "needs_login", "paused"]
LatePolicy = Literal["publish", "skip", "hold"]
RecurrenceState = Literal["active", "paused", "ended"]


class ChangedMeanwhile(InputError):
    """The post has changed since the change was prepared; nothing was changed."""

    code = "post.changed"

    http_status = 412


class LeaseLost(Busy):
    """Another process has taken the post or the feed over; whoever had it leaves it alone."""


class Problem(NamedTuple):
    """Why something did not work: an error's code, message and hint."""

    code: str
    message: str
    hint: str = ""

    @property
    def name(self) -> str:
        """The name of the error's class, which follows from its code."""
        return name_of(self.code)

    @property
    def facts(self) -> dict[str, str]:
        """What a line of the log says about it: error, code, message."""
        return {"error": self.name, "code": self.code, "message": self.message}

    def as_dict(self) -> dict[str, str]:
        """The same object as that of an error: error, code, message, hint."""
        return {**self.facts, "hint": self.hint}

    @classmethod
    def of(cls, error: Exception) -> Self:
        """The problem that an error describes; for an unexpected error only its type, because its message may contain
        anything.
        """
        if isinstance(error, SkywriteError):
            return cls(error.code, error.message, error.hint)
        return cls(Unexpected.code, f"Something went wrong inside Skywrite ({type(error).__name__}).")


def facts_of(problem: Problem | None) -> dict[str, str | None]:
    """What a line of the log or an event says about a problem, or that there is none."""
    return dict(problem.facts) if problem else {"error": None, "code": None, "message": None}


class NewPost(NamedTuple):
    """A post to be stored. `due_at` None makes it a draft. `media` lists the CIDs of the bytes it needs.

    `exclusive_slot`: it took a slot, so no other scheduled post of its account may be due at the same time. `identity`
    makes it the same post wherever it is accepted, with a time (see `record_keys.py`); the store fills it in for
    occurrences of a recurrence.
    """

    account_did: str
    draft: Mapping[str, Any]
    prepared: Mapping[str, Any] = {}
    due_at: datetime | None = None
    key: str | None = None
    late_policy: LatePolicy = "publish"
    late_seconds: int | None = None
    source: str | None = None
    recurrence_id: int | None = None
    occurrence: datetime | None = None
    media: tuple[str, ...] = ()
    exclusive_slot: bool = False
    identity: tuple[str, datetime] | None = None


class Standing(NamedTuple):
    """How a post stands: whether it waits for an approval, and who approved it as it is."""

    wanted: bool = False
    approved_by: str | None = None


class NewMedia(NamedTuple):
    """Bytes to be stored under their CID; `pieces` is read once."""

    cid: str
    mime: str
    size: int
    pieces: Iterable[bytes]


class AddResult(NamedTuple):
    """`existed`: the key (or the occurrence) was already there, so nothing was added.

    `other_draft`: it was used for a different draft.
    """

    id: int
    existed: bool
    other_draft: bool = False


class Post(NamedTuple):
    """A row of the queue. The columns are described in docs/state-machine.md. Each change increments `version`.

    `unreadable`: the columns that hold something that Skywrite never writes; here they hold something harmless.
    """

    id: int
    account_did: str
    state: State
    due_at: datetime | None
    attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime
    key: str | None
    draft: dict[str, Any]
    prepared: dict[str, Any]
    frozen: str | None
    root_rkey: str
    uri: str | None
    cid: str | None
    published_at: datetime | None
    attempts: int
    lease_token: int | None
    late_policy: LatePolicy
    late_seconds: int | None
    problem: Problem | None
    source: str | None
    recurrence_id: int | None
    occurrence: datetime | None
    free_at: datetime | None = None
    version: int = 1
    unreadable: tuple[str, ...] = ()

    def is_free(self, now: datetime) -> bool:
        """Whether nothing of it is on the network or on its way: it was never sent, or it was sent, looked for, and not
        found.
        """
        return self.frozen is None or (self.free_at is not None and self.free_at <= now)

    @property
    def text(self) -> str:
        """The text of the draft (of its first part, in a thread)."""
        return str(self.draft.get("text") or "")


class Attempt(NamedTuple):
    """One attempt to publish. `outcome` is None while it runs, and "lost" if its worker never reported back."""

    number: int
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    problem: Problem | None


class Account(NamedTuple):
    """An account. `settings` holds what the user set for it (zone, langs, gap_seconds, max_per_day, ...).

    `unreadable`: as in `Post`. No worker publishes for such an account.
    """

    did: str
    handle: str
    pds_url: str
    is_default: bool
    signed_in: bool
    state: AccountState
    paused_until: datetime | None
    pause_reason: str | None
    ready_at: datetime | None
    lease_owner: str | None
    lease_until: datetime | None
    last_published_at: datetime | None
    settings: dict[str, Any]
    session_refreshed_at: datetime | None = None
    session_ends_at: datetime | None = None
    catching_up_since: datetime | None = None
    unreadable: tuple[str, ...] = ()


class AccountsByDid(dict[str, Account]):
    """Accounts by their DIDs. Of one whose row is gone, only the DID is known; what it has is still shown."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        super().__init__((account.did, account) for account in accounts)

    def __missing__(self, did: str) -> Account:
        nothing = (None,) * 6
        return Account(did, did, "", False, False, "needs_login", *nothing, {}, unreadable=("did",))


class AccountView(NamedTuple):
    """What a decision knows about an account: write points spent, and posts published recently.

    `published_today` counts since midnight in the zone of the account's settings (UTC without one), and
    `published_yesterday` the day before.
    """

    account: Account
    points_last_hour: int
    points_last_day: int
    published_today: int
    published_last_day: int
    published_yesterday: int = 0


class Take(NamedTuple):
    """Publish now. `frozen` is stored unless the post has frozen records already; `points` go to the ledger.

    `on_time`: nothing of the account is overdue any more.
    """

    frozen: str | None = None
    points: int = 0
    on_time: bool = False


class Defer(NamedTuple):
    """Leave the account alone until then.

    `catching_up_since`, where it is given, is stored: since when the account publishes what is overdue.
    """

    until: datetime
    reason: str = ""
    catching_up_since: datetime | None = None


class Miss(NamedTuple):
    """Do not publish: its time was missed. Not for a post with frozen records, which may be on the network."""

    state: Literal["held", "cancelled"]
    problem: Problem
    follow: NewPost | None = None


Decision = Take | Defer | Miss
Decide = Callable[[Post, AccountView, datetime], Decision]


class Claim(NamedTuple):
    """The right to publish one post, until `lease_until` unless it is renewed. `token` fences late settlers.

    `fresh`: nothing of the post was on the network or on its way when it was claimed (`Post.is_free`). `approval`: the
    digest that was approved, if the account requires that. `sealed`: the account's session, encrypted as it is stored.
    """

    post: Post
    account: Account
    token: int
    worker: str
    lease_until: datetime
    fresh: bool = False
    approval: str = ""
    sealed: bytes | None = None


class Published(NamedTuple):
    """It is on the network; the first rkey is the root's. `found`: it was there before this attempt wrote anything."""

    uri: str
    cid: str
    rkeys: tuple[str, ...] = ()
    found: bool = False


class Retry(NamedTuple):
    """Not now: try again at `attempt_at`.

    `discard_frozen` drops the frozen records; only if nothing was ever sent. `free_at`: they were sent, then looked
    for, and not found; from that time on no attempt can still be under way, so the post may be changed and overtaken.
    It counts only if the workers of all attempts reported back.
    """

    attempt_at: datetime
    problem: Problem
    discard_frozen: bool = False
    free_at: datetime | None = None


class Failed(NamedTuple):
    """Rejected permanently. Only when it is certain that nothing was written."""

    problem: Problem


class Held(NamedTuple):
    """Waits for the user. `discard_frozen` and `free_at` as in `Retry`; without them it can only be released."""

    problem: Problem
    discard_frozen: bool = False
    free_at: datetime | None = None


Outcome = Published | Retry | Failed | Held


class AccountChange(NamedTuple):
    """What an attempt revealed about its account: it needs a login, or must be left alone until a time."""

    state: AccountState
    paused_until: datetime | None = None
    reason: str = ""


class Unset:
    """The type of `UNSET`: a field that an edit leaves as it is."""


UNSET = Unset()


class Changes(NamedTuple):
    """An edit of a post: given fields replace the old ones. A draft with a `due_at` becomes scheduled."""

    draft: Mapping[str, Any] | Unset = UNSET
    prepared: Mapping[str, Any] | Unset = UNSET
    media: tuple[str, ...] | Unset = UNSET
    due_at: datetime | Unset = UNSET
    late_policy: LatePolicy | Unset = UNSET
    late_seconds: int | Unset | None = UNSET


class MediaInfo(NamedTuple):
    """Stored bytes, without the bytes. Size in bytes."""

    cid: str
    mime: str
    size: int


class NewRecurrence(NamedTuple):
    """A recurrence to be stored. `schedule` interprets its rule. `pool` holds drafts used in turn."""

    account_did: str
    rule: str
    zone: str
    draft: Mapping[str, Any] = {}
    pool: tuple[Mapping[str, Any], ...] = ()
    prepared: Mapping[str, Any] = {}
    starts_at: datetime | None = None
    until: datetime | None = None
    exceptions: Mapping[str, Any] = {}
    jitter_seconds: int = 0
    late_policy: LatePolicy = "publish"
    late_seconds: int | None = None
    source: str | None = None
    media: tuple[str, ...] = ()


class Recurrence(NamedTuple):
    """A stored recurrence. `position` counts the posts made from it, for the turn in its pool."""

    id: int
    account_did: str
    state: RecurrenceState
    rule: str
    zone: str
    draft: dict[str, Any]
    pool: tuple[dict[str, Any], ...]
    prepared: dict[str, Any]
    starts_at: datetime | None
    until: datetime | None
    exceptions: dict[str, Any]
    position: int
    jitter_seconds: int
    late_policy: LatePolicy
    late_seconds: int | None
    source: str | None
    created_at: datetime
    updated_at: datetime


class Slot(NamedTuple):
    """A weekly time to publish: weekday 0 is Monday, minute of the day 0-1439, in a named zone."""

    weekday: int
    minute: int
    zone: str
