"""Resources of a session, each at its own place. Their secrets stay sealed up to the sandbox."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest
from chalicelib.events.log import SessionRef
from chalicelib.sessions.mounts import file_place
from chalicelib.storage.secrets import SecretBox

FILE, REPOSITORY, VARIABLE = "file", "github_repository", "env"
_PURPOSE = "session-resource"
Resource = dict[str, Any]
"""A resource as the session's spec holds it; ``sealed`` is what must not be shown."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What of a repository is wanted."""

    type: Literal["branch", "commit"]
    name: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository to be cloned to ``mount_path``; ``token`` opens the secret, None when there is none."""

    id: str
    url: str
    mount_path: str
    checkout: Checkout | None
    token: Callable[[], str | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class EnvSecret:
    """A variable for commands; ``value`` opens the secret."""

    id: str
    name: str
    value: Callable[[], str] = field(repr=False)


class SessionResources:
    """Seals and opens what is secret in a session's resources."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def repository(
        self, ref: SessionRef, resource_id: str, url: str, mount_path: str, checkout: Checkout | None, token: str | None
    ) -> Resource:
        """A repository, as it is kept."""
        shown = None if checkout is None else {"type": checkout.type, "name": checkout.name}
        facts = {"url": url, "mount_path": mount_path, "checkout": shown}
        return self._made(ref, resource_id, REPOSITORY, facts, token)

    def variable(self, ref: SessionRef, resource_id: str, name: str, value: str) -> Resource:
        """A variable, as it is kept."""
        return self._made(ref, resource_id, VARIABLE, {"name": name}, value)

    def _made(
        self, ref: SessionRef, resource_id: str, kind: str, facts: dict[str, Any], secret: str | None
    ) -> Resource:
        now = now_ms()
        sealed = None if secret is None else self._seal(ref, resource_id, secret)
        return {"id": resource_id, "type": kind, **facts, "created_at": now, "updated_at": now, "sealed": sealed}

    def rotated(self, ref: SessionRef, resource: Resource, token: str | None, value: str | None) -> Resource:
        """The resource with a new secret. Raises InvalidRequest when it is of a kind without one, or none was sent."""
        wanted = {REPOSITORY: ("authorization_token", token), VARIABLE: ("value", value)}.get(resource["type"])
        if wanted is None:
            raise InvalidRequest(f"a resource of type {resource['type']} cannot be changed")
        name, secret = wanted
        if secret is None:
            raise InvalidRequest(f"{name}: field required", field=name)
        return resource | {"updated_at": now_ms(), "sealed": self._seal(ref, resource["id"], secret)}

    def moved(self, source: SessionRef, target: SessionRef, resource: Resource, resource_id: str) -> Resource:
        """The resource of one session as another has it, its secret sealed anew. May raise SecretUnreadable."""
        made = resource | {"id": resource_id}
        if resource.get("sealed") is not None:
            made["sealed"] = self._seal(target, resource_id, self._open(source, resource))
        return made

    def repositories(self, ref: SessionRef, resources: Iterable[Resource]) -> tuple[Repository, ...]:
        """The repositories among resources, in their order. Opening a token may raise SecretUnreadable."""
        return tuple(
            Repository(
                one["id"],
                one["url"],
                one["mount_path"],
                None if one["checkout"] is None else Checkout(**one["checkout"]),
                self._opener(ref, one),
            )
            for one in resources
            if one["type"] == REPOSITORY
        )

    def variables(self, ref: SessionRef, resources: Iterable[Resource]) -> tuple[EnvSecret, ...]:
        """The variables among resources, in their order. Opening a value may raise SecretUnreadable."""
        return tuple(
            EnvSecret(one["id"], one["name"], lambda one=one: self._open(ref, one))  # type: ignore[misc]
            for one in resources
            if one["type"] == VARIABLE
        )

    def _opener(self, ref: SessionRef, resource: Resource) -> Callable[[], str | None]:
        return lambda: None if resource["sealed"] is None else self._open(ref, resource)

    def _open(self, ref: SessionRef, resource: Resource) -> str:
        return self._box.open_text(ref.space, _PURPOSE, _owner(ref, resource["id"]), resource["sealed"])

    def _seal(self, ref: SessionRef, resource_id: str, secret: str) -> str:
        return self._box.seal(ref.space, _PURPOSE, _owner(ref, resource_id), secret)


def demand_apart(resources: Iterable[Resource], made: Resource, place: str) -> None:
    """A new file or repository has a place of its own, a new variable a name of its own. Raises InvalidRequest."""
    field = {FILE: "mount_path", REPOSITORY: "mount_path", VARIABLE: "name"}.get(made["type"])
    if field is None:
        return
    name = f"{place}.{field}" if place else field
    for other in resources:
        if other["id"] != made["id"] and _meet(other, made):
            raise InvalidRequest(f"{name}: another resource of the session has {made[field]!r}", field=name)


def _meet(one: Resource, other: Resource) -> bool:
    """Whether both cannot be had at once. In a repository files may stand, but nothing can stand below a file."""
    if VARIABLE in (one["type"], other["type"]):
        return one["type"] == other["type"] and bool(one["name"] == other["name"])
    places = {_place(one), _place(other)}
    if None in places:
        return False
    return len(places) == 1 or _is_below(one, other) or _is_below(other, one)


def _is_below(one: Resource, file: Resource) -> bool:
    return file["type"] == FILE and f"{_place(one)}/".startswith(f"{_place(file)}/")


def _place(resource: Resource) -> str | None:
    """Where it stands, for what is put at a place of the client's choice."""
    if resource["type"] == FILE:
        return file_place(resource["mount_path"])
    return str(resource["mount_path"]) if resource["type"] == REPOSITORY else None


def _owner(ref: SessionRef, resource_id: str) -> str:
    return f"{ref.id}/{resource_id}"
