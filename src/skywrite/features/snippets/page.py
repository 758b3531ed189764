"""Snippets on the page: what the composer completes after a semicolon, and the list in the settings."""

from __future__ import annotations

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.shapes import ById
from skywrite.faces.server.pages.completing import account_of, answer
from skywrite.faces.server.pages.frame import Panel, Visit, back, form_route, page_route
from skywrite.features.snippets import operations
from skywrite.features.snippets.operations import AddSnippet, ListSnippets

FOUND_MAX = 20
SHOWN = 60


def panels(visit: Visit) -> list[Panel]:
    """For those who write."""
    if "draft" not in visit.access.scopes:
        return []
    snippets = operations.list_snippets(visit.access, ListSnippets()).snippets
    accounts = [account.handle for account in visit.access.all_accounts()]
    return [Panel(15, "snippets_panel.html", {"snippets": snippets, "accounts": accounts})]


def snippets(visit: Visit) -> Response:
    """The snippets whose name or text has what was typed: those whose name begins with it first."""
    visit.access.require("draft")
    account, typed = account_of(visit), visit.query("q").strip().casefold()
    request = ListSnippets(account=None if account is None else account.handle)
    known = operations.list_snippets(visit.access, request).snippets
    fitting = [one for one in known if typed in one.name or typed in one.text.casefold()]
    fitting.sort(key=lambda one: not one.name.startswith(typed))
    return answer(
        [
            {"insert": one.text, "name": one.name, "about": f"{one.text[:SHOWN]} · {one.graphemes}"}
            for one in fitting[:FOUND_MAX]
        ]
    )


def add(visit: Visit, form: dict[str, str]) -> Response:
    """Keep a text."""
    visit.access.require("draft")
    fields = {"name": form.get("name", "").strip(), "text": form.get("text", "").strip()}
    account = form.get("account", "").strip() or None
    request = msgspec.convert({**fields, "account": account, "signature": "signature" in form}, AddSnippet)
    snippet = operations.add(visit.access, request)
    return back("/settings", f"The snippet {snippet.name} is kept. In the composer, ;{snippet.name} inserts it.")


def remove(visit: Visit, form: dict[str, str]) -> Response:
    """Remove one."""
    visit.access.require("draft")
    operations.remove(visit.access, ById(int(visit.request.path_params["number"])))
    return back("/settings", "The snippet is removed. What was written with it stays.")


def routes() -> list[BaseRoute]:
    """What the script asks, and the forms."""
    return [
        page_route("/compose/snippets", snippets),
        form_route("/settings/snippets", add),
        form_route("/settings/snippet/{number:id}/remove", remove),
    ]
