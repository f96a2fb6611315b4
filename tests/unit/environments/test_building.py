from typing import Any

import pytest

from chalicelib.core.errors import InvalidRequest
from chalicelib.environments.building import build
from chalicelib.environments.config import CloudConfig, Limited
from chalicelib.environments.draft import EnvironmentCreate, EnvironmentUpdate
from chalicelib.environments.errors import ConfigTypeFixed
from chalicelib.environments.model import EnvironmentSpec


def created(**fields: Any) -> EnvironmentSpec:
    return build(EnvironmentCreate.model_validate({"name": "e"} | fields), None, blank_removes=False)


def changed(before: EnvironmentSpec, **fields: Any) -> EnvironmentSpec:
    return build(EnvironmentUpdate.model_validate(fields), before, blank_removes=False)


def cloud(spec: EnvironmentSpec) -> CloudConfig:
    assert isinstance(spec.config, CloudConfig)
    return spec.config


LIMITED = {"type": "limited", "allowed_hosts": ["a.b"], "allow_package_managers": True}


def test_nothing_said_is_filled_in() -> None:
    assert created().config.model_dump() == {
        "type": "cloud",
        "networking": {"type": "unrestricted"},
        "packages": {"type": "packages", "apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []},
        "dockerfile": None,
    }
    assert created(config={"type": "self_hosted"}).config.model_dump() == {"type": "self_hosted"}


def test_an_update_keeps_every_part_it_does_not_name() -> None:
    before = created(
        config={"networking": LIMITED, "packages": {"pip": ["x"]}, "dockerfile": "RUN true"}, scope="account"
    )
    after = changed(before, config={"networking": {"type": "limited", "allow_mcp_servers": True}})
    networking = cloud(after).networking
    assert isinstance(networking, Limited)
    assert (networking.allowed_hosts, networking.allow_package_managers) == (["a.b"], True)
    assert networking.allow_mcp_servers
    assert (cloud(after).packages.pip, cloud(after).dockerfile, after.scope) == (["x"], "RUN true", "account")
    assert changed(before) == before
    assert changed(before, name=None) == before
    assert changed(before, config=None) == before
    assert cloud(changed(before, config={"dockerfile": None})).dockerfile is None
    assert cloud(changed(before, config={"networking": {"type": "unrestricted"}})).networking.type == "unrestricted"
    assert changed(before, scope=None, description="d").scope is None


def test_the_kind_cannot_change() -> None:
    with pytest.raises(ConfigTypeFixed) as refused:
        changed(created(), config={"type": "self_hosted"})
    assert refused.value.code == "invalid_config_type_change"


def test_packages_need_the_managers_under_limited_networking() -> None:
    with pytest.raises(InvalidRequest, match="allow_package_managers"):
        created(config={"networking": {"type": "limited"}, "packages": {"pip": ["x"]}})
    with pytest.raises(InvalidRequest, match="allow_package_managers"):
        changed(created(config={"packages": {"pip": ["x"]}}), config={"networking": {"type": "limited"}})


def test_flat_fields_are_carried_over_and_mirrored() -> None:
    spec = created(packages={"pip": ["x"]}, network={"allowlist": ["A.b"], "denylist": ["c.d"]}, env={"K": "v"})
    networking = cloud(spec).networking
    assert isinstance(networking, Limited)
    assert (networking.allowed_hosts, networking.allow_package_managers) == (["a.b"], True)
    assert cloud(spec).packages.pip == ["x"]
    assert spec.flat.model_dump(exclude_none=True) == {
        "packages": {"pip": ["x"]},
        "network": {"allowlist": ["a.b"], "denylist": ["c.d"]},
        "env": {"K": "v"},
    }


def test_flat_fields_change_one_by_one() -> None:
    before = created(packages={"pip": ["x"]}, env={"K": "v"})
    listed = changed(before, network={"allowlist": ["a.b"]})
    networking = cloud(listed).networking
    assert isinstance(networking, Limited)
    assert networking.allow_package_managers
    cleared = changed(listed, network=None, packages=None, env=None)
    assert cloud(cleared).networking.type == "unrestricted"
    assert not cloud(cleared).packages.any()
    assert cleared.flat.model_dump(exclude_none=True) == {}
    assert cloud(changed(before, network={"denylist": ["a.b"]})).networking.type == "unrestricted"
