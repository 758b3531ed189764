"""Rows that child processes check: the same posts, warnings and errors as without them."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from skywrite.app import Skywrite
from skywrite.app.reports import RowReport
from skywrite.app.rows import Rows
from skywrite.core.contained import Contained
from skywrite.core.errors import TemporaryError
from skywrite.features.tables import importing, row_checks
from skywrite.features.tables.row_checks import Terms, check_rows, children_for
from skywrite.queue.model import STATES
from tests.support.world import NOON, World

Row = dict[str, Any]
ALONE: list[Row] = [
    {"text": "Plain words."},
    {"text": "Notes on [the figures](https://example.com/a) #numbers", "card": "none", "langs": ["en"]},
    {"text": "Unshortened: https://example.com/a/long/path/to/the/figures", "card": "none", "shorten": False},
    {"text": "One.", "thread": ["Two.", "Three."], "replies": ["nobody"], "quotes": False},
    {"text": "word " * 90, "split": True, "numbering": "1/n"},
    {"text": "With a key.", "key": "mine", "late": "skip:30m"},
    {"text": "No time yet.", "draft": True},
    {"text": "Accents: naïve café 🎉", "tags": ["one", "two"], "labels": ["!warn"]},
    {"text": "When the clocks go back.", "at": "2027-10-31 02:30 Europe/Berlin"},
    {"text": "Somewhere else.", "at": "2027-01-05 09:00", "account": "bob.test"},
]
NOT_ALONE: list[Row] = [
    {"text": "Half a letter: \ud83d"},
    {"text": "Half a tag.", "tags": ["one", "\ud83d"]},
    {"text": "Hello @bob.test"},
    {"text": "Read https://example.com/page"},
    {"text": "A picture.", "images": ["sun.png"]},
    {"text": "Whenever there is a slot.", "at": None},
    {"text": "x" * 301},
    {"text": "No such field.", "colour": "red"},
    {"text": "No such account.", "account": "nobody.test"},
    {"text": "No such time.", "at": "the day after never"},
]


ROWS = [
    row if "at" in row or row.get("draft") else {**row, "at": f"2027-01-05 10:{minute:02d}"}
    for minute, row in enumerate([*ALONE, *NOT_ALONE])
]


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them, however few the rows and the processors are."""
    monkeypatch.setattr(importing, "children_for", lambda rows: 2)
    monkeypatch.setattr(row_checks, "CHUNK_ROWS", 3)


@pytest.fixture
def both(world: World, sky: Skywrite) -> Skywrite:
    """A process where alice.test (who comes first) and bob.test are signed in."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    return sky


def told(sky: Skywrite, reports: list[RowReport]) -> list[Any]:
    """What was stored and said for each row, apart from the numbers."""
    posts = {post.id: post for post in sky.context.store.listing.posts(STATES, limit=1_000)}
    done: list[Any] = []
    for report in reports:
        error = (report.error.code, report.error.message) if report.error else None
        warnings = [warning.as_dict() for warning in report.warnings]
        post = posts.get(report.id or 0)
        if post is None:
            done.append((report.row, error, warnings))
            continue
        # The name of the file is in front of the keys that are made of rows.
        key = (post.key or "").removeprefix(f"{post.source}:")
        late = (post.late_policy, post.late_seconds)
        done.append((report.row, warnings, post.account_did, post.draft, post.prepared, post.due_at, key, late))
    return done


def imported(sky: Skywrite, name: str) -> list[Any]:
    """What the import of a file with all rows does; then it is undone, so that another may follow."""
    reports = sky.transfer.import_rows(ROWS, partial=True, name=name)
    done = told(sky, reports)
    for report in reports:
        if report.id is not None:
            sky.posts.cancel(report.id)
    return done


def test_children_change_nothing_but_the_time_that_an_import_takes(
    both: Skywrite, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """What is stored, warned of and refused is the same; what needs more than the row is left to the import."""
    expected = imported(both, "first.csv")
    request.getfixturevalue("children")
    here: list[str] = []
    accept = Rows.accept

    def noted(self: Rows, row: Any, **options: Any) -> Any:
        here.append(row["text"])
        return accept(self, row, **options)

    monkeypatch.setattr(Rows, "accept", noted)
    assert expected == imported(both, "other.csv")
    assert [row["text"] for row in NOT_ALONE] == here


def test_a_child_answers_only_for_rows_that_need_nothing_else(both: Skywrite) -> None:
    """A name to look up, a page to open, a slot to take, an error to tell: all that is the import's."""
    known = [(account.handle, account) for account in both.accounts.list()]
    zones = {account.did: "UTC" for _, account in known}
    terms = Terms([(None, known[0][1]), *known], zones, None, NOON, None)
    checked = check_rows(ROWS, terms)
    assert [True] * len(ALONE) == [row is not None for row in checked[: len(ALONE)]]
    # A child is never shown rows with files.
    left = [place for place, row in enumerate(ROWS) if place >= len(ALONE) and "images" not in row]
    assert [None] * len(left) == [checked[place] for place in left]


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize(
    "error", [TemporaryError("No more processes.", code="reader.unavailable"), RuntimeError("can't start new thread")]
)
def test_an_import_needs_no_children(both: Skywrite, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Where none can be started, the import checks all rows itself."""

    def unavailable(*arguments: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Contained, "call", unavailable)
    reports = both.transfer.import_rows(ROWS[: len(ALONE)])
    assert [None] * len(ALONE) == [report.error for report in reports]
    assert [row["text"] for row in ALONE] == [report.draft["text"] for report in reports]


def test_only_large_imports_start_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each processor and three thousand rows, up to four; a single one would only be a detour."""
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    assert [0, 0, 2, 3, 4] == [children_for(rows) for rows in (10, 5_999, 6_000, 10_000, 100_000)]
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert 0 == children_for(100_000)
