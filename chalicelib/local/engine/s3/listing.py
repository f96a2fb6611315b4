"""Listing of a bucket by prefix, delimiter and page."""

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

from chalicelib.local.engine.errors import ServiceError
from chalicelib.local.engine.s3.operations import Params, shown_time
from chalicelib.local.engine.s3.store import Bucket, ObjectStore

_MAX_KEYS = 1000


class Page:
    """One page of keys and common prefixes after a place."""

    def __init__(self, bucket: Bucket, params: Params, after: str) -> None:
        self.contents: list[dict[str, Any]] = []
        self.prefixes: list[str] = []
        self.limit = min(params.get("MaxKeys", _MAX_KEYS), _MAX_KEYS)
        self.last = after
        self.truncated = False
        self._fill(bucket, params.get("Prefix", ""), params.get("Delimiter", ""))

    def _fill(self, bucket: Bucket, prefix: str, delimiter: str) -> None:
        keys = bucket.keys
        place = max(bisect_left(keys, prefix), bisect_right(keys, self.last) if self.last else 0)
        while place < len(keys) and keys[place].startswith(prefix):
            key = keys[place]
            cut = key.find(delimiter, len(prefix)) if delimiter else -1
            group = key[: cut + len(delimiter)] if cut >= 0 else ""
            if group and group == self.last:
                place = _after_prefix(keys, group)
                continue
            if len(self) == self.limit:
                self.truncated = self.limit > 0
                return
            if group:
                self.prefixes.append(group)
                self.last, place = group, _after_prefix(keys, group)
            else:
                self.contents.append(_shown(bucket, key))
                self.last, place = key, place + 1

    def __len__(self) -> int:
        return len(self.contents) + len(self.prefixes)


def _after_prefix(keys: list[str], prefix: str) -> int:
    return bisect_right(keys, prefix, key=lambda key: key[: len(prefix)])


def _shown(bucket: Bucket, key: str) -> dict[str, Any]:
    stored = bucket.objects[key]
    return {
        "Key": key,
        "LastModified": shown_time(stored.modified),
        "ETag": stored.etag,
        "Size": stored.size,
        "StorageClass": "STANDARD",
    }


def _answer(page: Page, params: Params) -> Params:
    answer: Params = {
        "Name": params["Bucket"],
        "Prefix": params.get("Prefix", ""),
        "MaxKeys": page.limit,
        "IsTruncated": page.truncated,
    }
    if "Delimiter" in params:
        answer["Delimiter"] = params["Delimiter"]
    if page.contents:
        answer["Contents"] = page.contents
    if page.prefixes:
        answer["CommonPrefixes"] = [{"Prefix": prefix} for prefix in page.prefixes]
    return answer


def list_objects_v2(store: ObjectStore, params: Params) -> Params:
    """A page of a bucket's keys, continued by an opaque token."""
    token = params.get("ContinuationToken")
    after = _place(token) if token else params.get("StartAfter", "")
    with store.lock:
        page = Page(store.bucket(params["Bucket"]), params, after)
    answer = {**_answer(page, params), "KeyCount": len(page)}
    if token:
        answer["ContinuationToken"] = token
    if page.truncated:
        answer["NextContinuationToken"] = base64.urlsafe_b64encode(page.last.encode()).decode()
    return answer


def _place(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ServiceError("InvalidArgument", "The continuation token provided is incorrect") from None


def list_objects(store: ObjectStore, params: Params) -> Params:
    """A page of a bucket's keys, continued by a marker."""
    with store.lock:
        page = Page(store.bucket(params["Bucket"]), params, params.get("Marker", ""))
    answer = {**_answer(page, params), "Marker": params.get("Marker", "")}
    return {**answer, "NextMarker": page.last} if page.truncated else answer


OPERATIONS: dict[str, Callable[[ObjectStore, Params], Params]] = {
    "ListObjectsV2": list_objects_v2,
    "ListObjects": list_objects,
}
