"""Files: upload, read, list, attach to sessions, and what goes when a session goes."""

import time
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import listed, make_session, rest, send, turn
from tests.fakes.model_server import FakeModel

BYTES = bytes(range(256)) * 64


def _scoped(client: Anthropic, session_id: str) -> list[Any]:
    return list(client.beta.files.list(scope_id=session_id))


def _attached(client: Anthropic, file_id: str, **more: Any) -> Any:
    return make_session(client, resources=[{"type": "file", "file_id": file_id} | more])


def test_an_upload_is_described_listed_read_and_removed(either: Anthropic) -> None:
    made = either.files.upload(file=("data.bin", BYTES, "application/x-thing"))
    assert (made.type, made.filename, made.mime_type, made.size_bytes) == (
        "file",
        "data.bin",
        "application/x-thing",
        len(BYTES),
    )
    assert (made.downloadable, made.expires_at, made.scope) == (False, None, None)
    assert either.files.retrieve_metadata(made.id).to_dict() == made.to_dict()
    assert [one.id for one in either.files.list()] == [made.id]
    assert either.files.download(made.id).read() == BYTES
    gone = either.files.delete(made.id)
    assert (gone.id, gone.type) == (made.id, "file_deleted")
    for read in (either.files.retrieve_metadata, either.files.download, either.files.delete):
        with pytest.raises(anthropic.NotFoundError):
            read(made.id)
    assert either.files.list().data == []


def test_the_beta_client_sees_the_same_files(either: Anthropic) -> None:
    made = either.beta.files.upload(file=("a.txt", b"text"))
    assert either.beta.files.retrieve_metadata(made.id).filename == "a.txt"
    assert either.beta.files.download(made.id).read() == b"text"
    assert [one.id for one in either.files.list()] == [made.id]
    assert either.beta.files.delete(made.id).id == made.id


def test_a_large_file_is_streamed_byte_by_byte_the_same(client: Anthropic, tmp_path: Path) -> None:
    source = tmp_path / "large.bin"
    source.write_bytes(BYTES * 640)
    made = client.files.upload(file=source)
    assert (made.filename, made.size_bytes) == ("large.bin", len(BYTES) * 640)
    target = tmp_path / "back.bin"
    with client.files.with_streaming_response.download(made.id) as answer:
        answer.stream_to_file(target)
    assert target.read_bytes() == source.read_bytes()


@pytest.mark.parametrize(("given", "kept"), [("dir/sub/name.txt", "name.txt"), ("ünï cödé.txt", "ünï cödé.txt")])
def test_of_a_name_the_last_part_is_kept(client: Anthropic, given: str, kept: str) -> None:
    assert client.files.upload(file=(given, b"x")).filename == kept


def test_an_empty_file_is_a_file(client: Anthropic) -> None:
    made = client.files.upload(file=("empty.txt", b""))
    assert made.size_bytes == 0
    assert client.files.download(made.id).read() == b""


def test_ids_choose_known_files_in_one_page(either: Anthropic) -> None:
    made = [either.files.upload(file=(f"{number}.txt", b"x")).id for number in range(3)]
    page = either.files.list(ids=[made[0], "file_unknown", made[2]])
    assert {one.id for one in page.data} == {made[0], made[2]}
    assert page.next_page is None
    assert either.files.list(ids=["file_unknown"]).data == []


def test_the_time_of_expiry_is_told(client: Anthropic) -> None:
    made = client.files.upload(file=("a.txt", b"x"), expires_in_seconds=3600)
    assert made.expires_at is not None
    assert (made.expires_at - made.created_at).total_seconds() == pytest.approx(3600, abs=1)
    for seconds in (3599, 7_776_001):
        with pytest.raises(anthropic.BadRequestError, match="expires_in_seconds"):
            client.files.upload(file=("a.txt", b"x"), expires_in_seconds=seconds)


def test_a_session_gets_a_copy_of_its_own_that_goes_with_it(either: Anthropic) -> None:
    upload = either.files.upload(file=("notes.txt", b"remember"))
    session = _attached(either, upload.id, mount_path="/mnt/session/uploads/notes.txt")
    (resource,) = session.resources
    assert (resource.type, resource.mount_path) == ("file", "/mnt/session/uploads/notes.txt")
    assert resource.file_id != upload.id
    (copy,) = _scoped(either, session.id)
    assert (copy.id, copy.filename, copy.size_bytes) == (resource.file_id, "notes.txt", 8)
    assert copy.scope.to_dict() == {"type": "session", "id": session.id}
    assert _scoped(either, make_session(either, session.agent.id).id) == []
    either.beta.sessions.delete(session.id)
    with pytest.raises(anthropic.NotFoundError):
        either.files.retrieve_metadata(copy.id)
    assert _scoped(either, session.id) == []
    assert either.files.download(upload.id).read() == b"remember"


