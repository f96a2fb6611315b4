"""Lists: the auto-pager, filters in brackets, cursors both ways, and what a cursor is bound to."""

import time
from datetime import datetime
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.e2e.anthropic_sdk.helpers import (
    listed,
    make_agent,
    make_environment,
    make_session,
    of,
    rest,
    say,
    send,
    turn,
    types,
)
from tests.fakes.model_server import FakeModel
from tests.support.server import Server

ROWS = 45


def _sessions(client: Anthropic, count: int) -> list[str]:
    """New sessions of one agent, newest first."""
    agent, environment = make_agent(client), make_environment(client)
    made = [make_session(client, agent, environment_id=environment.id, title=f"n{n}").id for n in range(count)]
    return made[::-1]


def test_the_auto_pager_walks_a_list_of_45_agents_by_20(either: Anthropic) -> None:
    made = [make_agent(either, name=f"Agent {number}").id for number in range(ROWS)]
    pages: list[Any] = list(either.beta.agents.list(limit=20).iter_pages())
    assert [len(page.data) for page in pages] == [20, 20, 5]
    assert pages[-1].next_page is None
    assert [agent.id for page in pages for agent in page.data] == made[::-1]


def test_every_list_is_walked_by_the_auto_pager_to_its_end(client: Anthropic) -> None:
    agent = make_agent(client)
    for number in range(4):
        make_environment(client)
        client.beta.agents.update(agent.id, description=f"Edition {number}")
        client.files.upload(file=(f"{number}.txt", b"x"))
    sessions = _sessions(client, 5)
    assert [session.id for session in client.beta.sessions.list(limit=2)] == sessions
    assert len(list(client.beta.environments.list(limit=2))) == 5
    assert [one.version for one in client.beta.agents.versions.list(agent.id, limit=2)] == [5, 4, 3, 2, 1]
    assert [one.filename for one in client.files.list(limit=3)] == ["3.txt", "2.txt", "1.txt", "0.txt"]
    assert [one.filename for one in client.beta.files.list(limit=3)] == ["3.txt", "2.txt", "1.txt", "0.txt"]


async def _walk(url: str, key: str) -> list[str]:
    async with AsyncAnthropic(base_url=url, api_key=key, _strict_response_validation=True) as client:
        return [agent.id async for agent in client.beta.agents.list(limit=3)]


def test_the_async_client_walks_a_list(client: Anthropic, server: Server, key: str) -> None:
    import asyncio

    made = [make_agent(client).id for _ in range(7)]
    assert asyncio.run(_walk(server.url, key)) == made[::-1]


def _with_resources(client: Anthropic, count: int) -> tuple[str, list[str]]:
    """A session, and the ids of its resources in the order they were attached."""
    url = "https://github.com/acme/part"
    parts: list[Any] = [{"type": "github_repository", "url": f"{url}{number}"} for number in range(count)]
    session = make_session(client, resources=parts)
    return session.id, [resource.id for resource in session.resources]


def test_resources_come_all_at_once_or_by_page(either: Anthropic) -> None:
    session, attached = _with_resources(either, 5)
    resources = either.beta.sessions.resources
    whole = resources.list(session)
    assert ([one.id for one in whole.data], whole.next_page) == (attached, None)
    pages: list[Any] = list(resources.list(session, limit=2).iter_pages())
    assert [[one.id for one in page.data] for page in pages] == [attached[:2], attached[2:4], attached[4:]]
    with pytest.raises(anthropic.BadRequestError, match="page"):
        resources.list(session, page="page_of_nothing")


def test_resources_removed_while_they_are_walked_hide_no_others(client: Anthropic) -> None:
    session, attached = _with_resources(client, 5)
    resources = client.beta.sessions.resources
    walked = []
    for one in resources.list(session, limit=2):
        walked.append(one.id)
        resources.delete(one.id, session_id=session)
    assert walked == attached
    assert resources.list(session).data == []


