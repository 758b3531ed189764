"""Words that a shell or a make_due_now puts beside the text are refused; nothing is posted that nobody meant."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from skywrite.core.errors import InputError
from skywrite.faces.cli.names import OTHER_COMMANDS, OTHER_LINES, all_commands
from tests.cli.test_hints import parsed
from tests.cli.walk import commands
from tests.support.shell import Shell, png


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


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("post", "Good", "morning", "--at", "in 3 days"), ("post", "Good morning", "--at", "in 3 days")),
        (("post", "--at", "in", "3", "days", "Sale"), ("post", "--at", "in 3 days", "Sale")),
        (("post", "Sale", "--at=in", "3", "days"), ("post", "Sale", "--at", "in 3 days")),
        (("post", "It costs", "$5 `now`"), ("post", "It costs $5 `now`")),
        (("post", "--tag", "a", "b", "c", "Text"), ("post", "--tag", "a", "--tag", "b", "--tag", "c", "Text")),
        (("post", "-5 degrees", "--lang", "en"), ("post", "--lang", "en", "--", "-5 degrees")),
        (("thread", "First", "post", "of", "mine", "--lang", "en"), ("thread", "First post of mine", "--lang", "en")),
        (("thread", "A", "B", "--lang", "en", "de"), ("thread", "A", "B", "--lang", "en", "--lang", "de")),
    ],
)
def test_the_hint_is_the_whole_command(shell: Shell, words: tuple[str, ...], meant: tuple[str, ...]) -> None:
    """It keeps every option that was given, so that pasting it does what was meant, and at its time."""
    hint = shell(*words, "--json", code=2).json["hint"]
    command = hint.partition(": ")[2].partition(". If")[0]
    pasted = [word for word in shlex.split(command) if word != "--json"]
    assert ["skywrite", *meant] == pasted
    shell(*meant[:1], "--dry-run", *meant[1:])
    assert [] == shell.posts()


@pytest.mark.parametrize("path", ["post", "thread", "preview"])
@pytest.mark.parametrize("option", ["--schedule", "--shedule", "--no-such", "--no-such=1", "-x"])
def test_an_unknown_option_is_no_text(shell: Shell, path: str, option: str) -> None:
    """`--schedule "tomorrow 9:00"` is refused as an option, and not joined to the text."""
    told = shell(path, "x", option, "tomorrow 9:00", code=2)
    assert f"There is no option {option.partition('=')[0]}." in told.err
    assert ("--at" in told.err) == (option == "--schedule" and path != "preview")
    assert [] == shell.posts()


def test_every_command_knows_what_was_meant(signed_out: Shell) -> None:
    """On every command a misspelt option is an unknown one, and the right one is named."""
    walked = 0
    for path, command in commands():
        for option in command.params:
            if isinstance(option, click.Option) and len(name := max(option.opts, key=len)) > 6:
                told = signed_out(*path, "x", f"{name[:-2]}{name[-1]}", "y", code=2)
                assert (True, True) == ("There is no option" in told.err, name in told.err), (path, name, told)
                walked += 1
    assert walked > 200


@pytest.mark.parametrize(
    "words", [("post", "help"), ("post", "HELP"), ("thread", "help"), ("post", "queue"), ("post", "ls")]
)
def test_a_word_that_is_a_deed_is_asked_about(shell: Shell, words: tuple[str, ...]) -> None:
    """`post help` posts nothing and shows how to get help, and how to post the word all the same."""
    told = shell(*words, code=2)
    assert (True, True, []) == ("Is '" in told.err, f"-- {words[1]}" in told.err, shell.posts())
    shell(words[0], "--", words[1])
    assert [words[1]] == shell.posts()


def test_a_sentence_is_no_thread(shell: Shell) -> None:
    """`thread First post of mine` posts nothing; several texts in quotes are a thread, also of one word each."""
    told = shell("thread", "First", "post", "of", "mine", code=2)
    assert 'skywrite thread "First post of mine"' in told.err
    assert "skywrite thread -- First post of mine" in told.err
    assert [] == shell.posts()
    shell("thread", "First", "Second", "Third one")
    shell("thread", "--", "one", "two")
    assert ["First", "Second", "Third one", "one", "two"] == sorted(
        shell.posts(), key=["First", "Second", "Third one", "one", "two"].index
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ls", "skywrite list"),
        ("send", 'skywrite post "Hello"'),
        ("rm", "skywrite cancel 12 or skywrite delete 12"),
        ("status", "skywrite or skywrite doctor"),
        ("me", "skywrite accounts show"),
        ("whoam", "skywrite accounts show"),
        ("LS", "skywrite list"),
        ("quee", "skywrite list"),
    ],
)
def test_other_names_of_commands_are_known(signed_out: Shell, typed: str, meant: str) -> None:
    """What people type who know other programs is answered with the whole command that does it."""
    told = signed_out(typed, "--json", code=2)
    assert f"There is no command '{typed}'. Did you mean {meant}?" == told.json["message"]


def test_every_suggested_command_exists(signed_out: Shell) -> None:
    """Each suggestion is a command line that the program knows."""
    for name, lines in OTHER_COMMANDS.items():
        assert name not in all_commands()
        for line in lines:
            first = shlex.split(line)[:1]
            assert first == [] or first[0] in {*all_commands(), "--version"}
            signed_out(*first, "--help")


def test_every_suggested_line_is_whole() -> None:
    """What a stray word or an option of another program is answered with can be pasted, and posts nobody's text."""
    wrong = []
    for key, lines in OTHER_LINES.items():
        for line in lines:
            try:
                parsed(f"skywrite {line}")
            except (click.UsageError, InputError) as error:
                wrong.append(f"{key}: {line}: {error}")
    assert [] == wrong


