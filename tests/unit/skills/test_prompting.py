"""What a model is told of skills."""

from typing import Any

from chalicelib.skills.prompting import MOST_IN_FULL, MOST_LINE, section


def pin(name: str, **more: Any) -> dict[str, Any]:
    """A pinned version."""
    usual = {"skill": name, "id": f"skill_{name}", "version": f"v-{name}", "name": name, "folder": name}
    return usual | {"description": f"About {name}."} | more


def agent(*names: str, origin: str = "sdk") -> dict[str, Any]:
    """An agent with these skills."""
    return {"origin": origin, "skills": [{"type": "custom", "skill_id": one, "version": f"v-{one}"} for one in names]}


def test_without_skills_nothing_is_said() -> None:
    assert section({}, []) == section(agent(), [pin("a")]) == section(agent("a"), []) == ""


def test_names_descriptions_and_folders_are_listed_in_the_order_of_the_agent() -> None:
    pins = [pin("a"), pin("b", folder="b-2"), pin("c")]
    said = section(agent("b", "gone", "a"), pins)
    assert said.split("\n\n")[1].split("\n") == [
        "- b (/home/user/.skills/b-2/SKILL.md): About b.",
        "- a (/home/user/.skills/a/SKILL.md): About a.",
    ]
    assert said == section(agent("b", "gone", "a"), list(reversed(pins)))


def test_a_worker_of_the_customer_has_them_in_its_working_directory() -> None:
    assert "- a (skills/a/SKILL.md): About a." in section(agent("a"), [pin("a", folder="a-2")], self_hosted=True)


def test_guides_stand_in_full_for_agents_of_plain_clients_alone() -> None:
    pins = [pin("a", body="Do <it>."), pin("b", body="x", body_cut=True), pin("c")]
    assert "Do <it>." not in section(agent("a", "b", "c"), pins)
    said = section(agent("a", "b", "c", origin="plain"), pins).split("\n\n")
    assert said[2:] == [
        '<source name="skill:skill_a">\n<skill name="a">\nDo <it>.\n</skill>\n</source>',
        '<source name="skill:skill_b">\n<skill name="b">\nx\n[The guide goes on in SKILL.md.]\n</skill>\n</source>',
    ]


def test_the_section_is_bounded() -> None:
    pins = [pin(str(n), description="d" * 4000, body="b" * 32_000) for n in range(20)]
    names = [str(n) for n in range(20)]
    said = section(agent(*names, origin="plain"), pins)
    assert said.count("<source") == MOST_IN_FULL // 32_000
    assert len(said) < MOST_IN_FULL + 20 * (MOST_LINE + 200) + 2000
