"""Measurements still fit the program that they measure."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import bench
from bench.__main__ import NAMES, main, small


def measurements() -> list[str]:
    """The modules that can be run."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg]
    loaded = {name: importlib.import_module(f"bench.{name}") for name in names if name != "__main__"}
    return sorted(name for name, module in loaded.items() if "main" in vars(module) and "arguments" in _words(module))


def _words(module: object) -> tuple[str, ...]:
    return vars(module)["main"].__code__.co_varnames  # type: ignore[no-any-return]


def test_every_measurement_can_be_run_small() -> None:
    """A measurement that is added has a small one, and is named by `script/bench`."""
    assert sorted(NAMES) == measurements()


@pytest.mark.parametrize("name", NAMES)
def test_a_measurement_says_what_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of each shows its options, and measures nothing."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert (0, True) == (ended.value.code, f"script/bench {name}" in capsys.readouterr().out)


def test_all_measurements_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` names each of them, and is no mistake."""
    main(["--help"])
    shown = capsys.readouterr().out.split()
    assert [] == [name for name in NAMES if name not in shown]


@pytest.mark.nightly
@pytest.mark.parametrize("name", NAMES)
def test_a_small_measurement_ends_well(name: str) -> None:
    """None of them has been left behind by the program."""
    assert [] == small([name])
