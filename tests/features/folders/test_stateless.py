"""Publishing without a database: the repository is the ledger, and each post is in it once, whoever runs, how often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite import stateless
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import InputError
from skywrite.sandbox import FaultKind, Sandbox, SandboxTransport
from skywrite.stateless import Stateless
from tests.support.desk import NOON, config_for, post_text, write_files
from tests.support.errors import fails
from tests.support.pds import Pds, PdsAccount

MINUTE = timedelta(minutes=1)
SESSION = "com.atproto.server.createSession"


class Runner:
    """Fresh containers: a folder, an account of the environment, nothing else."""

    def __init__(self, base: Path) -> None:
        self.clock = FakeClock(NOON)
        self.busy = False
        self.box = Sandbox(clock=self.clock)
        self.folder = base / "posts"
        self.folder.mkdir()
        alice = self.box.account("alice.test")
        self.config = load_config(
            config_for(base, self.box.url, BLUESKY_HANDLE="@alice.test", BLUESKY_APP_PASSWORD=alice.app_password)
        )

    def start(self, **options: str) -> Stateless:
        return Stateless(config=self.config, transport=SandboxTransport(self.box), clock=self.clock, **options)  # type: ignore[arg-type]

    def run(self, **options: bool) -> dict[str, str]:
        with self.start() as sky:
            return {report.name: report.state for report in sky.publish_folder(self.folder, **options)}

    def texts(self) -> list[str]:
        return [post.text for post in self.box.posts("alice.test")]

    def calls(self, nsid: str) -> int:
        return self.box.calls[nsid]


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    yield Runner(tmp_path)


def test_a_surprise_in_one_file_stops_no_other(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo, or an error of ours in one file, leaves the other files to go out."""
    files = {"a.md": "---\nimages: [{path: [sun.png]}]\n---\nx", "b.md": post_text("good", NOON)}
    write_files(runner.folder, {**files, "c.md": post_text("surprise", NOON), "d.md": post_text("better", NOON)})
    make = stateless.draft_from_dict

    def surprise(row: Any) -> Any:
        if row["text"] == "surprise":
            raise TypeError("x")
        return make(row)

    monkeypatch.setattr(stateless, "draft_from_dict", surprise)
    assert {"a.md": "failed", "b.md": "published", "c.md": "failed", "d.md": "published"} == runner.run()


def test_due_early_late_missed(runner: Runner) -> None:
    """What is due goes out, what is early waits, what is late follows its policy, with a grace of a day by default."""
    write_files(
        runner.folder,
        {
            "due.md": post_text("due", NOON),
            "early.md": post_text("early", NOON + MINUTE),
            "late.md": post_text("late", NOON - timedelta(hours=23)),
            "missed.md": post_text("missed", NOON - timedelta(hours=25)),
            "strict.md": post_text("strict", NOON - timedelta(hours=1), late="skip:30m"),
            "always.md": post_text("always", NOON - timedelta(days=90), late="publish"),
            "draft.md": post_text("draft", NOON, draft="yes"),
            "done.md": post_text("done", NOON, published="at://did:plc:x/app.bsky.feed.post/3k"),
            "bob.md": post_text("bob's", NOON, account="bob.test"),
            "alice.md": post_text("alice's", NOON, account="alice.test"),
        },
    )
    assert {
        "due.md": "published",
        "early.md": "waiting",
        "late.md": "published",
        "missed.md": "missed",
        "strict.md": "missed",
        "always.md": "published",
        "draft.md": "draft",
        "done.md": "existed",
        "bob.md": "other",
        "alice.md": "published",
    } == runner.run()
    assert {"always", "late", "alice's", "due"} == set(runner.texts())
    runner.clock.advance(60)
    assert ["published"] == [state for name, state in runner.run().items() if name == "early.md"]


