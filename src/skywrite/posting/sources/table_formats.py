"""The tables of other programs that are known: how their headers are recognised, and what their columns are here.

What lives here: one table, a row for each format. What does not: maps that somebody gives, and what to do with a header
that is not here (`column_maps`); what a cell becomes (`table`, `foreign_cells`).

A header is recognised by its names alone, whatever their case, and without what stands in brackets or behind a dash. It
is a format's if all names that the format always has are there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from skywrite.posting.schedule.tokens import DateOrder

_ASIDE = re.compile(r"\([^()]*\)|\s-\s.*")
_NOISE = re.compile(r"[\W_]+")


class To(NamedTuple):
    """What a column becomes: a field, or nothing. `separator` is between the items of a cell.

    With `rest`, the first item is for the field and the others are for that one.
    """

    field: str
    separator: str = ""
    rest: str = ""


OUT = To("")


class Format(NamedTuple):
    """The tables of one program. `needs`: the names that they always have.

    `dates`: the order of day and month, where the program fixes it. `undated`: what a row without a time is there.
    """

    name: str
    needs: frozenset[str]
    columns: Mapping[str, To]
    dates: DateOrder | None = None
    undated: Literal["slot", "draft"] = "slot"

    def fits(self, keys: Collection[str]) -> bool:
        """Whether a header with these keys is one of its, and has nothing else."""
        return self.needs <= set(keys) <= self.columns.keys()


def key_of(name: str) -> str:
    """A column's name for comparing: letters and digits alone, singular, without asides."""
    return _NOISE.sub("", _ASIDE.sub("", name)).lower().removesuffix("s")


def _format(
    name: str,
    needs: str,
    *,
    out: str = "",
    dates: DateOrder | None = None,
    undated: Literal["slot", "draft"] = "slot",
    **columns: str | To,
) -> Format:
    """A row of the table: `out` are the names that have no place here."""
    known = {key: To(to) if isinstance(to, str) else to for key, to in columns.items()}
    return Format(name, frozenset(needs.split()), {**known, **dict.fromkeys(out.split(), OUT)}, dates, undated)


# Typefully separates the posts of a thread by four line feeds.
_THREAD = To("text", "\n\n\n\n", "thread")
FORMATS = (
    _format(
        "Buffer",
        "text imageurl postingtime",
        text="text",
        imageurl="images",
        postingtime="at",
        out="tag boardname",
    ),
    _format(
        "Buffer",
        "text imageurl scheduledat",
        text="text",
        imageurl="images",
        scheduledat="at",
        out="tag profile boardname",
    ),
    _format("Hootsuite", "column1 column2", column1="at", column2="text", column3="link"),
    _format(
        "Later",
        "date time caption",
        date="date",
        time="time",
        caption="text",
        mediaurl="media",
        link="link",
        alttext="alts",
        out="profile platform channel label",
    ),
    _format(
        "Later",
        "scheduledtime caption",
        scheduledtime="at",
        caption="text",
        mediaurl="media",
        link="link",
        alttext="alts",
        out="profile platform channel label",
    ),
    _format(
        "Publer",
        "date text mediaurl label",
        date="at",
        text="text",
        link="link",
        mediaurl="media",
        alttext=To("alts", "||"),
        comment=To("thread", "||"),
        out="title label pinboardfbalbumorgooglecategory pinboard postsubtype subtype cta reminder",
    ),
    _format(
        "Publer (old)",
        "date message link label",
        date="at",
        message=To("text", "||", "alts"),
        link="link",
        mediaurl="media",
        photourl="media",
        videourl="media",
        photovideourl="media",
        out="title label pinboard album pinboardalbum",
    ),
    _format(
        "SocialBee",
        "text postatspecifictime",
        text="text",
        link="link",
        imageurl="images",
        gifurl="gif",
        videourl="video",
        postatspecifictime="at",
        firstcomment=To("thread", "||"),
        out="category shorten linkshortener profile",
    ),
    _format(
        "Typefully",
        "content scheduleddate",
        content=_THREAD,
        scheduleddate="at",
        threadposition="position",
        statu="state",
        publishedat="state",
        out="platform title drafttitle tag id",
    ),
    _format(
        "Typefully",
        "text textfirsttweet scheduleddate",
        text=_THREAD,
        scheduleddate="at",
        statu="state",
        publishedon="state",
        out="id textfirsttweet numtweet html htmlfirsttweet lastedited shareurl twitterurl linkedinurl url"
        " textpreviewlinkedin",
    ),
    _format(
        "Typefully",
        "platform scheduleddate drafttitle",
        platform="platforms",
        scheduleddate="at",
        statu="state",
        publishedat="state",
        out="id socialsetid drafttitle preview tag createdat updatedat shareurl privateurl xpostenabled scratchpadtext"
        " linkedinpostenabled blueskypostenabled threadspostenabled mastodonpostenabled xpublishedurl"
        " linkedinpublishedurl blueskypublishedurl threadspublishedurl mastodonpublishedurl",
    ),
    _format(
        "Postiz",
        "content publishdate",
        content="text",
        publishdate="at",
        image="media",
        state="state",
        out="id group integration releaseurl releaseid tag interval creationmethod type shortlink",
    ),
    _format(
        "GoHighLevel",
        "postatspecifictime content",
        postatspecifictime="at",
        content="text",
        link="link",
        imageurl="images",
        gifurl="gif",
        videourl="video",
        dates="mdy",
        undated="draft",
    ),
    _format(
        "GoHighLevel",
        "postatspecifictime content ogmetaurl category",
        postatspecifictime="at",
        content="text",
        ogmetaurl="link",
        imageurl="images",
        gifurl="gif",
        videourl="video",
        followupcomment="thread",
        dates="mdy",
        undated="draft",
        out="thumbnailurl mediaoptimization applywatermark watermark tag category posttype type pdftitle postaspdf"
        " eventtype actiontype title offertitle startdate enddate termscondition couponcode redeemonlineurl actionurl"
        " privacylevel promoteotherbrand enablecomment enableduet enablestitch videodisclosure promoteyourbrand"
        " notifyallgroupmember link gbpposttype gbpcalltoaction youtubetitle youtubeprivacy youtubevideotype"
        " pinterestboardid linkedindocumenturl",
    ),
    _format(
        "MagicSync",
        "content scheduledtime",
        content="text",
        imageurl="images",
        scheduledtime="at",
        comment=To("thread", ";"),
    ),
)


def format_of(header: Sequence[str]) -> Format | None:
    """The program whose tables have the names that they need here, best without any others. Where several programs
    are as good, it is none.
    """
    keys = {key_of(cell) for cell in header if cell.strip()}
    formats = [one for one in FORMATS if one.fits(keys)] or [one for one in FORMATS if one.needs <= keys]
    most = max((len(one.needs) for one in formats), default=0)
    best = [one for one in formats if len(one.needs) == most]
    return best[0] if len({one.name for one in best}) == 1 else None
