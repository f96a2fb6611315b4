"""Settings of the sandboxes, all from the environment; ``docs/operations.md`` lists them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.core.environ import whole, words
from chalicelib.sandbox.box.settings import BoxSettings
from chalicelib.sandbox.hosts.base import Limits

MOST_SECONDS = 28_800
"""No MicroVM lives longer, and neither does any other sandbox."""

LEAST_IDLE_SECONDS = 60
_MOST_MIB = 1 << 20
_MOST_PROCESSES = 1 << 15
"""What no machine gives anyway; beyond it the kernel refuses numbers, and every start with them."""
_NAME = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:\d{1,5})?")


@dataclass(frozen=True, slots=True)
class MicrovmSettings:
    """What is asked of Lambda for each MicroVM. Connectors and ``role`` are ARNs; times are in seconds."""

    image: str = ""
    version: str = ""
    ingress: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    role: str = ""
    log_group: str = ""
    suspended_seconds: int = MOST_SECONDS
    start_seconds: int = 60


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How this process makes sandboxes. ``limits`` are those of one that asks for nothing else. Times: seconds.

    ``rests`` is of how many runs of a session the files are kept as they were, ``domain`` the name (and port) below
    which every sandbox has names of its own.
    """

    limits: Limits = field(default_factory=Limits)
    idle_seconds: int = 300
    max_seconds: int = MOST_SECONDS
    rests: int = 16
    domain: str = ""
    microvm: MicrovmSettings = field(default_factory=MicrovmSettings)
    box: BoxSettings = field(default_factory=BoxSettings)

    @staticmethod
    def from_env(env: Mapping[str, str], *, outbound_allow: tuple[str, ...] = ()) -> "SandboxSettings":
        """Read ``LAMBENT_SANDBOX*`` and ``LAMBENT_MICROVM_*``. Raises ValueError naming the variable at fault.

        ``outbound_allow`` are the private addresses that boxes on this machine may reach.
        """
        return SandboxSettings(
            limits=_limits(env),
            idle_seconds=whole(env, "LAMBENT_SANDBOX_IDLE_SECONDS", 300, least=LEAST_IDLE_SECONDS, most=MOST_SECONDS),
            max_seconds=whole(env, "LAMBENT_SANDBOX_MAX_SECONDS", MOST_SECONDS, least=1, most=MOST_SECONDS),
            rests=whole(env, "LAMBENT_SANDBOX_RESTS", 16, most=100),
            domain=_domain(env),
            microvm=_microvm(env),
            box=BoxSettings.from_env(env, outbound_allow=outbound_allow),
        )


def _limits(env: Mapping[str, str]) -> Limits:
    usual = Limits()
    return Limits(
        memory_mib=whole(env, "LAMBENT_SANDBOX_MEMORY_MIB", usual.memory_mib, least=64, most=_MOST_MIB),
        disk_mib=whole(env, "LAMBENT_SANDBOX_DISK_MIB", usual.disk_mib, least=1, most=_MOST_MIB),
        processes=whole(env, "LAMBENT_SANDBOX_PROCESSES", usual.processes, least=8, most=_MOST_PROCESSES),
        cpus=_decimal(env, "LAMBENT_SANDBOX_CPUS", usual.cpus),
    )


def _domain(env: Mapping[str, str]) -> str:
    text = env.get("LAMBENT_SANDBOX_DOMAIN", "").strip()
    if text and not _NAME.fullmatch(text):
        raise ValueError(f"LAMBENT_SANDBOX_DOMAIN must be a host name, with or without a port, not {text!r}")
    return text


def _microvm(env: Mapping[str, str]) -> MicrovmSettings:
    return MicrovmSettings(
        image=env.get("LAMBENT_MICROVM_IMAGE", "").strip(),
        version=env.get("LAMBENT_MICROVM_VERSION", "").strip(),
        ingress=words(env, "LAMBENT_MICROVM_INGRESS"),
        egress=words(env, "LAMBENT_MICROVM_EGRESS"),
        role=env.get("LAMBENT_MICROVM_ROLE", "").strip(),
        log_group=env.get("LAMBENT_MICROVM_LOG_GROUP", "").strip(),
        suspended_seconds=whole(env, "LAMBENT_MICROVM_SUSPENDED_SECONDS", MOST_SECONDS),
        start_seconds=whole(env, "LAMBENT_MICROVM_START_SECONDS", 60, least=1),
    )


def _decimal(env: Mapping[str, str], name: str, default: float) -> float:
    text = env.get(name, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None
    if not 0.05 <= number <= 1024:
        raise ValueError(f"{name} must be between 0.05 and 1024, not {text!r}")
    return number
