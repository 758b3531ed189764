"""A worker with a bot is killed at each point: each mention is answered once, and by the next worker at the latest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.config import load_config
from skywrite.sandbox import Sandbox
from tests.crash.killing import POINTS_MAX, run_killed
from tests.crash.workers import fork_server
from tests.support.chance import NIGHTLY
from tests.support.strangers import ANSWERING, Stranger

STRIDE = 3 if NIGHTLY else 40


class Place:
    """A network, and its time."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.clock = box, SYSTEM_CLOCK


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A network that other processes reach."""
    with Sandbox(accounts=["bot.test"]) as made:
        yield made


def answers(box: Sandbox, folder: Path) -> Counter[str]:
    """How often each mention was answered, by workers of which every other one is killed at another point."""
    (folder / "bot.py").write_text(ANSWERING)
    environ = {"SKYWRITE_HOME": str(folder), "SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    words, output = ("run", "--once", "--app", folder / "bot.py", "--log", "none"), folder / "output"
    with Skywrite(config=load_config(environ)) as sky:
        account = box.account("bot.test")
        sky.accounts.login("bot.test", account.app_password, pds=box.url)
        most = dict.fromkeys(("answers_per_minute", "answers_per_day", "answers_per_person"), 10_000)
        sky.accounts.set("bot.test", {"answers": "on", "catch_up_gap_seconds": 0, **most})
    run_killed(fork_server(), words, environ, output)
    carol = Stranger(Place(box), "carol.test")  # type: ignore[arg-type]
    for point in range(1, POINTS_MAX, STRIDE):
        carol.tag(f"@you: {point}", account.did)
        ended = run_killed(fork_server(), words, environ, output, point=point)
        for _ in range(2):
            run_killed(fork_server(), words, environ, output)
        found = Counter(post.text.partition(" ")[0] for post in box.posts("bot.test"))
        if not ended.killed:
            break
    return found


def test_each_mention_is_answered_once(box: Sandbox, tmp_path: Path) -> None:
    """Wherever a worker was killed, in other words each time."""
    found = answers(box, tmp_path)
    assert ({1}, True) == (set(found.values()), len(found) > 3)
