"""Agents: programs that work for a person, over MCP. They sign in by OAuth, and a person says what each may do."""

from skywrite.core.feature import Command, Feature

FEATURE = Feature(
    name="agents",
    commands={"mcp": Command("cli", "Run and check", "Give an agent access to your queue, over MCP")},
    pages=("page",),
    panels="page:panels",
    served="mcp:served",
    prune="store:prune",
)
