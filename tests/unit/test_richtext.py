"""Rich text: detection as the reference client's, graphemes as the server's, and what the app does to a text."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.protocol.bsky.graphemes import fits_graphemes, graphemes
from skywrite.protocol.bsky.richtext import (
    Facet,
    RichText,
    detect,
    detect_facets,
    facet_records,
    grapheme_length,
    parse_markdown_links,
    shorten_links,
    tidy,
    utf8_length,
)
from skywrite.protocol.bsky.shortlink import short_url

VECTORS: dict[str, list[Any]] = json.loads((Path(__file__).parent.parent / "vectors" / "richtext.json").read_text())
DID = "did:plc:7iza6de2dwap2sbkpav7c6c6"

# Texts made of what detection looks at, in any order.
PIECES = st.sampled_from(
    [
        *"@#$.:/()[]! \n\u3000\ufeff\u200b\u0301\ufe0f",
        "a.com",
        "@b.test",
        "http://",
        "https://x.y",
        "#tag",
        "$AB",
        "＃",
        "é",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=12).map("".join)
VALID_TEXTS = TEXTS.filter(lambda text: not any("\ud800" <= character <= "\udfff" for character in text))


def shown(text: str, facets: list[Facet] | tuple[Facet, ...]) -> list[tuple[str, str, str]]:
    data = text.encode("utf-8", "surrogatepass")
    return [
        (data[facet.byte_start : facet.byte_end].decode("utf-8", "surrogatepass"), facet.kind, facet.value)
        for facet in facets
    ]


class TestDetection:
    def test_equals_the_reference_client(self) -> None:
        """Every recorded answer of the reference client is ours too, but about schemes with capitals (below)."""
        capital = re.compile(r"(?!https?:)[hH][tT][tT][pP][sS]?://")
        kept = [(text, expected) for text, expected in VECTORS["detection"] if not capital.search(text)]
        assert len(kept) > 0.97 * len(VECTORS["detection"])
        for text, expected in kept:
            facets = [[facet.byte_start, facet.byte_end, facet.kind, facet.value] for facet in detect_facets(text)]
            assert (text, expected) == (text, facets)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("@handle.com middle end", [("@handle.com", "mention", "handle.com")]),
            ("parenthetical (@handle.com)", [("@handle.com", "mention", "handle.com")]),
            ("not@right", []),
            ("@handle.com!@#$chars", [("@handle.com", "mention", "handle.com")]),
            ("👨👩👧👧 @handle.com 👨👩👧👧", [("@handle.com", "mention", "handle.com")]),
            ("start middle.com/foo?a=b#c end", [("middle.com/foo?a=b#c", "link", "https://middle.com/foo?a=b#c")]),
            (
                "except for https://foo.com/thing_(cool)",
                [("https://foo.com/thing_(cool)", "link", "https://foo.com/thing_(cool)")],
            ),
            ("parenthetical (https://foo.com).", [("https://foo.com", "link", "https://foo.com")]),
            ("something-cool.jpg e.g. website.com.jpg/foo", []),
            ("body #a__b #b_ #-_ #1", [("#a__b", "tag", "a__b"), ("#b", "tag", "b")]),
            ("some #n0n3s@n5e!", [("#n0n3s@n5e", "tag", "n0n3s@n5e")]),
            ("#🦋 and #butter🦋fly!!!", [("#🦋", "tag", "🦋"), ("#butter🦋fly", "tag", "butter🦋fly")]),
            ("＃日本 ok", [("＃日本", "tag", "日本")]),
            ("($btc) $TOOLONG $1A $eth.", [("$btc", "tag", "$BTC"), ("$eth", "tag", "$ETH")]),
        ],
    )
    def test_golden_cases(self, text: str, expected: list[tuple[str, str, str]]) -> None:
        """The published cases of the reference client hold."""
        assert expected == shown(text, detect_facets(text))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("see httpbin.org/get now", [("httpbin.org/get", "link", "https://httpbin.org/get")]),
            ("httpd.notatld", []),
            ("(https.com)", [("https.com", "link", "https://https.com")]),
        ],
    )
    def test_domains_that_begin_with_http(self, text: str, expected: list[tuple[str, str, str]]) -> None:
        """A bare domain that begins with "http" is a domain like any other, which the reference does not do."""
        assert expected == shown(text, detect_facets(text))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Https://example.org/A", [("Https://example.org/A", "link", "https://example.org/A")]),
            ("(HTTP://X.de.", [("HTTP://X.de", "link", "http://X.de")]),
            ("Ftp://example.org", []),
        ],
    )
    def test_a_scheme_in_any_letters(self, text: str, expected: list[tuple[str, str, str]]) -> None:
        """An address that a telephone wrote with a capital is a link that apps open; the reference makes none."""
        assert expected == shown(text, detect_facets(text))

    def test_such_an_address_is_shortened(self) -> None:
        """Its text is its address, whatever letters its scheme has."""
        rich = shorten_links(detect(RichText("Https://example.org/a/very/long/path/that/nobody/reads")))
        assert ("example.org/a/very/long/...", 1) == (rich.text, len(rich.facets))

    @given(TEXTS)
    def test_facets_lie_on_their_text(self, text: str) -> None:
        """Facets are in order, in bounds, on whole characters, and show what they stand for."""
        facets = detect_facets(text)
        assert sorted(facet.byte_start for facet in facets) == [facet.byte_start for facet in facets]
        for visible, kind, value in shown(text, facets):
            if kind == "mention":
                assert f"@{value}" == visible
            elif kind == "link":
                assert visible in (value, value.removeprefix("https://"))
            else:
                assert value in (visible[1:], visible.upper())

    def test_plain_text_compiles_and_imports_nothing(self) -> None:
        """Text without candidates costs no table, no pattern and no grapheme library."""
        code = (
            "import sys; from skywrite.protocol.bsky.richtext import detect_facets, grapheme_length;"
            "from skywrite.protocol.bsky.limits import check_text;"
            "detect_facets('Nothing to see here, really. Etc.'); check_text('é' * 300); grapheme_length('é' * 400);"
            "names = ('skywrite.protocol.bsky.tlds', 'skywrite.protocol.bsky.unicode_tables', 'regex', 'asyncio');"
            "print([name for name in names if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "[]" == done.stdout.strip()


class TestGraphemes:
    def test_equals_the_reference_segmenter(self) -> None:
        """Every recorded answer of Intl.Segmenter (Unicode 17) is ours too."""
        for text, lengths in VECTORS["graphemes"]:
            assert (text, lengths) == (text, [len(cluster) for cluster in graphemes(text)])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", 0),
            ("e\u0301", 1),
            ("\r\n", 1),
            ("👨‍👩‍👧‍👦", 1),
            ("👍🏽", 1),
            ("🇩🇪🇫🇷🇪", 3),
            ("한국어", 3),
            ("क्षत्रिय", 3),
            ("অ্যাপ", 3),
            ("\u1100\u1161\u11a8", 1),
            ("\uac00\u11a8", 1),
            ("\ud7a3\u11a8", 1),
            ("\ud7a4\u11a8", 2),
            ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),
        ],
    )
    def test_counts(self, text: str, expected: int) -> None:
        """Marks, joiners, flags, syllables and conjuncts count as people see them."""
        assert expected == grapheme_length(text)

    @given(st.text(), st.text())
    def test_is_a_partition(self, first: str, second: str) -> None:
        """Graphemes join to the text, and the shortcut for plain text counts what the long way counts."""
        text = first + second
        assert text == "".join(graphemes(text))
        assert len(graphemes(text)) == grapheme_length(text)
        # A flag forces the long way; it and the character that keeps it apart add two.
        assert grapheme_length(text) + 2 == grapheme_length(f"{text}\0🇩🇪")

    @given(st.text(max_size=30), st.integers(0, 30))
    def test_fits(self, text: str, most: int) -> None:
        """A text fits exactly when it has no more graphemes."""
        assert (grapheme_length(text) <= most) is fits_graphemes(text, most)


class TestDetect:
    def test_leaves_out_what_overlaps(self) -> None:
        """Facets inside a given facet, or inside each other, are left out."""
        text = "read a.com/(@b.com now"
        assert [("a.com/(@b.com", "link", "https://a.com/(@b.com")] == shown(text, detect(RichText(text)).facets)
        given_facet = Facet(0, 22, "link", "https://c.com")
        assert (given_facet,) == detect(RichText(text, (given_facet,))).facets

    def test_given_ones_come_first(self) -> None:
        """A given facet inside a detected one wins; one that only touches it leaves it."""
        label = Facet(8, 17, "link", "https://c.com")
        assert (label,) == detect(RichText("https://a.example", (label,))).facets
        other = Facet(18, 21, "link", "https://d.com")
        assert (label, other) == detect(RichText("https://a.example end", (label, other))).facets
        before, after = Facet(0, 2, "link", "https://c.com"), Facet(6, 7, "link", "https://c.com")
        assert ["link", "tag", "link"] == [f.kind for f in detect(RichText("a #tag\u200b", (before, after))).facets]
        touching = detect(RichText("a(@b.com", (before,)))
        assert [(0, 2, "link"), (2, 8, "mention")] == [(f.byte_start, f.byte_end, f.kind) for f in touching.facets]

    def test_the_longest_of_two(self) -> None:
        """Of two facets that begin at the same place the longer one stays."""
        short, long = Facet(0, 2, "link", "https://a.com"), Facet(0, 4, "link", "https://b.com")
        assert [(long,)] * 2 == [detect(RichText("abcd", pair)).facets for pair in ((short, long), (long, short))]

    @given(VALID_TEXTS)
    def test_never_overlaps(self, text: str) -> None:
        """Facets come one after the other."""
        facets = detect(parse_markdown_links(text)).facets
        assert all(left.byte_end <= right.byte_start for left, right in pairwise(facets))


class TestMarkdown:
    @pytest.mark.parametrize(
        ("text", "plain", "links"),
        [
            ("[a](https://x.com)", "a", [("a", "https://x.com")]),
            ("é [ü b](http://x.com/ä) c", "é ü b c", [("ü b", "http://x.com/ä")]),
            ("[a](https://x.com/b_(c))!", "a!", [("a", "https://x.com/b_(c)")]),
            ("[a [b] c](https://x.com)", "a [b] c", [("a [b] c", "https://x.com")]),
            (r"[a \] b](https://x.com)", "a ] b", [("a ] b", "https://x.com")]),
            (r"[a](https://x.com/\)b)", "a", [("a", "https://x.com/)b")]),
            ("[a](https://x.com)[b](https://y.com)", "ab", [("a", "https://x.com"), ("b", "https://y.com")]),
            ("[a [b](https://y.com) c](https://x.com)", "[a b c](https://x.com)", [("b", "https://y.com")]),
            (r"\[a](https://x.com)", "[a](https://x.com)", []),
            (r"é \[a](https://x.com) b", "é [a](https://x.com) b", []),
            (
                r"\[a \[b](https://y.com) c](https://x.com) [d](https://z.com)",
                "[a [b](https://y.com) c](https://x.com) d",
                [("d", "https://z.com")],
            ),
            ("[[a](https://x.com)", "[a", [("a", "https://x.com")]),
            ("HTTPS [a](HTTPS://x.com)", "HTTPS a", [("a", "HTTPS://x.com")]),
            ("`[a](https://x.com)` [b](https://y.com)", "`[a](https://x.com)` b", [("b", "https://y.com")]),
            ("``a ` [b](https://x.com)``", "``a ` [b](https://x.com)``", []),
            ("```\n[a](https://x.com)\n```", "```\n[a](https://x.com)\n```", []),
            ("a ` [b](https://y.com)", "a ` b", [("b", "https://y.com")]),
        ],
    )
    def test_links(self, text: str, plain: str, links: list[tuple[str, str]]) -> None:
        """Well-formed links become their labels; the facet covers the label and holds the URL."""
        rich = parse_markdown_links(text)
        assert plain == rich.text
        assert links == [(label, value) for label, _, value in shown(rich.text, rich.facets)]

    @pytest.mark.parametrize(
        "text",
        [
            "[](https://x.com)",
            "[ \t](https://x.com)",
            r"\[ ](https://x.com)",
            "[a] (https://x.com)",
            "[a](https://x.com",
            "[a](https:// x.com)",
            "[a](https://)",
            "[a](ftp://x.com)",
            "[a](javascript:alert(1))",
            "[a](x.com)",
            "[a](https://x.com 'title')",
            "[a](https://x.com/(b)",
            "![a](https://x.com/a.png)",
            "[a\n\nb](https://x.com)",
            "a](https://x.com)",
            r"C:\[temp] and a\\b",
            "[a][1] [a] ](",
        ],
    )
    def test_malformed_stays(self, text: str) -> None:
        """Whatever is not a whole link to http or https stays exactly as written."""
        assert RichText(text) == parse_markdown_links(text)

    @given(st.text(alphabet="[]()\\`!a \nhtps:/é", max_size=40))
    def test_facets_lie_on_whole_labels(self, text: str) -> None:
        """Any mixture of the syntax gives facets on whole characters, in order."""
        rich = parse_markdown_links(text)
        assert all(label.strip() and value.startswith("http") for label, _, value in shown(rich.text, rich.facets))

    @pytest.mark.timeout(300)
    @pytest.mark.parametrize("unit", ["[", "](", "[a](https://a", "`", "[a](https://a(", "\\[a](", "![", "[]("])
    def test_hostile_text_is_linear(self, unit: str) -> None:
        """Long runs of half-open syntax are read in time that grows with their length."""
        text = unit * 20_000
        assert RichText(text) == parse_markdown_links(text)


class TestShortLinks:
    def test_equals_the_official_app(self) -> None:
        """Every recorded short form is ours too."""
        for url, expected in VECTORS["short_urls"]:
            assert (url, expected) == (url, short_url(url))

    def test_shortens_what_shows_its_url(self) -> None:
        """A link that shows its URL is shown short; labels and bare domains stay; what follows moves along."""
        url = "https://example.com/a/very/long/path"
        rich = detect(parse_markdown_links(f"é {url} [{url}](https://x.com) example.com/a/very/long/path #é"))
        short = shorten_links(rich)
        assert f"é example.com/a/very/long/... {url} example.com/a/very/long/path #é" == short.text
        assert [
            ("example.com/a/very/long/...", "link", url),
            (url, "link", "https://x.com"),
            ("example.com/a/very/long/path", "link", "https://example.com/a/very/long/path"),
            ("#é", "tag", "é"),
        ] == shown(short.text, short.facets)

    def test_keeps_the_rest(self) -> None:
        """What comes after the last link stays."""
        url = "https://example.com/a/very/long/path"
        assert "example.com/a/very/long/... is it." == shorten_links(detect(RichText(f"{url} is it."))).text

    @pytest.mark.parametrize(("longer_than", "text"), [(18, "https://a.example/"), (17, "a.example")])
    def test_only_long_ones(self, longer_than: int, text: str) -> None:
        """Links of up to so many characters stay as they are."""
        assert text == shorten_links(detect(RichText("https://a.example/")), longer_than=longer_than).text

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("http://1.2.3.255/a", "1.2.3.255/a"),
            ("http://1.2.3.256/a", None),
            ("http://1.2.3.300/a", None),
            ("http://1.2.3/a", None),
            ("http://1.2.3.4.5/a", None),
            ("http://1.2.3.04/a", None),
            ("http://1.2.3.0x4/a", None),
            ("http://a.example:65535/a", "a.example:65535/a"),
            ("http://a.example:65536/a", None),
            ("http://a.example/é~|{}", "a.example/%C3%A9~|%7B%7D"),
        ],
    )
    def test_numbers_in_addresses(self, url: str, shown: str | None) -> None:
        """Addresses in plain numbers and ports are shown as browsers read them; odd ones stay whole."""
        assert (shown or url) == short_url(url)

    @given(VALID_TEXTS)
    def test_keeps_values(self, text: str) -> None:
        """Shortening changes no facet's meaning."""
        rich = detect(RichText(text))
        short = shorten_links(rich)
        assert [(f.kind, f.value) for f in rich.facets] == [(f.kind, f.value) for f in short.facets]
        assert all(visible for visible, _, _ in shown(short.text, short.facets))


