"""Cards: what is taken from a page, how it is cleaned, and what happens when the page is broken or hostile."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer
from skywrite.core.http import MAX_ANSWER_BYTES, Response
from skywrite.protocol.bsky.graphemes import grapheme_length
from skywrite.protocol.fetch.card import Card, clean, clean_description, clean_title, fetch_card
from skywrite.protocol.fetch.charset import codec_for, decode_page
from skywrite.protocol.fetch.fetch import Fetcher
from skywrite.protocol.fetch.guard import AddressRefused, Guard, Target
from skywrite.protocol.fetch.page import TAGS_MAX, Link, read_page
from tests.support.errors import fails

URL = "https://blog.example/posts/one"
HTML = {"content-type": "text/html; charset=utf-8"}
DOCUMENT = "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/site.standard.document/3jzfcijpj2z2a"
PUBLICATION = "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/site.standard.publication/3jzfcijpj2z2b"


class Site:
    """Stands for the network: answers by address, cut at the limit as the real client does; hosts are public."""

    def __init__(self, answers: Mapping[str, Response | Exception], clock: FakeClock, slow_seconds: float) -> None:
        self.asked: list[str] = []
        self.limits: list[int] = []
        self._answers = answers
        self._clock = clock
        self._slow_seconds = slow_seconds

    def __call__(self, target: Target, address: str) -> Site:
        return self

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        self.asked.append(url)
        self.limits.append(max_bytes)
        self._clock.advance(self._slow_seconds)
        answer = self._answers.get(url, Response(404, {}, b""))
        if isinstance(answer, Exception):
            raise answer
        return Response(answer.status, answer.headers, answer.body[:max_bytes], len(answer.body) > max_bytes)


def site(answers: Mapping[str, Response | Exception], slow_seconds: float = 0) -> tuple[Fetcher, Site]:
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    wire = Site(answers, clock, slow_seconds)
    resolver = Guard(resolve=lambda host, port: ["10.0.0.1" if host == "internal.example" else "93.184.216.34"])
    return Fetcher(guard=resolver, connect=wire, clock=clock), wire


def html(head: str, **fields: str) -> Response:
    return Response(200, HTML | fields, f"<!doctype html><html><head>{head}</head><body>text</body></html>".encode())


def image(data: bytes = b"\x89PNG\r\n\x1a\nrest") -> Response:
    return Response(200, {"content-type": "image/png"}, data)


def card_of(head: str, **others: Response | Exception) -> Card:
    """The card of a page with this head; `others` are answers of blog.example by path, dots written as __."""
    answers = {f"https://blog.example/{name.replace('__', '.')}": answer for name, answer in others.items()}
    return fetch_card(site({URL: html(head)} | answers)[0], URL)


# What is taken


def test_a_whole_card() -> None:
    """Open Graph's title, description and image become the card."""
    card = card_of(
        '<title>other</title><meta property="og:title" content="Hello"><meta name="description" content="other">'
        '<meta property="og:description" content="World"><meta property="og:image" content="/a.png">',
        a__png=image(b"bytes"),
    )
    assert Card(URL, "Hello", "World", b"bytes", "https://blog.example/a.png") == card


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>T</title><meta name=twitter:title content=W><meta property=og:title content=O>", "O"),
        ("<title>T</title><meta name=twitter:title content=W>", "W"),
        ("<title>T</title><meta property=twitter:title content=W>", "W"),
        ("<title>T</title><meta name=og:title content=O>", "O"),
        ("<title>T</title><meta property=OG:Title content=O>", "O"),
        ("<title>T</title><meta property=og:title content=' '>", "T"),
        ("<title>T</title><meta property=og:title>", "T"),
        ("<meta property=og:title content=1><meta property=og:title content=2>", "1"),
        ("<title>T</title><svg><title>drawing</title></svg>", "T"),
        ("<svg><title>drawing</title></svg>", "one"),
        ("", "one"),
        ("<title> </title>", "one"),
        ("<script>var x = '<title>no</title>'</script><!-- <title>no</title> --><title>T</title>", "T"),
        ("<noscript><img src=x></noscript><meta property=og:title content=late>", "late"),
        ("<title>Tom &amp; Jerry &#8212; &quot;x&quot;</title>", 'Tom & Jerry — "x"'),
        ("<title>&amp;lt;b&amp;gt;</title>", "&lt;b&gt;"),
        ("<title>&#xD800;&#0;x</title>", "��x"),
    ],
)
def test_the_title(head: str, title: str) -> None:
    """Open Graph, Twitter, `<title>`, then the file's name; never empty, entities decoded once."""
    assert title == card_of(head).title


