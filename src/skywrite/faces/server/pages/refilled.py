"""A page with one of its forms filled in again: what was typed, and at the field what is wrong with it.

What lives here: rewriting HTML that our templates made. What does not: which page it is (`again`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.parser import HTMLParser
from operator import itemgetter
from typing import NamedTuple

ID = "wrong"
_TYPED = ("input", "select", "textarea")
# Elements without an end.
_SECRET = ("password", "file")
_BESIDE = ("hidden", "submit", "button")


class Field(NamedTuple):
    """A field of a form, in the order of the page: its number among all fields, what it is, and its label."""

    number: int
    name: str
    kind: str
    id: str
    value: str


class Form(NamedTuple):
    """A form: its number on the page, where it may be sent, its fields, and the details that it is folded in."""

    number: int
    actions: list[str]
    fields: list[Field]
    folds: tuple[int, ...]
    is_hidden: bool

    def is_meant(self, action: str, values: Mapping[str, str]) -> bool:
        """Whether it is the form that was sent: its hidden fields, such as the number of what it changes, say so."""
        hidden = (field for field in self.fields if field.kind == "hidden" and field.name not in ("version", "digest"))
        return action in self.actions and all(values.get(field.name, "") == field.value for field in hidden)

    @property
    def seen(self) -> list[Field]:
        """The fields that a person fills in."""
        return [field for field in self.fields if field.kind not in _BESIDE]


class _Reader(HTMLParser):
    """The forms of a page, and the words of its labels."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.labels: dict[str, str] = {}
        self._form: Form | None = None
        self._folds: list[int] = []
        self._numbers = {"form": 0, "field": 0, "details": 0}
        self._label = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if tag == "details":
            self._folds.append(self._count("details"))
        elif tag == "form":
            self._form = Form(self._count("form"), [has.get("action") or ""], [], tuple(self._folds), "hidden" in has)
            self.forms.append(self._form)
        elif tag == "label":
            self._label = has.get("for") or ""
        elif tag == "button" and self._form is not None and has.get("formaction"):
            self._form.actions.append(has["formaction"] or "")
        elif tag in _TYPED:
            number = self._count("field")
            if self._form is not None and has.get("name"):
                kind = (has.get("type") or "text") if tag == "input" else tag
                name = has["name"] or ""
                self._form.fields.append(Field(number, name, kind, has.get("id") or "", has.get("value") or ""))
                if has.get("aria-label") and has.get("id"):
                    self.labels[has["id"] or ""] = has["aria-label"] or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self._folds.pop()
        elif tag == "form":
            self._form = None
        elif tag == "label":
            self._label = ""

    def handle_data(self, data: str) -> None:
        if self._label:
            self.labels[self._label] = (self.labels.get(self._label, "") + data).strip()

    def _count(self, what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]


