"""Vaults and their credentials."""

from chalicelib.core.ids import derive_id
from chalicelib.doors.openai import lists
from chalicelib.doors.openai.beta import both_bases
from chalicelib.doors.openai.common import core_of, space_of
from chalicelib.doors.openai.render import vaults as render
from chalicelib.doors.openai.schemas import vaults as schemas
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space, list_sk
from chalicelib.vaults.draft import AuthChange, CredentialCreate, CredentialUpdate, VaultCreate, VaultUpdate
from chalicelib.vaults.errors import CredentialNotFound, VaultNotFound
from chalicelib.vaults.model import Credential
from chalicelib.vaults.service import VaultFilter


def _vault_id(text: str) -> str:
    core = core_of("vault", text)
    if core is None:
        raise VaultNotFound("no such vault")
    return core


def _ref(call: Call) -> tuple[Space, str]:
    return space_of(call), _vault_id(call.path["vault_id"])


def _credential_ref(call: Call, text: str) -> tuple[Space, str, str]:
    space, vault_id = _ref(call)
    core = core_of("cred", text)
    if core is None:
        call.services.vaults.get(space, vault_id)
        raise CredentialNotFound
    return space, vault_id, core


def _shown_states(query: schemas.VaultListQuery) -> tuple[bool, bool]:
    wanted = query.status or ["active", "archived"]
    return "active" in wanted, "archived" in wanted


def create(call: Call) -> Answer:
    """Make a vault."""
    space, body = space_of(call), call.body
    core = None if call.seed is None else derive_id("vault", space.tenant, call.seed)
    draft = VaultCreate.model_validate({"name": body.name or render.UNNAMED, "metadata": body.metadata})
    return Answer(render.vault(call.services.vaults.create(space, draft, core)))


def list_(call: Call) -> Answer:
    """Vaults, newest first unless asked otherwise."""
    query: schemas.VaultListQuery = call.query
    space, position = space_of(call), None
    if query.after is not None:
        before = call.services.vaults.get(space, _vault_id(query.after))
        position = list_sk(before.created_at, before.id)
    active, archived = _shown_states(query)
    wanted = VaultFilter(active, archived, metadata=lists.metadata_of(call))
    found = call.services.vaults.page(space, lists.window(query, position), wanted)
    return Answer(lists.page([render.vault(one) for one in found.items], more=found.next is not None))


def retrieve(call: Call) -> Answer:
    """One vault."""
    return Answer(render.vault(call.services.vaults.get(*_ref(call))))


def update(call: Call) -> Answer:
    """Change a vault."""
    space, vault_id = _ref(call)
    body: schemas.VaultChange = call.body
    current = call.services.vaults.get(space, vault_id)
    name = (body.name or render.UNNAMED) if "name" in body.model_fields_set else current.display_name
    metadata = None if body.metadata is None else dict.fromkeys(current.metadata) | body.metadata
    changed = VaultUpdate.model_validate({"name": name, "metadata": metadata})
    return Answer(render.vault(call.services.vaults.update(space, vault_id, changed, blank_removes=False)))


def delete(call: Call) -> Answer:
    """Remove a vault and its credentials; sessions that use it lose them."""
    space, vault_id = _ref(call)
    call.services.vaults.delete(space, vault_id)
    return Answer(lists.deleted(render.name(vault_id), "vault"))


def create_credential(call: Call) -> Answer:
    """Put a credential into a vault."""
    space, vault_id = _ref(call)
    body: schemas.NewCredential = call.body
    core = None if call.seed is None else derive_id("credential", vault_id, call.seed)
    draft = CredentialCreate(auth=body.auth, display_name=body.name, metadata=body.metadata)
    return Answer(render.credential(call.services.credentials.create(space, vault_id, draft, core)))


