"""The buckets of the engine: objects and unfinished uploads, and what the journal says of them."""

import threading
import time
import uuid
from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chalicelib.local.engine.errors import ServiceError
from chalicelib.local.engine.journal import Journal, Record
from chalicelib.local.engine.s3.blobs import Blob, BlobStore

_STALE_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Stored:
    """An object. `modified` is in seconds since the epoch; `headers` and `metadata` are the client's.

    `sha256` (base64) is a checksum the client gave and that was found right.
    """

    blob: str
    size: int
    etag: str
    modified: float
    headers: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    sha256: str | None = None


@dataclass(slots=True)
class Upload:
    """An unfinished multipart upload."""

    key: str
    started: float
    headers: dict[str, str]
    metadata: dict[str, str]
    parts: dict[int, Stored] = field(default_factory=dict)


@dataclass(slots=True)
class Bucket:
    """Objects of one bucket, with their keys in order."""

    name: str
    live: bool = False
    objects: dict[str, Stored] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def put(self, key: str, stored: Stored) -> Stored | None:
        """Stores an object; answers the one it replaced."""
        old = self.objects.get(key)
        if old is None:
            insort(self.keys, key)
        self.objects[key] = stored
        return old

    def remove(self, key: str) -> Stored | None:
        """Takes an object out; answers it."""
        old = self.objects.pop(key, None)
        if old is not None:
            del self.keys[bisect_left(self.keys, key)]
        return old

    def blobs(self) -> Iterator[str]:
        """The files this bucket refers to."""
        yield from (stored.blob for stored in self.objects.values())
        for upload in self.uploads.values():
            yield from (part.blob for part in upload.parts.values())


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must hold of the present object for a write to happen."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, current: Stored | None) -> None:
        """Raises PreconditionFailed, or NoSuchKey when there is nothing to match."""
        if self.if_match is not None and current is None:
            raise no_such_key()
        matches = current is not None and self.if_match in (current.etag, current.etag.strip('"'), "*")
        if self.if_match is not None and not matches:
            raise _precondition_failed("If-Match")
        if self.if_none_match is not None and current is not None:
            raise _precondition_failed("If-None-Match")


def _precondition_failed(name: str) -> ServiceError:
    message = "At least one of the pre-conditions you specified did not hold"
    return ServiceError("PreconditionFailed", message, 412, Condition=name)


def no_such_key() -> ServiceError:
    """The answer to an unknown key."""
    return ServiceError("NoSuchKey", "The specified key does not exist.", 404)


