"""Multipart uploads."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine.errors import ServiceError
from chalicelib.local.engine.s3.operations import Params, condition_of, headers_of, shown_time
from chalicelib.local.engine.s3.store import ObjectStore, Stored, Upload

_MIN_PART_BYTES = 5 << 20
_MAX_PARTS = 10_000


def create_multipart_upload(store: ObjectStore, params: Params) -> Params:
    """Starts an upload."""
    upload = Upload(params["Key"], time.time(), headers_of(params), dict(params.get("Metadata", {})))
    upload_id = store.begin_upload(params["Bucket"], upload)
    return {"Bucket": params["Bucket"], "Key": params["Key"], "UploadId": upload_id}


def upload_part(store: ObjectStore, params: Params) -> Params:
    """Stores one part."""
    name, key, upload_id = params["Bucket"], params["Key"], params["UploadId"]
    if not 1 <= params["PartNumber"] <= _MAX_PARTS:
        raise ServiceError("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    with store.lock:
        store.upload(name, key, upload_id)
    blob = store.blobs.write(params.get("Body", b""))
    return {"ETag": store.put_part(name, key, upload_id, params["PartNumber"], blob).etag}


def complete_multipart_upload(store: ObjectStore, params: Params) -> Params:
    """Makes the listed parts one object."""
    name, key, upload_id = params["Bucket"], params["Key"], params["UploadId"]
    with store.lock:
        upload = store.upload(name, key, upload_id)
        parts = _chosen(upload, params.get("MultipartUpload", {}).get("Parts", []))
        condition_of(params).check(store.bucket(name).objects.get(key))
        blob = store.blobs.join(part.blob for part in parts)
    digest = hashlib.md5(
        b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts), usedforsecurity=False
    ).hexdigest()
    etag = f'"{digest}-{len(parts)}"'
    draft = Stored(blob.name, blob.size, etag, time.time(), upload.headers, upload.metadata)
    store.put(name, key, blob, draft, condition_of(params), upload_id)
    return {"Bucket": name, "Key": key, "ETag": etag, "Location": f"https://{name}.s3.amazonaws.com/{key}"}


def _chosen(upload: Upload, listed: list[dict[str, Any]]) -> list[Stored]:
    if not listed:
        raise ServiceError("MalformedXML", "The XML you provided was not well-formed")
    numbers = [entry["PartNumber"] for entry in listed]
    if numbers != sorted(set(numbers)):
        raise ServiceError("InvalidPartOrder", "The list of parts was not in ascending order.")
    found: list[Stored] = []
    for entry in listed:
        part = upload.parts.get(entry["PartNumber"])
        if part is None or part.etag.strip('"') != entry.get("ETag", part.etag).strip('"'):
            raise ServiceError("InvalidPart", "One or more of the specified parts could not be found.")
        found.append(part)
    if any(part.size < _MIN_PART_BYTES for part in found[:-1]):
        raise ServiceError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
    return found


def abort_multipart_upload(store: ObjectStore, params: Params) -> Params:
    """Ends an upload without an object."""
    store.abort_upload(params["Bucket"], params["Key"], params["UploadId"])
    return {}


def list_parts(store: ObjectStore, params: Params) -> Params:
    """The parts of an unfinished upload."""
    with store.lock:
        upload = store.upload(params["Bucket"], params["Key"], params["UploadId"])
        parts = sorted(upload.parts.items())
    shown = [
        {"PartNumber": number, "ETag": part.etag, "Size": part.size, "LastModified": shown_time(part.modified)}
        for number, part in parts
        if number > params.get("PartNumberMarker", 0)
    ]
    limit = params.get("MaxParts", 1000)
    page = shown[:limit]
    answer = {"Bucket": params["Bucket"], "Key": params["Key"], "UploadId": params["UploadId"], "Parts": page}
    truncated = len(shown) > limit
    marker = {"NextPartNumberMarker": page[-1]["PartNumber"]} if truncated else {}
    return {**answer, "MaxParts": limit, "IsTruncated": truncated, **marker}


def list_multipart_uploads(store: ObjectStore, params: Params) -> Params:
    """The unfinished uploads of a bucket."""
    with store.lock:
        uploads = sorted(store.bucket(params["Bucket"]).uploads.items(), key=lambda pair: pair[1].key)
    prefix = params.get("Prefix", "")
    shown = [
        {"UploadId": upload_id, "Key": upload.key, "Initiated": shown_time(upload.started)}
        for upload_id, upload in uploads
        if upload.key.startswith(prefix)
    ]
    return {"Bucket": params["Bucket"], "Uploads": shown, "IsTruncated": False}


OPERATIONS: dict[str, Callable[[ObjectStore, Params], Params]] = {
    "CreateMultipartUpload": create_multipart_upload,
    "UploadPart": upload_part,
    "CompleteMultipartUpload": complete_multipart_upload,
    "AbortMultipartUpload": abort_multipart_upload,
    "ListParts": list_parts,
    "ListMultipartUploads": list_multipart_uploads,
}
