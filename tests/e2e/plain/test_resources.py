"""Repositories and variables of a session: attached, listed, given new secrets and detached; never shown whole."""

from typing import Any

import pytest

from tests.support.api import Api, Json

REPOSITORY: Json = {"type": "github_repo", "repo_url": "https://github.com/acme/tools.git"}
TOKEN: Json = {"authorization_token": "canary-token"}
VARIABLE: Json = {"type": "env_secret", "name": "API_KEY", "value": "canary-value\nof two lines"}


def refused(api: Api, resource: Json) -> Any:
    """The answer to a resource that must not be taken, in a new session or an old one."""
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"], "resources": [resource]}
    answer = api.call("POST", "/v1/sessions", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("resources.0")
    assert api.get("/v1/sessions")["data"] == []
    session = api.session()
    added = api.call("POST", f"/v1/sessions/{session}/resources", resource)
    assert added.status_code == 400, added.text
    assert api.get(f"/v1/sessions/{session}/resources")["data"] == []
    assert "canary" not in answer.text + added.text
    return added.json()["error"]


def test_resources_are_shown_under_their_own_names_without_secrets(api: Api) -> None:
    session = api.session(resources=[REPOSITORY | TOKEN, VARIABLE])
    shown = api.get(f"/v1/sessions/{session}")["resources"]
    assert api.get(f"/v1/sessions/{session}/resources")["data"] == shown
    repository, variable = shown
    assert (repository["type"], repository["url"]) == ("github_repository", REPOSITORY["repo_url"])
    assert (repository["mount_path"], repository["checkout"]) == ("/workspace/tools", None)
    assert (variable["type"], variable["name"]) == ("env", "API_KEY")
    for one in shown:
        assert one["session_id"] == session
        assert api.get(f"/v1/sessions/{session}/resources/{one['id']}") == one
        assert not {"sealed", "value", "authorization_token"} & one.keys()
    assert "canary" not in str(shown)


def test_resources_come_and_go_later(api: Api) -> None:
    session = api.session()
    path = f"/v1/sessions/{session}/resources"
    for wanted in (REPOSITORY | TOKEN, VARIABLE):
        added = api.call("POST", path, wanted)
        assert added.status_code == 201
        assert "canary" not in added.text
        assert api.get(path)["data"] == [added.json()]
        gone = api.ok("DELETE", f"{path}/{added.json()['id']}")
        assert gone == {"id": added.json()["id"], "type": "resource_deleted"}
        assert api.call("DELETE", f"{path}/{added.json()['id']}").status_code == 404
        assert api.get(path)["data"] == []


@pytest.mark.parametrize(
    ("wanted", "change"),
    [(REPOSITORY, {"authorization_token": "canary-new"}), (VARIABLE, {"value": "canary-new"})],
    ids=["repository", "variable"],
)
def test_a_new_secret_changes_nothing_that_is_shown(api: Api, wanted: Json, change: Json) -> None:
    session = api.session(resources=[wanted])
    (made,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    path = f"/v1/sessions/{session}/resources/{made['id']}"
    for verb in ("POST", "PATCH", "PUT"):
        after = api.call(verb, path, change)
        assert after.status_code == 200
        assert "canary" not in after.text
        assert after.json() | {"updated_at": ""} == made | {"updated_at": ""}
    for wrong in ({}, {"url": "https://github.com/acme/other"}, {next(iter(change)): None}):
        assert api.call("POST", path, wrong).status_code == 400


def test_a_file_takes_no_secret(api: Api) -> None:
    file = api.post("/v1/files", filename="a.txt", content="words", media_type="text/plain")["id"]
    session = api.session(resources=[{"type": "file", "file_id": file}])
    (made,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    path = f"/v1/sessions/{session}/resources/{made['id']}"
    assert api.call("POST", path, TOKEN).status_code == 400
    assert api.call("POST", f"/v1/sessions/{session}/resources/sesrsc_0", TOKEN).status_code == 404


@pytest.mark.parametrize(
    "resource",
    [
        {"type": "github_repository"},
        {"type": "github_repository", "url": "git@github.com:acme/tools.git"},
        {"type": "github_repository", "url": "https://canary:canary@github.com/acme/tools"},
        {"type": "github_repository", "url": "https://github.com/acme/tools?token=canary"},
        REPOSITORY | {"mount_path": "tools"},
        REPOSITORY | {"mount_path": "/etc"},
        REPOSITORY | {"mount_path": "/workspace/../etc"},
        REPOSITORY | {"mount_path": "/mnt/session/uploads"},
        REPOSITORY | {"authorization_token": "canary\ntwo"},
        REPOSITORY | {"authorization_token": ""},
        REPOSITORY | {"checkout": {"type": "branch", "name": "--upload-pack=x"}},
        REPOSITORY | {"checkout": {"type": "commit", "sha": "xyz"}},
        REPOSITORY | {"checkout": {"type": "commit"}},
        {"type": "env", "name": "A"},
        {"type": "env", "name": "A B", "value": "canary"},
        {"type": "env", "name": "A=B", "value": "canary"},
        {"type": "env", "value": "canary"},
        {"type": "memory_store"},
        {"type": "file"},
        {"type": "moon", "value": "canary"},
        {"value": "canary"},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_without_repeating_its_secrets(api: Api, resource: Json) -> None:
    assert refused(api, resource)["type"] == "invalid_request"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (REPOSITORY, {"type": "github_repository", "url": "https://github.com/other/tools"}),
        (REPOSITORY, REPOSITORY | {"mount_path": "/workspace//tools/"}),
        (VARIABLE, {"type": "env", "name": "API_KEY", "value": "canary"}),
    ],
    ids=["same name", "same place", "same variable"],
)
def test_two_of_a_session_do_not_share_a_place_or_a_name(api: Api, first: Json, second: Json) -> None:
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"], "resources": [first, second]}
    assert api.call("POST", "/v1/sessions", body).status_code == 400
    session = api.session(resources=[first])
    assert api.call("POST", f"/v1/sessions/{session}/resources", second).status_code == 400
    assert len(api.get(f"/v1/sessions/{session}/resources")["data"]) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [("x", "x"), ("x", "/mnt/session/uploads/./x"), ("x", "x/y"), ("x/y", "x"), ("/workspace/tools", "repository")],
)
def test_nothing_shares_the_place_of_a_file(api: Api, first: str, second: str) -> None:
    file = api.post("/v1/files", filename="a.txt", content="a", media_type="text/plain")["id"]
    one = {"type": "file", "file_id": file, "mount_path": first}
    other = REPOSITORY if second == "repository" else one | {"mount_path": second}
    body = {"agent": api.agent()["id"], "environment_id": api.environment()["id"], "resources": [one, other]}
    answer = api.call("POST", "/v1/sessions", body)
    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (400, "resources.1.mount_path")
    assert [kept["id"] for kept in api.get("/v1/files")["data"]] == [file]
    session = api.session(resources=[one])
    assert api.call("POST", f"/v1/sessions/{session}/resources", other).status_code == 400
    assert len(api.get("/v1/files")["data"]) == 2
    api.post(f"/v1/sessions/{session}/resources", **one | {"mount_path": "elsewhere"})


def test_a_variable_may_be_called_like_a_store(api: Api) -> None:
    store = api.post("/v1/memory_stores", name="API_KEY")["id"]
    session = api.session(resources=[{"type": "memory_store", "memory_store_id": store}, VARIABLE])
    assert len(api.get(f"/v1/sessions/{session}/resources")["data"]) == 2


def test_a_file_whose_copy_was_removed_can_be_detached(api: Api) -> None:
    file = api.post("/v1/files", filename="a.txt", content="a", media_type="text/plain")["id"]
    session = api.session(resources=[{"type": "file", "file_id": file}])
    (resource,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    api.ok("DELETE", f"/v1/files/{resource['file_id']}")
    api.ok("DELETE", f"/v1/sessions/{session}/resources/{resource['id']}")
    assert api.get(f"/v1/sessions/{session}/resources")["data"] == []


@pytest.mark.parametrize(("kind", "field"), [("file", "file_id"), ("memory_store", "memory_store_id")])
def test_an_unknown_thing_is_not_found_under_its_fields_name(api: Api, kind: str, field: str) -> None:
    session = api.session()
    answer = api.call("POST", f"/v1/sessions/{session}/resources", {"type": kind, field: "unknown"})
    assert answer.status_code == 404
    assert answer.json()["error"]["details"] == {"field": field}
    assert answer.json()["message"].startswith(f"{field}: ")


def test_an_archived_session_takes_and_changes_none(api: Api) -> None:
    session = api.session(resources=[REPOSITORY | TOKEN])
    (made,) = api.get(f"/v1/sessions/{session}/resources")["data"]
    api.post(f"/v1/sessions/{session}/archive")
    path = f"/v1/sessions/{session}/resources"
    assert api.call("POST", path, VARIABLE).status_code == 409
    assert api.call("POST", f"{path}/{made['id']}", TOKEN).status_code == 409
    assert api.call("DELETE", f"{path}/{made['id']}").status_code == 409
    assert api.get(path)["data"] == [made]
