from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.agents.draft import AgentCreate, AgentUpdate
from chalicelib.agents.policy import SDK as SDK_AGENTS
from chalicelib.core.ids import dress, new_id
from chalicelib.environments.config import CloudConfig
from chalicelib.environments.draft import EnvironmentCreate, EnvironmentUpdate
from chalicelib.environments.errors import EnvironmentArchived, EnvironmentInUse, EnvironmentNotFound, NameTaken
from chalicelib.environments.service import PLAIN, SDK, EnvironmentFilter, EnvironmentService
from chalicelib.environments.store import EnvironmentStore
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services


@pytest.fixture
def space() -> Space:
    return Space(new_id())


def draft(name: str = "e", **fields: Any) -> EnvironmentCreate:
    return EnvironmentCreate.model_validate({"name": name} | fields)


def change(**fields: Any) -> EnvironmentUpdate:
    return EnvironmentUpdate.model_validate(fields)


def test_a_new_environment_is_read_back_as_it_was_made(
    services: Services, other_process: Services, space: Space
) -> None:
    made = services.environments.create(space, draft(description="d", metadata={"a": "1"}), SDK)
    assert isinstance(made.config, CloudConfig)
    assert other_process.environments.get(space, made.id) == made
    with pytest.raises(EnvironmentNotFound):
        services.environments.get(Space(new_id()), made.id)


def test_renaming_keeps_the_rest(services: Services, space: Space) -> None:
    config = {"packages": {"pip": ["x"]}, "networking": {"type": "limited", "allow_package_managers": True}}
    made = services.environments.create(space, draft(config=config), SDK)
    renamed = services.environments.update(space, made.id, change(name="other"), SDK)
    assert (renamed.name, renamed.config) == ("other", made.config)
    assert services.environments.get(space, made.id) == renamed


def test_an_sdk_cannot_take_a_name_twice_and_others_can(services: Services, space: Space) -> None:
    first = services.environments.create(space, draft("one"), SDK)
    with pytest.raises(NameTaken):
        services.environments.create(space, draft("one"), SDK)
    twin = services.environments.create(space, draft("one"), PLAIN)
    services.environments.delete(space, first.id)
    with pytest.raises(NameTaken):
        services.environments.create(space, draft("one"), SDK)
    services.environments.update(space, twin.id, change(name="two"), PLAIN)
    again = services.environments.create(space, draft("one"), SDK)
    with pytest.raises(NameTaken):
        services.environments.update(space, again.id, change(name="two"), SDK)
    assert services.environments.get(space, again.id).name == "one"
    services.environments.archive(space, again.id)
    assert services.environments.create(space, draft("one"), SDK).name == "one"
    assert services.environments.create(Space(new_id()), draft("one"), SDK).name == "one"


def test_of_many_that_want_a_name_at_once_one_gets_it(services: Services, space: Space) -> None:
    def attempt(_: int) -> bool:
        try:
            services.environments.create(space, draft("one"), SDK)
        except NameTaken:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_the_same_id_is_not_made_twice(services: Services, space: Space) -> None:
    env_id = new_id()
    first = services.environments.create(space, draft("one"), SDK, env_id)
    assert services.environments.create(space, draft("one"), SDK, env_id) == first


def test_an_archived_environment_is_read_and_not_changed(services: Services, space: Space) -> None:
    made = services.environments.create(space, draft(), SDK)
    archived = services.environments.archive(space, made.id)
    assert archived.archived_at is not None
    assert services.environments.archive(space, made.id).archived_at == archived.archived_at
    with pytest.raises(EnvironmentArchived):
        services.environments.update(space, made.id, change(name="x"), SDK)
    services.environments.delete(space, made.id)
    with pytest.raises(EnvironmentNotFound):
        services.environments.get(space, made.id)


def test_an_agents_default_cannot_be_deleted_while_the_agent_is_active(services: Services, space: Space) -> None:
    made = services.environments.create(space, draft(), SDK)
    env_id = dress("env", made.id)
    one = services.agents.create(space, AgentCreate(name="a", model="m", environment_id=env_id), SDK_AGENTS)
    two = services.agents.create(space, AgentCreate(name="b", model="m", environment_id=env_id), SDK_AGENTS)
    with pytest.raises(EnvironmentInUse):
        services.environments.delete(space, made.id)
    services.agents.archive(space, one.id)
    with pytest.raises(EnvironmentInUse):
        services.environments.delete(space, made.id)
    services.agents.update(space, two.id, AgentUpdate(environment_id=None), SDK_AGENTS)
    services.environments.delete(space, made.id)
    with pytest.raises(EnvironmentNotFound):
        services.environments.delete(space, made.id)


def test_an_environment_in_use_by_a_session_cannot_be_deleted(services: Services, space: Space) -> None:
    used: set[str] = set()
    store = EnvironmentStore(services.table, services.documents)
    environments = EnvironmentService(store, lambda _space, env_id: env_id in used, services.work.forget)
    made = environments.create(space, draft(), SDK)
    used.add(made.id)
    with pytest.raises(EnvironmentInUse):
        environments.delete(space, made.id)
    used.clear()
    environments.delete(space, made.id)


def test_changes_at_once_do_not_undo_each_other(services: Services, space: Space) -> None:
    made = services.environments.create(space, draft(), SDK)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda n: services.environments.update(space, made.id, change(metadata={f"k{n}": "v"}), SDK), range(8)
            )
        )
    assert set(services.environments.get(space, made.id).metadata) == {f"k{n}" for n in range(8)}


def test_lists_tell_active_from_archived(services: Services, space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        monkeypatch.setattr("chalicelib.environments.service.now_ms", lambda number=number: 1_700_000_000_000 + number)
        made = services.environments.create(space, draft(f"Name {number}"), SDK)
        if number % 2:
            services.environments.archive(space, made.id)

    def names(wanted: EnvironmentFilter) -> list[str]:
        return [found.name[-1] for found in services.environments.page(space, Window(10), wanted).items]

    assert names(EnvironmentFilter()) == list("3210")
    assert names(EnvironmentFilter(archived=False)) == list("20")
    assert names(EnvironmentFilter(active=False)) == list("31")
    assert names(EnvironmentFilter(name_part="name 2")) == ["2"]
