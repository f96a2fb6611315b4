"""What can go wrong with model cards. No message repeats a key or the value of a header."""

from chalicelib.core.errors import Conflict, InvalidRequest, LambentError, NotFound


class CardNotFound(NotFound):
    """No such model card of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such model card")


class ModelIdTaken(Conflict):
    """Another active card has this ``model_id``."""


class CardArchived(InvalidRequest):
    """An archived card takes no changes."""

    def __init__(self) -> None:
        super().__init__("the model card is archived", code="model_card_archived")


class TooManyCards(InvalidRequest):
    """The tenant has as many active cards as it can have."""


class ModelUnserved(InvalidRequest):
    """The tenant has model cards, and none of them is for this model."""


class TooManyPrices(InvalidRequest):
    """The tenant has as many prices as it can have."""


class PriceNotFound(NotFound):
    """The tenant has set no price for this model."""


class ProviderFailed(LambentError):
    """A provider did not answer as it should have."""

    status = 502
    kind = "upstream"


def invalid(field: str, reason: str) -> InvalidRequest:
    """A refused field; the message begins with its path."""
    return InvalidRequest(f"{field}: {reason}", field=field)
