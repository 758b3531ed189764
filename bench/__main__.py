"""`python -m bench NAME ...`: run one measurement."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("post", "facets", "queue", "feeds", "scale", "million", "serve", "answers")


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
        sys.exit(f"usage: script/bench {' | '.join(NAMES)} [options]")
    import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:])


if __name__ == "__main__":
    main()
