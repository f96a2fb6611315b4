"""Who is calling, and whether the key carries the route's scope."""

from collections.abc import Mapping

from chalicelib.core.errors import Forbidden, Unauthenticated
from chalicelib.core.principal import SCOPES, Principal
from chalicelib.tenants.keys import KeyService

ROOT = "root"
ANONYMOUS = Principal(tenant="", key_id="", scopes=frozenset())
OPERATOR = Principal(tenant="", key_id=ROOT, scopes=frozenset(SCOPES))

_REFUSED = "a valid API key is required: send it as x-api-key or as Authorization: Bearer"


def credential(headers: Mapping[str, str]) -> str | None:
    """The secret of a request: ``x-api-key`` decides alone when present, else the Bearer token."""
    key = headers.get("x-api-key")
    if key is not None:
        return key.strip() or None
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def identify(keys: KeyService, headers: Mapping[str, str], scope: str) -> Principal:
    """The caller, permitted to use ``scope``. Raises Unauthenticated (alike for missing and wrong) and Forbidden."""
    secret = credential(headers)
    if secret is None:
        raise Unauthenticated(_REFUSED)
    if scope == ROOT and keys.is_root(secret):
        return OPERATOR
    principal = keys.authenticate(secret)
    if principal is None:
        raise Unauthenticated(_REFUSED)
    if scope == ROOT:
        raise Forbidden("only the operator's root key may do this")
    if not principal.may(scope):
        raise Forbidden(f"this key does not have the scope '{scope}'")
    return principal
