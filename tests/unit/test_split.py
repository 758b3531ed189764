"""Splitting into threads: where it cuts, what it keeps whole, and that every post is within the limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.protocol.bsky.graphemes import graphemes
from skywrite.protocol.bsky.richtext import Facet, RichText, detect, grapheme_length, parse_markdown_links
from skywrite.protocol.bsky.split import split_rich, split_text
from tests.support.errors import fails

WORDS = st.one_of(
    st.sampled_from(
        [
            "word",
            "Sentence.",
            "Dr.",
            "end!",
            "日本語のテキスト。",
            "@alice.test",
            "#tag",
            "https://example.com/path",
            "$AB",
            "e\u0301" * 5,
            "👨‍👩‍👧‍👦",
            "🇩🇪",
            "x" * 120,
            "한국어",
            "क्षत्रिय",
            "z\u0301\u0302\u0303\u0304\u0305" * 20,
            "\u0600",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
)
SPACES = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\r\n\r\n", "  ", "\u3000", "", "\xa0"])
TEXTS = st.lists(st.tuples(WORDS, SPACES), min_size=1, max_size=160).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)
NUMBERINGS = st.sampled_from(["none", "1/n", "thread", "🧵"])
NUMBER = r" \d+/\d+$"


def without_spaces(text: str) -> str:
    return re.sub(r"\s+", "", text)


def without_number(part: str, numbering: str, index: int) -> str:
    if numbering == "1/n":
        return re.sub(NUMBER, "", part)
    return part if numbering == "none" or index else part.removesuffix(" 🧵")


def visible(rich: RichText) -> list[tuple[str, str, str]]:
    data = rich.text.encode()
    return [(data[f.byte_start : f.byte_end].decode(), f.kind, f.value) for f in rich.facets]


class TestProperties:
    @settings(max_examples=100)
    @given(TEXTS, NUMBERINGS)
    def test_every_post_is_within_the_limits(self, text: str, numbering: str) -> None:
        """No post has more than 300 graphemes or 3000 bytes, and nothing but white space is lost."""
        parts = split_text(text, numbering)
        assert all(grapheme_length(part) <= 300 and len(part.encode()) <= 3000 for part in parts)
        if len(parts) == 1:
            assert without_spaces(text) == without_spaces(parts[0])
            return
        bare = [without_number(part, numbering, index) for index, part in enumerate(parts)]
        assert without_spaces(text) == without_spaces("".join(bare))
        assert all(bare)

    @settings(max_examples=100)
    @given(TEXTS)
    def test_graphemes_stay_whole(self, text: str) -> None:
        """Cutting makes no grapheme that was not there."""
        whole = [item for item in graphemes(text) if item.strip()]
        cut = [item for part in split_text(text) for item in graphemes(part) if item.strip()]
        assert whole == cut

    @settings(max_examples=100)
    @given(TEXTS, NUMBERINGS)
    def test_facets_stay_whole(self, text: str, numbering: str) -> None:
        """Every facet comes along, in order, over the same words."""
        rich = detect(RichText(text))
        assert visible(rich) == [item for part in split_rich(rich, numbering) for item in visible(part)]

    @given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300), NUMBERINGS)
    def test_what_fits_is_one_post(self, text: str, numbering: str) -> None:
        """A text that fits is one post, exactly as it is, without a number."""
        assert [text] == split_text(text, numbering)


class TestWhere:
    def test_paragraphs_first(self) -> None:
        """A paragraph end is taken, even where more sentences would fit."""
        text = "First. Second one.\n\n" + "Third here. " * 24 + "End."
        assert ["First. Second one.", "Third here. " * 24 + "End."] == split_text(text)

    def test_last_paragraph_that_fits(self) -> None:
        """As many paragraphs as fit go into one post."""
        paragraphs = ["a" * 100, "b" * 100, "c" * 100, "d" * 100]
        assert ["a" * 100 + "\n\n" + "b" * 100, "c" * 100 + "\n\n" + "d" * 100] == split_text("\n\n".join(paragraphs))

    def test_sentences_then(self) -> None:
        """Without a paragraph end, the last sentence end is taken, and abbreviations and initials end none."""
        text = "word " * 40 + "ends here. " + "Then Dr. J. Smith said e.g. this and " + "more " * 40
        first, second = split_text(text.strip())
        assert first.endswith("ends here.")
        assert second.startswith("Then Dr. J. Smith")

    def test_closing_quotes_belong_to_the_sentence(self) -> None:
        """A sentence ends behind its closing quotes."""
        first, second = split_text("He said: “" + "yes " * 50 + "yes.” Then " + "no " * 60)
        assert first.endswith("yes.”")
        assert second.startswith("Then")

    def test_words_last(self) -> None:
        """Without sentence ends, words stay whole."""
        parts = split_text("wordy " * 100)
        assert {"wordy"} == {word for part in parts for word in part.split()}
        assert [299, 299] == [len(part) for part in parts]

    def test_a_sentence_end_far_in_front_is_no_reason(self) -> None:
        """A sentence end that would leave a post nearly empty is not taken."""
        assert len(split_text("Hi. " + "Word " * 100)[0]) > 250

    def test_long_word(self) -> None:
        """A word of more than 300 graphemes is cut between graphemes; one that fits a post is not."""
        assert [300, 300, 100] == [len(part) for part in split_text("x" * 700)]
        assert ["short", "x" * 299] == split_text("short " + "x" * 299)
        assert [249, 300, 100] == [len(part) for part in split_text("word " * 50 + "x" * 400)]
        assert ["short " + "x" * 294, "x" * 106] == split_text("short " + "x" * 400)
        assert [300, 1] == [grapheme_length(part) for part in split_text("👍🏽" * 301)]

    def test_bytes_count_too(self) -> None:
        """Text of few graphemes and many bytes is cut by its bytes."""
        parts = split_text("z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308 " * 250)
        assert all(len(part.encode()) <= 3000 for part in parts)
        assert 2 == len(parts)

    def test_east_asian_text(self) -> None:
        """Text without spaces is cut behind its sentence ends, and no line begins with closing punctuation."""
        parts = split_text("今日は天気がいいです。散歩に行きましょう。" * 20)
        assert all(part.endswith("。") for part in parts)
        assert all(part[0] not in "。、」" for part in split_text("あ、" * 200))

    def test_no_break_space_is_kept(self) -> None:
        """A no-break space is no place to cut."""
        parts = split_text("ab " + "a\xa0b " * 100)
        assert all(part.startswith("a") and part.endswith("b") for part in parts)

    def test_space_with_a_mark(self) -> None:
        """A space that carries a combining mark is a grapheme, and no place to cut."""
        parts = split_text("a" * 100 + " " + "b" * 190 + " \u0301" + "c" * 50)
        assert ["a" * 100, "b" * 190 + " \u0301" + "c" * 50] == parts

    @pytest.mark.parametrize("line", ["\n", "\r\n", "\r"])
    def test_paragraphs_of_every_system(self, line: str) -> None:
        """A blank line ends a paragraph however lines end, and a single line end does not."""
        lines = ["a" * 100, "b" * 100, "c" * 150]
        assert [lines[0], f"{lines[1]}{line}{lines[2]}"] == split_text(f"{lines[0]}{line * 2}{line.join(lines[1:])}")
        assert [f"{lines[0]}{line}{lines[1]}", lines[2]] == split_text(line.join(lines))

    def test_line_ends_of_two_characters(self) -> None:
        """A line end of two characters is one grapheme."""
        assert ["x\r\n" * 149 + "x", "y"] == split_text("x\r\n" * 150 + "y")

    @pytest.mark.parametrize(("first", "expected"), [(75, 75), (74, 299)])
    def test_a_sentence_fills_a_quarter(self, first: int, expected: int) -> None:
        """A sentence end is taken if it fills a quarter of the post, and not if it fills less."""
        text = "x" * (first - 1) + ". " + "Word " * 60
        assert expected == len(split_text(text)[0])

    @pytest.mark.parametrize(("first", "expected"), [(75, 75), (74, 300)])
    def test_a_word_before_one_that_is_cut(self, first: int, expected: int) -> None:
        """A post ends before a word that must be cut anyway if it is a quarter full; else the word begins in it."""
        assert expected == len(split_text("x" * first + " " + "y" * 400)[0])

    def test_sentences_of_later_posts(self) -> None:
        """A sentence end counts in later posts as in the first."""
        text = "word " * 50 + "word. " + "More " * 15 + "word. " + "More " * 60
        assert ["word " * 50 + "word.", "More " * 15 + "word."] == split_text(text)[:2]

    @pytest.mark.parametrize("following", ["more", "iPhone"])
    def test_a_sentence_begins_with_a_capital(self, following: str) -> None:
        """A full stop before a small letter ends no sentence."""
        text = "Word " * 30 + "one. Then approx. " + f"{following} " + "word " * 60
        assert split_text(text)[0].endswith("one.")

    def test_spaces_across_the_limit(self) -> None:
        """White space at the limit of a post is dropped as a whole."""
        assert ["x" * 298, "y" * 10] == split_text("x" * 298 + " " * 9 + "y" * 10)
        assert ["x" * 299, "y" * 10] == split_text("x" * 299 + " " + "y" * 10)
        assert ["x" * 300, "y" * 10] == split_text("x" * 300 + "  " + "y" * 10)
        assert ["\u3042" * 299 + "\u3002", "\u3044" * 9] == split_text("\u3042" * 299 + "\u3002 \n" + "\u3044" * 9)

    def test_east_asian_text_up_to_the_limit(self) -> None:
        """Sentence ends and characters count up to the last one that fits."""
        wide = "\u65e5"
        assert [300, 100] == [len(part) for part in split_text(wide * 400)]
        sentences = split_text(wide * 199 + "\u3002" + wide * 99 + "\u3002" + wide * 50)
        assert [300, 50] == [len(part) for part in sentences]
        assert [299, 51] == [len(part) for part in split_text(wide * 199 + "\u3002" + wide * 98 + "\u3002" + wide * 51)]

    def test_a_grapheme_at_the_end_of_what_is_read_first(self) -> None:
        """A grapheme stays whole wherever it lies."""
        text = "e\u0301" * 299 + "e\u0301\u0301" + "x" * 10
        assert ["e\u0301" * 299 + "e\u0301\u0301", "x" * 10] == split_text(text)

    def test_exactly_3000_bytes(self) -> None:
        """A post is filled to its last byte, and with a number to the last that leaves room for it."""
        family = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
        assert 3000 == len((family * 120).encode())
        assert [family * 120] == split_text(family * 120) == split_text(family * 120, "1/n")
        assert [family * 120, family] == split_text(family * 121)
        assert [family * 119 + " 1/2", family * 2 + " 2/2"] == split_text(family * 121, "1/n")


class TestWhole:
    def test_a_facet_that_ends_with_the_post(self) -> None:
        """A post may end right behind a link."""
        whole = "https://x.com/" + "a" * 80
        assert [f"{'y' * 205} {whole}", "word " * 20 + "x"] == split_text(f"{'y' * 205} {whole} {'word ' * 20}x")

    def test_a_label_that_begins_with_a_space(self) -> None:
        """White space in a label stays with it, and that before it is dropped."""
        label = Facet(300, 306, "link", "https://x.com")
        first, second = split_rich(RichText("x" * 299 + "  label", (label,)))
        assert ("x" * 299, " label", [(" label", "link", "https://x.com")]) == (
            first.text,
            second.text,
            visible(second),
        )

    def test_facets_one_after_the_other(self) -> None:
        """Each of many labels stays whole, the first one too."""
        labels = tuple(Facet(start, start + 140, "link", f"https://x.com/{start}") for start in range(0, 1120, 140))
        parts = split_rich(RichText("x" * 1120, labels))
        assert [280] * 4 == [len(part.text) for part in parts]
        assert [2] * 4 == [len(part.facets) for part in parts]

    @pytest.mark.parametrize(("length", "expected"), [(253, 100), (254, 300)])
    def test_handles_that_cannot_be(self, length: int, expected: int) -> None:
        """A handle of 253 characters stays whole, and a longer one is none."""
        mention = Facet(100, 101 + length, "mention", "h" * length)
        parts = split_rich(RichText("x" * 100 + "@" + "h" * length + "y" * 100, (mention,)))
        assert expected == len(parts[0].text)

    def test_what_is_too_long(self) -> None:
        """The error shows the beginning of what is too long, its length, and what helps."""
        text = "word " + "".join(chr(97 + number % 26) for number in range(400))
        for kind, hint in (("link", "Give the link a short label"), ("tag", "Shorten it.")):
            with fails("text.unsplittable") as caught:
                split_rich(RichText(text, (Facet(5, 405, kind, "https://x.com"),)))  # type: ignore[arg-type]  # two kinds
            assert f"The {kind} {text[5:45]!r}... has 400 characters" in caught.value.message
            assert caught.value.hint.startswith(hint)

    @pytest.mark.parametrize(
        "whole", ["https://example.com/" + "a" * 60, "@a-very-long-handle.example.com", "#" + "tag" * 20]
    )
    @pytest.mark.parametrize("lead", range(285, 300))
    def test_never_inside_a_facet(self, whole: str, lead: int) -> None:
        """A link, mention or hashtag across the limit moves to the next post."""
        text = "y" * lead + " " + whole
        assert ["y" * lead, whole] == split_text(text)

    def test_label_with_spaces(self) -> None:
        """A label of several words stays whole."""
        rich = parse_markdown_links("word " * 55 + "[a label of many words that goes on](https://x.com) end")
        first, second = split_rich(rich)
        assert "word " * 54 + "word" == first.text
        assert [("a label of many words that goes on", "link", "https://x.com")] == visible(second)

    def test_long_link(self) -> None:
        """A link longer than a post is shown short where a facet holds it, and refused where only text is asked."""
        url = "https://example.com/" + "a" * 400
        (part,) = split_rich(detect(RichText(f"see {url}")))
        assert [("example.com/aaaaaaaaaaaa...", "link", url)] == visible(part)
        with fails("text.unsplittable", match="link"):
            split_text(f"see {url}")

    def test_long_label(self) -> None:
        """A label longer than a post is refused."""
        with fails("text.unsplittable", match="too long for a post"):
            split_rich(RichText("x" * 400, (Facet(0, 400, "link", "https://x.com"),)))

    def test_one_monstrous_grapheme(self) -> None:
        """A single grapheme of more than 3000 bytes is refused."""
        with fails("text.unsplittable", match="combining marks"):
            split_text("a" + "\u0301" * 1600)


class TestNumbering:
    def test_counted(self) -> None:
        """Every post ends with its number and their count."""
        parts = split_text("word " * 200, "1/n")
        assert [f" {number}/4" for number in (1, 2, 3, 4)] == [re.search(NUMBER, part)[0] for part in parts]  # type: ignore[index]

    @pytest.mark.parametrize("posts", [9, 10, 99, 100])
    def test_more_digits_need_more_room(self, posts: int) -> None:
        """The number of posts counts in the room that its own digits take."""
        for extra in (-8, -1, 0, 1, 8):
            parts = split_text("x" * (posts * 295 + extra), "1/n")
            assert all(part.endswith(f" {index}/{len(parts)}") for index, part in enumerate(parts, 1))
            assert all(len(part) <= 300 for part in parts)

    def test_a_number_takes_no_more_room_than_it_needs(self) -> None:
        """Nine full posts have numbers of one digit, and ten have numbers of two."""
        assert [300] * 9 == [len(part) for part in split_text("x" * 296 * 9, "1/n")]
        assert [300] * 10 == [len(part) for part in split_text("x" * (295 * 9 + 294), "1/n")]

    def test_thread_sign_in_a_full_post(self) -> None:
        """The spool of thread has its room in the first post."""
        assert ["x" * 298 + " 🧵", "x" * 300, "x"] == split_text("x" * 599, "thread")

    def test_thread_sign(self) -> None:
        """The spool of thread ends the first post only, also when it is asked for by the sign itself."""
        parts = split_text("word " * 100, "thread")
        assert [True, False] == [part.endswith(" 🧵") for part in parts]
        assert parts == split_text("word " * 100, "🧵")

    def test_unknown(self) -> None:
        """Another way to number is refused by name."""
        with fails("numbering.unknown", match="roman"):
            split_text("a", "roman")

    def test_white_space_around_makes_no_post(self) -> None:
        """White space around a text that fits without it makes neither a second post nor a number."""
        assert ["a" * 300] == split_text(" \n" + "a" * 300 + "  ", "1/n")
        assert [""] == split_text(" " * 400)


def test_invalid_text() -> None:
    """NUL and lone surrogates are refused before anything is cut."""
    with fails("text.invalid"):
        split_text("a\0b")
    with fails("text.invalid"):
        split_rich(RichText("\ud800"))


@pytest.mark.timeout(300)
def test_long_texts_take_linear_time() -> None:
    """A book is split in seconds."""
    assert 800 == len(split_text("A sentence of some words, with #tags and links.com in it. " * 4_000, "1/n"))
    assert 800 < len(split_text("x" * 240_000, "1/n"))
