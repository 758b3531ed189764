"""Guessing the language of a text, for users who ask for it (`langs` is "auto").

A small statistical model (py3langid, an extra) makes the guess. Short texts get no language rather than a wrong one.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from skywrite.core.errors import MissingExtra

LETTERS_MIN = 12
SURE_MIN = 0.9


@cache
def _identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise MissingExtra("Guessing the language needs an optional part.", extra="langs") from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def detect_language(text: str) -> str | None:
    """The two-letter language of a text; None if the model is not sure."""
    words = " ".join(word for word in text.split() if not word.startswith(("http://", "https://", "@", "#")))
    if sum(character.isalpha() for character in words) < LETTERS_MIN:
        return None
    lang, sure = _identifier().classify(words)
    return str(lang) if sure >= SURE_MIN else None
