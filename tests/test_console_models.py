"""What the console reads and keeps beside the conversation, on both databases: drafts, summary, past, search, replies."""

from __future__ import annotations

import ast
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, select

from bot.advice import Advice
from bot.ask import NoShop
from bot.delivery.signal import Signal
from bot.knowledge.entries import CannedReply
from bot.messages import Chat, Event
from bot.shop.port import Money, Order, OrderStatus, Shipment
from bot.skills.dialogue import SKILLS
from bot.store import tables as t
from bot.store.database import Database
from bot.transcript import customer_types
from handoff import canned, desk, drafts, ownership, people, talks, tasks
from handoff.console.actions import Actions
from handoff.console.labels import LABELS
from handoff.console.later import times
from handoff.console.session import Safety, Session
from handoff.customer import Customer, Person
from handoff.drafts import Draft
from handoff.past import past
from handoff.people import Agent
from handoff.pulse import states
from handoff.rights import windows_of
from handoff.search import search
from handoff.summary import summary
from handoff.typed import TooLong
from tests.starter_advice import starter_advice

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
LI = Agent("li", "li", "Li", "agent", disabled=False)
REPO = Path(__file__).parents[1]


def minutes(count: float) -> datetime:
    return NOW + timedelta(minutes=count)


def a_talk(connection: Connection, key: str, name: str, channel: str = "web:shop", **more: Any) -> str:
    person = more.pop("person", "")
    if not person:
        row = {"id": f"p-{key}", "name": name, "customer_id": more.pop("customer_id", None), "created_at": NOW}
        connection.execute(insert(t.persons).values(row))
    identity = {"id": f"i-{key}", "person_id": person or f"p-{key}", "channel": channel, "user": key, "name": name}
    connection.execute(insert(t.identities).values(identity | {"created_at": NOW}))
    talk = {"id": key, "channel": channel, "chat": key, "identity_id": f"i-{key}", "created_at": NOW, "updated_at": NOW}
    connection.execute(insert(t.conversations).values(talk | more))
    return key


def says(connection: Connection, key: str, seq: int, text: str, at: datetime = NOW, **meaning: Any) -> None:
    row = {"key": f"{key}:{seq}", "conversation_id": key, "seq": seq, "text": text, "sent_at": at, "received_at": at}
    connection.execute(insert(t.inbox).values(row | {"meaning": meaning or None}))


def emma(connection: Connection) -> None:
    agents(connection)
    a_talk(connection, "c1", "Emma")


def agents(connection: Connection) -> None:
    for key, role in (("li", "agent"), ("wang", "agent"), ("zhao", "lead")):
        people.add_agent(connection, key, key, key.title(), role, NOW)


async def test_a_draft_is_one_per_agent_and_conversation_and_an_empty_one_is_none(database: Database) -> None:
    def write(c: Connection) -> None:
        agents(c)
        a_talk(c, "c1", "Emma")
        drafts.keep(c, "c1", "li", Draft("reply", "Dear"), NOW)
        drafts.keep(c, "c1", "li", Draft("reply", "Dear Emma"), minutes(1))
        drafts.keep(c, "c1", "wang", Draft("note", "careful"), minutes(1))

    def kept(c: Connection) -> list[Draft]:
        return [drafts.draft_of(c, "c1", who) for who in ("li", "wang", "zhao")]

    await database.write(write)
    assert await database.read(kept) == [Draft("reply", "Dear Emma"), Draft("note", "careful"), Draft("reply", "")]
    await database.write(lambda c: drafts.keep(c, "c1", "li", Draft("reply", " \n"), minutes(2)))
    assert await database.read(kept) == [Draft("reply", ""), Draft("note", "careful"), Draft("reply", "")]


