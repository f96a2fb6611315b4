"""What was answered with success is told outside, though the server is killed between the change and the telling."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, wait_for
from tests.support.receiver import Receiver
from tests.support.server import Server

CANARY = "kanarienvogel"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def mortal(shared_model: FakeModel, tmp_path: Path) -> Iterator[Server]:
    """A server that keeps its state."""
    shared_model.reset()
    with Server(model_env(shared_model) | {"LOG_LEVEL": "DEBUG"}, tmp_path / "state") as running:
        yield running


def test_a_killed_server_tells_of_every_change_it_confirmed(mortal: Server, receiver: Receiver) -> None:
    api = Api(mortal.url, mortal.tenant())
    api.post("/v1/webhook_endpoints", url=receiver.url, events=["vault.created"])
    receiver.hold("/")
    vaults: list[str] = []
    for number in range(8):
        vaults.append(api.post("/v1/vaults", name=f"V{number}")["id"])
        if number % 4 == 3:
            mortal.restart()
            key = api.key
            api.close()
            api = Api(mortal.url, key)
    receiver.let_go("/")
    mortal.restart()
    wait_for(lambda: {hit.body["data"]["id"] for hit in receiver.hits} == set(vaults), "every vault", within=90)
    ids = {
        hit.body["data"]["id"]: {one.headers["webhook-id"] for one in receiver.hits if one.text == hit.text}
        for hit in receiver.hits
    }
    assert all(len(names) == 1 for names in ids.values())
    assert len({hit.text for hit in receiver.hits}) == len(vaults)
    api.close()


def test_secrets_of_endpoints_are_nowhere(mortal: Server, receiver: Receiver, tmp_path: Path) -> None:
    api = Api(mortal.url, mortal.tenant())
    made = api.ok("POST", "/v1/webhook_endpoints", {"url": receiver.url}, headers={"Idempotency-Key": "a"})
    rotated = api.ok("POST", f"/v1/webhook_endpoints/{made['id']}/rotate_secret", headers={"Idempotency-Key": "b"})
    api.post("/v1/vaults", name="V", secret=CANARY, host="c.example")
    receiver.wait(2)
    api.close()
    mortal.kill()
    kept = b"".join(found.read_bytes() for found in (tmp_path / "state").rglob("*") if found.is_file())
    sent = "".join(hit.text + str(hit.headers) for hit in receiver.hits)
    for secret in (made["secret"], rotated["secret"], CANARY):
        bare = secret.removeprefix("whsec_")
        assert bare.encode() not in kept
        assert bare not in mortal.log()
        assert bare not in sent
