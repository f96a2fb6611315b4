"""Exports and imports: what a bundle holds, that a session goes on out of it, in its own tenant and in another one."""

import io
import json
import zipfile
from collections.abc import Iterator

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, message, types_of
from tests.support.server import Server

TOOLSET: Json = {"type": "agent_toolset_20260401"}


@pytest.fixture
def elsewhere(server: Server) -> Iterator[Api]:
    """Another tenant."""
    client = Api(server.url, server.tenant("Elsewhere"))
    yield client
    client.close()


def export(api: Api, session: str) -> bytes:
    """The bundle of a session."""
    answer = api.call("GET", f"/v1/sessions/{session}/export")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="{session}.zip"'
    return answer.content


def send(api: Api, bundle: bytes, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
    """A bundle sent as a form."""
    files = {"file": ("bundle.zip", bundle, "application/zip")}
    return api.client.post("/v1/sessions/import", files=files, data=fields, headers=headers)


def import_(api: Api, bundle: bytes, **fields: str) -> Json:
    """An import that must succeed."""
    answer = send(api, bundle, **fields)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def opened(bundle: bytes) -> zipfile.ZipFile:
    """A bundle as an archive."""
    return zipfile.ZipFile(io.BytesIO(bundle))


def manifest_of(bundle: bytes) -> Json:
    """What the last entry says."""
    with opened(bundle) as archive:
        assert archive.namelist()[-1] == "manifest.json"
        shown: Json = json.loads(archive.read("manifest.json"))
        return shown


def told(api: Api, session: str) -> list[Json]:
    """The log without the name of its session."""
    return [{key: value for key, value in event.items() if key != "session_id"} for event in api.log(session)]


def test_an_import_goes_on_with_the_same_messages_and_starts_its_totals_at_zero(api: Api, model: FakeModel) -> None:
    session = api.session(title="First", metadata={"a": "1"})
    api.turn(session, "tokens:2")
    before = api.turn(session, "tokens:3")
    made = import_(api, export(api, session))
    assert made["id"] != session
    assert (made["title"], made["metadata"], made["status"]) == ("First", {"a": "1"}, "idle")
    assert made["usage"]["input_tokens"] == made["usage"]["output_tokens"] == 0
    last = before[-1]["seq"]
    assert made["imported_from"] == {"session_id": session, "seq": last}
    assert made["forked_from"] is None
    assert made["imported"] == {"events": last, "files": 0, "missing": []}
    assert told(api, made["id"]) == told(api, session)
    for one in (session, made["id"]):
        api.turn(one, "and what now? tokens:2")
    in_source, in_import = (request["body"] for request in model.requests_of("and what now? tokens:2"))
    assert in_import["messages"] == in_source["messages"]
    assert len(in_import["messages"]) == 5
    for one in (session, made["id"]):
        assert_whole(api.log(one))


def test_a_bundle_holds_the_log_the_session_and_a_manifest_and_no_secret(api: Api, model: FakeModel) -> None:
    session = api.session(resources=[{"type": "env", "name": "TOKEN", "value": "hush-hush"}])
    log = api.turn(session, "tokens:2")
    bundle = export(api, session)
    assert b"hush-hush" not in bundle
    with opened(bundle) as archive:
        assert archive.testzip() is None
        records = [json.loads(line) for line in archive.read("events.jsonl").splitlines()]
        card = json.loads(archive.read("session.json"))
        assert json.loads(archive.read("threads.json")) == []
        everything = b"".join(archive.read(name) for name in archive.namelist())
    tenant = api.get("/v1/me")["tenant"]["id"].removeprefix("tn_")
    assert tenant.encode() not in everything.replace(b"-", b"")
    assert b"sealed" not in everything
    assert b"hush" not in everything
    public = {one["type"] for one in log}
    assert [one["seq"] for one in records] == list(range(1, log[-1]["seq"] + 1))
    assert [one["seq"] for one in records if one["type"] in public] == [one["seq"] for one in log]
    assert [(one["type"], one["secret"], one["name"]) for one in card["resources"]] == [("env", True, "TOKEN")]
    manifest = manifest_of(bundle)
    assert (manifest["format"], manifest["version"], manifest["product"]) == ("lambent.session", 1, "0.1.0")
    assert (manifest["last_seq"], manifest["files"]) == (log[-1]["seq"], "at_point")
    assert [one["name"] for one in manifest["entries"]] == ["events.jsonl", "session.json", "threads.json"]


def test_two_exports_of_a_resting_session_hold_the_same(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    first, second = (manifest_of(export(api, session)) for _ in range(2))
    assert first["entries"] == second["entries"]
    assert first | {"exported_at": ""} == second | {"exported_at": ""}


def test_a_session_at_work_is_exported_up_to_its_last_rest(api: Api, model: FakeModel) -> None:
    session = api.session()
    first = api.turn(session, "tokens:2")
    model.hold(after_tokens=3, match="held")
    api.say(session, "held tokens:9")
    model.wait_held()
    bundle = export(api, session)
    model.release()
    api.wait_idle(session)
    assert manifest_of(bundle)["last_seq"] == first[-1]["seq"]
    made = import_(api, bundle)
    assert (made["status"], made["imported"]["events"]) == ("idle", first[-1]["seq"])
    assert_whole(api.turn(made["id"], "tokens:2"))


def test_archived_sessions_are_exported_deleted_ones_and_those_of_others_are_unknown(
    api: Api, elsewhere: Api, model: FakeModel
) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    api.post(f"/v1/sessions/{session}/archive")
    made = import_(api, export(api, session))
    assert (made["status"], made["archived_at"]) == ("idle", None)
    assert_whole(api.turn(made["id"], "tokens:2"))
    assert elsewhere.call("GET", f"/v1/sessions/{session}/export").status_code == 404
    assert api.call("DELETE", f"/v1/sessions/{session}").status_code == 200
    assert api.call("GET", f"/v1/sessions/{session}/export").status_code == 404


def test_a_session_that_never_spoke_comes_and_goes(api: Api, model: FakeModel) -> None:
    made = import_(api, export(api, api.session()))
    assert made["imported"]["events"] == 0
    assert_whole(api.turn(made["id"], "tokens:2"))


def test_another_tenant_names_an_agent_and_an_environment_of_its_own(
    api: Api, elsewhere: Api, model: FakeModel
) -> None:
    vault = api.post("/v1/vaults", name="Keys")["id"]
    store = api.post("/v1/memory_stores", name="Notes")["id"]
    session = api.session(
        api.agent(system="ours"),
        vault_ids=[vault],
        resources=[
            {"type": "memory_store", "memory_store_id": store},
            {"type": "env", "name": "TOKEN", "value": "hush"},
            {"type": "github_repository", "url": "https://git.example.com/a/b", "authorization_token": "secret text"},
            {"type": "github_repository", "url": "https://git.example.com/a/open"},
        ],
    )
    api.say(session, "tokens:2")
    api.wait_idle(session, 60)
    bundle = export(api, session)
    refused = send(elsewhere, bundle)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "agent_needed")
    assert "agent" in refused.json()["message"]
    agent = elsewhere.agent(system="theirs")["id"]
    refused = send(elsewhere, bundle, agent=agent)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "environment_needed")
    assert elsewhere.get("/v1/sessions")["data"] == []
    environment = elsewhere.environment()["id"]
    made = import_(
        elsewhere, bundle, agent=agent, environment_id=environment, title="Second", metadata=json.dumps({"b": "2"})
    )
    assert (made["agent_id"], made["environment_id"], made["title"]) == (agent, environment, "Second")
    assert made["metadata"] == {"b": "2"}
    missing = {one["type"]: one.get("id") or one.get("url") for one in made["imported"]["missing"]}
    assert missing == {
        "vault": vault,
        "memory_store": store,
        "env": "TOKEN",
        "github_repository": "https://git.example.com/a/b",
    }
    assert [one["url"] for one in made["resources"]] == ["https://git.example.com/a/open"]
    assert made["vault_ids"] == []
    kept = import_(api, bundle)
    assert (kept["vault_ids"], {one["type"] for one in kept["imported"]["missing"]}) == (
        [vault],
        {"env", "github_repository"},
    )
    assert {one["type"] for one in kept["resources"]} == {"memory_store", "github_repository"}
    assert "hush" not in json.dumps(kept)


