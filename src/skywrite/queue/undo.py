"""Undoing a user's last change: completely or not at all, and never if a post was changed, attempted or published
since. A post whose time the change let pass comes back as held: going out now is not what was undone.

What does not live here: recording changes (`journal.py`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from skywrite.core.errors import Do, Hint, InputError, NotFound
from skywrite.queue.authors import is_unattended
from skywrite.queue.base import StoreBase, locked, repeated, update_ready
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.journal import CHANGES_KEPT, author_name, note_final, way_back_of
from skywrite.queue.media import require_media
from skywrite.queue.model import Problem
from skywrite.queue.rows import dump_json, problem_values, text_hash

TIME_PASSED = "post.time_passed"
# A slip of the hand that is taken back at once makes no post late.
SOON = timedelta(minutes=1)


class Undone(NamedTuple):
    """A change that was undone: which `operation` it was, how many `posts` it was about, and the first few `ids`.

    For posts that were stored together, the number of the first one stands for all. `held`: those that wait for a
    decision, since their time has passed meanwhile. `passed_over`: how many later changes by unattended programs stay.
    """

    operation: str
    posts: int
    ids: tuple[int, ...]
    made_at: datetime
    held: tuple[int, ...] = ()
    passed_over: int = 0


class _Recorded(NamedTuple):
    """A change in the journal."""

    row: Row
    content: dict[str, Any]

    @property
    def is_passed_over(self) -> bool:
        """Whether it does not concern a person who undoes something: a program such as cron made it."""
        return bool(self.content.get("unattended")) and not is_unattended()

    def is_of(self, change: Row) -> bool:
        """Whether it is this change, or another one of the same command."""
        alone = change["batch"] is None
        return bool(self.row["id"] == change["id"] if alone else self.row["batch"] == change["batch"])


class Journal:
    """Operations that undo changes."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    @repeated
    def note_final(self, what: str, way_back: Hint | None = None) -> None:
        """Record that a user did what cannot be undone: `undo_last` then refuses, and says the way back."""
        with self._store.writing(wake=False) as tx:
            note_final(tx, what, self._store.clock.now(), way_back)

    @repeated
    def undo_last(self) -> Undone:
        """Undo the last change of a user: stored posts are removed, changed posts are restored.

        All changes of one command count as one. What somebody else did last is never undone, and neither is what a
        program without a terminal did, such as cron; what a person did before that is. Raises InputError; then nothing
        is undone.
        """
        with self._store.writing() as tx:
            changes = _changes(tx)
            passed_over = next((place for place, one in enumerate(changes) if not one.is_passed_over), len(changes))
            if passed_over == len(changes):
                programs = Hint("What a command without a terminal did is undone post by post: ", Do("posts.list"))
                hint = programs if changes else ""
                raise InputError("There is no change to undo.", code="undo.nothing", hint=hint)
            last = changes[passed_over].row
            undone = [one for one in changes if one.is_of(last)]
            return _undo(tx, undone, changes, self._store.clock.now())._replace(passed_over=passed_over)

    @repeated
    def undo(self, batch: str) -> Undone:
        """Undo what was done together under this name (`journal.together`), whatever else was changed since.

        Raises InputError as `undo_last` does, and if nothing has this name; then nothing is undone.
        """
        with self._store.writing() as tx:
            changes = _changes(tx)
            undone = _of_batch(changes, batch)
            return _undo(tx, undone, changes, self._store.clock.now())

    def posts_of(self, batch: str) -> list[int]:
        """The posts that were changed or stored together under this name. Raises InputError if nothing has it."""
        with self._store.reading() as tx:
            undone = _of_batch(_changes(tx), batch)
        runs = [run for one in undone for run in _runs_of(one.content)]
        return [number for first, last in runs for number in range(first, last + 1)]


