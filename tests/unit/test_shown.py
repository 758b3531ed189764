"""What people and logs see: no password of a database, no control character of a stranger."""

from __future__ import annotations

import json

import pytest

from skywrite.core.config import load_config
from skywrite.core.shown import printable, printable_line, printable_styled, redacted


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/home/alice/skywrite.db", "/home/alice/skywrite.db"),
        ("postgresql://alice:hunter2@db.example:5433/posts", "postgresql://alice@db.example:5433/posts"),
        ("postgresql://db.example/posts?user=alice&password=hunter2", "postgresql://db.example/posts"),
        ("postgresql://db.example/posts?pass%77ord=hunter2", "postgresql://db.example/posts"),
        ("postgresql://db.example?password=hunter2", "postgresql://db.example"),
        ("postgresql:///posts?host=/run/postgresql&password=hunter2", "postgresql:///posts"),
        ("postgresql://alice:hunter2@one:1,two:2/posts", "postgresql://alice@one:1,two:2/posts"),
        ("postgresql://alice:hun@ter2@db.example/posts", "postgresql://alice@db.example/posts"),
        ("postgresql://alice:hunter2?@db.example/posts", "postgresql://alice@db.example/posts"),
        ("postgresql://alice:hunt/er2@db.example/posts", "postgresql://..."),
        ("host=db.example password=hunter2 user=alice", "host=db.example password=*** user=alice"),
        ("host=db.example password='hunter2 or 3' user=alice", "host=db.example password=*** user=alice"),
    ],
)
def test_a_database_is_shown_without_its_password(address: str, shown: str) -> None:
    """Whatever form the address has, what is shown and what `repr` says holds no password."""
    config = load_config({"SKYWRITE_DATABASE": address, "SKYWRITE_HOME": "/home"})
    assert (shown, shown) == (redacted(address), config.shown_database)
    assert "hun" not in repr(config)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Café 🏴󠁧󠁢󠁥󠁮󠁧󠁿 שלום\n\tnext", "Café 🏴󠁧󠁢󠁥󠁮󠁧󠁿 שלום\n\tnext"),
        ("\x1b[2J\x1b]52;c;aGk=\x07", "\\u001b[2J\\u001b]52;c;aGk=\\u0007"),
        ("safe\rerror", "safe\\u000derror"),
        ("\x9b31m\x7f", "\\u009b31m\\u007f"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
    ],
)
def test_control_characters_are_visible(text: str, shown: str) -> None:
    """A text moves no cursor, hides nothing, turns nothing round and begins no line that is not its own."""
    assert shown == printable(text)


def test_what_is_shown_in_json_is_the_same_text() -> None:
    """A program that reads our JSON gets back the very characters."""
    text = "a\x1b\x7f\x9b\u2028\u202eb"
    assert text == json.loads(printable(json.dumps(text, ensure_ascii=False)))


def test_our_colours_pass_and_nothing_else() -> None:
    """Bold and colours are the only escape sequences that reach a terminal; concealed text does not."""
    assert "\x1b[31m\x1b[1mred\x1b[0m" == printable_styled("\x1b[31m\x1b[1mred\x1b[0m")
    assert "\\u001b[8mhidden\\u001b[31;8m" == printable_styled("\x1b[8mhidden\x1b[31;8m")


def test_one_line_stays_one_line() -> None:
    """A sentence of a stranger makes no second line that looks like ours."""
    assert "a ✓ Published." == printable_line("a\n✓ Published.")
