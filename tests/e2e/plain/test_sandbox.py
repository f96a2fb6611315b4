"""A session's sandbox as plain clients use it: tools, commands of the client's own, what is left, who sees it.

Commands of clients run apart from the agent's shell. What was left can be listed, downloaded and published while no
computer is alive. Sessions and tenants never see each other's files.
"""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, assert_whole, text_of, types_of, wait_for

TOOLSET: Json = {"type": "agent_toolset_20260401"}
ASKING: Json = TOOLSET | {"default_config": {"permission_policy": {"type": "always_ask"}}}
OUTPUTS = "/mnt/session/outputs"
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Hand:
    """A session of a plain client whose agent uses the tools it is told to use."""

    def __init__(self, api: Api, **fields: Any) -> None:
        self.api = api
        self.id = api.session(api.agent(tools=[TOOLSET]), **fields)
        self.path = f"/v1/sessions/{self.id}"

    def use(self, tool: str, **arguments: Any) -> Json:
        """Have the agent use a tool and wait; the result event."""
        log = self.api.turn(self.id, f"tool:{tool} input:{json.dumps(arguments)} tokens:2")
        return _of(log, "agent.tool_result")[-1]

    def text(self, tool: str, **arguments: Any) -> str:
        """As ``use``, for a call that must work; the text of its result."""
        result = self.use(tool, **arguments)
        assert not result["is_error"], result
        return _text(result)

    def execute(self, command: str, **more: Any) -> Json:
        """Run a command as the client."""
        return self.api.post(f"{self.path}/exec", command=command, **more)

    def pause(self) -> None:
        """End the computer; the next who needs one gets another."""
        answer = self.api.call("POST", f"/sandboxes/{self.id.removeprefix('sesn_')}/pause", {"memory": False})
        assert answer.status_code == 204, answer.text

    def is_paused(self) -> bool:
        """Whether nobody has needed a computer since."""
        return bool(self.api.get(f"/sandboxes/{self.id.removeprefix('sesn_')}")["state"] == "paused")

    def publish(self, **body: Any) -> Json:
        """Make a file of the sandbox a file object."""
        return self.api.ok("POST", f"{self.path}/files", body)

    def output(self, name: str) -> httpx2.Response:
        """Download an output."""
        return self.api.call("GET", f"{self.path}/outputs/{name}")


def _of(log: list[Json], kind: str) -> list[Json]:
    return [event for event in log if event["type"] == kind]


def _text(result: Json) -> str:
    return "\n".join(block["text"] for block in result["content"])


@pytest.fixture
def hand(api: Api) -> Hand:
    """A session of this test alone."""
    return Hand(api)


