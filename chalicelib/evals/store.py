"""Where evaluation runs are kept: a row each that shows everything, and a row for every trial under way."""

from collections.abc import Callable, Sequence

from chalicelib.core import jsonio
from chalicelib.evals.model import Attempt, Run, Trial
from chalicelib.schedules.due import NO_MOMENT, moment
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

NOUN, TRIAL = "eval-run", "eval-trial"
_HEAD, _SHOWN = "HEAD", "t_"
_LONGEST_NAME = 8
_RING_AGAIN_MS = 10_000
_ROW_BYTES = 390 << 10
"""Of the 400 KB a row may have; the rest is for its keys and times."""
_FACTS = ("id", "agent_id", "agent_version", "environment_id", "created_at", "status")
_LATER = ("started_at", "ended_at", "error", "revision")
_LIVING = writes.PRESENT & writes.missing("removed_at")


def run_key(space: Space, run_id: str) -> Key:
    """The row of a run."""
    return space.key(NOUN, run_id, sk=_HEAD)


def trial_key(space: Space, run_id: str, place: int, number: int) -> Key:
    """The row of a trial."""
    return space.key(TRIAL, run_id, sk=f"{place:04d}.{number:04d}")


def attempt_of(row: Row) -> Attempt:
    """The trial of a row."""
    return Attempt.model_validate({name: row[name] for name in Attempt.model_fields if name in row})


class EvalStore:
    """Rows of runs and trials; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def insert(self, space: Space, run: Run) -> bool:
        """Store a new run, due at once; False when its id is taken."""
        key = run_key(space, run.id)
        row: Row = {"pk": key.pk, "sk": key.sk, **{name: getattr(run, name) for name in _FACTS}, "revision": 0}
        row |= self._documents.pack(space, [task.model_dump(mode="json") for task in run.tasks])
        row |= {"list_pk": space.listing(NOUN), "list_sk": list_sk(run.created_at, run.id), **moment(run.created_at)}
        try:
            self._table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed:
            return False
        return True

    def row(self, key: Key) -> Row | None:
        """Any row."""
        return self._table.get(key)

    def find(self, space: Space, run_id: str) -> Run | None:
        """A run that was not removed."""
        row = self._table.get(run_key(space, run_id))
        return None if row is None or "removed_at" in row else self.restored(row)

    def restored(self, row: Row) -> Run:
        """The run of a row."""
        trials = {
            tuple(map(int, name.split("_")[1:])): jsonio.loads(text)
            for name, text in row.items()
            if name.startswith(_SHOWN)
        }
        facts = {name: row[name] for name in (*_FACTS, *_LATER) if name in row}
        run = Run.model_validate({**facts, "tasks": self._documents.unpack(row), "trials": trials})
        rest = _ROW_BYTES - len(row.get("docz", b"")) - len(row.get("doc", "").encode())
        return run.model_copy(update={"room": rest // max(sum(1 for _ in run.places()), 1)})

    def page(self, space: Space, window: Window, wanted: Callable[[Row], bool]) -> Found:
        """Rows of runs by creation."""
        listings = [space.listing(NOUN)]
        return read_lists(self._table, listings, window, lambda row: "removed_at" not in row and wanted(row))

    def begin(self, space: Space, run: Run, attempt: Attempt) -> bool:
        """Begin a trial; the clock looks after it when no worker has come.

        False when another process began it, or the run is gone.
        """
        key = trial_key(space, attempt.run, attempt.place, attempt.number)
        name = _name(attempt)
        row: Row = {"pk": key.pk, "sk": key.sk, **attempt.model_dump(exclude_none=True)}
        row |= moment(attempt.started_at + _RING_AGAIN_MS)
        changes: Row = {name: _text(Trial(status="running")), "status": "running"}
        changes["started_at"] = run.started_at or attempt.started_at
        begun = writes.update(run_key(space, run.id), changes, _LIVING & writes.missing(name))
        return self._done([begun, writes.put(row, writes.ABSENT)])

    def wait(self, space: Space, run: Run, due_sk: str) -> bool:
        """Nothing is to be done for a run until a trial of it ends; False when one did meanwhile."""
        still = writes.equals("revision", run.revision) & writes.equals("due_sk", due_sk)
        return self._done([writes.update(run_key(space, run.id), dict(NO_MOMENT), still)])

    def conclude(self, space: Space, run: Run) -> bool:
        """All trials of a run have ended."""
        changes: Row = {"status": run.status, "ended_at": run.ended_at, "error": run.error, **NO_MOMENT}
        return self._done([writes.update(run_key(space, run.id), changes, _LIVING & writes.missing("ended_at"))])

    def move(self, space: Space, before: Attempt, after: Attempt, due_at: int) -> Attempt | None:
        """Store where a trial stands, as long as nobody else has; None when somebody did."""
        fresh = after.model_copy(update={"revision": before.revision + 1})
        key = trial_key(space, before.run, before.place, before.number)
        changes = {**fresh.model_dump(exclude_none=True), **moment(due_at)}
        steps = [writes.update(key, changes, writes.equals("revision", before.revision))]
        if before.session_id != after.session_id:
            shown = {_name(after): _text(Trial(status="running", session_id=after.session_id))}
            steps.append(writes.update(run_key(space, after.run), dict(shown), _LIVING))
        return fresh if self._done(steps) else None

    @staticmethod
    def fitting(run: Run, outcome: Trial) -> Trial:
        """The outcome of a trial with as many of its words as fit: those of all trials stand in the run's row."""
        while len(_text(outcome).encode()) + _LONGEST_NAME > run.room:
            less = outcome.with_fewer_words()
            if less == outcome:
                break
            outcome = less
        return outcome

    def finish(self, space: Space, attempt: Attempt, outcome: Trial, at_ms: int) -> bool:
        """A trial has ended; its run is looked at next."""
        key = trial_key(space, attempt.run, attempt.place, attempt.number)
        shown = {_name(attempt): _text(outcome), **moment(at_ms)}
        return self._done(
            [
                writes.delete(key, writes.equals("revision", attempt.revision)),
                writes.update(run_key(space, attempt.run), dict(shown), _LIVING, add={"revision": 1}),
            ]
        )

    def remove(self, space: Space, run_id: str, at_ms: int) -> bool:
        """Nobody sees the run any more; what is under way is ended next. False when there is none."""
        changes: Row = {"removed_at": at_ms, "list_pk": None, "list_sk": None, **moment(at_ms)}
        return self._done([writes.update(run_key(space, run_id), changes, _LIVING)])

    def forget(self, space: Space, run: Run) -> None:
        """Remove every row of a run."""
        keys = [trial_key(space, run.id, *place) for place in run.trials]
        self._table.delete_many([*keys, run_key(space, run.id)])

    def _done(self, steps: Sequence[Write]) -> bool:
        return self._table.transacted(steps)


def _name(attempt: Attempt) -> str:
    return f"{_SHOWN}{attempt.place}_{attempt.number}"


def _text(trial: Trial) -> str:
    return jsonio.dumps(trial.model_dump(exclude_none=True))
