"""What a newcomer does with `skywrite serve --demo`: an agent drafts, a person approves, a program hears of it."""

from __future__ import annotations

import json

from tests.features.agents.test_mcp import _over_http
from tests.features.webhooks.test_webhooks import Receiver, add, receiver
from tests.support.serving import Server

__all__ = ["receiver"]


def test_an_agent_drafts_a_person_approves_and_a_program_hears(server: Server, receiver: Receiver) -> None:
    """A draft of an agent is reported, is published when a person gives it a time, and that is reported, too."""
    owner = server.as_owner()
    hook = add(owner, receiver, kinds=["approval.requested", "post.published"], account="bob.test")

    async def draft(client) -> None:  # type: ignore[no-untyped-def]
        arguments = {"text": "Drafted by an agent", "key": "newcomer", "account": "bob.test"}
        preview = await client.call_tool("preview_post", {"text": arguments["text"], "account": "bob.test"})
        assert [] == json.loads(preview.content[0].text)["warnings"]
        await client.call_tool("draft_post", arguments)

    _over_http(server)(draft)
    wanted = json.loads(receiver.wait(1)[0][1])
    assert ("approval.requested", "Drafted by an agent") == (wanted["type"], wanted["data"]["text"])
    number = wanted["data"]["id"]
    assert "scheduled" == owner.post(f"/posts/{number}/move", {"at": "now"}).json()["state"]
    published = receiver.wait_for("post.published", number)
    assert owner.get(f"/posts/{number}").json()["uri"] == published["data"]["uri"]
    owner.delete(f"/webhooks/{hook['id']}")