class TestTools:
    """What the agent's tools take and give."""

    def test_a_call_and_its_result_are_in_the_log_and_reach_the_model(self, hand: Hand, model: FakeModel) -> None:
        log = hand.api.turn(hand.id, 'tool:bash input:{"command": "echo one; (exit 4)"} say:"seen"')
        assert_whole(log)
        (use,), (result,) = _of(log, "agent.tool_use"), _of(log, "agent.tool_result")
        assert (use["name"], use["input"], use["evaluated_permission"]) == (
            "bash",
            {"command": "echo one; (exit 4)"},
            "allow",
        )
        assert result["tool_use_id"] == use["id"]
        assert result["content"] == [{"type": "text", "text": "one\nexit=4"}]
        assert not result["is_error"]
        assert "exit=4" in json.dumps(model.requests[-1]["body"]["messages"][-1])
        assert text_of(log) == ["seen"]
        kinds = types_of(log)
        assert kinds.count("span.model_request_end") == 2
        assert kinds[-1] == "session.status_idle"
        usage = hand.api.get(hand.path)["usage"]
        assert usage["input_tokens"] == 20

    def test_both_spellings_of_arguments_are_understood(self, hand: Hand) -> None:
        for name in ("timeout", "timeout_ms"):
            result = hand.use("bash", command="sleep 30", **{name: 200})
            assert result["is_error"]
            assert "0.2 s" in _text(result)
        hand.text("write", file_path="a.txt", content="".join(f"line {n}\n" for n in range(1, 10)))
        assert hand.text("read", file_path="a.txt", offset=4, limit=2) == hand.text(
            "read", file_path="a.txt", view_range=[4, 5]
        )
        assert hand.text("read", file_path="a.txt", offset=8).split("\n") == ["     8\tline 8", "     9\tline 9"]
        assert hand.text("read", file_path="a.txt", limit=1) == "     1\tline 1"

    def test_a_command_in_the_background_goes_on_while_others_run(self, hand: Hand) -> None:
        began = time.monotonic()
        told = hand.text(
            "bash", command="echo first; until [ -e /tmp/go ]; do sleep 0.02; done; echo second", run_in_background=True
        )
        assert time.monotonic() - began < 10
        log = told.rsplit(" ", 1)[-1].rstrip(".")
        assert log.startswith("/mnt/session/results/")
        wait_for(lambda: hand.execute(f"cat {log}")["output"] == "first\n", "the first line")
        assert hand.text("bash", command="touch /tmp/go; wait; echo over") == "over"
        assert "second" in hand.text("read", file_path=log)

    def test_files_stay_from_turn_to_turn(self, hand: Hand) -> None:
        hand.text("write", file_path="deep/er/a.txt", content="kept")
        assert hand.text("read", file_path="/workspace/deep/er/a.txt") == "     1\tkept"
        assert hand.text("glob", pattern="**/*.txt") == "/workspace/deep/er/a.txt"

    def test_a_picture_and_a_document_are_shown_to_the_model_as_such(self, hand: Hand, model: FakeModel) -> None:
        hand.execute(f"echo {DOT} | base64 -d > dot.png; printf '%%PDF-1.4 ' > a.pdf; head -c 64 /dev/zero > a.bin")
        (image,) = hand.use("read", file_path="dot.png")["content"]
        assert image == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
        assert DOT in json.dumps(model.requests[-1]["body"]["messages"][-1])
        (document,) = hand.use("read", file_path="a.pdf")["content"]
        assert (document["type"], document["source"]["media_type"]) == ("document", "application/pdf")
        assert base64.b64decode(document["source"]["data"]) == b"%PDF-1.4 "
        assert hand.use("read", file_path="a.bin")["is_error"]

    def test_calls_of_one_answer_are_all_carried_out_and_share_the_shell(self, hand: Hand, model: FakeModel) -> None:
        def call(number: int, name: str, **given: Any) -> Json:
            return {"type": "tool_use", "id": f"call_{number}", "name": name, "input": given}

        commands = [call(n, "bash", command=f"N=$((${{N:-0}}+1)); echo {n} >> order; sleep 0.02") for n in range(4)]
        others = [call(7, "write", file_path="b.txt", content="beside"), call(8, "glob", pattern="*.none")]
        model.script({"blocks": [*commands, *others], "match": "all at once"})
        log = hand.api.turn(hand.id, "all at once")
        assert_whole(log)
        uses, results = _of(log, "agent.tool_use"), _of(log, "agent.tool_result")
        assert {one["tool_use_id"] for one in results} == {one["id"] for one in uses}
        assert not any(one["is_error"] for one in results)
        assert sorted(hand.text("bash", command="echo $N; cat order b.txt").split()) == sorted(
            ["4", "0", "1", "2", "3", "beside"]
        )

    def test_an_interrupt_ends_the_command_and_the_shell_lives_on(self, hand: Hand) -> None:
        hand.text("bash", command="cd /tmp; MOOD=calm")
        hand.api.say(hand.id, 'tool:bash input:{"command": "echo begun; sleep 298 & sleep 299"}')
        wait_for(lambda: "299" in hand.execute("pgrep -fa '^sleep' || true")["output"], "the command to run")
        began = time.monotonic()
        assert hand.api.send(hand.id, {"type": "user.interrupt"}).status_code == 202
        hand.api.wait_idle(hand.id, 5)
        assert time.monotonic() - began < 5
        log = hand.api.log(hand.id)
        assert_whole(log)
        result = _of(log, "agent.tool_result")[-1]
        assert (result["tool_use_id"], result["is_error"]) == (_of(log, "agent.tool_use")[-1]["id"], True)
        assert log[-1]["stop_reason"] == {"type": "end_turn"}
        assert hand.text("bash", command="pwd; echo $MOOD").split() == ["/tmp", "calm"]
        assert "sleep 299" not in hand.execute("pgrep -fa '^sleep' || true")["output"]

    def test_consent_is_asked_and_told_as_for_other_tools(self, api: Api) -> None:
        session = api.session(api.agent(tools=[ASKING]))
        log = api.turn(session, 'tool:write input:{"file_path": "a", "content": "x"}')
        (use,) = _of(log, "agent.tool_use")
        assert use["evaluated_permission"] == "ask"
        assert log[-1]["stop_reason"]["event_ids"] == [use["id"]]
        assert api.post(f"/v1/sessions/{session}/exec", command="ls")["output"] == ""
        answer = {"type": "user.tool_confirmation", "tool_use_id": use["id"], "result": "allow"}
        assert api.send(session, answer).status_code == 202
        api.wait_idle(session)
        assert api.post(f"/v1/sessions/{session}/exec", command="cat a")["output"] == "x"

    def test_a_tool_that_is_switched_off_does_nothing(self, api: Api, model: FakeModel) -> None:
        off = TOOLSET | {"configs": [{"name": "bash", "enabled": False}]}
        session = api.session(api.agent(tools=[off]))
        block = {"type": "tool_use", "id": "call_1", "name": "bash", "input": {"command": "touch done"}}
        model.script({"blocks": [block], "match": "try it"})
        (result,) = _of(api.turn(session, "try it"), "agent.tool_result")
        assert result["is_error"]
        assert api.post(f"/v1/sessions/{session}/exec", command="ls")["output"] == ""

    def test_the_agent_is_told_when_a_client_had_the_computer_started_anew(self, hand: Hand) -> None:
        hand.text("bash", command="MOOD=calm; echo kept > a")
        hand.pause()
        assert hand.execute("cat a")["output"] == "kept\n"
        told = hand.text("bash", command="cat a; echo [$MOOD]")
        assert "started anew" in told
        assert told.endswith("kept\n[]")
        assert [one["source"] for one in _of(hand.api.log(hand.id), "session.warning")] == ["sandbox"]
        assert "started anew" not in hand.text("bash", command="true")


