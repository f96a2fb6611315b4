"""This process's connections to guests: a pool for each sandbox, on each event loop."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import httpx2

    from chalicelib.sandbox.hosts.base import Link

_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 300.0
_MOST_POOLS = 256
_KEPT_CONNECTIONS = 8
_KEPT_SECONDS = 30.0


@dataclass(slots=True)
class _Pool:
    link: "Link"
    client: "httpx2.AsyncClient"
    uses: int = 0
    retired: bool = False


class Lease:
    """The use of a pool. ``release`` once whatever was read from it is done with."""

    def __init__(self, pool: _Pool) -> None:
        self._pool: _Pool | None = pool
        self.client = pool.client
        pool.uses += 1

    async def release(self) -> None:
        """Give it back; a second time does nothing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.uses -= 1
            await _close_if_done(pool)


class Guests:
    """Pools by sandbox. One whose link is no longer the sandbox's is closed when nobody reads from it any more."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderedDict[str, _Pool]] = WeakKeyDictionary()

    async def lease(self, sandbox_id: str, link: "Link") -> Lease:
        """Connections to the guest behind the link."""
        pools = self._loops.setdefault(asyncio.get_running_loop(), OrderedDict())
        pool = pools.get(sandbox_id)
        if pool is not None and pool.link == link:
            pools.move_to_end(sandbox_id)
            return Lease(pool)
        fresh = pools[sandbox_id] = _Pool(link, _client(link))
        lease = Lease(fresh)
        outdated = [] if pool is None else [pool]
        if len(pools) > _MOST_POOLS:
            outdated.append(pools.popitem(last=False)[1])
        for old in outdated:
            old.retired = True
            await _close_if_done(old)
        return lease

    async def close(self) -> None:
        """Close what this event loop has open."""
        for pool in self._loops.pop(asyncio.get_running_loop(), {}).values():
            await pool.client.aclose()


async def _close_if_done(pool: _Pool) -> None:
    if pool.retired and not pool.uses:
        await pool.client.aclose()


def _client(link: "Link") -> "httpx2.AsyncClient":
    import httpx2

    from chalicelib.sandbox.openings import guard_async

    transport = httpx2.AsyncHTTPTransport(
        # Reading the certificates of the system takes longer than many a command; a socket needs none.
        verify=link.base_url.startswith("https:"),
        uds=link.uds,
        trust_env=False,
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=_KEPT_CONNECTIONS, keepalive_expiry=_KEPT_SECONDS
        ),
    )
    return httpx2.AsyncClient(
        base_url=link.base_url,
        auth=link.auth,
        transport=guard_async(transport),
        trust_env=False,
        timeout=httpx2.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS),
    )


GUESTS = Guests()
"""Those of this process."""
