"""Panels: parts that features bring to pages of others, such as the settings and the page of a post.

What lives here: what a panel is, and drawing it. What does not: any panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from skywrite.faces.server.pages.frame import Visit, templates


class Panel(NamedTuple):
    """A part of a page: its place (smaller numbers come first), its template, and what it shows."""

    place: int
    template: str
    values: Mapping[str, Any]


def drawn(visit: Visit, panels: Iterable[Panel], **shared: Any) -> list[str]:
    """The panels as HTML, in their order. `shared`: what the page has for each of them."""
    return [
        templates().get_template(panel.template).render(person=visit.person, **shared, **panel.values)
        for panel in sorted(panels, key=lambda panel: panel.place)
    ]
