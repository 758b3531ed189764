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


def test_how_many_texts_differ_is_chosen(shell: Shell, files: Files) -> None:
    """As many as somebody says, on each way in; more than the grammar has is an error that says how many it has."""
    bot = files.text("bot.json", json.dumps(BOT))
    shell("post", "--every", "daily 9:00", "--grammar", bot, "--distinct", "4")
    shell("recurring", "edit", "1", "--grammar", bot, "--distinct", "5")
    rows = [
        {"every": "daily 10:00", "grammar": bot, "distinct": 3},
        {"every": "daily 11:00", "grammar": BOT, "distinct": "2"},
        {"every": "daily 12:00", "grammar": BOT},
    ]
    shell("import", files.text("plan.jsonl", "\n".join(map(json.dumps, rows))))
    table = f"every,grammar,distinct,text,at\ndaily 13:00,{bot},6,,\n,,,Hello,tomorrow 9:00\n"
    shell("import", files.text("plan.csv", table))
    assert [5, 3, 2, 9, 6] == [rule["pool_size"] for rule in shell("recurring", "--json").json]
    told = shell("post", "--every", "daily 9:00", "--grammar", bot, "--distinct", "10", "--json", code=2).json
    assert ("grammar.invalid", "10 distinct posts are asked for, and the grammar gives 9.") == (
        told["code"],
        told["message"],
    )
    assert shell("answers", "add", "--text", bot, "--distinct", "10", "--json", code=2).json["code"] == told["code"]
    ways = [
        shell("answers", "add", "--text", bot, *more, "--json").json["distinct"] for more in ((), ("--distinct", "4"))
    ]
    assert [9, 4] == ways
