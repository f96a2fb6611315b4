"""Vectors from an endpoint with OpenAI's wire and from Bedrock, and what is made of answers that are none."""

import io
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from chalicelib.embeddings.base import EmbeddingFailed
from chalicelib.embeddings.bedrock import BedrockEmbedder
from chalicelib.embeddings.compatible import CompatibleEmbedder


class Wire(BaseHTTPRequestHandler):
    """Answers with the lengths of the texts, last text first."""

    seen: ClassVar[list[tuple[str, str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.path, self.headers.get("authorization", ""), body))
        data = [{"index": at, "embedding": [len(text), 1]} for at, text in enumerate(body["input"])]
        status = {"broken": 500, "strange": 200}.get(body["model"], 200)
        raw = json.dumps({"data": data[::-1] if body["model"] == "usual" else []}).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Wire) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/"
        server.shutdown()


def test_vectors_come_in_the_order_of_the_texts(url: str) -> None:
    embedder = CompatibleEmbedder(url, "canary", "usual")
    assert embedder.embed(["a", "bbb"], "passage") == [[1.0, 1.0], [3.0, 1.0]]
    path, key, body = Wire.seen[-1]
    assert (path, key, body) == ("/v1/embeddings", "Bearer canary", {"model": "usual", "input": ["a", "bbb"]})


@pytest.mark.parametrize("model", ["broken", "strange"])
def test_an_answer_without_vectors_is_a_failure_that_names_no_key(url: str, model: str) -> None:
    with pytest.raises(EmbeddingFailed) as failed:
        CompatibleEmbedder(url, "canary", model).embed(["a"], "query")
    assert "canary" not in str(failed.value)


def test_an_endpoint_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(EmbeddingFailed):
        CompatibleEmbedder("http://127.0.0.1:9", "", "usual").embed(["a"], "query")


class Runtime:
    """Stands in for Bedrock, which no emulator has."""

    def invoke_model(self, **call: Any) -> dict[str, Any]:
        text = json.loads(call["body"])["inputText"]
        if text == "bad":
            return {"body": io.BytesIO(b"{}")}
        return {"body": io.BytesIO(json.dumps({"embedding": [len(text), 0.5], "model": call["modelId"]}).encode())}


def test_bedrock_is_asked_once_a_text() -> None:
    embedder = BedrockEmbedder("us-east-1", "titan", Runtime())
    assert embedder.embed(["a", "bb"], "passage") == [[1.0, 0.5], [2.0, 0.5]]
    with pytest.raises(EmbeddingFailed):
        embedder.embed(["bad"], "query")
