"""What log lines carry, and what they never do."""

import asyncio
import io
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.observability import bind, log_failure, logs

JsonLog = tuple[logging.Logger, Callable[[], list[Any]]]
ShortLog = tuple[logging.Logger, io.StringIO]


def test_json_lines_carry_the_bound_ids(json_log: JsonLog) -> None:
    log, lines = json_log
    with bind(request_id="req_1", tenant="t"):
        with bind(session="s", run=""):
            log.getChild("http").info("inside %s", "there", extra={"status": 200})
        log.warning("outside")
    log.info("after")
    inside, outside, after = lines()
    expected = {"level": "INFO", "message": "inside there", "service": "lambent", "status": 200}
    assert expected.items() <= inside.items()
    assert (inside["request_id"], inside["tenant"], inside["session"]) == ("req_1", "t", "s")
    assert "run" not in inside
    assert "session" not in outside
    assert "request_id" not in after


def test_loggers_of_modules_are_written_like_the_product_s(json_log: JsonLog) -> None:
    _, lines = json_log
    with bind(tenant="t"):
        logging.getLogger("chalicelib.sandbox.hosts.local").warning("no room", extra={"api_key": "lmb_secret"})
    (line,) = lines()
    assert (line["message"], line["tenant"], line["service"]) == ("no room", "t", "lambent")
    assert "lmb_secret" not in str(line)


def test_each_line_is_written_once_however_often_the_logger_is_set_up(json_log: JsonLog) -> None:
    stream = io.StringIO()
    for _ in range(3):
        log = logs.configure("aws", "INFO", stream)
    log.info("single line")
    assert stream.getvalue().count("single line") == 1


def test_a_failure_carries_its_trace(json_log: JsonLog) -> None:
    log, lines = json_log
    try:
        raise ValueError("broken")
    except ValueError as error:
        log_failure(log, "it failed", error, step=3)
    [line] = lines()
    assert line["step"] == 3
    assert line["exception_name"] == "ValueError"
    assert "test_logs.py" in line["exception"]


def test_threads_and_tasks_keep_their_ids_apart(json_log: JsonLog) -> None:
    log, lines = json_log

    async def task(name: str) -> None:
        with bind(request_id=name):
            await asyncio.sleep(0.001)
            log.info(name)

    def thread(name: str) -> None:
        with bind(request_id=name):
            log.info(name)

    async def tasks() -> None:
        await asyncio.gather(*(task(f"task-{number}") for number in range(20)))

    threads = [threading.Thread(target=thread, args=(f"thread-{number}",)) for number in range(20)]
    for one in threads:
        one.start()
    asyncio.run(tasks())
    for one in threads:
        one.join()
    assert len(lines()) == 40
    assert all(line["request_id"] == line["message"] for line in lines())


def test_secrets_are_hidden_wherever_they_stand(json_log: JsonLog) -> None:
    log, lines = json_log
    log.info("sent x-api-key: hush-1 and %s", {"Authorization": "hush-2"})
    log.info({"headers": {"cookie": "hush-3", "accept": "json"}})
    log.info("calling", extra={"token": "hush-4", "nested": [{"client_secret": "hush-5", "port": 80}]})
    log.info('{"password":"hush-6","max_tokens":17}')
    try:
        raise ValueError("refused: Bearer hush-7-abcdefgh")
    except ValueError as error:
        log_failure(log, "failed", error)
    told = "\n".join(map(str, lines()))
    assert "hush" not in told
    assert lines()[1]["message"] == {"headers": {"cookie": "[redacted]", "accept": "json"}}
    assert lines()[2]["nested"] == [{"client_secret": "[redacted]", "port": 80}]
    assert lines()[3]["message"] == {"password": "[redacted]", "max_tokens": 17}


def test_a_laptop_hears_only_of_trouble_and_briefly(short_log: ShortLog) -> None:
    log, stream = short_log
    log.info("quiet")
    with bind(request_id="req_1"):
        log.getChild("http").warning("loud, api_key=hush")
    assert stream.getvalue() == "warning lambent.http: loud, api_key=[redacted] (request_id=req_1)\n"


def test_a_wished_level_gives_a_laptop_json_lines() -> None:
    stream = io.StringIO()
    try:
        logs.configure("local", "info", stream).info("told")
        assert stream.getvalue().startswith('{"level":"INFO"')
    finally:
        logs.configure("local", None)


@pytest.mark.parametrize(("wished", "meant"), [("nonsense", logging.INFO), (" debug ", logging.DEBUG)])
def test_levels(wished: str, meant: int) -> None:
    try:
        assert logs.configure("aws", wished, io.StringIO()).level == meant
    finally:
        logs.configure("local", None)
