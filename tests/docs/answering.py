"""What the page about bots without programming needs: somebody who asks, and an address that answers.

What lives here: both, and looking at what came of it.
"""

from __future__ import annotations

import json
import threading
from http.server import HTTPServer

from skywrite import Client, Skywrite
from skywrite.app.bots import Author, Item
from skywrite.features.ways.calling import item_json
from tests.docs.blocks import Block
from tests.docs.readers import well
from tests.docs.world import FRIEND, HANDLE, PASSWORD, World


def signed_in(world: World) -> None:
    """The account of the page alone: what is its own is not answered."""
    with world.inside(), Skywrite() as sky:
        sky.accounts.login(HANDLE, PASSWORD, pds=world.box.url)


def item(world: World, block: Block) -> None:
    """The page shows what a command gets, with its fields in their order."""
    shown = json.loads(block.code)
    uri = shown["uri"]
    item = Item(shown["text"], Author("did:plc:...", FRIEND), uri, root=uri, account=HANDLE, account_did="did:plc:...")
    came = item_json(item)
    assert {**came, "id": shown["id"], "indexed_at": shown["indexed_at"]} == shown
    assert list(came) == list(shown)


def answers(world: World) -> None:
    """The server of the page answers at the address that the page names."""
    server = HTTPServer(("127.0.0.1", 0), world.names["Answers"])
    world.names["Answers"].log_message = lambda *arguments: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    world.stack.callback(server.server_close)
    world.stack.callback(thread.join)
    world.stack.callback(server.shutdown)
    url = f"http://127.0.0.1:{server.server_port}/answer"
    for line in ("skywrite answers remove 2", "skywrite answers remove 3", f"skywrite answers add --webhook {url}"):
        well(line, world.bash(line))
    tried = well("try", world.bash(f'skywrite answers try "@{HANDLE} hello" --from {FRIEND}'))
    assert f"Hello, {FRIEND}!" in tried.out, tried.out
    for line in ("skywrite answers remove 4", 'skywrite answers add --command "./weather.sh" --word weather'):
        well(line, world.bash(line))
    world.places["skywrite answers stop 2"] = "skywrite answers stop 5"
    world.places["skywrite answers start 2"] = "skywrite answers start 5"


def asked(world: World) -> None:
    """Somebody asks, and after the trial gets an answer."""
    well("resume", world.bash("skywrite run --once; skywrite answers resume"))
    client = Client(world.box.url)
    client.login(FRIEND, PASSWORD)
    client.send_post(f"@{HANDLE} weather berlin")
    # The answer is due when the first run has already looked for what is.
    world.bash("skywrite run --once")
    well("run", world.bash("skywrite run --once"))
    assert "In berlin it rains, as far as I know." in [post.text for post in world.box.posts(HANDLE)]
