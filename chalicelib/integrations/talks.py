"""Conversations: which session a thing at a provider belongs to, and how far its turns were answered there.

The row of a talk waits for the clock from before its session is told anything until all it said is posted, so that an
answer survives whoever was to post it.
"""

from dataclasses import dataclass

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import derive_id
from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.marshal import Row, Scalar
from chalicelib.storage.table import Table
from chalicelib.webhooks.due import RING_AFTER_MS, due_fields

TALK = "integration_talk"
"""The noun of the rows, and so the kind of the errands the clock makes of them."""
_THREAD, _SEEN = "integration_thread", "integration_seen"
_KEPT_SECONDS = 3 * 24 * 3600
_IDLE: dict[str, Scalar | None] = {"due_pk": None, "due_sk": None}


@dataclass(frozen=True, slots=True)
class Talk:
    """How a talk stands. ``cursor``: the number of the last record that needs no answer any more; ``trying`` the reply
    that somebody began to post at ``tried_at``, ``tries`` how often in vain since ``failing_since``. ``stamp`` grows
    with every change. Times in milliseconds."""

    session: str
    provider: str
    publication: str
    cursor: int = 0
    stamp: int = 0
    touched_at: int = 0
    trying: str = ""
    tried_at: int = 0
    tries: int = 0
    failing_since: int = 0
    waits: bool = False


_NUMBERS = ("cursor", "stamp", "touched_at", "tried_at", "tries", "failing_since")


class Talks:
    """Rows of conversations."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, space: Space, session: str) -> Talk | None:
        """The talk of a session."""
        row = self._table.get(_key(space, session))
        return None if row is None else _talk(session, row)

    def expect(self, space: Space, session: str, provider: str, publication: str) -> None:
        """Something is about to be said in a session: from now on its answer is looked for."""
        now = now_ms()
        changes: dict[str, Scalar | None] = {"provider": provider, "publication": publication, "touched_at": now}
        changes |= due_fields(session, now + RING_AFTER_MS)
        self._table.write(writes.update(_key(space, session), changes, add={"stamp": 1}))

    def claim(self, space: Space, seen: Talk, reply: str) -> Talk | None:
        """Begin to post a reply, as the only one; None when the talk was changed since."""
        return self._move(space, seen, {"trying": reply, "tried_at": now_ms()})

    def done(self, space: Space, seen: Talk, cursor: int) -> Talk | None:
        """Everything up to a record is answered."""
        return self._move(space, seen, {"cursor": cursor, "trying": "", "tries": 0, "failing_since": 0})

    def failed(self, space: Space, seen: Talk, again_at: int) -> None:
        """A reply could not be posted; it is tried again at a moment. What was begun stays in doubt."""
        changes: dict[str, Scalar | None] = {"tries": seen.tries + 1, "tried_at": 0, **_due(seen, again_at)}
        self._move(space, seen, changes | {"failing_since": seen.failing_since or now_ms()})

    def settle(self, space: Space, seen: Talk, again_at: int | None) -> None:
        """Look again at a moment, or only when something is said, unless that has happened since."""
        self._move(space, seen, dict(_IDLE) if again_at is None else dict(_due(seen, again_at)))

    def drop(self, space: Space, session: str) -> None:
        """The session is gone."""
        self._table.write(writes.delete(_key(space, session)))

    def _move(self, space: Space, seen: Talk, changes: dict[str, Scalar | None]) -> Talk | None:
        same = writes.equals("stamp", seen.stamp)
        try:
            row = self._table.write(
                writes.update(_key(space, seen.session), changes, same, add={"stamp": 1}), returning=True
            )
        except ConditionFailed:
            return None
        return _talk(seen.session, row)

    def seen(self, space: Space, provider: str, delivery: str) -> bool:
        """Whether a message was dealt with."""
        return self._table.get(_seen(space, provider, delivery)) is not None

    def remember(self, space: Space, provider: str, delivery: str) -> None:
        """A message is dealt with."""
        key = _seen(space, provider, delivery)
        self._table.write(writes.put({"pk": key.pk, "sk": key.sk, "expires_at": now_ms() // 1000 + _KEPT_SECONDS}))

    def generation(self, space: Space, publication: str, own: str) -> int | None:
        """How often a conversation about a thing had to begin anew; None when it never began."""
        row = self._table.get(_thread(space, publication, own))
        return None if row is None else int(row["generation"])

    def begin(self, space: Space, publication: str, own: str, before: int | None) -> int:
        """Begin a conversation, or begin it anew; of several at once all get the same number."""
        following = 0 if before is None else before + 1
        condition = writes.ABSENT if before is None else writes.equals("generation", before)
        try:
            changes: dict[str, Scalar | None] = {"generation": following}
            self._table.write(writes.update(_thread(space, publication, own), changes, condition))
        except ConditionFailed as error:
            return int((error.row or {}).get("generation", following))
        return following


def _due(seen: Talk, at: int) -> Row:
    return due_fields(seen.session, at)


def _key(space: Space, session: str) -> Key:
    return space.key(TALK, session, sk="TALK")


def _seen(space: Space, provider: str, delivery: str) -> Key:
    return space.key(_SEEN, derive_id(provider, delivery), sk="SEEN")


def _thread(space: Space, publication: str, own: str) -> Key:
    return space.key(_THREAD, publication, derive_id(own), sk="THREAD")


def _talk(session: str, row: Row) -> Talk:
    numbers = {name: int(row.get(name, 0)) for name in _NUMBERS}
    names = {name: str(row.get(name, "")) for name in ("provider", "publication", "trying")}
    return Talk(session=session, **names, **numbers, waits="due_pk" in row)  # type: ignore[arg-type]
