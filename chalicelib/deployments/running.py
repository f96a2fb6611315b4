"""Runs of deployments: begun once for each moment, and made into a session once, whatever stops on the way.

A run is a row before it is a session. Its id follows from the deployment and the moment, and the session's id from the
run's, so whoever goes on after a crash makes what was missing and nothing twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.core.ids import derive_id, new_id
from chalicelib.core.paging import Page
from chalicelib.core.principal import Principal
from chalicelib.deployments.configs import ResourceConfigs
from chalicelib.deployments.errors import DeploymentArchived, RunNotFound, RunUnderWay, TenantDisabled
from chalicelib.deployments.failures import UNKNOWN, failure_of, is_lasting
from chalicelib.deployments.model import Deployment, Run, RunFailure
from chalicelib.deployments.opening import opening_of
from chalicelib.deployments.runstore import RunStore, restored
from chalicelib.deployments.service import DeploymentService
from chalicelib.deployments.store import DeploymentStore
from chalicelib.deployments.timing import Timing
from chalicelib.events.log import SessionRef
from chalicelib.observability import logger
from chalicelib.schedules.due import is_due
from chalicelib.sessions.errors import SessionNotFound
from chalicelib.sessions.opening import Opener
from chalicelib.sessions.service import SessionService
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.listing import Window
from chalicelib.storage.writes import Write
from chalicelib.tenants.limits import LimitService
from chalicelib.tenants.register import TenantRegister
from chalicelib.webhooks.happening import SILENT, Announcer, Happening

_HELD_MS = 60_000
_MOST_TRIES = 5
_MOST_MADE_UP = 5
"""Runs of one deployment that a late clock makes in one go."""


@dataclass(frozen=True, slots=True)
class Tenants:
    """What a tenant may do at present."""

    register: TenantRegister
    limits: LimitService

    def demand(self, space: Space) -> None:
        """One more session by schedule. Raises TenantDisabled, RateLimited."""
        tenant = self.register.recent(space.tenant)
        if tenant is None or not tenant.active:
            raise TenantDisabled("the tenant is suspended or closed")
        self.limits.take(Principal(space.tenant, "", frozenset()), "write")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows; None takes any."""

    deployment_id: str | None = None
    failed: bool | None = None
    scheduled: bool | None = None

    def takes(self, run: Run) -> bool:
        """Whether a run is one of them."""
        failed = self.failed is None or self.failed == (run.error is not None)
        return failed and (self.scheduled is None or self.scheduled == (run.scheduled_at is not None))