async def test_who_writes_a_reply_is_seen_by_others_for_some_seconds_and_is_news(database: Database) -> None:
    await database.write(emma)
    before = await database.read(lambda c: states(c, ["c1"]))
    await database.write(lambda c: drafts.keep(c, "c1", "li", Draft("reply", "Dear"), NOW))
    await database.write(lambda c: drafts.keep(c, "c1", "wang", Draft("note", "hm"), NOW))

    async def writers(viewer: str, at: datetime) -> tuple[str, ...]:
        return await database.read(lambda c: drafts.writers(c, "c1", viewer, at))

    assert await writers("zhao", NOW) == ("Li",)
    assert await writers("li", NOW) == ()
    assert await writers("zhao", NOW + drafts.WRITES_FOR) == ()
    assert await database.read(lambda c: states(c, ["c1"])) != before


async def test_a_typing_customer_is_noted_only_where_people_see_it_and_until_they_have_spoken(
    database: Database,
) -> None:
    def types(c: Connection) -> None:
        customer_types(c, Chat("web:shop", "c1"), minutes(1))

    def is_typing(c: Connection) -> bool:
        return desk.is_customer_typing(c, "c1", minutes(1) + timedelta(seconds=2))

    await database.write(emma)
    await database.write(lambda c: says(c, "c1", 1, "hi"))
    await database.write(types)
    assert not await database.read(is_typing)
    await database.write(lambda c: ownership.to_queue(c, "c1", "asked", 0, NOW))
    before = await database.read(lambda c: states(c, ["c1"]))
    await database.write(types)
    assert await database.read(is_typing)
    assert not await database.read(lambda c: desk.is_customer_typing(c, "c1", minutes(1) + timedelta(seconds=6)))
    assert await database.read(lambda c: states(c, ["c1"])) != before
    await database.write(lambda c: says(c, "c1", 2, "here", minutes(1) + timedelta(seconds=1)))
    assert not await database.read(is_typing)


async def test_the_summary_is_what_the_turns_since_the_last_close_understood(database: Database) -> None:
    def talk(c: Connection) -> None:
        agents(c)
        state = {"skill": "returns", "step": "reason", "slots": {"version": 2, "words": "too small", "gift": ""}}
        state["last"] = {"entities": [["size", "M", 0, 0], ["address", "1 Road", 0, 0]]}
        a_talk(c, "c1", "Emma", state=state)
        says(c, "c1", 1, "old", minutes(-90), label="invoice_request", decision="skill")
        c.execute(insert(t.notes).values(conversation_id="c1", author="agent:li", kind="closed", at=minutes(-60)))
        says(c, "c1", 2, "shipping?", minutes(-9), label="shipping-fee", decision="answer", named=[["order", "QH1"]])
        says(c, "c1", 3, "hm", minutes(-8), intent="x", decision="clarify")
        says(c, "c1", 4, "too small, call +49", minutes(-7), label="return_request", decision="skill",
             also="exchange_request", named=[["phone", "+49"], ["order", "QH1"]])  # fmt: skip
        says(c, "c1", 5, "a human", minutes(-6), label="human", decision="handoff")
        for number, sources in enumerate(([["shipping-fee", "ab"]], [["returns.reason", "cd"], ["order:QH1", "paid"]])):
            row: dict[str, Any] = {
                "key": f"k{number}",
                "conversation_id": "c1",
                "channel": "web:shop",
                "purpose": "reply",
                "text": "",
            }
            row |= {"sources": [{"id": i, "version": v} for i, v in sources], "not_before": NOW, "created_at": NOW}
            c.execute(insert(t.outbox).values(row))

    await database.write(talk)
    found = await database.read(lambda c: summary(c, "c1"))
    assert found.wishes == ("return_request", "exchange_request", "shipping-fee")
    assert found.named == (("order", "QH1"), ("size", "M"))
    assert found.asked == (("words", "too small"),)
    assert (found.skill, found.step, found.tried) == ("returns", "reason", ("shipping-fee",))
    assert (found.unclear, found.messages, found.since) == (1, 4, minutes(-9))


