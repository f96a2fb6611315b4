"""What can go wrong with limits on spending."""

from chalicelib.core.errors import Conflict, Forbidden, InvalidRequest, NotFound


class LimitNotFound(NotFound):
    """No such limit."""

    def __init__(self) -> None:
        super().__init__("no such spending limit")


class OperatorsLimit(Forbidden):
    """The operator set this limit; the tenant cannot change it."""

    def __init__(self) -> None:
        super().__init__("the operator of this server set this spending limit", code="operator_limit")


class TooManyLimits(Conflict):
    """There are as many limits as there may be."""


class BadLimit(InvalidRequest):
    """A limit that cannot be."""


class SpenderBlocked(Forbidden):
    """A kill switch is set: no model calls are made for this tenant, agent or end user."""
