"""The content of an untrusted feed's entries, and which are wanted: in the child process, all entries of a poll at
once.

What lives here: the functions that `contained` calls for feeds' texts, users' patterns and users' templates. What does
not: what they do (`post`, `filters`, `template`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from skywrite.core import contained
from skywrite.core.errors import InputError
from skywrite.features.feeds.reading.entry import FeedDocument, FeedEntry
from skywrite.features.feeds.reading.filters import make_filter
from skywrite.features.feeds.reading.post import content_of
from skywrite.posting.sources.template import Template


@dataclass(frozen=True, slots=True)
class Examined:
    """The content of an entry for the ledger, and whether the filter wants it; `too_slow` is why that is unknown."""

    content: dict[str, Any]
    wanted: bool
    too_slow: InputError | None = None


@dataclass(frozen=True, slots=True)
class _Verdict:
    content: dict[str, Any]
    wanted: bool
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ContainedTemplate:
    """A checked template that is rendered in the child process; like `template.Template`."""

    source: str

    def fitted(self, values: Mapping[str, Any], *, shorten: bool = True) -> str:
        """The text, fitted into one post. Raises InputError."""
        try:
            return contained.call(_fitted, self.source, dict(values), shorten)
        except contained.TooCostly as error:
            raise InputError(
                f"The template fails: {error.message}", code="template.invalid", hint="Make it simpler."
            ) from None


def contained_template(source: str) -> ContainedTemplate:
    """Raises InputError if the template cannot be read or is not allowed."""
    try:
        contained.call(_check_template, source)
    except contained.TooCostly as error:
        raise InputError(
            f"The template cannot be used: {error.message}", code="template.invalid", hint="Make it simpler."
        ) from None
    return ContainedTemplate(source)


def check_filter(include: Sequence[str], exclude: Sequence[str]) -> None:
    """Raises InputError."""
    if not include and not exclude:
        return
    try:
        contained.call(_check_filter, list(include), list(exclude))
    except contained.TooCostly as error:
        hint = "Make its patterns simpler: avoid large numbers of repetitions inside one another."
        raise InputError(f"The filter cannot be used: {error.message}", code="filter.invalid", hint=hint) from None


def examine(
    document: FeedDocument, entries: Sequence[FeedEntry], settings: Mapping[str, Any] | None = None
) -> list[Examined]:
    """The contents of entries of a document, in order; all are wanted without `settings`."""
    if not entries:
        return []
    rules = settings or {}
    include, exclude = list(rules.get("include", ())), list(rules.get("exclude", ()))
    verdicts = contained.call(_examine, replace(document, entries=()), list(entries), include, exclude)
    return [_examined(one) for one in verdicts]


def judge(contents: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[Examined]:
    """Apply a feed's current filter to contents from the ledger, in order."""
    include, exclude = list(settings.get("include", ())), list(settings.get("exclude", ()))
    verdicts = contained.call(_judge, [dict(content) for content in contents], include, exclude)
    return [_examined(one) for one in verdicts]


def _examined(one: _Verdict) -> Examined:
    return Examined(
        one.content, one.wanted, InputError(one.message, code="filter.too_slow", hint=one.hint) if one.message else None
    )


def _examine(
    document: FeedDocument, entries: list[FeedEntry], include: list[str], exclude: list[str]
) -> list[_Verdict]:
    return _judge([content_of(entry, document) for entry in entries], include, exclude)


def _judge(contents: list[dict[str, Any]], include: list[str], exclude: list[str]) -> list[_Verdict]:
    wanted = make_filter(include, exclude)
    verdicts = []
    for content in contents:
        try:
            verdicts.append(_Verdict(content, wanted.wants(content["title"], content["summary"], content["tags"])))
        except InputError as error:
            verdicts.append(_Verdict(content, False, error.message, error.hint))
    return verdicts


def _check_filter(include: list[str], exclude: list[str]) -> None:
    make_filter(include, exclude)


def _check_template(source: str) -> None:
    Template(source)


def _fitted(source: str, values: dict[str, Any], shorten: bool) -> str:
    return Template(source).fitted(values, shorten=shorten)
