"""Puts the parts of evaluations together; the worker's side is imported where trials are moved."""

from typing import TYPE_CHECKING

from chalicelib.core.lazy import lazy
from chalicelib.evals.running import EvalRuns
from chalicelib.evals.service import EvalService
from chalicelib.evals.store import NOUN, TRIAL, EvalStore
from chalicelib.schedules.timers import Handler
from chalicelib.storage.keys import Key, Space

if TYPE_CHECKING:
    from chalicelib.evals.trials import Trials
    from chalicelib.wiring import Services


class Evals:
    """Everything about evaluations in this process."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.lock = services.lock

    @lazy
    def _store(self) -> EvalStore:
        return EvalStore(self._services.table, self._services.documents)

    @lazy
    def service(self) -> EvalService:
        """What doors use."""
        return EvalService(self._store, self._services.opener, self._services.sessions)

    @lazy
    def runs(self) -> EvalRuns:
        """What moves runs."""
        parallel = self._services.settings.eval_parallel_trials
        return EvalRuns(self._store, self.service, self._services.doorbells, parallel)

    @lazy
    def trials(self) -> "Trials":
        """What moves trials."""
        from chalicelib.evals.grading import Grader
        from chalicelib.evals.preparing import Preparer
        from chalicelib.evals.trials import Helpers, Trials

        services = self._services
        preparer = Preparer(services.sandbox_of)
        purse = services.limiting.purse
        grader = Grader(preparer, services.log, services.outbound, services.serving, purse)
        helpers = Helpers(services.opener, services.sessions, preparer, grader, services.tenant_register, services.log)
        return Trials(self._store, self.service, self.runs, helpers)

    def handlers(self) -> dict[str, Handler]:
        """Who looks after rows that are due, by their noun."""

        def of_run(space: Space, key: Key) -> None:
            self.runs.fire(space, key)

        def of_trial(space: Space, key: Key) -> None:
            self.trials.fire(space, key)

        return {NOUN: of_run, TRIAL: of_trial}
