"""The languages that two letters can name (ISO 639-1), and what people write in place of them. Pure data.

What does not live here: the form of a tag (`atproto.syntax`), and guessing the language of a text.
"""

from __future__ import annotations

import re

# With the codes that were replaced, which the network has in old posts: in, iw, ji, jw, mo, sh.
_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee "
    "el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik in io "
    "is it iu iw ja ji jv jw ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk "
    "ml mn mo mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc "
    "sd se sg sh si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve "
    "vi vo wa wo xh yi yo za zh zu"
)
# Codes of countries that are none of languages, and names, with the tag that is meant.
_OTHERWISE = {
    "at": "de-AT",
    "cn": "zh",
    "cz": "cs",
    "dk": "da",
    "gb": "en-GB",
    "gr": "el",
    "jp": "ja",
    "ua": "uk",
    "us": "en-US",
    "vn": "vi",
    "arabic": "ar",
    "castellano": "es",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "deutsch": "de",
    "dutch": "nl",
    "english": "en",
    "español": "es",
    "finnish": "fi",
    "français": "fr",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "italian": "it",
    "italiano": "it",
    "japanese": "ja",
    "korean": "ko",
    "norwegian": "no",
    "polish": "pl",
    "portuguese": "pt",
    "português": "pt",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
}


def is_language(tag: str) -> bool:
    """Whether the first part of a tag names a language. Only those of two letters are known; there are thousands of
    longer ones.
    """
    code = tag.partition("-")[0].lower()
    return len(code) != 2 or f" {code} " in f" {_CODES} "


def meant_language(name: str) -> str:
    """The tag that was meant by `jp`, `Japanese` or `en_US`; nothing if that is not known."""
    word = name.strip().lower()
    if tag := _OTHERWISE.get(word):
        return tag
    match = re.fullmatch(r"([a-z]{2})[_ ]([a-z]{2})", word)
    return f"{match[1]}-{match[2].upper()}" if match and is_language(match[1]) else ""
