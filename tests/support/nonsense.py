"""Values that no setting of an account may have."""

from __future__ import annotations

from typing import Any

from skywrite.app.settings import SETTINGS

_WORDS = ["nonsense", " ", "🙂", "null", "None", "a" * 300, "1e3", "-1", "1.5", "²", "9" * 30, "Mars/Base"]
_TYPED: list[Any] = ["", -1, 1.5, 2**70, [], {}, [1], [None], {"a": 1}, [[]]]
_MORE: dict[str, list[Any]] = {
    "approval": [
        "al",
        "agent",
        "feeds",
        "MCP",
        "agents feeds",
        "agents,feeds",
        "feed:",
        "feed: ",
        "feed:blog",
        "feed:03",
        "feed:https://example.com/feed",
        "none,agents",
        "page:1",
    ],
    "late": ["hold:", "hold:x", "skip:0m", "publish:2h", "later", "hold:2h,skip", "hold 2h"],
    "langs": ["de,en,fr,it", "auto,de", "deutsch!", "x"],
    "zone": ["Europe/Berln", "CET/CEST", "+01:00", "../UTC", "/etc/localtime"],
    "max_per_day": ["0", 0, True],
    "gap_seconds": ["2678401", True],
    "require_alt": [2, "maybe"],
}


def nonsense_words(name: str) -> list[str]:
    """Nonsense that one can write."""
    return [word for word in _WORDS + _MORE.get(name, []) if isinstance(word, str)]


def nonsense(name: str) -> list[Any]:
    """Nonsense of any type."""
    assert name in SETTINGS
    return [*_WORDS, *_TYPED, *_MORE.get(name, [])]
