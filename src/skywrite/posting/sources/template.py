"""Texts of posts from templates (Jinja2, sandboxed), fitted into a post so that the link survives.

What lives here: which parts of Jinja2 a template may use, its limits, and the fitting. What does not: where the values
come from (`features.feeds`, `features.hooks`).

A template describes a post; it is not a program: it has conditions, loops over a list (not nested) and filters, but no
variables of its own, macros, includes or arithmetic on texts, so its output can only be a few times as long as the
template and its values. Output of more than 20,000 characters is an error anyway.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from skywrite.core.errors import InputError
from skywrite.protocol.bsky.graphemes import graphemes
from skywrite.protocol.bsky.limits import TEXT_BYTES_MAX, TEXT_GRAPHEMES_MAX
from skywrite.protocol.bsky.richtext import RichText, detect, grapheme_length, shorten_links, tidy

TEMPLATE_LENGTH_MAX = 2_000
OUTPUT_LENGTH_MAX = 20_000
DEFAULT_TEMPLATE = "{{ title or summary }}\n\n{{ link }}"
VARIABLES = (
    "title",
    "summary",
    "link",
    "author",
    "tags",
    "hashtags",
    "published",
    "feed_title",
)
# What is shortened if a text is too long, in this order.
SHORTENED = ("summary", "hashtags", "title", "author", "feed_title")

_FORBIDDEN = (
    *("Macro", "CallBlock", "Include", "Import", "FromImport", "Extends", "Block", "FilterBlock", "AssignBlock"),
    *("Assign", "ScopedEvalContextModifier", "EvalContextModifier", "OverlayScope", "With", "NSRef"),
)
_SAFE_METHODS = frozenset(
    (
        *("upper", "lower", "title", "capitalize", "strip", "lstrip", "rstrip", "split", "splitlines", "startswith"),
        *("endswith", "casefold", "removeprefix", "removesuffix", "find", "count"),
    )
)
_DATE_PARTS = frozenset(("year", "month", "day", "hour", "minute"))
_FILTERS = (
    *("abs", "capitalize", "count", "default", "d", "first", "int", "last", "length", "list", "lower", "map", "max"),
    *("min", "reject", "rejectattr", "reverse", "round", "select", "sort", "string", "striptags", "title", "trim"),
    *("truncate", "unique", "upper", "wordcount"),
)
_DATE_FORMAT = re.compile(r"(?:[^%]|%[aAbBdHIjmMpSyYZz%])*")
_WORD_END = re.compile(r"\s")
# Places for values as other programs write them: in braces with any name, the others with a known one.
_BRACES = re.compile(r"\$?\{\s*([A-Za-z_][\w.]*)\s*\}")
_OTHER_PLACES = re.compile(r"\$([a-z_]+)\b|%\(([a-z_]+)\)s|%([a-z_]+)%|<([a-z_]+)>")


class Template:
    """A checked template. Safe to share between threads."""

    def __init__(self, source: str, variables: Collection[str] | None = VARIABLES) -> None:
        """Raises InputError for what cannot be read or is not allowed. `variables`: their names; None: any."""
        from jinja2 import TemplateSyntaxError

        if len(source) > TEMPLATE_LENGTH_MAX:
            raise InputError(f"The template is longer than {TEMPLATE_LENGTH_MAX} characters.", code="template.invalid")
        self.source = source
        environment = _environment()
        try:
            tree = environment.parse(source)
            _check(tree, variables)
            self._template = environment.from_string(tree)
        except TemplateSyntaxError as error:
            raise InputError(
                f"The template cannot be read: {(error.message or '').rstrip('.')} (line {error.lineno}).",
                code="template.invalid",
                hint="A place for a value is written like {{ title }}.",
            ) from None
        except (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError):
            raise InputError("The template cannot be read: it is nested too deeply.", code="template.invalid") from None

    def render(self, values: Mapping[str, Any]) -> str:
        """The text with these values (see `VARIABLES`). Raises InputError."""
        from jinja2 import TemplateError as JinjaError

        pieces: list[str] = []
        length = 0
        try:
            for piece in self._template.generate(dict(values)):
                pieces.append(piece)
                length += len(piece)
                if length > OUTPUT_LENGTH_MAX:
                    raise InputError(
                        f"The template produces more than {OUTPUT_LENGTH_MAX} characters.", code="template.invalid"
                    )
        except JinjaError as error:
            raise InputError(
                f"The template fails: {error}.", code="template.invalid", hint="Check it with `preview`."
            ) from None
        except AssertionError as error:
            # Jinja checks some arguments with assertions: `truncate(0)` has no room for its dots.
            raise InputError(
                f"The template fails: {error}.", code="template.invalid", hint="Give its filters other numbers."
            ) from None
        except (ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise InputError(
                f"The template fails: {error}.", code="template.invalid", hint="Check it with `preview`."
            ) from None
        return tidy("".join(pieces)).strip()

    def fitted(self, values: Mapping[str, Any], *, shorten: bool = True) -> str:
        """The text, fitted into one post: first the summary is shortened, then the hashtags, then the title, at the
        ends of words.

        `shorten`: links count as they are displayed. A text that is still too long is returned unchanged, so that the
        post's own check refuses it.
        """
        fields = dict(values)
        text = self.render(fields)
        if fits(text, shorten):
            return text
        for name in SHORTENED:
            whole = str(fields.get(name) or "")
            if not whole:
                continue
            cut = _longest(whole, lambda length: self.render({**fields, name: shortened(whole, length)}), shorten)  # noqa: B023
            fields[name] = shortened(whole, cut)
            text = self.render(fields)
            if fits(text, shorten):
                return text
        return text


def fits(text: str, shorten: bool) -> bool:
    """Whether a text fits into one post; with `shorten`, links count as they are displayed."""
    shown = shorten_links(detect(RichText(text, ()))).text if shorten else text
    return (
        grapheme_length(shown) <= TEXT_GRAPHEMES_MAX and len(shown.encode("utf-8", "surrogatepass")) <= TEXT_BYTES_MAX
    )


def shortened(text: str, length: int) -> str:
    """A text of at most so many graphemes, cut at the end of a word with an ellipsis if it does not fit."""
    parts = graphemes(text)
    if len(parts) <= length:
        return text
    if length <= 1:
        return ""
    kept = parts[: length - 1]
    if not _WORD_END.match(parts[length - 1]):
        end = next((place for place in range(len(kept) - 1, 0, -1) if _WORD_END.match(kept[place])), 0)
        # There may be no end of a word nearby: in a language without spaces, or in a very long word.
        kept = kept[:end] if end > length // 2 else kept
    return "".join(kept).rstrip().rstrip(",;:-–—(") + "…"


def _longest(whole: str, render: Callable[[int], str], shorten: bool) -> int:
    """The greatest length of a value with which the text fits; 0 if there is none."""
    low, high = 0, min(len(graphemes(whole)), TEXT_GRAPHEMES_MAX)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(render(middle), shorten):
            low = middle
        else:
            high = middle - 1
    return low


def rendered(source: str, values: dict[str, Any]) -> str:
    """The text of a template over any JSON object: for the child process, since both may come from outside."""
    return Template(source, None).render(values)


def check_paths(source: str) -> None:
    """Raise InputError for a template over JSON that cannot be read or is not allowed: for the child process, too."""
    Template(source, None)


def hashtags(tags: Iterable[str]) -> str:
    """Tags as hashtags: letters and digits only, words joined in CamelCase; tags without a letter are left out."""
    by_name: dict[str, str] = {}
    for tag in tags:
        words = re.findall(r"\w+", tag.replace("_", " "))
        joined = words[0] if len(words) == 1 else "".join(word[:1].upper() + word[1:] for word in words)
        if joined and not joined.isdigit() and any(letter.isalpha() for letter in joined) and len(joined) <= 64:
            by_name.setdefault(joined.casefold(), f"#{joined}")
    return " ".join(by_name.values())


def _check(tree: Any, variables: Collection[str] | None) -> None:
    from jinja2 import meta, nodes

    forbidden = tuple(getattr(nodes, name) for name in _FORBIDDEN if hasattr(nodes, name))
    for node in tree.find_all(nodes.Node):
        if isinstance(node, forbidden):
            raise InputError(
                f"A template has no {{% {type(node).__name__.lower()} %}}: only conditions, loops and filters.",
                code="template.invalid",
            )
        if isinstance(node, nodes.For):
            inner = [loop for part in (*node.body, *node.else_) for loop in _fors(part)]
            if inner or node.recursive:
                raise InputError("A template has no loops inside loops.", code="template.invalid")

    for data in tree.find_all(nodes.TemplateData):
        _check_words(data.data, variables or ())
    if variables is None:
        return
    unknown = sorted(meta.find_undeclared_variables(tree) - set(variables))
    if unknown:
        raise InputError(
            f"A template has no variable {unknown[0]!r}.",
            code="template.invalid",
            hint=f"The variables are: {', '.join(variables)}.",
        )


def _check_words(text: str, variables: Collection[str]) -> None:
    """Raise InputError for words of a template that are a place for a value in other programs."""
    match = _BRACES.search(text) or next(
        (place for place in _OTHER_PLACES.finditer(text) if place[place.lastindex or 0] in variables), None
    )
    if match is not None:
        name = match[match.lastindex or 0]
        raise InputError(
            f"The template has {match[0]!r}, which would be posted as it stands.",
            code="template.invalid",
            hint=f'If a value is meant, write {{{{ {name} }}}}. If these letters are, write {{{{ "{match[0]}" }}}}.',
        )


def _fors(node: Any) -> list[Any]:
    from jinja2 import nodes

    return [node] if isinstance(node, nodes.For) else list(node.find_all(nodes.For))


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import StrictUndefined
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import SandboxedEnvironment

    class Environment(SandboxedEnvironment):
        intercepted_binops = frozenset(("**", "*", "%", "+"))

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            if isinstance(obj, str):
                return attr in _SAFE_METHODS
            if isinstance(obj, datetime):
                return attr in _DATE_PARTS
            return type(obj).__name__ == "LoopContext" and not attr.startswith("_")

        def getattr(self, obj: Any, attribute: str) -> Any:
            """A path into JSON names its fields, also those that are called like a method: `order.items`."""
            if not isinstance(obj, dict):
                return super().getattr(obj, attribute)
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)

        def wrap_str_format(self, value: Any) -> None:
            """`format` can make a text of any length, so it is not a safe attribute either."""

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            numbers = all(isinstance(value, int | float) and abs(value) < 1e9 for value in (left, right))
            texts = operator == "+" and isinstance(left, str) and isinstance(right, str)
            if operator == "**" or not (numbers or texts):
                raise SecurityError(f"'{operator}' is for numbers only")
            return super().call_binop(context, operator, left, right)

    environment = Environment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.globals = {}
    environment.filters = {name: environment.filters[name] for name in _FILTERS}
    environment.filters |= {
        "join": _join,
        "replace": _replace,
        "date": _date,
        "hashtags": hashtags,
        "shorten": shortened,
    }
    return environment


def _shown(value: Any) -> Any:
    """What a place of a template shows: nothing for an empty value of JSON, and no value that has parts."""
    if isinstance(value, dict):
        fields = ", ".join(str(name) for name in list(value)[:10])
        raise InputError(
            "The template fails: one of its places is an object.",
            code="template.invalid",
            hint=f"Name one of its fields: {fields}.",
        )
    return "" if value is None else value


def _bounded(text: str) -> str:
    if len(text) > OUTPUT_LENGTH_MAX:
        raise InputError(
            f"The template produces a text of more than {OUTPUT_LENGTH_MAX} characters.", code="template.invalid"
        )
    return text


def _join(values: Iterable[Any], separator: str = "") -> str:
    items = [str(value) for value in values]
    if sum(map(len, items)) + len(str(separator)) * len(items) > OUTPUT_LENGTH_MAX:
        _bounded("x" * (OUTPUT_LENGTH_MAX + 1))
    return str(separator).join(items)


def _replace(text: Any, old: str, new: str) -> str:
    whole, old, new = str(text), str(old), str(new)
    if whole.count(old) * len(new) > OUTPUT_LENGTH_MAX:
        _bounded("x" * (OUTPUT_LENGTH_MAX + 1))
    return _bounded(whole.replace(old, new))


def _date(at: Any, form: str = "%Y-%m-%d") -> str:
    if not isinstance(at, datetime):
        return ""
    if not _DATE_FORMAT.fullmatch(form):
        raise InputError(
            f"The date format {form!r} is not known.", code="template.invalid", hint="Use %d %B %Y, %H:%M and the like."
        )
    return at.strftime(form)
