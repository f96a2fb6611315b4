"""A host of git repositories, open ones and such that demand a token, served over HTTP by git's own program."""

import base64
import os
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_AUTHOR = ("-c", "user.name=Author", "-c", "user.email=author@host.test", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> str:
    """Run git in a folder; what it printed."""
    command = ["git", *_AUTHOR, "-C", str(folder), *words]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.strip()


@dataclass(frozen=True)
class Repository:
    """One repository; ``folder`` is the bare one on the host."""

    url: str
    folder: Path

    def head(self, branch: str = "main") -> str:
        """The hash of the newest commit of a branch."""
        return git(self.folder, "rev-parse", branch)

    def subject(self, branch: str = "main") -> str:
        """What the newest commit of a branch says."""
        return git(self.folder, "log", "-1", "--format=%s", branch)


@dataclass
class GitHost:
    """Serves what is made with ``repository``. ``asked`` holds path, sent authorization and status of each request."""

    folder: Path
    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None, int]] = field(default_factory=list)
    url: str = ""

    def __enter__(self) -> Self:
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host._serve(self)

            def do_POST(self) -> None:
                host._serve(self)

            def log_message(self, *args: Any) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer((self.address, 0), Handler)
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if self.tls else 'http'}://{self.address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def repository(self, name: str, token: str | None = None) -> Repository:
        """A repository with two commits on ``main`` and one more on ``next``; with a token nobody enters without it."""
        bare, work = self.folder / f"{name}.git", self.folder / f"{name}.work"
        for made in (bare, work):
            made.mkdir(parents=True)
        git(bare, "init", "--bare", "--quiet")
        git(bare, "config", "http.receivepack", "true")
        git(work, "init", "--quiet")
        for words, branch in (("first", "main"), ("second", "main"), ("ahead", "next")):
            git(work, "checkout", "--quiet", "-B", branch)
            (work / "README").write_text(f"{words}\n")
            git(work, "add", "README")
            git(work, "commit", "--quiet", "-m", words)
        git(work, "push", "--quiet", str(bare), "main", "next")
        if token is not None:
            self.tokens[name] = token
        return Repository(f"{self.url}/{name}.git", bare)

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        sent = handler.headers.get("authorization")
        path, _, query = handler.path.partition("?")
        token = self.tokens.get(path.partition(".git")[0].strip("/"))
        if token is not None and _password(sent) != token:
            self.asked.append((path, sent, 401))
            handler.send_response(401)
            handler.send_header("www-authenticate", 'Basic realm="git"')
            handler.send_header("content-length", "0")
            handler.end_headers()
            return
        head, _, content = self._backend(handler, path, query, body).partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(fields.pop("Status", "200").split()[0])
        self.asked.append((path, sent, status))
        handler.send_response(status)
        for name, value in (fields | {"Content-Length": str(len(content))}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    def _backend(self, handler: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> bytes:
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": str(self.folder),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": handler.command,
            "CONTENT_TYPE": handler.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": handler.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": handler.headers.get("content-encoding", ""),
        }
        ended = subprocess.run(["git", "http-backend"], input=body, env=env, check=True, capture_output=True)
        return ended.stdout


def _password(authorization: str | None) -> str | None:
    scheme, _, coded = (authorization or "").partition(" ")
    return base64.b64decode(coded).decode().partition(":")[2] if scheme.lower() == "basic" else None
