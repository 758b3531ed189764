"""Every page that the server has an address for, as each person sees it, and every form that stands in them.

What lives here: the walk, the record, and sending each form once as it stands. What does not: the examples (`calls`).
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from importlib import import_module
from typing import Any, NamedTuple

from compare.calls import FORMS, PAGES, POSTS
from compare.commands import Found, Missing, filled
from compare.operations import PLACE, SAME_HEADERS, shown
from compare.requests import Answer, Caller, signed_in
from compare.stage import Stage

FORM = "application/x-www-form-urlencoded"
# Fields that are sent only if they are chosen.
UNSENT = ("checkbox", "radio", "file", "submit")
PERSONS = ("owner", "approver", "writer", "viewer", "nobody")
# Everything below these is asked for as operations, or is no page.
NOT_PAGES = ("/api/v1/", "/mcp", "/metrics")
# Others whose headers are of interest.
HEADED = ("/api/v1/status", "/nothing")
# What is sent to an address that no form of the filled world sends to.
EXAMPLES = {**FORMS, **POSTS}


class Form(NamedTuple):
    """A form of a page, with its fields as they stand."""

    action: str
    method: str
    fields: tuple[tuple[str, str], ...]
    looks: tuple[str, ...]
    kind: str


def record(stage: Stage, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A file for each page and person, one for all forms, and one for each form that is sent. Raises Missing."""
    paths = walk(stage)
    examples = {path: PAGES.get(path, () if "{}" in path else (path,)) for path in paths}
    if missing := [path for path in paths if path not in PAGES and "{}" in path]:
        raise Missing(f"No example in {PLACE} (PAGES) for: {', '.join(missing)}.")
    yield "http/routes.txt", "\n".join(sorted(paths)) + "\n"
    forms: dict[str, Form] = {}
    with stage.served() as (url, link):
        owner = signed_in(url, link)
        for person in PERSONS:
            if person == "owner":
                yield (
                    "http/headers.txt",
                    "".join(_headers(owner, path) for path in (*HEADED, *sorted(paths)) if "{}" not in path),
                )
            caller = owner if person == "owner" else _person(url, names, person)
            for path in sorted(examples):
                # Files are the same for everybody.
                if path.startswith("/static/") and person != "owner":
                    continue
                answers = [(words, caller.ask("GET", filled(words, names))) for words in examples[path]]
                yield f"pages/{person}/{_file(path)}", "\n".join(_shown(words, answer) for words, answer in answers)
                if person == "owner":
                    for _, answer in answers:
                        for form in forms_of(answer.text):
                            forms.setdefault(_kind(form), form)
    yield (
        "pages/forms.txt",
        "\n".join(f"{kind}\n" + "\n".join(form.looks) + "\n" for kind, form in sorted(forms.items())),
    )
    yield from _sent(stage, names, forms)


def _headers(caller: Caller, path: str) -> str:
    """The headers that protect a page, which are left out elsewhere."""
    answer = caller.ask("GET", path)
    return "\n".join((path, *(f"  {name}: {answer.headers.get(name, '-')}" for name in SAME_HEADERS))) + "\n"


def walk(stage: Stage, method: str = "GET") -> list[str]:
    """The addresses that answer to a method, with {} for what differs in them."""
    ran = stage.call(_print_routes)
    paths = {
        re.sub(r"\{[^}]*\}", "{}", path)
        for path, methods in json.loads(ran.out)
        if (methods is None or method in methods) and not path.startswith(NOT_PAGES)
    }
    return sorted(paths)


def _print_routes() -> None:
    from starlette.applications import Starlette

    def found(self: Any, *arguments: Any, routes: Any = (), **options: Any) -> None:
        print(json.dumps([(route.path, sorted(route.methods) if route.methods else None) for route in routes]))
        raise Found(self)

    # Whoever puts the application together, it is made of these routes.
    Starlette.__init__ = found  # type: ignore[method-assign]
    sys.argv = ["skywrite", "serve", "--no-worker", "--port", "0", "--json"]
    try:
        import_module("skywrite.__main__").main()
    except Found:
        sys.stdout.flush()


def _person(url: str, names: Mapping[str, str], role: str) -> Caller:
    return Caller(url, {"cookie": names[f"{role}-session"]} if role != "nobody" else {})


def _file(path: str) -> str:
    return (path.strip("/").replace("/", "-").replace("{}", "ID") or "start") + ".txt"


def _shown(words: str, answer: Answer) -> str:
    kind = answer.headers.get("content-type", "")
    if kind.startswith("image/"):
        return shown(words, answer._replace(body=f"{len(answer.body)} bytes".encode()))
    return shown(words, answer._replace(body=lines(answer.text).encode())) if "ml" in kind else shown(words, answer)


