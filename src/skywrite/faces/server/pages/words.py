"""What errors and hints say on a page: no names of fields, no flags, no numbers of versions, times of the account.

What lives here: rewording. What does not: the messages, which are written where the errors are raised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from skywrite.core.errors import Do, Hint, SkywriteError
from skywrite.queue.model import ChangedMeanwhile

# Where a page has what an operation does. What follows the words of the hint, such as "Release it: ".
PLACES: Mapping[str, str] = {
    "accounts.login": "on the page Accounts",
    "accounts.reset": "in the settings of the account",
    "accounts.set": "in the settings of the account",
    "accounts.set_default": "on the page Accounts",
    "accounts.set_slots": "on the page Accounts",
    "calendars.list": "on the page Settings",
    "commands.list": "on the command line",
    "commands.remove": "on the command line",
    "doctor": "on the page Status",
    "feeds.add": "on the page Feeds",
    "feeds.list": "on the page Feeds",
    "feeds.remove": "on the page Feeds",
    "follow_ups.cancel": "on the page of its post",
    "follow_ups.list": "on the page of its post",
    "groups.cancel": "on the page of the post",
    "groups.move": "on the page of the post",
    "inbox.list": "on the page Inbox",
    "keys.add": "on the page Settings",
    "keys.list": "on the page Settings",
    "keys.revoke": "on the page Settings",
    "notices.list": "on the command line",
    "notices.remove": "on the command line",
    "oauth.init": "on the page Accounts",
    "oauth.login": "on the page Accounts",
    "posts.approve": "on its page",
    "posts.cancel": "press “Cancel”",
    "posts.delete": "press “Delete from the network”",
    "posts.get": "on its page",
    "posts.list": "on the plan",
    "posts.move": "under “Another time”",
    "posts.release": "press “Let it go out”",
    "posts.edit": "press “Edit”",
    "posts.history": "on the page History",
    "recurrences.approve": "on the page Recurrences",
    "recurrences.edit": "on the page Recurrences",
    "recurrences.get": "on the page Recurrences",
    "recurrences.list": "on the page Recurrences",
    "reposts.cancel": "on the command line",
    "reposts.list": "on the plan",
    "rotate_key": "on the command line",
    "run": "start a worker",
    "run_once": "start a worker",
    "transfer.export_rows": "on the command line",
    "transfer.import_rows": "on the command line",
    "webhooks.list": "on the page Settings",
    "approvals.reject_recurrence": "press “Reject”",
    "approvals.approve": "press “Approve”",
}
ELSEWHERE = "on the command line"
# Fields that have another name on the page than in programs.
FIELDS: Mapping[str, str] = {"alt": "in the field beside it", "at": "under “When”", "account": "at the top"}
CHANGED = "It was changed in another window meanwhile, so nothing was done. This is how it is now."
_UTC = re.compile(r"\b(\d{4}-\d\d-\d\d)(?: at)? (\d\d:\d\d)(?::\d\d)? UTC\b")


def when(at: datetime | None, zone: str) -> str:
    """A time for people, in a zone."""
    if at is None:
        return "no time yet"
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M}"


def hint_words(hint: str) -> str:
    """A hint for the page."""
    return hint.said(_place) if isinstance(hint, Hint) else hint


def _place(do: Do) -> str:
    if do.operation == "argument":
        name = str(do.target)
        return FIELDS.get(name, f"“{name.replace('_', ' ')}”")
    return PLACES.get(do.operation, ELSEWHERE)


def error_words(error: SkywriteError) -> str:
    """What an error says on a page, with what to do next."""
    if isinstance(error, ChangedMeanwhile):
        return CHANGED
    return " ".join(filter(None, (error.message, hint_words(error.hint))))


def local_words(text: str, zone: str) -> str:
    """A message whose times are those of the account."""
    return _UTC.sub(lambda match: _local(match[1], match[2], zone), text)


def _local(day: str, clock: str, zone: str) -> str:
    return when(datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC), zone)
