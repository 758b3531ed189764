"""What people and logs may see of a text that came from elsewhere.

What lives here: taking passwords out of database addresses, making control characters visible, and refusing names that
have any. Everything that is printed or logged goes through the first two; who prints is elsewhere (`cli.output`,
`cli.running`).
"""

from __future__ import annotations

import re

from skywrite.core.errors import InputError

NAME_MAX = 100
_HIDDEN = "***"
# `re` compiles a pattern on first use and caches it, so importing this module compiles none.
# Also libpq's keyword form: host=db password=secret.
_SECRET_PAIR = r"(?i)\b(\w*pass(?:word|wd|file|phrase)?|pwd|secret|token)(\s*=\s*)('(?:[^'\\]|\\.)*'?|[^\s&]+)"
# C0 without tab and line feed, DEL, C1, line and paragraph separators, embeddings, overrides and isolates of direction.
_CONTROL = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_COLOUR = "(\x1b\\[(?:[0124]|3[1-6])m)"


def redacted(address: str) -> str:
    """A database's path or address without a password, wherever the driver would take one from.

    Parameters go as a whole: `?password=` is one of many that libpq reads, and an escaped name is the same name.
    """
    scheme, mark, rest = address.partition("://")
    if not mark:
        return re.sub(_SECRET_PAIR, rf"\1\2{_HIDDEN}", address)
    place, slash, path = rest.partition("/")
    if "@" in path:
        # A password with a slash in it. Whatever is shown of such an address may be a part of the password.
        return f"{scheme}://..."
    credentials, at, host = place.rpartition("@")
    user = re.split("[:?#]", credentials)[0]
    return f"{scheme}://{user}{at}{re.split('[?#]', host)[0]}{slash}{re.split('[?#]', path)[0]}"


def printable(text: str) -> str:
    """A text that does to a terminal or a log what its letters say and nothing else.

    Escape sequences, carriage returns, other line ends and overrides of writing direction are shown as `\\u001b`, which
    in JSON still stands for the same character. Line feeds and tabs stay.
    """
    return text if text.isprintable() else re.sub(_CONTROL, _shown, text)


def named(thing: object) -> str:
    """What something is called, in a sentence: an empty name is shown as one, so that the sentence has no hole."""
    text = str(thing)
    return text if text.strip() else repr(text)


def check_name(name: str, thing: str, *, longest: int = NAME_MAX, optional: bool = False) -> None:
    """Refuse a name that somebody gave to a thing, if it is empty, too long, or more than the letters that it shows."""
    what = f"{thing} needs a name of 1 to {longest} characters"
    if optional and not name:
        return
    if not name.strip():
        raise InputError(f"{what}.", code="name.invalid", hint="Give one that says what it is for.")
    if len(name) > longest:
        raise InputError(f"{what}, not {len(name)}.", code="name.invalid", hint="Give a shorter one.")
    if not name.isprintable():
        wrong = next(letter for letter in name if not letter.isprintable())
        raise InputError(
            f"{what} that can be shown; this one has U+{ord(wrong):04X}, which cannot.",
            code="name.invalid",
            hint="Leave out line ends and other control characters.",
        )


def printable_line(text: str) -> str:
    """The same on one line."""
    return printable(" ".join(text.split("\n")))


def printable_styled(text: str) -> str:
    """The same for text that our own colours are in already: plain colours pass, as they move and hide nothing."""
    if "\x1b" not in text:
        return printable(text)
    return "".join(part if place % 2 else printable(part) for place, part in enumerate(re.split(_COLOUR, text)))


def _shown(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
