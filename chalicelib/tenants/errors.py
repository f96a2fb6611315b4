"""What can go wrong with tenants and their keys."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, NotFound


class TenantNotFound(NotFound):
    """No such tenant."""


class TenantClosed(Conflict):
    """The tenant was closed for good."""


class KeyNotFound(NotFound):
    """No such API key of this tenant."""


class UnknownScope(InvalidRequest):
    """A scope that does not exist."""


class ScopeNotHeld(Forbidden):
    """A key may not hand out a scope it does not carry."""


class KeyReused(Conflict):
    """The idempotency key was sent before with another request."""


class RequestRunning(Conflict):
    """The first request with this idempotency key has not ended yet."""
