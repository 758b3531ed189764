"""The names that scripts and interfaces call: they stay."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite import Skywrite

NOUNS = {
    "accounts": "get list login logout reset server_for set set_default set_slots slots",
    "approvals": "approve approve_recurrence is_wanted list look look_at_recurrence reject reject_recurrence",
    "commands": "add list remove run try_run",
    "drafts": "pull",
    "feeds": "add check check_due edit get items list opml preview read_opml remove",
    "folders": "sync",
    "follow_ups": "add cancel get list",
    "inbox": "answer answer_by collect done get list snooze talks waiting",
    "notices": "add_command add_email list remove test",
    "posts": "cancel count_due delete each each_finished edit forecast get history hold last_published list move "
    "preview publish receipt release retry schedule send undo",
    "recurrences": "edit get list next_times skip_or_move status stop",
    "reposts": "cancel list pin repost unpin",
    "stats": "csv groups marks of report total zone",
    "transfer": "backup export_rows import_rows post_rows read_table remember",
}
FLAT = "call close every on_reply post run rotate_key run_once schedule worker"
CONTEXT = "clock config oauth store"
# Name before there were nouns -> where it lives now.
OLD = {
    "account": "accounts.get",
    "login": "accounts.login",
    "logout": "accounts.logout",
    "set": "accounts.set",
    "set_default": "accounts.set_default",
    "slots": "accounts.slots",
    "set_slots": "accounts.set_slots",
    "queue": "posts.list",
    "history": "posts.history",
    "show": "posts.get",
    "preview": "posts.preview",
    "send": "posts.send",
    "edit": "posts.edit",
    "move": "posts.move",
    "cancel": "posts.cancel",
    "hold": "posts.hold",
    "release": "posts.release",
    "retry": "posts.retry",
    "delete": "posts.delete",
    "undo": "posts.undo",
    "due_unpublished": "posts.count_due",
    "stop_recurrence": "recurrences.stop",
    "change_occurrence": "recurrences.skip_or_move",
    "add_feed": "feeds.add",
    "feed": "feeds.get",
    "feed_items": "feeds.items",
    "edit_feed": "feeds.edit",
    "remove_feed": "feeds.remove",
    "check_feed": "feeds.check",
    "check_due_feeds": "feeds.check_due",
    "preview_feed": "feeds.preview",
    "sync_folder": "folders.sync",
    "pull_drafts": "drafts.pull",
    "add_watch": "commands.add",
    "watches": "commands.list",
    "remove_watch": "commands.remove",
    "try_watch": "commands.try_run",
    "run_watch": "commands.run",
    "import_rows": "transfer.import_rows",
    "post_rows": "transfer.post_rows",
    "export_rows": "transfer.export_rows",
    "backup": "transfer.backup",
}


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Skywrite]:
    """A queue that nothing was done with."""
    with Skywrite(str(tmp_path / "skywrite.db")) as sky:
        yield sky


def public(value: object) -> list[str]:
    """The public names of an object."""
    return sorted(name for name in dir(value) if not name.startswith("_"))


def test_every_public_name_is_listed_here(bare: Skywrite) -> None:
    """What is added is added on purpose, and nothing that was there goes away."""
    assert sorted([*NOUNS, *FLAT.split(), *OLD, *CONTEXT.split(), "context"]) == public(bare)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_has_these_operations(bare: Skywrite, noun: str) -> None:
    """Every one of them says what it does."""
    found = getattr(bare, noun)
    assert (NOUNS[noun].split(), []) == (
        public(found),
        [name for name in public(found) if not inspect.getdoc(getattr(found, name))],
    )


@pytest.mark.parametrize("name", OLD)
def test_an_old_name_is_the_method_of_a_noun(bare: Skywrite, name: str) -> None:
    """Scripts that were written before there were nouns go on."""
    noun, _, method = OLD[name].partition(".")
    assert getattr(getattr(bare, noun), method) == getattr(bare, name)


@pytest.mark.parametrize("noun", ["accounts", "feeds", "recurrences"])
def test_lists_that_were_methods_can_be_called(bare: Skywrite, noun: str) -> None:
    """`sky.feeds()` is `sky.feeds.list()`."""
    assert ([], []) == (getattr(bare, noun)(), getattr(bare, noun).list())