def test_files_outputs_and_the_workspace_come_along_and_are_its_own(api: Api, elsewhere: Api, model: FakeModel) -> None:
    uploaded = api.post("/v1/files", filename="a.txt", content="attached", media_type="text/plain")["id"]
    shown = api.post("/v1/files", filename="b.txt", content="shown to the model", media_type="text/plain")["id"]
    session = api.session(
        api.agent(tools=[TOOLSET]),
        resources=[{"type": "file", "file_id": uploaded, "mount_path": "/workspace/a.txt"}],
    )

    def run(who: Api, one: str, command: str) -> str:
        log = who.turn(one, f"tool:bash input:{json.dumps({'command': command})} tokens:2")
        results = [event for event in log if event["type"] == "agent.tool_result"]
        return str(results[-1]["content"][0]["text"])

    run(
        api,
        session,
        "mkdir -p d/e empty /mnt/session/outputs; echo one > d/e/b.txt; echo out > /mnt/session/outputs/o.txt;"
        "ln -s d/e/b.txt inner; ln -s /usr/bin/env outer; printf '#!/bin/sh\\necho ran' > run.sh; chmod 750 run.sh",
    )
    document = {"type": "document", "source": {"type": "file", "file_id": shown}}
    api.send(session, message("and this? tokens:2", content=[document, {"type": "text", "text": "tokens:2"}]))
    api.wait_idle(session)
    bundle = export(api, session)
    with opened(bundle) as archive:
        assert {"workspace/d/e/b.txt", "workspace/inner", "workspace/empty/", "outputs/o.txt"} <= set(
            archive.namelist()
        )
        assert archive.read("workspace/inner") == b"d/e/b.txt"
    agent, environment = elsewhere.agent(tools=[TOOLSET])["id"], elsewhere.environment()["id"]
    assert api.call("DELETE", f"/v1/sessions/{session}").status_code == 200
    made = import_(elsewhere, bundle, agent=agent, environment_id=environment)
    assert made["imported"]["files"] == 3
    left = [one for one in made["imported"]["missing"] if one["type"] != "symlink"]
    assert left == []
    assert [one["id"] for one in made["imported"]["missing"]] == ["/workspace/outer"]
    text = run(
        elsewhere,
        made["id"],
        "cat a.txt; echo; cat d/e/b.txt inner /mnt/session/outputs/o.txt; readlink inner; stat -c %a run.sh; ./run.sh;"
        "test -d empty && echo yes; test -e outer || echo gone",
    )
    assert text.split() == ["attached", "one", "one", "out", "d/e/b.txt", "750", "ran", "yes", "gone"]
    files = elsewhere.get("/v1/files", scope_id=made["id"])["data"]
    assert sorted(one["filename"] for one in files) == ["a.txt", "b.txt", "o.txt"]
    output = next(one["id"] for one in files if one["filename"] == "o.txt")
    assert elsewhere.call("GET", f"/v1/files/{output}/content").content == b"out\n"
    said = model.requests_of("readlink inner")[-1]["body"]["messages"]
    assert "shown to the model" in json.dumps(said)
    run(elsewhere, made["id"], "echo changed > /mnt/session/outputs/o.txt")
    files = elsewhere.get("/v1/files", scope_id=made["id"])["data"]
    assert sorted(one["filename"] for one in files) == ["a.txt", "b.txt", "o.txt"]
    again = manifest_of(export(elsewhere, made["id"]))
    assert {"workspace/d/e/b.txt", "workspace/run.sh"} <= {one["name"] for one in again["entries"]}
    assert elsewhere.call("DELETE", f"/v1/sessions/{made['id']}").status_code == 200
    assert elsewhere.get("/v1/files")["data"] == []


