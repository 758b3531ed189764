"""The live server against its own document: no answer outside it, and no fault, whatever is asked."""

from __future__ import annotations

import warnings

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from skywrite.faces.server.openapi import document
from tests.support.chance import NIGHTLY
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import COOKIE, Server

NUMBERS = 20
# Streams without end, uploads (which have their own tests), what asks the network, and what may remove the person that
# asks: all that follows would be answered with 401.
LEFT_OUT = "/events$|/media|/feeds|/drafts/pull|/people/"

warnings.filterwarnings("ignore", module="jsonschema|schemathesis")
schema = schemathesis.openapi.from_dict(document()).exclude(path_regex=LEFT_OUT)
# Every way to break every rule of the document is tried at night: making these requests takes each process of the suite
# seconds.
schema.config.phases.coverage.enabled = NIGHTLY


@schema.parametrize()
@settings(
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_are_in_the_document(case: schemathesis.Case, quiet_server: Server) -> None:
    """Requests made from the document, right and wrong ones, get answers that the document describes, and no fault."""
    number = (case.path_parameters or {}).get("id")
    if isinstance(number, int):
        # The numbers of things that are there: what happens to them is of more interest than a 404.
        case.path_parameters["id"] = number % NUMBERS + 1
    headers = {"cookie": f"{COOKIE}={quiet_server.owner}"}
    checks = [schemathesis.checks.not_a_server_error, status_code_conformance]
    checks += [content_type_conformance, response_schema_conformance]
    case.call_and_validate(base_url=quiet_server.url, headers=headers, checks=checks)


@pytest.fixture(autouse=True, scope="module")
def still_well(quiet_server: Server) -> object:
    """After all of it the server is as well as before."""
    yield
    assert 200 == httpx.get(f"{quiet_server.url}/healthz", timeout=PATIENCE_SECONDS).status_code
