"""Which events a receiver asked for."""

import re
from pathlib import Path

import anthropic
import pytest

from chalicelib.webhooks.kinds import KINDS, known, wanted


@pytest.mark.parametrize(
    "pattern", ["*", "session.*", "vault_credential.*", "session.created", "deployment_run.failed"]
)
def test_names_nouns_and_everything_can_be_asked_for(pattern: str) -> None:
    assert known(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", ".", "session", "session.", ".*", "**", "session.thread_*", "sess*", "session.exploded", "Session.*"],
)
def test_nothing_else_can(pattern: str) -> None:
    assert not known(pattern)


@pytest.mark.parametrize(
    ("kind", "patterns", "heard"),
    [
        ("session.created", ("*",), True),
        ("session.created", ("agent.*", "session.*"), True),
        ("session.created", ("session.created",), True),
        ("session.created", ("session.deleted", "agent.*"), False),
        ("vault_credential.created", ("vault.*",), False),
        ("deployment.created", ("deployment_run.*",), False),
        ("session.created", (), False),
    ],
)
def test_a_pattern_means_its_names_alone(kind: str, patterns: tuple[str, ...], heard: bool) -> None:
    assert wanted(kind, patterns) is heard


def test_the_names_are_those_the_official_client_knows() -> None:
    types = Path(anthropic.__file__).parent / "types" / "beta"
    files = types.glob("beta_webhook_*_event_data.py")
    theirs = {found[1] for path in files if (found := re.search(r'type: Literal\["([^"]+)"\]', path.read_text()))}
    assert len(theirs) > 40
    assert theirs == KINDS
