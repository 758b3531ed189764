"""Filters: which items of a feed are wanted, by words or patterns in title, summary and tags.

A rule is a word or phrase (matched as whole words, ignoring case) or a `/regular expression/` (ignoring case).

An item is wanted if any rule of `include` matches (or there is none) and none of `exclude`. A pattern has a tenth of a
second for an item: if it takes longer, that is reported, and the item is not posted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from skywrite.core.errors import InputError

RULES_MAX = 100
RULE_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 10_000
SEARCH_SECONDS_MAX = 0.1


@dataclass(frozen=True, slots=True)
class Filter:
    """The rules of a feed; create it with `make_filter`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def wants(self, title: str, summary: str, tags: Sequence[str]) -> bool:
        """Whether an item is wanted. Raises InputError."""
        if not self.include and not self.exclude:
            return True
        text = "\n".join((title, " ".join(f"#{tag}" for tag in tags), summary))[:TEXT_LENGTH_MAX]
        if self.include and not any(_found(rule, text) for rule in self.include):
            return False
        return not any(_found(rule, text) for rule in self.exclude)


def make_filter(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Filter:
    """Read rules; raises InputError."""
    rules = [*include, *exclude]
    if len(rules) > RULES_MAX:
        raise InputError(
            f"{len(rules)} filters are too many for a feed.", code="filter.invalid", hint=f"At most {RULES_MAX}."
        )
    for rule in rules:
        if not rule.strip():
            raise InputError("A filter is empty.", code="filter.invalid")
        if len(rule) > RULE_LENGTH_MAX:
            raise InputError(
                f"The rule {rule[:20]}... is longer than {RULE_LENGTH_MAX} characters.", code="filter.invalid"
            )
        _pattern(rule)
    return Filter(tuple(include), tuple(exclude))


def _found(rule: str, text: str) -> bool:
    try:
        return _pattern(rule).search(text, timeout=SEARCH_SECONDS_MAX) is not None
    except TimeoutError:
        raise InputError(
            f"The filter {rule} takes too long.",
            code="filter.too_slow",
            hint="Make the pattern simpler: avoid one repetition inside another.",
        ) from None


@lru_cache(maxsize=1000)
def _pattern(rule: str) -> Any:
    import regex  # type: ignore[import-untyped,unused-ignore]

    flags = regex.IGNORECASE | regex.VERSION1
    if len(rule) > 2 and rule.startswith("/") and rule.endswith("/"):
        try:
            return regex.compile(rule[1:-1], flags)
        except (regex.error, RecursionError, OverflowError) as error:
            raise InputError(
                f"The pattern {rule} cannot be read: {error}.",
                code="filter.invalid",
                hint="It is a regular expression.",
            ) from None
    words = r"\s+".join(regex.escape(word) for word in rule.split())
    return regex.compile(rf"(?<!\w){words}(?!\w)", flags | regex.FULLCASE)
