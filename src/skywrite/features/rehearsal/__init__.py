"""Rehearsals: the real worker on a copy of the queue, with a stand-in for the network and a clock that jumps.

Nothing of a rehearsal leaves its process, and the queue is only read.
"""

from skywrite.core.feature import Command, Feature

FEATURE = Feature(
    name="rehearsal",
    commands={"rehearse": Command("cli", "Run and check", "Show the coming days, and what a bad day would do to them")},
    layer="plan:Rehearsals",
)
