"""The wire of the work queue, body by body; environment keys; and how far the credentials of workers reach."""

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, message, wait_for
from tests.support.server import Server

TOOLSET = {"type": "agent_toolset_20260401"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Wire:
    """A client with one credential and no other header of its own."""

    def __init__(self, url: str, secret: str, **headers: str) -> None:
        self.client = httpx2.Client(base_url=url, headers={"authorization": f"Bearer {secret}", **headers}, timeout=20)

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        """A request."""
        return self.client.request(method, path, json=body, params=query)


class Desk:
    """A self-hosted environment with one key."""

    def __init__(self, api: Api, server: Server) -> None:
        self.api, self.server = api, server
        self.id = str(api.environment(config={"type": "self_hosted"})["id"])
        self.path = f"/v1/environments/{self.id}"
        self.minted = api.post(f"{self.path}/keys", name="Rack 4")
        self._wires: list[Wire] = []
        self.wire = self.as_worker()

    def as_worker(self, secret: str | None = None, **headers: str) -> Wire:
        """A client with a worker's credential: the environment's key, or a token."""
        self._wires.append(Wire(self.server.url, secret or str(self.minted["key"]), **headers))
        return self._wires[-1]

    def close(self) -> None:
        """Close the connections."""
        for wire in self._wires:
            wire.client.close()

    def session(self, **fields: Any) -> str:
        """A session with the built-in tools."""
        return self.api.session(self.api.agent(tools=[TOOLSET]), environment_id=self.id, **fields)

    def waiting(self, command: str = "true") -> tuple[str, str]:
        """A session that waits for the result of a shell command, and the id of that call."""
        session = self.session()
        self.api.say(session, f"tools:1 tool:bash input:{json.dumps({'command': command})}")
        stop = self.api.wait_idle(session)["stop_reason"]
        assert stop["type"] == "requires_action"
        return session, stop["event_ids"][0]

    def poll(self, **query: Any) -> Any:
        """Ask for work; what came."""
        answer = self.wire("GET", f"{self.path}/work/poll", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, item: Any) -> str:
        """The session token in an item."""
        secret = str(item["secret"])
        payload = json.loads(base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4)))
        assert list(payload) == ["sessions_token"]
        return str(payload["sessions_token"])

    def claim(self) -> tuple[str, Wire]:
        """Take the next item; its path and a client with its token."""
        item = self.poll()
        self.wire("POST", f"{self.path}/work/{item['id']}/ack")
        return f"{self.path}/work/{item['id']}", self.as_worker(self.token(item))


@pytest.fixture
def desk(api: Api, server: Server, model: FakeModel) -> Iterator[Desk]:
    """An environment of this test alone."""
    made = Desk(api, server)
    yield made
    made.close()


@pytest.fixture
def elsewhere(api: Api, server: Server) -> Iterator[Desk]:
    """Another environment of the same tenant."""
    made = Desk(api, server)
    yield made
    made.close()


@pytest.fixture
def strange(server: Server) -> Iterator[Desk]:
    """An environment of another tenant."""
    api = Api(server.url, server.tenant())
    made = Desk(api, server)
    yield made
    made.close()
    api.close()


def result(call: str, text: str = "done") -> dict[str, Any]:
    """A worker's result."""
    return {"type": "user.tool_result", "tool_use_id": call, "content": [{"type": "text", "text": text}]}


