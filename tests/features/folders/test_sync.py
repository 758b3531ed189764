"""`skywrite sync` on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import Shell


def test_a_file_with_two_mistakes_is_one_file(shell: Shell, tmp_path: Path) -> None:
    """The summary counts files; each mistake has its line above."""
    folder = tmp_path / "posts"
    folder.mkdir()
    (folder / "a.md").write_text("---\nat: 04/03/2030\nfoo: 1\n---\nx\n")
    told = shell("sync", str(folder), code=2)
    assert "1 wrong." in told.out
    checked = shell("sync", str(folder), "--check", code=2)
    assert "1 file in " in checked.err


ARTICLE = (
    "---\ntitle: Number {0}\nlayout: post\ndate: 2026-01-{0:02d}\ncategories: [a]\n---\nWords of the article {0}.\n"
)


def test_a_blog_is_one_line_per_kind_of_problem(shell: Shell, tmp_path: Path) -> None:
    """Not one per problem; what differs is listed; and the hint is how a blog is posted."""
    folder = tmp_path / "blog"
    folder.mkdir()
    for number in range(1, 21):
        (folder / f"{number}.md").write_text(ARTICLE.format(number))
    (folder / "z.md").write_text("---\nat: 04/03/2030\n---\nx\n")
    told = shell("sync", str(folder), code=2)
    lines = told.err.splitlines()
    assert 2 == sum(line.startswith("Error:") for line in lines)
    assert "79 more like it, in 20 files (also 'layout', 'date', 'categories'). All of them: --json" in told.err
    assert "skywrite feeds add https://example.com/blog" in told.out + told.err
    checked = shell("sync", str(folder), "--check", code=2)
    assert 5 == len(checked.out.splitlines())
    assert "skywrite feeds add https://example.com/blog" in checked.err
    assert 81 == len(shell("sync", str(folder), "--check", "--json", code=2).json)
    alice = shell.box.account("alice.test")
    shell.set(BLUESKY_HANDLE=alice.handle, BLUESKY_APP_PASSWORD=alice.app_password, BLUESKY_PDS=shell.box.url)
    told = shell("sync", str(folder), "--stateless", code=2)
    assert (True, f"{folder}: 0 posts published now.") == ("79 more like it" in told.err, told.out.strip())


def test_a_few_problems_are_shown_one_by_one(shell: Shell, tmp_path: Path) -> None:
    """With file and line each, for whoever mends them; a blog is nobody's guess then."""
    folder = tmp_path / "posts"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.md").write_text(ARTICLE.format(number + 1).replace("layout: post\n", ""))
    told = shell("sync", str(folder), "--check", code=2)
    assert 1 == told.out.count("more like it")
    assert "feed add" not in told.err


def test_the_plan_says_which_marks_go_out_as_they_stand(shell: Shell, tmp_path: Path) -> None:
    """When a file is checked and when it is scheduled, with what renders them; and that does."""
    folder = tmp_path / "posts"
    folder.mkdir()
    body = "# Heading\n\nA **bold** word\n* a\n"
    (folder / "a.md").write_text(f"---\nat: 2099-03-04 09:00\n---\n{body}")
    sentence = "a.md: These marks go out as they stand: # heading, * item, **bold**."
    for words in (["--check"], []):
        told = " ".join(shell("sync", str(folder), *words).err.split())
        assert sentence in told and "markdown: strip" in told
    (folder / "a.md").write_text(f"---\nat: 2099-03-04 09:00\nmarkdown: strip\n---\n{body}")
    assert "" == shell("sync", str(folder), "--check").err
    shell("sync", str(folder))
    assert (
        "Heading\n\nA bold word\n• a"
        == "\n".join(
            line.strip() for line in shell("show", "1").out.partition("\n\n")[2].splitlines() if "language" not in line
        ).strip()
    )
    (folder / "a.md").write_text(f"---\nat: 2099-03-04 09:00\nmarkdown: no\n---\n{body}")
    assert "" == shell("sync", str(folder)).err


@pytest.mark.parametrize(("first", "then"), [("site/posts", "site"), ("site", "site/posts")])
def test_a_folder_in_a_synced_folder_is_not_synced_twice(shell: Shell, tmp_path: Path, first: str, then: str) -> None:
    """Its files would go out twice: nothing is stored, and the error names the folder that is synced."""
    (tmp_path / "site/posts").mkdir(parents=True)
    (tmp_path / "site/posts/a.md").write_text("---\nat: 2090-01-05 09:00\n---\nHello\n")
    shell("sync", str(tmp_path / first))
    told = shell("sync", str(tmp_path / then), code=2)
    assert (True, 1) == (
        f"Sync {tmp_path / first} as a whole" in " ".join(told.err.split()),
        len(shell("list", "--json").json),
    )
    shell("sync", str(tmp_path / first))


def test_a_folder_that_moved_into_another_keeps_its_posts(shell: Shell, tmp_path: Path) -> None:
    """Where nothing is at its old path any more, it is the same folder."""
    (tmp_path / "site/posts").mkdir(parents=True)
    (tmp_path / "site/posts/a.md").write_text("---\nat: 2090-01-05 09:00\n---\nHello\n")
    shell("sync", str(tmp_path / "site/posts"))
    (tmp_path / "site/posts").rename(tmp_path / "site/news")
    shell("sync", str(tmp_path / "site"))
    assert 1 == len(shell("list", "--json").json)