async def test_the_past_is_the_persons_own_on_every_channel(database: Database) -> None:
    def talk(c: Connection) -> None:
        agents(c)
        a_talk(c, "c1", "Emma")
        a_talk(c, "c2", "Emma", "telegram:bot", person="p-c1")
        a_talk(c, "c3", "Otto")
        for key in ("c2", "c3"):
            ownership.take(c, key, "li", NOW)
            ownership.close(c, key, "li", "solved: sent a new one", minutes(1))

    await database.write(talk)
    found = await database.read(lambda c: past(c, LI, "c1"))
    assert [talk.id for talk in found.elsewhere] == ["c2"]
    assert [(one.channel, one.agent, one.reason) for one in found.closed] == [
        ("telegram:bot", "Li", "solved: sent a new one")
    ]


async def test_who_proved_the_same_order_may_be_the_same_person_and_is_shown_only_to_who_may_see_it(
    database: Database,
) -> None:
    def two(c: Connection) -> None:
        for key in ("li", "wang"):
            people.add_agent(c, key, key, key.title(), "agent", NOW)
        for key, number in (("v1", "QH1"), ("v2", "QH1"), ("v3", "QH2")):
            a_talk(c, key, key, f"web:{key}")
            c.execute(insert(t.proofs).values(identity_id=f"i-{key}", order_number=number, proven_at=NOW))

    await database.write(two)

    async def maybe(viewer: Agent, talk: str) -> list[str]:
        return [one.id for one in (await database.read(lambda c: past(c, viewer, talk))).maybe]

    assert [await maybe(LI, talk) for talk in ("v1", "v2", "v3")] == [["v2"], ["v1"], []]
    await database.write(lambda c: ownership.take(c, "v2", "wang", NOW))
    assert await maybe(LI, "v1") == []
    assert await maybe(Agent("li", "li", "Li", "agent", see="all"), "v1") == ["v2"]


async def test_people_orders_and_words_are_found_and_signs_of_patterns_are_letters(database: Database) -> None:
    def shop(c: Connection) -> None:
        agents(c)
        customer = {"id": "u1", "name": "Emma Fischer", "phone": "+8613800138000", "created_at": NOW}
        c.execute(insert(t.customers).values(customer))
        order = {"number": "QH1001", "customer_id": "u1", "status": "paid", "total_minor": 1, "currency": "CNY"}
        c.execute(insert(t.orders).values(order | {"created_at": NOW}))
        a_talk(c, "c1", "emma f", customer_id="u1")
        a_talk(c, "c2", "林晓")
        says(c, "c2", 1, "我的大衣 100% wool_coat")
        says(c, "c1", 1, "x" * 60 + " Coat " + "y" * 60)
        desk.note(c, "c2", LI, "coat is late", "n1", NOW)
        ownership.to_queue(c, "c2", "coat", 0, NOW)

    async def found(words: str) -> list[tuple[str, str]]:
        return [(hit.kind, hit.conversation_id) for hit in await database.read(lambda c: search(c, LI, words))]

    await database.write(shop)
    assert await found("FISCHER") == [("person", "c1")]
    assert await found("qh10") == [("order", "c1")]
    assert await found("大衣") == [("message", "c2")]
    assert sorted(await found("coat")) == [("message", "c1"), ("message", "c2"), ("message", "c2")]
    assert await found("100%") == [("message", "c2")]
    assert await found("1%0") == await found("ol%coat") == await found("e") == []
    assert await found("l_coat") == [("message", "c2")]
    assert await found("8000") == await found("13800138000") == await found("+86 138-0013-8000") == [("person", "c1")]
    assert await found("38000") == await found("80013800") == []
    words = (await database.read(lambda c: search(c, LI, " Coat ")))[-1].words
    assert words.startswith("…xxx") or words == "coat is late" or words.endswith("wool_coat")


PRIVATE = "Ring 13812345678, mail bob@example.com, 浙江省杭州市西湖区文三路100号, order QH2611200086"
SHOWN = "Ring *******5678, mail b**@example.com, 浙江省杭州市**********, order QH2611200086"


