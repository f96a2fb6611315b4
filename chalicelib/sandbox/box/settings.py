"""How this machine gives boxes, as the operator wants it."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from chalicelib.core.environ import whole

Mode = Literal["auto", "bubblewrap", "unsafe-process", "none"]
FIRST_UID = 0x7000_0000
UID_COUNT = 16_384
_LEAST_UID = 10_000
"""Those below belong to the system and to people: a box under one of them would have what is theirs."""
_MOST_UID = 0xFFFF_FFFE - UID_COUNT


@dataclass(frozen=True, slots=True)
class BoxSettings:
    """``scratch`` is made when missing and must be passable for other users; None chooses one of this user's own.

    ``outbound_allow`` are the private addresses that the egress proxy may reach. Boxes of a privileged server run under
    the ids from ``first_uid`` on.
    """

    mode: Mode = "auto"
    scratch: Path | None = None
    bwrap: str = ""
    outbound_allow: tuple[str, ...] = ()
    first_uid: int = FIRST_UID
    uid_count: int = UID_COUNT
    use_groups: bool = True

    @staticmethod
    def from_env(env: Mapping[str, str], *, outbound_allow: tuple[str, ...] = ()) -> "BoxSettings":
        """Read ``LAMBENT_SANDBOX`` and what goes with it. Raises ValueError naming a variable that cannot be used."""
        scratch = env.get("LAMBENT_SANDBOX_SCRATCH", "").strip()
        return BoxSettings(
            mode=_mode(env.get("LAMBENT_SANDBOX", "").strip().lower() or "auto"),
            scratch=Path(scratch) if scratch else None,
            bwrap=env.get("LAMBENT_BWRAP", "").strip(),
            outbound_allow=outbound_allow,
            first_uid=whole(env, "LAMBENT_SANDBOX_FIRST_UID", FIRST_UID, least=_LEAST_UID, most=_MOST_UID),
        )


def default_scratch(uid: int) -> Path:
    """Where the boxes of one user's servers lie. The name is short, for socket paths may not be long."""
    return Path(tempfile.gettempdir()) / f"lambent-{uid}"


def _mode(word: str) -> Mode:
    if word not in get_args(Mode):
        raise ValueError(f"LAMBENT_SANDBOX must be one of {', '.join(get_args(Mode))}, not {word!r}")
    return cast("Mode", word)
