"""Identifiers."""

from chalicelib.core.ids import dress, ordered_id, undress


def test_ordered_ids_stand_in_the_order_of_their_moments() -> None:
    moments = [1, 2, 255, 256, 10**12, 1_900_000_000_000]
    ids = [ordered_id(at) for at in moments]
    assert ids == sorted(ids)
    assert len({ordered_id(7) for _ in range(100)}) == 100
    assert [undress("x", dress("x", one)) for one in ids] == ids
