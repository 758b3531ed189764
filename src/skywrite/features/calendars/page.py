"""Addresses of calendars on the settings page."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.operations.shapes import ById, Nothing
from skywrite.core.errors import InputError
from skywrite.faces.server.pages.frame import Panel, Visit, form_route
from skywrite.faces.server.pages.settings import base_address, done, number_of, shown_once
from skywrite.features.calendars import operations


def panels(visit: Visit) -> list[Panel]:
    """For those who manage the server."""
    if "manage" not in visit.access.scopes:
        return []
    calendars = operations.list_calendars(visit.access, Nothing()).calendars
    return [Panel(50, "calendars_panel.html", {"calendars": calendars})]


def add_calendar(visit: Visit, form: dict[str, str]) -> Response:
    """Create the addresses of a calendar; the page shows them once."""
    visit.access.require("manage")
    name = form.get("name", "").strip() or "calendar"
    new_calendar = operations.add_calendar(visit.access, operations.AddCalendar(name=name))
    about = "The address for a calendar program. Anyone who has it can see the plan."
    return shown_once(visit, secret=base_address(visit) + new_calendar.calendar, about=about)


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Revoke an address."""
    number = number_of(visit)
    if form.get("action") != "revoke":
        raise InputError("There is no such action.")
    operations.revoke_calendar(visit.access, ById(number))
    return done("revoke")


def routes() -> list[BaseRoute]:
    """The forms."""
    return [form_route("/settings/calendars", add_calendar), form_route("/settings/calendar/{number:id}", change)]
