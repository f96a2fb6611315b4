"""Stores that somebody is writing anew: held for one writer, and neither archived nor removed meanwhile."""

from chalicelib.memory import rows
from chalicelib.storage import writes
from chalicelib.storage.keys import Key, Space
from chalicelib.storage.writes import Write

_HELD = "HELD"


def held_key(space: Space, store_id: str) -> Key:
    """The row that is there while a store is held."""
    return rows.key(space, store_id, _HELD)


def hold(space: Space, store_id: str, writer: str) -> Write:
    """The write that holds a store, if nobody does."""
    key = held_key(space, store_id)
    return writes.put({"pk": key.pk, "sk": key.sk, "writer": writer}, writes.ABSENT)


def let_go(space: Space, store_id: str) -> Write:
    """The write that ends it."""
    return writes.delete(held_key(space, store_id))


def free(space: Space, store_id: str) -> Write:
    """The demand that nobody holds the store."""
    return writes.check(held_key(space, store_id), writes.ABSENT)
