"""Skills on real storage: races have one outcome, what was broken off is seen by nobody and cleared away, uploads are
spooled, and tenants never meet."""

import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.core.clock import now_ms
from chalicelib.core.errors import LambentError
from chalicelib.skills import litter, service
from chalicelib.skills.errors import (
    InvalidSkill,
    SkillIdTaken,
    SkillNotFound,
    SkillVersionNotFound,
)
from chalicelib.skills.model import Skill
from chalicelib.skills.packing import packed
from chalicelib.skills.policy import PLAIN, SDK
from chalicelib.skills.reading import Made
from chalicelib.skills.sources import SkillDraft, of_bytes
from chalicelib.storage.keys import Space
from chalicelib.storage.listing import Window
from chalicelib.wiring import Services
from tests.support.skills import files_of, guide, unzipped, zip_of

HERE, THERE = Space("tenant-a"), Space("tenant-b")
AT_ONCE = 4


class Died(BaseException):
    """The process ends here."""


def draft(name: str = "folding", **more: Any) -> SkillDraft:
    """A skill as a client sends it."""
    files = more.pop("files", None) or files_of(name)
    return SkillDraft([of_bytes(path, text.encode()) for path, text in files.items()], **more)


def made(services: Services, **more: Any) -> Skill:
    """A new skill."""
    return services.skills.create(HERE, draft(**more), PLAIN)[0]


def objects_of(services: Services) -> list[str]:
    """Every object of the tenant's skills."""
    return services.objects.keys(HERE.object_key("skills", ""), now_ms() + 60_000)


def rows_of(services: Services, skill: Skill) -> list[str]:
    """What rows there are of a skill."""
    return [row["sk"] for row in services.table.walk(HERE.partition("skill", skill.id))]


def numbers(services: Services, skill: Skill) -> list[int]:
    """The numbers of its versions, newest first."""
    return [one.number for one in services.skills.versions(HERE, skill.public_id, below=None, limit=100)[1]]


