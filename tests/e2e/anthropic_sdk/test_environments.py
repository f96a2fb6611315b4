"""Environments: filled settings, partial updates, archive and removal."""

from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import make_agent, make_environment, make_session, turn, types

NOTHING = {"type": "packages", "apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []}


def test_an_environment_without_settings_is_an_open_cloud_without_packages(either: Anthropic) -> None:
    made = either.beta.environments.create(name="Bare")
    assert (made.type, made.name, made.archived_at) == ("environment", "Bare", None)
    assert made.config.to_dict() == {"type": "cloud", "networking": {"type": "unrestricted"}, "packages": NOTHING}
    assert either.beta.environments.retrieve(made.id).to_dict() == made.to_dict()


def test_a_partial_update_keeps_the_rest(client: Anthropic) -> None:
    made = make_environment(
        client,
        description="D",
        metadata={"a": "1"},
        config={
            "type": "cloud",
            "networking": {"type": "limited", "allowed_hosts": ["example.com"], "allow_package_managers": True},
            "packages": {"type": "packages", "pip": ["httpx"]},
        },
    )
    changed = client.beta.environments.update(
        made.id, config={"type": "cloud", "packages": {"type": "packages", "npm": ["left-pad"]}}
    )
    config: Any = changed.config
    assert config.networking.to_dict() == {
        "type": "limited",
        "allowed_hosts": ["example.com"],
        "allow_mcp_servers": False,
        "allow_package_managers": True,
    }
    assert (config.packages.pip, config.packages.npm) == (["httpx"], ["left-pad"])
    assert (changed.name, changed.description, changed.metadata) == (made.name, "D", {"a": "1"})
    renamed = client.beta.environments.update(made.id, name="Renamed", description=None)
    assert (renamed.name, renamed.description or "") == ("Renamed", "")
    assert renamed.config.to_dict() == config.to_dict()


def test_an_empty_text_is_kept_as_description_and_removes_a_pair(client: Anthropic) -> None:
    environments = client.beta.environments
    made = make_environment(client, description="D", metadata={"a": "1", "b": "2", "c": ""})
    assert made.metadata == {"a": "1", "b": "2", "c": ""}
    changed = environments.update(made.id, description="", metadata={"a": "", "b": None})
    assert (changed.description, changed.metadata) == ("", {"c": ""})
    assert environments.retrieve(made.id).description == ""
    assert environments.update(made.id, description=None).description is None


@pytest.mark.parametrize(
    ("config", "names"),
    [
        pytest.param({"type": "moon"}, "config", id="unknown type"),
        pytest.param(
            {"type": "cloud", "networking": {"type": "limited"}, "packages": {"type": "packages", "pip": ["x"]}},
            "allow_package_managers",
            id="packages without their registries",
        ),
        pytest.param(
            {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["https://example.com"]}},
            "allowed_hosts",
            id="address instead of a host",
        ),
        pytest.param(
            {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["example.com:443"]}},
            "allowed_hosts",
            id="host with a port",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(client: Anthropic, config: Any, names: str) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        make_environment(client, config=config)
    assert names in caught.value.message
    assert client.beta.environments.list().data == []


def test_the_type_cannot_be_changed(client: Anthropic) -> None:
    made = make_environment(client)
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.environments.update(made.id, config={"type": "self_hosted"})
    assert caught.value.body["error"]["details"]["error_code"] == "invalid_config_type_change"  # type: ignore[index]
    assert client.beta.environments.retrieve(made.id).config.type == "cloud"


def test_an_archived_environment_is_kept_but_takes_no_new_session(client: Anthropic) -> None:
    made, agent = make_environment(client), make_agent(client)
    session = make_session(client, agent, environment_id=made.id)
    archived = client.beta.environments.archive(made.id)
    assert archived.archived_at is not None
    assert client.beta.environments.archive(made.id).archived_at == archived.archived_at
    assert client.beta.environments.retrieve(made.id).archived_at == archived.archived_at
    with pytest.raises(anthropic.BadRequestError) as caught:
        make_session(client, agent, environment_id=made.id)
    assert caught.value.body["error"]["details"]["error_code"] == "environment_archived"  # type: ignore[index]
    assert types(turn(client, session.id, "hello"))[-1] == "session.status_idle"
    assert client.beta.environments.list().data == []
    assert [one.id for one in client.beta.environments.list(include_archived=True)] == [made.id]


def test_a_removed_environment_is_gone(either: Anthropic) -> None:
    made = make_environment(either)
    gone = either.beta.environments.delete(made.id)
    assert (gone.id, gone.type) == (made.id, "environment_deleted")
    with pytest.raises(anthropic.NotFoundError):
        either.beta.environments.retrieve(made.id)
    with pytest.raises(anthropic.NotFoundError):
        either.beta.environments.delete(made.id)


def test_an_environment_in_use_is_not_removed(client: Anthropic) -> None:
    made = make_environment(client)
    session = make_session(client, environment_id=made.id)
    with pytest.raises(anthropic.ConflictError) as caught:
        client.beta.environments.delete(made.id)
    assert caught.value.response.headers["x-should-retry"] == "false"
    client.beta.sessions.archive(session.id)
    assert client.beta.environments.delete(made.id).type == "environment_deleted"
    assert client.beta.sessions.retrieve(session.id).environment_id == made.id