class TestCommandsOfClients:
    """POST /v1/sessions/{id}/exec."""

    def test_output_and_code_come_back(self, hand: Hand) -> None:
        assert hand.execute("pwd; echo to the other >&2; exit 3") == {
            "exit_code": 3,
            "output": "/workspace\nto the other\n",
            "truncated": False,
        }
        assert hand.execute("true") == {"exit_code": 0, "output": "", "truncated": False}
        assert hand.execute("bash -c 'kill -9 $$'; exit $?")["exit_code"] == 137
        assert hand.api.events(hand.id) == []

    def test_they_share_the_files_with_the_agent_and_not_its_shell(self, hand: Hand) -> None:
        hand.execute("echo from the client > a; cd /tmp; MOOD=calm")
        assert hand.text("bash", command="cat a; pwd; echo [$MOOD]").split("\n") == [
            "from the client",
            "/workspace",
            "[]",
        ]
        hand.text("bash", command="cd /tmp; MOOD=calm; echo from the agent > /workspace/a")
        assert hand.execute("cat a; echo [$MOOD]")["output"] == "from the agent\n[]\n"

    def test_they_run_while_the_agent_is_busy(self, hand: Hand) -> None:
        hand.api.say(hand.id, 'tool:bash input:{"command": "until [ -e go ]; do sleep 0.02; done; cat go"}')
        wait_for(lambda: _of(hand.api.log(hand.id), "agent.tool_use"), "the command to start")
        assert hand.api.status(hand.id) == "running"
        hand.execute("echo now > go")
        hand.api.wait_idle(hand.id)
        assert _text(_of(hand.api.log(hand.id), "agent.tool_result")[0]) == "now"

    def test_one_whose_time_is_over_is_ended(self, hand: Hand) -> None:
        began = time.monotonic()
        done = hand.execute("echo begun; sleep 297; echo over", timeout_ms=300)
        assert time.monotonic() - began < 10
        assert done == {"exit_code": 124, "output": "begun\n", "truncated": False}
        assert hand.execute("pgrep -fx 'sleep 297' || echo none")["output"] == "none\n"

    def test_output_is_cut_at_a_hundred_thousand_characters(self, hand: Hand) -> None:
        whole = hand.execute("head -c 100000 /dev/zero | tr '\\0' x")
        assert (len(whole["output"]), whole["truncated"]) == (100_000, False)
        cut = hand.execute("for i in $(seq 100001); do printf ü; done")
        assert (len(cut["output"]), set(cut["output"]), cut["truncated"], cut["exit_code"]) == (100_000, {"ü"}, True, 0)
        flood = hand.execute("head -c 30000000 /dev/zero | tr '\\0' x; exit 5")
        assert (len(flood["output"]), flood["truncated"], flood["exit_code"]) == (100_000, True, 5)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"command": ""},
            {"command": 5},
            {"command": "true", "timeout_ms": 0},
            {"command": "true", "timeout_ms": 600_001},
            {"command": "true", "timeout_ms": "soon"},
            {"command": "echo a\0b"},
        ],
    )
    def test_what_is_no_command_is_refused(self, hand: Hand, body: Json) -> None:
        answer = hand.api.call("POST", f"{hand.path}/exec", body)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request"

    def test_a_session_that_is_over_or_unknown_runs_nothing(self, hand: Hand) -> None:
        unknown = hand.api.call("POST", f"/v1/sessions/sesn_{'0' * 32}/exec", {"command": "true"})
        assert unknown.status_code == 404
        hand.execute("true")
        hand.api.ok("POST", f"{hand.path}/archive")
        assert hand.api.call("POST", f"{hand.path}/exec", {"command": "true"}).status_code == 400

    def test_the_same_key_runs_a_command_once(self, hand: Hand) -> None:
        headers = {"idempotency-key": "once"}
        body = {"command": "echo ran >> a; wc -l < a"}
        answers = [hand.api.call("POST", f"{hand.path}/exec", body, headers=headers).json() for _ in range(2)]
        assert answers[0] == answers[1]
        assert hand.execute("wc -l < a")["output"] == "1\n"


