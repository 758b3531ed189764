"""The site's own search, in a browser: what people type leads to its answer among the first three hits."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.pages.conftest import browser as chromium
from tests.support.processes import ROOT

# The site takes ten seconds to build, and its search is not ours.
pytestmark = pytest.mark.nightly
HITS = 3
# What is typed, and the end of the address of its answer.
TYPED = {
    "schedule post": "how-do-i-schedule-a-post-on-bluesky",
    "schedule a thread": "how-do-i-schedule-a-thread",
    "long text thread": "how-do-i-turn-a-long-text-into-a-thread",
    "post every day": "how-do-i-post-every-day-or-every-monday",
    "post texts in turn": "how-do-i-post-texts-in-turn",
    "fixed slots": "how-do-i-keep-to-a-posting-plan-with-fixed-slots",
    "change scheduled post": "how-do-i-move-change-or-cancel-a-scheduled-post",
    "time zone": "which-time-zone-are-my-times-in",
    "why did my post not go out": "why-did-my-post-not-go-out",
    "computer was off": "my-computer-was-off-what-happens-to-posts-that-were-due",
    "post twice": "can-it-post-something-twice",
    "see post before sent": "how-do-i-see-a-post-before-it-is-sent",
    "bad day": "how-do-i-see-what-will-happen-this-week-even-on-a-bad-day",
    "not at night": "how-do-i-post-less-often-or-not-at-night",
    "images alt text": "how-do-i-post-images-with-alt-text",
    "refuse images without alt": "how-do-i-refuse-images-without-alt-text",
    "video subtitles": "how-do-i-post-a-video-with-subtitles",
    "gif moves": "how-do-i-post-a-gif-that-moves",
    "no link card": "why-is-there-no-link-card-and-how-do-i-add-one",
    "make a word a link": "how-do-i-make-a-word-a-link",
    "mention not blue": "how-do-i-mention-someone-and-why-is-a-mention-not-blue",
    "who may reply": "how-do-i-limit-who-may-reply-or-quote",
    "language of a post": "how-do-i-set-the-language-of-a-post",
    "sensitive images": "how-do-i-mark-sensitive-images",
    "pin a post": "how-do-i-pin-a-post-or-repost-it-later",
    "post from a spreadsheet": "how-do-i-post-from-a-spreadsheet-or-csv",
    "move from buffer": "how-do-i-move-from-buffer-hootsuite-or-typefully",
    "blog feed": "how-do-i-post-my-blogs-feed",
    "markdown files repository": "how-do-i-post-markdown-files-from-a-repository",
    "cron script": "how-do-i-post-from-a-script-or-from-cron",
    "post what a program prints": "how-do-i-post-what-a-program-prints",
    "post from python": "how-do-i-post-from-python",
    "n8n zapier": "how-do-i-post-from-n8n-zapier-or-another-language",
    "ai agent draft": "how-do-i-let-an-ai-agent-draft-posts-that-i-approve",
    "several accounts": "how-do-i-use-several-accounts",
    "running after restart": "how-do-i-keep-it-running-after-a-restart",
    "which password": "which-password-do-i-need",
    "own server pds": "how-do-i-use-my-own-server-pds",
    "back up the queue": "how-do-i-back-up-the-queue-and-restore-it",
    "hear when something goes wrong": "how-do-i-hear-when-something-goes-wrong",
    "rate limits": "which-rate-limits-are-there-and-what-if-i-reach-them",
    "likes and replies": "how-do-i-see-likes-and-replies-of-my-posts",
    "delete a post": "how-do-i-delete-a-post",
    "test without posting": "how-do-i-test-without-posting-anything",
}
browser = chromium


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The files of a folder, without a line for each request."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def search(browser: Browser) -> Iterator[Page]:
    """The site's first page, with its search open."""
    subprocess.run([ROOT / "script" / "docs"], check=True, capture_output=True)
    files = partial(Quiet, directory=str(ROOT / "build" / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.get_by_role("button", name="Search").first.click()
        yield page
        page.close()
        server.shutdown()


def test_every_question_has_what_is_typed_for_it() -> None:
    """No answer is there that nobody looks for here, and none is looked for that is not there."""
    text = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    kept = str.maketrans(" ", "-", "?,'()!.")
    assert sorted(TYPED.values()) == sorted(heading.lower().translate(kept) for heading in headings)


@pytest.mark.parametrize("typed", TYPED)
def test_what_is_typed_finds_its_answer(search: Page, typed: str) -> None:
    """The answer, or the guide of its name, is among the first three hits."""
    search.get_by_role("combobox", name="Search").fill(typed)
    answer = TYPED[typed].removeprefix("how-do-i-")
    hits = (f'[role=option][aria-posinset="{place}"][href*="{answer}"]' for place in range(1, HITS + 1))
    expect(search.locator(", ".join(hits)).first).to_be_attached()
