"""The tools that work in a session's sandbox, and files on their way into it and out of it, with the official client.

The shell keeps its state from call to call, and over a pause of the computer; a restart or a new computer clears the
state but no file. A command whose time is over is an error result and the shell lives on. Files are read, written,
edited and found, and what cannot be done is an error result. Nothing runs before the consent that was asked for. Long
outputs are shortened, and all of them is in a file. What is uploaded stands at its mount path, for reading only; what
the agent leaves in the folder of outputs is a file of the session, byte for byte, and goes with it.
"""

import hashlib
import json
import random
import re
from collections.abc import Callable
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic

from tests.e2e.anthropic_sdk.helpers import (
    Watch,
    confirm,
    listed,
    make_agent,
    make_session,
    of,
    rest,
    said,
    say,
    send,
    turn,
    types,
)
from tests.fakes.model_server import FakeModel
from tests.support.server import Server

TOOLSET = {"type": "agent_toolset_20260401"}
ASKING = TOOLSET | {"default_config": {"permission_policy": {"type": "always_ask"}}}
UPLOADS, OUTPUTS = "/mnt/session/uploads", "/mnt/session/outputs"


class Hand:
    """A session whose agent uses the tools it is told to use."""

    def __init__(self, client: Anthropic, session: Any = None, **fields: Any) -> None:
        self.client = client
        self.session = session or make_session(client, make_agent(client, tools=[TOOLSET]), **fields)
        self.id: str = self.session.id

    def use(self, tool: str, **arguments: Any) -> Any:
        """Have the agent use a tool, wait for the end of the turn; the result event."""
        events = turn(self.client, self.id, f"tool:{tool} input:{json.dumps(arguments)} tokens:2")
        use, result = of(events, "agent.tool_use")[-1], of(events, "agent.tool_result")[-1]
        assert (use.name, use.input, result.tool_use_id) == (tool, arguments, use.id)
        return result

    def text(self, tool: str, **arguments: Any) -> str:
        """As ``use``, for a call that must work; the text of its result, its blocks on lines of their own."""
        result = self.use(tool, **arguments)
        assert not result.is_error, said(result)
        return "\n".join(block.text for block in result.content)

    def problem(self, tool: str, **arguments: Any) -> str:
        """As ``use``, for a call that must not work; the text of its result."""
        result = self.use(tool, **arguments)
        assert result.is_error is True, said(result)
        assert said(result).startswith("Error: ")
        return said(result)

    def run(self, command: str) -> str:
        """The output of a command that must work."""
        return self.text("bash", command=command)


@pytest.fixture
def hand(client: Anthropic) -> Hand:
    """A session of this test alone."""
    return Hand(client)


def _computer(server: Server, key: str, session_id: str, action: str, **body: Any) -> None:
    """Do something to the computer of a session, as its owner may."""
    answer = httpx2.post(
        f"{server.url}/sandboxes/{session_id.removeprefix('sesn_')}/{action}",
        json=body,
        headers={"x-api-key": key},
        timeout=30,
    )
    assert answer.status_code == 204, answer.text


def _path_in(told: str) -> str:
    """Where a result that was shortened says it is whole."""
    found = re.search(r"/mnt/session/results/[\w.-]+\w", told)
    assert found is not None, told
    return found[0]


def _scoped(client: Anthropic, session_id: str) -> list[Any]:
    return list(client.beta.files.list(scope_id=session_id))


