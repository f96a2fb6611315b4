"""From a wish to install to an installation, and its end."""

from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.errors import (
    InstallationNotFound,
    InstallRefused,
    NotConfigured,
    ProviderError,
    ProviderUnknown,
    PublicationNotFound,
    StateUnknown,
    TakenElsewhere,
)
from chalicelib.integrations.model import OPERATOR, App, Grant, Installation, Installed, Publication
from chalicelib.integrations.publishing import PublicationService, demand
from chalicelib.integrations.states import Errand, States
from chalicelib.integrations.store import IntegrationStore, next_of
from chalicelib.observability import logger
from chalicelib.storage.errors import StorageBusy
from chalicelib.storage.keys import Space

INSTALL, FORM = "install", "form"
_TRIES = 10


class InstallService:
    """Sends people to providers, takes them back, and keeps what they bring."""

    def __init__(self, store: IntegrationStore, apps: Apps, publications: PublicationService, states: States) -> None:
        self._store = store
        self._apps = apps
        self._publications = publications
        self._states = states

    def all(self, space: Space, provider: str) -> list[Installation]:
        """A tenant's, oldest first. Raises ProviderUnknown."""
        self._apps.provider(provider)
        return self._store.installations(space, provider)

    def get(self, space: Space, provider: str, own_id: str) -> Installation:
        """One. Raises ProviderUnknown, InstallationNotFound."""
        self._apps.provider(provider)
        return self._store.installation(space, provider, own_id)

    def begin(self, space: Space, provider: str, callback: str) -> str:
        """Where a person lets the operator's app in. Raises ProviderUnknown, NotConfigured."""
        app = self._apps.of_operator(provider)
        return self._away(app, Errand(space.tenant, provider, INSTALL, callback=callback))

    def begin_own(self, space: Space, publication: Publication, callback: str) -> str:
        """Where a person lets the app of a publication in, which then waits for it. Raises WrongState."""

        def changes(before: Publication) -> dict[str, object]:
            demand(before, "credentials_filled", "awaiting_install", "needs_reauth")
            return {} if before.status != "credentials_filled" else {"status": "awaiting_install"}

        after = self._publications.change(space, publication.provider, publication.id, changes)
        app = self._apps.of_publication(space, after)
        own = after.id if after.own_app else ""
        return self._away(app, Errand(space.tenant, after.provider, INSTALL, own, callback))

    def _away(self, app: App, errand: Errand) -> str:
        return self._apps.provider(errand.provider).install_url(app, errand.callback, self._states.keep(errand))

    def finish(self, provider: str, told: dict[str, str]) -> Installation:
        """Take a person back.

        Raises StateUnknown, InstallRefused, TakenElsewhere, NotConfigured and the errors of calls.
        """
        errand = self._states.take(told.get("state", ""), provider, INSTALL)
        if told.get("error") or not told.get("code"):
            raise InstallRefused("the app was not let in")
        app = self._app(errand)
        installed = self._apps.provider(provider).exchange(app, told["code"], errand.callback, told)
        return self.keep(errand.space, provider, installed, errand.publication)

    def _app(self, errand: Errand) -> App:
        if not errand.publication:
            return self._apps.of_operator(errand.provider)
        owner = self._publications.get(errand.space, errand.provider, errand.publication)
        if owner.status == "unpublished":
            raise StateUnknown
        return self._apps.of_publication(errand.space, owner)

    def keep(self, space: Space, provider: str, told: Installed, publication: str) -> Installation:
        """Store an installation; a second one of the same account replaces its tokens. Raises TakenElsewhere."""
        app = publication or OPERATOR
        own_id = derive_id("installation", space.tenant, provider, app, told.external_id)
        sealed, now = self._apps.sealed_grant(space, own_id, told.grant), now_ms()
        fresh = Installation(own_id, provider, told.external_id, app, told.name, told.account, now, now, sealed)
        for _ in range(_TRIES):
            owner = self._store.whose_place(provider, app, told.external_id)
            if owner is not None and owner[0] != space:
                raise TakenElsewhere("another tenant has connected this account", code="account_taken")
            known = {one.id: one for one in self._store.installations(space, provider)}
            before = known.get(own_id)
            made = (
                fresh if before is None else replace(fresh, created_at=before.created_at, revision=before.revision + 1)
            )
            if self._store.install(space, made, before):
                self._publications.installed(space, made, publication)
                return made
        raise StorageBusy("the installation is changed by too many at once")

    def uninstall(self, space: Space, provider: str) -> None:
        """Forget all installations of a tenant at a provider, and tell the provider. Raises ProviderUnknown."""
        for one in self.all(space, provider):
            self._publications.lost(space, one)
            self._revoke(space, one)
            self._forget(space, one)

    def _forget(self, space: Space, seen: Installation) -> None:
        for _ in range(_TRIES):
            if self._store.uninstall(space, seen):
                return
            try:
                seen = self._store.installation(space, seen.provider, seen.id)
            except InstallationNotFound:
                return
        raise StorageBusy("the installation is changed by too many at once")

    def _revoke(self, space: Space, gone: Installation) -> None:
        try:
            app, grant = self._apps.app_of(space, gone), self._apps.grant(space, gone)
            self._apps.provider(gone.provider).revoke(app, gone, grant)
        except (ProviderError, NotConfigured, PublicationNotFound) as error:
            logger("integrations").warning("a provider was not told of the end", extra={"reason": error.message})

    def over(self, space: Space, provider: str, own_id: str) -> None:
        """The provider does not let us in any more: publications wait for a new installation."""
        for _ in range(_TRIES):
            found = self._store.installation(space, provider, own_id)
            if not found.active or self._store.change_installation(
                space, next_of(found, active=False, updated_at=now_ms())
            ):
                self._publications.lost(space, found)
                return
        raise StorageBusy("the installation is changed by too many at once")

    def personal(self, space: Space, publication: Publication, token: str) -> Installation:
        """Let a publication speak with a token that a person made. Raises WrongState and the errors of calls."""
        from chalicelib.integrations.providers.linear import Linear

        provider = self._apps.provider(publication.provider)
        if not isinstance(provider, Linear):
            raise ProviderUnknown(publication.provider)
        demand(publication, "pending_setup", "credentials_filled", "awaiting_install", "needs_reauth", "live")
        installed = provider.owner(Grant(token))
        return self.keep(space, publication.provider, installed, publication.id)

    def form(self, space: Space, publication: Publication) -> str:
        """A text with which somebody without a key can fill in the app of a publication, once. Raises WrongState."""
        demand(publication, "pending_setup", "credentials_filled", "awaiting_install", "needs_reauth")
        return self._states.keep(Errand(space.tenant, publication.provider, FORM, publication.id))

    def form_of(self, provider: str, token: str, *, use: bool) -> Errand:
        """What such a text stands for. Raises StateUnknown."""
        return (self._states.take if use else self._states.look)(token, provider, FORM)
