"""Many carts in simulated time: paid at any moment, down to a millisecond before a send, while two workers follow up.

Payments and workers really run at the same time, each in transactions of its own; only the clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, func, select

from bot.bench.stand import CHANNEL, RULES, EchoPlatform
from bot.campaigns.carts import FollowUps
from bot.delivery.claims import Desk
from bot.delivery.gate import quiet_end
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.delivery.timers import TimerRunner
from bot.delivery.zones import zones_of
from bot.demo.shop import demo_settings
from bot.messages import Outbound
from bot.shop.changes import pay_cart, touch_cart
from bot.shop.sql import SqlShop
from bot.store import tables as t
from bot.store.database import Database
from bot.voice import Voice

START = datetime(2026, 10, 24, 2, 0, tzinfo=UTC)
"""The day before the clocks are turned in Europe."""
LEFT_WITHIN, LOOKED_AT, TICK = timedelta(hours=26), timedelta(hours=78), timedelta(minutes=10)
PHONES = ("+8613800138000", "+4915112345678", "+14155550100", "+85291234567", "")
JUST = (timedelta(milliseconds=-1), timedelta(0), timedelta(milliseconds=1))
AT_ONCE = 500
LIMITS = replace(RULES, quiet_from=time(21), quiet_until=time(9))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run showed. All but the first two must be 0.

    Attributes:
        touches: messages that went out.
        paid: carts that were paid.
        after_payment: messages about a cart that were taken after its payment was committed.
        twice: steps of an episode that went out more than once.
        in_quiet_hours, above_caps: messages against these rules.
    """

    touches: int
    paid: int
    after_payment: int
    twice: int
    in_quiet_hours: int
    above_caps: int

    @property
    def holds(self) -> bool:
        return not (self.after_payment or self.twice or self.in_quiet_hours or self.above_caps)


@dataclass(slots=True)
class Run:
    """The clock of a run, and what was seen."""

    at: datetime = START
    sent: list[tuple[str, datetime]] = field(default_factory=list)
    taken: dict[str, frozenset[str]] = field(default_factory=dict)
    """By cart, the keys that were on their way or out as its payment was committed."""

    def now(self) -> datetime:
        return self.at

    def send(self, message: Outbound) -> None:
        self.sent.append((message.id, self.at))


async def simulate(url: str, count: int, seed: int, voice: Voice) -> Verdict:
    """Leave `count` carts in an empty database and follow them up. Some two in five are paid at some time."""
    rng, run = random.Random(seed), Run()
    left = [START + LEFT_WITHIN * rng.random() for _ in range(count)]
    due = sorted((_paid_at(rng, at), number) for number, at in enumerate(left) if rng.random() < 0.4)
    with closing(Database(url)) as first, closing(Database(url)) as second:
        await first.write(_catalogue)
        for begin in range(0, count, AT_ONCE):
            some = range(begin, min(begin + AT_ONCE, count))
            await first.write(lambda c, some=some: _leave(c, left, some))  # type: ignore[misc]
        workers: list[TimerRunner | Sender] = [*_workers(first, run, voice), *_workers(second, run, voice)]
        while run.at < START + LOOKED_AT:
            next_at = await first.read(_next_at)
            times = [at for at in (next_at, due[0][0] if due else None) if at is not None]
            if not times:
                break
            run.at = max(run.at, min(times)) + TICK
            now_paid = [due.pop(0) for _ in range(sum(at <= run.at for at, _ in due))]
            await asyncio.gather(_pay(first, run, now_paid), *(_drain(worker) for worker in workers))
        return await first.read(lambda c: _judge(c, run))


def _paid_at(rng: random.Random, left_at: datetime) -> datetime:
    hour = timedelta(hours=1)
    moment = rng.choice((hour, 23 * hour))
    return left_at + moment + (rng.choice(JUST) if rng.random() < 0.5 else 12 * hour * (rng.random() - 0.05))


def _catalogue(connection: Connection) -> None:
    connection.execute(t.products.insert().values(id="shirt", name_zh="衬衫", name_en="Shirt", category="tops"))
    variant = {"sku": "s1", "product_id": "shirt", "colour_zh": "白", "colour_en": "White", "size": "M"}
    connection.execute(t.variants.insert().values(**variant, price_minor=9900, currency="CNY", stock=10**6))


