"""Asking a way of answering: a command, an address, or a grammar gets an item, and what it says is read.

What lives here: how each is asked, and what it may say. What does not: which items it gets, and what becomes of the
answer (`features.answers`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from skywrite.app.bots import Above, Answerer, Author, Item, Later, Like, Repost
from skywrite.app.context import Context
from skywrite.app.functions import words_of
from skywrite.app.work import WorkParts
from skywrite.core import contained
from skywrite.core.clock import to_iso
from skywrite.core.errors import Do, Hint, SkywriteError
from skywrite.core.standard_webhooks import signed_headers
from skywrite.features.ways.store import Doing, Way, WayStore
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.posting.publish.log import Log
from skywrite.posting.sources.command import run_command
from skywrite.posting.sources.grammar import Grammar, row_from_outside
from skywrite.queue.model import Problem

if TYPE_CHECKING:
    from skywrite.core.http import Response

OUTPUT_BYTES_MAX = 100_000
GONE = 410
# The fields of a post that an answer may have.
FIELDS = ("text", "images", "langs", "tags", "labels", "card", "markdown", "split")
# What an answer may be instead.
ACTIONS = ("like", "repost", "later")
# So many texts of a grammar are tried for each that must differ.
SEEDS = 10
GRAMMARS_KEPT_MAX = 16
# A way's grammar never changes, and checking it anew costs hundreds of texts.
_grammar_of = lru_cache(GRAMMARS_KEPT_MAX)(Grammar.of)


def answerers(parts: WorkParts) -> list[Answerer]:
    """The ways that answer, in the order in which they were added. Commands are asked where commands run."""
    all_answerers = []
    for way in WayStore(parts.context.store).all():
        doing = way.doing
        if doing is None or way.state != "active" or (doing.kind == "command" and not parts.commands):
            continue
        all_answerers.append(
            Answerer(
                way.called,
                partial(ask, parts.context, way, log=parts.log),
                frozenset(doing.kinds),  # type: ignore[arg-type]
                doing.account_did,
                doing.unasked,
                doing.retract,
                doing.base,
                together=True,
                agent=doing.agent,
            )
        )
    return all_answerers


def ask(ctx: Context, way: Way, item: Item, *, log: Log | None = None) -> Any:
    """What a way says to an item, as a program's function returns it. Raises SkywriteError, Later and others."""
    doing, stored = way.doing, WayStore(ctx.store)
    assert doing is not None
    if doing.word and words_of(item)[0] != doing.word:
        return None
    # What is only tried is nothing that came.
    note = stored.note if item.id else lambda *noted: None
    try:
        answer = _ASK[doing.kind](ctx, doing, item, way)
    except Later:
        note(way.id, "nothing")
        raise
    except Exception as error:
        note(way.id, "failed", Problem.of(error))
        raise
    note(way.id, "nothing" if answer is None else "answered")
    if log is not None:
        log("way", way=way.id, item=item.id, outcome="nothing" if answer is None else "answered")
    return answer


def item_json(item: Item, *, thread: bool = False) -> dict[str, Any]:
    """An item as commands and addresses get it. `thread`: with the posts above it. Raises SkywriteError.

    Where they were not asked for, they are null: that is not the same as none.
    """
    above = [_above_json(one) for one in item.thread] if thread else None
    word, rest = words_of(item)
    return {
        "id": item.id,
        "uri": item.uri,
        "text": item.text,
        "word": word,
        "words": rest,
        "author": _author_json(item.author),
        "reason": item.reason,
        "kinds": sorted(item.kinds),
        "asked": item.asked,
        "images": [image._asdict() for image in item.images],
        "langs": list(item.langs),
        "subject": item.subject,
        "parent": item.parent,
        "root": item.root,
        "thread": above,
        "indexed_at": item.indexed_at and to_iso(item.indexed_at),
        "account": item.account,
        "account_did": item.account_did,
    }


def _author_json(author: Author) -> dict[str, Any]:
    return {**author._asdict(), "labels": list(author.labels)}


def _above_json(above: Above) -> dict[str, Any]:
    return {**above._asdict(), "author": _author_json(above.author)}


