"""mcp: the queue for one agent, over standard input and output."""

from __future__ import annotations

import os

import click

KEY_VARIABLE = "SKYWRITE_API_KEY"


@click.command("mcp", epilog="Example, started by the agent's program: skywrite mcp")
def mcp_command() -> None:
    """Offer your queue to an agent over MCP (standard input and output).

    The environment variable SKYWRITE_API_KEY holds a key of `skywrite keys add`; its scopes are what the agent may do.
    """
    from skywrite.app import Skywrite
    from skywrite.core.errors import InputError, MissingExtra

    key = os.environ.get(KEY_VARIABLE, "")
    if not key:
        raise InputError(
            f"The agent needs an API key in the environment variable {KEY_VARIABLE}.",
            hint='Make one: skywrite keys add --name "my agent" --scope read --scope draft',
        )
    try:
        from skywrite.features.agents.mcp import run_stdio
    except ModuleNotFoundError as error:
        raise MissingExtra(f"MCP needs an optional part ({error.name}).", extra="mcp") from None
    with Skywrite() as sky:
        run_stdio(sky, key)
