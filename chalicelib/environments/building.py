"""Makes an environment's spec out of what a client sent and of what was stored before."""

from typing import Any

from chalicelib.core.metadata import patched
from chalicelib.environments.config import MANAGERS, CloudConfig, Config, Limited, Packages, SelfHostedConfig
from chalicelib.environments.draft import (
    ConfigInput,
    EnvironmentCreate,
    EnvironmentFields,
    EnvironmentUpdate,
    NetworkingInput,
    PackagesInput,
)
from chalicelib.environments.errors import ConfigTypeFixed, invalid
from chalicelib.environments.model import EnvironmentSpec, Flat, HostLists


def build(
    sent: EnvironmentCreate | EnvironmentUpdate, before: EnvironmentSpec | None, *, blank_removes: bool
) -> EnvironmentSpec:
    """The spec after the request; ``before`` None: the environment is new. Raises InvalidRequest, ConfigTypeFixed."""
    flat = _flat(sent, Flat() if before is None else before.flat)
    config = _config(sent, None if before is None else before.config, flat)
    metadata = {} if before is None else before.metadata
    return EnvironmentSpec(
        name=_name(sent, before),
        description=sent.description if sent.sent("description") or before is None else before.description,
        config=config,
        metadata=patched(metadata, sent.metadata or {}, blank_removes=blank_removes),
        scope=sent.scope if sent.sent("scope") or before is None else before.scope,
        flat=flat,
    )


def _name(sent: EnvironmentCreate | EnvironmentUpdate, before: EnvironmentSpec | None) -> str:
    if sent.name is not None:
        return sent.name
    if before is None:
        raise invalid("name", "field required")
    return before.name


def _config(sent: EnvironmentFields, before: Config | None, flat: Flat) -> Config:
    given = sent.config or ConfigInput()
    kind = given.type or ("cloud" if before is None else before.type)
    if before is not None and kind != before.type:
        raise ConfigTypeFixed(
            f"config.type: the environment is {before.type} and stays so",
            field="config.type",
            code="invalid_config_type_change",
        )
    if kind == "self_hosted":
        return SelfHostedConfig()
    config = _cloud(given, before if isinstance(before, CloudConfig) else CloudConfig())
    config = _with_flat(sent, config, flat)
    if (
        isinstance(config.networking, Limited)
        and config.packages.any()
        and not config.networking.allow_package_managers
    ):
        field = "config.networking.allow_package_managers"
        raise invalid(field, "must be true when packages are to be installed under limited networking")
    return config


def _cloud(given: ConfigInput, before: CloudConfig) -> CloudConfig:
    changes: dict[str, Any] = before.model_dump()
    if given.networking is not None:
        changes["networking"] = _networking(given.networking, changes["networking"])
    if given.packages is not None:
        changes["packages"] |= _packages(given.packages)
    if "dockerfile" in given.model_fields_set:
        changes["dockerfile"] = given.dockerfile or None
    return CloudConfig.model_validate(changes)


def _networking(given: NetworkingInput, before: dict[str, Any]) -> dict[str, Any]:
    if given.type == "unrestricted":
        return {"type": "unrestricted"}
    kept = before if before["type"] == "limited" else {}
    return kept | given.model_dump(exclude_none=True)


def _packages(given: PackagesInput) -> dict[str, list[str]]:
    return {name: getattr(given, name) for name in MANAGERS if getattr(given, name) is not None}


def _flat(sent: EnvironmentFields, before: Flat) -> Flat:
    changes: dict[str, Any] = {name: getattr(sent, name) for name in ("base_image", "env") if sent.sent(name)}
    if sent.sent("packages"):
        changes["packages"] = None if sent.packages is None else _packages(sent.packages)
    if sent.sent("network"):
        changes["network"] = None if sent.network is None else HostLists(**sent.network.model_dump())
    return before.model_copy(update=changes)


def _with_flat(sent: EnvironmentFields, config: CloudConfig, flat: Flat) -> CloudConfig:
    """The flat fields that were sent now, carried over; packages beside an allow list open the package managers."""
    changes: dict[str, Any] = {}
    if sent.sent("packages"):
        changes["packages"] = Packages.model_validate(flat.packages or {})
    allowed = flat.network.allowlist if flat.network else None
    if sent.sent("network"):
        changes["networking"] = {"type": "unrestricted"} if allowed is None else _allowing(config, allowed)
    merged = CloudConfig.model_validate(config.model_dump() | changes)
    flat_packages = sent.sent("packages") or (sent.sent("network") and flat.packages is not None)
    if flat_packages and merged.packages.any() and isinstance(merged.networking, Limited):
        merged.networking.allow_package_managers = True
    return merged


def _allowing(config: CloudConfig, hosts: list[str]) -> dict[str, Any]:
    kept = config.networking.model_dump() if isinstance(config.networking, Limited) else {"type": "limited"}
    return kept | {"allowed_hosts": hosts}
