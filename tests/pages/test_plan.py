"""The plan: what pushes a post, what clashes, and how little is sent of a full year; and stored markup on every page.

These pages are rendered in this process, without a browser, from a queue that tests fill as they like.
"""

from __future__ import annotations

import gzip
import re
import sqlite3
from calendar import Calendar
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import expect
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.faces.server.app import make_app
from skywrite.faces.server.auth import COOKIE
from skywrite.faces.server.demo import demo_queue
from skywrite.faces.server.security import Origin
from skywrite.posting.publish.forecast import CAP, CATCH_UP, GAP, Pace, Push, pace_of, pushes
from skywrite.queue.people import People
from tests.pages.conftest import YEAR, Watched, wednesday
from tests.pages.test_pages import PATHS

MARKUP = '"><img src=x onerror=alert(1)>'
NOON = datetime(2027, 5, 12, 12, tzinfo=UTC)
SETTINGS: list[dict[str, int]] = [{"gap_seconds": 300}, {"catch_up_gap_seconds": 10}, {}]


@pytest.fixture(scope="module")
def sky() -> Iterator[Skywrite]:
    """A queue with a filled week."""
    with demo_queue() as queue:
        yield queue


@pytest.fixture(scope="module")
def pages(sky: Skywrite) -> Iterator[TestClient]:
    """The pages as the owner gets them."""
    people = People(sky.context.store)
    secret = people.begin_session(people.owner().id)
    client = TestClient(
        make_app(sky, Origin.of(None)), base_url="http://127.0.0.1", headers={"cookie": f"{COOKIE}={secret}"}
    )
    with client:
        yield client


def at(minutes: float) -> datetime:
    """Minutes from noon."""
    return NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("posts", "pace", "wanted"),
    [
        ([0, 10], Pace(300, 0, "UTC"), {}),
        ([0, 0, 1], Pace(300, 0, "UTC"), {1: Push(at(5), GAP), 2: Push(at(10), GAP)}),
        ([0, 60, 120], Pace(0, 2, "UTC"), {2: Push(datetime(2027, 5, 13, tzinfo=UTC), CAP)}),
        ([0, 60], Pace(0, 1, "Asia/Tokyo"), {1: Push(datetime(2027, 5, 12, 15, tzinfo=UTC), CAP)}),
        (
            [0, 60, 60],
            Pace(60, 1, "UTC"),
            {1: Push(datetime(2027, 5, 13, tzinfo=UTC), CAP), 2: Push(datetime(2027, 5, 14, tzinfo=UTC), CAP)},
        ),
    ],
)
def test_gap_and_cap_push_what_stands_too_close(posts: list[float], pace: Pace, wanted: dict[int, Push]) -> None:
    """In order of their times: each waits for the one before it, and the day for its midnight in the account's zone."""
    due_posts = [(number, at(minutes), False) for number, minutes in enumerate(posts)]
    assert wanted == pushes(due_posts, pace)


def test_what_is_out_counts_and_is_pushed_by_nothing() -> None:
    """A published post fills the day; the one that the account published before the days shown keeps its distance."""
    published = [(1, at(0), True), (2, at(0), True), (3, at(1), False)]
    assert {3: Push(datetime(2027, 5, 13, tzinfo=UTC), CAP)} == pushes(published, Pace(0, 2, "UTC"))
    assert {1: Push(at(4), GAP)} == pushes([(1, at(0), False)], Pace(300, 0, "UTC"), at(-1))


def test_overdue_posts_are_forecast_one_after_the_other() -> None:
    """From now on, with their own gap between them; posts on time are pushed by nothing."""
    due_posts = [(1, at(-90), False), (2, at(-60), False), (3, at(-30), False), (4, at(-1), False)]
    pace = Pace(0, 0, "UTC", 120)
    assert {2: Push(at(2), CATCH_UP), 3: Push(at(4), CATCH_UP)} == pushes(due_posts, pace, at(-600), at(0))
    assert Push(at(1), CATCH_UP) == pushes(due_posts, pace, at(-1), at(0))[1]
    assert [0, 10, 30] == [pace_of(settings, "UTC").catch_up_gap_seconds for settings in SETTINGS]


