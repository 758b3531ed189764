"""`skywrite serve` and `skywrite keys`, as a shell sees them."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import httpx
import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.faces.server.serving import listen
from skywrite.sandbox import Sandbox
from tests.support.processes import FAST_FOLDER, PATIENCE_SECONDS, python_child
from tests.support.serving import Api, Server, start


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a computer where nobody is signed in."""
    return {"SKYWRITE_HOME": str(tmp_path)}


def run(*words: str, environ: dict[str, str], code: int = 0) -> str:
    """What a command prints."""
    with python_child("-m", "skywrite.faces.cli.main", *words, environ=environ) as child:
        assert code == child.wait(), child.output
        return child.output


def test_keys_are_made_listed_and_revoked(environ: dict[str, str]) -> None:
    """`keys add` prints the key once; `keys list` shows it by its beginning; `keys revoke` ends it."""
    new_key = json.loads(
        run("keys", "add", "--name", "N", "--scope", "draft", "--scope", "read", "--json", environ=environ)
    )
    assert new_key["key"].startswith("skw_")
    listed = run("keys", "list", "--json", environ=environ)
    assert new_key["key"] not in listed
    assert [["read", "draft"]] == [key["scopes"] for key in json.loads(listed)]
    run("keys", "revoke", str(new_key["id"]), environ=environ)
    assert json.loads(run("keys", "list", "--json", environ=environ))[0]["revoked_at"] is not None


def test_an_end_in_words(environ: dict[str, str]) -> None:
    """A key may end at a time in words; one in the past is refused, and so is a scope that there is not."""
    words = ("keys", "add", "--name", "N", "--scope", "read", "--json")
    assert json.loads(run(*words, "--until", "2030-01-01 12:00 UTC", environ=environ))["expires_at"].startswith(
        "2030-01-01"
    )
    assert json.loads(run(*words, "--until", "2030-01-01", environ=environ))["expires_at"] > "2030-01-01T10"
    run(*words, "--until", "2020-01-01 12:00", environ=environ, code=2)
    assert "not a scope" in run("keys", "add", "--name", "N", "--scope", "fly", "--json", environ=environ, code=2)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_key_of_the_shell_opens_the_server(
    environ: dict[str, str], database: str, request: pytest.FixtureRequest
) -> None:
    """A key that `keys add` made is taken by a server of the same database, which stops cleanly when it is asked to."""
    box = Sandbox(accounts=("alice.test",))
    box.start(0)
    environ |= {"SKYWRITE_PLC_URL": box.plc_url, "SKYWRITE_VIDEO_SERVICE": ""}
    if database == "postgres":
        environ["SKYWRITE_DATABASE"] = request.getfixturevalue("postgres_url")
    with Skywrite(config=load_config(environ)) as sky:
        sky.accounts.login("alice.test", box.account("alice.test").app_password, pds=box.url)
    words = ("keys", "add", "--name", "N", "--scope", "publish", "--scope", "draft", "--scope", "read", "--json")
    key = json.loads(run(*words, "--account", "alice.test", environ=environ))["key"]
    server = start(environ=environ)
    with server.child:
        api = Api(server.url, {"authorization": f"Bearer {key}"})
        sent = api.post("/posts", {"text": "From the API", "now": True, "key": "one"})
        assert (201, "published") == (sent.status_code, sent.json()["state"])
        assert ["From the API"] == [post.text for post in box.posts("alice.test")]
        with httpx.stream(
            "GET", f"{server.url}/api/v1/events", headers=api.headers, timeout=PATIENCE_SECONDS
        ) as stream:
            lines = stream.iter_lines()
            next(lines)
            held = api.post("/posts", {"text": "To cancel", "draft": True}).json()
            api.delete(f"/posts/{held['id']}")
            assert any(line == "event: post.cancelled" for line in lines)
            server.child.send(signal.SIGTERM)
            assert "data" in "".join(lines)
        assert 0 == server.child.wait(PATIENCE_SECONDS)
    box.stop()


def test_one_line_for_programs(environ: dict[str, str]) -> None:
    """With --json the first line is one object with the addresses; both lead to this server."""
    server = start(environ=environ)
    with server.child:
        addresses = json.loads(server.child.lines[0])
        assert {"url", "sign_in_url"} == set(addresses)
        assert {"status": "ok"} == httpx.get(f"{addresses['url']}/healthz", timeout=PATIENCE_SECONDS).json()
        assert addresses["sign_in_url"].startswith(f"{addresses['url']}/")


def test_people_get_a_name_that_keeps_cookies_apart(environ: dict[str, str]) -> None:
    """Without --json the printed address is skywrite.localhost, where only this server gets our cookie."""
    words = ("-m", "skywrite.faces.cli.main", "serve", "--port", "0", "--log", "none")
    with python_child(*words, environ=environ) as child:
        assert "http://skywrite.localhost:" in child.wait_for_line("Sign in")


def test_a_port_that_is_taken(environ: dict[str, str]) -> None:
    """A port that somebody has is said in a sentence."""
    server = start("--no-worker", environ=environ)
    with server.child:
        port = server.url.rpartition(":")[2]
        assert "server.address_in_use" in run("serve", "--port", port, "--json", environ=environ, code=2)


def test_answers_do_not_wait_for_more() -> None:
    """The socket names its protocol, without which asyncio leaves Nagle's algorithm on, and each answer takes 40 ms."""
    with listen("127.0.0.1", 0) as listening:
        assert socket.IPPROTO_TCP == listening.proto


def test_a_public_address_is_the_name(environ: dict[str, str]) -> None:
    """With --public-url the links lead there, and its host is known."""
    key = ("keys", "add", "--name", "N", "--scope", "read", "--json")
    run(*key, environ=environ)
    words = ("serve", "--port", "0", "--json", "--public-url", "https://posts.example.com")
    with python_child("-m", "skywrite.faces.cli.main", *words, environ=environ) as child:
        addresses = json.loads(child.wait_for_line("sign_in_url"))
    assert "https://posts.example.com" == addresses["url"]
    assert "input.invalid" in run("serve", "--json", "--public-url", "posts.example.com", environ=environ, code=2)


def test_what_a_killed_demo_leaves_goes_with_the_run(quiet_server: Server) -> None:
    """Tests kill their servers, which then remove nothing."""
    assert FAST_FOLDER == Path(quiet_server.home).parent
