"""Secrets in a session's resources: sealed in its rows, opened in their own place alone, replaced by a rotation."""

from dataclasses import replace

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import new_id
from chalicelib.events.log import SessionRef
from chalicelib.sessions.resources import Checkout, Resource, SessionResources, demand_apart
from chalicelib.sessions.service import SessionDraft
from chalicelib.storage.errors import SecretUnreadable
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

URL = "https://github.com/acme/tools"


@pytest.fixture
def resources(services: Services) -> SessionResources:
    return services.session_resources


@pytest.fixture
def ref() -> SessionRef:
    return SessionRef(Space("tenant"), new_id())


def repository(resources: SessionResources, ref: SessionRef, token: str | None = "canary") -> Resource:
    """A repository at its usual place."""
    return resources.repository(ref, new_id(), URL, "/workspace/tools", Checkout("branch", "main"), token)


def create(services: Services, ref: SessionRef, *made: Resource) -> None:
    """A session with resources."""
    agent = {"id": new_id(), "version": 1, "name": "a", "origin": "plain", "tools": []}
    draft = SessionDraft(agent=agent, environment_id=new_id(), resources=list(made))
    services.sessions.create(ref.space, draft, ref.id)


def test_the_sandbox_is_given_what_the_client_asked_for(resources: SessionResources, ref: SessionRef) -> None:
    made = [repository(resources, ref), resources.variable(ref, new_id(), "KEY", "line one\nline two")]
    (repo,) = resources.repositories(ref, made)
    assert (repo.url, repo.mount_path, repo.checkout) == (URL, "/workspace/tools", Checkout("branch", "main"))
    assert repo.token() == "canary"
    (variable,) = resources.variables(ref, made)
    assert (variable.name, variable.value()) == ("KEY", "line one\nline two")


def test_a_repository_without_a_token_has_none(resources: SessionResources, ref: SessionRef) -> None:
    made = resources.repository(ref, new_id(), URL, "/workspace/tools", None, None)
    (repo,) = resources.repositories(ref, [made])
    assert (repo.token(), repo.checkout) == (None, None)


def test_every_variable_opens_its_own_value(resources: SessionResources, ref: SessionRef) -> None:
    made = [resources.variable(ref, new_id(), f"K{n}", f"v{n}") for n in range(5)]
    assert [one.value() for one in resources.variables(ref, made)] == [f"v{n}" for n in range(5)]


def test_rows_hold_secrets_sealed(services: Services, resources: SessionResources, ref: SessionRef) -> None:
    create(services, ref, repository(resources, ref), resources.variable(ref, new_id(), "KEY", "canary"))
    rows = repr(list(services.table.walk(ref.pk)))
    assert "lbs1." in rows
    assert "canary" not in rows
    spec = services.sessions.get(ref).spec
    assert [one.token() for one in resources.repositories(ref, spec.resources)] == ["canary"]
    assert "canary" not in repr(resources.repositories(ref, spec.resources))


def test_a_secret_opens_in_its_own_session_alone(resources: SessionResources, ref: SessionRef) -> None:
    made = repository(resources, ref)
    for other in (replace(ref, id=new_id()), replace(ref, space=Space("other"))):
        (repo,) = resources.repositories(other, [made])
        with pytest.raises(SecretUnreadable):
            repo.token()
    (moved,) = resources.repositories(ref, [made | {"id": new_id()}])
    with pytest.raises(SecretUnreadable):
        moved.token()


def test_a_rotation_replaces_the_secret_alone(resources: SessionResources, ref: SessionRef) -> None:
    made = repository(resources, ref)
    after = resources.rotated(ref, made, "new", None)
    assert resources.repositories(ref, [after])[0].token() == "new"
    assert {name for name in made if made[name] != after[name]} <= {"sealed", "updated_at"}
    variable = resources.rotated(ref, resources.variable(ref, new_id(), "KEY", "old"), None, "new")
    assert resources.variables(ref, [variable])[0].value() == "new"


def test_a_rotation_needs_the_secret_of_its_kind(resources: SessionResources, ref: SessionRef) -> None:
    file = {"id": new_id(), "type": "file"}
    variable = resources.variable(ref, new_id(), "KEY", "old")
    for resource, token, value in (
        (repository(resources, ref), None, "v"),
        (variable, "t", None),
        (file, "t", "v"),
    ):
        with pytest.raises(InvalidRequest):
            resources.rotated(ref, resource, token, value)


def test_places_and_names_stand_once(resources: SessionResources, ref: SessionRef) -> None:
    there = [repository(resources, ref), resources.variable(ref, new_id(), "KEY", "v")]
    for made, field in (
        (repository(resources, ref), "resources.2.mount_path"),
        (resources.variable(ref, new_id(), "KEY", "w"), "resources.2.name"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            demand_apart(there, made, "resources.2")
        assert refused.value.field == field
    demand_apart(there, there[0], "")
    demand_apart(there, resources.variable(ref, new_id(), "OTHER", "w"), "")
