"""The GitHub Action, run the way the runner runs it: its script, with inputs, event and output files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from skywrite.sandbox import Sandbox
from tests.support.desk import config_for, post_text, write_files
from tests.support.processes import ROOT

NOW = datetime.now(UTC).replace(microsecond=0)
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
EXAMPLE = yaml.safe_load((ROOT / "docs" / "guide" / "example-workflow.yml").read_text())
RELEASE = {
    "name": "Version {url}",
    "tag_name": "v1.2.0",
    "html_url": "https://127.0.0.1/v1.2.0",
    "published_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
    "prerelease": False,
}


@dataclass
class Ended:
    """What a step left behind."""

    code: int
    printed: str
    outputs: dict[str, str]
    summary: str


@dataclass
class Job:
    """A job of a workflow in `skywrite/app`, with a checkout and an account."""

    base: Path
    box: Sandbox
    inputs: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.base / "checkout"

    def step(
        self, event: Mapping[str, Any] | None = None, more: Mapping[str, str] | None = None, **inputs: str
    ) -> Ended:
        """One step that uses the action; `more` are variables of the job."""
        environ = {**self.environment(event, inputs), **(more or {})}
        line = ACTION["runs"]["steps"][0]["run"]
        words = ["bash", "-e", "-c", line]
        done = subprocess.run(words, cwd=self.checkout, env=environ, capture_output=True, text=True)
        return self.ended(done.returncode, done.stdout + done.stderr)

    def step_here(self, event: Mapping[str, Any] | None = None, **inputs: str) -> Ended:
        """The same in this process, which is quicker: for inputs of which there are many."""
        environ = self.environment(event, inputs)
        printed = io.StringIO()
        with contextlib.chdir(self.checkout), contextlib.redirect_stdout(printed):
            code = runpy.run_path(str(ROOT / "script" / "action.py"))["main"](environ)
        return self.ended(code, printed.getvalue())

    def environment(self, event: Mapping[str, Any] | None, inputs: Mapping[str, str]) -> dict[str, str]:
        """The variables of a step, as the runner sets them."""
        files = {name: self.base / name for name in ("event.json", "output", "summary")}
        files["event.json"].write_text(json.dumps(event or {}))
        for name in ("output", "summary"):
            files[name].write_text("")
        alice = self.box.account("alice.test")
        values = {"handle": "alice.test", "app-password": alice.app_password, "pds": self.box.url, **inputs}
        return {
            "PATH": os.environ["PATH"],
            **{name: value for name, value in config_for(self.base, self.box.url).items() if name != "BLUESKY_PDS"},
            **step_environment(values),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_EVENT_PATH": str(files["event.json"]),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_REPOSITORY": "skywrite/app",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REF_TYPE": "branch",
            "GITHUB_REF_NAME": "main",
        }

    def ended(self, code: int, printed: str) -> Ended:
        outputs = re.findall(r"^(\w+)<<(.+)\n((?:.*\n)*?)\2$", (self.base / "output").read_text(), re.MULTILINE)
        values = {name: value.rstrip("\n") for name, _, value in outputs}
        return Ended(code, printed, values, (self.base / "summary").read_text())

    def texts(self) -> list[str]:
        return [post.text for post in self.box.posts("alice.test")]


def step_environment(values: Mapping[str, str]) -> dict[str, str]:
    """The variables of the step as the runner makes them from inputs and their defaults."""
    inputs = {name: values.get(name, str(spec.get("default", ""))) for name, spec in ACTION["inputs"].items()}
    assert set(values) <= set(inputs)
    expression = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
    return {
        name: expression.sub(lambda match: inputs[match[1]], value)
        for name, value in ACTION["runs"]["steps"][0]["env"].items()
    }


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    with Sandbox() as box:
        job = Job(tmp_path, box)
        job.checkout.mkdir()
        yield job


def test_release(job: Job) -> None:
    """A release is posted once, however often its job runs; what its fields hold is text, not a template."""
    inputs = {"text": "{project} {name} ({tag})\n\n{url}", "card": "none", "langs": "en"}
    first = job.step({"release": RELEASE}, **inputs)
    again = job.step({"release": RELEASE}, **inputs)
    assert (0, 0) == (first.code, again.code), first.printed + again.printed
    assert ("published", "existed") == (first.outputs["state"], again.outputs["state"])
    (post,) = job.box.posts("alice.test")
    assert "app Version {url} (v1.2.0)\n\n127.0.0.1/v1.2.0" == post.text
    assert (post.uri, post.uri) == (first.outputs["uri"], again.outputs["uri"])
    assert f"https://bsky.app/profile/alice.test/post/{post.uri.rpartition('/')[2]}" == first.outputs["url"]
    assert "| the text | [published](https://bsky.app/" in first.summary


def test_release_just_ahead(job: Job) -> None:
    """A release that is seconds ahead of this computer's clock is waited for."""
    soon = datetime.now(UTC) + timedelta(seconds=3)
    release = {**RELEASE, "published_at": f"{soon:%Y-%m-%dT%H:%M:%SZ}"}
    ended = job.step_here({"release": release}, text="{tag}")
    assert "published" == ended.outputs["state"]


