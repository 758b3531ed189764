"""The limits of a post: each boundary on both sides, and errors that say what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from skywrite.core.errors import InputError
from skywrite.protocol.bsky import limits
from tests.support.errors import fails


class TestText:
    @pytest.mark.parametrize("text", ["a", "a" * 300, "👨‍👩‍👧‍👦" * 120, "e\u0301" * 300, "é" * 300])
    def test_fits(self, text: str) -> None:
        """300 graphemes and 3000 bytes are accepted, whatever they are made of."""
        limits.check_text(text)

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("a" * 301, "301"),
            ("e\u0301" * 301, "301"),
            ("👨‍👩‍👧‍👦" * 121, "3025 bytes"),
            ("e" + "\u0301" * 1500, "3001 bytes"),
        ],
    )
    def test_too_long(self, text: str, part: str) -> None:
        """301 graphemes and 3001 bytes are refused, with the count."""
        with fails("text.too_long", match=part) as caught:
            limits.check_text(text)
        assert "thread" in caught.value.hint

    @pytest.mark.parametrize("text", ["", " \n"])
    def test_empty(self, text: str) -> None:
        """An empty post is refused, and accepted where something is attached."""
        with fails("post.empty"):
            limits.check_text(text)
        limits.check_text(text, empty_allowed=True)

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("a\0b", "NUL.*character 2"),
            ("\0", "NUL.*character 1"),
            ("ab\ud83d", "U\\+D83D.*character 3"),
            ("\udfff", "U\\+DFFF"),
        ],
    )
    def test_invalid_characters(self, text: str, part: str) -> None:
        """NUL and lone surrogates are refused, with their place."""
        with fails("text.invalid", match=part):
            limits.check_text(text)


class TestLangs:
    def test_kept_once(self) -> None:
        """Languages come back in order, each once."""
        assert ["en", "pt-BR"] == limits.check_langs(["en", "pt-BR", "en"])

    def test_most(self) -> None:
        """Three languages are accepted."""
        assert ["en", "de", "fr"] == limits.check_langs(["en", "de", "fr"])

    @pytest.mark.parametrize(
        ("language", "shown"), [("x" * 80, repr("x" * 80)), ("x" * 81, repr("x" * 80 + "...")), (5, "5")]
    )
    def test_long_values_are_cut(self, language: str, shown: str) -> None:
        """An error shows 80 characters of what was given."""
        with fails("language.invalid") as caught:
            limits.check_langs([language])
        assert f"{shown} is not a language tag." == caught.value.message

    @pytest.mark.parametrize("lang", ["english!", "", "e", "de_DE"])
    def test_bad_tag(self, lang: str) -> None:
        """A not a language tag is named."""
        with fails("language.invalid", match="not a language tag"):
            limits.check_langs([lang])

    @pytest.mark.parametrize(
        ("lang", "meant"),
        [
            ("jp", "Did you mean ja?"),
            ("CN", "Did you mean zh?"),
            ("Deutsch", "Did you mean de?"),
            ("en_us", "Did you mean en-US?"),
            ("xy_us", "Use a BCP 47 tag such as en, de or pt-BR."),
            ("xx", "Use a BCP 47 tag such as en, de or pt-BR."),
        ],
    )
    def test_no_language(self, lang: str, meant: str) -> None:
        """Two letters that name no language are refused, with the language that was meant."""
        with fails("language.invalid") as caught:
            limits.check_langs([lang])
        assert meant == caught.value.hint
        assert ["ja", "uk", "gsw", "iw"] == [limits.check_langs([one])[0] for one in ("ja", "uk", "gsw", "iw")]

    def test_a_record_may_name_any(self) -> None:
        """A record that is sent as it is may have any tag."""
        assert ["jp"] == limits.check_langs(["jp"], exact=True)

    def test_too_many(self) -> None:
        """Four languages are one too many."""
        with fails("language.invalid", match=r"the maximum.* is 3"):
            limits.check_langs(["en", "de", "fr", "it"])

    def test_a_text_is_no_list(self) -> None:
        """A lone string is told to become a list."""
        with pytest.raises(InputError, match="must be a list"):
            limits.check_langs("en")


class TestTags:
    def test_hash_sign_goes(self) -> None:
        """A leading hash sign of either width goes, and tags come back once."""
        assert ["a", "日本"] == limits.check_tags(["#a", " a ", "＃日本"])

    @pytest.mark.parametrize("tag", ["a, b", "a,b", "a; b", "#a #b", "日、本", ","])
    def test_several_in_one(self, tag: str) -> None:
        """A list of tags is not one tag."""
        with fails("tag.invalid", match="may be several"):
            limits.check_tags([tag])

    def test_marks_in_one(self) -> None:
        """Spaces and marks within a name stay."""
        assert ["C#", "New York", "#1"] == limits.check_tags(["C#", "New York", "##1"])

    @pytest.mark.parametrize("tag", ["é" * 64, "👨‍👩‍👧‍👦" * 25, "a\u20d7\u20d7\u20d7" * 64])
    def test_longest(self, tag: str) -> None:
        """64 graphemes and up to 640 bytes are accepted."""
        assert [tag] == limits.check_tags([tag])

    @pytest.mark.parametrize("tag", ["a" * 65, "👨‍👩‍👧‍👦" * 26, "", "#", " "])
    def test_refused(self, tag: str) -> None:
        """Empty tags, 65 graphemes and 641 bytes are refused."""
        with fails("tag.invalid"):
            limits.check_tags([tag])

    def test_characters(self) -> None:
        """NUL in a tag is refused."""
        with fails("text.invalid"):
            limits.check_tags(["a\0"])

    def test_too_many(self) -> None:
        """Eight tags are accepted, and nine are one too many."""
        assert 8 == len(limits.check_tags([f"t{number}" for number in range(8)]))
        with fails("tag.invalid", match=r"the maximum.* is 8"):
            limits.check_tags([f"t{number}" for number in range(9)])


class TestLabels:
    def test_known(self) -> None:
        """All labels of the network are known."""
        assert list(limits.SELF_LABELS) == limits.check_labels(limits.SELF_LABELS)

    @pytest.mark.parametrize(
        ("label", "meant"),
        [
            ("Porn", "porn"),
            ("nudty", "nudity"),
            ("hide", "!hide"),
            ("graphic", "graphic-media"),
            ("NSFW", "sexual, nudity or porn"),
            ("gore", "graphic-media"),
            ("cw", "!warn"),
        ],
    )
    def test_unknown(self, label: str, meant: str) -> None:
        """An unknown label is refused, with the one that was meant."""
        with fails("label.unknown") as caught:
            limits.check_labels([label])
        assert f"Did you mean {meant}?" == caught.value.hint

    def test_nothing_near(self) -> None:
        """Where no label is near, all are named."""
        with fails("label.unknown") as caught:
            limits.check_labels(["zzz"])
        assert "sexual" in caught.value.hint


class TestMoments:
    def test_forms(self) -> None:
        """Aware datetimes become UTC with milliseconds; texts of the protocol stay."""
        berlin = timezone(timedelta(hours=2))
        assert "2026-01-01T10:00:00.000Z" == limits.check_time(datetime(2026, 1, 1, 12, tzinfo=berlin))
        assert "2026-01-01T10:00:00Z" == limits.check_time("2026-01-01T10:00:00Z")

    @pytest.mark.parametrize("moment", [datetime(2026, 1, 1), "2026-01-01", "2026-01-01T10:00:00", None, 5])
    def test_refused(self, moment: object) -> None:
        """A moment without a zone is refused."""
        with fails("timestamp.invalid"):
            limits.check_time(moment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.b", True),
        ("mailto:a", True),
        ("https://", False),
        ("http://)", True),
        ("a.b", False),
        ("https://a b", False),
        (5, False),
    ],
)
def test_uris(text: object, expected: bool) -> None:
    """Uris are what the server's validator takes for one."""
    assert expected is limits.is_uri(text)


def test_utc_datetimes_need_no_change() -> None:
    """Microseconds are cut, not rounded."""
    assert "2026-01-01T00:00:00.999Z" == limits.check_time(datetime(2026, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC))


@pytest.mark.parametrize(
    ("language", "read"),
    [
        *(("EN", "en"), ("En", "en"), ("pt-br", "pt-BR"), ("DE-at", "de-AT"), ("zh-hant-tw", "zh-Hant-TW")),
        *(("de", "de"), ("EN-x-PIRATE", "en-x-pirate"), ("SR-latn", "sr-Latn")),
    ],
)
def test_languages_in_any_case(language: str, read: str) -> None:
    """`EN` is `en`, as everywhere on the web."""
    assert [read] == limits.check_langs([language])


def test_a_record_that_is_sent_as_it_is_stays_strict() -> None:
    """Its languages are not rewritten, so they must be right."""
    with fails("language.invalid"):
        limits.check_langs(["EN"], exact=True)
