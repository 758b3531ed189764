"""The modifiers of grammars: what Tracery does to English words. Pure.

What does not live here: reading a grammar (`grammar`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_VOWELS = "aeiou"


def article(text: str) -> str:
    """A cat, an apple, a unicorn."""
    low = text.lower()
    said_as_you = low[:1] == "u" and low[2:3] == "i"
    return f"{'an' if low[:1] in _VOWELS and low and not said_as_you else 'a'} {text}"


def plural(text: str) -> str:
    """Cats, boxes, ponies."""
    return _ended(text, "s", "es", "ies")


def past(text: str) -> str:
    """Walked, baked, cried; of several words the first one."""
    word, space, rest = text.partition(" ")
    return f"{_ended(word, 'ed', 'ed', 'ied')}{space}{rest}"


def first_plural(text: str) -> str:
    """The plural of the first of several words."""
    word, space, rest = text.partition(" ")
    return f"{plural(word)}{space}{rest}"


def capitalized(text: str) -> str:
    """With a capital at the beginning."""
    return text[:1].upper() + text[1:]


def all_capitalized(text: str) -> str:
    """With A Capital At Each Word."""
    return re.sub(r"(?<![^\W_'’])[^\W\d_]", lambda match: match[0].upper(), text)


def replaced(text: str, arguments: str) -> str:
    """With one text in the place of another: `this,that)`."""
    old, _, new = arguments.removesuffix(")").partition(",")
    return text.replace(old.strip(), new.strip()) if old.strip() else text


def _ended(text: str, usual: str, hissing: str, after_y: str) -> str:
    last, before = text[-1:].lower(), text[-2:-1].lower()
    if last == "y" and before and before not in _VOWELS:
        return text[:-1] + after_y
    if usual == "ed" and last == "e":
        return f"{text}d"
    return text + (hissing if last in ("s", "x", "z") or text[-2:].lower() in ("ch", "sh") else usual)


MODIFIERS: Mapping[str, Callable[[str], str]] = {
    "a": article,
    "s": plural,
    "ed": past,
    "firstS": first_plural,
    "capitalize": capitalized,
    "capitalizeAll": all_capitalized,
    "upper": str.upper,
    "lower": str.lower,
}