@pytest.mark.parametrize(
    ("head", "description"),
    [
        (
            "<meta name=description content=D><meta name=twitter:description content=W>"
            "<meta property=og:description content=O>",
            "O",
        ),
        ("<meta name=description content=D><meta name=twitter:description content=W>", "W"),
        ("<meta name=Description content=' D\n\t d '>", "D d"),
        ("<meta property=og:description content=''><meta name=description content=D>", "D"),
        ("", ""),
    ],
)
def test_the_description(head: str, description: str) -> None:
    """Open Graph, Twitter, the plain description, or nothing."""
    assert description == card_of(head).description


def test_a_page_without_a_path_is_called_by_its_host() -> None:
    """Where there is no file name the host is the title."""
    fetcher, _ = site({"https://blog.example/": html("")})
    assert "blog.example" == fetch_card(fetcher, "https://blog.example").title


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://blog.example/posts/one#part", "https://blog.example/posts/one#part"),
        ("https://BLOG.example/posts/one", "https://BLOG.example/posts/one"),
        ("https://blög.example/ü", "https://xn--blg-tna.example/%C3%BC"),
        (" https://blog.example/posts/one\n", "https://blog.example/posts/one"),
    ],
)
def test_the_uri_is_the_address_as_given(url: str, uri: str) -> None:
    """The writer's address is kept, also after redirects; only what is no URI is written as one."""
    answers = {
        name: Response(302, {"location": URL + "2"}, b"") for name in (URL, "https://xn--blg-tna.example/%C3%BC")
    }
    fetcher, _ = site(answers | {URL + "2": html("")})
    assert uri == fetch_card(fetcher, url).uri


# Images


@pytest.mark.parametrize(
    ("head", "address"),
    [
        ("<meta property=og:image content=a.png>", "https://blog.example/posts/a.png"),
        ("<meta property=og:image content=//cdn.example/a.png>", "https://cdn.example/a.png"),
        ("<base href=/z/><meta property=og:image content=a.png>", "https://blog.example/z/a.png"),
        ("<base href=https://cdn.example/z/><meta property=og:image content=a.png>", "https://cdn.example/z/a.png"),
        ("<base href='http://['><meta property=og:image content=a.png>", "https://blog.example/posts/a.png"),
        ("<meta property=og:image content=http://cdn.example/a.png>", "http://cdn.example/a.png"),
        ("<meta property=og:image content=' /ü b.png '>", "https://blog.example/%C3%BC%20b.png"),
        ("<meta name=twitter:image content=/a.png>", "https://blog.example/a.png"),
        ("<meta name=twitter:image:src content=/a.png>", "https://blog.example/a.png"),
        ("<link rel=image_src href=/a.png>", "https://blog.example/a.png"),
        (
            "<meta property=og:image content=/a.png><meta property=og:image:secure_url content=/s.png>",
            "https://blog.example/s.png",
        ),
        (
            "<meta property=og:image content=/gone.png><meta name=twitter:image content=/a.png>",
            "https://blog.example/a.png",
        ),
    ],
)
def test_the_image_is_found(head: str, address: str) -> None:
    """Relative to `<base>` or the page; secure address first; the next one when the first is gone."""
    fetcher, _ = site({URL: html(head), address: image(b"bytes")})
    card = fetch_card(fetcher, URL)
    assert (b"bytes", address, ()) == (card.image, card.image_url, card.warnings)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/gone.png", "responded with 404 (Not Found)"),
        ("/empty.png", "is empty"),
        ("/huge.png", "is larger than 8 MB"),
        ("/down.png", "No usable response"),
        ("http://127.0.0.1/a.png", "not a public address"),
        ("http://internal.example/a.png", "not a public address"),
        ("http://169.254.169.254/latest", "not a public address"),
        ("file:///etc/passwd", "file: addresses are not allowed"),
        ("data:image/png;base64,AAAA", "data: addresses are not allowed"),
        ("http://[", "not a web address"),
    ],
)
def test_an_image_that_cannot_be_had_is_a_warning(name: str, reason: str) -> None:
    """The card comes without its image and says why; closed addresses are closed for images too."""
    answers: dict[str, Response | Exception] = {
        URL: html(f"<title>T</title><meta property=og:image content='{name}'>"),
        "https://blog.example/empty.png": image(b""),
        "https://blog.example/huge.png": image(bytes(15_000_001)),
        "https://blog.example/down.png": NoAnswer("No usable response from blog.example: reset."),
    }
    fetcher, wire = site(answers)
    card = fetch_card(fetcher, URL)
    assert ("T", None, None, 1) == (card.title, card.image, card.image_url, len(card.warnings))
    assert card.warnings[0].startswith("The card has no image: ") and reason in card.warnings[0]
    assert all(url.startswith("https://blog.example/") for url in wire.asked)