@pytest.mark.parametrize("own", ["alice.test", "did"])
def test_an_account_may_be_named_by_its_did(runner: Runner, own: str) -> None:
    """A file for the same account goes out, whichever of its names the file and the environment have."""
    did = runner.box.account("alice.test").did
    names = {"handle.md": "alice.test", "did.md": did, "bob.md": runner.box.account("bob.test").did, "b.md": "bob.test"}
    write_files(runner.folder, {file: post_text(file, NOON, account=name) for file, name in names.items()})
    runner.config = runner.config._replace(handle=did if own == "did" else own)
    wanted = {"handle.md": "published", "did.md": "published", "bob.md": "other", "b.md": "other"}
    assert wanted == runner.run()


def test_again_and_again(runner: Runner) -> None:
    """Run again, it finds the posts in the repository, even when their files were changed, and does not sign in."""
    write_files(runner.folder, {"a.md": post_text("one\n\n---\n\ntwo", NOON), "b.md": post_text("three", NOON)})
    assert {"a.md": "published", "b.md": "published"} == runner.run()
    write_files(runner.folder, {"b.md": post_text("three, changed", NOON)})
    assert {"a.md": "existed", "b.md": "existed"} == runner.run()
    assert ["one", "three", "two"] == sorted(runner.texts())
    assert 1 == runner.calls(SESSION)


def test_nothing_due(runner: Runner) -> None:
    """A run with nothing to do asks the network nothing."""
    write_files(runner.folder, {"a.md": post_text("one", NOON + MINUTE), "b.md": post_text("two", NOON - timedelta(9))})
    runner.run()
    assert 0 == runner.box.calls.total()


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "error_500", "garbage"])
def test_trouble_and_again(runner: Runner, kind: FaultKind) -> None:
    """An answer that is lost, before or after the commit, is settled by looking: each post is there once."""
    write_files(runner.folder, {"a.md": post_text("one\n\n---\n\ntwo", NOON)})
    runner.box.faults.add("com.atproto.repo.applyWrites", kind=kind)
    assert {"a.md": "published"} == runner.run()
    assert ["one", "two"] == sorted(runner.texts())


@pytest.mark.parametrize("seconds", [0, 1])
def test_faster_elsewhere(runner: Runner, seconds: int) -> None:
    """A run that loses the race says so, whether its own record differs or, in the same millisecond, is the same."""
    write_files(runner.folder, {"a.md": post_text("one", NOON)})

    transport = SandboxTransport(runner.box)
    real = transport.request

    def request(method: str, url: str, **more: object) -> object:
        if url.endswith("applyWrites") and not runner.texts() and not runner.busy:
            runner.busy = True
            runner.clock.advance(seconds)
            runner.run()
        return real(method, url, **more)  # type: ignore[arg-type]

    transport.request = request  # type: ignore[assignment,method-assign]
    with Stateless(config=runner.config, transport=transport, clock=runner.clock) as sky:
        states = [report.state for report in sky.publish_folder(runner.folder)]
    assert (["existed"], ["one"]) == (states, runner.texts())


def test_wrong_files(runner: Runner) -> None:
    """A broken file, one without a time and one that is refused stop no other."""
    write_files(
        runner.folder,
        {
            "a.md": "---\nat: soon\n---\nx",
            "b.md": post_text("no time", None),
            "c.md": post_text("x" * 301, NOON),
            "d.md": post_text("fine", NOON),
        },
    )
    with runner.start() as sky:
        reports = {report.name: report for report in sky.publish_folder(runner.folder)}
    assert ["failed", "failed", "failed", "published"] == [report.state for report in reports.values()]
    assert [2, 1, None, None] == [report.line for report in reports.values()]


def test_sign_in_fails(runner: Runner) -> None:
    """A password that is wrong is tried once, and told for every post that was due."""
    write_files(runner.folder, {"a.md": post_text("one", NOON), "b.md": post_text("two", NOON)})
    environ = config_for(runner.folder, runner.box.url, BLUESKY_HANDLE="alice.test", BLUESKY_APP_PASSWORD="wrong")
    runner.config = load_config(environ)
    with runner.start() as sky:
        reports = sky.publish_folder(runner.folder)
    assert [3, 3] == [report.error.exit_code for report in reports if report.error]
    assert 1 == runner.calls(SESSION)


def test_no_credentials(runner: Runner) -> None:
    """Without an account in the environment nothing begins."""
    with fails("credentials.missing"):
        Stateless(config=load_config({}))


