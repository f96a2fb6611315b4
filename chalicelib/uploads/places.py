"""Where clients put content themselves: into the bucket, or at this server where it holds the bucket in itself."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Protocol

from chalicelib.core.clock import now_ms
from chalicelib.core.numbers import whole
from chalicelib.storage.keys import Space
from chalicelib.storage.objects import Objects
from chalicelib.storage.secrets import SecretBox
from chalicelib.uploads.errors import NotAdmitted
from chalicelib.uploads.model import FileUpload

_PURPOSE = "content of a file upload"


class Place(Protocol):
    """Takes content on an upload's terms until its moment, from whoever has the URL."""

    def url(self, space: Space, upload: FileUpload, here: Callable[[str], str]) -> str:
        """Where the content goes; ``here`` makes a URL of this server out of a token."""
        ...


class BucketPlace:
    """The bucket itself: signed are the object's key and all headers of the terms."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def url(self, space: Space, upload: FileUpload, here: Callable[[str], str]) -> str:  # noqa: ARG002
        """A URL of the bucket."""
        seconds = max((upload.url_until - now_ms()) // 1000, 1)
        return self._objects.signed_put(upload.object_key, upload.terms, seconds)


class OwnPlace:
    """This server, for what bears a token."""

    def __init__(self, tokens: "Tokens") -> None:
        self._tokens = tokens

    def url(self, space: Space, upload: FileUpload, here: Callable[[str], str]) -> str:
        """A URL of this server."""
        return here(self._tokens.token(space, upload))


class Tokens:
    """Tokens that let one upload's content in, until a moment; the upload's row says on which terms."""

    def __init__(self, secrets: SecretBox) -> None:
        self._secrets = secrets

    def token(self, space: Space, upload: FileUpload) -> str:
        """Tenant, moment and a signature over both and the upload."""
        until = str(upload.url_until)
        return f"{space.tenant}.{until}.{self._signature(space.tenant, until, upload.id)}"

    def opened(self, upload_id: str, token: str) -> Space:
        """The tenant whose upload the token lets in. Raises NotAdmitted."""
        tenant, _, rest = token.partition(".")
        until, _, signature = rest.partition(".")
        expected = self._signature(tenant, until, upload_id)
        if not hmac.compare_digest(expected.encode(), signature.encode()) or (whole(until) or 0) <= now_ms():
            raise NotAdmitted
        return Space(tenant)

    def _signature(self, tenant: str, until: str, upload_id: str) -> str:
        return urlsafe_b64encode(self._secrets.derive(_PURPOSE, tenant, until, upload_id)).decode().rstrip("=")
