"""Spending limits: a tenant's own, and those the operator sets for it."""

from typing import Any

from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import path_id, tenant_id
from chalicelib.doors.managed.render import spending_limits as render
from chalicelib.doors.managed.schemas import spending_limits as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.spending.errors import LimitNotFound
from chalicelib.spending.limit_draft import LimitCreate, LimitUpdate
from chalicelib.spending.limits import Limit
from chalicelib.storage.keys import Space


def _space(call: Call) -> Space:
    """The tenant: the caller's, or the one of the operator's path. Raises TenantNotFound."""
    if "tenant_id" not in call.path:
        return Space(call.principal.tenant)
    return Space(call.services.tenants.get(tenant_id(call)).id)


def _limit_id(call: Call) -> str:
    return path_id(call, "spl", "limit_id", LimitNotFound)


def _by_operator(call: Call) -> bool:
    return "tenant_id" in call.path


def _shown(call: Call, space: Space, limits: list[Limit]) -> list[dict[str, Any]]:
    counted = call.services.limiting.limits.counted(space, limits)
    return [render.limit(limit, counted.get(limit.id)) for limit in limits]


def create(call: Call) -> Answer:
    """Set a limit; it counts what is spent from now on. With ``blocked``, what runs is stopped."""
    space = _space(call)
    limit_id = None if call.seed is None else derive_id("spending-limit", space.tenant, call.seed)
    made = call.services.limiting.limits.create(space, call.body, limit_id, by_operator=_by_operator(call))
    return Answer(_shown(call, space, [made])[0], 201)


def list_(call: Call) -> Answer:
    """All limits, the operator's too, newest first."""
    space = _space(call)
    return Answer(lists.page(_shown(call, space, call.services.limiting.limits.all(space)), None))


def retrieve(call: Call) -> Answer:
    """One limit."""
    space = _space(call)
    return Answer(_shown(call, space, [call.services.limiting.limits.get(space, _limit_id(call))])[0])


def update(call: Call) -> Answer:
    """Raise, lower or block; it counts at once."""
    space = _space(call)
    after = call.services.limiting.limits.update(space, _limit_id(call), call.body, by_operator=_by_operator(call))
    return Answer(_shown(call, space, [after])[0])


def delete(call: Call) -> Answer:
    """Remove a limit with what it counted."""
    limit_id = _limit_id(call)
    call.services.limiting.limits.delete(_space(call), limit_id, by_operator=_by_operator(call))
    return Answer({"id": render.name(limit_id), "type": "spending_limit_deleted"})


def _routes(all_: str, scopes: tuple[str | None, str], tags: tuple[str, ...], whose: str) -> tuple[Route, ...]:
    one, (reads, writes) = f"{all_}/{{limit_id}}", scopes
    shared: dict[str, Any] = {"scope": writes, "tags": tags}
    seen: dict[str, Any] = {"tags": tags} | ({} if reads is None else {"scope": reads})
    answer = {200: schemas.LimitAnswer}
    return (
        Route(
            ("POST",),
            all_,
            create,
            f"Create a spending limit{whose}",
            body=LimitCreate,
            answers={201: schemas.LimitAnswer},
            errors=(400, 404, 409),
            **shared,
        ),
        Route(("GET",), all_, list_, f"List spending limits{whose}", answers={200: schemas.LimitPage}, **seen),
        Route(("GET",), one, retrieve, f"Retrieve a spending limit{whose}", answers=answer, errors=(404,), **seen),
        Route(
            ("POST", "PATCH", "PUT"),
            one,
            update,
            f"Update a spending limit{whose}",
            body=LimitUpdate,
            answers=answer,
            errors=(403, 404),
            **shared,
        ),
        Route(
            ("DELETE",),
            one,
            delete,
            f"Delete a spending limit{whose}",
            answers={200: Deleted},
            errors=(403, 404),
            **shared,
        ),
    )


ROUTES: tuple[Route, ...] = (
    *_routes("/v1/spending_limits", (None, "write"), ("costs",), ""),
    *_routes("/admin/tenants/{tenant_id}/spending_limits", ("root", "root"), ("operator",), " of a tenant"),
)