def test_a_thousand_images_are_not_tried() -> None:
    """A page that names many dead images costs three requests."""
    fetcher, wire = site({URL: html("".join(f"<meta property=og:image content=/{n}.png>" for n in range(1000)))})
    fetch_card(fetcher, URL)
    assert 4 == len(wire.asked)


def test_page_and_images_share_one_deadline() -> None:
    """A page that takes all the time leaves none for its image."""
    fetcher, wire = site({URL: html("<title>T</title><meta property=og:image content=/a.png>")}, slow_seconds=20)
    card = fetch_card(fetcher, URL)
    assert ("T", ("The card has no image: the page itself used up the time limit.",)) == (card.title, card.warnings)
    assert [URL] == wire.asked


def test_an_image_is_not_decoded_here() -> None:
    """A bomb of an image is passed on as bytes: what fits images looks at its size first."""
    modules = {name for name in sys.modules if name.startswith("PIL")}
    card = card_of("<meta property=og:image content=/a.png>", a__png=image(b"\x89PNG bomb"))
    assert b"\x89PNG bomb" == card.image
    assert modules == {name for name in sys.modules if name.startswith("PIL")}


# What is no page


@pytest.mark.parametrize(
    ("url", "mime", "title"),
    [
        ("https://blog.example/Annual%20report.pdf?x=1", "application/pdf", "Annual report.pdf"),
        ("https://blog.example/notes.txt", "text/plain; charset=utf-8", "notes.txt"),
        ("https://blog.example/feed", "application/rss+xml", "feed"),
        ("https://blog.example/a/", "application/zip", "a"),
        ("https://blog.example/%E2%80%AEfdp.exe", "application/octet-stream", "fdp.exe"),
        ("https://blog.example/", "application/pdf", "blog.example"),
    ],
)
def test_a_file_is_called_by_its_name(url: str, mime: str, title: str) -> None:
    """What is no page gets a card with the file's name and nothing else."""
    fetcher, _ = site({url: Response(200, {"content-type": mime}, b"<title>no</title>")})
    assert Card(url, title, "") == fetch_card(fetcher, url)


@pytest.mark.parametrize("headers", [{"content-type": "image/png"}, {}])
def test_an_image_is_its_own_card(headers: dict[str, str]) -> None:
    """A link to an image shows the image, with its name."""
    url, data = "https://blog.example/cat.png", b"\x89PNG\r\n\x1a\nrest"
    fetcher, _ = site({url: Response(200, headers, data)})
    assert Card(url, "cat.png", "", data, url) == fetch_card(fetcher, url)


@pytest.mark.parametrize(("size", "whole"), [(2_000_000, True), (15_000_001, False)])
def test_a_large_image_is_fetched_again_up_to_the_limit_of_images(size: int, whole: bool) -> None:
    """More than a page's megabyte is asked for once it is known to be an image."""
    url = "https://blog.example/cat.jpg"
    fetcher, _ = site({url: Response(200, {"content-type": "image/jpeg"}, bytes(size))})
    card = fetch_card(fetcher, url)
    assert (bytes(size) if whole else None, not whole) == (card.image, bool(card.warnings))


def test_html_without_a_type_is_a_page() -> None:
    """A server that names no type is believed by what it sends."""
    fetcher, _ = site({URL: Response(200, {}, b"\xef\xbb\xbf\n<!DOCTYPE HTML><title>T</title>")})
    assert "T" == fetch_card(fetcher, URL).title


# Faults


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 500, 503])
def test_an_error_page_gives_no_card(status: int) -> None:
    """The title of an error page is nobody's card."""
    fetcher, _ = site({URL: Response(status, HTML, b"<title>Oops</title>")})
    with fails("card.failed", match=f"{URL} responded with {status}"):
        fetch_card(fetcher, URL)


def test_a_page_that_is_down_gives_no_card() -> None:
    """A transport's failure is a failure of the card, with its sentence."""
    fetcher, _ = site({URL: NoAnswer("No usable response from blog.example: reset.")})
    with fails("card.failed", match=r"No usable response from blog\.example"):
        fetch_card(fetcher, URL)


@pytest.mark.parametrize("url", ["http://127.1/", "http://internal.example/", "file:///etc/passwd", "blog.example"])
def test_a_closed_address_is_refused(url: str) -> None:
    """An address that may not be opened is the writer's mistake and said as such."""
    with pytest.raises(AddressRefused):
        fetch_card(site({})[0], url)


