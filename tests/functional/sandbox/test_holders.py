"""Who signed a URL that names no sandbox is found among all sandboxes, in a read or two however many there are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.core.clock import now_ms
from chalicelib.core.ids import new_id
from chalicelib.doors.e2b.plane.holders import Holders
from chalicelib.sandbox.model import SandboxDraft
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services

_READS = ("get_item", "batch_get_item", "query", "scan")


class Counting:
    """A client of storage that counts what is read."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        self.reads += name in _READS
        return getattr(self._client, name)


@contextmanager
def counted(services: Services) -> Iterator[Counting]:
    """The reads of a block."""
    client = services.table._client
    services.table._client = counting = Counting(client)
    try:
        yield counting
    finally:
        services.table._client = client


def made(services: Services, space: Space) -> str:
    return services.sandboxes.ensure(space, SandboxDraft("e2b", end_at=now_ms() + 60_000)).id


def token_of(services: Services, space: Space, sandbox_id: str) -> str:
    return services.sandboxes.token(services.sandboxes.get(space, sandbox_id))


def test_whoever_holds_a_token_is_found_by_any_process_in_one_read(services: Services, other_process: Services) -> None:
    spaces = [Space(new_id()) for _ in range(3)]
    ids = {made(services, space): space for space in spaces for _ in range(60)}
    holders = Holders(other_process.sandboxes)
    tokens = {sandbox_id: token_of(services, space, sandbox_id) for sandbox_id, space in ids.items()}
    with counted(other_process) as first:
        for sandbox_id, token in tokens.items():
            found = holders.find(token.__eq__)
            assert found is not None
            assert (found.sandbox_id, found.space, found.token) == (sandbox_id, ids[sandbox_id], token)
    assert first.reads == 1
    late = made(services, spaces[0])
    with counted(other_process) as second:
        found = holders.find(token_of(services, spaces[0], late).__eq__)
    assert (found and found.sandbox_id, second.reads) == (late, 1)


def test_who_holds_none_is_refused_after_one_read(services: Services) -> None:
    for _ in range(150):
        made(services, Space(new_id()))
    holders = Holders(services.sandboxes)
    for _ in range(3):
        with counted(services) as counting:
            assert holders.find(lambda _: False) is None
        assert counting.reads == 1


def test_sandboxes_of_sessions_hold_none(services: Services) -> None:
    services.sandboxes.ensure(Space(new_id()), SandboxDraft("session"))
    assert services.sandboxes.directory(0) == ([], True)
