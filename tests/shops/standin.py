"""A shop's own system in memory, with a clock, pages, signed webhooks and faults: what a platform looks like from here."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.errors import BadCallback
from bot.shop.batch import Thing, in_order
from bot.shop.bodies import CaseBody, CustomerBody, OrderBody, ProductBody
from bot.shop.commands import CancelOrder, ChangeAddress, Command, OpenCase, Outcome
from bot.shop.platform import Answer, Kind, PlatformDown, Told
from tests.conftest import StandingClock

KINDS: dict[type[Thing], Kind] = {
    ProductBody: Kind.PRODUCT,
    CustomerBody: Kind.CUSTOMER,
    OrderBody: Kind.ORDER,
    CaseBody: Kind.CASE,
}
BODIES = {kind: body for body, kind in KINDS.items()}
SECRET = b"only a test's"
PAGE = 2


@dataclass
class RemoteShop:
    """Implements `bot.shop.platform.Platform`.

    Attributes:
        down: raises PlatformDown, once for each that is left (-1: for ever).
        loses_answers: carries commands out and then does not answer, so often.
        done: what was really done, by key.
        decides: what is answered to a command instead of doing it.
    """

    clock: StandingClock
    name: str = "remote"
    can: frozenset[type[Command]] = frozenset({CancelOrder, ChangeAddress, OpenCase})
    things: dict[tuple[Kind, str], Told] = field(default_factory=dict)
    down: int = 0
    loses_answers: int = 0
    retry_after_s: float = 0.0
    done: dict[str, Command] = field(default_factory=dict)
    tries: list[str] = field(default_factory=list)
    decides: Callable[[Command], Answer | Exception | None] = lambda _command: None
    asked_since: list[datetime | None] = field(default_factory=list)

    def put(self, ident: str, body: Thing | None, kind: Kind | None = None) -> Told:
        """Change something there; it is a moment later afterwards."""
        self.clock.advance(timedelta(seconds=1))
        kind = kind or KINDS[type(body)]  # type: ignore[index]
        told = self.things[kind, ident] = Told(kind, ident, body, self.clock.now())
        return told

    def _answers(self) -> None:
        if self.down:
            self.down -= 1
            raise PlatformDown("503", self.retry_after_s)

    async def changes(self, since: datetime | None) -> AsyncIterator[Sequence[Told]]:
        self._answers()
        self.asked_since.append(since)
        found = [told for told in self.things.values() if since is None or told.changed_at >= since]
        found.sort(key=lambda told: (list(Kind).index(told.kind), told.changed_at))
        if since is None:
            found = [told for told in found if told.body is not None]
        for start in range(0, len(found), PAGE):
            yield found[start : start + PAGE]

    async def order(self, number: str) -> Sequence[Told]:
        self._answers()
        told = self.things.get((Kind.ORDER, number))
        if told is None or not isinstance(told.body, OrderBody):
            return ()
        of = self.things.get((Kind.CUSTOMER, told.body.customer_id))
        cases = [t for t in self.things.values() if isinstance(t.body, CaseBody) and t.body.order_number == number]
        return (*((of,) if of else ()), told, *cases)

    def signed(self, ident: str, *told: Told) -> tuple[dict[str, str], bytes]:
        """Return the webhook that tells this."""
        content = [
            {"kind": one.kind, "id": one.id, "at": one.changed_at.isoformat(),
             "body": one.body.model_dump(mode="json") if one.body else None}
            for one in told
        ]  # fmt: skip
        body = json.dumps(content).encode()
        return {"X-Delivery": ident, "X-Mac": hmac.new(SECRET, body, hashlib.sha256).hexdigest()}, body

    def hook(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Sequence[Told]]:
        mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mac, headers.get("x-mac", "")):
            raise BadCallback("The signature is wrong.")
        told = []
        for one in json.loads(body):
            kind = Kind(one["kind"])
            thing = BODIES[kind].model_validate(one["body"]) if one["body"] is not None else None
            told.append(Told(kind, one["id"], thing, datetime.fromisoformat(one["at"])))
        return headers["x-delivery"], told

    async def do(self, command: Command, key: str) -> Answer:
        self.tries.append(key)
        self._answers()
        decided = self.decides(command)
        if isinstance(decided, Exception):
            raise decided
        if decided is not None:
            return decided
        if key not in self.done:
            if self._has_left(command):
                return Answer(Outcome.REFUSED, why="it has left")
            self.done[key] = command
            self._carry_out(command, f"R-{len(self.done)}")
        if self.loses_answers:
            self.loses_answers -= 1
            raise PlatformDown("the connection broke")
        return Answer(Outcome.DONE, f"R-{list(self.done).index(key) + 1}")

    async def close(self) -> None:
        pass

    def _has_left(self, command: Command) -> bool:
        told = self.things.get((Kind.ORDER, getattr(command, "order_number", "")))
        is_of_unsent = isinstance(command, CancelOrder | ChangeAddress)
        left = (
            told is None or not isinstance(told.body, OrderBody) or told.body.status not in ("unpaid", "paid", "packed")
        )
        return is_of_unsent and left

    def _carry_out(self, command: Command, reference: str) -> None:
        if isinstance(command, OpenCase):
            parts = [{"sku": x.line_id, "quantity": x.quantity, "wanted_sku": x.wanted_sku} for x in command.lines]
            refund = {"refund_minor": command.refund.amount_minor, "currency": command.refund.currency}
            case = {"order_number": command.order_number, "kind": command.kind, "status": "open", "parts": parts}
            self.put(reference, CaseBody.model_validate({**case, **refund, "opened_at": self.clock.now()}))
        if not isinstance(command, CancelOrder | ChangeAddress):
            return
        told = self.things[Kind.ORDER, command.order_number]
        assert isinstance(told.body, OrderBody)
        address = command.address if isinstance(command, ChangeAddress) else told.body.address
        status = "cancelled" if isinstance(command, CancelOrder) else told.body.status
        changed = OrderBody.model_validate({**told.body.model_dump(), "address": address, "status": status})
        self.put(command.order_number, changed)


def everything(remote: RemoteShop) -> list[Told]:
    """Return all that the shop has, in an order in which it can be put."""
    return sorted(remote.things.values(), key=lambda told: in_order(told.body) if told.body else 9)


def older(told: Told, by: timedelta) -> Told:
    return replace(told, changed_at=told.changed_at - by)
