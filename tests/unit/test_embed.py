"""Embeds: the records that the lexicons describe, and what is refused before anything is uploaded."""

from __future__ import annotations

from typing import Any

import pytest

from skywrite.core.errors import InputError
from skywrite.protocol.bsky import embed
from skywrite.protocol.bsky.embed import ImageItem
from tests.support.errors import fails

CID = "bafkreibjfgx2gprinfvicegelk5kosd6y2frmqpqzwqkg7usac74l3t2v4"
REF = {"uri": "at://did:plc:7iza6de2dwap2sbkpav7c6c6/app.bsky.feed.post/3k2yihcrp6f2c", "cid": CID}


def blob(mime: str = "image/jpeg", size: int = 1000) -> dict[str, Any]:
    return {"$type": "blob", "ref": {"$link": CID}, "mimeType": mime, "size": size}


def items(count: int, **fields: Any) -> list[ImageItem]:
    return [ImageItem(blob(), "a sun", **{"width": 4, "height": 3, **fields}) for _ in range(count)]


VIDEO = blob("video/mp4", 5000)
VTT = blob("text/vtt", 100)


class TestImages:
    def test_record(self) -> None:
        """Images carry blob, alt and aspect ratio; the ratio is left out where the size is not known."""
        built = embed.images([*items(1), ImageItem(blob(), "")])
        assert {
            "$type": "app.bsky.embed.images",
            "images": [
                {"image": blob(), "alt": "a sun", "aspectRatio": {"width": 4, "height": 3}},
                {"image": blob(), "alt": ""},
            ],
        } == built

    @pytest.mark.parametrize("count", [0, 5])
    def test_one_to_four(self, count: int) -> None:
        """None and five are refused; the error says where five belong."""
        with fails("images.too_many") as caught:
            embed.images(items(count))
        assert caught.value.hint

    @pytest.mark.parametrize("ratio", [{"width": 0}, {"height": -1}, {"width": 1.5}, {"width": None}, {"width": True}])
    def test_ratio(self, ratio: dict[str, Any]) -> None:
        """Width and height are whole numbers from 1, both or neither."""
        with fails("image.aspect_ratio"):
            embed.images(items(1, **ratio))

    @pytest.mark.parametrize(
        ("bad", "error"),
        [
            (blob(size=2_000_001), "media.too_large"),
            (blob("video/mp4"), "blob.invalid"),
            (blob(size=0), "blob.invalid"),
            ({**blob(), "size": True}, "blob.invalid"),
            ({**blob(), "ref": {"$link": "x"}}, "blob.invalid"),
            ({**blob(), "$type": "image"}, "blob.invalid"),
            ("path.jpg", "blob.invalid"),
        ],
    )
    def test_blobs(self, bad: Any, error: type[Exception]) -> None:
        """A blob of another kind, too large, or none at all is refused."""
        with fails(error, match="Image 1"):
            embed.images([ImageItem(bad, "x")])

    @pytest.mark.parametrize("size", [1, 2_000_000])
    def test_smallest_and_largest(self, size: int) -> None:
        """One byte is accepted, and so are exactly 2,000,000."""
        assert embed.images([ImageItem(blob(size=size), "x")])

    def test_the_kind_that_is_needed(self) -> None:
        """The error names the kind that is needed, or how it begins."""
        with fails("blob.invalid", match=r"is 'video/mp4'; image/\* is needed"):
            embed.images([ImageItem(blob("video/mp4"), "x")])
        with fails("blob.invalid", match=r"is 'video/mp4s'; video/mp4 is needed"):
            embed.video(blob("video/mp4s"))

    def test_alt_is_text(self) -> None:
        """An alt text of another kind is refused, and the image named."""
        with fails("alt.missing", match="Image 1: the alt text must be text, not int"):
            embed.images([ImageItem(blob(), 7)])  # type: ignore[arg-type]  # on purpose

    def test_alt_characters(self) -> None:
        """NUL in an alt text is refused, and the image named."""
        with fails("text.invalid", match="Image 1, alt text"):
            embed.images([ImageItem(blob(), "a\0")])


