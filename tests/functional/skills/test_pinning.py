"""Which versions a session has: settled once, for its agent and those it may use, with folders that stand apart."""

from typing import Any

import pytest

from chalicelib.agents.errors import UnknownSkill
from chalicelib.skills.model import MOST_BODY
from chalicelib.skills.pinning import pin
from chalicelib.skills.policy import PLAIN
from chalicelib.skills.sources import SkillDraft, of_bytes
from chalicelib.storage.keys import Space
from chalicelib.wiring import Services
from tests.support.skills import guide

HERE = Space("tenant-a")


def made(services: Services, name: str, body: str = "Do it.") -> str:
    """A new skill; its id."""
    sent = SkillDraft([of_bytes("SKILL.md", guide(name, body=body).encode())])
    return services.skills.create(HERE, sent, PLAIN)[0].public_id


def agent(*skills: Any, origin: str = "sdk", roster: dict[str, Any] | None = None) -> dict[str, Any]:
    """An agent with these skills, each an id or an id with a version."""
    pairs = [(one, "latest") if isinstance(one, str) else one for one in skills]
    wanted = [{"type": "custom", "skill_id": skill_id, "version": version} for skill_id, version in pairs]
    return {"id": "a", "origin": origin, "skills": wanted, "roster": roster or {}}


def test_versions_are_settled_for_the_agent_and_those_it_may_use(services: Services) -> None:
    first, second = made(services, "first"), made(services, "second")
    given = agent(first, "builtin_pdf", roster={"b@1": agent(second, first, origin="plain")})
    found = pin(services.skills, HERE, given, strict=True)
    ids = {pinned["id"]: pinned["version"] for pinned in found.skills}
    assert list(ids) == [first, "builtin_pdf", second]
    assert [one["version"] for one in found.agent["skills"]] == [ids[first], ids["builtin_pdf"]]
    assert [one["type"] for one in found.agent["skills"]] == ["custom", "anthropic"]
    assert [one["version"] for one in found.agent["roster"]["b@1"]["skills"]] == [ids[second], ids[first]]
    assert {pinned["id"]: "body" in pinned for pinned in found.skills} == {
        first: True,
        "builtin_pdf": False,
        second: True,
    }
    assert given["skills"][0]["version"] == "latest"


def test_skills_of_one_name_get_folders_of_their_own(services: Services) -> None:
    ids = [made(services, "same") for _ in range(3)]
    found = pin(services.skills, HERE, agent(*ids), strict=True)
    assert [(one["name"], one["folder"]) for one in found.skills] == [
        ("same", "same"),
        ("same", "same-2"),
        ("same", "same-3"),
    ]


def test_two_names_of_one_version_are_one_folder(services: Services) -> None:
    skill = made(services, "one")
    number = services.skills.get(HERE, skill).latest
    found = pin(services.skills, HERE, agent(skill, (skill, str(number)), "pdf", "builtin_pdf"), strict=True)
    assert [one["folder"] for one in found.skills] == ["one", "pdf"]
    assert len({one["version"] for one in found.agent["skills"]}) == 2


def test_what_cannot_be_found_is_kept_as_it_was_or_refused(services: Services) -> None:
    skill = made(services, "one")
    given = agent("skill_gone", skill, (skill, "12"), ("builtin_pdf", "12"), origin="plain")
    found = pin(services.skills, HERE, given, strict=False)
    assert [pinned["id"] for pinned in found.skills] == [skill]
    assert found.missing == ["skill_gone", skill, "builtin_pdf"]
    assert [one["version"] for one in found.agent["skills"]][2:] == ["12", "12"]
    assert [notice["details"] for notice in found.notices()] == [{"skill_id": one} for one in found.missing]
    with pytest.raises(UnknownSkill) as refused:
        pin(services.skills, HERE, given, strict=True)
    assert (refused.value.field, refused.value.code) == ("agent.skills.0.skill_id", "skill_not_found")


def test_a_long_guide_is_pinned_in_part(services: Services) -> None:
    skill = made(services, "long", body="x" * (MOST_BODY + 1))
    (pinned,) = pin(services.skills, HERE, agent(skill, origin="plain"), strict=True).skills
    assert (len(pinned["body"]), pinned["body_cut"]) == (MOST_BODY, True)


def test_many_skills_cost_two_reads(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [made(services, f"skill-{n}") for n in range(20)]
    table = services.skills._store._table
    reads: list[int] = []
    real = table.get_many

    def counted(keys: Any) -> Any:
        reads.append(len(keys))
        return real(keys)

    monkeypatch.setattr(table, "get_many", counted)
    pin(services.skills, HERE, agent(*ids), strict=True)
    assert reads == [20, 20]
    assert pin(services.skills, HERE, agent(), strict=True).skills == []
    assert len(reads) == 2