def test_the_mount_path_is_given_when_none_is_asked_for(client: Anthropic) -> None:
    upload = client.files.upload(file=("notes.txt", b"x"))
    path = _attached(client, upload.id).resources[0].mount_path
    assert path == f"/mnt/session/uploads/{upload.id}"


def test_files_are_attached_and_detached_later(either: Anthropic) -> None:
    upload = either.files.upload(file=("late.txt", b"late"))
    session = make_session(either)
    added = either.beta.sessions.resources.add(session.id, type="file", file_id=upload.id, mount_path="/mnt/late.txt")
    assert (added.type, added.mount_path) == ("file", "/mnt/late.txt")
    assert [one.to_dict() for one in either.beta.sessions.resources.list(session.id)] == [added.to_dict()]
    read = either.beta.sessions.resources.retrieve(added.id, session_id=session.id)
    assert read.to_dict() == added.to_dict()
    assert len(either.beta.sessions.retrieve(session.id).resources) == 1
    gone = either.beta.sessions.resources.delete(added.id, session_id=session.id)
    assert (gone.id, gone.type) == (added.id, "session_resource_deleted")
    assert list(either.beta.sessions.resources.list(session.id)) == []
    assert _scoped(either, session.id) == []
    assert either.files.retrieve_metadata(upload.id).size_bytes == 4
    with pytest.raises(anthropic.NotFoundError):
        either.beta.sessions.resources.retrieve(added.id, session_id=session.id)


def test_a_session_that_is_refused_leaves_no_copy(client: Anthropic) -> None:
    upload = client.files.upload(file=("once.txt", b"x"))
    files = [{"type": "file", "file_id": upload.id}, {"type": "file", "file_id": "file_unknown"}]
    with pytest.raises(anthropic.NotFoundError, match=r"resources\.1"):
        make_session(client, resources=files)
    assert [one.id for one in client.files.list()] == [upload.id]


def test_an_archived_session_takes_no_more_files(client: Anthropic) -> None:
    upload = client.files.upload(file=("once.txt", b"x"))
    session = make_session(client)
    client.beta.sessions.archive(session.id)
    with pytest.raises(anthropic.BadRequestError, match="archived"):
        client.beta.sessions.resources.add(session.id, type="file", file_id=upload.id)
    assert _scoped(client, session.id) == []


def test_a_removed_upload_leaves_the_copies_of_sessions(client: Anthropic) -> None:
    upload = client.files.upload(file=("source.txt", b"kept"))
    session = _attached(client, upload.id)
    client.files.delete(upload.id)
    assert [one.size_bytes for one in _scoped(client, session.id)] == [4]


def test_a_message_may_carry_an_uploaded_picture(client: Anthropic, model: FakeModel) -> None:
    upload = client.files.upload(file=("dot.png", b"\x89PNG not really", "image/png"))
    session = make_session(client)
    image = {"type": "image", "source": {"type": "file", "file_id": upload.id}}
    send(client, session.id, {"type": "user.message", "content": [{"type": "text", "text": "see this"}, image]})
    assert rest(client, session.id).status == "idle"
    source = model.requests_of("see this")[0]["body"]["messages"][0]["content"][1]["source"]
    assert source["media_type"] == "image/png"


def test_what_is_no_picture_is_not_taken_for_one(client: Anthropic) -> None:
    upload = client.files.upload(file=("notes.txt", b"words", "text/plain"))
    session = make_session(client)
    sources: list[Any] = [
        {"type": "file", "file_id": upload.id},
        {"type": "base64", "media_type": "text/plain", "data": "d29yZHM="},
    ]
    for source in sources:
        image = {"type": "image", "source": source}
        with pytest.raises(anthropic.BadRequestError, match=r"events\.0\.content\.0\.source"):
            send(client, session.id, {"type": "user.message", "content": [image]})
        with pytest.raises(anthropic.BadRequestError, match=r"initial_events\.0\.content\.0\.source"):
            make_session(client, initial_events=[{"type": "user.message", "content": [image]}])
    assert listed(client, session.id) == []


def test_uploads_made_at_once_are_all_kept(client: Anthropic) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda n: client.files.upload(file=(f"{n}.txt", str(n).encode())), range(12)))
    assert {client.files.download(one.id).read() for one in made} == {str(n).encode() for n in range(12)}


def test_newest_files_come_first(client: Anthropic) -> None:
    names = []
    for number in range(3):
        names.append(client.files.upload(file=(f"{number}.txt", b"x")).filename)
        time.sleep(0.002)
    assert [one.filename for one in client.files.list()] == names[::-1]
    turn(client, make_session(client).id, "files do not disturb turns")
