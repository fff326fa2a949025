"""Windows: a random customer, and every message that the ledger lets go asked of the platform's own rules."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bot.clock import IdMaker
from bot.delivery import ledger
from bot.delivery.gate import Answer, Facts, judge
from bot.delivery.outbox import Draft, put_all
from bot.messages import WINDOW, ChatKind, Event, Grant, Inbound, Limits, Outbound, Purpose, Receipt, Road
from bot.store.database import Database
from bot.store.tables import conversations
from connectors.twin.wechat_follower import Follower
from tests.conftest import StandingClock
from tests.delivery.stand import RULES, Platform, a_sender, arrive, rows, said, send_all

SAID, ACTED = Grant(5, 48 * 3600, "said"), Grant(3, 60, "acted")
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PAUSES_S = (0.0, 0.2, 0.9, 1.0, 5.0, 20.0, 59.9, 60.0, 600.0, 3600.0, 24 * 3600.0, 48 * 3600.0)
STEPS = 1_000_000


def best_road(rights: ledger.Rights, purpose: Purpose, cost: int, now: datetime) -> Road | None:
    """Return the road that the gate chooses where there is only the window."""
    facts = Facts(
        purpose=purpose,
        chat_kind=ChatKind.PRIVATE,
        owner="bot",
        epoch=None,
        current_epoch=0,
        unreachable=False,
        consent=None,
        own_page=False,
        roads=[(Road("window", cost, WINDOW), ledger.left(rights, WINDOW, purpose, now))],
        guard_holds=True,
        touched_at=(),
        not_after=None,
    )
    verdict = judge(facts, RULES, now)
    return verdict.road if verdict.answer is Answer.SEND else None


class Talk:
    """One customer on both sides: as the platform counts, and as the ledger does. What he does is heard of later."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.now = dice, START
        self.follower = Follower("openid", "")
        self.rights: ledger.Rights = {}
        self.unheard: list[tuple[Grant, datetime]] = []
        self.sent: list[tuple[datetime, int]] = []
        self.carried = self.refused = 0

    def acts(self) -> None:
        grant = self.dice.choice((SAID, ACTED))
        self.follower.said(self.now) if grant is SAID else self.follower.acted(self.now)
        self.unheard.append((grant, self.now.replace(microsecond=0)))  # the platform tells whole seconds
        if self.dice.random() < 0.7:
            self.hear()

    def hear(self) -> None:
        """What happened reaches the shop, not always in order."""
        self.dice.shuffle(self.unheard)
        for grant, at in self.unheard:
            since = sum(cost for sent_at, cost in self.sent if sent_at >= at)
            self.rights = ledger.opened(self.rights, grant, at, since)
        self.unheard.clear()
        self.sent = [(sent_at, cost) for sent_at, cost in self.sent if sent_at >= self.now - timedelta(days=2)]

    def send(self) -> None:
        purpose, cost = self.dice.choice((Purpose.REPLY, Purpose.HUMAN)), self.dice.choice((1, 1, 1, 2, 3))
        if best_road(self.rights, purpose, cost, self.now) is None:
            self.refused += 1
            return
        self.rights = ledger.used(self.rights, WINDOW, cost, self.now)
        if self.dice.random() < 0.1:  # certainly not sent
            self.rights = ledger.used(self.rights, WINDOW, -cost, self.now)
            return
        self.sent.append((self.now, cost))
        for piece in range(cost):
            code = self.follower.spend(self.now)
            assert code == 0, f"{code} for piece {piece + 1} of {cost} at {self.now}: {self.rights}"
        self.carried += 1

    def waits(self) -> None:
        self.now += timedelta(seconds=self.dice.choice(PAUSES_S))
        if self.dice.random() < 0.5:
            self.hear()

    def step(self) -> None:
        self.dice.choice((self.acts, self.send, self.send, self.send, self.waits))()


