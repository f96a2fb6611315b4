"""OAuth credentials of vaults: authorized by a person, renewed, checked."""

from chalicelib.core.ids import named_id, undress
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.refs import vault_ref
from chalicelib.doors.managed.render import oauth as render
from chalicelib.doors.managed.render.vaults import credential_name
from chalicelib.doors.managed.schemas import oauth as schemas
from chalicelib.http.browser import own_address_of
from chalicelib.http.route import Answer, Call, Route
from chalicelib.storage.keys import Space
from chalicelib.vaults.errors import CredentialNotFound

_CALLBACK = "/v1/oauth/callback"
_PAGE = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
_AWAY = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


def authorize(call: Call) -> Answer:
    """Send a person to where tokens for an MCP server are given."""
    from chalicelib.mcp.oauth.flow import Wish

    query: schemas.AuthorizeQuery = call.query
    vault_id = named_id("vlt", query.vault_id, "vault_id", "vault")
    given = query.credential_id
    wish = Wish(
        vault_id=vault_id,
        server_url=query.mcp_server_url,
        callback=own_address_of(call) + _CALLBACK,
        credential_id=None if given is None else named_id("vcrd", given, "credential_id", "credential"),
        return_to=query.redirect_uri,
        client_id=query.client_id,
        client_secret=None if query.client_secret is None else query.client_secret.get_secret_value(),
    )
    location = call.services.oauth.begin(Space(call.principal.tenant), wish)
    return Answer(None, 302, _AWAY | {"location": location})


def callback(call: Call) -> Answer:
    """Take a person back, and keep the tokens."""
    from chalicelib.mcp.oauth.flow import with_query

    query: schemas.CallbackQuery = call.query
    code = None if query.code is None else query.code.get_secret_value()
    pending, credential = call.services.oauth.finish(query.state, code, query.error, query.iss)
    if pending.return_to is None:
        return Answer(render.connected_page(pending.server_url), 200, _PAGE)
    told: dict[str, str | None] = {"status": "connected", "credential_id": credential_name(credential.id)}
    return Answer(None, 302, _AWAY | {"location": with_query(pending.return_to, told)})


def refresh(call: Call) -> Answer:
    """Get a new access token now."""
    body: schemas.RefreshBody = call.body
    vault_id = named_id("vlt", body.vault_id, "vault_id", "vault")
    credential_id = named_id("vcrd", body.credential_id, "credential_id", "credential")
    space = Space(call.principal.tenant)
    return Answer(render.refreshed(call.services.oauth_validator.renew(space, vault_id, credential_id)))


def validate(call: Call) -> Answer:
    """Try a credential at its server; a refused one is renewed."""
    space, vault_id = vault_ref(call)
    credential_id = undress("vcrd", call.path["credential_id"])
    if credential_id is None:
        call.services.vaults.get(space, vault_id)
        raise CredentialNotFound
    sdk = is_sdk(call.headers)
    verdict = call.services.oauth_validator.validate(space, vault_id, credential_id, renew=not sdk)
    return Answer(render.validation(verdict, sdk=sdk))


_TAGS = ("vaults",)
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        "/v1/vaults/{vault_id}/credentials/{credential_id}/mcp_oauth_validate",
        validate,
        "Check an OAuth credential",
        scope="write",
        answers={200: schemas.ValidationAnswer},
        errors=(404, 409, 502),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        "/v1/oauth/authorize",
        authorize,
        "Have a person authorize an MCP server",
        scope="write",
        query=schemas.AuthorizeQuery,
        answers={302: None},
        errors=(400, 404, 501, 502),
        limit="write",
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _CALLBACK,
        callback,
        "Come back from an authorization",
        scope=None,
        query=schemas.CallbackQuery,
        answers={200: "text/html", 302: None},
        errors=(400, 404, 409),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        "/v1/oauth/refresh",
        refresh,
        "Renew an OAuth credential",
        scope="write",
        body=schemas.RefreshBody,
        answers={200: schemas.RefreshedAnswer},
        errors=(404, 409, 502),
        tags=_TAGS,
    ),
)
