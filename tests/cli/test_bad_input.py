"""Bad input: each gets a sentence, what to do, an error name and an exit code, and nothing of it is sent."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from skywrite.core.clock import SYSTEM_CLOCK, FakeClock
from tests.support.shell import Files, Shell, Told

FAMILY = "👨‍👩‍👧‍👦"
FAMILY_BYTES = 25
PRIVATE_PAGE = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True)
class Case:
    """What is given, and what must come back."""

    name: str
    words: Callable[[Shell, Files], list[str]]
    error: str
    code: int
    message: str
    stdin: bytes = b""


def post(*words: str) -> Callable[[Shell, Files], list[str]]:
    return lambda shell, files: ["post", *words]


def five_images_and_a_video(shell: Shell, files: Files) -> list[str]:
    images = [word for n in range(5) for word in ("--image", files.image(f"{n}.png"))]
    return ["post", "Mixed", *images, "--video", files.video]


def reply_to_a_deleted_post(shell: Shell, files: Files) -> list[str]:
    uri = shell("post", "Soon gone", "--json").json["uri"]
    shell("delete", uri)
    return ["post", "An answer", "--reply-to", uri]


CASES = [
    Case("empty", post(""), "post.empty", 2, "empty"),
    Case("no text at all", post(), "post.empty", 2, "empty"),
    Case("white space", post(" \n\t"), "post.empty", 2, "empty"),
    Case("empty standard input", post("-"), "post.empty", 2, "empty", b"\n"),
    Case("empty part of a thread", lambda s, f: ["thread", "One", ""], "post.empty", 2, "Post 2 of 2"),
    Case("301 graphemes", post("é" * 301), "text.too_long", 2, "301 characters"),
    Case("3001 bytes", post(FAMILY * (3000 // FAMILY_BYTES) + "a"), "text.too_long", 2, "3001 bytes"),
    Case("5 images with a video", five_images_and_a_video, "media.mixed", 2, "5 images and a video"),
    Case("11 images", lambda s, f: post("x", *["--image", f.image()] * 11)(s, f), "images.too_many", 2, "11"),
    Case("no image", lambda s, f: post("x", "--image", f.text_as_image)(s, f), "image.unsupported", 2, "notes.jpg"),
    Case("169 megapixels", lambda s, f: post("x", "--image", f.bomb)(s, f), "image.too_large", 2, "169"),
    Case("400 MB video", lambda s, f: post("x", "--video", f.large_video)(s, f), "video.too_large", 2, "400 MB"),
    Case("no video", lambda s, f: post("x", "--video", f.text_as_image)(s, f), "video.unsupported", 2, "notes.jpg"),
    Case("missing image", post("x", "--image", "away.png"), "file.missing", 2, "away.png"),
    Case("missing video", post("x", "--video", "away.mp4"), "file.missing", 2, "away.mp4"),
    Case("missing text", post("--file", "away.txt"), "file.missing", 2, "away.txt"),
    Case("missing table", lambda s, f: ["import", "away.csv"], "table.unreadable", 2, "away.csv"),
    Case("folder as image", lambda s, f: post("x", "--image", str(f.folder))(s, f), "file.unreadable", 2, "files"),
    Case("folder as text", lambda s, f: post("--file", str(f.folder))(s, f), "file.unreadable", 2, "files"),
    Case("text that is not UTF-8", post("-"), "text.invalid", 2, "UTF-8", b"caf\xe9"),
    Case("bad at-uri to answer", post("x", "--reply-to", "at://"), "link.invalid", 2, "at://"),
    Case("bad link to quote", post("x", "--quote", "https://example.com/1"), "link.invalid", 2, "example.com"),
    Case("bad DID", post("x", "--reply-to", "at://did:x/app.bsky.feed.post/3k"), "link.invalid", 2, "did:x"),
    Case("bad collection", post("x", "--reply-to", "at://alice.test/nonsense/3k"), "link.invalid", 2, "nonsense"),
    Case("bad at-uri to delete", lambda s, f: ["delete", "at://x"], "link.invalid", 2, "at://x"),
    Case("answer to a deleted post", reply_to_a_deleted_post, "target.unknown", 2, "deleted"),
    Case(
        "answer to nobody's post",
        post("x", "--reply-to", "at://nobody.test/app.bsky.feed.post/3kabcdefghij2"),
        "handle.unknown",
        2,
        "nobody.test",
    ),
    Case("card of a private address", post("x", "--card", PRIVATE_PAGE), "address.refused", 2, "169.254.169.254"),
    Case("card of localhost", post("x", "--card", "http://localhost/"), "address.refused", 2, "localhost"),
    Case("image at a private address", post("x", "--image", PRIVATE_PAGE), "address.refused", 2, "169.254.169.254"),
    Case("bad language", post("x", "--lang", "english!"), "language.invalid", 2, "english!"),
    Case(
        "four languages",
        post("x", *[f"--lang={lang}" for lang in ("en", "de", "fr", "it")]),
        "language.invalid",
        2,
        "4",
    ),
    Case("unknown label", post("x", "--label", "nudty"), "label.unknown", 2, "nudty"),
    Case("unknown rule", post("x", "--replies", "friends"), "reply_rule.unknown", 2, "friends"),
    Case("NUL", post("-"), "text.invalid", 2, "NUL", b"a\0b"),
    Case("lone surrogate", post(os.fsdecode(b"caf\xe9")), "text.invalid", 2, "half a character"),
    Case(
        "alt with a surrogate",
        lambda s, f: post("x", "--image", f.image(), "--alt", "\udce9")(s, f),
        "text.invalid",
        2,
        "",
    ),
    Case("tag with a surrogate", post("x", "--tag", "\udce9"), "text.invalid", 2, "half a character"),
    Case("key with a surrogate", post("x", "--key", "\udce9"), "text.invalid", 2, "half a character"),
    Case("file name with a surrogate", post("x", "--image", "\udce9.png"), "file.missing", 2, "png"),
    Case("handle with a surrogate", post("x", "--account", "\udce9"), "account.missing", 3, "signed in"),
    Case("moment with a surrogate", post("x", "--at", "\udce9"), "time.invalid", 2, ""),
    Case("moment that is none", post("x", "--at", "whenever"), "time.invalid", 2, "whenever"),
    Case("unknown account", post("x", "--account", "carol.test"), "account.missing", 3, "carol.test"),
    Case("unknown post", lambda s, f: ["show", "99"], "post.unknown", 2, "99"),
    Case("unknown option", post("--nonsense"), "command.misused", 2, "--nonsense"),
    Case("unknown command", lambda s, f: ["pots", "x"], "command.misused", 2, "pots"),
    Case(
        "table with a bad row",
        lambda s, f: ["import", f.text("a.jsonl", '{"text": "a"\n')],
        "table.unreadable",
        2,
        "Line 1",
    ),
    Case(
        "row with half a character",
        lambda s, f: ["import", f.text("a.jsonl", r'{"text": "\ud800"}')],
        "import.failed",
        2,
        "Row 1",
    ),
    Case(
        "row with an unknown field",
        lambda s, f: ["import", f.text("a.jsonl", '{"txet": "a"}')],
        "import.failed",
        2,
        "txet",
    ),
]


def assert_error(told: Told, error: str, words: str) -> None:
    """The object of an error: its code, a sentence that says what is wrong, and what to do."""
    value = told.json
    assert ["code", "error", "hint", "message"] == sorted(value.keys() - {"rows"})
    assert (error, True, True) == (value["code"], words in value["message"], bool(value["hint"])), value
    assert "Traceback" not in told.out + told.err


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, shell: Shell, files: Files) -> None:
    """Bad input ends with its error and exit code, in words and as JSON, and nothing was sent or kept."""
    words = case.words(shell, files)
    told = shell(*words, "--json", stdin=case.stdin, code=case.code)
    assert_error(told, case.error, case.message)
    in_words = shell(*words, stdin=case.stdin, code=case.code)
    message = told.json["message"].encode("utf-8", "backslashreplace").decode()
    assert (True, True) == (message in in_words.err, "To do:" in in_words.err)
    assert ([], []) == (shell.posts(), shell("list", "--json").json)


def test_unknown_handle_at_login(signed_out: Shell) -> None:
    """Signing in with a handle that nobody has says that it is the handle that is wrong."""
    words = ("login", "nobody.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    assert_error(signed_out(*words, stdin=b"abcd-efgh-ijkl-mnop\n", code=2), "handle.unknown", "nobody.test")


@pytest.mark.parametrize("handle", ["alice", "@", "alice test", "\udce9.test", ""])
def test_no_handle_at_login(signed_out: Shell, handle: str) -> None:
    """What is no handle is refused before anything is asked."""
    signed_out.set(BLUESKY_HANDLE="")
    words = ("login", handle, "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    told = signed_out(*words, stdin=b"abcd-efgh-ijkl-mnop\n", code=2)
    assert (True, 0) == (bool(told.json["hint"]), signed_out.box.calls["com.atproto.server.createSession"])


def test_wrong_password(signed_out: Shell) -> None:
    """A wrong password is told as such, and no account is kept."""
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    assert_error(signed_out(*words, stdin=b"wrong\n", code=3), "login.wrong_password", "alice.test")
    assert [] == signed_out("accounts", "--json").json


def test_no_password(signed_out: Shell) -> None:
    """An empty password is refused before anything is asked."""
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    assert_error(signed_out(*words, stdin=b"", code=2), "input.invalid", "no password")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("login",), "skywrite login --help"),
        (("login", "alice.test"), "BLUESKY_APP_PASSWORD"),
        (
            (
                "notices",
                "add",
                "email",
                "me@x.example",
                "--from",
                "b@x.example",
                "--server",
                "x.example",
                "--user",
                "b",
            ),
            "SKYWRITE_SMTP_PASSWORD",
        ),
    ],
)
def test_nobody_to_ask(signed_out: Shell, words: tuple[str, ...], hint: str) -> None:
    """What would be asked for is an error where nobody sits at a terminal, and says how else to give it."""
    told = signed_out(*words, "--json", code=2)
    assert ("input.invalid", True) == (told.json["code"], hint in told.json["hint"])


def test_main_password(signed_out: Shell) -> None:
    """The main password signs in, with a warning that an app password is safer."""
    password = signed_out.box.account("alice.test").password
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin")
    told = signed_out(*words, "--json", stdin=f"{password}\n".encode())
    assert ["main password"] == [word for word in ("main password",) if word in told.json["warnings"][0]]
    in_words = signed_out(*words, stdin=f"{password}\n".encode())
    assert "Note: This is the account's main password." in in_words.err


def later(shell: Shell, **away: float) -> None:
    """Let the server's clock be ahead of ours."""
    shell.box.clock = FakeClock(datetime.now(UTC) + timedelta(**away))


