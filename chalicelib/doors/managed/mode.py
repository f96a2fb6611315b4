"""The two kinds of clients of this door."""

from collections.abc import Mapping

_MARKS = ("anthropic-version", "anthropic-beta")


def is_sdk(headers: Mapping[str, str]) -> bool:
    """Whether an SDK of the Managed Agents API asks: it names its version, whatever the value; others do not."""
    return any(mark in headers for mark in _MARKS)
