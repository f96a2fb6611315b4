"""Where deployments are kept: a row each, and for every agent a row for each deployment of it that is not archived."""

from collections.abc import Callable, Iterator
from typing import Any

from chalicelib.deployments.model import Deployment, DeploymentSpec
from chalicelib.schedules.due import NO_MOMENT, moment
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_states
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

NOUN, OF_AGENT = "deployment", "agent-deployments"
ENDING = "ENDING"
_HEAD, _ARCHIVED, _MEMBER = "HEAD", "archived", "D#"
_FACTS = ("id", "created_at", "updated_at", "archived_at", "paused", "next_at", "last_run_at", "revision")
_DOCUMENT = ("doc", "docz", "docref")


def _key(space: Space, deployment_id: str) -> Key:
    return space.key(NOUN, deployment_id, sk=_HEAD)


def _member_key(space: Space, agent_id: str, deployment_id: str) -> Key:
    return space.key(OF_AGENT, agent_id, sk=_MEMBER + deployment_id)


class DeploymentStore(Committing):
    """Rows of deployments; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def row(self, space: Space, deployment_id: str) -> Row | None:
        """The row of a deployment."""
        return self._table.get(_key(space, deployment_id))

    def find(self, space: Space, deployment_id: str) -> Deployment | None:
        """A deployment, if there is one."""
        row = self.row(space, deployment_id)
        return None if row is None else self.restored(row)

    def restored(self, row: Row) -> Deployment:
        """The deployment of a row."""
        facts = {name: row[name] for name in _FACTS if name in row}
        return Deployment.model_validate(self._documents.unpack(row) | facts)

    def insert(self, space: Space, made: Deployment, fires_at: int | None) -> list[Write]:
        """The writes that make a deployment; ``fires_at`` is ``next_at`` with its jitter."""
        key = _key(space, made.id)
        row: Row = {"pk": key.pk, "sk": key.sk, **self._content(space, made)}
        row |= {"list_pk": space.listing(NOUN), "list_sk": list_sk(made.created_at, made.id)}
        row |= {} if fires_at is None else moment(fires_at)
        return [writes.put(row, writes.ABSENT), self._join(space, made)]

    def change(self, space: Space, changed: Deployment, before: Deployment, fires_at: int | None) -> list[Write]:
        """The writes that replace the revision before; a schedule that stays is left as the clock has set it."""
        content = self._content(space, changed)
        del content["last_run_at"]
        if changed.schedule == before.schedule:
            del content["next_at"]
        else:
            content |= NO_MOMENT if fires_at is None else moment(fires_at)
        changes = dict.fromkeys(_DOCUMENT) | content
        steps = [writes.update(_key(space, changed.id), changes, self._as_seen(before))]
        if changed.agent_id != before.agent_id:
            steps += [self._leave(space, before), self._join(space, changed)]
        return steps

    def set_state(self, space: Space, changed: Deployment, before: Deployment, fires_at: int | None) -> Write:
        """The write that pauses or resumes a deployment."""
        changes: dict[str, Any] = {"paused": changed.paused, "next_at": changed.next_at}
        changes |= {"revision": changed.revision, "updated_at": changed.updated_at}
        changes |= NO_MOMENT if fires_at is None else moment(fires_at)
        return writes.update(_key(space, changed.id), changes, self._as_seen(before))

    def advance(self, space: Space, seen: Deployment, next_at: int | None, fires_at: int | None, at_ms: int) -> Write:
        """The write that goes on to the next moment of the schedule, once the present one has been used."""
        changes: dict[str, Any] = {"next_at": next_at, "last_run_at": at_ms}
        changes |= NO_MOMENT if fires_at is None else moment(fires_at)
        still = writes.equals("next_at", seen.next_at or 0) & writes.missing("paused") & writes.missing("archived_at")
        return writes.update(_key(space, seen.id), changes, still)

    def archive(self, space: Space, seen: Deployment, at_ms: int) -> list[Write]:
        """The writes that archive a deployment as it was seen."""
        changes: dict[str, Any] = {"archived_at": at_ms, "updated_at": at_ms, "paused": None, "next_at": None}
        changes |= {"list_pk": space.listing(NOUN, _ARCHIVED), "revision": seen.revision + 1, **NO_MOMENT}
        return [writes.update(_key(space, seen.id), changes, self._as_seen(seen)), self._leave(space, seen)]

    def page(
        self, space: Space, window: Window, *, active: bool, archived: bool, wanted: Callable[[Deployment], bool]
    ) -> Found:
        """Rows of deployments by creation."""
        listings = space.listing(NOUN), space.listing(NOUN, _ARCHIVED)
        return read_states(self._table, listings, (active, archived), window, lambda row: wanted(self.restored(row)))

    def of_agent(self, space: Space, agent_id: str) -> Iterator[str]:
        """The ids of an agent's deployments that are not archived."""
        rows = self._table.walk(space.partition(OF_AGENT, agent_id), low=_MEMBER, high=_MEMBER + "~")
        return (row["sk"].removeprefix(_MEMBER) for row in rows)

    def begin_ending(self, space: Space, agent_id: str, at_ms: int) -> Write:
        """The write that has the clock archive an agent's deployments."""
        key = space.key(OF_AGENT, agent_id, sk=ENDING)
        return writes.put({"pk": key.pk, "sk": key.sk, "agent": agent_id, **moment(at_ms)})

    def ending(self, key: Key) -> str | None:
        """The agent whose deployments are to be archived."""
        row = self._table.get(key)
        return None if row is None else str(row["agent"])

    def end_ending(self, space: Space, agent_id: str) -> None:
        """All of them are."""
        self._table.write(writes.delete(space.key(OF_AGENT, agent_id, sk=ENDING)))

    def _content(self, space: Space, deployment: Deployment) -> dict[str, Any]:
        facts = {name: getattr(deployment, name) for name in _FACTS}
        document = deployment.model_dump(mode="json", include=set(DeploymentSpec.model_fields))
        return facts | self._documents.pack(space, document)

    @staticmethod
    def _as_seen(seen: Deployment) -> writes.Condition:
        return writes.equals("revision", seen.revision) & writes.missing("archived_at")

    @staticmethod
    def _join(space: Space, deployment: Deployment) -> Write:
        key = _member_key(space, deployment.agent_id, deployment.id)
        return writes.put({"pk": key.pk, "sk": key.sk})

    @staticmethod
    def _leave(space: Space, deployment: Deployment) -> Write:
        return writes.delete(_member_key(space, deployment.agent_id, deployment.id))
