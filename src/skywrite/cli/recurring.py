"""recurring: the rules that make posts again and again."""

from __future__ import annotations

import click

from skywrite.cli.options import ID, account_option, json_option
from skywrite.cli.output import one_line, print_done, print_json, print_table


@click.group("recurring", invoke_without_command=True, epilog="Example: skywrite recurring --json")
@account_option
@json_option
@click.pass_context
def recurring_command(context: click.Context, account: str | None, as_json: bool) -> None:
    """List the rules that make posts again and again; stop one; move or skip an occurrence."""
    if context.invoked_subcommand:
        return
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        rules = sky.recurrences(account)
        handles = {item.did: item.handle for item in sky.accounts()}
    if as_json:
        from skywrite.app.reports import recurrence_dict

        print_json([recurrence_dict(rule, handles[rule.account_did]) for rule in rules])
    elif not rules:
        click.echo('No rules yet. Make one: skywrite post "Good morning" --every "weekdays 9:00"')
    else:
        rows = [
            (
                str(rule.id),
                rule.state,
                handles[rule.account_did],
                f"{rule.rule} ({rule.zone})",
                one_line(str(rule.draft.get("text", ""))),
            )
            for rule in rules
        ]
        print_table(("ID", "STATE", "ACCOUNT", "RULE", "TEXT"), rows)


@recurring_command.command("stop", epilog="Example: skywrite recurring stop 3")
@click.argument("recurrence_id", type=ID, metavar="ID")
@json_option
def stop(recurrence_id: int, as_json: bool) -> None:
    """Forget a rule, and cancel its posts that wait."""
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        cancelled = sky.stop_recurrence(recurrence_id)
    if as_json:
        print_json({"id": recurrence_id, "cancelled": cancelled})
    else:
        print_done(f"Recurrence {recurrence_id} is stopped; {cancelled} waiting posts are cancelled.")


@recurring_command.command("skip", epilog='Example: skywrite recurring skip 3 "2026-12-24 09:00"')
@click.argument("recurrence_id", type=ID, metavar="ID")
@click.argument("when")
@json_option
def skip(recurrence_id: int, when: str, as_json: bool) -> None:
    """Leave out one occurrence."""
    _change(recurrence_id, when, None, as_json)


@recurring_command.command("move", epilog='Example: skywrite recurring move 3 "2026-12-24 09:00" "2026-12-24 12:00"')
@click.argument("recurrence_id", type=ID, metavar="ID")
@click.argument("when")
@click.argument("to")
@json_option
def move(recurrence_id: int, when: str, to: str, as_json: bool) -> None:
    """Move one occurrence to another time."""
    _change(recurrence_id, when, to, as_json)


def _change(recurrence_id: int, when: str, to: str | None, as_json: bool) -> None:
    from skywrite.app import Skywrite

    with Skywrite() as sky:
        rule = sky.change_occurrence(recurrence_id, when, to)
    if as_json:
        print_json({"id": rule.id, "exceptions": rule.exceptions})
    elif to is None:
        print_done(f"Recurrence {recurrence_id} leaves out {when}.")
    else:
        print_done(f"Recurrence {recurrence_id}: {when} is moved to {to}.")
