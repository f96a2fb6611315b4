"""Identifiers."""

import pytest

from chalicelib.core.errors import NotFound
from chalicelib.core.ids import dress, named_id, new_id, ordered_id, undress


def test_ordered_ids_stand_in_the_order_of_their_moments() -> None:
    moments = [1, 2, 255, 256, 10**12, 1_900_000_000_000]
    ids = [ordered_id(at) for at in moments]
    assert ids == sorted(ids)
    assert len({ordered_id(7) for _ in range(100)}) == 100
    assert [undress("x", dress("x", one)) for one in ids] == ids


def test_a_named_id_is_found_in_any_dress_or_refused_with_its_field() -> None:
    core = new_id()
    assert named_id("env", dress("env", core), "environment_id", "environment") == core
    assert named_id("env", core.upper(), "environment_id", "environment") == core
    with pytest.raises(NotFound, match=r"^environment_id: there is no environment x$") as refused:
        named_id("env", "x", "environment_id", "environment")
    assert refused.value.field == "environment_id"