def test_revoked_app_password(shell: Shell) -> None:
    """Once its app password is revoked, a session ends and says what to do; the post waits for the sign-in."""
    alice = shell.box.account("alice.test")
    alice.app_passwords.clear()
    shell.box._pds.sessions.revoke_all(alice.did)
    later(shell, hours=3)
    told = shell("post", "Hello", "--json", code=3)
    assert_error(told, "session.expired", "alice.test")
    assert ("skywrite login" in told.json["hint"], []) == (True, shell.posts())
    assert ["held"] == [item["state"] for item in shell("list", "--json").json]
    assert "needs login" in shell("accounts").out


def test_expired_session(shell: Shell) -> None:
    """A session that was left alone until its refresh token ran out says what to do."""
    later(shell, days=91)
    assert_error(shell("post", "Hello", "--json", code=3), "session.expired", "alice.test")
    assert [] == shell.posts()


@pytest.mark.parametrize("away", [-400, -1, 1, 80])
def test_wrong_clock(shell: Shell, away: int) -> None:
    """A computer whose clock is days off still posts once, and `doctor` says what is wrong."""
    later(shell, days=away)
    shell("post", "Hello", "--json")
    findings = {item["what"]: item for item in shell("doctor", "--json", code=1).json}
    assert (["Hello"], "wrong") == (shell.posts(), findings["clock"]["level"])
    assert "clock" in findings["clock"]["hint"]


