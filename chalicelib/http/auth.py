"""Who is calling, and whether what they show carries the route's scope."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.core.errors import Forbidden, Unauthenticated
from chalicelib.core.ids import undress
from chalicelib.core.principal import SCOPES, Principal
from chalicelib.environments.work.credentials import is_worker_secret
from chalicelib.http import browser

if TYPE_CHECKING:
    from starlette.requests import Request

    from chalicelib.wiring import Services

ROOT = "root"
ANONYMOUS = Principal(tenant="", key_id="", scopes=frozenset())
OPERATOR = Principal(tenant="", key_id=ROOT, scopes=frozenset(SCOPES))

REFUSED = "a valid API key is required: send it as x-api-key or as Authorization: Bearer"
ACTIVE_TENANT = "x-active-tenant"
_NO_TENANT = "none"


def credential(headers: Mapping[str, str]) -> str | None:
    """The secret of a request: a worker's Bearer token, else ``x-api-key`` alone if present, else the Bearer token."""
    bearer = _bearer(headers)
    if bearer is not None and is_worker_secret(bearer):
        return bearer
    key = headers.get("x-api-key")
    return bearer if key is None else key.strip() or None


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def _shows_key(headers: Mapping[str, str]) -> bool:
    return "x-api-key" in headers or headers.get("authorization", "").partition(" ")[0].lower() == "bearer"


def identify(services: "Services", request: "Request", scope: str) -> Principal:
    """The caller, permitted to use ``scope``: by a key if one is shown, good or not, else by a session cookie.

    Raises Unauthenticated (alike for missing and wrong) and Forbidden.
    """
    if _shows_key(request.headers):
        principal = _by_key(services, request.headers, scope)
    else:
        principal = _by_cookie(services, request, scope)
    if principal is OPERATOR:
        return principal
    if scope == ROOT:
        raise Forbidden("only the operator's root key may do this")
    if not principal.may(scope):
        raise Forbidden(f"this {'role' if principal.user else 'key'} does not have the scope '{scope}'")
    return principal


def _by_key(services: "Services", headers: Mapping[str, str], scope: str) -> Principal:
    secret = credential(headers)
    if secret is None:
        raise Unauthenticated(REFUSED)
    if scope == ROOT and services.keys.is_root(secret):
        return OPERATOR
    known = services.worker_credentials if is_worker_secret(secret) else services.keys
    principal = known.authenticate(secret)
    if principal is None:
        raise Unauthenticated(REFUSED)
    return principal


def _by_cookie(services: "Services", request: "Request", scope: str) -> Principal:
    if "cookie" not in request.headers:
        raise Unauthenticated(REFUSED)
    address = browser.own_address(request, services.settings.public_url)
    secret = browser.cookie(request, browser.SESSION, secure=browser.is_secure(address))
    if secret is None:
        raise Unauthenticated(REFUSED)
    wanted = request.headers.get(ACTIVE_TENANT)
    # What cannot be an id is a tenant that nobody belongs to.
    tenant = None if wanted is None else undress("tn", wanted.strip()) or _NO_TENANT
    principal = services.sign_in.authenticate(secret, tenant)
    if principal is None:
        raise Unauthenticated(REFUSED)
    if browser.changes_something(request.method, scope):
        browser.demand_same_origin(request, address)
    return principal
