"""Promises of resolving a draft: what is looked up, what stops a draft, and what is only a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from skywrite.core.contained import TooCostly
from skywrite.core.errors import InputError, NotSent, RejectedError, SkywriteError
from skywrite.posting.compose.draft import Draft
from skywrite.posting.compose.fields import Caption, Card, Image, Media, Reply, Stored, Video
from skywrite.posting.compose.images import Collector
from skywrite.posting.compose.references import app_link, parse_reference
from skywrite.posting.compose.resolve import DraftContext, ResolvedDraft, resolve_draft
from skywrite.protocol.atproto.syntax import Ref
from skywrite.protocol.fetch.fetch import FetchFailed
from skywrite.protocol.fetch.guard import AddressRefused
from skywrite.protocol.media.image import MAX_PIXELS, STRANGERS_MAX_PIXELS, prepare_image_file
from tests.support.errors import fails

ALICE = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
BOB = "did:plc:7iza6de2dwap2sbkpav7c6c6"
CID = "bafkreigwbf7s7ixsuv7mwuzqo57jjrbqrn3tej4xd3qje6envwwrs6rf4u"
POST = f"at://{BOB}/app.bsky.feed.post/3kznmn7xqxl22"
LIST = f"at://{BOB}/app.bsky.graph.list/3kznmn7xqxl22"
STORED = Stored(CID, "image/png", 100, 4, 3)
PAGE = "https://page.example.com/"
HANDLES = {"alice.test": ALICE, "bob.test": BOB}


def refused(error: str) -> RejectedError:
    """What a server says that refuses to read a record."""
    done = RejectedError("No.")
    done.server_error = error
    return done


class Network:
    """Accounts and records; what is not there is refused as the server does."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {POST: {"text": "hi"}, LIST: {}}
        self.asked: list[str] = []
        self.error: SkywriteError = refused("RecordNotFound")
        self.page: Any = None

    def resolve_handle(self, handle: str) -> str:
        self.asked.append(handle)
        if handle == "later.test":
            raise NotSent("No network.")
        if handle not in HANDLES:
            raise InputError("No account.")
        return HANDLES[handle]

    def get_record(self, uri: str) -> dict[str, Any]:
        self.asked.append(uri)
        if uri not in self.records:
            raise self.error
        return {"uri": uri, "cid": CID, "value": self.records[uri]}

    def context(self, **options: Any) -> DraftContext:
        """What a draft is resolved with."""
        return DraftContext(self.resolve_handle, self.get_record, **options)


@pytest.fixture
def bluesky() -> Network:
    return Network()


@pytest.fixture
def resolve(bluesky: Network) -> Callable[..., ResolvedDraft]:
    """resolve(draft, **options of the context): the resolved draft."""
    return lambda draft, **options: resolve_draft(draft, bluesky.context(**options))


def warned(done: ResolvedDraft) -> list[tuple[str, Any]]:
    """The names of the warnings, with what they are about."""
    return [(notice.name, notice.about) for notice in done.warnings]


# Mentions


def test_mentions_are_looked_up_once(bluesky: Network, resolve: Any) -> None:
    """Each handle of a thread is looked up once; one that does not exist is plain text, one that waits is pending."""
    text = "@alice.test @dead.test @later.test https://x.example #tag"
    done = resolve(Draft(text, card="none", thread=(Draft("@alice.test @dead.test @bob.test", card="none"),)))
    assert {"alice.test": ALICE, "dead.test": None, "bob.test": BOB} == done.dids
    assert ["alice.test", "dead.test", "later.test", "bob.test"] == bluesky.asked
    assert [("UnknownMention", "dead.test"), ("MentionPending", "later.test")] == warned(done)
    assert "@dead.test does not exist: it stays plain text." == done.warnings[0]
    assert "could not be looked up yet (No network.)" in done.warnings[1]


# Quotes and replies


@pytest.mark.parametrize("quote", [POST, "https://bsky.app/profile/bob.test/post/3kznmn7xqxl22"])
def test_a_quote_becomes_a_reference(bluesky: Network, resolve: Any, quote: str) -> None:
    """A quoted post is read once for its CID, by its address or its link; a reference is not read at all."""
    done = resolve(Draft("x", quote=quote))
    assert (Ref(POST, CID), 1) == (done.draft.quote, bluesky.asked.count(POST))
    bluesky.asked.clear()
    assert (Ref(POST, CID), []) == (resolve(Draft("x", quote=Ref(POST, CID))).draft.quote, bluesky.asked)


