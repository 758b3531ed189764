"""Feeds: which are polled, what happened to their items, and what the next posts will look like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app import Skywrite
from skywrite.app.operations import Access
from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError, SkywriteError
from skywrite.core.feature import Need
from skywrite.faces.server.pages.frame import Visit, back, first_zone, form_route, page_route, show
from skywrite.faces.server.pages.needs import COUNTED_MAX, shown_count
from skywrite.features.feeds import operations
from skywrite.features.feeds.store import FeedStore

IMAGES = (("auto", "with descriptions"), ("all", "all"), ("card", "the page's card"), ("none", "none"))
PREVIEW_ITEMS = 3


def feeds(visit: Visit) -> Response:
    """The page; with `?url=` it shows how the feed's latest items would look as posts."""
    url, template = visit.query("url").strip(), visit.query("template")
    items, trouble = _preview(visit, url, template) if url else ([], None)
    return show(
        visit,
        "feeds.html",
        title="Feeds",
        feeds=operations.list_feeds(visit.access, Nothing()).feeds,
        url=url,
        shown_template=template,
        items=items,
        trouble=trouble,
        images=IMAGES,
        zone=first_zone(visit),
        accounts=visit.sky.accounts.list(),
        may_manage="manage" in visit.access.scopes,
    )


def needs(sky: Skywrite, access: Access) -> Iterator[Need]:
    """Feeds that cannot be read any more."""
    failing = FeedStore(sky.context.store).failing(COUNTED_MAX, access.covers)
    words = f"{shown_count(len(failing))} feeds cannot be read."
    if len(failing) == 1:
        words = f"The feed {failing[0].title or failing[0].url} cannot be read."
    yield Need("/feeds", len(failing), words)


def _preview(visit: Visit, url: str, template: str) -> tuple[list[Any], SkywriteError | None]:
    fields = {"url": url, "limit": PREVIEW_ITEMS, **({"template": template} if template else {})}
    try:
        return operations.preview(visit.access, msgspec.convert(fields, operations.PreviewFeed)).items, None
    except SkywriteError as error:
        return [], error


def add(visit: Visit, form: dict[str, str]) -> Response:
    """Add a feed."""
    visit.access.require("manage")
    fields: dict[str, Any] = {"url": form.get("url", "").strip(), "images": form.get("images", "auto")}
    if not fields["url"]:
        raise InputError("No address is given.", hint="Give the address of a feed, or of a page that names one.")
    if template := form.get("template", ""):
        fields["template"] = template.replace("\r\n", "\n")
    if account := form.get("account"):
        fields["accounts"] = [account]
    if words := form.get("include", "").strip():
        fields["include"] = [word.strip() for word in words.split(",") if word.strip()]
    feed = operations.add(visit.access, msgspec.convert(fields, operations.AddFeed))
    return back("/feeds", f"{feed.title or feed.url} is read from now on.")


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Poll a feed now, change its template, or remove it."""
    visit.access.require("manage")
    number, action = int(visit.request.path_params["number"]), visit.request.path_params["action"]
    if action == "remove":
        operations.remove(visit.access, ById(number))
        return back("/feeds", "The feed is forgotten. Its posts stay.")
    if action == "poll":
        feed = operations.check(visit.access, ById(number))
        if feed.error:
            raise InputError(feed.error.message, hint=feed.error.hint)
        return back("/feeds", f"{feed.new} new items, {len(feed.posts)} posts queued.")
    if action == "edit":
        fields = {"id": number, "template": form.get("template", "").replace("\r\n", "\n")}
        operations.edit(visit.access, msgspec.convert(fields, operations.EditFeed))
        return back("/feeds", "The template is saved.")
    raise InputError("There is no such action.")


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/feeds", feeds, network=True),
        form_route("/feeds/add", add, network=True),
        form_route("/feeds/{number:id}/{action}", change, network=True),
    ]
