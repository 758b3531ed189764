"""The names that scripts and interfaces call: they stay."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite import Skywrite

NOUNS = {
    "accounts": "get list login logout reset server_for set set_default set_slots slots",
    "answers": "list pause rehearse resume try_text",
    "approvals": "approve approve_recurrence is_wanted list look look_at_recurrence reject reject_recurrence",
    "bots": "off on status",
    "bulk": "approve cancel copy shift",
    "commands": "add list remove run try_run",
    "drafts": "pull",
    "feeds": "add check check_due edit get items list opml preview read_opml remove",
    "folders": "sync",
    "follow_ups": "add cancel get list",
    "groups": "add cancel get move",
    "hooks": "add believe edit get list remove replace_secret take test",
    "inbox": "answer answer_by collect done drop_stale get hidden list snooze take_back talks waiting",
    "notices": "add_command add_email list remove test",
    "posts": "cancel count count_due delete each each_finished edit forecast get history hold last_published list move "
    "preview publish receipt release retry schedule send undo",
    "recurrences": "edit get list next_times skip_or_move status stop",
    "reposts": "cancel list pin repost unpin",
    "snippets": "add get list remove",
    "stats": "csv groups marks of report total zone",
    "ways": "add_command add_text add_webhook answered get list pause remove resume",
    "transfer": "backup export_rows import_rows post_rows read_table remember",
}
FLAT = (
    "call close command context every oauth on_mention on_quote on_reply post run rotate_key run_once schedule worker"
)


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
    assert sorted([*NOUNS, *FLAT.split()]) == public(bare)


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_has_these_operations(bare: Skywrite, noun: str) -> None:
    """Every one of them says what it does."""
    service = getattr(bare, noun)
    assert (NOUNS[noun].split(), []) == (
        public(service),
        [name for name in public(service) if not inspect.getdoc(getattr(service, name))],
    )
