"""Workers without a pump: a test decides who handles which doorbell, and when."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.events.event import Event
from chalicelib.events.log import SessionRef
from chalicelib.models.registry import Registry
from chalicelib.models.runner import runner
from chalicelib.models.settings import ModelSettings
from chalicelib.runs import entry
from chalicelib.runs.worker import NO_LIMIT_MS
from chalicelib.sessions.inputs import Input, Manner, Receipt
from chalicelib.sessions.model import Head
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Doorbell
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel

STEER, QUEUE = Manner("steer", echo_idle_interrupt=True, drop_queued=False), Manner("queue")


def said(text: str, event_id: str | None = None) -> Input:
    """A user's message."""
    return Input("user.message", {"content": [{"type": "text", "text": text}]}, event_id)


@dataclass
class Rig:
    """One session and its workers; ``more`` is what its agent has beyond the usual."""

    services: Services
    model: FakeModel
    make: Callable[[], Services]
    tools: list[dict[str, Any]] = field(default_factory=list)
    model_id: str = "claude-test"
    more: dict[str, Any] = field(default_factory=dict)
    ref: SessionRef = field(init=False)

    def __post_init__(self) -> None:
        self.ref = SessionRef(Space(new_id()), new_id())
        self.create()

    def create(self) -> None:
        """Make the session."""
        agent = {
            "id": new_id(),
            "version": 1,
            "name": "Tester",
            "origin": "sdk",
            "model": {"id": self.model_id, "speed": "standard", "effort": None, "inference_geo": None},
            "system": "Test.",
            "tools": self.tools,
        } | self.more
        self.services.sessions.create(self.ref.space, SessionDraft(agent, new_id()), self.ref.id)

    def send(self, *items: Input, manner: Manner = STEER) -> Receipt:
        """Accept input."""
        return self.services.sessions.send(self.ref, items, manner)

    def ring(self, by: Services | None = None, remaining_ms: int = NO_LIMIT_MS) -> None:
        """Let a worker handle one doorbell of the session."""
        body = Doorbell(self.ref.space.tenant, self.ref.id).body()
        entry.ring(body, receipt=None, remaining_ms=lambda: remaining_ms, parts=by or self.services)

    def another(self) -> Services:
        """A worker process that shares nothing with the first but storage."""
        return self.make()

    @property
    def head(self) -> Head:
        """The head as stored."""
        return self.services.sessions.get(self.ref).head

    @property
    def log(self) -> list[Event]:
        """The whole log."""
        return list(self.services.log.walk(self.ref))

    def types(self) -> list[str]:
        """The types of the log."""
        return [event.type for event in self.log]

    def count(self, kind: str) -> int:
        """How often a type stands in the log."""
        return self.types().count(kind)

    def assert_spans_closed(self) -> None:
        """As ``assert_whole``, where model calls of several agents overlap."""
        log = self.log
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        starts = [event.id for event in log if event.type == "span.model_request_start"]
        ends = [event.data["model_request_start_id"] for event in log if event.type == "span.model_request_end"]
        assert sorted(starts) == sorted(ends)
        assert len({event.id for event in log}) == len(log)

    def assert_whole(self) -> None:
        """Numbers without gaps, every model call closed, every use answered once."""
        log = self.log
        assert [event.seq for event in log] == list(range(1, len(log) + 1))
        starts = [event.id for event in log if event.type == "span.model_request_start"]
        ends = [event.data["model_request_start_id"] for event in log if event.type == "span.model_request_end"]
        assert starts == ends
        assert len({event.id for event in log}) == len(log)


@pytest.fixture
def model() -> Iterator[FakeModel]:
    """A scripted model of this test alone."""
    with FakeModel() as fake:
        yield fake


@pytest.fixture
def make(settings: Settings, model: FakeModel) -> Iterator[Callable[[], Services]]:
    """Makes worker processes: the parts of each are its own."""
    registries: list[Registry] = []

    def made() -> Services:
        services = Services(settings)
        env = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "provider-key", "LAMBENT_MODEL": "none"}
        registries.append(Registry(ModelSettings.from_env(env)))
        services.__dict__["models"] = registries[-1]
        return services

    yield made
    for registry in registries:
        asyncio.run_coroutine_threadsafe(registry.aclose(), runner().loop()).result(5)


@pytest.fixture
def rig(make: Callable[[], Services], model: FakeModel) -> Rig:
    """A session with one worker."""
    return Rig(make(), model, make)