def test_the_plan_says_where_a_post_is_pushed(sky: Skywrite, pages: TestClient) -> None:
    """By the gap, and by the cap to another day; two posts of one minute are marked."""
    did, on = sky.accounts.list()[0].did, wednesday(2, 5)
    for clock, text in (("9:00", "First"), ("9:00", "Second"), ("9:03", "Third"), ("12:00", "Fourth")):
        sky.posts.schedule(text, at=f"{on} {clock}", account=did)
    sky.accounts.set(did, {"gap_seconds": None})
    assert 2 == pages.get(f"/?on={on}").text.count("in the same minute as another")
    sky.accounts.set(did, {"gap_seconds": 300, "max_per_day": 3})
    text = pages.get(f"/?on={on}").text
    sky.accounts.set(did, {"gap_seconds": 60, "max_per_day": None})
    notes = re.findall(r'class="push">([^<]+)<', text)
    assert [
        "goes out 09:05 because of the gap",
        "goes out 09:10 because of the gap",
        f"goes out Thu {on.day + 1} May, 00:00 because of the daily cap",
    ] == [item for item in notes if item.startswith("goes out")]


def test_a_full_day_is_folded_in_the_month(sky: Skywrite, pages: TestClient) -> None:
    """A cell shows five items, and how many more there are and need a look; all of them are in the page."""
    did, on = sky.accounts.list()[1].did, wednesday(3, 6)
    numbers = [
        sky.posts.schedule(f"Folded {clock}", at=f"{on} {clock}", account=did).post_id
        for clock in ("9:00", "10:00", "11:00", "12:00", "13:00", "14:00", "14:00", "15:00", "16:00")
    ]
    sky.posts.hold(numbers[-1])
    address = f"/?on={on}&account={sky.accounts.list()[1].handle}"
    cell, rest = day_of(on, pages.get(f"{address}&view=month").text).split("<details")
    assert (5, 4) == (cell.count("data-post="), rest.count("data-post="))
    assert "4 more<span>, 3 with a remark</span>" in rest
    for view in ("week", "agenda"):
        assert "<details" not in day_of(on, pages.get(f"{address}&view={view}").text)
    for number in numbers[6:]:
        sky.posts.move(number, f"{on + timedelta(days=1)} 9:00")
    assert "<details" not in day_of(on, pages.get(f"{address}&view=month").text), "one more is no shorter than the post"


def test_more_than_a_page_shows_is_said(sky: Skywrite, pages: TestClient) -> None:
    """An hourly recurrence is whole in a week; a month of it is too much for the page, which says so."""
    did = sky.accounts.list()[1].did
    number = sky.schedule("Every hour", every="30 * * * *", account=did).recurrence_id
    address = f"/?on={wednesday(2, 7)}&account={sky.accounts.list()[1].handle}"
    week, month = (pages.get(f"{address}&view={view}").text for view in ("week", "month"))
    sky.recurrences.stop(number)
    assert [(168, False), (200, True)] == [
        (text.count("item coming"), "There is more on these days than is shown" in text) for text in (week, month)
    ]


def day_of(on: date, text: str) -> str:
    """The part of a plan that shows a day."""
    return text.split(f'data-day="{on}"')[1].split("</section>")[0]


def test_a_folded_post_that_moves_is_unfolded_and_keeps_the_focus(tab: Watched) -> None:
    """In a full cell of the month, by keyboard: one sees where the post went, and can go on moving it."""
    on = wednesday(4, 6)
    for minute in range(8):
        answer = tab.api("POST", "/posts", {"text": "One of many", "at": f"{on} 10:0{minute}", "account": "bob.test"})
    page = tab.visit(f"/?view=month&on={on}&account=bob.test")
    page.get_by_text("3 more").click()
    post = page.locator(f"[data-post='{answer['id']}']")
    for hour in ("10:22", "10:37"):
        post.focus()
        page.keyboard.press("Alt+ArrowDown")
        expect(post).to_contain_text(hour)
        expect(post).to_be_focused()


def test_a_move_from_a_stale_plan_changes_nothing(tab: Watched) -> None:
    """The plan was changed in another window: it is said, and the post stays where the other one put it."""
    on = wednesday(3, 5)
    post = tab.api("POST", "/posts", {"text": "Pulled two ways", "at": f"{on} 10:00", "account": "alice.test"})
    page = tab.visit(f"/?on={on}")
    tab.api("POST", f"/posts/{post['id']}/move", {"at": f"{on + timedelta(days=1)} 11:00"})
    page.locator(f"[data-post='{post['id']}']").focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(page.get_by_role("alert")).to_contain_text("changed in another window")
    assert f"{on + timedelta(days=1)}T09:00:00.000Z" == tab.api("GET", f"/posts/{post['id']}")["due_at"]
    tab.complaints.clear()


