"""Large files of plain clients: announced, put where the answer says, completed; what is not as announced, comes twice,
too late or without a token is refused, and until the end nothing can be read."""

import hashlib
import os
from typing import Any

import httpx2
import pytest

from tests.support.api import Api, Json

CONTENT = bytes(range(256)) * 40


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def begun(api: Api, content: bytes = CONTENT, **fields: Any) -> Json:
    """An upload of the content, announced."""
    return api.post("/v1/files/uploads", **({"filename": "a.bin", "size_bytes": len(content)} | fields))


def put(upload: Json, content: bytes = CONTENT, **headers: str) -> httpx2.Response:
    """Bring the content, with nothing but what the answer tells."""
    target = upload["upload"]
    sent = target["headers"] | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.request(target["method"], target["url"], headers=sent, content=content, verify=False, timeout=60)


def completed(api: Api, upload: Json) -> Json:
    """The file of an upload."""
    return api.post(f"/v1/files/uploads/{upload['id']}/complete")


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    """Status of a refusal, and the field its message begins with."""
    return answer.status_code, answer.json()["error"]["message"].partition(":")[0]


def refused(api: Api, upload: Json) -> tuple[int, str]:
    """A refusal to complete."""
    return refusal(api.call("POST", f"/v1/files/uploads/{upload['id']}/complete"))


@pytest.mark.parametrize("fields", [{}, {"sha256": sha256(CONTENT)}, {"sha256": sha256(CONTENT).upper()}])
def test_what_was_put_is_a_file_once_it_is_completed(api: Api, fields: Json) -> None:
    upload = begun(api, mime_type="application/x-thing", **fields)
    assert (upload["type"], upload["status"], upload["file_id"]) == ("file_upload", "pending", None)
    assert upload["created_at"] < upload["upload"]["expires_at"] < upload["expires_at"]
    assert put(upload).status_code == 200
    assert api.get("/v1/files")["data"] == []
    assert api.call("GET", f"/v1/files/{upload['id'].replace('upload_', 'file_')}").status_code == 404
    file = completed(api, upload)
    assert (file["type"], file["filename"], file["size_bytes"]) == ("file", "a.bin", len(CONTENT))
    assert file["mime_type"] == "application/x-thing"
    assert api.call("GET", f"/v1/files/{file['id']}/content").content == CONTENT
    assert completed(api, upload) == file
    assert api.get("/v1/files")["data"] == [file]
    known = api.get(f"/v1/files/uploads/{upload['id']}")
    assert (known["status"], known["file_id"], known["upload"]) == ("completed", file["id"], None)


def test_a_large_file_comes_whole(api: Api) -> None:
    content = os.urandom(20 << 20)
    upload = begun(api, content)
    assert put(upload, content).status_code == 200
    file = completed(api, upload)
    assert sha256(api.call("GET", f"/v1/files/{file['id']}/content").content) == sha256(content)


def test_an_empty_file_is_one_too(api: Api) -> None:
    upload = begun(api, b"")
    assert put(upload, b"").status_code == 200
    assert completed(api, upload)["size_bytes"] == 0


def test_what_is_said_of_the_file_is_kept(api: Api) -> None:
    session = api.session()
    upload = begun(api, filename="dir/notes.md", session_id=session, downloadable=True, expires_in_seconds=3600)
    assert (upload["filename"], upload["scope_id"], upload["mime_type"]) == ("notes.md", session, "text/markdown")
    put(upload)
    file = completed(api, upload)
    assert file["scope"] == {"type": "session", "id": session}
    assert (file["filename"], file["downloadable"]) == ("notes.md", True)
    assert file["expires_at"] > file["created_at"]
    assert [one["id"] for one in api.get("/v1/files", scope_id=session)["data"]] == [file["id"]]


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"size_bytes": -1}, 400, "size_bytes"),
        ({"size_bytes": (512 << 20) + 1}, 413, "size_bytes"),
        ({"sha256": "abc"}, 400, "sha256"),
        ({"filename": "bell\x07"}, 400, "filename"),
        ({"filename": None}, 400, "filename"),
        ({"mime_type": "no type"}, 400, "media_type"),
        ({"expires_in_seconds": 1}, 400, "expires_in_seconds"),
        ({"session_id": "sesn_" + "0" * 32}, 404, "session_id"),
    ],
)
def test_what_cannot_become_a_file_is_refused_at_once(api: Api, fields: Json, status: int, field: str) -> None:
    body = {"filename": "a.bin", "size_bytes": 1} | fields
    assert refusal(api.call("POST", "/v1/files/uploads", body)) == (status, field)


