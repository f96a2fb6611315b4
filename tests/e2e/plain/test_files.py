"""Files of plain clients: both ways to upload, reading, lists, expiry, limits, and memory spent on a large one."""

import base64
import hashlib
import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, wait_for
from tests.support.server import Server

MIB = 1024 * 1024


def _form(api: Api, content: bytes = b"words", name: str = "a.txt", **fields: str) -> httpx2.Response:
    return api.client.post("/v1/files", files={"file": (name, content, "text/plain")}, data=fields)


def _json(api: Api, **fields: object) -> Json:
    return api.post("/v1/files", **({"filename": "a.txt", "content": "words", "media_type": "text/plain"} | fields))


def test_a_form_with_a_session_is_stored_and_read_back_byte_for_byte(api: Api) -> None:
    session = api.session()
    content = bytes(range(256)) * 100
    files = {"file": ("data.bin", content, "application/x-thing")}
    made = api.client.post("/v1/files", files=files, data={"session_id": session})
    assert made.status_code == 201
    file = made.json()
    assert file["type"] == "file"
    assert (file["filename"], file["size_bytes"]) == ("data.bin", len(content))
    assert file["media_type"] == file["mime_type"] == "application/x-thing"
    assert file["scope_id"] == session
    assert file["scope"] == {"type": "session", "id": session}
    assert file["downloadable"] is False
    for path in (f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content"):
        read = api.client.get(path, headers={"accept": "*/*"})
        assert read.status_code == 200
        assert read.content == content
        assert read.headers["content-type"].startswith("application/x-thing")
        assert "data.bin" in read.headers["content-disposition"]
        assert read.headers["content-length"] == str(len(content))


def test_who_asks_for_json_gets_the_metadata(api: Api, sdk_api: Api) -> None:
    file = _form(api).json()
    path = f"/v1/files/{file['id']}"
    for answer in (
        api.client.get(path, headers={"accept": "application/json"}),
        api.client.get(path, params={"metadata": "1"}),
        sdk_api.client.get(path),
    ):
        assert answer.json() == file
    for answer in (
        api.client.get(path),
        api.client.get(path, params={"download": "1"}, headers={"accept": "application/json"}),
        sdk_api.client.get(path, params={"download": "1"}),
        sdk_api.client.get(f"{path}/content"),
    ):
        assert answer.content == b"words"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"content": "grüße", "media_type": "text/plain"}, "grüße".encode()),
        ({"content": "grüße", "media_type": "application/x-any", "encoding": "utf8"}, "grüße".encode()),
        ({"content": base64.b64encode(b"\x00\xff").decode(), "media_type": "image/png"}, b"\x00\xff"),
        ({"content": "d29yZHM=", "media_type": "text/plain", "encoding": "base64"}, b"words"),
        ({"content": "a,b", "filename": "t.csv", "media_type": None}, b"a,b"),
    ],
)
def test_json_uploads_know_text_from_bytes(api: Api, fields: Json, expected: bytes) -> None:
    file = _json(api, **fields)
    assert api.client.get(f"/v1/files/{file['id']}/content").content == expected
    assert file["size_bytes"] == len(expected)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filename": "a.txt"},
        {"content": "x"},
        {"filename": "bell\x07.txt", "content": "x", "media_type": "text/plain"},
        {"filename": "a.bin", "content": "not base64!", "encoding": "base64"},
        {"filename": "a.txt", "content": "x", "encoding": "rot13"},
    ],
)
def test_bad_json_uploads_are_refused(api: Api, body: Json) -> None:
    assert api.call("POST", "/v1/files", body).status_code == 400
    assert api.get("/v1/files")["data"] == []


