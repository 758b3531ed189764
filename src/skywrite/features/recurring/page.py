"""Recurrences: what repeats, when next, and skipping or moving a single occurrence."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.occurrences import occurrences_after
from skywrite.app.operations.grammars import texts_given, typed_grammar
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.features.recurring.operations import AddRecurrence, ListRecurrences, list_recurrences, seen_recurrence
from skywrite.features.recurring.operations import add as add_recurrence
from skywrite.queue.model import Recurrence

NEXT_TIMES = 5
SAMPLES = 3


def recurrences(visit: Visit) -> Response:
    """The page."""
    shapes = list_recurrences(visit.access, ListRecurrences()).recurrences
    items = [{"shape": item, **_coming(visit, item.id), **_asked(visit, item.id)} for item in shapes]
    return show(
        visit,
        "recurrences.html",
        title="Recurrences",
        items=items,
        accounts=[account.handle for account in visit.access.all_accounts()],
        may_change="schedule" in visit.access.scopes,
        may_approve="publish" in visit.access.scopes,
    )


def _coming(visit: Visit, recurrence_id: int) -> dict[str, Any]:
    """Its next times, and some of its texts where they take turns."""
    item = visit.sky.recurrences.get(recurrence_id)
    texts = [str(one["draft"].get("text") or "") for one in item.pool[:SAMPLES]]
    return {"next": _next(visit, item), "samples": texts}


def _asked(visit: Visit, recurrence_id: int) -> dict[str, Any]:
    """What an approval of the whole recurrence would cover."""
    asked = visit.sky.approvals.look_at_recurrence(recurrence_id)
    return {"asked": asked, "parts": list(asked.parts().items())}


def _next(visit: Visit, item: Recurrence) -> list[dict[str, Any]]:
    """The next times of a recurrence, each with the original time, for skipping or moving it."""
    coming = occurrences_after(item, visit.sky.context.clock.now())
    with suppress(SkywriteError):
        return [{"at": one.at, "occurrence": one.occurrence.isoformat()} for one in islice(coming, NEXT_TIMES)]
    return []


def add(visit: Visit, form: dict[str, str]) -> Response:
    """Post texts of a grammar again and again; the page shows some of them."""
    visit.access.require("schedule")
    fields = {"every": form.get("every", "").strip(), "account": form.get("account", "").strip() or None}
    if not fields["every"]:
        raise InputError("It is not said how often: every field is needed.", hint="Write it like weekdays 9:00.")
    request = msgspec.structs.replace(msgspec.convert(fields, AddRecurrence), **typed_grammar(form))
    recurrence = add_recurrence(visit.access, request)
    return back("/recurrences", f"Planned: {recurrence.said}.")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Stop a recurrence, skip or move one of its occurrences, or approve or reject all of it."""
    number, action = int(visit.request.path_params["number"]), visit.request.path_params["action"]
    seen_recurrence(visit.access, number)
    if action in ("approve", "reject"):
        return _decide(visit, number, action, form)
    visit.access.require("schedule")
    if action == "stop":
        cancelled = visit.sky.recurrences.stop(number)
        return back("/recurrences", f"It is stopped; {cancelled} waiting posts were cancelled.")
    if action == "texts":
        texts = typed_grammar(form)
        visit.sky.recurrences.edit(number, pool=texts_given(None, texts["grammar"], texts["distinct"]))
        return back("/recurrences", "It has other texts from now on.")
    if action not in ("skip", "move"):
        raise InputError("There is no such action.")
    to = form.get("to", "").strip() if action == "move" else None
    if action == "move" and not to:
        raise InputError("No time is given.", hint="Write one, such as friday 10:00.")
    visit.sky.recurrences.skip_or_move(number, form["occurrence"], to)
    return back("/recurrences", "That time is left out." if to is None else "That time is moved.")


def _decide(visit: Visit, number: int, action: str, form: dict[str, str]) -> Response:
    visit.access.require("publish")
    by, note = visit.person.name, form.get("note", "").strip()
    if action == "reject":
        visit.sky.approvals.reject_recurrence(number, by, note=note)
        return back("/recurrences", "Rejected: its posts are held unless they are approved.")
    visit.sky.approvals.approve_recurrence(number, form.get("digest", ""), by, note=note, who=visit.access.who)
    return back("/recurrences", "Approved: its posts go out until the recurrence is changed.")


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/recurrences", recurrences),
        form_route("/recurrences/add", add, network=True),
        form_route("/recurrences/{number:id}/{action}", change, network=True),
    ]