def _undo(tx: Transaction, undone: Sequence[_Recorded], changes: Sequence[_Recorded], now: datetime) -> Undone:
    """Take all of this back. Raises InputError."""
    last = undone[0].row
    contents: list[Mapping[str, Any]] = [one.content for one in undone]
    _refuse_final(last["verb"], contents)
    _refuse_foreign(last["verb"], contents[0])
    for did in _accounts(tx, contents):
        locked(tx, did)
    contents = [_timely(one.row, one.content, now) for one in undone]
    for one, content in zip(undone, contents, strict=True):
        _take_back(tx, content, now)
        tx.run("delete_change", id=one.row["id"])
    _carry_versions(tx, contents, [one for one in changes if not one.is_of(last)])
    for did in _accounts(tx, contents):
        update_ready(tx, did)
    return _undone(last, contents)


def _of_batch(changes: Iterable[_Recorded], batch: str) -> list[_Recorded]:
    """The changes that were made together under this name. Raises InputError."""
    batch_changes = [one for one in changes if one.row["batch"] == batch]
    if not batch_changes:
        raise InputError(
            "This change was undone already, or is too old to undo.",
            code="undo.nothing",
            hint=Hint("See: ", Do("posts.list")),
        )
    return batch_changes


def _runs_of(content: Mapping[str, Any]) -> list[list[int]]:
    """The posts that a change is about, as runs of neighbours."""
    runs: list[list[int]] = content.get("added") or [[content["id"], content["id"]]]
    return runs


def _changes(tx: Transaction) -> list[_Recorded]:
    """The journal, the latest change first."""
    return [_Recorded(row, json.loads(row["content"])) for row in tx.rows("latest_changes", most=CHANGES_KEPT)]


def _refuse_final(what: str, contents: Sequence[Mapping[str, Any]]) -> None:
    """Raise InputError if the last that was done cannot be undone: what came before it is not meant."""
    final = next((content for content in contents if "final" in content), None)
    if final is not None:
        way_back = way_back_of(final)
        raise InputError(
            f"The last change was {what}, which cannot be undone. Nothing was undone.",
            code="undo.impossible",
            hint=Hint(
                *way_back, ". " if way_back else "", "Change what you did before post by post: ", Do("posts.list")
            ),
        )


def _refuse_foreign(verb: str, content: Mapping[str, Any]) -> None:
    """Raise InputError if somebody else did it last: whoever undoes something means what they did themselves."""
    by = content.get("by")
    if by != author_name():
        first = content["added"][0][0] if content.get("added") else content.get("id")
        raise InputError(
            f"The last change ({verb}) is not yours: {by or 'the command line'} made it. Nothing was undone.",
            code="undo.impossible",
            hint=Hint("See: ", Do("posts.list") if first is None else Do("posts.get", first)),
        )


def _accounts(tx: Transaction, contents: Sequence[Mapping[str, Any]]) -> list[str]:
    runs = [run for content in contents for run in _runs_of(content)]
    dids = {row["account_did"] for first, last in runs for row in tx.rows("accounts_of_posts", first=first, last=last)}
    return sorted(dids)


