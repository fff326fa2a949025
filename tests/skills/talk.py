"""Talks to the bot as customers do: the demo shop, the real knowledge, the whole way from the inbox to the outbox."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, select, update

from bot import effects
from bot.brain import Brain, Mind, read_mind
from bot.campaigns import flash
from bot.campaigns.announce import announcement
from bot.delivery.inbox import store
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker, state_from
from bot.delivery.turns import TurnRunner
from bot.delivery.wishes import Wishes
from bot.demo.orders import PLANS
from bot.demo.seed import DEMO_SALE, DEMO_USERS, TELEGRAM, seed
from bot.demo.shop import demo_settings
from bot.messages import Chat, Event, Inbound, Media
from bot.settings import Settings
from bot.shop.sql import SqlShop
from bot.skills.turn import State
from bot.starter import starter_folder
from bot.store import tables as t
from bot.store.database import Database
from bot.store.upgrade import upgrade
from handoff.ownership import reopen, to_queue
from tests.skills.said import with_new_wishes

T = TypeVar("T")
SECOND_SALE = "flash-trench-coat"
MORNING = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""Monday, 11:00 in Shanghai: people are there."""
CUSTOMERS = ("lin", "wang", "chen", "zhao", "liu", "huang", "emma", "tan")
FIRST_WORDS = {"zh": "你好", "en": "hello there"}
PHONE_ENDS = {customer: f"{1001 + 1011 * place:04d}" for place, customer in enumerate(CUSTOMERS)}


def order_of(customer_id: str, course: str) -> str:
    """Return the number of the seeded order of this customer that has come this far."""
    plan = next(plan for plan in PLANS if (plan.customer_id, plan.course) == (customer_id, course))
    return plan.number(MORNING)


@dataclass(frozen=True, slots=True)
class Shop:
    """What is built once a session: the trained mind and a file with the seeded shop."""

    mind: Mind
    seeded: Path


