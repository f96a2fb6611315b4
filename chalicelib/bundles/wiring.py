"""Puts the parts of exporting and importing together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.bundles.exporting import Exporter
    from chalicelib.bundles.service import Importer
    from chalicelib.wiring import Services


def exporter(services: "Services") -> "Exporter":
    """What writes bundles."""
    from chalicelib.bundles.exporting import Exporter

    return Exporter(services.session_store, services.files, lambda: services.workspaces, services.objects)


def importer(services: "Services") -> "Importer":
    """What reads bundles."""
    from chalicelib.bundles.belongings import Belongings
    from chalicelib.bundles.casting import Casting
    from chalicelib.bundles.service import Importer, ImportParts
    from chalicelib.forks.plans import Plans

    casting = Casting(
        services.agents,
        services.environments,
        services.skills,
        services.vaults,
        services.opener,
        lambda space, model: services.serving.open(space).priced(model),
    )
    belongings = Belongings(
        services.files,
        services.attaching,
        lambda: services.workspaces,
        lambda: services.sandboxes,
    )
    return Importer(
        ImportParts(
            store=services.session_store,
            documents=services.documents,
            objects=services.objects,
            files=services.files,
            casting=casting,
            belongings=belongings,
            plans=Plans(services.table),
        )
    )
