"""What WeCom answers: status 200 and a code, 0 for success."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from bot.errors import ZhangguiError

# The words behind 45009 for reminders, 41050 for a customer-service code and 40058 for a repeated msgid are not
# printed on any page we have: those are the nearest ones of the published table.
ERRORS = {
    -1: "system busy",
    40001: "invalid credential",
    40003: "invalid userid",
    40005: "invalid file type",
    40006: "invalid file size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40050: "chatid does not exist",
    40056: "invalid agentid",
    40058: "invalid Request Parameter",
    40096: "invalid external userid",
    41001: "access_token missing",
    41047: "invalid groupmsg id",
    41048: "no customers to send to",
    41050: "invalid welcome code",
    41051: "the conversation has begun, welcome message already sent",
    41096: "another app is sending the welcome message",
    42001: "access_token expired",
    44001: "empty media data",
    44004: "content missing",
    45009: "api freq out of limit",
    47001: "data format error",
    48002: "api forbidden",
    60020: "not allow to access from your ip",
    60111: "userid not found",
    81013: "all users are invalid or without permission",
    93000: "invalid webhook url",
    95000: "invalid open_kfid",
    95001: "kf send msg count limit",
    95002: "kf send msg time limit",
    95007: "invalid msg token",
    95008: "menu items out of limit",
    95009: "invalid menu item type",
    95014: "user is not a servicer",
    95016: "service state transition not allowed",
    95018: "send msg session status invalid",
}


class Refused(ZhangguiError):
    """WeCom turns a call down with `errcode`."""

    def __init__(self, errcode: int, detail: str = "") -> None:
        words = ERRORS.get(errcode, "error")
        super().__init__(f"{words}: {detail}" if detail else words)
        self.errcode = errcode


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a multipart body."""

    name: str
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One API call, past the door.

    Attributes:
        body: the JSON object, empty for a GET or an upload.
    """

    now: datetime
    query: QueryParams
    body: dict[str, Any] = field(default_factory=dict)
    upload: Upload | None = None

    def text(self, name: str) -> str:
        """Return a text field of the body, empty if it is not there."""
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, empty if it is not there.

        Raises:
            Refused: it is something else.
        """
        value = self.body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise Refused(40058, name)
        return value


def answer(**fields: object) -> Response:
    return JSONResponse({"errcode": 0, "errmsg": "ok", **fields})


def refusal(fault: Refused) -> Response:
    return JSONResponse({"errcode": fault.errcode, "errmsg": str(fault)})
