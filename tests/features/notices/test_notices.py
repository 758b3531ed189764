"""Who hears of troubles: one notice for each, one when it is over, none lost and none in a flood."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import InputError, RejectedError, TemporaryError
from skywrite.features import features
from skywrite.features.follow_ups.service import FollowUpTask
from skywrite.features.notices.service import NoticeTask, in_quiet, read_quiet, said_of, send
from skywrite.features.notices.store import Notices
from skywrite.features.notices.troubles import TROUBLES
from skywrite.features.reposts.service import RepostTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.events import EVENT_KINDS, Events
from skywrite.queue.marks import COUNTS, Marks, ToMark
from tests.support.errors import fails
from tests.support.world import NOON, World

TO_FILE = 'printf "%s\\n" "$SKYWRITE_NOTICE_TEXT" >> {}'


@pytest.fixture
def heard(sky: Skywrite, tmp_path: Path) -> Path:
    """A file into which a command writes each notice."""
    path = tmp_path / "notices.txt"
    sky.notices.add_command(TO_FILE.format(path))
    return path


def notice(sky: Skywrite) -> None:
    """What the worker's task does in its turn."""
    take_all(NoticeTask(sky.context))


def lines(path: Path) -> list[str]:
    """What was said."""
    return [line for line in path.read_text().split("\n") if line] if path.exists() else []


def test_every_kind_of_trouble_has_an_end() -> None:
    """Troubles are events; whether one is over, either notices know or the feature that has it, and never both."""
    theirs = {kind for row in features() for kind in row.solved}
    ours = {kind for kind, trouble in TROUBLES.items() if trouble.check}
    assert {kind for kind, trouble in TROUBLES.items() if trouble.over} == theirs | ours
    assert (set(), set()) == (theirs & ours, set(TROUBLES) - set(EVENT_KINDS))


def test_a_trouble_is_said_once_and_once_when_it_is_over(sky: Skywrite, heard: Path) -> None:
    """However often it is held again meanwhile."""
    number = sky.schedule("Hello", at=NOON + timedelta(hours=1)).post_id
    sky.posts.hold(number)
    notice(sky)
    notice(sky)
    assert [f"Post {number} is held: It is held on request. (Hello)"] == lines(heard)
    sky.posts.release(number)
    notice(sky)
    assert f"Post {number} is no longer held." == lines(heard)[-1]
    sky.posts.hold(number)
    notice(sky)
    assert 3 == len(lines(heard))


