"""Lists what is at work, and stops it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.core.ids import new_id
from chalicelib.events.log import SessionRef
from chalicelib.observability import logger
from chalicelib.running.model import AtWork, Chosen, Stopped
from chalicelib.running.orders import Order, OrderStore
from chalicelib.running.progress import progress_of
from chalicelib.sessions.inputs import Input, Manner, Receipt
from chalicelib.sessions.store import SessionStore
from chalicelib.spending.limits import Limit
from chalicelib.storage.errors import StorageError
from chalicelib.storage.keys import Key, Space
from chalicelib.tenants.holdings import NONE_KNOWN_MS

_BATCH = 50
_AT_ONCE = 8
_PATIENCE_SECONDS = 8.0
_CLOCK_LOOKS_MS = 30_000
_SHUT = "shut"
_MANNER = Manner(policy="queue", drop_queued=True)
Send = Callable[[SessionRef, Sequence[Input], Manner], Receipt]


class RunningService:
    """Sessions at work. Without a space, those of all tenants."""

    def __init__(self, store: SessionStore, orders: OrderStore, send: Send, rest: Callable[[Space], None]) -> None:
        """``rest`` has nothing go on in the sandboxes a tenant made."""
        self._store = store
        self._orders = orders
        self._send = send
        self._rest = rest

    def at_work(self, space: Space | None, chosen: Chosen, most: int) -> tuple[list[AtWork], bool]:
        """Up to so many that fit, with their progress, the longest at work first, and whether there are more."""
        found: list[AtWork] = []
        for batch in _batches(self._store.at_work(space)):
            found += self._fitting(batch, chosen)
        found.sort(key=lambda one: (one.head.active_since or 0, one.ref.id))
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="running") as pool:
            return list(pool.map(self._with_progress, found[:most])), len(found) > most

    def _with_progress(self, one: AtWork) -> AtWork:
        return replace(one, progress=progress_of(self._store.log, one.ref))

    def _fitting(self, refs: Sequence[SessionRef], chosen: Chosen) -> list[AtWork]:
        heads = self._store.heads(refs)
        return [
            AtWork(ref, head)
            for ref, head in heads
            if head.deleted_at is None and head.run is not None and not head.waiting and chosen.fits(head)
        ]

    def stop(self, space: Space | None, chosen: Chosen, *, passes: int = 1, order_id: str | None = None) -> Stopped:
        """Ask all that fit and are at work now to stop, as an interrupt does; what waits in them goes as well.

        An agent that works for another one stops alone: the session goes on without what it would have said.
        What is not done before the patience ends, or the process dies, is done by the clock.
        """
        bounded = chosen if chosen.before is not None else _until(chosen, now_ms())
        order = self._orders.keep(space, order_id or new_id(), bounded, passes, now_ms() + _CLOCK_LOOKS_MS)
        return self._carry_out(order)

    def switch_off(self, space: Space, limit: Limit) -> None:
        """Stop what a kill switch is about."""
        agent = limit.subject if limit.scope == "agent" else None
        user = limit.subject if limit.scope == "end_user" else None
        everyone = limit.scope == "end_user" and user is None
        self._stop_twice(space, Chosen(agent, user, any_user=everyone))

    def turn(self, space: Space, *, let_in: bool) -> None:
        """Stop everything of a tenant that is let in no more; nothing of one that is let in again."""
        if let_in:
            self._orders.forget(space, _SHUT)
        else:
            self._stop_twice(space, Chosen(), _SHUT)

    def _stop_twice(self, space: Space, chosen: Chosen, order_id: str | None = None) -> None:
        """Now, and again later: processes that did not know of the reason yet may have begun more."""
        self.stop(space, replace(chosen, before=now_ms() + NONE_KNOWN_MS + 1_000), passes=2, order_id=order_id)

    def resume(self, _space: Space, key: Key) -> None:
        """Go on with an order that is due."""
        order = self._orders.read(key)
        if order is not None:
            self._carry_out(order)

    def _carry_out(self, order: Order) -> Stopped:
        until, done = time.monotonic() + _PATIENCE_SECONDS, Stopped()
        late = False
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stop") as pool:
            for batch in _batches(self._store.at_work(order.space)):
                fitting = self._fitting(batch, order.chosen)
                done.matched += len(fitting)
                late = late or time.monotonic() > until
                if not late:
                    asked = list(pool.map(lambda one: self._ask(one, order.chosen), fitting))
                    done.stopped += [one.ref for one, stops in zip(fitting, asked, strict=True) if stops]
        if order.space is not None and order.key.sk == _SHUT:
            self._rest(order.space)
        if done.remaining:
            self._orders.again(Order(order.key, order.chosen, order.passes + 1), now_ms())
        elif order.passes > 1:
            self._orders.again(order, now_ms() + NONE_KNOWN_MS + 1_000)
        else:
            self._orders.done(order)
        return done

    def _ask(self, one: AtWork, chosen: Chosen) -> bool:
        if one.head.interrupt is not None:
            return True
        threads: Sequence[str | None] = chosen.threads(one.head) or [None]
        try:
            self._send(one.ref, [Input("user.interrupt", {}, thread=thread) for thread in threads], _MANNER)
        except StorageError:
            return False
        except LambentError as gone:
            logger("running").info("a session was not stopped", extra={"reason": gone.message})
        return True


def _until(chosen: Chosen, before: int) -> Chosen:
    return Chosen(chosen.agent_id, chosen.end_user, chosen.session_ids, chosen.any_user, before)


def _batches(refs: Sequence[SessionRef]) -> list[Sequence[SessionRef]]:
    return [refs[start : start + _BATCH] for start in range(0, len(refs), _BATCH)]