def read_answer(text: str, *, files: bool) -> Any:
    """What somebody said: a text, or the JSON of a post's fields, of a like, a repost, or of a later time.

    `files`: whether it may name files of this computer. Raises SkywriteError, Later.
    """
    if not text.startswith("{"):
        return text or None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _failed(f"It began with {{ and is not JSON: {error}.", hint="Print a text, or a JSON object.") from None
    assert isinstance(value, dict)
    if unknown := sorted(value.keys() - {*FIELDS, *ACTIONS}):
        usable = ", ".join((*FIELDS, *ACTIONS))
        raise _failed(f"An answer has no field {unknown[0][:80]!r}.", hint=f"The fields are: {usable}.")
    if "later" in value:
        raise Later(str(value["later"]))
    if value.get("repost") is True:
        return Repost()
    if value.get("like") is True:
        return Like()
    row = {name: value[name] for name in FIELDS if name in value}
    if not files:
        _check_addresses(row)
    return row or None


def _failed(message: str, *, hint: str) -> SkywriteError:
    return SkywriteError(message, code="way.failed", hint=hint)


def _check_addresses(row: Mapping[str, Any]) -> None:
    """Whoever answers from elsewhere names no file of this computer, and no bytes of the queue."""
    images = row.get("images", ())
    for image in images if isinstance(images, list | tuple) else [images]:
        if not (isinstance(image, Mapping) and isinstance(image.get("url"), str) and image.keys() <= {"url", "alt"}):
            raise _failed(
                "An image of the answer is not at an address.", hint='Write {"url": "https://...", "alt": "..."}.'
            )
    # A card that is written out may have an image.
    if not isinstance(row.get("card", "auto"), str | bool) or draft_from_dict({"text": "", **row}).files():
        raise _failed("The card of the answer is not an address.", hint='Write "card": "https://...".')


def _ask_command(ctx: Context, doing: Doing, item: Item, way: Way) -> Any:
    printed = run_command(
        doing.what,
        folder=doing.base,
        timeout_seconds=doing.timeout_seconds,
        max_bytes=OUTPUT_BYTES_MAX,
        pass_on=ctx.config.command_env,
        standard_input=json.dumps(item_json(item, thread=doing.thread), ensure_ascii=False).encode(),
    )
    return read_answer(printed.text, files=True)


def _ask_address(ctx: Context, doing: Doing, item: Item, way: Way) -> Any:
    message = {"type": "item.received", "data": item_json(item, thread=doing.thread)}
    body = json.dumps(message, ensure_ascii=False).encode()
    # The same at each try, so that the receiver may know it again.
    number = f"item_{sha256(f'{way.id} {item.uri}'.encode()).hexdigest()[:24]}"
    headers = signed_headers([doing.secret], number, ctx.clock.now(), body)
    answer = ctx.network.fetcher().post(doing.what, body, headers, timeout_seconds=doing.timeout_seconds)
    return read_answer(_text_of(answer, way), files=False)


def _text_of(answer: Response, way: Way) -> str:
    if not 200 <= answer.status < 300:
        hint = Hint("Look at its log. If it is gone: ", Do("ways.pause", way.id))
        raise _failed(f"The address answered {answer.status}.", hint=hint)
    if answer.truncated:
        raise _failed("The address answered with too much.", hint="An answer is a text, or a small JSON object.")
    try:
        return answer.body.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError:
        raise _failed("The address answered with something that is not UTF-8 text.", hint="Send UTF-8.") from None


def _ask_grammar(ctx: Context, doing: Doing, item: Item, way: Way) -> Any:
    """The first text of the item's seeds that was not said lately, so that the same item gets the same one."""
    before = [
        one.answer for one in WayStore(ctx.store).answered(item.account_did, doing.distinct) if one.uri != item.uri
    ]
    texts = before[: doing.distinct - 1]
    seeds = [f"{item.uri} {number}" for number in range(SEEDS * doing.distinct)]
    if doing.folder:
        return _grammar_of(doing.what, doing.base).unsaid(seeds, texts)
    return contained.call(row_from_outside, doing.what, seeds, texts)


_ASK = {"command": _ask_command, "webhook": _ask_address, "text": _ask_grammar}
