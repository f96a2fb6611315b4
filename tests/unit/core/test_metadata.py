import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.metadata import patched


def test_a_patch_sets_removes_and_leaves() -> None:
    assert patched({"a": "1", "b": "2"}, {"a": None, "c": "3"}, blank_removes=False) == {"b": "2", "c": "3"}


def test_a_blank_removes_only_where_that_is_the_custom() -> None:
    assert patched({"a": "1"}, {"a": ""}, blank_removes=True) == {}
    assert patched({"a": "1"}, {"a": ""}, blank_removes=False) == {"a": ""}


def test_the_limits_hold_for_the_outcome() -> None:
    full = {f"k{number}": "v" for number in range(16)}
    assert len(patched(full, {"k0": None, "new": "v"}, blank_removes=False)) == 16
    for patch in ({"new": "v"}, {"k0": None, "": "v"}, {"k0": None, "k" * 65: "v"}, {"k0": "v" * 513}):
        with pytest.raises(InvalidRequest, match=r"^metadata: "):
            patched(full, patch, blank_removes=False)
    assert patched({}, {"k" * 64: "v" * 512}, blank_removes=False) == {"k" * 64: "v" * 512}
