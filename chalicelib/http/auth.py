"""Who is calling, and whether the key carries the route's scope."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.core.errors import Forbidden, Unauthenticated
from chalicelib.core.principal import SCOPES, Principal
from chalicelib.environments.work.credentials import is_worker_secret

if TYPE_CHECKING:
    from chalicelib.wiring import Services

ROOT = "root"
ANONYMOUS = Principal(tenant="", key_id="", scopes=frozenset())
OPERATOR = Principal(tenant="", key_id=ROOT, scopes=frozenset(SCOPES))

REFUSED = "a valid API key is required: send it as x-api-key or as Authorization: Bearer"


def credential(headers: Mapping[str, str]) -> str | None:
    """The secret of a request: a worker's Bearer token, else ``x-api-key`` alone if present, else the Bearer token."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = (token.strip() or None) if scheme.lower() == "bearer" else None
    if bearer is not None and is_worker_secret(bearer):
        return bearer
    key = headers.get("x-api-key")
    return bearer if key is None else key.strip() or None


def identify(services: "Services", headers: Mapping[str, str], scope: str) -> Principal:
    """The caller, permitted to use ``scope``. Raises Unauthenticated (alike for missing and wrong) and Forbidden."""
    secret = credential(headers)
    if secret is None:
        raise Unauthenticated(REFUSED)
    if scope == ROOT and services.keys.is_root(secret):
        return OPERATOR
    known = services.worker_credentials if is_worker_secret(secret) else services.keys
    principal = known.authenticate(secret)
    if principal is None:
        raise Unauthenticated(REFUSED)
    if scope == ROOT:
        raise Forbidden("only the operator's root key may do this")
    if not principal.may(scope):
        raise Forbidden(f"this key does not have the scope '{scope}'")
    return principal
