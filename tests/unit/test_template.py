"""Templates: what they say, that the link survives, and that none of them takes for ever or gets out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.posting.sources.template import DEFAULT_TEMPLATE, Template, fits, hashtags, shortened
from skywrite.protocol.bsky.richtext import grapheme_length
from tests.support.errors import fails

VALUES: dict[str, Any] = {
    "title": "A title",
    "summary": "A summary of it.",
    "link": "https://site.example/page",
    "author": "Ada",
    "tags": ["sea", "North Sea"],
    "hashtags": "#sea #NorthSea",
    "published": datetime(2026, 11, 24, 12, 30, tzinfo=UTC),
    "feed_title": "Harbour",
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (DEFAULT_TEMPLATE, "A title\n\nhttps://site.example/page"),
        ("{{ title|upper }} by {{ author }}", "A TITLE by Ada"),
        ("{% if author == 'Ada' %}yes{% else %}no{% endif %}", "yes"),
        ("{% for tag in tags %}[{{ tag }}]{% endfor %}", "[sea][North Sea]"),
        ("{{ tags|join(', ') }} {{ tags|hashtags }}", "sea, North Sea #sea #NorthSea"),
        ("{{ published|date('%d %B %Y') }} {{ published.hour }}", "24 November 2026 12"),
        ("{{ title|replace('A', 'The') }} {{ summary|truncate(9) }}", "The title A..."),
        ("{{ summary|shorten(10) }}", "A summary…"),
        ("{{ ''|default('none', true) }}", "none"),
        ("{{ title ~ '!' }} {{ 2 + 3 }}", "A title! 5"),
        ("{{ title.upper() }}", "A TITLE"),
    ],
)
def test_what_templates_say(source: str, expected: str) -> None:
    """Conditions, loops, filters and methods of texts."""
    assert expected == Template(source).render(VALUES)


@pytest.mark.parametrize(
    "source",
    [
        "{{ title",
        "{% if %}",
        "{% set x = title %}{{ x }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% block a %}{% endblock %}",
        "{% filter upper %}x{% endfilter %}",
        "{% for a in tags %}{% for b in tags %}{{ a }}{% endfor %}{% endfor %}",
        "{% for a in tags %}{% else %}{% for b in tags %}{% endfor %}{% endfor %}",
        "{% for a in tags recursive %}{{ loop(tags) }}{% endfor %}",
        "{{ title|nofilter }}",
        "{{ missing }}",
        "{{ missing|default('') }}",
        "{{ cycler }}",
        "{{ range(10) }}",
        "{{ lipsum() }}",
        "{{ '(' * 5 }}" + "x" * 2000,
        "{{ " + "(" * 900 + "1" + ")" * 900 + " }}",
    ],
)
def test_what_is_no_template(source: str) -> None:
    """Mistakes, and everything that could run or grow, are refused when the template is read."""
    with fails("template.invalid"):
        Template(source)


@pytest.mark.parametrize("place", ["{title}", "{ title }", "${title}", "$title", "%title%", "%(title)s", "<title>"])
def test_a_place_of_another_kind_of_template_is_asked_about(place: str) -> None:
    """It would be posted as it stands, with each item; the hint has both ways of writing it."""
    with fails("template.invalid") as caught:
        Template(f"New: {place} {{{{ link }}}}")
    assert f'If a value is meant, write {{{{ title }}}}. If these letters are, write {{{{ "{place}" }}}}.' == (
        caught.value.hint
    )
    assert f"New: {place}" == Template(f'New: {{{{ "{place}" }}}}').render(VALUES)


@pytest.mark.parametrize("source", ["{1} {} $5 {{ title }}", "[title]({{ link }})", "100% <3 {{ title }} %d"])
def test_other_signs_are_text(source: str) -> None:
    """Braces without a name, money, links of Markdown."""
    Template(source)


def test_values_of_json_have_any_name() -> None:
    """A hook's message may have any field, so whatever stands in braces is asked about."""
    with fails("template.invalid", match="'{release.name}'"):
        Template("{release.name} is out", None)


