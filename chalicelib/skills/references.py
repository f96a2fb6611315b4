"""How clients name skills and versions."""

import re

from chalicelib.core.ids import derive_id, undress
from chalicelib.skills.model import LATEST

BUILT_IN = "builtin_"
VERSION = "skillver"
_CHOSEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_NUMBER = re.compile(r"[0-9]{1,18}")


def skill_id(tenant: str, text: str) -> str | None:
    """The core id of a tenant's skill: one this server gave, in any dress, or one its maker chose."""
    core = undress("skill", text)
    if core is not None:
        return core
    return derive_id("skill", tenant, "chosen", text) if _CHOSEN.fullmatch(text) else None


def is_chosen(text: str) -> bool:
    """Whether a client's text can be the id of a new skill, and is not one in this server's own form."""
    return bool(_CHOSEN.fullmatch(text)) and undress("skill", text) is None


def version_of(text: str) -> str | int | None:
    """A version by its core id or its number, or the word ``latest``; None for what can be neither."""
    if text == LATEST:
        return LATEST
    if _NUMBER.fullmatch(text):
        return int(text)
    return undress(VERSION, text)
