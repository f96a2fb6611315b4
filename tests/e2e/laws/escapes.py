"""What the attempts to get out of a sandbox share: a host full of canaries, sandboxes to attack and others beside."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from tests.e2e.laws.conftest import PROVIDER_KEY, model_env
from tests.e2e.laws.ways_out import LINKS
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json
from tests.support.server import ROOT, Server

OCTETS = {"content-type": "application/octet-stream"}
TOOLSET: Json = {"type": "agent_toolset_20260401"}
_FRAMED = {"content-type": "application/connect+json"}
_MOST_BYTES = 16 << 20
_SECONDS = 8.0
_PLACES = (
    "/",
    "/etc",
    "/etc/cron.d",
    "/root",
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    "/home",
    "/mnt",
    "/run",
    "/usr/local/bin",
)


@dataclass
class Told:
    """An answer that was read to its end."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    @property
    def refused(self) -> bool:
        """Whether the request was turned down."""
        return 400 <= self.status < 500


class Wire:
    """Requests whose every answer must be sound: in time, with an end, no fault of the server, nothing of the host."""

    def __init__(self, url: str, headers: dict[str, str], forbidden: tuple[bytes, ...]) -> None:
        self._client = httpx2.Client(base_url=url, headers=headers, timeout=_SECONDS, verify=False)
        self._url = url
        self._forbidden = forbidden

    def ask(self, method: str, path: str, **options: Any) -> Told:
        """Any request; ``raw`` paths are sent as they are."""
        begun = time.monotonic()
        body = bytearray()
        with self._client.stream(method, path, **options) as answer:
            for piece in answer.iter_raw():
                body += piece
                assert len(body) < _MOST_BYTES, f"{method} {path}: endless"
                assert time.monotonic() - begun < _SECONDS, f"{method} {path}: takes too long"
        told = Told(answer.status_code, bytes(body))
        assert told.status < 500, f"{method} {path} {options}: {told}"
        self.check(told.body)
        return told

    def raw(self, method: str, path: str, **options: Any) -> Told:
        """A request whose path is not tidied up before it is sent."""
        url = httpx2.URL(self._url).copy_with(raw_path=path.encode())
        return self.ask(method, url, **options)  # type: ignore[arg-type]

    def check(self, data: bytes) -> None:
        """Nothing of the host is in it."""
        for word in self._forbidden:
            assert word not in data, f"a secret of the host was told: {data[:500]!r}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class Box:
    """A sandbox of E2B clients, over plain HTTP."""

    def __init__(self, api: Api, forbidden: tuple[bytes, ...]) -> None:
        made = api.post("/v2/sandboxes", templateID="base", timeout=600)
        self.id, self.token = made["sandboxID"], made["envdAccessToken"]
        self.wire = Wire(api.url, {"x-access-token": self.token, "e2b-sandbox-id": self.id}, forbidden)
        self.bare = Wire(api.url, {}, forbidden)

    def close(self) -> None:
        """Close the connections."""
        self.wire.close()
        self.bare.close()

    def read(self, path: str) -> Told:
        """GET /files."""
        return self.wire.ask("GET", "/files", params={"path": path})

    def write(self, path: str, content: bytes = b"x") -> Told:
        """POST /files with bytes."""
        return self.wire.ask("POST", "/files", params={"path": path}, content=content, headers=OCTETS)

    def form(self, disposition: bytes, path: str | None = None, content: bytes = b"x") -> Told:
        """POST /files with a form of one part whose head is given in bytes."""
        body = b"--b\r\ncontent-disposition: form-data; " + disposition + b"\r\n\r\n" + content + b"\r\n--b--\r\n"
        params = {} if path is None else {"path": path}
        headers = {"content-type": "multipart/form-data; boundary=b"}
        return self.wire.ask("POST", "/files", params=params, content=body, headers=headers)

    def method(self, name: str, **body: Any) -> Told:
        """A method of the file system."""
        return self.wire.ask("POST", f"/filesystem.Filesystem/{name}", json=body)

    def start(self, command: str, **process: Any) -> Told:
        """Start a shell and read all it says."""
        body = {"process": {"cmd": "/bin/bash", "args": ["-c", command]} | process, "stdin": False}
        return self.wire.ask("POST", "/process.Process/Start", content=_frame(body), headers=_FRAMED)

    def run(self, command: str, **process: Any) -> str:
        """What a command that must work wrote."""
        messages = list(_messages(self.start(command, **process).body))
        parts = [value for one in messages for value in one.get("event", {}).get("data", {}).values()]
        said = b"".join(base64.b64decode(part) for part in parts)
        self.wire.check(said)
        assert any("end" in one.get("event", {}) for one in messages), messages
        return said.decode(errors="replace")