@pytest.mark.parametrize(
    "source",
    [
        "{{ title * 1000000000 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ title.__class__ }}",
        "{{ title.__class__.__mro__ }}",
        "{{ ''.join(tags) }}",
        "{{ title.format() }}",
        "{{ '{0:1000000000}'.format(1) }}",
        "{{ title.center(1000000000) }}",
        "{{ title.encode() }}",
        "{{ tags.append(1) }}",
        "{{ tags.__len__() }}",
        "{{ published.strftime('%1000000000Y') }}",
        "{{ published|date('%1000000000Y') }}",
        "{{ published.__reduce__() }}",
        "{{ title['__class__'] }}",
        "{{ self._TemplateReference__context }}",
        "{{ (summary|join(summary))|join(summary) }}",
        "{{ summary|replace('', summary) }}",
        "{% for c in summary %}{{ summary }}{% endfor %}",
        "{{ tags[0:5:0] }}",
        "{{ 1 / 0 }}",
        "{{ summary|truncate(0) }}",
        "{{ summary|truncate(9, False, '...', -1) }}",
    ],
)
def test_what_templates_cannot_do(source: str) -> None:
    """No way out of the sandbox, and nothing that takes for ever or fills the memory."""
    with fails("template.invalid"):
        Template(source).render({**VALUES, "summary": "x" * 3000})


@given(
    title=st.text(max_size=700),
    summary=st.text(alphabet="abc é漢👨‍👩‍👧 \n", max_size=900),
    tags=st.lists(st.text(max_size=30), max_size=10),
)
def test_the_link_survives(title: str, summary: str, tags: list[str]) -> None:
    """Whatever the item says, the text fits and ends with its whole link."""
    values = {**VALUES, "title": title, "summary": summary, "tags": tags, "hashtags": hashtags(tags)}
    text = Template("{{ title }}: {{ summary }} {{ hashtags }}\n{{ link }}").fitted(values)
    assert (True, True) == (fits(text, True), text.endswith(VALUES["link"]))


def test_the_summary_gives_way_before_the_title() -> None:
    """Only as much is cut as has to be, at the end of a word, and the title stays while it can."""
    values = {**VALUES, "title": "word " * 20 + "end", "summary": "tail " * 100}
    text = Template("{{ title }}\n{{ summary }}\n{{ link }}").fitted(values, shorten=False)
    first, second, last = text.split("\n")
    assert (values["title"], VALUES["link"]) == (first, last)
    assert second.endswith("tail…") and 290 <= grapheme_length(text) <= 300


def test_links_count_as_they_are_shown() -> None:
    """A long link takes little room where links are shortened for display."""
    values = {**VALUES, "link": "https://site.example/" + "a" * 280, "title": "t" * 200}
    assert values["title"] in Template(DEFAULT_TEMPLATE).fitted(values)
    assert values["title"] not in Template(DEFAULT_TEMPLATE).fitted(values, shorten=False)


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("one two three", 13, "one two three"),
        ("one two three", 12, "one two…"),
        ("one, two", 6, "one…"),
        ("unbreakable", 5, "unbr…"),
        ("漢字漢字漢字", 4, "漢字漢…"),
        ("ab", 1, ""),
    ],
)
def test_texts_are_cut_at_ends_of_words(text: str, length: int, expected: str) -> None:
    """With an ellipsis, within the length, and without marks before it."""
    assert expected == shortened(text, length)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["sea"], "#sea"),
        (["North Sea", "north sea"], "#NorthSea"),
        (["C++", "2026", "", "--"], "#C"),
        (["web-dev", "iOS 18", "snake_case"], "#WebDev #IOS18 #SnakeCase"),
        (["Grüße an Öl"], "#GrüßeAnÖl"),
        (["x" * 65], ""),
    ],
)
def test_tags_become_hashtags(tags: list[str], expected: str) -> None:
    """Letters and digits only; numbers alone are no hashtags; none twice."""
    assert expected == hashtags(tags)


@given(st.lists(st.text(max_size=70), max_size=8))
def test_hashtags_are_found_as_hashtags(tags: list[str]) -> None:
    """Every hashtag that is made is one for the network, too."""
    from skywrite.protocol.bsky.richtext import detect_facets

    text = hashtags(tags)
    values = [facet.value for facet in detect_facets(text) if facet.kind == "tag"]
    assert [word.removeprefix("#") for word in text.split()] == values
