"""Sandboxes as clients of this family see them."""

import math
from collections.abc import Mapping
from typing import Any

from chalicelib.core.clock import iso
from chalicelib.core.ids import dress, undress
from chalicelib.doors.e2b import schemas
from chalicelib.sandbox.hosts.base import Limits
from chalicelib.sandbox.model import Sandbox

ENVD_VERSION = "0.6.13"
"""The release of the guest interface clients may expect; they switch features on by it."""

_CLIENT = "lambent"
_MOST_MEASURED = 1 << 53
_SNAPSHOT = "snap"
_NO_END = "9999-12-31T23:59:59.000Z"


def sandbox(found: Sandbox, token: str, domain: str | None, traffic: str | None) -> dict[str, Any]:
    """A sandbox and how to speak with it; ``traffic`` is the token for its ports where these need one."""
    answer = schemas.SandboxAnswer(
        template_id=found.template,
        sandbox_id=found.id,
        client_id=_CLIENT,
        envd_version=ENVD_VERSION,
        envd_access_token=token,
        traffic_access_token=traffic,
        domain=domain,
    )
    return answer.model_dump(by_alias=True, exclude={"traffic_access_token"} if traffic is None else None)


def listed(found: Sandbox, limits: Limits) -> dict[str, Any]:
    """A sandbox in a list."""
    return schemas.ListedSandbox(**_facts(found, limits)).model_dump(by_alias=True)


def detailed(found: Sandbox, limits: Limits, token: str, domain: str | None) -> dict[str, Any]:
    """All about a sandbox."""
    lifecycle = schemas.Lifecycle(auto_resume=found.auto_resume, on_timeout=found.on_timeout)
    answer = schemas.DetailedSandbox(
        **_facts(found, limits),
        envd_access_token=token,
        domain=domain,
        allow_internet_access=found.internet,
        network=found.network,
        lifecycle=lifecycle,
    )
    return answer.model_dump(by_alias=True, exclude_none=True)


def _facts(found: Sandbox, limits: Limits) -> dict[str, Any]:
    return {
        "template_id": found.template,
        "sandbox_id": found.id,
        "client_id": _CLIENT,
        "started_at": iso(found.started_at),
        "end_at": _NO_END if found.end_at is None else iso(found.end_at),
        "envd_version": ENVD_VERSION,
        "cpu_count": math.ceil(limits.cpus),
        "memory_mb": limits.memory_mib,
        "disk_size_mb": limits.disk_mib,
        "state": found.state,
        "metadata": found.metadata,
    }


def metric(sample: Mapping[str, Any], limits: Limits, now_ms: int) -> dict[str, Any]:
    """What a guest measured at that moment; inside, more memory may be seen than the sandbox is given."""
    names = ("cpuCount", "cpuUsedPct", "memUsed", "memTotal", "memCache", "diskUsed", "diskTotal")
    measured = {name: _measured(sample.get(name)) for name in names}
    measured["memTotal"] = min(measured["memTotal"], limits.memory_mib << 20) or limits.memory_mib << 20
    found = schemas.Metric.model_validate(measured | {"timestamp": iso(now_ms), "timestampUnix": now_ms // 1000})
    return found.model_dump(by_alias=True)


def _measured(value: Any) -> float:
    """A number that can be shown, whatever the inside says."""
    return value if isinstance(value, int | float) and 0 <= value < _MOST_MEASURED else 0


def snapshot_name(snapshot_id: str) -> str:
    """A snapshot's id as it is printed."""
    return dress(_SNAPSHOT, snapshot_id)


def is_snapshot(template: str) -> bool:
    """Whether a template's name is that of a snapshot."""
    return template.lower().startswith(f"{_SNAPSHOT}_")


def snapshot_id_of(text: str) -> str | None:
    """The core id behind a snapshot's printed id."""
    return undress(_SNAPSHOT, text)
