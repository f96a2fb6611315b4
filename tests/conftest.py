"""Which tests take long: exhaustive sweeps, deaths of servers, other languages' clients, the embedded models.

``make test`` leaves them out, ``make test-long`` runs them and nothing else; CI runs both.
"""

from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONG = (
    "e2e/anthropic_sdk/test_environment_worker.py",
    "e2e/anthropic_sdk/test_restart.py",
    "e2e/contract",
    "e2e/laws/test_clocks_side_by_side.py",
    "e2e/laws/test_evals_survive.py",
    "e2e/laws/test_forks_and_dreams_outlive_deaths.py",
    "e2e/laws/test_injected_secrets.py",
    "e2e/laws/test_many_at_once.py",
    "e2e/laws/test_nobody_is_sent_inside.py",
    "e2e/laws/test_nothing_lost_nothing_twice.py",
    "e2e/laws/test_repeats_meet.py",
    "e2e/laws/test_rounds_survive.py",
    "e2e/laws/test_sandbox_escapes.py",
    "e2e/laws/test_sandboxes_die.py",
    "e2e/laws/test_secrets_of_every_kind.py",
    "e2e/laws/test_session_escapes.py",
    "e2e/laws/test_tenants_are_apart.py",
    "e2e/laws/test_tenants_do_not_wait_for_each_other.py",
    "e2e/laws/test_threads.py",
    "e2e/laws/test_webhooks_survive.py",
    "e2e/laws/test_workers_replace_each_other.py",
    "e2e/mcp/test_forgery.py",
    "e2e/openai_sdk/test_javascript.py",
    "e2e/plain/test_integrations.py",
    "e2e/plain/test_schedules.py",
    "e2e/typescript",
    "functional/aws/test_package.py",
    "functional/forks/test_deaths.py",
    "functional/models/test_embedded_provider.py",
    "functional/outbound/test_transport.py",
    "functional/outbound/test_ways_out.py",
    "functional/sandbox/box",
    "functional/sandbox/egress",
    "functional/sandbox/sessions/test_outputs_die.py",
    "functional/sandbox/test_deeds_die.py",
    "functional/sandbox/test_escape.py",
    "functional/sandbox/test_escape_bombs.py",
)
"""Folders and modules."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands in them."""
    for item in items:
        place = item.path.relative_to(TESTS).as_posix()
        if any(place == one or place.startswith(f"{one}/") for one in LONG):
            item.add_marker(pytest.mark.long)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Of tests with one name only one would be run when they are shared out among processes."""
    doubled = [name for name, count in Counter(item.nodeid for item in session.items).items() if count > 1]
    if doubled:
        raise pytest.UsageError(f"several tests have the name {doubled[0]}")