def test_a_bundle_may_be_an_uploaded_file_and_options_are_those_of_a_form(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    files = {"file": ("bundle.zip", export(api, session), "application/zip")}
    uploaded = api.client.post("/v1/files", files=files).json()["id"]
    other = api.agent(name="Other")
    agent = {"type": "agent_with_overrides", "id": other["id"], "system": "brief"}
    made = api.post("/v1/sessions/import", file_id=uploaded, agent=agent, title="Second")
    assert (made["agent_id"], made["agent"]["system"], made["title"]) == (other["id"], "brief", "Second")
    form = import_(api, export(api, session), agent=json.dumps(agent))
    assert form["agent"] == made["agent"]
    for status, body in (
        (404, {"file_id": "file_unknown"}),
        (400, {}),
        (404, {"file_id": uploaded, "agent": "agent_unknown"}),
        (404, {"file_id": uploaded, "environment_id": "env_unknown"}),
        (404, {"file_id": uploaded, "vault_ids": ["vlt_unknown"]}),
    ):
        assert api.call("POST", "/v1/sessions/import", body).status_code == status, body
    for fields in ({"metadata": "{"}, {"agent": "[]"}, {"vault_ids": "{}"}):
        assert send(api, export(api, session), **fields).status_code == 400, fields


def test_a_repeat_under_a_key_finds_the_session_and_another_bundle_is_a_conflict(api: Api, model: FakeModel) -> None:
    session = api.session()
    api.turn(session, "tokens:2")
    bundle, key = export(api, session), {"Idempotency-Key": "once"}
    first, again = (send(api, bundle, key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["imported"] == first.json()["imported"]
    assert len(api.get("/v1/sessions")["data"]) == 2
    api.turn(session, "tokens:2")
    assert send(api, export(api, session), key).status_code == 409
    assert send(api, bundle, key, title="Other").status_code == 409


def test_threads_come_along_and_can_be_written_to(api: Api, elsewhere: Api, model: FakeModel) -> None:
    session = api.session(api.agent(enable_general_subagent=True))
    call = json.dumps({"task": "inner tokens:2"})
    api.turn(session, f"tool:general_subagent input:{call} tokens:2")
    threads = [one for one in api.get(f"/v1/sessions/{session}/threads")["data"] if one["parent_thread_id"]]
    assert len(threads) == 1
    made = import_(api, export(api, session))
    assert made["imported"]["missing"] == []
    kept = [one for one in api.get(f"/v1/sessions/{made['id']}/threads")["data"] if one["parent_thread_id"]]
    assert [(one["id"], one["status"], one["usage"]["output_tokens"]) for one in kept] == [
        (threads[0]["id"], "idle", 0)
    ]
    thread = threads[0]["id"]
    for one in (session, made["id"]):
        api.send(one, message("again in the thread tokens:2", session_thread_id=thread))
        api.wait_idle(one)
        assert_whole(api.log(one))
    source, copy = (request["body"] for request in model.requests_of("again in the thread tokens:2")[:2])
    assert copy["messages"] == source["messages"]
    assert len(copy["messages"]) == 3
    agent, environment = elsewhere.agent()["id"], elsewhere.environment()["id"]
    other = import_(elsewhere, export(api, session), agent=agent, environment_id=environment)
    assert [one["type"] for one in other["imported"]["missing"]] == ["thread"]
    assert_whole(elsewhere.turn(other["id"], "tokens:2"))


def test_a_summed_up_conversation_goes_on_where_its_summary_left_it(api: Api, model: FakeModel) -> None:
    session = api.session(api.agent(model="anthropic/gpt-3.5-small"))
    for number in range(5):
        log = api.turn(session, f"number {number} {'x' * 14_000} tokens:2")
    assert "agent.thread_context_compacted" in types_of(log)
    made = import_(api, export(api, session))["id"]
    for one in (session, made):
        api.turn(one, "and what now? tokens:2")
    in_source, in_import = (request["body"]["messages"] for request in model.requests_of("and what now?"))
    assert in_import == in_source
    assert "<summary>" in json.dumps(in_import)


def test_thoughts_answers_of_the_client_and_outcomes_come_through(api: Api, model: FakeModel) -> None:
    asking = TOOLSET | {"default_config": {"permission_policy": {"type": "always_ask"}}}
    schema = {"type": "object", "properties": {}}
    own = {"type": "custom", "name": "look", "description": "Looks.", "input_schema": schema}
    session = api.session(api.agent(tools=[asking, own]))
    api.turn(session, 'think:"hm" say:"so it is"')
    api.turn(session, "tool:look tokens:2")
    (use,) = api.get(f"/v1/sessions/{session}")["stop_reason"]["event_ids"]
    api.send(session, {"type": "user.custom_tool_result", "custom_tool_use_id": use, "content": "seen"})
    api.wait_idle(session)
    api.turn(session, 'tool:bash input:{"command":"true"} tokens:2')
    (use,) = api.get(f"/v1/sessions/{session}")["stop_reason"]["event_ids"]
    api.send(session, {"type": "user.tool_confirmation", "tool_use_id": use, "result": "deny", "deny_message": "no"})
    api.wait_idle(session)
    api.turn(session, "tool:look tokens:2")
    api.send(session, {"type": "user.interrupt"})
    api.wait_idle(session)
    verifier = {"type": "verifiable", "scorer": "contains", "opts": {"expected": "yes"}}
    api.send(session, {"type": "user.define_outcome", "description": "say yes", "verifier": verifier})
    api.turn(session, 'say:"yes"')
    source = api.get(f"/v1/sessions/{session}")["outcome_evaluations"]
    assert [one["result"] for one in source] == ["satisfied"]
    made = import_(api, export(api, session))
    (kept,) = made["outcome_evaluations"]
    assert kept | {"completed_at": ""} == source[0] | {"completed_at": ""}
    assert told(api, made["id"]) == told(api, session)
    for one in (session, made["id"]):
        api.turn(one, "and what now? tokens:2")
    in_source, in_import = (request["body"]["messages"] for request in model.requests_of("and what now?"))
    assert in_import == in_source
    assert all(kind in json.dumps(in_import) for kind in ("thinking", "tool_use", "tool_result", "<outcome>"))


def test_what_is_no_bundle_is_refused_and_nothing_is_kept(api: Api, model: FakeModel) -> None:
    for body in (b"", b"no archive at all", b"PK\x05\x06" + bytes(18)):
        answer = send(api, body)
        assert answer.status_code == 400, body
        assert answer.json()["message"].startswith("file: ")
    assert api.client.post("/v1/sessions/import", data={"title": "x"}).status_code in (400, 415)
    assert api.get("/v1/sessions")["data"] == []


def test_a_budget_needs_the_prices_of_all_who_may_be_called(api: Api, model: FakeModel) -> None:
    for name in ("claude-test", "nobody-knows"):
        api.ok("PUT", "/v1/cost_report/pricing", {"model": name, "input": "1", "output": "1"})
    team = {"type": "coordinator", "agents": [{"type": "advisor", "model": "nobody-knows"}]}
    limit = {"type": "limit", "max_list_cost": {"amount": "100", "currency": "USD"}}
    session = api.session(api.agent(multiagent=team), budget=limit)
    bundle = export(api, session)
    import_(api, bundle)
    api.ok("DELETE", "/v1/cost_report/pricing?model=nobody-knows")
    refused = send(api, bundle)
    assert refused.status_code == 400
    assert "the price of 'nobody-knows' is not known" in refused.text
