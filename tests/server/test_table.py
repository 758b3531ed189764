"""The table of operations against the queue: what is offered from outside, and what is left out on purpose."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import msgspec.inspect as info
import pytest

from skywrite.app.accounts import Accounts
from skywrite.app.approvals import Approving
from skywrite.app.operations import OPERATIONS, Access
from skywrite.app.operations.shapes import ById, Nothing, Ok
from skywrite.app.operations.table import operation, rows_of
from skywrite.app.posts import Posts
from skywrite.core.errors import SIGN_IN, Do, Hint
from skywrite.faces.server.hints import for_agents, for_http
from skywrite.faces.server.openapi import document
from skywrite.faces.server.pages.settings import SCOPES as SCOPE_WORDS
from skywrite.features.agents.routes import SCOPES as AGENT_SCOPES
from skywrite.features.answers.service import Inbox
from skywrite.features.drafts.service import Drafts
from skywrite.features.feeds.cli import edit as edit_feed
from skywrite.features.feeds.operations import FeedOptions
from skywrite.features.feeds.service import EDITABLE_OPTIONS, Feeds
from skywrite.features.follow_ups.service import Following
from skywrite.features.groups.service import Groups
from skywrite.features.recurring.service import Recurrences
from skywrite.features.reposts.service import Reposts
from skywrite.features.tables.service import Transfer
from skywrite.queue.api_keys import SCOPES
from skywrite.queue.events import EVENT_KINDS
from skywrite.queue.people import ROLE_SCOPES
from tests.support.processes import ROOT

NOUNS: dict[str, type] = {
    "approvals": Approving,
    "follow_ups": Following,
    "groups": Groups,
    "posts": Posts,
    "recurrences": Recurrences,
    "reposts": Reposts,
    "feeds": Feeds,
    "accounts": Accounts,
    "drafts": Drafts,
    "inbox": Inbox,
    "transfer": Transfer,
}

# A method, and the operation that offers it.
OFFERED = {
    "approvals.look": "posts.approval",
    "approvals.approve": "posts.approve",
    "approvals.reject": "posts.reject",
    "approvals.look_at_recurrence": "recurrences.approval",
    "approvals.approve_recurrence": "recurrences.approve",
    "approvals.reject_recurrence": "recurrences.reject",
    "groups.add": "groups.add",
    "groups.get": "groups.get",
    "groups.move": "groups.move",
    "groups.cancel": "groups.cancel",
    "follow_ups.add": "follow_ups.add",
    "follow_ups.list": "follow_ups.list",
    "follow_ups.cancel": "follow_ups.cancel",
    "posts.schedule": "posts.create",
    "posts.publish": "posts.create",
    "posts.send": "posts.create",
    "posts.preview": "posts.preview",
    "posts.list": "posts.list",
    "posts.history": "history.list",
    "posts.get": "posts.get",
    "posts.edit": "posts.edit",
    "posts.move": "posts.move",
    "posts.cancel": "posts.cancel",
    "posts.retry": "posts.retry",
    "posts.release": "posts.release",
    "posts.hold": "posts.hold",
    "posts.count": "status.show",
    "posts.count_due": "status.show",
    "posts.delete": "posts.unpublish",
    "recurrences.list": "recurrences.list",
    "recurrences.get": "recurrences.get",
    "recurrences.stop": "recurrences.stop",
    "recurrences.skip_or_move": "recurrences.change_occurrence",
    "reposts.repost": "reposts.create",
    "reposts.pin": "reposts.pin",
    "reposts.unpin": "reposts.unpin",
    "reposts.list": "reposts.list",
    "reposts.cancel": "reposts.cancel",
    "feeds.add": "feeds.add",
    "feeds.list": "feeds.list",
    "feeds.get": "feeds.get",
    "feeds.edit": "feeds.edit",
    "feeds.remove": "feeds.remove",
    "feeds.check": "feeds.check",
    "feeds.preview": "feeds.preview",
    "accounts.list": "accounts.list",
    "accounts.get": "accounts.get",
    "accounts.set": "accounts.edit",
    "accounts.set_slots": "slots.set",
    "accounts.slots": "slots.list",
    "drafts.pull": "drafts.pull",
    "inbox.list": "inbox.list",
    "inbox.get": "inbox.list",
    "inbox.answer": "inbox.answer",
    "inbox.done": "inbox.done",
    "inbox.snooze": "inbox.snooze",
    "transfer.read_table": "imports.create",
    "transfer.import_rows": "imports.create",
}

# A method that cannot be reached from outside, and why.
LEFT_OUT = {
    "approvals.is_wanted": "posts.approval says it",
    "approvals.list": "posts.list shows what waits, and posts.approval whether it is wanted",
    "follow_ups.get": "follow_ups.list shows it",
    "accounts.reset": "a repair in the shell of settings that cannot be read; `accounts.edit` resets one with null",
    "accounts.login": "signing in is done on the page or in the shell, never with a key",
    "accounts.server_for": "a step of signing in",
    "accounts.logout": "signing out is done on the page or in the shell",
    "accounts.set_default": "a program names its account",
    "feeds.items": "the ledger is shown on the page",
    "feeds.check_due": "the worker does that",
    "feeds.read_opml": "it reads a local file; a program adds each feed",
    "feeds.opml": "a program reads feeds.list",
    "inbox.collect": "the worker does that",
    "inbox.waiting": "the list says it",
    "inbox.talks": "the page puts conversations together",
    "inbox.answer_by": "a program's own function",
    "inbox.hidden": "the worker does that",
    "inbox.take_back": "the worker does that",
    "inbox.drop_stale": "the worker does that",
    "posts.each_finished": "a program reads history.list, page by page",
    "posts.each": "a program reads the lists, page by page",
    "posts.last_published": "history.list says it",
    "recurrences.edit": "a program stops one and adds another",
    "recurrences.next_times": "recurrences.get says the next one",
    "posts.forecast": "the shell says it; the page computes it for the days that it shows",
    "recurrences.status": "the lists of the shell; recurrences.list has the same",
    "posts.undo": "it takes back whatever was last, also what somebody else did: the shell asks, a program cannot",
    "posts.receipt": "it is made and kept where its reader trusts the computer",
    "transfer.remember": "a program sends its map each time",
    "transfer.post_rows": "rows may name local files",
    "transfer.export_rows": "a program reads the lists, page by page",
    "transfer.backup": "it writes a local file",
}


def test_every_method_is_offered_or_left_out_on_purpose() -> None:
    """A new method of the queue is put into the table, or into the list of what stays inside, with the reason."""
    methods = {f"{noun}.{name}" for noun, kind in NOUNS.items() for name in vars(kind) if not name.startswith("_")}
    assert methods == set(OFFERED) | set(LEFT_OUT)
    assert set() == set(OFFERED) & set(LEFT_OUT)
    assert set() == set(OFFERED.values()) - set(OPERATIONS)


@operation("GET /odd-things", scope="read")
def list_odd_things(access: Access, request: Nothing) -> list[Ok]:
    """List odd
    things.

    Only those that are odd.
    """
    return []


@operation("DELETE /odd-things/{id}", scope="draft", tool="drop_thing", idempotent=True)
def drop_odd_thing(access: Access, request: ById) -> Ok:
    """Drop a thing."""
    return Ok()


def test_a_row_follows_from_its_function() -> None:
    """Name, summary, types and hints come from the path, the docstring, the annotations and the verb."""
    reading, dropping = rows_of(sys.modules[__name__])
    assert ("odd_things.list", "List odd things.", Nothing, list[Ok]) == (
        reading.name,
        reading.summary,
        reading.input,
        reading.output,
    )
    assert (True, True, False, None) == (reading.read_only, reading.idempotent, reading.destructive, reading.tool)
    assert ("odd_things.drop", list_odd_things, ById, "drop_thing") == (
        dropping.name,
        reading.call,
        dropping.input,
        dropping.tool,
    )
    assert (False, True, True) == (dropping.read_only, dropping.idempotent, dropping.destructive)


def test_a_key_and_what_came_from_it_take_one_share() -> None:
    """A person and a key have a share each; a key that another one made has that one's."""
    shares = [
        Access(None, frozenset(), who=who, shared_by=first).share  # type: ignore[arg-type]  # nothing is stored here
        for who, first in (("person 1", None), ("key 2", None), ("key 3", 2))
    ]
    assert ["person 1", "key 2", "key 2"] == shares