def _leave(connection: Connection, left: Sequence[datetime], some: range) -> None:
    people = [f"p{number}" for number in some]
    who = [{"id": one, "customer_id": one, "language": "zh", "created_at": START} for one in people]
    phones = [PHONES[number % len(PHONES)] for number in some]
    buyers = [
        {"id": one, "name": one, "phone": phone, "created_at": START} for one, phone in zip(people, phones, strict=True)
    ]
    connection.execute(t.customers.insert(), buyers)
    connection.execute(t.persons.insert(), who)
    known = [{"id": one, "person_id": one, "channel": CHANNEL, "user": one, "created_at": START} for one in people]
    connection.execute(t.identities.insert(), known)
    talk = {"channel": CHANNEL, "created_at": START, "updated_at": START}
    connection.execute(t.conversations.insert(), [{"id": o, "chat": o, "identity_id": o, **talk} for o in people])
    yes = {"channel": CHANNEL, "purpose": "marketing", "granted": True, "proof": "bench", "at": START}
    connection.execute(t.consents.insert(), [{"person_id": one, **yes} for one in people])
    full = [
        {"id": one, "customer_id": one, "updated_at": left[number]} for one, number in zip(people, some, strict=True)
    ]
    connection.execute(t.carts.insert(), full)
    connection.execute(t.cart_lines.insert(), [{"cart_id": one, "sku": "s1", "quantity": 1} for one in people])
    for one, number in zip(people, some, strict=True):
        touch_cart(connection, one, left[number])


def _workers(database: Database, run: Run, voice: Voice) -> tuple[TimerRunner, Sender]:
    fire = FollowUps(SqlShop, lambda: voice, demo_settings()).fire
    timers = TimerRunner(database, run, {"cart_followup": fire}, wake=Signal(), fired=Signal())
    platform = EchoPlatform(run.send)
    desk = Desk(platform, LIMITS, Pacer(platform.limits))
    return timers, Sender(database, run, desk, wake=Signal(), done=Signal())


async def _drain(worker: TimerRunner | Sender) -> None:
    step = worker.fire_next if isinstance(worker, TimerRunner) else worker.send_next
    for _ in range(3):  # the other workers make work meanwhile
        while await step():
            pass
        await asyncio.sleep(0)


async def _pay(database: Database, run: Run, due: Sequence[tuple[datetime, int]]) -> None:
    for at, number in due:
        run.taken[f"p{number}"] = await database.write(lambda c, at=at, cart=f"p{number}": _paid(c, cart, at))  # type: ignore[misc]


def _paid(connection: Connection, cart_id: str, at: datetime) -> frozenset[str]:
    pay_cart(connection, cart_id, at)
    mine = t.outbox.c.conversation_id == cart_id, t.outbox.c.status.in_(("sending", "sent", "unsure"))
    return frozenset(connection.execute(select(t.outbox.c.key).where(*mine)).scalars())


def _next_at(connection: Connection) -> datetime | None:
    waiting = select(t.outbox.c.not_before.label("at")).where(t.outbox.c.status == "waiting")
    due = waiting.union_all(select(t.timers.c.due_at)).subquery()
    return connection.execute(select(func.min(due.c.at))).scalar()


def _judge(connection: Connection, run: Run) -> Verdict:
    book = {row.key: row for row in connection.execute(select(t.touches))}
    by_person: defaultdict[str, list[datetime]] = defaultdict(list)
    steps: Counter[tuple[str, int]] = Counter()
    late = quiet = 0
    for key, at in run.sent:
        touch = book[key]
        steps[touch.episode, touch.step] += 1
        by_person[touch.person_id].append(at)
        late += touch.subject in run.taken and key not in run.taken[touch.subject]
        phone = PHONES[int(touch.person_id[1:]) % len(PHONES)]
        quiet += quiet_end(at, LIMITS, zones_of("", phone)) is not None
    return Verdict(
        touches=len(run.sent),
        paid=len(run.taken),
        after_payment=late,
        twice=sum(many - 1 for many in steps.values()),
        in_quiet_hours=quiet,
        above_caps=_above_caps(by_person),
    )


def _above_caps(by_person: Mapping[str, Sequence[datetime]]) -> int:
    most = ((LIMITS.marketing_per_day, timedelta(days=1)), (LIMITS.marketing_per_week, timedelta(days=7)))
    return sum(
        sum(at - span < other <= at for other in times) > cap
        for times in by_person.values()
        for at in times
        for cap, span in most
    )
