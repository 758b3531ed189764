"""How long each file of tests takes: the long ones begin first, and `script/test quick` ends within a minute.

`script/test --write-costs` writes the table anew, best on a computer that has nothing else to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests" / "costs.tsv"
# What is not in the table takes less.
LEAST_SECONDS = 1.0


def read_costs() -> dict[str, float]:
    """Seconds by file, `tests/app/test_rounds.py`."""
    rows = (line.split("\t") for line in TABLE.read_text().splitlines())
    return {name: float(seconds) for name, seconds in rows}


def write_costs(seconds: Mapping[str, float]) -> None:
    """Keep what takes long, the longest first; what was not run this time is as it was."""
    known = {name: spent for name, spent in {**read_costs(), **seconds}.items() if (ROOT / name).exists()}
    costs = sorted(((spent, name) for name, spent in known.items() if spent >= LEAST_SECONDS), reverse=True)
    TABLE.write_text("".join(f"{name}\t{spent:.0f}\n" for spent, name in costs))
