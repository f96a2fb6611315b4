"""Uploads cut off at any write, completed at once or too late, and what is left of them when their time is over."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest, NotFound, TooLarge
from chalicelib.core.ids import new_id
from chalicelib.core.settings import Settings
from chalicelib.files.errors import FileNotFound, ScopeNotFound
from chalicelib.files.model import FileDraft
from chalicelib.runs import entry
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.storage.objects import Objects
from chalicelib.uploads.errors import (
    AlreadyUploaded,
    NotAdmitted,
    NothingUploaded,
    UploadCompleted,
    UploadExpired,
    UploadNotFound,
)
from chalicelib.uploads.model import LIFE_MS, URL_MS, FileUpload, UploadDraft
from chalicelib.wiring import Services
from tests.support.mortal import Died, dying

CONTENT = b"words" * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def space() -> Space:
    return Space(new_id())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets time pass for uploads."""

    def shift(by_ms: int) -> None:
        moment = now_ms() + by_ms
        for module in ("service", "places"):
            monkeypatch.setattr(f"chalicelib.uploads.{module}.now_ms", lambda: moment)

    return shift


def begun(services: Services, space: Space, seed: str | None = None, **more: Any) -> FileUpload:
    """An upload of the content."""
    told = {"size": len(CONTENT), "sha256": None} | more
    draft = FileDraft("a.txt", "text/plain", session_id=told.pop("session_id", None))
    return services.uploads.service.begin(space, UploadDraft(draft, **told), seed)


def put(services: Services, upload: FileUpload, content: bytes = CONTENT) -> None:
    """The content, as the bucket gets it under the URL."""
    services.objects._client.put_object(
        Bucket=services.objects._bucket, Key=upload.object_key, Body=content, **upload.terms.parameters()
    )


def received(services: Services, space: Space, upload: FileUpload) -> None:
    """The content, as the server itself gets it under the URL."""
    token = services.uploads._tokens.token(space, upload)
    receiving = services.uploads.reception.receive(upload.id, token, upload.terms.headers())
    receiving.write(CONTENT)
    receiving.close()


def lying(services: Services, space: Space) -> list[str]:
    """All objects of the tenant."""
    return services.objects.keys(space.object_key(""), now_ms() + 10**9)


def rows(services: Services) -> list[Any]:
    """All uploads there are."""
    return services.uploads._store.due(now_ms() + 10 * LIFE_MS, 100)


def unfinished(services: Services) -> list[Any]:
    """Contents that came in parts and were not made an object."""
    return list(services.objects._client.list_multipart_uploads(Bucket=services.objects._bucket)["Uploads"])


def files_of(services: Services, space: Space) -> list[str]:
    return [file.id for file in services.files.page(space, Window(100)).items]


def test_content_that_storage_vouches_for_is_not_read(
    services: Services, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    vouched, plain = begun(services, space, sha256=DIGEST), begun(services, space)
    put(services, vouched)
    put(services, plain)
    read: list[str] = []
    stream = Objects.stream

    def counted(self: Objects, key: str, *part: Any) -> Iterator[bytes]:
        read.append(key)
        return stream(self, key, *part)

    monkeypatch.setattr(Objects, "stream", counted)
    made = [services.uploads.service.complete(space, one.id) for one in (vouched, plain)]
    assert read == [plain.object_key]
    assert [file.sha256 for file in made] == [DIGEST, DIGEST]
    assert {file.id for file in made} == {vouched.id, plain.id}


def test_an_upload_cut_off_at_any_write_is_not_seen_and_goes_on(settings: Settings) -> None:
    services = Services(settings)
    for left in range(10):
        space = Space(new_id())
        try:
            mortal = dying(settings, left)
            upload = begun(mortal, space, seed="key")
            received(mortal, space, upload)
            mortal.uploads.service.complete(space, upload.id)
        except Died:
            assert files_of(services, space) == []
        else:
            break
        upload = begun(services, space, seed="key")
        if not lying(services, space):
            received(services, space, upload)
        file = services.uploads.service.complete(space, upload.id)
        assert services.files.read(space, file.id)[1] == CONTENT
        assert files_of(services, space) == [upload.id]
        assert lying(services, space) == [upload.object_key]
    else:
        pytest.fail("the upload never came to its end")
    assert left == 3


def test_an_abandoned_upload_is_cleared_away_though_the_clock_dies_at_any_write(settings: Settings, later: Any) -> None:
    services = Services(settings)
    for left in range(10):
        space = Space(new_id())
        upload = begun(services, space)
        received(services, space, upload)
        assert services.uploads.service.sweep() == 0
        later(LIFE_MS + 1)
        try:
            dying(settings, left).uploads.service.sweep()
        except Died:
            with pytest.raises(NotFound):
                services.uploads.service.complete(space, upload.id)
            assert services.uploads.service.sweep() == 1
        else:
            break
        finally:
            later(0)
        assert (lying(services, space), rows(services)) == ([], [])
    else:
        pytest.fail("the clock never came to its end")
    assert (left, lying(services, space), rows(services)) == (3, [], [])


def test_an_upload_that_is_given_up_while_the_process_dies_is_cleared_away(settings: Settings, later: Any) -> None:
    services, space = Services(settings), Space(new_id())
    upload = begun(services, space)
    received(services, space, upload)
    with pytest.raises(Died):
        dying(settings, 1).uploads.service.delete(space, upload.id)
    with pytest.raises(UploadNotFound):
        services.uploads.service.complete(space, upload.id)
    later(LIFE_MS + 1)
    entry.tick(services)
    assert (lying(services, space), rows(services)) == ([], [])


def test_who_completes_at_the_same_time_gets_the_same_file(services: Services, space: Space) -> None:
    upload = begun(services, space)
    put(services, upload)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: services.uploads.service.complete(space, upload.id), range(8)))
    assert set(made) == {services.files.get(space, upload.id)}