class TestWire:
    def test_an_empty_poll_is_the_word_null(self, desk: Desk) -> None:
        answer = desk.wire("GET", f"{desk.path}/work/poll")
        assert (answer.status_code, answer.content) == (200, b"null")
        assert answer.headers["content-type"] == "application/json"

    def test_an_item_has_every_key_and_a_secret_only_in_the_answer_to_a_poll(self, desk: Desk) -> None:
        session, _ = desk.waiting()
        item = desk.poll(block_ms=500)
        assert item.pop("secret")
        shown = {
            "id": item["id"],
            "type": "work",
            "environment_id": desk.id,
            "data": {"type": "session", "id": session},
            "state": "queued",
            "metadata": {},
            "created_at": item["created_at"],
            "acknowledged_at": None,
            "started_at": None,
            "latest_heartbeat_at": None,
            "stop_requested_at": None,
            "stopped_at": None,
        }
        assert item == shown
        assert item["id"].startswith("work_")
        assert _TIME.fullmatch(item["created_at"])
        one = f"{desk.path}/work/{item['id']}"
        assert desk.wire("GET", one).json() == shown | {"secret": None}
        listed = desk.wire("GET", f"{desk.path}/work").json()
        assert listed["data"] == [shown | {"secret": None}]
        assert listed["next_page"] is None
        acked = desk.wire("POST", f"{one}/ack").json()
        assert acked == shown | {"secret": None, "state": "starting", "acknowledged_at": acked["acknowledged_at"]}

    def test_a_heartbeat_must_know_the_one_before(self, desk: Desk) -> None:
        desk.waiting()
        one, token = desk.claim()
        first = token("POST", f"{one}/heartbeat", expected_last_heartbeat="NO_HEARTBEAT").json()
        assert first == {
            "type": "work_heartbeat",
            "last_heartbeat": first["last_heartbeat"],
            "lease_extended": True,
            "state": "active",
            "ttl_seconds": 60,
        }
        last = first["last_heartbeat"]
        second = token("POST", f"{one}/heartbeat", expected_last_heartbeat=last, desired_ttl_seconds=9).json()
        assert second["ttl_seconds"] == 9
        for stale in ("NO_HEARTBEAT", last):
            refused = desk.wire("POST", f"{one}/heartbeat", expected_last_heartbeat=stale)
            assert refused.status_code == 412
            details = refused.json()["error"]["details"]
            assert details == {
                "error_code": "heartbeat_precondition_failed",
                "current_state": {
                    "state": "active",
                    "ttl_seconds": 9,
                    "last_heartbeat": second["last_heartbeat"],
                    "lease_extended": False,
                },
            }

    def test_an_sdk_gets_the_type_name_it_knows_for_412(self, desk: Desk) -> None:
        desk.waiting()
        one, _ = desk.claim()
        sdk = desk.as_worker(**{"anthropic-version": "2023-06-01"})
        refused = sdk("POST", f"{one}/heartbeat", expected_last_heartbeat="wrong")
        assert (refused.status_code, refused.json()["error"]["type"]) == (412, "invalid_request_error")

    def test_stopping_with_and_without_force(self, desk: Desk) -> None:
        desk.waiting()
        one, token = desk.claim()
        token("POST", f"{one}/heartbeat", expected_last_heartbeat="NO_HEARTBEAT")
        asked = desk.wire("POST", f"{one}/stop").json()
        assert (asked["state"], asked["stopped_at"]) == ("stopping", None)
        assert asked["stop_requested_at"]
        seen = token("POST", f"{one}/heartbeat", expected_last_heartbeat="whatever").json()
        assert (seen["state"], seen["lease_extended"]) == ("stopping", False)
        ended = token("POST", f"{one}/stop", {"force": True}).json()
        assert ended["state"] == "stopped"
        assert ended["stopped_at"]
        again = token("POST", f"{one}/stop", {"force": True})
        assert again.status_code == 409
        assert again.headers["x-should-retry"] == "false"
        last = token("POST", f"{one}/heartbeat", expected_last_heartbeat="whatever").json()
        assert (last["state"], last["lease_extended"]) == ("stopped", False)

    def test_the_statistics(self, desk: Desk) -> None:
        empty = desk.wire("GET", f"{desk.path}/work/stats").json()
        assert empty == {
            "type": "work_queue_stats",
            "depth": 0,
            "pending": 0,
            "oldest_queued_at": None,
            "workers_polling": 0,
        }
        desk.waiting()
        desk.waiting()
        named = desk.as_worker(**{"anthropic-worker-id": "rack-4"})
        oldest = named("GET", f"{desk.path}/work/poll").json()
        full = desk.wire("GET", f"{desk.path}/work/stats").json()
        assert (full["depth"], full["pending"], full["workers_polling"]) == (1, 1, 1)
        assert full["oldest_queued_at"] == oldest["created_at"]

    def test_metadata_is_a_patch(self, desk: Desk) -> None:
        desk.waiting()
        one, _ = desk.claim()
        desk.wire("POST", one, {"metadata": {"a": "1", "b": "2"}})
        assert desk.wire("POST", one, {"metadata": {"a": None}}).json()["metadata"] == {"b": "2"}
        refused = desk.wire("POST", one, {"metadata": {"k" * 65: "v"}})
        assert refused.json()["error"]["details"]["error_code"] == "invalid_metadata"

    def test_a_question_waits_until_there_is_work(self, desk: Desk) -> None:
        started = time.monotonic()
        assert desk.poll(block_ms=300) is None
        assert time.monotonic() - started >= 0.3

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("poll", {"block_ms": 0}),
            ("poll", {"block_ms": 1000}),
            ("poll", {"block_ms": "soon"}),
            ("poll", {"reclaim_older_than_ms": 0}),
        ],
    )
    def test_bounds(self, desk: Desk, path: str, query: dict[str, Any]) -> None:
        assert desk.wire("GET", f"{desk.path}/work/{path}", **query).status_code == 400

    def test_lists_are_paged(self, desk: Desk) -> None:
        for _ in range(3):
            desk.waiting()
        first = desk.wire("GET", f"{desk.path}/work", limit=2).json()
        second = desk.wire("GET", f"{desk.path}/work", limit=2, page=first["next_page"]).json()
        ids = [item["id"] for item in first["data"] + second["data"]]
        assert len(set(ids)) == 3
        assert second["next_page"] is None

    def test_unknown_things(self, desk: Desk, api: Api) -> None:
        assert desk.wire("GET", f"{desk.path}/work/work_{'0' * 32}").status_code == 404
        assert desk.wire("POST", f"{desk.path}/work/nonsense/ack").status_code == 404
        assert api.call("GET", f"/v1/environments/env_{'0' * 32}/work/poll").status_code == 404
        cloud = api.environment()["id"]
        refused = api.call("GET", f"/v1/environments/{cloud}/work/poll")
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "environment_not_self_hosted")


