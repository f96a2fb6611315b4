"""What can go wrong with dreams."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class DreamNotFound(NotFound):
    """No such dream of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such dream")


class DreamEnded(InvalidRequest):
    """What has ended cannot be canceled."""

    def __init__(self) -> None:
        super().__init__("the dream has ended already")


class DreamActive(InvalidRequest):
    """What is under way cannot be archived."""

    def __init__(self) -> None:
        super().__init__("the dream is under way; cancel it first")


class StoreIsDreamt(Conflict):
    """Another dream writes into the store."""

    def __init__(self) -> None:
        super().__init__("output_behavior: another dream is writing into this memory store", field="output_behavior")
