"""Puts the parts of canaries together."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.canaries.service import CanaryService
    from chalicelib.wiring import Services


def canaries(services: "Services") -> "CanaryService":
    """The service of this process."""
    from chalicelib.canaries.service import CanaryService

    return CanaryService(services.agents, services.table)
