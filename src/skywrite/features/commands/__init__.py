"""Scheduled commands, whose output is posted. Each occurrence runs once, with any number of workers.

Only what was added with this installation's key is run. What does not live here: when they run (`app.timers`), and how
a program is run (`posting.sources.command`).
"""

from skywrite.core.feature import Command, Feature, Service

FEATURE = Feature(
    name="commands",
    services={"commands": Service("service:Commands")},
    commands={"commands": Command("cli", "Automate", "Run commands on a schedule; post their output")},
    timers={"command": "service:runner_of"},
)