class TestKeys:
    def test_a_key_is_shown_whole_once(self, desk: Desk, api: Api) -> None:
        (listed,) = api.get(f"{desk.path}/keys")["data"]
        assert listed == {name: value for name, value in desk.minted.items() if name != "key"} | {
            "last_used_at": listed["last_used_at"]
        }
        assert (listed["type"], listed["name"], listed["environment_id"]) == ("environment_key", "Rack 4", desk.id)
        assert str(desk.minted["key"]).startswith(str(listed["prefix"]))

    def test_a_revoked_key_is_worthless_at_once(self, desk: Desk, api: Api) -> None:
        desk.poll()
        gone = api.ok("DELETE", f"{desk.path}/keys/{desk.minted['id']}")
        assert gone == {"id": desk.minted["id"], "type": "environment_key_deleted"}
        assert desk.wire("GET", f"{desk.path}/work/poll").status_code == 401
        assert api.call("DELETE", f"{desk.path}/keys/{desk.minted['id']}").status_code == 404

    def test_only_self_hosted_environments_have_keys(self, api: Api) -> None:
        cloud = api.environment()["id"]
        assert api.call("POST", f"/v1/environments/{cloud}/keys", {"name": "x"}).status_code == 400

    def test_a_key_makes_no_keys(self, desk: Desk) -> None:
        assert desk.wire("POST", f"{desk.path}/keys", {"name": "x"}).status_code == 403
        assert desk.wire("GET", f"{desk.path}/keys").status_code == 403

    def test_a_bearer_of_a_worker_beats_an_api_key(self, desk: Desk, key: str) -> None:
        for api_key in (key, "nonsense"):
            wire = desk.as_worker(**{"x-api-key": api_key})
            assert wire("GET", f"{desk.path}/work/poll").status_code == 200
            assert wire("GET", "/v1/agents").status_code == 403


