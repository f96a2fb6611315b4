"""A tenant with an agent and an environment, deployments of it, and time that has passed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.agents.draft import AgentCreate
from chalicelib.agents.policy import PLAIN
from chalicelib.core.clock import now_ms
from chalicelib.deployments.draft import DeploymentDraft
from chalicelib.deployments.model import CronSchedule, Deployment, Run
from chalicelib.deployments.running import RunFilter
from chalicelib.environments.draft import EnvironmentCreate
from chalicelib.environments.service import PLAIN as PLAIN_ENVIRONMENTS
from chalicelib.events.log import SessionRef
from chalicelib.running import orders
from chalicelib.runs import entry
from chalicelib.schedules.due import due_keys, moment
from chalicelib.sessions.draft import AgentChoice
from chalicelib.sessions.inputs import Input
from chalicelib.sessions.model import Session
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services

HOURLY, MINUTELY, NEW_YEAR = "0 * * * *", "* * * * *", "0 0 1 1 *"
HELLO = Input("user.message", {"content": [{"type": "text", "text": "hello"}]})
FAR = 10**13 - 1


class Killed(BaseException):
    """The process died here."""


def dies(*_: object, **__: object) -> Any:
    """What a process that is killed does."""
    raise Killed


@dataclass
class Site:
    """One tenant and what it has."""

    services: Services
    space: Space = field(init=False)
    agent: str = field(init=False)
    environment: str = field(init=False)

    def __post_init__(self) -> None:
        tenant, _ = self.services.tenants.create("Test")
        self.space = Space(tenant.id)
        made = AgentCreate.model_validate({"name": "Tester", "model": "claude-test", "tools": []})
        self.agent = self.services.agents.create(self.space, made, PLAIN).id
        place = EnvironmentCreate.model_validate({"name": "Place"})
        self.environment = self.services.environments.create(self.space, place, PLAIN_ENVIRONMENTS).id

    def draft(self, cron: str | None = NEW_YEAR, **more: Any) -> DeploymentDraft:
        """A deployment to be made."""
        schedule = None if cron is None else CronSchedule(type="cron", expression=cron, timezone="UTC")
        fields = {"agent": AgentChoice(id=self.agent), "environment_id": self.environment, "initial": [HELLO], **more}
        given = frozenset({"name", "schedule", *fields})
        return DeploymentDraft(given=given, name="Nightly", schedule=schedule, **fields)

    def deploy(self, cron: str | None = NEW_YEAR, **more: Any) -> Deployment:
        """A new deployment."""
        return self.services.deployments.create(self.space, self.draft(cron, **more))

    def now(self, deployment: Deployment) -> Deployment:
        """The deployment as it is now."""
        return self.services.deployments.get(self.space, deployment.id)

    def make_due(self, deployment: Deployment, at: int | None = None) -> int:
        """Let the moment of the next run have come; that moment."""
        then = now_ms() - 1_000 if at is None else at
        key = self.space.key("deployment", deployment.id, sk="HEAD")
        self.services.table.write(writes.update(key, {"next_at": then, **moment(then)}, writes.PRESENT))
        return then

    def pass_time(self) -> None:
        """Let the moment of everything that waits for one have come."""
        for key, _ in list(due_keys(self.services.table, FAR)):
            self.services.table.write(writes.update(key, dict(moment(now_ms())), writes.PRESENT))

    def pass_time_of(self, deployment: Deployment) -> None:
        """As ``pass_time``, for one deployment and its runs."""
        for key, _ in list(due_keys(self.services.table, FAR)):
            row = self.services.table.get(key) or {}
            if deployment.id in (row.get("deployment_id"), row.get("id")) and key.pk.startswith("t#"):
                own = row.get("next_at")
                if own is None or own <= now_ms():
                    self.services.table.write(writes.update(key, dict(moment(now_ms())), writes.PRESENT))

    def waiting(self) -> list[Key]:
        """What waits for a moment, but for orders to stop."""
        return [key for key, _ in due_keys(self.services.table, FAR) if orders.NOUN not in key.pk]

    def runs(self, deployment: Deployment | None = None) -> list[Run]:
        """Runs, the newest first."""
        wanted = RunFilter(None if deployment is None else deployment.id)
        return self.services.deployment_runs.page(self.space, Window(200), wanted).items

    def sessions(self) -> list[Session]:
        """All sessions of the tenant."""
        return self.services.sessions.page(self.space, Window(200), lambda _: True)[0]

    def session(self, run: Run) -> Session:
        """The session of a run."""
        assert run.session_id is not None
        return self.services.sessions.get(SessionRef(self.space, run.session_id))


def tick(services: Services) -> None:
    """One beat of the clock of a process."""
    entry.tick_timers(services)


Steps = Callable[[], object]


@dataclass
class DyingTable:
    """Counts the changes a process writes, and kills it before or after one of them."""

    services: Services
    at: int
    after: bool
    count: int = 0

    def __post_init__(self) -> None:
        table = self.services.table
        self._wrap(table, "write")
        self._wrap(table, "transact")
        self._wrap(table, "delete_many")

    def _wrap(self, table: Any, name: str) -> None:
        real = getattr(table, name)

        def call(*given: Any, **options: Any) -> Any:
            if isinstance(given[0], list | tuple) and not given[0]:
                return real(*given, **options)
            self.count += 1
            if self.count == self.at and not self.after:
                raise Killed
            result = real(*given, **options)
            if self.count == self.at:
                raise Killed
            return result

        setattr(table, name, call)
