"""Dreams that two processes move at once."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.agents.parts import ModelConfig
from chalicelib.core.ids import new_id
from chalicelib.dreams.model import Dream, DreamSpec
from chalicelib.dreams.store import dream_key
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.service import PLAIN
from chalicelib.events.log import SessionRef
from chalicelib.memory.draft import StoreCreate
from chalicelib.sessions.model import Head
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

Act = Callable[[], object]


@pytest.fixture
def space() -> Space:
    """A tenant."""
    return Space(new_id())


@pytest.fixture
def dream(services: Services, space: Space) -> Dream:
    """A dream that nobody has moved yet."""
    environment = services.environments.create(space, EnvironmentCreate(name="Test"), PLAIN)
    agent = {"id": new_id(), "version": 1, "name": "Tester", "origin": "plain", "model": {"id": "claude-test"}}
    session = services.sessions.create(space, SessionDraft(agent, environment.id), new_id())
    store = services.memory_stores.create(space, StoreCreate(name="Notes"))
    spec = DreamSpec(store_id=store.id, session_ids=[session.head.id], model=ModelConfig(id="claude-test"))
    return services.dreams.service.create(space, spec)


def around_opening(
    services: Services, monkeypatch: pytest.MonkeyPatch, before: Act = lambda: None, after: Act = lambda: None
) -> None:
    """Have something happen before the session of a dream is made, or when the dream does not yet tell that it is."""
    create = services.sessions.create

    def slow(*given: Any) -> Any:
        before()
        made = create(*given)
        after()
        return made

    monkeypatch.setattr(services.sessions, "create", slow)


def session_of(services: Services, space: Space, dream: Dream) -> Head:
    """The head of the session that does the work."""
    session_id = services.dreams.service.get(space, dream.id).session_id
    return services.sessions.get(SessionRef(space, str(session_id))).head


def test_of_two_that_begin_a_dream_the_slower_does_not_stop_it(
    services: Services, other_process: Services, space: Space, dream: Dream, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = dream_key(space, dream.id)
    around_opening(services, monkeypatch, after=lambda: other_process.dreams.runs.fire(space, key))
    services.dreams.runs.fire(space, key)
    assert services.dreams.service.get(space, dream.id).opened
    assert session_of(services, space, dream).interrupt is None


def test_the_session_of_a_dream_that_was_canceled_before_it_was_made_is_stopped(
    services: Services, other_process: Services, space: Space, dream: Dream, monkeypatch: pytest.MonkeyPatch
) -> None:
    around_opening(services, monkeypatch, before=lambda: other_process.dreams.service.cancel(space, dream.id))
    services.dreams.runs.fire(space, dream_key(space, dream.id))
    assert services.dreams.service.get(space, dream.id).status == "canceled"
    assert session_of(services, space, dream).interrupt is not None
