"""Dreams whose model is scripted, brought to every state a dream can be in, on a server that is killed twice."""

from dataclasses import dataclass, field
from typing import Any

from tests.e2e.laws.checks import USES, assert_complete, results
from tests.e2e.laws.mortality import Owner, Written, await_closely
from tests.fakes.model_server import FakeModel
from tests.support.api import Api, Json, text_of, types_of, wait_for

LONG_MS = 600_000


def use(name: str, **fields: Any) -> list[Json]:
    """The model's answer that uses a tool."""
    return [{"type": "tool_use", "name": name, "input": fields}]


@dataclass
class Dreaming:
    """One dream, whose model answers as it is scripted; ``mark`` finds its requests."""

    owner: Owner
    model: FakeModel
    mark: str
    answers: list[list[Json]]
    body: Json
    dream: Json = field(default_factory=dict)

    def begin(self) -> None:
        """Ask for it; a repeat meets the first."""
        headers = {"idempotency-key": self.mark}
        made = self.owner.api.ok("POST", "/v1/dreams", self.body | {"instructions": self.mark}, headers=headers)
        assert made["id"] == self.dream.get("id", made["id"])
        self.dream = made

    def script(self, first: int, upto: int) -> None:
        """The model's answers from one to before another."""
        self.model.script(*({"blocks": blocks, "match": self.mark} for blocks in self.answers[first:upto]))

    def stall(self, first: int, upto: int, tokens: int) -> None:
        """The same, and of the next no more than so many tokens."""
        self.script(first, upto)
        stalled: Json = {"hang": tokens} if tokens else {"ttft": LONG_MS}
        self.model.script({"blocks": self.answers[upto], "match": self.mark, **stalled})

    def wait_stalled(self, requests: int, tokens: int = 0) -> None:
        """Until the model has been asked so often, and has said so much of its last answer."""

        def look() -> bool:
            asked = self.model.requests_of(self.mark)
            return len(asked) == requests and asked[-1]["tokens"] == tokens

        wait_for(look, f"{requests} requests of {self.mark}")

    def now(self) -> Json:
        """The dream as it is now."""
        return self.owner.api.get(f"/v1/dreams/{self.dream['id']}")

    def began(self) -> bool:
        """Whether it has a session."""
        return self.now()["session_id"] is not None

    def log(self) -> list[Json]:
        """What its session did."""
        return self.owner.api.log(self.now()["session_id"])

    def done(self) -> int:
        """How many of its tools have answered."""
        return types_of(self.log()).count("agent.tool_result")

    def ended(self) -> Json:
        """The dream, once it has ended."""
        found: Json = wait_for(lambda: (one := self.now())["ended_at"] and one, f"{self.mark} to end")
        return found


TIDY = "All is tidy."
ANEW = [
    use("write_memory", path="/drinks/coffee.md", content="They like it black."),
    use("list_memories"),
    use("read_memory", path="/tea.md"),
    use("keep_memory", path="/tea.md", new_path="/drinks/tea.md"),
    use("write_memory", path="/x.md", content="a b c d e f g h"),
    use("delete_memory", path="/x.md"),
    [{"type": "text", "text": TIDY}],
]
IN_PLACE = [
    use("delete_memory", path="/old.md"),
    use("write_memory", path="/tea.md", content="They drink green tea."),
    use("write_memory", path="/coffee.md", content="They like it black."),
    [{"type": "text", "text": TIDY}],
]


