"""What can go wrong between this runtime, Lambda and the app."""

from __future__ import annotations


class StreamRuntimeError(Exception):
    """Base of this package's errors."""


class RuntimeApiRefusedError(StreamRuntimeError):
    """Lambda's Runtime API answered with an error, or not in HTTP."""


class AppMisbehavedError(StreamRuntimeError):
    """The app broke the ASGI protocol: no answer, half an answer, or messages out of order."""


class DeadlineReachedError(StreamRuntimeError):
    """The function's time ran out before the app's answer was whole."""
