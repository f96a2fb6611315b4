"""The root key in production: wrapped by KMS, stored once whoever comes first, useless elsewhere."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from chalicelib.storage import rootkey
from chalicelib.storage.keys import Key, Space, system_partition
from chalicelib.storage.secrets import SecretBox
from chalicelib.wiring import Services

PLACE = Key(system_partition("secrets", "root"), "KEY")


@pytest.fixture
def kms(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """KMS, beside the engine that serves the table."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    assert services.table.get(PLACE) is None
    with mock_aws():
        yield boto3.client("kms", region_name="us-east-1")


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key()["KeyMetadata"]["Arn"])


def test_every_process_gets_the_same_key(services: Services, other_process: Services, kms: Any, key: str) -> None:
    first = rootkey.from_kms(services.table, lambda: kms, key)
    assert len(first) == rootkey.KEY_BYTES
    assert rootkey.from_kms(other_process.table, lambda: kms, key) == first


def test_of_many_that_come_at_once_one_makes_it(services: Services, kms: Any, key: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: rootkey.from_kms(services.table, lambda: kms, key), range(8)))
    assert len(found) == 1


def test_the_table_holds_it_wrapped(services: Services, kms: Any, key: str) -> None:
    root = rootkey.from_kms(services.table, lambda: kms, key)
    row = services.table.get(PLACE)
    assert row is not None
    assert root not in row["wrapped"]


def test_it_is_bound_to_its_table(services: Services, kms: Any, key: str) -> None:
    rootkey.from_kms(services.table, lambda: kms, key)
    row = services.table.get(PLACE)
    assert row is not None
    with pytest.raises(ClientError):
        kms.decrypt(CiphertextBlob=row["wrapped"], KeyId=key, EncryptionContext={"lambent": "root-key", "table": "x"})


def test_it_is_asked_for_when_the_first_secret_is_sealed_and_not_again(services: Services, kms: Any, key: str) -> None:
    connected = []

    def connect() -> Any:
        connected.append(1)
        return kms

    box = SecretBox(lambda: rootkey.from_kms(services.table, connect, key))
    assert connected == []
    space = Space("tenant")
    assert box.open_text(space, "p", "o", box.seal(space, "p", "o", "secret")) == "secret"
    assert connected == [1]