def test_no_suggestion_names_a_command_twice(signed_out: Shell) -> None:
    """`accounts get` means `skywrite accounts set`: old names at the top are none of a noun's verbs."""
    told = signed_out("accounts", "get", "zone", "--json", code=2)
    assert "There is no command 'get'. Did you mean skywrite accounts set?" == told.json["message"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("post", "“Hello", "world”"), ["post", "Hello world"]),
        (("post", "„Hallo“", "--at=“tomorrow", "9:00”"), ["post", "Hallo", "--at=tomorrow 9:00"]),
        (("thread", "«Un»", "« Deux »", "--tag", "“new”"), ["thread", "Un", "« Deux »", "--tag", "new"]),
        (("edit", "1", "‘Better’"), ["edit", "1", "Better"]),
    ],
)
def test_quotation_marks_of_a_text_processor_are_asked_about(shell: Shell, typed: Any, meant: list[str]) -> None:
    """A shell takes them for letters: nothing is posted with them, and the command as it was meant is shown."""
    hint = shell(*typed, "--json", code=2).json["hint"]
    pasted = shlex.split(hint.partition(": ")[2].partition(". A text")[0])
    assert (["skywrite", *meant, "--json"], []) == (pasted, shell.posts())


def test_quotation_marks_can_be_posted(shell: Shell) -> None:
    """After --, and in a text with spaces, they are what somebody said; so are those of a description."""
    shell("post", "--", "“Hello”")
    shell("post", "“To be or not to be”")
    shell("post", "Look", "--alt", "“Sun”", "--dry-run", code=2)
    assert ["“Hello”", "“To be or not to be”"] == shell.posts()


@pytest.mark.parametrize("words", [("4",), ("#4",), ("4", "--at", "tomorrow 9:00"), ("text=Hello",)])
def test_a_number_or_a_field_is_no_text(shell: Shell, words: tuple[str, ...]) -> None:
    """`post 4` may mean the post with that number: nothing is posted until somebody says what is meant."""
    told = shell("post", *words, code=2)
    assert ("Nothing was posted" in told.err, []) == (True, shell.posts())
    shell("post", "--", words[0])
    assert [words[0]] == shell.posts()


