"""S3 operations on objects, from a client's parameters to the answer boto3 shows."""

import base64
import hashlib
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from chalicelib.local.engine.errors import ServiceError
from chalicelib.local.engine.s3.blobs import Blob
from chalicelib.local.engine.s3.store import ObjectStore, Precondition, Stored

Params = dict[str, Any]

HEADERS = ("ContentType", "ContentEncoding", "ContentDisposition", "ContentLanguage", "CacheControl")
_DEFAULT_TYPE = "binary/octet-stream"


def put_object(store: ObjectStore, params: Params) -> Params:
    """Stores an object under its preconditions."""
    name, key = params["Bucket"], _key(params)
    condition = condition_of(params)
    with store.lock:
        # Refused before the body is read; decided again when it is whole.
        condition.check(store.bucket(name).objects.get(key))
    blob = store.blobs.write(params.get("Body", b""))
    if not _is_as_told(store, blob, params):
        store.blobs.delete(blob.name)
        raise ServiceError("BadDigest", "The checksum you specified did not match what we received.")
    draft = drafted(blob, f'"{blob.md5}"', params, params.get("ChecksumSHA256"))
    return {"ETag": store.put(name, key, blob, draft, condition).etag}


def _is_as_told(store: ObjectStore, blob: Blob, params: Params) -> bool:
    """Whether the bytes have the checksums that came with them."""
    if params.get("ContentMD5") not in (None, base64.b64encode(bytes.fromhex(blob.md5)).decode()):
        return False
    if "ChecksumSHA256" not in params:
        return True
    with store.blobs.open(blob.name) as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return bool(params["ChecksumSHA256"] == base64.b64encode(digest).decode())


def _key(params: Params) -> str:
    key: str = params["Key"]
    if len(key.encode()) > 1024:
        raise ServiceError("KeyTooLongError", "Your key is too long")
    return key


def condition_of(params: Params) -> Precondition:
    """The preconditions of a write."""
    return Precondition(params.get("IfMatch"), params.get("IfNoneMatch"))


def headers_of(params: Params) -> dict[str, str]:
    """The headers that are kept with an object."""
    return {name: str(params[name]) for name in HEADERS if name in params}


def drafted(blob: Blob, etag: str, params: Params, sha256: str | None = None) -> Stored:
    """An object made of a file and a client's headers; ``sha256`` is a checksum that was held against it."""
    metadata = dict(params.get("Metadata", {}))
    return Stored(blob.name, blob.size, etag, time.time(), headers_of(params), metadata, sha256)


def shown_time(seconds: float) -> datetime:
    """A time as S3 shows it: whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


def get_object(store: ObjectStore, params: Params) -> Params:
    """An object's bytes, or a range of them, as a stream."""
    from botocore.response import StreamingBody

    with store.lock:
        stored = store.find(params["Bucket"], params["Key"])
        _check_read(stored, params)
        start, stop = _span(stored, params.get("Range"))
        file = store.blobs.open(stored.blob)
    file.seek(start)
    answer = _described(stored, params, start, stop)
    return {**answer, "Body": StreamingBody(_Slice(file, stop - start), stop - start)}


def head_object(store: ObjectStore, params: Params) -> Params:
    """What is known of an object. An unknown one is `404`, as an answer without a body can say no more."""
    try:
        stored = store.find(params["Bucket"], params["Key"])
    except ServiceError:
        raise ServiceError("404", "Not Found", 404) from None
    _check_read(stored, params)
    return _described(stored, params, *_span(stored, params.get("Range")))


def _described(stored: Stored, params: Params, start: int, stop: int) -> Params:
    answer: Params = {
        "AcceptRanges": "bytes",
        "LastModified": shown_time(stored.modified),
        "ContentLength": stop - start,
        "ETag": stored.etag,
        "ContentType": _DEFAULT_TYPE,
        **stored.headers,
        "Metadata": {name.lower(): value for name, value in stored.metadata.items()},
    }
    if stored.sha256 and params.get("ChecksumMode") == "ENABLED":
        answer |= {"ChecksumSHA256": stored.sha256, "ChecksumType": "FULL_OBJECT"}
    if params.get("Range"):
        answer["ContentRange"] = f"bytes {start}-{stop - 1}/{stored.size}"
    for name in HEADERS:
        if f"Response{name}" in params:
            answer[name] = params[f"Response{name}"]
    return answer


