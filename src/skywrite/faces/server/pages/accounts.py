"""Accounts: signing in and out, settings, and the weekly slots as a grid. Only people may do this, never an API key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from skywrite.app.entries import freeing
from skywrite.app.overview import count_waiting
from skywrite.app.sessions import NOTICE_DAYS, session_facts
from skywrite.app.settings import SETTINGS
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.server.pages.frame import Visit, back, form_route, page_route, show
from skywrite.faces.server.pages.oauth import EXTRA_RIGHTS, may_sign_in
from skywrite.protocol.atproto.oauth_scopes import RIGHTS
from skywrite.queue.model import Slot

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def accounts(visit: Visit) -> Response:
    """The page."""
    all_accounts = visit.sky.accounts.list()
    return show(
        visit,
        "accounts.html",
        title="Accounts",
        accounts=[_shown(visit, account) for account in all_accounts],
        settings=SETTINGS.values(),
        weekdays=WEEKDAYS,
        may_manage="manage" in visit.access.scopes,
        by_oauth=may_sign_in(visit.services),
        rights=[(name, RIGHTS[name].allows) for name in EXTRA_RIGHTS],
    )


def _shown(visit: Visit, account: Any) -> dict[str, Any]:
    slots, own = visit.sky.accounts.slots(account.did), visit.sky.context.zone(account)
    return {
        "account": account,
        "weeks": [(zone, _days(slots, zone)) for zone in dict.fromkeys([own, *(slot.zone for slot in slots)])],
        "values": {name: _text(account.settings.get(name)) for name in SETTINGS},
        "zone": own,
        "waiting": count_waiting(visit.sky.context, account) if account.signed_in else 0,
        **_session(visit, account),
    }


def _session(visit: Visit, account: Any) -> dict[str, Any]:
    """The sentence about the session, and whether it ends within days."""
    try:
        facts = session_facts(visit.sky.context, account)
    except SkywriteError as error:
        return {"session": error.message, "ends_soon": True}
    if facts is None:
        return {"session": "", "ends_soon": False}
    soon = visit.sky.context.clock.now() + timedelta(days=NOTICE_DAYS)
    return {"session": facts.in_words(), "ends_soon": facts.ends_at is not None and facts.ends_at < soon}


def _days(slots: Sequence[Slot], zone: str) -> list[str]:
    """The times on each day of the week in one zone."""
    return [
        ", ".join(_clock(slot.minute) for slot in slots if (slot.weekday, slot.zone) == (day, zone)) for day in range(7)
    ]


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def sign_in(visit: Visit, form: dict[str, str]) -> Response:
    """Sign in with an app password; its server is found from the handle, or given."""
    visit.access.require("manage")
    handle, password = form.get("handle", "").strip(), form.get("password", "")
    if not handle or not password:
        raise InputError("A handle and an app password are needed.", hint="Make one in the Bluesky app.")
    done = visit.sky.accounts.login(
        handle, password, auth_factor_token=form.get("code") or None, pds=form.get("server", "").strip() or None
    )
    notes = " ".join(str(warning) for warning in done.warnings)
    return back("/accounts", f"Signed in as {done.account.handle}. {notes}".strip())


def change(visit: Visit, form: dict[str, str]) -> Response:
    """Change settings, slots or the default account, or sign out, depending on the button."""
    visit.access.require("manage")
    account = visit.access.account(form.get("account"))
    action = visit.request.path_params["action"]
    if action == "settings":
        changes = _settings(form)
        _, freed = freeing(visit.sky.context, lambda: visit.sky.accounts.set(account.did, changes))
        return back("/accounts", f"The settings of {account.handle} are saved. {freed}".strip())
    if action == "slots":
        zone = form.get("zone") or visit.sky.context.zone(account)
        others = [slot for slot in visit.sky.accounts.slots(account.did) if slot.zone != zone]
        visit.sky.accounts.set_slots(account.did, [*others, *_slots(form, zone)])
        return back("/accounts", f"The slots of {account.handle} are saved.")
    if action == "default":
        visit.sky.accounts.set_default(account.did)
        return back("/accounts", f"{account.handle} is used when no account is named.")
    if action == "sign-out":
        visit.sky.accounts.logout(account.did)
        return back("/accounts", f"{account.handle} is signed out. Its posts wait until you sign in again.")
    raise InputError("There is no such action.")


def _settings(form: dict[str, str]) -> dict[str, Any]:
    """The settings of the form that are not what it began with; an empty field removes one."""
    changes = {name: form[name].strip() for name in SETTINGS if name in form and form[name] != form.get(f"was-{name}")}
    return {name: value if value else None for name, value in changes.items()}


def _slots(form: dict[str, str], zone: str) -> list[Slot]:
    from skywrite.posting.schedule.slots import parse_slots

    days = [f"{WEEKDAYS[day][:3].lower()} {times}" for day in range(7) if (times := form.get(f"day{day}", "").strip())]
    return parse_slots("; ".join(days), zone) if days else []


def routes() -> list[BaseRoute]:
    """The page and its forms."""
    return [
        page_route("/accounts", accounts),
        form_route("/accounts/sign-in", sign_in, network=True),
        form_route("/accounts/{action}", change, network=True),
    ]