class _Writer(HTMLParser):
    """Writes the page again, with one form changed."""

    def __init__(
        self, html: str, form: Form | None, values: Mapping[str, str], field: Field | None, message: str
    ) -> None:
        super().__init__(convert_charrefs=False)
        self.out: list[str] = []
        self._form, self._given, self._field, self._said = form, values, field, message
        self._numbers = {"form": 0, "field": 0, "details": 0}
        self._open = False
        self._select: str | None = None
        self._left = ""
        self._muted = False
        self._is_said = False
        self.feed(html)
        self.close()

    @property
    def html(self) -> str:
        """The page."""
        return "".join(self.out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has, text = dict(attrs), self.get_starttag_text() or ""
        if tag in self._numbers:
            self._numbers[tag] += 1
        if tag == "details" and self._form and self._numbers["details"] in self._form.folds and "open" not in has:
            text = _with(text, ' open=""')
        if tag == "form":
            self._open = self._form is not None and self._numbers["form"] == self._form.number
        if tag in _TYPED:
            self._numbers["field"] += 1
            text = self._filled(tag, has, text)
        if tag == "option" and self._select is not None:
            text = re.sub(r"\sselected(=(\"[^\"]*\"|\S+))?(?=[\s>])", "", text)
            if has.get("value") == self._select:
                text = _with(text, " selected")
        self.out.append(text)
        if tag == "form" and self._open and self._form and not self._form.is_hidden and not self._field:
            self._say()
        if "data-said" in has and not self._in_form:
            self._say()

    @property
    def _in_form(self) -> bool:
        """Whether the form can be seen, and so what is said in it."""
        return self._form is not None and not self._form.is_hidden

    def _filled(self, tag: str, has: dict[str, str | None], text: str) -> str:
        if not self._open:
            return text
        name, kind = has.get("name") or "", has.get("type") or "text"
        is_wrong = self._field is not None and self._numbers["field"] == self._field.number
        if is_wrong:
            text = re.sub(r"\saria-(invalid|describedby)=\"[^\"]*\"|\sautofocus(?=[\s>])", "", text)
            text = _with(text, f' aria-invalid="true" aria-describedby="{ID}" autofocus')
        if tag == "input" and kind in ("checkbox", "radio"):
            text = re.sub(r"\schecked(?=[\s>])", "", text)
            is_on = name in self._given and (kind == "checkbox" or self._given[name] == has.get("value"))
            text = _with(text, " checked") if is_on else text
        elif tag == "input" and kind not in (*_SECRET, *_BESIDE) and name in self._given:
            text = re.sub(r"\svalue=\"[^\"]*\"", "", text)
            text = _with(text, f' value="{escape(self._given[name])}"')
        elif tag == "select" and name in self._given:
            self._select = self._given[name]
        elif tag == "textarea" and name in self._given:
            self._left, self._muted = escape(self._given[name]), True
        if is_wrong and tag == "input":
            return text + self._words()
        self._is_said = is_wrong
        return text

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._muted:
            self.out.append(f"\n{self._left}")
            self._left, self._muted = "", False
        self.out.append(f"</{tag}>")
        if tag == "select":
            self._select = None
        if tag in ("select", "textarea") and self._is_said:
            self._say()
            self._is_said = False
        if tag == "form":
            self._open = False

    def _say(self) -> None:
        self.out.append(self._words())

    def _words(self) -> str:
        return f'<p class="wrong" id="{ID}" role="alert">{escape(self._said)}</p>'

    def handle_data(self, data: str) -> None:
        if not self._muted:
            self.out.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")


def _with(tag: str, more: str) -> str:
    """A start tag with one more attribute."""
    return f"{tag[:-2]}{more}/>" if tag.endswith("/>") else f"{tag[:-1]}{more}>"


def refilled(html: str, action: str, values: Mapping[str, str], message: str) -> str:
    """The page with the form that was sent to `action` as it was filled in, and what is wrong with it where it is.

    Where no field is meant, it is said at the top of the form; where no form can be seen, at the top of the page.
    """
    page = _Reader(html)
    form = next((form for form in page.forms if form.is_meant(action, values)), None)
    field = None if form is None or form.is_hidden else wrong_field(form, values, message)
    words = message if form is None else _labelled(message, form, page.labels)
    return _Writer(html, form, values, field, words).html


def wrong_field(form: Form, values: Mapping[str, str], message: str) -> Field | None:
    """The field that an error is about: the one that it names, whose value it shows, or the only one there is."""
    seen = form.seen
    places = [(_place(field.name, message), field) for field in seen if len(field.name) > 3]
    # Whatever is named first is what the sentence is about.
    named = [field for place, field in sorted(places, key=itemgetter(0)) if place >= 0]
    shown = [field for field in seen if len(values.get(field.name, "")) > 1 and values[field.name] in message]
    empty = [field for field in seen if field.kind in ("text", "textarea", "url") and not values.get(field.name)]
    alone = seen if len(seen) == 1 else empty if len(empty) == 1 and "is given" in message else []
    return next(iter([*named, *shown, *alone]), None)


def _place(name: str, message: str) -> int:
    """Where a field is named; -1 if it is not."""
    match = re.search(rf"(?<![\w“]){re.escape(name)}\b", message)
    return match.start() if match else -1


def _labelled(message: str, form: Form, labels: Mapping[str, str]) -> str:
    """The words with the labels of the fields, where they have the names that programs use."""
    for field in form.seen:
        label = labels.get(field.id, "")
        if "_" in field.name and label:
            message = re.sub(rf"\b{field.name}=", "", message)
            message = re.sub(rf"\b{field.name}\b", f"“{label}”", message)
    return message
