"""Tables of posts: what the columns of CSV, JSON and spreadsheets mean, and every mistake with its line."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.errors import InputError
from skywrite.posting.sources import table
from skywrite.posting.sources.spreadsheet import UNPACKED_BYTES_MAX
from skywrite.posting.sources.table import read_json, read_jsonl, read_table, table_from
from tests.support.errors import fails
from tests.support.sheets import Day, ods, read_csv, with_cell, xlsx, zipped


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("text,at\nHi,2027-01-05 09:00", {"text": "Hi", "at": "2027-01-05 09:00"}),
        ("Text;Date;Time\nHi;05.01.2027;9:00", {"text": "Hi", "at": "05.01.2027 9:00"}),
        ("text\tdate\nHi\t2027-01-05 09:00", {"text": "Hi", "at": "2027-01-05 09:00"}),
        ("text,datetime\nHi,2027-01-05 09:00", {"text": "Hi", "at": "2027-01-05 09:00"}),
        ("text,image,alt\nHi,a.png,A", {"text": "Hi", "images": [{"path": "a.png", "alt": "A"}]}),
        (
            "text,images,alts\nHi,a.png|https://b.example/b.png,A",
            {"text": "Hi", "images": [{"path": "a.png", "alt": "A"}, {"url": "https://b.example/b.png", "alt": ""}]},
        ),
        ("text,video,alt\nHi,a.mp4,A", {"text": "Hi", "video": {"path": "a.mp4", "alt": "A"}}),
        ("sep=;\ntext;tags\nHi;a|b", {"text": "Hi", "tags": ["a", "b"]}),
        ("text,\nHi,", {"text": "Hi"}),
        (
            "text,thread\nHi,[label](https://a.example) more",
            {"text": "Hi", "thread": ["[label](https://a.example) more"]},
        ),
        ("text,alt,image\nHi,[A] view,a.png", {"text": "Hi", "images": [{"path": "a.png", "alt": "[A] view"}]}),
        ('text,alts,images\nHi,"[""A|B""]",a.png', {"text": "Hi", "images": [{"path": "a.png", "alt": "A|B"}]}),
        ("text\nA\u2028B\x85C", {"text": "A\u2028B\x85C"}),
        ("text,mentions\nHi,no", {"text": "Hi", "mentions": False}),
    ],
)
def test_columns_that_people_have(text: str, row: dict[str, Any]) -> None:
    """Other names and separators mean what they say; date and time are one time, image and alt one image."""
    assert [row] == read_csv(text)


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("text,Text\na,b", "Line 1: the column 'Text' appears twice.", "Keep one"),
        ("text,image,images\na,b,c", "Line 1: the column 'images' appears twice.", "Keep one"),
        ("text,datetime,at\na,b,c", "Line 1: the column 'at' appears twice.", "Keep one"),
        ("text,at,date\na,b,c", "Line 1: 'date' and 'at' both say when.", "Keep one"),
        ("text,time\na,b", "Line 1: there is a column 'time' and none 'date'.", "Add one"),
        ("message\na", "Line 1: there is no column 'message'.", "Did you mean 'text'?"),
        ("text,langz\na,b", "Line 1: there is no column 'langz'.", "Did you mean 'langs'?"),
        ("text,publish_at\na,b", "Line 1: there is no column 'publish_at'.", "Did you mean 'at'?"),
        ("text,zzz\na,b", "Line 1: there is no column 'zzz'.", "The columns are: at, account"),
        ("text,date,time\na,,9:00", "Line 2: there is a time and no date.", ""),
        ("text,alt\na,A", "Line 2: there is an alt text and no image.", ""),
        ("text,alts,images\na,A|B,x.png", "Line 2: there are 2 alt texts and 1 images.", ""),
        ("text,\na,b", "Line 2: column 2 holds 'b' and has no name.", ""),
        ("text,at\n\na,b,c", "Line 3: the row has 3 cells and the header 2.", ""),
        ("text,tags\na,[1", "Line 2, tags: it is not JSON", ""),
        ('text,card\na,"{""url"": 1, ""url"": 2}"', "Line 2, card: the name 'url' is given twice.", ""),
        ("text,markdown\na,maybe", "Line 2, markdown: 'maybe' is neither yes nor no.", ""),
    ],
)
def test_wrong_columns_and_cells(text: str, words: str, hint: str) -> None:
    """Each mistake is an error with its line, and a hint where the right name can be guessed."""
    with pytest.raises(InputError) as caught:
        read_csv(text)
    assert (words, hint) == (caught.value.message[: len(words)], caught.value.hint[: len(hint)])


@pytest.mark.parametrize("cell", ["#NAME?", "#REF!", "#N/A", " #DIV/0! "])
def test_a_formula_that_failed_is_no_text(cell: str) -> None:
    """What a spreadsheet writes in the place of a text is not posted."""
    with fails(InputError, f"Line 2, text: the cell holds {cell.strip()}."):
        read_csv(f"text,at\n{cell},2070-05-06 09:00\n")


@pytest.mark.parametrize(
    ("cell", "holds"),
    [
        ('<c r="B2" t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>', "#DIV/0!"),
        ('<c r="B2"><f>NOW()</f></c>', "a formula without a value"),
        ('<c r="B2" s="1"><f>NOW()</f><v/></c>', "a formula without a value"),
    ],
)
def test_a_cell_of_a_workbook_without_a_value_is_not_empty(cell: str, holds: str) -> None:
    """A time that could not be computed is an error, and no row without a time, which would take a free slot."""
    data = with_cell(xlsx({"Posts": [["text", "at"], ["Hello", "B2"]]}), cell)
    with fails(InputError, f"Row 2, at: the cell holds {holds}."):
        table_from(data, "a.xlsx")


def test_a_formula_that_gives_no_text_is_empty() -> None:
    """As is a cell that only has a format."""
    for cell in ('<c r="B2" t="str"><f>IF(1,"","")</f><v></v></c>', '<c r="B2" s="1"/>'):
        data = with_cell(xlsx({"Posts": [["text", "at"], ["Hello", "B2"]]}), cell)
        assert [{"text": "Hello"}] == table_from(data, "a.xlsx").rows


def test_json_lines_end_at_line_feeds_only() -> None:
    """A text may hold U+2028 and U+0085, which other programs take for ends of lines."""
    rows = [{"text": "one\u2028two\x85three"}, {"text": "four"}]
    assert rows == read_jsonl("\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n\n")


@pytest.mark.parametrize("read", [read_jsonl, read_json])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"text": ' + "9" * 5_000 + "}", "too many digits"),
        ('{"text": "a", "text": "b"}', "'text' is given twice"),
        ('{"text": NaN}', "not a JSON value"),
        ('{"text": ', "not JSON"),
    ],
)
def test_json_that_no_row_is_made_of(read: Callable[[str], Any], value: str, words: str) -> None:
    """Nesting and numbers without end, names given twice and NaN are errors with a sentence."""
    with fails("table.unreadable", match=words):
        read(value)


@given(st.text(alphabet='text,at;date"\n\r\t[]{}|09: ', max_size=60))
def test_any_text_is_a_table_or_an_error(text: str) -> None:
    """No CSV or JSON raises anything else."""
    for read in (read_csv, read_json, read_jsonl):
        with suppress(InputError):
            read(text)


ROWS = [
    ["Text", "Date", "Time", "Image", "Alt", "Key", "Markdown"],
    ["Good\nmorning", Day(date(2027, 1, 5)), Day(time(9, 30)), "sun.png", "Sun", 7, ""],
    ["", "", "", "", "", "", ""],
    ["Later", Day(datetime(2027, 7, 5)), Day(time(23, 59, 59)), "", "", "seven", "no"],
]
EXPECTED = [
    {"text": "Good\nmorning", "at": "2027-01-05 09:30:00", "images": [{"path": "sun.png", "alt": "Sun"}], "key": "7"},
    {"text": "Later", "at": "2027-07-05 23:59:59", "markdown": False, "key": "seven"},
]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xlsx", xlsx({"Posts": ROWS, "Empty": []})),
        ("a.XLSX", xlsx({"Posts": ROWS}, from_1904=True)),
        ("a.xlsx", xlsx({"Posts": ROWS}, drift=4e-10)),
        ("a.xlsx", xlsx({"Posts": ROWS}, drift=-4e-10)),
        ("a.ods", ods({"Posts": ROWS, "Empty": []})),
    ],
)
def test_spreadsheets(tmp_path: Path, name: str, data: bytes) -> None:
    """Dates are those that the workbook shows, in both of Excel's calendars; empty rows are passed over."""
    (tmp_path / name).write_bytes(data)
    assert EXPECTED == read_table(tmp_path / name).rows


