"""Texts from a grammar in Tracery's format: JSON in which symbols have rules, and `#symbol#` becomes one of them.

What lives here: reading a grammar, saying all that is wrong with it at once, and its texts. What does not: posting
them.

A text follows from a seed alone, so that whoever makes it again makes the same one. Symbols may lead back to themselves
as long as there is a way out: deep inside, the shortest way out is taken. An image is `{img sun.png What it shows}`,
and a drawing that is written out `{svg <svg ...>...</svg> What it shows}`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from skywrite.core import contained
from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError
from skywrite.core.files import read_regular
from skywrite.posting.sources.english import MODIFIERS, replaced
from skywrite.protocol.bsky.limits import TEXT_GRAPHEMES_MAX
from skywrite.protocol.bsky.richtext import grapheme_length

ORIGIN = "origin"
GRAMMAR_BYTES_MAX = 1_000_000
# Of a text: further inside, the shortest way out is taken.
DEPTH_MAX = 30
STEPS_MAX = 1_000
# So many different posts a recurrence takes in turn, before it begins again, unless it says how many.
POOL_SIZE, POOL_SIZE_MAX = 100, 1000
# So many texts are tried when a grammar is added.
TRIES = 500
NAMED_MAX = 20
IMAGES_MAX = 4
DRAWING_NAME = "drawing.svg"
_IMAGE = re.compile(r"\{img\s+([^\s{}]+)(?:\s+([^{}]*))?\}")
_DRAWING = re.compile(r"\{svg[\s:]\s*(<.*?</svg\s*>|<svg[^<>]*/>)([^{}]*)\}", re.DOTALL)
_OTHER_DRAWING = re.compile(r"\{svg[\s:]")
# So many drawings of a grammar are drawn when it is added.
DRAWN_MAX = 20
_NEVER = 10**6


class Tag(NamedTuple):
    """`#[actions]symbol.modifiers#`, or actions alone where there is no symbol."""

    actions: tuple[Action, ...]
    symbol: str
    modifiers: tuple[str, ...]


class Action(NamedTuple):
    """`[key:rules]` gives a symbol other rules, `[key:POP]` takes them back; without a key, it is only read."""

    key: str
    rules: tuple[Rule, ...]
    pops: bool = False


Rule = tuple["str | Tag", ...]


@dataclass(frozen=True)
class Grammar:
    """A checked grammar. Files that it names are in `folder`; without one, it names none."""

    rules: Mapping[str, tuple[Rule, ...]]
    folder: Path | None
    _heights: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Grammar:
        """The grammar of a file. Raises InputError, which says all that is wrong with it."""
        try:
            data = read_regular(path, GRAMMAR_BYTES_MAX)
        except OSError as error:
            raise _invalid(f"{path} cannot be read: {error.strerror}.", "Check the name.") from None
        if data is None:
            raise _invalid(f"{path} is larger than {GRAMMAR_BYTES_MAX // 1_000_000} MB.", "Make it smaller.")
        grammar = cls.of(data.decode("utf-8-sig", "replace"), path.parent, str(path))
        grammar._check_drawings(str(path))
        return grammar

    @classmethod
    def of(cls, text: str, folder: Path | None, name: str = "The grammar") -> Grammar:
        """A grammar from its JSON. Raises InputError, as above."""
        reading = _Reading(grammar_object(text, name))
        grammar = cls(reading.rules, folder and folder.resolve(), reading.heights)
        problems = reading.problems or [*grammar._wrong_texts()]
        if problems:
            listed = "\n".join(f"- {problem}" for problem in problems[:NAMED_MAX])
            more = f"\n- and {len(problems) - NAMED_MAX} more" if len(problems) > NAMED_MAX else ""
            raise _invalid(f"{name} cannot be used:\n{listed}{more}", "Mend all of it, and add it again.")
        return grammar

    def row(self, seed: str) -> dict[str, Any]:
        """The fields of a post (as in `compose.draft`): its text and images. The same seed gives the same post."""
        return _fields(self.text(seed), self.folder)

    def text(self, seed: str) -> str:
        """The text of a seed, with its images still written out."""
        return _Expanding(self, random.Random(seed)).text((Tag((), ORIGIN, ()),)).strip()

    def rows(self, count: int, seed: str = "") -> list[dict[str, Any]]:
        """So many different posts; fewer where the grammar has no more of them, or hardly any more."""
        by_text: dict[str, dict[str, Any]] = {}
        for number in range(10 * count):
            text = self.text(f"{seed} {number}")
            by_text.setdefault(text, _fields(text, self.folder))
            if len(by_text) == count:
                break
        return list(by_text.values())

    def different(self, count: int) -> list[dict[str, Any]]:
        """So many different posts. Raises InputError if the grammar has fewer."""
        rows = self.rows(number_of_texts(count))
        if len(rows) < count:
            raise _invalid(
                f"{count} distinct posts are asked for, and the grammar gives {len(rows)}.",
                f"Ask for {len(rows)}, or give it more texts.",
            )
        return rows

    def unsaid(self, seeds: Iterable[str], texts: Iterable[str]) -> dict[str, Any]:
        """The first post of these seeds whose text is not among `texts`; the first where all of them are."""
        known = set(texts)
        rows = (self.row(seed) for seed in seeds)
        first = next(rows)
        return next((row for row in chain((first,), rows) if row["text"] not in known), first)

    def _check_drawings(self, name: str) -> None:
        """Draw some of its drawings, as its posts will. Raises InputError, MissingExtra."""
        from skywrite.protocol.media.image import check_drawing, check_drawing_file

        rows = [_fields(self.text(f"try {number}"), self.folder) for number in range(TRIES)]
        images = [image for row in rows for image in row.get("images", ())]
        files = {image["path"] for image in images if image.get("path", "").lower().endswith(".svg")}
        inline = {image["data"]: None for image in images if "data" in image}
        for data in [*inline][:DRAWN_MAX]:
            contained.draw(check_drawing, data, f"A drawing of {name}")
        for path in sorted(files)[:DRAWN_MAX]:
            contained.draw(check_drawing_file, path)

    def height(self, rule: Rule) -> int:
        """How deep a rule leads on the shortest way out."""
        return _height(rule, self._heights)

    def _wrong_file(self, path: str) -> str | None:
        if self.folder is None:
            return f"{path} is a file, and only the grammar was sent; {{svg <svg ...>...</svg>}} draws an image."
        return None if Path(path).is_file() else f"There is no file {path}."

    def _wrong_texts(self) -> Iterator[str]:
        """What is wrong with the posts of the first tries, each kind once."""
        too_long: list[str] = []
        problems: set[str] = set()
        for number in range(TRIES):
            text = self.text(f"try {number}")
            row = _fields(text, self.folder)
            if _OTHER_DRAWING.search(row["text"]):
                problems.add("Some {svg ...} is not one whole drawing: write {svg <svg ...>...</svg> What it shows}.")
            paths = [image["path"] for image in row.get("images", ()) if "path" in image]
            problems |= {problem for path in paths if (problem := self._wrong_file(path)) is not None}
            if len(row.get("images", ())) > IMAGES_MAX:
                problems.add(f"Some of its posts have more than {IMAGES_MAX} images.")
            if not row["text"] and "images" not in row:
                problems.add("Some of its posts are empty.")
            if grapheme_length(row["text"]) > TEXT_GRAPHEMES_MAX:
                too_long.append(row["text"])
        yield from sorted(problems)
        if too_long:
            longest = max(too_long, key=grapheme_length)
            yield (
                f"{len(too_long)} of {TRIES} tries are longer than {TEXT_GRAPHEMES_MAX} characters. The longest has "
                f"{grapheme_length(longest)}: {longest[:60]}…"
            )


def texts_in_turn(pool: Sequence[Any] | None, grammar: Any, distinct: Any, base: Path | None) -> Sequence[Any] | None:
    """The texts that a recurrence takes in turn: those of a pool, or of a grammar; None if it has one text.

    `grammar`: a file (from `base`), or the grammar itself, as an object or as JSON. `distinct`: how many different
    texts to take. Raises InputError.
    """
    if grammar is None:
        if distinct is not None:
            raise InputError("A number of different texts needs a grammar.", hint="Set it with grammar.")
        return pool
    if pool is not None:
        raise InputError("A grammar and a pool exclude each other.", hint="Leave one out.")
    place = base or Path()
    if isinstance(grammar, Mapping):
        parsed_grammar = Grammar.of(json.dumps(grammar), place)
    elif isinstance(grammar, str) and grammar.lstrip().startswith("{"):
        parsed_grammar = Grammar.of(grammar, place)
    elif isinstance(grammar, str | Path) and str(grammar).strip():
        parsed_grammar = Grammar.read(place / Path(grammar).expanduser())
    else:
        raise _invalid("A grammar is the name of a file, or the grammar itself.", "Give bot.json, or an object.")
    return parsed_grammar.rows(POOL_SIZE) if distinct is None else parsed_grammar.different(number_of_texts(distinct))


def texts_from_outside(grammar: str, distinct: int | None) -> list[dict[str, Any]]:
    """The same of a grammar that somebody sent, for a process with limits: it names no file of this computer."""
    parsed_grammar = Grammar.of(grammar, None)
    return parsed_grammar.rows(POOL_SIZE) if distinct is None else parsed_grammar.different(distinct)


def row_from_outside(grammar: str, seeds: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """The first post of these seeds that is not said yet, of a grammar that somebody sent; else that of the first one.

    For a process with limits, as above.
    """
    return Grammar.of(grammar, None).unsaid(seeds, texts)


def number_of_texts(distinct: Any) -> int:
    """How many different texts somebody asks for. Raises InputError."""
    number = distinct if type(distinct) is int else whole_number(str(distinct).strip())
    if number is None:
        raise InputError(f"{str(distinct)[:40]!r} is not a number of texts.", hint="Write it like 20.")
    if not 1 <= number <= POOL_SIZE_MAX:
        raise InputError(
            f"{str(number)[:40]} distinct posts cannot be asked for.",
            hint=f"Say how many: a number from 1 to {POOL_SIZE_MAX:,}.",
        )
    return number


@dataclass
class _Expanding:
    """The making of one text. `pushed`: rules that actions have given to symbols, the last one first."""

    grammar: Grammar
    chance: random.Random
    pushed: dict[str, list[tuple[Rule, ...]]] = field(default_factory=dict)
    steps: int = 0

    def text(self, rule: Rule, depth: int = 0) -> str:
        return "".join(part if isinstance(part, str) else self._tag(part, depth) for part in rule)

    def _tag(self, tag: Tag, depth: int) -> str:
        self.steps += 1
        if self.steps > STEPS_MAX:
            return ""
        keys = [action.key for action in tag.actions if self._act(action, depth)]
        if not tag.symbol:
            # Actions in a text count from there on.
            return ""
        text = self.text(self._chosen(tag.symbol, depth), depth + 1)
        for key in keys:
            self.pushed[key].pop()
        for modifier in tag.modifiers:
            name, _, arguments = modifier.partition("(")
            text = MODIFIERS[name](text) if name in MODIFIERS else replaced(text, arguments)
        return text

    def _act(self, action: Action, depth: int) -> bool:
        """Do an action; whether it gave rules to its symbol."""
        if action.pops:
            if self.pushed.get(action.key):
                self.pushed[action.key].pop()
            return False
        texts = tuple((self.text(rule, depth + 1),) for rule in action.rules)
        if action.key:
            self.pushed.setdefault(action.key, []).append(texts)
        return bool(action.key)

    def _chosen(self, symbol: str, depth: int) -> Rule:
        pushed = self.pushed.get(symbol)
        rules: Sequence[Rule] = pushed[-1] if pushed else self.grammar.rules.get(symbol, ((),))
        if depth > DEPTH_MAX and not pushed:
            least = min(map(self.grammar.height, rules))
            rules = [rule for rule in rules if self.grammar.height(rule) == least]
        # `random` gives the same numbers in every version of Python, `choice` need not.
        return rules[int(self.chance.random() * len(rules))]


class _Reading:
    """A grammar as it is read: its rules, all its problems, and how far each symbol is from its end."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self.problems: list[str] = []
        self.rules = {symbol: self._rules(symbol, value) for symbol, value in symbols.items()}
        if ORIGIN not in self.rules:
            self.problems.append(f"It has no symbol {ORIGIN!r}, with which every text begins.")
        given_by_actions = {action.key for action in self._actions() if action.key}
        for symbol, rules in self.rules.items():
            self._check(symbol, rules, self.rules.keys() | given_by_actions)
        self.heights = _heights(self.rules, {action.key: action.rules for action in self._actions() if action.key})
        self._check_ends()

    def _rules(self, symbol: str, value: Any) -> tuple[Rule, ...]:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            self.problems.append(f"{symbol} is not a text, nor a list of texts.")
            return ()
        rules = []
        for text in texts:
            try:
                rules.append(_parsed(text))
            except ValueError as error:
                self.problems.append(f"{symbol}: {text[:60]!r} {error}.")
        return tuple(rules)

    def _actions(self) -> Iterator[Action]:
        for rules in self.rules.values():
            for rule in rules:
                yield from _actions_in(rule)

    def _check(self, symbol: str, rules: Sequence[Rule], known: set[str]) -> None:
        for tag in {tag: None for rule in rules for tag in _tags_in(rule)}:
            if tag.symbol and tag.symbol not in known:
                self.problems.append(f"{symbol}: there is no symbol {tag.symbol!r}.")
            for modifier in tag.modifiers:
                name = modifier.partition("(")[0]
                if name not in MODIFIERS and not (name == "replace" and modifier.endswith(")") and "," in modifier):
                    usable = ", ".join([*MODIFIERS, "replace(this,that)"])
                    self.problems.append(f"{symbol}: there is no modifier .{modifier}; there are {usable}.")

    def _check_ends(self) -> None:
        endless = sorted(symbol for symbol in self.rules if self.rules[symbol] and self.heights[symbol] >= _NEVER)
        if endless and not self.problems:
            self.problems.append(f"These lead round in a circle, and to no end: {', '.join(endless)}.")


