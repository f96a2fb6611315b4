"""Skills with the official client: made from a directory or an archive and given further versions; what breaks its
rules is refused, downloads unpack to one folder, agents use the files, and earlier releases get their own shapes."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic, BadRequestError, NotFoundError
from anthropic.lib import files_from_dir

from tests.e2e.anthropic_sdk.helpers import make_agent, make_session, of, said, turn
from tests.fakes.model_server import FakeModel
from tests.support.api import Api
from tests.support.server import Server
from tests.support.skills import files_of, guide, modes_of, zip_of

TOOLSET = {"type": "agent_toolset_20260401"}
LEGACY = {"extra_headers": {"anthropic-beta": "skills-2025-10-02"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A skill on disk."""
    root = tmp_path / "folding"
    for path, text in files_of("folding").items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def zipped(name: str = "folding", **more: str) -> tuple[str, bytes]:
    """An archive as the client sends it."""
    return "skill.zip", zip_of(files_of(name, name, **more), executable=(f"{name}/run.sh",))


def parts(name: str, files: dict[str, str]) -> list[tuple[str, bytes]]:
    """Files below a top folder as the client sends them."""
    return [(f"{name}/{path}", text.encode()) for path, text in files.items()]


def test_a_skill_is_made_from_a_directory_and_its_archive_unpacks_to_one_folder(
    client: Anthropic, folder: Path, tmp_path: Path
) -> None:
    skill = client.skills.create(files=files_from_dir(str(folder)), display_name="Folding paper")
    assert (skill.type, skill.display_name, skill.source.type) == ("skill", "Folding paper", "custom")
    version = client.skills.versions.retrieve(skill.latest_version_id, skill_id=skill.id)
    assert (version.type, version.name, version.description) == ("skill_version", "folding", "Folds paper.")
    assert (version.skill_id, version.id) == (skill.id, skill.latest_version_id)
    raw = client.beta.skills.versions.download("latest", skill_id=skill.id).read()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        archive.extractall(tmp_path / "out")
    (top,) = (tmp_path / "out").iterdir()
    assert top.name == "folding"
    assert {str(one.relative_to(top)) for one in top.rglob("*") if one.is_file()} == set(files_of("folding"))
    assert modes_of(raw)["folding/run.sh"] == 0o755
    assert modes_of(raw)["folding/SKILL.md"] == 0o644


def test_archives_versions_and_their_deletion_in_the_order_the_client_has_to_keep(client: Anthropic) -> None:
    skill = client.skills.create(files=[zipped()])
    assert skill.display_name == "folding"
    second = client.skills.versions.create(skill.id, files=parts("folding", {"SKILL.md": guide("folding", "Better.")}))
    assert client.skills.retrieve(skill.id).latest_version_id == second.id
    assert [one.id for one in client.skills.versions.list(skill.id, limit=1)] == [second.id, skill.latest_version_id]
    with pytest.raises(BadRequestError, match="versions"):
        client.skills.delete(skill.id)
    gone = client.skills.versions.delete(second.id, skill_id=skill.id)
    assert (gone.id, gone.type) == (second.id, "skill_version_deleted")
    assert client.skills.retrieve(skill.id).latest_version_id == skill.latest_version_id
    client.skills.versions.delete("latest", skill_id=skill.id)
    assert client.skills.retrieve(skill.id).latest_version_id == ""
    assert list(client.skills.versions.list(skill.id)) == []
    deleted = client.skills.delete(skill.id)
    assert (deleted.id, deleted.type) == (skill.id, "skill_deleted")
    with pytest.raises(NotFoundError):
        client.skills.retrieve(skill.id)


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param(parts("paper", files_of("folding")), "named like", id="folder of another name"),
        pytest.param([("SKILL.md", guide("folding").encode())], "top folder", id="no folder"),
        pytest.param([*parts("folding", files_of("folding")), ("other/x", b"x")], "top folder", id="two folders"),
        pytest.param(parts("folding", {"a/SKILL.md": guide("folding")}), "top folder", id="guide not at the root"),
        pytest.param(parts("folding", {"SKILL.md": "---\nname: folding\n---\n"}), "description", id="no description"),
        pytest.param(parts("folding", {"SKILL.md": "---\ndescription: x\n---\n"}), "no name", id="no name"),
        pytest.param([("s.zip", zip_of(files_of("folding")))], "top folder", id="archive without folder"),
    ],
)
def test_what_breaks_a_rule_is_refused(client: Anthropic, files: Any, told: str) -> None:
    with pytest.raises(BadRequestError, match=told):
        client.skills.create(files=files)
    skill = client.skills.create(files=[zipped()])
    with pytest.raises(BadRequestError, match=told):
        client.skills.versions.create(skill.id, files=files)


