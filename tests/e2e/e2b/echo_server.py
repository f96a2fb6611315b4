"""Runs inside a sandbox: tells what it was asked, and answers in a few ways of its own."""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps


class Echo(BaseHTTPRequestHandler):
    """Answers every method."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = self.headers.get("content-length")
        body = self.rfile.read(int(length)) if length else self._chunks()
        if self.path == "/slowly":
            self._slowly()
            return
        told = dumps(
            {"target": self.path, "headers": dict(self.headers.items()), "body": body.decode("latin-1")}
        ).encode()
        self.send_response(418 if self.path == "/teapot" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.send_header("Set-Cookie", "a=1; Path=/; Domain=.example.com; HttpOnly")
        self.send_header("Set-Cookie", "b=2")
        self.send_header("Access-Control-Allow-Origin", "https://app.example.com")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(told)

    def _chunks(self) -> bytes:
        body = b""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _slowly(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: 0\n\n")
        self.wfile.flush()
        time.sleep(3600)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815


ThreadingHTTPServer((sys.argv[2], int(sys.argv[1])), Echo).serve_forever()
