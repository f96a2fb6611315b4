"""The apps and tokens behind installations and publications."""

import time
from dataclasses import asdict, replace

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.core.jsonio import dumps, loads
from chalicelib.integrations.errors import NotConfigured, ProviderAway, ProviderUnknown
from chalicelib.integrations.model import OPERATOR, App, Grant, Installation, Publication
from chalicelib.integrations.provider import Provider
from chalicelib.integrations.settings import IntegrationSettings
from chalicelib.integrations.store import IntegrationStore, next_of
from chalicelib.storage.keys import Space
from chalicelib.storage.secrets import SecretBox

_APP, _GRANT = "integration-app", "integration-grant"
_EARLY_MS = 60_000
_LEASE_MS = 20_000
_PATIENCE_SECONDS = 25.0
_LOOK_SECONDS = 0.05


class Apps:
    """Opens and seals what nobody may see. Every error is one of ``integrations.errors``."""

    def __init__(
        self, settings: IntegrationSettings, providers: dict[str, Provider], store: IntegrationStore, box: SecretBox
    ) -> None:
        self._settings = settings
        self._providers = providers
        self._store = store
        self._box = box

    def provider(self, name: str) -> Provider:
        """Who speaks its language. Raises ProviderUnknown."""
        if name not in self._providers:
            raise ProviderUnknown(name)
        return self._providers[name]

    def configured(self, name: str) -> bool:
        """Whether the operator has an app there. Raises ProviderUnknown."""
        self.provider(name)
        return self._settings.sites[name].app is not None

    def of_operator(self, name: str) -> App:
        """The operator's app. Raises ProviderUnknown, NotConfigured."""
        self.provider(name)
        app = self._settings.sites[name].app
        if app is None:
            raise NotConfigured(name)
        return app

    def of_publication(self, space: Space, publication: Publication) -> App:
        """The app a publication speaks through. Raises NotConfigured."""
        if not publication.own_app or not publication.sealed:
            return self.of_operator(publication.provider)
        opened = self._box.open_text(space, _APP, publication.id, publication.sealed)
        return App(**loads(opened))

    def sealed(self, space: Space, publication_id: str, app: App) -> str:
        """An app as it is stored with its publication."""
        return self._box.seal(space, _APP, publication_id, dumps(asdict(app)))

    def sealed_grant(self, space: Space, installation_id: str, grant: Grant) -> str:
        """Tokens as they are stored with their installation."""
        return self._box.seal(space, _GRANT, installation_id, dumps(asdict(grant)))

    def grant(self, space: Space, installation: Installation) -> Grant:
        """The tokens of an installation."""
        return Grant(**loads(self._box.open_text(space, _GRANT, installation.id, installation.sealed)))

    def app_of(self, space: Space, installation: Installation) -> App:
        """The app an installation let in. Raises NotConfigured, PublicationNotFound."""
        if installation.app == OPERATOR:
            return self.of_operator(installation.provider)
        owner = self._store.publication(space, installation.provider, installation.app)
        return self.of_publication(space, owner)

    def token(self, space: Space, installation: Installation, *, refused: str = "") -> str:
        """An access token that is good, other than the one that was ``refused``.

        One worker at a time renews, for a refresh token may be good only once; the others wait for what it stores.
        Raises TokenRevoked, ProviderAway, NotConfigured, InstallationNotFound.
        """
        until, current = time.monotonic() + _PATIENCE_SECONDS, installation
        while True:
            grant, now = self.grant(space, current), now_ms()
            ended = grant.expires_at is not None and grant.expires_at - _EARLY_MS <= now
            if not ended and grant.access != refused:
                return grant.access
            if time.monotonic() > until:
                raise ProviderAway("another worker takes too long to renew the token")
            if current.renewing_until > now:
                time.sleep(_LOOK_SECONDS)
            elif (fresh := self._alone(space, current, grant, now)) is not None:
                return fresh.access
            current = self._store.installation(space, current.provider, current.id)

    def _alone(self, space: Space, before: Installation, grant: Grant, now: int) -> Grant | None:
        """Renew as the only one; None when somebody else was quicker."""
        claimed = next_of(before, renewing_until=now + _LEASE_MS)
        if not self._store.change_installation(space, claimed):
            return None
        try:
            fresh = self.provider(before.provider).renew(self.app_of(space, before), before, grant)
        except LambentError:
            self._store.change_installation(space, next_of(claimed, renewing_until=0))
            raise
        kept = fresh if fresh.refresh else replace(fresh, refresh=grant.refresh)
        sealed = self.sealed_grant(space, before.id, kept)
        stored = next_of(claimed, sealed=sealed, renewing_until=0, updated_at=now_ms())
        return kept if self._store.change_installation(space, stored) else None