def test_hints_speak_http_and_mcp() -> None:
    """A hint names the request that a program sends, or the tool that an agent calls, and never a command line."""
    hints = {
        Hint("Publish it: ", Do("posts.release", 12)): (
            "POST /api/v1/posts/12/release",
            "a person does that on the page",
        ),
        Hint("See: ", Do("posts.get", 12)): ("GET /api/v1/posts/12", "get_post with id 12"),
        Hint("Give ", Do("argument", "at")): ("the field at", "the argument at"),
        SIGN_IN: ("a person signs in on the page", "a person signs in on the page"),
    }
    for hint, (request, tool) in hints.items():
        assert (True, True) == (for_http(hint).endswith(request), for_agents(hint).endswith(tool))
    assert "Plain." == for_http("Plain.") == for_agents("Plain.")


def test_webhooks_hear_of_every_kind() -> None:
    """The guide names each kind of event, and the page listens to all that concern a post."""
    guide = (ROOT / "docs/guide/webhooks.md").read_text("utf-8")
    script = (ROOT / "src/skywrite/faces/server/static/js/live.js").read_text("utf-8")
    heard = re.search(r"static KINDS = (\[.*?\]);", script)
    assert [] == [kind for kind in EVENT_KINDS if f"`{kind}`" not in guide]
    assert heard and [kind for kind in EVENT_KINDS if kind.startswith("post.")] == json.loads(heard[1])