def list_credentials(call: Call) -> Answer:
    """Credentials of a vault, newest first unless asked otherwise."""
    query: schemas.VaultListQuery = call.query
    (space, vault_id), position = _ref(call), None
    call.services.vaults.get(space, vault_id)
    if query.after is not None:
        before = call.services.credentials.get(*_credential_ref(call, query.after))
        position = list_sk(before.created_at, before.id)
    active, archived = _shown_states(query)
    metadata = lists.metadata_of(call)

    def keep(one: Credential) -> bool:
        return render.is_known(one) and metadata.items() <= one.metadata.items()

    window = lists.window(query, position)
    found = call.services.credentials.page(space, vault_id, window, keep, active=active, archived=archived)
    return Answer(lists.page([render.credential(one) for one in found.items], more=found.next is not None))


def retrieve_credential(call: Call) -> Answer:
    """One credential."""
    ref = _credential_ref(call, call.path["credential_id"])
    return Answer(render.credential(call.services.credentials.get(*ref)))


def update_credential(call: Call) -> Answer:
    """Change a credential; a new secret counts from the next use on."""
    ref = _credential_ref(call, call.path["credential_id"])
    body: schemas.CredentialChange = call.body
    current = call.services.credentials.get(*ref)
    metadata = None if body.metadata is None else dict.fromkeys(current.metadata) | body.metadata
    changed = CredentialUpdate(auth=None if body.auth is None else _rotated(body.auth), metadata=metadata)
    return Answer(render.credential(call.services.credentials.update(*ref, changed, blank_removes=False)))


def _rotated(sent: AuthChange) -> AuthChange:
    """A rotation in the core's terms: a new access token has no end unless one is told, a scope of null is none."""
    changes: dict[str, object] = {}
    if sent.access_token is not None and "expires_at" not in sent.model_fields_set:
        changes["expires_at"] = None
    refresh = sent.refresh
    if refresh is not None and refresh.scope is None and "scope" in refresh.model_fields_set:
        changes["refresh"] = refresh.model_copy(update={"scope": ""})
    return sent.model_copy(update=changes)


def delete_credential(call: Call) -> Answer:
    """Remove a credential."""
    ref = _credential_ref(call, call.path["credential_id"])
    call.services.credentials.delete(*ref)
    return Answer(lists.deleted(render.credential_name(ref[2]), "vault.credential"))


_ALL = "/openai/v1/vaults"
_ONE = f"{_ALL}/{{vault_id}}"
_CREDENTIALS = f"{_ONE}/credentials"
_CREDENTIAL = f"{_CREDENTIALS}/{{credential_id}}"
_TAGS = ("openai vaults",)
ROUTES: tuple[Route, ...] = both_bases(
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a vault",
        scope="write",
        body=schemas.NewVault,
        answers={200: schemas.VaultAnswer},
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List vaults",
        query=schemas.VaultListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(("GET",), _ONE, retrieve, "Retrieve a vault", answers={200: schemas.VaultAnswer}, errors=(404,), tags=_TAGS),
    Route(
        ("POST",),
        _ONE,
        update,
        "Update a vault",
        scope="write",
        body=schemas.VaultChange,
        answers={200: schemas.VaultAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a vault",
        scope="write",
        answers={200: lists.Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        _CREDENTIALS,
        create_credential,
        "Create a credential",
        scope="write",
        body=schemas.NewCredential,
        answers={200: schemas.CredentialAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _CREDENTIALS,
        list_credentials,
        "List credentials",
        query=schemas.VaultListQuery,
        answers={200: lists.Listed},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _CREDENTIAL,
        retrieve_credential,
        "Retrieve a credential",
        answers={200: schemas.CredentialAnswer},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        _CREDENTIAL,
        update_credential,
        "Update a credential",
        scope="write",
        body=schemas.CredentialChange,
        answers={200: schemas.CredentialAnswer},
        errors=(404, 409),
        tags=_TAGS,
    ),
    Route(
        ("DELETE",),
        _CREDENTIAL,
        delete_credential,
        "Delete a credential",
        scope="write",
        answers={200: lists.Deleted},
        errors=(404,),
        tags=_TAGS,
    ),
)
