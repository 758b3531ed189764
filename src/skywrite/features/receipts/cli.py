"""receipts: prove what was published, and check a proof."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from skywrite.faces.cli.completing import complete_posts
from skywrite.faces.cli.given import FILE, OUTPUT
from skywrite.faces.cli.names import Noun
from skywrite.faces.cli.options import account_option, json_option, on_queue, read_file
from skywrite.faces.cli.output import print_done, print_json, print_outcome

if TYPE_CHECKING:
    from skywrite.app import Skywrite


@click.group("receipts", cls=Noun, epilog="Example: skywrite receipts save 12 -o post-12.receipt.json")
def receipts_command() -> None:
    """Prove what was published, and check a proof."""


@receipts_command.command("save", epilog="Example: skywrite receipts save 12 -o post-12.receipt.json")
@click.argument("target", metavar="ID_OR_LINK", shell_complete=complete_posts)
@click.option("-o", "--output", type=OUTPUT, help="The file to write. Default: standard output.")
@account_option
@json_option
@on_queue
def save_command(sky: Skywrite, target: str, output: Path | None, account: str | None, as_json: bool) -> None:
    """Write a file that proves what was published, for the record.

    The file holds the post as it is on the network, and the signature of the account's server. Anyone can check it
    later, without that server: skywrite receipts verify FILE.
    """
    from skywrite.app.shapes.done import written_receipt
    from skywrite.faces.cli.output import json_text

    receipt = sky.posts.receipt(target, account=account)
    if output is None:
        print_json(receipt.as_dict())
        return
    output.write_text(json_text(receipt.as_dict(), indent=2) + "\n", encoding="utf-8")
    print_outcome(as_json, written_receipt(output, receipt), f"The receipt of {receipt.uri} is in {output}.")


@receipts_command.command("verify", epilog="Example: skywrite receipts verify post-12.receipt.json --online")
@click.argument("file", type=FILE)
@click.option("--online", is_flag=True, help="Also ask the public directory whether the key was the account's.")
@json_option
def verify_command(file: Path, online: bool, as_json: bool) -> None:
    """Check a receipt: every hash and the signature. Without --online, sends nothing."""
    from skywrite.app.shapes.done import verified_receipt
    from skywrite.posting.receipts import read_receipt

    receipt = read_receipt(read_file(file).decode("utf-8", "replace"))
    key = _ask_directory(receipt) if online else "not checked with the directory; --online does"
    if as_json:
        print_json(verified_receipt(receipt, key))
        return
    print_done(f"This was in the repository of {receipt.did} ({receipt.handle}):")
    click.echo(f"  {receipt.uri}")
    click.echo(f"  signed {receipt.committed_at:%Y-%m-%d %H:%M:%S} UTC, revision {receipt.rev}")
    click.echo(f"  key: {key}")
    if isinstance(text := receipt.record.get("text") if isinstance(receipt.record, dict) else None, str):
        for line in text.split("\n"):
            click.echo(f"  | {line}")


def _ask_directory(receipt: object) -> str:
    import json

    from skywrite.core.config import load_config
    from skywrite.core.errors import InputError
    from skywrite.core.http import Http
    from skywrite.posting.receipts import Receipt, check_key

    assert isinstance(receipt, Receipt)
    if not receipt.did.startswith("did:plc:"):
        raise InputError(f"{receipt.did} has no public log.", hint="Compare the key with its DID document yourself.")
    http = Http()
    try:
        answer = http.request("GET", f"{load_config().plc_url}/{receipt.did}/log/audit")
        return check_key(receipt, json.loads(answer.body))
    finally:
        http.close()
