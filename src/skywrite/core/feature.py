"""What one feature adds to Skywrite, as names: nothing of it is loaded before it is used.

What does not live here: the features (`skywrite.features`), and those who read their rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple


class Service(NamedTuple):
    """A noun of `Skywrite`: the class that does its work, and which parts of the queue it takes."""

    home: str
    takes: tuple[str, ...] = ("context", "drafting")


class Command(NamedTuple):
    """A command at the top: its module, its group in `skywrite --help`, and its line there."""

    module: str
    group: str
    summary: str


class Entry(NamedTuple):
    """A page in the navigation: its name, address and icon, and its place: smaller numbers come first."""

    name: str
    address: str
    icon: str
    place: int


class Need(NamedTuple):
    """Something that needs a person: at which page, how many of it, and what every page says of it, if anything."""

    address: str
    items: int
    words: str = ""


class Feature(NamedTuple):
    """One feature. Homes are written `module` or `module:name`, below the feature's own folder.

    `services`: nouns of `Skywrite`. `verbs`: commands that it adds to nouns of others, by these nouns' names.
    `operations`: modules with rows of the table. `commands`: by their names. `pages`: modules with `routes()` of the
    page; `navigation`: those that its menu lists; `panels`: its parts of the settings; `post_panels`: those of the page
    of a post. `needs`: what of it needs a person. `served`: what else the server answers. `layer`: what the plan may
    show on top. `works`: periodic work that depends on others; `rehearsed`: that of it which a rehearsal does, too.
    `answerers`: ways of answering what others write (`app.bots.Answerer`) that are not a program's, given the parts of
    a work. `timers`: what runs its kinds of timers. `prune`: drops what it no longer needs. `recover`: repairs times
    that a wrong clock left. `solved`: by kinds of its events, whether the trouble that one reports is over.
    """

    name: str
    services: Mapping[str, Service] = MappingProxyType({})
    operations: tuple[str, ...] = ()
    commands: Mapping[str, Command] = MappingProxyType({})
    verbs: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    pages: tuple[str, ...] = ()
    navigation: tuple[Entry, ...] = ()
    panels: str = ""
    post_panels: str = ""
    needs: str = ""
    served: str = ""
    layer: str = ""
    works: str = ""
    rehearsed: str = ""
    answerers: str = ""
    timers: Mapping[str, str] = MappingProxyType({})
    prune: str = ""
    recover: str = ""
    solved: Mapping[str, str] = MappingProxyType({})

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return Path(__file__).parents[1] / "features" / self.name

    def path(self, module: str) -> str:
        """Where one of its modules is imported from."""
        return f"skywrite.features.{self.name}.{module}"

    def load(self, home: str) -> Any:
        """A module of the feature, or what is called so in it."""
        module, _, name = home.partition(":")
        loaded_module = import_module(self.path(module))
        return getattr(loaded_module, name) if name else loaded_module