class TestOutputs:
    """What the agent leaves in the folder of outputs."""

    @pytest.fixture
    def left(self, hand: Hand) -> Iterator[Hand]:
        """A session that left something and has no computer."""
        hand.text("bash", command=f"mkdir -p {OUTPUTS}/sub; printf '<b>' > {OUTPUTS}/a.html; echo not here > other")
        hand.text("bash", command=f"head -c 5000 /dev/urandom | tee {OUTPUTS}/sub/b.bin > copy; touch '{OUTPUTS}/ü 1'")
        hand.text("bash", command=f"ln -s /etc/passwd {OUTPUTS}/link; ln -s ../outputs/a.html {OUTPUTS}/inner")
        hand.pause()
        yield hand
        assert hand.is_paused(), "looking at files started a computer"

    def test_they_are_listed_and_downloaded_while_no_computer_is_alive(self, left: Hand) -> None:
        shown = left.api.get(f"{left.path}/outputs")
        assert shown["has_more"] is False
        assert [(one["filename"], one["size_bytes"], one["media_type"]) for one in shown["data"]] == [
            ("a.html", 3, "text/html"),
            ("sub/b.bin", 5000, "application/octet-stream"),
            ("ü 1", 0, "application/octet-stream"),
        ]
        page = left.output("a.html")
        assert (page.status_code, page.content) == (200, b"<b>")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-disposition"].startswith("attachment")
        assert "a.html" in page.headers["content-disposition"]
        assert len(left.output("sub/b.bin").content) == 5000
        assert left.output("%C3%BC%201").content == b""
        assert left.output("inner").content == b"<b>"
        files = left.api.get("/v1/files", scope_id=left.id)["data"]
        assert sorted((one["filename"], one["size_bytes"]) for one in files) == [
            ("a.html", 3),
            ("b.bin", 5000),
            ("ü 1", 0),
        ]

    def test_names_that_no_file_may_have_are_told_in_another_form(self, hand: Hand) -> None:
        names = ["$'line\\nbreak.txt'", "$'tab\\t.csv'", "'back\\slash.md'", "' '", "$'\\x7f'", "plain.txt"]
        made = "; ".join(f"echo x > {name}" for name in names)
        assert hand.text("bash", command=f"cd {OUTPUTS}; {made}; ls | wc -l") == "7"
        shown = {one["filename"]: one["mime_type"] for one in hand.api.get("/v1/files", scope_id=hand.id)["data"]}
        assert shown == {
            "line_break.txt": "text/plain",
            "tab_.csv": "text/csv",
            "back_slash.md": "text/markdown",
            "unnamed.bin": "application/octet-stream",
            "_": "application/octet-stream",
            "plain.txt": "text/plain",
        }
        hand.text("bash", command=f"rm -rf {OUTPUTS}/*")
        assert hand.api.get("/v1/files", scope_id=hand.id)["data"] == []

    @pytest.mark.parametrize(
        "name",
        [
            "..%2F..%2F..%2Fetc%2Fpasswd",
            "..%2Fresults",
            "sub%2F..%2F..%2Fx",
            "%2Fetc%2Fpasswd",
            "%2E%2E",
            "link",
            "sub",
        ],
    )
    def test_a_way_out_of_the_folder_is_refused(self, left: Hand, name: str) -> None:
        raw = httpx2.URL(f"{left.api.url}{left.path}/outputs/").copy_with(
            raw_path=f"{left.path}/outputs/{name}".encode()
        )
        assert left.api.client.get(raw).status_code == 400

    def test_what_is_not_there_is_not_found(self, left: Hand) -> None:
        assert left.output("none").status_code == 404
        assert left.output("sub/none").status_code == 404
        for path in (f"/v1/sessions/sesn_{'0' * 32}/outputs", f"/v1/sessions/sesn_{'0' * 32}/outputs/a"):
            assert left.api.call("GET", path).status_code == 404

    def test_a_file_is_published_while_no_computer_is_alive(self, left: Hand) -> None:
        made = left.api.call("POST", f"{left.path}/files", {"path": "/workspace/copy"})
        assert made.status_code == 201
        file = made.json()
        assert (file["filename"], file["size_bytes"], file["scope_id"], file["downloadable"]) == (
            "copy",
            5000,
            left.id,
            True,
        )
        content = left.api.call("GET", f"/v1/files/{file['id']}/content").content
        assert content == left.output("sub/b.bin").content
        other = left.publish(path="copy", filename="c.txt", media_type="text/x-y", downloadable=False)
        assert (other["filename"], other["media_type"], other["downloadable"]) == ("c.txt", "text/x-y", False)
        assert left.api.call("GET", f"/v1/files/{other['id']}/content").status_code == 403

    @pytest.mark.parametrize(
        "body", [{}, {"path": ""}, {"path": "/etc/passwd"}, {"path": "../x"}, {"path": f"{OUTPUTS}/sub"}]
    )
    def test_what_cannot_be_published_is_refused(self, left: Hand, body: Json) -> None:
        assert left.api.call("POST", f"{left.path}/files", body).status_code == 400
        assert len(left.api.get("/v1/files", scope_id=left.id)["data"]) == 3

    def test_a_path_with_nothing_there_cannot_be_published(self, left: Hand) -> None:
        assert left.api.call("POST", f"{left.path}/files", {"path": "none"}).status_code in (400, 404)