@pytest.mark.parametrize(
    ("kind", "quotable"),
    [
        ("app.bsky.feed.post", True),
        ("app.bsky.feed.generator", True),
        ("app.bsky.graph.list", True),
        ("app.bsky.graph.starterpack", True),
        ("app.bsky.labeler.service", True),
        ("app.bsky.feed.like", False),
        ("app.bsky.actor.profile", False),
    ],
)
def test_what_can_be_quoted(bluesky: Network, resolve: Any, kind: str, quotable: bool) -> None:
    """Posts, feeds, lists and starter packs are quoted; anything else is refused before it is read."""
    uri = f"at://{BOB}/{kind}/self"
    bluesky.records[uri] = {}
    if quotable:
        assert Ref(uri, CID) == resolve(Draft("x", quote=uri)).draft.quote
        return
    with pytest.raises(InputError, match="cannot be quoted"):
        resolve(Draft("x", quote=uri))
    assert [] == bluesky.asked


@pytest.mark.parametrize("error", ["RecordNotFound", "InvalidRequest", "NotFound"])
def test_a_post_that_is_gone(bluesky: Network, resolve: Any, error: str) -> None:
    """A post that does not exist stops the draft, and the error says which part of the thread names it."""
    bluesky.records.clear()
    bluesky.error = refused(error)
    for draft in (Draft("x", quote=POST), Draft("x", reply_to=POST)):
        with fails("target.unknown", match=r"^at://\S+ does not exist, or was deleted"):
            resolve(draft)
    with fails("target.unknown", match=r"^Post 2 of 2: "):
        resolve(Draft("x", thread=(Draft("y", quote=POST),)))


def test_other_refusals_are_passed_on(bluesky: Network, resolve: Any) -> None:
    """A server that refuses for another reason is quoted as it is."""
    bluesky.records.clear()
    bluesky.error = refused("AccountTakedown")
    with pytest.raises(RejectedError) as caught:
        resolve(Draft("x", quote=POST))
    assert caught.value is bluesky.error


ROOT = {"uri": f"at://{ALICE}/app.bsky.feed.post/3kznmn7xqxl23", "cid": CID}


@pytest.mark.parametrize(
    ("value", "root"),
    [
        ({"reply": {"root": ROOT}}, Ref(**ROOT)),
        ({}, Ref(POST, CID)),
        ({"reply": {}}, Ref(POST, CID)),
        ({"reply": "x"}, Ref(POST, CID)),
        ({"reply": {"root": "x"}}, Ref(POST, CID)),
        ({"reply": {"root": {**ROOT, "cid": 7}}}, Ref(POST, CID)),
        ({"reply": {"root": {**ROOT, "uri": 7}}}, Ref(POST, CID)),
        ("x", Ref(POST, CID)),
    ],
)
def test_a_reply_joins_the_conversation(bluesky: Network, resolve: Any, value: Any, root: Ref) -> None:
    """A reply has the root of the conversation that its parent is in, or its parent where that names none."""
    bluesky.records[POST] = value
    done = resolve(Draft("x", reply_to=POST, thread=(Draft("y"),)))
    assert Reply(root, Ref(POST, CID)) == done.draft.reply_to
    assert (None, ["y"]) == (done.draft.thread[0].reply_to, [part.text for part in done.draft.thread])


def test_only_posts_are_replied_to(resolve: Any) -> None:
    """A list cannot be replied to."""
    with pytest.raises(InputError, match="is not a post, so it cannot be replied to"):
        resolve(Draft("x", reply_to=LIST))


def test_a_reply_that_is_known(bluesky: Network, resolve: Any) -> None:
    """References that the caller has read are used without reading them again."""
    reply = Reply(Ref(**ROOT), Ref(POST, CID))
    assert (reply, []) == (resolve(Draft("x", reply_to=reply)).draft.reply_to, bluesky.asked)


def gate(kind: str, *rules: str) -> dict[str, Any]:
    """A gate with rules."""
    name = {"threadgate": "allow", "postgate": "embeddingRules"}[kind]
    collection = f"app.bsky.feed.{kind}"
    return {"$type": collection, name: [{"$type": f"{collection}#{rule}"} for rule in rules]}