class TestShell:
    """One shell for the whole session."""

    def test_folder_variables_functions_and_jobs_stay_until_a_restart(self, hand: Hand) -> None:
        begun = hand.run("cd /tmp; export COLOUR=teal; shape=round; twice() { echo $1$1; }; sleep 333 & echo $!")
        job = begun.split()[-1]
        assert hand.run("pwd; echo $COLOUR $shape; twice a; kill -0 $! && echo lives").split() == [
            "/tmp",
            "teal",
            "round",
            "aa",
            "lives",
        ]
        assert "restarted" in hand.text("bash", restart=True)
        left = f"pwd; echo [$COLOUR$shape]; type twice 2>&1 | tail -1; kill -0 {job} 2>/dev/null || echo ended"
        said_now = hand.run(left)
        assert said_now.splitlines()[:2] == ["/workspace", "[]"]
        assert said_now.splitlines()[-1] == "ended"
        assert "not found" in said_now

    def test_a_command_whose_time_is_over_is_an_error_and_the_shell_lives_on(self, hand: Hand) -> None:
        hand.run("cd /tmp; LEVEL=7")
        told = hand.problem("bash", command="echo before; sleep 400; echo after", timeout_ms=300)
        assert "stopped after 0.3 s" in told
        assert "before" in told
        assert "after\n" not in told
        assert hand.run("pwd; echo $LEVEL; pgrep -fx 'sleep 400' || echo none").split() == ["/tmp", "7", "none"]

    def test_a_command_that_fails_tells_its_code_and_is_no_error_of_the_tool(self, hand: Hand) -> None:
        assert hand.run("echo to the one; echo to the other >&2; (exit 7)").splitlines() == [
            "to the one",
            "to the other",
            "exit=7",
        ]
        assert hand.run("true") == "(no output)"

    def test_a_shell_that_ends_is_followed_by_a_new_one(self, hand: Hand) -> None:
        assert "exit=3" in hand.run("cd /tmp; echo leaving; exit 3")
        told = hand.run("pwd")
        assert "/workspace" in told

    def test_what_is_no_command_is_an_error_result(self, hand: Hand) -> None:
        assert "command" in hand.problem("bash", timeout_ms=5)
        assert "timeout_ms" in hand.problem("bash", command="true", timeout_ms="soon")
        assert "zero byte" in hand.problem("bash", command="echo a\0b")


class TestComputersComeAndGo:
    """A session goes on with its files whatever became of its computer."""

    def test_one_that_was_frozen_goes_on_where_it_was(self, hand: Hand, server: Server, key: str) -> None:
        hand.run("cd /tmp; MOOD=calm; echo kept > /workspace/a; echo here > /tmp/b; sleep 600 & echo begun")
        _computer(server, key, hand.id, "pause")
        assert hand.run("pwd; echo $MOOD; cat /workspace/a b; jobs | grep -c 'sleep 600'").split() == [
            "/tmp",
            "calm",
            "kept",
            "here",
            "1",
        ]
        assert not of(listed(hand.client, hand.id), "session.warning")

    def test_one_that_was_ended_is_followed_by_another_with_the_same_files(
        self, hand: Hand, server: Server, key: str
    ) -> None:
        hand.run("mkdir -p d/e; echo kept > d/e/a; chmod 750 d; ln -s e/a d/link; echo x > /tmp/gone; cd d; MOOD=calm")
        _computer(server, key, hand.id, "pause", memory=False)
        told = hand.run("pwd; cat d/link; stat -c %a d; ls /tmp/gone 2>&1 | tail -1; echo [$MOOD]")
        assert "started anew" in told
        lines = told.splitlines()[-5:]
        assert lines[:3] == ["/workspace", "kept", "750"]
        assert "No such file" in lines[3]
        assert lines[4] == "[]"
        assert "started anew" not in hand.run("echo again")