class TestFilesOfSessions:
    """Who sees which files."""

    def test_a_session_that_never_had_a_computer_has_no_outputs(self, hand: Hand) -> None:
        assert hand.api.get(f"{hand.path}/outputs") == {"data": [], "has_more": False}
        assert hand.output("a").status_code == 404

    def test_what_is_written_meanwhile_is_published_as_it_is_now(self, hand: Hand) -> None:
        hand.api.say(hand.id, 'tool:bash input:{"command": "echo half > a; until [ -e go ]; do sleep 0.02; done"}')
        wait_for(lambda: hand.execute("cat a 2>/dev/null; true")["output"], "the file")
        file = hand.publish(path="a")
        assert hand.api.call("GET", f"/v1/files/{file['id']}/content").content == b"half\n"
        hand.execute("touch go")
        hand.api.wait_idle(hand.id)

    def test_a_file_uploaded_for_a_session_is_there_for_its_agent(self, hand: Hand) -> None:
        hand.execute("true")
        form = {"file": ("notes.txt", b"words for you", "text/plain")}
        made = hand.api.client.post("/v1/files", files=form, data={"session_id": hand.id}).json()
        path = f"/mnt/session/uploads/{made['id']}"
        assert hand.text("read", file_path=path) == "     1\twords for you"
        hand.api.ok("DELETE", f"/v1/files/{made['id']}")
        assert hand.use("read", file_path=path)["is_error"]

    def test_two_sessions_never_see_each_other(self, api: Api, hand: Hand) -> None:
        other = Hand(api)
        for one, word in ((hand, "mine"), (other, "yours")):
            one.text("bash", command=f"echo {word} | tee a /tmp/a > {OUTPUTS}/{word}; sleep 296 &")
        for one, word, foreign in ((hand, "mine", "yours"), (other, "yours", "mine")):
            assert one.execute(f"cat a /tmp/a {OUTPUTS}/*")["output"].split() == [word] * 3
            assert one.execute("pgrep -fx 'sleep 296' | wc -l")["output"].strip() == "1"
            assert [one_output["filename"] for one_output in api.get(f"{one.path}/outputs")["data"]] == [word]
            assert one.output(foreign).status_code == 404

    def test_another_tenant_reaches_nothing(self, hand: Hand, stranger: Api) -> None:
        hand.text("bash", command=f"echo secret | tee a > {OUTPUTS}/a")
        (output,) = hand.api.get("/v1/files", scope_id=hand.id)["data"]
        for method, path, body in (
            ("POST", f"{hand.path}/exec", {"command": "touch b"}),
            ("POST", f"{hand.path}/files", {"path": "a"}),
            ("GET", f"{hand.path}/outputs", None),
            ("GET", f"{hand.path}/outputs/a", None),
            ("GET", f"/v1/files/{output['id']}/content", None),
            ("POST", f"/sandboxes/{hand.id.removeprefix('sesn_')}/pause", {}),
        ):
            assert stranger.call(method, path, body).status_code == 404, path
        assert stranger.get("/v1/files", scope_id=hand.id)["data"] == []
        assert hand.execute("ls")["output"] == "a\n"

    def test_with_the_session_go_its_outputs(self, hand: Hand) -> None:
        hand.text("bash", command=f"echo x | tee a > {OUTPUTS}/a")
        published = hand.publish(path="a")
        (output,) = (one for one in hand.api.get("/v1/files", scope_id=hand.id)["data"] if one["id"] != published["id"])
        hand.api.ok("DELETE", hand.path)
        for path in (f"{hand.path}/outputs", f"/v1/files/{output['id']}", f"/v1/files/{published['id']}"):
            assert hand.api.call("GET", path).status_code == 404


