"""Where dreams are kept: a row each, due until the dream has ended."""

from collections.abc import Callable, Sequence

from chalicelib.dreams.model import Dream
from chalicelib.memory.holding import hold, let_go
from chalicelib.schedules.due import NO_MOMENT, moment
from chalicelib.storage import writes
from chalicelib.storage.documents import Documents
from chalicelib.storage.errors import TransactionRefused
from chalicelib.storage.keys import Key, Space, list_sk
from chalicelib.storage.listing import Found, Window, read_lists
from chalicelib.storage.marshal import Row
from chalicelib.storage.table import Table
from chalicelib.storage.writes import Write

NOUN = "dream"
_ARCHIVED = "archived"
_HEAD = "HEAD"
_DOCUMENT = ("doc", "docz", "docref")


def dream_key(space: Space, dream_id: str) -> Key:
    """The row of a dream."""
    return space.key(NOUN, dream_id, sk=_HEAD)


class DreamStore:
    """Rows of dreams; no rule about them is here."""

    def __init__(self, table: Table, documents: Documents) -> None:
        self._table = table
        self._documents = documents

    def row(self, key: Key) -> Row | None:
        """Any row."""
        return self._table.get(key)

    def find(self, space: Space, dream_id: str) -> Dream | None:
        """A dream, if there is one."""
        row = self._table.get(dream_key(space, dream_id))
        return None if row is None else self.restored(row)

    def restored(self, row: Row) -> Dream:
        """The dream of a row."""
        return Dream.model_validate(self._documents.unpack(row))

    def insert(self, space: Space, dream: Dream) -> tuple[int, ...]:
        """Store a new dream, due at once; the store it changes is held for it.

        Empty when that was done, otherwise what stood in the way: 0 its id, 1 another dream in the store.
        """
        key = dream_key(space, dream.id)
        row: Row = {"pk": key.pk, "sk": key.sk, **self._content(space, dream), **moment(dream.created_at)}
        row |= {"list_pk": space.listing(NOUN), "list_sk": list_sk(dream.created_at, dream.id)}
        held = [hold(space, dream.store_id, dream.id)] if dream.behavior == "update_existing" else []
        try:
            self._table.transact([writes.put(row, writes.ABSENT), *held])
        except TransactionRefused as refusal:
            return refusal.failed
        return ()

    def start(self, space: Space, before: Dream, after: Dream, due_at: int) -> bool:
        """Store a dream that begins; a store of its own is held for it from now on."""
        own = after.output_id is not None and after.behavior == "create_new"
        held = [hold(space, str(after.output_id), after.id)] if own else []
        return self._done([self._change(space, before, after, moment(due_at)), *held])

    def move(self, space: Space, before: Dream, after: Dream, due_at: int) -> bool:
        """Store a dream that goes on."""
        return self._done([self._change(space, before, after, moment(due_at))])

    def end(self, space: Space, before: Dream, after: Dream) -> bool:
        """Store a dream that has ended; its store is let go."""
        held = after.output_id or (after.store_id if after.behavior == "update_existing" else None)
        freed = [let_go(space, held)] if held is not None else []
        return self._done([self._change(space, before, after, NO_MOMENT), *freed])

    def archive(self, space: Space, before: Dream, after: Dream) -> bool:
        """Store a dream that is shown only to those who ask for archived ones."""
        return self._done([self._change(space, before, after, {"list_pk": space.listing(NOUN, _ARCHIVED)})])

    def postpone(self, space: Space, dream: Dream, due_at: int) -> None:
        """Look again at that moment; whoever changed the dream meanwhile has set its own."""
        still = writes.equals("revision", dream.revision)
        self._done([writes.update(dream_key(space, dream.id), dict(moment(due_at)), still)])

    def page(self, space: Space, window: Window, *, archived: bool, wanted: Callable[[Dream], bool]) -> Found:
        """Rows of dreams by creation."""
        listings = [space.listing(NOUN)] + [space.listing(NOUN, _ARCHIVED)] * archived
        return read_lists(self._table, listings, window, lambda row: wanted(self.restored(row)))

    def _change(self, space: Space, before: Dream, after: Dream, more: Row | dict[str, str] | dict[str, None]) -> Write:
        fresh = after.model_copy(update={"revision": before.revision + 1})
        changes = dict.fromkeys(_DOCUMENT) | self._content(space, fresh) | dict(more)
        return writes.update(dream_key(space, before.id), changes, writes.equals("revision", before.revision))

    def _content(self, space: Space, dream: Dream) -> Row:
        return {"revision": dream.revision, **self._documents.pack(space, dream.model_dump(mode="json"))}

    def _done(self, steps: Sequence[Write]) -> bool:
        return self._table.transacted(steps)
