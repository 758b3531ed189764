"""Importing a file: again without doubles, around its own times, with one order of dates, and as a plan."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.drafting import Drafting
from skywrite.core.errors import InputError
from skywrite.features.tables.plan import plan_of
from skywrite.posting.schedule.times import AmbiguousTime
from skywrite.queue.model import Slot
from tests.support.world import NOON, World

AT = "2027-01-05T09:00:00Z"
ROWS: list[dict[str, Any]] = [
    {"text": "One", "at": AT},
    {"text": "Two", "at": "2027-01-06T09:00:00Z", "key": "mine"},
    {"text": "Same"},
    {"text": "Same"},
    {"text": "Weekly", "every": "mon 9:00"},
    {"text": "Idea", "draft": True},
]


@pytest.fixture
def slots(sky: Skywrite) -> None:
    """Slots every day at 13:00, 14:00 and 15:00 UTC."""
    sky.context.store.recurrences.set_slots(
        sky.accounts.list()[0].did, [Slot(day, hour * 60, "UTC") for day in range(7) for hour in (13, 14, 15)]
    )


def texts(sky: Skywrite) -> list[str]:
    """What waits, by time."""
    return [entry.post.text for entry in sky.posts.list(states=("scheduled", "draft"))]


@pytest.mark.usefixtures("slots")
def test_a_file_that_is_imported_again_queues_nothing_twice(sky: Skywrite) -> None:
    """Rows are known by what they say, in any order; what is new in the file is queued, in the first free slot."""
    sky.transfer.import_rows(ROWS, name="plan.csv")
    before = sorted(texts(sky))
    again = [ROWS[2], {"text": "New"}, *ROWS[:2], *ROWS[3:]]
    reports = sky.transfer.import_rows(again, name="plan.csv")
    assert [True, False, True, True, True, True, True] == [report.existed for report in reports]
    assert sorted([*before, "New"]) == sorted(texts(sky))
    new = next(entry.post for entry in sky.posts.list() if entry.post.text == "New")
    assert NOON.replace(hour=15) == new.due_at
    assert 1 == len(sky.context.store.recurrences.all())


def test_one_key_is_for_one_row(sky: Skywrite) -> None:
    """Two rows with the same key are an error where they differ; a row that was changed since is reported."""
    row = {"text": "One", "at": AT, "key": "k"}
    reports = sky.transfer.import_rows([row, {**row, "text": "Two"}])
    assert [None, "post_key.reused"] == [report.error and report.error.code for report in reports]
    assert [] == texts(sky)
    assert [False, True] == [report.existed for report in sky.transfer.import_rows([row, row])]
    assert ["One"] == texts(sky)
    [changed] = sky.transfer.import_rows([{**row, "text": "Changed"}])
    assert [True, ["KeyUsed"]] == [changed.existed, [warning.name for warning in changed.warnings]]
    assert ["One"] == texts(sky)


def test_any_file_name_will_do(sky: Skywrite) -> None:
    """A name with characters that no text may hold names its rows all the same."""
    for existed in (False, True):
        (report,) = sky.transfer.import_rows(ROWS[:1], name="a\udcff\n.csv")
        assert (existed, None) == (report.existed, report.error)


def test_what_was_cancelled_may_come_again(sky: Skywrite) -> None:
    """A row whose post was taken back is queued by the next import, as often as that happens, and exported without
    a key that only its file understands."""
    for _ in range(3):
        (report,) = sky.transfer.import_rows(ROWS[:1], name="plan.csv")
        assert (False, ["One"]) == (report.existed, texts(sky))
        (again,) = sky.transfer.import_rows(ROWS[:1], name="plan.csv")
        assert (True, report.id) == (again.existed, again.id)
        assert [None] == [row.get("key") for row in sky.transfer.export_rows()]
        sky.posts.cancel(report.id)


@pytest.mark.usefixtures("slots")
def test_what_was_brought_before_shows_in_a_dry_run(sky: Skywrite) -> None:
    """The plan of a file that was imported says what is there already, and stores nothing."""
    sky.transfer.import_rows(ROWS, name="plan.csv")
    plan = plan_of(sky.transfer.import_rows([*ROWS, {"text": "New"}], name="plan.csv", dry_run=True))
    fresh = [post.text for day in plan.days for post in day.posts if not post.existed]
    # A key of its own is looked at when it is stored.
    assert ["New", "Two"] == sorted(fresh)


@pytest.mark.usefixtures("slots")
def test_again_and_other_files_queue_anew(sky: Skywrite) -> None:
    """`again`, another file, and rows without a file are queued as often as they are given."""
    for options in ({"name": "a.csv"}, {"name": "a.csv", "again": True}, {"name": "b.csv"}, {}, {}):
        sky.transfer.import_rows([ROWS[0], ROWS[4]], **options)
    assert ["One"] * 5 == [text for text in texts(sky) if text == "One"]
    assert 5 == len(sky.context.store.recurrences.all())
    assert {"import:a.csv", "import:b.csv", "import"} == {entry.post.source for entry in sky.posts.list()}


def test_a_row_that_is_there_is_not_prepared_again(sky: Skywrite, image: Callable[..., str]) -> None:
    """The images of rows that an earlier import has brought are not read once more."""
    path = image("a.png")
    row = {"text": "x", "at": AT, "images": [{"path": path, "alt": "A"}]}
    sky.transfer.import_rows([row], name="plan.csv")
    Path(path).unlink()
    (report,) = sky.transfer.import_rows([row], name="plan.csv")
    assert (True, None, datetime(2027, 1, 5, 9, tzinfo=UTC)) == (report.existed, report.error, report.due_at)


@pytest.mark.usefixtures("slots")
def test_slots_are_planned_around_the_times_of_the_file(sky: Skywrite) -> None:
    """A row without a time takes no slot in which another row of the file goes out, wherever that stands."""
    rows = [{"text": "first"}, {"text": "second"}, {"text": "fixed", "at": "2026-11-24T13:00:20Z"}]
    reports = sky.transfer.import_rows(rows)
    assert ["14", "15", "13"] == [str(report.due_at)[11:13] for report in reports]
    assert [()] * 3 == [report.warnings for report in reports]


def test_the_order_of_dates_is_given_or_asked_for(sky: Skywrite) -> None:
    """A column of numbers is refused where a date is open; the order that fits all of them is proposed, or given."""
    rows = [{"text": day, "at": f"{day}-03-2027 10:00"} for day in ("01", "02", "31")]
    reports = sky.transfer.import_rows(rows)
    assert [AmbiguousTime, AmbiguousTime, type(None)] == [type(report.error) for report in reports]
    error = reports[0].error
    assert error is not None
    assert "with the day first" in error.hint
    assert "dmy" in error.hint
    reports = sky.transfer.import_rows(rows, dates="dmy")
    assert ["2027-03-01", "2027-03-02", "2027-03-31"] == [str(report.due_at)[:10] for report in reports]


def test_the_order_of_dates_is_asked_for_where_it_helps(sky: Skywrite) -> None:
    """Not where two times of day are meant: that error shows how to write each."""
    report = sky.transfer.import_rows([{"text": "One", "at": "fri 10:00-3:00"}])[0]
    assert 'Write "fri 10:00 UTC-3:00" or "fri 10:00".' == (report.error and report.error.hint)


def test_dates_that_fit_every_order_are_refused(sky: Skywrite) -> None:
    """Where all dates can be read both ways, nothing is proposed but the choice."""
    (report,) = sky.transfer.import_rows([{"text": "x", "at": "04/03/2027 10:00"}])
    assert isinstance(report.error, AmbiguousTime)
    assert ("dmy", "mdy") == report.error.orders
    assert report.error.hint.endswith("with the day first: dates=... dmy; with the month first: dates=... mdy")
    (report,) = sky.transfer.import_rows([{"text": "x", "at": "04/03/2027 10:00"}], dates="mdy")
    assert "2027-04-03" == str(report.due_at)[:10]
    with pytest.raises(InputError, match="dates cannot be 'ydm'"):
        sky.transfer.import_rows([], dates="ydm")  # type: ignore[arg-type]


def test_a_date_that_the_given_order_does_not_fit_is_wrong(sky: Skywrite) -> None:
    """With an order given, each date is read in it or refused."""
    (report,) = sky.transfer.import_rows([{"text": "x", "at": "03/25/2027 10:00"}], dates="dmy")
    assert report.error is not None


def test_a_surprise_in_one_row_stops_no_other(sky: Skywrite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in one row is its report; the good ones go in with `partial`."""
    rows = [
        {"text": "a", "at": AT, "images": [{"path": ["sun.png"]}]},
        {"text": "b", "at": AT, "reply_to": {"root": "x"}},
        {"text": "surprise", "at": AT},
        {"text": "good", "at": AT},
    ]
    prepare = Drafting.prepare

    def surprise(self: Any, draft: Any, *rest: Any, **options: Any) -> Any:
        if draft.text == "surprise":
            raise TypeError("x")
        return prepare(self, draft, *rest, **options)

    monkeypatch.setattr(Drafting, "prepare", surprise)
    reports = sky.transfer.import_rows(rows, partial=True)
    assert ["draft.invalid", "draft.invalid", "skywrite.bug", None] == [
        report.error.code if report.error else None for report in reports
    ]
    assert ["good"] == texts(sky)


