"""A sale from its plan to its report: approved, announced moment by moment, paused, resumed, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot import audit
from bot.campaigns import claiming, flash, line, paying, planning
from bot.campaigns.announce import announcement
from bot.campaigns.announcing import authors_of
from bot.campaigns.broadcast import CHUNK
from bot.campaigns.handlers import SaleTimers
from bot.campaigns.outcome import announced, outcome
from bot.campaigns.planning import Planned
from bot.campaigns.reach import in_words, reach
from bot.clock import IdMaker
from bot.delivery.outbox import Draft, put
from bot.delivery.signal import Signal
from bot.delivery.thinking import Thinker
from bot.delivery.timers import TimerRunner
from bot.errors import Conflict, NotAllowed
from bot.messages import Purpose, Rate
from bot.shop.bodies import Audience, SaleBody
from bot.shop.load import put_sale
from bot.store.database import Database
from bot.store.tables import agents, conversations, identities, outbox, sales
from tests.conftest import StandingClock
from tests.delivery.stand import (
    Platform,
    a_sender,
    arrive,
    conversation_of,
    rows,
    said,
    said_in_group,
    send_all,
)
from tests.delivery.test_sales import draft

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
GROUP = {"channel": "telegram:bot", "chat": "g1", "language": "zh"}
STAFF = {"channel": "wecom:corp", "chat": "owner:li", "language": "zh"}
GOODS = {"sku": "s1", "price_minor": 5900, "currency": "CNY", "total": 3}
PEOPLE = {"channel": "web:shop"}
ENGLISH = {"language": "en"}


class Sale:
    """A sale of three pieces that begins in 30 hours, and its shop: a group, and two people on the web page."""

    def __init__(self, database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> None:
        self.database, self.clock, self.new_id = database, clock, new_id
        self.say = announcement(thinker.brain.mind.voice, thinker.settings.shop.zone)
        timers = SaleTimers(lambda: self.say, lambda *_: None)
        self.runner = TimerRunner(database, clock, timers.handlers(), wake=Signal(), fired=Signal())

    async def fill(self, *audiences: dict[str, str], starts_in: timedelta = 30 * HOUR, **more: Any) -> None:
        starts_at = self.clock.now() + starts_in
        values: dict[str, Any] = {**GOODS, "length_s": 7200}
        values |= {"starts_at": starts_at, "ends_at": starts_at + 2 * HOUR, "audiences": list(audiences), **more}

        def job(connection: Connection) -> None:
            draft(connection)
            connection.execute(sales.delete())
            team = [("ann", "lead"), ("bob", "admin"), ("eve", "agent")]
            known = {"password_hash": "", "created_at": self.clock.now()}
            connection.execute(
                agents.insert(), [{"id": who, "login": who, "name": who, "role": role, **known} for who, role in team]
            )
            planning.put_plan(connection, Planned("sale", values, {}), "agent:ann", self.clock.now())

        await arrive(
            self.database, self.clock, self.new_id, said_in_group(1, "m1"), said(1, chat="u1"), said(1, chat="u2")
        )
        await self.database.write(job)

    async def meet_staff(self) -> None:
        talk = {"id": "talk-li", "channel": "wecom:corp", "chat": "owner:li", "chat_kind": "group"}
        met = {"created_at": self.clock.now(), "updated_at": self.clock.now()}
        await self.do(lambda c: c.execute(conversations.insert().values(**talk, **met)).rowcount)

    async def do(self, job: Callable[[Connection], Any]) -> Any:
        return await self.database.write(job)

    async def schedule(self) -> None:
        await self.do(lambda c: flash.schedule(c, line.locked_sale(c, "sale"), "agent:ann", self.clock.now()))

    async def pause(self) -> None:
        await self.do(lambda c: flash.pause(c, "sale", "command", self.clock.now()))

    async def resume(self) -> None:
        await self.do(lambda c: flash.resume(c, "sale", "command", self.clock.now()))

    async def reword(self, texts: dict[str, dict[str, str]], login: str = "bob", most_alone: int = 100) -> int:
        planned = Planned("sale", {}, texts)
        job = planning.reword
        return int(await self.do(lambda c: job(c, planned, login, most_alone, self.say, self.clock.now())))

    async def claim(self, user: str) -> str:
        def job(connection: Connection) -> str:
            of_user = select(identities.c.person_id).where(identities.c.user == user).limit(1)
            person = connection.execute(of_user).scalar_one()
            return claiming.claim(connection, "sale", person, self.clock.now(), self.new_id).outcome

        return str(await self.do(job))

    async def go_on(self, step: timedelta) -> list[str]:
        """Let time pass. Return by whom what is new in the outbox is said: `sale` or `sale:moment`."""
        before = len(await rows(self.database, outbox))
        self.clock.advance(step)
        while await self.runner.fire_next():
            pass
        return [row.author.removeprefix("campaign:") for row in (await rows(self.database, outbox))[before:]]

    async def status(self) -> str:
        return str((await rows(self.database, sales))[0].status)


@pytest.fixture
def sale(database: Database, clock: StandingClock, new_id: IdMaker, thinker: Thinker) -> Sale:
    return Sale(database, clock, new_id, thinker)


async def test_a_group_hears_of_a_planned_sale_in_its_rhythm_and_people_only_that_it_begins(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE)
    await sale.schedule()
    assert await sale.go_on(6 * HOUR - MINUTE) == []
    assert await sale.go_on(MINUTE) == ["sale:sale:day_before"]
    assert await sale.go_on(24 * HOUR - 10 * MINUTE) == ["sale:sale:soon"]
    assert await sale.status() == "planned"
    assert await sale.claim("u1") == "not_running"
    told = await sale.go_on(10 * MINUTE)
    assert (await sale.status(), sorted(told)) == ("running", ["sale:sale"])
    assert [await sale.claim(user) for user in ("m1", "u1")] == ["held", "held"]
    assert await sale.go_on(timedelta(seconds=1)) == ["sale:sale:half"]
    assert await sale.claim("u2") == "held"
    assert await sale.go_on(timedelta(seconds=1)) == ["sale:sale:sold_out"]
    assert await sale.go_on(2 * HOUR) == []
    assert await sale.status() == "ended"


async def test_people_who_were_seen_lately_hear_that_it_begins(sale: Sale) -> None:
    await sale.fill(PEOPLE, starts_in=5 * MINUTE)
    await sale.schedule()
    assert await sale.go_on(5 * MINUTE) == ["sale:sale", "sale:sale"]


async def test_staff_who_send_by_hand_get_their_task_two_hours_ahead(sale: Sale) -> None:
    await sale.fill(STAFF)
    await sale.meet_staff()
    await sale.schedule()
    assert await sale.go_on(28 * HOUR - MINUTE) == []
    assert await sale.go_on(MINUTE) == ["sale:sale:ahead"]
    assert await sale.go_on(2 * HOUR) == []


async def test_a_tier_may_claim_ahead_of_the_start_and_nobody_else(sale: Sale) -> None:
    await sale.fill(GROUP, early={"regular": 600})
    await sale.schedule()
    await sale.go_on(30 * HOUR - 11 * MINUTE)
    assert (await sale.status(), await sale.claim("u1")) == ("planned", "not_running")
    await sale.go_on(MINUTE)
    assert (await sale.status(), await sale.claim("u1")) == ("running", "held")


async def test_the_shops_own_words_go_before_the_phrases_and_can_be_changed_while_they_wait(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    await sale.reword({"zh": {"soon": "快来，{sale.price}"}})
    await sale.go_on(HOUR - 10 * MINUTE)
    (soon,) = await rows(sale.database, outbox)
    assert soon.text == "快来，¥59.00"
    assert await sale.reword({"zh": {"soon": "改过：{sale.limit} 件"}}) == 1
    (soon,) = await rows(sale.database, outbox)
    assert soon.text == "改过：1 件"
    await sale.do(lambda c: c.execute(update(outbox).values(status="sent")))
    assert await sale.reword({}) == 0


async def test_words_that_name_the_number_left_are_changed_after_somebody_has_claimed(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE, starts_in=5 * MINUTE)
    await sale.do(lambda c: c.execute(update(conversations).where(conversations.c.chat == "u2").values(state=ENGLISH)))
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    await sale.claim("m1")
    own = {"zh": {"start": "只剩 {sale.left} 件"}, "en": {"start": "Only {sale.left} left"}}
    assert await sale.reword(own) == 3
    assert sorted(row.text for row in await rows(sale.database, outbox)) == ["Only 2 left", "只剩 2 件", "只剩 2 件"]


async def test_other_words_for_what_many_hear_are_not_of_who_has_planned_it_alone(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE)
    own = {"zh": {"soon": "快来"}}
    with pytest.raises(NotAllowed, match="3 would hear"):
        await sale.reword(own, "ann", most_alone=2)
    with pytest.raises(NotAllowed, match="no lead"):
        await sale.reword(own, "eve", most_alone=2)
    await sale.reword(own, "ann", most_alone=3)
    await sale.reword({}, "bob", most_alone=2)
    kept = [entry for entry in await sale.do(audit.entries) if entry.after and "texts" in entry.after]
    assert [(entry.who, entry.before["texts"], entry.after["texts"]) for entry in kept] == [
        ("agent:bob", own, {}),
        ("agent:ann", {}, own),
    ]


async def test_a_draft_that_was_approved_is_not_approved_when_another_is_put_in_its_place(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE)
    now = sale.clock.now()
    body = SaleBody(sku="s1", price_minor=5900, currency="CNY", total=3, audiences=[Audience(channel="web:shop")])
    with pytest.raises(Conflict, match="planned"):
        await sale.do(lambda c: put_sale(c, "sale", body))
    await sale.do(lambda c: put_sale(c, "other", body))
    seen = planning.digest(await sale.do(lambda c: line.sale_of(c, "other")))
    await sale.do(lambda c: planning.approve(c, "other", "bob", now, seen))
    await sale.do(lambda c: planning.check_approved(c, line.sale_of(c, "other"), 1, now))
    await sale.do(lambda c: put_sale(c, "other", body))
    with pytest.raises(NotAllowed, match="2 would hear"):
        await sale.do(lambda c: planning.check_approved(c, line.sale_of(c, "other"), 1, now))


async def test_a_paused_sale_gives_nothing_and_sends_nothing_and_then_serves_the_line_first(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR, total=1)
    await sale.schedule()
    await sale.go_on(HOUR)
    assert [await sale.claim(user) for user in ("u1", "u2")] == ["held", "waiting"]
    now = sale.clock.now
    await sale.do(lambda c: flash.pause(c, "sale", "command", now()))
    assert await sale.claim("m1") == "not_running"
    assert {
        row.not_before > now() for row in await rows(sale.database, outbox, outbox.c.author == "campaign:sale:sale")
    } == {True}
    await sale.go_on(10 * MINUTE)  # the hold runs out, and nobody is offered the piece
    assert (await sale.do(lambda c: outcome(c, "sale", announced(c, authors_of("sale"))))).available == 1
    with pytest.raises(Conflict):
        await sale.do(lambda c: flash.pause(c, "sale", "command", now()))
    await sale.do(lambda c: flash.resume(c, "sale", "command", now()))
    assert await sale.claim("m1") == "waiting"
    stands = (await sale.do(lambda c: outcome(c, "sale", announced(c, authors_of("sale"))))).claims
    assert stands == {"held": 1, "released": 1, "waiting": 1}


async def test_what_should_be_announced_in_a_pause_is_announced_when_the_sale_goes_on(sale: Sale) -> None:
    await sale.fill(GROUP, early={"regular": 600})
    await sale.schedule()
    await sale.go_on(30 * HOUR - 5 * MINUTE)
    await sale.pause()
    assert await sale.go_on(5 * MINUTE) == []
    assert await sale.go_on(10 * MINUTE) == []
    await sale.resume()
    assert await sale.go_on(MINUTE) == ["sale:sale"]
    assert await sale.go_on(10 * MINUTE) == []


async def test_of_many_people_those_whose_turn_was_in_a_pause_hear_of_it_when_the_sale_goes_on(sale: Sale) -> None:
    await sale.fill(PEOPLE, starts_in=5 * MINUTE)
    now = sale.clock.now()
    many = [{"id": f"a{number:05}", "chat": f"a{number}"} for number in range(CHUNK)]
    talk = {"channel": "web:shop", "created_at": now, "updated_at": now}
    await sale.do(lambda c: c.execute(conversations.insert(), [{**one, **talk} for one in many]).rowcount)
    await sale.schedule()
    sale.clock.advance(5 * MINUTE)
    while not await rows(sale.database, outbox):
        assert await sale.runner.fire_next()
    told = len(await rows(sale.database, outbox))
    await sale.pause()
    assert await sale.go_on(10 * MINUTE) == []
    await sale.resume()
    rest = await sale.go_on(MINUTE)
    assert (told < CHUNK + 2, told + len(rest)) == (True, CHUNK + 2)


async def test_an_announcement_that_slipped_in_as_the_sale_was_paused_waits_until_it_goes_on(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=5 * MINUTE)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    await sale.pause()
    await sale.do(lambda c: c.execute(update(outbox).values(not_before=sale.clock.now(), reason="")).rowcount)
    platform = Platform("telegram:bot")
    sender = a_sender(sale.database, sale.clock, platform)
    for _ in range(3):
        await send_all(sender)
        await sale.go_on(MINUTE)
    assert platform.asked == []
    assert {(row.status, row.reason) for row in await rows(sale.database, outbox)} == {("waiting", "sale_paused")}
    await sale.resume()
    await send_all(sender)
    assert len(platform.asked) == 1


async def test_that_all_is_sold_is_not_said_when_a_piece_came_back(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=5 * MINUTE, total=1)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    platform = Platform("telegram:bot")
    sender = a_sender(sale.database, sale.clock, platform)
    await send_all(sender)
    await sale.claim("u1")
    assert await sale.go_on(timedelta(seconds=1)) == ["sale:sale:sold_out"]
    await sale.go_on(10 * MINUTE)
    await send_all(sender)
    (row,) = await rows(sale.database, outbox, outbox.c.author == "campaign:sale:sale:sold_out")
    assert (row.status, row.reason) == ("dropped", "no_longer_true")


async def test_a_planned_sale_that_is_started_by_hand_is_announced_at_once_where_staff_send_by_hand(sale: Sale) -> None:
    await sale.fill(STAFF)
    await sale.meet_staff()
    await sale.schedule()
    await sale.do(lambda c: flash.start(c, "sale", sale.say, sale.clock.now()))
    assert [row.author for row in await rows(sale.database, outbox)] == ["campaign:sale:sale"]
    assert await sale.go_on(HOUR) == []


async def test_staff_who_have_their_task_already_get_no_other_when_the_sale_is_started_by_hand(sale: Sale) -> None:
    await sale.fill(STAFF)
    await sale.meet_staff()
    await sale.schedule()
    assert await sale.go_on(28 * HOUR) == ["sale:sale:ahead"]
    await sale.do(lambda c: c.execute(update(outbox).values(status="confirming")).rowcount)
    assert await sale.do(lambda c: flash.start(c, "sale", sale.say, sale.clock.now())) == 0


async def test_when_a_sale_is_started_by_hand_nobody_hears_any_more_when_it_would_have_begun(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    assert await sale.go_on(HOUR - 10 * MINUTE) == ["sale:sale:soon"]
    await sale.do(lambda c: flash.start(c, "sale", sale.say, sale.clock.now()))
    found = {row.author: row.status for row in await rows(sale.database, outbox)}
    assert found == {"campaign:sale:sale:soon": "dropped", "campaign:sale:sale": "waiting"}


async def test_a_card_whose_change_was_not_sent_is_changed_by_the_next_look(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=5 * MINUTE)
    await sale.schedule()
    await sale.go_on(5 * MINUTE)
    platform = Platform("telegram:bot")
    sender = a_sender(sale.database, sale.clock, platform)
    quarter = timedelta(seconds=15)
    await sale.claim("u1")
    await sale.go_on(quarter)  # the announcement, which says 3, is not sent yet
    await send_all(sender)
    await sale.go_on(quarter)
    await sale.go_on(quarter)  # the first change was too late
    await send_all(sender)
    edits = [message.text for message in platform.asked if message.edits]
    assert len(edits) == 1 and "还剩 2 件" in edits[0]
    await sale.go_on(quarter)
    await send_all(sender)
    assert len([message for message in platform.asked if message.edits]) == 1, "nothing has changed"


async def test_the_card_of_a_group_is_pinned_and_shows_the_true_number_until_the_sale_is_over(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    await sale.go_on(HOUR)
    platform = Platform("telegram:bot")
    sender = a_sender(sale.database, sale.clock, platform)
    quarter = timedelta(seconds=15)

    await send_all(sender)
    card = f"p{len(platform.asked)}"
    assert platform.asked[-1].pins
    await sale.go_on(quarter)
    await send_all(sender)
    assert not any(message.edits for message in platform.asked), "nothing has changed"
    await sale.claim("u1")
    await sale.go_on(quarter)
    await sale.claim("u2")  # before the card is changed: what it would say is not true any more
    await send_all(sender)
    assert [message.text for message in platform.asked if message.edits] == []
    await sale.go_on(quarter)
    await send_all(sender)
    edits = [message for message in platform.asked if message.edits]
    assert [message.edits for message in edits] == [card]
    assert "还剩 1 件" in edits[0].text
    assert edits[0].choices
    await sale.go_on(2 * HOUR)
    await sale.go_on(quarter)
    await send_all(sender)
    assert "已经结束" in platform.asked[-1].text
    assert await sale.go_on(HOUR) == []


async def test_a_group_that_heard_of_three_campaigns_this_week_hears_of_no_fourth(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    platform = Platform("telegram:bot")
    sender = a_sender(sale.database, sale.clock, platform)
    talk = (await conversation_of(sale.database, "g1", "telegram:bot")).id

    def other(connection: Connection, name: str) -> None:
        said_by = {"author": f"campaign:sale:{name}", "purpose": Purpose.MARKETING}
        put(connection, Draft(name, talk, text=name, **said_by), sale.clock.now())  # type: ignore[arg-type]

    for name in ("a", "b", "a2"):
        await sale.do(lambda c, name=name: other(c, name))  # type: ignore[misc]
        await send_all(sender)
    assert await sale.go_on(HOUR) == ["sale:sale:soon", "sale:sale"]
    await send_all(sender)

    why = {row.reason for row in await rows(sale.database, outbox, outbox.c.status == "dropped")}
    assert why == {"group_has_heard_enough_this_week"}
    assert platform.texts == ["a", "b", "a2"]


async def test_an_announcement_that_slipped_in_as_the_sale_ended_is_not_sent(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    await sale.go_on(HOUR)
    await sale.do(lambda c: flash.end(c, "sale", sale.clock.now()))
    await sale.do(lambda c: c.execute(update(outbox).values(status="waiting", reason="")).rowcount)
    platform = Platform("telegram:bot")
    await send_all(a_sender(sale.database, sale.clock, platform))
    assert platform.asked == []


async def test_a_cancelled_sale_is_over_before_it_began(sale: Sale) -> None:
    await sale.fill(GROUP)
    await sale.schedule()
    assert await sale.do(lambda c: flash.end(c, "sale", sale.clock.now(), status="cancelled"))
    assert await sale.go_on(31 * HOUR) == []
    assert await sale.status() == "cancelled"
    assert not await sale.do(lambda c: flash.end(c, "sale", sale.clock.now(), status="cancelled"))


async def test_what_many_would_hear_needs_a_second_person(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE)
    now = sale.clock.now()
    seen = planning.digest(await sale.do(lambda c: line.sale_of(c, "sale")))
    check = lambda c: planning.check_approved(c, line.sale_of(c, "sale"), 2, now)  # noqa: E731
    with pytest.raises(NotAllowed, match="3 would hear"):
        await sale.do(check)
    for login, why in (("ann", "Somebody else"), ("eve", "no lead"), ("nobody", "no lead")):
        with pytest.raises(NotAllowed, match=why):
            await sale.do(lambda c, login=login: planning.approve(c, "sale", login, now, seen))  # type: ignore[misc]
    assert await sale.do(lambda c: planning.approve(c, "sale", "bob", now, seen)) == "agent:bob"
    await sale.do(check)
    await sale.schedule()
    with pytest.raises(Conflict):
        await sale.do(lambda c: planning.put_plan(c, Planned("sale", {**GOODS, "total": 9}, {}), "agent:ann", now))


async def test_it_is_said_before_how_long_the_sending_takes(sale: Sale) -> None:
    await sale.fill(GROUP, PEOPLE, STAFF)
    group, people, staff = await sale.do(lambda c: reach(c, [GROUP, PEOPLE, STAFF], sale.clock.now()))
    assert (group.recipients, people.recipients, people.agreed) == (1, 2, 0)
    assert "by hand" in in_words(staff, None)
    assert "1,000,000 on web:shop at 30/s: 9.3 h" in in_words(replace(people, recipients=1_000_000), Rate(30, 1))


async def test_the_report_says_what_was_paid_and_why_somebody_was_not_told(sale: Sale) -> None:
    await sale.fill(GROUP, starts_in=HOUR)
    await sale.schedule()
    await sale.go_on(HOUR)
    await sale.claim("u1")
    person = (await rows(sale.database, identities, identities.c.user == "u1"))[0].person_id
    await sale.do(lambda c: paying.pay(c, "sale", person, sale.clock.now()))
    await sale.do(lambda c: c.execute(update(outbox).values(status="dropped", reason="unreachable")))
    found = await sale.do(lambda c: outcome(c, "sale", announced(c, authors_of("sale"))))
    assert (found.revenue_minor, found.available, found.claims) == (5900, 2, {"paid": 1})
    assert found.announced == {"telegram:bot dropped: unreachable": 2}
