"""The page of what answers by itself: the ways, and a table of what was answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.grammars import typed_grammar
from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Visit, back, first_zone, form_route, page_route, show
from skywrite.faces.server.pages.settings import number_of, shown_once
from skywrite.features.ways import operations
from skywrite.features.ways.operations import AddWay, EditWay, ListAnswered

_DONE = {"pause": "It answers nothing until it goes on.", "resume": "It answers again.", "remove": "It is removed."}


def ways(visit: Visit) -> Response:
    """The page."""
    may_manage = "manage" in visit.access.scopes
    return show(
        visit,
        "ways.html",
        title="What answers",
        ways=operations.list_ways(visit.access, Nothing()).ways if may_manage else [],
        answers=operations.answers(visit.access, ListAnswered()).answers,
        zone=first_zone(visit),
        may_manage=may_manage,
        accounts=[account.handle for account in visit.access.all_accounts()],
    )


def add_way(visit: Visit, form: dict[str, str]) -> Response:
    """Add an address; the settings show its secret once."""
    visit.access.require("manage")
    fields: dict[str, Any] = {name: form.get(name, "").strip() for name in ("url", "word")}
    fields["account"] = form.get("account", "").strip() or None
    fields["thread"] = "thread" in form
    way = operations.add(visit.access, msgspec.convert({**fields, "url": fields["url"] or "-"}, AddWay))
    about = f"The secret of {way.what}, which answers from now on. It is not shown again."
    return shown_once(visit, secret=way.secret or "", about=about)


def add_grammar(visit: Visit, form: dict[str, str]) -> Response:
    """Add a grammar; the page shows some of its texts."""
    visit.access.require("manage")
    fields = {"word": form.get("word", "").strip(), "account": form.get("account", "").strip() or None}
    request = msgspec.structs.replace(msgspec.convert(fields, AddWay), **typed_grammar(form))
    operations.add(visit.access, request)
    return back("/ways", "It answers from now on.")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Pause, resume or remove, depending on the button."""
    number, action = number_of(visit), form.get("action", "")
    calls: dict[str, Callable[[], Any]] = {
        "pause": lambda: operations.edit(visit.access, EditWay(id=number, state="paused")),
        "resume": lambda: operations.edit(visit.access, EditWay(id=number, state="active")),
        "remove": lambda: operations.remove(visit.access, ById(number)),
    }
    if action not in calls:
        raise InputError("There is no such action.")
    calls[action]()
    return back("/ways", _DONE[action])


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/ways", ways),
        form_route("/ways/add", add_way),
        form_route("/ways/grammar", add_grammar),
        form_route("/ways/{number:id}", change),
    ]