def test_a_form_needs_a_file_and_a_closing_boundary(api: Api) -> None:
    missing = api.client.post("/v1/files", files={"other": ("a", b"x")})
    cut = api.client.post(
        "/v1/files",
        content=b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    for answer in (missing, cut):
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request"
    assert api.get("/v1/files")["data"] == []


def test_an_unknown_session_is_not_found_and_nothing_is_kept(api: Api) -> None:
    assert _form(api, session_id="sesn_unknown").status_code == 404
    body = {"filename": "a", "content": "x", "media_type": "text/plain", "scope_id": "sesn_" + "0" * 32}
    assert api.call("POST", "/v1/files", body).status_code == 404
    assert api.get("/v1/files")["data"] == []


def test_a_deleted_file_is_gone(api: Api) -> None:
    file = _form(api).json()
    path = f"/v1/files/{file['id']}"
    assert api.ok("DELETE", path) == {"id": file["id"], "type": "file_deleted"}
    for answer in (
        api.call("GET", path),
        api.call("GET", f"{path}/content"),
        api.call("GET", f"{path}?metadata=1"),
        api.call("DELETE", path),
    ):
        assert answer.status_code == 404
    assert api.get("/v1/files")["data"] == []


def test_files_are_listed_by_pages_and_by_session(api: Api) -> None:
    session = api.session()
    made = [_json(api, filename=f"{number}.txt")["id"] for number in range(3)]
    scoped = _json(api, scope_id=session)["id"]
    newest_first = [scoped, *made[::-1]]
    assert [one["id"] for one in api.get("/v1/files")["data"]] == newest_first
    assert [one["id"] for one in api.get("/v1/files", order="asc")["data"]] == newest_first[::-1]
    assert [one["id"] for one in api.get("/v1/files", scope_id=session)["data"]] == [scoped]
    first = api.get("/v1/files", limit=2)
    assert first["has_more"] is True
    assert (first["first_id"], first["last_id"]) == (newest_first[0], newest_first[1])
    rest = api.get("/v1/files", limit=2, after_id=first["last_id"])
    assert [one["id"] for one in rest["data"]] == newest_first[2:]
    assert rest["has_more"] is False
    back = api.get("/v1/files", limit=2, before_id=rest["data"][0]["id"])
    assert [one["id"] for one in back["data"]] == newest_first[:2]


def test_attaching_a_file_makes_a_copy_that_goes_with_the_session(api: Api) -> None:
    file = _json(api)
    session = api.session(resources=[{"type": "file", "file_id": file["id"]}])
    (copy,) = api.get("/v1/files", scope_id=session)["data"]
    assert copy["id"] != file["id"]
    assert api.client.get(f"/v1/files/{copy['id']}").content == b"words"
    api.ok("DELETE", f"/v1/sessions/{session}")
    assert api.call("GET", f"/v1/files/{copy['id']}").status_code == 404
    assert api.client.get(f"/v1/files/{file['id']}").content == b"words"


def test_what_may_not_be_downloaded_is_held_back_unless_it_was_sent_into_a_session(api: Api, sdk_api: Api) -> None:
    held = _form(api, downloadable="false").json()
    scoped = _form(api, downloadable="false", session_id=api.session()).json()
    assert api.client.get(f"/v1/files/{held['id']}/content").status_code == 403
    assert api.client.get(f"/v1/files/{held['id']}").status_code == 403
    refused = sdk_api.client.get(f"/v1/files/{held['id']}/content")
    assert refused.status_code == 400
    assert api.client.get(f"/v1/files/{scoped['id']}").content == b"words"
    assert api.client.get(f"/v1/files/{scoped['id']}/content").status_code == 403
    assert api.call("GET", f"/v1/files/{held['id']}?metadata=1").json()["downloadable"] is False


def test_a_file_named_in_a_message_reaches_the_model(api: Api, model: FakeModel) -> None:
    file = _json(api, content="the words of the file")
    block = {"type": "document", "source": {"type": "file", "file_id": file["id"]}}
    session = api.session()
    sent = api.send(session, {"type": "user.message", "content": [block, {"type": "text", "text": "read this"}]})
    assert sent.status_code == 202
    api.wait_idle(session)
    assert "the words of the file" in str(model.requests_of("read this")[0]["body"])
    said = next(event for event in api.log(session) if event["type"] == "user.message")
    assert said["content"][0] == block


def test_an_expired_file_is_gone(api: Api) -> None:
    assert _form(api, expires_in_seconds="1").status_code == 400
    file = _form(api, expires_in_seconds="3600").json()
    left = time.time() + 3600
    stamp = datetime.fromisoformat(file["expires_at"].replace("Z", "+00:00")).timestamp()
    assert abs(stamp - left) < 60


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with its state on disk that takes files up to 48 MiB."""
    with Server({"LAMBENT_MAX_UPLOAD_MIB": "48"}, state=tmp_path_factory.mktemp("files") / "state") as running:
        yield running


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


def _pieces(size: int, seed: Any = None) -> Iterator[bytes]:
    head = b'--edge\r\ncontent-disposition: form-data; name="file"; filename="big.bin"\r\n'
    yield head + b"content-type: application/octet-stream\r\n\r\n"
    piece = bytes(range(256)) * 1024
    for number in range(size // len(piece)):
        part = number.to_bytes(8, "big") + piece[8:]
        if seed is not None:
            seed.update(part)
        yield part
    yield b"\r\n--edge--\r\n"


_HEADERS = {"content-type": "multipart/form-data; boundary=edge"}


def test_a_large_file_streams_through_without_staying_in_memory(roomy: Server) -> None:
    api = Api(roomy.url, roomy.api_key)
    warm = api.client.post("/v1/files", content=_pieces(MIB), headers=_HEADERS)
    assert warm.status_code == 201
    before, digest = _resident(roomy.pid), hashlib.sha256()
    made = api.client.post("/v1/files", content=_pieces(40 * MIB, digest), headers=_HEADERS)
    assert made.status_code == 201, made.text
    assert made.json()["size_bytes"] == 40 * MIB
    read = hashlib.sha256()
    with api.client.stream("GET", f"/v1/files/{made.json()['id']}/content") as answer:
        for piece in answer.iter_bytes():
            read.update(piece)
    assert read.digest() == digest.digest()
    assert _resident(roomy.pid) - before < 30 * MIB
    api.close()


def test_a_file_over_the_limit_is_refused_announced_or_not(roomy: Server) -> None:
    api = Api(roomy.url, roomy.api_key)
    known = {one["id"] for one in api.get("/v1/files")["data"]}
    for answer in (
        _announced_only(roomy, 60 * MIB),
        api.client.post("/v1/files", content=_pieces(49 * MIB), headers=_HEADERS),
    ):
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "invalid_request"
    assert {one["id"] for one in api.get("/v1/files")["data"]} == known
    api.close()


class _Refused:
    """The answer to a request whose body was never sent."""

    def __init__(self, raw: bytes) -> None:
        head, _, body = raw.partition(b"\r\n\r\n")
        self.status_code = int(head.split()[1])
        self._body = json.loads(body)

    def json(self) -> Json:
        """The body."""
        shown: Json = self._body
        return shown


def _announced_only(server: Server, length: int) -> _Refused:
    """Announce a body of that length and send none of it."""
    where = urlsplit(server.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as line:
        head = f"POST /v1/files HTTP/1.1\r\nhost: x\r\nx-api-key: {server.api_key}\r\nconnection: close\r\n"
        line.sendall(f"{head}content-type: {_HEADERS['content-type']}\r\ncontent-length: {length}\r\n\r\n".encode())
        raw = b""
        while piece := line.recv(65536):
            raw += piece
    return _Refused(raw)


def test_a_json_upload_over_its_limit_is_refused(roomy: Server) -> None:
    api = Api(roomy.url, roomy.api_key)
    body = {"filename": "a.txt", "content": "x" * (33 * MIB), "media_type": "text/plain"}
    assert api.call("POST", "/v1/files", body).status_code == 413
    wait_for(lambda: api.call("GET", "/v1/files").status_code == 200, "the server to go on")
    api.close()