class TestFileTools:
    """read, write, edit, glob and grep."""

    def test_a_file_is_written_read_in_parts_and_edited(self, hand: Hand) -> None:
        assert "13 bytes" in hand.text("write", file_path="notes/a.txt", content="one\ntwo\nüç\n")
        assert hand.run("cat notes/a.txt").split() == ["one", "two", "üç"]
        assert hand.text("read", file_path="/workspace/notes/a.txt").split() == ["1", "one", "2", "two", "3", "üç"]
        assert hand.text("read", file_path="notes/a.txt", view_range=[2, 2]).splitlines() == ["     2\ttwo"]
        assert hand.text("read", file_path="notes/a.txt", view_range=[2, -1]).split() == ["2", "two", "3", "üç"]
        assert "once" in hand.text("edit", file_path="notes/a.txt", old_string="two\n", new_string="zwei\n")
        assert hand.run("cat notes/a.txt").split() == ["one", "zwei", "üç"]
        hand.text("write", file_path="notes/a.txt", content="")
        assert hand.run("stat -c %s notes/a.txt") == "0"
        assert "empty" in hand.text("read", file_path="notes/a.txt")

    def test_an_edit_that_is_not_unique_changes_nothing_unless_all_is_meant(self, hand: Hand) -> None:
        hand.text("write", file_path="a.txt", content="red blue red")
        told = hand.problem("edit", file_path="a.txt", old_string="red", new_string="green")
        assert "occurs 2 times" in told
        assert "does not occur" in hand.problem("edit", file_path="a.txt", old_string="pink", new_string="green")
        assert hand.run("cat a.txt") == "red blue red"
        assert "2 times" in hand.text("edit", file_path="a.txt", old_string="red", new_string="", replace_all=True)
        assert hand.run("cat a.txt") == " blue "

    @pytest.mark.parametrize(
        ("tool", "arguments", "words"),
        [
            ("read", {"file_path": "none.txt"}, "none.txt"),
            ("read", {"file_path": "/workspace"}, "directory"),
            ("read", {}, "file_path"),
            ("edit", {"file_path": "none.txt", "old_string": "a", "new_string": "b"}, "none.txt"),
            ("write", {"file_path": "/proc/none", "content": "a"}, "/proc/none"),
            ("write", {"file_path": "a.txt"}, "content"),
            ("grep", {"pattern": "("}, "pattern"),
            ("grep", {"pattern": "a", "path": "/none"}, "/none"),
            ("glob", {"pattern": "*", "path": "/none"}, "/none"),
        ],
    )
    def test_what_cannot_be_done_is_an_error_result_that_says_why(
        self, hand: Hand, tool: str, arguments: dict[str, Any], words: str
    ) -> None:
        assert words in hand.problem(tool, **arguments)

    def test_files_are_found_by_name_hidden_and_ignored_ones_too(self, hand: Hand) -> None:
        hand.run(
            "mkdir -p a/b .hidden; touch -d '2020-01-01' top.py a/b/deep.py .hidden/x.py; touch a/new.py a/other.txt;"
            "git init -q . 2>/dev/null; echo '*.py' > .gitignore"
        )
        found = hand.text("glob", pattern="*.py").splitlines()
        assert found[0] == "/workspace/a/new.py"
        assert set(found) == {f"/workspace/{one}" for one in ("a/new.py", "top.py", "a/b/deep.py", ".hidden/x.py")}
        assert hand.text("glob", pattern="b/*.py", path="a").splitlines() == ["/workspace/a/b/deep.py"]
        assert hand.text("glob", pattern="*.rs") == "No files found."
        hand.run("mkdir many; touch many/{1..130}.log")
        many = hand.text("glob", pattern="*.log").splitlines()
        assert len(many) == 101
        assert "100 of 130" in many[-1]

    def test_text_is_found_with_its_line(self, hand: Hand) -> None:
        hand.run("printf 'one\\ntwo fish\\n' > a.txt; mkdir .h; printf 'red fish\\n' > .h/b.md; printf 'fi\\0sh' > c")
        assert set(hand.text("grep", pattern=r"fis\w").splitlines()) == {
            "/workspace/a.txt:2:two fish",
            "/workspace/.h/b.md:1:red fish",
        }
        assert hand.text("grep", pattern="fish", glob="*.md").splitlines() == ["/workspace/.h/b.md:1:red fish"]
        assert hand.text("grep", pattern="fish", path="a.txt", context=1).splitlines() == [
            "/workspace/a.txt-1-one",
            "/workspace/a.txt:2:two fish",
        ]
        assert hand.text("grep", pattern="bird") == "No matches found."


