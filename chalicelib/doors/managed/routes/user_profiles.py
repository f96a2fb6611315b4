"""User profiles, and the page behind a link to enrol."""

from typing import Any

from chalicelib.core.clock import iso, now_ms
from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.bounds import limit_of
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import ref_of
from chalicelib.doors.managed.render import user_profiles as render
from chalicelib.doors.managed.schemas import user_profiles as schemas
from chalicelib.doors.managed.schemas.lists import Deleted
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.userprofiles.drafts import ActionUrlCreate, ProfileCreate, ProfileUpdate
from chalicelib.userprofiles.enrolment import LIFE_MS
from chalicelib.userprofiles.errors import LinkNotValid, ProfileNotFound

_BY_CREATION, _BY_NAME = lists.Listing("user_profiles"), lists.Listing("user_profiles_by_name")
_profile = ref_of("uprof", "user_profile_id", ProfileNotFound)
_PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def create(call: Call) -> Answer:
    """Make a profile."""
    space = Space(call.principal.tenant)
    profile_id = None if call.seed is None else derive_id("user_profile", space.tenant, call.seed)
    return Answer(render.profile(call.services.user_profiles.create(space, call.body, profile_id)), 201)


def list_(call: Call) -> Answer:
    """Profiles by creation or by name."""
    query: schemas.UserProfileQuery = call.query
    space, ascending = Space(call.principal.tenant), query.order == "asc"
    listing = _BY_NAME if query.order_by == "name" else _BY_CREATION
    size = limit_of(query.limit, *(listing.sdk if is_sdk(call.headers) else listing.plain))
    after = lists.position(call, listing, query.page, ascending=ascending)
    if query.enforcement_status is not None and "unrestricted" not in query.enforcement_status:
        return Answer(lists.page([], None))
    if listing is _BY_NAME:
        found = call.services.user_profiles.named_page(space, size, after, ascending=ascending)
    else:
        found = call.services.user_profiles.page(space, Window(size, after, ascending=ascending))
    data = [render.profile(one) for one in found.items]
    return Answer(lists.page(data, lists.cursor(call, listing, found.next, ascending=ascending)))


def retrieve(call: Call) -> Answer:
    """One profile."""
    return Answer(render.profile(call.services.user_profiles.get(*_profile(call))))


def update(call: Call) -> Answer:
    """Change a profile."""
    return Answer(render.profile(call.services.user_profiles.update(*_profile(call), call.body)))


def delete(call: Call) -> Answer:
    """Remove a profile."""
    space, profile_id = _profile(call)
    call.services.user_profiles.delete(space, profile_id)
    return Answer({"id": render.name(profile_id), "type": "user_profile_deleted"})


def _link(call: Call, kind: str, expires_at: int) -> Answer:
    token = call.services.enrolment.token(*_profile(call), expires_at)
    url = f"{own_address_of(call)}/enroll/{token}"
    return Answer({"type": kind, "url": url, "expires_at": iso(expires_at)}, kept=expires_at)


def action_url(call: Call) -> Answer:
    """Make a URL on which the user takes an action."""
    return _link(call, "user_profile_action_url", now_ms() + LIFE_MS)


def action_url_again(call: Call, kept: Any) -> Answer:
    """The URL of a repeat: stored answers hold none."""
    return _link(call, "user_profile_action_url", kept)


def enrollment_url(call: Call) -> Answer:
    """Make a URL on which the user enrols."""
    return _link(call, "enrollment_url", now_ms() + LIFE_MS)


def enrollment_url_again(call: Call, kept: Any) -> Answer:
    """The URL of a repeat: stored answers hold none."""
    return _link(call, "enrollment_url", kept)


def show_enrolment(call: Call) -> Answer:
    """The page that asks the user; opening it changes nothing."""
    try:
        _, profile = call.services.enrolment.profile(call.path["token"])
    except LinkNotValid as error:
        return _refused(error)
    return Answer(render.enrolment_page(profile).encode(), headers=_PAGE_HEADERS)


def enrol(call: Call) -> Answer:
    """The user confirms."""
    try:
        profile = call.services.enrolment.enrol(call.path["token"])
    except LinkNotValid as error:
        return _refused(error)
    return Answer(render.enrolment_page(profile).encode(), headers=_PAGE_HEADERS)


def _refused(error: LinkNotValid) -> Answer:
    body = render.page("Link not valid", "<p>This link is not valid any more. Ask for a new one.</p>")
    return Answer(body.encode(), error.status, headers=_PAGE_HEADERS)


_ALL = "/v1/user_profiles"
_ONE = f"{_ALL}/{{user_profile_id}}"
_ENROL = "/enroll/{token}"
_PAGES = {200: "text/html", 404: "text/html"}
_TAGS = ("user profiles",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a user profile",
        scope="write",
        body=ProfileCreate,
        answers={201: schemas.UserProfileAnswer},
        errors=(409,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List user profiles",
        query=schemas.UserProfileQuery,
        answers={200: schemas.UserProfilePage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a user profile",
        answers={200: schemas.UserProfileAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a user profile",
        scope="write",
        body=ProfileUpdate,
        answers={200: schemas.UserProfileAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a user profile",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/action_urls",
        action_url,
        "Create an action URL",
        scope="write",
        body=ActionUrlCreate,
        answers={200: schemas.ActionUrlAnswer},
        errors=(404,),
        recall=action_url_again,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/enrollment_url",
        enrollment_url,
        "Create an enrollment URL",
        scope="write",
        answers={200: schemas.EnrollmentUrlAnswer},
        errors=(404,),
        recall=enrollment_url_again,
        tags=_TAGS,
    ),
    Route(("GET",), _ENROL, show_enrolment, "Where a user enrols", scope=None, answers=_PAGES, tags=_TAGS),
    Route(
        ("POST",),
        _ENROL,
        enrol,
        "A user enrols",
        scope=None,
        answers=_PAGES,
        raw=True,
        body_limit=4096,
        tags=_TAGS,
    ),
)
