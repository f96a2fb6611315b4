"""What is remembered of sandboxes that come and go."""

from typing import cast

from chalicelib.doors.e2b.plane.holders import Holders
from chalicelib.sandbox.service import SandboxService
from chalicelib.sandbox.tokens import Holder
from chalicelib.storage.keys import Space

SPACE = Space("tenant")
MOST = 2000


class Directory:
    """Sandboxes that are there, oldest first; the read tells of the newest ones alone."""

    def __init__(self) -> None:
        self.there: list[Holder] = []
        self.asked: list[int] = []

    def add(self, name: str, at_ms: int) -> None:
        self.there.append(Holder(SPACE, name, at_ms, f"token of {name}"))

    def directory(self, since_ms: int) -> tuple[list[Holder], bool]:
        self.asked.append(since_ms)
        found = [one for one in reversed(self.there) if one.created_at >= since_ms]
        return found[:MOST], len(found) <= MOST


def found(holders: Holders, name: str) -> str | None:
    holder = holders.find(f"token of {name}".__eq__)
    return holder and holder.sandbox_id


def test_what_lasts_is_found_however_many_came_and_went_since() -> None:
    directory = Directory()
    holders = Holders(cast("SandboxService", directory))
    directory.add("lasting", 0)
    assert found(holders, "lasting") == "lasting"
    for number in range(100):
        directory.there[1:] = []
        for other in range(100):
            directory.add(f"{number}-{other}", 1_000_000 * (number + 1) + other)
        assert found(holders, f"{number}-99") == f"{number}-99"
        assert len(holders._known) <= 3 * MOST
    assert found(holders, "lasting") == "lasting"


def test_only_what_is_new_is_read_a_second_time() -> None:
    directory = Directory()
    holders = Holders(cast("SandboxService", directory))
    directory.add("first", 1_000_000)
    assert found(holders, "first") == "first"
    directory.add("second", 2_000_000)
    assert found(holders, "second") == "second"
    assert found(holders, "first") == "first"
    assert (len(directory.asked), directory.asked[0] <= 0, 900_000 <= directory.asked[1] <= 1_000_000) == (
        2,
        True,
        True,
    )


def test_more_new_ones_than_one_read_tells_take_the_place_of_those_before() -> None:
    directory = Directory()
    holders = Holders(cast("SandboxService", directory))
    directory.add("first", 0)
    assert found(holders, "first") == "first"
    for number in range(MOST + 1):
        directory.add(str(number), 100_000 + number)
    assert found(holders, "1") == "1"
    assert found(holders, "0") is None