def test_taken_down_account(shell: Shell) -> None:
    """A taken-down account is told as such, at a post and at a sign-in."""
    shell.box.set_status("alice.test", "takendown")
    assert_error(shell("post", "Hello", "--json", code=3), "account.unavailable", "taken down")
    assert [] == shell.posts()
    alice = shell.box.account("alice.test")
    words = ("login", "alice.test", "--pds", shell.box.url, "--app-password-stdin", "--json")
    assert_error(shell(*words, stdin=f"{alice.password}\n".encode(), code=3), "account.unavailable", "taken down")
    # With an app password a server does not tell whether the account or the password is gone.
    told = shell(*words, stdin=f"{alice.app_password}\n".encode(), code=2)
    assert_error(told, "handle.unknown", "alice.test")
    assert "taken down" in told.json["hint"]


def test_server_down(shell: Shell) -> None:
    """While the server is down a post is kept and says so; the next run sends it, once."""
    shell.box.stop()
    told = shell("post", "Hello", "--json", code=4)
    assert_error(told, "post.still_queued", "Could not connect")
    assert ([], True) == (shell.posts(), "skywrite run --once" in told.json["hint"])
    shell.box.start()
    shell("post", "Hello", "--json")
    shell("run", "--once")
    assert ["Hello"] == shell.posts()


