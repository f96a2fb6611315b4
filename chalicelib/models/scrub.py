"""Takes secrets out of texts that others will read."""

import re
from collections.abc import Iterable

HIDDEN = "[hidden]"
_SHORTEST = 6
_KEY_LIKE = re.compile(
    r"""
    \b(?:sk|pk|rk|xai|gsk|pplx|hf|ghp)[-_][\w*-]{8,}             # keys by their usual beginnings
    | \b(?:AIza|AKIA|ASIA)[\w-]{8,}
    | \bey[\w-]{8,}\.[\w-]{8,}\.[\w-]+                         # JSON web tokens
    | (?<=[Bb]earer\s)[^\s"',;]{6,}
    | (?<=://)[^/\s@:]+:[^/\s@]+(?=@)                           # user:password in a URL
    | (?i:(?<=key=)|(?<=key:\s)|(?<=key\s)|(?<=token=)|(?<=token:\s)|(?<=password=))[^\s"',;]{12,}
    """,
    re.VERBOSE,
)


class Scrubber:
    """Hides the given secrets and whatever looks like a key."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        known = {secret for secret in secrets if secret and len(secret) >= _SHORTEST}
        self._known = sorted(known, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        return _KEY_LIKE.sub(HIDDEN, text)
