"""accounts set, accounts slots: the settings and weekly slots of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skywrite.core.errors import InputError
from skywrite.faces.cli.given import shell_words
from skywrite.faces.cli.options import account_option, json_option, on_queue
from skywrite.faces.cli.output import print_json, print_warnings

if TYPE_CHECKING:
    from skywrite.app import Skywrite


class SettingsCommand(click.Command):
    """A command whose help lists all settings."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from skywrite.app.settings import SETTINGS

        super().format_help_text(ctx, formatter)
        formatter.write_paragraph()
        for item in SETTINGS.values():
            formatter.write(f"  {item.name:<22}{item.help:<38}{item.example}\n")


@click.command(
    "set",
    cls=SettingsCommand,
    epilog="Example: skywrite accounts set zone=Europe/Berlin late=hold:2h langs=de",
)
@click.argument("settings", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--reset", is_flag=True, help="Reset all other settings to their defaults, even if they cannot be read.")
@account_option
@json_option
@on_queue
def set_command(sky: Skywrite, settings: tuple[str, ...], reset: bool, account: str | None, as_json: bool) -> None:
    """Show or change an account's settings; NAME= removes one."""
    from skywrite.app.entries import freeing

    _check_pairs(settings)
    changes = dict(_pair(item) for item in settings)
    change = sky.accounts.reset if reset else sky.accounts.set
    freed = ""
    if "approval" in changes or reset:
        now, freed = freeing(sky.context, lambda: change(account, changes))
    else:
        now = change(account, changes) if changes else sky.accounts.get(account).settings
    kept = _kept_zones(sky, account, now.get("zone")) if "zone" in changes or reset else []
    print_warnings([*kept, *([f"{freed} See: skywrite list"] if freed else [])])
    if as_json:
        print_json(now)
        return
    if not now:
        click.echo("All settings have their default values. Set one like: skywrite accounts set zone=Europe/Berlin")
    for name, value in sorted(now.items()):
        click.echo(f"{name} = {_shown(value)}")


def _kept_zones(sky: Skywrite, account: str | None, zone: str | None) -> list[str]:
    """What goes on in another zone than the account's new one."""
    from skywrite.posting.schedule.slots import format_slots

    new = sky.context.zone(sky.accounts.get(account)) if zone is None else zone
    slots = [slot for slot in sky.accounts.slots(account) if slot.zone != new]
    rules = {rule.zone for rule in sky.context.store.recurrences.all(sky.context.did(account))} - {new}
    notes = []
    if slots:
        zones = ", ".join(sorted({slot.zone for slot in slots}))
        again = shell_words(["accounts", "slots", format_slots(slots), *(["--account", account] if account else [])])
        notes.append(f"The weekly slots stay in {zones}. To have them in {new}: skywrite {again}")
    if rules:
        notes.append(f"Recurrences stay in {', '.join(sorted(rules))}. To change one: skywrite recurring edit --help")
    return notes


def _shown(value: Any) -> str:
    """A setting, as one writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else str(value)


def _check_pairs(settings: tuple[str, ...]) -> None:
    """Raise InputError for a name and a value apart, with the command that joins them."""
    from skywrite.app.settings import SETTINGS

    names, values = settings[::2], settings[1::2]
    if settings and len(names) == len(values) and "=" not in "".join(settings) and set(names) <= set(SETTINGS):
        joined = [f"{name}={value}" for name, value in zip(names, values, strict=True)]
        hint = f"Join them: skywrite accounts set {shell_words(joined)}"
        raise InputError(f"{names[0]!r} and its value stand apart.", hint=hint)


def _pair(text: str) -> tuple[str, str | None]:
    from skywrite.app.settings import SETTINGS

    name, mark, value = text.partition("=")
    if not mark and text in SETTINGS:
        example = SETTINGS[text].example.split(" ")[0].rstrip(",")
        raise InputError(f"{text!r} has no value.", hint=f"Write it like {text}={example}.")
    if not mark:
        raise InputError(f"{text!r} is not a setting.", hint="Write it like zone=Europe/Berlin.")
    return name.strip(), value.strip() or None


@click.command("slots", epilog='Example: skywrite accounts slots "mon-fri 9:00,17:30; sat 11:00"')
@click.argument("slots", required=False)
@click.option("--clear", is_flag=True, help="Remove all slots. Posts that have one keep their time.")
@account_option
@json_option
@on_queue
def slots_command(sky: Skywrite, slots: str | None, clear: bool, account: str | None, as_json: bool) -> None:
    """Show or set an account's weekly slots.

    `skywrite post --next-slot` and imports without times take the next free slot.
    """
    from skywrite.app.shapes.accounts import slot_shape
    from skywrite.posting.schedule.slots import format_slots, parse_slots

    if slots is not None and (clear or not slots.strip()):
        hint = "Remove all slots with --clear, or give new ones: mon-fri 9:00,17:30"
        raise InputError("Slots and --clear exclude each other." if clear else "No slots were given.", hint=hint)
    if clear:
        sky.accounts.set_slots(account, [])
    elif slots is not None:
        sky.accounts.set_slots(account, parse_slots(slots, sky.context.zone(sky.accounts.get(account))))
    now, zone = sky.accounts.slots(account), sky.context.zone(sky.accounts.get(account))
    if as_json:
        print_json([slot_shape(slot) for slot in now])
        return
    if not now:
        click.echo('No slots yet. Set them like: skywrite accounts slots "mon-fri 9:00,17:30"')
    for name in dict.fromkeys(slot.zone for slot in now):
        # The zone of the account may have been another one when they were set.
        where = "" if name == zone else f"  in {name}, not in {zone}, the account's zone"
        click.echo(format_slots(slot for slot in now if slot.zone == name) + where)
