"""The live server against its own document: no answer outside it, and no fault, whatever is asked."""

from __future__ import annotations

import warnings
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, settings

from skywrite.faces.server.openapi import document
from tests.support.chance import NIGHTLY
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import COOKIE, Server

NUMBERS = 20
# Streams without end, uploads (which have their own tests), what asks the network, and what may remove the person that
# asks: all that follows would be answered with 401.
LEFT_OUT = "/events$|/media|/feeds|/drafts/pull|/people/"
# A document that leaves out more than these has lost its operations.
OPERATIONS_MIN = 80
SETTINGS = settings(
    max_examples=5, phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
)


def test_answers_are_in_the_document(quiet_server: Server) -> None:
    """Requests made from the document, right and wrong ones, get answers that the document describes, and no fault;
    after all of it the server is as well as before."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="jsonschema|schemathesis")
        asked = ask_everything(quiet_server)
    assert (True, 200) == (
        asked >= OPERATIONS_MIN,
        httpx.get(f"{quiet_server.url}/healthz", timeout=PATIENCE_SECONDS).status_code,
    )


def ask_everything(server: Server) -> int:
    """Make the requests to all operations; how many these are."""
    # It takes a second to import, and only here.
    import schemathesis
    from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [schemathesis.checks.not_a_server_error, status_code_conformance]
    checks += [content_type_conformance, response_schema_conformance]
    headers = {"cookie": f"{COOKIE}={server.owner}"}

    def ask(case: Any) -> None:
        number = (case.path_parameters or {}).get("id")
        if isinstance(number, int):
            # The numbers of things that are there: what happens to them is of more interest than a 404.
            case.path_parameters["id"] = number % NUMBERS + 1
        # A key that is made up would be all that is looked at: the requests are those of the owner.
        case.headers.pop("Authorization", None)
        case.call_and_validate(base_url=server.url, headers=headers, checks=checks)

    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.FUZZING]
    # Every way to break every rule of the document takes minutes.
    modes += [HypothesisTestMode.COVERAGE] if NIGHTLY else []
    schema = schemathesis.openapi.from_dict(document()).exclude(path_regex=LEFT_OUT)
    operations = [each.ok() for each in schema.get_all_operations()]
    for operation in operations:
        config = HypothesisTestConfig(project=schema.config, modes=modes, explicit_settings=SETTINGS)
        create_test(operation=operation, test_func=ask, config=config)()
    return len(operations)
