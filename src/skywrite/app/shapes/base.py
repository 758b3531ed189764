"""What shapes of several nouns share: errors, warnings, and making a shape from values by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import Any, TypeVar

from msgspec import Struct, convert

from skywrite.core.errors import Notice, SkywriteError
from skywrite.queue.model import Problem

Made = TypeVar("Made")


class Shape(Struct):
    """What goes in or out."""

    def __init_subclass__(cls) -> None:
        # Docstrings are in the document of the API; from Python 3.13 on they come without their indentation.
        cls.__doc__ = cls.__doc__ and cleandoc(cls.__doc__)


class Output(Shape):
    """What an operation returns."""


class ErrorShape(Output):
    """What went wrong: the class of the error, and exactly its code."""

    error: str
    code: str
    message: str
    hint: str


class NoticeShape(Output):
    """A warning with its stable name, and what it is about."""

    warning: str
    message: str
    about: str | int | None


def shaped(kind: type[Made], values: Mapping[str, Any]) -> Made:
    """A shape from values by name; values without a field are left out."""
    return convert(values, kind)


def problem_shape(problem: Problem | None) -> ErrorShape | None:
    """A problem as JSON."""
    return None if problem is None else ErrorShape(problem.name, problem.code, problem.message, problem.hint)


def error_shape(error: SkywriteError | None) -> ErrorShape | None:
    """An error as JSON."""
    return None if error is None else ErrorShape(error.name, error.code, error.message, error.hint)


def messages(warnings: Iterable[Notice]) -> list[str]:
    """Warnings as JSON."""
    return [str(warning) for warning in warnings]


def notices(warnings: Iterable[Notice]) -> list[NoticeShape]:
    """Warnings with their stable names."""
    return [NoticeShape(warning.name, str(warning), warning.about) for warning in warnings]
