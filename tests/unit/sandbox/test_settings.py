"""Settings of sandboxes from the environment."""

import pytest

from chalicelib.sandbox.hosts.base import Limits
from chalicelib.sandbox.settings import MOST_SECONDS, SandboxSettings


def test_without_any_there_are_usual_ones() -> None:
    settings = SandboxSettings.from_env({})
    assert settings == SandboxSettings()
    assert (settings.idle_seconds, settings.max_seconds, settings.microvm.image) == (300, MOST_SECONDS, "")


def test_each_is_read() -> None:
    settings = SandboxSettings.from_env(
        {
            "LAMBENT_SANDBOX_MEMORY_MIB": "512",
            "LAMBENT_SANDBOX_DISK_MIB": "256",
            "LAMBENT_SANDBOX_PROCESSES": "64",
            "LAMBENT_SANDBOX_CPUS": "0.5",
            "LAMBENT_SANDBOX_IDLE_SECONDS": "120",
            "LAMBENT_SANDBOX_MAX_SECONDS": "3600",
            "LAMBENT_SANDBOX_DOMAIN": "sandboxes.example.net:8443",
            "LAMBENT_MICROVM_IMAGE": "arn:image",
            "LAMBENT_MICROVM_VERSION": "2.0",
            "LAMBENT_MICROVM_INGRESS": "arn:in",
            "LAMBENT_MICROVM_EGRESS": "arn:a, arn:b",
            "LAMBENT_MICROVM_ROLE": "arn:role",
            "LAMBENT_MICROVM_LOG_GROUP": "/logs",
            "LAMBENT_MICROVM_SUSPENDED_SECONDS": "600",
            "LAMBENT_MICROVM_START_SECONDS": "90",
        }
    )
    assert settings.limits == Limits(512, 256, 64, 0.5)
    assert (settings.idle_seconds, settings.max_seconds) == (120, 3600)
    assert settings.domain == "sandboxes.example.net:8443"
    microvm = settings.microvm
    assert (microvm.image, microvm.version, microvm.role, microvm.log_group) == (
        "arn:image",
        "2.0",
        "arn:role",
        "/logs",
    )
    assert (microvm.ingress, microvm.egress) == (("arn:in",), ("arn:a", "arn:b"))
    assert (microvm.suspended_seconds, microvm.start_seconds) == (600, 90)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LAMBENT_SANDBOX_MEMORY_MIB", "1"),
        ("LAMBENT_SANDBOX_MEMORY_MIB", "99999999999"),
        ("LAMBENT_SANDBOX_DISK_MIB", "-5"),
        ("LAMBENT_SANDBOX_DISK_MIB", "99999999999"),
        ("LAMBENT_SANDBOX_PROCESSES", "7"),
        ("LAMBENT_SANDBOX_PROCESSES", "5000000"),
        ("LAMBENT_SANDBOX_CPUS", "many"),
        ("LAMBENT_SANDBOX_CPUS", "0"),
        ("LAMBENT_SANDBOX_CPUS", "nan"),
        ("LAMBENT_SANDBOX_IDLE_SECONDS", "59"),
        ("LAMBENT_SANDBOX_MAX_SECONDS", "28801"),
        ("LAMBENT_MICROVM_START_SECONDS", "0"),
        ("LAMBENT_SANDBOX_DOMAIN", "https://example.net"),
        ("LAMBENT_SANDBOX", "docker"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        SandboxSettings.from_env({name: value})
