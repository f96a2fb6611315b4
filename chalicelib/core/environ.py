"""Reading settings out of the environment: an empty value counts as none, and an unusable one is refused by name."""

from collections.abc import Mapping


def whole(env: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """A whole number within bounds. Raises ValueError naming the variable."""
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal():
        raise ValueError(f"{name} must be a whole number, not {text!r}")
    number = int(text)
    if number < least or (most is not None and number > most):
        raise ValueError(f"{name} must be {least} or more{f' and at most {most}' if most else ''}, not {number}")
    return number


def words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(word.strip() for word in env.get(name, "").split(",") if word.strip())


def flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """``true`` or ``false``, ``1`` or ``0``. Raises ValueError naming the variable."""
    text = env.get(name, "").strip().lower()
    if text not in ("", "true", "false", "1", "0"):
        raise ValueError(f"{name} must be true or false, not {text!r}")
    return default if not text else text in ("true", "1")
