"""Puts the parts of integrations together; imported when the first one is needed."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.events.log import SessionRef
from chalicelib.integrations.apps import Apps
from chalicelib.integrations.inbound import Inbound
from chalicelib.integrations.installing import InstallService
from chalicelib.integrations.provider import Provider
from chalicelib.integrations.providers.calls import Calls
from chalicelib.integrations.providers.github import GitHub
from chalicelib.integrations.providers.linear import Linear
from chalicelib.integrations.providers.slack import Slack
from chalicelib.integrations.publishing import PublicationService
from chalicelib.integrations.replying import Replies
from chalicelib.integrations.rules import RULES, RuleService
from chalicelib.integrations.settings import NAMES, SECRET, IntegrationSettings
from chalicelib.integrations.states import States
from chalicelib.integrations.store import IntegrationStore
from chalicelib.integrations.talks import TALK, Talks
from chalicelib.integrations.waking import Waking
from chalicelib.storage.keys import Space
from chalicelib.storage.queue import Errand

if TYPE_CHECKING:
    from chalicelib.wiring import Services


@dataclass(frozen=True, slots=True)
class Integrations:
    """Everything of integrations in this process."""

    settings: IntegrationSettings
    apps: Apps
    publications: PublicationService
    installs: InstallService
    inbound: Inbound
    replies: Replies
    rules: RuleService

    def run(self, errand: Errand) -> bool:
        """Run an errand; False when it is somebody else's."""
        space = Space(errand.tenant)
        if errand.kind == TALK:
            self.replies.deliver(space, errand.thing)
        elif errand.kind == RULES:
            self.rules.follow(space, errand.thing)
        else:
            return False
        return True

    def after_run(self, ref: SessionRef) -> None:
        """A session was worked on: what it said may have to be said elsewhere."""
        if self.settings.any_configured:
            self.replies.after_run(ref)


def integrations(services: "Services") -> Integrations:
    """The parts of this process, from its environment and the secret it names."""
    settings = IntegrationSettings.from_env(services.with_secret(os.environ, SECRET, NAMES))
    store, talks = IntegrationStore(services.table), Talks(services.table)
    apps = Apps(settings, _providers(services, settings), store, services.secrets)
    publications = PublicationService(store, apps, services.agents, services.environments)
    installs = InstallService(store, apps, publications, States(services.table))
    waking = Waking(talks, services.opener, services.sessions)
    known = (store, apps, installs, publications, talks)
    return Integrations(
        settings,
        apps,
        publications,
        installs,
        Inbound(*known, waking, services.tenant_register),
        Replies(*known, services.sessions, services.log, lambda: services.doorbells, services.alone_since),
        RuleService(
            services.table, store, apps, publications, talks, waking, services.sessions, services.tenant_register
        ),
    )


def _providers(services: "Services", settings: IntegrationSettings) -> dict[str, Provider]:
    sites, outbound = settings.sites, services.outbound
    return {
        "linear": Linear(sites["linear"], Calls(outbound, "Linear")),
        "github": GitHub(sites["github"], Calls(outbound, "GitHub")),
        "slack": Slack(sites["slack"], Calls(outbound, "Slack")),
    }
