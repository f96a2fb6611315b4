"""The one S3 bucket: small objects whole, large ones in parts, both ways streamed."""

from collections.abc import Callable, Iterator, Sequence
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.core.lazy import lazy
from chalicelib.storage.direct import Described, Terms, described
from chalicelib.storage.errors import ObjectMissing, ObjectThere

PART_BYTES = 8 << 20
_READ_BYTES = 1 << 18
_DELETE_BATCH = 1000
_ABSENT = ("NoSuchKey", "404")
_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


class Objects:
    """Access to the bucket by object key (made by ``Space.object_key``).

    The client is made when the first object is touched: most processes touch none, and S3's is the slowest to make.
    """

    def __init__(self, connect: Callable[[], Any], bucket: str) -> None:
        self.lock = RLock()
        self._connect = connect
        self._bucket = bucket

    @lazy
    def _client(self) -> Any:
        return self._connect()

    def put(self, key: str, data: bytes, media_type: str = "application/octet-stream") -> None:
        """Store an object in one call."""
        self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=media_type)

    def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing."""
        return b"".join(self.stream(key))

    def read(self, key: str, offset: int, size: int) -> bytes:
        """A part of an object. Raises ObjectMissing."""
        return b"".join(self.stream(key, offset, size)) if size else b""

    def stream(self, key: str, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The object, or ``size`` (not 0) bytes of it from ``offset`` on, in pieces; it is opened before this returns.

        Raises ObjectMissing.
        """
        part = {} if size is None else {"Range": f"bytes={offset}-{offset + size - 1}"}
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key, **part)["Body"]
        except ClientError as error:
            if _code(error) in _ABSENT:
                raise ObjectMissing(key) from error
            raise
        return _pieces(body)

    def describe(self, key: str) -> Described:
        """What is known of an object without reading it. Raises ObjectMissing."""
        try:
            return described(self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED"))
        except ClientError as error:
            if _code(error) in _ABSENT:
                raise ObjectMissing(key) from error
            raise

    def signed_put(self, key: str, terms: Terms, seconds: int) -> str:
        """A URL under which anybody may store the object on these terms, with their headers."""
        asked = {"Bucket": self._bucket, "Key": key, **terms.parameters()}
        return str(self._client.generate_presigned_url("put_object", Params=asked, ExpiresIn=seconds))

    def copy(self, source: str, target: str) -> None:
        """Copy inside the bucket without moving bytes through here."""
        self._client.copy({"Bucket": self._bucket, "Key": source}, self._bucket, target)

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""
        self._client.delete_object(Bucket=self._bucket, Key=key)

    def delete_many(self, keys: Sequence[str]) -> None:
        """Remove objects, a thousand a call; missing ones are no error."""
        for start in range(0, len(keys), _DELETE_BATCH):
            batch = [{"Key": key} for key in keys[start : start + _DELETE_BATCH]]
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True})

    def keys(self, prefix: str, before_ms: int) -> list[str]:
        """The objects below a prefix that were written before a moment."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        found = (entry for page in pages for entry in page.get("Contents", []))
        return [entry["Key"] for entry in found if entry["LastModified"].timestamp() * 1000 < before_ms]

    def delete_prefix(self, prefix: str) -> None:
        """Remove everything whose key begins with the prefix."""
        while True:
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=1000)
            found = [{"Key": entry["Key"]} for entry in answer.get("Contents", [])]
            if not found:
                return
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": found, "Quiet": True})

    def writer(self, key: str, media_type: str, *, anew: bool = False) -> "ObjectWriter":
        """A writer for an object of unknown size; ``anew``: one that must not be there yet."""
        return ObjectWriter(self._client, self._bucket, key, media_type, anew=anew)


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _pieces(body: Any) -> Iterator[bytes]:
    try:
        while piece := body.read(_READ_BYTES):
            yield piece
    finally:
        body.close()


class ObjectWriter:
    """Collects bytes and stores them in parts; holds one part and what is written at once.

    End with ``close`` or ``abort``.
    """

    def __init__(self, client: Any, bucket: str, key: str, media_type: str, *, anew: bool = False) -> None:
        self._client = client
        self._target = {"Bucket": bucket, "Key": key}
        self._condition = {"IfNoneMatch": "*"} if anew else {}
        self._media_type = media_type
        self._buffer = bytearray()
        self._upload: str | None = None
        self._parts: list[dict[str, Any]] = []
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take bytes; a full part is sent."""
        self._buffer += data
        self.size += len(data)
        if len(self._buffer) >= PART_BYTES:
            self._flush()

    def _flush(self) -> None:
        # Handed over as it is: copies of a part are what an upload's memory is made of.
        part, self._buffer = self._buffer, bytearray()
        self._send(part)

    def _send(self, part: bytearray) -> None:
        if self._upload is None:
            answer = self._client.create_multipart_upload(**self._target, ContentType=self._media_type)
            self._upload = answer["UploadId"]
        number = len(self._parts) + 1
        answer = self._client.upload_part(**self._target, UploadId=self._upload, PartNumber=number, Body=part)
        self._parts.append({"ETag": answer["ETag"], "PartNumber": number})

    def close(self) -> None:
        """Make the object visible. Raises ObjectThere when it was to be a new one and is not."""
        try:
            self._finish()
        except ClientError as error:
            if self._condition and _code(error) in _TAKEN:
                raise ObjectThere(self._target["Key"]) from error
            raise

    def _finish(self) -> None:
        target = {**self._target, **self._condition}
        if self._upload is None:
            self._client.put_object(**target, Body=self._buffer, ContentType=self._media_type)
            return
        if self._buffer:
            self._flush()
        parts = {"Parts": self._parts}
        self._client.complete_multipart_upload(**target, UploadId=self._upload, MultipartUpload=parts)

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._upload is not None:
            self._client.abort_multipart_upload(**self._target, UploadId=self._upload)
