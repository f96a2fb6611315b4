"""Puts the parts of deployments, and of what happens at a moment, together."""

from typing import TYPE_CHECKING

from chalicelib.deployments import runstore, store
from chalicelib.deployments.configs import ResourceConfigs
from chalicelib.deployments.endings import AgentsDeployments
from chalicelib.deployments.running import DeploymentRuns, Tenants
from chalicelib.deployments.service import DeploymentService
from chalicelib.deployments.store import DeploymentStore
from chalicelib.deployments.timing import Timing
from chalicelib.running.orders import NOUN as STOP_ORDERS
from chalicelib.schedules.store import NOUN as SCHEDULES
from chalicelib.schedules.timers import Timers
from chalicelib.spending.limit_store import HOLDS

if TYPE_CHECKING:
    from chalicelib.wiring import Services


def deployments(services: "Services") -> DeploymentService:
    """The service of this process."""
    parts = (_configs(services), services.opener, services.agents, _timing(services), services.webhooks)
    return DeploymentService(_store(services), *parts)


def deployment_runs(services: "Services") -> DeploymentRuns:
    """What makes runs in this process."""
    return DeploymentRuns(
        services.deployments,
        _store(services),
        runstore.RunStore(services.table),
        _configs(services),
        services.opener,
        services.sessions,
        Tenants(services.tenant_register, services.limits),
        _timing(services),
        services.webhooks,
    )


def agents_deployments(services: "Services") -> AgentsDeployments:
    """What ends together with an agent."""
    return AgentsDeployments(_store(services), services.webhooks)


def timers(services: "Services") -> Timers:
    """Everything that happens at a moment, by the noun of the row that waits for it."""
    runs = services.deployment_runs
    handlers = {
        store.NOUN: runs.fire,
        runstore.NOUN: runs.resume,
        store.OF_AGENT: agents_deployments(services).resume,
        SCHEDULES: services.schedules.fire,
        HOLDS: services.limiting.purse.expire,
        STOP_ORDERS: services.limiting.running.resume,
    }
    return Timers(services.table, handlers | services.evals.handlers() | services.dreams.handlers())


def _store(services: "Services") -> DeploymentStore:
    return DeploymentStore(services.table, services.documents)


def _configs(services: "Services") -> ResourceConfigs:
    return ResourceConfigs(services.secrets)


def _timing(services: "Services") -> Timing:
    return Timing(spread=services.settings.schedule_jitter)