def open_shop(folder: Path) -> Shop:
    """Train on the starter set, and seed the demo shop into a file in `folder`."""
    path = folder / "seeded.db"
    upgrade(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    asyncio.run(database.write(lambda c: seed(c, MORNING)))
    asyncio.run(database.write(lambda c: c.exec_driver_sql("PRAGMA user_version")))
    database.close()
    return Shop(read_mind(with_new_wishes(folder / "set"), demo_settings()), path)


class Talk:
    """One shop to talk to, with nobody in it yet. `now` may be moved."""

    def __init__(self, shop: Shop, folder: Path, settings: Settings | None = None) -> None:
        shutil.copy(shop.seeded, folder / "talk.db")
        self.now_ = MORNING
        self._ids = count(1)
        self._loop = asyncio.Runner()
        self._database = Database(f"sqlite:///{folder / 'talk.db'}")
        settings = settings or demo_settings()
        self.mind = shop.mind
        self.popular: tuple[str, ...] = ()
        brain = Brain(starter_folder(), settings, shop.mind)
        thinker = Thinker(brain, settings, SqlShop, lambda: self.popular, Wishes("secret of the talks"))
        wake, done = Signal(), Signal()
        self._runner = TurnRunner(
            self._database, self, self.new_id, thinker, effects.apply, to_queue, reopen, wake, done
        )

    def now(self) -> datetime:
        return self.now_

    def new_id(self) -> str:
        return f"id{next(self._ids)}"

    def close(self) -> None:
        self._database.close()
        self._loop.close()

    def read(self, job: Callable[[Connection], T]) -> T:
        return self._loop.run(self._database.read(job))

    def write(self, job: Callable[[Connection], T]) -> T:
        return self._loop.run(self._database.write(job))

    def takes_in(self, message: Inbound) -> None:
        """Store a message and run every turn that waits."""
        self.write(lambda c: store(c, [message], self.now_, self.new_id))
        self.runs()

    def runs(self) -> None:
        """Run every turn that waits."""

        async def run() -> None:
            while await self._runner.run_next():
                pass

        self._loop.run(run())

    def as_guest(self, language: str, user: str = "") -> Customer:
        """Come in as someone whom the shop does not know, with a first word in `language`."""
        guest = Customer(self, Chat(TELEGRAM, user or f"guest-{self.new_id()}"))
        guest.says(FIRST_WORDS[language])
        return guest

    def as_stranger(self) -> Customer:
        """Come in as someone who has said nothing yet."""
        return Customer(self, Chat(TELEGRAM, f"stranger-{self.new_id()}"))

    def as_customer(self, customer_id: str, language: str) -> Customer:
        """Come in as a customer whose account is linked to the shop's, with a first word in `language`."""
        user = next(user for user in DEMO_USERS if user.customer_id == customer_id)
        customer = Customer(self, Chat(user.channel, user.user))
        customer.says(FIRST_WORDS[language])
        return customer

    def starts_the_sale(self, sale_id: str = DEMO_SALE) -> None:
        """Start a flash sale, else the seed's: three pieces of the blue linen dress."""
        say = announcement(self.mind.voice, demo_settings().shop.zone)
        self.write(lambda c: flash.start(c, sale_id, say, self.now_))

    def starts_a_second_sale(self) -> str:
        """Start a sale of one black M trench coat that ends before the seed's; return its id."""
        sale = {"id": SECOND_SALE, "sku": "trench-coat-black-M", "price_minor": 29900, "currency": "CNY"}
        row = {**sale, "total": 1, "available": 1, "length_s": 60, "audiences": []}
        self.write(lambda c: c.execute(t.sales.insert().values(row)))
        self.starts_the_sale(SECOND_SALE)
        return SECOND_SALE


@dataclass
class Customer:
    """Someone in a chat with the shop."""

    talk: Talk
    chat: Chat
    choices: tuple[str, ...] = ()
    """Labels offered with the last answer."""
    sources: tuple[str, ...] = ()
    """Ids of the sources of the last answer."""
    versions: tuple[str, ...] = ()
    """Versions of the same sources."""
    _tokens: dict[str, str] = field(default_factory=dict)

    def says(self, text: str) -> str:
        """Say `text`; return what the shop answers, empty if nothing."""
        return self._sends(text=text)

    def taps(self, label: str) -> str:
        """Tap the button with this label of the last answer."""
        return self._sends(text=label, choice=self._tokens[label])

    def taps_token(self, token: str) -> str:
        """Tap a button of some other message, e.g. of an announcement."""
        return self._sends(text="", choice=token)

    def version_of(self, source: str) -> str:
        return dict(zip(self.sources, self.versions, strict=True))[source]

    def opens_the_chat(self, language: str | None = None, payload: str = "") -> str:
        return self._sends(event=Event.STARTED, language=language, payload=payload)

    def sends_a_picture(self, caption: str = "") -> str:
        return self._sends(text=caption, event=Event.MEDIA, media=Media("image", ref="picture"))

    def _sends(self, **said: Any) -> str:
        key = self.talk.new_id()
        self.talk.takes_in(Inbound(key=key, chat=self.chat, user=self.chat.id, sent_at=self.talk.now(), **said))
        row = self.talk.read(lambda c: _answer_to(c, key))
        offered = row.choices if row else []
        self._tokens = {choice["label"]: choice["token"] for choice in offered}
        self.choices = tuple(self._tokens)
        self.sources = tuple(source["id"] for source in row.sources) if row else ()
        self.versions = tuple(source["version"] for source in row.sources) if row else ()
        return row.text if row else ""

    @property
    def _conversation(self) -> Any:
        of_chat = t.conversations.c.channel == self.chat.channel, t.conversations.c.chat == self.chat.id
        return self.talk.read(lambda c: c.execute(select(t.conversations).where(*of_chat)).one())

    @property
    def waits_for_a_human(self) -> bool:
        return bool(self._conversation.owner == "queue")

    @property
    def handed_over_for(self) -> str:
        return str(self._conversation.reason) if self.waits_for_a_human else ""

    @property
    def priority(self) -> int:
        return int(self._conversation.priority)

    @property
    def state(self) -> State:
        return state_from(self._conversation.state)

    @property
    def last_meaning(self) -> dict[str, Any]:
        """What agents see beside the last message."""
        in_chat = t.inbox.c.conversation_id == self._conversation.id
        newest = select(t.inbox.c.meaning).where(in_chat).order_by(t.inbox.c.seq.desc()).limit(1)
        return dict(self.talk.read(lambda c: c.execute(newest).scalar_one()))

    @cached_property
    def person_id(self) -> str:
        mine = t.identities.c.channel == self.chat.channel, t.identities.c.user == self.chat.id
        return str(self.talk.read(lambda c: c.execute(select(t.identities.c.person_id).where(*mine)).scalar_one()))

    @property
    def consents(self) -> list[bool]:
        """Yes and no to marketing, oldest first."""
        mine = select(t.consents.c.granted).where(t.consents.c.person_id == self.person_id).order_by(t.consents.c.id)
        return list(self.talk.read(lambda c: c.execute(mine).scalars().all()))


def _answer_to(connection: Connection, key: str) -> Any:
    message = connection.execute(select(t.inbox).where(t.inbox.c.key == key)).one()
    assert message.status == "done", message.error
    answer = f"turn:{message.conversation_id}:{message.seq}"
    return connection.execute(select(t.outbox).where(t.outbox.c.key == answer)).one_or_none()


def back_to_the_bot(customer: Customer) -> None:
    """Let the bot have the conversation again, as an agent who gives it back does."""
    of_chat = t.conversations.c.chat == customer.chat.id
    customer.talk.write(lambda c: c.execute(update(t.conversations).where(of_chat).values(owner="bot")))


def later(talk: Talk, step: timedelta) -> None:
    talk.now_ += step