def test_a_meta_refresh_is_not_followed() -> None:
    """A page cannot send us on by its content."""
    fetcher, wire = site({URL: html("<meta http-equiv=refresh content='0;url=http://127.0.0.1/'><title>T</title>")})
    assert "T" == fetch_card(fetcher, URL).title
    assert [URL] == wire.asked


def test_a_large_page_is_read_up_to_a_megabyte() -> None:
    """The head of a 10 MB page is enough, and no more is asked for."""
    body = b"<title>T</title>" + b"x" * 10_000_000 + b"<meta property=og:title content=late>"
    fetcher, wire = site({URL: Response(200, HTML, body)})
    assert ("T", [1_000_000]) == (fetch_card(fetcher, URL).title, wire.limits)


@pytest.mark.parametrize(
    "piece",
    [
        "<div>",
        "<a><b><i>",
        "<form><div></form>",
        "<table>",
        "<svg>",
        "<b><p></b>",
        "<template>",
        "<!--",
        "<a b",
        "&amp;",
    ],
)
def test_html_bombs_are_read_quickly(piece: str) -> None:
    """Deep and crooked nesting, which costs minutes when read whole, is cut; the head before it is read."""
    text = "<title>T</title><meta property=og:title content=O>" + piece * (1_000_000 // len(piece))
    assert ("T", ["O"]) == (read_page(text).title, read_page(text).metas["og:title"])


def test_tags_are_counted_up_to_the_limit() -> None:
    """The last tag within the limit is read, the first beyond it is not."""
    inside = "<br>" * (TAGS_MAX - 1) + "<meta name=a content=1>"
    assert ({"a": ["1"]}, {}) == (read_page(inside).metas, read_page("<br>" + inside).metas)


def test_links_are_read_for_others_too() -> None:
    """A link keeps its relation words and its type, for finding feeds."""
    text = "<link REL='Alternate  home' type='application/RSS+xml' href=' /feed '><link href=/x>"
    expected = [Link(frozenset({"alternate", "home"}), "/feed", "application/rss+xml"), Link(frozenset(), "/x", "")]
    assert expected == read_page(text).links


# Records of the page


def test_records_of_the_page_are_named() -> None:
    """The document comes first, then the publication, as the view of the network wants them."""
    head = (
        f"<link rel=site.standard.publication href={PUBLICATION}><link rel='SITE.standard.document x' href={DOCUMENT}>"
    )
    assert (DOCUMENT, PUBLICATION) == card_of(head).associated_uris


@pytest.mark.parametrize(
    "href",
    [
        "https://blog.example/",
        "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/site.standard.document",
        "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jzfcijpj2z2a",
        PUBLICATION,
        "at://nobody/site.standard.document/3jzfcijpj2z2a",
        "",
    ],
)
def test_what_is_no_document_is_left_out(href: str) -> None:
    """Only the address of one document record counts as a document."""
    assert () == card_of(f"<link rel=site.standard.document href='{href}'>").associated_uris


def test_records_are_few_and_distinct() -> None:
    """At most four, each once."""
    uris = [DOCUMENT[:-1] + letter for letter in "abcdefg"]
    head = "".join(f"<link rel=site.standard.document href={uri}>" for uri in [uris[0], *uris])
    assert tuple(uris[:4]) == card_of(head).associated_uris


# Cleaning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" a \n\t b ", "a b"),
        ("a\u2028b\u2029c\u00a0d\u3000e\x85f\x1ff", "a b c d e f f"),
        ("a\x00b\x1bc\x7fd\x9be", "abcde"),
        ("\u202eevil\u202c \u2066x\u2069", "evil x"),
        ("\ufeffa\u200bb\u00adc\u2060d", "abcd"),
        ("a\ud800b\uffffc\ufdd0", "abc"),
        ("👩‍👩‍👧 नमस्ते שלום\u200f می\u200cخواهم", "👩‍👩‍👧 नमस्ते שלום\u200f می\u200cخواهم"),
    ],
)
def test_text_is_cleaned(text: str, expected: str) -> None:
    """One line, no controls, no overrides of direction; joiners and marks that languages need stay."""
    assert expected == clean(text)


@given(st.text(st.characters(), max_size=400))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """Cleaned text is clean, printable as UTF-8, and on one line."""
    once = clean(text)
    assert (once, 1) == (clean(once), max(1, len(once.splitlines())))
    once.encode()


def test_a_long_title_is_cut_at_a_grapheme() -> None:
    """A title ends with an ellipsis within 300 graphemes and never in the middle of one."""
    family = "👩‍👩‍👧"
    assert [family * 300, family * 299 + "…"] == [clean_title(family * 300), clean_title(family * 301)]