def _frame(body: Json) -> bytes:
    raw = json.dumps(body).encode()
    return b"\0" + len(raw).to_bytes(4, "big") + raw


def _messages(data: bytes) -> Iterator[Json]:
    while data:
        size = int.from_bytes(data[1:5], "big")
        yield json.loads(data[5 : 5 + size])
        data = data[5 + size :]


class Beside:
    """A sandbox that nobody attacks; it must notice nothing."""

    def __init__(self, api: Api, forbidden: tuple[bytes, ...]) -> None:
        self._box = Box(api, forbidden)
        self.id = self._box.id
        self._diary = secrets.token_hex(8).encode()
        assert self._box.write("diary", self._diary).status == 200
        self._box.run("nohup sleep 605 > /dev/null 2>&1 & echo $! > pid")
        self._pid = self._box.read("pid").body.decode().strip()

    def close(self) -> None:
        """Close the connections."""
        self._box.close()

    def check(self) -> None:
        """Its file is as it was, its process runs, and it answers quickly."""
        begun = time.monotonic()
        assert self._box.read("diary").body == self._diary
        assert self._box.read(f"/proc/{self._pid}/cmdline").body == b"sleep\x00605\x00"
        assert time.monotonic() - begun < _SECONDS / 2, "a sandbox is held up by its neighbour"

    def check_files(self) -> None:
        """Nothing was put beside its own files."""
        assert {one["name"] for one in self._box.method("ListDir", path="/workspace").json["entries"]} == {
            "diary",
            "pid",
        }


class Hand:
    """A session whose agent uses the tools it is told to use."""

    def __init__(self, api: Api, model: FakeModel, forbidden: tuple[bytes, ...], **fields: Any) -> None:
        self.api, self._model = api, model
        self.id = api.session(api.agent(tools=[TOOLSET]), **fields)
        self.path = f"/v1/sessions/{self.id}"
        self.wire = Wire(api.url, {"x-api-key": api.key}, forbidden)

    def execute(self, command: str) -> Json:
        """Run a command as the client."""
        told = self.wire.ask("POST", f"{self.path}/exec", json={"command": command})
        assert told.status == 200, told
        shown: Json = told.json
        return shown

    def use(self, *calls: tuple[str, Json]) -> list[Json]:
        """Have the agent use several tools at once; the results in the order of the calls."""
        match = f"use {secrets.token_hex(8)}"
        ids = [f"call_{secrets.token_hex(8)}" for _ in calls]
        blocks = [
            {"type": "tool_use", "id": id_, "name": name, "input": given}
            for id_, (name, given) in zip(ids, calls, strict=True)
        ]
        self._model.script({"blocks": blocks, "match": match})
        before = len(self.api.log(self.id))
        log = self.api.turn(self.id, match)[before:]
        self.wire.check(json.dumps(log).encode())
        uses = [event["id"] for event in log if event["type"] == "agent.tool_use"]
        results = {event["tool_use_id"]: event for event in log if event["type"] == "agent.tool_result"}
        assert len(uses) == len(calls)
        return [results[one] for one in uses]

    def end_computer(self) -> None:
        """The next who needs a computer gets another."""
        answer = self.api.call("POST", f"/sandboxes/{self.id.removeprefix('sesn_')}/pause", {"memory": False})
        assert answer.status_code == 204, answer.text


