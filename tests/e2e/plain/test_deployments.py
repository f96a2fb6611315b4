"""Deployments for plain clients: what they hold and show, runs by hand and by the clock, pauses, archives, lists."""

import time
from typing import Any

import pytest

from tests.support.api import SDK_HEADERS, Api, Json, message, text_of, wait_for

UNKNOWN_PICTURE: Json = {"type": "image", "source": {"type": "file", "file_id": "file_unknown"}}
CRON: Json = {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "America/New_York"}


@pytest.fixture
def deploy(api: Api) -> Any:
    """Makes deployments of one agent in one environment."""
    agent, environment = api.agent()["id"], api.environment()["id"]

    def make(**fields: Any) -> Json:
        basis = {"name": "Nightly", "agent": agent, "environment_id": environment}
        return api.post("/v1/deployments", **(basis | {"initial_events": [message("tokens:2")]} | fields))

    return make


def path(deployment: Json, act: str = "") -> str:
    """The route of a deployment."""
    return f"/v1/deployments/{deployment['id']}{act}"


def refused(api: Api, method: str, route: str, status: int, body: Json | None = None) -> Json:
    """A request that must fail; the error."""
    answer = api.call(method, route, body)
    assert answer.status_code == status, answer.text
    error: Json = answer.json()["error"]
    return error


def test_a_deployment_shows_what_it_was_made_of(api: Api, deploy: Any) -> None:
    vault = api.post("/v1/vaults", name="Keys")["id"]
    uploaded = api.post("/v1/files", filename="a.txt", content="x", media_type="text/plain")["id"]
    made = deploy(
        schedule=CRON,
        description="Looks after things",
        metadata={"team": "a"},
        vault_ids=[vault],
        resources=[
            {"type": "file", "file_id": uploaded},
            {"type": "github_repository", "url": "https://example.com/a/b", "authorization_token": "canary-token"},
            {"type": "env_secret", "name": "TOKEN", "value": "canary-value"},
        ],
        initial_events=[
            {"type": "user.message", "content": "hello"},
            {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]},
        ],
    )
    assert made["initial_events"] == [
        {"type": "user.message", "content": [{"type": "text", "text": "hello"}]},
        {"type": "system.message", "content": [{"type": "text", "text": "Be brief."}]},
    ]
    assert [sorted(one) for one in made["resources"]] == [
        ["file_id", "mount_path", "type"],
        ["checkout", "mount_path", "type", "url"],
        ["name", "type"],
    ]
    assert [one["type"] for one in made["resources"]] == ["file", "github_repository", "env"]
    assert (made["status"], made["paused_reason"], made["archived_at"]) == ("active", None, None)
    assert (made["vault_ids"], made["metadata"], made["description"]) == ([vault], {"team": "a"}, "Looks after things")
    assert made["agent"] == {"type": "agent", "id": made["agent"]["id"], "version": 1}
    assert len(made["schedule"]["upcoming_runs_at"]) == 5
    assert made["schedule"]["last_run_at"] is None
    answer = api.call("GET", path(made))
    assert answer.json() == made
    assert "canary" not in answer.text


def test_a_run_by_hand_is_a_running_session_with_everything_in_it(api: Api, deploy: Any) -> None:
    made = deploy(
        resources=[
            {"type": "github_repository", "url": "https://example.com/a/b", "authorization_token": "canary-token"},
            {"type": "env", "name": "TOKEN", "value": "canary-value"},
        ],
        initial_events=[message('say:"well done"')],
    )
    run = api.post(path(made, "/run"))
    assert (run["deployment_id"], run["agent"], run["error"]) == (made["id"], made["agent"], None)
    assert run["trigger_context"] == {"type": "manual"}
    session = api.wait_idle(run["session_id"])
    assert session["deployment_id"] == made["id"]
    assert [one["type"] for one in session["resources"]] == ["github_repository", "env"]
    assert text_of(api.log(run["session_id"])) == ["well done"]
    assert api.get(f"/v1/deployment_runs/{run['id']}") == run
    other = api.session()
    listed = api.get("/v1/sessions", deployment_id=made["id"])["data"]
    assert [one["id"] for one in listed] == [run["session_id"]]
    assert other not in [one["id"] for one in listed]
    assert api.get(path(made))["schedule"] is None


