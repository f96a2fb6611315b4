"""Who gives tokens for an MCP server, and how. Importing this loads the protocol's library."""

import threading
from dataclasses import dataclass
from typing import Literal, TypeVar

import httpx2
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    extract_resource_metadata_from_www_auth,
    extract_scope_from_www_auth,
    get_client_metadata_scopes,
    issuers_match,
)
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    ProtectedResourceMetadata,
)
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import BaseModel, ValidationError

from chalicelib.core.jsonio import dump_bytes
from chalicelib.mcp.oauth.errors import DiscoveryFailed, RegistrationUnsupported
from chalicelib.outbound import url as urls
from chalicelib.outbound.errors import OutboundError
from chalicelib.outbound.exchange import OutboundAnswer
from chalicelib.outbound.guard import Outbound
from chalicelib.outbound.wire import Patience
from chalicelib.vaults.model import ClientAuth
from chalicelib.vaults.token_endpoint import Client

M = TypeVar("M", bound=BaseModel)
Method = Literal["GET", "POST"]
_SECONDS = 10.0
_MAX_BYTES = 256 * 1024
_GRANTS = ["authorization_code", "refresh_token"]
_PROBE = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@dataclass(frozen=True, slots=True)
class Authority:
    """An authorization server, as far as it has to do with one MCP server."""

    metadata: OAuthMetadata
    resource: str | None
    scope: str | None

    @property
    def issuer(self) -> str:
        """Its name for itself."""
        return str(self.metadata.issuer)


class Discovery:
    """Every call goes through the guard: all the addresses were chosen by somebody else."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def authority(self, server_url: str) -> Authority:
        """Who gives tokens for a server. Raises DiscoveryFailed."""
        probe = self._probe(server_url)
        protected = self._protected(server_url, extract_resource_metadata_from_www_auth(probe))
        issuer = str(protected.authorization_servers[0]) if protected is not None else None
        metadata = self._metadata(issuer, server_url)
        if issuer is not None and not issuers_match(str(metadata.issuer), issuer):
            raise DiscoveryFailed("the authorization server's metadata are those of another issuer")
        challenges = metadata.code_challenge_methods_supported
        if challenges is not None and "S256" not in challenges:
            raise DiscoveryFailed("the authorization server does not support PKCE with S256")
        self._demand_confidential(str(metadata.token_endpoint))
        scope = get_client_metadata_scopes(extract_scope_from_www_auth(probe), protected, metadata, _GRANTS)
        return Authority(metadata, None if protected is None else str(protected.resource), scope)

    def _demand_confidential(self, endpoint: str) -> None:
        try:
            self._outbound.demand_confidential(urls.parse(endpoint), Patience(_SECONDS, threading.Event()))
        except OutboundError as error:
            raise DiscoveryFailed(f"the token endpoint cannot be used: {error.message}") from error

    def _probe(self, url: str) -> httpx2.Response:
        """What the server says to somebody without a token."""
        accept = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        answer = self._call("POST", url, accept, dump_bytes(_PROBE), "the MCP server")
        headers = {name: value for name, value in answer.headers.items() if name == "www-authenticate"}
        return httpx2.Response(answer.status, headers=headers)

    def _protected(self, url: str, told: str | None) -> ProtectedResourceMetadata | None:
        for place in build_protected_resource_metadata_discovery_urls(told, url):
            found = self._document(place, ProtectedResourceMetadata)
            if found is None:
                continue
            wanted = resource_url_from_server_url(url)
            if not check_resource_allowed(wanted, str(found.resource)):
                raise DiscoveryFailed("the server's metadata are those of another resource")
            return found
        return None

    def _metadata(self, issuer: str | None, url: str) -> OAuthMetadata:
        for place in build_oauth_authorization_server_metadata_discovery_urls(issuer, url):
            if (found := self._document(place, OAuthMetadata)) is not None:
                return found
        raise DiscoveryFailed("no authorization server's metadata were found for the MCP server")

    def _document(self, url: str, model: type[M]) -> M | None:
        answer = self._call("GET", url, {"accept": "application/json"}, None, "the metadata of the MCP server")
        if answer.status != 200 or answer.truncated:
            return None
        try:
            return model.model_validate_json(answer.body)
        except ValidationError:
            return None

    def register(self, authority: Authority, callback: str) -> Client:
        """A client of our own. Raises RegistrationUnsupported, DiscoveryFailed."""
        endpoint = authority.metadata.registration_endpoint
        if endpoint is None:
            raise RegistrationUnsupported("the authorization server offers no registration: send a client_id")
        offered = authority.metadata.token_endpoint_auth_methods_supported or []
        wish = OAuthClientMetadata.model_validate(
            {
                "redirect_uris": [callback],
                "client_name": "Lambent",
                "grant_types": _GRANTS,
                "scope": authority.scope,
                "application_type": "web",
                "token_endpoint_auth_method": "none" if not offered or "none" in offered else _best(offered),
            }
        )
        body = wish.model_dump_json(by_alias=True, exclude_none=True).encode()
        kind = {"content-type": "application/json", "accept": "application/json"}
        answer = self._call("POST", str(endpoint), kind, body, "the registration endpoint", confidential=True)
        if answer.status not in (200, 201):
            raise DiscoveryFailed(f"the registration endpoint answered {answer.status}")
        try:
            made = OAuthClientInformationFull.model_validate_json(answer.body)
        except ValidationError as error:
            raise DiscoveryFailed("the registration endpoint did not tell of a client") from error
        return Client(made.client_id, made.client_secret, _way(made.token_endpoint_auth_method, made.client_secret))

    def _call(
        self,
        method: Method,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        what: str,
        *,
        confidential: bool = False,
    ) -> OutboundAnswer:
        try:
            return self._outbound.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout_s=_SECONDS,
                max_bytes=_MAX_BYTES,
                cancelled=threading.Event(),
                follow=3 if method == "GET" else 0,
                confidential=confidential,
            )
        except OutboundError as error:
            raise DiscoveryFailed(f"{what} could not be reached: {error.message}") from error


def _best(offered: list[str]) -> ClientAuth:
    return "client_secret_post" if "client_secret_post" in offered else "client_secret_basic"


def _way(told: str | None, secret: str | None) -> ClientAuth:
    if secret is None:
        return "none"
    return "client_secret_post" if told == "client_secret_post" else "client_secret_basic"


def named_client(authority: Authority, client_id: str, secret: str | None) -> Client:
    """A client that was registered by hand."""
    offered = authority.metadata.token_endpoint_auth_methods_supported or ["client_secret_basic"]
    return Client(client_id, secret, "none" if secret is None else _best(offered))
