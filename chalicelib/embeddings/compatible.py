"""Any endpoint that speaks OpenAI's embeddings wire, chosen by the operator."""

from collections.abc import Sequence
from threading import RLock
from typing import TYPE_CHECKING, Any

from chalicelib.core.lazy import lazy
from chalicelib.embeddings.base import EmbeddingFailed, Kind, Vector

if TYPE_CHECKING:
    import httpx2

_SECONDS = 15.0


class CompatibleEmbedder:
    """Sends all texts of a call in one request."""

    def __init__(self, base_url: str, api_key: str, model: str) -> None:
        self.lock = RLock()
        self.model = model
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._headers = {"authorization": f"Bearer {api_key}"} if api_key else {}

    @lazy
    def _client(self) -> "httpx2.Client":
        import httpx2

        return httpx2.Client(timeout=_SECONDS, headers=self._headers)

    def embed(self, texts: Sequence[str], kind: Kind) -> list[Vector]:  # noqa: ARG002 - the wire knows no kinds
        """See ``Embedder``."""
        import httpx2

        try:
            answer = self._client.post(self._url, json={"model": self.model, "input": list(texts)})
            answer.raise_for_status()
            return _vectors(answer.json(), len(texts))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise EmbeddingFailed(f"the embedding endpoint failed: {type(error).__name__}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise EmbeddingFailed("the embedding endpoint gave no vectors") from error


def _vectors(body: Any, count: int) -> list[Vector]:
    """The vectors in the order of the texts. Raises ValueError, KeyError, TypeError."""
    entries = sorted(body["data"], key=lambda entry: entry["index"])
    found = [[float(value) for value in entry["embedding"]] for entry in entries]
    if len(found) != count or len({len(vector) for vector in found}) > 1:
        raise ValueError("not one vector of one length for each text")
    return list(found)