class TestReach:
    """What the credentials of workers open, and what they do not."""

    @pytest.fixture
    def sessions(self, desk: Desk, api: Api) -> tuple[str, str, str]:
        """Its own session, another of the environment, and one of a cloud environment."""
        own, _ = desk.waiting()
        time.sleep(0.002)
        other, _ = desk.waiting()
        return own, other, api.session()

    def test_a_token_reads_its_own_session_alone(self, desk: Desk, sessions: tuple[str, str, str]) -> None:
        _, token = desk.claim()
        parts = ("", "/events", "/threads", "/threads/sthr_primary", "/threads/sthr_primary/events", "/resources")
        for part in parts:
            statuses = [token("GET", f"/v1/sessions/{session}{part}").status_code for session in sessions]
            assert statuses == [200, 404, 404], part

    def test_a_key_reads_the_sessions_of_its_environment(self, desk: Desk, sessions: tuple[str, str, str]) -> None:
        for part in ("", "/events", "/threads"):
            statuses = [desk.wire("GET", f"/v1/sessions/{session}{part}").status_code for session in sessions]
            assert statuses == [200, 200, 404], part

    def test_streams_too(self, desk: Desk, sessions: tuple[str, str, str]) -> None:
        _, token = desk.claim()
        own, other, _ = sessions
        for stream in ("events/stream", "stream", "threads/sthr_primary/stream"):
            with token.client.stream("GET", f"/v1/sessions/{own}/{stream}") as opened:
                assert opened.status_code == 200
            assert token("GET", f"/v1/sessions/{other}/{stream}").status_code == 404

    def test_everything_else_is_closed(self, desk: Desk, sessions: tuple[str, str, str], api: Api) -> None:
        one, token = desk.claim()
        own, _, _ = sessions
        agent = api.get(f"/v1/sessions/{own}")["agent_id"]
        closed = [
            ("GET", "/v1/sessions"),
            ("POST", "/v1/sessions"),
            ("POST", f"/v1/sessions/{own}"),
            ("DELETE", f"/v1/sessions/{own}"),
            ("POST", f"/v1/sessions/{own}/archive"),
            ("POST", f"/v1/sessions/{own}/messages"),
            ("POST", f"/v1/sessions/{own}/resources"),
            ("GET", "/v1/agents"),
            ("GET", f"/v1/agents/{agent}"),
            ("GET", desk.path),
            ("POST", desk.path),
            ("GET", "/v1/api_keys"),
            ("GET", "/v1/me"),
            ("POST", "/v1/files"),
            ("GET", "/admin/tenants"),
        ]
        for wire in (token, desk.wire):
            found = {(m, p): wire(m, p, {} if m == "POST" else None).status_code for m, p in closed}
            assert found == dict.fromkeys(closed, 403)
        assert token("GET", "/v1/files").status_code == 403
        assert token("GET", "/v1/files", scope_id=own).json()["data"] == []
        assert token("GET", f"{desk.path}/work").status_code == 403
        assert token("GET", f"{desk.path}/work/poll").status_code == 403
        assert token("GET", one).status_code == 200

    def test_a_token_has_no_part_in_other_items_or_environments(self, desk: Desk, elsewhere: Desk) -> None:
        desk.waiting()
        elsewhere.waiting()
        _, token = desk.claim()
        item = elsewhere.poll()["id"]
        for wire in (token, desk.wire):
            assert wire("POST", f"{elsewhere.path}/work/{item}/ack").status_code == 404
            assert wire("POST", f"{desk.path}/work/{item}/ack").status_code == 404
        assert desk.wire("GET", f"{elsewhere.path}/work/poll").status_code == 404

    def test_a_worker_sends_results_and_nothing_else(self, desk: Desk) -> None:
        session, call = desk.waiting()
        _, token = desk.claim()
        events = f"/v1/sessions/{session}/events"
        refused: list[dict[str, Any]] = [
            message("hello"),
            {"type": "user.interrupt"},
            {"type": "user.tool_confirmation", "tool_use_id": call, "result": "allow"},
        ]
        for event in refused:
            assert token("POST", events, {"events": [event]}).status_code == 403
        assert token("POST", events, {"events": [result(call)]}).status_code == 202
        assert desk.api.wait_idle(session)["stop_reason"]["type"] == "end_turn"

    def test_a_token_ends_with_its_item(self, desk: Desk) -> None:
        session, _ = desk.waiting()
        one, token = desk.claim()
        assert token("GET", f"/v1/sessions/{session}").status_code == 200
        desk.wire("POST", f"{one}/stop", {"force": True})
        assert token("GET", f"/v1/sessions/{session}").status_code == 401

    def test_another_tenants_key_knows_nothing_of_it(self, desk: Desk, strange: Desk) -> None:
        session, _ = desk.waiting()
        assert strange.wire("GET", f"{desk.path}/work/poll").status_code == 404
        assert strange.wire("GET", f"/v1/sessions/{session}").status_code == 404
        assert strange.api.call("GET", f"{desk.path}/work/poll").status_code == 404


