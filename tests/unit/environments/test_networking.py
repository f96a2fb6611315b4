from typing import Any

import pytest

from chalicelib.environments.config import CloudConfig, Limited, SelfHostedConfig, checked_host
from chalicelib.environments.model import Environment
from chalicelib.environments.networking import network_of, registries
from chalicelib.sandbox.hosts.base import Network


def snapshot(**rules: Any) -> dict[str, Any]:
    """An environment as a session keeps it."""
    config = CloudConfig(networking=Limited(**rules))
    return Environment(id="e", name="e", config=config, created_at=1, updated_at=1).model_dump(mode="json")


AGENT = {
    "mcp_servers": [
        {"type": "url", "name": "a", "url": "https://MCP.Test:8443/sse"},
        {"type": "url", "name": "b", "url": "https://bücher.test/"},
        {"type": "stdio", "name": "c", "url": None, "stdio": {"command": "x"}},
        {"type": "url", "name": "d", "url": "https://user@bad.test/"},
    ]
}


@pytest.mark.parametrize(
    "environment",
    [
        None,
        {},
        {"config": CloudConfig().model_dump()},
        CloudConfig().model_dump(),
        {"config": SelfHostedConfig().model_dump()},
    ],
)
def test_without_limits_every_host_is_open(environment: dict[str, Any] | None) -> None:
    assert network_of(environment, AGENT, ["x.test"]) == Network("all")


def test_only_what_is_named() -> None:
    assert network_of(snapshot(), AGENT) == Network("limited", ())
    assert network_of(snapshot(allowed_hosts=["A.test", "*.b.test"]), None) == Network(
        "limited", ("a.test", "*.b.test")
    )
    assert network_of(snapshot(allowed_hosts=["a.test"])["config"], None) == Network("limited", ("a.test",))


def test_a_deny_list_goes_along_with_either_kind_of_rules() -> None:
    flat = {"flat": {"network": {"allowlist": None, "denylist": ["bad.test", "*.bad.test"]}}}
    assert network_of({"config": CloudConfig().model_dump()} | flat, None) == Network(
        "all", denied=("bad.test", "*.bad.test")
    )
    assert network_of(snapshot(allowed_hosts=["a.test"]) | flat, None) == Network(
        "limited", ("a.test",), denied=("bad.test", "*.bad.test")
    )
    assert network_of(snapshot() | {"flat": {"network": {"denylist": None}}}, None) == Network("limited")


def test_more_hosts_by_the_caller() -> None:
    assert network_of(snapshot(allowed_hosts=["a.test"]), None, ["a.test", "c.test"]).hosts == ("a.test", "c.test")


def test_the_servers_of_the_agent() -> None:
    assert network_of(snapshot(allow_mcp_servers=True), AGENT).hosts == ("mcp.test", "xn--bcher-kva.test")
    assert network_of(snapshot(allow_mcp_servers=True), None).hosts == ()


def test_the_package_registries() -> None:
    opened = network_of(snapshot(allowed_hosts=["a.test"], allow_package_managers=True), AGENT).hosts
    assert opened == ("a.test", *registries())
    assert len(registries()) > 8
    for host in registries():
        assert checked_host(host) == host
        # Nothing wider than one registry's own domain.
        assert host.removeprefix("*.").count(".") == 1
    for beginning in ("pypi.", "*.npm", "crates.", "*.golang.", "rubygems.", "*.debian."):
        assert any(host.startswith(beginning) for host in registries())
