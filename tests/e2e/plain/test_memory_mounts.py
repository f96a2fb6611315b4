"""Memory stores in sessions' sandboxes: announced, there when the computer starts and up to date at each run; what
commands change there becomes versions of the session; nothing is lost when several change the same memory."""

import json
from typing import Any

import pytest

from tests.support.api import Api, Json, text_of

TOOLSET: Json = {"type": "agent_toolset_20260401"}
MOUNT = "/mnt/memory/notes"


class Mind:
    """A session whose agent has a store at hand, and the store as its owner sees it."""

    def __init__(self, api: Api, store: str, **access: Any) -> None:
        self.api, self.store = api, store
        self.place = f"/v1/memory_stores/{store}"
        wanted = {"type": "memory_store", "memory_store_id": store, **access}
        self.id = api.session(api.agent(tools=[TOOLSET]), resources=[wanted])

    def bash(self, command: str) -> str:
        """What a command of the agent prints, notices included."""
        log = self.api.turn(self.id, f"tool:bash input:{json.dumps({'command': command})} tokens:2")
        result = [event for event in log if event["type"] == "agent.tool_result"][-1]
        return "\n".join(block["text"] for block in result["content"])

    def write(self, path: str, content: str) -> Json:
        """A memory written by the owner."""
        return self.api.ok("POST", f"{self.place}/memories", {"path": path, "content": content})

    def held(self) -> dict[str, str]:
        """Contents by path."""
        found = self.api.get(f"{self.place}/memories", view="full")["data"]
        return {one["path"]: one["content"] for one in found}

    def ids(self) -> dict[str, str]:
        """Ids by path."""
        return {one["path"]: one["id"] for one in self.api.get(f"{self.place}/memories")["data"]}

    def versions(self, **query: Any) -> list[Json]:
        """Versions with contents, newest first."""
        found: list[Json] = self.api.get(f"{self.place}/memory_versions", view="full", **query)["data"]
        return found

    def warnings(self) -> list[str]:
        """What the log warns of."""
        return [one["message"] for one in self.api.log(self.id) if one["type"] == "session.warning"]


@pytest.fixture
def store(api: Api) -> str:
    return str(api.post("/v1/memory_stores", name="Notes!", description="All that is known of the user")["id"])


def test_the_prompt_tells_of_each_store(api: Api, store: str) -> None:
    wanted = {"type": "memory_store", "memory_store_id": store, "access": "read_only", "instructions": "Ask before."}
    session = api.session(api.agent(system="Be brief."), resources=[wanted])
    system = json.loads(text_of(api.turn(session, "echo"))[-1])["system"]
    assert system.startswith("Be brief.")
    for part in (MOUNT, "Notes!", "All that is known of the user", "can only be read", "Ask before."):
        assert part in system


def test_what_commands_change_becomes_versions_of_the_session(api: Api, store: str) -> None:
    mind = Mind(api, store)
    mind.write("/seen/one.md", "first")
    mind.write("/two.md", "second")
    mind.write("/three.md", "third")
    before = mind.ids()
    assert mind.bash(f"cat {MOUNT}/seen/one.md {MOUNT}/two.md") == "firstsecond"
    assert len(mind.versions()) == 3
    told = mind.bash(
        f"cd {MOUNT} && printf new > made.md && printf changed > two.md && mv seen/one.md seen/moved.md && rm three.md"
    )
    assert "memory" not in told.lower()
    assert mind.held() == {"/made.md": "new", "/seen/moved.md": "first", "/two.md": "changed"}
    after = mind.ids()
    assert (after["/seen/moved.md"], after["/two.md"]) == (before["/seen/one.md"], before["/two.md"])
    mine = mind.versions(session_id=mind.id)
    assert sorted((one["operation"], one["path"]) for one in mine) == [
        ("created", "/made.md"),
        ("deleted", "/three.md"),
        ("modified", "/seen/moved.md"),
        ("modified", "/two.md"),
    ]
    assert all(one["created_by"] == {"type": "session_actor", "session_id": mind.id} for one in mine)
    assert mind.warnings() == []


def test_a_run_begins_with_what_others_wrote_meanwhile(api: Api, store: str) -> None:
    mind = Mind(api, store)
    mind.write("/a.md", "old")
    mind.write("/gone.md", "x")
    assert mind.bash(f"cat {MOUNT}/a.md; touch /tmp/mark") == "old"
    mind.write("/a.md", "new")
    mind.write("/deep/b.md", "more")
    api.ok("DELETE", f"{mind.place}/memories/{mind.ids()['/gone.md']}")
    assert mind.bash(f"cat {MOUNT}/a.md {MOUNT}/deep/b.md; ls {MOUNT}; ls /tmp/mark") == "newmorea.md\ndeep\n/tmp/mark"
    assert len(mind.versions(session_id=mind.id)) == 0