class TestResults:
    """What the session makes of a worker's results."""

    def test_results_close_the_calls_of_an_answer_one_by_one(self, desk: Desk, api: Api) -> None:
        session = desk.session()
        api.say(session, 'tool:bash parallel:2 input:{"command":"true"} say:"both"')
        first, second = api.wait_idle(session)["stop_reason"]["event_ids"]
        assert api.send(session, result(first, "one")).status_code == 202
        stop = api.get(f"/v1/sessions/{session}")["stop_reason"]
        assert (stop["event_ids"], stop["action_type"]) == ([second], "tool_result")
        assert api.send(session, result(second, "two")).status_code == 202
        wait_for(lambda: api.get(f"/v1/sessions/{session}")["stop_reason"] == {"type": "end_turn"}, "the end")
        log = api.log(session)
        assert [event["tool_use_id"] for event in log if event["type"] == "user.tool_result"] == [first, second]
        assert [event for event in log if event["type"] == "agent.tool_result"] == []

    def test_the_same_result_may_come_twice_and_another_may_not(self, desk: Desk, api: Api) -> None:
        session, call = desk.waiting()
        for _ in range(2):
            assert api.send(session, result(call)).status_code == 202
        assert api.send(session, result(call, "something else")).status_code == 400
        api.wait_idle(session)
        assert len([event for event in api.log(session) if event["type"] == "user.tool_result"]) == 1

    def test_unknown_calls_and_cloud_sessions_take_none(self, desk: Desk, api: Api) -> None:
        session, _ = desk.waiting()
        assert api.send(session, result("sevt_" + "0" * 32)).status_code == 400
        refused = api.send(api.session(), result("sevt_" + "0" * 32))
        assert refused.status_code == 400
        assert "self-hosted" in refused.json()["message"]

    def test_messages_are_refused_while_a_worker_is_awaited(self, desk: Desk, api: Api) -> None:
        session, call = desk.waiting()
        refused = api.say(session, "hello?")
        assert refused.status_code == 400
        assert f"waiting on responses to events [{call}]" in refused.json()["message"]

    def test_an_archived_session_ends_its_item(self, desk: Desk, api: Api) -> None:
        session, _ = desk.waiting()
        api.post(f"/v1/sessions/{session}/archive")
        assert desk.poll() is None
        assert [item["state"] for item in desk.wire("GET", f"{desk.path}/work").json()["data"]] == ["stopped"]


class TestResources:
    """A worker's machine mounts no files."""

    @pytest.fixture
    def file(self, api: Api) -> str:
        """An uploaded file."""
        return str(api.post("/v1/files", filename="a.txt", content="a")["id"])

    def test_files_are_refused(self, desk: Desk, api: Api, file: str) -> None:
        wanted = {"type": "file", "file_id": file}
        body = {"agent": api.agent()["id"], "environment_id": desk.id, "resources": [wanted]}
        refused = api.call("POST", "/v1/sessions", body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "self_hosted_resources_unsupported")
        added = api.call("POST", f"/v1/sessions/{desk.session()}/resources", wanted)
        assert (added.status_code, added.json()["error"]["code"]) == (400, "self_hosted_resources_unsupported")

    def test_repositories_are_refused(self, desk: Desk, api: Api) -> None:
        wanted = {"type": "github_repository", "url": "https://example.com/a/b"}
        body = {"agent": api.agent()["id"], "environment_id": desk.id, "resources": [wanted]}
        assert api.call("POST", "/v1/sessions", body).status_code == 400
