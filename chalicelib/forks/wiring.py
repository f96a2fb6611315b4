"""Puts the parts of forking together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.forks.service import ForkService
    from chalicelib.wiring import Services


def forks(services: "Services") -> "ForkService":
    """The service of this process."""
    from chalicelib.forks.belongings import Belongings
    from chalicelib.forks.copying import LogCopier
    from chalicelib.forks.plans import Plans
    from chalicelib.forks.service import ForkParts, ForkService

    given = Belongings(services.files, services.session_resources, services.workspaces, lambda: services.sandboxes)
    return ForkService(
        ForkParts(
            store=services.session_store,
            inbox=services.inbox,
            agents=services.agents,
            environments=services.environments,
            skills=services.skills,
            files=services.files,
            opener=services.opener,
            belongings=given,
            copier=LogCopier(services.table, services.documents, services.objects),
            plans=Plans(services.table),
            scoped=services.sessions.scoped,
            gate=services.limiting.purse.demand_open,
            is_priced=lambda space, model: services.serving.open(space).priced(model),
        )
    )