@dataclass
class Ground:
    """A host with canaries at every place an attacker would look, and the sandboxes on it."""

    server: Server
    model: FakeModel
    canary: str
    folder: Path
    home: Path
    state: Path
    scratch: Path
    mark: str = field(default_factory=lambda: f"stray-{secrets.token_hex(8)}")

    def __post_init__(self) -> None:
        self.forbidden = tuple(word.encode() for word in (self.canary, PROVIDER_KEY, self.server.root_key))
        self.api = Api(self.server.url, self.server.tenant())
        self.stranger = Api(self.server.url, self.server.tenant())
        self.box = Box(self.api, self.forbidden)
        self.beside = Beside(self.api, self.forbidden)
        self.theirs = Beside(self.stranger, self.forbidden)
        self._before = self._seen()

    def fill(self, text: str) -> str:
        """A path or a command with the facts of this host in it: an attacker may know them all."""
        facts = {
            "FOLDER": str(self.folder),
            "HOME": str(self.home),
            "STATE": str(self.state),
            "SCRATCH": str(self.scratch),
            "SERVER": str(self.server.pid),
            "MARK": self.mark,
        }
        for name, value in facts.items():
            text = text.replace(f"@{name}@", value)
        return text

    @contextmanager
    def hand(self, **fields: Any) -> Iterator[Hand]:
        """A new session of the attacker; it is removed with the block."""
        made = Hand(self.api, self.model, self.forbidden, **fields)
        try:
            yield made
        finally:
            made.wire.close()
            self.api.call("DELETE", made.path)

    def close(self) -> None:
        """Close the connections."""
        for one in (self.api, self.stranger, self.box, self.beside, self.theirs):
            one.close()

    def check(self) -> None:
        """Nothing happened to the host, to the server and to those beside."""
        assert self._seen() == self._before
        places = (*_PLACES, ROOT, self.folder, self.home, self.state, self.scratch)
        strays = [f"{place}/{name}" for place in places for name in _names(place) if self.mark in name]
        assert strays == []
        self.beside.check()
        self.theirs.check()

    def _seen(self) -> list[tuple[str, int, bytes]]:
        watched = [self.folder, self.home, *sorted(self.folder.iterdir()), *sorted(self.home.iterdir())]
        return [
            (str(one), one.stat().st_mtime_ns, one.read_bytes() if one.is_file() else b"")
            for one in (*watched, self.state / "canary")
        ]


def _names(place: Path | str) -> list[str]:
    try:
        return [one.name for one in Path(place).iterdir()]
    except OSError:
        return []


def links(host: Ground, folder: str) -> str:
    """A command that makes the links that lead out, in a folder."""
    made = (f"ln -sfn '{host.fill(target)}' {folder}/{name}" for name, target in LINKS.items())
    return f"mkdir -p {folder} deep; {'; '.join(made)}"


def check_stored(host: Ground) -> None:
    """Nothing of the host is in what the server keeps and writes down, nor in what the others see."""
    host.beside.check_files()
    host.theirs.check_files()
    stored = [path for path in host.state.rglob("*") if path.is_file() and path != host.state / "canary"]
    assert len(stored) > 3
    assert [path for path in stored if host.canary.encode() in path.read_bytes()] == []
    assert host.canary not in host.server.log()


def search(word: bytes) -> str:
    """A command that tells the files of a sandbox that hold a word, without holding it itself."""
    half, rest = word.decode()[:-1], word.decode()[-1:]
    return f"grep -rlsa -D skip '{half}[{rest}]' /workspace /mnt /tmp /etc /run /home /dev/shm; true"


@contextmanager
def ground() -> Iterator[Ground]:
    """A server of its own on such a host."""
    canary = f"canary-{secrets.token_hex(8)}"
    with TemporaryDirectory(prefix="lb-") as root, FakeModel() as model:
        Path(root).chmod(0o711)
        folder, home, state, scratch = (Path(root) / name for name in ("open", "home", "state", "boxes"))
        for place in (folder, home, state, scratch):
            place.mkdir()
            place.chmod(0o711)
        folder.chmod(0o777)
        for file in (folder / "secret", home / "secret", state / "canary", scratch / "secret"):
            file.write_text(canary)
            file.chmod(0o666)
        env = {"HOME": str(home), "ESCAPE_CANARY": canary, "LAMBENT_SANDBOX_SCRATCH": str(scratch)}
        with Server(model_env(model, **env), state) as server:
            made = Ground(server, model, canary, folder, home, state, scratch)
            try:
                yield made
            finally:
                made.close()