def test_mark(runner: Runner) -> None:
    """With `mark`, a file that is published says so, and is never asked about again."""
    write_files(runner.folder, {"a.md": post_text("one", NOON)})
    runner.run(mark=True)
    uri = runner.box.posts("alice.test")[0].uri
    assert f"published: {uri}" == (runner.folder / "a.md").read_text().split("\n")[1]
    asked = runner.box.calls.total()
    assert ({"a.md": "existed"}, asked) == (runner.run(), runner.box.calls.total())


def test_one_post(runner: Runner) -> None:
    """`post` publishes once for a key and a moment; another key or another second is another post."""
    with runner.start(zone="Europe/Berlin") as sky:
        states = [
            sky.post("Version 1", key=key, at=at).state
            for key, at in [
                ("v1", "2026-11-24 13:00"),
                ("v1", "2026-11-24T12:00:00Z"),
                ("v2", "2026-11-24T12:00:00Z"),
                ("v1", "2026-11-24T11:59:59Z"),
                ("v1", "2026-11-24T12:00:01Z"),
                ("v1", "2026-11-20T12:00:00Z"),
            ]
        ]
        assert ["published", "existed", "published", "published", "waiting", "missed"] == states
        with pytest.raises(InputError):
            sky.post("Version 1", key="v1", at="tomorrow")


# Real processes, against the sandbox over a socket and against the reference PDS.


def command(*words: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    """The command line, started."""
    line = [sys.executable, "-m", "skywrite.faces.cli.main", *words]
    environ = {"PATH": os.environ["PATH"], **environ}
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


def raced(folder: Path, environ: dict[str, str], processes: int = 2) -> list[str]:
    """What became of each post in runs that begin together."""
    running = [command("sync", str(folder), "--stateless", "--json", environ=environ) for _ in range(processes)]
    answers = [(process.communicate()[0], process.returncode) for process in running]
    assert [0] * processes == [code for _, code in answers]
    return sorted(f"{report['file']} {report['state']}" for answer, _ in answers for report in json.loads(answer))


def due_now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_two_processes_on_the_reference_pds(pds: Pds, account: PdsAccount, tmp_path: Path) -> None:
    """Two runs at the same time, and one after them, leave every post of the folder once in the repository."""
    folder = tmp_path / "posts"
    write_files(
        folder,
        {
            **{f"{number}.md": post_text(f"post {number}", due_now()) for number in range(4)},
            "thread.md": post_text("one\n\n---\n\ntwo", due_now(), replies="nobody"),
        },
    )
    environ = config_for(
        tmp_path, pds.url, BLUESKY_HANDLE=account.handle, BLUESKY_APP_PASSWORD=account.app_password
    ) | {"SKYWRITE_PLC_URL": pds.plc_url}
    outcomes = raced(folder, environ)
    assert {"published", "existed"} >= {outcome.split()[1] for outcome in outcomes}
    assert 5 == sum(outcome.endswith("published") for outcome in outcomes)
    assert [f"{name} existed" for name in ("0.md", "1.md", "2.md", "3.md", "thread.md")] == raced(folder, environ, 1)
    texts = sorted(record["value"]["text"] for record in pds.records(account.did))
    assert ["one", "post 0", "post 1", "post 2", "post 3", "two"] == texts
    assert not (tmp_path / "home").exists()


def test_release_by_many_processes(tmp_path: Path) -> None:
    """A release that four jobs announce at once is announced once."""
    with Sandbox() as box:
        alice = box.account("alice.test")
        environ = config_for(tmp_path, box.url, BLUESKY_HANDLE="alice.test", BLUESKY_APP_PASSWORD=alice.app_password)
        words = ("post", "Version 1", "--stateless", "--key", "v1", "--at", due_now().isoformat(), "--json")
        running = [command(*words, environ=environ) for _ in range(4)]
        states = [json.loads(process.communicate()[0])["state"] for process in running]
        assert ["existed", "existed", "existed", "published"] == sorted(states)
        assert ["Version 1"] == [post.text for post in box.posts("alice.test")]
