"""The settings of an account: one table of what each is called, may be, is without it, and means.

What lives here: the table, and reading a value. What does not: storing them (`accounts`), and what they do (`publish`,
`queue.approval_rules`, and others).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from skywrite.core.digits import whole_number
from skywrite.core.errors import InputError
from skywrite.posting.schedule.policy import parse_duration, parse_late
from skywrite.queue.approval_rules import ANSWERS, SOURCES, TRIAL, approval_words

# A month in seconds: no account waits for longer, and no day has more posts.
WHOLE_MAX = 31 * 86_400
_YES = ("yes", "true", "on")
_NO = ("no", "false", "off")


class Setting(NamedTuple):
    """One setting. `kind`: its type in JSON. `allowed`, `default` and `help` are words for people.

    `by_key`: whether an API key may change it; an agent must not turn off what watches it.
    """

    name: str
    read: Callable[[str, Any], Any]
    kind: Any
    allowed: str
    default: str
    example: str
    help: str
    by_key: bool = True

    @property
    def is_flag(self) -> bool:
        """Whether it is a yes or no."""
        return self.kind is bool

    @property
    def label(self) -> str:
        """Its name for people."""
        unit = " (seconds)" if self.name.endswith("_seconds") else ""
        return f"{self.help[0].upper()}{self.help[1:]}{unit}"


def _whole(name: str, value: Any, *, least: int) -> int:
    number = whole_number(value.strip()) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= WHOLE_MAX:
        raise InputError(
            f"{name} must be a whole number from {least} to {WHOLE_MAX}, not {value!r}.",
            hint=f"Write it like {name}=300.",
        )
    return number


def _zone(name: str, value: Any) -> str:
    from skywrite.posting.schedule.localtime import zone_of

    return zone_of(_text(name, value)).key


def _langs(name: str, value: Any) -> list[str]:
    from skywrite.protocol.bsky.limits import check_langs

    words = _words(name, value)
    if not words:
        raise InputError(f"{name} is empty.", hint="Name languages, such as en, or auto.")
    return words if words == ["auto"] else check_langs(words)


def _flag(name: str, value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if word is True or word in _YES:
        return True
    if word is False or word in _NO:
        return False
    raise InputError(f"{name} must be yes or no, not {value!r}.", hint=f"Write it like {name}=yes.")


def _late(name: str, value: Any) -> str:
    text = _text(name, value)
    parse_late(text)
    return text


def _approval(name: str, value: Any) -> Any:
    """`all`, `agents`, or a list of sources; `none` removes the setting."""
    words = _words(name, value)
    if words in (["none"], ["no"], ["off"]):
        return None
    read = approval_words(words)
    if read is None:
        known = ", ".join(SOURCES)
        hint = f"Write it like approval=agents, or approval=feed,command. The sources are: {known}; feed:3 is one feed."
        raise InputError(f"{name} must be all, agents, none, or a list of sources, not {value!r}.", hint=hint)
    return read


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text, not {value!r}.", hint="Put it into quotes.")
    return value


def _words(name: str, value: Any) -> list[str]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError(f"{name} must be a list of words, not {value!r}.", hint=f"Write it like {name}=one,two.")
    return list(words)


def _one_of_answers(name: str, value: Any) -> str:
    word = _text(name, value).strip().lower()
    if word not in ("on", TRIAL, "paused"):
        raise InputError(f"{name} must be on, trial or paused, not {value!r}.", hint=f"Write it like {name}=paused.")
    return word


def _duration(name: str, value: Any) -> str:
    text = _text(name, value)
    parse_duration(text)
    return text


def _yes_or_no(name: str, default: str, about: str, *, by_key: bool = True) -> Setting:
    return Setting(name, _flag, bool, "yes or no", default, "no" if default == "yes" else "yes", about, by_key)


def _number(name: str, default: str, about: str, example: str, *, least: int = 0, by_key: bool = True) -> Setting:
    allowed = f"a whole number from {least} to {WHOLE_MAX}"
    return Setting(name, partial(_whole, least=least), int, allowed, default, example, about, by_key)


_TABLE = (
    Setting("zone", _zone, str, "a time zone", "the computer's", "Europe/Berlin", "time zone of your times"),
    Setting("langs", _langs, list[str], "languages, or auto", "none", "de or en,fr", "languages of its posts, or auto"),
    Setting("late", _late, str, "a policy", "hold:1d", "hold:2h, skip:30m, publish", "what to do with missed posts"),
    _number("gap_seconds", "0", "minimum gap between two posts", "300"),
    _number("catch_up_gap_seconds", "30", "the same, between overdue posts", "30 (default), 0 for none"),
    _number("max_per_day", "no limit", "maximum posts in a day", "20", least=1),
    _number("undo_seconds", "10", 'how long "now" waits on the page', "10 (default), 0 for not at all"),
    Setting(
        "approval",
        _approval,
        Any,
        "all, agents, none, or a list of sources",
        "none",
        "all, agents, or feed,command",
        "whose posts a person approves first",
        by_key=False,
    ),
    _yes_or_no("inbox", "no", "collect replies, mentions and quotes", by_key=False),
    Setting(
        "answer_within",
        _duration,
        str,
        "a duration",
        "24h",
        "2h, 3d",
        "how old what a bot answers may be",
        by_key=False,
    ),
    Setting(
        ANSWERS,
        _one_of_answers,
        str,
        "on, trial or paused",
        "trial, once something answers",
        "on, trial (a person approves the first ten), paused",
        "whether a bot answers by itself",
        by_key=False,
    ),
    _number("answers_per_minute", "10", "a bot's answers in a minute", "5", least=1, by_key=False),
    _number("answers_per_day", "500", "a bot's answers in a day", "100", least=1, by_key=False),
    _number("answers_per_person", "10", "a bot's answers to one person in a day", "3", by_key=False),
    _number("answers_per_thread", "100", "a bot's answers in one conversation in a day", "20", by_key=False),
    _yes_or_no("marks", "yes", "count likes, reposts and replies", by_key=False),
    _yes_or_no("require_alt", "no", "refuse images without alt text"),
    _yes_or_no("markdown", "yes", "[label](link) becomes a link"),
    _yes_or_no("shorten", "yes", "show links shortened"),
    _yes_or_no("quote_links", "no", "quote a bsky.app link at the end"),
)
SETTINGS: Mapping[str, Setting] = {setting.name: setting for setting in _TABLE}


def as_typed(value: Any) -> str:
    """A stored value as somebody types it; nothing for one that is not set."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def read_setting(name: str, value: Any) -> Any:
    """A value as it is stored; None removes the setting. Raises InputError for an unknown name or value."""
    setting = SETTINGS.get(name)
    if setting is None:
        raise InputError(f"There is no setting {name!r}.", hint=f"The settings are: {', '.join(SETTINGS)}.")
    return None if value is None else setting.read(name, value)


def unreadable(settings: Mapping[str, Any]) -> list[tuple[str, InputError]]:
    """The stored settings that no longer mean anything, each with why."""
    problems = []
    for name, value in settings.items():
        try:
            read_setting(name, value)
        except InputError as error:
            problems.append((name, error))
    return problems
