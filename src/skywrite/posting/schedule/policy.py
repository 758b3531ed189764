"""What happens to a post whose time was missed. Pure.

A post is missed if it cannot go out within its grace, whatever the reason: the computer slept, the worker was stopped,
the account needed a login, the network was down. A post that may already be on the network is never missed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

from skywrite.core.errors import InputError

LatePolicy = Literal["publish", "skip", "hold"]
LATE_POLICIES: tuple[LatePolicy, ...] = ("publish", "skip", "hold")

DEFAULT_LATE_POLICY: LatePolicy = "hold"
DEFAULT_LATE_SECONDS = 24 * 3600
DURATION_TEXT_MAX = 40
DURATION_MAX_SECONDS = 3660 * 86_400
RECURRING_LATE_POLICY: LatePolicy = "skip"

# `re` compiles a pattern on first use and caches it, so importing this module compiles none.
_DURATION = r"(?a)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"

_LATE = "Use publish, skip or hold; skip and hold may have a grace: skip:30m, hold:2h."
_LENGTH = "Write it like 90s, 30m, 2h or 1d."


def verdict(due_at: datetime, now: datetime, policy: LatePolicy, late_seconds: int | None) -> LatePolicy:
    """What to do now with a post that was due: "publish" within the grace, otherwise what its policy says.

    `late_seconds` None is the default grace of one day. The policy "publish" publishes however late it is.
    """
    grace = DEFAULT_LATE_SECONDS if late_seconds is None else late_seconds
    if now - due_at <= timedelta(seconds=grace):
        return "publish"
    return policy


def parse_late(text: str) -> tuple[LatePolicy, int | None]:
    """Read `POLICY` or `POLICY:DURATION`, such as `hold`, `skip:30m` or `hold:2h`: policy and grace in seconds."""
    if not isinstance(text, str):
        raise InputError(f"The policy {text!r} is not text.", code="late.invalid", hint=_LATE)
    policy, colon, duration = text.strip().lower().partition(":")
    for known in LATE_POLICIES:
        if policy == known and (duration or not colon):
            return known, _grace(known, duration) if duration else None
    raise InputError(
        f"{text!r} does not say what to do with a missed post.",
        code="late.invalid",
        hint=_LATE,
    )


def _grace(policy: LatePolicy, duration: str) -> int:
    seconds = parse_duration(duration)
    if policy == "publish":
        hint = f"To publish when at most {duration} late: skip:{duration}, or hold:{duration}."
        raise InputError(
            f"publish:{duration} does not exist: publish means however late.", code="late.invalid", hint=hint
        )
    if not seconds:
        raise InputError(
            f"{policy}:{duration} would never publish.", code="late.invalid", hint="Use at least a minute: skip:1m."
        )
    return seconds


def parse_duration(text: str) -> int:
    """Seconds in a duration such as `90s`, `30m`, `2h`, `1h30m`, `1d`."""
    if not isinstance(text, str):
        raise InputError(f"The duration {text!r} is not text.", code="late.invalid", hint=_LENGTH)
    match = re.fullmatch(_DURATION, text.strip().lower())
    if not match or not text.strip():
        raise InputError(f"{text!r} is not a duration.", code="late.invalid", hint=_LENGTH)
    if len(text) > DURATION_TEXT_MAX:
        raise InputError(f"The duration {text[:20]!r}... is too long.", code="late.invalid", hint=_LENGTH)
    seconds = sum(int(number or 0) * size for number, size in zip(match.groups(), (86_400, 3600, 60, 1), strict=True))
    if seconds > DURATION_MAX_SECONDS:
        raise InputError(f"The duration {text!r} is longer than ten years.", code="late.invalid", hint=_LENGTH)
    return seconds


def late_text(policy: LatePolicy, seconds: int | None) -> str:
    """A policy as text, for `parse_late`."""
    return policy + (f":{seconds}s" if seconds is not None and policy != "publish" else "")
