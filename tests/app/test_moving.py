"""Moving in and out: all or nothing, in order, and back again as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError
from skywrite.posting.publish.decide import Decider
from skywrite.posting.publish.publisher import LEASE_SECONDS
from skywrite.protocol.fetch.card import Card
from skywrite.queue.model import STATES, Slot
from tests.support.claims import claim_next
from tests.support.media import media_of
from tests.support.world import NOON, World

ROWS = [{"text": f"Row {number}", "at": f"2027-01-05T09:0{number}:00Z"} for number in range(3)]


def rest(sky: Skywrite) -> list[dict[str, Any]]:
    """What the queue says of each post, without numbers and moments of storing."""
    return [
        {
            "state": post.state,
            "due_at": post.due_at,
            "key": post.key,
            "late": (post.late_policy, post.late_seconds),
            "prepared": post.prepared,
        }
        for post in sorted(
            sky.context.store.listing.posts(STATES, limit=1000), key=lambda post: (str(post.due_at), post.text)
        )
    ]


def test_all_or_nothing(sky: Skywrite) -> None:
    """One wrong row stops the import; each row's report says what it is about."""
    reports = sky.transfer.import_rows([ROWS[0], {"text": "x" * 301, "at": "2027-01-05T09:00:00Z"}, ROWS[2]])
    assert ([None, "text.too_long", None], [None] * 3) == (
        [report.error and report.error.code for report in reports],
        [report.id for report in reports],
    )
    assert [] == sky.context.store.listing.posts()


def test_the_good_ones_where_they_are_wished(sky: Skywrite) -> None:
    """The others are reported."""
    reports = sky.transfer.import_rows([ROWS[0], {"text": "x", "at": "yesterday"}, ROWS[2]], partial=True)
    assert [True, False, True] == [report.id is not None for report in reports]
    assert ["Row 0", "Row 2"] == [post.text for post in sky.context.store.listing.posts()]


def test_files_outside_of_the_root_are_refused(sky: Skywrite, image: Callable[..., str], tmp_path: Path) -> None:
    """Rows that others wrote name files of one folder only: no dots, no links, no thread, caption or pool leads out."""
    root = tmp_path / "root"
    root.mkdir()
    secret = image()
    (root / "link.png").symlink_to(secret)
    at = "2027-01-05T09:00:00Z"
    rows: list[dict[str, Any]] = [
        {"text": "a", "images": [secret], "at": at},
        {"text": "b", "images": [{"path": "link.png", "alt": "x"}], "at": at},
        {"text": "c", "images": ["../x.png"], "at": at},
        {"text": "d", "thread": [{"text": "e", "images": [secret]}], "at": at},
        {"text": "f", "video": {"path": "v.mp4", "captions": [{"lang": "en", "path": "/etc/passwd"}]}, "at": at},
        {"pool": [{"text": "g", "images": [secret]}], "every": "daily 9:00"},
    ]
    reports = sky.transfer.import_rows(rows, base=root, root=root, partial=True)
    assert ["file.outside"] * 6 == [report.error and report.error.code for report in reports]


def test_a_file_inside_of_the_root_is_taken(sky: Skywrite, image: Callable[..., str], tmp_path: Path) -> None:
    """The folder itself is open, whatever its path looks like."""
    row = {"text": "a", "images": [{"path": image(), "alt": "x"}], "at": "2027-01-05T09:00:00Z"}
    assert [None] == [report.error for report in sky.transfer.import_rows([row], root=tmp_path / ".." / tmp_path.name)]


def test_nothing_is_stored_by_a_dry_run(sky: Skywrite, image: Callable[..., str]) -> None:
    """Not even an image."""
    reports = sky.transfer.import_rows([{"text": "x", "images": [image()], "at": "2027-01-05T09:00:00Z"}], dry_run=True)
    cid = (
        sky._drafting.prepare(sky._drafting.draft(sky.accounts.get(), {"images": [image()]}), sky.accounts.get())
        .prepared.blobs[0]
        .cid
    )
    assert ([], None, None) == (sky.context.store.listing.posts(), sky.context.store.media.info(cid), reports[0].error)