class TestGallery:
    def test_record(self) -> None:
        """Each item names its type and its size."""
        built = embed.gallery(items(5))
        assert 5 == len(built["items"])
        assert {
            "$type": "app.bsky.embed.gallery#image",
            "image": blob(),
            "alt": "a sun",
            "aspectRatio": {"width": 4, "height": 3},
        } == built["items"][0]

    def test_at_most_ten(self) -> None:
        """Clients keep to ten."""
        assert embed.gallery(items(10))
        with fails("images.too_many", match=r"the maximum.* is 10"):
            embed.gallery(items(11))

    @pytest.mark.parametrize("missing", [{"width": None, "height": None}, {"width": None}, {"height": None}])
    def test_size_is_required(self, missing: dict[str, None]) -> None:
        """A gallery without width or height is refused."""
        with fails("image.aspect_ratio", match="Image 1 has no width or height"):
            embed.gallery(items(5, **missing))

    @pytest.mark.parametrize(
        ("count", "kind"), [(1, embed.IMAGES), (4, embed.IMAGES), (5, embed.GALLERY), (10, embed.GALLERY)]
    )
    def test_images(self, count: int, kind: str) -> None:
        """Up to four are images, more are a gallery."""
        assert kind == embed.images_or_gallery(items(count))["$type"]


@pytest.mark.parametrize(
    ("cid", "fits"),
    [
        ("b" + "a" * 7, True),
        ("b" + "a" * 6, False),
        ("b" + "a" * 255, True),
        ("b" + "a" * 256, False),
        ("baaaaaa8", False),
        ("QmYwAPJzv5", True),
        ("zdpuAyvkgEDQm9", True),
        ("QmYwAPJz-5", False),
        ("xdpuAyvkgEDQm9", False),
        (12345678, False),
    ],
)
def test_cids(cid: object, fits: bool) -> None:
    """A CID has 8 to 256 letters and digits of base32 or base58."""
    assert fits is embed.is_cid(cid)


class TestVideo:
    def test_largest(self) -> None:
        """A video of 300 MB with twenty captions of 20 kB is accepted; anything more is refused."""
        caption = ("en", blob("text/vtt", 20_000))
        assert 20 == len(embed.video(blob("video/mp4", 300_000_000), captions=[caption] * 20)["captions"])
        with fails("captions.invalid", match="21 captions"):
            embed.video(VIDEO, captions=[caption] * 21)
        with fails("media.too_large", match="20,001 bytes"):
            embed.video(VIDEO, captions=[("en", blob("text/vtt", 20_001))])
        with fails("media.too_large", match="300,000,001 bytes"):
            embed.video(blob("video/mp4", 300_000_001))

    def test_record(self) -> None:
        """All fields, and only those that are given."""
        assert {"$type": "app.bsky.embed.video", "video": VIDEO} == embed.video(VIDEO)
        assert {
            "$type": "app.bsky.embed.video",
            "video": VIDEO,
            "captions": [{"lang": "en", "file": VTT}],
            "alt": "waves",
            "aspectRatio": {"width": 16, "height": 9},
            "presentation": "gif",
        } == embed.video(VIDEO, alt="waves", width=16, height=9, captions=[("en", VTT)], gif=True)

    @pytest.mark.parametrize(
        ("captions", "error"),
        [
            ([("en", VTT)] * 21, "captions.invalid"),
            ([("not a language", VTT)], "captions.invalid"),
            ([("en", blob("text/vtt", 20_001))], "media.too_large"),
            ([("en", blob("text/plain"))], "blob.invalid"),
        ],
    )
    def test_captions(self, captions: Any, error: type[Exception]) -> None:
        """At most 20, of 20,000 bytes each, WebVTT, with a language."""
        with fails(error):
            embed.video(VIDEO, captions=captions)

    @pytest.mark.parametrize("bad", [blob("video/webm"), blob("video/mp4", 300_000_001)])
    def test_blob(self, bad: dict[str, Any]) -> None:
        """Only MP4 up to 300,000,000 bytes."""
        with pytest.raises((InputError, InputError)):
            embed.video(bad)


