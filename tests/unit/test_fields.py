"""Every field of a post, as `Draft` declares it: the same on each way in, which all read the declaration.

The fields come from the declaration. A new kind of value needs an example in `EXAMPLES`.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

import click
import msgspec
import pytest

from skywrite.app.operations.shapes import DraftInput, PartInput, draft_row
from skywrite.app.operations.table import Access
from skywrite.app.options import DraftFields
from skywrite.app.settings import SETTINGS
from skywrite.faces.cli import options as cli
from skywrite.posting.compose.draft import FIELDS, Draft, draft_from_dict
from skywrite.posting.compose.fields import PostField
from skywrite.posting.compose.texts import shared_fields
from skywrite.posting.sources.folder import read_folder
from skywrite.posting.sources.frontmatter import read_front_matter
from skywrite.posting.sources.post_file import DRAFT_FIELDS
from tests.support.sheets import read_csv

LINK = "https://example.com/a"
SUN = "https://example.com/sun.png"
FACET = '{"index": {"byteStart": 0, "byteEnd": 3}, "features": []}'
# For each kind: a value as a program has it, as it stands in the cell of a table, and in front matter.
EXAMPLES: dict[str, tuple[Any, str, str]] = {
    "text": ("Some words", "Some words", "Some words"),
    "texts": (["one", "two"], "one|two", "[one, two]"),
    "images": ([{"url": SUN, "alt": ""}], SUN, f"[{{url: '{SUN}'}}]"),
    "video": ({"url": SUN}, SUN, f"{{url: '{SUN}'}}"),
    "card": (LINK, LINK, LINK),
    "quote": (LINK, LINK, LINK),
    "reply": (LINK, LINK, LINK),
    "thread": (["Next", "Last"], "Next\n---\nLast", "[Next, Last]"),
    "facets": ([msgspec.json.decode(FACET)], f"[{FACET}]", ""),
    "embed": ({"$type": "made"}, '{"$type": "made"}', ""),
}


def example(field: PostField) -> tuple[Any, str, str]:
    """A value that is not the default."""
    if field.words:
        return (field.words[-1],) * 3
    if field.kind == "flag":
        word = "no" if field.default else "yes"
        return not field.default, word, word
    return EXAMPLES[field.kind]


def read(field: PostField, row: dict[str, Any]) -> Any:
    """The field of the draft that a row is."""
    return getattr(draft_from_dict(row), field.name)


@pytest.fixture(params=FIELDS.values(), ids=list(FIELDS))
def field(request: pytest.FixtureRequest) -> PostField:
    """Each field in turn."""
    return cast(PostField, request.param)


@pytest.fixture
def expected(field: PostField) -> Any:
    """What the example of a field becomes."""
    value = read(field, {field.name: example(field)[0]})
    assert value != field.default
    return value


def test_a_cell_of_a_table(field: PostField, expected: Any) -> None:
    """Every field has a column, whose cells are read as the kind of value that it has."""
    cell = example(field)[1].replace('"', '""')
    (row,) = read_csv(f'at,{field.name}\n2070-05-01 09:00,"{cell}"')
    assert expected == read(field, {name: value for name, value in row.items() if name != "at"})


def test_front_matter(field: PostField, expected: Any, tmp_path: Path) -> None:
    """Files have every field but parts of records."""
    (tmp_path / "a.md").write_text(f"---\n{field.name}: {example(field)[2]}\n---\n")
    content = read_folder(tmp_path)
    assert field.is_record == bool(content.problems) == (field.name not in DRAFT_FIELDS)
    assert field.is_record or expected == read(field, dict(content.items[0].row))


def test_a_request(field: PostField, expected: Any) -> None:
    """Requests have the fields that are offered, with the same values."""
    access = cast(Access, SimpleNamespace())
    document = {field.name: example(field)[0]}
    assert field.is_offered == (field.name in DraftInput.__struct_fields__)
    assert not field.is_offered or expected == read(field, draft_row(access, msgspec.convert(document, DraftInput)))


def test_one_post_of_a_thread_in_a_request(field: PostField) -> None:
    """A post of a thread has what is its own, and what may differ from the others."""
    assert (field.is_offered and field.scope in ("own", "shared")) == (field.name in PartInput.__struct_fields__)


def test_the_command_line(field: PostField, expected: Any) -> None:
    """Each field that is offered has an option; that of a flag is the opposite of its default."""
    if field.name in ("text", "thread"):
        return
    command = cli.draft_options(click.Command("post", callback=lambda **options: cli.draft_row(options)))
    name = f"no_{field.name}" if field.kind == "flag" and field.default else field.name
    option = next((one for one in command.params if one.name == name), None)
    assert field.is_offered == (option is not None)
    if option is None:
        return
    value = example(field)[0]
    values = [value] if isinstance(value, str) else value if field.kind == "texts" else [SUN]
    words = [option.opts[0]] if field.kind == "flag" else [word for one in values for word in (option.opts[0], one)]
    reading = read(field, command.main(words, standalone_mode=False))
    assert reading == (not field.default if field.kind == "flag" else expected)
    assert field.kind != "choice" or list(field.words) == list(cast(click.Choice[str], option.type).choices)


def test_types_know_the_words(field: PostField) -> None:
    """A field that may be one of some words is declared with these words wherever types are checked."""
    if not field.words:
        return
    declared: tuple[Any, ...] = (Draft, DraftFields, *((DraftInput,) if field.is_offered else ()))
    assert [set(field.words)] * len(declared) == [literals(get_type_hints(one)[field.name]) for one in declared]


def literals(hint: Any) -> set[Any]:
    """All words in a type."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    return set().union(*map(literals, get_args(hint)))


def test_a_setting(field: PostField) -> None:
    """What an account may have a default for is a setting of the same name."""
    assert not field.is_setting or field.name in SETTINGS


def test_a_thread_in_one_text(field: PostField) -> None:
    """What the first post says for all of them is what is shared, and only that."""
    row = {field.name: example(field)[0]}
    assert (row if field.is_shared else {}) == shared_fields(row)


def test_front_matter_counts_for_each_post_of_a_thread(tmp_path: Path) -> None:
    """All that says how a text is read counts below a line of dashes, too."""
    reading = [field for field in FIELDS.values() if field.scope == "reading"]
    head = "".join(f"{field.name}: {example(field)[2]}\n" for field in reading)
    (tmp_path / "a.md").write_text(f"---\n{head}---\nOne\n---\nTwo\n")
    (item,) = read_folder(tmp_path).items
    names = {field.name for field in reading}
    assert [names | {"text"}] == [set(part) for part in item.row["thread"]]
    assert names == set(read_front_matter(head)[0])
