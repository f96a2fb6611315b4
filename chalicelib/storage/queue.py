"""The doorbell: a FIFO message that says "look at this session", or at something else, and carries no work."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import derive_id, new_id
from chalicelib.core.jsonio import dumps, loads

LANES = 4
"""How many workers a tenant's errands of one kind hold at once, at most."""


@dataclass(frozen=True, slots=True)
class Doorbell:
    """Whose door rings, and what whoever rings has read of the tenant, if it did: nobody relies on that being there.

    ``called``: it is the session's turn to take a seat for which it stood in line.
    """

    tenant: str
    session: str
    holdings: Any = None
    called: bool = False

    def body(self) -> str:
        """As it travels."""
        told = {} if self.holdings is None else {"holdings": self.holdings}
        if self.called:
            told["called"] = True
        return dumps({"tenant": self.tenant, "session": self.session, **told})

    @property
    def door(self) -> str:
        """What is looked at; of those for one door, one is as good as all."""
        return self.session

    @property
    def group(self) -> str:
        """What is handled one at a time."""
        return self.session

    @staticmethod
    def read(body: str) -> "Doorbell":
        """From the text of a message. Raises ValueError."""
        try:
            fields = loads(body)
            return Doorbell(
                str(fields["tenant"]), str(fields["session"]), fields.get("holdings"), fields.get("called") is True
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a doorbell") from error


@dataclass(frozen=True, slots=True)
class Errand:
    """A doorbell at another door than a session's: what of the tenant is to be looked at, and by whom (``kind``).

    ``alone`` is known to who rings: the thing waits for no other, because something else bounds how many there are.
    """

    kind: str
    tenant: str
    thing: str
    alone: bool = False

    def body(self) -> str:
        """As it travels."""
        return dumps({"kind": self.kind, "tenant": self.tenant, "thing": self.thing})

    @property
    def door(self) -> str:
        """What is looked at; of those for one door, one is as good as all."""
        return f"{self.kind}/{self.thing}"

    @property
    def group(self) -> str:
        """What is handled one at a time: the thing alone, or a lane of the tenant's, in which a thing always stands.

        However many things in lanes take their time, they hold no more workers than there are lanes.
        """
        if self.alone:
            return f"{self.kind}/{self.tenant}/{self.thing}"
        return f"{self.kind}/{self.tenant}/{lane_of(self.kind, self.thing)}"


def lane_of(kind: str, thing: str) -> int:
    """In which of its tenant's lanes a thing stands."""
    return int(derive_id("errand", kind, thing)[:4], 16) % LANES


def read_bell(body: str) -> Doorbell | Errand:
    """What a message rings for. Raises ValueError."""
    fields = loads(body)
    if not isinstance(fields, dict) or "kind" not in fields:
        return Doorbell.read(body)
    try:
        return Errand(str(fields["kind"]), str(fields["tenant"]), str(fields["thing"]))
    except KeyError as error:
        raise ValueError("not an errand") from error


class DoorbellQueue:
    """The run queue. One group a session, so that a session's doorbells are handled one at a time; errands stand in
    lanes of their tenants."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def ring(self, bell: Doorbell | Errand) -> None:
        """Send a doorbell."""
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=bell.body(),
            MessageGroupId=bell.group,
            MessageDeduplicationId=new_id(),
        )

    def extend(self, receipt: str, seconds: int) -> None:
        """Keep a received doorbell hidden for this long from now."""
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
