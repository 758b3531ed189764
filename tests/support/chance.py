"""What is left to chance in a run: nothing, except at night, where one number decides all of it and is printed."""

from __future__ import annotations

import os

NIGHTLY = os.environ.get("SKYWRITE_NIGHTLY") == "1"
# The first of the worlds that are simulated, and what fuzzers and property tests start from.
SEED = int(os.environ.get("SKYWRITE_NIGHTLY_SEED", "0")) if NIGHTLY else 0
