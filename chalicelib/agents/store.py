"""Where agents are kept: a head with the current version, and a row for every version."""

from typing import Any

from chalicelib.agents.model import AgentConfig, AgentVersion
from chalicelib.canaries.model import Canary
from chalicelib.storage import writes
from chalicelib.storage.committing import Committing
from chalicelib.storage.documents import Documents
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_states
from chalicelib.storage.lookup import Lookup, Rows
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "agent"
_ARCHIVED = "archived"
_HEAD = "HEAD"
Pair = tuple[AgentVersion | None, AgentVersion | None]


def _version_sk(version: int) -> str:
    return f"V#{version:08d}"


def _unmoved(agent: AgentVersion) -> writes.Condition:
    same = writes.equals("canary", agent.canary.packed()) if agent.canary else writes.missing("canary")
    return writes.equals("version", agent.version) & same


def _key(space: Space, agent_id: str, sk: str = _HEAD) -> Key:
    return space.key(_NOUN, agent_id, sk=sk)


class AgentStore(Committing):
    """Rows of agents."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def lookup(self, space: Space, agent_id: str, version: int | None) -> Lookup[Pair]:
        """The current version, and the one asked for; None asks for the current one."""
        head_key = _key(space, agent_id)
        version_key = head_key if version is None else _key(space, agent_id, _version_sk(version))

        def make(rows: Rows) -> Pair:
            head, row = rows.get(head_key), rows.get(version_key)
            if head is None:
                return None, None
            current = self._agent(head, head)
            if row is head:
                return current, current
            return current, None if row is None else self._agent(row, head)

        return Lookup(self._table, tuple(dict.fromkeys((head_key, version_key))), make)

    def versions(self, space: Space, head: AgentVersion, *, before: int, limit: int) -> tuple[list[AgentVersion], bool]:
        """Versions below ``before``, newest first, and whether older ones follow."""
        pk = space.partition(_NOUN, head.id)
        found: list[Row] = []
        if before <= 1:
            return [], False
        start: dict[str, Any] | None = None
        while len(found) <= limit:
            page = self._table.query(
                pk, low=_version_sk(1), high=_version_sk(before - 1), descending=True, limit=limit + 1, start=start
            )
            found += page.rows
            start = page.more
            if start is None:
                break
        shared = {"archived_at": head.archived_at, "created_at": head.created_at}
        return [self._agent(row, shared) for row in found[:limit]], len(found) > limit

    def page(self, space: Space, window: Window, *, active: bool, archived: bool, name_part: str) -> Found:
        """Head rows, by creation."""
        listings = space.listing(_NOUN), space.listing(_NOUN, _ARCHIVED)
        return read_states(
            self._table, listings, (active, archived), window, lambda row: name_part in row["name"].lower()
        )

    def restored(self, row: Row) -> AgentVersion:
        """The agent of a head row."""
        return self._agent(row, row)

    def insert(self, space: Space, agent: AgentVersion) -> list[Write]:
        """The writes that make an agent."""
        rows = self._rows(space, agent)
        listed = {"list_pk": space.listing(_NOUN), "list_sk": list_sk(agent.created_at, agent.id)}
        return [writes.put(rows[0] | listed, writes.ABSENT), writes.put(rows[1], writes.ABSENT)]

    def canary_write(self, space: Space, agent: AgentVersion, canary: Canary) -> Write:
        """The write that keeps a canary with an agent in the version and with the canary seen."""
        return writes.update(_key(space, agent.id), {"canary": canary.packed()}, _unmoved(agent))

    def succeed(
        self, space: Space, agent: AgentVersion, before: AgentVersion, canary: Canary | None = None
    ) -> list[Write]:
        """The writes that make a version current after the one before it, on demand with another canary in place of
        the one seen there."""
        head, version = self._rows(space, agent)
        if canary is not None:
            head["canary"] = canary.packed()
        changes = {name: value for name, value in head.items() if name not in ("pk", "sk")}
        gone = {name: None for name in ("doc", "docz", "docref") if name not in changes}
        seen = writes.equals("version", before.version) if canary is None else _unmoved(before)
        still = seen & writes.missing("archived_at")
        return [
            writes.update(_key(space, agent.id), changes | gone, still),
            writes.put(version, writes.ABSENT),
        ]

    def archive(self, space: Space, agent: AgentVersion, at_ms: int) -> Write:
        """The write that archives an agent in the version seen."""
        changes: dict[str, Any] = {"archived_at": at_ms, "list_pk": space.listing(_NOUN, _ARCHIVED)}
        still = writes.equals("version", agent.version) & writes.missing("archived_at")
        return writes.update(_key(space, agent.id), changes, still)

    def demand_active(self, space: Space, agent_id: str) -> Write:
        """The check, for a transaction of others, that an agent exists and is not archived."""
        return writes.check(_key(space, agent_id), writes.PRESENT & writes.missing("archived_at"))

    def _rows(self, space: Space, agent: AgentVersion) -> tuple[Row, Row]:
        """The head and the version row of an agent."""
        document = self._documents.pack(space, agent.model_dump(include=set(AgentConfig.model_fields)))
        facts: Row = {"id": agent.id, "version": agent.version, "name": agent.name, "origin": agent.origin}
        facts |= {"created_at": agent.created_at, "updated_at": agent.updated_at, **document}
        places = (_key(space, agent.id), _key(space, agent.id, _version_sk(agent.version)))
        return {"pk": places[0].pk, "sk": places[0].sk, **facts}, {"pk": places[1].pk, "sk": places[1].sk, **facts}

    def _agent(self, row: Row, shared: Row) -> AgentVersion:
        agent = AgentVersion.model_validate(
            self._documents.unpack(row)
            | {name: row[name] for name in ("id", "version", "origin", "updated_at")}
            | {"created_at": shared["created_at"], "archived_at": shared.get("archived_at")}
        )
        return agent.with_canary(Canary.unpacked(row["canary"])) if "canary" in row else agent