class DeploymentRuns:
    """Makes runs, by hand and by the clock."""

    def __init__(
        self,
        deployments: DeploymentService,
        store: DeploymentStore,
        runs: RunStore,
        configs: ResourceConfigs,
        opener: Opener,
        sessions: SessionService,
        tenants: Tenants,
        timing: Timing,
        announcer: Announcer = SILENT,
    ) -> None:
        self._announcer = announcer
        self._deployments = deployments
        self._store = store
        self._runs = runs
        self._configs = configs
        self._opener = opener
        self._sessions = sessions
        self._tenants = tenants
        self._timing = timing

    def get(self, space: Space, run_id: str) -> Run:
        """One run. Raises RunNotFound, also while it is being made."""
        run = self._runs.find(space, run_id)
        if run is None or not run.done:
            raise RunNotFound
        return run

    def page(self, space: Space, window: Window, wanted: RunFilter) -> Page[Run]:
        """Runs by creation; ``next`` is the position to go on after."""
        found = self._runs.page(space, window, wanted.deployment_id, wanted.takes)
        following = found.rows[-1]["list_sk"] if found.more else None
        return Page([restored(row) for row in found.rows], following)

    def start(self, space: Space, deployment_id: str, run_id: str | None = None) -> Run:
        """Run a deployment now, paused or not; with the id of a run there is, that run.

        Raises DeploymentNotFound, DeploymentArchived, RunUnderWay, and the fault of a part behind the server.
        """
        deployment = self._deployments.get(space, deployment_id)
        if run_id is not None and (earlier := self._runs.find(space, run_id)) is not None and earlier.done:
            return earlier
        if deployment.archived_at is not None:
            raise DeploymentArchived
        run = _run(deployment, run_id or new_id())
        try:
            begun = self._runs.insert(space, run, now_ms() + _HELD_MS)
            self._runs.commit([begun, *self._told(space, "started", run)])
        except TransactionRefused as refusal:
            raise RunUnderWay("this run is being made; ask again in a moment") from refusal
        try:
            return self._make(space, deployment, run, lambda: None)
        except Exception:
            # The caller is told that it failed, so the clock must not make it after all.
            self._runs.forget(space, run)
            raise

    def fire(self, space: Space, key: Key) -> None:
        """Make the run of a deployment whose moment has come, if nobody has."""
        deployment_id = key.pk.rpartition("#")[2]
        for _ in range(_MOST_MADE_UP):
            row = self._store.row(space, deployment_id)
            if row is None or not is_due(row, now_ms()):
                return
            deployment = self._store.restored(row)
            if (run := self._begin(space, deployment)) is not None:
                self._attempt(space, deployment, run)

    def resume(self, space: Space, key: Key) -> None:
        """Go on with a run that somebody began and left."""
        row = self._runs.row(key)
        if row is None or not is_due(row, now_ms()) or not self._runs.take_over(key, row, now_ms() + _HELD_MS):
            return
        run = restored(row)
        deployment = self._deployments.get(space, run.deployment_id)
        run = run.model_copy(update={"tries": run.tries + 1})
        if not self._adopted(space, run):
            self._attempt(space, deployment, run)

    def _begin(self, space: Space, deployment: Deployment) -> Run | None:
        """Use up the moment that is due; the run for it, None when another process has it."""
        now, moment = now_ms(), deployment.next_at or 0
        run = _run(deployment, derive_id("deployment-run", space.tenant, deployment.id, str(moment)), moment)
        following = self._timing.following(deployment, now)
        fires_at = self._timing.fires_at(deployment.id, deployment.schedule, following)
        onward = self._store.advance(space, deployment, following, fires_at, now)
        try:
            begun = self._runs.insert(space, run, now + _HELD_MS)
            self._runs.commit([onward, begun, *self._told(space, "started", run)])
        except TransactionRefused as refusal:
            if 0 not in refusal.failed:
                self._go_on(onward)
            return None
        return run

    def _go_on(self, onward: Write) -> None:
        """The moment had its run before: a clock that was ahead saw it first."""
        try:
            self._store.commit([onward])
        except TransactionRefused:
            logger("deployments").info("another process went on to the next moment")

    def _attempt(self, space: Space, deployment: Deployment, run: Run) -> None:
        """Make a run by the clock; after a fault of the server it is due again, until there were too many."""
        try:
            self._make(space, deployment, run, lambda: self._tenants.demand(space))
        except Exception:
            if run.tries < _MOST_TRIES:
                raise
            logger("deployments").exception("a run was given up")
            self._fail(space, deployment, run, RunFailure(type=UNKNOWN, message="the session could not be made"))

    def _adopted(self, space: Space, run: Run) -> bool:
        """Whether the session was made before, and only its run left without it."""
        session_id = self._sessions.new_id(space, _seed(run))
        try:
            self._sessions.get(SessionRef(space, session_id))
        except SessionNotFound:
            return False
        self._finish(space, run.model_copy(update={"session_id": session_id}))
        return True

    def _make(self, space: Space, deployment: Deployment, run: Run, demand: Callable[[], None]) -> Run:
        pinned = deployment.model_copy(update={"agent_id": run.agent_id, "agent_version": run.agent_version})
        try:
            demand()
            resources = self._configs.whole(space, deployment.id, deployment.resources)
            session = self._opener.open(space, opening_of(pinned, resources, _seed(run)))
        except LambentError as error:
            failure = failure_of(error)
            if failure is None:
                raise
            return self._fail(space, deployment, run, failure)
        return self._finish(space, run.model_copy(update={"session_id": session.head.id}))

    def _fail(self, space: Space, deployment: Deployment, run: Run, failure: RunFailure) -> Run:
        if is_lasting(failure):
            self._deployments.pause_for(space, deployment, failure.type)
        return self._finish(space, run.model_copy(update={"error": failure}))

    def _finish(self, space: Space, run: Run) -> Run:
        try:
            told = self._told(space, "succeeded" if run.error is None else "failed", run)
            self._runs.commit([*self._runs.finish(space, run), *told])
        except TransactionRefused:
            return self.get(space, run.id)
        return run

    def _told(self, space: Space, what: str, run: Run) -> list[Write]:
        return self._announcer.tell(
            space, Happening(f"deployment_run.{what}", run.id, {"deployment_id": run.deployment_id})
        )


def _run(deployment: Deployment, run_id: str, moment: int | None = None) -> Run:
    return Run(
        id=run_id,
        deployment_id=deployment.id,
        agent_id=deployment.agent_id,
        agent_version=deployment.agent_version,
        created_at=now_ms(),
        scheduled_at=moment,
    )


def _seed(run: Run) -> str:
    return f"deployment-run {run.id}"