def lines(page: str) -> str:
    """A page with a line for each element, so that a difference is a line."""
    return re.sub(r"\s*\n\s*", "\n", re.sub(r">\s*<", ">\n<", page)).strip()


class _Forms(HTMLParser):
    """Reads the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        # The select or textarea that is open, and whether its value is the text that follows.
        self._open = ""
        self._valued = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            method, kind = values.get("method", "get").lower(), values.get("enctype", FORM)
            self.found.append(Form(values.get("action", ""), method, (), (), kind))
        elif self.found and tag in ("input", "button", "textarea", "select", "option"):
            look = " ".join(f'{key}="{text}"' for key, text in sorted(values.items()) if key != "class")
            self._change(looks=(*self.found[-1].looks, f"  {tag} {look}".rstrip()))
            self._read(tag, values)

    def _read(self, tag: str, attributes: Mapping[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        if tag in ("select", "textarea"):
            self._open = name
        if tag == "textarea":
            self._put(name, "")
            self._valued = True
        elif (
            tag == "option"
            and self._open
            and ("selected" in attributes or self._open not in dict(self.found[-1].fields))
        ):
            self._put(self._open, value)
            self._valued = "value" not in attributes
        elif tag == "input" and name and (attributes.get("type") not in UNSENT or "checked" in attributes):
            self._put(name, attributes.get("value", "on" if attributes.get("type") in UNSENT else ""))

    def handle_data(self, text: str) -> None:
        if not self._open or not text.strip():
            return
        self._change(looks=(*self.found[-1].looks, f"    {text.strip()}"))
        if self._valued:
            self._put(self._open, text.strip())
            self._valued = False

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._open, self._valued = "", False

    def _put(self, name: str, value: str) -> None:
        self._change(fields=(*(pair for pair in self.found[-1].fields if pair[0] != name), (name, value)))

    def _change(self, **values: Any) -> None:
        self.found[-1] = self.found[-1]._replace(**values)


def forms_of(page: str) -> list[Form]:
    """The forms of a page."""
    reader = _Forms()
    reader.feed(page)
    return reader.found


def _kind(form: Form) -> str:
    """What tells one form from another: its address without numbers, and the names of its fields."""
    names = ",".join(sorted({name for name, _ in form.fields}))
    return f"{form.method.upper()} {re.sub(r'/[0-9]+', '/{}', form.action)} ({names})"


def _sent(stage: Stage, names: Mapping[str, str], forms: Mapping[str, Form]) -> Iterator[tuple[str, str]]:
    """Each form that changes something, sent as it stands and as its examples say, on a server of its own."""
    numbers: Counter[str] = Counter()
    for kind, form in sorted((kind, form) for kind, form in forms.items() if form.method == "post"):
        action = kind.split()[1]
        texts = [_after(stage, names, kind, form, more) for more in ({}, *FORMS.get(action, ()))]
        numbers[action] += 1
        yield f"forms/{_file(action).removesuffix('.txt')}-{numbers[action]}.txt", "\n".join(texts)
    for path in _other_posts(stage, forms):
        action = path.replace("{}", names["scheduled"], 1).replace("{}", "nothing")
        texts = [_after(stage, names, path, Form(action, "post", (), (), FORM), more) for more in EXAMPLES[path]]
        yield f"posts/{_file(path)}", "\n".join(texts)


def _after(stage: Stage, names: Mapping[str, str], kind: str, form: Form, more: Mapping[str, str]) -> str:
    """What is answered to a form, and the page that it leads to."""
    with stage.served() as (url, link):
        owner = signed_in(url, link)
        fields = {filled(name, names): filled(value, names) for name, value in more.items()}
        answer = owner.form(form.action, {**dict(form.fields), **fields}, form.kind)
        text = _shown(f"{kind} {json.dumps(more)}", answer)
        place = answer.headers.get("location", "")
        if answer.status == 303 and place.startswith("/"):
            text += "\n" + _shown("after it", owner.ask("GET", place.partition("#")[0]))
        return text


def _other_posts(stage: Stage, forms: Mapping[str, Form]) -> list[str]:
    """The addresses that take something, and that no form on a page sends to. Raises Missing."""
    actions = [form.action for form in forms.values() if form.method == "post"]
    places = {path: re.compile(re.escape(path).replace(r"\{\}", "[^/]+")) for path in walk(stage, "POST")}
    paths = [path for path, place in places.items() if not any(place.fullmatch(action) for action in actions)]
    if missing := [path for path in paths if path not in EXAMPLES]:
        raise Missing(f"No example in {PLACE} (POSTS) for: {', '.join(missing)}.")
    return paths