def test_options_of_a_feed() -> None:
    """Whatever a feed may be given when it is added can be changed, in a request and on the command line."""
    command = {one.name for one in edit_feed.params} - {"feed", "accounts", "as_json", "quiet"}
    added = set(inspect.signature(Feeds.add).parameters) - {"self", "url", "accounts", "backfill", "covers"}
    assert EDITABLE_OPTIONS == added == command == set(FeedOptions.__struct_fields__)


def test_every_scope_has_its_words() -> None:
    """A person who makes a key chooses from all scopes, each in words; an agent may get all but one."""
    assert list(SCOPES) == [scope for scope, _ in SCOPE_WORDS] == [*AGENT_SCOPES, "manage"]
    assert ROLE_SCOPES["owner"] == SCOPES


def test_scopes_fit_hints() -> None:
    """What only reads needs the scope `read`, or `manage` where it shows keys; nothing that writes says it reads."""
    assert [] == [row.name for row in OPERATIONS.values() if row.scope not in SCOPES]
    assert [] == [row.name for row in OPERATIONS.values() if row.read_only and row.scope not in ("read", "manage")]
    assert [] == [row.name for row in OPERATIONS.values() if row.method == "GET" and not row.read_only]


def test_every_list_in_the_document_says_what_is_in_it() -> None:
    """A generator of clients drops a class with a list of nobody knows what; and no schema is there for nothing."""
    parts: list[Any] = [document()]
    lists, named = [], set()
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            lists += [part] if part.get("type") == "array" else []
            named |= {str(part["$ref"]).rpartition("/")[2]} if "$ref" in part else set()
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    assert [] == [item for item in lists if not item.get("items") and not item.get("prefixItems")]
    assert named == set(document()["components"]["schemas"])


def test_no_empty_list_of_accounts_stands_for_all() -> None:
    """`"accounts": []`, as a program with an empty list sends it, is refused, and makes no key for all accounts."""
    takers = {name: one.input for name, one in OPERATIONS.items() if "accounts" in one.input.__struct_fields__}
    assert {"keys.add", "feeds.add", "feeds.edit", "groups.add"} == set(takers)
    values = {"name": "x", "url": "https://example.com/feed", "id": 1, "accounts": []}
    for name, kind in takers.items():
        fields = {field: values[field] for field in kind.__struct_fields__ if field in values}
        with pytest.raises(msgspec.ValidationError, match=r"length >= 1 - at `\$.accounts`"):
            msgspec.convert(fields, kind)
        assert msgspec.convert({**fields, "accounts": ["alice.test"]}, kind), name


def unbounded(kind: info.Type, place: str) -> Iterator[str]:
    """Where a type takes a text, a list or a map of any length."""
    if isinstance(kind, info.Metadata):
        yield from unbounded(kind.type, place)
    elif isinstance(kind, info.StructType):
        for field in kind.fields:
            yield from unbounded(field.type, f"{place}.{field.encode_name}")
    elif isinstance(kind, info.UnionType):
        for one in kind.types:
            yield from unbounded(one, place)
    elif isinstance(kind, info.StrType | info.ListType | info.DictType):
        yield from [place] if kind.max_length is None else []
        inside = (getattr(kind, name, None) for name in ("item_type", "key_type", "value_type"))
        for one in filter(None, inside):
            yield from unbounded(one, f"{place}[]")
    else:
        bounded = info.IntType | info.BoolType | info.NoneType | info.LiteralType
        yield from [] if isinstance(kind, bounded) else [f"{place}: {kind}"]


def test_nothing_that_an_operation_takes_has_no_end() -> None:
    """Nobody sends a list of 200,000 tags to be looked at; each text, list and map says how long it may be."""
    assert [] == [place for row in OPERATIONS.values() for place in unbounded(info.type_info(row.input), row.name)]
