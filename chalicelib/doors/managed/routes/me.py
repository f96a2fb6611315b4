"""Who calls, and what only people signed in with a browser may do."""

from typing import Any

from chalicelib.core.ids import undress
from chalicelib.doors.managed.render import sign_in as render
from chalicelib.doors.managed.render import tenants as names
from chalicelib.doors.managed.schemas import sign_in as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.signin.errors import CookieNeeded, NotAMember


def _tenants(call: Call) -> list[dict[str, Any]]:
    principal = call.principal
    if not principal.user:
        return [{"id": names.tenant_name(principal.tenant), "name": principal.tenant_name, "role": "owner"}]
    return [render.membership(*pair) for pair in call.services.sign_in.memberships.of(principal.user)]


def me(call: Call) -> Answer:
    """Who calls."""
    principal = call.principal
    shown: dict[str, Any] = {"user": None, "api_key": None}
    if principal.user:
        shown["user"] = render.user(call.services.sign_in.user(principal.user))
    else:
        shown["api_key"] = {"id": names.key_name(principal.key_id), "scopes": sorted(principal.scopes)}
    tenant = {"id": names.tenant_name(principal.tenant), "name": principal.tenant_name}
    return Answer(shown | {"tenant": tenant, "tenants": _tenants(call)})


def my_tenants(call: Call) -> Answer:
    """The tenants the caller may act for."""
    return Answer({"data": _tenants(call)})


def _person(call: Call) -> str:
    """The user behind a session cookie. Raises CookieNeeded for keys."""
    if not call.principal.user:
        raise CookieNeeded
    return call.principal.user


def create_cli_token(call: Call) -> Answer:
    """Make a key of one's own for a tenant."""
    body: schemas.CliTokenCreate = call.body
    user = _person(call)
    tenant = call.principal.tenant if body.tenant_id is None else undress("tn", body.tenant_id)
    if tenant is None:
        raise NotAMember
    minted = call.services.sign_in.memberships.mint_key(user, tenant, body.name)
    return Answer(render.cli_token(minted), 201, {"cache-control": "no-store"})


def create_tenant(call: Call) -> Answer:
    """Make a tenant that belongs to the caller."""
    body: schemas.OwnTenantCreate = call.body
    user = call.services.sign_in.user(_person(call))
    made = call.services.sign_in.memberships.make_tenant(user, body.name, call.seed)
    return Answer(render.own_tenant(made), 201)


_TAGS = ("keys",)
ROUTES: tuple[Route, ...] = (
    Route(("GET",), "/v1/me", me, "Who am I", answers={200: schemas.Me}, tags=_TAGS),
    Route(("GET",), "/v1/me/tenants", my_tenants, "My tenants", answers={200: schemas.Memberships}, tags=_TAGS),
    Route(
        ("POST",),
        "/v1/me/cli-tokens",
        create_cli_token,
        "Create a key of one's own",
        scope="write",
        body=schemas.CliTokenCreate,
        answers={201: schemas.CliTokenAnswer},
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/v1/tenants",
        create_tenant,
        "Create a tenant of one's own",
        scope="write",
        body=schemas.OwnTenantCreate,
        answers={201: schemas.OwnTenantAnswer},
        errors=(409,),
        tags=_TAGS,
    ),
)
