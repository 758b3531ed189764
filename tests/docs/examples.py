"""The examples of README and guide, found and run: shell lines through the command line, Python as it stands.

What lives here: finding them, and the folder of files that they name. What does not: judging (`test_examples`).
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from skywrite import Client
from skywrite.atproto.repo import Repo, Write
from skywrite.media.ffmpeg import find_ffmpeg
from skywrite.sandbox import Sandbox
from tests.support.processes import ROOT

HANDLE = "alice.bsky.social"
PASSWORD = "xxxx-xxxx-xxxx-xxxx"
FRIEND = "bob.bsky.social"
QUOTED = "3kznmn7xqxl22"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    code: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[list[str]]:
        """The `skywrite` commands of a shell block, as words; other commands are not ours to run."""
        text = self.code.replace("\\\n", " ")
        lines = [line.strip() for line in text.splitlines()]
        return [shlex.split(line)[1:] for line in lines if line.startswith("skywrite ") and " | " not in line]


def examples(*pages: str) -> list[Example]:
    """All blocks of pages, in order."""
    found = []
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            found.append(Example(page, text.count("\n", 0, match.start()) + 1, match[1], match[2]))
    return found


def fill_folder(folder: Path) -> None:
    """The files that the examples name."""
    for name, colour in (("sun.jpg", "yellow"), ("chart.png", "blue")):
        Image.new("RGB", (160, 90), colour).save(folder / name)
    frames = [Image.new("L", (32, 32), shade) for shade in (0, 255)]
    frames[0].save(folder / "dance.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    video = [
        "-f",
        "lavfi",
        "-i",
        "testsrc=duration=1:size=64x48:rate=5",
        "-pix_fmt",
        "yuv420p",
        str(folder / "talk.mp4"),
    ]
    subprocess.run([find_ffmpeg("the example"), "-loglevel", "error", "-y", *video], check=True)
    (folder / "talk.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")
    (folder / "story.txt").write_text("A sentence of some length, again and again. " * 20 + "\n---\nThe end.\n")
    (folder / "tips.txt").write_text("Drink water.\n---\nStand up.\n")
    (folder / "plan.csv").write_text(
        'text,at,images,alts\n"Hello, all",2030-01-05T09:00:00Z,sun.jpg,The sun\nNext,,,\n'
    )
    (folder / "theirs.csv").write_text("Message,Post date,Network\nFrom elsewhere,2030-01-06T09:00:00Z,x\n")


def fill_sandbox(box: Sandbox) -> None:
    """The accounts and posts that the examples name."""
    alice = box.account(HANDLE)
    secret = next(iter(alice.app_passwords.values()))
    secret.password = PASSWORD
    put_post(box, FRIEND)


def put_post(box: Sandbox, handle: str) -> None:
    """The post with the record key of the examples."""
    client = Client(box.url)
    client.login(handle, box.account(handle).app_password)
    value = {"$type": "app.bsky.feed.post", "text": "Well", "createdAt": "2026-01-01T00:00:00.000Z"}
    Repo(client.agent).create_all([Write.of("app.bsky.feed.post", QUOTED, value)])