def test_the_list_pages_and_filters(client: Anthropic) -> None:
    own = [client.skills.create(files=[zipped(f"skill-{n}")]).id for n in range(3)][::-1]
    everything = [one.id for one in client.skills.list(limit=2)]
    assert everything[:3] == own
    assert set(everything[3:]) == {f"builtin_{name}" for name in ("docx", "pdf", "pptx", "xlsx")}
    assert [one.id for one in client.skills.list(source="custom")] == own
    assert {one.source.type for one in client.skills.list(source="anthropic")} == {"anthropic"}


def test_an_agent_uses_the_files_and_its_model_is_told_where_they_are(client: Anthropic, model: FakeModel) -> None:
    skill = client.skills.create(files=[zipped()])
    wanted = [
        {"type": "custom", "skill_id": skill.id, "version": "latest"},
        {"type": "anthropic", "skill_id": "xlsx", "version": "latest"},
    ]
    agent = make_agent(client, tools=[TOOLSET], skills=wanted)
    assert [one.version for one in agent.skills] == ["latest", "latest"]
    session = make_session(client, agent)
    assert session.agent.skills[0].version == skill.latest_version_id
    assert [one.type for one in session.agent.skills] == ["custom", "anthropic"]
    script = "/home/user/.skills/folding/run.sh twice; printf 'a,1\\n' > a.csv; X=/home/user/.skills/xlsx/scripts;"
    script += " $X/xlsx_cells.py write a.xlsx a.csv && $X/xlsx_cells.py read a.xlsx"
    events = turn(client, session.id, f"tool:bash input:{json.dumps({'command': script})} tokens:2")
    assert said(of(events, "agent.tool_result")[0]) == "folded twice\na,1"
    told = json.dumps(model.requests[-1]["body"]["system"])
    assert "- folding (/home/user/.skills/folding/SKILL.md): Folds paper." in told
    assert "- xlsx (/home/user/.skills/xlsx/SKILL.md): Read and write Excel workbooks" in told
    assert "Fold it twice." not in told
    events = turn(client, session.id, 'tool:read input:{"file_path": "/home/user/.skills/folding/SKILL.md"} tokens:2')
    assert "Fold it twice." in said(of(events, "agent.tool_result")[-1])


def test_references_that_lead_nowhere_are_refused(client: Anthropic) -> None:
    skill = client.skills.create(files=[zipped()])
    for reference in (
        {"type": "custom", "skill_id": "skill_unknown"},
        {"type": "custom", "skill_id": skill.id, "version": "123"},
        {"type": "anthropic", "skill_id": "poetry"},
    ):
        with pytest.raises(BadRequestError, match="skill"):
            make_agent(client, skills=[reference])
    with pytest.raises(BadRequestError, match="more than once"):
        make_agent(client, skills=[{"type": "custom", "skill_id": skill.id}] * 2)