async def test_what_tells_who_a_customer_is_is_masked_wherever_their_words_are_shown(database: Database) -> None:
    def everywhere(c: Connection) -> list[str]:
        people.add_agent(c, "li", "li", "Li", "agent", NOW)
        talk = a_talk(c, "v1", "Rita")
        says(c, talk, 1, PRIVATE)
        c.execute(t.conversations.update().values(last_seq=1))
        desk.note(c, talk, LI, PRIVATE, "n1", NOW)
        ownership.take(c, talk, "li", NOW)
        desk.reply(c, talk, "li", PRIVATE, "k1", minutes(-1))
        c.execute(
            insert(t.tasks).values(id=1, key="k", kind="callback", conversation_id=talk, text=PRIVATE, created_at=NOW)
        )
        ownership.close(c, talk, "li", PRIVATE, NOW)
        opened = desk.conversation(c, NoShop(), talk, LI, NOW, ())
        return [
            *(line.text for line in opened.lines if line.text),
            *(one.reason for one in past(c, LI, talk).closed),
            *(task.text for task in tasks.open_tasks(c, LI)),
            *(one.last_text for one in talks.everything(c, LI)),
        ]

    found = await database.write(everywhere)
    assert len(found) == 7
    assert set(found) == {SHOWN}


async def test_nobody_feels_their_way_to_what_is_masked(database: Database) -> None:
    def talk(c: Connection) -> None:
        says(c, a_talk(c, "v1", "Rita"), 1, PRIVATE)

    await database.write(talk)

    async def finds(words: str) -> list[str]:
        return [hit.words for hit in await database.read(lambda c: search(c, LI, words))]

    for part in ("1381234567", "bob", "文三路1", "13812", "b@", "ob@example.com", "bob@example.co"):
        assert await finds(part) == [], part
    for whole in ("13812345678", "bob@example.com", "QH2611200086", "ring"):
        (words,) = await finds(whole)
        assert "1234" not in words
        assert "bob" not in words


async def test_a_search_looks_through_a_hundred_thousand_messages_in_a_moment(database: Database) -> None:
    def fill(c: Connection) -> None:
        a_talk(c, "c1", "Emma")
        row = {"conversation_id": "c1", "sent_at": NOW, "received_at": NOW}
        for start in range(0, 20_000, 5_000):
            rows = [
                row | {"key": f"m{n}", "seq": n, "text": f"message {n} about nothing"}
                for n in range(start, start + 5_000)
            ]
            c.execute(insert(t.inbox), rows)

    await database.write(fill)
    started = datetime.now(UTC)
    assert await database.read(lambda c: search(c, LI, "nowhere to be found")) == ()
    assert datetime.now(UTC) - started < timedelta(seconds=2)


async def test_the_window_of_a_list_is_the_one_that_allows_most(database: Database) -> None:
    def talk(c: Connection) -> None:
        a_talk(c, "c1", "Emma", "wechat:gh")
        for action, allowed, used, ends in (("said", 5, 4, 60), ("acted", 3, 0, 60), ("followed", 20, 0, -1)):
            row = {"conversation_id": "c1", "action": action, "allowed": allowed, "used": used, "purposes": ["human"]}
            c.execute(insert(t.grants).values(row | {"opened_at": NOW, "expires_at": minutes(ends)}))

    await database.write(talk)
    window = (await database.read(lambda c: windows_of(c, ["c1", "c2"], NOW)))["c1"]
    assert (window.action, window.left, window.allowed) == ("acted", 3, 3)


# --- canned replies and suggestions ------------------------------------------------------------------------------------
def an_order(number: str, *shipments: Shipment) -> Order:
    return Order(number, "u1", OrderStatus.SHIPPED, Money(45900, "CNY"), (), shipments, NOW, NOW, None)