def test_a_name_with_spaces_is_offered_in_quotes(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--image my sun.png` names one file, which is there, and no two that are not."""
    monkeypatch.chdir(shell.home)
    for name in ("my sun.png", "moon.png"):
        Path(name).write_bytes(png(8, 8))
    hint = shell("post", "Two", "--image", "my", "sun.png", "moon.png", "--json", code=2).json["hint"]
    meant = ["post", "Two", "--image", "my sun.png", "--image", "moon.png", "--json"]
    assert ["skywrite", *meant] == shlex.split(hint.partition(": ")[2])
    shell(*meant)
    assert ["Two"] == shell.posts()


def test_the_next_page_of_a_list_keeps_what_was_asked_for(shell: Shell) -> None:
    """`list --state draft --limit 1` shows how to see more drafts, and not how to see everything."""
    for _ in range(2):
        shell("post", "An idea", "--draft")
    told = shell("list", "--state", "draft", "--account", "alice.test", "--limit", "1").out
    assert "More: skywrite list --state draft --account alice.test --limit 1000" in told


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("move", "1", "--at", "in 3 days"), ["move", "1", "in 3 days"]),
        (("edit", "1", "--text=Better words"), ["edit", "1", "Better words"]),
        (("--account", "alice.test", "post", "Hello"), ["post", "Hello", "--account", "alice.test"]),
    ],
)
def test_an_option_that_is_none_is_left_out_for_pasting(shell: Shell, typed: Any, meant: list[str]) -> None:
    """What a command takes as it is needs no option, and what a command takes comes after it."""
    shell("post", "Later", "--at", "in 2 days")
    hint = shell(*typed, code=2).err.rpartition("skywrite ")[2]
    assert meant == shlex.split(hint)
    shell(*meant)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("post", "story.txt"), "skywrite post --file story.txt"),
        (("post", "sun.png"), "skywrite post --image sun.png"),
        (("post", "talk.mpeg", "--at", "tomorrow 9:00"), 'skywrite post --at "tomorrow 9:00" --video talk.mpeg'),
        (("schedule", "story.txt", "--at", "tomorrow 9:00"), 'schedule --at "tomorrow 9:00" --file story.txt'),
        (("thread", "story.txt"), "skywrite thread --file story.txt"),
        (("preview", "story.txt"), "skywrite preview --file story.txt"),
        (("edit", "12", "story.txt"), "skywrite edit 12 --file story.txt"),
    ],
)
def test_the_name_of_a_file_is_not_posted(
    shell: Any, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...], meant: str
) -> None:
    """Who names a file means what is in it: the error shows that command, and the one that posts the name."""
    monkeypatch.chdir(shell.home)
    Path("story.txt").write_text("Once upon a time.", encoding="utf-8")
    Path("sun.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Path("talk.mpeg").write_bytes(b"\x00\x00\x01\xba")
    Path("12").write_text("A file that looks like a number.", encoding="utf-8")
    told = shell(*typed, code=2)
    assert (True, True, []) == (f"{meant}. " in told.err, " -- " in told.err, shell.posts())


@pytest.mark.parametrize("typed", [("recurring", "edit", "1", "story.txt"), ("inbox", "answer", "1", "story.txt")])
def test_the_name_of_a_file_is_no_text_elsewhere(
    shell: Any, monkeypatch: pytest.MonkeyPatch, typed: tuple[str, ...]
) -> None:
    """Where no option takes a file, only the command that means the name is shown."""
    monkeypatch.chdir(shell.home)
    Path("story.txt").write_text("Once upon a time.", encoding="utf-8")
    told = shell(*typed, code=2)
    shown = f"To do: To post its name: skywrite {typed[0]} {typed[1]} -- 1 story.txt"
    assert (True, True) == ("is the name of a file" in told.err, shown in " ".join(told.err.split()))


@pytest.mark.parametrize("command", ["post", "thread", "schedule", "preview"])
@pytest.mark.parametrize(
    "head", ["---\nat: 2090-01-05 09:00\n---", "---\ndraft: yes\n---", '+++\ntitle = "Hello"\n+++']
)
def test_the_front_matter_of_a_file_is_not_posted(
    shell: Any, monkeypatch: pytest.MonkeyPatch, command: str, head: str
) -> None:
    """A post of a folder says itself when it goes out: as a text it would go out now, with all that it says."""
    monkeypatch.chdir(shell.home)
    Path("posts").mkdir()
    Path("posts/harbour.md").write_text(f"{head}\nGood morning", encoding="utf-8")
    at = ["--at", "tomorrow 9:00"] if command == "schedule" else []
    told = shell(command, "--file", "posts/harbour.md", *at, code=2)
    said = ["begins with front matter", "skywrite sync posts", 'skywrite post -- "$(cat posts/harbour.md)"']
    assert (said, []) == ([words for words in said if words in " ".join(told.err.split())], shell.posts())


def test_a_text_between_lines_is_a_thread(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of --- alone are no front matter."""
    monkeypatch.chdir(shell.home)
    Path("story.txt").write_text("---\nOnce upon a time.\n---\nThe end.", encoding="utf-8")
    shell("thread", "--file", "story.txt")
    assert ["Once upon a time.", "The end."] == sorted(shell.posts())


def test_the_name_of_a_file_can_be_posted(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """After --, it is a text like any other."""
    monkeypatch.chdir(shell.home)
    Path("story.txt").write_text("Once upon a time.", encoding="utf-8")
    shell("post", "--", "story.txt")
    assert ["story.txt"] == shell.posts()


@pytest.mark.parametrize(
    ("words", "text", "when"),
    [
        (("Hello", "tomorrow 9:00"), "Hello", '"tomorrow 9:00"'),
        (("Hello", "all", "tomorrow", "9:00"), '"Hello all"', '"tomorrow 9:00"'),
        (("Hello", "at", "9:00"), "Hello", "9:00"),
    ],
)
def test_a_time_beside_the_text_is_offered_as_one(shell: Any, words: tuple[str, ...], text: str, when: str) -> None:
    """A time without --at would become part of a text that goes out now: both readings are shown."""
    told = shell("post", *words, code=2)
    whole = shlex.quote(" ".join(words)).replace("'", '"')
    shown = f"If that is its time: skywrite post {text} --at {when}. If all of it is the text: skywrite post {whole}"
    assert (True, []) == (shown in " ".join(told.err.split()), shell.posts())
