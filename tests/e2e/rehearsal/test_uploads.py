"""Large files in a deployed stack: more than a function takes goes to the bucket under a URL the function signed, and
the bucket itself lets in what was announced and nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from typing import Any

import pytest
import urllib3

pytestmark = [pytest.mark.rehearsal, pytest.mark.slow]

CONTENT = os.urandom(7 << 20)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ORIGIN = "https://app.example.com"


@pytest.fixture(params=["api_url", "stream_url"])
def api(request: pytest.FixtureRequest, stack: Any, tenant: Any) -> Any:
    """A tenant's API, behind the gateway and behind the function URL."""
    return type(tenant)(str(getattr(stack.deployment, request.param)), tenant.key)


def begun(api: Any, content: bytes = CONTENT, **more: Any) -> Any:
    told = {"filename": "a.bin", "size_bytes": len(content), "mime_type": "application/x-thing"}
    return api.call("POST", "/v1/files/uploads", told | more)


def put(upload: Any, content: bytes = CONTENT, **changed: str) -> Any:
    target = upload["upload"]
    headers = target["headers"] | {name.replace("_", "-"): value for name, value in changed.items()}
    return urllib3.request("PUT", target["url"], body=content, headers=headers, timeout=60, retries=False)


@pytest.mark.parametrize("told", [{"sha256": DIGEST}, {}], ids=["checksum told", "checksum found"])
def test_more_than_a_function_takes_becomes_a_file(scripts: Any, stack: Any, api: Any, told: Any) -> None:
    upload = begun(api, **told)
    bucket = stack.deployment.outputs["Bucket"]
    assert f"/{bucket}/tenants/" in upload["upload"]["url"]
    answer = put(upload)
    assert answer.status == 200, answer.data
    file = api.call("POST", f"/v1/files/uploads/{upload['id']}/complete")
    assert (file["size_bytes"], file["mime_type"]) == (len(CONTENT), "application/x-thing")
    assert api.call("POST", f"/v1/files/uploads/{upload['id']}/complete") == file
    found = scripts.client(stack.deployment.endpoint, "s3")
    key = upload["upload"]["url"].partition(f"/{bucket}/")[2].partition("?")[0]
    assert found.get_object(Bucket=bucket, Key=key)["Body"].read() == CONTENT
    assert api.call("GET", "/v1/files")["data"][0] == file


def test_the_bucket_lets_in_what_was_announced_and_nothing_else(scripts: Any, api: Any) -> None:
    upload = begun(api, sha256=DIGEST)
    other = bytes(len(CONTENT))
    for refused in (
        put(upload, CONTENT[1:], content_length=str(len(CONTENT) - 1)),
        put(upload, content_type="text/html"),
        put(upload, if_none_match=""),
        put(upload, other, x_amz_checksum_sha256="AAAA"),
        put(upload, other),
    ):
        assert refused.status in (400, 403), refused.data
    with pytest.raises(scripts.conversation.CallFailedError, match="nothing_uploaded"):
        api.call("POST", f"/v1/files/uploads/{upload['id']}/complete")
    assert put(upload).status == 200
    assert put(upload).status == 412
    assert api.call("POST", f"/v1/files/uploads/{upload['id']}/complete")["size_bytes"] == len(CONTENT)


def test_an_upload_that_is_given_up_takes_its_bytes_along(scripts: Any, stack: Any, api: Any) -> None:
    upload = begun(api)
    assert put(upload).status == 200
    api.call("DELETE", f"/v1/files/uploads/{upload['id']}")
    bucket = stack.deployment.outputs["Bucket"]
    folder = upload["upload"]["url"].partition(f"/{bucket}/")[2].rpartition("/")[0]
    left = scripts.client(stack.deployment.endpoint, "s3").list_objects_v2(Bucket=bucket, Prefix=folder)
    assert left["KeyCount"] == 0


def test_a_skill_too_large_for_a_request_is_made_of_an_uploaded_archive(api: Any) -> None:
    guide = "---\nname: folding\ndescription: Folds paper.\n---\nFold it twice.\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("folding/SKILL.md", guide)
        archive.writestr("folding/data.bin", CONTENT)
    upload = begun(api, out.getvalue(), filename="skill.zip")
    assert put(upload, out.getvalue()).status == 200
    file = api.call("POST", f"/v1/files/uploads/{upload['id']}/complete")
    skill = api.call("POST", "/v1/skills", {"file_id": file["id"]})
    sizes = {one["filename"]: one["size_bytes"] for one in skill["files"]}
    assert sizes == {"SKILL.md": len(guide), "data.bin": len(CONTENT)}


def test_a_page_of_any_site_may_use_the_url_with_its_headers(api: Any) -> None:
    upload = begun(api, sha256=DIGEST)
    names = sorted(set(upload["upload"]["headers"]) - {"content-length"})
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "PUT",
        "access-control-request-headers": ",".join(names),
    }
    answer = urllib3.request("OPTIONS", upload["upload"]["url"], headers=asked, timeout=60, retries=False)
    assert answer.status == 200, answer.data
    assert answer.headers["access-control-allow-origin"] in ("*", ORIGIN)
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert set(answer.headers["access-control-allow-headers"].lower().replace(" ", "").split(",")) >= set(names)
    asked["access-control-request-method"] = "GET"
    assert urllib3.request("OPTIONS", upload["upload"]["url"], headers=asked, timeout=60, retries=False).status == 403


def test_urls_are_kept_nowhere(scripts: Any, stack: Any, tenant: Any) -> None:
    answer = urllib3.request(
        "POST",
        f"{tenant.base}/v1/files/uploads",
        body=json.dumps({"filename": "a", "size_bytes": 1}),
        headers={"x-api-key": tenant.key, "content-type": "application/json", "idempotency-key": "once"},
        timeout=60,
        retries=False,
    )
    assert "X-Amz-Signature" in answer.json()["upload"]["url"]
    rows = scripts.client(stack.deployment.endpoint, "dynamodb").scan(TableName=stack.deployment.outputs["Table"])
    assert answer.json()["id"].partition("_")[2] in json.dumps(rows["Items"], default=repr).replace("-", "")
    assert "X-Amz-Signature" not in json.dumps(rows["Items"], default=repr)
    assert "X-Amz-Signature" not in stack.log.read_text(errors="replace")