def test_no_message_that_the_ledger_lets_go_is_refused_by_the_platform() -> None:
    """A million steps; they take about 10 seconds."""
    dice = random.Random(20261123)
    carried = refused = 0
    for _ in range(STEPS // 1000):
        talk = Talk(dice)
        for _ in range(1000):
            talk.step()
        carried, refused = carried + talk.carried, refused + talk.refused
    assert carried > STEPS / 10, "hardly anything was sent: the test says nothing"
    assert refused > STEPS / 10, "hardly anything was held back: the test says nothing"


# --- the same through the tables -------------------------------------------------------------------------------------
class Strict(Platform):
    """The platform of many customers: it takes a message only as WeChat would. A message has pieces of 20 characters."""

    def __init__(self, clock: StandingClock, users: Sequence[str]) -> None:
        super().__init__(limits=Limits(counts_windows=True), piece_length=20)
        self.clock = clock
        self.followers = {user: Follower(user, "") for user in users}
        self.refusals: list[str] = []
        self.pieces = 0

    async def send(self, message: Outbound) -> Receipt:
        (road,) = self.roads(message)
        for _ in range(road.cost):
            code = self.followers[message.chat.id].spend(self.clock.now())
            self.refusals += [f"{code}: {message.text} at {self.clock.now()}"] if code else []
        self.pieces += road.cost
        return await super().send(message)

    def act(self, user: str, kind: str, number: int) -> Inbound:
        """Let a customer do something. Return how the shop hears of it."""
        follower, at = self.followers[user], self.clock.now()
        if kind == "left":
            follower.left()
            return said(number, "", user, event=Event.LEFT, sent_at=at)
        if kind == "followed":
            follower.follows = True
        follower.said(at) if kind == "said" else follower.acted(at)
        grant = SAID if kind == "said" else ACTED
        event = None if kind == "said" else Event.STARTED
        return said(number, "", user, event=event, sent_at=at.replace(microsecond=0), grants=(grant,))


def rounds(dice: random.Random, users: Sequence[str]) -> Iterator[list[tuple[str, str]]]:
    """Yield what each customer does in each round, `left` always before `followed`."""
    gone: set[str] = set()
    while True:
        does = {user: dice.choice(("said", "acted", "left", *["written to"] * 6)) for user in users}
        for user in users:
            if user in gone:
                does[user] = dice.choice(("followed", "written to"))
        gone = {user for user in users if does[user] == "left" or (user in gone and does[user] != "followed")}
        yield list(does.items())


async def test_nothing_that_leaves_by_the_outbox_is_refused_by_the_platform(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    """1,500 steps of 20 customers."""
    dice, users = random.Random(7), [f"u{n}" for n in range(20)]
    platform = Strict(clock, users)
    sender = a_sender(database, clock, platform)
    await arrive(database, clock, new_id, *(platform.act(user, "said", 0) for user in users))
    ids = {row.chat: row.id for row in await rows(database, conversations)}
    unheard: list[Inbound] = []

    for number, does in zip(range(1, 76), rounds(dice, users), strict=False):
        drafts: list[tuple[Draft, str]] = []
        for user, kind in does:
            if kind != "written to":
                unheard.append(platform.act(user, kind, number))
                continue
            text, purpose = dice.choice(("short", "thirteen characters")), dice.choice((Purpose.REPLY, Purpose.HUMAN))
            drafts.append((Draft(f"{user} {number}", ids[user], purpose, f"{text} {number}"), platform.channel))
        await database.write(lambda c, drafts=drafts: put_all(c, drafts, clock.now()))  # type: ignore[misc]
        if dice.random() < 0.7 or any(message.event is Event.LEFT for message in unheard):
            await arrive(database, clock, new_id, *unheard)
            unheard.clear()
        await send_all(sender)
        clock.advance(timedelta(seconds=dice.choice(PAUSES_S[:-2])))

    assert platform.refusals == []
    assert platform.pieces > 150, "hardly anything was sent: the test says nothing"