def test_when_the_last_version_is_gone_agents_keep_the_reference_and_start_no_session(client: Anthropic) -> None:
    skill = client.skills.create(files=[zipped()])
    agent = make_agent(client, skills=[{"type": "custom", "skill_id": skill.id}])
    running = make_session(client, agent)
    client.skills.versions.delete(skill.latest_version_id, skill_id=skill.id)
    for _ in range(2):
        assert client.beta.agents.retrieve(agent.id).skills[0].skill_id == skill.id
        with pytest.raises(BadRequestError) as refused:
            make_session(client, agent)
        assert refused.value.body["error"]["details"]["error_code"] == "skill_not_found"
        if client.skills.retrieve(skill.id).latest_version_id:
            break
        client.skills.versions.create(skill.id, files=[zipped()])
        assert make_session(client, agent).agent.skills[0].skill_id == skill.id
        client.skills.versions.delete("latest", skill_id=skill.id)
    client.skills.delete(skill.id)
    assert client.beta.sessions.retrieve(running.id).agent.skills[0].version == skill.latest_version_id


def test_an_override_of_one_session_names_its_own_skills(client: Anthropic) -> None:
    skill = client.skills.create(files=[zipped()])
    agent = make_agent(client)
    chosen = {"type": "agent_with_overrides", "id": agent.id, "skills": [{"type": "custom", "skill_id": skill.id}]}
    place = client.beta.environments.create(name=f"place-{skill.id}").id
    session = client.beta.sessions.create(agent=chosen, environment_id=place)
    assert [one.version for one in session.agent.skills] == [skill.latest_version_id]
    unknown = chosen | {"skills": [{"type": "custom", "skill_id": "skill_unknown"}]}
    with pytest.raises(BadRequestError, match=r"agent\.skills\.0\.skill_id"):
        client.beta.sessions.create(agent=unknown, environment_id=place)


def test_earlier_releases_get_their_shapes(server: Server, key: str, client: Anthropic) -> None:
    raw = Api(server.url, key, sdk=True)
    skill = client.skills.create(files=[zipped()], display_name="Folding paper")
    headers = LEGACY["extra_headers"]
    shown = raw.ok("GET", f"/v1/skills/{skill.id}?beta=true", headers=headers)
    assert (shown["display_title"], shown["source"]) == ("Folding paper", "custom")
    number = shown["latest_version"]
    assert number.isdigit()
    version = raw.ok("GET", f"/v1/skills/{skill.id}/versions/{number}?beta=true", headers=headers)
    assert (version["version"], version["directory"], version["name"]) == (number, "folding", "folding")
    listed = raw.ok("GET", "/v1/skills?source=anthropic&beta=true", headers=headers)["data"]
    assert {one["source"] for one in listed} == {"anthropic"}
    assert all(one["latest_version"].isdigit() for one in listed)
    form = {"files[]": zipped(), "files[][]": ("odd", b"x")}
    made = raw.client.post(f"/v1/skills/{skill.id}/versions", files=form, headers=headers)
    assert made.status_code == 201, made.text
    second = made.json()["version"]
    gone = raw.ok("DELETE", f"/v1/skills/{skill.id}/versions/{second}", headers=headers)
    assert (gone["id"], gone["type"]) == (second, "skill_version_deleted")
    raw.close()


def test_the_beta_namespace_is_the_same(either: Anthropic) -> None:
    skill = either.beta.skills.create(files=[zipped()])
    version = either.beta.skills.versions.retrieve(skill.latest_version_id, skill_id=skill.id)
    assert version.name == "folding"
    assert either.beta.skills.versions.download(version.id, skill_id=skill.id).read()[:2] == b"PK"


def test_a_download_is_one_piece_with_its_length_told(server: Server, key: str, client: Anthropic) -> None:
    skill = client.skills.create(files=[zipped()])
    path = f"{server.url}/v1/skills/{skill.id}/versions/latest/content"
    answer = httpx2.get(path, headers={"authorization": f"Bearer {key}", "anthropic-version": "2026-10-21"})
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert 'filename="folding.zip"' in answer.headers["content-disposition"]
