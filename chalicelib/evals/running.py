"""Moves runs: begins trials, a few at a time, and ends a run when all of them have ended."""

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.clock import now_ms
from chalicelib.evals.due import ERRAND
from chalicelib.evals.model import Attempt, Run
from chalicelib.evals.service import EvalService
from chalicelib.evals.store import EvalStore, run_key
from chalicelib.observability import logger
from chalicelib.schedules.due import is_due
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.queue import DoorbellQueue, Errand

NOTHING_DONE = "no trial could be carried out"


class EvalRuns:
    """What the clock calls for runs; ``parallel`` is how many trials of a run are under way at once."""

    def __init__(self, store: EvalStore, evals: EvalService, doorbells: DoorbellQueue, parallel: int) -> None:
        self._store = store
        self._evals = evals
        self._doorbells = doorbells
        self._parallel = parallel

    def fire(self, space: Space, key: Key) -> None:
        """Look after a run that is due."""
        row = self._store.row(key)
        if row is None or not is_due(row, now_ms()):
            return
        run = self._store.restored(row)
        if "removed_at" in row:
            self._evals.clear(space, run)
        elif self._all_ended(run):
            self._store.conclude(space, _concluded(run))
        else:
            self._begin_some(space, run)
            self._store.wait(space, run, row["due_sk"])

    def look(self, space: Space, run_id: str) -> None:
        """Look after a run of which a trial has ended."""
        self.fire(space, run_key(space, run_id))

    def _begin_some(self, space: Space, run: Run) -> None:
        free = self._parallel - sum(not trial.ended for trial in run.trials.values())
        waiting = [place for place in run.places() if place not in run.trials]
        for place, number in waiting[: max(free, 0)]:
            attempt = Attempt(run=run.id, place=place, number=number, started_at=now_ms())
            if self._store.begin(space, run, attempt):
                self.ring(space, attempt)

    def ring(self, space: Space, attempt: Attempt) -> None:
        """Have a worker look at a trial; a failure is only logged, for the clock rings again."""
        try:
            # A run has only so many trials under way, and one whose grader is slow must not use up another's time.
            self._doorbells.ring(Errand(ERRAND, space.tenant, attempt.thing, alone=True))
        except (BotoCoreError, ClientError):
            logger("evals").warning("doorbell not sent; the clock will ring", exc_info=True)

    @staticmethod
    def _all_ended(run: Run) -> bool:
        return all(place in run.trials and run.trials[place].ended for place in run.places())


def _concluded(run: Run) -> Run:
    good = any(trial.status == "completed" for trial in run.trials.values())
    changes = {"status": "completed" if good else "failed", "error": None if good else NOTHING_DONE}
    return run.model_copy(update={"ended_at": now_ms(), **changes})
