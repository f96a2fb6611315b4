"""Skills: upload, list, read, remove, and the same for their versions."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from chalicelib.core.errors import InvalidRequest
from chalicelib.core.ids import named_id
from chalicelib.core.numbers import whole
from chalicelib.doors.managed import lists, reach
from chalicelib.doors.managed.mode import is_sdk
from chalicelib.doors.managed.policies import skill_policy_of
from chalicelib.doors.managed.render import skills as render
from chalicelib.doors.managed.schemas import skills as schemas
from chalicelib.doors.managed.schemas.lists import Deleted, ListQuery
from chalicelib.doors.managed.skill_uploads import from_file, from_form, from_json, spooled
from chalicelib.http.idempotent import key_of
from chalicelib.http.route import Answer, Call, Download, Route
from chalicelib.skills.model import MOST_REQUEST_BYTES, Origin, Skill, SkillVersion
from chalicelib.skills.reading import Made
from chalicelib.skills.sources import SkillDraft, Source
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window

_LISTING = lists.Listing("skills", plain=(1000, 1000), sdk=(20, 1000))
_VERSIONS = lists.Listing("skill_versions", plain=(1000, 1000), sdk=(20, 1000))
_LEGACY = "skills-2025-10-02"
_FORM = "multipart/form-data"

Store = Callable[[SkillDraft], Made]


def _is_legacy(call: Call) -> bool:
    return _LEGACY in call.headers.get("anthropic-beta", "")


def _skill(call: Call, stored: Skill, latest: SkillVersion | None) -> dict[str, Any]:
    return render.skill(stored, latest, bare_source=_is_bare(call))


def _is_bare(call: Call) -> bool:
    return _is_legacy(call) or not is_sdk(call.headers)


def _space(call: Call) -> Space:
    return Space(call.principal.tenant)


def _is_form(call: Call) -> bool:
    return call.headers.get("content-type", "").startswith("multipart/")


async def create(call: Call) -> Answer:
    """Make a skill of files, of an archive, or of JSON."""
    return Answer(_skill(call, *await _stored(call, _creation(call))), 201)


async def upload(call: Call) -> Answer:
    """Make a skill of an archive."""
    return Answer(_skill(call, *await _stored(call, _creation(call), archive=True)), 201)


async def create_version(call: Call) -> Answer:
    """Add a version, the latest from now on."""
    store = await asyncio.to_thread(_addition, call)
    skill, version = await _stored(call, store)
    return Answer(render.version(skill, version), 201)


async def upload_version(call: Call) -> Answer:
    """Add a version out of an archive."""
    store = await asyncio.to_thread(_addition, call)
    skill, version = await _stored(call, store, archive=True)
    return Answer(render.version(skill, version), 201)


def _creation(call: Call) -> Store:
    policy, seed = skill_policy_of(call.headers), key_of(call.headers)
    return lambda sent: call.services.skills.create(_space(call), sent, policy, seed)


def _addition(call: Call) -> Store:
    """Looks for the skill at once, so that an unknown one is told before anything is read."""
    policy, seed, skill = skill_policy_of(call.headers), key_of(call.headers), call.path["skill_id"]
    call.services.skills.demand_own(_space(call), skill)
    return lambda sent: call.services.skills.add(_space(call), skill, sent, policy, seed)


def _uploaded(call: Call, file_id: str) -> Source:
    return from_file(*call.services.files.reader(_space(call), named_id("file", file_id, "file_id", "file")))


async def _stored(call: Call, store: Store, *, archive: bool = False) -> Made:
    if call.request is None:
        raise RuntimeError("an upload needs the request itself")
    with await spooled(call.request.stream()) as body:

        def work() -> Made:
            if not _is_form(call):
                return store(from_json(body, partial(_uploaded, call), archive=archive))
            with from_form(body, call.headers["content-type"]) as sent:
                return store(sent)

        return await asyncio.to_thread(work)


def list_(call: Call) -> Answer:
    """Skills, newest first, those that come with the server behind them."""
    query: schemas.SkillListQuery = call.query
    back, window = _window(call, query)
    found = call.services.skills.page(_space(call), window, _source(query.source))
    items = found.items[::-1] if back else found.items
    data = [render.skill(skill, bare_source=_is_bare(call)) for skill in items]
    if back:
        return Answer(lists.page(data, None, has_more=found.next is not None))
    return Answer(lists.page(data, lists.cursor(call, _LISTING, found.next)))


def _source(given: str | None) -> Origin | None:
    if given not in (None, "", "any", "anthropic", "custom"):
        raise InvalidRequest("source: must be anthropic, custom or any", field="source", code="invalid_source")
    return cast("Origin", given) if given in ("anthropic", "custom") else None


def _window(call: Call, query: schemas.SkillListQuery) -> tuple[bool, Window]:
    """Whether the page is read backwards, and the part of the list it takes."""
    window = lists.window(call, _LISTING, query)
    anchor = query.after_id or query.before_id
    if query.page or not anchor:
        return False, window
    position = call.services.skills.position(_space(call), anchor)
    if position is None:
        name = "after_id" if query.after_id else "before_id"
        if is_sdk(call.headers):
            raise InvalidRequest(f"{name}: no such skill", field=name)
        return False, window
    back = not query.after_id
    return back, Window(window.limit, position, window.created_from, window.created_to, back)


def retrieve(call: Call) -> Answer:
    """One skill, with the files of its latest version."""
    return Answer(_skill(call, *call.services.skills.with_latest(_space(call), call.path["skill_id"])))


def delete(call: Call) -> Answer:
    """Remove a skill: of an SDK's tenant when its versions are gone, else with them."""
    gone = call.services.skills.delete(_space(call), call.path["skill_id"], skill_policy_of(call.headers))
    return Answer({"id": gone.public_id, "type": "skill_deleted"})