def test_completing_and_giving_up_at_the_same_time_leave_a_whole_file_or_nothing(
    services: Services, space: Space
) -> None:
    def outcome(work: Any, upload: FileUpload) -> Any:
        try:
            return work(space, upload.id)
        except (UploadNotFound, UploadCompleted, NothingUploaded) as refusal:
            return refusal

    known = services.uploads.service
    for _ in range(10):
        upload = begun(services, space)
        put(services, upload)
        with ThreadPoolExecutor(2) as pool:
            ended, gone = pool.map(outcome, (known.complete, known.delete), (upload, upload))
        if isinstance(gone, UploadCompleted):
            assert services.files.read(space, ended.id)[1] == CONTENT
            services.files.delete(space, ended.id)
        else:
            assert isinstance(ended, UploadNotFound | NothingUploaded)
        assert (files_of(services, space), lying(services, space)) == ([], [])


def test_completed_uploads_are_forgotten_and_their_files_stay(services: Services, space: Space, later: Any) -> None:
    kept, removed = begun(services, space), begun(services, space)
    for upload in (kept, removed):
        put(services, upload)
        services.uploads.service.complete(space, upload.id)
    services.files.delete(space, removed.id)
    put(services, removed)
    later(LIFE_MS + 1)
    assert services.uploads.service.complete(space, kept.id).id == kept.id
    assert services.uploads.service.sweep() == 2
    assert (lying(services, space), rows(services)) == ([kept.object_key], [])
    assert services.files.read(space, kept.id)[1] == CONTENT
    with pytest.raises(UploadNotFound):
        services.uploads.service.complete(space, kept.id)


def test_what_comes_after_an_upload_was_given_up_is_cleared_away(services: Services, space: Space, later: Any) -> None:
    upload = begun(services, space)
    services.uploads.service.delete(space, upload.id)
    put(services, upload)
    later(LIFE_MS + 1)
    assert services.uploads.service.sweep() == 1
    assert lying(services, space) == []


def test_an_upload_whose_time_is_over_cannot_be_completed(services: Services, space: Space, later: Any) -> None:
    upload = begun(services, space)
    put(services, upload)
    later(LIFE_MS + 1)
    for attempt in (services.uploads.service.complete, services.uploads.service.get, services.uploads.service.delete):
        with pytest.raises(UploadExpired):
            attempt(space, upload.id)
    assert files_of(services, space) == []


def test_a_url_lets_nothing_in_after_its_hour(services: Services, space: Space, later: Any) -> None:
    upload = begun(services, space)
    later(URL_MS + 1)
    with pytest.raises(NotAdmitted):
        received(services, space, upload)
    later(URL_MS - 60_000)
    received(services, space, upload)
    with pytest.raises(AlreadyUploaded):
        received(services, space, upload)


