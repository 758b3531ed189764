"""Tables of others: what their columns mean, what is asked, and what is left out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from skywrite.core.errors import InputError
from skywrite.posting.sources import column_maps
from skywrite.posting.sources.column_maps import Maps, UnknownColumns, checked_map
from skywrite.posting.sources.table import OURS, Table, table_from
from skywrite.posting.sources.table_formats import FORMATS, format_of, key_of
from tests.support.errors import fails
from tests.support.foreign_tables import SAMPLES, Sample
from tests.support.sheets import xlsx


def table(text: str, name: str = "plan.csv", maps: Maps | None = None) -> Table:
    """The table in a text."""
    return table_from(text.encode(), name, maps=maps or Maps())


def table_name(text: str) -> str:
    """The column of a table that holds its times."""
    return "Posting Time" if text.startswith("Text") else "column 1"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_tables_of_other_programs(sample: Sample) -> None:
    """Each is found by its header, its columns are read, and what has no place here is named."""
    content = table(sample.text, sample.name)
    assert sample.rows == content.rows
    assert (sample.program, sample.left_out, sample.dates) == (
        content.reading.source,
        content.reading.left_out,
        content.reading.dates,
    )
    assert content.notes()[0].startswith(f"This is a table of {sample.program}: ")


def test_every_format_has_a_sample_and_no_two_take_one_header() -> None:
    """The table of formats is walked: what always stands in a header is a format's alone."""
    for one in FORMATS:
        others = [other.name for other in FORMATS if other.name != one.name and other.fits(sorted(one.needs))]
        assert [] == others, one
    headers = [next(csv.reader(io.StringIO(sample.text))) for sample in SAMPLES if sample.name.endswith(".csv")]
    assert {one.name for one in FORMATS} == {sample.program for sample in SAMPLES}
    assert len(FORMATS) == len(SAMPLES)
    assert all(format_of(header) or header[0] in ("All Social", "03/25/2060 09:30") for header in headers)


def test_the_same_in_a_workbook() -> None:
    """A table of others is found in a workbook, too."""
    cells = list(csv.reader(io.StringIO(SAMPLES[0].text)))
    assert SAMPLES[0].rows == table_from(xlsx({"Posts": cells}), "buffer.xlsx").rows


def test_all_foreign_columns_are_named_at_once() -> None:
    """With what each may be; where that may be two things, it is asked for."""
    with pytest.raises(UnknownColumns) as caught:
        table("Message,Post date,Network,Title,langz,zzz\na,b,c,d,e,f")
    assert (
        "Line 1: there are no columns 'Message', 'Post date', 'Network', 'Title' (text or left out?), 'langz', 'zzz'."
        == caught.value.message
    )
    assert {
        "Message": "text",
        "Post date": "at",
        "Network": "",
        "Title": "?",
        "langz": "langs",
        "zzz": "?",
    } == caught.value.suggested


def test_what_is_suggested_can_be_read() -> None:
    """The map that an error suggests reads the table, which then asks nothing, once each ? has its field."""
    text = "Message,Post date,Network,Title\nHi,2060-03-04 09:30,x,y"
    with pytest.raises(UnknownColumns) as caught:
        table(text)
    content = table(text, maps=Maps({**caught.value.suggested, "Title": ""}))
    assert [{"text": "Hi", "at": "2060-03-04 09:30"}] == content.rows
    assert ("given", ("Network", "Title")) == (content.reading.source, content.reading.left_out)


def test_what_is_asked_is_not_left_out_by_pasting() -> None:
    """A column that may be the account is left out only if somebody says so: its posts would go out elsewhere."""
    with pytest.raises(UnknownColumns) as caught:
        table("Konto,Datum,Uhrzeit,Text,Bild,Freigabe\na,2060-03-04,09:30,b,c,d")
    suggested = caught.value.suggested
    assert {"Konto": "?", "Datum": "date", "Uhrzeit": "time", "Bild": "images", "Freigabe": "?"} == suggested
    with fails("input.invalid", match="What the column 'Konto' is, you have to say"):
        checked_map(suggested, list(OURS))


def test_every_meaning_is_a_field_and_can_be_found() -> None:
    """The words are written as names of columns are compared."""
    assert [] == [word for word in column_maps._MEANINGS if key_of(word) != word]
    known = {*OURS, *column_maps.EXTRAS, ""}
    assert set() == {field for fields in column_maps._MEANINGS.values() for field in fields} - known


def test_a_map_is_remembered_by_the_header() -> None:
    """The next file with the same names is read alike, whatever their case; one with other names asks again."""
    content = table("Message,When?\nHi,2060-03-04 09:30", maps=Maps({"message": "text", "When?": "at"}))
    remembered = Maps(remembered={content.reading.fingerprint: content.reading.kept})
    again = table("message,WHEN?\nHo,2060-03-05 09:30", maps=remembered)
    assert ([{"text": "Ho", "at": "2060-03-05 09:30"}], "remembered") == (again.rows, again.reading.source)
    with pytest.raises(UnknownColumns):
        table("When?,message\n2060-03-05 09:30,Ho", maps=remembered)