def test_of_a_full_year_only_the_days_that_are_shown_are_sent(sky: Skywrite, pages: TestClient) -> None:
    """10,000 posts in a year: a week reads and sends a week's, and a page stays small."""
    post = sky.posts.schedule("One of many", at=f"{YEAR + 1}-01-01 10:00")
    fill(sky, post.post_id, 10_000)
    reads: list[int] = []
    store = sky.context.store
    planned = store.listing.planned

    def counted(*arguments: Any, **options: Any) -> Any:
        posts = planned(*arguments, **options)
        reads.extend([len(posts)] if posts else [])
        return posts

    store.listing.planned = counted  # type: ignore[method-assign]
    try:
        week, month = (pages.get(f"/?view={view}&on={YEAR + 1}-06-14").text for view in ("week", "month"))
    finally:
        store.listing.planned = planned  # type: ignore[method-assign]
    in_week, in_month = (text.count("data-at=") for text in (week, month))
    weeks = len(Calendar().monthdatescalendar(YEAR + 1, 6))
    assert [192, 192 * weeks] == pytest.approx([in_week, in_month], abs=10)
    assert [in_week, in_month] == reads
    assert len(week) < 110_000
    assert 150_000 > len(gzip.compress(month.encode())) * 1000 / in_month


def fill(sky: Skywrite, post_id: int, count: int) -> None:
    """Copies of a post, spread over a year."""
    with closing(sqlite3.connect(sky.context.config.database)) as database, database:
        columns = [
            row[1]
            for row in database.execute("PRAGMA table_info(post)")
            if row[1] not in ("id", "due_at", "attempt_at")
        ]
        names = ", ".join(columns)
        times = [
            (datetime(YEAR + 1, 1, 1, tzinfo=UTC) + timedelta(minutes=number * 525_600 / count))
            for number in range(count)
        ]
        texts = [time.strftime("%Y-%m-%dT%H:%M:%S.000000Z") for time in times]
        insert = f"INSERT INTO post ({names}, due_at, attempt_at) SELECT {names}, ?, ? FROM post WHERE id = ?"
        database.executemany(insert, [(text, text, post_id) for text in texts])


class Elements(HTMLParser):
    """The images with a handler, and the scripts, of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hostile = tag == "script" and ("src", "/static/app.js") not in attrs
        if hostile or any(name.startswith("on") for name, _ in attrs):
            self.found.append(tag)


def test_markup_that_is_stored_is_text_on_every_page(sky: Skywrite, pages: TestClient) -> None:
    """In texts, descriptions, titles of feeds, names, handles, and what servers answered: shown as it is, never run."""
    import io

    from PIL import Image

    with io.BytesIO() as data:
        Image.new("RGB", (20, 20)).save(data, "PNG")
        image = {"data": data.getvalue(), "alt": MARKUP}
    did, on = sky.accounts.list()[0].did, wednesday(4, 5)
    post = sky.posts.schedule(f"{MARKUP} text", at=f"{on} 9:00", images=[image], account=did)
    People(sky.context.store).add(MARKUP, "viewer")
    store_markup(sky)
    seen = 0
    for path in (
        *PATHS,
        f"/?on={on}",
        f"/posts/{post.post_id}",
        f"/compose?draft={post.post_id}",
        "/compose?text=" + MARKUP,
    ):
        text = pages.get(path).text
        assert [] == Elements(text).found, path
        seen += text.count("&lt;img src=x onerror=alert(1)&gt;")
    assert seen > 20


def store_markup(sky: Skywrite) -> None:
    """What no server of ours would let in: as if it had come from one that is hostile."""
    with closing(sqlite3.connect(sky.context.config.database)) as database, database:
        database.execute("UPDATE account SET handle = handle || ?", (MARKUP,))
        problem = {"error_code": "ServerError", "error_message": MARKUP, "error_hint": MARKUP}
        sets = ", ".join(f"{name} = :{name}" for name in problem)
        some = "(SELECT id FROM post WHERE state = 'scheduled' LIMIT 3)"
        database.execute(f"UPDATE post SET state = 'failed', {sets} WHERE id IN {some}", problem)
        database.execute("UPDATE inbox SET text = ?, author_handle = ?, uri = uri || ?, subject = ?", (MARKUP,) * 4)
        feed = (f"https://example.com/{MARKUP}", MARKUP, "2027-01-01T00:00:00.000000Z")
        database.execute("INSERT INTO feed (url, title, created_at) VALUES (?, ?, ?)", feed)
