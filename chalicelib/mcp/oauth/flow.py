"""A person lets a vault use an MCP server: from the question who gives tokens to a stored credential."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from chalicelib.mcp.oauth.errors import AuthorizationRefused
from chalicelib.mcp.oauth.states import Pending, States
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space
from chalicelib.vaults import token_endpoint
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.errors import CredentialArchived, RenewalFailed, VaultArchived, invalid
from chalicelib.vaults.model import Credential, McpOauth, server_key
from chalicelib.vaults.service import VaultService
from chalicelib.vaults.token_endpoint import Client, Tokens

_TRIES = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks for. ``callback`` is our own address, ``return_to`` where the person goes in the end."""

    vault_id: str
    server_url: str
    callback: str
    credential_id: str | None = None
    return_to: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)


class OAuthFlow:
    """Begin gives an address to go to; finish is called by who comes back from there."""

    def __init__(
        self, outbound: Outbound, vaults: VaultService, credentials: CredentialService, states: States
    ) -> None:
        self._outbound = outbound
        self._vaults = vaults
        self._credentials = credentials
        self._states = states

    def begin(self, space: Space, wish: Wish) -> str:
        """The address where a person decides.

        Raises VaultNotFound, VaultArchived, CredentialNotFound, InvalidRequest, DiscoveryFailed,
        RegistrationUnsupported.
        """
        from mcp.client.auth import PKCEParameters

        from chalicelib.mcp.oauth.discovery import Discovery, named_client

        self._check(space, wish)
        discovery = Discovery(self._outbound)
        authority = discovery.authority(wish.server_url)
        if wish.client_id is not None:
            client = named_client(authority, wish.client_id, wish.client_secret)
        else:
            client = discovery.register(authority, wish.callback)
        proof = PKCEParameters.generate()
        metadata = authority.metadata
        pending = Pending(
            tenant=space.tenant,
            vault_id=wish.vault_id,
            credential_id=wish.credential_id,
            server_url=wish.server_url,
            callback=wish.callback,
            return_to=wish.return_to,
            issuer=authority.issuer,
            names_issuer=bool(metadata.authorization_response_iss_parameter_supported),
            token_endpoint=str(metadata.token_endpoint),
            client_id=client.id,
            client_auth=client.auth,
            client_secret=client.secret,
            verifier=proof.code_verifier,
            resource=authority.resource,
            scope=authority.scope,
        )
        return _question(
            str(metadata.authorization_endpoint), pending, self._states.keep(pending), proof.code_challenge
        )

    def _check(self, space: Space, wish: Wish) -> None:
        if self._vaults.get(space, wish.vault_id).archived_at is not None:
            raise VaultArchived("vault_id")
        if wish.credential_id is not None:
            found = self._credentials.get(space, wish.vault_id, wish.credential_id)
            _demand_fit(found, wish.server_url)

    def finish(
        self, state: str, code: str | None, problem: str | None, issuer: str | None
    ) -> tuple[Pending, Credential]:
        """Exchange the code and store the tokens.

        Raises UnknownState, AuthorizationRefused, and what adding or changing a credential raises.
        """
        pending = self._states.take(state)
        if problem is not None or code is None:
            raise AuthorizationRefused(f"the authorization was not given: {_plain(problem or 'no code came')}")
        if issuer is None and pending.names_issuer:
            raise AuthorizationRefused("iss: the answer does not tell who gave it", field="iss")
        if issuer is not None and issuer != pending.issuer:
            raise AuthorizationRefused("iss: the answer was given by another authorization server", field="iss")
        return pending, self._store(pending, self._tokens(pending, code))

    def _tokens(self, pending: Pending, code: str) -> Tokens:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": pending.callback,
            "code_verifier": pending.verifier,
            "resource": pending.resource,
        }
        client = Client(pending.client_id, pending.client_secret, pending.client_auth)
        try:
            return token_endpoint.ask(self._outbound, pending.token_endpoint, client, fields)
        except RenewalFailed as error:
            raise AuthorizationRefused(error.message) from error

    def _store(self, pending: Pending, tokens: Tokens) -> Credential:
        space = Space(pending.tenant)
        auth = McpOauth(
            mcp_server_url=pending.server_url,
            expires_at=tokens.expires_at,
            client_id=pending.client_id,
            token_endpoint=pending.token_endpoint,
            client_auth=pending.client_auth,
            scope=pending.scope,
            resource=pending.resource,
            authorization_server=pending.issuer,
            refreshable=tokens.refresh_token is not None,
        )
        given = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "client_secret": pending.client_secret,
        }
        secrets = {name: value for name, value in given.items() if value is not None}
        for _ in range(_TRIES):
            before = self._before(space, pending)
            if before is None:
                return self._credentials.add(space, pending.vault_id, auth, secrets)
            _demand_fit(before, pending.server_url)
            address = auth.model_copy(update={"mcp_server_url": getattr(before.auth, "mcp_server_url", "")})
            after = self._credentials.changed_secrets(space, before, address, secrets)
            if after is not None:
                return after
        raise StorageBusy("the credential is changed by too many at once")

    def _before(self, space: Space, pending: Pending) -> Credential | None:
        if pending.credential_id is not None:
            return self._credentials.get(space, pending.vault_id, pending.credential_id)
        return self._credentials.for_server(space, [pending.vault_id], pending.server_url)


def _question(endpoint: str, pending: Pending, state: str, challenge: str) -> str:
    """The address of the page where a person decides."""
    asked = {
        "response_type": "code",
        "client_id": pending.client_id,
        "redirect_uri": pending.callback,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "resource": pending.resource,
        "scope": pending.scope,
    }
    return with_query(endpoint, asked)


def _demand_fit(credential: Credential, server_url: str) -> None:
    """Whether the tokens for a server can become those of a credential."""
    if credential.archived_at is not None:
        raise CredentialArchived
    if not isinstance(credential.auth, McpOauth):
        raise invalid("credential_id", "only a credential of type mcp_oauth can be authorized")
    if server_key(credential.auth.mcp_server_url) != server_key(server_url):
        raise invalid("credential_id", "the credential is for another server")


def with_query(url: str, fields: dict[str, str | None]) -> str:
    """The address with more fields in its query; those that are None are left out."""
    query = urlencode({name: value for name, value in fields.items() if value})
    bare = url.partition("#")[0]
    return f"{bare}{'&' if '?' in bare else '?'}{query}"


def _plain(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:200]