def test_prerelease(job: Job) -> None:
    """Prereleases are posted only where that is asked for."""
    event = {"release": {**RELEASE, "prerelease": True}}
    assert "skipped" == job.step_here(event, text="{tag}").outputs["state"]
    assert [] == job.texts()
    assert "published" == job.step_here(event, text="{tag}", prereleases="true").outputs["state"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"text": "{nmae}"}, "{nmae}, which stands for nothing"),
        ({"text": "x" * 301}, "301 characters"),
        ({"text": "x", "folder": "posts"}, "either a `folder` or a `text`"),
        ({}, "either a `folder` or a `text`"),
        ({"text": "x", "prereleases": "perhaps"}, "true or false"),
        ({"folder": "nowhere"}, "There is no folder nowhere"),
        ({"text": "x", "handle": "", "app-password": ""}, "There is no account to publish with"),
    ],
)
def test_wrong_inputs(job: Job, inputs: dict[str, str], words: str) -> None:
    """What is wrong is an annotation, and the step fails."""
    ended = job.step_here({"release": RELEASE}, **inputs)
    assert ended.code in (2, 3)
    assert words in next(line for line in ended.printed.splitlines() if line.startswith("::error"))
    assert [] == job.texts()


def test_wrong_password(job: Job) -> None:
    """A password that is refused fails the step, and is not printed."""
    ended = job.step({"release": RELEASE}, text="x", **{"app-password": "abcd-efgh-ijkl-mnop"})
    assert (3, False) == (ended.code, "abcd-efgh" in ended.printed)


def test_no_release(job: Job) -> None:
    """Another event needs a key and a time; with them the post goes out once."""
    assert 2 == job.step_here({}, text="Hello").code
    at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert ["published", "existed"] == [
        job.step_here({}, text="Hello", key="hello", at=at).outputs["state"] for _ in range(2)
    ]


def test_folder(job: Job) -> None:
    """What is due in the folder is published, once; a file that is wrong is an annotation with its line."""
    write_files(
        job.checkout / "posts",
        {"due.md": post_text("due", NOW), "early.md": post_text("early", NOW + timedelta(days=1))},
    )
    first = job.step({}, folder="posts", mark="true")
    assert (0, "1") == (first.code, first.outputs["published"]), first.printed
    assert ["published", "waiting"] == [report["state"] for report in json.loads(first.outputs["reports"])]
    assert "published: at://" in (job.checkout / "posts" / "due.md").read_text()
    write_files(
        job.checkout / "posts", {"bad,file.md": "---\nat: soon\n---\nx", "old.md": post_text("x", NOW - timedelta(9))}
    )
    again = job.step({}, folder="posts")
    assert (2, "0") == (again.code, again.outputs["published"])
    assert "::error file=posts/bad%2Cfile.md,line=2::The time 'soon' is not clear" in again.printed
    assert "::warning file=posts/old.md::It was due at" in again.printed
    assert ["due"] == job.texts()


def test_a_typo_stops_no_other_file(job: Job) -> None:
    """A value of the wrong kind fails its file and the job; the other files are published, and a check names it."""
    typo = "---\nimages: [{path: [sun.png]}]\n---\nx"
    write_files(job.checkout, {"posts/a.md": typo, "posts/b.md": post_text("good", NOW - timedelta(minutes=1))})
    checked = job.step({}, folder="posts", check="true", handle="", **{"app-password": ""})
    assert "images: path must be text, not list." in checked.printed
    ended = job.step({}, folder="posts")
    assert (["good"], True) == ([post.text for post in job.box.posts("alice.test")], ended.code != 0)


