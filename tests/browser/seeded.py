"""A real web server with the console over a seeded SQLite, run as a program: `python seeded.py DIR PORT`."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection, create_engine, select

from bot.advice import Advice
from bot.ask import NoShop
from bot.clock import SystemClock, new_id
from bot.delivery.signal import Signal
from bot.pages.campaigns import campaign_routes
from bot.shop.port import Cart, Customer, Line, Money, Names, Order, OrderStatus, Product, Shipment, TrackingEvent
from bot.store import tables as t
from bot.store.database import Database
from handoff import ownership, people
from handoff.console.mount import mount_console
from tests.starter_advice import starter_advice
from tests.webchat_stand import png

XSS = '<img src=x onerror="window.hacked=1"><b>bold</b> {{7*7}} `${1}`'
PNG = png(240, 160)
TOKENS = ("link-of-li", "link-of-wang", "link-of-zhao")
NOW = datetime.now(UTC)


class SmallShop(NoShop):
    """One customer with two orders and a cart."""

    def names(self) -> Names:
        return Names()

    def products(self) -> tuple[Product, ...]:
        return ()

    def order(self, number: str) -> Order | None:
        return next((order for order in self.orders_of("c1") if order.number == number), None)

    def orders_of(self, customer_id: str) -> tuple[Order, ...]:
        if customer_id != "c1":
            return ()
        on_the_way = TrackingEvent(NOW - timedelta(hours=5), {"zh": "杭州转运中心", "en": "Hangzhou hub"}, "in_transit")
        parcel = Shipment("SF", "SF1390021145", NOW + timedelta(days=1), (on_the_way,))
        total = Money(45900, "CNY")
        return (
            Order("QH20260412", "c1", OrderStatus.SHIPPED, total, (_line("1", 1),), (parcel,), NOW, NOW, None),
            Order("QH20260101", "c1", OrderStatus.DELIVERED, Money(91800, "CNY"), (_line("2", 2),), (), NOW, NOW, NOW),
        )

    def customer(self, customer_id: str) -> Customer | None:
        if customer_id != "c1":
            return None
        return Customer("c1", "林晓", "+8613800138000", "gold", Money(386200, "CNY"))

    def open_cart(self, customer_id: str) -> Cart | None:
        if customer_id != "c1":
            return None
        return Cart("k1", "c1", "open", NOW - timedelta(hours=2), (_line("", 1),), Money(45900, "CNY"))


def _line(line_id: str, quantity: int) -> Line:
    name = {"zh": "羊毛大衣", "en": "Wool coat"}
    return Line(line_id, "coat-navy-m", "coat", name, {"zh": "藏青", "en": "navy"}, "M", quantity, Money(45900, "CNY"))


def a_sale(connection: Connection) -> None:
    """A sale that runs, with a minute of its course, two announcements and a task of the staff."""
    connection.execute(t.products.insert().values(id="linen", name_zh="亚麻裙", name_en="Linen", category="dresses"))
    variant = {"sku": "linen-M", "product_id": "linen", "colour_zh": "蓝", "colour_en": "Blue", "size": "M"}
    connection.execute(t.variants.insert().values(**variant, price_minor=29900, currency="CNY", stock=3))
    row = {"id": "linen", "sku": "linen-M", "price_minor": 19900, "currency": "CNY", "total": 30, "available": 30}
    audiences = [{"channel": "web:shop"}, {"channel": "wecom:corp", "chat": "g3"}]
    times = {"starts_at": NOW, "ends_at": NOW + timedelta(hours=2)}
    connection.execute(t.sales.insert().values(**row, **times, status="running", audiences=audiences))
    for seconds in (0, 30, 60):
        point = {"available": 30, "held": 0, "paid": 0, "waiting": seconds, "claims": seconds}
        at = NOW - timedelta(seconds=60 - seconds)
        connection.execute(t.sale_points.insert().values(sale_id="linen", at=at, **point))
    met = {"created_at": NOW, "updated_at": NOW}
    for key, channel, status, reason in (
        ("g1", "telegram:bot", "dropped", "no_consent"),
        ("g2", "telegram:bot", "sent", "bot"),
        ("g3", "wecom:corp", "confirming", "task"),
    ):
        group = {"id": key, "channel": channel, "chat": key, "chat_kind": "group"}
        connection.execute(t.conversations.insert().values(**group, **met))
        told = {"key": key, "conversation_id": key, "channel": channel, "status": status, "reason": reason}
        more = {"author": "campaign:sale:linen", "purpose": "marketing", "text": "x", "not_before": NOW}
        connection.execute(t.outbox.insert().values(**told, **more, created_at=NOW))


def seed(connection: Connection) -> None:
    """Three agents with login links, and conversations in every state."""
    for index, name in enumerate(("Li Na", "Wang Wei", "Zhao Min")):
        role = "lead" if index == 2 else "agent"
        people.add_agent(connection, f"a{index}", name.split()[0].lower(), name, role, NOW)
        people.create_link(connection, f"a{index}", TOKENS[index], NOW)
    _talk(connection, "v1", "wechat:gh_qinghe", "林晓", "c1", 34)
    _said(connection, "v1", 1, "你好,我的大衣什么时候能到?", 34, ("order_status", 0.94))
    _answered(
        connection,
        "v1",
        "订单 QH20260412 已由顺丰发出,昨天 21:10 到达杭州转运中心,预计明天送达。",
        34,
        [("orders.shipped", "1f0a77c3"), ("order:QH20260412", "shipped")],
    )
    _said(connection, "v1", 2, "那如果尺码不合适可以换吗", 31, ("exchange_policy", 0.71))
    _answered(
        connection,
        "v1",
        "签收后 7 天内可以免费换一次尺码,吊牌要在。需要我现在帮您登记换货吗?",
        31,
        [("exchange-size", "3f9ab1c2")],
    )
    _said(connection, "v1", 3, "我想找人工,上次换货等了很久,这次很急", 12, ("human", 0.99))
    ownership.to_queue(connection, "v1", "顾客要求人工:换货很急,上次等待很久", 1, NOW - timedelta(minutes=12))
    _answered(connection, "v1", "好的,正在为您转接人工客服,您排在第 1 位。", 12, [])
    grant = {"conversation_id": "v1", "allowed": 5, "used": 3, "purposes": ["reply", "human", "service"]}
    opened = NOW - timedelta(minutes=12)
    connection.execute(
        t.grants.insert().values(grant | {"opened_at": opened, "expires_at": opened + timedelta(hours=48)})
    )
    credit = {"conversation_id": "v1", "needs": "credit:restock", "action": "subscribed", "allowed": 1}
    connection.execute(t.grants.insert().values(credit | {"purposes": ["service"], "opened_at": opened}))
    for purpose, granted in (("marketing", False), ("transactional", True)):
        row = {
            "person_id": "p-v1",
            "channel": "*",
            "purpose": purpose,
            "granted": granted,
            "proof": "tapped",
            "at": NOW,
        }
        connection.execute(t.consents.insert().values(row))
    _talk(connection, "v2", "telegram:shopbot", "Emma Fischer", None, 4)
    _said(connection, "v2", 1, "Hi! The zipper broke after two days. Can I talk to a person?", 4, ("complaint", 0.88))
    ownership.to_queue(connection, "v2", "Complaint: broken zipper", 0, NOW - timedelta(minutes=4))
    _talk(connection, "v3", "web:shop", XSS, None, 1)
    _said(connection, "v3", 1, XSS, 1, ("other", 0.2))
    ownership.to_queue(connection, "v3", XSS, 0, NOW - timedelta(minutes=1))
    _talk(connection, "v4", "telegram:shopbot", "Jonas Weber", None, 90)
    _said(connection, "v4", 1, "Which size for 178 cm and 72 kg?", 90, ("sizing", 0.91))
    _answered(
        connection,
        "v4",
        "For 178 cm and 72 kg our coat fits in M; take L if you wear it over a jacket.",
        90,
        [("size-coat", "a1")],
    )
    _ways(connection)


def _ways(connection: Connection) -> None:
    """A conversation with a message of the shop in every state, and files in every state."""
    _talk(connection, "v5", "wechat:gh_qinghe", "周远", None, 200)
    _said(connection, "v5", 1, "", 200, ("other", 0.3))
    connection.execute(t.inbox.update().where(t.inbox.c.key == "v5:1").values(event="media"))
    files = (("kept-picture", "image", PNG, "kept"), ("kept-voice", "voice", b"OggS voice", "kept"),
             ("kept-file", "file", b"<svg onload=alert(1)>", "kept"), ("new", "voice", None, "new"),
             ("lost", "image", None, "lost"))  # fmt: skip
    said = connection.execute(select(t.inbox.c.id).where(t.inbox.c.key == "v5:1")).scalar_one()
    for key, kind, body, status in files:
        row = {"id": key, "conversation_id": "v5", "inbox_id": said, "channel": "wechat:gh_qinghe", "kind": kind}
        row |= {"body": body, "status": status, "name": "Größe & Maß.svg" if kind == "file" else ""}
        connection.execute(t.media.insert().values(**row, not_before=NOW, created_at=NOW))
    ways: tuple[dict[str, Any], ...] = (
        {"status": "sent", "road": "open", "reason": "open"},
        {"status": "sent", "road": "window", "reason": "window, 4 left"},
        {"status": "sent", "road": "template", "reason": "template"},
        {"status": "waiting", "reason": "quiet_hours", "not_before": NOW + timedelta(hours=3)},
        {"status": "waiting", "reason": "429 too many requests", "not_before": NOW + timedelta(minutes=1)},
        {"status": "sending"},
        {"status": "confirming", "road": "task"},
        {"status": "unsure", "reason": "interrupted", "road": "window"},
        {"status": "moved", "reason": "no_window → web:shop"},
        {"status": "task", "reason": "no_window"},
        {"status": "dropped", "reason": "refused_by_customer"},
        {"status": "failed", "reason": "48002 api unauthorized", "road": "window"},
    )
    for way in ways:
        _answered(connection, "v5", f"{way['status']}: {way.get('reason', '')}", 199, [], **way)


def _talk(connection: Connection, key: str, channel: str, name: str, customer_id: str | None, minutes: int) -> None:
    at = NOW - timedelta(minutes=minutes)
    person = {"id": f"p-{key}", "name": name, "language": "", "customer_id": customer_id, "created_at": at}
    connection.execute(t.persons.insert().values(person))
    identity = {"id": f"i-{key}", "person_id": f"p-{key}", "channel": channel, "user": key, "name": name}
    connection.execute(t.identities.insert().values(identity | {"created_at": at}))
    talk = {"id": key, "channel": channel, "chat": key, "identity_id": f"i-{key}", "created_at": at, "updated_at": at}
    connection.execute(t.conversations.insert().values(talk))


def _said(connection: Connection, talk: str, seq: int, text: str, minutes: int, meaning: tuple[str, float]) -> None:
    at = NOW - timedelta(minutes=minutes)
    row = {"key": f"{talk}:{seq}", "conversation_id": talk, "seq": seq, "identity_id": f"i-{talk}", "text": text}
    row |= {
        "sent_at": at,
        "received_at": at,
        "status": "done",
        "meaning": {
            "intent": meaning[0],
            "confidence": meaning[1],
            "decision": "answer" if meaning[1] > 0.8 else "clarify",
        },
    }
    connection.execute(t.inbox.insert().values(row))
    connection.execute(t.conversations.update().where(t.conversations.c.id == talk).values(last_seq=seq, done_seq=seq))


def _answered(
    connection: Connection, talk: str, text: str, minutes: int, sources: list[tuple[str, str]], **more: Any
) -> None:
    at = NOW - timedelta(minutes=minutes) + timedelta(seconds=2)
    row: dict[str, Any] = {"key": new_id(), "conversation_id": talk, "channel": "x", "purpose": "reply", "text": text}
    row |= {"status": "sent", "sources": [{"id": i, "version": v} for i, v in sources]}
    connection.execute(t.outbox.insert().values({**row, "not_before": at, "created_at": at, **more}))


def always_open(advice: Advice) -> Advice:
    """Return advice of a shop whose clocks run day and night, so that no test leans on the hour."""
    clocks = advice.settings.clocks.model_copy(update={"runs_from": time(0), "runs_until": time(0)})
    return replace(advice, settings=advice.settings.model_copy(update={"clocks": clocks}))


def build(url: str) -> FastAPI:
    """Return the app over the database at `url`."""
    app = FastAPI()
    mount_console(
        app,
        database=Database(url),
        shop_of=lambda _: SmallShop(),
        clock=SystemClock(),
        new_id=new_id,
        outbox_signal=Signal(),
        changes=Signal(),
        faults=lambda: ["knowledge/zh/returns/window.md:4 valid_until lies before valid_from"],
        counting=frozenset({"wechat:gh_qinghe"}),
        advice=always_open(starter_advice()),
        storage_secret="only for tests",
        more=(partial(campaign_routes, rates=lambda _: {}),),
    )
    return app


def main() -> None:
    """Seed a fresh database in DIR and serve on PORT until killed."""
    url = f"sqlite:///{Path(sys.argv[1]) / 'console.db'}"
    engine = create_engine(url)
    t.metadata.create_all(engine)
    with engine.begin() as connection:
        seed(connection)
        a_sale(connection)
    engine.dispose()
    uvicorn.run(build(url), host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
