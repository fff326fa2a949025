"""One-time codes by e-mail that prove an order: a road of the outbox like any other, only that the code is not in it.

The mail is a row of the outbox from the turn that asked on, with dots where the code goes. Each try to send makes a new
code and keeps its hash, so that nothing is there to be read. The mail is no message of the customer's conversation: it
has one of its own, named by the order, as whoever asks need not be whoever gets it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, func, select, update
from starlette.routing import BaseRoute

from bot.clock import Clock, IdMaker
from bot.connector import Host
from bot.delivery.outbox import Draft, put
from bot.messages import MAIL, OPEN, Limits, Notice, Outbound, Purpose, Receipt, Road, SendStatus
from bot.skills.codes import HIDDEN, MINUTES, MOST_SENT, hashed
from bot.skills.slowing import is_slow
from bot.store.database import Database
from bot.store.insert import insert_once
from bot.store.tables import conversations, customers, orders, proof_codes
from bot.voice import Spoken

LIVES = timedelta(minutes=MINUTES)
_KEY = "code:"


class Post(Protocol):
    """Sends a text to an address."""

    async def send(self, to: str, subject: str, text: str) -> Receipt:
        """Send it; the receipt tells what came of it, and never the address."""
        ...


def ask(
    connection: Connection,
    identity_id: str,
    order_number: str,
    mail: tuple[Spoken, Spoken],
    now: datetime,
    new_id: IdMaker,
) -> None:
    """Have a code sent to the address of an order, existing or not.

    Args:
        mail: subject and text, with `HIDDEN` where the code goes.
    """
    talk_id = _talk(connection, order_number, now, new_id) if _address(connection, order_number) else ""
    goes = bool(talk_id) and not _sent_too_often(connection, order_number, now)
    row = {"identity_id": identity_id, "order_number": order_number, "asked_at": now}
    made = proof_codes.insert().values(**row, status="asked" if goes else "nobody").returning(proof_codes.c.id)
    code_id = connection.execute(made).scalar_one()
    if not goes:
        return
    subject, text = mail
    draft = Draft(
        key=f"{_KEY}{code_id}",
        conversation_id=talk_id,
        purpose=Purpose.SERVICE,
        text=text.text,
        sources=(*subject.sources, *text.sources),
        guard={"code": code_id},
        not_after=now + LIVES,
        notice=Notice("code", {"subject": subject.text}),
    )
    put(connection, draft, now)


def use_up(connection: Connection, identity_id: str, order_number: str) -> None:
    """End the codes of an order that was proven: a code works once, and one that is not sent yet stays here."""
    own = proof_codes.c.identity_id == identity_id, proof_codes.c.order_number == order_number
    asked = proof_codes.c.status == "asked"
    connection.execute(update(proof_codes).where(*own, asked).values(status="used", hash=""))


@dataclass(slots=True)
class CodeMail:
    """Carries the codes that were asked for: a `Connector` that only speaks.

    Attributes:
        new_code: returns six random digits.
    """

    database: Database
    clock: Clock
    post: Post
    new_code: Callable[[], str]
    channel: str = MAIL
    limits: Limits = field(default_factory=Limits)

    def routes(self) -> Sequence[BaseRoute]:
        return ()

    async def start(self, host: Host) -> None:
        """Nothing comes in by mail."""

    async def hold(self) -> None:
        """Nor is there anything to fetch."""

    async def stop(self) -> None:
        """Each mail has a connection of its own."""

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return that codes may go, and nothing else."""
        return (OPEN,) if message.id.startswith(_KEY) and message.notice is not None else ()

    async def send(self, message: Outbound) -> Receipt:
        """Put a new code into the mail and send it."""
        subject = message.notice.fields["subject"] if message.notice else ""
        code = self.new_code()
        kept = await asyncio.to_thread(hashed, code)
        code_id, now = int(message.id.removeprefix(_KEY)), self.clock.now()
        to = await self.database.write(lambda c: _keep(c, code_id, kept, now))
        if not to:
            return Receipt(SendStatus.REFUSED, reason="the order has no address any more, or was proven meanwhile")
        return await self.post.send(to, subject, message.text.replace(HIDDEN, code))


def _keep(connection: Connection, code_id: int, kept: str, now: datetime) -> str:
    """Keep the hash of a new code; return to whom it goes, empty for nobody."""
    still = proof_codes.c.id == code_id, proof_codes.c.status == "asked"
    number = connection.execute(select(proof_codes.c.order_number).where(*still)).scalar()
    connection.execute(update(proof_codes).where(*still).values(hash=kept, made_at=now))
    return _address(connection, number) if number else ""


def _address(connection: Connection, order_number: str) -> str:
    """Return the address that the shop has of an order."""
    email = select(customers.c.email).join(orders, orders.c.customer_id == customers.c.id)
    return str(connection.execute(email.where(orders.c.number == order_number)).scalar() or "").strip()


def _talk(connection: Connection, order_number: str, now: datetime, new_id: IdMaker) -> str:
    """Return the conversation of an order's mails, locked: who asks at the same time counts after us."""
    chat = {"channel": MAIL, "chat": order_number}
    insert_once(connection, conversations, {"id": new_id(), **chat, "created_at": now, "updated_at": now})
    of_order = conversations.c.channel == MAIL, conversations.c.chat == order_number
    return str(connection.execute(select(conversations.c.id).where(*of_order).with_for_update()).scalar_one())


def _sent_too_often(connection: Connection, order_number: str, now: datetime) -> bool:
    of_order = proof_codes.c.order_number == order_number, proof_codes.c.status != "nobody"
    today = proof_codes.c.asked_at > now - timedelta(days=1)
    sent = connection.execute(select(func.count(), func.max(proof_codes.c.asked_at)).where(*of_order, today)).one()
    return is_slow(sent[0], sent[1], MOST_SENT, now)