def grammar_object(text: str, name: str = "The grammar") -> dict[str, Any]:
    """The object that a grammar's JSON is. Raises InputError."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise _invalid(f"{name} is nested too deeply.", "A grammar is one object of lists of texts.") from None
    except ValueError as error:
        raise _invalid(f"{name} is not JSON: {error}.", "Mend it there.") from None
    if not isinstance(value, dict):
        raise _invalid(f"{name} is no JSON object.", 'It looks like {"origin": ["Hello #name#"], "name": ["you"]}.')
    return value


def _parsed(text: str) -> Rule:
    """The parts of a rule. Raises ValueError, whose words follow the rule's."""
    parts: list[str | Tag] = []
    plain, place = "", 0
    while place < len(text):
        letter = text[place]
        if letter == "\\":
            plain, place = plain + text[place + 1 : place + 2], place + 2
        elif letter in "#[":
            end = _end_of(text, place)
            inner = text[place + 1 : end]
            parts += [plain, _tag_of(inner) if letter == "#" else Tag((_action_of(inner),), "", ())]
            plain, place = "", end + 1
        else:
            plain, place = plain + letter, place + 1
    return tuple(part for part in (*parts, plain) if part != "")


def _end_of(text: str, start: int) -> int:
    """Where a tag or an action that begins at `start` ends."""
    in_tag, depth, place = text[start] == "#", 0 if text[start] == "#" else 1, start + 1
    while place < len(text):
        letter = text[place]
        if letter == "\\":
            place += 1
        elif letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
            if depth == 0 and not in_tag:
                return place
        elif letter == "#" and depth == 0 and in_tag:
            return place
        place += 1
    raise ValueError(f"has a {text[start]} without its end (a plain one is written \\{text[start]})")


