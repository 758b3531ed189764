"""The README as a package index shows it, and the addresses of the documentation."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from hatch_build import absolute
from tests.support.processes import ROOT


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text(encoding="utf-8"))


def test_links_of_the_readme_work_on_a_package_index() -> None:
    """No link of the packaged README is relative, and each names a file that exists."""
    source = _toml("pyproject.toml")["project"]["urls"]["Source"]
    links = re.findall(r"\]\(([^)]+)\)", absolute((ROOT / "README.md").read_text(encoding="utf-8"), source))
    ours = [link for link in links if link.startswith(source)]
    files = [re.sub(r"^/(blob|raw)/main/", "", link.removeprefix(source)).partition("#")[0] for link in ours]
    assert [] == [link for link in links if not re.match(r"https?://|#", link)]
    assert [] == [file for file in files if not (ROOT / file).exists()]
    assert ours


def test_the_site_takes_its_addresses_from_the_package() -> None:
    """The docs' settings name the same repository and the same site as `project.urls`."""
    urls, site = _toml("pyproject.toml")["project"]["urls"], _toml("zensical.toml")["project"]
    assert (urls["Source"], urls["Documentation"]) == (site["repo_url"], site["site_url"])


def test_every_page_is_in_the_navigation() -> None:
    """A page that the site's navigation leaves out is a page that nobody finds."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    decisions = {page for page in pages if page.startswith("adr/0")}
    assert set() == {page for page in pages - decisions if f'"{page}"' not in text}
