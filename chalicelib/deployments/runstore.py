"""Where runs of deployments are kept: a row each, and a pointer to it beside the other runs of its deployment."""

from collections.abc import Callable

from chalicelib.deployments.model import Run
from chalicelib.schedules.due import NO_MOMENT, moment
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Source, Window, index_source, partition_source, read
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

NOUN, OF_DEPLOYMENT = "deployment-run", "deployment-runs"
_HEAD = "HEAD"
_FACTS = ("id", "deployment_id", "agent_id", "agent_version", "created_at", "scheduled_at", "session_id", "tries")


def _key(space: Space, run_id: str) -> Key:
    return space.key(NOUN, run_id, sk=_HEAD)


def restored(row: Row) -> Run:
    """The run of a row."""
    facts = {name: row[name] for name in _FACTS if name in row}
    if "error_type" in row:
        facts["error"] = {"type": row["error_type"], "message": row["error_message"]}
    return Run.model_validate(facts)


def _facts(run: Run) -> Row:
    facts = {name: getattr(run, name) for name in _FACTS}
    if run.error is not None:
        facts |= {"error_type": run.error.type, "error_message": run.error.message}
    return {name: value for name, value in facts.items() if value is not None}


class RunStore(Committing):
    """Rows of runs. One that is still being made is due, so that the clock finishes what nobody else does."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, space: Space, run_id: str) -> Run | None:
        """A run, if there is one."""
        row = self.row(_key(space, run_id))
        return None if row is None else restored(row)

    def row(self, key: Key) -> Row | None:
        """The row of a run."""
        return self._table.get(key)

    def insert(self, space: Space, run: Run, held_until: int) -> Write:
        """The write that begins a run; until that moment nobody else takes it up."""
        key = _key(space, run.id)
        return writes.put({"pk": key.pk, "sk": key.sk, **_facts(run), **moment(held_until)}, writes.ABSENT)

    def take_over(self, key: Key, seen: Row, held_until: int) -> bool:
        """Take up a run that was left; False when another did."""
        still = writes.equals("due_sk", str(seen["due_sk"]))
        try:
            self._table.write(writes.update(key, dict(moment(held_until)), still, add={"tries": 1}))
        except ConditionFailed:
            return False
        return True

    def finish(self, space: Space, run: Run) -> list[Write]:
        """The writes that record what came of a run, once, and list it."""
        key, place = _key(space, run.id), list_sk(run.created_at, run.id)
        changes = {**_facts(run), **NO_MOMENT, "list_pk": space.listing(NOUN), "list_sk": place}
        open_still = writes.missing("session_id") & writes.missing("error_type") & writes.PRESENT
        pointer = space.key(OF_DEPLOYMENT, run.deployment_id, sk=place)
        return [
            writes.update(key, changes, open_still),
            writes.put({"pk": pointer.pk, "sk": pointer.sk, "run": run.id}),
        ]

    def forget(self, space: Space, run: Run) -> None:
        """Remove a run of which nothing came, and nothing will."""
        try:
            self._table.write(writes.delete(_key(space, run.id), writes.missing("session_id")))
        except ConditionFailed:
            return

    def page(self, space: Space, window: Window, deployment_id: str | None, wanted: Callable[[Run], bool]) -> Found:
        """Rows of runs by creation, of one deployment or of all."""
        return read(
            self._table, [self._source(space, window, deployment_id)], window, lambda row: wanted(restored(row))
        )

    def _source(self, space: Space, window: Window, deployment_id: str | None) -> Source:
        if deployment_id is None:
            return index_source(self._table, space.listing(NOUN), window)
        partition = space.partition(OF_DEPLOYMENT, deployment_id)
        return partition_source(self._table, partition, window, lambda row: _key(space, row["run"]))
