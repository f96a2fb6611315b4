"""What can be wrong with a schedule."""


class BadSchedule(ValueError):
    """An expression, a zone or a time that cannot be used; the message says why."""
