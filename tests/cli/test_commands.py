"""Every command: its help, its JSON, and that it does what it says, seen on the sandbox."""

from __future__ import annotations

import codecs
import json
import os
import pty
import select
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from skywrite.core.clock import SystemClock
from skywrite.faces.cli.main import cli
from skywrite.faces.cli.names import all_commands
from tests.support.canaries import canary, secrets_in
from tests.support.shell import Files, Shell

WITHOUT_JSON = {"mcp", "help", "completion"}
PTY_SECONDS = 240.0


def commands(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words, those of groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


ALL = dict(commands(cli))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_help_with_an_example(signed_out: Shell, words: tuple[str, ...]) -> None:
    """Every command explains itself, with an example that names it."""
    told = signed_out(*words, "--help")
    assert ("Usage: skywrite", True) == (told.out[:15], "Example" in told.out)
    assert "skywrite " + " ".join(words) in told.out.partition("Example")[2]


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_json_everywhere(words: tuple[str, ...]) -> None:
    """Every command that tells something can tell it as JSON."""
    command = ALL[words]
    options = {option for parameter in command.params for option in parameter.opts}
    group_of_its_own = isinstance(command, click.Group) and not command.invoke_without_command
    assert words[0] in WITHOUT_JSON or group_of_its_own or "--json" in options


def test_commands_are_listed(signed_out: Shell) -> None:
    """The help lists every command with a line about it, and how to begin."""
    told = signed_out("--help")
    assert [] == [name for name in all_commands() if f"  {name} " not in told.out]
    assert ("Begin with: skywrite login", True) == (told.out[told.out.index("Begin") :][:26], "Options:" in told.out)


def test_version(signed_out: Shell) -> None:
    """The version is told."""
    assert "skywrite, version 0." in signed_out("--version").out


@pytest.mark.parametrize(("name", "mark"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete ")])
def test_completion(signed_out: Shell, name: str, mark: str) -> None:
    """What a shell needs for completion is printed."""
    told = signed_out("completion", name)
    assert (True, True) == (mark in told.out, "_SKYWRITE_COMPLETE" in told.out)


def test_completion_completes(signed_out: Shell) -> None:
    """Commands and options are completed in a real process."""
    environ = {"_SKYWRITE_COMPLETE": "bash_complete", "COMP_WORDS": "skywrite recu", "COMP_CWORD": "1"}
    script = "from skywrite.faces.cli.main import main; import sys; sys.argv = ['skywrite']; main()"
    told = signed_out.python(script, **environ)
    assert "plain,recurring" == told.out.strip()


# Signing in


def test_login_from_the_environment(signed_out: Shell) -> None:
    """In CI the variables sign in: `login` keeps a session, and a post alone needs no `login` at all."""
    alice = signed_out.box.account("alice.test")
    signed_out.set(BLUESKY_HANDLE="alice.test", BLUESKY_APP_PASSWORD=alice.app_password, BLUESKY_PDS=signed_out.box.url)
    signed_out("post", "From CI")
    signed_out("login")
    signed_out.unset("BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD", "BLUESKY_PDS")
    signed_out("post", "With the session")
    assert ["From CI", "With the session"] == signed_out.posts()


@pytest.mark.parametrize("name", ["alice.test", "@alice.test", "ALICE.test", "alice@example.com"])
def test_login_with_other_spellings(signed_out: Shell, name: str) -> None:
    """A handle is taken with its @ and in capitals; an e-mail address too."""
    alice = signed_out.box.account("alice.test")
    alice.email = "alice@example.com"
    words = ("login", name, "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    told = signed_out(*words, stdin=f"{alice.app_password}\r\n".encode())
    assert ("alice.test", alice.did, []) == (told.json["handle"], told.json["did"], told.json["warnings"])


def test_many_accounts(shell: Shell) -> None:
    """The first account is the default one until another is; posts go out as the one that is named."""
    shell.login("bob.test")
    handles = [(item["handle"], item["is_default"]) for item in shell("accounts", "--json").json]
    assert [("alice.test", True), ("bob.test", False)] == handles
    shell("post", "As alice")
    shell("post", "As bob", "--account", "bob.test")
    shell("accounts", "use", "bob.test")
    shell("post", "As bob again")
    assert (["As alice"], ["As bob", "As bob again"]) == (shell.posts(), shell.posts("bob.test"))
    assert "bob.test" == shell("accounts", "show", "--json").json["handle"]
    assert "* " in shell("accounts").out


def test_logout(shell: Shell) -> None:
    """After a logout nothing is posted; the posts that wait stay, and go out after the next login."""
    shell("post", "Later", "--at", "in 2 hours")
    shell("logout")
    assert 1 == shell.box.calls["com.atproto.server.deleteSession"]
    assert "account.signed_out" == shell("post", "x", "--json", code=3).json["code"]
    assert [] == shell.posts()
    shell.login()
    assert "Later" in [item["text"] for item in shell("list", "--json").json]
    assert "account.in_use" == shell("logout", "--forget", "--json", code=2).json["code"]
    assert "ok" == shell("accounts", "show", "--json").json["state"]
    for entry in shell("list", "--json").json:
        shell("cancel", str(entry["id"]))
    shell("logout", "--forget", "--json")
    assert [] == shell("accounts", "--json").json


class Terminal:
    """A command on a terminal of its own, as a person sees it."""

    def __init__(self, *words: str) -> None:
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.execv(sys.executable, [sys.executable, "-m", "skywrite.faces.cli.main", *words])
        self.seen = ""
        # Where what was looked for last ends: one read may bring more than that.
        self._past = 0
        # What comes may end in the middle of a character.
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def expect(self, part: str) -> None:
        """Wait until `part` is on the screen; it is looked for after what was found before."""
        until = time.monotonic() + PTY_SECONDS
        while part not in self.seen[self._past :]:
            ready, _, _ = select.select([self._descriptor], [], [], max(until - time.monotonic(), 0))
            assert ready, f"{part!r} did not come; the screen shows {self.seen!r}"
            self.seen += self._read()
        self._past = self.seen.index(part, self._past) + len(part)

    def _read(self) -> str:
        try:
            data = os.read(self._descriptor, 4096)
        except OSError:
            data = b""
        assert data, f"the command has ended; the screen shows {self.seen!r}"
        return self._decoder.decode(data)

    def answer(self, text: str) -> None:
        """Type a line."""
        os.write(self._descriptor, f"{text}\n".encode())

    def end(self) -> int:
        """Wait for the end of the command; its exit code."""
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._descriptor)
        return code


def test_login_asks(signed_out: Shell) -> None:
    """On a terminal handle, password and the code of the second factor are asked for; the password is not shown."""
    alice = signed_out.box.account("alice.test")
    signed_out.box.require_second_factor("alice.test", "ABCDE-12345")
    terminal = Terminal("login", "--pds", signed_out.box.url)
    terminal.expect("Handle")
    terminal.answer("alice.test")
    terminal.expect("App password")
    terminal.answer(alice.password)
    terminal.expect("Code")
    terminal.answer("ABCDE-12345")
    terminal.expect("Signed in as alice.test")
    assert (0, []) == (terminal.end(), secrets_in(terminal.seen))
    assert "alice.test" == signed_out("accounts", "show", "--json").json["handle"]


def test_login_with_the_code_given(signed_out: Shell) -> None:
    """Without a terminal a missing code is an error, and one may be given."""
    alice = signed_out.box.account("alice.test")
    signed_out.box.require_second_factor("alice.test", "ABCDE-12345")
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    password = f"{alice.password}\n".encode()
    assert "login.code_required" == signed_out(*words, stdin=password, code=3).json["code"]
    wrong = signed_out(*words, "--auth-factor-token", "ZZZZZ-99999", stdin=password, code=3)
    assert "login.wrong_code" == wrong.json["code"]
    assert "alice.test" == signed_out(*words, "--auth-factor-token", "ABCDE-12345", stdin=password).json["handle"]


def test_alt_text_is_asked_for(shell: Shell, files: Files) -> None:
    """On a terminal the alt text of an image is asked for."""
    terminal = Terminal("post", "An image", "--image", files.image())
    terminal.expect("Alt text for")
    terminal.answer("A black square")
    terminal.expect("Posted:")
    assert (0, ("A black square",)) == (terminal.end(), shell.box.posts("alice.test")[0].images)


def test_no_alt_text_is_asked_for_a_file_that_is_not_there(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the file is not there is said at once."""
    monkeypatch.setattr("skywrite.faces.cli.options.can_ask", lambda: True)
    monkeypatch.setattr("click.prompt", lambda *_, **__: pytest.fail("A text was asked for."))
    assert "There is no file nowhere.png." in shell("post", "An image", "--image", "nowhere.png", code=2).err


def test_secrets_are_nowhere(signed_out: Shell, tmp_path: Path) -> None:
    """Neither output, logs, database, backup nor export of a whole life hold a password, a token or the key."""
    key = canary()
    signed_out.set(SKYWRITE_KEY=key, SKYWRITE_DEBUG="")
    signed_out.login()
    signed_out("post", "Hello")
    signed_out("post", "Later", "--at", "tomorrow 9:00")
    signed_out("doctor")
    signed_out("run", "--once", "--log", "json")
    signed_out("backup", str(tmp_path / "copy.db"))
    signed_out("export", "--output", str(tmp_path / "plan.jsonl"))
    signed_out.box.stop()
    signed_out("post", "In vain", "--json", code=4)
    assert [] == secrets_in(signed_out.home) + secrets_in(tmp_path / "copy.db") + secrets_in(tmp_path / "plan.jsonl")
    assert [] == [path for path in signed_out.home.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


# Posting


def test_post_tells_where(shell: Shell) -> None:
    """A post is told by its link; with --json by uri, cid, url and warnings, and nothing else is on the output."""
    told = shell("post", "Hello @nobody.test", "--json").json
    post = shell.box.posts("alice.test")[0]
    assert (post.uri, post.cid) == (told["uri"], told["cid"])
    assert f"https://bsky.app/profile/alice.test/post/{post.uri.rpartition('/')[2]}" == told["url"]
    assert ["@nobody.test does not exist: it stays plain text."] == told["warnings"]
    in_words = shell("post", "Hello again")
    assert in_words.out.startswith("✓ Posted: https://bsky.app/profile/alice.test/post/")


def test_text_from_everywhere(shell: Shell, files: Files) -> None:
    """A text comes from arguments, standard input, a file or an editor; never from two of them."""
    shell("post", "from arguments")
    shell("post", "-", stdin=b"from standard input\n")
    shell("post", "--file", files.text("a.txt", "\ufefffrom a file"))
    editor = files.text("editor.sh", "#!/bin/sh\nprintf 'from an editor\\n' > \"$1\"\n")
    Path(editor).chmod(0o755)
    shell.set(EDITOR=editor)
    shell("post", "--editor")
    assert ["from arguments", "from standard input", "from a file", "from an editor"] == shell.posts()
    assert "input.invalid" == shell("post", "x", "--file", "a.txt", "--json", code=2).json["code"]


def test_everything_in_one_post(shell: Shell, files: Files) -> None:
    """Images with alt text, languages, labels, tags, gates and a quote arrive in the record."""
    quoted = shell("post", "To be quoted", "--json").json["url"]
    image = ("--image", files.image(), "--alt", "Black")
    shell("post", "Look", *image, "--lang", "en", "--label", "nudity", "--tag", "art", "--quote", quoted)
    shell("post", "Quiet", "--replies", "nobody", "--no-quotes")
    look, quiet = shell.box.posts("alice.test")[1:]
    assert (("Black",), ("en",), ["art"]) == (look.images, look.langs, look.record["tags"])
    assert "app.bsky.embed.recordWithMedia" == look.record["embed"]["$type"]
    gates = [shell.box.records("alice.test", f"app.bsky.feed.{kind}gate") for kind in ("thread", "post")]
    assert ([1, 1], "Quiet") == ([len(records) for records in gates], quiet.text)


def test_thread(shell: Shell, files: Files) -> None:
    """A thread of arguments, and one of a file, hang together; a long text is split and numbered."""
    shell("thread", "One", "Two", "Three")
    first, second, third = shell.box.posts("alice.test")
    assert (None, first.uri, second.uri) == (first.reply_to, second.reply_to, third.reply_to)
    shell("thread", "--file", files.text("a.txt", "Alpha\n---\nBeta"))
    shell("thread", "word " * 100, "--numbering", "1/n")
    texts = shell.posts()[3:]
    assert (["Alpha", "Beta"], "1/2", "2/2") == (texts[:2], texts[2].split()[-1], texts[3].split()[-1])


def test_preview_sends_nothing(shell: Shell, files: Files) -> None:
    """A preview shows what would appear, in boxes and as JSON, and sends and keeps nothing."""
    words = ("preview", "See [here](https://example.com/a) #news", "--no-card", "--image", files.image())
    told = shell(*words)
    assert [] == [
        part
        for part in ("@alice.test", "here → https://example.com/a", "▣ image", "Nothing was sent.")
        if part not in told.out
    ]
    record = shell(*words, "--json").json["posts"][0]
    assert ("See here #news", 2) == (record["text"], len(record["facets"]))
    assert ([], []) == (shell.posts(), shell("list", "--json").json)
    assert 2 == len(shell("preview", "a", "b", "--json").json["posts"])


def test_dry_run(shell: Shell) -> None:
    """A dry run is a preview, with the same errors."""
    assert "Nothing was sent." in shell("post", "x", "--dry-run").out
    assert "post.empty" == shell("post", "", "--dry-run", "--json", code=2).json["code"]
    assert ([], []) == (shell.posts(), shell("list", "--json").json)


def test_delete(shell: Shell) -> None:
    """A post is deleted by its link, its at-uri or its number, with its thread and gates; a stranger's is not."""
    link = shell("post", "a", "--json").json["url"]
    uri = shell("post", "b", "--replies", "nobody", "--json").json["uri"]
    number = shell("thread", "C", "D", "--json").json["id"]
    assert uri == shell("delete", uri, "--json").json["deleted"]
    shell("delete", link)
    shell("delete", str(number))
    assert ([], []) == (shell.posts(), shell.box.records("alice.test", "app.bsky.feed.threadgate"))
    bobs = f"at://{shell.box.account('bob.test').did}/app.bsky.feed.post/3kabcdefghij2"
    assert "input.invalid" == shell("delete", bobs, "--json", code=2).json["code"]


@pytest.mark.parametrize(
    "typed", [("edit", "1", "Better"), ("move", "1", "in 2 hours"), ("cancel", "1"), ("hold", "1")]
)
def test_a_deleted_post_is_not_to_be_deleted(shell: Shell, typed: tuple[str, ...]) -> None:
    """Whoever would change it hears that it is gone, and not the command that fails."""
    shell("post", "Hello")
    shell("delete", "1")
    told = shell(*typed, code=2)
    assert (True, False) == ("Post 1 is deleted from the network" in told.err, "skywrite delete" in told.err)


def test_delete_of_what_is_not_there(shell: Shell) -> None:
    """It is an error, with the exit code 1: a link that never was, and a post that was deleted before."""
    uri = shell("post", "a", "--json").json["uri"]
    shell("delete", uri)
    for target in (uri, "1", uri.rpartition("/")[0] + "/3kabcdefghij2"):
        told = shell("delete", target, "--json", code=1).json
        assert ("post.not_there", True) == (told["code"], "nothing was deleted" in told["message"])


def test_key_posts_once(shell: Shell) -> None:
    """A key posts once, however often it is used, and tells the same post each time."""
    first = shell("post", "Release 1.0", "--key", "release-1.0", "--json").json
    again = shell("post", "Release 1.0!", "--key", "release-1.0", "--json").json
    assert (["Release 1.0"], first["uri"], 1) == (shell.posts(), again["uri"], len(again["warnings"]))


# The queue


def scheduled(shell: Shell, text: str = "Later", *more: str) -> int:
    number: int = shell("post", text, "--at", "tomorrow 9:00", *more, "--json").json["id"]
    return number


def test_life_of_a_post(shell: Shell) -> None:
    """A post is scheduled, shown, edited, moved, held, released, published and told in the history."""
    number = str(scheduled(shell))
    [entry] = shell("list", "--json").json
    assert {"id", "state", "account", "due_at", "text", "uri", "attempts", "error"} <= set(entry)
    assert (int(number), "scheduled", "alice.test", "Later") == (
        entry["id"],
        entry["state"],
        entry["account"],
        entry["text"],
    )
    assert f"Post {number} of alice.test: scheduled" in shell("show", number).out
    assert "Better" == shell("edit", number, "Better", "--json").json["text"]
    due_at = datetime.fromisoformat(shell("move", number, "in", "2", "hours", "--json").json["due_at"])
    assert timedelta(hours=1) < due_at - datetime.now(UTC) < timedelta(hours=3)
    assert "held" == shell("hold", number, "--json").json["state"]
    assert "scheduled" == shell("release", number, "--json").json["state"]
    shell("move", number, "now")
    assert {"published": 1, "retried": 0, "failed": 0, "held": 0, "skipped": 0, "due_unpublished": 0} == shell(
        "run", "--once", "--json"
    ).json
    [done] = shell("list", "--past", "--json").json
    assert ("published", "Better", shell.box.posts("alice.test")[0].uri) == (done["state"], done["text"], done["uri"])
    told = shell("show", number)
    assert "Attempt 1" in told.out and "it is on the network" in told.out
    assert ["published"] == [item["outcome"] for item in shell("show", number, "--json").json["tries"]]
    assert "Better" in shell("list", "--past").out and "Nothing is waiting" in shell("list").out


def test_cancel_and_retry(shell: Shell) -> None:
    """A cancelled post never goes out; one that the server refused is told, and tried again."""
    number = str(scheduled(shell))
    assert "cancelled" == shell("cancel", number, "--json").json["state"]
    assert "post.wrong_state" == shell("retry", number, "--json", code=2).json["code"]
    refused = str(scheduled(shell, "Refused"))
    shell("move", refused, "now")
    shell.box.set_status("alice.test", "deactivated")
    shell("run", "--once", code=None)
    state = shell("show", refused, "--json").json
    assert (True, "held") == (bool(state["error"]["hint"]), state["state"])
    shell.box.set_status("alice.test", "active")
    shell.login()
    shell("run", "--once")
    assert ["Refused"] == shell.posts()


def test_drafts_and_slots(shell: Shell) -> None:
    """A draft waits without a time; slots give posts without one theirs, one each."""
    draft = shell("post", "Some day", "--draft", "--json").json
    assert ("draft", None) == (draft["state"], draft["due_at"])
    shell("accounts", "set", "zone=UTC")
    assert 6 == len(shell("accounts", "slots", "mon-fri 9:00; sat 11:00", "--json").json)
    first, second = (shell("post", text, "--next-slot", "--json").json["due_at"] for text in ("a", "b"))
    assert first < second
    assert "mon-fri 9:00" in shell("accounts", "slots").out.lower()


def test_settings(shell: Shell) -> None:
    """Settings are shown, changed, removed, and checked."""
    assert {"zone": "Europe/Berlin", "langs": ["de"]} == shell(
        "accounts", "set", "zone=Europe/Berlin", "langs=de", "--json"
    ).json
    assert {"langs": ["de"]} == shell("accounts", "set", "zone=", "--json").json
    assert "langs = de" in shell("accounts", "set").out
    for wrong in ("zone=Mars", "nonsense=1", "gap_seconds=-1", "late=never", "zone"):
        assert shell("accounts", "set", wrong, "--json", code=2).json["hint"]


def test_recurring(shell: Shell) -> None:
    """A rule is listed; an occurrence is skipped, another moved; it is stopped with its posts."""
    shell("accounts", "set", "zone=UTC")
    post = shell("post", "Good morning", "--every", "daily 9:00", "--json").json
    rule = str(post["recurrence"])
    [listed] = shell("recurring", "--json").json
    assert (int(rule), "daily 9:00", "Good morning") == (listed["id"], listed["rule"], listed["text"])
    first = datetime.fromisoformat(post["due_at"])
    assert rule == str(shell("recurring", "skip", rule, f"{first:%Y-%m-%d %H:%M}", "--json").json["id"])
    [waiting] = shell("list", "--json").json
    assert first + timedelta(days=1) == datetime.fromisoformat(waiting["due_at"])
    second, noon = first + timedelta(days=1), first.replace(hour=12) + timedelta(days=1)
    shell("recurring", "move", rule, f"{second:%Y-%m-%d %H:%M}", f"{noon:%Y-%m-%d %H:%M}")
    assert noon == datetime.fromisoformat(shell("list", "--json").json[0]["due_at"])
    assert 1 == shell("recurring", "stop", rule, "--json").json["cancelled"]
    assert ([], []) == (shell("recurring", "--json").json, shell("list", "--json").json)


def test_import_and_export(shell: Shell, files: Files) -> None:
    """What is exported is imported again as it was; rows that are wrong keep all out, unless the good are wished."""
    rows = [{"text": "a", "at": "2030-01-01T09:00:00Z"}, {"text": "b", "at": "2030-01-02T09:00:00+01:00", "key": "k"}]
    table = files.text("plan.jsonl", "\n".join(json.dumps(row) for row in rows))
    assert [1, 2] == [item["row"] for item in shell("import", table, "--json").json]
    exported = shell("export").out
    for number in (item["id"] for item in shell("list", "--json").json):
        shell("cancel", str(number))
    shell("import", files.text("again.jsonl", exported.replace('"k"', '"k2"')))
    assert [("a", "2030-01-01T09:00:00.000Z"), ("b", "2030-01-02T08:00:00.000Z")] == [
        (item["text"], item["due_at"]) for item in shell("list", "--json").json
    ]
    mixed = files.text("mixed.csv", "text,at\ngood,2030-03-01T09:00:00Z\n,2030-03-02T09:00:00Z\n")
    told = shell("import", mixed, "--json", code=2).json
    assert ("import.failed", [None, "post.empty"]) == (
        told["code"],
        [row["error"] and row["error"]["code"] for row in told["rows"]],
    )
    assert 2 == len(shell("list", "--json").json)
    shell("import", mixed, "--partial")
    assert "1 of 2 rows are right" in shell("import", mixed, "--dry-run", code=2).out
    assert 3 == len(shell("list", "--json").json)


def test_a_file_is_imported_once(shell: Shell, files: Files) -> None:
    """A second import of a file says what was there, and queues nothing; --again does. --dates gives an order."""
    plan = files.text("plan.csv", "text,date,time\nHi,01-03-2030,10:00\n")
    shell("accounts", "set", "zone=UTC")
    assert "ambiguous" in shell("import", plan, code=2).err
    shell("import", plan, "--dates", "dmy")
    assert "1 is there already" in shell("import", plan, "--dates", "dmy", "--dry-run").out
    again = shell("import", plan, "--dates", "dmy").out
    assert ("0 posts, 1 is there already" in again, "undo" in again) == (True, False)
    assert ["2030-03-01T10:00:00.000Z"] == [item["due_at"] for item in shell("list", "--json").json]
    shell("import", plan, "--dates", "dmy", "--again")
    assert 2 == len(shell("list", "--json").json)


def test_export_needs_a_place(shell: Shell) -> None:
    """A place that cannot be written is named, not a surprise."""
    told = shell("export", "--output", "/nowhere/plan.jsonl", code=1)
    assert "/nowhere/plan.jsonl" in told.err and "No such file" in told.err


def test_backup(shell: Shell, tmp_path: Path) -> None:
    """A backup is a database that can be used with the same key; a file that is there is not replaced."""
    scheduled(shell)
    copy = tmp_path / "copy.db"
    shell("backup", str(copy))
    assert "backup.exists" == shell("backup", str(copy), "--json", code=2).json["code"]
    shell.set(SKYWRITE_DATABASE=str(copy))
    assert ["Later"] == [item["text"] for item in shell("list", "--json").json]
    shell("post", "From the copy")
    assert ["From the copy"] == shell.posts()


def test_doctor(shell: Shell) -> None:
    """The doctor finds an installation well, tells what is missing, and fails where no worker runs."""
    findings = shell("doctor", "--json").json
    assert {"database", "alice.test", "clock", "worker", "part"} <= {item["what"] for item in findings}
    assert [] == [item for item in findings if item["level"] == "wrong"]
    assert "none is running" in shell("doctor", "--run", code=1).out


# Rows of standard input, and commands


def test_rows_of_standard_input(shell: Shell) -> None:
    """JSON lines are accepted all together and sent in their order; one with a time waits; keys post once."""
    rows = [{"text": "a"}, {"text": "b", "tags": ["t"]}, {"text": "c", "at": "tomorrow 9:00"}]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    told = shell("post", "-", "--jsonl", "--key", "k", "--lang", "en", "--json", stdin=lines).json
    assert ([True, True, False], [1, 2, 3]) == ([bool(row["uri"]) for row in told], [row["row"] for row in told])
    again = shell("post", "-", "--jsonl", "--key", "k", "--lang", "en", "--json", stdin=lines).json
    assert [row["uri"] for row in told] == [row["uri"] for row in again]
    assert (["a", "b"], [("en",), ("en",)]) == (shell.posts(), [post.langs for post in shell.box.posts("alice.test")])
    assert ["c"] == [item["text"] for item in shell("list", "--json").json]


def test_one_wrong_row_keeps_all_back(shell: Shell) -> None:
    """One wrong row of standard input sends and keeps nothing."""
    for wrong in (b'{"text": ""}', b'{"text": 5}', b"[]", b"x", b'{"text": "a", "at": "whenever"}', b'{"key": 5}'):
        told = shell("post", "-", "--jsonl", "--json", stdin=b'{"text": "good"}\n' + wrong, code=2)
        assert told.json["hint"], wrong
    assert "post.empty" == shell("post", "-", "--jsonl", "--json", stdin=b"\n", code=2).json["code"]
    assert ([], []) == (shell.posts(), shell("list", "--json").json)


def test_rows_while_the_server_is_down(shell: Shell) -> None:
    """While the server is down all rows are kept, told, and sent by the next run, once and in order."""
    lines = b'{"text": "a"}\n{"text": "b"}'
    shell.box.stop()
    told = shell("post", "-", "--jsonl", "--key", "k", "--json", stdin=lines, code=4).json
    assert ["post.still_queued"] * 2 == [row["error"]["code"] for row in told]
    shell.box.start()
    shell("post", "-", "--jsonl", "--key", "k", stdin=lines, code=None)
    shell("run", "--once", code=None)
    assert ["a", "b"] == shell.posts()


def test_watch(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is added (with or without `add`), listed, tried, posted and removed."""
    monkeypatch.chdir(tmp_path)
    watch = shell(
        "commands", "add", "echo It rains.", "--every", "0 8 * * *", "--zone", "UTC", "--tag", "w", "--json"
    ).json
    assert ("command", "echo It rains.", None, str(tmp_path)) == (
        watch["kind"],
        watch["name"],
        watch["outcome"],
        watch["settings"]["folder"],
    )
    other = shell("commands", "date", "--every", "hourly", "--json").json["id"]
    number = str(watch["id"])
    assert "Nothing was sent." in shell("commands", "run", number).out
    assert "It rains." == shell("commands", "run", number, "--json").json["printed"]
    assert [] == shell.posts()
    assert "posted" == shell("commands", "run", number, "--post", "--json").json["outcome"]
    assert "printed the same as before" in shell("commands", "run", number, "--post").out
    assert (["It rains."], ["w"]) == (shell.posts(), shell.box.posts("alice.test")[0].record["tags"])
    assert "echo It rains." in shell("commands", "list").out
    shell("commands", "remove", str(other))
    assert [int(number)] == [item["id"] for item in shell("commands", "list", "--json").json]
    assert "command.unknown" == shell("commands", "remove", "99", "--json", code=2).json["code"]


def test_watch_that_fails(shell: Shell) -> None:
    """A command that fails is told, with its exit code; nothing is posted."""
    number = str(shell("commands", "add", "echo no; exit 7", "--every", "0 8 * * *", "--json").json["id"])
    for more in ((), ("--post",)):
        told: Any = shell("commands", "run", number, *more, "--json", code=1).json
        assert ("The command ended with 7.", True) == (told["message"], bool(told["hint"]))
    assert "The command ended with 7." in shell("commands", "list").out
    assert [] == shell.posts()


def test_app(shell: Shell, files: Files) -> None:
    """A program's function is called for a try, and run by the worker; a program that is none is told."""
    program = (
        "from skywrite import Skywrite\nsky = Skywrite()\n@sky.every('0 9 * * *')\ndef hello():\n    return 'Hi'\n"
    )
    path = files.text("bot.py", program)
    shell("run", "--app", path, "--call", "hello")
    shell("run", "--app", path, "--once")
    assert (["Hi"], "hello()") == (shell.posts(), shell("commands", "list").out.split()[-1])
    assert "program.invalid" == shell("run", "--app", files.text("x.py", "1/0"), "--json", code=2).json["code"]
    assert "function.unknown" == shell("run", "--app", path, "--call", "bye", "--json", code=2).json["code"]


def test_a_time_is_read_and_shown_in_the_zone_that_is_given(shell: Shell) -> None:
    """--zone goes with --at, too; a zone without any time is refused."""
    shell("accounts", "set", "zone=Europe/Berlin")
    told = shell("post", "Hello", "--at", "2030-07-05 9:00", "--zone", "america/new_york")
    assert "goes out Fri 5 Jul 2030 09:00 America/New_York (13:00 UTC)" in told.out
    assert "2030-07-05T13:00:00.000Z" == shell("list", "--json").json[0]["due_at"]
    shell("post", "Hello", "--zone", "UTC", code=2)
    shell("post", "Hello", "--next-slot", "--zone", "UTC", code=2)
    assert "zone.unknown" == shell("post", "x", "--at", "mon 9:00", "--zone", "CET/x", "--json", code=2).json["code"]


@pytest.mark.parametrize("option", ["at", "every", "until", "zone", "late", "jitter", "key"])
def test_an_empty_option_is_none(shell: Shell, option: str) -> None:
    """A variable of a script that is not set sends nothing."""
    assert_refused = shell("post", "Hello", f"--{option}", "", "--json", code=2)
    assert ("input.invalid", []) == (assert_refused.json["code"], shell.posts())


def test_a_key_of_what_is_over_says_so(shell: Shell) -> None:
    """The same call again tells what became of the post, and never that it goes out."""
    words = ("post", "Later", "--at", "tomorrow 9:00", "--key", "k")
    shell(*words)
    shell("cancel", "1")
    assert "already exists: cancelled" in shell(*words).out
    assert ("cancelled", True) == tuple(shell(*words, "--json").json[name] for name in ("state", "existed"))


def test_dry_run_checks_the_time_as_well(shell: Shell) -> None:
    """A time or a rule that cannot be is found, and one that can be is told."""
    for words in (
        ("--at", "tomorrow 25:00"),
        ("--every", "daily 9:00", "--zone", "Mars/Phobos"),
        ("--at", "yesterday"),
    ):
        shell("post", "x", *words, "--dry-run", code=2)
    for words in (("--at", "tomorrow 9:00"), ("--every", "daily 9:00", "--zone", "UTC")):
        assert "It would go out" in shell("post", "x", *words, "--dry-run").out
    assert [] == shell("list", "--json").json


def test_a_thread_is_edited_whole(shell: Shell, files: Files) -> None:
    """All its texts are given, as they were when it was made; anything else is refused."""
    shell("thread", "One", "Two", "Three", "--at", "tomorrow 9:00")
    shell("edit", "1", "only one", code=2)
    shell("edit", "1", "eins", "zwei", "drei")
    row = json.loads(shell("export").out)
    assert ("eins", ["zwei", "drei"]) == (row["text"], [part["text"] for part in row["thread"]])
    shell("edit", "1", "--file", files.text("t.txt", "a\n---\nb\n---\nc\n"))
    row = json.loads(shell("export").out)
    assert ("a", ["b", "c"]) == (row["text"], [part["text"] for part in row["thread"]])


def test_what_keeps_a_post_is_shown(shell: Shell) -> None:
    """When it is accepted, and when it is looked at."""
    shell("logout")
    told = shell("post", "Later", "--account", "alice.test", "--at", "tomorrow 9:00")
    assert "only after someone signs in" in told.err
    assert "you are not signed in" in shell("show", "1").out


def test_an_empty_table_is_no_import(shell: Shell, files: Files) -> None:
    """It is hardly what was meant."""
    for name in ("a.csv", "b.jsonl"):
        assert (
            "contains no rows" in shell("import", files.text(name, "text,at\n" if name == "a.csv" else ""), code=2).err
        )
    assert 2 == shell("show", "9" * 30, code=2).code


@pytest.mark.parametrize("setting", ["max_per_day=0", "gap_seconds=99999999999999999999", "late=skip:0s"])
def test_settings_that_stop_everything_are_refused(shell: Shell, setting: str) -> None:
    """They are hardly what was meant."""
    shell("accounts", "set", setting, code=2)


def test_one_wrong_number_stops_no_other(shell: Shell) -> None:
    """Each is done or told, whatever becomes of those before."""
    for _ in range(2):
        shell("post", "Later", "--at", "tomorrow 9:00")
    told = shell("cancel", "99", "1", "98", "2", code=2)
    assert ["cancelled"] * 2 == [shell("show", number, "--json").json["state"] for number in ("1", "2")]
    assert ("no post 99" in told.err, "no post 98" in told.err) == (True, True)


def test_undo(shell: Shell) -> None:
    """Posts that were cancelled by one command wait again after one undo; the next takes back what was before it."""
    for number in range(3):
        shell("post", f"Post {number}", "--at", "in 2 hours")
    assert 0 == shell("cancel", "1", "2").code
    told = shell("undo")
    assert (0, True) == (told.code, "cancel of 2 posts" in told.out)
    assert 3 == len(shell("list", "--json").json)
    assert ("schedule", [3]) == ((again := shell("undo", "--json").json)["verb"], again["ids"])
    assert ["Post 0", "Post 1"] == [entry["text"] for entry in shell("list", "--json").json]
    assert [2, 1] == [shell("undo", "--json").json["ids"][0] for _ in range(2)]
    assert "There is no change to undo." in shell("undo", code=2).err


def test_undoing_too_late_publishes_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day later, the times of what was cancelled have passed: undoing says so, and what to type."""
    for number in range(2):
        shell("post", f"Post {number}", "--at", "in 2 hours")
    shell("cancel", "1", "2")
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + timedelta(days=1))
    told = shell("undo").out
    assert ("cancel of 2 posts" in told, "skywrite release 1 2" in told) == (True, True)
    assert ["held"] * 2 == [entry["state"] for entry in shell("list", "--json").json]


@pytest.mark.parametrize("group", ["receipts", "service", "drafts"])
def test_a_group_alone_shows_its_help(shell: Shell, group: str) -> None:
    """Line by line, with its commands and an example."""
    lines = shell(group, code=2).err.splitlines()
    assert (f"Usage: skywrite {group} [OPTIONS] COMMAND [ARGS]...", True) == (lines[0], "Commands:" in lines)


def test_a_login_without_a_terminal_names_the_ways(shell: Shell) -> None:
    """Nobody has to look for how a script signs in."""
    assert "--app-password-stdin" in shell("login", "alice.test", "--pds", shell.box.url, code=2).err


@pytest.mark.parametrize(
    "words",
    [
        ("commands", "add", "date", "--every", "daily 9:00"),
        ("answers", "add", "--command", "date"),
        ("notices", "add", "command", "date"),
    ],
    ids=" ".join,
)
def test_whatever_runs_a_command_says_which_workers_do(
    signed_out: Shell, words: tuple[str, ...], postgres_url: str
) -> None:
    """On PostgreSQL, only workers with --commands run them; with a file of one's own, all do."""
    signed_out.login()
    assert "--commands" not in signed_out(*words).out
    signed_out.set(SKYWRITE_DATABASE=postgres_url)
    signed_out.login()
    assert "only workers with --commands run it: skywrite run --commands" in " ".join(signed_out(*words).out.split())