def test_a_key_is_imported_once(sky: Skywrite) -> None:
    """An import that was interrupted may be made again."""
    rows = [{**row, "key": str(number)} for number, row in enumerate(ROWS)]
    sky.transfer.import_rows(rows[:2])
    assert [True, True, False] == [report.existed for report in sky.transfer.import_rows(rows)]
    assert 3 == len(sky.context.store.listing.posts())


def test_rows_without_a_time_take_slots_in_their_order(sky: Skywrite) -> None:
    """After those that are taken; a slot is given once, also where jitter moves its post."""
    sky.accounts.set_slots(None, [Slot(day, 18 * 60, "UTC") for day in range(7)])
    sky.schedule("taken", jitter="30m")
    reports = sky.transfer.import_rows([{"text": str(number), "jitter": "30m"} for number in range(3)])
    days = [post.due_at.date() for post in sky.context.store.listing.posts() if post.due_at]
    assert [NOON.date() + timedelta(days=day) for day in range(4)] == days
    assert ["taken", "0", "1", "2"] == [post.text for post in sky.context.store.listing.posts()]
    assert all(report.error is None for report in reports)


def test_clashes_within_the_rows_are_reported(sky: Skywrite) -> None:
    """The same text, the same minute, here and in the queue."""
    sky.schedule("Old", at="2027-01-05T09:01:30Z")
    reports = sky.transfer.import_rows(
        [*ROWS, {"text": "Row 0", "at": "2027-01-05T09:02:30Z"}, {**ROWS[0], "text": "Old"}]
    )
    assert [
        (),
        ("Post 1 goes out in the same minute.",),
        (),
        ("The same text is in row 1.", "Row 3 goes out in the same minute."),
        ("Row 1 goes out in the same minute.", "The same text is in post 1 (scheduled)."),
    ] == [report.warnings for report in reports]


