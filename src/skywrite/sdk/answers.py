"""Answers of the network: JSON objects whose fields are attributes, each an instance of its lexicon's model class.

What lives here: `Answer` and the classes made from it, objects of a known kind, and how objects become plain JSON.
What does not: the facts (`lexicons`), and where users find the classes (`models`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from keyword import iskeyword
from typing import Any, ClassVar, Self

from skywrite.core.errors import InputError
from skywrite.sdk.lexicons import definition, fields, is_record

# Objects that are no definitions, and have no type of their own.
_BODIES = ("#Params", "#Data", "Response")


def camel(name: str) -> str:
    """The lexicon's spelling of a Python name: display_name is displayName."""
    first, *rest = name.removesuffix("_").split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def snake(name: str) -> str:
    """Python's spelling of a lexicon's name: displayName is display_name."""
    if name == "$type":
        return "py_type"
    name = name.lstrip("$")
    before = "_" + name  # Several capitals in a row are one word.
    snake_name = "".join(
        f"_{c}" if c.isupper() and not before[at].isupper() else c for at, c in enumerate(name)
    ).lower()
    return f"{snake_name}_" if iskeyword(snake_name) else snake_name


class Answer(dict[str, Any]):
    """A JSON object whose fields are attributes and keys, in Python's spelling and in the lexicon's.

    A field that the lexicon knows is None where it is missing. Anything else that is missing is an AttributeError, or a
    KeyError in brackets. `items` is the field of lists, and when called, the method of dict.
    """

    _name: ClassVar[str] = ""
    _kinds: ClassVar[Mapping[str, str]] = {}
    _required: ClassVar[tuple[str, ...]] = ()

    def __init__(self, values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: Any) -> None:
        super().__init__()
        if self._name and not self._name.endswith(_BODIES):
            self["$type"] = self._name.removesuffix("#main")
        for name, value in {**dict(values), **more}.items():
            if not self._name:
                self[name] = record_of(value)
            elif value is not None:
                self[self._key(name)] = record_of(value)
        if missing := [snake(key) for key in self._required if key not in self]:
            raise InputError(f"{type(self).__qualname__} needs {' and '.join(missing)}.", hint="Pass a value for each.")
        _typed(self, "*")

    def _key(self, name: str) -> str:
        """The key that a name stands for: its own, the lexicon's spelling of it, or a name with a dollar sign."""
        if name in self or name in self._kinds:
            return name
        if name == "py_type":
            return "$type"
        spelled = camel(name)
        if spelled in self or spelled in self._kinds:
            return spelled
        dollar = f"${name}"
        if dollar in self:
            return dollar
        return next((key for key in self._kinds if snake(key) == name), name if self._name else spelled)

    @property
    def items(self) -> Any:
        """The field of this name if there is one, else the method."""
        method = super().items
        return _Items(method, self["items"]) if isinstance(self.get("items"), list) else method

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            if name == "py_type" and self._name:
                return self._name.removesuffix("#main")
            known = ", ".join(snake(key) for key in self._kinds or self)
            raise AttributeError(
                f"{type(self).__qualname__} has no field {name!r}; it has {known or 'none'}.", name=name, obj=self
            ) from None

    def __missing__(self, name: str) -> Any:
        key = self._key(name)
        if key in self:
            return self[key]
        if key in self._kinds:
            return None
        raise KeyError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        key = self._key(name)
        if value is None:
            self.pop(key, None)
        else:
            self[key] = answer(record_of(value), self._kinds.get(key, "*"))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *map(snake, self._kinds), *map(snake, self)})

    def copy(self) -> Self:
        """The same fields in another object of the same class."""
        copy = type(self).__new__(type(self))
        copy.update(self)
        return copy

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with some fields changed."""
        content = json.loads(json.dumps(self)) if deep else self
        copied = self.copy()
        copied.update(content)
        _typed(copied, "*")
        for name, value in (update or {}).items():
            setattr(copied, name, value)
        return copied

    def model_dump(
        self,
        *,
        mode: str = "python",
        by_alias: bool = False,
        exclude_none: bool = False,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        include: Collection[str] | None = None,
        exclude: Collection[str] = (),
    ) -> dict[str, Any]:
        """The object as a plain dict: in Python's spelling, or with `by_alias` in the lexicon's.

        Fields that are not there are None, unless one of the `exclude_...` leaves them out.
        """
        del mode
        whole: dict[str, Any] = _dumped(self, by_alias, exclude_none or exclude_unset or exclude_defaults)
        spelled = {name: {name, snake(name), camel(name)} for name in whole}
        wanted = [name for name in whole if include is None or spelled[name] & {*include}]
        return {name: whole[name] for name in wanted if not spelled[name] & {*exclude}}

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """The same as JSON text."""
        separators = (",", ":") if indent is None else None
        return json.dumps(self.model_dump(**options), indent=indent, separators=separators, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object itself, as plain dicts and lists."""
        content: dict[str, Any] = json.loads(json.dumps(self))
        return content

    @classmethod
    def model_validate(cls, value: Any, **_: Any) -> Self:
        """An object of this class from a dict."""
        return value if isinstance(value, cls) else cls(value)

    @classmethod
    def model_validate_json(cls, text: str | bytes, **_: Any) -> Self:
        """An object of this class from JSON text."""
        return cls(json.loads(text))


