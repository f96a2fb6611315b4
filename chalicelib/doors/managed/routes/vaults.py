"""Vaults."""

from chalicelib.core.ids import derive_id
from chalicelib.doors.managed import lists
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import vault_ref
from chalicelib.doors.managed.render import vaults as render
from chalicelib.doors.managed.schemas import vaults as schemas
from chalicelib.doors.managed.schemas.lists import ArchiveQuery, Deleted
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.vaults.draft import VaultCreate, VaultUpdate
from chalicelib.vaults.service import VaultFilter

_LISTING = lists.Listing("vaults", plain=(50, 100))


def create(call: Call) -> Answer:
    """Make a vault; a secret sent with it becomes a credential."""
    space = Space(call.principal.tenant)
    vault_id = None if call.seed is None else derive_id("vault", space.tenant, call.seed)
    return Answer(render.vault(call.services.vaults.create(space, call.body, vault_id)), 201)


def list_(call: Call) -> Answer:
    """Vaults, newest first."""
    query: ArchiveQuery = call.query
    active, archived = lists.shown_states(call, query, plain_shows_archived=False)
    wanted = VaultFilter(active, archived, (query.q or "").strip())
    space = Space(call.principal.tenant)
    found = call.services.vaults.page(space, lists.window(call, _LISTING, query), wanted)
    data = [render.vault(vault) for vault in found.items]
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def retrieve(call: Call) -> Answer:
    """One vault."""
    return Answer(render.vault(call.services.vaults.get(*vault_ref(call))))


def update(call: Call) -> Answer:
    """Change a vault; a secret sent with it replaces the one sent before."""
    blank_removes = not is_sdk(call.headers)
    return Answer(render.vault(call.services.vaults.update(*vault_ref(call), call.body, blank_removes=blank_removes)))


def archive(call: Call) -> Answer:
    """Archive a vault and its credentials for good; the secrets are forgotten."""
    return Answer(render.vault(call.services.vaults.archive(*vault_ref(call))))


def delete(call: Call) -> Answer:
    """Remove a vault and its credentials; sessions that use it lose them."""
    space, vault_id = vault_ref(call)
    call.services.vaults.delete(space, vault_id)
    return Answer({"id": render.name(vault_id), "type": "vault_deleted"})


_ONE = "/v1/vaults/{vault_id}"
_TAGS = ("vaults",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/vaults",
        create,
        "Create a vault",
        scope="write",
        body=VaultCreate,
        answers={201: schemas.VaultAnswer},
        errors=(409,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/vaults",
        list_,
        "List vaults",
        query=ArchiveQuery,
        answers={200: schemas.VaultPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(("GET",), _ONE, retrieve, "Retrieve a vault", answers={200: schemas.VaultAnswer}, errors=(404,), tags=_TAGS),
    Route(
        ("POST", "PATCH", "PUT"),
        _ONE,
        update,
        "Update a vault",
        scope="write",
        body=VaultUpdate,
        answers={200: schemas.VaultAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/archive",
        archive,
        "Archive a vault",
        scope="write",
        answers={200: schemas.VaultAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a vault",
        scope="write",
        answers={200: Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
