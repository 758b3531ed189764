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

from skywrite.errors import InputError

RULES_MAX = 100
RULE_LENGTH_MAX = 500
TEXT_LENGTH_MAX = 10_000
SEARCH_SECONDS_MAX = 0.1


class InvalidFilter(InputError):
    """A rule of a filter cannot be read."""


class FilterTooSlow(InputError):
    """A pattern takes too long."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The rules of a feed; create it with `make_filter`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def wants(self, title: str, summary: str, tags: Sequence[str]) -> bool:
        """Whether an item is wanted. Raises FilterTooSlow."""
        if not self.include and not self.exclude:
            return True
        text = "\n".join((title, " ".join(f"#{tag}" for tag in tags), summary))[:TEXT_LENGTH_MAX]
        if self.include and not any(_found(rule, text) for rule in self.include):
            return False
        return not any(_found(rule, text) for rule in self.exclude)


def make_filter(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Filter:
    """Read rules; raises InvalidFilter."""
    rules = [*include, *exclude]
    if len(rules) > RULES_MAX:
        raise InvalidFilter(f"{len(rules)} filters are too many for a feed.", hint=f"At most {RULES_MAX}.")
    for rule in rules:
        if not rule.strip():
            raise InvalidFilter("A filter is empty.")
        if len(rule) > RULE_LENGTH_MAX:
            raise InvalidFilter(f"The rule {rule[:20]}... is longer than {RULE_LENGTH_MAX} characters.")
        _pattern(rule)
    return Filter(tuple(include), tuple(exclude))


def _found(rule: str, text: str) -> bool:
    try:
        return _pattern(rule).search(text, timeout=SEARCH_SECONDS_MAX) is not None
    except TimeoutError:
        raise FilterTooSlow(
            f"The filter {rule} takes too long.", hint="Make the pattern simpler: avoid one repetition inside another."
        ) from None


@lru_cache(maxsize=1000)
def _pattern(rule: str) -> Any:
    import regex  # type: ignore[import-untyped,unused-ignore]

    flags = regex.IGNORECASE | regex.VERSION1
    if len(rule) > 2 and rule.startswith("/") and rule.endswith("/"):
        try:
            return regex.compile(rule[1:-1], flags)
        except (regex.error, RecursionError, OverflowError) as error:
            raise InvalidFilter(
                f"The pattern {rule} cannot be read: {error}.", hint="It is a regular expression."
            ) from None
    words = r"\s+".join(regex.escape(word) for word in rule.split())
    return regex.compile(rf"(?<!\w){words}(?!\w)", flags | regex.FULLCASE)
