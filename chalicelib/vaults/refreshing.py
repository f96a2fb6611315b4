"""New access tokens for OAuth credentials, got once however many ask for them at the same time."""

import time
from contextlib import suppress

from chalicelib.core.clock import now_ms
from chalicelib.outbound.guard import Outbound
from chalicelib.storage.errors import ConditionFailed, StorageBusy, TransactionRefused
from chalicelib.storage.keys import Space
from chalicelib.vaults import token_endpoint
from chalicelib.vaults.credentials import CredentialService, happening
from chalicelib.vaults.errors import NotRenewable, RenewalFailed, TokenEndpointUnreachable
from chalicelib.vaults.model import Credential, McpOauth, Secrets
from chalicelib.vaults.store import VaultStore
from chalicelib.vaults.token_endpoint import Client, Tokens
from chalicelib.webhooks.happening import SILENT, Announcer

_LEASE_MS = 30_000
_PATIENCE_SECONDS = 35.0
_LOOK_SECONDS = 0.05
_TRIES = 10


class Refresher:
    """Only one worker at a time asks the token endpoint for a credential; the others wait for what it stores.

    An endpoint may take every refresh token once, and two that ask with the same one may lose both.
    """

    def __init__(
        self,
        store: VaultStore,
        credentials: CredentialService,
        outbound: Outbound,
        announcer: Announcer = SILENT,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._outbound = outbound
        self._announcer = announcer

    def refresh(self, space: Space, used: Credential) -> Credential:
        """The credential with another access token than ``used`` has.

        Raises NotRenewable, TokenRefused, TokenEndpointUnreachable, RenewalFailed, and VaultNotFound or
        CredentialNotFound when it is gone.
        """
        deadline, waited = time.monotonic() + _PATIENCE_SECONDS, False
        while True:
            current = self._current(space, used)
            if self._token(space, current) != self._token(space, used):
                return current
            if waited and self._store.failed_renewal(space, current) == current.revision:
                raise RenewalFailed("another worker could not renew the credential")
            until = now_ms() + _LEASE_MS
            with suppress(ConditionFailed):
                self._store.begin_renewal(space, current, now_ms(), until)
                return self._alone(space, used, until)
            if time.monotonic() > deadline:
                raise TokenEndpointUnreachable("another worker takes too long to renew the credential")
            waited = True
            time.sleep(_LOOK_SECONDS)

    def _current(self, space: Space, used: Credential) -> Credential:
        current = self._credentials.get(space, used.vault_id, used.id)
        if current.archived_at is not None:
            raise NotRenewable("the credential is archived", code="credential_archived")
        return current

    def _token(self, space: Space, credential: Credential) -> str:
        return self._credentials.secrets(space, credential).get("access_token", "")

    def _alone(self, space: Space, used: Credential, until: int) -> Credential:
        """As the only one: ask and store."""
        failed, current = True, used
        try:
            current = self._current(space, used)
            if self._token(space, current) == self._token(space, used):
                current = self._renewed(space, current)
            failed = False
            return current
        finally:
            # A renewal that took longer than its lease is not the only one any more.
            with suppress(ConditionFailed, TransactionRefused):
                told = self._announcer.tell(space, happening("refresh_failed", current)) if failed else []
                self._store.end_renewal(space, current, until, failed=failed, told=told)

    def _renewed(self, space: Space, current: Credential) -> Credential:
        auth, secrets = current.auth, self._credentials.secrets(space, current)
        if not isinstance(auth, McpOauth):
            raise NotRenewable("auth.type: only a credential of type mcp_oauth can be renewed", field="auth.type")
        tokens = self._asked(auth, secrets)
        fresh = {"access_token": tokens.access_token}
        if tokens.refresh_token:
            fresh["refresh_token"] = tokens.refresh_token
        return self._stored(space, current, secrets, tokens, fresh)

    def _asked(self, auth: McpOauth, secrets: Secrets) -> Tokens:
        refresh = secrets.get("refresh_token")
        if not refresh or not auth.token_endpoint or not auth.client_id:
            raise NotRenewable("the credential has no refresh token, or nothing to use it with")
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": refresh,
            "scope": auth.scope,
            "resource": auth.resource,
        }
        client = Client(auth.client_id, secrets.get("client_secret"), auth.client_auth)
        return token_endpoint.ask(self._outbound, auth.token_endpoint, client, fields)

    def _stored(self, space: Space, current: Credential, used: Secrets, tokens: Tokens, fresh: Secrets) -> Credential:
        for _ in range(_TRIES):
            now = self._credentials.secrets(space, current)
            if any(now.get(name) != used.get(name) for name in ("access_token", "refresh_token")):
                return current  # set by a client meanwhile, so it is what the client wants
            auth = current.auth.model_copy(update={"expires_at": tokens.expires_at})
            after = self._credentials.changed_secrets(space, current, auth, fresh)
            if after is not None:
                return after
            current = self._current(space, current)
        raise StorageBusy("the credential is changed by too many at once")
