"""A whole flow with an earlier release of the SDK: ``earlier_flow.py URL KEY`` prints what it saw."""

import json
import sys
import time
from importlib.metadata import version

import httpcore
from e2b import CommandExitException, NotFoundException, Sandbox, SandboxException, TimeoutException

url, key = sys.argv[1:]
options = {"api_key": key, "api_url": url, "sandbox_url": url}


def refusal(kinds, work) -> str:
    """The name of the error that work ends in."""
    try:
        work()
    except kinds as error:
        return type(error).__name__
    return "none"


told = {"release": version("e2b")}
sandbox = Sandbox.create(timeout=60, metadata={"of": "a & b"}, envs={"COLOUR": "dark green"}, **options)
info = sandbox.get_info()
told["info"] = [info.template_id, info.state.value, info.metadata]
told["id"] = sandbox.sandbox_id == info.sandbox_id
sandbox.files.write("notes/ä.txt", "grüße")
told["read"] = sandbox.files.read("notes/ä.txt")
told["listed"] = [entry.path for entry in sandbox.files.list("notes")]
told["made"] = [sandbox.files.make_dir("d"), sandbox.files.make_dir("d")]
told["missing"] = refusal(NotFoundException, lambda: sandbox.files.read("missing"))
told["run"] = sandbox.commands.run("echo $COLOUR").stdout
told["failed"] = refusal(CommandExitException, lambda: sandbox.commands.run("exit 3"))
# This release lets the error of its own clock through, when that is quicker than the server's answer.
ended = refusal((TimeoutException, httpcore.ReadTimeout), lambda: sandbox.commands.run("sleep 30", timeout=1))
told["late"] = ended in ("TimeoutException", "ReadTimeout")
handle = sandbox.commands.run("cat", background=True, stdin=True, timeout=0)
sandbox.commands.send_stdin(handle.pid, "in\n")
told["killed"] = [sandbox.commands.kill(handle.pid)]
refusal(CommandExitException, handle.wait)
told["killed"].append(sandbox.commands.kill(handle.pid))
watch = sandbox.files.watch_dir("notes")
sandbox.files.write("notes/new.txt", "x")
seen = []
until = time.monotonic() + 10
while "new.txt" not in seen and time.monotonic() < until:
    seen += [event.name for event in watch.get_new_events()]
told["watched"] = "new.txt" in seen
watch.stop()
told["metrics"] = len(sandbox.get_metrics())
pages = Sandbox.list(**options)
told["sandboxes"] = [one.sandbox_id == sandbox.sandbox_id for one in pages.next_items()]
sandbox.beta_pause()
told["paused"] = [sandbox.get_info().state.value, sandbox.is_running()]
told["away"] = refusal(TimeoutException, lambda: sandbox.files.read("notes/ä.txt"))
again = Sandbox.connect(sandbox.sandbox_id, **options)
told["resumed"] = [again.files.read("notes/ä.txt"), again.is_running()]
again.set_timeout(30)
told["ended"] = [again.kill(), again.kill()]
told["gone"] = refusal((NotFoundException, SandboxException), again.get_info)
print(json.dumps(told))