def test_each_initial_message_of_a_plain_client_has_its_turn(api: Api, deploy: Any) -> None:
    made = deploy(initial_events=[message('say:"one" a'), message('say:"two" b')])
    session = api.post(path(made, "/run"))["session_id"]
    api.wait_idle(session)
    assert text_of(api.log(session)) == ["one", "two"]


def test_the_same_key_runs_and_creates_once(api: Api, deploy: Any) -> None:
    made = deploy()
    headers = {"idempotency-key": "once"}
    runs = [api.call("POST", path(made, "/run"), headers=headers).json() for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(api.get("/v1/deployment_runs", deployment_id=made["id"])["data"]) == 1
    body = {name: made[name] for name in ("name", "agent", "environment_id", "initial_events")}
    twice = [api.call("POST", "/v1/deployments", body, headers=headers).json() for _ in range(2)]
    assert twice[0]["id"] == twice[1]["id"] != made["id"]


def test_a_string_pins_the_version_of_that_moment(api: Api, deploy: Any) -> None:
    made = deploy()
    agent = made["agent"]["id"]
    api.post(f"/v1/agents/{agent}", version=1, name="Renamed")
    run = api.post(path(made, "/run"))
    assert run["agent"]["version"] == api.get(f"/v1/sessions/{run['session_id']}")["agent_version"] == 1
    assert api.post(path(made), agent=agent)["agent"]["version"] == 2
    assert api.post(path(made), agent={"type": "agent", "id": agent, "version": 1})["agent"]["version"] == 1
    refused(api, "POST", path(made), 404, {"agent": {"type": "agent", "id": agent, "version": 7}})


def test_changes_keep_what_was_not_sent(api: Api, deploy: Any) -> None:
    made = deploy(schedule=CRON, metadata={"a": "1", "b": "2"}, description="old")
    changed = api.post(path(made), description=None, metadata={"a": None, "c": "3"})
    assert (changed["description"], changed["metadata"]) == (None, {"b": "2", "c": "3"})
    for name in ("name", "agent", "environment_id", "initial_events", "schedule", "created_at"):
        assert changed[name] == made[name]
    assert api.post(path(made), schedule=None)["schedule"] is None
    berlin = CRON | {"timezone": "Europe/Berlin"}
    assert api.post(path(made), schedule=berlin)["schedule"]["timezone"] == "Europe/Berlin"
    for field in ("name", "agent", "environment_id", "initial_events"):
        refused(api, "POST", path(made), 400, {field: None})


def test_upcoming_runs_keep_the_time_of_day_when_the_clocks_are_set(deploy: Any) -> None:
    daily = deploy(schedule=CRON | {"expression": "30 2 8 3,11 *"})["schedule"]["upcoming_runs_at"]
    offsets = {at[5:7]: at[11:16] for at in daily}
    assert set(offsets) == {"03", "11"}
    assert offsets["11"] == "07:30"
    assert offsets["03"] in ("07:30", "06:30")


def test_pause_stops_the_schedule_alone(api: Api, deploy: Any) -> None:
    made = deploy(schedule=CRON)
    paused = api.post(path(made, "/pause"))
    assert (paused["status"], paused["paused_reason"]) == ("paused", {"type": "manual"})
    assert len(paused["schedule"]["upcoming_runs_at"]) == 5
    assert api.post(path(made, "/pause"))["updated_at"] == paused["updated_at"]
    assert api.post(path(made, "/run"))["session_id"] is not None
    resumed = api.post(path(made, "/unpause"))
    assert (resumed["status"], resumed["paused_reason"]) == ("active", None)


def test_an_archived_environment_fails_a_run_and_pauses(api: Api, deploy: Any) -> None:
    made = deploy(schedule=CRON)
    api.post(f"/v1/environments/{made['environment_id']}/archive")
    run = api.post(path(made, "/run"))
    assert (run["session_id"], run["error"]["type"]) == (None, "environment_archived_error")
    paused = api.get(path(made))
    assert paused["status"] == "paused"
    assert paused["paused_reason"] == {"type": "error", "error": {"type": "environment_archived_error"}}
    elsewhere = api.environment()["id"]
    assert api.post(path(made), environment_id=elsewhere)["status"] == "paused"
    assert api.post(path(made, "/unpause"))["paused_reason"] is None
    assert api.post(path(made, "/run"))["error"] is None


def test_an_archived_deployment_does_nothing_more(api: Api, deploy: Any) -> None:
    made = deploy(schedule=CRON)
    api.post(path(made, "/pause"))
    archived = api.post(path(made, "/archive"))
    assert archived["archived_at"] is not None
    assert (archived["status"], archived["paused_reason"]) == ("active", None)
    assert archived["schedule"]["upcoming_runs_at"] == []
    assert api.post(path(made, "/archive")) == archived
    for act in ("/run", "/pause", "/unpause", ""):
        assert refused(api, "POST", path(made, act), 400, {"name": "x"})["code"] == "deployment_archived"
    assert api.get("/v1/deployments")["data"] == []
    assert [one["id"] for one in api.get("/v1/deployments", include_archived="true")["data"]] == [made["id"]]


def test_an_agents_archive_takes_its_deployments_along(api: Api, deploy: Any) -> None:
    made = [deploy(schedule=CRON) for _ in range(2)]
    other = deploy(agent=api.agent()["id"])
    api.post(f"/v1/agents/{made[0]['agent']['id']}/archive")
    assert all(api.get(path(one))["archived_at"] for one in made)
    assert api.get(path(other))["archived_at"] is None
    body = {name: made[0][name] for name in ("name", "agent", "environment_id", "initial_events")}
    assert refused(api, "POST", "/v1/deployments", 400, body)["code"] == "agent_archived"


def test_lists_are_filtered_and_paged(api: Api, deploy: Any) -> None:
    first, second = deploy(name="first"), deploy(name="second", agent=api.agent()["id"])
    api.post(path(first, "/pause"))

    def names(**query: str) -> list[str]:
        return [one["name"] for one in api.get("/v1/deployments", **query)["data"]]

    assert names() == ["second", "first"]
    assert (names(status="active"), names(status="paused")) == (["second"], ["first"])
    assert names(agent_id=second["agent"]["id"]) == ["second"]
    assert names(agent_id="agent_unknown") == []
    assert names(**{"created_at[gte]": second["created_at"]}) == ["second"]
    page = api.get("/v1/deployments", limit=1)
    assert [one["name"] for one in page["data"]] == ["second"]
    assert [one["name"] for one in api.get("/v1/deployments", limit=1, page=page["next_page"])["data"]] == ["first"]
    refused(api, "GET", "/v1/deployments?status=active&include_archived=true", 400)
    refused(api, "GET", "/v1/deployments?status=idle", 400)


def test_lists_of_runs_are_filtered_and_paged(api: Api, deploy: Any) -> None:
    sound, broken = deploy(), deploy(environment_id=api.environment()["id"])
    api.post(f"/v1/environments/{broken['environment_id']}/archive")
    runs = [api.post(path(sound, "/run")) for _ in range(2)]
    failed = api.post(path(broken, "/run"))

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in api.get("/v1/deployment_runs", **query)["data"]]

    newest_first = [failed["id"], runs[1]["id"], runs[0]["id"]]
    assert ids() == newest_first
    assert ids(deployment_id=sound["id"]) == newest_first[1:]
    assert ids(has_error="true") == [failed["id"]]
    assert ids(has_error="false", deployment_id=broken["id"]) == []
    assert (ids(trigger_type="manual"), ids(trigger_type="schedule")) == (newest_first, [])
    assert ids(deployment_id="depl_" + "0" * 32) == ids(deployment_id="nonsense") == []
    assert ids(**{"created_at[gt]": runs[1]["created_at"]}) == [failed["id"]]
    page = api.get("/v1/deployment_runs", deployment_id=sound["id"], limit=1)
    assert page["data"][0]["id"] == runs[1]["id"]
    rest = api.get("/v1/deployment_runs", deployment_id=sound["id"], limit=1, page=page["next_page"])
    assert ([one["id"] for one in rest["data"]], rest["next_page"]) == ([runs[0]["id"]], None)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"initial_events": []},
        {"initial_events": [message("x")] * 51},
        {"initial_events": [{"type": "user.interrupt"}]},
        {"initial_events": [{"type": "system.message", "content": [{"type": "text", "text": "x"}]}]},
        {"schedule": CRON | {"expression": "@daily"}},
        {"schedule": CRON | {"expression": "* * * * * *"}},
        {"schedule": CRON | {"expression": "0 0 L * *"}},
        {"schedule": CRON | {"timezone": "Mars/Base"}},
        {"schedule": {"type": "cron", "expression": "* * * * *"}},
        {"schedule": CRON | {"type": "interval"}},
        {"metadata": {"k" * 65: "v"}},
        {"vault_ids": ["vlt_x"] * 51},
        {
            "initial_events": [
                message("x") | {"content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}
            ]
        },
    ],
)
def test_what_cannot_be_a_deployment_is_refused(api: Api, deploy: Any, fields: Json) -> None:
    sound = deploy()
    body = {name: sound[name] for name in ("name", "agent", "environment_id", "initial_events")}
    for headers in ({}, SDK_HEADERS):
        assert api.call("POST", "/v1/deployments", body | fields, headers=headers).status_code == 400
    assert api.call("POST", path(sound), fields).status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"agent": "agent_" + "0" * 32},
        {"environment_id": "env_" + "0" * 32},
        {"vault_ids": ["vlt_" + "0" * 32]},
        {"resources": [{"type": "file", "file_id": "file_" + "0" * 32}]},
        {"resources": [{"type": "memory_store", "memory_store_id": "memstore_" + "0" * 32}]},
    ],
)
def test_what_it_names_has_to_exist(api: Api, deploy: Any, fields: Json) -> None:
    sound = deploy()
    body = {name: sound[name] for name in ("name", "agent", "environment_id", "initial_events")}
    refused(api, "POST", "/v1/deployments", 404, body | fields)
    refused(api, "POST", path(sound), 404, fields)


