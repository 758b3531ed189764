"""Tables in the shapes of other programs, written for these tests: one for each row of the table of formats."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, NamedTuple


class Sample(NamedTuple):
    """A file of another program, the rows that it means, and the columns that have no place here."""

    program: str
    name: str
    text: str
    rows: list[dict[str, Any]]
    left_out: tuple[str, ...] = ()
    dates: str | None = None


def _csv(*rows: tuple[str, ...]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


SUN, BOAT = "https://pics.example/sun.jpg", "https://pics.example/boat.png"
PAGE = "https://shop.example/spring"
PUBLER = (
    "Date - Intl. format or prompt",
    "Text",
    "Link(s) - Separated by comma for FB carousels",
    "Media URL(s) - Separated by comma",
    "Title - For the video, pin, PDF ..",
    "Label(s) - Separated by comma",
    "Alt text(s) - Separated by ||",
    "Comment(s) - Separated by ||",
    "Pin board, FB album, or Google category",
    "Post subtype - I.e. story, reel, PDF ..",
    "CTA - For Facebook links or Google",
    "Reminder - For stories, reels, shorts, and TikToks",
)
GROUPS = ("All Social",) * 12 + ("Facebook", "Pinterest", "Pinterest")
ADVANCED = (
    *("postAtSpecificTime (YYYY-MM-DD HH:mm:ss)", "content", "OGmetaUrl (url)", "imageUrls (comma-separated)"),
    *("gifUrl", "videoUrls (comma-separated)", "thumbnailUrl", "mediaOptimization (true/false)"),
    *("applyWatermark (true/false)", "tags (comma-separated)", "category", "followUpComment"),
    *("type (post/story/reel)", "title", "link"),
)
SAMPLES = (
    Sample(
        "Buffer",
        "buffer.csv",
        _csv(
            ("Text", "Image URL", "Tags", "Posting Time"),
            ("Spring is here, and so are we", SUN, "Spring,Shop", "2060-03-04 09:30"),
            ("Next slot, please", "", "", ""),
        ),
        [
            {"text": "Spring is here, and so are we", "images": [{"url": SUN, "alt": ""}], "at": "2060-03-04 09:30"},
            {"text": "Next slot, please"},
        ],
        ("Tags",),
    ),
    Sample(
        "Buffer",
        "buffer-export.csv",
        _csv(
            ("Text", "Image URL", "Scheduled At", "Profile", "Tags"),
            ("Hello", "", "2060-03-04T09:30:00Z", "harbour", "a"),
        ),
        [{"text": "Hello", "at": "2060-03-04T09:30:00Z"}],
        ("Profile", "Tags"),
    ),
    Sample(
        "Hootsuite",
        "hootsuite.csv",
        _csv(("03/25/2060 09:30", "Spring, at last", PAGE), ("03/26/2060 17:05", "No link here")),
        [
            {"at": "03/25/2060 09:30", "text": "Spring, at last", "card": PAGE},
            {"at": "03/26/2060 17:05", "text": "No link here"},
        ],
    ),
    Sample(
        "Later",
        "later.csv",
        _csv(
            ("Date", "Time", "Caption", "Media URL", "Profile"),
            ("2060-03-04", "9:30 AM", "Two pictures", f"{SUN}, {BOAT}", "Instagram"),
            ("2060-03-05", "9:30 AM", "A film", "https://pics.example/film.MP4?x=1", "Instagram"),
        ),
        [
            {
                "at": "2060-03-04 9:30 AM",
                "text": "Two pictures",
                "images": [{"url": SUN, "alt": ""}, {"url": BOAT, "alt": ""}],
            },
            {"at": "2060-03-05 9:30 AM", "text": "A film", "video": {"url": "https://pics.example/film.MP4?x=1"}},
        ],
        ("Profile",),
    ),
    Sample(
        "Later",
        "later-times.csv",
        _csv(("Scheduled Time", "Caption", "Media URL", "Profile", "Label"), ("2060-03-04 09:30", "Hi", "", "x", "y")),
        [{"at": "2060-03-04 09:30", "text": "Hi"}],
        ("Profile", "Label"),
    ),
    Sample(
        "Publer",
        "publer.csv",
        _csv(
            PUBLER,
            (
                *("2060/03/04 09:30", "Both", PAGE, f"{SUN},{BOAT}", "", "Spring", "The sun||A boat"),
                *("First comment||Second comment", "", "", "", ""),
            ),
            ("", "A link post", PAGE, *[""] * 9),
        ),
        [
            {
                "at": "2060/03/04 09:30",
                "text": f"Both\n\n{PAGE}",
                "images": [{"url": SUN, "alt": "The sun"}, {"url": BOAT, "alt": "A boat"}],
                "thread": ["First comment", "Second comment"],
            },
            {"text": "A link post", "card": PAGE},
        ],
        (PUBLER[4], PUBLER[5], *PUBLER[8:]),
    ),
    Sample(
        "Publer (old)",
        "publer-old.csv",
        _csv(
            ("Date", "Message", "Link", "Media URL", "Title", "Labels"),
            ("2060/03/04 09:30", "The harbour || The sun || A boat", "", f"{SUN},{BOAT}", "", "x"),
        ),
        [
            {
                "at": "2060/03/04 09:30",
                "text": "The harbour",
                "images": [{"url": SUN, "alt": "The sun"}, {"url": BOAT, "alt": "A boat"}],
            }
        ],
        ("Title", "Labels"),
    ),
    Sample(
        "SocialBee",
        "socialbee.csv",
        _csv(
            ("text", "link", "imageUrls", "gifUrls", "videoUrls", "postAtSpecificTime"),
            ("A page", PAGE, "", "", "", "2060-03-04 09:30"),
            ("It moves", "", "", "https://pics.example/wave.gif", "", ""),
        ),
        [
            {"text": "A page", "card": PAGE, "at": "2060-03-04 09:30"},
            {"text": "It moves", "video": {"url": "https://pics.example/wave.gif", "gif": True}},
        ],
    ),
    Sample(
        "Typefully",
        "typefully.csv",
        _csv(
            ("Scheduled Date", "Content", "Platform", "Thread Position"),
            ("2060-03-04T09:30:00Z", "First", "x", "1"),
            ("2060-03-04T09:30:00Z", "Second", "x", "2"),
            ("2060-03-05T09:30:00Z", "Alone", "x", "1"),
        ),
        [
            {"at": "2060-03-04T09:30:00Z", "text": "First", "thread": [{"text": "Second"}]},
            {"at": "2060-03-05T09:30:00Z", "text": "Alone"},
        ],
        ("Platform",),
    ),
    Sample(
        "Typefully",
        "typefully-v1.json",
        json.dumps(
            [
                {
                    "id": 1,
                    "text": "First\n\n\n\nSecond",
                    "text_first_tweet": "First",
                    "num_tweets": 2,
                    "scheduled_date": "2060-03-04T09:30:00Z",
                    "published_on": None,
                    "share_url": None,
                },
                {"text": "Out", "text_first_tweet": "Out", "scheduled_date": None, "published_on": "2026-01-02T03:04Z"},
            ]
        ),
        [{"text": "First", "thread": ["Second"], "at": "2060-03-04T09:30:00Z"}],
        ("id", "text_first_tweet", "num_tweets", "share_url"),
    ),
    Sample(
        "Typefully",
        "typefully.json",
        json.dumps(
            {
                "results": [
                    {
                        "id": 1,
                        "draft_title": "x",
                        "status": "scheduled",
                        "scheduled_date": "2060-03-04T09:30:00Z",
                        "platforms": {
                            "x": {"enabled": True, "posts": [{"text": "For X"}]},
                            "bluesky": {"enabled": True, "posts": [{"text": "Sky"}, {"text": "More sky"}]},
                        },
                    }
                ]
            }
        ),
        [{"text": "Sky", "thread": ["More sky"], "at": "2060-03-04T09:30:00Z"}],
        ("id", "draft_title"),
    ),
    Sample(
        "Postiz",
        "postiz.json",
        json.dumps(
            {
                "posts": [
                    {
                        "id": "a",
                        "content": "<p>Soon &amp; well,</p><p>with a <strong>mark</strong></p>",
                        "publishDate": "2060-03-04T09:30:00.000Z",
                        "state": "QUEUE",
                        "releaseURL": None,
                        "integration": {"id": "b", "providerIdentifier": "bluesky"},
                    },
                    {"id": "c", "content": "Done", "publishDate": "2026-01-02T09:30:00.000Z", "state": "PUBLISHED"},
                    {"id": "d", "content": "Later", "publishDate": None, "state": "DRAFT"},
                ]
            }
        ),
        [
            {"text": "Soon & well,\n\nwith a mark", "at": "2060-03-04T09:30:00.000Z"},
            {"text": "Later", "draft": True},
        ],
        ("id", "releaseURL", "integration"),
    ),
    Sample(
        "GoHighLevel",
        "ghl.csv",
        _csv(
            *(
                (
                    "postAtSpecificTime (YYYY-MM-DD HH:mm:ss)",
                    "content",
                    "link (OGmetaUrl)",
                    "imageUrls",
                    "gifUrl",
                    "videoUrls",
                ),
            ),
            ("2060-03-04 09:30:00", "Pictures", "", f"{SUN}, {BOAT}", "", ""),
            ("", "No time yet", "", "", "", ""),
        ),
        [
            {
                "at": "2060-03-04 09:30:00",
                "text": "Pictures",
                "images": [{"url": SUN, "alt": ""}, {"url": BOAT, "alt": ""}],
            },
            {"text": "No time yet", "draft": True},
        ],
        (),
        "mdy",
    ),
    Sample(
        "GoHighLevel",
        "ghl-advanced.csv",
        _csv(
            GROUPS,
            ADVANCED,
            ("3/4/2060 9:30", "Hello", PAGE, *[""] * 4, "TRUE", "FALSE", "a,b", "News", "And more", "post", "", ""),
        ),
        [{"at": "3/4/2060 9:30", "text": "Hello", "card": PAGE, "thread": ["And more"]}],
        (*ADVANCED[6:11], *ADVANCED[12:]),
        "mdy",
    ),
    Sample(
        "MagicSync",
        "magicsync.csv",
        _csv(
            ("content", "image_url", "scheduled_time", "comments"),
            ("Hello", SUN, "2060-03-04T09:30:00Z", "One; Two"),
        ),
        [
            {
                "text": "Hello",
                "images": [{"url": SUN, "alt": ""}],
                "at": "2060-03-04T09:30:00Z",
                "thread": ["One", "Two"],
            }
        ],
    ),
)
