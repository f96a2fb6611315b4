"""Messages of providers: checked, dealt with once, and answered at once, for the agent works elsewhere."""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.jsonio import loads
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.errors import BadSignature, InstallationNotFound, NotConfigured, PublicationNotFound
from chalicelib.integrations.installing import InstallService
from chalicelib.integrations.model import OPERATOR, App, Heard, Installation
from chalicelib.integrations.publishing import PublicationService
from chalicelib.integrations.store import IntegrationStore
from chalicelib.integrations.talks import Talks
from chalicelib.integrations.waking import Waking
from chalicelib.storage.keys import Space
from chalicelib.tenants.register import TenantRegister

_OK: dict[str, Any] = {"ok": True}


class Inbound:
    """Takes what providers send. Raises BadSignature, whatever else is wrong with it, with no effect; and the errors of
    calls where a provider has to be asked about what it sent."""

    def __init__(
        self,
        store: IntegrationStore,
        apps: Apps,
        installs: InstallService,
        publications: PublicationService,
        talks: Talks,
        waking: Waking,
        tenants: TenantRegister,
    ) -> None:
        self._store = store
        self._apps = apps
        self._installs = installs
        self._publications = publications
        self._talks = talks
        self._waking = waking
        self._tenants = tenants

    def of_operator(self, provider: str, app_id: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """A message to the operator's app; the answer to it. Raises BadSignature."""
        try:
            app = self._apps.of_operator(provider)
        except NotConfigured as error:
            raise BadSignature from error
        if app.id != app_id:
            raise BadSignature
        return self._take(provider, OPERATOR, app, headers, body)

    def of_publication(self, provider: str, own_id: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """A message to the app of a publication; the answer to it. Raises BadSignature."""
        space = self._store.whose_publication(provider, own_id)
        if space is None:
            raise BadSignature
        try:
            publication = self._publications.get(space, provider, own_id)
            app = self._apps.of_publication(space, publication)
        except (PublicationNotFound, NotConfigured) as error:
            raise BadSignature from error
        if publication.status == "unpublished":
            raise BadSignature
        return self._take(provider, own_id, app, headers, body)

    def _take(self, provider: str, owner: str, app: App, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        speaker = self._apps.provider(provider)
        speaker.verify(app, headers, body)
        try:
            message = loads(body)
        except ValueError as error:
            raise BadSignature from error
        heard = speaker.read(app, headers, message if isinstance(message, dict) else {})
        if heard.answer is not None:
            return heard.answer
        place = self._store.whose_place(provider, owner, heard.external_id)
        if place is not None:
            self._once(provider, owner, app, heard, *place)
        return _OK

    def _once(self, provider: str, owner: str, app: App, heard: Heard, space: Space, installation_id: str) -> None:
        tenant = self._tenants.recent(space.tenant)
        if tenant is None or not tenant.active:
            return
        delivery = f"{owner}/{heard.delivery}"
        if heard.delivery and self._talks.seen(space, provider, delivery):
            return
        try:
            installation = self._store.installation(space, provider, installation_id)
        except InstallationNotFound:
            return
        self._deal(app, heard, space, installation)
        # After it is done: whoever dies before this is told again, and what is done already is not done twice.
        if heard.delivery:
            self._talks.remember(space, provider, delivery)

    def _deal(self, app: App, heard: Heard, space: Space, installation: Installation) -> None:
        if heard.over and self._apps.provider(installation.provider).ended(app, installation):
            self._installs.over(space, installation.provider, installation.id)
        signal = heard.signal
        if signal is None or (signal.author and signal.author == installation.account):
            return
        live = [
            one
            for one in self._publications.all(space, installation.provider)
            if one.status == "live" and one.installation_id == installation.id
        ]
        meant = self._waking.meant(space, live, signal, app.slug)
        if meant is not None:
            self._waking.wake(space, meant, signal)
