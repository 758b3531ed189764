"""What people read is plain English: helps, messages, pages and guides have no phrase that reads as translated.

The phrases stand here with what to write. What does not live here: whether a text is right (its own tests).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support.processes import ROOT

SOURCE = ROOT / "src" / "skywrite"
PHRASES = {
    r"\bso (many|much|long|often)\b(?! as| that)": "the number, the duration or the threshold",
    r"\b(?<!:)(somebody|anybody|whoever|whomever)\b(?!\.)": "the role (a person, the author, the sender), someone",
    # Alone or in a list, it is a rule about replies.
    r"\bnobody (?=[a-z])": "what did not happen: has not been approved, is not signed in",
    r"\b(comes|come) again\b": "is sent again, is repeated, snoozed until",
    r"\banew\b": "again",
    r"\bat the (most|least)\b": "at most, maximum",
    r"\b(nothing|none) came of|of which nothing came\b": "failed",
    r"\bis to go out\b": "is due",
    r"\bis fitted and kept\b": "processed and stored",
    r"\bhow things stand\b": "the status",
    r"\block(ed)? it out\b|\blet no such\b": "access revoked, has no access",
}
FOUND = re.compile("|".join(f"(?:{phrase})" for phrase in PHRASES), re.IGNORECASE)
# A docstring is shown where one of these makes something of a function.
SHOWN = ("command", "operation", "group")


def texts() -> Iterator[tuple[str, str]]:
    """Each text that may be shown, with where it is."""
    for path in sorted(SOURCE.rglob("*.py")):
        if "sandbox" not in path.relative_to(SOURCE).parts:
            for line, text in strings(path.read_text("utf-8")):
                yield f"{path.relative_to(ROOT)}:{line}", text
    pages = [*SOURCE.rglob("*.html"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    for path in sorted([*pages, *(ROOT / "docs" / "guide").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")]):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def strings(source: str) -> Iterator[tuple[int, str]]:
    """The strings of a module and their lines, without docstrings that are for programmers."""
    tree = ast.parse(source)
    hidden = {id(part) for node in ast.walk(tree) for part in docstring(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in hidden:
            yield node.lineno, node.value


def docstring(node: ast.AST) -> list[ast.expr]:
    """The docstring of a module, a class or a function, unless it is shown."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    decorators = " ".join(ast.unparse(one) for one in getattr(node, "decorator_list", []))
    first = node.body[0] if node.body else None
    is_shown = any(name in decorators for name in SHOWN)
    return [first.value] if isinstance(first, ast.Expr) and not is_shown else []


def test_what_people_read_is_plain_english() -> None:
    """No help, message, page or guide has one of the phrases."""
    assert [] == [f"{where}: {match[0]}" for where, text in texts() for match in [FOUND.search(text)] if match]


def test_the_phrases_are_found() -> None:
    """Each of these is a message that read as translated."""
    wrong = (
        *("Post so many of the items.", "Nobody has approved it as it is.", "It comes again tomorrow."),
        *(
            "Ask whoever sent it.",
            "It is made anew.",
            "Posts a check at the most.",
            "Follow-ups of which nothing came.",
        ),
    )
    assert [] == [text for text in wrong if not FOUND.search(text)]


def test_a_rule_about_replies_may_be_named() -> None:
    """`nobody` is what people type, and what a post shows."""
    right = ("nobody", "Who may reply: nobody, mentioned", "--replies nobody", "Quotes: nobody", "as long as it takes")
    assert [] == [text for text in right if FOUND.search(text)]
