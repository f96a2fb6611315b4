"""Settings that a secret holds: too long for the environment of a function, and for some functions alone to read."""

import json
from collections.abc import Callable, Mapping
from typing import Any

# What does not pass by itself: the operator has to mend it.
_FINAL = ("AccessDeniedException", "DecryptionFailure", "InvalidRequestException", "ResourceNotFoundException")


def overlaid(
    env: Mapping[str, str], variable: str, names: frozenset[str], connect: Callable[[], Any]
) -> Mapping[str, str]:
    """``env``, and over it the settings in the secret that ``variable`` names: a JSON object of some of ``names``.

    Without the variable nobody is asked; ``connect`` gives a client of Secrets Manager.
    Raises ValueError naming the variable, and never telling a value, when the secret cannot be used.
    """
    place = env.get(variable, "").strip()
    if not place:
        return env
    return {**env, **_settings(variable, _text(variable, place, connect()), names)}


def _text(variable: str, place: str, client: Any) -> str:
    from botocore.exceptions import ClientError

    try:
        return str(client.get_secret_value(SecretId=place).get("SecretString", ""))
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code not in _FINAL:
            raise
        raise ValueError(f"{variable}: the secret cannot be read ({code})") from None


def _settings(variable: str, text: str, names: frozenset[str]) -> dict[str, str]:
    try:
        held = json.loads(text)
    except ValueError:
        held = None
    # Neither its text nor a value of it may get into a message.
    if not isinstance(held, dict):
        raise ValueError(f"{variable}: the secret must hold a JSON object of settings")
    if unknown := sorted(held.keys() - names):
        raise ValueError(f"{variable}: the secret holds what is no setting of its own: {', '.join(unknown)}")
    if unusable := sorted(name for name, value in held.items() if not _is_usable(value)):
        raise ValueError(f"{variable}: these settings in the secret must be texts: {', '.join(unusable)}")
    return {name: str(value) for name, value in held.items()}


def _is_usable(value: object) -> bool:
    # The ids of GitHub's apps are numbers.
    return isinstance(value, (str, int)) and not isinstance(value, bool)