def test_a_title_of_marks_is_bounded() -> None:
    """One letter with a million marks on it is one grapheme and still not endless."""
    title = clean_title("a" + "\u0301" * 1_000_000)
    assert len(title) <= 3000


@given(st.text(max_size=900))
def test_any_title_fits(text: str) -> None:
    """Whatever the text, the title has at most 300 graphemes."""
    assert grapheme_length(clean_title(text)) <= 300


def test_a_long_description_is_cut_at_a_word() -> None:
    """At most 1000 characters, the last word whole."""
    text = "word " * 300
    assert ("word " * 200).rstrip() + "…" == clean_description(text)
    assert "x" * 1000 == clean_description("x" * 1000)


def test_a_description_without_words_is_cut_at_the_limit() -> None:
    """Languages without blanks are cut where the limit is."""
    assert "語" * 999 + "…" == clean_description("語" * 1001)


@given(st.text(max_size=60), st.integers(1, 100))
def test_any_description_fits(text: str, times: int) -> None:
    """Whatever the text, the description has at most 1000 characters."""
    assert len(clean_description(text * times)) <= 1000


# Encodings


@pytest.mark.parametrize(
    ("data", "content_type", "expected"),
    [
        ("ü".encode(), "text/html; charset=utf-8", "ü"),
        ("ü".encode("latin-1"), "text/html; charset=ISO-8859-1", "ü"),
        ("€".encode("cp1252"), "text/html; charset='latin1'", "€"),
        ("日本".encode("shift_jis"), "text/html;charset=Shift_JIS", "日本"),
        ("日本".encode("euc_jp"), 'text/html; charset="euc-jp"; x=y', "日本"),
        ("Привет".encode("cp1251"), "text/html; charset=windows-1251", "Привет"),
        ("中文".encode("gbk"), "text/html; charset=gb2312", "中文"),
        ("한국".encode("cp949"), "text/html; charset=ks_c_5601-1987", "한국"),
        ("\ufeffü".encode(), "text/html; charset=iso-8859-1", "ü"),
        ("\ufeffü".encode("utf-16-le"), "text/html; charset=utf-8", "ü"),
        ("\ufeffü".encode("utf-16-be"), "", "ü"),
        ("<meta charset=windows-1251>Привет".encode("cp1251"), "text/html", "<meta charset=windows-1251>Привет"),
        ("<meta charset='utf-16'>ü".encode(), "text/html", "<meta charset='utf-16'>ü"),
        (b"<meta charset=iso-8859-1>\xc3\xbc", "text/html; charset=utf-8", "<meta charset=iso-8859-1>ü"),
        ("ü".encode(), "text/html", "ü"),
        ("ü".encode("latin-1"), "text/html", "ü"),
        ("ü".encode(), "text/html; charset=nonsense", "ü"),
        ("ü".encode(), "text/html; charset=", "ü"),
        ("aü".encode()[:2], "", "a"),
        (b"a\xffb", "text/html; charset=utf-8", "a�b"),
        (b"", "", ""),
    ],
)
def test_a_page_is_decoded(data: bytes, content_type: str, expected: str) -> None:
    """Byte order mark, header, the page's own word, then what the bytes look like."""
    assert expected == decode_page(data, content_type)


@pytest.mark.parametrize(
    ("start", "attributes"),
    [
        ("<meta http-equiv='Content-Type' content='text/html; ", "'>"),
        ("<META lang=de  ", ">"),
        ("<?xml version='1.0' ", "?>"),
    ],
)
def test_the_page_names_its_encoding(start: str, attributes: str) -> None:
    """The old form, the new form and the form of XML are understood."""
    word = "encoding='koi8-r'" if start.startswith("<?") else "charset=koi8-r"
    text = f"{start}{word}{attributes}Привет"
    assert text == decode_page(text.encode("koi8_r"), "text/html")


@pytest.mark.parametrize(
    "label",
    ["punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "idna", "zip", "hex", "rot13", "mbcs", "undefined"],
)
def test_codecs_that_are_no_encoding_are_not_run(label: str) -> None:
    """Python's other codecs are nobody's page encoding and some are traps."""
    assert None is codec_for(label)
    assert "a\\u0041" == decode_page(b"a\\u0041", f"text/html; charset={label}")


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "gbk", "iso-2022-jp", "utf-16", "big5", "", "shift_jis"]))
def test_any_bytes_are_decoded(data: bytes, label: str) -> None:
    """No bytes and no label make decoding fail, and the text can be written again."""
    decode_page(data, f"text/html; charset={label}").encode()
