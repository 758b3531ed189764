"""The harness itself: a secret that is printed, logged or left in a file turns a run red."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.canaries import canary, guard_app_password, left_behind, secrets_in
from tests.support.processes import ROOT

pytest_plugins = ["pytester"]
JWT = ".".join(["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJkaWQ6cGxjOngifQ", "c2lnbmF0dXJl"])

IN_OUTPUT = ("print(SECRET)", "logging.getLogger('x').debug(SECRET)")
# Nothing marks an app password as one: only the process that made it can find it.
IN_FILES = ("(tmp_path / 'x.log').write_text(SECRET)", "(tmp_path / 'x.log').write_text(PASSWORD)")


def test_what_counts_as_a_secret() -> None:
    """Marked passwords, tokens and guarded app passwords are found; what only looks similar is not."""
    password = guard_app_password("aaaa-bbbb-cccc-dddd")
    assert 3 == len(secrets_in(f"x {canary()} {JWT} ({password})"))
    assert [] == secrets_in("canary in a mine, eyJhbGciOiJIUzI1NiJ9, abcd-efgh-ijkl-mnop")


def test_files_are_searched(tmp_path: Path) -> None:
    """A secret in a database is named with its file, shortened."""
    (tmp_path / "home").mkdir()
    leak = tmp_path / "home" / "skywrite.db"
    leak.write_bytes(b"\0" + canary().encode())
    leaks = left_behind(tmp_path)
    leak.unlink()
    assert 1 == len(leaks)
    assert leaks[0].endswith(f"... in {leak}")


@pytest.mark.parametrize(
    ("leaks", "options", "failed"), [((*IN_OUTPUT, *IN_FILES[:1]), (), 2), (IN_FILES[1:], ("-n", "1"), 0)]
)
def test_a_leak_turns_a_run_red(
    pytester: pytest.Pytester, leaks: tuple[str, ...], options: tuple[str, ...], failed: int
) -> None:
    """A test that passes but leaks fails the run, in other processes too; the report does not repeat the secret."""
    pytester.makeconftest("from tests.conftest import *  # noqa: F403")
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}\nlog_level = DEBUG\nmarkers =\n  network: n\n  nightly: n")
    head = "import logging\nfrom tests.support.canaries import canary, guard_app_password\n"
    head += "SECRET = canary()\nPASSWORD = guard_app_password('abcd-efgh-ijkl-mnop')\n"
    tests = (f"def test_{number}(tmp_path):\n    {leak}\n" for number, leak in enumerate(leaks))
    pytester.makepyfile(head + "".join(tests))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:schemathesis", *options)
    for left in pytester.path.rglob("x.log"):
        left.unlink()
    assert (pytest.ExitCode.TESTS_FAILED, failed) == (result.ret, result.parseoutcomes().get("failed", 0))
    assert "secrets were left behind" in result.stdout.str()
    assert [] == secrets_in(result.stdout.str())
