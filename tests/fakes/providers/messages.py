"""What providers send, cut down to what is read of it."""

import time
from itertools import count
from typing import Any

Json = dict[str, Any]
_serial = count(1000)


def github_comment(
    installation: str,
    text: str,
    *,
    number: int = 7,
    repository: str = "acme/site",
    by: str = "OWNER",
    bot: bool = False,
) -> Json:
    """A comment on an issue."""
    return {
        "action": "created",
        "installation": {"id": int(installation)},
        "repository": {"full_name": repository},
        "issue": {"id": number, "number": number, "title": "It breaks", "html_url": "https://github.test/7"},
        "comment": {
            "id": next(_serial),
            "body": text,
            "author_association": by,
            "created_at": "2026-01-01T00:00:00Z",
        },
        "sender": {"login": "ada", "type": "Bot" if bot else "User"},
    }


def slack_message(team: str, text: str, *, kind: str = "app_mention", thread: str | None = None, **more: Any) -> Json:
    """A message in a channel."""
    number = next(_serial)
    event = {"type": kind, "channel": "C1", "user": "U1", "text": text, "ts": f"{number}.000100", **more}
    if thread:
        event["thread_ts"] = thread
    return {"type": "event_callback", "event_id": f"Ev{number}", "team_id": team, "event": event}


def linear_comment(organization: str, text: str, *, issue: str = "issue-1") -> Json:
    """A comment on an issue."""
    number = next(_serial)
    return {
        "type": "Comment",
        "action": "create",
        "organizationId": organization,
        "webhookTimestamp": int(time.time() * 1000),
        "actor": {"name": "Ada"},
        "data": {
            "id": f"comment-{number}",
            "body": text,
            "userId": "user-1",
            "issue": {"id": issue, "identifier": "ENG-1", "title": "It breaks"},
        },
    }
