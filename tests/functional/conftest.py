"""The resources of one deployment, empty, in this process: the same engine a laptop runs on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.core.settings import Settings
from chalicelib.local.engine import Engine
from chalicelib.wiring import Services

ROOT_KEY = "root-key-of-the-tests"
TEMPLATE = json.loads((Path(__file__).parents[2] / "infra" / "data.json").read_text())


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A running engine that keeps nothing."""
    running = Engine.start(None)
    yield running
    running.close()


@pytest.fixture
def settings(engine: Engine) -> Settings:
    """Settings that name freshly made resources; the one place that knows which engine serves them."""
    from chalicelib.tenants.model import digest_of

    made = engine.deploy(TEMPLATE, "lambent", {})
    return Settings(
        table=made["Table"],
        bucket=made["Bucket"],
        queue_url=made["QueueUrl"],
        dead_letter_url=made["DlqUrl"],
        root_key_sha256=digest_of(ROOT_KEY),
        root_secret="root-secret-of-the-tests",
        model_backoff_ms=10,
        outbound_allow=("127.0.0.1",),
    )


@pytest.fixture
def services(settings: Settings) -> Services:
    """The parts of one process over that storage."""
    return Services(settings)


@pytest.fixture
def other_process(settings: Settings) -> Services:
    """A second process over the same storage, with none of the first one's memory."""
    return Services(settings)