def _timely(row: Row, content: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """What is restored: a post that the change kept from going out at its time is held, whatever its late policy is."""
    due_at, made_at = _time(content.get("due_at")), time_of(row["made_at"])
    if content.get("state") != "scheduled" or due_at is None or made_at is None or now <= max(due_at, made_at) + SOON:
        return content
    number = content["id"]
    problem = Problem(
        TIME_PASSED,
        f"Its time, {due_at:%Y-%m-%d %H:%M} UTC, had passed when the change was undone.",
        Hint(
            *("Publish it now: ", Do("posts.release", number), ". Give it another time: ", Do("posts.move", number)),
            *(". Drop it: ", Do("posts.cancel", number)),
        ),
    )
    return {**content, "state": "held", "attempt_at": None, "problem": problem_values(problem)}


def _take_back(tx: Transaction, content: Mapping[str, Any], now: datetime) -> None:
    if "added" in content:
        _forget_added(tx, content)
    else:
        _restore(tx, content, now)


def _carry_versions(tx: Transaction, undone: Iterable[Mapping[str, Any]], before: Sequence[_Recorded]) -> None:
    """Let the changes before it be undone, too: a post that was restored is what it was, with another version."""
    versions = {one["id"]: (one.get("version_before"), one["version"] + 1) for one in undone if "id" in one}
    for change in before:
        content = change.content
        numbers = [number for number in versions if _left(content, number) == versions[number][0]]
        for number in numbers:
            version = versions.pop(number)[1]
            if "added" in content:
                content["versions"] = {**content.get("versions", {}), str(number): version}
            else:
                content["version"] = version
        if numbers:
            tx.run("amend_change", id=change.row["id"], content=dump_json(content))


def _left(content: Mapping[str, Any], post_id: int) -> int | None:
    """The version of a post that a change left; None if it was not about it."""
    if content.get("id") == post_id:
        return int(content["version"])
    if any(first <= post_id <= last for first, last in content.get("added", ())):
        return int(content.get("versions", {}).get(str(post_id), 1))
    return None


def _forget_added(tx: Transaction, content: Mapping[str, Any]) -> None:
    runs = content["added"]
    stored = sum(last - first + 1 for first, last in runs)
    kept = [(int(number), int(number), version) for number, version in content.get("versions", {}).items()]
    untouched = sum(
        int(row["count"])
        for first, last, version in [*((*run, 1) for run in runs), *kept]
        for row in tx.rows("count_untouched", first=first, last=last, version=version)
    )
    if untouched != stored:
        changed = stored - untouched
        what = f"Post {runs[0][0]} was" if stored == 1 else f"{changed} of the {stored} posts were"
        raise InputError(
            f"{what} changed, tried or published after that, so nothing was undone.",
            code="undo.impossible",
            hint=_one_by_one(tx, runs[0][0] if stored == 1 else None),
        )
    for first, last in runs:
        tx.run("delete_posts", first=first, last=last)
    for recurrence_id in content["recurrences"]:
        tx.run("delete_recurrence", id=recurrence_id)


def _one_by_one(tx: Transaction, post_id: int | None) -> Hint:
    """What to do about posts that cannot be taken back: about one, or (None) about several."""
    if post_id is None:
        return Hint("Cancel those that wait, one by one: ", Do("posts.list"))
    row = tx.row("get_post", id=post_id)
    if row is not None and row["state"] == "published":
        return Hint("Delete it from the network: ", Do("posts.delete", post_id))
    return Hint("See: ", Do("posts.get", post_id))


def _restore(tx: Transaction, content: Mapping[str, Any], now: datetime) -> None:
    post_id = content["id"]
    values = {
        "due_at": _time(content["due_at"]),
        "attempt_at": _time(content["attempt_at"]),
        "draft": dump_json(content["draft"]),
        "prepared": dump_json(content["prepared"]),
        "late_policy": content["late"][0],
        "late_seconds": content["late"][1],
        **content["problem"],
    }
    restored = tx.run(
        "restore_post",
        id=post_id,
        version=content["version"],
        state=content["state"],
        text_hash=text_hash(content["draft"]),
        now=now,
        **values,
    )
    if restored != 1:
        raise InputError(
            f"Post {post_id} has been changed, attempted or published since. Nothing was undone.",
            code="undo.impossible",
            hint=Hint("See: ", Do("posts.get", post_id)),
        )
    if content.get("approved"):
        tx.run("withdraw_approval", id=content["approved"])
    if content["media"] is not None:
        _restore_media(tx, post_id, content["media"])


def _restore_media(tx: Transaction, post_id: int, cids: Sequence[str]) -> None:
    tx.run("forget_post_media", post_id=post_id)
    try:
        require_media(tx, set(cids))
    except NotFound:
        raise InputError(
            f"The images or the video that post {post_id} had are no longer stored. Nothing was undone.",
            code="undo.impossible",
        ) from None
    tx.run_many("insert_post_media", ({"post_id": post_id, "cid": cid} for cid in cids))


def _undone(last: Row, contents: Sequence[Mapping[str, Any]]) -> Undone:
    runs = [run for content in contents for run in _runs_of(content)]
    ids = sorted({first for first, _ in runs})
    made_at = cast(datetime, time_of(last["made_at"]))
    held = sorted(content["id"] for content in contents if content.get("problem", {}).get("error_code") == TIME_PASSED)
    return Undone(last["verb"], sum(last - first + 1 for first, last in runs), tuple(ids[:20]), made_at, tuple(held))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
