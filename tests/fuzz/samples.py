"""What the fuzzers begin with: sound examples of each format, and words that its readers look for."""

from __future__ import annotations

from functools import cache
from io import BytesIO

FEEDS = (
    b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title>'
    b"<link>https://a.example/</link><ttl>60</ttl><item><title>One &amp; two</title><link>https://a.example/1</link>"
    b'<guid isPermaLink="false">x1</guid><pubDate>Tue, 24 Nov 2026 12:00:00 +0100</pubDate><description>&lt;p&gt;Hi '
    b'&lt;img src="a.png" alt="A"&gt;&lt;/p&gt;</description><content:encoded><![CDATA[<b>Bold</b>]]></content:encoded>'
    b'<media:content url="v.mp4" type="video/mp4"/><category>news</category></item></channel></rss>',
    b'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/" xml:lang="en"><title type="html">&lt;i&gt;'
    b'T&lt;/i&gt;</title><link rel="alternate" href="/"/><id>urn:1</id><updated>2026-11-24T12:00:00Z</updated><entry>'
    b'<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Plain <em>news</em></div></title><link href="b"/>'
    b"<id>urn:2</id><published>2026-11-24T12:00:00+01:00</published><summary>S</summary></entry></feed>",
    b'{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [{"id": "1", "url": "https://a.example/1", '
    b'"title": "One", "content_html": "<p>Hi</p>", "date_published": "2026-11-24T12:00:00Z", "tags": ["a"]}]}',
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"><channel><title>'
    b'T</title></channel><item rdf:about="https://a.example/1"><title>Caf&eacute;</title></item></rdf:RDF>',
)
XML_WORDS = (
    *(b"<item>", b"</item>", b"<entry>", b"<a:item>", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<!DOCTYPE rss [", b"]>"),
    *(b"<!ENTITY a 'b'>", b"&a;", b"&#0;", b"&#x1F;", b"&#xD800;", b'xmlns:a="b"', b"xmlns=''", b"<?xml?>", b"<title>"),
    *(b"</title>", b"<link>", b"<guid>", b"<pubDate>", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\xc3", b"&nbsp;", b"<"),
    *(b'encoding="utf-16"', b'encoding="koi8-r"', b"<description>", b"<enclosure url='", b"[[[[", b"{}", b'"items":'),
)
PAGES = (
    b"<!doctype html><html><head><title>T &amp; t</title><meta property=og:title content='O'><meta name=description "
    b'content="D"><meta property="og:image" content="/a.png"><link rel="alternate" type="application/rss+xml" href=/feed>'
    b"<base href=https://a.example/></head><body><p>Text <b>bold</b> <img src=a.png alt=A></p></body></html>",
    b"<p>One<br>two</p><ul><li>a<li>b</ul><script>x</script><img src='x.png' alt='y' width=1>&eacute;&#8212;",
)
HTML_WORDS = (
    *(b"<title>", b"</title>", b"<meta ", b"<link ", b"<base ", b"<script>", b"</script>", b"<!--", b"-->", b"<svg>"),
    *(b"<body>", b"<template>", b"<b>", b"<p>", b"<table>", b"<img ", b"content=", b'"', b"'", b"=", b">", b"<", b"/>"),
    *(b"&#xD800;", b"&#0;", b"&lt;", b"property=og:title", b"charset=utf-7", b"<textarea>", b"<noscript>", b"</"),
)
CAPTIONS = (
    b"WEBVTT\n\n00:00:01.000 --> 00:00:02.500 align:left\nHello, <i>world</i>\n\nNOTE x\n\n1\n01:02.000 --> 01:03.000\nx\n",
    b"1\r\n00:00:01,000 --> 00:00:02,500\r\n<font color='red'>Hello</font> {\\an8}\r\n\r\n2\r\n0:0:3,5 --> 0:0:4,25\r\n42\r\n",
)
CAPTION_WORDS = (
    *(
        b"-->",
        b"WEBVTT",
        b"\n\n",
        b"\r",
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"<font",
        b"</font>",
        b"{\\",
        b"}",
        b"00:00:01,5",
    ),
    *(b"99:59:59.999", b"1:2:3,4 --> 5:6:7,8", b"NOTE", b"STYLE", b"\x00", b"->", b"\xe2\x80\xa8"),
)
POST_FILES = (
    b"---\nat: 2030-01-05 09:00 UTC\ntags: [a, b]\nimages:\n  - path: a.png\n    alt: A\n---\nHello, **world**\n\n---\n\nx",
    b"+++\nat = 2030-01-05T09:00:00Z\nlangs = ['en']\n+++\nHello",
    b'{"at": "2030-01-05 09:00 UTC", "key": "x"}\nHello',
    b"Hello without front matter\n",
)
YAML_WORDS = (
    *(b"---\n", b"+++\n", b"{", b"}", b": ", b"- ", b"&a ", b"*a", b"!!python/object:os.system", b"|\n", b">\n", b"? "),
    *(b"at: ", b"images: ", b"reply_to: ", b"key: ", b"thread: ", b"published: ", b"[", b"]", b"# ", b"\xef\xbb\xbf"),
    *(b"2030-01-05", b"0x7f", b"1e400", b".nan", b"!!binary ", b"<<: ", b"\x00", b"\t", b"\xe2\x80\xa8", b"'", b'"'),
)
TABLES = (
    b'text,at,images,alts,tags\n"Hello, world",2027-01-05 09:00 UTC,a.png|b.png,A|B,x|y\nSecond,,,,\n',
    b'{"text": "Hello", "at": "2027-01-05T09:00:00Z", "images": [{"path": "a.png", "alt": "A"}]}\n{"text": "x"}\n',
    b'[{"text": "Hello", "thread": [{"text": "b"}], "video": {"path": "v.mp4", "captions": [{"lang": "en", "path": "c"}]}}]',
    b"sep=;\ntext;date;time\nx;2027-01-05;09:00\n",
)
JSON_WORDS = (
    *(
        b"[[[[[[[[",
        b"{",
        b"}",
        b'"',
        b":",
        b",",
        b"null",
        b"true",
        b"1e999",
        b"-0",
        b"9" * 400,
        b"\\ud800",
        b"NaN",
        b"\n",
    ),
    *(
        b'"text":',
        b'"images":',
        b'"video":',
        b'"thread":',
        b'"reply_to":',
        b'"embed":',
        b'"facets":',
        b'"error":',
        b"|",
    ),
    *(b"text,at", b";", b"\t", b"\xff", b"\x00", b"---", b'""', b'"did":', b'"accessJwt":', b'"card":', b'"langs":'),
)
TIMES = (
    *(b"tomorrow 9:00", b"fri 17:00 Europe/Berlin", b"in 2 hours", b"2027-01-05T09:00:00+01:00", b"next monday 5pm"),
    *(b"5 January 2027 9:00", b"morgen 9 Uhr", b"noon", b"2027-01-05 09:00", b"05.01.2027 9:00", b"now", b"1798000000"),
)
TIME_WORDS = (
    *(b"am", b"pm", b":", b"/", b"-", b".", b"+01:00", b"Z", b"UTC", b"Europe/Berlin", b"T", b"in ", b" ago", b"next "),
    *(b"9999", b"0000", b"24:00", b"23:59:60", b"31", b"feb", b"heute", b"\xd9\xa3", b"\xe2\x88\x92", b"GMT+2", b"CET"),
    *(b"  ", b",", b"1e9", b"99999999999999999999", b"week", b"every", b"half past", b"sunday", b"PM", b"\x00"),
)
DATES = (
    *(b"Tue, 24 Nov 2026 12:00:00 +0100", b"2026-11-24T12:00:00Z", b"24 Nov 26 12:00 GMT", b"2026-11-24", b"20261124"),
    *(b"Nov 24, 2026 1:00 PM", b"2026-11-24 12:00:00.5+02:00", b"Tue Nov 24 12:00:00 2026", b"2026-W48-2"),
)
RULES = (
    *(b"daily 9:00", b"mon-fri 9:00,17:30", b"every 2 hours", b"0 9 * * 1-5", b"*/15 * * * *", b"0 9 L * *", b"@daily"),
    *(
        b"FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9;BYMINUTE=0",
        b"DTSTART:20260101T090000\nRRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=5",
    ),
    *(
        b"FREQ=YEARLY;BYWEEKNO=-1,1;BYSETPOS=1,2;INTERVAL=3",
        b"monthly on the 31st 9:00",
        b"weekdays 9:00",
        b"1st mon 9:00",
    ),
)
RULE_WORDS = (
    *(
        b"FREQ=",
        b"SECONDLY",
        b"MINUTELY",
        b"DAILY",
        b"YEARLY",
        b";",
        b"BYDAY=",
        b"BYMONTHDAY=",
        b"BYSETPOS=",
        b"UNTIL=",
    ),
    *(
        b"INTERVAL=",
        b"999999999",
        b"COUNT=",
        b"BYYEARDAY=-366",
        b"BYWEEKNO=53",
        b"DTSTART:00010101T000000",
        b"*",
        b"/0",
    ),
    *(
        b"EXDATE:",
        b"RDATE:",
        b"WKST=SU",
        b"#5",
        b"L",
        b"W",
        b"-",
        b",",
        b"\xc2\xb9",
        b"29 2",
        b"every ",
        b" at ",
        b"\n",
    ),
)
TEXTS = (
    b"Hello @alice.bsky.social, see [the page](https://example.com/a_(b)?c=d#e) and https://example.org. #news #\xc3\xa9t\xc3\xa9",
    "👨‍👩‍👧 flags 🇩🇪 and ![image](https://a.example) `code` \\[no](https://b.example)\n\n\n1/2".encode(),
)
TEXT_WORDS = (
    *(
        b"@",
        b"#",
        b"https://",
        b"](",
        b"[",
        b")",
        b"!",
        b"\\",
        b"`",
        b".com",
        b"\xe2\x80\x8d",
        b"\xef\xb8\x8f",
        b"\n\n",
    ),
    *(b"\xf0\x9f\x87\xa9", b"\xe2\x80\xae", b"\xcc\x81", b"www.", b"//", b"a" * 300, b" ", b"\xc2\xad", b"$", b"\x00"),
)
TEMPLATES = (
    b"{{ title }}\n\n{{ link }}",
    b"{% if tags %}{% for tag in tags %}#{{ tag }} {% endfor %}{% endif %}{{ summary|truncate(50) }} {{ published|date }}",
)
TEMPLATE_WORDS = (
    *(b"{{ ", b" }}", b"{% ", b" %}", b"{#", b"#}", b"title", b"summary", b"|truncate(", b"|replace(", b"|join(", b")"),
    *(
        b"for x in ",
        b"endfor",
        b"if ",
        b"endif",
        b"|sort",
        b"*",
        b"**",
        b"%",
        b"999999999",
        b"[0:5:0]",
        b".upper()",
        b"-1",
    ),
    *(b"|round(", b"|date(", b"|shorten(", b"|default(", b"not ", b"~", b"loop.index", b"|map(", b"'a'", b"|striptags"),
)
ANSWERS = (
    b'\x00{"did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "accessJwt": "a.b.c", "refreshJwt": "d.e.f", "handle": "a.test"}',
    b'\x81{"error": "InvalidRequest", "message": "No."}',
    b"\xd0<html>Bad gateway</html>",
)
MP4_WORDS = (
    *(
        b"moov",
        b"mdat",
        b"ftyp",
        b"trak",
        b"mdia",
        b"minf",
        b"stbl",
        b"stsd",
        b"mvhd",
        b"tkhd",
        b"hdlr",
        b"vide",
        b"soun",
    ),
    *(
        b"moof",
        b"traf",
        b"tfhd",
        b"trun",
        b"tfdt",
        b"mvex",
        b"trex",
        b"mehd",
        b"udta",
        b"free",
        b"uuid",
        b"\xff\xff\xff\xff",
    ),
    *(b"\x00\x00\x00\x00", b"\x00\x00\x00\x01", b"\x00\x00\x00\x08", b"avc1", b"mp4a"),
)
IMAGE_WORDS = (
    *(
        b"IHDR",
        b"IDAT",
        b"IEND",
        b"acTL",
        b"fcTL",
        b"iCCP",
        b"eXIf",
        b"tRNS",
        b"PLTE",
        b"VP8X",
        b"VP8L",
        b"VP8 ",
        b"ALPH",
    ),
    *(b"ANIM", b"\xff\xd8", b"\xff\xc0", b"\xff\xc4", b"\xff\xda", b"\xff\xe1", b"Exif\x00\x00", b"ispe", b"\xff\xff"),
    *(b"\x00\x00", b"GIF89a", b"\x21\xf9\x04", b"\x2c", b"\x3b", b"II*\x00", b"MM\x00*", b"BM"),
)


def _box(name: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return (8 + len(body)).to_bytes(4, "big") + name + body


_TRACK = _box(
    b"trak",
    _box(b"tkhd", bytes(12) + b"\x00\x00\x00\x01" + bytes(60) + b"\x02\x80\x00\x00\x01\x68\x00\x00"),
    _box(
        b"mdia",
        _box(b"mdhd", bytes(12) + b"\x00\x00\x03\xe8\x00\x00\x13\x88" + bytes(4)),
        _box(b"hdlr", bytes(8) + b"vide" + bytes(12)),
        _box(b"minf", _box(b"stbl", _box(b"stsd", bytes(12) + b"avc1" + bytes(40)))),
    ),
)
VIDEOS = (
    _box(b"ftyp", b"isom" + bytes(4))
    + _box(b"moov", _box(b"mvhd", bytes(12) + b"\x00\x00\x03\xe8\x00\x00\x13\x88"), _TRACK, _box(b"udta", b"x" * 9))
    + _box(b"mdat", bytes(20)),
    _box(b"moov", _TRACK, _box(b"mvex", _box(b"trex", bytes(4) + b"\x00\x00\x00\x01" + bytes(16))))
    + _box(
        b"moof",
        _box(
            b"traf",
            _box(b"tfhd", bytes(4) + b"\x00\x00\x00\x01"),
            _box(b"tfdt", bytes(8)),
            _box(b"trun", b"\x00\x00\x01\x00\x00\x00\x00\x02\x00\x00\x00\x10\x00\x00\x00\x10"),
        ),
    ),
)


@cache
def images() -> tuple[bytes, ...]:
    """A small image of each kind."""
    from PIL import Image

    images = []
    base = Image.linear_gradient("L").resize((24, 16))
    for form, mode in (
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ):
        images.append(_encoded(base.convert(mode), form))
    frames = [base.convert("RGB").rotate(90 * turn) for turn in range(3)]
    for form in ("PNG", "WEBP", "GIF"):
        images.append(_encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100))
    images += [_encoded(base.convert("RGB"), form) for form in ("BMP", "TIFF")]
    images.append(_encoded(base.convert("RGB"), "AVIF", speed=10))
    return tuple(images)


def _encoded(image: object, form: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)  # type: ignore[attr-defined]
    return out.getvalue()
