"""Embedding models of Amazon Bedrock, Titan by default."""

import json
from collections.abc import Sequence
from threading import RLock
from typing import Any

from chalicelib.core.lazy import lazy
from chalicelib.embeddings.base import EmbeddingFailed, Kind, Vector


class BedrockEmbedder:
    """One call a text: the models take no more."""

    def __init__(self, region: str, model: str, client: Any = None) -> None:
        self.lock = RLock()
        self.model = model
        self._region = region
        self._given = client

    @lazy
    def _client(self) -> Any:
        if self._given is not None:
            return self._given
        import boto3

        return boto3.client("bedrock-runtime", region_name=self._region)

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:  # noqa: ARG002 - the models know no kinds
        """See ``Embedder``."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return [self._one(text) for text in texts]
        except (BotoCoreError, ClientError) as error:
            raise EmbeddingFailed(f"Bedrock gave no vectors: {type(error).__name__}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingFailed("Bedrock gave something else than a vector") from error

    def _one(self, text: str) -> Vector:
        answer = self._client.invoke_model(
            modelId=self.model,
            contentType="application/json",
            accept="application/json",
            body=json.dumps({"inputText": text}),
        )
        return [float(value) for value in json.loads(answer["body"].read())["embedding"]]