def test_nothing_runs_before_consent_and_nothing_after_a_refusal(
    client: Anthropic, model: FakeModel, watch: Callable[..., Watch]
) -> None:
    free = Hand(client, make_session(client, make_agent(client, tools=[ASKING])))
    stream = watch(client, free.id)
    say(client, free.id, 'tool:bash input:{"command": "echo ran | tee proof"} tokens:2')
    stream.wait_idle()
    use = of(stream.events, "agent.tool_use")[0]
    assert use.evaluated_permission == "ask"
    assert stream.events[-1].stop_reason.event_ids == [use.id]
    assert not of(stream.events, "agent.tool_result")
    shown = client.post(f"/v1/sessions/{free.id}/exec", body={"command": "ls /workspace"}, cast_to=object)
    assert shown["output"] == ""  # type: ignore[index]
    send(client, free.id, confirm(use, "deny", deny_message="not on my watch"))
    stream.wait_idle(2)
    refused = of(stream.events, "agent.tool_result")[0]
    assert (refused.is_error, refused.tool_use_id) == (True, use.id)
    assert "not on my watch" in said(refused)
    say(client, free.id, 'tool:bash input:{"command": "ls; echo ran | tee proof"} tokens:2')
    stream.wait_idle(3)
    send(client, free.id, confirm(of(stream.events, "agent.tool_use")[1]))
    stream.wait_idle(4)
    allowed = of(stream.events, "agent.tool_result")[1]
    assert (allowed.is_error, said(allowed)) == (False, "ran")
    asked = model.requests[-1]["body"]["messages"][-1]
    assert "ran" in json.dumps(asked)


class TestLongOutputs:
    """The model gets the ends; the whole is in a file."""

    def test_of_a_command(self, hand: Hand, model: FakeModel) -> None:
        script = "for n in $(seq 30000); do printf 'line%05d\\n' $n; done; printf end"
        told = hand.run(script)
        assert len(told) < 50_000
        assert told.startswith("line00001\n")
        assert told.endswith("line30000\nend")
        path = _path_in(told)
        assert hand.run(f"wc -c < {path}; sed -n 15000p {path}").split() == ["300003", "line15000"]
        assert "line15000" in hand.text("read", file_path=path, view_range=[14999, 15001])
        assert "line15000" not in json.dumps(model.requests_of("seq 30000")[-1]["body"]["messages"][-1])

    def test_of_another_tool(self, hand: Hand) -> None:
        hand.run("yes 'x fish' | head -c 1500000 > f")
        told = hand.text("grep", pattern="fish", head_limit=9000)
        assert len(told) < 50_000
        path = _path_in(told)
        assert int(hand.run(f"grep -c fish {path}")) == 9000

    def test_a_file_of_one_long_line_is_still_shown(self, hand: Hand) -> None:
        hand.run("head -c 300000 /dev/zero | tr '\\0' x > long")
        told = hand.text("read", file_path="long")
        assert len(told) <= 100_000
        assert "longer than this" in told


