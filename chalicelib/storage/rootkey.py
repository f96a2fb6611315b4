"""The key all others are derived from: out of the operator's secret, or wrapped by KMS and kept in the table."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from chalicelib.storage import writes
from chalicelib.storage.errors import ConditionFailed, NoRootSecret
from chalicelib.storage.keys import Key, system_partition
from chalicelib.storage.table import Table

KEY_BYTES = 32


def hkdf(secret: bytes, info: bytes) -> bytes:
    """32 bytes by HKDF-SHA256 without salt (RFC 5869); other ``info``, independent bytes."""
    extracted = hmac.digest(bytes(KEY_BYTES), secret, hashlib.sha256)
    return hmac.digest(extracted, info + b"\x01", hashlib.sha256)


def from_secret(text: str) -> bytes:
    """The root key of an operator's secret. Raises NoRootSecret when there is none."""
    if not text:
        raise NoRootSecret("neither a root secret nor a KMS key is configured")
    return hkdf(text.encode(), b"lambent root 1")


def from_kms(table: Table, connect: Callable[[], Any], kms_key: str) -> bytes:
    """The root key of this installation, made at the first call of all processes and kept wrapped by ``kms_key``."""
    client, place = connect(), Key(system_partition("secrets", "root"), "KEY")
    # Whoever may use the KMS key for something else cannot unwrap ours, nor ours in another installation's table.
    context = {"lambent": "root-key", "table": table.name}
    row = table.get(place)
    if row is None:
        made = client.generate_data_key(KeyId=kms_key, KeySpec="AES_256", EncryptionContext=context)
        row = {"pk": place.pk, "sk": place.sk, "wrapped": made["CiphertextBlob"]}
        try:
            table.write(writes.put(row, writes.ABSENT))
        except ConditionFailed:
            row = table.get(place) or row
    opened = client.decrypt(CiphertextBlob=row["wrapped"], KeyId=kms_key, EncryptionContext=context)
    return bytes(opened["Plaintext"])
