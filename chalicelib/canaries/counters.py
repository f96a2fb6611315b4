"""What became of the sessions of a canary, counted in the very writes that make it so."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from chalicelib.core.ids import derive_id
from chalicelib.events.catalogue import RUN_FINISHED
from chalicelib.events.event import Draft
from chalicelib.events.log import SessionRef
from chalicelib.sessions.model import Head
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

_NOUN = "canary"
_SHARDS = 8
_COST_UNIT = 10**9
"""Costs are counted in billionths of a US dollar."""


@dataclass(slots=True)
class Counts:
    """Sessions and their runs by outcome; the cost is in US dollars."""

    sessions: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    cost: Decimal = Decimal(0)


def session_write(ref: SessionRef, head: Head) -> list[Write]:
    """One session more, if it is a canary's."""
    return _added(ref, head, {"sessions": 1})


def run_writes(ref: SessionRef, head: Head, records: Sequence[Draft]) -> list[Write]:
    """The outcome of a run that ends with these records, if its session is a canary's."""
    ended = next((record.data for record in records if record.type == RUN_FINISHED), None)
    if ended is None:
        return []
    outcome = ended["status"] if ended["status"] in ("completed", "cancelled") else "failed"
    return _added(ref, head, {f"runs_{outcome}": 1, "cost": _units(Decimal(ended["cost"] or 0))})


def cost_write(ref: SessionRef, head: Head, cost: Decimal) -> list[Write]:
    """What a run that is not over has cost up to where it rests (US dollars), if its session is a canary's."""
    return _added(ref, head, {"cost": _units(cost)}) if cost else []


def dropped_write(ref: SessionRef, head: Head, cost: Decimal) -> list[Write]:
    """The run in hand of a session that is removed, if there is one, and what was not counted of its cost yet."""
    return _added(ref, head, {"runs_cancelled": 1, "cost": _units(cost)}) if head.run is not None else []


def _units(cost: Decimal) -> int:
    return int(cost * _COST_UNIT)


def _added(ref: SessionRef, head: Head, amounts: dict[str, int]) -> list[Write]:
    if head.trial is None:
        return []
    # Many sessions at once must not meet in one row.
    shard = int(derive_id("shard", ref.id)[:4], 16) % _SHARDS
    return [writes.update(_key(ref.space, head.trial, head.agent_version, shard), {}, add=amounts)]


def _key(space: Space, canary_id: str, version: int, shard: int) -> Key:
    return space.key(_NOUN, canary_id, sk=f"{version:08d}-{shard}")


def counts_of(table: Table, space: Space, canary_id: str) -> dict[int, Counts]:
    """What was counted, by version."""
    found: dict[int, Counts] = {}
    for row in table.walk(space.partition(_NOUN, canary_id)):
        counts = found.setdefault(int(row["sk"].partition("-")[0]), Counts())
        counts.sessions += row.get("sessions", 0)
        counts.completed += row.get("runs_completed", 0)
        counts.failed += row.get("runs_failed", 0)
        counts.cancelled += row.get("runs_cancelled", 0)
        counts.cost += Decimal(row.get("cost", 0)) / _COST_UNIT
    return found
