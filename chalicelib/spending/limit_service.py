"""What may be done with spending limits."""

from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id, undress
from chalicelib.spending.errors import BadLimit, LimitNotFound, OperatorsLimit, TooManyLimits
from chalicelib.spending.limit_draft import LimitCreate, LimitUpdate
from chalicelib.spending.limit_store import MOST_ALIKE, MOST_LIMITS, LimitStore
from chalicelib.spending.limits import Limit
from chalicelib.storage.errors import RoomFull
from chalicelib.storage.keys import Space

_TOO_MANY = (
    f"a tenant has at most {MOST_LIMITS} spending limits",
    f"there are at most {MOST_ALIKE} spending limits for one agent, end user or tenant",
)
Blocked = Callable[[Space, Limit], None]


class LimitService:
    """Creates, changes and removes limits. ``by_operator`` tells who asks: tenants leave the operator's alone."""

    def __init__(self, store: LimitStore, blocked: Blocked) -> None:
        """``blocked`` is told of every limit whose kill switch was set."""
        self._store = store
        self._blocked = blocked

    def create(
        self, space: Space, sent: LimitCreate, limit_id: str | None = None, *, by_operator: bool = False
    ) -> Limit:
        """A new limit; with an id that exists already, the one that has it. Raises BadLimit, TooManyLimits."""
        now = now_ms()
        cents = sent.max_list_cost.cents if sent.max_list_cost else None
        about = (sent.scope, _subject(sent), sent.period)
        limit = Limit(limit_id or new_id(), *about, cents, sent.blocked, by_operator, now, now)
        try:
            if not self._store.insert(space, limit):
                return self.get(space, limit.id)
        except RoomFull as full:
            raise TooManyLimits(_TOO_MANY[full.room]) from full
        if limit.blocked:
            self._blocked(space, limit)
        return limit

    def all(self, space: Space) -> list[Limit]:
        """Every limit of a tenant, the operator's too, newest first."""
        return self._store.all(space)

    def get(self, space: Space, limit_id: str) -> Limit:
        """One limit. Raises LimitNotFound."""
        found = self._store.find(space, limit_id)
        if found is None:
            raise LimitNotFound
        return found

    def update(self, space: Space, limit_id: str, sent: LimitUpdate, *, by_operator: bool = False) -> Limit:
        """The limit after a change; it counts at once. Raises LimitNotFound, OperatorsLimit."""
        before = self._demand_own(space, limit_id, by_operator=by_operator)
        changes: dict[str, Any] = {"updated_at": now_ms()}
        if "max_list_cost" in sent.model_fields_set:
            changes["cents"] = sent.max_list_cost.cents if sent.max_list_cost else None
        if sent.blocked is not None:
            changes["blocked"] = sent.blocked
        if not self._store.change(space, limit_id, changes):
            raise LimitNotFound
        after = self.get(space, limit_id)
        if after.blocked and not before.blocked:
            self._blocked(space, after)
        return after

    def delete(self, space: Space, limit_id: str, *, by_operator: bool = False) -> None:
        """Remove a limit and what it counted. Raises LimitNotFound, OperatorsLimit."""
        self._store.remove(space, self._demand_own(space, limit_id, by_operator=by_operator))

    def _demand_own(self, space: Space, limit_id: str, *, by_operator: bool) -> Limit:
        found = self.get(space, limit_id)
        if found.by_operator and not by_operator:
            raise OperatorsLimit
        return found

    def counted(self, space: Space, limits: Sequence[Limit]) -> dict[str, tuple[int, int]]:
        """(spent, reserved) in the present period, by id, of those limits that have one count."""
        now = now_ms()
        keys = {limit.id: self._store.count(space, limit, limit.subject or "", now) for limit in limits if limit.shared}
        rows = self._store.counted(keys.values())
        found = {limit_id: rows.get(key, {"taken": 0, "spent": 0}) for limit_id, key in keys.items()}
        return {limit_id: (row["spent"], row["taken"] - row["spent"]) for limit_id, row in found.items()}


def _subject(sent: LimitCreate) -> str | None:
    if sent.agent_id is not None and sent.scope != "agent":
        raise BadLimit("agent_id: only a limit of the scope agent is about an agent", field="agent_id")
    if sent.end_user is not None and sent.scope != "end_user":
        raise BadLimit("end_user: only a limit of the scope end_user is about an end user", field="end_user")
    if sent.max_list_cost is None and not sent.blocked and "blocked" not in sent.model_fields_set:
        raise BadLimit("max_list_cost: field required, unless blocked is sent", field="max_list_cost")
    if sent.agent_id is None:
        return sent.end_user
    agent = undress("agent", sent.agent_id)
    if agent is None:
        raise BadLimit(f"agent_id: there is no agent {sent.agent_id}", field="agent_id")
    return agent
