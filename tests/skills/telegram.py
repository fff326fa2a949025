"""Talks over Telegram: what customers say goes into the stand-in platform, and what it shows them is what was said.

Over HTTP on loopback to the connector that polls, through intake, turn, outbox, gate and sender, and back. A talk is
driven step by step: nothing sleeps, and its clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlalchemy import Connection, select
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.app import rules_of
from bot.delivery.claims import Desk
from bot.delivery.host import ChannelHost
from bot.delivery.intake import Intake
from bot.delivery.leases import Leases
from bot.delivery.media import fetch_next
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.demo.seed import DEMO_USERS, TELEGRAM
from bot.demo.shop import TELEGRAM_TOKEN
from bot.messages import Chat, Event
from bot.settings import Settings
from bot.store import tables as t
from connectors.telegram.connector import TelegramConnector
from connectors.twin.app import build_twin
from connectors.twin.telegram import TelegramTwin
from tests.loopback import base_of, listening
from tests.skills.talk import CUSTOMERS, FIRST_WORDS, Customer, Shop, Talk, later

GUEST = 1002
GROUP = -700
BOT = "qinghe_bot"
USERS = {customer: 2001 + place for place, customer in enumerate(CUSTOMERS)} | {
    user.customer_id: int(user.user) for user in DEMO_USERS if user.channel == TELEGRAM and user.customer_id
}
"""Who is who on Telegram; those whose demo account is on another platform have one there as well."""
NAMES = {"zh": "顾客", "en": "Customer"}
"""Of a user, whose app is in the same language."""
PAUSE = timedelta(seconds=2)
"""Between two messages: Telegram takes one a second for a chat."""
PATIENCE_S = 10.0


class Telegram:
    """One port of this machine for the stand-in Telegram, which is another one in every talk."""

    def __init__(self) -> None:
        self._listener = listening()
        self.base = base_of(self._listener)
        self._twin: TelegramTwin | None = None
        self._app: ASGIApp | None = None
        config = uvicorn.Config(self._serve, interface="asgi3", log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="telegram")
        self._http = httpx.Client(base_url=f"{self.base}/telegram/control", trust_env=False, timeout=PATIENCE_S)

    @contextmanager
    def serving(self) -> Iterator[Telegram]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.close()
            self._server.should_exit = True
            self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._server.serve(sockets=[self._listener]))
        self._loop.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._app is not None, "no talk has begun"
        await self._app(scope, receive, send)

    def begins(self, twin: TelegramTwin) -> None:
        self._twin, self._app = twin, build_twin(twin, None)

    def ends(self) -> None:
        """Send whoever waits for an update away."""
        assert self._twin is not None
        asyncio.run_coroutine_threadsafe(self._twin.close(), self._loop).result(PATIENCE_S)

    def does(self, action: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(action, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def shows(self, what: str, **query: Any) -> dict[str, Any]:
        answer = self._http.get(what, params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class TelegramTalk(Talk):
    """A shop to talk to on Telegram; `language` is the one of the customers' apps."""

    def __init__(self, shop: Shop, folder: Path, settings: Settings, telegram: Telegram, language: str) -> None:
        super().__init__(shop, folder, settings)
        self.telegram = telegram
        users = [(number, NAMES[language]) for number in (GUEST, *USERS.values())]
        telegram.begins(TelegramTwin(TELEGRAM_TOKEN, BOT, users, [(GROUP, "青禾顾客群")], self, privacy=False))
        self._connector = TelegramConnector(
            TELEGRAM, TELEGRAM_TOKEN, "unused", "polling", telegram.base, self,
            api_base=f"{telegram.base}/telegram", sleep=self._sleep,
        )  # fmt: skip
        self._arrived = Signal()
        desk = Desk(self._connector, rules_of(settings), Pacer(self._connector.limits))
        self._sender = Sender(self._database, self, desk, wake=Signal(), done=Signal())
        self._polling = self._loop.run(self._starts())

    async def _sleep(self, seconds: float) -> None:
        later(self, timedelta(seconds=seconds))
        await asyncio.sleep(0)

    async def _starts(self) -> asyncio.Task[None]:
        intake = Intake(self._database, self, self.new_id)
        leases = Leases(self._database, self, self.new_id)
        host = ChannelHost(TELEGRAM, self._database, self, intake, leases, self._arrived, Signal())
        await self._connector.start(host)
        return asyncio.create_task(self._connector.hold())

    def close(self) -> None:
        self._loop.run(self._stops())
        self.telegram.ends()
        super().close()

    async def _stops(self) -> None:
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)
        await self._connector.stop()

    def hears(self, action: str, **body: Any) -> None:
        """Let a customer do something, and wait until all that comes of it is on Telegram."""
        seen = self._arrived.count
        self.telegram.does(action, **body)
        self._loop.run(self._goes_round(seen))

    def stores(self, action: str, **body: Any) -> None:
        """Let a customer do something that has to wait for its turn: until somebody is heard."""
        seen = self._arrived.count
        self.telegram.does(action, **body)
        self._loop.run(self._arrives(seen))

    async def _arrives(self, seen: int) -> None:
        assert await self._arrived.wait(seen, PATIENCE_S) > seen, "what the customer did has not arrived"

    async def _goes_round(self, seen: int) -> None:
        await self._arrives(seen)
        while await fetch_next(self._database, self, self._connector, TELEGRAM):
            pass
        while await self._runner.run_next():
            pass
        while await self._sender.send_next():
            later(self, PAUSE)

    def expects_no_refusal(self) -> None:
        """Assert that Telegram took every call, and that no button that was tapped spins for ever."""
        self._loop.run(self._answers_taps())
        refusals = self.telegram.shows("refusals")["refusals"]
        assert not refusals, f"Telegram refused: {refusals}"

    async def _answers_taps(self) -> None:
        until = self._loop.get_loop().time() + PATIENCE_S
        while not all(tap["answered"] for tap in self.telegram.shows("state")["taps"].values()):
            assert self._loop.get_loop().time() < until, "a button that was tapped still spins"
            await asyncio.sleep(0.01)

    def as_guest(self, language: str, user: str = "") -> Customer:
        return self._comes(GUEST, language)

    def as_customer(self, customer_id: str, language: str) -> Customer:
        number = USERS[customer_id]
        self.write(lambda c: _link(c, customer_id, str(number)))
        return self._comes(number, language)

    def _comes(self, number: int, language: str) -> Customer:
        customer = TelegramCustomer(self, Chat(TELEGRAM, str(number)))
        customer.opens_the_chat()
        customer.says(FIRST_WORDS[language])
        return customer


