"""A self-hosted environment whose sessions are written by hand, and its queue."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.model import Environment
from chalicelib.environments.service import SDK
from chalicelib.environments.work.model import Offer, Work
from chalicelib.environments.work.service import WorkService
from chalicelib.events.log import SessionRef
from chalicelib.sessions.inputs import Input, Manner
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services

STEER = Manner("steer", echo_idle_interrupt=True, drop_queued=False)


def said(text: str = "work") -> Input:
    """A user's message."""
    return Input("user.message", {"content": [{"type": "text", "text": text}]})


@dataclass
class Desk:
    """One environment of one tenant."""

    services: Services
    space: Any
    environment: Environment
    created: list[SessionRef] = field(default_factory=list)

    @property
    def work(self) -> WorkService:
        """The queue."""
        return self.services.work

    @property
    def env(self) -> str:
        """The environment's id."""
        return self.environment.id

    def session(self, *initial: Input) -> SessionRef:
        """A new session; with a message it needs a worker at once."""
        agent = {"id": new_id(), "version": 1, "name": "Tester", "origin": "sdk", "model": {"id": "m"}, "tools": []}
        draft = SessionDraft(
            agent, self.env, environment=self.environment.model_dump(mode="json"), initial=initial, manner=STEER
        )
        ref = SessionRef(self.space, new_id())
        self.services.sessions.create(self.space, draft, ref.id)
        self.created.append(ref)
        return ref

    def poll(self, reclaim_ms: int = 5000) -> Offer | None:
        """Ask for work."""
        return self.work.poll(self.space, self.env, reclaim_ms)

    def offered(self, reclaim_ms: int = 5000) -> Work:
        """Ask for work that must be there."""
        offer = self.poll(reclaim_ms)
        assert offer is not None
        return offer.work

    def items(self) -> list[Work]:
        """All items, newest first."""
        return self.work.page(self.space, self.env, Window(100)).items

    def get(self, work: Work) -> Work:
        """An item as it is now."""
        return self.work.get(self.space, self.env, work.id)


def desk_of(services: Services) -> Desk:
    """A desk of a new tenant."""
    tenant, _ = services.tenants.create("Workers")
    from chalicelib.storage.keys import Space

    space = Space(tenant.id)
    sent = EnvironmentCreate.model_validate({"name": "Own machines", "config": {"type": "self_hosted"}})
    return Desk(services, space, services.environments.create(space, sent, SDK))


@pytest.fixture
def desk(services: Services) -> Desk:
    """An environment with the usual lease."""
    return desk_of(services)


@pytest.fixture
def hasty(settings: Settings) -> Callable[[], Desk]:
    """Makes desks whose leases last one second."""
    from dataclasses import replace

    return lambda: desk_of(Services(replace(settings, work_lease_seconds=1)))