def test_one_cell_may_hold_day_and_time(tmp_path: Path) -> None:
    """A cell with a date and a time of day is a time; one with a day alone stays one."""
    file = tmp_path / "a.xlsx"
    file.write_bytes(xlsx({"A": [["text", "at"], ["x", Day(datetime(2027, 1, 5, 9))], ["y", Day(date(2027, 1, 5))]]}))
    assert ["2027-01-05 09:00:00", "2027-01-05"] == [row["at"] for row in read_table(file).rows]


@pytest.mark.parametrize("make", [xlsx, ods])
def test_midnight_is_shown(tmp_path: Path, make: Callable[..., bytes]) -> None:
    """Midnight in a cell that shows the hour is a time of day, also beside a day alone, which stays one."""
    cells = [["text", "at"], ["x", Day(datetime(2027, 1, 5))], ["y", Day(date(2027, 1, 5))]]
    file = tmp_path / f"a.{make.__name__}"
    file.write_bytes(make({"A": cells}))
    assert ["2027-01-05 00:00:00", "2027-01-05"] == [row["at"] for row in read_table(file).rows]


def test_which_sheet(tmp_path: Path) -> None:
    """Where several sheets hold something, one has to be named."""
    file = tmp_path / "a.xlsx"
    file.write_bytes(xlsx({"Plan": [["text"], ["x"]], "Ideas": [["text"], ["y"]]}))
    assert [{"text": "y"}] == read_table(file, sheet="Ideas").rows
    for sheet, words in ((None, "Several sheets hold something: Plan, Ideas"), ("Nope", "There is no sheet 'Nope'")):
        with pytest.raises(InputError, match=words):
            read_table(file, sheet=sheet)


