"""A red run means a defect: nothing in a run is left to chance, and the nightly run can be repeated."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.support.processes import ROOT

pytest_plugins = ["pytester"]
Run = Callable[..., tuple[str, str]]
DRAWING = """
from hypothesis import given, strategies as st
from tests.support.chance import SEED

drawn = []

@given(st.integers())
def draw(number):
    drawn.append(number)

def test_it():
    draw()
    print("drawn:", SEED, drawn)
"""


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """run(*options): what a run draws, and the seed that it names (empty when it has none)."""
    pytester.makeconftest("from tests.conftest import *  # noqa: F403")
    pytester.makeini(f"[pytest]\npythonpath = {ROOT}\nmarkers =\n  network: n\n  nightly: n")
    pytester.makepyfile(DRAWING)

    def run(*options: str) -> tuple[str, str]:
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rP", *options)
        assert 0 == result.ret
        out = result.stdout.str()
        seed = re.search(r"seed (\d+)", out)
        return re.findall("^drawn: .*", out, re.M)[0], seed[1] if seed else ""

    return run


def test_a_run_is_like_the_one_before(run: Run) -> None:
    """Without `--nightly` the same examples and the same worlds are tried each time."""
    drawn, seed = run()
    assert ("drawn: 0 [", "") == (drawn[:10], seed)
    assert (drawn, seed) == run()


@pytest.mark.nightly
def test_a_nightly_run_is_random_and_says_how_to_repeat_it(run: Run) -> None:
    """Two of them try different things; with the seed that one printed, another tries the same."""
    first, second = run("--nightly"), run("--nightly")
    assert first != second
    assert first == run("--nightly", "--seed", first[1])
