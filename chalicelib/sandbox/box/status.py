"""One sentence on the sandboxes of this machine."""

from chalicelib.sandbox.box.ground import Ground, survey
from chalicelib.sandbox.box.settings import BoxSettings

_HELP = ". What a machine needs is in docs/sandboxes.md"
_UNSAFE = "Sandboxes are plain processes of this user WITHOUT isolation, as LAMBENT_SANDBOX=unsafe-process asks"


def describe(settings: BoxSettings) -> str:
    """The tier and why, for whoever starts the server."""
    ground = survey(settings)
    if ground.tier is None:
        return f"Commands are refused: {ground.why}{'' if settings.mode == 'none' else _HELP}."
    if ground.isolation is None:
        return f"{_UNSAFE}; {_bounds(ground)}."
    users = "each under a user of its own" if ground.isolation.tools.setpriv else "under this server's user"
    return f"Sandboxes run in bubblewrap {ground.isolation.tools.version}, {users}; {_bounds(ground)}."


def _bounds(ground: Ground) -> str:
    if not ground.tree.parents:
        return "there are no control groups to use, so memory is limited for each process and not for a sandbox"
    found = ground.tree.controllers()
    lacking = [word for name, word in _WORDS.items() if name not in found]
    return f"control groups limit {_list([_WORDS[name] for name in _WORDS if name in found])}" + (
        f", not {_list(lacking)}" if lacking else ""
    )


_WORDS = {"memory": "memory", "pids": "processes", "cpu": "processor time"}


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