def test_server_down_at_login(signed_out: Shell) -> None:
    """Signing in at a server that is down is told as that."""
    signed_out.box.stop()
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    assert_error(signed_out(*words, stdin=b"abcd-efgh-ijkl-mnop\n", code=4), "server.unreachable", "Could not connect")


def test_server_answers_html(shell: Shell) -> None:
    """A server that answers with web pages is told as that, and the post is kept."""
    shell.box.faults.add(kind="html", times=None)
    told = shell("post", "Hello", "--json", code=4)
    assert_error(told, "post.still_queued", "web page")
    assert [] == shell.posts()
    shell.box.faults.clear()
    shell("post", "Hello")
    assert ["Hello"] == shell.posts()


def test_server_answers_html_at_login(signed_out: Shell) -> None:
    """Signing in at what is no PDS is told as that."""
    signed_out.box.faults.add(kind="html", times=None)
    words = ("login", "alice.test", "--pds", signed_out.box.url, "--app-password-stdin", "--json")
    assert_error(signed_out(*words, stdin=b"abcd-efgh-ijkl-mnop\n", code=4), "server.not_a_pds", "web page")


def test_no_account_yet(signed_out: Shell) -> None:
    """Without an account every command that needs one says how to sign in."""
    for words in (("post", "Hello"), ("thread", "A", "B"), ("preview", "Hello"), ("whoami",), ("doctor",)):
        told = signed_out(*words, "--json", code=3)
        if words != ("doctor",):
            assert_error(told, "account.missing", "No account")
            assert "skywrite login" in told.json["hint"]


