"""The client's own helpers: streams left early, the session tool runner, retries, the async client, models."""

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool

from tests.e2e.anthropic_sdk.helpers import (
    SIMPLE_TURN,
    custom_tool,
    is_idle,
    listed,
    make_agent,
    make_session,
    of,
    official,
    said,
    say,
    turn,
    types,
    until,
)
from tests.fakes.model_server import FakeModel
from tests.support.api import message, wait_for
from tests.support.server import Server


def test_a_stream_left_early_is_noticed_and_disturbs_nobody(client: Anthropic, server: Server) -> None:
    open_files = Path(f"/proc/{server.pid}/fd")
    if not open_files.exists():
        pytest.skip("open connections of a process are only counted under /proc")
    session = make_session(client)
    turn(client, session.id, "before anyone listens")
    before = len(list(open_files.iterdir()))
    for _ in range(15):
        with client.beta.sessions.events.stream(session.id, extra_query={"replay": "1"}) as stream:
            assert next(iter(stream)).type == "session.status_running"
    wait_for(lambda: len(list(open_files.iterdir())) <= before + 3, "the server to let go of 15 streams")
    assert types(turn(client, session.id, "after all left"))[-1] == "session.status_idle"


def test_raw_answers_hold_the_same_as_parsed_ones(client: Anthropic) -> None:
    session = make_session(client)
    raw = client.beta.sessions.events.with_raw_response.send(session.id, events=[message("raw")])  # type: ignore[list-item]
    assert raw.status_code == 200
    assert raw.parse().data[0].type == "user.message"
    with client.beta.sessions.with_streaming_response.retrieve(session.id) as streamed:
        assert streamed.parse().id == session.id


class TestToolRunner:
    """The runner answers the calls of its tools while the session goes on by itself."""

    @staticmethod
    async def _run(server: Server, key: str, session_id: str) -> list[Any]:
        @beta_async_tool
        async def lookup(q: str) -> str:
            """Look something up.

            Args:
                q: What to look up.
            """
            return f"All about {q}."

        async with AsyncAnthropic(base_url=server.url, api_key=key, _strict_response_validation=True) as client:
            async with asyncio.timeout(20):
                runner = client.beta.sessions.events.tool_runner(session_id, tools=[lookup], max_idle=0.3)
                return [call async for call in runner]

    def test_it_runs_calls_made_before_and_after_it_came(
        self, client: Anthropic, server: Server, key: str, model: FakeModel
    ) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        turn(client, session.id, 'tools:3 input:{"q":"rain"} say:"finished"')
        done = asyncio.run(self._run(server, key, session.id))
        assert [(call.name, call.posted, call.is_error) for call in done] == [("lookup", True, False)] * 3
        events = listed(client, session.id)
        uses, answers = of(events, "agent.custom_tool_use"), of(events, "user.custom_tool_result")
        assert [call.tool_use_id for call in done] == [use.id for use in uses]
        assert [(answer.custom_tool_use_id, said(answer)) for answer in answers] == [
            (use.id, "All about rain.") for use in uses
        ]
        assert said(of(events, "agent.message")[-1]) == "finished"
        assert events[-1].stop_reason.type == "end_turn"

    def test_it_runs_several_calls_of_one_answer(
        self, client: Anthropic, server: Server, key: str, model: FakeModel
    ) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool()]))
        turn(client, session.id, 'parallel:4 input:{"q":"snow"} say:"all four"')
        done = asyncio.run(self._run(server, key, session.id))
        assert len({call.tool_use_id for call in done}) == 4
        assert said(of(listed(client, session.id), "agent.message")[-1]) == "all four"

    def test_it_leaves_other_tools_alone(self, client: Anthropic, server: Server, key: str, model: FakeModel) -> None:
        session = make_session(client, make_agent(client, tools=[custom_tool("foreign")]))
        use = of(turn(client, session.id, "tool:foreign not yours"), "agent.custom_tool_use")[0]

        async def run_shortly() -> None:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await self._run(server, key, session.id)

        asyncio.run(run_shortly())
        shown: Any = client.beta.sessions.retrieve(session.id).to_dict()
        assert shown["stop_reason"]["event_ids"] == [use.id]