THREADGATE = POST.replace(".post/", ".threadgate/")
POSTGATE = POST.replace(".post/", ".postgate/")


@pytest.mark.parametrize(
    ("value", "warning"),
    [
        (gate("threadgate"), "This thread takes no replies"),
        (gate("threadgate", "futureRule"), "This thread takes no replies"),
        (gate("threadgate", "mentionRule"), "Only people whom it mentions may reply"),
        (gate("threadgate", "followerRule", "listRule"), "Only followers of its author, members of a list may reply"),
        (gate("threadgate", "followingRule"), "Only people whom its author follows may reply"),
        ({**gate("threadgate"), "allow": None}, None),
        ({**gate("threadgate"), "allow": ["x"]}, "This thread takes no replies"),
        ({**gate("threadgate"), "$type": "other"}, None),
        ("x", None),
        (None, None),
    ],
)
def test_a_thread_with_a_gate(bluesky: Network, resolve: Any, value: Any, warning: str | None) -> None:
    """A reply that readers may not see is a warning; so is nothing else."""
    if value is not None:
        bluesky.records[THREADGATE] = value
    done = resolve(Draft("x", reply_to=POST))
    assert ([("RepliesLimited", POST)] if warning else []) == warned(done)
    assert not warning or done.warnings[0].startswith(warning)
    assert [] == warned(resolve(Draft("x", reply_to=Reply(Ref(POST, CID), Ref(POST, CID)))))
    assert [] == warned(resolve(Draft("x", reply_to=POST), own_did=BOB))


@pytest.mark.parametrize(
    ("value", "closed"),
    [
        (gate("postgate", "disableRule"), True),
        (gate("postgate", "futureRule"), False),
        (gate("postgate"), False),
        ({**gate("postgate"), "embeddingRules": ["x", *gate("postgate", "disableRule")["embeddingRules"]]}, True),
        ({**gate("postgate"), "embeddingRules": None}, False),
        ({**gate("postgate", "disableRule"), "$type": "other"}, False),
        (None, False),
    ],
)
def test_a_post_that_may_not_be_quoted(bluesky: Network, resolve: Any, value: Any, closed: bool) -> None:
    """A quote that readers do not see is a warning."""
    if value is not None:
        bluesky.records[POSTGATE] = value
    assert ([("QuotesClosed", POST)] if closed else []) == warned(resolve(Draft("x", quote=POST)))
    assert [] == warned(resolve(Draft("x", quote=Ref(POST, CID))))
    assert [] == warned(resolve(Draft("x", quote=POST), own_did=BOB))


def test_only_posts_have_gates(bluesky: Network, resolve: Any) -> None:
    """For a quoted list no gate is looked for."""
    resolve(Draft("x", quote=LIST))
    assert [LIST] == bluesky.asked


# Who may reply


def test_who_may_reply(resolve: Any) -> None:
    """Rules stay, a link or address of a list becomes its address, and no rules are no rules."""
    rules = ("mentioned", "followers", "following", "https://bsky.app/profile/bob.test/lists/3kznmn7xqxl22")
    assert ("mentioned", "followers", "following", LIST) == resolve(Draft("x", replies=rules)).draft.replies
    assert ("nobody",) == resolve(Draft("x", replies=("nobody",))).draft.replies
    assert (LIST,) == resolve(Draft("x", replies=(LIST,))).draft.replies
    assert resolve(Draft("x")).draft.replies is None


@pytest.mark.parametrize("rule", ["friends", POST])
def test_a_rule_that_is_none(resolve: Any, rule: str) -> None:
    """A word or a link that does not say who may reply stops the draft."""
    with fails("reply_rule.unknown", match="does not say who may reply") as caught:
        resolve(Draft("x", replies=(rule,)))
    assert "nobody, mentioned, followers, following" in caught.value.hint


# Text and languages


def test_texts_are_checked_before_anything_is_read(bluesky: Network, resolve: Any) -> None:
    """A text that is too long, or images with a video, stop the draft first."""
    with fails("text.too_long", match=r"^Post 2 of 2: "):
        resolve(Draft("x", thread=(Draft("y" * 301, quote=POST),)))
    with fails("media.mixed"):
        resolve(Draft("x", images=(Image(Media(path="a")),), video=Video(Media(path="b")), quote=POST))
    assert [] == bluesky.asked
    assert "" == resolve(Draft("")).draft.text