def bomb() -> bytes:
    """A workbook with a part that unpacks to more than any table of posts."""
    data = BytesIO(xlsx({"A": [["text"], ["x"]]}))
    with zipfile.ZipFile(data, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/x.xml", "w") as part:
        for _ in range(UNPACKED_BYTES_MAX // 10_000_000 + 1):
            part.write(b" " * 10_000_000)
    return data.getvalue()


def cell(text: str, columns: int = 1) -> str:
    """A cell of an .ods file, as XML."""
    attributes = f'office:value-type="string" table:number-columns-repeated="{columns}"'
    return f"<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>"


REPEATED = f'<table:table-row table:number-rows-repeated="1000000">{cell("x", 16_000)}</table:table-row>'
LAUGHS = "".join(f'<!ENTITY e{number + 1} "{f"&e{number};" * 10}">' for number in range(9))
ENTITIES = f'<!DOCTYPE a [<!ENTITY e0 "ha">{LAUGHS}]>'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("text.xlsx", b"text,at"),
        ("empty.ods", b""),
        ("nothing.xlsx", zipped({"x": "y"})),
        ("bomb.xlsx", bomb),
        ("repeated.ods", ods({"A": [["text"], ["x"]]}, more=REPEATED)),
        (
            "entities.ods",
            ods({"A": [["text"], ["x"]]}, before=ENTITIES, more="<table:table-row>&e9;</table:table-row>"),
        ),
        ("old.xls", b"x"),
    ],
)
def test_workbooks_that_are_none_or_grow(tmp_path: Path, name: str, data: bytes | Callable[[], bytes]) -> None:
    """What is no workbook, or would take gigabytes, is refused with a sentence."""
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data())
    with pytest.raises(InputError):
        read_table(tmp_path / name)


def test_other_encodings(tmp_path: Path) -> None:
    """UTF-16 with its mark is read, as Excel writes it; other bytes are an error."""
    (tmp_path / "a.csv").write_bytes("text\nGrüße".encode("utf-16"))
    assert [{"text": "Grüße"}] == read_table(tmp_path / "a.csv").rows
    (tmp_path / "b.csv").write_bytes("text\nGrüße".encode("cp1252"))
    with fails("table.unreadable", match="not UTF-8"):
        read_table(tmp_path / "b.csv")


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".xlsx"])
@pytest.mark.parametrize("count", [3, 4])
def test_a_table_has_as_many_rows_as_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, count: int
) -> None:
    """One that has more is refused, and the error says what to do; an empty line at its end is no row."""
    monkeypatch.setattr(table, "ROWS_MAX", 3)
    objects = [json.dumps({"text": f"Post {number}"}) for number in range(count)]
    cells = [["text"], *([f"Post {number}"] for number in range(count))]
    data = {
        ".csv": "".join(f"{row[0]}\n" for row in cells).encode() + b"\n",
        ".jsonl": ("\n".join(objects) + "\n\n").encode(),
        ".json": f"[{', '.join(objects)}]".encode(),
        ".xlsx": xlsx({"Sheet": cells}),
    }
    path = tmp_path / f"plan{ending}"
    path.write_bytes(data[ending])
    if count == 3:
        assert 3 == len(read_table(path).rows)
        return
    with fails("table.unreadable", match="more than 3 rows") as caught:
        read_table(path)
    assert "Split it" in caught.value.hint


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.tsv"])
@pytest.mark.parametrize(
    "text",
    [
        '{"text": "One", "at": "2070-05-01 09:00"}\n{"text": "Two", "at": "2070-05-01 10:00"}\n',
        '[{"text": "One", "at": "2070-05-01 09:00"}, {"text": "Two", "at": "2070-05-01 10:00"}]',
        '\n[\n {"text": "One",\n  "at": "2070-05-01 09:00"},\n {"text": "Two", "at": "2070-05-01 10:00"}\n]\n',
    ],
    ids=["lines", "array", "written out"],
)
def test_json_is_read_whatever_its_name_says(tmp_path: Path, name: str, text: str) -> None:
    """An export that somebody gave the name of a table, too."""
    path = tmp_path / name
    path.write_text(text)
    assert ["One", "Two"] == [row["text"] for row in read_table(path).rows]


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, '{"text": "One"} {"text": "Two"}'])
def test_what_begins_as_json_and_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """With its name and reason, and not as a table with odd columns."""
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        read_table(path)
