"""Recurrences whose texts come from a grammar."""

from __future__ import annotations

import json

from tests.support.shell import Files, Shell

BOT = {"origin": ["#sky# over #place.a#"], "sky": ["Sun", "Rain", "Snow"], "place": ["harbour", "island", "hill"]}


def test_a_recurrence_takes_its_texts_from_a_grammar(shell: Shell, files: Files) -> None:
    """All that it has are there before any comes again, and they are known from now on."""
    bot = files.text("bot.json", json.dumps(BOT))
    told = shell("post", "--every", "daily 9:00", "--grammar", bot, "--json").json
    (rule,) = shell("recurring", "--json").json
    assert (9, True) == (rule["pool_size"], told["due_at"] is not None)
    (post,) = shell("list", "--json").json
    assert post["text"] in {
        f"{sky} over {place}" for sky in BOT["sky"] for place in ("a harbour", "an island", "a hill")
    }
    again = shell("post", "--every", "daily 9:00", "--grammar", bot, "--json").json
    assert (True, 1) == (again["existed"], len(shell("recurring", "--json").json))
    files.text("bot.json", json.dumps({"origin": ["One", "Two"]}))
    shell("recurring", "edit", str(rule["id"]), "--grammar", bot)
    assert [2] == [rule["pool_size"] for rule in shell("recurring", "--json").json]


def test_a_grammar_goes_with_a_rule_alone(shell: Shell, files: Files) -> None:
    """Without --every, with a pool, or with a text beside it, nothing is posted, and the reason is said."""
    bot = files.text("bot.json", json.dumps(BOT))
    pool = files.text("pool.txt", "One\n---\nTwo")
    for words in ((), ("--every", "daily 9:00", "--pool", pool), ("Hello", "--every", "daily 9:00")):
        assert shell("post", *words, "--grammar", bot, "--json", code=2).json["hint"]
    bad = files.text("bad.json", json.dumps({"origin": ["#a# #b#"]}))
    told = shell("post", "--every", "daily 9:00", "--grammar", bad, "--json", code=2).json
    assert "grammar.invalid" == told["code"]
    assert all(f"there is no symbol '{name}'" in told["message"] for name in "ab")
    assert ([], []) == (shell.posts(), shell("list", "--json").json)
