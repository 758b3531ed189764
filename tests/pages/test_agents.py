"""Letting an agent in, in a real browser: the policy of the page lets the answer reach the program, and nobody else."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from skywrite.features.agents.store import challenge_of
from tests.pages.conftest import NAME, Watched
from tests.pages.test_pages import problems
from tests.support.processes import PATIENCE_SECONDS


def test_the_answer_reaches_the_program(tab: Watched) -> None:
    """The page is accessible; the button brings the code to the program that listens on this computer."""
    came: list[str] = []
    arrived = threading.Event()

    class Program(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    own = tab.url.replace(NAME, "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Program) as program:
        thread = threading.Thread(target=program.serve_forever, daemon=True)
        thread.start()
        back = f"http://127.0.0.1:{program.server_port}/back"
        body = {"client_name": "A program", "redirect_uris": [back]}
        question = {
            "response_type": "code",
            "client_id": httpx.post(f"{own}/register", json=body, timeout=PATIENCE_SECONDS).json()["client_id"],
            "redirect_uri": back,
            "code_challenge": challenge_of("v" * 43),
            "code_challenge_method": "S256",
            "resource": f"{own}/mcp",
            "state": "s",
        }
        page = tab.visit(f"/authorize?{urlencode(question)}")
        assert [] == problems(page)
        assert page.get_by_label("draft").is_checked()
        assert not page.get_by_label("alice.test").is_checked()
        page.get_by_label("alice.test").check()
        page.get_by_role("button", name="Allow it").click(no_wait_after=True)
        assert arrived.wait(PATIENCE_SECONDS)
        program.shutdown()
        thread.join()
    answer = parse_qs(urlsplit(came[0]).query)
    assert ({"code", "state", "iss"}, [own]) == (set(answer), answer["iss"])
