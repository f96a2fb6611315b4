"""Who belongs to a tenant. All of it needs the operator's key."""

from chalicelib.doors.managed import lists
from chalicelib.doors.managed.refs import path_id, tenant_id
from chalicelib.doors.managed.render import sign_in as render
from chalicelib.doors.managed.render.tenants import tenant_name, user_name
from chalicelib.doors.managed.schemas import sign_in as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.signin.errors import MemberNotFound


def _tenant(call: Call) -> str:
    return call.services.tenants.get(tenant_id(call)).id


def invite(call: Call) -> Answer:
    """Let the holder of an address join a tenant at their next sign-in."""
    body: schemas.MemberInvite = call.body
    tenant = _tenant(call)
    call.services.sign_in.memberships.invite(tenant, body.email, body.role)
    shown = {"type": "tenant_invitation", "tenant_id": tenant_name(tenant), "email": body.email, "role": body.role}
    return Answer(shown, 201)


def list_(call: Call) -> Answer:
    """All members of a tenant."""
    found = call.services.sign_in.memberships.members(_tenant(call))
    return Answer(lists.page([render.member(one) for one in found], None))


def remove(call: Call) -> Answer:
    """End a membership, and the keys that came of it."""
    tenant = _tenant(call)
    user = path_id(call, "user", "user_id", lambda: MemberNotFound("no such member of this tenant"))
    call.services.sign_in.memberships.remove(tenant, user)
    return Answer({"id": user_name(user), "type": "tenant_member_deleted"})


_ALL = "/admin/tenants/{tenant_id}/members"
_TAGS = ("operator",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        invite,
        "Invite somebody into a tenant",
        scope="root",
        body=schemas.MemberInvite,
        answers={201: schemas.Invitation},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List a tenant's members",
        scope="root",
        answers={200: schemas.MemberPage},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        f"{_ALL}/{{user_id}}",
        remove,
        "Remove a member",
        scope="root",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
