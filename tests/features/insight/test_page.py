"""The page Stats: drawn by the server, and readable without its plots."""

from __future__ import annotations

from skywrite.features.insight.page import HEIGHT, bars
from skywrite.features.insight.stats import Group
from tests.support.serving import COOKIE, Server


def test_the_page_is_there_for_who_is_signed_in(quiet_server: Server) -> None:
    """Also with a grouping and an age that do not exist."""
    cookies = {"cookie": f"{COOKIE}={quiet_server.owner}"}
    for query in ("", "?by=hour&after=6", "?by=nothing&after=x"):
        answer = quiet_server.request("GET", f"/stats{query}", headers=cookies)
        assert (200, True) == (answer.status_code, "Nothing was counted yet" in answer.text)
    assert 401 == quiet_server.request("GET", "/stats").status_code


def test_bars_are_as_high_as_their_numbers() -> None:
    """The largest fills the plot; none is nothing, also where all are none."""
    groups = [Group(str(number), 1, {"likes": number}, None) for number in (0, 5, 10)]
    assert [0.0, HEIGHT / 2, float(HEIGHT)] == [bar.height for bar in bars(groups, "likes")]
    assert [0.0] == [bar.height for bar in bars(groups[:1], "likes")]
    assert [] == bars([], "likes")
