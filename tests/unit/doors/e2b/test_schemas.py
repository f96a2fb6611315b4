"""What requests may hold."""

from typing import Any

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.schemas import FileQuery, ForkBody, NewSandbox, TimeoutBody
from chalicelib.http.validation import validate


def test_unknown_fields_are_left_out() -> None:
    assert validate(NewSandbox, {"templateID": "t", "mcp": {}, "secure": True}).template_id == "t"


def test_names_are_those_of_the_wire() -> None:
    body = validate(
        NewSandbox,
        {"envVars": {"A": "1"}, "autoPause": True, "autoResume": {"enabled": True}, "allow_internet_access": False},
    )
    assert (body.env_vars, body.auto_pause, body.allow_internet_access) == ({"A": "1"}, True, False)
    assert body.auto_resume is not None
    assert body.auto_resume.enabled


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timeout": -1}, "timeout"),
        ({"timeout": 10**9}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"envVars": {"A=B": "1"}}, "envVars"),
        ({"envVars": {"": "1"}}, "envVars"),
        ({"envVars": {"A": "x" * 200_000}}, "envVars"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"a": "x" * 40_000}}, "metadata"),
        ({"templateID": ""}, "templateID"),
    ],
)
def test_what_cannot_be_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        validate(NewSandbox, body)
    assert refused.value.field == field


def test_other_bodies() -> None:
    with pytest.raises(InvalidRequest):
        validate(TimeoutBody, {})
    with pytest.raises(InvalidRequest):
        validate(ForkBody, {"count": 101})


def test_a_signature_stays_outside() -> None:
    query = FileQuery(path="/a", username="u", signature="v1_x", signature_expiration="9")
    assert query.inward() == {"path": "/a", "username": "u"}
