"""Credentials, both dialects, request ids, the classes of errors, unknown fields, body-less posts, idempotency."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import earlier_dialect, make_agent, make_environment, make_session, official, say
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, message
from tests.support.server import Server


def test_a_key_works_as_bearer_and_as_x_api_key(either: Anthropic) -> None:
    agent = make_agent(either)
    assert either.beta.agents.retrieve(agent.id).id == agent.id


def test_a_wrong_and_a_missing_key_get_the_same_401_in_both_places(server: Server) -> None:
    bodies = []
    for headers in ({}, {"x-api-key": "lmb_wrong"}, {"authorization": "Bearer lmb_wrong"}):
        answer = httpx2.get(f"{server.url}/v1/agents", headers=headers | {"anthropic-version": "2026-10-21"})
        assert answer.status_code == 401
        body = answer.json()
        assert body.pop("request_id") == answer.headers["request-id"]
        bodies.append(body)
    assert bodies[0]["error"]["type"] == "authentication_error"
    assert bodies[0] == bodies[1] == bodies[2]
    with official(server.url, "lmb_wrong") as stranger, pytest.raises(anthropic.AuthenticationError):
        stranger.beta.agents.list()


@pytest.mark.parametrize("beta", ["", "?beta=true"])
@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", "2099-01-01"])
def test_beta_mark_and_version_are_never_required_nor_refused(
    server: Server, key: str, beta: str, version: str
) -> None:
    headers = {"x-api-key": key, "anthropic-version": version}
    assert httpx2.get(f"{server.url}/v1/sessions{beta}", headers=headers).status_code == 200


def test_every_answer_carries_a_request_id(client: Anthropic) -> None:
    agent = make_agent(client)
    session = make_session(client, agent)
    assert str(agent._request_id).startswith("req_")
    raw = client.beta.sessions.with_raw_response.retrieve(session.id)
    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["x-request-id"] == raw.headers["request-id"]
    with client.beta.sessions.events.stream(session.id) as stream:
        assert stream.response.headers["request-id"].startswith("req_")
    with pytest.raises(anthropic.NotFoundError) as caught:
        client.beta.agents.retrieve("agent_unknown")
    assert caught.value.request_id == caught.value.body["request_id"]  # type: ignore[index]
    assert str(caught.value.request_id).startswith("req_")


def test_an_unknown_path_is_404_even_without_a_key(server: Server) -> None:
    answer = httpx2.get(f"{server.url}/v1/nothing", headers={"anthropic-version": "2026-10-21"})
    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "not_found_error"


@pytest.fixture(scope="module")
def refused(server: Server) -> Iterator[Anthropic]:
    """A client of a tenant whose every request in these tests is refused but those of ``untouched``."""
    with official(server.url, server.tenant("Refused")) as made:
        yield made


@pytest.fixture(scope="module")
def untouched(refused: Anthropic) -> Any:
    """A session that stays as it is, whatever is refused."""
    return make_session(refused)


def _send(*events: dict[str, Any]) -> Callable[[Anthropic, Any], Any]:
    return lambda client, session: client.beta.sessions.events.send(session.id, events=list(events))  # type: ignore[arg-type]


def _session(overrides: dict[str, Any] | None = None, **fields: Any) -> Callable[[Anthropic, Any], Any]:
    def make(client: Anthropic, session: Any) -> Any:
        agent = session.agent.id if overrides is None else {"id": session.agent.id} | overrides
        return client.beta.sessions.create(**({"agent": agent, "environment_id": session.environment_id} | fields))

    return make


_TEXT = [{"type": "text", "text": "x"}]
_HELLO = message("hello")
_BAD_REQUESTS: list[tuple[str, Callable[[Anthropic, Any], Any], str]] = [
    ("agent without model", lambda c, s: c.beta.agents.create(name="x", model=None), "model"),  # type: ignore[arg-type]
    ("agent with empty name", lambda c, s: c.beta.agents.create(name="", model="m"), "name"),
    ("agent with a long name", lambda c, s: c.beta.agents.create(name="n" * 257, model="m"), "name"),
    (
        "agent with a long system prompt",
        lambda c, s: c.beta.agents.create(name="x", model="m", system="s" * 100_001),
        "system",
    ),
    (
        "agent with 17 metadata pairs",
        lambda c, s: c.beta.agents.create(name="x", model="m", metadata={f"k{n}": "v" for n in range(17)}),
        "metadata",
    ),
    (
        "agent with a long metadata key",
        lambda c, s: c.beta.agents.create(name="x", model="m", metadata={"k" * 65: "v"}),
        "metadata",
    ),
    (
        "session with a long metadata value",
        _session(metadata={"k": "v" * 513}),
        "metadata",
    ),
    (
        "session without an environment",
        lambda c, s: c.post("/v1/sessions", body={"agent": s.agent.id}, cast_to=object),
        "environment_id",
    ),
    ("session with 51 first events", _session(initial_events=[_HELLO] * 51), "initial_events"),
    ("session that begins with an interrupt", _session(initial_events=[{"type": "user.interrupt"}]), "initial_events"),
    (
        "session with a budget",
        _session(budget={"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}),
        "budget",
    ),
    ("session with an unknown kind of resource", _session(resources=[{"type": "nothing"}]), "resources.0"),
    ("session with a null override", _session({"type": "agent_with_overrides", "tools": None}), "agent.tools"),
    ("session with another agent", lambda c, s: c.beta.sessions.update(s.id, agent=s.agent.id), "agent"),
    ("session with another version", lambda c, s: c.beta.sessions.update(s.id, agent={"version": 2}), "agent.version"),  # type: ignore[typeddict-unknown-key]
    (
        "session with 17 metadata pairs",
        lambda c, s: c.beta.sessions.update(s.id, metadata={f"k{n}": "v" for n in range(17)}),
        "metadata",
    ),
    (
        "outcome without criteria",
        _send({"type": "user.define_outcome", "description": "d"}),
        "events.0",
    ),
    ("session with other vaults", lambda c, s: c.beta.sessions.update(s.id, vault_ids=["vlt_x"]), "vault_ids"),
    ("session list by unknown status", lambda c, s: c.beta.sessions.list(statuses=["dozing"]), "status"),  # type: ignore[list-item]
    ("session list by no date", lambda c, s: c.beta.sessions.list(created_at_gte="soon"), "created_at[gte]"),
    ("event list by no date", lambda c, s: c.beta.sessions.events.list(s.id, created_at_gt="soon"), "created_at[gt]"),
    ("event list with a bad order", lambda c, s: c.beta.sessions.events.list(s.id, order="up"), "order"),  # type: ignore[arg-type]
    ("event list at no cursor", lambda c, s: c.beta.sessions.events.list(s.id, page="nowhere"), "page"),
    ("agent list at no cursor", lambda c, s: c.beta.agents.list(page="nowhere"), "page"),
    ("environment list at no cursor", lambda c, s: c.beta.environments.list(page="nowhere"), "page"),
    ("file list at no cursor", lambda c, s: c.beta.files.list(page="nowhere"), "page"),
    ("file list after no file", lambda c, s: c.beta.files.list(extra_query={"after_id": "file_x"}), "after_id"),
    ("file list of ids and a page size", lambda c, s: c.files.list(ids=["file_x"], limit=5), "ids"),
    ("file list of 101 ids", lambda c, s: c.files.list(ids=[f"file_{n}" for n in range(101)]), "ids"),
    (
        "upload that expires at once",
        lambda c, s: c.files.upload(file=("a.txt", b"a"), expires_in_seconds=10),
        "expires_in_seconds",
    ),
    (
        "upload without a file",
        lambda c, s: c.post(
            "/v1/files",
            files={"other": ("a", b"a")},
            body={},
            cast_to=object,
            options={"headers": {"content-type": "multipart/form-data; boundary=x"}},
        ),
        "file",
    ),
    (
        "stream with unknown deltas",
        lambda c, s: c.beta.sessions.events.stream(s.id, event_deltas=["user.message"]),
        "event_deltas",
    ),  # type: ignore[list-item]
    ("no events", _send(), "events"),
    ("event of an unknown type", _send(_HELLO, {"type": "user.nonsense"}), "events.1"),
    ("message without content", _send({"type": "user.message"}), "events.0"),
    ("message with empty content", _send({"type": "user.message", "content": []}), "events.0"),
    ("message with a redacted block", _send({"type": "user.message", "content": [{"type": "redacted"}]}), "events.0"),
    ("system message alone", _send({"type": "system.message", "content": _TEXT}), "events.0"),
    ("two system messages", _send(_HELLO, *[{"type": "system.message", "content": _TEXT}] * 2), "events.1"),
    ("system message before the last", _send(_HELLO, {"type": "system.message", "content": _TEXT}, _HELLO), "events.1"),
    (
        "confirmation of no call",
        _send({"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "allow"}),
        "events.0",
    ),
    (
        "confirmation that says maybe",
        _send({"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "maybe"}),
        "events.0",
    ),
    (
        "approval with a reason to deny",
        _send({"type": "user.tool_confirmation", "tool_use_id": "sevt_x", "result": "allow", "deny_message": "no"}),
        "deny_message",
    ),
    (
        "result of no call",
        _send({"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_x", "content": _TEXT}),
        "events.0",
    ),
    (
        "result of a hosted tool",
        _send({"type": "user.tool_result", "tool_use_id": "sevt_x", "content": _TEXT}),
        "events.0",
    ),
]


@pytest.mark.parametrize(("call", "names"), [pytest.param(call, names, id=what) for what, call, names in _BAD_REQUESTS])
def test_a_bad_request_is_named_with_its_field(
    refused: Anthropic, untouched: Any, call: Callable[[Anthropic, Any], Any], names: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        call(refused, untouched)
    assert names in caught.value.message
    assert caught.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
    session = refused.beta.sessions.retrieve(untouched.id)
    assert (session.status, session.updated_at) == ("idle", untouched.updated_at)
    assert not refused.beta.sessions.events.list(untouched.id).data


_UNKNOWN: list[tuple[str, Callable[[Anthropic, Any], Any]]] = [
    ("agent", lambda c, s: c.beta.agents.retrieve("agent_0")),
    ("agent update", lambda c, s: c.beta.agents.update("agent_0", name="x")),
    ("agent archive", lambda c, s: c.beta.agents.archive("agent_0")),
    ("agent versions", lambda c, s: c.beta.agents.versions.list("agent_0")),
    ("environment", lambda c, s: c.beta.environments.retrieve("env_0")),
    ("environment update", lambda c, s: c.beta.environments.update("env_0", name="x")),
    ("environment archive", lambda c, s: c.beta.environments.archive("env_0")),
    ("environment delete", lambda c, s: c.beta.environments.delete("env_0")),
    ("session", lambda c, s: c.beta.sessions.retrieve("sesn_0")),
    ("session update", lambda c, s: c.beta.sessions.update("sesn_0", title="x")),
    ("session archive", lambda c, s: c.beta.sessions.archive("sesn_0")),
    ("session delete", lambda c, s: c.beta.sessions.delete("sesn_0")),
    ("session of no agent", _session(agent="agent_0")),
    ("session of no version", _session({"type": "agent", "version": 9})),
    ("session in no environment", _session(environment_id="env_0")),
    ("session with no vault", _session(vault_ids=["vlt_0"])),
    ("session with no file", _session(resources=[{"type": "file", "file_id": "file_0"}])),
    ("events sent", lambda c, s: c.beta.sessions.events.send("sesn_0", events=[_HELLO])),  # type: ignore[list-item]
    ("events listed", lambda c, s: c.beta.sessions.events.list("sesn_0")),
    ("events streamed", lambda c, s: c.beta.sessions.events.stream("sesn_0")),
    ("interrupt of no thread", _send({"type": "user.interrupt", "session_thread_id": "sthr_0"})),
    ("thread", lambda c, s: c.beta.sessions.threads.retrieve("sthr_0", session_id=s.id)),
    ("thread's events", lambda c, s: c.beta.sessions.threads.events.list("sthr_0", session_id=s.id)),
    ("thread's stream", lambda c, s: c.beta.sessions.threads.events.stream("sthr_0", session_id=s.id)),
    ("resource added", lambda c, s: c.beta.sessions.resources.add(s.id, type="file", file_id="file_0")),
    ("resource", lambda c, s: c.beta.sessions.resources.retrieve("sesrsc_0", session_id=s.id)),
    ("resource delete", lambda c, s: c.beta.sessions.resources.delete("sesrsc_0", session_id=s.id)),
    ("file", lambda c, s: c.files.retrieve_metadata("file_0")),
    ("file content", lambda c, s: c.files.download("file_0")),
    ("file delete", lambda c, s: c.files.delete("file_0")),
    ("model", lambda c, s: c.models.retrieve("no-such-model")),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=what) for what, call in _UNKNOWN])
@pytest.mark.parametrize("shape", ["malformed", "well-formed"])
def test_an_unknown_id_is_not_found(
    refused: Anthropic, untouched: Any, call: Callable[[Anthropic, Any], Any], shape: str
) -> None:

    def longer(request: httpx2.Request) -> None:
        """Fill the made-up ids up to the length of real ones."""
        if shape == "well-formed":
            request.url = httpx2.URL(str(request.url).replace("_0", f"_{uuid.uuid4().hex}"))

    transport = httpx2.Client(event_hooks={"request": [longer]})
    asking = official(str(refused.base_url), str(refused.api_key), http_client=transport)
    with asking, pytest.raises(anthropic.NotFoundError) as caught:
        call(asking, untouched)
    assert caught.value.body["error"]["type"] == "not_found_error"  # type: ignore[index]


def test_a_key_that_may_only_read_is_refused_writes_with_403(api: Api, server: Server) -> None:
    reading = api.post("/v1/api_keys", name="Reader", scopes=["read"])["key"]
    with official(server.url, reading) as reader:
        assert reader.beta.agents.list().data == []
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            make_agent(reader)
        assert "write" in caught.value.message


def test_a_second_environment_of_the_same_name_is_a_conflict_tried_once(server: Server, key: str) -> None:
    sent: list[str] = []
    transport = httpx2.Client(event_hooks={"request": [lambda request: sent.append(request.method)]})
    with official(server.url, key, http_client=transport, max_retries=2) as patient:
        patient.beta.environments.create(name="Only one")
        with pytest.raises(anthropic.ConflictError) as caught:
            patient.beta.environments.create(name="Only one")
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert "name" in caught.value.message
    assert len(sent) == 2


def test_a_file_over_the_limit_is_too_large(busy_server: Server) -> None:
    with official(busy_server.url, busy_server.tenant()) as uploading:
        assert uploading.files.upload(file=("fits.bin", b"x" * (1 << 20))).size_bytes == 1 << 20
        with pytest.raises(anthropic.ContentTooLargeError) as caught:
            uploading.files.upload(file=("large.bin", b"x" * ((1 << 20) + 1)))
        assert caught.value.body["error"]["type"] == "request_too_large"  # type: ignore[index]
        assert len(uploading.files.list().data) == 1


def test_an_upload_of_another_media_type_is_refused_by_name(server: Server, key: str) -> None:
    headers = {"x-api-key": key, "anthropic-version": "2026-10-21", "content-type": "text/csv"}
    answer = httpx2.post(f"{server.url}/v1/files", headers=headers, content=b"a,b")
    assert answer.status_code == 415
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_method_the_path_does_not_have_is_refused_with_those_it_has(server: Server, key: str) -> None:
    headers = {"x-api-key": key, "anthropic-version": "2026-10-21"}
    answer = httpx2.delete(f"{server.url}/v1/sessions", headers=headers)
    assert answer.status_code == 405
    assert {"GET", "POST"} <= {method.strip() for method in answer.headers["allow"].split(",")}


def test_unknown_fields_are_ignored(either: Anthropic) -> None:
    agent = make_agent(either, extra_body={"flavour": "mint"})
    session = make_session(either, agent, extra_body={"flavour": "mint"})
    either.beta.sessions.events.send(
        session.id,
        events=[{"type": "user.interrupt", "flavour": "mint"}],
        extra_body={"more": 1},  # type: ignore[typeddict-unknown-key]
    )
    assert not hasattr(either.beta.agents.retrieve(agent.id), "flavour")


def test_broken_json_is_a_bad_request(server: Server, key: str) -> None:
    headers = {"x-api-key": key, "anthropic-version": "2026-10-21", "content-type": "application/json"}
    answer = httpx2.post(f"{server.url}/v1/agents", headers=headers, content=b'{"name": ')
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_post_without_a_body_works(either: Anthropic) -> None:
    sent: list[httpx2.Request] = []
    either._client.event_hooks["request"].append(sent.append)
    agent = make_agent(either)
    assert either.beta.agents.archive(agent.id).archived_at is not None
    assert sent[-1].headers["content-type"] == "application/json"
    assert sent[-1].headers["content-length"] == "0"


def test_a_base_address_may_be_used_by_both_dialects_at_once(server: Server, key: str) -> None:
    transport = httpx2.Client(event_hooks={"request": [earlier_dialect]})
    with official(server.url, key) as new, official(server.url, key, http_client=transport) as old:
        agent = make_agent(old)
        session = make_session(new, agent)
        seen = [side.beta.sessions.retrieve(session.id) for side in (old, new)]
        assert (seen[0].agent, seen[0].created_at) == (seen[1].agent, seen[1].created_at)


class TestIdempotency:
    """The same ``Idempotency-Key`` gives the first answer again and makes nothing new."""

    KEY = {"Idempotency-Key": "once"}

    def test_of_creating(self, client: Anthropic) -> None:
        first = make_agent(client, extra_headers=self.KEY)
        assert make_agent(client, extra_headers=self.KEY) == first
        environment = make_environment(client, name="One", extra_headers=self.KEY)
        assert make_environment(client, name="One", extra_headers=self.KEY).id == environment.id
        sessions = {
            make_session(client, first, environment_id=environment.id, extra_headers=self.KEY).id for _ in range(3)
        }
        assert len(sessions) == 1
        assert len(client.beta.agents.list().data) == 1
        assert len(client.beta.sessions.list().data) == 1

    def test_of_uploading(self, client: Anthropic) -> None:
        first = client.files.upload(file=("a.txt", b"a"), extra_headers=self.KEY)
        assert client.files.upload(file=("a.txt", b"a"), extra_headers=self.KEY).id == first.id
        assert len(client.files.list().data) == 1

    def test_of_sending(self, client: Anthropic, model: FakeModel) -> None:
        session = make_session(client)
        answers = [
            client.beta.sessions.events.send(
                session.id,
                events=[message('once only say:"fine"')],  # type: ignore[list-item]
                extra_headers=self.KEY,
            ).data
            for _ in range(2)
        ]
        assert answers[0][0].id == answers[1][0].id
        say(client, session.id, "afterwards")
        model.wait_until(lambda: bool(model.requests_of("afterwards")), 10, "the second message")
        heard = model.requests_of("afterwards")[-1]["body"]["messages"]
        assert str(heard).count("once only") == 1

    def test_of_another_body_is_a_conflict(self, client: Anthropic) -> None:
        make_agent(client, name="First", extra_headers=self.KEY)
        with pytest.raises(anthropic.ConflictError) as caught:
            make_agent(client, name="Second", extra_headers=self.KEY)
        assert caught.value.response.headers["x-should-retry"] == "false"
        assert [agent.name for agent in client.beta.agents.list()] == ["First"]