def test_out_and_in_again(
    world: World, sky: Skywrite, image: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Media, threads, cards with their images, gates, keys, policies: the other database says the same."""
    thumb = Path(image("thumb.png", "green")).read_bytes()
    monkeypatch.setattr(
        "skywrite.protocol.fetch.card.fetch_card", lambda fetcher, url, **_: Card(url, "Title", "About", image=thumb)
    )
    begun = sky.post("Begin").uri
    sky.schedule("Image", at="in 1 hour", images=[{"path": image(), "alt": "Red"}], key="a", late="skip:9h")
    sky.schedule("Card https://a.test", at="in 2 hours", labels=["graphic-media"], langs=["de"], tags=["x"])
    sky.schedule("Thread", at="in 3 hours", thread=[{"text": "two", "images": [(image("b.png", "blue"), "Blue")]}])
    sky.schedule("Gates", at="in 4 hours", replies=["mentioned"], quotes=False, late="publish")
    sky.schedule("Answer", at="in 5 hours", reply_to=begun)
    sky.schedule("Quote", at="in 6 hours", quote=begun, markdown=False)
    sky.schedule("Some day", draft=True)
    folder = tmp_path / "out"
    rows = [json.loads(json.dumps(row)) for row in sky.transfer.export_rows(media_folder=folder / "media", base=folder)]
    expected = [row for row in rest(sky) if row["state"] != "published"]
    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", None)
    other = world.process(str(tmp_path / "other.db"))
    other.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    reports = other.transfer.import_rows(rows, base=folder)
    assert [None] * 7 == [report.error for report in reports]
    assert expected == rest(other)
    world.clock.advance(7 * 3600)
    other.run_once()
    assert 8 == len(world.texts())


def test_what_may_be_on_the_network_is_not_exported(world: World, sky: Skywrite) -> None:
    """Elsewhere it would go out a second time. What is overdue or held becomes a draft."""
    sky.schedule("In doubt", at="now")
    assert claim_next(sky.context.store, "elsewhere/1/a", LEASE_SECONDS, Decider())
    sky.schedule("Held", at="in 1 hour")
    sky.schedule("Overdue", at="in 1 minute")
    sky.posts.hold(2)
    world.clock.advance(LEASE_SECONDS + 1)
    for claim in [claim_next(sky.context.store, "here/1/b", LEASE_SECONDS, Decider())]:
        assert claim is not None
        sky.context.store.claims.release(claim)
    rows = sorted((row["text"], row.get("at"), row.get("draft")) for row in sky.transfer.export_rows())
    assert [("Held", None, True), ("Overdue", None, True)] == rows


@pytest.mark.parametrize(
    "row", [{"draft": True, "at": "tomorrow 9:00"}, {"draft": "maybe"}, {"late": 5}, {"key": ["k"]}]
)
def test_rows_that_make_no_sense(sky: Skywrite, row: dict[str, Any]) -> None:
    """Are refused with their reason."""
    report = sky.transfer.import_rows([{"text": "x", "at": "tomorrow 9:00", **row}])[0]
    assert report.error is not None
    assert "draft.invalid" == report.error.code


def test_a_card_that_is_given_whole(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """Its image is a file like any other; no page is asked."""
    card = {"url": "https://a.test", "title": "Mine", "thumb": {"path": image()}}
    sky.post("x", card=card)
    external = world.records()[0]["embed"]["external"]
    assert ("Mine", "image/png") == (external["title"], external["thumb"]["mimeType"])


def test_media_that_nothing_needs_are_dropped(world: World, sky: Skywrite, image: Callable[..., str]) -> None:
    """A day after they were stored for posts that never came; those of posts that wait stay."""
    sky.schedule("Stays", at="in 9 days", images=[(image("a.png", "red"), "Red")])
    ready = sky._drafting.prepare(
        sky._drafting.draft(sky.accounts.get(), {"images": [image("b.png", "blue")]}), sky.accounts.get()
    )
    sky._drafting.keep_media([ready])
    cid = ready.prepared.blobs[0].cid
    sky.run_once()
    world.clock.advance(23 * 3600)
    sky.run_once()
    assert None is not sky.context.store.media.info(cid)
    world.clock.advance(26 * 3600)
    sky.run_once()
    assert (None, 1) == (sky.context.store.media.info(cid), len(media_of(sky.context.store, 1)))


RULE = {
    "every": "weekdays 9:00",
    "zone": "Europe/Berlin",
    "until": "2027-06-01T00:00:00+00:00",
    "pool": ["Good morning", {"text": "Hello", "langs": ["en"]}],
    "late": "skip:1800s",
    "jitter": "60s",
}


def rules(sky: Skywrite) -> list[tuple[Any, ...]]:
    """What is known of each rule, without numbers and moments of storing."""
    return [
        (rule.rule, rule.zone, rule.until, rule.starts_at, rule.exceptions, rule.pool, rule.draft, rule.late_seconds)
        for rule in sky.recurrences.list()
    ]


def test_a_row_may_be_a_rule(sky: Skywrite) -> None:
    """Its first post waits, and is counted with the others."""
    reports = sky.transfer.import_rows([ROWS[0], RULE])
    assert ([None, 1], [None, None]) == (
        [report.recurrence_id for report in reports],
        [report.error for report in reports],
    )
    first = sky.context.store.posts.get(reports[1].id or 0)
    assert ("Good morning", 1, ("skip", 1800)) == (
        first.text,
        first.recurrence_id,
        (first.late_policy, first.late_seconds),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"every": "never"},
        {**RULE, "pool": ["x" * 301]},
        {**RULE, "key": "once"},
        {**RULE, "draft": True},
        {**RULE, "until": "2020-01-01T00:00:00Z"},
        {**RULE, "exceptions": {"soon": None}},
        {"text": "x", "at": "2027-01-05T09:00:00Z", "until": "2027-06-01T00:00:00Z"},
        {"text": "x", "at": "2027-01-05T09:00:00Z", "zone": "Europe/Berlin"},
    ],
)
def test_a_wrong_rule_stops_the_import(sky: Skywrite, wrong: dict[str, Any]) -> None:
    """Neither posts nor rules are stored, as with any wrong row."""
    reports = sky.transfer.import_rows([ROWS[0], RULE, {"text": "x", **wrong}])
    assert [False, False, True] == [report.error is not None for report in reports]
    assert ([], []) == (sky.context.store.listing.posts(), sky.recurrences.list())


def test_a_rule_comes_out_as_it_went_in(sky: Skywrite, world: World, image: Callable[..., str]) -> None:
    """With its pool, its images, and the occurrences that were moved and left out."""
    sky.transfer.import_rows(
        [{**RULE, "pool": [{"text": "Sun", "images": [image()]}, "Moon"]}, {**ROWS[0], "every": "@daily"}]
    )
    sky.recurrences.skip_or_move(1, "2026-12-24T08:00:00Z", None)
    sky.recurrences.skip_or_move(1, "2026-12-25T08:00:00Z", "2026-12-25T10:00:00Z")
    rows = json.loads(json.dumps(list(sky.transfer.export_rows(media_folder=world.home / "media"))))
    other = world.process(str(world.home / "other.db"))
    other.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    assert [None, None] == [report.error for report in other.transfer.import_rows(rows)]
    assert (2, rules(sky)) == (len(rows), rules(other))
    assert [None, "2026-12-25T10:00:00+00:00"] == list(other.recurrences.list()[0].exceptions.values())


def moved_house(world: World, sky: Skywrite) -> Skywrite:
    """Another database with what was exported; nothing may be wrong with it."""
    rows = json.loads(json.dumps(list(sky.transfer.export_rows())))
    other = world.process(str(world.home / "other.db"))
    other.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    assert [None] * len(rows) == [report.error for report in other.transfer.import_rows(rows)]
    return other


def waiting(sky: Skywrite) -> list[tuple[str, datetime | None]]:
    """The posts that wait, with their times."""
    return [(post.text, post.due_at) for post in sky.context.store.listing.posts(("scheduled",))]


def test_a_rule_that_began_long_ago_goes_on_elsewhere(world: World, sky: Skywrite) -> None:
    """It keeps its start, from which its weeks are counted."""
    sky.schedule("Fortnight", every="every 2 weeks 9:00", at=NOON + timedelta(hours=1), zone="UTC")
    world.clock.advance(3 * 86_400)
    other = moved_house(world, sky)
    assert (rules(sky), waiting(sky)) == (rules(other), waiting(other))


@pytest.mark.parametrize("at", ["yesterday 9:00", "2020-01-01"])
def test_a_start_that_is_not_written_out_is_to_come(sky: Skywrite, at: str) -> None:
    """Only a whole moment of the past is surely meant."""
    with pytest.raises(InputError):
        sky.schedule("x", every="daily 9:00", at=at)


def test_an_occurrence_moved_out_of_the_past_is_kept(world: World, sky: Skywrite) -> None:
    """It goes out elsewhere at the time that it was given, beside those of its rule, and none twice."""
    sky.schedule("x", every="daily 13:00", zone="UTC")
    sky.recurrences.skip_or_move(1, NOON + timedelta(hours=1), NOON + timedelta(hours=30))
    world.clock.advance(2 * 3600)
    sky.run_once()
    other = moved_house(world, sky)
    times = [NOON + timedelta(hours=25), NOON + timedelta(hours=30)]
    assert ([("x", at) for at in times], waiting(sky)) == (waiting(other), waiting(other))


def test_the_last_post_of_a_rule_that_is_over_is_kept(world: World, sky: Skywrite) -> None:
    """Its rule makes none any more, so it is a post like any other."""
    sky.schedule("x", every="daily 13:00", until=NOON + timedelta(hours=2), zone="UTC")
    sky.recurrences.skip_or_move(1, NOON + timedelta(hours=1), NOON + timedelta(hours=30))
    world.clock.advance(3 * 3600)
    other = moved_house(world, sky)
    assert ([], [("x", NOON + timedelta(hours=30))]) == (rules(other), waiting(other))


def test_the_same_texts_in_the_queue_are_reported(sky: Skywrite) -> None:
    """For every row, though they are looked up together; a text that is only similar is none."""
    sky.transfer.import_rows(ROWS)
    reports = sky.transfer.import_rows(
        [{"text": text, "at": "2027-02-01T09:00:00Z"} for text in ("Row 1", "row 1", "Row 2")]
    )
    assert [["The same text is in post 2 (scheduled)."], [], ["The same text is in post 3 (scheduled)."]] == [
        [warning for warning in report.warnings if "queue" not in warning and "minute" not in warning]
        for report in reports
    ]


def test_a_pool_goes_on_with_the_one_whose_turn_it_is(sky: Skywrite, world: World) -> None:
    """Where it is imported, the text that was to come next comes first, and the others follow in their order."""
    sky.schedule("", every="daily 13:00", pool=["one", "two", "three"], zone="UTC")
    world.clock.advance(2 * 3600)
    sky.run_once()
    (row,) = sky.transfer.export_rows()
    assert (["one"], ["two", "three", "one"]) == (world.texts(), [draft["text"] for draft in row["pool"]])