def test_a_repost_that_failed_is_said_once(
    sky: Skywrite, world: World, heard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not when it is only tried again, and once more when somebody cancels it."""
    sent = sky.post("Hello")
    number = sky.reposts.repost(sent.uri).id
    for error in (TemporaryError("The server is down."), RejectedError("This record is not allowed.")):
        monkeypatch.setattr("skywrite.features.reposts.service.do", Mock(side_effect=error))
        world.clock.advance(3600)
        take_all(RepostTask(sky.context))
        notice(sky)
    notice(sky)
    assert [f"The repost {number} failed: This record is not allowed. ({sent.uri})"] == lines(heard)
    sky.reposts.cancel(number)
    notice(sky)
    assert f"Repost or pin {number} failed, and is cancelled now." == lines(heard)[-1]


def test_follow_ups_of_which_nothing_came_are_said_once(sky: Skywrite, world: World, heard: Path) -> None:
    """One whose number was never reached, and one whose reply is refused; neither stays among the open problems."""
    numbers = [sky.post(text).id or 0 for text in ("Quiet", "Loud")]
    for number, wanted in zip(numbers, ("50 likes", "1 like"), strict=True):
        sky.follow_ups.add(number, when=wanted, reply="Thank you")
    item = ToMark(numbers[1], "at://x", sky.accounts.get().did, 1, "text", NOON)
    Marks(sky.context.store).note([(item, {**dict.fromkeys(COUNTS, 0), "likes": 1}, [])])
    task = FollowUpTask(sky.context, sky._drafting)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(FollowUpTask, "_reply", _refused)
        take_all(task)
    world.clock.advance(901 * 3600)
    for _ in range(2):
        take_all(task)
        notice(sky)
    assert [
        f"Follow-up 2 of post {numbers[1]} failed: Replies are closed. (Loud)",
        f"Follow-up 1 of post {numbers[0]} expired: "
        "It was never counted within 720 hours, and waited for 50 likes. (Quiet)",
    ] == lines(heard)
    assert [] == Notices(sky.context.store).open(sky.notices.list()[0])


def _refused(*_: object) -> int:
    raise InputError("Replies are closed.")


def test_the_end_of_a_trial_is_said_until_the_bot_goes_on(sky: Skywrite, heard: Path) -> None:
    """A person's word is wanted, so a person hears of it; and when somebody has given it."""
    sky.accounts.set(None, {"answers": "trial"})
    Events(sky.context.store).note("answers.trial_ended", {"answers": 10}, account_did=sky.accounts.get().did)
    notice(sky)
    notice(sky)
    sky.accounts.set(None, {"answers": "on"})
    notice(sky)
    assert [
        "The bot of alice.test has written its first 10 answers, and waits for your word to go on.",
        "The bot of alice.test is no longer on trial.",
    ] == lines(heard)


def test_what_is_over_before_it_was_said_is_not_said(sky: Skywrite, heard: Path) -> None:
    """Nobody is woken for what has passed."""
    number = sky.schedule("Hello", at=NOON + timedelta(hours=1)).post_id
    sky.posts.hold(number)
    sky.posts.release(number)
    notice(sky)
    assert [] == lines(heard)


def test_many_troubles_are_one_message(sky: Skywrite, heard: Path, tmp_path: Path) -> None:
    """A hundred held posts come as one message, which says how many there are."""
    calls = tmp_path / "calls.txt"
    sky.notices.add_command(f'echo "$SKYWRITE_NOTICE_SUBJECT" >> {calls}')
    for number in range(100):
        sky.posts.hold(sky.schedule(f"Post {number}", at=NOON + timedelta(hours=1)).post_id)
    notice(sky)
    assert ["100 notices from Skywrite"] == lines(calls)
    assert (51, "… and 50 more.") == (len(lines(heard)), lines(heard)[-1])


def test_what_cannot_be_said_is_said_later(sky: Skywrite, world: World, tmp_path: Path) -> None:
    """A command that fails is tried again, and nothing is lost meanwhile."""
    path, ready = tmp_path / "said.txt", tmp_path / "ready"
    channel = sky.notices.add_command(f"test -e {ready} && {TO_FILE.format(path)}")
    sky.posts.hold(sky.schedule("One", at=NOON + timedelta(hours=1)).post_id)
    notice(sky)
    assert [] == lines(path) and Notices(sky.context.store).get(channel.id).error is not None
    ready.touch()
    notice(sky)
    assert [] == lines(path), "not before its next try"
    world.clock.advance(61)
    sky.posts.hold(sky.schedule("Two", at=NOON + timedelta(hours=1)).post_id)
    notice(sky)
    assert ["One", "Two"] == [line[-4:-1] for line in lines(path)]
    assert Notices(sky.context.store).get(channel.id).error is None


@pytest.mark.parametrize("text", ["a\x00b", "half a \ud83d", "\x1b[31mred\x07", "\u202eback", "A" * 1_000_000])
def test_what_others_wrote_keeps_no_notice_back(sky: Skywrite, heard: Path, text: str) -> None:
    """A character that no command takes, or a text without an end, is said in another way on a line that is short."""
    line = said_of("post.failed", {"id": 1, "message": text, "text": text})
    send(sky.context, sky.notices.list()[0], line, line)
    assert [line] == lines(heard)
    assert (True, True) == (line.isprintable(), len(line) < 500)


def test_nothing_is_said_in_quiet_hours(sky: Skywrite, world: World, tmp_path: Path) -> None:
    """It comes when they end."""
    path = tmp_path / "said.txt"
    sky.accounts.set(None, {"zone": "UTC"})
    sky.notices.add_command(TO_FILE.format(path), quiet="11:00-13:00")
    sky.posts.hold(sky.schedule("Hello", at=NOON + timedelta(hours=9)).post_id)
    notice(sky)
    assert [] == lines(path)
    world.clock.advance(3600)
    notice(sky)
    assert 1 == len(lines(path))


def test_an_account_that_needs_a_login(sky: Skywrite, world: World, heard: Path) -> None:
    """And the word when somebody has signed in."""
    did = sky.accounts.get().did
    sky.context.store.accounts.change(did, "needs_login", reason="The password was revoked.")
    notice(sky)
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    notice(sky)
    sentences = ["alice.test needs a login: The password was revoked.", "alice.test is signed in again."]
    assert sentences == lines(heard)


def test_a_mail_server_that_is_away(sky: Skywrite) -> None:
    """Is an error that names it."""
    channel = sky.notices.add_email("me@x.example", sender="bot@x.example", server="127.0.0.1:1", plain=True)
    with fails("mail.not_sent", match=r"127\.0\.0\.1"):
        sky.notices.test(channel.id)


def test_the_password_is_sealed(sky: Skywrite, world: World) -> None:
    """It is not in the database as it was given."""
    sky.notices.add_email("a@x.example", sender="b@x.example", server="s.example", user="u", password="hunter2hunter2")
    assert b"hunter2" not in Path(sky.context.config.database).read_bytes()
    assert "hunter2hunter2" == sky.context.store.secrets.get("notice", "1")


def test_what_is_no_channel_is_refused(sky: Skywrite) -> None:
    """With what to write instead."""
    for make in (
        lambda: sky.notices.add_email("me", sender="b@x.example", server="s.example"),
        lambda: sky.notices.add_email("me@x.example", sender="b@x.example", server="s.example:x"),
        lambda: sky.notices.add_command("  "),
        lambda: sky.notices.add_command("true", quiet="at night"),
        lambda: sky.notices.add_command("true", kinds=("post.published",)),
        lambda: sky.notices.remove(9),
        lambda: sky.notices.test(9),
    ):
        with pytest.raises(InputError):
            make()


def test_quiet_hours_over_midnight() -> None:
    """From 22:00 to 7:00 is the night."""
    start, end = read_quiet("22:00-7:00")
    quiet = [in_quiet(NOON + timedelta(hours=hour), start, end, "UTC") for hour in range(24)]
    assert [*[False] * 10, *[True] * 9, *[False] * 5] == quiet


def test_a_worker_that_may_not_run_commands_leaves_them(sky: Skywrite, heard: Path) -> None:
    """They wait for one that may."""
    sky.posts.hold(sky.schedule("Hello", at=NOON + timedelta(hours=1)).post_id)
    take_all(NoticeTask(sky.context, commands=False))
    assert [] == lines(heard)
    notice(sky)
    assert 1 == len(lines(heard))
