"""Orders to stop, kept until they are carried out, so that the clock can finish what a process began."""

import json
from dataclasses import asdict, dataclass

from chalicelib.running.model import Chosen
from chalicelib.schedules.due import moment
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.table import Table

NOUN = "stop-orders"
OPERATOR = Space("operator")
"""Where orders stand that are about all tenants."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order; ``everywhere``: for all tenants. ``passes`` are the times it is carried out before it is done."""

    key: Key
    chosen: Chosen
    passes: int

    @property
    def space(self) -> Space | None:
        """The tenant whose sessions are meant, None for all."""
        tenant = self.key.pk.split("#")[1]
        return None if tenant == OPERATOR.tenant else Space(tenant)


class OrderStore:
    """Reads and writes orders."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, space: Space | None, order_id: str, chosen: Chosen, passes: int, due: int) -> Order:
        """A new order; the clock looks at it when it is due (milliseconds)."""
        key = (space or OPERATOR).key(NOUN, sk=order_id)
        order = Order(key, chosen, passes)
        self._put(order, due)
        return order

    def again(self, order: Order, due: int) -> None:
        """Let the clock carry it out later, once less than before."""
        self._put(Order(order.key, order.chosen, order.passes - 1), due)

    def _put(self, order: Order, due: int) -> None:
        row = {"pk": order.key.pk, "sk": order.key.sk, "chosen": json.dumps(asdict(order.chosen))}
        self._table.write(writes.put(row | {"passes": order.passes} | moment(due)))

    def read(self, key: Key) -> Order | None:
        """An order that is not done yet."""
        row = self._table.get(key)
        if row is None:
            return None
        chosen = json.loads(row["chosen"])
        ids = chosen.pop("session_ids")
        return Order(key, Chosen(**chosen, session_ids=None if ids is None else tuple(ids)), row["passes"])

    def done(self, order: Order) -> None:
        """Forget it."""
        self._table.delete_many([order.key])

    def forget(self, space: Space, order_id: str) -> None:
        """As ``done``, for one that may be there or not."""
        self._table.delete_many([space.key(NOUN, sk=order_id)])