class ObjectStore:
    """All buckets. Bytes are written before the lock is taken; the lock makes them an object."""

    def __init__(self, journal: Journal, blobs: BlobStore) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self.blobs = blobs
        self._journal = journal

    def bucket(self, name: str) -> Bucket:
        """The bucket of a name. Raises NoSuchBucket."""
        bucket = self.buckets.get(name)
        if bucket is None or not bucket.live:
            message = "The specified bucket does not exist"
            raise ServiceError("NoSuchBucket", message, 404, BucketName=name)
        return bucket

    def define(self, name: str) -> None:
        """Serves a bucket from now on, with whatever the journal kept of it."""
        with self.lock:
            self._known(name).live = True

    def _known(self, name: str) -> Bucket:
        bucket = self.buckets.get(name)
        if bucket is None:
            bucket = self.buckets[name] = Bucket(name)
        return bucket

    def refuse_if_filled(self, name: str) -> None:
        """Raises BucketNotEmpty."""
        with self.lock:
            if self.bucket(name).objects:
                message = "The bucket you tried to delete is not empty"
                raise ServiceError("BucketNotEmpty", message, 409, BucketName=name)

    def drop(self, name: str) -> None:
        """Forgets a bucket and everything in it."""
        with self.lock:
            self._discard(list(self.bucket(name).blobs()))
            self._journal.append({"o": "bdrop", "b": name})
            del self.buckets[name]

    def put(
        self, name: str, key: str, blob: Blob, draft: Stored, condition: Precondition, upload: str | None = None
    ) -> Stored:
        """Makes a written file an object, ending the upload it came from. Raises PreconditionFailed."""
        try:
            with self.lock:
                bucket = self.bucket(name)
                condition.check(bucket.objects.get(key))
                self._journal.append({"o": "oput", "b": name, "k": key, "v": asdict(draft), "u": upload})
                old = bucket.put(key, draft)
                ended = bucket.uploads.pop(upload, None) if upload else None
        except BaseException:
            self.blobs.delete(blob.name)
            raise
        gone = [old.blob] if old else []
        self._discard([*gone, *(part.blob for part in (ended.parts.values() if ended else ()))])
        return draft

    def _discard(self, blobs: list[str]) -> None:
        for blob in blobs:
            self.blobs.delete(blob)

    def delete(self, name: str, key: str, if_match: str | None = None) -> None:
        """Deletes an object; an absent one is no error."""
        with self.lock:
            bucket = self.bucket(name)
            if if_match is not None:
                Precondition(if_match=if_match).check(bucket.objects.get(key))
            if key not in bucket.objects:
                return
            self._journal.append({"o": "odel", "b": name, "k": key})
            old = bucket.remove(key)
        self._discard([old.blob] if old else [])

    def find(self, name: str, key: str) -> Stored:
        """An object. Raises NoSuchKey."""
        with self.lock:
            stored = self.bucket(name).objects.get(key)
        if stored is None:
            raise no_such_key()
        return stored

    def begin_upload(self, name: str, upload: Upload) -> str:
        """Starts a multipart upload; answers its id."""
        upload_id = uuid.uuid4().hex
        with self.lock:
            bucket = self.bucket(name)
            self._journal.append({"o": "ubegin", "b": name, "u": upload_id, "v": asdict(upload)})
            bucket.uploads[upload_id] = upload
        return upload_id

    def upload(self, name: str, key: str, upload_id: str) -> Upload:
        """An unfinished upload. Raises NoSuchUpload."""
        upload = self.bucket(name).uploads.get(upload_id)
        if upload is None or upload.key != key:
            message = (
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have "
                "been aborted or completed."
            )
            raise ServiceError("NoSuchUpload", message, 404, UploadId=upload_id)
        return upload

    def put_part(self, name: str, key: str, upload_id: str, number: int, blob: Blob) -> Stored:
        """Adds or replaces a part of an upload."""
        part = Stored(blob.name, blob.size, f'"{blob.md5}"', time.time())
        try:
            with self.lock:
                upload = self.upload(name, key, upload_id)
                record = {"o": "upart", "b": name, "u": upload_id, "n": number, "v": asdict(part)}
                self._journal.append(record)
                old = upload.parts.get(number)
                upload.parts[number] = part
        except BaseException:
            self.blobs.delete(blob.name)
            raise
        self._discard([old.blob] if old else [])
        return part

    def abort_upload(self, name: str, key: str, upload_id: str) -> None:
        """Ends an upload and deletes its parts."""
        with self.lock:
            upload = self.upload(name, key, upload_id)
            self._journal.append({"o": "uabort", "b": name, "u": upload_id})
            del self.bucket(name).uploads[upload_id]
        self._discard([part.blob for part in upload.parts.values()])

    def clear(self) -> None:
        """Empties every bucket."""
        with self.lock:
            for name, bucket in self.buckets.items():
                self._discard(list(bucket.blobs()))
                self.buckets[name] = Bucket(name, live=bucket.live)

    def end_stale_uploads(self) -> None:
        """Ends uploads as old as the template's lifecycle rule lets them become; for use right after a replay."""
        oldest = time.time() - _STALE_SECONDS
        for bucket in self.buckets.values():
            for upload_id in [one for one, upload in bucket.uploads.items() if upload.started < oldest]:
                self._journal.append({"o": "uabort", "b": bucket.name, "u": upload_id})
                del bucket.uploads[upload_id]

    def sweep_files(self) -> None:
        """Deletes files that no object refers to; for use right after a replay."""
        self.blobs.keep_only({blob for bucket in self.buckets.values() for blob in bucket.blobs()})

    def replay(self, record: Record) -> None:
        """Applies one record of the journal."""
        bucket = self._known(record["b"])
        match record["o"]:
            case "oput":
                bucket.put(record["k"], Stored(**record["v"]))
                bucket.uploads.pop(record["u"], None)
            case "odel":
                bucket.remove(record["k"])
            case "bdrop":
                del self.buckets[record["b"]]
            case "uabort":
                del bucket.uploads[record["u"]]
            case _:
                _replay_upload(bucket, record)

    def snapshot(self) -> Iterator[Record]:
        """Records that rebuild the state at the moment of the call. The caller holds the lock."""
        return iter([record for bucket in self.buckets.values() for record in _records(bucket)])


def _replay_upload(bucket: Bucket, record: Record) -> None:
    if record["o"] == "ubegin":
        bucket.uploads[record["u"]] = Upload(**{**record["v"], "parts": {}})
    else:
        bucket.uploads[record["u"]].parts[record["n"]] = Stored(**record["v"])


def _records(bucket: Bucket) -> Iterator[Record]:
    for key, stored in bucket.objects.items():
        yield {"o": "oput", "b": bucket.name, "k": key, "v": asdict(stored), "u": None}
    for upload_id, upload in bucket.uploads.items():
        bare: dict[str, Any] = asdict(replace(upload, parts={}))
        yield {"o": "ubegin", "b": bucket.name, "u": upload_id, "v": bare}
        for number, part in upload.parts.items():
            yield {"o": "upart", "b": bucket.name, "u": upload_id, "n": number, "v": asdict(part)}
