"""However much one tenant has to do, and however slow what it calls, another one is served: its message is answered and
its webhook told while runs, tool calls, deliveries and computers of the first stand still."""

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from chalicelib.storage.queue import LANES
from tests.e2e.laws.conftest import model_env
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, text_of, wait_for
from tests.support.endpoint import Endpoint
from tests.support.receiver import Receiver
from tests.support.server import Server

SHARE, CROWD, COPIES = 25, 100, 60
GIVEN_UP_SECONDS = 10


@pytest.fixture(scope="module")
def lone(shared_model: FakeModel) -> Iterator[Server]:
    """A server with the workers it has by default, which no other test fills."""
    more = {"LAMBENT_WEBHOOK_PLAIN_HTTP": "true", "LAMBENT_WEBHOOK_ANY_PORT": "true"}
    with Server(model_env(shared_model, **more)) as running:
        yield running


@pytest.fixture
def greedy(lone: Server) -> Iterator[Api]:
    made = Api(lone.url, lone.tenant("Greedy"))
    yield made
    made.close()


@pytest.fixture
def modest(lone: Server) -> Iterator[Api]:
    made = Api(lone.url, lone.tenant("Modest"))
    yield made
    made.close()


def crowd(api: Api, size: int, text: str, **agent: object) -> list[str]:
    """So many sessions with a message each."""
    made, environment = api.agent(**agent), api.environment()["id"]
    with ThreadPoolExecutor(4) as pool:
        sessions = list(pool.map(lambda _: api.session(made, environment_id=environment), range(size)))
        list(pool.map(lambda session: api.say(session, text), sessions))
    return sessions


def test_a_hundred_runs_that_stand_still_hold_nobody_else_up_and_end_in_the_end(
    greedy: Api, modest: Api, model: FakeModel
) -> None:
    model.hold(match="slow")
    sessions = crowd(greedy, CROWD, "slow")
    model.wait_held(SHARE)

    own = modest.session()
    assert len(text_of(modest.turn(own, "quick"))) == 1
    assert model.held() == SHARE
    waiting = sessions[-1]
    greedy.ok("POST", f"/v1/sessions/{waiting}/cancel")
    greedy.wait_idle(waiting)
    assert text_of(greedy.log(waiting)) == []
    assert greedy.call("DELETE", f"/v1/sessions/{sessions[0]}").status_code < 300
    wait_for(lambda: len(model.requests_of("slow")) == SHARE + 1, "the next to have its seat")

    model.release()
    for session in sessions[1:-1]:
        greedy.wait_idle(session)
        assert len(text_of(greedy.log(session))) == 1


def test_tool_calls_that_stand_still_hold_nobody_elses_tools_up(
    greedy: Api, modest: Api, model: FakeModel, endpoint: Endpoint
) -> None:
    endpoint.hold("/tarpit")
    slow = crowd(greedy, 12, "parallel:8 tool:tarpit", tools=[endpoint.tool("tarpit")])
    wait_for(lambda: endpoint.count("/tarpit") == 96, "every call to be made")
    agent = modest.agent(tools=[endpoint.tool("ping")])
    log = modest.turn(modest.session(agent), "tool:ping")
    assert endpoint.answered == ["/ping"]
    assert len(text_of(log)) == 1
    endpoint.let_go("/tarpit")
    for session in slow:
        greedy.wait_idle(session)


def test_endpoints_that_never_answer_hold_nobody_elses_messages_up(greedy: Api, modest: Api, model: FakeModel) -> None:
    with Receiver() as receiver:
        pits = [f"/pit-{number}" for number in range(20)]
        for pit in pits:
            receiver.hold(pit)
            greedy.post("/v1/webhook_endpoints", url=receiver.url + pit, events=["vault.created"])
        modest.post("/v1/webhook_endpoints", url=receiver.url + "/own", events=["session.status_idled"])
        began = time.monotonic()
        greedy.post("/v1/vaults", display_name="Keys")
        wait_for(lambda: sum(bool(receiver.of(pit)) for pit in pits) >= 2, "pits to hold deliveries")
        assert len(text_of(modest.turn(modest.session(), "quick"))) == 1
        receiver.wait(1, "/own")
        reached = sum(bool(receiver.of(pit)) for pit in pits)
        # A lane goes on to the next pit when the one before it was given up.
        assert reached <= LANES * (1 + (time.monotonic() - began) // GIVEN_UP_SECONDS)
        for pit in pits:
            receiver.let_go(pit)


def test_computers_that_stand_still_hold_nobody_elses_requests_up(greedy: Api, modest: Api, model: FakeModel) -> None:
    session = greedy.session()
    stop = "(sleep 0.2; kill -STOP -1) > /dev/null 2>&1 &"
    assert greedy.post(f"/v1/sessions/{session}/exec", command=stop)["exit_code"] == 0
    path = f"/sandboxes/{session.removeprefix('sesn_')}/snapshots"
    asked = threading.Semaphore(0)

    def copy() -> None:
        asked.release()
        # Nobody waits for it to the end: the server is stopped before.
        with contextlib.suppress(httpx2.HTTPError):
            httpx2.post(greedy.url + path, headers={"x-api-key": greedy.key}, json={}, timeout=600, verify=False)

    for _ in range(COPIES):
        threading.Thread(target=copy, daemon=True).start()
    for _ in range(COPIES):
        assert asked.acquire(timeout=30)
    for _ in range(10):
        assert len(text_of(modest.turn(modest.session(), "quick"))) == 1
