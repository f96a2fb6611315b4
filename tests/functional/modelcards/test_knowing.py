"""Runs of tenants with model cards of their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.core.ids import new_id
from chalicelib.modelcards.draft import CardCreate
from chalicelib.modelcards.errors import ModelIdTaken
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.fakes.model_server import FakeModel
from tests.functional.runs.conftest import Rig, said
from tests.functional.runs.test_cost import Meter

CARD: dict[str, Any] = {"model_id": "mine", "provider": "oai", "api_key": "k" * 20}


@pytest.fixture
def model() -> Iterator[FakeModel]:
    with FakeModel() as fake:
        yield fake


def test_two_processes_cannot_take_one_name(services: Services, other_process: Services) -> None:
    space = Space(new_id())
    services.model_cards.create(space, CardCreate.model_validate(CARD))
    with pytest.raises(ModelIdTaken):
        other_process.model_cards.create(space, CardCreate.model_validate(CARD))


def test_a_turn_of_a_tenant_with_cards_takes_few_calls(services: Services, model: FakeModel) -> None:
    rig = Rig(services, model, lambda: services, model_id="mine")
    fields = CARD | {"provider": "ant", "base_url": model.url}
    services.model_cards.create(rig.ref.space, CardCreate.model_validate(fields))
    meter = Meter().attach(services)
    meter.turn(rig, "tokens:5")
    calls, _ = meter.turn(rig, "tokens:5")
    looked = 1  # the rig itself reads the head once to see how the turn ended
    assert len(calls) - looked <= 8, calls
    assert [event.data["provider"] for event in rig.log if event.type == "run.started"] == ["anthropic", "anthropic"]


def test_a_key_that_cannot_be_opened_any_more_is_told(services: Services, model: FakeModel) -> None:
    rig = Rig(services, model, lambda: services, model_id="mine")
    card = services.model_cards.create(rig.ref.space, CardCreate.model_validate(CARD | {"base_url": model.url}))
    other = services.model_cards.create(Space(new_id()), CardCreate.model_validate(CARD))
    moved = card.model_copy(update={"sealed": other.sealed, "revision": 2})
    services.card_store.commit(rig.ref.space, [services.card_store.change(rig.ref.space, moved)])
    rig.send(said("hello"))
    rig.ring()
    (error,) = [event.data["error"] for event in rig.log if event.type == "session.error"]
    assert "cannot be read any more" in error["message"]