def test_check(job: Job) -> None:
    """A pull request is checked without an account, and without asking the network anything."""
    write_files(job.checkout / "posts", {"a.md": post_text("fine", NOW)})
    fine = job.step({}, folder="posts", check="true", handle="", **{"app-password": ""})
    assert 0 == fine.code, fine.printed
    write_files(job.checkout / "posts", {"b.md": post_text("x" * 301, NOW)})
    ended = job.step({}, folder="posts", check="true", handle="", **{"app-password": ""})
    assert (2, 0) == (ended.code, job.box.calls.total())
    assert "::error file=posts/b.md,line=4::The text has 301 characters" in ended.printed


def test_python_of_the_workspace_is_not_run(job: Job, tmp_path: Path) -> None:
    """Modules that a repository brings along, under names that Python or pip would load, run in no step."""
    evil = "import os, pathlib; pathlib.Path(os.environ['STOLEN']).write_text(str(dict(os.environ)))"
    names = ("venv", "pip/__main__", "pip/__init__", "ensurepip", "sitecustomize", "usercustomize", "json", "skywrite")
    write_files(job.checkout, {**{f"{name}.py": evil for name in names}, "posts/a.md": post_text("fine", NOW)})
    stolen = tmp_path / "stolen"
    extra = {"STOLEN": str(stolen), "PYTHONPATH": str(job.checkout), "PYTHONSTARTUP": str(job.checkout / "json.py")}
    checked = job.step({}, extra, folder="posts", check="true")
    published = job.step({}, extra, folder="posts")
    assert (0, 0, ["fine"]) == (checked.code, published.code, job.texts()), checked.printed + published.printed
    assert not stolen.exists()


def test_the_password_is_seen_by_one_process(job: Job) -> None:
    """While packages are installed, and in a check, the password is in no environment."""
    seen = job.base / "seen"
    fake = job.base / "bin"
    write_files(fake, {"sha256sum": f'#!/bin/bash\nenv >>"{seen}"\nexec /usr/bin/sha256sum "$@"\n'})
    (fake / "sha256sum").chmod(0o755)
    write_files(job.checkout / "posts", {"a.md": post_text("fine", NOW)})
    ended = job.step({}, {"PATH": f"{fake}:{os.environ['PATH']}"}, folder="posts")
    assert (0, ["fine"]) == (ended.code, job.texts()), ended.printed
    assert (True, False) == ("INPUT_FOLDER" in seen.read_text(), "INPUT_APP_PASSWORD" in seen.read_text())


def test_names_of_files_are_no_commands(job: Job) -> None:
    """What a file is called sets no output and gives the runner no command, new or old."""
    name = "x ##[set-output name=uri]stolen\n::set-output name=uri::stolen.md"
    write_files(job.checkout / "posts", {name: post_text("fine", NOW)})
    ended = job.step_here({}, folder="posts")
    assert ["fine"] == job.texts(), ended.printed
    lines = ended.printed.splitlines()
    assert [] == [line for line in lines if "##[" in line or line.strip().startswith("::set-output")]
    assert 3 == len(ended.summary.splitlines())


def test_example_workflow(job: Job) -> None:
    """Every step of the example gives inputs that the action has, and its texts hold what is known."""
    steps = [step for item in EXAMPLE["jobs"].values() for step in item["steps"] if "skywrite" in step["uses"]]
    assert 3 == len(steps)
    for step in steps:
        assert set(step["with"]) <= set(ACTION["inputs"])
    text = EXAMPLE["jobs"]["announce"]["steps"][0]["with"]["text"]
    ended = job.step({"release": {**RELEASE, "name": "1.2"}}, text=text, card="none")
    assert ["app 1.2 is out.\n\n127.0.0.1/v1.2.0"] == job.texts(), ended.printed


def test_outputs_are_set(job: Job) -> None:
    """Each output that the action promises is set by its step."""
    ended = job.step_here({"release": RELEASE}, text="{tag}")
    promised = {spec["value"] for spec in ACTION["outputs"].values()}
    assert {f"${{{{ steps.run.outputs.{name} }}}}" for name in ended.outputs} == promised
