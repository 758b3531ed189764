"""What the API answers beside the operations of the table asks for rights, too."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from skywrite.app import Skywrite
from skywrite.app.operations import OPERATIONS
from skywrite.faces.server.app import make_app
from skywrite.faces.server.routes import PREFIX
from skywrite.faces.server.security import Origin
from skywrite.queue.api_keys import ApiKeys

# What an upload may be is for everybody who asks (tus, "OPTIONS").
FOR_EVERYBODY = {("OPTIONS", f"{PREFIX}/media/uploads")}


@pytest.mark.parametrize("headers", ["of a key", "of nobody"])
def test_each_route_asks_for_rights(sky: Skywrite, headers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that may neither read nor draft gets nothing from any of them, and a request without a key neither."""
    # A stream that somebody got would go on for ever.
    monkeypatch.setattr("skywrite.faces.server.events._pieces", lambda *_: iter(()))
    app: Any = make_app(sky, Origin.of(None))
    _, secret = ApiKeys(sky.context.store).add("hooks", ["publish"])
    of_table = {(operation.method, PREFIX + operation.path) for operation in OPERATIONS.values()}
    others = {
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith(f"{PREFIX}/")
        for method in set(route.methods or ("GET",)) - {"HEAD" if "GET" in (route.methods or ("GET",)) else ""}
    } - of_table
    assert FOR_EVERYBODY < others
    client = TestClient(app, "http://127.0.0.1", headers={"authorization": f"Bearer {secret}"})
    if headers == "of nobody":
        client = TestClient(app, "http://127.0.0.1")
    answered = {
        (method, path): client.request(method, path.replace("{id}", "1")).status_code
        for method, path in others - FOR_EVERYBODY
    }
    assert dict.fromkeys(answered, 403 if headers == "of a key" else 401) == answered
