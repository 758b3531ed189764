"""Make each change, run the tests that reach it, and show the changes that none of them noticed.

The tests of an area are collected once. For each change a copy of this process (a fork) gets the changed function and
runs the tests that call it, the quickest first, until one fails. What is not inside a function (constants, defaults)
needs a process of its own, with the changed module in place of the real one.

usage: script/mutants [AREA ...] [--only PART] [--sample 200] [--seed 0] [--jobs 2] [--seconds 20] [--again] [--list]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.areas import AREAS, Area
from tests.mutation.changes import SOURCE, Change, python_changes, source_of, sql_changes
from tests.mutation.known import FOLDER
from tests.support.processes import ROOT

ACCEPTED = Path(__file__).with_name("accepted.toml")
SHARE_MIN = 0.95
SECONDS = 20.0


def main() -> None:
    """All areas, or those that are named; ends with 1 where a change was not noticed and is not in the list."""
    parser = argparse.ArgumentParser(prog="script/mutants", description="Mutation tests: is each change noticed?")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"any of {', '.join(AREAS)}; without it all of them")
    parser.add_argument("--only", default="", metavar="PART", help="only modules whose path has PART in it")
    parser.add_argument("--sample", type=int, help="so many changes of each area, chosen by the seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="what the tests of one change may take together")
    parser.add_argument("--again", action="store_true", help="which test reaches what is known from the last run")
    parser.add_argument("--verbose", action="store_true", help="show what noticed each change")
    parser.add_argument("--list", action="store_true", help="show the changes and make none")
    options = parser.parse_args()
    if unknown := [name for name in options.areas if name not in AREAS]:
        parser.error(f"There is no area {unknown[0]}. There are: {', '.join(AREAS)}.")
    names = options.areas or list(AREAS)
    if options.list:
        for name in names:
            print(*(change.name(source_of(change.path)) for change in chosen(AREAS[name], options)), sep="\n")
        return
    if len(names) > 1:
        rest = [word for word in sys.argv[1:] if word not in AREAS]
        codes = [subprocess.run([sys.executable, "-m", "tests.mutation.run", name, *rest]).returncode for name in names]
        print(*table(names), sep="\n")
        sys.exit(max(codes))
    sys.exit(hunt(names[0], options))


def chosen(area: Area, options: argparse.Namespace) -> list[Change]:
    """The changes of an area, or a sample of them, in the order of the text."""
    changes: list[Change] = []
    for pattern in area.modules:
        for path in sorted(SOURCE.glob(pattern)):
            name = str(path.relative_to(SOURCE))
            if options.only in name:
                text = source_of(name)
                changes += _changes_of(path.suffix, name, text)
    if options.sample is not None and options.sample < len(changes):
        places = sorted(random.Random(options.seed).sample(range(len(changes)), options.sample))
        changes = [changes[place] for place in places]
    return changes


def _changes_of(suffix: str, name: str, text: str) -> list[Change]:
    if suffix == ".js":
        from tests.mutation.browser import script_changes

        return script_changes(name)
    return sql_changes(name, text) if suffix == ".sql" else python_changes(name, text)


def accepted() -> dict[str, str]:
    """The changes that no test can notice, by name, with the reason."""
    return {entry["change"]: entry["reason"] for entry in tomllib.loads(ACCEPTED.read_text("utf-8"))["accepted"]}


def hunt(name: str, options: argparse.Namespace) -> int:
    """Run one area; how the process is to end."""
    reasons, changes = accepted(), chosen(AREAS[name], options)
    print(f"{name}: {len(changes)} changes", flush=True)
    counts: Counter[str] = Counter()
    survivors = []
    began = time.monotonic()
    for change, noticed in _noticed(name, changes, options):
        source = source_of(change.path)
        if options.verbose:
            print(f"{time.monotonic() - began:.0f} s: {change.name(source)}: {noticed or 'NOT NOTICED'}", flush=True)
        if noticed:
            counts["noticed"] += 1
        elif change.name(source) in reasons:
            counts["accepted"] += 1
        else:
            survivors.append(change)
            print(f"\nnot noticed: {json.dumps(change.name(source))}\n{change.diff(source)}", flush=True)
    ran = len(changes) - counts["accepted"]
    share = counts["noticed"] / ran if ran else 1.0
    if options.sample is None and not options.only:
        names = {change.name(source_of(change.path)) for change in changes}
        paths = {change.path for change in changes}
        for stale in sorted(item for item in reasons if item.partition(":")[0] in paths and item not in names):
            print(f"no longer in the program, so take it out of the list: {stale}")
    _result_of(name).write_text(json.dumps([ran, counts["noticed"], len(survivors), counts["accepted"]]))
    print("", *(f"not noticed: {place_in_house(change)}" for change in survivors), *table([name]), sep="\n")
    return int(share < SHARE_MIN)


def _noticed(name: str, changes: list[Change], options: argparse.Namespace) -> Iterator[tuple[Change, str]]:
    if name == "browser":
        from tests.mutation.browser import noticed_in_browser

        return noticed_in_browser(name, AREAS[name], changes, options.seconds, again=options.again)
    from tests.mutation.hunt import Options, noticed_by

    return noticed_by(name, AREAS[name], changes, Options(options.jobs, options.seconds, options.again))


def place_in_house(change: Change) -> str:
    """File and line, with what was changed to what."""
    old = " ".join(source_of(change.path)[change.start : change.end].split())
    return f"{(SOURCE / change.path).relative_to(ROOT)}:{change.line}: {old} -> {change.new}"


def table(names: list[str]) -> list[str]:
    """What the last runs of areas found, a line each."""
    lines = [f"{'area':<12}{'changes':>8}{'noticed':>9}{'not':>6}{'accepted':>10}{'share':>8}"]
    for name in names:
        if _result_of(name).exists():
            ran, noticed, left, accepted = json.loads(_result_of(name).read_text())
            share = noticed / ran if ran else 1.0
            lines.append(f"{name:<12}{ran:>8}{noticed:>9}{left:>6}{accepted:>10}{share:>8.1%}")
    return lines


def _result_of(name: str) -> Path:
    return FOLDER / f"{name}-result.json"


if __name__ == "__main__":
    main()