def test_a_new_computer_has_the_stores_as_they_are(api: Api, store: str) -> None:
    mind = Mind(api, store)
    mind.bash(f"printf one > {MOUNT}/a.md")
    core = mind.id.removeprefix("sesn_")
    assert api.call("POST", f"/sandboxes/{core}/pause", {"memory": False}).status_code == 204
    mind.write("/a.md", "two")
    assert mind.bash(f"cat {MOUNT}/a.md").endswith("two")
    assert mind.held() == {"/a.md": "two"}


def test_a_read_only_store_refuses_writes(api: Api, store: str) -> None:
    mind = Mind(api, store, access="read_only")
    mind.write("/deep/a.md", "kept")
    said = mind.bash(f"cd {MOUNT}; echo x > new.md; echo x > deep/a.md; rm deep/a.md; mkdir more; cat deep/a.md")
    assert said.count("Permission denied") == 4
    assert "kept" in said
    forced = mind.bash(f"cd {MOUNT}; chmod -R u+w .; echo x > new.md; echo x > deep/a.md; cat deep/a.md")
    assert "is for reading only" in forced
    assert mind.held() == {"/deep/a.md": "kept"}
    assert mind.bash(f"cd {MOUNT}; cat deep/a.md; ls; echo x > new.md").startswith("keptdeep\n")
    assert mind.versions(session_id=mind.id) == []


def test_what_no_memory_can_hold_is_told_and_stays(api: Api, store: str) -> None:
    mind = Mind(api, store)
    told = mind.bash(
        f"cd {MOUNT}; head -c 102401 /dev/zero > big; printf '\\377' > raw; ln -s raw link; printf ok > fine"
    )
    assert f"larger than 100KB: {MOUNT}/big" in told
    assert f"not UTF-8 text: {MOUNT}/raw" in told
    assert f"not a plain file: {MOUNT}/link" in told
    assert len(mind.warnings()) == 3
    assert mind.held() == {"/fine": "ok"}
    assert "102401" in mind.bash(f"wc -c {MOUNT}/big")


def test_two_sessions_that_write_the_same_memory_lose_nothing(api: Api, store: str) -> None:
    first, second = Mind(api, store), Mind(api, store)
    first.write("/a.md", "ground")
    for mind in (first, second):
        assert mind.bash(f"cat {MOUNT}/a.md") == "ground"
    # Both computers hold the ground; the second does not look again before its command ends.
    api.turn(second.id, f"tool:bash input:{json.dumps({'command': 'true'})} tokens:2")
    log = f"touch /tmp/begun; while [ ! -e {MOUNT}/go ]; do sleep 0.05; done; printf mine > {MOUNT}/a.md"
    answer = api.say(second.id, f"tool:bash input:{json.dumps({'command': log})} tokens:2")
    assert answer.status_code < 300
    api.post(f"/v1/sessions/{second.id}/exec", command="while [ ! -e /tmp/begun ]; do sleep 0.05; done")
    first.bash(f"printf theirs > {MOUNT}/a.md")
    api.post(f"/v1/sessions/{second.id}/exec", command=f"touch {MOUNT}/go")
    api.wait_idle(second.id)
    assert first.held()["/a.md"] == "mine"
    kept = [one["content"] for one in first.versions() if one["path"] == "/a.md"]
    assert kept == ["mine", "theirs", "ground"]
    assert any("changed by somebody else meanwhile" in text for text in second.warnings())


def test_an_archived_store_takes_no_more_from_its_sessions(api: Api, store: str) -> None:
    mind = Mind(api, store)
    mind.write("/a.md", "one")
    assert mind.bash(f"cat {MOUNT}/a.md") == "one"
    api.post(f"{mind.place}/archive")
    assert "is archived" in mind.bash(f"printf two > {MOUNT}/a.md")
    assert mind.bash(f"cat {MOUNT}/a.md") == "one"
    assert mind.held() == {"/a.md": "one"}


def test_a_store_comes_and_goes_with_its_resource(api: Api, store: str) -> None:
    session = api.session(api.agent(tools=[TOOLSET]))
    api.ok("POST", f"/v1/memory_stores/{store}/memories", {"path": "/a.md", "content": "one"})

    def bash(command: str) -> str:
        log = api.turn(session, f"tool:bash input:{json.dumps({'command': command})} tokens:2")
        result = [event for event in log if event["type"] == "agent.tool_result"][-1]
        return str(result["content"][0]["text"])

    assert "No such file" in bash(f"cat {MOUNT}/a.md")
    attached = api.post(f"/v1/sessions/{session}/memory_stores", memory_store_id=store)
    assert bash(f"cat {MOUNT}/a.md") == "one"
    api.ok("DELETE", f"/v1/sessions/{session}/resources/{attached['id']}")
    assert "No such file" in bash(f"cat {MOUNT}/a.md; mkdir -p {MOUNT}; printf x > {MOUNT}/b.md")
    assert api.get(f"/v1/memory_stores/{store}/memories")["data"][0]["path"] == "/a.md"
    assert len(api.get(f"/v1/memory_stores/{store}/memories")["data"]) == 1
