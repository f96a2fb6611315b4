"""From a request without an API key to the sandbox it may use: found, admitted, awake. All of it may block."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest, Unauthenticated
from chalicelib.doors.e2b.addressing import Address, address_of
from chalicelib.doors.e2b.errors import SandboxAway
from chalicelib.doors.e2b.plane.holders import Fits, holder
from chalicelib.doors.e2b.signatures import Signed
from chalicelib.http.workers import on_thread, work_for
from chalicelib.sandbox.errors import SandboxNotFound, SandboxPaused
from chalicelib.sandbox.model import Sandbox
from chalicelib.storage.keys import Space

if TYPE_CHECKING:
    from chalicelib.sandbox.computers import Live
    from chalicelib.wiring import Services

T = TypeVar("T")

_REFUSED = "the access token of the sandbox is missing or wrong: send it as X-Access-Token"
_UNNAMED = "name a sandbox with the header E2b-Sandbox-Id"
_WOKEN_MS = 300_000
_UNNAMED = "unnamed sandbox"
"""Whose threads look for a sandbox by its token alone; no tenant is called so."""
_LONGEST_HOLD_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A sandbox the caller may use, as it was when the caller came."""

    services: "Services"
    space: Space
    sandbox: Sandbox

    @property
    def sandbox_id(self) -> str:
        """Its id."""
        return self.sandbox.id

    def live(self, hold_ms: int = 0) -> "Live":
        """Its computer, which then is not idle for so long; wakes it when it may be woken.

        Raises SandboxAway, SandboxUnavailable.
        """
        sandboxes = self.services.sandboxes
        try:
            if self.sandbox.state == "paused" and self.sandbox.auto_resume:
                sandboxes.resume(self.space, self.sandbox_id, end_at=now_ms() + _WOKEN_MS)
            return sandboxes.live(self.space, self.sandbox_id, hold_ms)
        except (SandboxNotFound, SandboxPaused) as error:
            raise SandboxAway(self.sandbox_id) from error

    def rest_ms(self) -> int:
        """How long it lasts yet, as far as anybody has to care."""
        end_at = self.sandbox.end_at
        return _LONGEST_HOLD_MS if end_at is None else max(0, end_at - now_ms())

    def is_running(self) -> bool:
        """Whether it runs still."""
        try:
            return self._now().state == "running"
        except SandboxNotFound:
            return False

    def end_at(self) -> int | None:
        """When it ends as things are now (milliseconds); None when it did, or has no end. One whose time is over is
        ended or paused by this."""
        try:
            return self._now().end_at
        except SandboxNotFound:
            return None

    def _now(self) -> Sandbox:
        return self.services.sandboxes.get(self.space, self.sandbox_id)

    def is_served(self) -> bool:
        """Whether the tenant may use its sandboxes still."""
        return _is_served(self.services, self.space)

    def doubt(self, live: "Live") -> None:
        """The connection to the computer broke."""
        self.services.sandboxes.doubt(live)

    def sync(self) -> None:
        """Make what is in the workspace now durable. Raises SandboxAway."""
        try:
            self.services.sandboxes.sync(self.space, self.sandbox_id)
        except (SandboxNotFound, SandboxPaused) as error:
            raise SandboxAway(self.sandbox_id) from error


async def on_its_thread(work: Callable[..., T], services: "Services", headers: Mapping[str, str], *more: Any) -> T:
    """``work`` for a request, and all that follows in this task, on the threads of the sandbox's tenant."""
    work_for(await on_thread(_whose, services, headers))
    return await on_thread(work, services, headers, *more)


def _whose(services: "Services", headers: Mapping[str, str]) -> str:
    address = address_of(headers)
    if address is None:
        return _UNNAMED
    space = None if address.sandbox_id is None else services.sandboxes.locate(address.sandbox_id)
    return _UNNAMED if space is None else space.tenant


def is_running(services: "Services", headers: Mapping[str, str]) -> bool:
    """Whether the sandbox of a request runs; asking does not wake it.

    Raises SandboxAway when there is none, Unauthenticated for a token alone that is none.
    """
    address = address_of(headers)
    if address is None:
        raise Unauthenticated(_REFUSED)
    return _named(services, address).sandbox.state == "running"


def enter(services: "Services", headers: Mapping[str, str], signed: Signed | None = None) -> Entry:
    """The sandbox of a request, if its token or signature is right.

    Raises SandboxAway for a sandbox that is gone, Unauthenticated, and InvalidRequest when nothing leads to one.
    """
    token, address = headers.get("x-access-token"), address_of(headers)
    fits: Fits = _equals(token or "")
    if token is None and signed is not None:
        signed.check()
        fits = signed.is_by
        if address is None:
            return _of_signer(services, fits)
    if address is None:
        raise InvalidRequest(_UNNAMED) if token is None else Unauthenticated(_REFUSED)
    entry = _named(services, address)
    if not fits(services.sandboxes.token(entry.sandbox)):
        raise Unauthenticated(_REFUSED)
    return entry


def public_entry(services: "Services", address: Address) -> Entry:
    """The sandbox behind an address, for requests to what listens in it. Raises SandboxAway.

    A session's answers to nobody: its id is no secret, and nobody meant it to be visited.
    """
    entry = _named(services, address)
    if entry.sandbox.origin != "e2b":
        raise SandboxAway(address.named)
    return entry


def _equals(token: str) -> Fits:
    return lambda other: hmac.compare_digest(other.encode(), token.encode())


def _named(services: "Services", address: Address) -> Entry:
    sandbox_id = address.sandbox_id
    space = None if sandbox_id is None else services.sandboxes.locate(sandbox_id)
    if space is None or sandbox_id is None:
        raise SandboxAway(address.named)
    return _found(services, space, sandbox_id, address.named)


def _of_signer(services: "Services", fits: Fits) -> Entry:
    found = holder(services.sandboxes, fits)
    if found is None:
        raise Unauthenticated("the signature is wrong, or its sandbox is gone")
    return _found(services, found.space, found.sandbox_id, found.sandbox_id)


def _found(services: "Services", space: Space, sandbox_id: str, named: str) -> Entry:
    if not _is_served(services, space):
        raise SandboxAway(named)
    try:
        return Entry(services, space, services.sandboxes.get(space, sandbox_id))
    except SandboxNotFound as error:
        raise SandboxAway(named) from error


def _is_served(services: "Services", space: Space) -> bool:
    tenant = services.tenant_register.recent(space.tenant)
    return tenant is not None and tenant.active