class TestAsyncClient:
    """A turn with the asynchronous client."""

    @staticmethod
    async def _turn(server: Server, key: str, session_id: str) -> list[Any]:
        async with AsyncAnthropic(base_url=server.url, api_key=key, _strict_response_validation=True) as client:
            async with asyncio.timeout(20):
                stream = await client.beta.sessions.events.stream(session_id)
                async with stream:
                    await client.beta.sessions.events.send(session_id, events=[message("async hello")])  # type: ignore[list-item]
                    seen = []
                    async for event in stream:
                        seen.append(event)
                        if is_idle(event):
                            break
                return [*seen, *[event async for event in client.beta.sessions.events.list(session_id)]]

    def test_streams_and_lists(self, client: Anthropic, server: Server, key: str, model: FakeModel) -> None:
        session = make_session(client)
        seen = asyncio.run(self._turn(server, key, session.id))
        assert types(seen) == SIMPLE_TURN * 2
        assert len({event.id for event in seen}) == len(SIMPLE_TURN)


class TestRateLimits:
    """A tenant's limit is told on every answer; who is over it learns when to come back."""

    LIMIT = 4

    @pytest.fixture
    def tenant(self, server: Server) -> dict[str, str]:
        """A tenant that may write little a minute."""
        operator = {"x-api-key": server.root_key}
        body = {"name": "Small", "limits": {"write": self.LIMIT}}
        made: dict[str, Any] = httpx2.post(f"{server.url}/admin/tenants", headers=operator, json=body).json()
        return {"id": made["id"], "key": made["api_key"]["key"]}

    @staticmethod
    def _use_up(client: Anthropic) -> anthropic.RateLimitError:
        try:
            for _ in range(30):
                make_agent(client)
        except anthropic.RateLimitError as error:
            return error
        raise AssertionError("the limit was never reached")

    def test_the_limit_is_told_and_held(self, server: Server, tenant: dict[str, str]) -> None:
        with official(server.url, tenant["key"]) as client:
            told = client.beta.agents.with_raw_response.create(name="First", model="claude-test").headers
            assert told["x-ratelimit-limit"] == str(self.LIMIT)
            assert 0 <= int(told["x-ratelimit-remaining"]) < self.LIMIT
            headers = self._use_up(client).response.headers
            wait_ms = int(headers["retry-after-ms"])
            assert 0 < wait_ms <= 60_000
            assert int(headers["retry-after"]) == -(-wait_ms // 1000)
            assert client.beta.agents.list().data

    def test_a_client_that_comes_back_later_is_served(self, server: Server, tenant: dict[str, str]) -> None:
        counts: list[str] = []

        def lift(answer: httpx2.Response) -> None:
            """As an operator would; and do not make the test wait for the minute to end."""
            counts.append(answer.request.headers["x-stainless-retry-count"])
            if answer.status_code == 429 and answer.request.headers["x-test"] == "patient":
                url = f"{server.url}/admin/tenants/{tenant['id']}"
                httpx2.patch(
                    url, headers={"x-api-key": server.root_key}, json={"limits": {"write": 0}}
                ).raise_for_status()
                answer.headers["retry-after-ms"] = "50"

        transport = httpx2.Client(event_hooks={"response": [lift]}, headers={"x-test": ""})
        with official(server.url, tenant["key"], http_client=transport) as client:
            self._use_up(client)
            counts.clear()
            patient = client.with_options(max_retries=8, default_headers={"x-test": "patient"})
            assert patient.beta.agents.create(name="At last", model="claude-test").version == 1
            assert counts[:2] == ["0", "1"]

    def test_one_tenants_limit_is_not_anothers(self, server: Server, tenant: dict[str, str], client: Anthropic) -> None:
        with official(server.url, tenant["key"]) as small:
            self._use_up(small)
        assert make_agent(client).version == 1


def test_a_conflict_no_repeat_can_cure_is_tried_once(server: Server, key: str) -> None:
    tried: list[str] = []
    transport = httpx2.Client(event_hooks={"request": [lambda request: tried.append(request.url.path)]})
    with official(server.url, key, http_client=transport, max_retries=2) as client:
        agent = make_agent(client)
        tried.clear()
        with pytest.raises(anthropic.ConflictError):
            client.beta.agents.update(agent.id, name="x", version=7)
    assert len(tried) == 1


def test_models_are_listed_in_the_clients_shape(either: Anthropic) -> None:
    models = list(either.models.list(limit=5))
    assert models
    assert len({model.id for model in models}) == len(models)
    assert {model.type for model in models} == {"model"}
    assert either.models.retrieve(models[0].id).to_dict() == models[0].to_dict()


def test_a_stream_waited_for_ends_where_the_turn_ends(client: Anthropic, model: FakeModel) -> None:
    session = make_session(client)
    with client.beta.sessions.events.stream(session.id) as stream:
        say(client, session.id, "just one turn")
        assert types(until(stream)) == SIMPLE_TURN
