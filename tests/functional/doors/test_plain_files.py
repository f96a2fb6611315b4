"""Files over HTTP, as forms and as JSON."""

import base64
import os
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from chalicelib.wiring import Services
from tests.functional.http.client import wait_for
from tests.support.api import Api


def upload(api: Api, data: bytes = b"abc", name: str = "a.txt", **fields: str) -> httpx2.Response:
    return api.client.post("/v1/files", files={"file": (name, data, "text/plain")}, data=fields)


def test_a_form_is_stored_and_read_back(plain: Api) -> None:
    data = os.urandom(10 << 20)
    answer = upload(plain, data, "dir/ä.bin")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"],
        "type": "file",
        "filename": "ä.bin",
        "mime_type": "text/plain",
        "media_type": "text/plain",
        "size_bytes": len(data),
        "downloadable": False,
        "scope": None,
        "scope_id": None,
        "created_at": made["created_at"],
        "expires_at": None,
    }
    for path in (f"/v1/files/{made['id']}", f"/v1/files/{made['id']}/content"):
        read = plain.call("GET", path)
        assert read.content == data
        assert read.headers["content-type"] == "text/plain"
        assert read.headers["content-length"] == str(len(data))
        assert "attachment" in read.headers["content-disposition"]
        assert "%C3%A4.bin" in read.headers["content-disposition"]


def test_metadata_or_bytes(plain: Api, raw_sdk: Api) -> None:
    path = f"/v1/files/{upload(plain).json()['id']}"
    assert plain.call("GET", path).content == b"abc"
    assert plain.call("GET", path, headers={"accept": "application/json"}).json()["filename"] == "a.txt"
    assert plain.call("GET", f"{path}?metadata=1").json()["filename"] == "a.txt"
    assert raw_sdk.call("GET", path).json()["filename"] == "a.txt"
    assert raw_sdk.call("GET", f"{path}?download=1").content == b"abc"
    assert raw_sdk.call("GET", f"{path}/content").content == b"abc"


