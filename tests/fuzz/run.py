"""Runs one fuzzer in this process, under limits on memory and on processor time for each input.

usage: python -m tests.fuzz.run TARGET [--seconds 60 | --inputs 1000] [--seed 0] [--last FILE] [--atheris]

The input that is being read stands in FILE, so that it is known when the process is killed. Ends with 1 and a traceback
where a target raises what it may not.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.mutate import LENGTH_MAX, Mutator
from tests.fuzz.targets import TARGETS, Target

MEMORY_BYTES = 2 << 30
INPUT_SECONDS_MAX = 5.0


class TooLong(BaseException):
    """An input takes more processor time than any may."""


def main() -> None:
    """Fuzz until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--inputs", type=int, help="end after so many, however long they take")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--last", default=os.devnull)
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    target = TARGETS[options.target]
    with _watched_imports(led=options.atheris):
        # Whatever is loaded on first use is no input's fault.
        for sample in target.samples:
            one_input(target, sample)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGVTALRM, _too_long)
    with open(options.last, "wb", buffering=0) as last:  # noqa: PTH123
        guarded = _guarded(target, last.fileno())
        if options.atheris:
            _with_atheris(target, guarded, options.seconds)
        else:
            mutator = Mutator(target.samples, target.words, options.seed)
            _with_mutator(mutator, guarded, options.seconds, options.inputs)


def one_input(target: Target, data: bytes) -> bool:
    """Whether an input was read to its end; raises what the target may not raise."""
    try:
        target.run(data)
    except target.errors:
        return False
    return True


def _guarded(target: Target, last: int) -> Callable[[bytes], bool]:
    def run(data: bytes) -> bool:
        os.ftruncate(last, 0) if os.fstat(last).st_size else None
        os.pwrite(last, data, 0)
        signal.setitimer(signal.ITIMER_VIRTUAL, INPUT_SECONDS_MAX)
        try:
            return one_input(target, data)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    return run


def _with_mutator(mutator: Mutator, run: Callable[[bytes], bool], seconds: float, inputs: int | None) -> None:
    end = time.monotonic() + seconds
    count = read = 0
    while count < inputs if inputs else time.monotonic() < end:
        data = mutator.next()
        count += 1
        if run(data):
            read += 1
            mutator.keep(data)
    print(f"{count} inputs, {read} of them read to their end")


def _watched_imports(*, led: bool) -> contextlib.AbstractContextManager[object]:
    """What is imported inside reports to atheris which of its lines were reached."""
    if not led:
        return contextlib.nullcontext()
    import atheris  # type: ignore[import-not-found]

    watched: contextlib.AbstractContextManager[object] = atheris.instrument_imports(include=["skywrite"])
    return watched


def _with_atheris(target: Target, run: Callable[[bytes], bool], seconds: float) -> None:
    import atheris

    def one(data: bytes) -> None:
        run(data)

    corpus = Path(tempfile.mkdtemp(prefix="skywrite-fuzz-"))
    for number, sample in enumerate(target.samples):
        (corpus / str(number)).write_bytes(sample)
    words = [word.hex(" ").replace(" ", "\\x") for word in target.words]
    corpus.with_suffix(".words").write_text("".join(f'"\\x{word}"\n' for word in words))
    limits = (f"-max_total_time={int(seconds)}", f"-max_len={LENGTH_MAX}", "-rss_limit_mb=2048", "-timeout=30")
    atheris.Setup([sys.argv[0], *limits, f"-dict={corpus.with_suffix('.words')}", str(corpus)], one)
    atheris.Fuzz()


def _too_long(*_: object) -> None:
    raise TooLong(f"An input takes more than {INPUT_SECONDS_MAX:.0f} seconds.")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
