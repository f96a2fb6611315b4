"""A route made ready to serve: what can be worked out from its table entry once, at start."""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.http.bodies import WITH_BODY
from chalicelib.http.queries import QueryReader
from chalicelib.http.route import Door, Route


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route of a door. ``waits``: its handler is a coroutine function."""

    door: Door
    route: Route
    query: QueryReader | None
    waits: bool

    @property
    def path(self) -> str:
        return self.route.path

    @property
    def methods(self) -> tuple[str, ...]:
        return self.route.methods

    @property
    def owner(self) -> str:
        return self.door.name

    def reads_body(self, method: str) -> bool:
        """Whether the pipeline looks at a body sent with this method."""
        return method in WITH_BODY or (method == "DELETE" and self.route.body is not None)


def endpoints(doors: Iterable[Door]) -> list[Endpoint]:
    """The endpoints of all doors, in the order of their tables."""
    return [_endpoint(door, route) for door in doors for route in door.routes]


def _endpoint(door: Door, route: Route) -> Endpoint:
    query = None if route.query is None else QueryReader(route.query)
    call = getattr(route.handler, "__call__", None)  # noqa: B004 - an object's own coroutine method counts
    waits = inspect.iscoroutinefunction(route.handler) or inspect.iscoroutinefunction(call)
    return Endpoint(door, route, query, waits)
