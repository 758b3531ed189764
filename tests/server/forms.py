"""Forms of a page as a browser sends them."""

from __future__ import annotations

from typing import Any

from selectolax.lexbor import LexborHTMLParser


def fields(page: str, action: str, **having: str) -> dict[str, str]:
    """The fields of the first form with this action, and with these values in it, as they stand there."""
    forms = (form for form in LexborHTMLParser(page).css("form") if form.attributes.get("action") == action)
    contents = ({field.attributes["name"] or "": _value(field) for field in _fields(form)} for form in forms)
    return next(values for values in contents if having.items() <= values.items())


def _fields(form: Any) -> list[Any]:
    return [field for field in form.css("[name]") if field.tag != "button"]


def _value(field: Any) -> str:
    if field.tag == "textarea":
        return str(field.text())
    if field.tag != "select":
        return field.attributes.get("value") or ""
    chosen = field.css_first("option[selected]") or field.css_first("option")
    return str(chosen.attributes["value"] if "value" in chosen.attributes else chosen.text())