def test_files_page_by_the_ids_that_earlier_clients_send(client: Anthropic) -> None:
    made = [client.files.upload(file=(f"{number}.txt", b"x")).id for number in range(5)][::-1]
    first = client.get("/v1/files?limit=2", cast_to=httpx2.Response).json()
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[0], made[1], True)
    second = client.get(f"/v1/files?limit=2&after_id={first['last_id']}", cast_to=httpx2.Response).json()
    assert [row["id"] for row in second["data"]] == made[2:4]
    back = client.get(f"/v1/files?limit=2&before_id={second['first_id']}", cast_to=httpx2.Response).json()
    assert [row["id"] for row in back["data"]] == made[:2]
    last = client.get(f"/v1/files?limit=2&after_id={second['last_id']}", cast_to=httpx2.Response).json()
    assert ([row["id"] for row in last["data"]], last["has_more"]) == (made[4:], False)


def test_sessions_page_back_to_the_identical_first_page(either: Anthropic) -> None:
    made = _sessions(either, 7)
    first = either.beta.sessions.list(limit=3)
    assert first.prev_page is None
    second = either.beta.sessions.list(limit=3, page=first.next_page or "")
    third = either.beta.sessions.list(limit=3, page=second.next_page or "")
    assert [[row.id for row in page.data] for page in (first, second, third)] == [made[:3], made[3:6], made[6:]]
    assert third.next_page is None
    middle = either.beta.sessions.list(limit=3, page=third.prev_page or "")
    assert [row.id for row in middle.data] == made[3:6]
    start = either.beta.sessions.list(limit=3, page=middle.prev_page or "")
    assert [row.id for row in start.data] == [row.id for row in first.data]
    assert start.prev_page is None
    assert start.next_page is not None


def test_sessions_are_listed_in_either_order_and_page_back_in_it(client: Anthropic) -> None:
    made = _sessions(client, 5)[::-1]
    first = client.beta.sessions.list(limit=2, order="asc")
    second = client.beta.sessions.list(limit=2, order="asc", page=first.next_page or "")
    assert [row.id for row in second.data] == made[2:4]
    back = client.beta.sessions.list(limit=2, order="asc", page=second.prev_page or "")
    assert [row.id for row in back.data] == made[:2]


def test_a_session_cursor_is_bound_to_its_order_and_to_dates_that_hold_its_place(client: Anthropic) -> None:
    _sessions(client, 4)
    newest = client.beta.sessions.list(limit=1).data[0]
    cursor = client.beta.sessions.list(limit=2).next_page or ""
    for changed in ({"order": "asc"}, {"created_at_gte": newest.created_at.replace(year=2100)}):
        with pytest.raises(anthropic.BadRequestError, match="page"):
            client.beta.sessions.list(page=cursor, **changed)  # type: ignore[arg-type]
    assert len(client.beta.sessions.list(page=cursor, limit=1).data) == 1


def test_a_garbage_cursor_is_refused(client: Anthropic) -> None:
    for page in ("garbage", "page_AAAA", "eyJhIjoxfQ"):
        with pytest.raises(anthropic.BadRequestError, match="page"):
            client.beta.sessions.list(page=page)


def test_a_cursor_of_one_list_is_refused_by_another(client: Anthropic) -> None:
    for _ in range(2):
        make_agent(client)
        make_environment(client)
    cursor = client.beta.agents.list(limit=1).next_page or ""
    with pytest.raises(anthropic.BadRequestError, match="page"):
        client.beta.environments.list(page=cursor)


def test_sessions_are_filtered_by_status_agent_version_and_archive(client: Anthropic, model: FakeModel) -> None:
    agent, other = make_agent(client), make_agent(client)
    old = make_session(client, agent)
    client.beta.agents.update(agent.id, description="Second edition")
    new, foreign = make_session(client, agent), make_session(client, other)
    model.hold(match="stay busy")
    say(client, foreign.id, "stay busy")
    gone = make_session(client, other)
    client.beta.sessions.archive(gone.id)

    def found(**query: Any) -> list[str]:
        return [row.id for row in client.beta.sessions.list(**query)]

    assert found(statuses=["running"]) == [foreign.id]
    assert found(statuses=["running", "idle"]) == [foreign.id, new.id, old.id]
    assert found(statuses=["idle"], agent_id=agent.id) == [new.id, old.id]
    assert found(agent_id=agent.id, agent_version=1) == [old.id]
    assert found(agent_version=1) == found()
    assert found() == [foreign.id, new.id, old.id]
    assert found(include_archived=True) == [gone.id, foreign.id, new.id, old.id]
    model.release()
    rest(client, foreign.id)


