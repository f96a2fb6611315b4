"""Skills as plain clients use them: uploads in every form give the same skill, what cannot be one is refused, versions
grow, deletions take what belongs to them, and an agent's model gets the guide and finds the files."""

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import SDK_HEADERS, Api, Json
from tests.support.skills import files_of, form_of, guide, json_of, modes_of, unzipped, zip_of

TOOLSET: Json = {"type": "agent_toolset_20260401"}
BUILT_IN = {f"builtin_{name}" for name in ("xlsx", "pdf", "pptx", "docx")}


def sent(api: Api, path: str, files: Any, **fields: str) -> httpx2.Response:
    """Send a form."""
    return api.client.post(path, files=files, data=fields)


def zipped(api: Api, raw: bytes, path: str = "/v1/skills/upload", **fields: str) -> httpx2.Response:
    """Send an archive."""
    return sent(api, path, {"file": ("skill.zip", raw)}, **fields)


def stored(api: Api, raw: bytes, name: str = "skill.zip") -> str:
    """An uploaded file; its id."""
    return str(api.client.post("/v1/files", files={"file": (name, raw)}).json()["id"])


def made(api: Api, name: str = "folding", **more: str) -> Json:
    """A new skill."""
    return api.post("/v1/skills", files=json_of(files_of(name, **more)))


def names(shown: Json) -> set[str]:
    """The paths of the files that an answer lists."""
    return {file["filename"] for file in shown["files"]}


