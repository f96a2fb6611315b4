"""Credentials for endpoints: for one machine, some ports, some time."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any


class Signer:
    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self.issued = 0

    def expire_all(self) -> None:
        """No credential made so far is good any more."""
        self._key = secrets.token_bytes(32)

    def make(self, machine: str, ports: list[dict[str, Any]], seconds: float) -> str:
        self.issued += 1
        claims = json.dumps({"m": machine, "p": ports, "e": time.time() + seconds}).encode()
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (claims, self._sign(claims)))

    def port_of(self, machine: str, headers: Any) -> tuple[int, int]:
        """The port meant, and 0 or the status of the refusal."""
        port = int(headers.get("x-aws-proxy-port") or 8080)
        token = headers.get("x-aws-proxy-auth")
        if not token:
            return port, 403
        claims, good = self._read(token)
        if not good or claims["e"] < time.time():
            return port, 403
        return port, 0 if claims["m"] == machine and _allows(claims["p"], port) else 403

    def _sign(self, claims: bytes) -> bytes:
        return hmac.new(self._key, claims, hashlib.sha256).digest()

    def _read(self, token: str) -> tuple[Any, bool]:
        try:
            claims, signature = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
            return json.loads(claims), hmac.compare_digest(signature, self._sign(claims))
        except ValueError:
            return None, False


def _allows(ports: list[dict[str, Any]], port: int) -> bool:
    return any(
        "allPorts" in one
        or one.get("port") == port
        or ("range" in one and one["range"]["startPort"] <= port <= one["range"]["endPort"])
        for one in ports
    )
