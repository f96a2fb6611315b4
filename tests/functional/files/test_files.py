import os
from dataclasses import replace

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import InvalidRequest, TooLarge
from chalicelib.core.ids import new_id
from chalicelib.files.errors import FileDiffers, FileExpired, FileNotDownloadable, FileNotFound, ScopeNotFound
from chalicelib.files.model import File, FileDraft
from chalicelib.files.service import FileRules, FileService
from chalicelib.files.store import FileStore
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services

SESSION = new_id()


@pytest.fixture
def space() -> Space:
    return Space(new_id())


@pytest.fixture
def files(services: Services) -> FileService:
    rules = FileRules(32 << 20, uploads_readable=True)
    return FileService(FileStore(services.table), services.objects, rules, lambda _space, session: session == SESSION)


def objects_of(services: Services, space: Space) -> list[str]:
    answer = services.objects._client.list_objects_v2(
        Bucket=services.objects._bucket, Prefix=f"tenants/{space.tenant}/files/"
    )
    return [entry["Key"] for entry in answer.get("Contents", [])]


def uploads_of(services: Services) -> list[str]:
    answer = services.objects._client.list_multipart_uploads(Bucket=services.objects._bucket)
    return [upload["Key"] for upload in answer.get("Uploads", [])]


def store(files: FileService, space: Space, data: bytes = b"abc", **fields: object) -> str:
    draft = replace(FileDraft("a.txt", "text/plain"), **fields)  # type: ignore[arg-type]
    return files.create_from_bytes(space, draft, data).id


def test_a_file_is_read_back_byte_for_byte(files: FileService, space: Space) -> None:
    data = os.urandom(20 << 20)
    upload = files.begin(space, "application/octet-stream")
    for start in range(0, len(data), 700_001):
        upload.incoming.write(data[start : start + 700_001])
    made = files.commit(upload, FileDraft("dir/x.bin", ""))
    assert (made.filename, made.size, made.media_type) == ("x.bin", len(data), "application/octet-stream")
    _, pieces = files.content(space, made.id)
    assert b"".join(pieces) == data
    assert files.read(space, made.id) == ("application/octet-stream", data)


def test_another_tenants_file_does_not_exist(files: FileService, space: Space) -> None:
    file_id = store(files, space)
    other = Space(new_id())
    for attempt in (files.get, files.content, files.read, files.delete):
        with pytest.raises(FileNotFound):
            attempt(other, file_id)
    assert files.find_many(other, [file_id]) == []
    assert files.page(other, Window(10)).items == []
    assert files.get(space, file_id).id == file_id


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(
    services: Services, files: FileService, space: Space
) -> None:
    upload = files.begin(space, "text/plain")
    for _ in range(32):
        upload.incoming.write(b"x" * (1 << 20))
    with pytest.raises(TooLarge):
        upload.incoming.write(b"x")
    assert uploads_of(services) == [upload.object_key]
    files.abandon(upload)
    assert uploads_of(services) == []
    assert objects_of(services, space) == []


def test_a_deleted_file_leaves_no_bytes(services: Services, files: FileService, space: Space) -> None:
    file_id = store(files, space)
    files.delete(space, file_id)
    assert objects_of(services, space) == []
    with pytest.raises(FileNotFound):
        files.delete(space, file_id)


@pytest.mark.parametrize("lifetime", [3599, 7_776_001, -1])
def test_a_life_too_short_or_too_long_is_refused(files: FileService, space: Space, lifetime: int) -> None:
    with pytest.raises(InvalidRequest, match="expires_in_seconds"):
        store(files, space, lifetime=lifetime)


