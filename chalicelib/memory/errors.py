"""What can go wrong with memory stores, memories and their versions."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound, Unprocessable


class MemoryStoreNotFound(NotFound):
    """No such store of this tenant."""

    def __init__(self, field: str | None = None) -> None:
        super().__init__(f"{field}: no such memory store" if field else "no such memory store", field=field)


class MemoryNotFound(NotFound):
    """No such memory in this store."""

    def __init__(self) -> None:
        super().__init__("no such memory")


class MemoryVersionNotFound(NotFound):
    """No such version in this store."""

    def __init__(self) -> None:
        super().__init__("no such memory version")


class MemoryStoreArchived(InvalidRequest):
    """An archived store is for reading only and is not attached any more."""

    def __init__(self, field: str | None = None) -> None:
        message = "the memory store is archived"
        super().__init__(f"{field}: {message}" if field else message, field=field, code="memory_store_archived")


class MemoryPathTaken(Conflict):
    """Another memory of the store has this path."""

    def __init__(self, path: str) -> None:
        super().__init__(f"path: there is a memory at {path} already", field="path", code="memory_path_conflict")


class PreconditionMissed(Conflict):
    """The memory is not as the caller expects it to be; nothing was changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"precondition: {reason}", field="precondition", code="memory_precondition_failed")


class VersionIsCurrent(Conflict):
    """What a memory holds now cannot be redacted: change or delete the memory first."""

    def __init__(self) -> None:
        super().__init__("the version is the memory's current one and cannot be redacted")


class MemoryStoreInUse(InvalidRequest):
    """A dream writes into the store: until that has ended it is neither archived nor removed."""

    def __init__(self) -> None:
        super().__init__("the memory store is the output of a dream under way", code="memory_store_in_use")


class ContentTooLarge(InvalidRequest):
    """A memory's content is over its limit."""

    def __init__(self) -> None:
        super().__init__("content: at most 100KB (102400 bytes) of UTF-8", field="content")


class StoreIsFull(InvalidRequest):
    """The store has as many memories as it can hold."""


class TooManyMemoryStores(Unprocessable):
    """A session has more stores than it can have, or one of them twice."""
