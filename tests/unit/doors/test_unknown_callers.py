"""What anybody may send without a key is small, but for what is signed."""

import inspect

import pytest

from chalicelib.doors.managed import DOOR as MANAGED
from chalicelib.doors.providers import DOOR as PROVIDERS
from chalicelib.doors.providers.routes import _filled_in
from chalicelib.http.bodies import WITH_BODY
from chalicelib.http.route import MIB, Route
from chalicelib.integrations.errors import BadSetup

_FORM, _MESSAGE = 256 << 10, 8 * MIB
_OPEN = [
    route
    for door in (MANAGED, PROVIDERS)
    for route in door.routes
    if route.scope is None and WITH_BODY & set(route.methods)
]
_ADMITTED_BY_URL = ("/v1/files/uploads/{upload_id}/content",)
"""The URL is signed, and is looked at before a byte of the body is."""


@pytest.mark.parametrize("route", [one for one in _OPEN if one.path not in _ADMITTED_BY_URL], ids=lambda one: one.path)
def test_a_body_of_somebody_unknown_is_bounded(route: Route) -> None:
    assert route.body_limit <= (_MESSAGE if "/webhook/" in route.path else _FORM)


@pytest.mark.parametrize("path", _ADMITTED_BY_URL)
def test_a_large_body_is_read_by_its_handler_alone(path: str) -> None:
    (route,) = [one for one in _OPEN if one.path == path]
    assert route.raw
    assert inspect.iscoroutinefunction(route.handler)


def test_a_form_has_no_more_fields_than_it_can_need() -> None:
    assert _filled_in(b"token=t&client_id=one&client_id=two") == {"token": "t", "client_id": "one"}
    with pytest.raises(BadSetup):
        _filled_in(b"&".join([b"a=1"] * 1000))
