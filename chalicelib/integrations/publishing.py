"""What may be done with publications, and the steps of setting one up."""

from collections.abc import Callable
from typing import Any

from chalicelib.agents.service import AgentService
from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.environments.service import EnvironmentService
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.drafts import AppCredentials, PublicationCreate, PublicationUpdate
from chalicelib.integrations.errors import BadSetup, PublicationNotFound, TooManyPublications, WrongState
from chalicelib.integrations.model import (
    MOST_PUBLICATIONS,
    OPERATOR,
    PENDING,
    App,
    Granularity,
    Installation,
    Publication,
    Status,
)
from chalicelib.integrations.store import IntegrationStore, next_of
from chalicelib.storage.errors import RoomFull, StorageBusy
from chalicelib.storage.keys import Space

WRITES = {"linear": "comment.write", "github": "comment.write", "slack": "message.write"}
"""What an agent must be able to do for its answers to be posted."""
_READS = {"linear": "issue.read", "github": "issue.read", "slack": "message.read"}
_GRANULARITY: dict[str, Granularity] = {"linear": "per_issue", "github": "per_issue", "slack": "per_thread"}
_TRIES = 10
Changes = dict[str, Any]


class PublicationService:
    """Makes, changes and ends publications. Every error is one of ``integrations.errors``, or of the agent's and the
    environment's."""

    def __init__(
        self, store: IntegrationStore, apps: Apps, agents: AgentService, environments: EnvironmentService
    ) -> None:
        self._store = store
        self._apps = apps
        self._agents = agents
        self._environments = environments

    def all(self, space: Space, provider: str) -> list[Publication]:
        """A tenant's, oldest first, without those that ended. Raises ProviderUnknown."""
        self._apps.provider(provider)
        return [one for one in self._store.publications(space, provider) if one.status != "unpublished"]

    def get(self, space: Space, provider: str, own_id: str) -> Publication:
        """One. Raises ProviderUnknown, PublicationNotFound."""
        self._apps.provider(provider)
        return self._store.publication(space, provider, own_id)

    def create(
        self,
        space: Space,
        provider: str,
        sent: PublicationCreate,
        named: tuple[str, str, str | None],
        *,
        created_by: str,
        own_app: bool = False,
        own_id: str | None = None,
    ) -> Publication:
        """Publish an agent; ``named`` are the core ids of agent, environment and installation.

        It is live at once where the operator's app is installed. With an id that exists already, what has it.
        """
        agent_id, environment_id, installation_id = named
        self._agents.get(space, agent_id)
        self._environments.get(space, environment_id)
        installation = None if own_app else self._installation(space, provider, installation_id)
        persona = sent.persona
        given = sent.capabilities
        made = Publication(
            id=own_id or new_id(),
            provider=provider,
            created_by=created_by,
            agent_id=agent_id,
            environment_id=environment_id,
            created_at=now_ms(),
            status=self._first_status(provider, installation, own_app=own_app),
            installation_id=installation.id if installation else None,
            mode=sent.mode,
            persona_name=persona.name if persona else "",
            persona_avatar=persona.avatar_url if persona else None,
            capabilities=tuple(given) if given is not None else (_READS[provider], WRITES[provider]),
            granularity=sent.session_granularity or _GRANULARITY[provider],
            own_app=own_app,
        )
        try:
            return made if self._store.add(space, made) else self.get(space, provider, made.id)
        except RoomFull as full:
            raise TooManyPublications(f"a tenant has at most {MOST_PUBLICATIONS} publications at a provider") from full

    def _installation(self, space: Space, provider: str, wanted: str | None) -> Installation | None:
        if wanted is not None:
            return self._store.installation(space, provider, wanted)
        known = [one for one in self._store.installations(space, provider) if one.app == OPERATOR and one.active]
        return known[0] if len(known) == 1 else None

    def _first_status(self, provider: str, installation: Installation | None, *, own_app: bool) -> Status:
        if installation is not None:
            return "live" if installation.active else "needs_reauth"
        return "awaiting_install" if not own_app and self._apps.configured(provider) else "pending_setup"

    def update(self, space: Space, provider: str, own_id: str, sent: PublicationUpdate) -> Publication:
        """The publication after the change. Raises PublicationNotFound."""

        def changes(_before: Publication) -> Changes:
            found: Changes = {}
            if sent.persona is not None:
                found |= {"persona_name": sent.persona.name, "persona_avatar": sent.persona.avatar_url}
            if sent.capabilities is not None:
                found["capabilities"] = tuple(sent.capabilities)
            return found

        return self.change(space, provider, own_id, changes)

    def end(self, space: Space, provider: str, own_id: str) -> Publication:
        """Unpublish: nothing that is said wakes the agent any more. Raises PublicationNotFound."""

        def changes(before: Publication) -> Changes:
            if before.status == "unpublished":
                raise PublicationNotFound
            return {"status": "unpublished", "unpublished_at": now_ms(), "sealed": ""}

        return self.change(space, provider, own_id, changes)

    def fill(self, space: Space, provider: str, own_id: str, sent: AppCredentials) -> Publication:
        """Give a publication an app of its own. Raises WrongState, BadSetup."""
        app = App(
            client_id=sent.client_id,
            client_secret=sent.client_secret.get_secret_value(),
            signing=sent.webhook_secret.get_secret_value(),
            id=sent.app_id or sent.client_id,
            slug=sent.app_slug,
            key=sent.private_key.get_secret_value().replace("\\n", "\n"),
        )
        if provider == "github" and not (app.slug and app.key and sent.app_id):
            raise BadSetup("app_id, app_slug and private_key are needed for an app of GitHub", field="private_key")
        sealed = self._apps.sealed(space, own_id, app)

        def changes(before: Publication) -> Changes:
            demand(before, "pending_setup", "credentials_filled", "awaiting_install", "needs_reauth")
            return {"sealed": sealed, "own_app": True, "status": "credentials_filled", "installation_id": None}

        return self.change(space, provider, own_id, changes)

    def change(
        self, space: Space, provider: str, own_id: str, changes: Callable[[Publication], Changes]
    ) -> Publication:
        """Apply a change, which may be asked for several times; an empty one writes nothing."""
        for _ in range(_TRIES):
            before = self.get(space, provider, own_id)
            wanted = changes(before)
            if not wanted:
                return before
            after = next_of(before, **wanted)
            ends = after.status == "unpublished" != before.status
            if (self._store.end if ends else self._store.change)(space, after):
                return after
        raise StorageBusy("the publication is changed by too many at once")

    def installed(self, space: Space, installation: Installation, own_id: str) -> None:
        """An installation came: what waited for it is live. ``own_id`` is the publication whose app it is, or empty."""
        waiting = [own_id] if own_id else []
        if not own_id:
            states = (*PENDING, "needs_reauth")
            ours = [one for one in self.all(space, installation.provider) if not one.own_app and one.status in states]
            waiting = [one.id for one in ours if one.installation_id in (None, installation.id)]
        for one in waiting:
            self.change(
                space,
                installation.provider,
                one,
                lambda before: (
                    {} if before.status == "unpublished" else {"status": "live", "installation_id": installation.id}
                ),
            )

    def lost(self, space: Space, installation: Installation) -> None:
        """An installation is over, or its tokens are: its publications wait for a new one."""
        for one in self.all(space, installation.provider):
            if one.installation_id == installation.id and one.status == "live":
                self.change(
                    space,
                    installation.provider,
                    one.id,
                    lambda before: {"status": "needs_reauth"} if before.status == "live" else {},
                )


def demand(publication: Publication, *states: Status) -> None:
    """The set-up is at one of these steps. Raises WrongState."""
    if publication.status not in states:
        raise WrongState(f"the publication is {publication.status}", code="wrong_state")
