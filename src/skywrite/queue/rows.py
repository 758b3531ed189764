"""Converts database rows into values of the model, and values into columns."""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Iterator, Mapping
from typing import Any, cast

from skywrite.core.errors import Do, Hint
from skywrite.queue.database import Row, time_of
from skywrite.queue.model import Account, Attempt, Post, Problem, Recurrence
from skywrite.queue.reading import (
    REPAIR,
    UNREADABLE,
    Unreadable,
    count_of,
    json_of,
    mended,
    prepared_of,
    reads,
    seconds_of,
)

# Without the check for cycles, of which there are none here: it takes a quarter of the time.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


class Written(Mapping[str, Any]):
    """A JSON object that is written already, for those who only store it: it takes less memory than its parts."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __getitem__(self, name: str) -> Any:
        return json.loads(self.text)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(json.loads(self.text))

    def __len__(self) -> int:
        return len(json.loads(self.text))


def dump_json(value: Any) -> str:
    """Compact JSON; texts stay readable in the database."""
    return value.text if isinstance(value, Written) else _ENCODER.encode(value)


def text_hash(draft: Mapping[str, Any]) -> int:
    """The CRC-32 of a draft's text, to find posts with the same text; compare the texts as well.

    Leading and trailing blanks do not count: readers do not see them.
    """
    return crc32(str(draft.get("text") or "").strip().encode("utf-8", "surrogatepass"))


def draft_hash(draft: Mapping[str, Any]) -> int:
    """63 bits of the SHA-256 of a draft, to check whether a key comes with the same draft as before.

    Cards are left out: a page may change each time it is fetched.
    """
    from hashlib import sha256

    plain = json.dumps(_without_cards(draft), sort_keys=True)
    return int.from_bytes(sha256(plain.encode()).digest()[:8], "big") >> 1


def _without_cards(draft: Mapping[str, Any]) -> dict[str, Any]:
    bare = {name: value for name, value in draft.items() if name != "card"}
    if "thread" in bare:
        bare["thread"] = [_without_cards(part) for part in bare["thread"]]
    return bare


def problem_values(problem: Problem | None) -> dict[str, str | None]:
    """The error columns for a problem."""
    if problem is None:
        return {"error_code": None, "error_message": None, "error_hint": None}
    return {"error_code": problem.code, "error_message": problem.message, "error_hint": dump_hint(problem.hint)}


def dump_hint(hint: str) -> str | None:
    """A hint as text: a plain one unchanged, one with operations as a JSON array of its parts."""
    if not isinstance(hint, Hint) and not hint.startswith("["):
        return hint or None
    parts = hint.parts if isinstance(hint, Hint) else (hint,)
    return dump_json([list(part) if isinstance(part, Do) else str(part) for part in parts])


def load_hint(text: str | None) -> str:
    """The hint that `dump_hint` wrote; anything else is shown as it is."""
    if not text or not text.startswith("["):
        return text or ""
    try:
        return Hint(*(Do(*part) if isinstance(part, list) else part for part in json.loads(text)))
    except (ValueError, TypeError):
        return text


def post_of(row: Row) -> Post:
    """A row of `post`. One that cannot be read is read as far as it can be: see `Post.unreadable`."""
    try:
        return _post_of(row)
    except ValueError:
        whole, wrong = mended(row)
        problem = Problem(UNREADABLE, Unreadable("post", row["id"], wrong).message, REPAIR)
        return _post_of(whole)._replace(problem=problem, unreadable=wrong)


def _post_of(row: Row) -> Post:
    created_at, updated_at = time_of(row["created_at"]), time_of(row["updated_at"])
    assert created_at is not None and updated_at is not None
    return Post(
        id=row["id"],
        account_did=row["account_did"],
        state=row["state"],
        due_at=time_of(row["due_at"]),
        attempt_at=time_of(row["attempt_at"]),
        created_at=created_at,
        updated_at=updated_at,
        key=row["key"],
        draft=json_of(row["draft"], dict),
        prepared=prepared_of(row["prepared"]),
        frozen=row["frozen"],
        root_rkey=row["root_rkey"],
        uri=row["uri"],
        cid=row["cid"],
        published_at=time_of(row["published_at"]),
        attempts=count_of(row["attempts"]),
        lease_token=None if row["lease_token"] is None else count_of(row["lease_token"]),
        late_policy=row["late_policy"],
        late_seconds=seconds_of(row["late_seconds"]),
        problem=problem_of(row),
        source=row["source"],
        recurrence_id=row["recurrence_id"],
        occurrence=time_of(row["occurrence"]),
        free_at=time_of(row["free_at"]),
        version=count_of(row["version"]),
    )


@reads("attempt", "post_id")
def attempt_of(row: Row) -> Attempt:
    """A row of `attempt`."""
    started_at = time_of(row["started_at"])
    assert started_at is not None
    return Attempt(
        number=row["number"],
        worker=row["worker"],
        started_at=started_at,
        ended_at=time_of(row["ended_at"]),
        outcome=row["outcome"],
        problem=problem_of(row),
    )


def account_of(row: Row) -> Account:
    """A row of `account`, without its session. One that cannot be read is read as far as it can be."""
    try:
        return _account_of(row)
    except ValueError:
        whole, wrong = mended(row)
        return _account_of(whole)._replace(unreadable=wrong)


@reads("account", "did")
def settings_of(row: Row) -> dict[str, Any]:
    """The settings in a row of `account`. Raises UnreadableRow."""
    return json_of(row["settings"], dict)


def _account_of(row: Row) -> Account:
    count_of(row["lease_token"])
    return Account(
        did=row["did"],
        handle=row["handle"],
        pds_url=row["pds_url"],
        is_default=bool(row["is_default"]),
        signed_in=row["session"] is not None,
        state=row["state"],
        paused_until=time_of(row["paused_until"]),
        pause_reason=row["pause_reason"],
        ready_at=time_of(row["ready_at"]),
        lease_owner=row["lease_owner"],
        lease_until=time_of(row["lease_until"]),
        last_published_at=time_of(row["last_published_at"]),
        settings=json_of(row["settings"], dict),
        session_refreshed_at=time_of(row["session_refreshed_at"]),
        session_ends_at=time_of(row["session_ends_at"]),
        catching_up_since=time_of(row["catching_up_since"]),
    )


@reads("recurrence")
def recurrence_of(row: Row) -> Recurrence:
    """A row of `recurrence`."""
    created_at, updated_at = time_of(row["created_at"]), time_of(row["updated_at"])
    assert created_at is not None and updated_at is not None
    return Recurrence(
        id=row["id"],
        account_did=row["account_did"],
        state=row["state"],
        rule=row["rule"],
        zone=row["zone"],
        draft=json_of(row["draft"], dict),
        pool=tuple(json_of(row["pool"], list)),
        prepared=prepared_of(row["prepared"]),
        starts_at=time_of(row["starts_at"]),
        until=time_of(row["until"]),
        exceptions=json_of(row["exceptions"], dict),
        position=count_of(row["position"]),
        jitter_seconds=count_of(row["jitter_seconds"]),
        late_policy=row["late_policy"],
        late_seconds=seconds_of(row["late_seconds"]),
        source=row["source"],
        created_at=created_at,
        updated_at=updated_at,
    )


def problem_of(row: Row) -> Problem | None:
    """The problem in a row's error columns."""
    if row["error_code"] is None:
        return None
    return Problem(row["error_code"], cast(str, row["error_message"] or ""), load_hint(row["error_hint"]))
