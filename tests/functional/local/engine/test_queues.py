"""FIFO queues: order, held groups, redelivery, deduplication, dead letters, long polls."""

import json
import threading
import time

import pytest


def _bodies(messages):
    return [message["Body"] for message in messages]


def test_a_held_group_waits_and_others_do_not(cloud):
    url = cloud.queue(VisibilityTimeout="30")
    for group, body in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        cloud.send(url, group, body)
    [first] = cloud.receive(url)
    assert first["Body"] == "a1"
    assert _bodies(cloud.receive(url)) == ["b1"]
    assert cloud.receive(url) == []
    cloud.delete(url, first)
    assert _bodies(cloud.receive(url)) == ["a2"]


def test_what_is_not_deleted_comes_again_in_order(cloud):
    url = cloud.queue(VisibilityTimeout="1")
    for n in range(3):
        cloud.send(url, "a", str(n))
    assert _bodies(cloud.receive(url, 2)) == ["0", "1"]
    time.sleep(1.1)
    again = cloud.receive(url, 10)
    assert _bodies(again) == ["0", "1", "2"]
    assert [m["Attributes"]["ApproximateReceiveCount"] for m in again] == ["2", "2", "1"]


def test_visibility_can_be_ended_and_extended(cloud):
    url = cloud.queue(VisibilityTimeout="1")
    cloud.send(url, "a", "1")
    [message] = cloud.receive(url)
    handle = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
    cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=0)
    [message] = cloud.receive(url)
    handle["ReceiptHandle"] = message["ReceiptHandle"]
    cloud.sqs.change_message_visibility(**handle, VisibilityTimeout=20)
    time.sleep(1.1)
    assert cloud.receive(url) == []
    cloud.delete(url, message)


def test_a_stale_handle_does_not_delete(cloud, own_engine, refused):
    url = cloud.queue(VisibilityTimeout="30")
    cloud.send(url, "a", "1")
    [stale] = cloud.receive(url, VisibilityTimeout=0)
    [fresh] = cloud.receive(url)
    refused("InvalidParameterValue", cloud.delete, url=url, message=stale)
    cloud.delete(url, fresh)
    cloud.delete(url, fresh)
    refused("ReceiptHandleIsInvalid", cloud.delete, url=url, message={"ReceiptHandle": "nonsense"})


def test_deduplication_outlives_deletion(cloud):
    url = cloud.queue(VisibilityTimeout="30")
    sent = cloud.send(url, "a", "x", "same")
    assert cloud.send(url, "a", "x", "same")["MessageId"] == sent["MessageId"]
    [message] = cloud.receive(url, 10)
    cloud.delete(url, message)
    cloud.send(url, "a", "x", "same")
    assert cloud.receive(url, 10) == []


def test_deduplication_by_content(cloud):
    url = cloud.queue(ContentBasedDeduplication="true")
    for body in ("same", "same", "other"):
        cloud.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    assert _bodies(cloud.receive(url, 10)) == ["same", "other"]


def test_poison_goes_to_the_dead_letter_queue_and_the_group_goes_on(cloud):
    dead = cloud.queue()
    arn = cloud.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = cloud.queue(VisibilityTimeout="30", RedrivePolicy=policy)
    cloud.send(url, "a", "poison")
    cloud.send(url, "a", "next")
    for _ in range(2):
        [message] = cloud.receive(url)
        assert message["Body"] == "poison"
        cloud.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert _bodies(cloud.receive(url)) == ["next"]
    assert _bodies(cloud.receive(dead)) == ["poison"]


def test_messages_carry_their_attributes(cloud):
    url = cloud.queue()
    sent = cloud.sqs.send_message(
        QueueUrl=url,
        MessageBody="x",
        MessageGroupId="g",
        MessageDeduplicationId="d",
        MessageAttributes={
            "text": {"DataType": "String", "StringValue": "v"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    )
    [message] = cloud.receive(url, MessageAttributeNames=["All"])
    assert message["MessageAttributes"]["blob"]["BinaryValue"] == b"\x00\xff"
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    system = message["Attributes"]
    assert (system["MessageGroupId"], system["MessageDeduplicationId"]) == ("g", "d")
    assert system["SequenceNumber"] == sent["SequenceNumber"]
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60


def test_batches_keep_order_and_tell_what_failed(cloud):
    url = cloud.queue()
    entries = [
        {"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g", "MessageDeduplicationId": str(n)}
        for n in range(10)
    ]
    answer = cloud.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [str(n) for n in range(10)]
    received = cloud.receive(url, 10)
    assert _bodies(received) == [str(n) for n in range(10)]
    handles = [{"Id": m["Body"], "ReceiptHandle": m["ReceiptHandle"]} for m in received]
    assert len(cloud.sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]) == 10


def test_a_long_poll_wakes_on_arrival(cloud):
    url = cloud.queue()
    timer = threading.Timer(0.3, cloud.send, (url, "g", "late"))
    begin = time.monotonic()
    timer.start()
    assert _bodies(cloud.receive(url, WaitTimeSeconds=5)) == ["late"]
    assert 0.2 < time.monotonic() - begin < 1.5
    timer.join()


def test_a_long_poll_wakes_when_a_held_message_is_given_back(cloud):
    url = cloud.queue(VisibilityTimeout="1")
    cloud.send(url, "g", "x")
    cloud.receive(url)
    begin = time.monotonic()
    assert _bodies(cloud.receive(url, WaitTimeSeconds=5)) == ["x"]
    assert time.monotonic() - begin < 3


def test_an_empty_long_poll_ends_on_time_and_blocks_nobody(cloud):
    url, other = cloud.queue(), cloud.queue()
    waiting = threading.Thread(target=cloud.receive, args=(url,), kwargs={"WaitTimeSeconds": 1})
    begin = time.monotonic()
    waiting.start()
    cloud.send(other, "g", "x")
    assert _bodies(cloud.receive(other)) == ["x"]
    assert time.monotonic() - begin < 0.9
    waiting.join()
    assert 0.9 < time.monotonic() - begin < 2.5


def test_counts(cloud):
    url = cloud.queue(VisibilityTimeout="30")
    for n in range(3):
        cloud.send(url, str(n), "x")
    cloud.receive(url)
    shown = cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert shown["ApproximateNumberOfMessages"] == "2"
    assert shown["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_an_unknown_queue_is_told(cloud):
    with pytest.raises(cloud.sqs.exceptions.QueueDoesNotExist):
        cloud.send(cloud.queue().replace("/q-", "/unknown-"), "g", "x")


def test_a_group_is_required(cloud, refused):
    url = cloud.queue()
    refused("MissingParameter", cloud.sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="d")


def test_standard_queues_deliver_everything(cloud):
    url = cloud.sqs.create_queue(QueueName=cloud.queue().rpartition("/")[2].replace(".fifo", "-std"))["QueueUrl"]
    for n in range(3):
        cloud.sqs.send_message(QueueUrl=url, MessageBody=str(n))
    assert sorted(_bodies(cloud.receive(url, 10))) == ["0", "1", "2"]