def test_a_canned_reply_is_filled_with_the_order_spoken_of_and_keeps_what_is_not_known() -> None:
    orders = an_order("QH2"), an_order("QH1", Shipment("SF", "SF9", None, ()))
    customer = Customer(Person("Emma", "en"), orders, None, ())
    text = "{customer.name} {agent.name} {order.number} {order.total} {parcel.carrier} {parcel.number}"
    replies = (CannedReply("全", "zh", text), CannedReply("all", "en", text))
    spoken = canned.filled(replies, canned.facts(customer, "Li", ["QH0", "QH1"]), "en")
    assert [(one.shortcut, one.text) for one in spoken] == [
        ("all", "Emma Li QH1 ¥459.00 SF SF9"),
        ("全", "Emma Li QH1 ¥459.00 SF SF9"),
    ]
    newest = canned.filled(replies[1:], canned.facts(customer, "Li"), "en")[0].text
    assert newest == "Emma Li QH2 ¥459.00 {parcel.carrier} {parcel.number}"
    assert canned.hole_in(newest) == "{parcel.carrier}"
    assert canned.hole_in("curly {braces} of a customer") == ""
    nameless = Customer(Person("#a1b2c3", ""), (), None, ())
    assert canned.filled(replies[1:], canned.facts(nameless, "Li"), "en")[0].text.startswith("{customer.name} Li")


@pytest.fixture
def advice() -> Advice:
    return starter_advice()


def test_the_answers_that_may_fit_come_from_entries_best_first(advice: Advice) -> None:
    found = advice.suggest("How long does shipping take?", "zh")
    assert found[0].id == "shipping-delivery-days"
    assert "{" not in found[0].text
    entry = advice.brain.mind.knowledge.entry(found[0].id, "en")
    assert entry is not None
    assert found[0].version == entry.version
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert advice.suggest("", "en") == ()


def test_the_starter_replies_have_the_shops_fields_filled_in_both_languages(advice: Advice) -> None:
    replies = advice.replies()
    assert {reply.language for reply in replies} == {"zh", "en"}
    assert not [reply for reply in replies if "{shop." in reply.text or "{policy." in reply.text]
    assert [reply for reply in replies if "{customer.name}" in reply.text]


def test_a_conversation_is_put_off_until_mornings_of_the_shop() -> None:
    saturday = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
    chosen = times(saturday, ZoneInfo("Asia/Shanghai"), time(9))
    assert [at.astimezone(UTC) - saturday for at in chosen.values()] == [
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=10),
        timedelta(hours=34),
    ]
    monday = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
    assert times(monday, ZoneInfo("Asia/Shanghai"), time(9))["later_monday"] - monday > timedelta(days=6)


# --- words ---------------------------------------------------------------------------------------------------------
def kinds_in_code() -> set[str]:
    """Every kind of task that the code leaves, found where it is written: `leave(…, "kind", …)` and `Note(…, KIND)`."""
    kinds = {"feedback", "alert", "timer_failed", "no_window", "unreachable", "failed", "unsure", "no_chat"}
    for path in [*(REPO / "bot").rglob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {n.targets[0].id: n.value.value for n in tree.body if isinstance(n, ast.Assign)
                 and isinstance(n.targets[0], ast.Name) and isinstance(n.value, ast.Constant)}  # fmt: skip
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)):
            place = {"leave": 2, "Note": 1}.get(call.func.id)  # type: ignore[attr-defined]
            if place is not None and len(call.args) > place:
                kind = call.args[place]
                value = kind.value if isinstance(kind, ast.Constant) else names.get(getattr(kind, "id", ""))
                kinds |= {str(value)} if value else set()
    return kinds


def test_every_kind_of_task_and_every_wish_has_words_in_both_languages() -> None:
    kinds = kinds_in_code()
    assert {"invoice", "refund", "case", "errand", "parcel", "dispatch", "csat"} <= kinds
    wishes = {intent for skill in SKILLS.values() for intent in skill.intents} | set(SKILLS)
    for language, labels in LABELS.items():
        assert [kind for kind in sorted(kinds) if f"reason_{kind}" not in labels] == [], language
        assert [w for w in sorted(wishes) if f"reason_{w}" not in labels and f"wish_{w}" not in labels] == [], language


