"""Nouns with verbs: `skywrite feeds add`. A noun alone lists what there is, if it has a list."""

from __future__ import annotations

from collections.abc import Sequence

import click

LIST = "list"
# Options of a noun itself; all others belong to its list.
_OWN_FLAGS = ("-q", "--quiet")
_OWN_ENDS = ("-h", "--help")


class Noun(click.Group):
    """A group in which `skywrite feeds --json` is `skywrite feeds list --json`."""

    def with_list(self, args: Sequence[str]) -> list[str]:
        """The arguments, with `list` where a verb is missing."""
        place = next((place for place, arg in enumerate(args) if arg not in _OWN_FLAGS), len(args))
        following = args[place] if place < len(args) else "-"
        if LIST in self.commands and following.startswith("-") and following not in _OWN_ENDS:
            return [*args[:place], LIST, *args[place:]]
        return list(args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self.with_list(args))
