from typing import Any

import pytest

from chalicelib.tools.hosts import permitted

LIMITED = {"config": {"networking": {"type": "limited", "allowed_hosts": ["a.test", "*.b.test"]}}}
DENYING = {
    "config": {"networking": {"type": "unrestricted"}},
    "flat": {"network": {"denylist": ["a.test", "*.b.test"]}},
}


@pytest.mark.parametrize(
    ("host", "config", "environment", "expected"),
    [
        ("a.test", {}, None, True),
        ("x.a.test", {"allowed_domains": ["a.test"]}, None, True),
        ("c.test", {"allowed_domains": ["a.test"]}, None, False),
        ("x.a.test", {"blocked_domains": ["a.test"]}, None, False),
        ("a.test", {}, LIMITED, True),
        ("b.test", {}, LIMITED, False),
        ("x.b.test", {}, LIMITED, True),
        ("a.test", {}, DENYING, False),
        ("b.test", {}, DENYING, True),
        ("x.b.test", {}, DENYING, False),
        ("a.test", {}, LIMITED | {"flat": DENYING["flat"]}, False),
    ],
)
def test_a_host_is_open_when_neither_the_tool_nor_the_environment_closes_it(
    host: str, config: dict[str, Any], environment: dict[str, Any] | None, expected: bool
) -> None:
    assert permitted(host, config, environment) is expected