class TestPlacesOfUploads:
    """Where attached files stand."""

    def test_places_below_the_two_roots_are_kept_and_others_are_below_the_folder_of_uploads(self, api: Api) -> None:
        form = {"file": ("a.txt", b"words", "text/plain")}
        upload = api.client.post("/v1/files", files=form).json()["id"]
        places = {
            "in/data.txt": "/mnt/session/uploads/in/data.txt",
            "/workspace/deep/data.txt": "/workspace/deep/data.txt",
            "/data/x.txt": "/mnt/session/uploads/data/x.txt",
            "/mnt/session/uploads/u.txt": "/mnt/session/uploads/u.txt",
            "../../etc/y.txt": "/mnt/session/uploads/etc/y.txt",
        }
        files = [{"type": "file", "file_id": upload, "mount_path": path} for path in places]
        hand = Hand(api, resources=files)
        found = hand.execute("find /workspace /mnt/session /etc /data -name '*.txt' -size 5c 2>/dev/null")
        assert set(found["output"].split()) == set(places.values())
        assert hand.text("bash", command="cat deep/data.txt") == "words"
        assert "denied" in hand.text("bash", command="echo changed > deep/data.txt")

    def test_what_the_agent_made_of_one_in_the_workspace_outlives_the_computer(self, api: Api) -> None:
        file = api.post("/v1/files", filename="a.txt", content="given", media_type="text/plain")["id"]
        resources = [{"type": "file", "file_id": file, "mount_path": f"/workspace/{name}.txt"} for name in "ab"]
        hand = Hand(api, resources=resources)
        assert hand.text("bash", command="cat a.txt b.txt; rm a.txt; printf made > a.txt") == "givengiven"
        hand.pause()
        assert hand.text("bash", command="cat a.txt b.txt").endswith("madegiven")
        (first, _) = api.get(f"{hand.path}/resources")["data"]
        api.ok("DELETE", f"{hand.path}/resources/{first['id']}")
        other = api.post("/v1/files", filename="b.txt", content="newer", media_type="text/plain")["id"]
        api.post(f"{hand.path}/resources", **resources[0] | {"file_id": other})
        assert hand.text("bash", command="cat a.txt b.txt") == "newergiven"

    def test_a_variable_of_the_session_is_there_for_commands(self, api: Api) -> None:
        hand = Hand(api, resources=[{"type": "env", "name": "COLOUR", "value": "teal"}])
        assert hand.text("bash", command="echo $COLOUR") == "teal"
        assert hand.execute("echo $COLOUR")["output"] == "teal\n"