def test_unknown_ids_are_not_found(api: Api) -> None:
    for one in ("depl_" + "0" * 32, "nonsense"):
        refused(api, "GET", f"/v1/deployments/{one}", 404)
        refused(api, "POST", f"/v1/deployments/{one}/run", 404)
    for one in ("drun_" + "0" * 32, "nonsense"):
        refused(api, "GET", f"/v1/deployment_runs/{one}", 404)


@pytest.mark.long
def test_the_clock_runs_what_is_due_within_a_second(api: Api, deploy: Any) -> None:
    made = deploy(schedule=CRON | {"expression": "* * * * *"})

    def fired() -> list[Json]:
        runs: list[Json] = api.get("/v1/deployment_runs", deployment_id=made["id"])["data"]
        return runs

    time.sleep(max(0.0, 59.5 - time.time() % 60))
    (run,) = wait_for(fired, "the next minute", within=70)
    assert run["trigger_context"] == {"type": "schedule", "scheduled_at": made["schedule"]["upcoming_runs_at"][0]}
    assert run["created_at"][:19] in (run["trigger_context"]["scheduled_at"][:18] + second for second in "0123")
    api.wait_idle(run["session_id"])
    after = api.get(path(made))["schedule"]
    assert after["last_run_at"] is not None
    assert after["upcoming_runs_at"][0] > run["trigger_context"]["scheduled_at"]
    api.post(path(made, "/archive"))
