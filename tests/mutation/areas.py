"""Which tests answer for which modules. Tests that need a server of their own (a PDS, PostgreSQL) are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


def _unit(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/unit/test_{name}.py" for name in names)


def _of_features(*names: str) -> tuple[str, ...]:
    return tuple(f"tests/features/{name}" for name in names)


_STORE = ("tests/store", "tests/app/test_approvals.py")
_APP = tuple(
    f"tests/app/test_{name}.py"
    for name in (
        *("bulkheads", "leases", "managing", "posting", "publishing", "restore", "running", "unsent"),
        *("videos", "worker"),
    )
)


# What goes through the server, or calls what it calls.
_FACES = (
    "tests/server",
    *_of_features("agents", "answers", "checkup", "drafts", "feeds", "follow_ups", "groups", "hooks"),
    *_of_features("insight", "people", "receipts", "recurring", "rehearsal", "reposts", "reviews", "tables", "ways"),
    *_of_features("webhooks"),
    "tests/app/test_approvals.py",
    "tests/app/test_managing.py",
)


class Area(NamedTuple):
    """Modules (patterns below `src/skywrite`), and the folders and files with their tests."""

    modules: Sequence[str]
    tests: Sequence[str]


AREAS: dict[str, Area] = {
    "publish": Area(
        ("posting/publish/*.py",),
        (
            *_unit("agents", "budget", "forecast", "hosts", "network", "patience", "policy", "pool"),
            *_unit(
                "publish", "sender", "timekeeper", "together", "video_answers", "video_parts", "video_pauses", "workers"
            ),
            *_APP,
            "tests/contract/test_video_service.py",
            *_of_features("answers", "follow_ups", "insight", "notices", "recurring", "rehearsal", "reposts"),
            "tests/features/webhooks/test_store.py",
            "tests/app/test_client.py",
            "tests/crash/test_wrong_clock.py",
            "tests/server/test_guide.py",
        ),
    ),
    "claims": Area(
        ("queue/claims.py", "queue/settling.py", "queue/ledger.py", "queue/sql/common/claim.sql"), (*_STORE, *_APP)
    ),
    "compose": Area(
        ("posting/compose/*.py",),
        (
            *_unit("build", "draft", "files", "gates", "resolve"),
            "tests/app/test_meaning.py",
            "tests/app/test_videos.py",
        ),
    ),
    "schedule": Area(
        ("posting/schedule/*.py",),
        (
            *_unit("policy", "recurrence", "rule_forms", "slots", "times"),
            "tests/features/folders/test_post_files.py",
            *_unit("time_forms", "time_phrases", "time_ranges", "time_suggestions", "time_vectors", "time_words"),
        ),
    ),
    "bsky": Area(
        ("protocol/bsky/*.py",),
        _unit("build", "card", "embed", "gates", "limits", "post", "richtext", "split", "template"),
    ),
    "sessions": Area(
        ("protocol/atproto/session*.py", "protocol/atproto/bearer_auth.py"),
        _unit("agents", "oauth_session", "patience", "repo", "session"),
    ),
    "oauth": Area(
        ("protocol/atproto/oauth*.py", "app/oauth/*.py"),
        (
            *_unit("dpop", "oauth", "oauth_auth", "oauth_client", "oauth_listener"),
            *_unit("oauth_refresh", "oauth_scopes", "oauth_session"),
            "tests/app/test_oauth.py",
            "tests/simulation/test_refreshing.py",
        ),
    ),
    "operations": Area(("app/operations/*.py", "features/*/operations.py"), _FACES),
    "server": Area(("faces/server/*.py",), _FACES),
    "pages": Area(("faces/server/pages/*.py", "features/*/page.py"), _FACES),
    "browser": Area(("faces/server/static/app.js", "faces/server/static/js/*.js"), ("tests/pages",)),
}
