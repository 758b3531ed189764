"""What the columns of a table mean: names of our own, those of a known program, or a map that somebody gives.

What lives here: how a header is read, the error that names all columns that nobody knows, and what is said about it.
What does not: the known programs (`table_formats`), what a cell becomes (`table`, `foreign_cells`), where maps are
kept (`features.tables`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Literal, NamedTuple

from skywrite.core.errors import Do, Hint, InputError
from skywrite.posting.schedule.tokens import DateOrder
from skywrite.posting.sources.table_formats import OUT, To, format_of, key_of

# What a column may be mapped to besides a field: images or one video; a card, or a line of the text beside media; a
# video that plays like a GIF; whether a row was published elsewhere.
EXTRAS = ("media", "link", "gif", "state")
# Words that people use for a field. Where there are several fields, or it may be nothing here, it is asked for.
_MEANINGS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("message", "post", "body", "content", "tweet", "caption", "copy", "posttext"), ("text",)),
    **dict.fromkeys(("nachricht", "beitrag", "texte", "texto", "testo", "mensaje", "contenu", "tekst"), ("text",)),
    **dict.fromkeys(("datum", "fecha", "jour", "dia", "día", "giorno"), ("date",)),
    **dict.fromkeys(("uhrzeit", "zeit", "heure", "hora", "ora", "tijd"), ("time",)),
    **dict.fromkeys(("konto", "compte", "cuenta", "conta", "profil", "perfil"), ("account", "")),
    **dict.fromkeys(("bild", "bilder", "foto", "imagen", "imagem", "immagine", "afbeelding"), ("images",)),
    **dict.fromkeys(("alternativtext", "bildbeschreibung", "textealternatif", "textoalternativo"), ("alts",)),
    **dict.fromkeys(("sprache", "langue", "idioma", "lingua", "taal"), ("langs",)),
    **dict.fromkeys(("zeitzone", "fuseauhoraire", "zonahoraria"), ("zone",)),
    **dict.fromkeys(("schlagwort", "schlagworte", "etiqueta", "étiquette"), ("tags", "")),
    **dict.fromkeys(("lien", "enlace"), ("link",)),
    **dict.fromkeys(("when", "scheduled", "schedule", "publishat", "scheduledat", "due", "timestamp"), ("at",)),
    **dict.fromkeys(("postdate", "publishdate", "scheduleddate", "scheduledtime", "postingtime"), ("at",)),
    **dict.fromkeys(("image", "photo", "imageurl", "photourl", "picture", "file"), ("images",)),
    **dict.fromkeys(("media", "mediaurl", "attachment"), ("media",)),
    "videourl": ("video",),
    **dict.fromkeys(("alttext", "imagealt", "imagedescription"), ("alts",)),
    **dict.fromkeys(("hashtag", "tag"), ("tags",)),
    **dict.fromkeys(("language", "lang", "locale"), ("langs",)),
    **dict.fromkeys(("timezone", "tz"), ("zone",)),
    **dict.fromkeys(("link", "url", "website"), ("link",)),
    **dict.fromkeys(("id", "slug"), ("key",)),
    **dict.fromkeys(("comment", "firstcomment", "followup"), ("thread",)),
    **dict.fromkeys(("network", "platform", "socialnetwork", "shortener", "linkshortener", "board", "pinboard"), ("",)),
    **dict.fromkeys(("handle", "profile", "user", "channel"), ("account", "")),
    **dict.fromkeys(("statu", "state"), ("state", "text")),
    **dict.fromkeys(("title", "headline", "name", "subject"), ("text", "")),
    **dict.fromkeys(("description", "summary"), ("text", "alts")),
    **dict.fromkeys(("category", "topic", "keyword"), ("tags", "")),
}
# In place of a field that somebody is to say.
ASKED = "?"
# Several columns may give these; each adds to what the others gave.
_ADDING = ("", "thread", "media", "state")


def unreadable_table(message: str, *, hint: str = "The guide to the queue lists the columns.") -> InputError:
    """The error for a file of posts that cannot be read; the message names the line."""
    return InputError(message, code="table.unreadable", hint=hint)


_SAY_EACH = "Put a field in place of each ?, or nothing to leave the column out."


class UnknownColumns(InputError):
    """Columns whose meaning nobody knows. `suggested` is a map of them: what has one meaning gets it, all else is
    `ASKED`, which no map takes.
    """

    code = "table.columns_unknown"

    def __init__(self, message: str, suggested: Mapping[str, str], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.suggested = dict(suggested)


class Maps(NamedTuple):
    """Maps from outside: what was `given` for this file, and what is `remembered`, by the header's fingerprint.

    An empty field leaves a column out.
    """

    given: Mapping[str, str] = {}
    remembered: Mapping[str, Mapping[str, str]] = {}


class Reading(NamedTuple):
    """How a table is read: what each column of its header becomes.

    `source`: the program's name, "given", "remembered", or empty for columns of our own. `fields` and `left_out` are
    for people, by the names as they stand there. `kept` is the map to remember for the `fingerprint`.
    """

    columns: tuple[To, ...] = ()
    source: str = ""
    fields: Mapping[str, str] = {}
    left_out: tuple[str, ...] = ()
    dates: DateOrder | None = None
    undated: Literal["slot", "draft"] = "slot"
    fingerprint: str = ""
    kept: Mapping[str, str] = {}

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"source": self.source, "fields": dict(self.fields), "left_out": list(self.left_out)}


def fingerprint_of(header: Sequence[str]) -> str:
    """A short name for a header, the same for each file with these names in this order."""
    return hashlib.sha256("\x1f".join(_spelled(cell) for cell in header).encode()).hexdigest()[:32]


def read_header(header: Sequence[str], ours: Mapping[str, str], maps: Maps, where: str) -> Reading:
    """What each column is; `ours` has the field for each name of our own.

    Raises UnknownColumns with all that nobody knows, and InputError for a map that does not fit, and for two
    columns of which only one can count.
    """
    mark = fingerprint_of(header)
    known = _in_header(header, maps.remembered.get(mark, {}))
    from_user = _in_header(header, _checked(header, maps.given, where))
    mapped = {**known, **from_user}
    own = {cell: To(ours[_spelled(cell)]) for cell in header if _spelled(cell) in ours}
    foreign = [cell for cell in header if cell.strip() and cell not in own]
    foreign_format = format_of(header) if foreign else None
    there = foreign_format.columns if foreign_format else {}
    unknown = [cell for cell in foreign if cell not in mapped and key_of(cell) not in there]
    if unknown:
        raise _unknown(unknown, ours, where)
    read = {**own, **{cell: there[key_of(cell)] for cell in header if key_of(cell) in there}}
    source = foreign_format.name if foreign_format else "given" if from_user else "remembered" if known else ""
    columns = _columns(header, {**read, **{cell: To(ours.get(to, to)) for cell, to in mapped.items()}}, source, where)
    named = [(cell.strip(), to) for cell, to in zip(header, columns, strict=True) if cell.strip()]
    return Reading(
        columns,
        source,
        {name: to.field for name, to in named if to != OUT},
        tuple(dict.fromkeys(name for name, to in named if to == OUT)),
        foreign_format.dates if foreign_format else None,
        foreign_format.undated if foreign_format else "slot",
        mark,
        {_spelled(cell): to for cell, to in mapped.items()} if from_user else {},
    )


def said(reading: Reading) -> Iterator[str]:
    """What somebody should know about how a table is read, in sentences; nothing where its columns are our own."""
    if not reading.source:
        return
    leads = {
        "given": "Its columns are read as you say, also in the next file with this header",
        "remembered": "Its columns are read as you said for an earlier file with this header",
    }
    pairs = ", ".join(f"{name} is {field}" for name, field in reading.fields.items())
    yield f"{leads.get(reading.source, f'This is a table of {reading.source}')}: {pairs}."
    if reading.left_out:
        yield f"Left out, because there is no place for it here: {', '.join(reading.left_out)}."


def checked_map(columns: Mapping[str, str], fields: Sequence[str]) -> dict[str, str]:
    """A map to fields that exist, or to nothing. Raises InputError."""
    known = {*fields, *EXTRAS}
    for name, field in columns.items():
        if field == ASKED:
            hint = f"A column can be: {', '.join(sorted(known))}. Nothing in place of ? leaves it out."
            raise InputError(f"What the column {name!r} is, you have to say.", hint=hint)
        if field and field not in known:
            near = get_close_matches(field, sorted(known), 1, 0.6)
            hint = f"Did you mean {near[0]!r}?" if near else f"A column can be: {', '.join(sorted(known))}."
            raise InputError(f"There is no field {field!r} for the column {name!r}.", hint=hint)
    return dict(columns)


def _unknown(unknown: Sequence[str], ours: Mapping[str, str], where: str) -> UnknownColumns:
    """The error about all columns that nobody knows, with what each may be."""
    names = list(dict.fromkeys(cell.strip() for cell in unknown))
    meanings = {name: _meanings(name, ours) for name in names}
    suggested = {name: fields[0] if len(fields) == 1 else ASKED for name, fields in meanings.items()}
    listed = ", ".join(f"{name[:40]!r}{_question(fields)}" for name, fields in meanings.items())
    if len(names) == 1 and len(meanings[names[0]]) < 2:
        field = suggested[names[0]]
        hint = (
            f"Did you mean {field!r}?"
            if field not in ("", ASKED)
            else f"The columns are: {', '.join(dict.fromkeys(ours.values()))}."
        )
    else:
        pairs = ", ".join(f"{name!r}: {field!r}" for name, field in suggested.items())
        hint = Hint("Say what each is in ", Do("argument", "map"), f": {{{pairs}}}. {_SAY_EACH}")
    there_is = "there are no columns" if len(names) > 1 else "there is no column"
    return UnknownColumns(f"{where}: {there_is} {listed}.", suggested, hint=hint)


def _question(meanings: tuple[str, ...]) -> str:
    """Asks, where a name has several meanings."""
    if len(meanings) < 2:
        return ""
    return f" ({' or '.join(field or 'left out' for field in meanings)}?)"


def _meanings(name: str, ours: Mapping[str, str]) -> tuple[str, ...]:
    fields = _MEANINGS.get(key_of(name))
    if fields is not None:
        return fields
    near = get_close_matches(_spelled(name), ours, 1, 0.8)
    return (ours[near[0]],) if near else ()


def _checked(header: Sequence[str], columns: Mapping[str, str], where: str) -> Mapping[str, str]:
    """Raise InputError for a name in a map that is not in the header."""
    there = {_spelled(cell): cell.strip() for cell in header if cell.strip()}
    for name in columns:
        if _spelled(name) not in there:
            near = get_close_matches(_spelled(name), there, 1, 0.6)
            names = ", ".join(repr(one[:40]) for one in there.values())
            hint = f"Did you mean {there[near[0]]!r}?" if near else f"Its columns: {names}."
            raise unreadable_table(f"{where}: there is no column {name!r} to map.", hint=hint)
    return columns


def _in_header(header: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """A map by the names as they stand in the header."""
    fields = {_spelled(name): field for name, field in columns.items()}
    return {cell: fields[_spelled(cell)] for cell in header if cell.strip() and _spelled(cell) in fields}


def _spelled(name: str) -> str:
    return name.strip().lower()


def _columns(header: Sequence[str], read: Mapping[str, To], source: str, where: str) -> tuple[To, ...]:
    """What each column becomes; one without a name is a field that nobody has."""
    columns: list[To] = []
    seen: dict[str, str] = {}
    for number, cell in enumerate(header, 1):
        to = read[cell] if cell.strip() else To(f"\x00{number}")
        if to.field in seen and to.field not in _ADDING:
            raise _twice(cell.strip(), seen[to.field], source, where)
        seen.setdefault(to.field, cell.strip())
        columns.append(to)
    return tuple(columns)


def _twice(cell: str, first: str, source: str, where: str) -> InputError:
    if not source:
        return unreadable_table(f"{where}: the column {cell!r} appears twice.", hint="Keep one of them.")
    hint = Hint("Leave one of them out, with nothing for it in ", Do("argument", "map"), ".")
    return unreadable_table(f"{where}: {first!r} and {cell!r} are the same field.", hint=hint)
