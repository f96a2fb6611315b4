"""What the operator does: tenants and their keys. All of it needs the operator's key."""

from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import api_key_id, tenant_id
from chalicelib.doors.managed.render import tenants as render
from chalicelib.doors.managed.schemas import tenants as schemas
from chalicelib.doors.managed.schemas.lists import Deleted, ListQuery
from chalicelib.http.route import Answer, Call, Route
from chalicelib.tenants.model import FIRST_KEY_SCOPES

_LISTING = lists.Listing("tenants")


def create(call: Call) -> Answer:
    """Make a tenant and its first key."""
    body: schemas.TenantCreate = call.body
    limits = body.limits.model_dump(exclude_none=True) if body.limits else {}
    tenant, minted = call.services.tenants.create(body.name, limits)
    return Answer(render.tenant(tenant) | {"api_key": render.minted(minted)}, 201)


def list_(call: Call) -> Answer:
    """Tenants, newest first, closed ones among them."""
    query: ListQuery = call.query
    size, at = _LISTING.size(query, call.headers), lists.position(call, _LISTING, query.page)
    found = call.services.tenants.page(size, at)
    data = [render.tenant(tenant) for tenant in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One tenant."""
    return Answer(render.tenant(call.services.tenants.get(tenant_id(call))))


def update(call: Call) -> Answer:
    """Rename, suspend, resume, or set limits."""
    body: schemas.TenantUpdate = call.body
    limits = body.limits.model_dump(exclude_unset=True) if body.limits else None
    changed = call.services.tenants.change(tenant_id(call), name=body.name, status=body.status, limits=limits)
    return Answer(render.tenant(changed))


def close(call: Call) -> Answer:
    """Close a tenant for good: its keys are revoked, its data stay."""
    return Answer(render.tenant(call.services.tenants.close(tenant_id(call))))


def rotate(call: Call) -> Answer:
    """Give a tenant one new key in place of all it had."""
    return Answer(render.minted(call.services.tenants.rotate(tenant_id(call))), 201)


def mint_key(call: Call) -> Answer:
    """Make a key for a tenant; without ``scopes`` it reads, writes and manages keys."""
    body: schemas.KeyCreate = call.body
    tenant = call.services.tenants.get(tenant_id(call))
    scopes = FIRST_KEY_SCOPES if body.scopes is None else body.scopes
    return Answer(render.minted(call.services.keys.mint(tenant.id, body.name, scopes)), 201)


def list_keys(call: Call) -> Answer:
    """All keys of a tenant, newest first."""
    tenant = call.services.tenants.get(tenant_id(call))
    return Answer(lists.page([render.key(key) for key in call.services.keys.all(tenant.id)], None))


def revoke_key(call: Call) -> Answer:
    """Make a key of a tenant worthless."""
    key_id = api_key_id(call)
    call.services.keys.revoke(tenant_id(call), key_id)
    return Answer({"id": render.key_name(key_id), "type": "api_key_deleted"})


_ALL = "/admin/tenants"
_ONE = "/admin/tenants/{tenant_id}"
_TAGS = ("operator",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a tenant",
        scope="root",
        body=schemas.TenantCreate,
        answers={201: schemas.NewTenantAnswer},
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List tenants",
        scope="root",
        query=ListQuery,
        answers={200: schemas.TenantPage},
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a tenant",
        scope="root",
        answers={200: schemas.TenantAnswer},
        tags=_TAGS,
    ),
    Route(
        ("PATCH", "POST", "PUT"),
        _ONE,
        update,
        "Update, suspend or resume a tenant",
        scope="root",
        body=schemas.TenantUpdate,
        answers={200: schemas.TenantAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        close,
        "Close a tenant",
        scope="root",
        answers={200: schemas.TenantAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/rotate",
        rotate,
        "Replace all keys of a tenant by one",
        scope="root",
        answers={201: schemas.NewKeyAnswer},
        errors=(404,),
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/keys",
        mint_key,
        "Create a key for a tenant",
        scope="root",
        body=schemas.KeyCreate,
        answers={201: schemas.NewKeyAnswer},
        errors=(404,),
        sealed=True,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/keys",
        list_keys,
        "List a tenant's keys",
        scope="root",
        answers={200: schemas.KeyPage},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        f"{_ONE}/keys/{{key_id}}",
        revoke_key,
        "Revoke a tenant's key",
        scope="root",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