@pytest.mark.parametrize(
    "query", ["statuses[]=idle", "statuses=idle", "statuses=idle,terminated", "statuses%5B%5D=idle"]
)
def test_arrays_are_read_however_a_client_writes_them(client: Anthropic, query: str) -> None:
    session = make_session(client)
    answer = client.get(f"/v1/sessions?{query}", cast_to=httpx2.Response).json()
    assert [row["id"] for row in answer["data"]] == [session.id]


def test_lists_are_filtered_by_creation(client: Anthropic) -> None:
    agents, sessions = [], []
    environment = make_environment(client)
    for _ in range(3):
        agents.append(make_agent(client))
        sessions.append(make_session(client, agents[-1], environment_id=environment.id))
        time.sleep(0.003)
    middle = agents[1].created_at
    assert [row.id for row in client.beta.agents.list(created_at_gte=middle)] == [agents[2].id, agents[1].id]
    assert [row.id for row in client.beta.agents.list(created_at_lte=middle)] == [agents[1].id, agents[0].id]
    at = sessions[1].created_at
    ids = [session.id for session in sessions]

    def found(**query: datetime) -> list[str]:
        return [row.id for row in client.beta.sessions.list(**query)]  # type: ignore[arg-type]

    assert found(created_at_gte=at) == [ids[2], ids[1]]
    assert found(created_at_gt=at) == [ids[2]]
    assert found(created_at_lte=at) == [ids[1], ids[0]]
    assert found(created_at_lt=at) == [ids[0]]


def test_a_page_size_is_clamped_not_refused(client: Anthropic) -> None:
    make_agent(client)
    for limit in (0, -3, 100_000):
        assert len(client.beta.agents.list(limit=limit).data) == 1


def test_events_are_filtered_by_type_and_date_and_read_backwards(client: Anthropic) -> None:
    session = make_session(client)
    turn(client, session.id, "first")
    time.sleep(0.003)
    events = turn(client, session.id, "second")
    assert listed(client, session.id, types=["user.message", "agent.message"]) == [
        event for event in events if event.type in ("user.message", "agent.message")
    ]
    assert [event.id for event in listed(client, session.id, order="desc")] == [event.id for event in events][::-1]
    second = of(events, "user.message")[1]
    page = client.beta.sessions.events.list(session.id, created_at_gte=second.processed_at)
    assert second.id in [event.id for event in page]
    assert of(events, "user.message")[0].id not in [event.id for event in page]


def test_places_outside_the_log_hold_nothing(client: Anthropic) -> None:
    session = make_session(client)
    turn(client, session.id, "hello")
    for number in (10**12, 10**20 - 1):
        assert client.beta.sessions.events.list(session.id, page=f"seq_{number}").data == []
    assert client.beta.sessions.events.list(session.id, page="seq_1", order="desc").data == []


class TestOfTwoThousandFiveHundredEvents:
    """Pages of a long log."""

    COUNT = 2500
    BATCH = 50

    @pytest.fixture
    def session(self, client: Anthropic) -> str:
        """An idle session with so many stored echoes."""
        made = make_session(client)
        for _ in range(self.COUNT // self.BATCH):
            send(client, made.id, *[{"type": "user.interrupt"}] * self.BATCH)
        return str(made.id)

    def test_order_types_limit_cursor_and_dates(self, client: Anthropic, session: str) -> None:
        page = client.beta.sessions.events.list(session)
        assert len(page.data) == 1000
        ids = [event.id for event in page]
        assert len(ids) == len(set(ids)) == self.COUNT
        assert [event.id for event in listed(client, session, order="desc", limit=700)] == ids[::-1]
        assert [event.id for event in listed(client, session, limit=999, types=["user.interrupt"])] == ids
        assert listed(client, session, types=["agent.message"]) == []
        self._dates(client, session)

    @staticmethod
    def _dates(client: Anthropic, session: str) -> None:
        everything = listed(client, session)
        boundary = everything[1200].processed_at
        after = listed(client, session, created_at_gt=boundary)
        assert [event.id for event in after] == [e.id for e in everything if e.processed_at > boundary]
        upto = listed(client, session, created_at_lte=boundary)
        assert [event.id for event in upto] == [e.id for e in everything if e.processed_at <= boundary]
        assert types(upto[:1]) == ["user.interrupt"]