def test_json_uploads(plain: Api) -> None:
    encoded = base64.b64encode(b"\x00\x01").decode()
    for body, content, media_type in (
        ({"filename": "a.txt", "content": "hü"}, "hü".encode(), "text/plain"),
        ({"filename": "a.bin", "content": encoded}, b"\x00\x01", "application/octet-stream"),
        ({"filename": "a.txt", "content": encoded, "encoding": "base64"}, b"\x00\x01", "text/plain"),
        ({"filename": "a", "content": "x", "encoding": "utf8", "media_type": "image/x"}, b"x", "image/x"),
    ):
        made = plain.post("/v1/files", **body)
        assert (made["media_type"], made["size_bytes"]) == (media_type, len(content))
        assert plain.call("GET", f"/v1/files/{made['id']}/content").content == content


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"content": "x"}, "filename"),
        ({"filename": "a.txt"}, "content"),
        ({"filename": "a.bin", "content": "???"}, "content"),
        ({"filename": "a\nb", "content": "eA=="}, "filename"),
        ({"filename": "a" * 256, "content": "eA=="}, "filename"),
        ({"filename": "a", "content": "eA==", "media_type": "nonsense"}, "media_type"),
        ({"filename": "a", "content": "eA==", "expires_in_seconds": 1}, "expires_in_seconds"),
    ],
)
def test_bad_json_uploads(plain: Api, body: dict[str, Any], field: str) -> None:
    answer = plain.call("POST", "/v1/files", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith(field)


def test_bad_forms(plain: Api) -> None:
    boundary = {"content-type": "multipart/form-data; boundary=b"}
    part = '--b\r\ncontent-disposition: form-data; name="{}"; filename="x"\r\n\r\nabc\r\n'
    whole = part.format("file") + "--b--\r\n"
    for headers, content, said in (
        (boundary, part.format("other") + "--b--\r\n", "file: field required"),
        (boundary, part.format("file"), "closing boundary"),
        (boundary, "nonsense", "cannot be read"),
        (boundary, part.format("file") + whole, "only one file"),
        ({"content-type": "multipart/form-data"}, whole, "boundary"),
    ):
        answer = plain.client.post("/v1/files", content=content.encode(), headers=headers)
        assert (answer.status_code, said in answer.json()["message"]) == (400, True), answer.text
    assert plain.client.post("/v1/files", content=whole.encode(), headers=boundary).status_code == 201
    other = plain.client.post("/v1/files", content=b"x", headers={"content-type": "text/plain"})
    assert other.status_code == 415
    assert len(plain.get("/v1/files")["data"]) == 1


def test_fields_after_the_file_count_and_odd_names_are_replaced(plain: Api) -> None:
    made = upload(plain, downloadable="true", expires_in_seconds="3600", odd="x").json()
    assert (made["downloadable"], made["expires_at"] is not None) == (True, True)
    assert upload(plain, expires_in_seconds="10").status_code == 400
    assert upload(plain, name="..").json()["filename"] == "unnamed.txt"
    assert upload(plain, session_id="sesn_" + "0" * 32).status_code == 404
    assert upload(plain, session_id="nonsense").status_code == 404


def test_a_file_of_a_session_is_listed_with_it_and_goes_with_it(plain: Api) -> None:
    session = plain.session()
    made = upload(plain, session_id=session, downloadable="false").json()
    upload(plain)
    assert (made["scope"], made["scope_id"]) == ({"type": "session", "id": session}, session)
    assert [file["id"] for file in plain.get("/v1/files", scope_id=session)["data"]] == [made["id"]]
    assert plain.get("/v1/files", scope_id="nonsense")["data"] == []
    assert plain.call("GET", f"/v1/files/{made['id']}").content == b"abc"
    assert plain.call("GET", f"/v1/files/{made['id']}/content").status_code == 403
    plain.ok("DELETE", f"/v1/sessions/{session}")
    assert plain.call("GET", f"/v1/files/{made['id']}").status_code == 404
    assert len(plain.get("/v1/files")["data"]) == 1


def test_a_refused_download_by_kind_of_client(plain: Api, raw_sdk: Api) -> None:
    path = f"/v1/files/{upload(plain, downloadable='false').json()['id']}"
    assert plain.call("GET", path).status_code == 403
    assert plain.call("GET", f"{path}/content").json()["error"]["type"] == "forbidden"
    answer = raw_sdk.call("GET", f"{path}/content")
    assert (answer.status_code, answer.json()["error"]["details"]["error_code"]) == (400, "file_not_downloadable")


def test_lists_forward_backward_and_by_id(plain: Api, raw_sdk: Api) -> None:
    made = [upload(plain).json()["id"] for _ in range(5)]
    newest_first = [file["id"] for file in plain.get("/v1/files")["data"]]
    assert sorted(newest_first) == sorted(made)
    after = plain.get("/v1/files", limit=2, after_id=newest_first[1])
    assert [file["id"] for file in after["data"]] == newest_first[2:4]
    assert after["has_more"] is True
    before = plain.get("/v1/files", limit=2, before_id=newest_first[3])
    assert [file["id"] for file in before["data"]] == newest_first[1:3]
    assert before["has_more"] is True
    assert plain.get("/v1/files", limit=3, before_id=newest_first[3])["has_more"] is False
    picked = plain.client.get("/v1/files", params=[("ids[]", made[0]), ("ids", f"{made[1]},x")]).json()
    assert {file["id"] for file in picked["data"]} == {made[0], made[1]}
    assert plain.call("GET", f"/v1/files?ids={made[0]}&limit=2").status_code == 400
    many = ",".join(f"file_{number:032x}" for number in range(101))
    assert plain.call("GET", f"/v1/files?ids={many}").status_code == 400
    assert raw_sdk.call("GET", "/v1/files?page=garbage").status_code == 400
    assert len(plain.get("/v1/files", page="garbage")["data"]) == 5


def test_a_repeated_upload_with_its_key_makes_one_file(plain: Api) -> None:
    def send(data: bytes) -> httpx2.Response:
        return plain.client.post("/v1/files", files={"file": ("a", data)}, headers={"idempotency-key": "k"})

    first = send(b"abc")
    assert send(b"abc").json() == first.json()
    assert send(b"other").status_code == 409
    assert len(plain.get("/v1/files")["data"]) == 1


def test_a_file_over_the_limit_is_refused(plain: Api, services: Services) -> None:
    from chalicelib.files.service import FileRules

    services.files.rules = FileRules(1 << 20, uploads_readable=True)
    assert upload(plain, b"x" * ((1 << 20) + 1)).status_code == 413
    assert upload(plain, b"x" * (4 << 20)).status_code == 413

    def pieces() -> Any:
        yield b'--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(64):
            yield b"x" * 65536
        yield b"\r\n--b--\r\n"

    chunked = plain.client.post(
        "/v1/files", content=pieces(), headers={"content-type": "multipart/form-data; boundary=b"}
    )
    assert chunked.status_code == 413
    assert upload(plain, b"x" * (1 << 20)).status_code == 201
    assert stored_keys(services) == 1


def test_a_broken_off_upload_leaves_nothing(plain: Api, key: str, services: Services) -> None:
    address = urlsplit(plain.url)
    head = (
        "POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n"
        f"x-api-key: {key}\r\ncontent-length: 50000000\r\n\r\n"
        '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n'
    )
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"x" * (20 << 20))
        assert wait_for(lambda: open_uploads(services) == 1, 10)
    assert wait_for(lambda: open_uploads(services) == 0, 10)
    assert stored_keys(services) == 0
    assert plain.get("/v1/files")["data"] == []


def open_uploads(services: Services) -> int:
    answer = services.objects._client.list_multipart_uploads(Bucket=services.objects._bucket)
    return len(answer.get("Uploads", []))


def stored_keys(services: Services) -> int:
    answer = services.objects._client.list_objects_v2(Bucket=services.objects._bucket)
    return int(answer["KeyCount"])
