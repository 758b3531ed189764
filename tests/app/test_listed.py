"""Lists that a program gives: an empty one is a value, and never stands for all or for the default."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.core.errors import InputError

NOTHING: dict[str, Callable[[Skywrite], object]] = {
    "accounts of a new feed": lambda sky: sky.feeds.add("https://example.com/", accounts=[]),
    "kinds of notices by e-mail": lambda sky: sky.notices.add_email(
        "me@example.com", sender="me@example.com", server="localhost", kinds=[]
    ),
    "kinds of notices": lambda sky: sky.notices.add_command("true", kinds=[]),
    "texts of a recurrence": lambda sky: sky.schedule(every="daily 9:00", pool=[]),
    "other texts of a recurrence": lambda sky: sky.recurrences.edit(1, pool=[]),
}


@pytest.mark.parametrize("what", NOTHING)
def test_an_empty_list_is_refused(sky: Skywrite, what: str) -> None:
    """`accounts=[]`, as a program has it that found no account, is an error and not the default account."""
    sky.schedule("Again", every="daily 9:00")
    with pytest.raises(InputError) as refused:
        NOTHING[what](sky)
    assert "list.empty" == refused.value.code
    assert ([], []) == (sky.feeds.list(), sky.notices.list())


def test_an_empty_name_leaves_no_hole_in_the_sentence(sky: Skywrite) -> None:
    """`There is no feed ''.`, and not `There is no feed .`"""
    with pytest.raises(InputError) as refused:
        sky.feeds.get("")
    assert "There is no feed ''." == refused.value.message


def test_one_text_is_a_list_of_one(sky: Skywrite) -> None:
    """`states="draft"` and `kinds="post.failed"` are not taken letter by letter."""
    sky.schedule("An idea", draft=True)
    assert ["An idea"] == [entry.post.text for entry in sky.posts.list(states="draft")]
    assert ["post.failed"] == sky.notices.add_command("true", kinds="post.failed").config["kinds"]


def test_a_state_that_does_not_exist_is_no_empty_queue(sky: Skywrite) -> None:
    """A misspelt state is an error."""
    wrong: Any = "planned"
    for listing in (sky.posts.list, sky.posts.history):
        with pytest.raises(InputError, match="There is no state 'planned'"):
            listing(states=[wrong])


def test_an_empty_folder_is_not_the_current_one(sky: Skywrite) -> None:
    """`folders.sync("")` would post whatever lies in the folder where a program happens to run."""
    with pytest.raises(InputError, match="The folder is empty"):
        sky.folders.sync("")
