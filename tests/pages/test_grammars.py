"""A grammar on the page: its file is chosen, what is wrong is said beside it, and some of its texts are shown."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.pages.conftest import Watched


def test_a_grammar_file_is_chosen(tab: Watched, tmp_path: Path) -> None:
    """It goes into the field, where it can still be changed; refused, it stays there with the reason."""
    file = tmp_path / "bot.json"
    file.write_text(json.dumps({"origin": "Tea at #when#", "when": ["four", "five", "six"]}))
    page = tab.visit("/recurrences")
    page.get_by_text("Post from a grammar").click()
    form = page.locator("form[action='/recurrences/add']")
    form.locator("input[type=file]").set_input_files(file)
    expect(form.get_by_label("Grammar", exact=True)).to_have_value(file.read_text())
    form.get_by_label("How often").fill("mondays 16:00")
    form.get_by_label("How many distinct texts").fill("4")
    tab.may_be_refused = True
    form.get_by_role("button", name="Post them").click()
    expect(page.get_by_role("alert")).to_contain_text("4 distinct posts are asked for, and the grammar gives 3.")
    form.get_by_label("How many distinct texts").fill("3")
    form.get_by_role("button", name="Post them").click()
    card = page.locator("section.card", has_text="Tea at four")
    expect(card.get_by_role("listitem")).to_have_text(["Tea at six", "Tea at four", "Tea at five"])
    card.get_by_role("button", name="Stop it").click()
