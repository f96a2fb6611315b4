"""The API's HTTP: which request is which operation."""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.microvms.service import MicrovmsFake, Refused

_VM = r"/2025-09-09/microvms/(?P<microvmIdentifier>[^/]+)"
_IMAGE = r"/2025-09-09/microvm-images/(?P<imageIdentifier>[^/]+)"
_OPERATIONS = [
    ("POST", r"/2025-09-09/microvms", "run"),
    ("GET", r"/2025-09-09/microvms", "list"),
    ("GET", _VM, "get"),
    ("POST", _VM + "/suspend", "suspend"),
    ("POST", _VM + "/resume", "resume"),
    ("DELETE", _VM, "terminate"),
    ("POST", _VM + "/auth-token", "token"),
    ("POST", r"/2025-09-09/microvm-images", "create_image"),
    ("GET", r"/2025-09-09/microvm-images", "list_images"),
    ("PUT", _IMAGE, "update_image"),
    ("GET", _IMAGE, "get_image"),
    ("GET", _IMAGE + r"/versions/(?P<imageVersion>[^/]+)", "get_image_version"),
]
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/lambda/aws4_request,")


def handler_of(fake: MicrovmsFake) -> type[BaseHTTPRequestHandler]:
    methods = {f"do_{method}": _Handler.serve for method, _, _ in _OPERATIONS}
    return type("Handler", (_Handler,), {"fake": fake, **methods})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: MicrovmsFake

    def serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            status, body = self._answer(raw)
            self._send(status, body, {})
        except Refused as error:
            self._send(error.status, {"message": error.message}, {"x-amzn-errortype": error.kind, **error.headers})

    def _answer(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        if not _SIGNED.match(self.headers.get("authorization", "")):
            raise Refused(403, "AccessDeniedException", "The request is not signed for lambda")
        url = urlsplit(self.path)
        for method, pattern, operation in _OPERATIONS:
            if method == self.command and (match := re.fullmatch(pattern, url.path)):
                named = {name: unquote(value) for name, value in match.groupdict().items()}
                return self.fake.answer(operation, {**dict(parse_qsl(url.query)), **json.loads(raw or b"{}"), **named})
        raise Refused(404, "ResourceNotFoundException", f"There is no operation {self.command} {url.path}")

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""
