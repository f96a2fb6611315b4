"""Which computers a process uses for its sandboxes."""

from collections.abc import Callable
from typing import Any

from chalicelib.sandbox.hosts.base import Host
from chalicelib.sandbox.settings import SandboxSettings


def choose_host(settings: SandboxSettings, region: str, *, client: Callable[[], Any] | None = None) -> Host:
    """MicroVMs when an image of them is named, else boxes on this machine.

    ``client`` gives a boto3 client for MicroVMs; without it one is made at the first use.
    Raises SandboxRefused when this machine cannot isolate as the settings demand.
    """
    if settings.microvm.image:
        from chalicelib.sandbox.hosts.microvm import MicrovmHost

        return MicrovmHost(client or _client_once(region), settings)
    from chalicelib.sandbox.hosts.local import LocalHost

    return LocalHost(settings.box)


def describe_host(settings: SandboxSettings) -> tuple[str, bool]:
    """One sentence on where commands run, and whether they are kept apart there."""
    if settings.microvm.image:
        return f"Sandboxes run in Lambda MicroVMs of {settings.microvm.image}.", True
    from chalicelib.sandbox.box.ground import survey
    from chalicelib.sandbox.box.status import describe

    return describe(settings.box), survey(settings.box).isolation is not None


def _client_once(region: str) -> Callable[[], Any]:
    from functools import cache

    from chalicelib.sandbox.hosts.microvm_calls import make_client

    return cache(lambda: make_client(region))