def test_languages(resolve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A post's own languages count before the account's; "auto" is guessed from the text."""
    monkeypatch.setattr(
        "skywrite.posting.compose.resolve.detect_language", lambda text: "de" if text == "Hallo" else None
    )
    assert ("fr",) == resolve(Draft("Hallo", langs=("fr",)), langs=("en",)).draft.langs
    assert ("en",) == resolve(Draft("Hallo"), langs=("en",)).draft.langs
    assert ("de",) == resolve(Draft("Hallo"), langs=("auto",)).draft.langs
    assert () == resolve(Draft("?"), langs=("auto",)).draft.langs
    assert () == resolve(Draft("Hallo")).draft.langs


# Cards


class Page:
    """What a fetched card holds."""

    def __init__(self, **fields: Any) -> None:
        self.uri, self.title, self.description = PAGE, "Title", "About"
        self.image: bytes | None = None
        self.associated_uris: tuple[str, ...] = ()
        self.warnings: tuple[str, ...] = ()
        self.__dict__.update(fields)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Pages by address, which are fetched without a network."""
    known: dict[str, Any] = {PAGE: Page()}

    def fetch(fetcher: str, url: str) -> Any:
        assert fetcher == "fetcher"
        page = known[url]
        if isinstance(page, Exception):
            raise page
        return page

    monkeypatch.setattr("skywrite.protocol.fetch.card.fetch_card", fetch)
    monkeypatch.setattr("skywrite.core.contained.decode", lambda function, *args, **options: function(*args, **options))
    return known


@pytest.fixture
def with_pages(resolve: Any, pages: dict[str, Any]) -> Callable[..., ResolvedDraft]:
    """with_pages(draft): the draft, resolved where pages can be fetched."""
    return lambda draft, **options: resolve(draft, fetcher=lambda: "fetcher", **options)


CARD = Card(PAGE, "Title", "About")


@pytest.mark.parametrize(
    ("draft", "card"),
    [
        (Draft(f"See {PAGE} and https://other.example"), CARD),
        (Draft("no link @alice.test"), "auto"),
        (Draft(f"See {PAGE}", quote=Ref(POST, CID)), "auto"),
        (Draft(f"See {PAGE}", images=(Image(Media(stored=STORED), "alt"),)), "auto"),
        (Draft(f"See {PAGE}", video=Video(Media(stored=STORED), "alt")), "auto"),
        (Draft(f"See {PAGE}", card="none"), "none"),
        (Draft(f"See {PAGE}", embed={"$type": "x"}), "auto"),
        (Draft("No link", card=PAGE), CARD),
        (Draft("No link", card=PAGE, quote=Ref(POST, CID)), CARD),
        (Draft("No link", card=Card(PAGE, "Mine")), Card(PAGE, "Mine")),
    ],
)
def test_which_card(with_pages: Any, draft: Draft, card: Any) -> None:
    """The first link has a card unless something else is shown; a card that was asked for has one in any case."""
    done = with_pages(draft)
    assert (card, []) == (done.draft.card, warned(done))


@pytest.mark.parametrize("card", [PAGE, Card(PAGE, "Mine")])
@pytest.mark.parametrize(
    "media", [{"images": (Image(Media(stored=STORED), "alt"),)}, {"video": Video(Media(stored=STORED), "alt")}]
)
def test_a_card_beside_media(with_pages: Any, card: Any, media: dict[str, Any]) -> None:
    """A card that was asked for beside images or a video is left out, with a warning."""
    done = with_pages(Draft("x", card=card, **media))
    assert (PAGE, [("CardLeftOut", PAGE)]) == (done.draft.card, warned(done))


def test_no_pages_are_fetched_without_a_fetcher(resolve: Any) -> None:
    """Where nothing may be fetched, a card stays to be made later."""
    assert "auto" == resolve(Draft(f"See {PAGE}")).draft.card


@pytest.mark.parametrize(
    ("draft", "card", "warning"),
    [
        (Draft(f"See {PAGE}"), "auto", "NoCard"),
        (Draft(f"See {PAGE}", card=PAGE), PAGE, "NoCard"),
        (Draft("See below", card=PAGE), Card(PAGE, title=PAGE), "CardIncomplete"),
        (Draft("See https://other.example", card=PAGE), Card(PAGE, title=PAGE), "CardIncomplete"),
    ],
)
def test_a_page_that_fails(with_pages: Any, pages: dict[str, Any], draft: Draft, card: Any, warning: str) -> None:
    """A page that fails is a warning; a card whose address is nowhere in the text shows at least that."""
    pages[PAGE] = FetchFailed("It is down.")
    done = with_pages(draft)
    assert (card, [(warning, PAGE)]) == (done.draft.card, warned(done))
    assert done.warnings[0].startswith(f"No card for {PAGE}: It is down.")


def test_a_forbidden_address(with_pages: Any, pages: dict[str, Any]) -> None:
    """An address that may not be fetched stops the draft if the writer asked for it, and not if a page led there."""
    pages[PAGE] = AddressRefused("Not there.")
    with pytest.raises(AddressRefused):
        with_pages(Draft("x", card=PAGE))
    assert [("NoCard", PAGE)] == warned(with_pages(Draft(f"See {PAGE}")))
    pages[PAGE] = AddressRefused("Not there.", code="address.redirect_refused")
    assert [("CardIncomplete", PAGE)] == warned(with_pages(Draft("x", card=PAGE)))


def test_what_a_page_says(with_pages: Any, pages: dict[str, Any], bluesky: Network) -> None:
    """A card takes the page's own records, those that can be read, and passes its warnings on."""
    gone = POST.replace("l22", "l99")
    pages[PAGE] = Page(associated_uris=(POST, gone), warnings=("It has no title.",))
    done = with_pages(Draft(f"See {PAGE}"))
    assert Card(PAGE, "Title", "About", None, (Ref(POST, CID),)) == done.draft.card
    assert [("CardIncomplete", PAGE), ("DocumentLeftOut", gone)] == warned(done)


def test_the_image_of_a_card(with_pages: Any, pages: dict[str, Any], png: bytes) -> None:
    """A card's image is fitted and kept; one that is unusable is left out with a warning."""
    pages[PAGE] = Page(image=png)
    done = with_pages(Draft(f"See {PAGE}"))
    thumb = done.draft.card.thumb
    assert (8, 6, {thumb.cid: thumb}) == (thumb.width, thumb.height, done.stored)
    pages[PAGE] = Page(image=b"no image")
    done = with_pages(Draft(f"See {PAGE}"))
    assert (None, [("CardWithoutImage", PAGE)]) == (done.draft.card.thumb, warned(done))


def test_an_image_that_the_caller_gives(with_pages: Any, png: bytes) -> None:
    """The image of a caller's card is read and fitted too."""
    done = with_pages(Draft("x", card=Card(PAGE, "Mine", thumb=Media(data=png))))
    thumb = done.draft.card.thumb
    assert (8, 6, [b"".join(done.media[thumb.cid]())[:4]]) == (thumb.width, thumb.height, [b"\x89PNG"])


# Media


@pytest.fixture
def png() -> bytes:
    """A small image."""
    import io

    from PIL import Image as Picture

    file = io.BytesIO()
    Picture.new("RGB", (8, 6), "red").save(file, "PNG")
    return file.getvalue()


def test_images_are_read_and_kept(resolve: Any, pages: Any, tmp_path: Path, png: bytes) -> None:
    """Images from files and bytes are kept by their CID with their size, and their names lose their folders."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "sun.png").write_bytes(png)
    draft = Draft("x", images=(Image(Media(path="a/sun.png"), "A sun"), Image(Media(data=png, name="b/moon.png"), " ")))
    done = resolve(draft, base=tmp_path)
    first, second = done.draft.images
    assert ("sun.png", "moon.png", "A sun", " ") == (first.media.name, second.media.name, first.alt, second.alt)
    stored = first.media.stored
    assert (stored, "image/png", 8, 6) == (second.media.stored, stored.mime, stored.width, stored.height)
    assert ([stored.cid], {stored.cid: stored}) == (list(done.media), done.stored)
    assert stored.size == len(b"".join(done.media[stored.cid]()))
    assert [("NoAltText", "b/moon.png")] == warned(done)


@pytest.mark.parametrize("kind", ["images", "video"])
def test_alt_texts_can_be_required(resolve: Any, kind: str) -> None:
    """An account may require alt texts; without one nothing is read."""
    media = Media(path="missing", name="sun.png")
    part = {"images": (Image(media, " "),) * 2} if kind == "images" else {"video": Video(media)}
    with pytest.raises(InputError, match=r"sun\.png has no alt text"):
        resolve(Draft("x", **part), require_alt=True)


def test_stored_media_are_not_read(resolve: Any) -> None:
    """Media that were prepared before are known, and nothing is read for them."""
    images = (Image(Media(stored=STORED, name="a.png"), "A"),)
    done = resolve(Draft("x", images=images))
    assert (images, {CID: STORED}, {}) == (done.draft.images, done.stored, done.media)


def test_files_that_cannot_be_read(resolve: Any, tmp_path: Path) -> None:
    """A file that is missing, or is a folder, stops the draft with its path."""
    for path, words in (("missing.png", "There is no file"), (".", "cannot be read")):
        for part in ({"images": (Image(Media(path=path), "A"),)}, {"video": Video(Media(path=path), "A")}):
            with pytest.raises(InputError, match=words) as caught:
                resolve(Draft("x", **part), base=tmp_path)
            assert str(tmp_path) in caught.value.message


def test_addresses_need_a_fetcher(resolve: Any) -> None:
    """Where nothing may be fetched, media at an address stop the draft."""
    with pytest.raises(InputError, match="cannot be fetched here"):
        resolve(Draft("x", images=(Image(Media(url=f"{PAGE}a.png"), "A"),)))


class Download:
    """A fetcher with one file, which keeps how much it may read."""

    def __init__(self, body: bytes, truncated: bool = False) -> None:
        self.body, self.truncated = body, truncated
        self.limits: list[int] = []

    def fetch(self, url: str, *, max_bytes: int, into: BinaryIO) -> Download:
        self.limits.append(max_bytes)
        into.write(self.body)
        return self


def test_images_from_addresses(resolve: Any, pages: Any, png: bytes) -> None:
    """An image at an address is downloaded up to 100 MB; a larger one is refused."""
    download = Download(png)
    done = resolve(Draft("x", images=(Image(Media(url=f"{PAGE}sun.png"), "A"),)), fetcher=lambda: download)
    assert ("sun.png", [100_000_000]) == (done.draft.images[0].media.name, download.limits)
    with pytest.raises(InputError, match=r"sun\.png is larger than 100 MB"):
        large = Download(b"", truncated=True)
        resolve(Draft("x", images=(Image(Media(url=f"{PAGE}sun.png"), "A"),)), fetcher=lambda: large)


@pytest.mark.parametrize(
    ("part", "limit"),
    [
        ({"video": Video(Media(url=f"{PAGE}a.mp4"), "A")}, 100_000_000),
        ({"video": Video(Media(stored=STORED), "A", (Caption("en", Media(url=f"{PAGE}a.vtt")),))}, 1_000_000),
        ({"card": Card(PAGE, thumb=Media(url=f"{PAGE}a.png"))}, 20_000_000),
    ],
)
def test_how_much_is_downloaded(resolve: Any, part: dict[str, Any], limit: int) -> None:
    """Videos, captions and images of cards are downloaded up to their own limits."""
    download = Download(b"", truncated=True)
    with pytest.raises(InputError, match=f"is larger than {limit // 1_000_000} MB"):
        resolve(Draft("x", **part), fetcher=lambda: download)
    assert [limit] == download.limits


def test_every_image_is_decoded_in_a_child(
    resolve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, png: bytes
) -> None:
    """Files, bytes and downloads are read and decoded in a child process, downloads with fewer pixels."""
    contained: list[int] = []

    def call(function: Any, *args: Any, **options: Any) -> Any:
        assert function is prepare_image_file
        contained.append(options["max_pixels"])
        return function(*args, **options)

    monkeypatch.setattr("skywrite.core.contained.decode", call)
    (tmp_path / "sun.png").write_bytes(png)
    media = Media(path="sun.png"), Media(data=png), Media(url=f"{PAGE}sun.png")
    images = tuple(Image(one, "A") for one in media)
    resolve(Draft("x", images=images), base=tmp_path, fetcher=lambda: Download(png))
    assert [MAX_PIXELS, MAX_PIXELS, STRANGERS_MAX_PIXELS] == contained


def test_large_files_are_refused(tmp_path: Path, png: bytes) -> None:
    """A file is read up to its limit and refused beyond."""
    (tmp_path / "sun.png").write_bytes(b"x" * 2_000_001)
    reading = Collector(None, tmp_path)
    assert 2_000_001 == len(reading.read(Media(path="sun.png"), 2_000_001))
    with pytest.raises(InputError, match=r"sun\.png is larger than 2 MB"):
        reading.read(Media(path="sun.png"), 2_000_000)


def test_a_collector_asks_for_little() -> None:
    """Unless it is said otherwise, a missing description is a warning, and videos go to the server itself."""
    reading = Collector(None, blob_limit=lambda: 5)
    reading.need_alt("", "sun.png")
    assert (["NoAltText"], 5, 5) == (
        [notice.name for notice in reading.warnings],
        reading.limit(10),
        reading.video_limit(10),
    )


def test_the_servers_own_limit(resolve: Any, pages: Any, png: bytes) -> None:
    """An image is made to fit the server's own limit, if that is smaller than the network's."""
    images = (Image(Media(data=png), "A"),) * 2
    with pytest.raises(InputError):
        resolve(Draft("x", images=images), blob_limit=lambda: 10)
    for limit in (None, 10_000_000):
        assert 2 == len(resolve(Draft("x", images=images), blob_limit=lambda limit=limit: limit).draft.images)


def test_media_that_cost_too_much(resolve: Any, monkeypatch: pytest.MonkeyPatch, png: bytes) -> None:
    """An image that took too much to decode is named."""

    def call(*_: Any, **options: Any) -> Any:
        raise TooCostly("It took too much memory.")

    monkeypatch.setattr("skywrite.core.contained.decode", call)
    with pytest.raises(TooCostly, match=r"^sun\.png: It took too much"):
        resolve(Draft("x", images=(Image(Media(data=png, name="sun.png"), "A"),)))


class Videos:
    """Stands in for what reads videos: a file that begins with `ready` needs no conversion."""

    width, height, notes = 8, 6, ("It has no sound.",)

    def __init__(self) -> None:
        self.checked: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Videos:
        for name in ("is_ready", "probe_video", "check_video", "prepare_video", "read_pieces"):
            monkeypatch.setattr(f"skywrite.protocol.media.video.{name}", getattr(self, name))
        return self

    def is_ready(self, path: Path, *, name: str) -> bool:
        return path.read_bytes().startswith(b"ready")

    def probe_video(self, path: Path, *, name: str) -> Videos:
        return self

    def check_video(self, info: Videos, *, name: str) -> None:
        assert info is self
        self.checked.append(name)

    def prepare_video(self, path: Path, out: Path, *, name: str) -> Videos:
        out.write_bytes(b"ready after " + path.read_bytes())
        return self

    def read_pieces(self, path: Path, info: Videos) -> Iterator[bytes]:
        yield from (path.read_bytes()[:5], path.read_bytes()[5:])


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize(
    ("data", "kept", "warning", "checked"),
    [
        (b"ready video", b"ready video", ("VideoNote", "It has no sound."), ["talk.mov"]),
        (b"other video", b"ready after other video", ("VideoConverted", "talk.mov was converted to MP4."), []),
    ],
)
def test_a_video_is_checked_or_converted(
    resolve: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    from_file: bool,
    data: bytes,
    kept: bytes,
    warning: tuple[str, str],
    checked: list[str],
) -> None:
    """A video that can be posted is checked and kept as it is; another is converted, and that is said."""
    videos = Videos().install(monkeypatch)
    path = tmp_path / "talk.mov"
    path.write_bytes(data)
    media = Media(path=str(path), name="talk.mov") if from_file else Media(data=data, name="talk.mov")
    done = resolve(Draft("x", video=Video(media, "A talk", gif=True)))
    stored = done.draft.video.media.stored
    assert (len(kept), 8, 6, "video/mp4") == (stored.size, stored.width, stored.height, stored.mime)
    assert kept == b"".join(done.media[stored.cid]())
    assert ("talk.mov", "A talk", True) == (done.draft.video.media.name, done.draft.video.alt, done.draft.video.gif)
    assert ([warning], checked) == ([(notice.name, str(notice)) for notice in done.warnings], videos.checked)
    assert done.stored == {stored.cid: stored}


def test_a_video_too_large_for_the_server(resolve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video that goes to the server itself must fit it; one that a video service takes need not."""
    Videos().install(monkeypatch)
    draft = Draft("x", video=Video(Media(data=b"ready" + b"x" * 1_999_995, name="talk.mp4"), "A"))
    assert resolve(draft, blob_limit=lambda: 2_000_000).draft.video
    assert resolve(draft, blob_limit=lambda: None).draft.video
    assert resolve(draft, blob_limit=lambda: 1_000_000, videos_as_blobs=False).draft.video
    with fails("media.too_large_for_server", match=r"talk\.mp4 has 2\.0 MB; the server accepts 1\.5 MB"):
        resolve(draft, blob_limit=lambda: 1_500_000)


@pytest.mark.parametrize("form", ["one image", "a video", "a video from a file"])
def test_an_animated_gif_becomes_a_video(
    resolve: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    """An animation that is the only image, or is given as a video, becomes a video that plays as a GIF."""
    Videos().install(monkeypatch)
    monkeypatch.setattr("skywrite.protocol.media.gif.is_animated", lambda data: data == b"GIF89a moving")
    monkeypatch.setattr("skywrite.core.contained.decode", lambda function, *arguments: function(*arguments))

    def convert(source: Path, out: Path, *, name: str) -> None:
        out.write_bytes(b"ready " + source.read_bytes())

    monkeypatch.setattr("skywrite.protocol.media.gif.gif_to_video", convert)
    (tmp_path / "cat.gif").write_bytes(b"GIF89a moving")
    media = Media(path="cat.gif") if form.endswith("file") else Media(data=b"GIF89a moving", name="x/cat.gif")
    part = {"images": (Image(media, "A cat"),)} if form == "one image" else {"video": Video(media, "A cat")}
    done = resolve(Draft("x", **part), base=tmp_path)
    video = done.draft.video
    assert ((), "A cat", True, "cat.gif") == (done.draft.images, video.alt, video.gif, video.media.name)
    assert b"ready GIF89a moving" == b"".join(done.media[video.media.stored.cid]())


def test_captions_are_read(resolve: Any, tmp_path: Path) -> None:
    """Captions are kept as WebVTT; those that were prepared before are not read."""
    text = b"1\n00:00:01,000 --> 00:00:02,000\nHello\n"
    stored = Caption("de", Media(stored=STORED))
    video = Video(Media(stored=STORED), "A", (Caption("en", Media(data=text, name="x/talk.srt")), stored))
    done = resolve(Draft("x", video=video))
    assert done.draft.video.captions[1] == stored
    caption = done.draft.video.captions[0]
    assert ("en", "talk.srt", "text/vtt") == (caption.lang, caption.media.name, caption.media.stored.mime)
    assert b"".join(done.media[caption.media.stored.cid]()).startswith(b"WEBVTT")


# References


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f" {POST}\n", (BOB, "app.bsky.feed.post", "3kznmn7xqxl22")),
        ("https://bsky.app/profile/bob.test/post/3k/?ref=x#y", ("bob.test", "app.bsky.feed.post", "3k")),
        ("https://bsky.app/profile/bob.test/feed/cats", ("bob.test", "app.bsky.feed.generator", "cats")),
        ("https://bsky.app/profile/bob.test/lists/3k", ("bob.test", "app.bsky.graph.list", "3k")),
        ("https://bsky.app/starter-pack/bob.test/3k", ("bob.test", "app.bsky.graph.starterpack", "3k")),
        ("https://bsky.app/start/bob.test/3k", ("bob.test", "app.bsky.graph.starterpack", "3k")),
        ("https://bsky.app/profile/bob.test", None),
        ("https://bsky.app/profile/bob/post/3k", None),
        ("https://bsky.app/profile/did:x/post/3k", None),
        ("at://bob.test/post/3k", None),
        ("at://bob.test/app.bsky.feed.post/..", None),
        ("hello", None),
    ],
)
def test_references(text: str, expected: tuple[str, str, str] | None) -> None:
    """Addresses and links of the app name a record; anything else is refused with what to paste."""
    if expected:
        assert expected == parse_reference(text)
        return
    with fails("link.invalid") as caught:
        parse_reference(text)
    assert "Paste its link" in caught.value.hint


def test_links_to_the_app() -> None:
    """The page of a post has the handle in its address if it is known."""
    assert f"https://bsky.app/profile/{BOB}/post/3kznmn7xqxl22" == app_link(POST)
    assert "https://bsky.app/profile/bob.test/post/3kznmn7xqxl22" == app_link(POST, "bob.test")