def _check_read(stored: Stored, params: Params) -> None:
    tags = (stored.etag, stored.etag.strip('"'), "*")
    since, unless = params.get("IfModifiedSince"), params.get("IfUnmodifiedSince")
    modified = shown_time(stored.modified)
    if ("IfMatch" in params and params["IfMatch"] not in tags) or (unless and modified > unless):
        raise ServiceError("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
    if ("IfNoneMatch" in params and params["IfNoneMatch"] in tags) or (since and modified <= since):
        raise ServiceError("304", "Not Modified", 304)


def _span(stored: Stored, wanted: str | None) -> tuple[int, int]:
    if not wanted:
        return 0, stored.size
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted.strip())
    if match is None or match.group() == "bytes=-":
        return 0, stored.size
    first, last = match.groups()
    start = int(first) if first else max(0, stored.size - int(last))
    stop = min(int(last) + 1, stored.size) if first and last else stored.size
    if start >= stored.size or start >= stop:
        raise ServiceError(
            "InvalidRange", "The requested range is not satisfiable", 416, ActualObjectSize=str(stored.size)
        )
    return start, stop


class _Slice:
    """The next so many bytes of a file, which is closed with it."""

    def __init__(self, file: Any, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, amt: int | None = None) -> bytes:
        wanted = self._left if amt is None or amt < 0 else min(amt, self._left)
        data: bytes = self._file.read(wanted) if wanted else b""
        self._left -= len(data)
        if not self._left:
            self._file.close()
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def stream(self, amt: int = 1 << 16, decode_content: bool | None = None) -> Any:  # noqa: ARG002
        while data := self.read(amt):
            yield data

    def close(self) -> None:
        self._left = 0
        self._file.close()

    def __del__(self) -> None:
        self.close()


def delete_object(store: ObjectStore, params: Params) -> Params:
    """Deletes an object; succeeds when there is none."""
    store.delete(params["Bucket"], params["Key"], params.get("IfMatch"))
    return {}


def delete_objects(store: ObjectStore, params: Params) -> Params:
    """Deletes up to a thousand objects."""
    keys = [entry["Key"] for entry in params["Delete"]["Objects"]]
    if len(keys) > 1000:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed")
    for key in keys:
        store.delete(params["Bucket"], key)
    quiet = params["Delete"].get("Quiet")
    return {} if quiet else {"Deleted": [{"Key": key} for key in keys]}


def copy_object(store: ObjectStore, params: Params) -> Params:
    """Copies an object without copying its bytes."""
    given = params["CopySource"]
    text = f"{given['Bucket']}/{given['Key']}" if isinstance(given, dict) else unquote(given).lstrip("/")
    source_bucket, _, source_key = text.partition("?versionId=")[0].partition("/")
    with store.lock:
        source = store.find(source_bucket, source_key)
        copy = store.blobs.link(source.blob)
    replaces = params.get("MetadataDirective") == "REPLACE"
    kept = Stored(copy, source.size, source.etag, time.time(), source.headers, source.metadata, source.sha256)
    blob = Blob(copy, source.size, source.etag.strip('"'))
    draft = drafted(blob, source.etag, params, source.sha256) if replaces else kept
    stored = store.put(params["Bucket"], _key(params), blob, draft, condition_of(params))
    return {"CopyObjectResult": {"ETag": stored.etag, "LastModified": shown_time(stored.modified)}}


OPERATIONS: dict[str, Callable[[ObjectStore, Params], Params]] = {
    "PutObject": put_object,
    "GetObject": get_object,
    "HeadObject": head_object,
    "DeleteObject": delete_object,
    "DeleteObjects": delete_objects,
    "CopyObject": copy_object,
}