def test_every_event_has_words_in_both_languages() -> None:
    for language, labels in LABELS.items():
        assert [event.value for event in Event if f"event_{event.value}" not in labels] == [], language


async def test_a_note_that_a_browser_brings_again_after_a_lost_connection_is_kept_once(database: Database) -> None:
    def begin(c: Connection) -> None:
        agents(c)
        a_talk(c, "c1", "Emma")
        people.start_session(c, "li", "cookie", NOW)

    async def nothing() -> None:
        return

    await database.write(begin)
    clock, advice = SimpleNamespace(now=lambda: NOW), SimpleNamespace(settings=SimpleNamespace(shop=None))
    wiring: Any = SimpleNamespace(database=database, clock=clock, safety=Safety(), advice=advice, shop_of=None)
    wiring.outbox_signal = wiring.changes = Signal()
    actions = Actions(Session(wiring, "cookie"), wiring, {}, nothing, nothing)
    first, second = "a" * 32, "b" * 32
    assert [await actions.note("c1", "call her", key) for key in (first, first, second)] == [True, True, True]
    kept = await database.read(lambda c: c.execute(select(t.notes.c.text)).scalars().all())
    assert kept == ["call her", "call her"]


async def test_what_no_database_takes_is_left_out_of_all_that_agents_type(database: Database) -> None:
    odd = "so\0rry \ud83d"

    def types(c: Connection) -> None:
        emma(c)
        ownership.take(c, "c1", "li", NOW)
        desk.reply(c, "c1", "li", odd, "k1", NOW)
        desk.note(c, "c1", LI, odd, "n1", NOW)
        drafts.keep(c, "c1", "li", Draft("reply", odd), NOW)
        search(c, LI, odd)
        ownership.give_back(c, "c1", "li", odd, NOW)

    await database.write(types)
    said = await database.read(
        lambda c: [*c.execute(select(t.outbox.c.text)).scalars(), drafts.draft_of(c, "c1", "li").text]
    )
    assert said == ["sorry ?", "sorry ?"]
    kept = await database.read(lambda c: c.execute(select(t.notes.c.text).order_by(t.notes.c.id)).scalars().all())
    assert [text for text in kept if "sorry" in text] == ["sorry ?", "→ bot · sorry ?"]


async def test_a_message_that_no_platform_takes_whole_is_refused(database: Database) -> None:
    await database.write(emma)
    await database.write(lambda c: ownership.take(c, "c1", "li", NOW))
    with pytest.raises(TooLong):
        await database.write(lambda c: desk.reply(c, "c1", "li", "x" * 4001, "k1", NOW))
    assert await database.write(lambda c: desk.reply(c, "c1", "li", "x" * 4000, "k1", NOW))


async def test_ones_own_order_is_found_behind_many_newer_ones_of_others(database: Database) -> None:
    order = {"status": "paid", "total_minor": 1, "currency": "CNY"}

    def shop(c: Connection) -> None:
        agents(c)
        for key in ("mine", "theirs"):
            c.execute(insert(t.customers).values(id=key, name=key, phone="", created_at=NOW))
            a_talk(c, key, key, customer_id=key)
        ownership.take(c, "theirs", "wang", NOW)
        c.execute(insert(t.orders).values(order | {"number": "QH1", "customer_id": "mine", "created_at": NOW}))
        for number in range(10, 20):
            newer = {"number": f"QH{number}", "customer_id": "theirs", "created_at": minutes(number)}
            c.execute(insert(t.orders).values(order | newer))

    await database.write(shop)
    assert [hit.words for hit in await database.read(lambda c: search(c, LI, "QH")) if hit.kind == "order"] == ["QH1"]