class TestFilesInAndOut:
    """Uploads are for reading; outputs are files of the session."""

    def test_an_upload_is_read_at_its_place_and_an_output_comes_back_byte_for_byte(self, client: Anthropic) -> None:
        content = random.Random(7).randbytes(3_000_000)
        upload = client.files.upload(file=("data.bin", content, "application/x-thing"))
        mount = f"{UPLOADS}/in/data.bin"
        hand = Hand(client, resources=[{"type": "file", "file_id": upload.id, "mount_path": mount}])
        (copy,) = _scoped(client, hand.id)
        assert hand.run(f"sha256sum < {mount}").split()[0] == hashlib.sha256(content).hexdigest()
        hand.run(f"mkdir -p {OUTPUTS}/sub; cp {mount} {OUTPUTS}/sub/back.bin")
        (output,) = (one for one in _scoped(client, hand.id) if one.id != copy.id)
        assert (output.filename, output.size_bytes, output.downloadable) == ("back.bin", 3_000_000, True)
        assert output.scope.to_dict() == {"type": "session", "id": hand.id}
        assert client.files.retrieve_metadata(output.id).to_dict() == output.to_dict()
        assert client.beta.files.download(output.id).read() == content
        client.beta.sessions.delete(hand.id)
        for gone in (output.id, copy.id):
            with pytest.raises(anthropic.NotFoundError):
                client.files.retrieve_metadata(gone)
            with pytest.raises(anthropic.NotFoundError):
                client.files.download(gone)
        assert _scoped(client, hand.id) == []
        assert client.files.download(upload.id).read() == content

    def test_an_upload_is_for_reading_only(self, client: Anthropic) -> None:
        upload = client.files.upload(file=("a.txt", b"as it was\n"))
        hand = Hand(client, resources=[{"type": "file", "file_id": upload.id}])
        path = hand.session.resources[0].mount_path
        assert "as it was" in hand.text("read", file_path=path)
        hand.problem("write", file_path=path, content="changed")
        hand.problem("edit", file_path=path, old_string="was", new_string="is")
        hand.problem("write", file_path=f"{UPLOADS}/new.txt", content="changed")
        told = hand.run(f"echo more >> {path}; rm -f {path}; touch {UPLOADS}/b; chmod 777 {path}; mv {path} /tmp")
        assert told.count("denied") + told.count("not permitted") + told.count("Read-only") >= 4
        assert hand.run(f"cat {path}; ls {UPLOADS}").splitlines() == ["as it was", upload.id]

    def test_a_file_comes_and_goes_while_the_session_lives(self, hand: Hand) -> None:
        client = hand.client
        path = f"{UPLOADS}/late.txt"
        assert "No such file" in hand.run(f"MOOD=calm; cat {path} 2>&1")
        upload = client.files.upload(file=("late.txt", b"late words"))
        added = client.beta.sessions.resources.add(hand.id, type="file", file_id=upload.id, mount_path=path)
        assert hand.run(f"cat {path}; echo; echo $MOOD").split() == ["late", "words", "calm"]
        client.beta.sessions.resources.delete(added.id, session_id=hand.id)
        assert "No such file" in hand.run(f"cat {path} 2>&1; echo $MOOD")
        assert hand.run("echo $MOOD") == "calm"

    def test_an_output_that_changes_is_listed_as_it_is_now_and_one_that_is_removed_is_not(self, hand: Hand) -> None:
        hand.text("write", file_path=f"{OUTPUTS}/report.md", content="first")
        (first,) = _scoped(hand.client, hand.id)
        assert (first.filename, first.mime_type) == ("report.md", "text/markdown")
        hand.text("edit", file_path=f"{OUTPUTS}/report.md", old_string="first", new_string="second")
        (second,) = _scoped(hand.client, hand.id)
        assert hand.client.files.download(second.id).read() == b"second"
        hand.run(f"mv {OUTPUTS}/report.md {OUTPUTS}/final.md; touch {OUTPUTS}/empty; mkdir {OUTPUTS}/folder")
        now = {one.filename: one.size_bytes for one in _scoped(hand.client, hand.id)}
        assert now == {"final.md": 6, "empty": 0}
        hand.run(f"rm -r {OUTPUTS}/*")
        assert _scoped(hand.client, hand.id) == []


def test_a_turn_with_a_tool_has_the_usual_events(hand: Hand) -> None:
    events = listed(hand.client, hand.id)
    assert events == []
    hand.run("echo one")
    rest(hand.client, hand.id)
    kinds = types(listed(hand.client, hand.id))
    assert kinds == [
        "session.status_running",
        "session.thread_status_running",
        "user.message",
        "span.model_request_start",
        "agent.tool_use",
        "span.model_request_end",
        "agent.tool_result",
        "span.model_request_start",
        "agent.message",
        "span.model_request_end",
        "session.thread_status_idle",
        "session.usage",
        "session.status_idle",
    ]