def test_only_what_was_announced_is_let_in(api: Api) -> None:
    upload = begun(api, sha256=sha256(CONTENT))
    other = bytes(len(CONTENT))
    for answer, expected in (
        (put(upload, CONTENT[1:], content_length=str(len(CONTENT) - 1)), (403, "content-length")),
        (put(upload, content_type="text/html"), (403, "content-type")),
        (put(upload, if_none_match="x"), (403, "if-none-match")),
        (put(upload, other, x_amz_checksum_sha256="x"), (403, "x-amz-checksum-sha256")),
        (put(upload, other), (400, "sha256")),
    ):
        assert refusal(answer) == expected
    assert refused(api, upload) == (400, "upload")
    assert put(upload).status_code == 200
    assert completed(api, upload)["size_bytes"] == len(CONTENT)


def test_the_url_alone_admits_and_only_to_its_own_upload(api: Api) -> None:
    first, second = begun(api), begun(api)
    ours, theirs = (httpx2.URL(one["upload"]["url"]) for one in (first, second))
    token = ours.params["token"]
    tenant, until, signature = token.split(".")
    later = f"{tenant}.{int(until) + 1}.{signature}"
    for url, status in (
        (ours.copy_remove_param("token"), 400),
        (ours.copy_set_param("token", theirs.params["token"]), 403),
        (ours.copy_set_param("token", later), 403),
        (ours.copy_set_param("token", "x"), 403),
        (ours.copy_set_param("token", "ä.1.ö"), 403),
    ):
        assert put({"upload": first["upload"] | {"url": str(url)}}).status_code == status
    assert refused(api, first) == (400, "upload")
    assert put(first).status_code == 200


def test_content_comes_once_and_stays_as_it_came(api: Api) -> None:
    upload = begun(api)
    assert put(upload).status_code == 200
    again = put(upload, bytes(len(CONTENT)))
    assert (again.status_code, again.json()["error"]["code"]) == (412, "already_uploaded")
    file = completed(api, upload)
    assert put(upload, bytes(len(CONTENT))).status_code == 412
    assert api.call("GET", f"/v1/files/{file['id']}/content").content == CONTENT
    api.ok("DELETE", f"/v1/files/{file['id']}")
    assert put(upload).status_code == 412
    assert api.call("POST", f"/v1/files/uploads/{upload['id']}/complete").status_code == 404


def test_what_is_given_up_is_gone(api: Api) -> None:
    upload = begun(api)
    path = f"/v1/files/uploads/{upload['id']}"
    put(upload)
    assert api.ok("DELETE", path) == {"id": upload["id"], "type": "file_upload_deleted"}
    for answer in (api.call("GET", path), api.call("DELETE", path), api.call("POST", f"{path}/complete"), put(upload)):
        assert answer.status_code == 404, answer.text
    kept = begun(api)
    put(kept)
    completed(api, kept)
    answer = api.call("DELETE", f"/v1/files/uploads/{kept['id']}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "file_upload_completed")


def test_a_repeat_under_a_key_finds_the_upload_and_gets_a_url_that_works(api: Api) -> None:
    body, key = {"filename": "a.bin", "size_bytes": len(CONTENT)}, {"idempotency-key": "once"}
    first, again = (api.call("POST", "/v1/files/uploads", body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["idempotent-replayed"]) == (201, 201, "true")
    assert again.json() == first.json()
    assert api.call("POST", "/v1/files/uploads", body | {"size_bytes": 1}, headers=key).status_code == 409
    assert put(again.json()).status_code == 200
    file = completed(api, first.json())
    repeat = api.call("POST", "/v1/files/uploads", body, headers=key).json()
    assert (repeat["status"], repeat["file_id"], repeat["upload"]) == ("completed", file["id"], None)


def test_a_page_of_another_site_may_bring_the_content(api: Api) -> None:
    upload = begun(api)
    asked = {
        "origin": "https://elsewhere.example",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "content-type,if-none-match",
    }
    answer = httpx2.request("OPTIONS", upload["upload"]["url"], headers=asked, verify=False)
    assert answer.status_code == 204
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type,if-none-match"
    assert put(upload, origin="https://elsewhere.example").headers["access-control-allow-origin"] == "*"


def test_an_sdk_uploads_the_same_way(sdk_api: Api) -> None:
    upload = begun(sdk_api)
    put(upload)
    assert completed(sdk_api, upload)["size_bytes"] == len(CONTENT)
    missing = sdk_api.call("POST", f"/v1/files/uploads/upload_{'0' * 32}/complete")
    assert (missing.status_code, missing.json()["type"]) == (404, "error")