class TestLists:
    """Which skills there are."""

    def test_four_skills_come_along_and_cannot_be_deleted(self, api: Api) -> None:
        listed = api.get("/v1/skills")
        assert {one["id"] for one in listed["data"] if one["source"] == "anthropic"} == BUILT_IN
        assert (listed["has_more"], listed["next_page"]) == (False, None)
        for skill_id in BUILT_IN:
            assert {"SKILL.md"} < names(api.get(f"/v1/skills/{skill_id}"))
            for answer in (
                api.call("DELETE", f"/v1/skills/{skill_id}"),
                api.call("DELETE", f"/v1/skills/{skill_id}/versions/latest"),
                api.call("POST", f"/v1/skills/{skill_id}/versions", {"files": json_of({"SKILL.md": "x"})}),
            ):
                assert answer.status_code == 403, answer.text
                assert answer.json()["error"]["type"] == "forbidden"

    def test_the_source_filters(self, api: Api) -> None:
        own = made(api)["id"]
        shown = {kind: {one["id"] for one in api.get("/v1/skills", source=kind)["data"]} for kind in SOURCES}
        assert shown == {"custom": {own}, "anthropic": BUILT_IN, "any": BUILT_IN | {own}}
        refused = api.call("GET", "/v1/skills", params={"source": "elsewhere"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_source")

    def test_pages_show_each_skill_once_in_both_directions(self, api: Api) -> None:
        own = [made(api, f"skill-{n}")["id"] for n in range(3)][::-1]
        seen: list[str] = []
        page = None
        while True:
            listed = api.get("/v1/skills", limit=2, **({"page": page} if page else {}))
            seen += [one["id"] for one in listed["data"]]
            page = listed["next_page"]
            if page is None:
                break
        assert seen[:3] == own
        assert set(seen[3:]) == BUILT_IN
        assert len(seen) == 7
        after = api.get("/v1/skills", after_id=seen[1], limit=3)
        assert ([one["id"] for one in after["data"]], after["has_more"]) == (seen[2:5], True)
        before = api.get("/v1/skills", before_id=seen[4], limit=2)
        assert ([one["id"] for one in before["data"]], before["has_more"]) == (seen[2:4], True)


FORM = {"content-type": "multipart/form-data; boundary=x"}
SOURCES = ("custom", "anthropic", "any")


class TestCreating:
    """How a skill comes to be."""

    @pytest.mark.parametrize("part", ["files[]", "files", "file"])
    def test_a_form_keeps_every_file_byte_for_byte(self, api: Api, part: str) -> None:
        content = {"SKILL.md": guide("folding").encode(), "data/raw.bin": bytes(range(256)) * 700}
        answer = sent(api, "/v1/skills", form_of(content, part), display_title="Folding paper")
        assert answer.status_code == 201, answer.text
        skill = answer.json()
        assert (skill["type"], skill["name"], skill["description"]) == ("skill", "folding", "Folds paper.")
        assert skill["display_title"] == skill["display_name"] == "Folding paper"
        assert skill["source"] == "custom"
        found = api.get(f"/v1/skills/{skill['id']}")
        assert found == skill
        assert {file["filename"]: file["size_bytes"] for file in found["files"]} == {
            path: len(data) for path, data in content.items()
        }
        for path, data in content.items():
            file = api.call("GET", f"/v1/skills/{skill['id']}/files/{path}")
            assert (file.status_code, file.content) == (200, data)
        assert api.call("GET", f"/v1/skills/{skill['id']}/files/SKILL.md").headers["content-type"] == "text/markdown"
        assert api.call("GET", f"/v1/skills/{skill['id']}/files/data").status_code == 404

    def test_every_way_in_gives_the_same_skill(self, api: Api) -> None:
        files = files_of("folding")
        wrapped = zip_of(files_of("folding", "any-folder"), executable=("any-folder/run.sh",))
        encoded = [
            {"filename": path, "content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
            for path, text in files.items()
        ]
        answers = [
            api.call("POST", "/v1/skills", {"files": json_of(files)}),
            api.call("POST", "/v1/skills", {"files": encoded}),
            sent(api, "/v1/skills", form_of(files)),
            sent(api, "/v1/skills", form_of(files_of("folding", "any-folder"))),
            sent(api, "/v1/skills", {"files[]": ("s.zip", wrapped)}),
            zipped(api, wrapped),
            zipped(api, zip_of(files, executable=("run.sh",))),
        ]
        assert [answer.status_code for answer in answers] == [201] * 7
        skills = [answer.json() for answer in answers]
        facts = ("name", "description", "display_title", "source", "files")
        assert all({name: one[name] for name in facts} == {name: skills[0][name] for name in facts} for one in skills)
        archives = {api.call("GET", f"/v1/skills/{one['id']}/versions/latest/content").content for one in skills}
        assert len(archives) == 1
        assert set(unzipped(archives.pop())) == {f"folding/{path}" for path in files}

    @pytest.mark.parametrize(
        ("files", "fields", "told"),
        [
            pytest.param({"SKILL.md": "no front matter"}, {}, "no name", id="no name anywhere"),
            pytest.param({"SKILL.md": guide("Not Fit")}, {}, "lower-case", id="name with capitals"),
            pytest.param({"SKILL.md": guide("a" * 65)}, {}, "lower-case", id="long name"),
            pytest.param({"SKILL.md": "---\nname: [a\n---\n"}, {}, "YAML", id="broken front matter"),
            pytest.param({"SKILL.md": "---\nname: a\n"}, {}, "does not end", id="open front matter"),
            pytest.param({"a.txt": "x"}, {}, "no name", id="no guide"),
            pytest.param({"SKILL.md": guide("a"), "/etc/x": "x"}, {}, "absolute", id="absolute"),
            pytest.param({"SKILL.md": guide("a"), "a/../../x": "x"}, {}, "climbs", id="climbing"),
            pytest.param({"SKILL.md": guide("a"), "a\\x": "x"}, {}, "backslash", id="backslash"),
            pytest.param({"SKILL.md": guide("a"), "b": "x", "b/c": "x"}, {}, "folder", id="file and folder"),
            pytest.param({"SKILL.md": guide("a")}, {"display_name": "x" * 257}, "256", id="long title"),
            pytest.param({"SKILL.md": guide("a")}, {"id": "a b"}, "id:", id="odd id"),
        ],
    )
    def test_what_makes_no_skill_is_refused(
        self, api: Api, files: dict[str, str], fields: dict[str, str], told: str
    ) -> None:
        answer = api.call("POST", "/v1/skills", {"files": json_of(files), **fields})
        assert answer.status_code == 400, answer.text
        assert told in answer.json()["error"]["message"]
        assert api.get("/v1/skills", source="custom")["data"] == []

    def test_the_name_may_come_beside_the_files(self, api: Api) -> None:
        skill = api.post("/v1/skills", files=json_of({"SKILL.md": "Just do it.", "a.txt": "x"}), name="bare")
        assert (skill["name"], skill["display_name"], skill["description"]) == ("bare", "bare", "")
        again = api.post("/v1/skills", files=json_of({"SKILL.md": guide("own")}), name="other", description="Mine.")
        assert (again["name"], again["description"]) == ("own", "Mine.")

    def test_bodies_that_hold_nothing_are_refused(self, api: Api) -> None:
        for answer in (
            api.call("POST", "/v1/skills", {}),
            api.call("POST", "/v1/skills", {"files": []}),
            api.call("POST", "/v1/skills", {"files": [{"filename": "a", "content": "!", "encoding": "base64"}]}),
            sent(api, "/v1/skills", {"unknown": ("a", b"x")}),
            api.call("POST", "/v1/skills/upload", {"files": json_of(files_of("a"))}),
            sent(api, "/v1/skills/upload", {"other": ("a.zip", b"x")}),
            zipped(api, b"PK\x03\x04 and nothing"),
            api.call("POST", "/v1/skills/upload", {}),
            api.call("POST", "/v1/skills", {"files": None}),
            api.call("POST", "/v1/skills", {"files": json_of(files_of("a")), "file_id": stored(api, b"x")}),
            api.call("POST", "/v1/skills", {"file_id": stored(api, b"PK\x03\x04 and nothing")}),
        ):
            assert answer.status_code == 400, answer.text
        assert api.call("POST", "/v1/skills", content=b"x", headers={"content-type": "text/csv"}).status_code == 415

    @pytest.mark.parametrize("path", ["/v1/skills", "/v1/skills/upload"])
    def test_an_uploaded_file_stands_for_the_archive(self, api: Api, path: str) -> None:
        content = files_of("folding")
        skill = api.post(path, file_id=stored(api, zip_of(content, ("run.sh",))), display_title="Folding paper")
        assert (skill["name"], skill["display_title"], names(skill)) == ("folding", "Folding paper", set(content))
        archive = api.call("GET", f"/v1/skills/{skill['id']}/versions/latest/content").content
        assert archive == api.call("GET", f"/v1/skills/{made(api)['id']}/versions/latest/content").content

    @pytest.mark.parametrize("end", ["versions", "versions/upload"])
    def test_an_uploaded_file_makes_a_version(self, api: Api, end: str) -> None:
        skill, again = made(api)["id"], stored(api, zip_of(files_of("folding", extra="x")))
        version = api.post(f"/v1/skills/{skill}/{end}", file_id=again)
        assert "extra" in names(version)
        assert names(api.get(f"/v1/skills/{skill}")) == names(version)

    def test_an_uploaded_guide_is_a_skill_of_one_file(self, api: Api) -> None:
        guided = stored(api, guide("folding").encode(), "SKILL.md")
        assert names(api.post("/v1/skills", file_id=guided)) == {"SKILL.md"}

    def test_a_file_that_is_not_there_or_too_large_makes_no_skill(self, api: Api, stranger: Api) -> None:
        theirs = stored(stranger, zip_of(files_of("folding")))
        large = stored(api, b"\0" * ((30 << 20) + 1))
        for file_id, status in ((theirs, 404), ("file_" + "0" * 32, 404), ("x", 404), (large, 413)):
            answer = api.call("POST", "/v1/skills", {"file_id": file_id})
            assert answer.status_code == status, answer.text
        assert api.get("/v1/skills", source="custom")["data"] == []

    def test_a_key_makes_repeats_with_an_uploaded_file_meet(self, api: Api) -> None:
        keyed, file_id = {"idempotency-key": "once"}, stored(api, zip_of(files_of("folding")))
        first, again = (api.ok("POST", "/v1/skills", {"file_id": file_id}, headers=keyed) for _ in range(2))
        assert first == again
        other = stored(api, zip_of(files_of("folding", extra="x")))
        assert api.call("POST", "/v1/skills", {"file_id": other}, headers=keyed).status_code == 409

    def test_an_id_is_honoured_when_it_is_free(self, api: Api, stranger: Api) -> None:
        form = form_of(files_of("folding"))
        skill = sent(api, "/v1/skills", form, id="my-folding")
        assert (skill.status_code, skill.json()["id"]) == (201, "my-folding")
        assert api.get("/v1/skills/my-folding")["name"] == "folding"
        for taken in ("my-folding", "builtin_pdf", "xlsx"):
            answer = sent(api, "/v1/skills", form, id=taken)
            assert (answer.status_code, answer.json()["error"]["type"]) == (409, "conflict")
        assert stranger.call("GET", "/v1/skills/my-folding").status_code == 404
        assert sent(stranger, "/v1/skills", form, id="my-folding").status_code == 201
        assert api.ok("DELETE", "/v1/skills/my-folding") == {"id": "my-folding", "type": "skill_deleted"}
        assert sent(api, "/v1/skills", form, id="my-folding").status_code == 201

    def test_a_key_makes_repeats_meet_and_other_content_is_refused(self, api: Api) -> None:
        keyed = {"idempotency-key": "once"}
        form = form_of(files_of("folding"))
        first, again = (api.client.post("/v1/skills", files=form, headers=keyed) for _ in range(2))
        assert (first.status_code, first.json()) == (201, again.json())
        other = api.client.post("/v1/skills", files=form_of(files_of("folding", extra="x")), headers=keyed)
        assert other.status_code == 409
        path = f"/v1/skills/{first.json()['id']}/versions"
        versions = [api.client.post(path, files=form, headers=keyed).json()["id"] for _ in range(2)]
        assert versions[0] == versions[1] != first.json()["latest_version_id"]
        assert len(api.get(path)["data"]) == 2


class TestLimits:
    """How large a skill may be, and archives that lie about it."""

    def test_five_hundred_files_fit_and_one_more_does_not(self, api: Api) -> None:
        many = {f"pages/{n}.txt": "x" for n in range(499)} | {"SKILL.md": guide("many")}
        assert zipped(api, zip_of(many)).status_code == 201
        for answer in (
            zipped(api, zip_of(many | {"pages/one-more.txt": "x"})),
            sent(api, "/v1/skills", form_of(many | {"pages/one-more.txt": "x"})),
        ):
            assert answer.status_code == 400, answer.text
            assert "500" in answer.json()["error"]["message"]

    def test_requests_over_thirty_megabytes_are_not_read(self, api: Api) -> None:
        raw = b"\0" * ((30 << 20) + 1)
        for answer in (
            sent(api, "/v1/skills", {"files": ("a", raw)}),
            api.client.post("/v1/skills/upload", content=iter((raw[: 20 << 20], raw[: 11 << 20])), headers=FORM),
        ):
            assert answer.status_code == 413, answer.text

    def test_an_entry_that_escapes_or_is_no_file_is_refused(self, api: Api) -> None:
        usual = {"SKILL.md": guide("a")}
        for raw, told in (
            (zip_of(usual | {"../out": "x"}), "climbs"),
            (zip_of(usual | {"a/../../out": "x"}), "climbs"),
            (zip_of(usual | {"/etc/passwd": "x"}), "absolute"),
            (zip_of(usual | {"link": "/etc/passwd"}, modes={"link": 0o120777}), "link"),
            (zip_of(usual | {"big.txt": b"\0" * (20 << 20)}), "packed more than"),
        ):
            answer = zipped(api, raw)
            assert answer.status_code == 400, told
            assert told in answer.json()["error"]["message"]


class TestVersions:
    """How a skill changes."""

    def test_a_new_version_becomes_the_latest(self, api: Api) -> None:
        skill = made(api)
        first = skill["latest_version"]
        path = f"/v1/skills/{skill['id']}"
        second = api.post(f"{path}/versions", files=json_of({"SKILL.md": guide("folding", "Folds better.")}))
        third = zipped(api, zip_of(files_of("folding")), f"{path}/versions/upload").json()
        assert int(first) < int(second["version"]) < int(third["version"])
        found = api.get(path)
        assert (found["latest_version"], found["latest_version_id"]) == (third["version"], third["id"])
        listed = api.get(f"{path}/versions")["data"]
        assert [one["version"] for one in listed] == [third["version"], second["version"], first]
        assert [one["file_count"] for one in listed] == [3, 1, 3]
        for name in (second["id"], second["version"], second["id"].removeprefix("skillver_")):
            shown = api.get(f"{path}/versions/{name}")
            assert (shown["id"], shown["description"], names(shown)) == (second["id"], "Folds better.", {"SKILL.md"})
        assert api.get(f"{path}/versions/latest")["id"] == third["id"]
        for unknown in ("1", "skillver_" + "0" * 32, "never"):
            assert api.call("GET", f"{path}/versions/{unknown}").status_code == 404
            assert api.call("GET", f"{path}/versions/{unknown}/content").status_code == 404

    def test_a_version_keeps_the_name(self, api: Api) -> None:
        skill = made(api)
        path = f"/v1/skills/{skill['id']}/versions"
        renamed = api.call("POST", path, {"files": json_of({"SKILL.md": guide("other")})})
        assert renamed.status_code == 400
        assert api.post(path, files=json_of({"SKILL.md": "no front matter"}))["name"] == "folding"

    def test_the_latest_goes_back_when_it_is_deleted_and_the_only_one_stays(self, api: Api) -> None:
        skill = made(api)
        path = f"/v1/skills/{skill['id']}"
        only = api.call("DELETE", f"{path}/versions/{skill['latest_version']}")
        assert only.status_code == 400
        second = api.post(f"{path}/versions", files=json_of({"SKILL.md": guide("folding", "Second.")}))
        gone = api.ok("DELETE", f"{path}/versions/{second['version']}")
        assert gone == {
            "id": second["id"],
            "type": "skill_version_deleted",
            "version": second["version"],
            "skill_id": skill["id"],
        }
        assert api.get(path) | {"updated_at": skill["updated_at"]} == skill
        assert api.call("DELETE", f"{path}/versions/{second['version']}").status_code == 404
        third = api.post(f"{path}/versions", files=json_of(files_of("folding")))
        assert int(third["version"]) > int(second["version"])

    def test_deleting_a_skill_takes_its_versions(self, api: Api) -> None:
        skill = made(api)
        path = f"/v1/skills/{skill['id']}"
        api.post(f"{path}/versions", files=json_of(files_of("folding")))
        assert api.ok("DELETE", path) == {"id": skill["id"], "type": "skill_deleted"}
        for answer in (
            api.call("DELETE", path),
            api.call("GET", path),
            api.call("GET", f"{path}/versions"),
            api.call("GET", f"{path}/versions/{skill['latest_version_id']}/content"),
            api.call("GET", f"{path}/files/SKILL.md"),
            api.call("POST", f"{path}/versions", {"files": json_of(files_of("folding"))}),
        ):
            assert answer.status_code == 404, answer.text

    def test_the_archive_has_one_folder_and_keeps_what_can_be_run(self, api: Api) -> None:
        files = {"SKILL.md": guide("folding"), "tool": "no mark", "plain.sh": "#!/bin/sh\n"}
        skill = zipped(api, zip_of(files, executable=("tool",))).json()
        first, again = (api.call("GET", f"/v1/skills/{skill['id']}/versions/latest/content") for _ in range(2))
        assert first.headers["content-type"] == "application/zip"
        assert first.content == again.content
        assert modes_of(first.content) == {"folding/SKILL.md": 0o644, "folding/tool": 0o755, "folding/plain.sh": 0o644}


class TestAgents:
    """What an agent's model is given."""

    def test_the_model_gets_the_guide_and_the_agent_the_files(self, api: Api, model: FakeModel) -> None:
        skill = zipped(api, zip_of(files_of("folding"), executable=("run.sh",))).json()
        agent = api.agent(system="Be kind.", tools=[TOOLSET], skills=[skill["id"], "builtin_pdf"])
        session = api.session(agent)
        pinned = api.get(f"/v1/sessions/{session}")["agent"]["skills"]
        assert pinned[0]["version"] == skill["latest_version_id"]
        assert [(one["type"], one["skill_id"]) for one in pinned] == [
            ("custom", skill["id"]),
            ("anthropic", "builtin_pdf"),
        ]
        log = api.turn(session, f"tool:bash input:{json.dumps({'command': LOOK})} tokens:2")
        (result,) = (event for event in log if event["type"] == "agent.tool_result")
        assert result["content"][0]["text"].split("\n") == [
            "SKILL.md pages run.sh",
            "folded 3",
            "denied",
            "usage: pdf_text.py [-h] {info,read,write} ...",
        ]
        system = model.requests[-1]["body"]["system"]
        text = system if isinstance(system, str) else "".join(block["text"] for block in system)
        assert text.startswith("Be kind.\n\n")
        inlined = f'<source name="skill:{skill["id"]}">\n<skill name="folding">\nFold it twice.\n</skill>\n</source>'
        assert inlined in text
        assert "- folding (/home/user/.skills/folding/SKILL.md): Folds paper." in text
        assert '<source name="skill:builtin_pdf">' in text
        assert model.requests[0]["body"]["system"] == system

    def test_a_session_keeps_the_version_it_began_with(self, api: Api, model: FakeModel) -> None:
        skill = made(api)
        session = api.session(api.agent(tools=[TOOLSET], skills=[skill["id"]]))
        changed = {"SKILL.md": guide("folding", body="Tear it.")}
        api.post(f"/v1/skills/{skill['id']}/versions", files=json_of(changed))
        api.turn(session, "tokens:1")
        assert "Fold it twice." in json.dumps(model.requests[-1]["body"]["system"])
        log = api.turn(session, f"tool:read input:{json.dumps({'file_path': '~/.skills/folding/SKILL.md'})}")
        assert "Fold it twice." in json.dumps([event for event in log if event["type"] == "agent.tool_result"])
        later = api.session(api.agent(skills=[{"type": "custom", "skill_id": skill["id"]}]))
        api.turn(later, "tokens:1")
        assert "Tear it." in json.dumps(model.requests[-1]["body"]["system"])

    def test_a_skill_that_is_not_there_is_left_out_with_a_warning_at_first(self, api: Api, model: FakeModel) -> None:
        skill = made(api)
        agent = api.agent(skills=["skill_unknown", skill["id"], skill["id"], {"skill_id": skill["id"], "version": "7"}])
        assert [one["skill_id"] for one in agent["skills"]] == ["skill_unknown", skill["id"]]
        session = api.session(agent)
        for _ in range(2):
            log = api.turn(session, "tokens:1")
        warnings = [event for event in log if event["type"] == "session.warning"]
        assert [(one["source"], one["details"]["skill_id"]) for one in warnings] == [("skills", "skill_unknown")]
        assert "Fold it twice." in json.dumps(model.requests[-1]["body"]["system"])
        api.ok("DELETE", f"/v1/skills/{skill['id']}")
        assert api.get(f"/v1/agents/{agent['id']}")["skills"] == agent["skills"]
        orphan = api.session(agent)
        log = api.turn(orphan, "tokens:1")
        assert len([event for event in log if event["type"] == "session.warning"]) == 2
        assert not model.requests[-1]["body"].get("system")

    def test_files_of_a_version_that_was_deleted_meanwhile_are_told_missing(self, api: Api) -> None:
        skill = made(api)
        session = api.session(api.agent(tools=[TOOLSET], skills=[skill["id"]]))
        api.ok("DELETE", f"/v1/skills/{skill['id']}")
        log = api.turn(session, f"tool:bash input:{json.dumps({'command': 'echo works'})}")
        (result,) = (event for event in log if event["type"] == "agent.tool_result")
        assert not result["is_error"]
        assert "The skill folding could not be put into /home/user/.skills/folding" in result["content"][0]["text"]

    def test_skills_are_no_part_of_what_a_sandbox_keeps(self, api: Api) -> None:
        session = api.session(api.agent(tools=[TOOLSET], skills=[made(api)["id"]]))
        sandbox = session.removeprefix("sesn_")
        script = "touch kept; find . | sort; ls -d /home/user/.skills/folding"
        seen = []
        for _ in range(2):
            seen.append(api.post(f"/v1/sessions/{session}/exec", command=script)["output"])
            assert api.call("POST", f"/sandboxes/{sandbox}/pause", {"memory": False}).status_code == 204
        assert seen[0] == seen[1] == ".\n./.skills\n./kept\n/home/user/.skills/folding\n"


LOOK = (
    "cd /home/user/.skills/folding && echo $(ls) && ./run.sh 3; (echo x >> SKILL.md) 2>/dev/null || echo denied;"
    " python3 ../pdf/scripts/pdf_text.py -h | head -1"
)


def test_sdks_and_plain_clients_see_one_skill_with_the_source_in_their_way(api: Api, sdk_api: Api) -> None:
    skill = made(api)
    shown = sdk_api.get(f"/v1/skills/{skill['id']}")
    assert shown == skill | {"source": {"type": "custom"}}
    for headers in ({"anthropic-beta": "skills-2025-10-02"}, SDK_HEADERS | {"anthropic-beta": "x,skills-2025-10-02"}):
        assert api.ok("GET", f"/v1/skills/{skill['id']}", headers=headers) == skill