class TestCardsAndQuotes:
    def test_external(self) -> None:
        """A card has address, title and description, and an image where there is one."""
        card = embed.external("https://a.b", "T", "", thumb=blob(), associated_refs=[REF])
        expected = {"uri": "https://a.b", "title": "T", "description": "", "thumb": blob(), "associatedRefs": [REF]}
        assert {"$type": "app.bsky.embed.external", "external": expected} == card
        assert {"uri", "title", "description"} == set(embed.external("https://a.b", "T", "")["external"])

    def test_external_refused(self) -> None:
        """A card without the address of a page, or with an image over 1,000,000 bytes, is refused."""
        for address in ("a b", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "file:///etc/passwd"):
            with fails("card.invalid"):
                embed.external(address, "T", "")
        with fails("media.too_large"):
            embed.external("https://a.b", "T", "", thumb=blob(size=1_000_001))

    @pytest.mark.parametrize("place", range(2))
    def test_external_characters(self, place: int) -> None:
        """NUL in a card's title or description is refused."""
        texts = ["title", "description"]
        texts[place] += "\0"
        with fails("text.invalid"):
            embed.external("https://x.com", *texts)

    def test_external_image(self) -> None:
        """A card's image has at most a million bytes."""
        assert embed.external("https://x.com", "t", "d", thumb=blob(size=1_000_000))
        with fails("media.too_large", match="The card's image"):
            embed.external("https://x.com", "t", "d", thumb=blob(size=1_000_001))

    def test_quotes(self) -> None:
        """A quote holds exactly uri and cid, alone or with media."""
        quote = embed.record({**REF, "value": {}})
        assert {"$type": "app.bsky.embed.record", "record": REF} == quote
        both = embed.record_with_media(REF, embed.images(items(1)))
        assert {"$type": "app.bsky.embed.recordWithMedia", "record": quote, "media": embed.images(items(1))} == both
        assert both == embed.record_with_media(quote, embed.images(items(1)))

    @pytest.mark.parametrize(
        "ref",
        [
            {},
            {"uri": REF["uri"]},
            {**REF, "uri": "https://bsky.app/x"},
            {**REF, "uri": "at://did:plc:abc"},
            {**REF, "cid": "no"},
        ],
    )
    def test_bad_references(self, ref: dict[str, str]) -> None:
        """What points to no record is refused."""
        with fails("reference.invalid"):
            embed.record(ref)

    def test_mixed(self) -> None:
        """A quote joins with media only."""
        with fails("media.mixed"):
            embed.record_with_media(REF, embed.record(REF))


class TestCheck:
    @pytest.mark.parametrize(
        "good",
        [
            embed.images(items(4)),
            embed.gallery(items(6)),
            embed.video(VIDEO, captions=[("de", VTT)], alt="x", width=1, height=1),
            embed.external("https://a.b", "T", "D", thumb=blob()),
            embed.record(REF),
            embed.record_with_media(REF, embed.video(VIDEO)),
            {"$type": "com.example.future", "anything": 1},
        ],
    )
    def test_what_is_built_passes(self, good: dict[str, Any]) -> None:
        """Everything that the builders make passes, and unknown kinds are left to the server."""
        embed.check_embed(good)

    @pytest.mark.parametrize(
        "bad",
        [
            None,
            {},
            {"$type": embed.IMAGES},
            {"$type": embed.IMAGES, "images": [{"image": blob()}]},
            {"$type": embed.IMAGES, "images": embed.gallery(items(5))["items"]},
            {"$type": embed.GALLERY, "items": embed.images(items(1))["images"]},
            {"$type": embed.GALLERY, "items": [*embed.gallery(items(5))["items"], *embed.images(items(1))["images"]]},
            {"$type": embed.GALLERY, "items": embed.gallery(items(6))["items"] * 2},
            {"$type": embed.VIDEO, "video": blob()},
            {"$type": embed.EXTERNAL, "external": {"uri": "https://a.b"}},
            {"$type": embed.RECORD, "record": {"uri": "x"}},
            {
                "$type": embed.RECORD_WITH_MEDIA,
                "record": embed.record(REF),
                "media": {"$type": embed.IMAGES, "images": []},
            },
            {"$type": embed.RECORD_WITH_MEDIA, "record": embed.record(REF), "media": embed.record(REF)},
        ],
    )
    def test_broken_ones_are_refused(self, bad: Any) -> None:
        """What the server would refuse is refused here, as wrong input."""
        with pytest.raises(InputError):
            embed.check_embed(bad)
