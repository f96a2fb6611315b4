"""What a client may ask of a deployment, in the core's terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.agents.policy import PLAIN
from chalicelib.agents.policy import Policy as Custom
from chalicelib.deployments.model import CronSchedule
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Policy
from chalicelib.sessions.resource_drafts import AnyResource


@dataclass(frozen=True, slots=True)
class DeploymentDraft:
    """A new deployment, or changes to one, of which only the fields named in ``given`` count; ids in any dress.

    ``metadata`` is a patch; ``custom`` is the client's, as agents know it; ``budget`` is in whole US cents.
    """

    given: frozenset[str]
    agent: AgentChoice
    name: str = ""
    environment_id: str = ""
    initial: Sequence[Input] = ()
    policy: Policy = "queue"
    custom: Custom = PLAIN
    schedule: CronSchedule | None = None
    resources: Sequence[AnyResource] = ()
    vault_ids: Sequence[str] = ()
    metadata: Mapping[str, str | None] = field(default_factory=dict)
    blank_removes: bool = False
    description: str | None = None
    budget: str | None = None

    def plain(self) -> dict[str, Any]:
        """The fields that are taken as they are."""
        shown: dict[str, Any] = {"name": self.name, "description": self.description or None, "schedule": self.schedule}
        shown |= {"budget": self.budget}
        return {name: value for name, value in shown.items() if name in self.given}