def test_an_expired_file_is_gone_for_everyone_and_its_bytes_too(
    services: Services, files: FileService, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    expiring, staying = store(files, space, lifetime=3600), store(files, space)
    later = now_ms() + 3_600_000
    monkeypatch.setattr("chalicelib.files.service.now_ms", lambda: later)
    assert [file.id for file in files.page(space, Window(10)).items] == [staying]
    assert [file.id for file in files.find_many(space, [expiring, staying])] == [staying]
    with pytest.raises(FileExpired):
        files.content(space, expiring)
    assert [key.split("/")[3] for key in objects_of(services, space)] == [staying]


def test_the_sweep_removes_only_what_has_expired(
    services: Services, files: FileService, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(files, space, lifetime=3600)
    store(files, Space(new_id()), lifetime=3600)
    later_file, staying = store(files, space, lifetime=7200), store(files, space)
    assert files.sweep() == 0
    later = now_ms() + 3_600_000
    monkeypatch.setattr("chalicelib.files.service.now_ms", lambda: later)
    assert files.sweep() == 2
    assert files.sweep() == 0
    assert {key.split("/")[3] for key in objects_of(services, space)} == {later_file, staying}


def test_who_may_read_what(services: Services, files: FileService, space: Space) -> None:
    silent = store(files, space)
    refused, offered = store(files, space, downloadable=False), store(files, space, downloadable=True)
    made = store(files, space, maker="agent")
    shown = {file_id: files.get(space, file_id).shown_downloadable() for file_id in (silent, refused, offered, made)}
    assert shown == {silent: False, refused: False, offered: True, made: True}
    strict = FileService(
        FileStore(services.table), services.objects, FileRules(1 << 20, uploads_readable=False), lambda _s, _i: False
    )
    for service, readable in ((files, {silent, offered, made}), (strict, {offered, made})):
        for file_id in (silent, refused, offered, made):
            if file_id in readable:
                assert b"".join(service.content(space, file_id)[1]) == b"abc"
                continue
            with pytest.raises(FileNotDownloadable):
                service.content(space, file_id)
    assert b"".join(strict.content(space, refused, even_held_back=True)[1]) == b"abc"


def test_a_file_of_an_unknown_session_is_refused(services: Services, files: FileService, space: Space) -> None:
    with pytest.raises(ScopeNotFound):
        store(files, space, session_id=new_id())
    assert objects_of(services, space) == []


def test_a_copy_belongs_to_the_session_and_goes_with_it(services: Services, files: FileService, space: Space) -> None:
    original = store(files, space, data=b"content", lifetime=3600)
    copied = files.copy_into_scope(space, original, SESSION)
    written = store(files, space, session_id=SESSION, maker="agent")
    assert copied.id != original
    assert (copied.session_id, copied.expires_at, copied.shown_downloadable()) == (SESSION, None, False)
    assert files.read(space, copied.id)[1] == b"content"
    listed = [file.id for file in files.page(space, Window(10), SESSION).items]
    assert set(listed) == {copied.id, written}
    files.delete_scope(space, SESSION)
    assert files.page(space, Window(10), SESSION).items == []
    assert [file.id for file in files.page(space, Window(10)).items] == [original]
    assert [key.split("/")[3] for key in objects_of(services, space)] == [original]


def test_a_repeated_copy_is_made_once(services: Services, files: FileService, space: Space) -> None:
    original, chosen = store(files, space), new_id()
    first = files.copy_into_scope(space, original, SESSION, chosen)
    assert files.copy_into_scope(space, original, SESSION, chosen) == first
    assert len(objects_of(services, space)) == 2


def test_a_repeated_upload_is_the_first_one_unless_it_differs(
    services: Services, files: FileService, space: Space
) -> None:
    chosen = new_id()
    first = files.create_from_bytes(space, FileDraft("a.txt", "text/plain"), b"abc", chosen)
    assert files.create_from_bytes(space, FileDraft("a.txt", "text/plain"), b"abc", chosen) == first
    with pytest.raises(FileDiffers):
        files.create_from_bytes(space, FileDraft("a.txt", "text/plain"), b"other", chosen)
    assert files.read(space, chosen)[1] == b"abc"
    assert len(objects_of(services, space)) == 1


def test_files_are_listed_newest_first_in_pages(
    files: FileService, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(5):
        monkeypatch.setattr("chalicelib.files.service.now_ms", lambda number=number: 1_700_000_000_000 + number)
        made.append(store(files, space, session_id=SESSION))
    for session in (None, SESSION):
        first = files.page(space, Window(2), session)
        second = files.page(space, Window(2, first.next), session)
        third = files.page(space, Window(2, second.next), session)
        assert [file.id for page in (first, second, third) for file in page.items] == made[::-1]
        assert third.next is None
        back = files.page(space, Window(2, files.position(space, made[1]), ascending=True), session)
        assert [file.id for file in back.items] == made[2:4]


def test_what_clients_sent_to_a_session_is_told_from_what_its_agent_made(files: FileService, space: Space) -> None:
    sent = files.create_from_bytes(space, FileDraft("a", "text/plain", session_id=SESSION), b"a")
    other = files.create_from_bytes(space, FileDraft("b", "text/plain", session_id=SESSION), b"b")
    files.create_from_bytes(space, FileDraft("c", "text/plain", "agent", session_id=SESSION), b"c")
    files.create_from_bytes(space, FileDraft("d", "text/plain"), b"d")
    assert {file.id for file in files.sent_to(space, SESSION)} == {sent.id, other.id}
    assert [file.id for file in files.sent_to(space, SESSION, {sent.id})] == [other.id]
    files.delete(space, other.id)
    assert files.sent_to(space, SESSION, [sent.id]) == []


def test_a_file_that_cannot_be_removed_keeps_no_other_waiting(
    services: Services, files: FileService, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, _ = store(files, space, lifetime=3600), store(files, space, lifetime=3600)
    later = now_ms() + 3_600_000
    monkeypatch.setattr("chalicelib.files.service.now_ms", lambda: later)
    removing = FileService._discard_content

    def breaks(self: FileService, file: File) -> None:
        if file.id == broken:
            raise RuntimeError
        removing(self, file)

    monkeypatch.setattr(FileService, "_discard_content", breaks)
    assert files.sweep() == 2
    assert {key.split("/")[3] for key in objects_of(services, space)} == {broken}
