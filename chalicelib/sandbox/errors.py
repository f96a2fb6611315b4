"""What can go wrong with sandboxes, besides what their computers do."""

from chalicelib.core.errors import Conflict, NotFound
from chalicelib.sandbox.hosts.base import SandboxError


class SandboxNotFound(NotFound):
    """There is no such sandbox for this tenant, or its time is over."""


class SandboxPaused(Conflict):
    """The sandbox is paused and answers when it is resumed."""


class NetworkFixed(Conflict):
    """The sandbox's computer keeps the network it was started with."""


class SandboxContended(SandboxError):
    """Others changed the sandbox again and again; nothing was changed here."""


class SandboxFull(SandboxError):
    """There is more in the sandbox than its workspace can keep; what was kept before is whole."""

    status = 507