class TestOddities:
    """What a shell and a folder may hold."""

    def test_bytes_that_are_no_text_do_no_harm(self, hand: Hand) -> None:
        said = hand.text(
            "bash", command="printf 'a\\xff\\xfe\\0b'; head -c 20000 /dev/urandom | tr -d '\\n'; echo; echo z"
        )
        assert said.startswith("a\ufffd\ufffd")
        assert said.endswith("z")
        assert text_of(hand.api.turn(hand.id, 'say:"goes on"'))[-1] == "goes on"

    def test_links_out_of_the_workspace_lead_nowhere(self, hand: Hand) -> None:
        hand.execute("mkdir d; ln -s / d/root; ln -s /proc/self/environ env; mkfifo pipe")
        for path in ("d/root/etc/passwd", "env", "pipe"):
            assert hand.api.call("POST", f"{hand.path}/files", {"path": path}).status_code in (400, 404)
        began = time.monotonic()
        assert hand.use("read", file_path="pipe")["is_error"]
        assert hand.use("grep", pattern="x", path="pipe")["is_error"]
        assert time.monotonic() - began < 5

    @pytest.mark.parametrize("command", ["if true; then", "echo 'never ends", "cat <<EOF", "cat", "read line", "}"])
    def test_a_command_that_is_incomplete_or_waits_for_input_ends(self, hand: Hand, command: str) -> None:
        hand.use("bash", command=command, timeout_ms=5000)
        assert hand.text("bash", command="echo lives") == "lives"

    def test_an_output_that_returns_to_what_it_was_is_a_file_again(self, hand: Hand) -> None:
        for word in ("one", "two", "one"):
            hand.text("write", file_path=f"{OUTPUTS}/a", content=word)
            (file,) = hand.api.get("/v1/files", scope_id=hand.id)["data"]
            assert hand.api.call("GET", f"/v1/files/{file['id']}/content").text == word

    def test_a_session_whose_sandbox_a_worker_has_takes_no_commands(self, api: Api) -> None:
        hand = Hand(api, environment_id=api.environment(config={"type": "self_hosted"})["id"])
        assert api.call("POST", f"{hand.path}/exec", {"command": "true"}).status_code == 400
        assert api.get(f"{hand.path}/outputs")["data"] == []


class TestCommandsAsTools:
    """Custom tools whose execution is a command of the sandbox."""

    def test_the_input_comes_on_standard_input_and_the_output_is_the_result(self, api: Api, model: FakeModel) -> None:
        tool = {
            "type": "custom",
            "name": "shout",
            "description": "Shouts.",
            "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}},
            "execution": {"type": "sandbox", "command": "tr a-z A-Z; exit 3"},
        }
        log = api.turn(api.session(api.agent(tools=[tool])), 'tool:shout input:{"text": "it\'s $HOME"}')
        use = next(one for one in log if one["type"] == "agent.tool_use")
        result = next(one for one in log if one["type"] == "agent.tool_result")
        assert (use["name"], result["tool_use_id"]) == ("shout", use["id"])
        assert result["content"][0]["text"].splitlines() == ['{"TEXT": "IT\'S $HOME"}', "exit=3"]
        assert "agent.custom_tool_use" not in str(log)
