"""The session that a deployment asks for."""

from collections.abc import Sequence

from chalicelib.agents.policy import PLAIN, SDK
from chalicelib.deployments.model import Deployment
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.inputs import Manner
from chalicelib.sessions.opening import Opening
from chalicelib.sessions.resource_drafts import AnyResource


def opening_of(deployment: Deployment, resources: Sequence[AnyResource], seed: str | None = None) -> Opening:
    """What to open for a run of the deployment, with its resources made whole."""
    return Opening(
        agent=AgentChoice(id=deployment.agent_id, version=deployment.agent_version),
        environment_id=deployment.environment_id,
        resources=resources,
        vault_ids=deployment.vault_ids,
        initial=[one.input() for one in deployment.initial],
        budget=deployment.budget,
        manner=Manner(deployment.policy),
        policy=SDK if deployment.strict_skills else PLAIN,
        seed=seed,
        deployment_id=deployment.id,
    )
