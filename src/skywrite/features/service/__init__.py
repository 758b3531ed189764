"""Keeping the worker or the server alive: a systemd unit, a launchd agent, or a task of the Windows Task Scheduler."""

from skywrite.core.feature import Command, Feature

FEATURE = Feature(
    name="service",
    commands={"service": Command("cli", "Run and check", "Install the worker as a service")},
)
