"""Faults that a test orders: errors, slow and half answers, a gateway's HTML."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.twin.telegram_world import Json, Refused


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next `times` calls of `method`, or of any method if that is empty.

    Attributes:
        kind: `status` and `html` do nothing but answer; `slow`, `half` and `odd` do what was asked and then answer
            late, cut off, or with `true` for a result.
    """

    kind: str
    method: str
    times: int
    status: int
    seconds: float
    retry_after_s: int | None
    description: str

    def refuse(self) -> None:
        """Raise the ordered error."""
        if self.retry_after_s is not None:
            raise Refused(429, f"Too Many Requests: retry after {self.retry_after_s}",
                          {"retry_after": self.retry_after_s})  # fmt: skip
        raise Refused(self.status, self.description)


class Faults:
    """The faults that are still to happen, in order."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, kind: str, body: Json) -> None:
        """Order a fault as the control interface describes it.

        Raises:
            ValueError: a number is none.
        """
        pause = body.get("retry_after")
        self._waiting.append(
            Fault(
                kind=kind,
                method=str(body.get("method", "")).lower(),
                times=int(body.get("times", 1)),
                status=int(body.get("status", 502 if kind == "html" else 500)),
                seconds=float(body.get("seconds", 10)),
                retry_after_s=None if pause is None else int(pause),
                description=str(body.get("description", "ordered by a test")),
            )
        )

    def take(self, method: str) -> Fault | None:
        """Return the next fault for this method, and count it."""
        fault = next((fault for fault in self._waiting if fault.method in ("", method)), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)
        return fault


class HalfAnswer(JSONResponse):
    """An answer that stops in the middle: the connection closes before all that was announced has come."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})


def gateway_page(status: int) -> Response:
    """Return what a gateway in front of Telegram answers."""
    return Response(f"<html><body><h1>{status} Bad Gateway</h1></body></html>", status, media_type="text/html")
