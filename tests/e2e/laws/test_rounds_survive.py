"""A round of judging that the server's death cut off is done anew, and the log has it once."""

import json
from pathlib import Path

from tests.fakes.model_server import FakeModelProcess
from tests.support.api import Api, assert_whole, types_of, wait_for
from tests.support.server import Server


def test_a_round_cut_off_by_a_kill_is_judged_once(tmp_path: Path) -> None:
    with FakeModelProcess() as fake:
        env = {"ANTHROPIC_BASE_URL": fake.url, "ANTHROPIC_API_KEY": "provider-key"}
        with Server(env, state=tmp_path / "state") as server:
            api = Api(server.url, server.tenant())
            session = api.session()
            asked = "<asked>\nIt outlives us\n</asked>"
            fake.hold(at="arrival", match=asked)
            outcome = {"type": "user.define_outcome", "description": "It outlives us", "rubric": "x"}
            assert api.send(session, outcome).status_code == 202
            assert api.say(session, "begin tokens:2").status_code == 202
            fake.wait_held(1)
            server.kill()
            verdict = json.dumps({"result": "satisfied", "explanation": "Good."})
            fake.script({"blocks": [{"type": "text", "text": verdict}], "match": asked})
            fake.release()
            server.restart()
            api.close()
            again = Api(server.url, api.key)
            wait_for(lambda: "span.outcome_evaluation_end" in types_of(again.log(session)), "the verdict")
            again.wait_idle(session)
            log = again.log(session)
            assert_whole(log)
            assert types_of(log).count("span.outcome_evaluation_start") == 1
            assert types_of(log).count("span.outcome_evaluation_end") == 1
            assert again.get(f"/v1/sessions/{session}")["outcome_evaluations"][0]["result"] == "satisfied"
            again.close()
