"""Credentials of a vault."""

from chalicelib.core.ids import derive_id, undress
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import vault_ref
from chalicelib.doors.managed.render import vaults as render
from chalicelib.doors.managed.schemas import vaults as schemas
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.vaults.draft import CredentialCreate, CredentialUpdate
from chalicelib.vaults.errors import CredentialNotFound

_LISTING = lists.Listing("credentials", plain=(50, 100))


def _ref(call: Call) -> tuple[Space, str, str]:
    space, vault_id = vault_ref(call)
    credential_id = undress("vcrd", call.path["credential_id"])
    if credential_id is None:
        call.services.vaults.get(space, vault_id)
        raise CredentialNotFound
    return space, vault_id, credential_id


def create(call: Call) -> Answer:
    """Put a credential into a vault."""
    space, vault_id = vault_ref(call)
    credential_id = None if call.seed is None else derive_id("credential", vault_id, call.seed)
    made = call.services.credentials.create(space, vault_id, call.body, credential_id)
    return Answer(render.credential(made), 201)


def list_(call: Call) -> Answer:
    """Credentials, newest first."""
    query: ArchiveQuery = call.query
    space, vault_id = vault_ref(call)
    active, archived = lists.shown_states(call, query, plain_shows_archived=False)
    listing = lists.Listing(f"credentials of {vault_id}", _LISTING.plain, _LISTING.sdk)
    window = lists.window(call, listing, query)
    found = call.services.credentials.page(space, vault_id, window, active=active, archived=archived)
    data = [render.credential(credential) for credential in found.items]
    return Answer(lists.page(data, lists.cursor(call, listing, found.next)))


def retrieve(call: Call) -> Answer:
    """One credential."""
    return Answer(render.credential(call.services.credentials.get(*_ref(call))))


def update(call: Call) -> Answer:
    """Change a credential; a new secret counts from the next use on."""
    blank_removes = not is_sdk(call.headers)
    changed = call.services.credentials.update(*_ref(call), call.body, blank_removes=blank_removes)
    return Answer(render.credential(changed))


def archive(call: Call) -> Answer:
    """Archive a credential for good; its secret is forgotten, and another can take its place."""
    return Answer(render.credential(call.services.credentials.archive(*_ref(call))))


def delete(call: Call) -> Answer:
    """Remove a credential."""
    space, vault_id, credential_id = _ref(call)
    call.services.credentials.delete(space, vault_id, credential_id)
    kind = "vault_credential_deleted" if is_sdk(call.headers) else "credential_deleted"
    return Answer({"id": render.credential_name(credential_id), "type": kind})


_ALL = "/v1/vaults/{vault_id}/credentials"
_ONE = f"{_ALL}/{{credential_id}}"
_TAGS = ("vaults",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a credential",
        scope="write",
        body=CredentialCreate,
        answers={201: schemas.CredentialAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List credentials",
        query=ArchiveQuery,
        answers={200: schemas.CredentialPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a credential",
        answers={200: schemas.CredentialAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a credential",
        scope="write",
        body=CredentialUpdate,
        answers={200: schemas.CredentialAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive a credential",
        scope="write",
        answers={200: schemas.CredentialAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a credential",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