class _Items(list[Any]):
    """A field called `items`. Calling it still works like the method `items` of dict."""

    def __init__(self, method: Callable[[], Any], values: Iterable[Any]) -> None:
        super().__init__(values)
        self._method = method

    def __call__(self) -> Any:
        """The pairs of the object."""
        return self._method()


class UploadedBlob(Answer):
    """The blob object of an upload. `blob` is the same as an instance of its class, as in the SDK's response."""

    @property
    def blob(self) -> Answer:
        """The object as a model."""
        blob: Answer = answer({**self}, "blob")
        return blob


@cache
def model(name: str) -> type[Answer]:
    """The class of an object, such as "app.bsky.feed.defs#postView". Raises KeyError if no lexicon knows it."""
    known_fields = fields(name)
    if known_fields is None:
        raise KeyError(name)
    nsid, _, part = name.partition("#")
    is_the_record = part == "main" and is_record(nsid)
    class_name = "BlobRef" if nsid == "blob" else "Record" if is_the_record else part[:1].upper() + part[1:]
    home = "blob_ref" if nsid == "blob" else "".join(one[:1].upper() + one[1:] for one in nsid.split("."))
    inner: dict[str, Any] = {"_name": name, "_kinds": known_fields.kinds, "_required": known_fields.required}
    # Fields that have the names of methods: the field counts, as `answer["values"]` and as an attribute.
    taken = {key: property(_field(key)) for key in known_fields.kinds if hasattr(Answer, snake(key)) and key != "items"}
    inner |= {snake(key): value for key, value in taken.items()}
    if nsid == "blob":
        inner["cid"] = property(_cid)
    return type(
        class_name, (Answer,), {**inner, "__module__": "skywrite.models", "__qualname__": f"{home}.{class_name}"}
    )


def _field(key: str) -> Callable[[Answer], Any]:
    return lambda self: self.get(key)


def _cid(blob: Answer) -> str:
    """The CID of a file, which an older form of the reference has as a text."""
    ref = blob["ref"]
    return str(ref["$link"] if isinstance(ref, dict) else ref)


def answer(value: Any, kind: str = "*") -> Any:
    """A JSON value of a kind (see `lexicons`), with all objects in it as Answers of their own classes."""
    root = [value]
    _typed(root, kind)
    return root[0]


def _typed(root: Any, kind: str) -> None:
    """Replace the plain objects and lists in an object, however deep; nothing recurses, whatever a server sends."""
    todo = [(root, kind)]
    while todo:
        node, of_items = todo.pop()
        pairs = enumerate(node) if isinstance(node, list) else dict.items(node)
        for key, item in [pair for pair in pairs if type(pair[1]) in (dict, list, tuple)]:
            item_kind = node._kinds.get(str(key), of_items) if isinstance(node, Answer) else of_items
            inner = item_kind[2:] if item_kind[:2] in ("[]", "{}") else "*"
            container: Any = _empty(item, item_kind) if isinstance(item, dict) else []
            container.update(item) if isinstance(item, dict) else container.extend(item)
            node[key] = container
            todo.append((container, inner))


def _empty(value: Mapping[str, Any], kind: str) -> Answer:
    """An Answer without its fields: of the type that the object names, else of the kind that its place has."""
    named = value.get("$type")
    for name in (named, kind):
        if isinstance(name, str) and name and name[0] not in "*[{":
            whole = name if "#" in name or name == "blob" else f"{name}#main"
            if isinstance(definition(whole), dict):
                cls = model(whole)
                return cls.__new__(cls)
    return Answer.__new__(Answer)


def _dumped(value: Any, by_alias: bool, exclude_none: bool) -> Any:
    if isinstance(value, list):
        return [_dumped(item, by_alias, exclude_none) for item in value]
    if not isinstance(value, dict):
        return value
    entries = dict.items(value)
    pairs = {
        key: _dumped(item, by_alias, exclude_none) for key, item in entries if item is not None or not exclude_none
    }
    if isinstance(value, Answer) and not exclude_none:
        pairs |= {key: None for key in value._kinds if key not in pairs}
    return pairs if by_alias else {snake(key): item for key, item in pairs.items()}


def plain(value: Any) -> Any:
    """Models of the SDK and ours, and dicts with Python's spelling, as the JSON object that a lexicon describes."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, Mapping):
        return {camel(str(name)): plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def record_of(value: Any) -> Any:
    """A model of the SDK or ours as the plain record that it stands for; anything else unchanged."""
    return plain(value) if hasattr(value, "model_dump") else value
