"""The keys of a laptop: made at the first start, kept in the state directory, readable by its owner only."""

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The operator's key, what tenants' secrets are sealed under, and the first tenant with its key once it is made."""

    root_key: str
    root_secret: str = field(repr=False)
    api_key: str = ""
    tenant: str = ""

    @property
    def root_key_sha256(self) -> str:
        """What the server is given of the root key."""
        return hashlib.sha256(self.root_key.encode()).hexdigest()


def load(state_dir: Path | None) -> Credentials:
    """The kept credentials; what is missing is made, and kept before anything can depend on it."""
    fresh = {"root_key": "lmbroot_" + secrets.token_urlsafe(32), "root_secret": secrets.token_urlsafe(32)}
    if state_dir is None:
        return Credentials(**fresh)
    path = state_dir / FILE
    kept = json.loads(path.read_text()) if path.exists() else {}
    credentials = Credentials(**(fresh | kept))
    if fresh.keys() - kept.keys():
        save(state_dir, credentials)
    return credentials


def save(state_dir: Path | None, credentials: Credentials) -> None:
    """Keep the credentials, whole or not at all."""
    if state_dir is None:
        return
    state_dir.mkdir(parents=True, exist_ok=True)
    draft = state_dir / (FILE + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(credentials), file)
    draft.replace(state_dir / FILE)