def _tag_of(inner: str) -> Tag:
    actions = []
    while inner.startswith("["):
        end = _end_of(inner, 0)
        actions.append(_action_of(inner[1:end]))
        inner = inner[end + 1 :]
    symbol, *modifiers = re.split(r"\.(?![^(]*\))", inner)
    if not symbol and (modifiers or not actions):
        raise ValueError("has a # without a symbol")
    return Tag(tuple(actions), symbol.strip(), tuple(modifiers))


def _action_of(inner: str) -> Action:
    key, colon, value = inner.partition(":")
    if not colon or "#" in key:
        return Action("", (_parsed(inner),))
    if value == "POP":
        return Action(key.strip(), (), pops=True)
    return Action(key.strip(), tuple(_parsed(one) for one in re.split(r"(?<!\\),", value)))


def _tags_in(rule: Rule) -> Iterator[Tag]:
    for part in rule:
        if isinstance(part, Tag):
            yield part
            for action in part.actions:
                for inner in action.rules:
                    yield from _tags_in(inner)


def _actions_in(rule: Rule) -> Iterator[Action]:
    for tag in _tags_in(rule):
        yield from tag.actions


def _heights(rules: Mapping[str, tuple[Rule, ...]], action_rules: Mapping[str, tuple[Rule, ...]]) -> dict[str, int]:
    """How deep each symbol leads on the shortest way out; `_NEVER` for those without one."""
    heights = dict.fromkeys((*rules, *action_rules), _NEVER)
    changed = True
    while changed:
        changed = False
        for symbol in heights:
            ways = (*rules.get(symbol, ()), *action_rules.get(symbol, ()))
            least = min((_height(rule, heights) for rule in ways), default=_NEVER)
            if least < heights[symbol]:
                heights[symbol], changed = least, True
    return heights


def _height(rule: Rule, heights: Mapping[str, int]) -> int:
    inner = [heights.get(tag.symbol, 0) for tag in _tags_in(rule) if tag.symbol]
    return min(1 + max(inner, default=0), _NEVER)


def _fields(text: str, folder: Path | None) -> dict[str, Any]:
    images: list[tuple[int, dict[str, Any]]] = []
    for match in _DRAWING.finditer(text):
        drawing = {"data": match[1].encode(), "name": DRAWING_NAME, "alt": match[2].strip()}
        images.append((match.start(), drawing))
    for match in _IMAGE.finditer(text):
        images.append((match.start(), {"path": str((folder or Path()) / match[1]), "alt": (match[2] or "").strip()}))
    row: dict[str, Any] = {"text": _IMAGE.sub("", _DRAWING.sub("", text)).strip()}
    return {**row, "images": [image for _, image in sorted(images, key=itemgetter(0))]} if images else row


def _invalid(message: str, hint: str) -> InputError:
    return InputError(message, code="grammar.invalid", hint=hint)
