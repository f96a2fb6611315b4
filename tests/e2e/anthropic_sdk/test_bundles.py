"""Bundles as the official client reaches them: its generic calls, its types, its errors."""

import io
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.support.api import Api, message


def test_the_official_client_exports_imports_and_goes_on(sdk_api: Api, model: object) -> None:
    session = sdk_api.session()
    sdk_api.send(session, message("tokens:2"))
    sdk_api.wait_idle(session)
    client = Anthropic(base_url=sdk_api.url, api_key=sdk_api.key, max_retries=0)
    bundle = client.get(f"/v1/sessions/{session}/export", cast_to=httpx2.Response).content
    uploaded = client.beta.files.upload(file=("bundle.zip", io.BytesIO(bundle), "application/zip"))
    body = {"file_id": uploaded.id, "title": "Second"}
    made: dict[str, Any] = client.post("/v1/sessions/import", body=body, cast_to=dict[str, Any])
    shown = client.beta.sessions.retrieve(made["id"])
    assert (shown.id, shown.title, shown.status) == (made["id"], "Second", "idle")
    assert made["id"] != session
    before = [event.id for event in client.beta.sessions.events.list(session)]
    assert [event.id for event in client.beta.sessions.events.list(made["id"])] == before
    sdk_api.send(made["id"], message("tokens:2"))
    assert sdk_api.wait_idle(made["id"])["stop_reason"]["type"] == "end_turn"
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.post(
            "/v1/sessions/import",
            body={},
            files={"file": ("bundle.zip", b"no bundle", "application/zip")},
            options={"headers": {"content-type": "multipart/form-data"}},
            cast_to=dict[str, Any],
        )
    assert "is no zip file" in refused.value.message
    with pytest.raises(anthropic.NotFoundError):
        client.get("/v1/sessions/sesn_unknown/export", cast_to=dict[str, Any])
