"""Outputs of a real computer become files of their session; one that is too large is told to the agent."""

from dataclasses import replace

from chalicelib.sandbox.sessions.bench import execute
from chalicelib.wiring import Services
from tests.functional.sandbox.sessions.test_access import Den

FOLDER = "/mnt/session/outputs"


def names(den: Den) -> list[str]:
    """Of the session's files."""
    return sorted(file.filename for file in den.services.files.of_session(den.ref.space, den.ref.id))


def test_one_that_is_too_large_is_told_and_the_others_are_files(services: Services) -> None:
    den = Den(services)
    services.files.rules = replace(services.files.rules, limit_bytes=1000)
    agent = den.user()
    execute(agent, f"cd {FOLDER}; mkdir d; echo a > a; head -c 2000 /dev/zero > d/large; echo b > b", 10_000)
    assert names(den) == ["a", "b"]
    (told,) = agent.warnings()
    assert f"{FOLDER}/d/large" in told
    assert "1000 bytes" in told
    assert agent.notice() == told
    execute(agent, "true", 10_000)
    assert agent.warnings() == []
    services.close()


def test_many_come_and_go_at_once(services: Services) -> None:
    den = Den(services)
    agent = den.user()
    execute(agent, f"cd {FOLDER}; for i in $(seq 100); do echo $i > f$i; done", 20_000)
    assert len(names(den)) == 100
    execute(agent, f"cd {FOLDER}; mv f1 g; rm f2; echo new > f3", 20_000)
    assert len(names(den)) == 99
    assert {"f1", "f2", "g"} & set(names(den)) == {"g"}
    execute(agent, f"rm {FOLDER}/*", 20_000)
    assert names(den) == []
    services.close()
