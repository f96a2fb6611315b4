"""What may be asked of a sandbox's network."""

from typing import Any

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.doors.e2b.errors import NotOffered
from chalicelib.doors.e2b.network import check_network


@pytest.mark.parametrize(
    "rules",
    [
        None,
        {},
        {"allowOut": ["example.com", "*.example.org"], "denyOut": ["0.0.0.0/0"]},
        {"denyOut": ["::/0", "0.0.0.0/0"]},
        {"allowOut": None, "rules": {}, "allowPublicTraffic": False},
    ],
)
def test_what_is_kept_may_be_asked(rules: dict[str, Any] | None) -> None:
    check_network(rules)


@pytest.mark.parametrize(
    "rules",
    [
        {"rules": {"example.com": [{"transform": {"headers": {"authorization": "secret"}}}]}},
        {"egressProxy": {"address": "proxy:1080"}},
        {"denyOut": ["10.0.0.0/8"]},
        {"denyOut": ["::/0"]},
        {"allowOut": ["8.8.8.0/24"]},
    ],
)
def test_what_is_not_kept_is_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(NotOffered) as refused:
        check_network(rules)
    assert refused.value.field == f"network.{next(iter(rules))}"


@pytest.mark.parametrize("rules", [{"allowOut": "example.com"}, {"denyOut": [1]}])
def test_lists_hold_names(rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        check_network(rules)