def test_an_embed_of_ones_own_comes_out_as_it_went_in(sky: Skywrite) -> None:
    """Names such as cid and mime in a ready-made embed are no media of ours, and stop no export."""
    ref = {
        "cid": "bafkreigwbf7s7ixsuv7mwuzqo57jjrbqrn3tej4xd3qje6envwwrs6rf4u",
        "mime": "x",
        "uri": "at://did:web:a.example/b.c.d/e",
    }
    embed = {"$type": "app.bsky.embed.record", "record": ref}
    sky.transfer.import_rows([{"text": "x", "at": AT, "embed": embed}])
    (row,) = sky.transfer.export_rows()
    assert embed == row["embed"]


@pytest.mark.usefixtures("slots")
def test_a_plan_shows_days_and_sums_up(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """Posts by local day and time; what many rows have wrong or odd is said once, with their numbers."""
    sky.accounts.set("alice.test", {"zone": "Pacific/Auckland"})
    many = [{"text": f"Tip {number}", "at": "2027-01-05T09:00:00Z"} for number in range(5)]
    images = [image("a.png"), image("b.png")]
    rows = [
        *many,
        {"text": "x" * 301, "at": AT},
        {"text": "y" * 400, "at": AT},
        {
            "text": "Images",
            "at": "2027-01-04T20:00:00Z",
            "images": images,
            "thread": ["more"],
        },
        {"text": "Slot"},
        {"text": "Idea", "draft": True},
        {"text": "Weekly", "every": "mon 9:00", "zone": "UTC"},
    ]
    plan = plan_of(sky.transfer.import_rows(rows, dry_run=True))
    days = {day.day.isoformat(): [post.text for post in day.posts] for day in plan.days}
    assert {
        "2026-11-25": ["Slot"],
        "2026-11-30": ["Weekly"],
        "2027-01-05": ["Images", "Tip 0", "Tip 1", "Tip 2", "Tip 3", "Tip 4"],
    } == days
    images = plan.days[-1].posts[0]
    assert ("09:00", 2, 2, "alice.test") == (f"{images.at:%H:%M}", images.images, images.posts, images.account)
    assert ("mon 9:00", ["Idea"], 9) == (plan.days[1].posts[0].rule, [post.text for post in plan.undated], plan.posts)
    assert [(6, 7)] == [problem.rows for problem in plan.problems]
    remarks = {remark.message: remark.rows for remark in plan.remarks}
    assert {(2, 3, 4, 5), (8,)} == set(remarks.values())
    assert plan.as_dict()["days"][2]["posts"][0]["local"] == "2027-01-05T09:00:00+13:00"


def test_many_rows_of_one_minute_are_one_remark(sky: Skywrite) -> None:
    """Hundreds of rows that go out together are said once."""
    at = (NOON + timedelta(days=40)).isoformat()
    plan = plan_of(
        sky.transfer.import_rows([{"text": f"Row {number}", "at": at} for number in range(300)], dry_run=True)
    )
    assert [299] == [len(remark.rows) for remark in plan.remarks]


def test_rows_that_are_wrong_in_different_ways_are_told_apart(sky: Skywrite) -> None:
    """A date that does not exist and a misspelled word are not alike, though both are times; two such dates are."""
    times = ["31.02.2070 09:00", "tomorow", "30.02.2070 10:00"]
    plan = plan_of(sky.transfer.import_rows([{"text": "Hi", "at": at} for at in times], dry_run=True))
    assert [(1, 3), (2,)] == [problem.rows for problem in plan.problems]