def test_database_of_a_newer_version(shell: Shell) -> None:
    """A database that a newer program has changed is left alone."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database:
        database.execute("INSERT INTO schema_version (version, name, applied_at) VALUES (999, 'x', '2026')")
        database.commit()
    told = shell("post", "Hello", "--json", code=1)
    assert_error(told, "database.too_new", "999")
    assert ([], True) == (shell.posts(), "pgrade" in told.json["hint"])


def test_database_from_before_the_first_release(shell: Shell) -> None:
    """Every command leaves it alone, and names the commands that take the plan along."""
    with closing(sqlite3.connect(shell.home / "skywrite.db")) as database:
        database.execute("UPDATE schema_version SET version = 65")
        database.commit()
    for words in (("post", "Hello"), ("queue",), ("run", "--once"), ("backup", "copy.db"), ("serve", "--port", "0")):
        told = shell(*words, "--json", code=1)
        assert_error(told, "database.too_old", "version 65")
        assert all(command in told.json["hint"] for command in ("skywrite export", "skywrite import"))
    assert [] == shell.posts()


def test_database_that_is_none(shell: Shell, files: Files) -> None:
    """A file that is no database is left alone."""
    shell.set(SKYWRITE_DATABASE=files.text("notes.txt", "Dear diary, " * 1000))
    assert_error(shell("post", "Hello", "--json", code=1), "database.corrupt", "notes.txt")
    assert "Dear diary, " * 1000 == Path(os.environ["SKYWRITE_DATABASE"]).read_text()


def test_home_under_a_file(shell: Shell, files: Files) -> None:
    """A home that cannot be made is named."""
    home = files.text("notes.txt", "x") + "/home"
    shell.set(SKYWRITE_HOME=home)
    told = shell("login", "alice.test", "--pds", shell.box.url, "--app-password-stdin", "--json", stdin=b"x\n", code=1)
    assert_error(told, "database.unavailable", home)


WITHOUT_ROOT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def bound() -> tuple[str, ...]:
    """What makes a process heed permissions, also when root runs the tests."""
    return WITHOUT_ROOT_RIGHTS if os.geteuid() == 0 else ()


def test_no_write_permission(shell: Shell) -> None:
    """A database that may only be read says so, by its path, and nothing is sent."""
    files = [path for path in shell.home.iterdir() if path.name.startswith("skywrite.db")]
    for path in files:
        path.chmod(0o400)
    shell.home.chmod(0o500)
    try:
        told = shell.process("post", "Hello", "--json", code=1, wrapper=bound())
    finally:
        shell.home.chmod(0o700)
        for path in files:
            path.chmod(0o600)
    assert_error(told, "database.read_only", str(shell.home))
    assert [] == shell.posts()


def test_no_permission_for_a_new_home(shell: Shell, tmp_path: Path) -> None:
    """A home that may not be made says so, by its path."""
    place = tmp_path / "locked"
    place.mkdir(mode=0o500)
    told = shell.process("post", "Hello", "--json", code=1, wrapper=bound(), SKYWRITE_HOME=str(place / "home"))
    assert_error(told, "database.read_only", str(place))


@pytest.mark.parametrize(("words", "error"), [(["--file"], "file.unreadable"), (["x", "--image"], "file.unreadable")])
def test_unreadable_file(shell: Shell, files: Files, words: list[str], error: str) -> None:
    """A file without the right to read it is named, and nothing is sent."""
    path = files.text("secret.txt", "x")
    Path(path).chmod(0)
    told = shell.process("post", *words, path, "--json", code=2, wrapper=bound())
    assert_error(told, error, "Permission denied")
    assert ([], True) == (shell.posts(), path in told.json["message"])


def test_bytes_that_are_no_text_in_a_real_process(shell: Shell) -> None:
    """Bytes on the command line that are no UTF-8 are refused by name, in both kinds of output."""
    assert_error(shell.process("post", b"caf\xe9", "--json", code=2), "text.invalid", "half a character")
    told = shell.process("post", "x", "--image", b"caf\xe9.png", code=2)
    assert ("Error: There is no file" in told.err, []) == (True, shell.posts())
    told = shell.process("post", "x", "--image", b"caf\xe9.png", "--json", code=2, LC_ALL="C", PYTHONUTF8="0")
    assert_error(told, "file.missing", "caf")


def test_output_that_is_not_utf_8(shell: Shell) -> None:
    """Where the terminal takes only Latin-1, JSON stays JSON and sentences are told with escapes."""
    told = shell.process("post", "x", "--image", "é.png", "--json", code=2, PYTHONIOENCODING="latin-1")
    assert ("There is no file é.png.", True) == (told.json["message"], told.out.isascii())
    assert "\\u2713 Posted: https://" in shell.process("post", "Hello", PYTHONIOENCODING="latin-1").out


def test_real_process(shell: Shell) -> None:
    """A real process says its error on standard error alone, with its exit code."""
    told = shell.process("post", "", code=2)
    assert ("", True, []) == (told.out, told.err.startswith("Error: The post is empty.\nTo do: "), shell.posts())


def test_disk_full(shell: Shell, files: Files) -> None:
    """On a full disk a post is refused as a whole, and what was accepted before is still there."""
    shell("post", "Before", "--at", "tomorrow 9:00")
    room = 1_000_000

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    noise = files.text("noise.mp4", large_video(Path(files.video), 2 * room))
    told = shell.process("post", "Hello", "--video", noise, "--json", code=1, before=limit)
    assert_error(told, "disk.full", "room")
    assert ([], ["Before"]) == (shell.posts(), [item["text"] for item in shell("list", "--json").json])


def large_video(video: Path, size: int) -> bytes:
    """A video with so many bytes more that nothing plays and nothing compresses."""
    return video.read_bytes() + (size + 8).to_bytes(4, "big") + b"free" + os.urandom(size)


def test_every_errno_of_a_full_disk_is_known() -> None:
    """The limits that a file system sets to a user count as a full disk too."""
    assert {"ENOSPC", "EDQUOT", "EFBIG"} <= set(errno.errorcode.values())


def test_system_clock_is_in_use() -> None:
    """The tests' shell shortens waits of the clock that the program uses."""
    assert "SystemClock" == type(SYSTEM_CLOCK).__name__
