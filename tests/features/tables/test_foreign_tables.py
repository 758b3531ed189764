"""Tables of other programs on the command line: what is said, what is asked, and what is remembered."""

from __future__ import annotations

import shlex

import pytest

from tests.support.foreign_tables import SAMPLES, Sample
from tests.support.shell import Files, Shell, Told

OTHERS = "Message,Post date,Network\nHi,2060-03-04 09:30,x\n"


def pasted(told: Told, option: str) -> list[str]:
    """The first command in what was said that has this option."""
    line = next(line for line in told.err.splitlines() if option in line)
    return shlex.split(line.partition("skywrite ")[2].partition(";")[0])


# The media of the others are on servers that do not exist.
MEDIA = {"images", "video", "card"}
WITHOUT_MEDIA = [sample for sample in SAMPLES if not any(MEDIA & row.keys() for row in sample.rows)]


@pytest.mark.parametrize("sample", WITHOUT_MEDIA, ids=lambda sample: sample.name)
def test_a_table_of_another_program_comes_in_as_it_is(shell: Shell, files: Files, sample: Sample) -> None:
    """It is found by itself and said; what has no place here is named; each row is planned."""
    told = shell("import", files.text(sample.name, sample.text))
    assert f"This is a table of {sample.program}: " in told.out + told.err
    assert all(name in told.out + told.err for name in sample.left_out)
    queued = shell("list", "--json").json
    assert {row["text"] for row in sample.rows} == {one["text"] for one in queued}


def test_foreign_columns_are_mapped_by_pasting(shell: Shell, files: Files) -> None:
    """The error names all of them, and its hint is the command that reads the file; the header is then known."""
    plan = files.text("my plan.csv", OTHERS)
    told = shell("import", plan, "--dry-run", code=2)
    assert "there are no columns 'Message', 'Post date', 'Network'" in told.err
    command_line = pasted(told, "--map")
    assert ["--map", "Message=text", "--map", "Post date=at", "--map", "Network="] == command_line[3:]
    shell(*command_line)
    assert "there are no columns" in shell("import", plan, code=2).err
    shell(*[word for word in command_line if word != "--dry-run"])
    later = shell("import", files.text("later.csv", OTHERS.replace("Hi", "Ho")))
    assert "read as you said for an earlier file" in later.out + later.err
    assert ["Hi", "Ho"] == [one["text"] for one in shell("list", "--json").json]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("Message", "--map 'Message' is not COLUMN=FIELD."),
        ("Message=?", "What the column 'Message' is, you have to say."),
        ("Message=txt", "There is no field 'txt' for the column 'Message'."),
        ("Mesage=text", "there is no column 'Mesage' to map."),
    ],
)
def test_maps_that_are_none(shell: Shell, files: Files, option: str, words: str) -> None:
    """Each is an error that says what is wrong with it."""
    assert words in shell("import", files.text("plan.csv", OTHERS), "--map", option, code=2).err


def test_the_order_of_dates_is_asked_once_for_the_file(shell: Shell, files: Files) -> None:
    """With a command for each order that all dates of the file have."""
    plan = files.text("hootsuite.csv", "03/04/2060 09:30,One\n05/06/2060 09:30,Two\n")
    told = shell("import", plan, code=2)
    hint = told.err.partition("To do: ")[2]
    assert f"with the day first: skywrite import {plan} --dates dmy; with the month first: skywrite import" in hint
    shell(*pasted(told, "--dates dmy"))
    assert ["2060-04-03", "2060-06-05"] == [one["due_at"][:10] for one in shell("list", "--json").json]


def test_on_a_terminal_the_order_is_asked(shell: Shell, files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, for all rows; the answer counts for all of them."""
    monkeypatch.setattr("skywrite.features.tables.cli.can_ask", lambda: True)
    plan = files.text("hootsuite.csv", "03/04/2060 09:30,One\n05/06/2060 09:30,Two\n")
    asked = []
    monkeypatch.setattr("click.prompt", lambda text, **_: asked.append(text) or "mdy")
    shell("import", plan)
    assert ["The order of all dates in the file"] == asked
    assert ["2060-03-04", "2060-05-06"] == [one["due_at"][:10] for one in shell("list", "--json").json]


def test_what_was_published_elsewhere_is_not_posted_again(shell: Shell, files: Files) -> None:
    """Rows that say so are left out, and counted."""
    text = "Content,Publish date,State\nDone,2026-01-02,PUBLISHED\nSoon,2060-01-02 09:00Z,QUEUE\n"
    told = shell("import", files.text("postiz.csv", text))
    assert "1 row says that it is published already; left out." in told.out + told.err
    assert ["Soon"] == [one["text"] for one in shell("list", "--json").json]


def test_a_plan_in_json_says_how_columns_were_read(shell: Shell, files: Files) -> None:
    """The program, its columns, and what was left out."""
    plan = files.text("buffer.csv", "Text,Image URL,Tags,Posting Time\nHi,,a,2060-03-04 09:30\n")
    columns = shell("import", plan, "--dry-run", "--json").json["columns"]
    assert {"source": "Buffer", "fields": {"Text": "text", "Image URL": "images", "Posting Time": "at"}} == {
        name: columns[name] for name in ("source", "fields")
    }
    assert ["Tags"] == columns["left_out"]