def file(call: Call) -> Download:
    """A file of the latest version."""
    found, pieces = call.services.skills.file(_space(call), call.path["skill_id"], call.path["filename"])
    return Download(pieces, found.media_type, render.file_headers(found))


def list_versions(call: Call) -> Answer:
    """Versions of a skill, newest first."""
    query: ListQuery = call.query
    at = whole(lists.position(call, _VERSIONS, query.page))
    size = _VERSIONS.size(query, call.headers)
    skill, found, more = call.services.skills.versions(_space(call), call.path["skill_id"], below=at, limit=size)
    following = str(found[-1].number) if found and more else None
    data = [render.version(skill, one) for one in found]
    return Answer(lists.page(data, lists.cursor(call, _VERSIONS, following)))


def _version(call: Call) -> Made:
    return call.services.skills.version(_space(call), call.path["skill_id"], call.path["version"])


def retrieve_version(call: Call) -> Answer:
    """One version, by id, by number, or the latest."""
    return Answer(render.version(*_version(call)))


def download(call: Call) -> Download:
    """A version as an archive with one top folder named like the skill."""
    _, version = _version(call)
    pieces = call.services.skills.archive(_space(call), version)
    return Download(pieces, "application/zip", render.archive_headers(version))


def delete_version(call: Call) -> Answer:
    """Remove a version; the one before it becomes the latest."""
    policy = skill_policy_of(call.headers)
    skill, gone = call.services.skills.delete_version(_space(call), call.path["skill_id"], call.path["version"], policy)
    return Answer(render.version_deleted(skill.public_id, gone, legacy=_is_legacy(call)))


_ALL = "/v1/skills"
_ONE = "/v1/skills/{skill_id}"
_VERSION = f"{_ONE}/versions/{{version}}"
_TAGS = ("skills",)
_MEDIA = (_FORM, "application/json")
ROUTES: tuple[Route, ...] = (
    Route(
        ("POST",),
        _ALL,
        create,
        "Create a skill",
        scope="write",
        body=schemas.SkillInput,
        answers={201: schemas.SkillAnswer},
        errors=(404, 409, 413, 415),
        raw=True,
        raw_media=_MEDIA,
        limit="upload",
        body_limit=MOST_REQUEST_BYTES,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ALL}/upload",
        upload,
        "Create a skill from an archive",
        scope="write",
        answers={201: schemas.SkillAnswer},
        errors=(404, 409, 413),
        raw=True,
        limit="upload",
        body_limit=MOST_REQUEST_BYTES,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ALL,
        list_,
        "List skills",
        query=schemas.SkillListQuery,
        answers={200: schemas.SkillPage},
        errors=(400,),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _ONE,
        retrieve,
        "Retrieve a skill",
        answers={200: schemas.SkillAnswer},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_skill,
    ),
    Route(
        ("DELETE",),
        _ONE,
        delete,
        "Delete a skill",
        scope="write",
        answers={200: Deleted},
        errors=(400, 403, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/files/{{filename:path}}",
        file,
        "Download a file of a skill",
        answers={200: "*/*"},
        errors=(404,),
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/versions",
        create_version,
        "Create a version of a skill",
        scope="write",
        body=schemas.SkillInput,
        answers={201: schemas.SkillVersionAnswer},
        errors=(403, 404, 409, 413, 415),
        raw=True,
        raw_media=_MEDIA,
        limit="upload",
        body_limit=MOST_REQUEST_BYTES,
        tags=_TAGS,
    ),
    Route(
        ("POST",),
        f"{_ONE}/versions/upload",
        upload_version,
        "Create a version of a skill from an archive",
        scope="write",
        answers={201: schemas.SkillVersionAnswer},
        errors=(403, 404, 409, 413),
        raw=True,
        limit="upload",
        body_limit=MOST_REQUEST_BYTES,
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        f"{_ONE}/versions",
        list_versions,
        "List the versions of a skill",
        query=ListQuery,
        answers={200: schemas.SkillVersionPage},
        errors=(400, 404),
        tags=_TAGS,
    ),
    Route(
        ("GET",),
        _VERSION,
        retrieve_version,
        "Retrieve a version of a skill",
        answers={200: schemas.SkillVersionAnswer},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_skill,
    ),
    Route(
        ("GET",),
        f"{_VERSION}/content",
        download,
        "Download a version of a skill",
        answers={200: "application/zip"},
        errors=(404,),
        tags=_TAGS,
        reach=reach.own_skill,
    ),
    Route(
        ("DELETE",),
        _VERSION,
        delete_version,
        "Delete a version of a skill",
        scope="write",
        answers={200: schemas.SkillVersionDeleted},
        errors=(400, 403, 404),
        tags=_TAGS,
    ),
)