def all_at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each gives, or the error it ends with."""

    def tried(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except LambentError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(tried, work) for work in works]]


def test_versions_added_at_once_all_stay_and_the_newest_is_the_latest(services: Services) -> None:
    skill = made(services)
    add = [
        lambda n=n: services.skills.add(HERE, skill.public_id, draft(files=_named(n)), PLAIN) for n in range(AT_ONCE)
    ]
    added: list[Made] = all_at_once(*add)
    after = services.skills.get(HERE, skill.public_id)
    assert (after.count, len(numbers(services, skill))) == (1 + AT_ONCE, 1 + AT_ONCE)
    assert after.latest == max(version.number for _, version in added) == numbers(services, skill)[0]
    newest = next(version for _, version in added if version.number == after.latest)
    assert (after.latest_id, after.description) == (newest.id, newest.description)
    assert len(objects_of(services)) == 1 + AT_ONCE
    assert not [sk for sk in rows_of(services, skill) if sk.startswith("X#")]


def _named(n: int) -> dict[str, str]:
    return {"SKILL.md": guide("folding", f"Number {n}.")}


def test_of_many_who_choose_one_id_one_gets_it(services: Services) -> None:
    tries = [lambda: services.skills.create(HERE, draft(id="mine"), PLAIN) for _ in range(AT_ONCE)]
    outcomes = all_at_once(*tries)
    assert sum(isinstance(one, tuple) for one in outcomes) == 1
    assert sum(isinstance(one, SkillIdTaken) for one in outcomes) == AT_ONCE - 1
    assert len(objects_of(services)) == 1


def test_repeats_of_one_request_at_once_make_one_skill_and_one_version(services: Services) -> None:
    tries = [lambda: services.skills.create(HERE, draft(), PLAIN, "key") for _ in range(AT_ONCE)]
    outcomes = all_at_once(*tries)
    assert len({(skill.id, version.id) for skill, version in outcomes}) == 1
    skill = outcomes[0][0]
    adds = [lambda: services.skills.add(HERE, skill.public_id, draft(), PLAIN, "key") for _ in range(AT_ONCE)]
    assert len({version.id for _, version in all_at_once(*adds)}) == 1
    assert len(numbers(services, skill)) == 2
    assert len(objects_of(services)) == 2


@pytest.mark.parametrize("_time", range(3))
def test_a_skill_that_is_deleted_while_versions_are_added_leaves_nothing(services: Services, _time: int) -> None:
    skill = made(services)

    def add() -> Made:
        return services.skills.add(HERE, skill.public_id, draft(), PLAIN)

    first, gone, second = all_at_once(add, lambda: services.skills.delete(HERE, skill.public_id, PLAIN), add)
    assert isinstance(gone, Skill)
    assert all(isinstance(one, tuple | SkillNotFound) for one in (first, second))
    assert (rows_of(services, skill), objects_of(services)) == ([], [])


def test_a_version_that_is_deleted_while_it_is_read_is_read_whole_or_not_found(services: Services) -> None:
    raw = b"".join(services.skills.archive(HERE, services.skills.create(HERE, draft(), PLAIN)[1]))
    for _ in range(5):
        skill, first = services.skills.create(HERE, draft(), PLAIN)
        services.skills.add(HERE, skill.public_id, draft(), PLAIN)

        def read(skill: Skill = skill, number: int = first.number) -> bytes:
            _, version = services.skills.version(HERE, skill.public_id, str(number))
            return b"".join(services.skills.archive(HERE, version))

        outcomes = all_at_once(
            read,
            lambda skill=skill, first=first: services.skills.delete_version(HERE, skill.public_id, first.id, PLAIN),
            read,
        )
        assert all(one == raw or isinstance(one, SkillVersionNotFound) for one in outcomes[::2])
        with pytest.raises(SkillVersionNotFound):
            services.skills.archive(HERE, first)


def test_deleting_two_versions_at_once_counts_both_and_finds_the_latest_that_is_left(services: Services) -> None:
    skill, first = services.skills.create(HERE, draft(), PLAIN)
    others = [services.skills.add(HERE, skill.public_id, draft(), PLAIN)[1] for _ in range(2)]
    all_at_once(
        *(
            lambda one=one: services.skills.delete_version(HERE, skill.public_id, one.id, SDK)  # type: ignore[misc]
            for one in others
        )
    )
    after = services.skills.get(HERE, skill.public_id)
    assert (after.count, after.latest_id, after.latest) == (1, first.id, first.number)
    again = services.skills.add(HERE, skill.public_id, draft(), PLAIN)[1]
    assert again.number > max(one.number for one in others)


def _made_or_added(services: Services, skill: Skill | None) -> Made:
    if skill is None:
        return services.skills.create(HERE, draft(), PLAIN, "key")
    return services.skills.add(HERE, skill.public_id, draft(), PLAIN, "key")


@pytest.mark.parametrize("adding", [False, True], ids=["first version", "second version"])
def test_a_death_between_bytes_and_row_leaves_nothing_to_see_and_is_cleared_away(
    services: Services, monkeypatch: pytest.MonkeyPatch, adding: bool
) -> None:
    skill = made(services) if adding else None
    store, before = services.skills._store, objects_of(services)

    def die(_steps: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(store, "commit", die)
        with pytest.raises(Died):
            _made_or_added(services, skill)
    assert len(objects_of(services)) == len(before) + 1
    assert services.skills.page(HERE, Window(10), "custom").items == ([] if skill is None else [skill])
    if skill is not None:
        assert len(numbers(services, skill)) == 1
    assert services.skills.sweep() == 0
    with monkeypatch.context() as patch:
        patch.setattr(litter, "now_ms", lambda: now_ms() + litter.UPLOAD_MS + 1)
        assert services.skills.sweep() == 1
        assert services.skills.sweep() == 0
    assert objects_of(services) == before
    assert _made_or_added(services, skill)[0].count == (1 if skill is None else 2)


def test_what_is_swept_while_it_is_being_stored_does_not_become_a_version_without_bytes(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    skill = made(services)
    store = services.skills._store
    commit = store.commit

    def late(steps: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(litter, "now_ms", lambda: now_ms() + litter.UPLOAD_MS + 1)
            services.skills.sweep()
        commit(steps)

    monkeypatch.setattr(store, "commit", late)
    monkeypatch.setattr(service, "_TRIES", 2)
    with pytest.raises(Exception, match="too many at once"):
        services.skills.add(HERE, skill.public_id, draft(), PLAIN)
    assert len(numbers(services, skill)) == len(objects_of(services)) == 1


def test_a_death_after_a_deletion_is_finished_by_the_clock_and_by_whoever_takes_the_id_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: object) -> None:
        raise Died

    for finish in ("clock", "maker"):
        skill = made(services, id="mine")
        with monkeypatch.context() as patch:
            patch.setattr(services.objects, "delete_prefix", die)
            with pytest.raises(Died):
                services.skills.delete(HERE, "mine", PLAIN)
        with pytest.raises(SkillNotFound):
            services.skills.version(HERE, "mine", "latest")
        assert len(objects_of(services)) == 1
        if finish == "clock":
            with monkeypatch.context() as patch:
                patch.setattr(litter, "now_ms", lambda: now_ms() + litter.UPLOAD_MS)
                assert services.skills.sweep() == 1
            assert (rows_of(services, skill), objects_of(services)) == ([], [])
        else:
            again = made(services, id="mine")
            assert again.count == len(numbers(services, again)) == len(objects_of(services)) == 1


def test_tenants_never_meet(services: Services) -> None:
    skill, version = services.skills.create(HERE, draft(id="mine"), PLAIN)
    for name in (skill.public_id, skill.id):
        with pytest.raises(SkillNotFound):
            services.skills.version(THERE, name, "latest")
        with pytest.raises(SkillNotFound):
            services.skills.delete(THERE, name, PLAIN)
        with pytest.raises(SkillNotFound):
            services.skills.add(THERE, name, draft(), PLAIN)
    with pytest.raises(SkillVersionNotFound):
        services.skills.archive(THERE, version)
    with pytest.raises(SkillVersionNotFound):
        services.skills.find_version(THERE, skill.id, version.id)
    assert services.skills.page(THERE, Window(10), "custom").items == []
    other, _ = services.skills.create(THERE, draft(id="mine"), PLAIN)
    services.skills.delete(THERE, "mine", PLAIN)
    assert other.id != skill.id
    assert services.skills.get(HERE, "mine") == skill


def test_two_processes_see_the_same_built_in_skills(services: Services, other_process: Services) -> None:
    one, other = (each.skills.version(HERE, "builtin_pdf", "latest")[1] for each in (services, other_process))
    assert one == other
    assert set(unzipped(b"".join(services.skills.archive(HERE, one)))) == {f"pdf/{file.path}" for file in one.files}


def test_large_skills_are_never_held_in_memory() -> None:
    block = random.Random(1).randbytes(1 << 20).hex()
    raw = zip_of({f"data/{n}.txt": block * 3 for n in range(3)} | {"SKILL.md": guide("folding")})
    sent = SkillDraft([of_bytes("s.zip", raw)])
    tracemalloc.start()
    try:
        with packed(sent, PLAIN) as pack:
            assert sum(len(piece) for piece in pack.pieces()) == pack.size > 6 << 20
            assert sum(file.size for file in pack.files) > 18 << 20
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 << 20


def test_a_refused_upload_stores_nothing(services: Services) -> None:
    with pytest.raises(InvalidSkill):
        services.skills.create(HERE, draft(files={"a.txt": "no guide"}), PLAIN)
    with pytest.raises(InvalidSkill):
        services.skills.create(HERE, draft(), SDK)
    assert objects_of(services) == []
