"""What storage can answer besides success."""

from typing import Any


class StorageError(Exception):
    """Base of the storage layer."""


class ConditionFailed(StorageError):
    """A conditional write found another state; ``row`` is that state when storage gave it."""

    def __init__(self, row: dict[str, Any] | None = None) -> None:
        super().__init__("the condition of the write does not hold")
        self.row = row


class TransactionRefused(StorageError):
    """A transaction was cancelled; ``failed`` holds the positions of the writes whose condition failed."""

    def __init__(self, failed: tuple[int, ...], rows: dict[int, dict[str, Any]]) -> None:
        super().__init__(f"conditions of writes {failed} do not hold")
        self.failed = failed
        self.rows = rows


class RoomFull(StorageError):
    """There are as many things as there may be; ``room`` is the position of the first room that takes no more."""

    def __init__(self, room: int) -> None:
        super().__init__("there is no room for one more")
        self.room = room


class StorageBusy(StorageError):
    """Storage kept refusing for load or contention; the write did not happen."""


class ObjectMissing(StorageError):
    """There is no such object in the bucket."""


class ObjectThere(StorageError):
    """There is an object of this key already."""


class SecretUnreadable(StorageError):
    """A stored secret cannot be opened: sealed under another root key, moved from its place, or altered."""


class NoRootSecret(StorageError):
    """This process was given nothing to seal secrets with."""
