"""The API's HTTP: what is asked and answered has the shapes that botocore knows."""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.fakes.microvms.service import MicrovmsFake, Refused
from tests.fakes.microvms.shapes import operation_of, problems

_HANDLERS = {
    "RunMicrovm": "run",
    "ListMicrovms": "list",
    "GetMicrovm": "get",
    "SuspendMicrovm": "suspend",
    "ResumeMicrovm": "resume",
    "TerminateMicrovm": "terminate",
    "CreateMicrovmAuthToken": "token",
    "CreateMicrovmImage": "create_image",
    "UpdateMicrovmImage": "update_image",
    "ListMicrovmImages": "list_images",
    "GetMicrovmImage": "get_image",
    "GetMicrovmImageVersion": "get_image_version",
    "ListMicrovmImageBuilds": "list_builds",
}
_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/lambda/aws4_request,")


def handler_of(fake: MicrovmsFake) -> type[BaseHTTPRequestHandler]:
    methods = {f"do_{method}": _Handler.serve for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
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
        found = operation_of(self.command, self.path)
        if found is None or found[0].name not in _HANDLERS:
            raise Refused(404, "ResourceNotFoundException", f"There is no operation {self.command} {self.path}")
        operation, named = found
        asked = {**json.loads(raw or b"{}"), **named}
        if wrong := problems(operation.input_shape, asked):
            raise Refused(400, "ValidationException", "; ".join(wrong))
        body = self.fake.answer(_HANDLERS[operation.name], asked)
        wrong = problems(operation.output_shape, body)
        assert not wrong, f"{operation.name} never answers so: {wrong}"
        return int(operation.http["responseCode"]), body

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        raw = json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing."""
