"""Grammars that came from outside: the texts of a recurrence, read in a process with limits.

What does not live here: what a grammar is (`posting.sources.grammar`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta

from skywrite.core import contained
from skywrite.core.errors import InputError

_Rule = Annotated[str, Meta(max_length=20_000)]
GrammarObject = Annotated[
    dict[Annotated[str, Meta(max_length=200)], _Rule | Annotated[list[_Rule], Meta(max_length=10_000)]],
    Meta(
        description='A grammar in Tracery\'s format, which gives the texts: {"origin": ["Hello #name#"], ...}.',
        max_length=2_000,
    ),
]
Distinct = Annotated[int, Meta(description="How many different texts of the grammar come in turn.", ge=1, le=1000)]


def typed_grammar(form: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a form in which a person gave a grammar. Raises InputError."""
    from skywrite.posting.sources.grammar import grammar_object, number_of_texts

    grammar, distinct = form.get("grammar", "").strip(), form.get("distinct", "").strip()
    if not grammar:
        raise InputError("No grammar is given.", code="grammar.invalid", hint="Choose its file, or paste it.")
    return {
        "grammar": grammar_object(grammar),
        "distinct": number_of_texts(distinct) if distinct else None,
    }


def texts_given(
    pool: Sequence[str] | None, grammar: Mapping[str, Any] | None, distinct: int | None
) -> Sequence[Any] | None:
    """The texts in turn that somebody gave: a pool, or those of a grammar. Raises InputError."""
    from skywrite.posting.sources.grammar import number_of_texts, texts_from_outside, texts_in_turn

    if grammar is None or pool is not None:
        return texts_in_turn(pool, grammar, distinct, None)
    try:
        count = None if distinct is None else number_of_texts(distinct)
        return contained.call(texts_from_outside, json.dumps(grammar), count)
    except contained.TooCostly:
        raise InputError(
            "The grammar takes more memory or time than it may.", code="grammar.invalid", hint="Make it simpler."
        ) from None
