"""A tenant's own keys."""

from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import api_key_id
from chalicelib.doors.managed.render import tenants as render
from chalicelib.doors.managed.schemas import tenants as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.tenants.errors import ScopeNotHeld
from chalicelib.tenants.model import FIRST_KEY_SCOPES, checked_scopes


def list_(call: Call) -> Answer:
    """All keys of the tenant, newest first."""
    return Answer(lists.page([render.key(key) for key in call.services.keys.all(call.principal.tenant)], None))


def create(call: Call) -> Answer:
    """Make a key that may do no more than the caller's."""
    body: schemas.KeyCreate = call.body
    scopes = _scopes(call, body.scopes)
    return Answer(render.minted(call.services.keys.mint(call.principal.tenant, body.name, scopes)), 201)


def _scopes(call: Call, wanted: list[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(scope for scope in FIRST_KEY_SCOPES if call.principal.may(scope))
    scopes = checked_scopes(wanted)
    missing = [scope for scope in scopes if not call.principal.may(scope)]
    if missing:
        raise ScopeNotHeld(f"scopes: your key does not carry {missing[0]!r} itself", field="scopes")
    return scopes


def delete(call: Call) -> Answer:
    """Make a key worthless, at once."""
    key_id = api_key_id(call)
    call.services.keys.revoke(call.principal.tenant, key_id)
    return Answer({"id": render.key_name(key_id), "type": "api_key_deleted"})


_TAGS = ("keys",)
ROUTES: tuple[Route, ...] = (
    Route(("GET",), "/v1/api_keys", list_, "List API keys", scope="keys", answers={200: schemas.KeyPage}, tags=_TAGS),
    Route(
        ("POST",),
        "/v1/api_keys",
        create,
        "Create an API key",
        scope="keys",
        body=schemas.KeyCreate,
        answers={201: schemas.NewKeyAnswer},
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        "/v1/api_keys/{key_id}",
        delete,
        "Revoke an API key",
        scope="keys",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
