"""Whether a credential is worth anything: its server is asked, and if need be its token endpoint."""

from dataclasses import dataclass
from typing import Literal

from chalicelib.core.clock import now_ms
from chalicelib.mcp.credentials import Held, Keyring
from chalicelib.mcp.errors import McpError, McpUnauthorized
from chalicelib.mcp.server import SETUP_SECONDS, McpServer
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.keys import Space
from chalicelib.tools.hiding import hide
from chalicelib.vaults.credentials import CredentialService
from chalicelib.vaults.errors import CredentialArchived, NotRenewable, RenewalFailed, TokenRefused, invalid
from chalicelib.vaults.model import Credential, McpOauth
from chalicelib.vaults.refreshing import Refresher
from chalicelib.vaults.token_endpoint import SHOWN

Status = Literal["valid", "invalid", "unknown"]
RefreshStatus = Literal["succeeded", "failed", "connect_error", "no_refresh_token"]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The beginning of an answer, without secrets."""

    status_code: int
    content_type: str
    body: str
    body_truncated: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """The step at which the server failed."""

    method: str
    http_response: HttpAnswer | None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of asking for a new token."""

    status: RefreshStatus
    http_response: HttpAnswer | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``probe`` is there when the server failed, ``refresh`` when a new token was asked for."""

    credential: Credential
    status: Status
    validated_at: int
    probe: Probe | None
    refresh: Refreshed | None


class _Fixed(Held):
    """The very credential that is looked at, and no other in its place."""

    def __init__(self, keyring: Keyring, credential: Credential, url: str) -> None:
        super().__init__(keyring, url)
        self._take(credential)

    def look(self) -> None:
        """It stays as it is."""

    def renew(self) -> bool:
        """Who validates renews it on their own."""
        return False


class Validator:
    """Asks with the credential as it is; a refused or expired one is renewed."""

    def __init__(self, outbound: Outbound, credentials: CredentialService, refresher: Refresher) -> None:
        self._outbound = outbound
        self._credentials = credentials
        self._refresher = refresher

    def validate(self, space: Space, vault_id: str, credential_id: str, *, renew: bool) -> Verdict:
        """``renew``: ask for a new token in any case.

        Raises VaultNotFound, CredentialNotFound, InvalidRequest for what is not OAuth or archived, and with ``renew``
        NotRenewable and RenewalFailed.
        """
        found = self._oauth(space, vault_id, credential_id)
        if renew:
            found = self._refresher.refresh(space, found)
            probe, _ = self._probe(space, found)
            return Verdict(found, "valid", now_ms(), probe, Refreshed("succeeded"))
        probe, refused = self._probe(space, found)
        if probe is None or not refused:
            return Verdict(found, "valid" if probe is None else "unknown", now_ms(), probe, None)
        after, refresh = self._renewed(space, found)
        if refresh.status == "succeeded":
            probe, refused = self._probe(space, after)
            refused = refused or probe is not None
        unsure = refresh.status == "connect_error"
        status: Status = "unknown" if unsure else ("invalid" if refused else "valid")
        return Verdict(after, status, now_ms(), probe, refresh)

    def renew(self, space: Space, vault_id: str, credential_id: str) -> Credential:
        """The credential with a new token. Raises as ``validate`` does with ``renew``."""
        return self._refresher.refresh(space, self._oauth(space, vault_id, credential_id))

    def _oauth(self, space: Space, vault_id: str, credential_id: str) -> Credential:
        found = self._credentials.get(space, vault_id, credential_id)
        if not isinstance(found.auth, McpOauth):
            raise invalid("auth.type", "only a credential of type mcp_oauth can be checked")
        if found.archived_at is not None:
            raise CredentialArchived
        return found

    def _probe(self, space: Space, credential: Credential) -> tuple[Probe | None, bool]:
        """The step that failed, None when none did; and whether it was for the credential's sake."""
        url = credential.auth.mcp_server_url if isinstance(credential.auth, McpOauth) else ""
        held = _Fixed(Keyring(self._credentials, self._refresher, space, ()), credential, url)
        server = McpServer("", url, self._outbound, held)
        try:
            server.list_tools().result(2 * SETUP_SECONDS)
        except McpError as error:
            return Probe(server.method, _shown(server, held.secrets)), isinstance(error, McpUnauthorized)
        finally:
            server.close()
        return None, False

    def _renewed(self, space: Space, credential: Credential) -> tuple[Credential, Refreshed]:
        try:
            return self._refresher.refresh(space, credential), Refreshed("succeeded")
        except NotRenewable:
            return credential, Refreshed("no_refresh_token")
        except TokenRefused as error:
            answer = HttpAnswer(error.answered, error.content_type, error.body, error.truncated)
            return credential, Refreshed("failed", answer)
        except RenewalFailed:
            return credential, Refreshed("connect_error")


def _shown(server: McpServer, secrets: tuple[str, ...]) -> HttpAnswer | None:
    failure = server.failure
    if failure is None:
        return None
    text = hide(failure.body.decode(errors="replace"), secrets)
    return HttpAnswer(failure.status, failure.content_type, text[:SHOWN], len(text) > SHOWN)
