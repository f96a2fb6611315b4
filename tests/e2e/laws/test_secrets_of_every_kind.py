"""Secrets of every kind, each used well and badly, are afterwards in no answer, event, trajectory, prompt, sandbox or
log line, reach nobody they are not for, and lie on disk sealed or hashed alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.laws.conftest import PROVIDER_KEY, model_env
from tests.e2e.laws.entrusted import CANARY, CHAPTERS, Narrator, World, read_everything, state_of
from tests.e2e.laws.test_injected_secrets import layers
from tests.fakes.model_server import FakeModel
from tests.fakes.providers import FakeProviders
from tests.fakes.providers.server import SECRETS
from tests.functional.outbound.certificates import server_context
from tests.support.api import Api
from tests.support.git_server import GitHost
from tests.support.mcp_server import McpSite
from tests.support.receiver import Receiver
from tests.support.server import Server

HERE = "127.0.9.4"


@dataclass
class Story:
    """What was seen, and where."""

    narrator: Narrator
    told: dict[str, str]
    state: dict[str, list[bytes]]
    read: set[str]

    def found(self, place: str) -> list[str]:
        """The names of the secrets that a place holds."""
        text = self.told[place]
        return sorted(name for name, secret in self.narrator.hidden.items() if secret in text)


@pytest.fixture(scope="module")
def story(shared_model: FakeModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    shared_model.reset()
    folder = tmp_path_factory.mktemp("state")
    host = tmp_path_factory.mktemp("git")
    git = GitHost(host, HERE, server_context(host, "host.test", HERE))
    with FakeProviders() as fake, Receiver() as receiver, McpSite() as site, git:
        env = model_env(shared_model, LOG_LEVEL="DEBUG", SSL_CERT_FILE=str(host / "ca.pem"), **fake.env())
        env["LAMBENT_OUTBOUND_ALLOW"] = f"127.0.0.1,{HERE}"
        with Server(env, folder) as server:
            fake.callback = server.url
            api = Api(server.url, server.tenant())
            narrator = Narrator(api, server.root_key, World(receiver, fake, site, git))
            for chapter in CHAPTERS:
                chapter(narrator)
            read = read_everything(narrator)
            receiver.wait(5, "/all")
            api.close()
            server.kill()
            _hide_the_operators(narrator, fake)
            state = {name: list(layers(raw)) for name, raw in state_of(folder).items()}
            told = {
                "answers": "\n".join(narrator.seen),
                "log": server.log(),
                "prompts": str([one["text"] for one in shared_model.requests]),
                "webhooks": str(receiver.hits),
                "posts": str(fake.posts),
                "sandbox": "\n".join(narrator.inside),
            }
            yield Story(narrator, told, state, read)


def _hide_the_operators(narrator: Narrator, fake: FakeProviders) -> None:
    narrator.hide("the model provider's", PROVIDER_KEY)
    for name, text in SECRETS.items():
        narrator.hide(f"{name}'s for webhooks", text)
        narrator.hide(f"{name}'s of the app", f"{name}-client-secret")
    narrator.hide("a private key", fake.pem.splitlines()[2])


def test_the_story_is_one_in_which_they_were_used(story: Story) -> None:
    used = "\n".join(story.narrator.used)
    assert "you sent Bearer [hidden]" in used
    assert "live" in story.narrator.used
    assert {sent is not None for _, sent, status in story.narrator.world.git.asked if status == 200} == {True}
    assert "searched" in story.told["sandbox"]
    assert len(story.narrator.hidden) > 60
    assert len(story.read) > 50


@pytest.mark.parametrize("place", ["answers", "log", "prompts", "webhooks", "posts", "sandbox"])
def test_no_secret_is_found_in(story: Story, place: str) -> None:
    assert len(story.told[place]) > 10
    assert story.found(place) == []
    assert CANARY not in story.told[place]


def test_no_stored_byte_holds_a_secret(story: Story) -> None:
    secrets = {name: text.encode() for name, text in story.narrator.hidden.items()}
    places = [
        (name, place)
        for place, parts in story.state.items()
        for name, secret in secrets.items()
        if place != "credentials.json" and any(secret in one for one in parts)
    ]
    assert places == []
