"""What was acknowledged is there after `kill -9`; the journal is cut, replaced and guarded."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest

from chalicelib.local.engine import Engine, EngineAlreadyRunning, JournalDamaged, StateDirectoryInUse

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
sys.path.insert(0, str(HERE))
from stack import TEMPLATE, THREADS  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(os.environ.get("LAMBENT_SEMANTICS_ENDPOINT")), reason="a promise of the engine alone"
)


class Run:
    """One life of an engine on a state directory."""

    def __init__(self, state, template=TEMPLATE):
        self.engine = Engine.start(state)
        self.outputs = self.engine.deploy(template, "stack", {})
        self.dynamodb, self.sqs, self.s3 = (boto3.client(name) for name in ("dynamodb", "sqs", "s3"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.engine.close()

    def partition(self, pk):
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.outputs["Table"],
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues={":p": {"S": pk}},
        )
        return [item for page in pages for item in page["Items"]]

    def put(self, pk, sk, **attributes):
        self.dynamodb.put_item(TableName=self.outputs["Table"], Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})

    def update(self, pk, sk, expression, **values):
        self.dynamodb.update_item(
            TableName=self.outputs["Table"],
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": {f":{n}": v for n, v in values.items()}} if values else {}),
        )

    def send(self, group, body):
        self.sqs.send_message(
            QueueUrl=self.outputs["Queue"], MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body
        )

    def receive(self, count=10):
        return self.sqs.receive_message(
            QueueUrl=self.outputs["Queue"], MaxNumberOfMessages=count, AttributeNames=["All"]
        ).get("Messages", [])


@pytest.fixture(autouse=True)
def _alone():
    if Engine.current():
        pytest.skip("an engine shared by other tests runs in this process")


def _killed_run(state, lines):
    """Runs the writing program, kills it after so many acknowledgements, and answers all it told."""
    program = subprocess.Popen(
        [sys.executable, str(HERE / "stack.py"), str(state)],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    with program:
        told = [program.stdout.readline() for _ in range(lines)]
        program.send_signal(signal.SIGKILL)
        told += program.stdout.readlines()
    return [json.loads(line) for line in told if line.endswith(b"\n")]


def test_everything_acknowledged_survives_a_kill_in_the_middle_of_writing(tmp_path):
    told = _killed_run(tmp_path, 1200)
    last = {(kind, number): n for kind, number, n in told}
    with Run(tmp_path) as run:
        bodies = {str(number): [] for number in range(THREADS)}
        while messages := run.receive():
            for message in messages:
                bodies[message["Attributes"]["MessageGroupId"]].append(int(message["Body"]))
                run.sqs.delete_message(QueueUrl=run.outputs["Queue"], ReceiptHandle=message["ReceiptHandle"])
        for number in range(THREADS):
            [counter] = run.partition(f"item{number}")
            n = int(counter["n"]["N"])
            assert last["_item", number] <= n <= last["_item", number] + 1
            assert counter["bin_"]["B"] == n.to_bytes(4, "big")
            assert len(counter["body5"]["S"]) == 5000
            sides = [item["sk"]["S"] for item in run.partition(f"tx{number}")]
            left = [side[4:] for side in sides if side.startswith("left")]
            assert left == [side[5:] for side in sides if side.startswith("right")]
            assert last["_transaction", number] <= len(left) <= last["_transaction", number] + 1
            sent = bodies[str(number)]
            assert sent == list(range(1, len(sent) + 1))
            assert last["_message", number] <= len(sent) <= last["_message", number] + 1
            for n in range(1, last["_object", number] + 1):
                body = run.s3.get_object(Bucket=run.outputs["Bucket"], Key=f"{number}/{n:08d}")["Body"].read()
                assert body == f"{number}:{n}".encode() * 500


def test_state_of_every_kind_comes_back(tmp_path):
    rich = {"b": {"B": b"\x00\xff"}, "l": {"L": [{"B": b"\x01"}, {"M": {"B": {"BS": [b"\x02"]}}}]}}
    with Run(tmp_path) as run:
        outputs = run.outputs
        run.put("a", "1", **rich, gpk={"S": "g"}, gsk={"S": "1"})
        run.update("a", "1", "SET n = :n, l[1].M2 = :m REMOVE gsk", n={"N": "5"}, m={"B": b"\x03"})
        run.put("a", "2")
        run.dynamodb.delete_item(TableName=outputs["Table"], Key={"pk": {"S": "a"}, "sk": {"S": "2"}})
        for body in ("1", "2", "3"):
            run.send("g", body)
        first = run.receive(1)[0]
        run.sqs.delete_message(QueueUrl=outputs["Queue"], ReceiptHandle=first["ReceiptHandle"])
        run.receive(1)
        run.s3.put_object(Bucket=outputs["Bucket"], Key="k", Body=b"old")
        run.s3.put_object(Bucket=outputs["Bucket"], Key="k", Body=b"new", Metadata={"m": "1"})
        [item] = run.partition("a")
        described = run.dynamodb.describe_table(TableName=outputs["Table"])["Table"]["ItemCount"]
    for life in range(2):
        with Run(tmp_path) as run:
            assert run.outputs == outputs
            assert run.partition("a") == [item]
            assert described == 1
            index = run.dynamodb.scan(TableName=outputs["Table"], IndexName="gsi")
            assert index["Count"] == 0
            messages = run.receive()
            assert [m["Body"] for m in messages] == ["2", "3"]
            assert messages[0]["Attributes"]["ApproximateReceiveCount"] == str(life + 2)
            run.send("g", "1")
            run.send("g", "2")
            got = run.s3.get_object(Bucket=outputs["Bucket"], Key="k")
            assert (got["Body"].read(), got["Metadata"]) == (b"new", {"m": "1"})
            if life == 0:
                run.engine.checkpoint()
    with Run(tmp_path) as run:
        assert [m["Body"] for m in run.receive()] == ["3"], "the third receive of 2 was its last"


def test_an_upload_goes_on_after_a_restart_and_leaves_no_files_behind(tmp_path):
    with Run(tmp_path) as run:
        given = {"Bucket": run.outputs["Bucket"], "Key": "big"}
        upload = {**given, "UploadId": run.s3.create_multipart_upload(**given)["UploadId"]}
        tag = run.s3.upload_part(**upload, PartNumber=1, Body=b"part")["ETag"]
    (tmp_path / "objects" / "00").mkdir(exist_ok=True)
    (tmp_path / "objects" / "00" / "left by a crash").write_bytes(b"x")
    with Run(tmp_path) as run:
        done = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        run.s3.complete_multipart_upload(**upload, MultipartUpload=done)
    with Run(tmp_path) as run:
        assert run.s3.get_object(**given)["Body"].read() == b"part"
        assert len(list((tmp_path / "objects").glob("*/*"))) == 1


def test_an_upload_that_nobody_ended_within_a_day_is_ended_by_the_next_start(tmp_path, monkeypatch):
    with Run(tmp_path) as run:
        given = {"Bucket": run.outputs["Bucket"], "Key": "big"}
        for hours in (25, 23):
            begun = time.time() - hours * 3600
            monkeypatch.setattr("chalicelib.local.engine.s3.multipart.time.time", lambda begun=begun: begun)
            upload = {**given, "UploadId": run.s3.create_multipart_upload(**given)["UploadId"]}
            monkeypatch.undo()
            run.s3.upload_part(**upload, PartNumber=1, Body=b"part")
    for _ in range(2):
        with Run(tmp_path) as run:
            left = run.s3.list_multipart_uploads(Bucket=given["Bucket"])["Uploads"]
            assert [one["UploadId"] for one in left] == [upload["UploadId"]]
            assert len(list((tmp_path / "objects").glob("*/*"))) == 1


def test_a_torn_last_record_is_cut_and_writing_goes_on(tmp_path):
    with Run(tmp_path) as run:
        run.put("a", "1")
        run.put("a", "2", x={"S": "y" * 100})
    [journal] = tmp_path.glob("journal-*.log")
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-40])
    with Run(tmp_path) as run:
        assert [item["sk"]["S"] for item in run.partition("a")] == ["1"]
        run.put("a", "3")
    with Run(tmp_path) as run:
        assert [item["sk"]["S"] for item in run.partition("a")] == ["1", "3"]


def test_damage_in_the_middle_is_told_and_nothing_is_overwritten(tmp_path):
    with Run(tmp_path) as run:
        for n in range(5):
            run.put("a", str(n))
    [journal] = tmp_path.glob("journal-*.log")
    damaged = journal.read_bytes().replace(b'{"S":"2"}', b'{"S":"X"}')
    journal.write_bytes(damaged)
    with pytest.raises(JournalDamaged, match="byte"):
        Engine.start(tmp_path)
    assert journal.read_bytes() == damaged
    assert Engine.current() is None


def test_a_checkpoint_under_writes_loses_nothing(tmp_path, in_threads):
    with Run(tmp_path) as run:

        def work(number):
            for n in range(40):
                if number == 0 and n % 10 == 5:
                    run.engine.checkpoint()
                run.put(f"p{number}", f"{n:03d}")
                run.update("shared", "counter", "ADD n :one", one={"N": "1"})

        in_threads(4, work)
    assert len(list(tmp_path.glob("snapshot-*.log"))) == 1
    assert len(list(tmp_path.glob("journal-*.log"))) == 1
    with Run(tmp_path) as run:
        assert all(len(run.partition(f"p{number}")) == 40 for number in range(4))
        assert run.partition("shared")[0]["n"] == {"N": "160"}


def test_a_crash_in_a_checkpoint_is_harmless(tmp_path):
    with Run(tmp_path) as run:
        run.put("a", "1")
        run.engine._journal._rotate()
        run.put("a", "2")
    (tmp_path / "snapshot.partial").write_bytes(b"half a rec")
    with Run(tmp_path) as run:
        assert [item["sk"]["S"] for item in run.partition("a")] == ["1", "2"]
    assert not (tmp_path / "snapshot.partial").exists()


def test_a_journal_much_larger_than_its_state_is_replaced(tmp_path, monkeypatch):
    with Run(tmp_path) as run:
        run.engine._journal._slack_bytes = 50_000
        for n in range(200):
            run.put("a", "same", x={"S": str(n) * 300})
    size = sum(path.stat().st_size for path in tmp_path.glob("*.log"))
    assert size < 110_000
    with Run(tmp_path) as run:
        assert run.partition("a")[0]["x"] == {"S": "199" * 300}


def test_one_process_at_a_time(tmp_path):
    with Run(tmp_path):
        with pytest.raises(EngineAlreadyRunning):
            Engine.start(tmp_path)
        script = (
            "import sys\nfrom pathlib import Path\n"
            "from chalicelib.local.engine import Engine, StateDirectoryInUse\n"
            "try:\n    Engine.start(Path(sys.argv[1]))\n"
            "except StateDirectoryInUse as error:\n    print('in use:', error)\n"
        )
        told = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        )
        assert told.stdout.startswith("in use:")
    assert issubclass(StateDirectoryInUse, Exception)


def test_a_new_index_is_built_from_what_is_stored(tmp_path):
    with Run(tmp_path) as run:
        run.put("a", "1", gpk={"S": "g"}, gsk={"S": "1"})
    changed = json.loads(json.dumps(TEMPLATE))
    properties = changed["Resources"]["Table"]["Properties"]
    [index] = properties["GlobalSecondaryIndexes"]
    properties["GlobalSecondaryIndexes"].append(
        {**index, "IndexName": "turned", "KeySchema": [{"AttributeName": "gsk", "KeyType": "HASH"}]}
    )
    with Run(tmp_path, changed) as run:
        found = run.dynamodb.query(
            TableName=run.outputs["Table"],
            IndexName="turned",
            KeyConditionExpression="gsk = :g",
            ExpressionAttributeValues={":g": {"S": "1"}},
        )
        assert found["Count"] == 1
