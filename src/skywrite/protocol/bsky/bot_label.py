"""The self label `bot` in an account's profile: it belongs to everything else that stands there.

What lives here: reading it, and setting it without a change of anything else. What does not: who asks for it
(`features.bots`, the worker, the check-up).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skywrite.core.errors import Conflict, InputError
from skywrite.protocol.atproto.repo import Repo, Write
from skywrite.protocol.atproto.xrpc_errors import RecordNotFound, Refused

PROFILE = "app.bsky.actor.profile"
SELF_LABELS = "com.atproto.label.defs#selfLabels"
BOT = "bot"
LABELS_MAX = 10
TRIES = 5
_SWAPPED = "record.swapped"


def says_bot(profile: Mapping[str, Any]) -> bool:
    """Whether a profile says that its account is a bot."""
    return {"val": BOT} in [{"val": one.get("val")} for one in _values(profile)]


def labelled(profile: Mapping[str, Any], on: bool) -> dict[str, Any] | None:
    """The profile with or without the label, and all else as it was; None if nothing changes. Raises InputError."""
    if says_bot(profile) == on:
        return None
    labels = profile.get("labels")
    if labels is not None and (not isinstance(labels, Mapping) or labels.get("$type") != SELF_LABELS):
        raise InputError("The labels of the profile are of a kind that Skywrite does not know, so nothing was changed.")
    values = [one for one in _values(profile) if one.get("val") != BOT] + ([{"val": BOT}] if on else [])
    if len(values) > LABELS_MAX:
        raise InputError(f"A profile has at most {LABELS_MAX} labels.", hint="Take one away in the app.")
    changed = {name: value for name, value in profile.items() if name != "labels"}
    if values:
        changed["labels"] = {**(labels or {}), "$type": SELF_LABELS, "values": values}
    return changed


def is_bot(repo: Repo) -> bool:
    """Whether an account says that it is a bot."""
    try:
        return says_bot(repo.get(PROFILE, "self").value)
    except RecordNotFound:
        return False


def set_bot(repo: Repo, on: bool) -> bool:
    """Say that an account is a bot, or no more. Returns whether that was a change. Raises Conflict, SkywriteError."""
    for _ in range(TRIES):
        try:
            record = repo.get(PROFILE, "self")
            before, swap = record.value, record.cid
        except RecordNotFound:
            before, swap = {"$type": PROFILE}, None
        changed = labelled(before, on)
        if changed is None:
            return False
        try:
            repo.put(Write.of(PROFILE, "self", changed), swap_record=swap, only_new=swap is None)
        except Refused as error:
            if error.code != _SWAPPED:
                raise
        else:
            return True
    raise Conflict(
        "Something else changes the profile all the time, so nothing was changed.",
        code=_SWAPPED,
        hint="Try again in a minute.",
    )


def _values(profile: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    labels = profile.get("labels")
    values = labels.get("values") if isinstance(labels, Mapping) else None
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []
