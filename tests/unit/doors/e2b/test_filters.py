"""Filters of the list of sandboxes."""

from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from chalicelib.core.clock import iso
from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.filters import keep_for, metadata_pairs
from chalicelib.doors.e2b.schemas import ListQuery
from chalicelib.sandbox.model import Sandbox

ONE = Sandbox("id", "tenant", "e2b", "base", 1000, 2000, metadata={"app": "a & b=c", "ü": "100 %"})


def asked(**fields: object) -> bool:
    return keep_for(ListQuery.model_validate(fields))(ONE)


def test_pairs_are_encoded_twice() -> None:
    text = urlencode({quote(name): quote(value) for name, value in ONE.metadata.items()})
    assert metadata_pairs(text) == ONE.metadata
    assert metadata_pairs("a=1&b=") == {"a": "1", "b": ""}
    assert metadata_pairs(None) == metadata_pairs("") == {}
    with pytest.raises(InvalidRequest, match="metadata"):
        metadata_pairs("a")


def test_all_pairs_must_match() -> None:
    assert asked(metadata="app=" + quote(quote("a & b=c")))
    assert not asked(metadata="app=x")
    assert not asked(metadata="app=" + quote(quote("a & b=c")) + "&other=1")


def test_states_template_and_time() -> None:
    assert asked()
    assert asked(state=["running", "paused"])
    assert not asked(state=["paused"])
    assert keep_for(ListQuery(state=["paused"]))(replace(ONE, state="paused"))
    assert asked(template="base")
    assert not asked(template="other")
    assert asked(startedAfter=iso(2000))
    assert not asked(startedAfter=iso(2001))
    with pytest.raises(InvalidRequest, match="startedAfter"):
        asked(startedAfter="yesterday")
