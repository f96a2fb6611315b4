"""What can go wrong with webhooks."""

from chalicelib.core.errors import Conflict, InvalidRequest, NotFound


class EndpointNotFound(NotFound):
    """No such webhook endpoint of this tenant."""

    def __init__(self) -> None:
        super().__init__("no such webhook endpoint")


class DeliveryNotFound(NotFound):
    """No such delivery of this endpoint, or it is too old to be known."""

    def __init__(self) -> None:
        super().__init__("no such delivery")


class TooManyEndpoints(InvalidRequest):
    """The tenant has as many endpoints as it may have."""


class UrlNotAllowed(InvalidRequest):
    """The address is not one this server sends to."""


class UnknownEventType(InvalidRequest):
    """No event has this type."""


class SecretReplaced(Conflict):
    """The secret this request made has been rotated away since."""


class DeliveryPending(Conflict):
    """The delivery is still under way by itself."""


class EndpointDisabled(Conflict):
    """Nothing is sent to an endpoint that is disabled; enable it first."""

    def __init__(self) -> None:
        super().__init__("the endpoint is disabled; enable it first", code="endpoint_disabled")
