"""Words that a shell or a make_due_now puts beside the text are refused; nothing is posted that nobody meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("words", "stray", "hint"),
    [
        (("Two images", "--image", "p01.jpg", "p02.jpg"), "'p02.jpg'", "--image p01.jpg --image p02.jpg"),
        (("--image", "p01.jpg", "p02.jpg", "Two images"), "'p02.jpg'", "--image p01.jpg --image p02.jpg"),
        (("--image", "p01.jpg", "p02.jpg"), "'p02.jpg'", "--image p01.jpg --image p02.jpg"),
        (("Sale", "--at", "noon", "friday"), "'friday'", '--at "noon friday"'),
        (("Sale", "--at=noon", "friday"), "'friday'", '--at "noon friday"'),
        (("News", "--tag", "one", "two"), "'two'", "--tag one --tag two"),
        (("Good", "morning"), "2 words", 'skywrite post "Good morning"'),
        (("--", "Good", "morning"), "2 words", 'skywrite post "Good morning"'),
    ],
)
def test_a_post_takes_one_text(shell: Any, monkeypatch: pytest.MonkeyPatch, words: Any, stray: str, hint: str) -> None:
    """More words are an error that names the option before them and shows how it is written."""
    monkeypatch.chdir(shell.home)
    for name in ("p01.jpg", "p02.jpg"):
        Path(shell.home, name).write_bytes(b"")
    told = shell("post", *words, code=2)
    assert (True, True, []) == (stray in told.err, hint in told.err, shell.posts())


@pytest.mark.parametrize("option", ["--video", "--at", "--card", "--quote", "--key", "--account"])
def test_an_option_with_one_value_is_given_once(shell: Any, option: str) -> None:
    """The last of two does not silently win."""
    told = shell("post", "Hello", option, "a", option, "b", code=2)
    assert (True, []) == (f"{option} is given 2 times" in told.err, shell.posts())


def test_texts_of_a_thread_stand_together(shell: Any) -> None:
    """A word behind an option's value is no post of the thread."""
    told = shell("thread", "First", "Second", "--lang", "en", "de", code=2)
    assert (True, []) == ("--lang en --lang de" in told.err, shell.posts())
    shell("thread", "First", "Second", "--lang", "en")
    assert ["First", "Second"] == shell.posts()


def test_options_before_the_text_are_no_mistake(shell: Any) -> None:
    """`--lang en "Hello"` posts Hello."""
    shell("post", "--lang", "en", "--no-card", "Hello")
    assert ["Hello"] == shell.posts()