class Sleeper:
    """Makes dreams of one tenant, each of a store of its own."""

    def __init__(self, owner: Owner, model: FakeModel) -> None:
        self._owner = owner
        self._model = model
        self.talk = owner.api.session()
        owner.api.turn(self.talk, 'say:"You prefer coffee"')
        self.dreams: dict[str, Dreaming] = {}

    def dream(self, name: str, *, in_place: bool = False) -> Dreaming:
        """A dream that nobody has asked for yet."""
        api = self._owner.api
        store = api.post("/v1/memory_stores", name="Notes")["id"]
        for path, content in (("/tea.md", "They drink tea."), ("/old.md", "It rains today.")):
            api.ok("POST", f"/v1/memory_stores/{store}/memories", {"path": path, "content": content})
        inputs = [
            {"type": "memory_store", "memory_store_id": store},
            {"type": "sessions", "session_ids": [self.talk]},
        ]
        body: Json = {"inputs": inputs, "model": "claude-test"}
        body |= {"output_behavior": {"type": "update_existing", "memory_store_id": store}} if in_place else {}
        answers = IN_PLACE if in_place else ANEW
        self.dreams[name] = Dreaming(self._owner, self._model, f"dream-{name}-mark", answers, body)
        return self.dreams[name]

    def kill(self) -> None:
        """Kill the server; the model forgets what it was to say."""
        self._owner.server.kill()
        self._model.reset()


def come_to_states(sleeper: Sleeper, model: FakeModel) -> dict[str, Dreaming]:
    """Dreams in states that last."""
    stalls = {"asked": (0, 0), "calling": (4, 3), "written": (5, 0), "speaking": (6, 2), "rewriting": (1, 3)}
    found = {name: sleeper.dream(name, in_place=name == "rewriting") for name in stalls}
    working = found["working"] = sleeper.dream("working")
    working.script(0, len(working.answers))
    model.hold("stop", match=working.mark)
    for name, (upto, tokens) in stalls.items():
        found[name].stall(0, upto, tokens)
    for one in found.values():
        one.begin()
    for name, (upto, tokens) in stalls.items():
        found[name].wait_stalled(upto + 1, tokens)
    model.wait_held()
    return found


def come_to_last_states(sleeper: Sleeper, model: FakeModel) -> dict[str, Dreaming]:
    """Dreams in states that are soon over: it has said its last words, it was asked for; another carries out a tool."""
    ending, pending = sleeper.dream("ending"), sleeper.dream("pending")
    ending.script(0, len(ending.answers))
    pending.stall(0, 0, 0)
    ending.begin()
    wait_for(lambda: ending.began() and TIDY in text_of(ending.log()), "the last words")
    pending.begin()
    in_the_tool = Written(2).come(pending.owner.state)
    model.release()
    await_closely(in_the_tool)
    return {"ending": ending, "pending": pending}


def die_again(owner: Owner, sleeper: Sleeper, mortals: dict[str, Dreaming]) -> dict[str, int]:
    """Let the server live until each dream has come a little further or is where it was, and kill it once more.

    Of each dream, how many tools have answered.
    """
    stalls = dict.fromkeys(mortals.keys() - {"ending"}, (0, 0, 0)) | {"asked": (0, 4, 2), "calling": (4, 5, 0)}
    for name, (first, upto, tokens) in stalls.items():
        mortals[name].stall(first, upto, tokens)
    owner.server.start()
    mortals["pending"].begin()
    for name, (first, upto, tokens) in stalls.items():
        mortals[name].wait_stalled(upto - first + 1, tokens)
    done = {name: one.done() for name, one in mortals.items()}
    sleeper.kill()
    return done


def outcome(one: Dreaming) -> Json:
    """What came of a dream, without the names that are its own."""
    ended, api, log = one.ended(), one.owner.api, one.log()
    assert_complete(log)
    [output] = ended["outputs"]
    store = f"/v1/memory_stores/{output['memory_store_id']}"
    versions = api.get(f"{store}/memory_versions", limit=100)["data"]
    return {
        "status": (ended["status"], ended["error"]),
        "usage": ended["usage"],
        "memories": memories(api, store),
        "versions": sorted((version["path"], version["operation"]) for version in versions),
        "tools": [event["name"] for event in log if event["type"] in USES],
        "told": results(log),
        "said": text_of(log),
    }


def memories(api: Api, store: str) -> dict[str, str]:
    """What a store holds, by path."""
    return {one["path"]: one["content"] for one in api.get(f"{store}/memories", view="full", limit=100)["data"]}
