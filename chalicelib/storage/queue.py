"""The doorbell: a FIFO message that says "look at this session" and carries no work."""

from dataclasses import dataclass
from typing import Any

from chalicelib.core.ids import new_id
from chalicelib.core.jsonio import dumps, loads


@dataclass(frozen=True, slots=True)
class Doorbell:
    """Whose door rings."""

    tenant: str
    session: str

    def body(self) -> str:
        """As it travels."""
        return dumps({"tenant": self.tenant, "session": self.session})

    @staticmethod
    def read(body: str) -> "Doorbell":
        """From the text of a message. Raises ValueError."""
        try:
            fields = loads(body)
            return Doorbell(str(fields["tenant"]), str(fields["session"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a doorbell") from error


class DoorbellQueue:
    """The run queue. One group a session, so that a session's doorbells are handled one at a time."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def ring(self, bell: Doorbell) -> None:
        """Send a doorbell."""
        self.client.send_message(
            QueueUrl=self.url,
            MessageBody=bell.body(),
            MessageGroupId=bell.session,
            MessageDeduplicationId=new_id(),
        )

    def extend(self, receipt: str, seconds: int) -> None:
        """Keep a received doorbell hidden for this long from now."""
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
