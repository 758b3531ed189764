"""Words as one types them in a shell. What does not live here: which words a hint has (`hints`, `words`)."""

from __future__ import annotations

import re
import shlex

_PLAIN = r"(?a)[\w@%+=:,./-]+"


def shell_words(words: list[str]) -> str:
    """Words as one types them in a shell; in double quotes where these are enough, which every shell reads."""
    return " ".join(_shell_word(word) for word in words)


def _shell_word(word: str) -> str:
    if re.fullmatch(_PLAIN, word):
        return word
    return shlex.quote(word) if re.search(r'["$`!\\\n]', word) or not word else f'"{word}"'