@pytest.mark.parametrize("size", [1, 9 << 20])
def test_of_two_contents_at_the_same_time_one_is_stored(services: Services, space: Space, size: int) -> None:
    upload = begun(services, space, size=size)
    token = services.uploads._tokens.token(space, upload)
    first, second = (services.uploads.reception.receive(upload.id, token, upload.terms.headers()) for _ in range(2))
    first.write(b"1" * size)
    second.write(b"2" * size)
    first.close()
    with pytest.raises(AlreadyUploaded):
        second.close()
    second.abort()
    file = services.uploads.service.complete(space, upload.id)
    assert services.files.read(space, file.id)[1] == b"1" * size
    assert unfinished(services) == []


def test_content_that_is_too_short_or_too_long_is_not_stored(services: Services, space: Space) -> None:
    upload = begun(services, space)
    token = services.uploads._tokens.token(space, upload)
    short, long = (services.uploads.reception.receive(upload.id, token, upload.terms.headers()) for _ in range(2))
    short.write(CONTENT[1:])
    with pytest.raises(InvalidRequest, match="size_bytes: 500 were announced, 499 came"):
        short.close()
    long.write(CONTENT)
    with pytest.raises(TooLarge):
        long.write(b"x")
    assert lying(services, space) == []


def test_what_lies_there_and_is_not_what_was_announced_does_not_become_a_file(services: Services, space: Space) -> None:
    short, other = begun(services, space), begun(services, space, sha256="0" * 64)
    services.objects.put(short.object_key, CONTENT[1:])
    services.objects.put(other.object_key, CONTENT)
    for upload, field in ((short, "size_bytes"), (other, "sha256")):
        for _ in range(2):
            with pytest.raises(InvalidRequest) as refusal:
                services.uploads.service.complete(space, upload.id)
            assert refusal.value.field == field
    assert files_of(services, space) == []


def test_limits_and_sessions_are_looked_at_once_more_in_the_end(
    services: Services, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = begun(services, space)
    put(services, upload)
    rules = services.files.rules
    monkeypatch.setattr(services.files, "rules", replace(rules, limit_bytes=10))
    with pytest.raises(TooLarge):
        services.uploads.service.complete(space, upload.id)
    monkeypatch.setattr(services.files, "rules", rules)
    sessions = {"there": True}
    monkeypatch.setattr(services.files, "_session_exists", lambda _space, _session: sessions["there"])
    scoped = begun(services, space, session_id=new_id())
    put(services, scoped)
    sessions["there"] = False
    with pytest.raises(ScopeNotFound):
        services.uploads.service.complete(space, scoped.id)
    assert files_of(services, space) == []


def test_tenants_never_meet(services: Services, space: Space) -> None:
    upload, other = begun(services, space, seed="key"), Space(new_id())
    put(services, upload)
    assert upload.object_key.startswith(space.object_key(""))
    for attempt in (services.uploads.service.complete, services.uploads.service.get, services.uploads.service.delete):
        with pytest.raises(UploadNotFound):
            attempt(other, upload.id)
    assert begun(services, other, seed="key").id != upload.id
    token = services.uploads._tokens.token(space, upload)
    stolen = token.replace(space.tenant, other.tenant)
    with pytest.raises(NotAdmitted):
        services.uploads.reception.receive(upload.id, stolen, upload.terms.headers())
    with pytest.raises(FileNotFound):
        services.files.get(other, services.uploads.service.complete(space, upload.id).id)


def test_one_that_cannot_be_cleared_away_keeps_no_other_waiting(
    services: Services, space: Space, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, other = begun(services, space), begun(services, space)
    for upload in (broken, other):
        put(services, upload)
    deleting = Objects.delete

    def breaks(self: Objects, key: str) -> None:
        if key == broken.object_key:
            raise RuntimeError
        deleting(self, key)

    monkeypatch.setattr(Objects, "delete", breaks)
    later(LIFE_MS + 1)
    assert services.uploads.service.sweep() == 2
    assert lying(services, space) == [broken.object_key]


def test_the_checksum_of_the_terms_is_the_one_the_bucket_holds_against_the_content(
    services: Services, space: Space
) -> None:
    upload = begun(services, space, sha256=DIGEST)
    assert upload.terms.headers()["x-amz-checksum-sha256"] == b64encode(bytes.fromhex(DIGEST)).decode()
    with pytest.raises(services.objects._client.exceptions.ClientError, match="BadDigest"):
        put(services, upload, b"other")
    put(services, upload)
    with pytest.raises(services.objects._client.exceptions.ClientError, match="PreconditionFailed"):
        put(services, upload)