@dataclass
class TelegramCustomer(Customer):
    """Someone who sees what Telegram shows."""

    talk: TelegramTalk
    _under: dict[str, int] = field(default_factory=dict)
    """Ids of the messages under which buttons are, by token."""
    _read: int = 0
    """Id of the last message that was read."""

    def _sends(self, **said: Any) -> str:
        who = {"user": int(self.chat.id)}
        if "choice" in said:
            self.talk.hears("tap", **who, message_id=self._under[said["choice"]], data=said["choice"])
        elif "media" in said:
            self.talk.hears("photo", **who, text=said["text"])
        elif said.get("event") is Event.STARTED:
            self.talk.hears("start", **who)
        else:
            self.talk.hears("say", **who, text=said["text"])
        self.sources, self.versions = self.talk.read(lambda c: _sources(c, self.chat))
        return self._reads()

    def _reads(self) -> str:
        """Read what is new in the chat, and see its buttons."""
        shown = self.talk.telegram.shows("messages", chat=self.chat.id)["messages"]
        new = [message for message in shown if message["from"]["is_bot"] and message["id"] > self._read]
        self._read = max((message["id"] for message in new), default=self._read)
        buttons = [(m["id"], button) for m in new for row in m["buttons"] for button in row]
        self._tokens = {button["text"]: button["data"] for _, button in buttons}
        self._under = {button["data"]: message_id for message_id, button in buttons}
        self.choices = tuple(self._tokens)
        return "\n".join(message["text"] for message in new)


def _link(connection: Connection, customer_id: str, user: str) -> None:
    """Let the customer have this Telegram account, unless the seed did."""
    person = select(t.persons).where(t.persons.c.customer_id == customer_id)
    row = connection.execute(person).one()
    mine = t.identities.c.person_id == row.id, t.identities.c.channel == TELEGRAM
    if connection.execute(select(t.identities.c.id).where(*mine)).first() is None:
        account = {"id": f"telegram-{customer_id}", "channel": TELEGRAM, "user": user, "name": row.name}
        connection.execute(t.identities.insert().values(person_id=row.id, created_at=row.created_at, **account))


def _sources(connection: Connection, chat: Chat) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ids and versions of the sources of the answer to the newest message of a chat."""
    in_chat = t.conversations.c.channel == chat.channel, t.conversations.c.chat == chat.id
    talk = connection.execute(select(t.conversations.c.id, t.conversations.c.last_seq).where(*in_chat)).one()
    of_turn = t.inbox.c.conversation_id == talk.id, t.inbox.c.seq == talk.last_seq
    message = connection.execute(select(t.inbox.c.status, t.inbox.c.error).where(*of_turn)).one()
    assert message.status == "done", message.error
    answer = select(t.outbox).where(t.outbox.c.key == f"turn:{talk.id}:{talk.last_seq}")
    row = connection.execute(answer).one_or_none()
    if row is None:
        return (), ()
    assert row.status == "sent", f"the answer was not sent, but {row.status}: {row.reason}"
    return tuple(one["id"] for one in row.sources), tuple(one["version"] for one in row.sources)
