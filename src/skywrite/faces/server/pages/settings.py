"""Settings: a panel for each feature that has something to set. Secrets are shown once, right after they are made.

What lives here: the page, and what the panels share. What does not: any panel.
"""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.faces.server.pages.frame import Visit, back, drawn, first_zone, page_route, show
from skywrite.faces.server.services import Shown
from skywrite.features import homes
from skywrite.queue.api_keys import Scope

SCOPES: tuple[tuple[Scope, str], ...] = (
    ("read", "see posts, plan and history"),
    ("draft", "write drafts, which wait for a person"),
    ("schedule", "schedule and move posts"),
    ("publish", "publish now, release and delete"),
    ("manage", "change accounts, feeds, keys and webhooks"),
)


def settings(visit: Visit) -> Response:
    """The page; it shows a new secret once. Everyone has passkeys; the rest is for people who manage the server."""
    shown = visit.services.shown_once.take(visit.query("made"), visit.person.id)
    panels = drawn(visit, (panel for find in homes("panels") for panel in find(visit)), zone=first_zone(visit))
    return show(visit, "settings.html", title="Settings", made=shown, panels=panels)


def shown_once(visit: Visit, *, secret: str, about: str) -> Response:
    """Go on to the page that shows the secret: to reload that makes no second one."""
    name = visit.services.shown_once.keep(Shown(visit.person.id, about, secret))
    return back("/settings", made=name)


def base_address(visit: Visit) -> str:
    """The address of this server, as people reach it."""
    return visit.services.origin.public_url or str(visit.request.base_url).rstrip("/")


def number_of(visit: Visit) -> int:
    """What is to be changed, by the number in the address. Raises NotAllowed unless the person manages the server."""
    visit.access.require("manage")
    return int(visit.request.path_params["number"])


def done(action: str) -> Response:
    """Back to the page, which says what was done."""
    return back("/settings", _DONE[action])


_DONE = {
    "revoke": "It is revoked, and works no more.",
    "remove": "It is removed.",
    "role": "The role is changed.",
    "test": "A test is on its way; the list of deliveries shows what came of it.",
    "pause": "It is paused; what happens meanwhile is delivered later.",
    "resume": "It goes on.",
    "publish": "What comes from now on is posted at once.",
    "draft": "What comes from now on waits as a draft.",
}


def routes() -> list[BaseRoute]:
    """The page."""
    return [page_route("/settings", settings)]