class TestTidy:
    def test_equals_the_official_app(self) -> None:
        """Every recorded text comes out as the app sends it."""
        for text, expected in VECTORS["tidy"]:
            assert (text, expected) == (text, tidy(text))

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (" \n\n  a\n", "  a"),
            ("a\n\n\n\nb", "a\n\nb"),
            ("a\r\r\rb", "a\n\nb"),
            ("a\n \u200b\n\nb", "a\n\nb"),
            ("a\r\nb", "a\r\nb"),
            ("a\ufeff\u3000", "a"),
            ("a\x85", "a\x85"),
            ("", ""),
        ],
    )
    def test_white_space(self, text: str, expected: str) -> None:
        """Blank lines at the start go, the end is trimmed, and three line ends become two."""
        assert expected == tidy(text)

    @given(TEXTS)
    def test_twice_is_once(self, text: str) -> None:
        """A tidy text stays as it is."""
        assert tidy(text) == tidy(tidy(text))


class TestRecords:
    def test_records(self) -> None:
        """Facets become records; mentions without a DID and links that the server refuses stay plain text."""
        text = "@A.com @b.com #t x.com http://)"
        records = facet_records(detect_facets(text), {"A.com": DID})
        assert [
            {"$type": "app.bsky.richtext.facet#mention", "did": DID},
            {"$type": "app.bsky.richtext.facet#tag", "tag": "t"},
            {"$type": "app.bsky.richtext.facet#link", "uri": "https://x.com"},
        ] == [record["features"][0] for record in records]
        assert {"byteStart": 0, "byteEnd": 6} == records[0]["index"]

    def test_handles_are_case_insensitive(self) -> None:
        """A DID found for the lower-case handle serves the handle as written."""
        (record,) = facet_records([Facet(0, 6, "mention", "A.Com")], {"a.com": DID})
        assert DID == record["features"][0]["did"]

    @given(TEXTS)
    def test_lengths_in_bytes(self, text: str) -> None:
        """Bytes are counted as UTF-8 does."""
        assert len(text.encode("utf-8", "surrogatepass")) == utf8_length(text)