def test_a_map_says_more_than_a_known_program() -> None:
    """Who says what a column is overrides what it is in the program's tables; the others stay."""
    content = table("Text,Image URL,Tags,Posting Time\nHi,,a|b,2060-03-04 09:30", maps=Maps({"Tags": "tags"}))
    assert ("Buffer", [{"text": "Hi", "tags": ["a", "b"], "at": "2060-03-04 09:30"}]) == (
        content.reading.source,
        content.rows,
    )


@pytest.mark.parametrize(
    ("text", "column", "program"),
    [
        ("03/25/2060 09:30,x,https://a.example,more", "column 4", "Hootsuite"),
        ("Text,Image URL,Posting Time,Notes\nx,,2060-03-25,more", "Notes", "Buffer"),
    ],
)
def test_a_known_program_with_a_column_more(text: str, column: str, program: str) -> None:
    """Only what the program's tables do not have is asked for; the others are then read as ever."""
    with pytest.raises(UnknownColumns) as caught:
        table(text)
    assert {column: "?"} == caught.value.suggested
    content = table(text, maps=Maps({column: ""}))
    more = table(text, maps=Maps({column: "", table_name(text): "at"}))
    assert content.rows == more.rows
    assert (program, "x", (column,)) == (content.reading.source, content.rows[0]["text"], content.reading.left_out)


def test_names_of_others_in_all_objects_are_columns() -> None:
    """They are named at once; a name in one object of several is that row's mistake."""
    with pytest.raises(UnknownColumns) as caught:
        table('{"Message": "Hi", "When": "x"}\n{"Message": "Ho"}\n', "a.jsonl")
    assert {"Message": "text", "When": "at"} == caught.value.suggested
    rows = [{"txet": "Hi"}, {"text": "Ho"}]
    assert rows == table("\n".join(map(json.dumps, rows)), "a.jsonl").rows


def test_columns_of_our_own_are_read_as_ever() -> None:
    """Nothing is said about them, and a map may change even them."""
    assert ([], [{"text": "Hi", "tags": ["a"]}]) == ((own := table("text,tags\nHi,a")).notes(), own.rows)
    assert [{"text": "Hi"}] == table("text,tags\nHi,a", maps=Maps({"tags": ""})).rows


@pytest.mark.parametrize(
    ("column_map", "text", "message"),
    [
        ({"Mesage": "text"}, "Message,at\na,b", "Line 1: there is no column 'Mesage' to map."),
        ({"Message": "text", "Body": "text"}, "Message,Body\na,b", "Line 1: 'Message' and 'Body' are the same field."),
        ({"Message": "text"}, "Message,Network\na,b", "Line 1: there is no column 'Network'."),
        ({"When": "at", "Day": "date"}, "When,Day\na,b", "Line 1: 'date' and 'at' both say when."),
    ],
)
def test_maps_that_do_not_fit(column_map: dict[str, str], text: str, message: str) -> None:
    """A name that is not there, two columns for one field, and what is still unknown are errors."""
    with pytest.raises(InputError) as caught:
        table(text, maps=Maps(column_map))
    assert message == caught.value.message


def test_a_map_names_fields_that_there_are() -> None:
    """A field that nobody knows is an error with the nearest one."""
    with pytest.raises(InputError, match="no field 'txt' for the column 'Message'") as caught:
        checked_map({"Message": "txt"}, list(OURS))
    assert "Did you mean 'text'?" == caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Date,Time,Caption,Media URL\n2060-03-04,9:30,x,https://a.example/a.png https://a.example/b.mp4", "one video"),
        ("Date,Time,Caption,Link\n2060-03-04,9:30,x,https://a.example/ https://b.example/", "2 links"),
        ("Content,Scheduled Date,Status\nx,2060-03-04,Whatever", "no state of a post"),
        ("Content,Scheduled Date,Thread Position\nx,2060-03-04,last", "no position"),
    ],
)
def test_cells_that_have_no_one_meaning(text: str, words: str) -> None:
    """They are errors with their line; nothing is chosen."""
    with fails("table.unreadable", match=words) as caught:
        table(text)
    assert caught.value.message.startswith("Line ")


def test_what_differs_for_each_network_is_asked_for() -> None:
    """A draft with a text for each of two other networks has none that is meant for Bluesky."""
    draft = {
        "draft_title": "x",
        "scheduled_date": None,
        "platforms": {name: {"posts": [{"text": name}]} for name in ("x", "linkedin")},
    }
    with fails("table.unreadable", match="differs for x, linkedin"):
        table(json.dumps([draft]), "typefully.json")


def test_rows_of_json_are_mapped_alike() -> None:
    """Names of others in JSON lines are columns."""
    content = table(
        '{"Message": "Hi", "When": "2060-03-04 09:30"}\n', "a.jsonl", Maps({"Message": "text", "When": "at"})
    )
    assert [{"text": "Hi", "at": "2060-03-04 09:30"}] == content.rows


def test_true_in_a_workbook_is_true(tmp_path: Path) -> None:
    """A text that Excel took for a truth value stays what the cell shows; in a column of yes and no it counts."""
    content = table_from(xlsx({"A": [["text", "markdown"], [True, False]]}), "a.xlsx")
    assert [{"text": "TRUE", "markdown": False}] == content.rows
