"""Fills an empty database with the demo shop 青禾 / Qinghe. The same every time, with dates that count from now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.demo.catalogue import COLOURS, GARMENTS, stock_of
from bot.demo.orders import COURSES, PLANS, Course, Plan
from bot.messages import Purpose
from bot.shop.aftersale import put_case
from bot.shop.bodies import CaseBody, CasePartBody
from bot.shop.changes import touch_cart
from bot.shop.port import CaseKind, CaseStatus
from bot.store import tables as t

CURRENCY = "CNY"
TELEGRAM = "telegram:shopbot"
WECHAT = "wechat:gh_qinghe"
WEB = "web:shop"
WECOM = "wecom:qinghe"
WECOM_OWNER = "owner:xiaohe"
"""The chat that stands for the customer groups of one of the staff, see `connectors.wecom.groups`."""
DEMO_GROUP = "-1001"
STAFF = ((990_001, "小禾 Xiaohe"), (990_002, "阿棠 A Tang"))
"""Accounts on Telegram of those who answer."""
"""Chat id of the Telegram group in which the flash sale is announced."""
DEMO_SALE = "flash-linen-dress"


@dataclass(frozen=True, slots=True)
class DemoUser:
    """Someone to act as in the stand-in platforms; `customer_id` is None for guests the shop does not know."""

    channel: str
    user: str
    name: str
    language: str
    customer_id: str | None = None
    consented: bool = False


DEMO_USERS: tuple[DemoUser, ...] = (
    DemoUser(TELEGRAM, "1001", "林悦 Lin Yue", "zh", "lin", consented=True),
    DemoUser(TELEGRAM, "1002", "Guest", "en"),
    DemoUser(TELEGRAM, "1003", "Wang Lei", "en", "wang"),
    DemoUser(WECHAT, "oQingheChen", "陈皓 Chen Hao", "zh", "chen", consented=True),
    DemoUser(WECHAT, "oQingheGuest", "访客 Guest", "zh"),
)

# id, name, tier, city (zh, en), address; phones and mail addresses are made from the position, see `_customers`
_CUSTOMERS = (
    ("lin", "林悦", "gold", "上海", "Shanghai", "上海市徐汇区梧桐路 18 号 3 幢 502 室"),
    ("wang", "Wang Lei", "silver", "北京", "Beijing", "北京市朝阳区望春街 6 号院 2 单元 1101"),
    ("chen", "陈皓", "regular", "成都", "Chengdu", "成都市锦江区芙蓉巷 27 号 8 栋 904"),
    ("zhao", "赵敏", "gold", "广州", "Guangzhou", "广州市天河区木棉路 45 号 1203 房"),
    ("liu", "刘洋", "regular", "武汉", "Wuhan", "武汉市武昌区樱园街 9 号 6 栋 301"),
    ("huang", "黄思琪", "silver", "深圳", "Shenzhen", "深圳市南山区荔湾路 88 号 A 座 1506"),
    ("emma", "Emma Clarke", "regular", "香港", "Hong Kong", "香港中环荷花里 12 号 7 楼 B 室"),
    ("tan", "陈家明 Daniel Tan", "regular", "南京", "Nanjing", "南京市鼓楼区银杏路 31 号 2 幢 403"),
)
_CITIES = {row[0]: (row[3], row[4]) for row in _CUSTOMERS}
_ADDRESSES = {row[0]: row[5] for row in _CUSTOMERS}

_CARTS = (  # id, customer, hours since it was touched, goods; a cart of the last hour still has its follow-up ahead
    ("c-lin", "lin", 0, (("linen-dress-blue-L", 1), ("linen-shirt-sky-M", 1))),
    ("c-chen", "chen", 0, (("trench-coat-khaki-L", 1),)),
    ("c-zhao", "zhao", 26, (("kids-tee-white-120", 2), ("kids-pyjamas-sky-120", 1))),
)
_PLACES = {  # what tracking says, by status; {0} is the customer's city
    "picked_up": ("杭州青禾仓", "Qinghe warehouse, Hangzhou"),
    "in_transit": ("{0}转运中心", "{0} sorting centre"),
    "out_for_delivery": ("{0}派送站", "{0} delivery station"),
    "delivered": ("{0}，已签收", "{0}, signed for"),
    "customs": ("深圳湾口岸，清关中", "Shenzhen Bay, in customs"),
    "attempted": ("{0}派送站，上门无人", "{0} delivery station, nobody was home"),
    "lost": ("{0}转运中心，查无此件", "{0} sorting centre, parcel not found"),
    "returning": ("{0}转运中心，退回发件人", "{0} sorting centre, on its way back to us"),
}
_COUPONS = (  # customer, code, yuan off, from yuan on, days until it ends, used
    ("lin", "GOLD50", 50, 399, 20, False),
    ("lin", "AUTUMN20", 20, 199, -5, False),
    ("wang", "SILVER30", 30, 299, 9, False),
    ("chen", "WELCOME10", 10, 99, 3, False),
    ("chen", "SPRING15", 15, 149, 200, True),
)
_RETURN_REASON = "尺码不合适 / wrong size"


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """One line of the "try these" table.

    Attributes:
        state: a key of `bot.demo.orders.COURSES`, e.g. `out_for_delivery`, `delivered_long_ago`.
        phone_tail: last four digits of the customer's phone, the proof that the bot asks for.
    """

    number: str
    state: str
    customer_id: str
    customer_name: str
    phone_tail: str


def seed(connection: Connection, now: datetime) -> bool:
    """Store the demo shop. Return False, and do nothing, if the shop has customers already.

    Args:
        now: what every date is counted from.
    """
    if connection.execute(select(t.customers.c.id).limit(1)).first() is not None:
        return False
    _customers(connection, now)
    _catalogue(connection)
    _coupons(connection, now)
    _orders(connection, now)
    _carts(connection, now)
    _people(connection, now)
    _group_and_sale(connection, now)
    return True


def demo_orders(connection: Connection) -> tuple[DemoOrder, ...]:
    """Return the seeded orders worth trying, customers as in the seed, in the order of the plan."""
    courses = {plan.suffix: plan for plan in PLANS}
    rows = connection.execute(
        select(t.orders.c.number, t.customers.c.id, t.customers.c.name, t.customers.c.phone).join(
            t.customers, t.orders.c.customer_id == t.customers.c.id
        )
    ).all()
    known = [(courses[row.number[-4:]], row) for row in rows if row.number[-4:] in courses]
    return tuple(
        DemoOrder(row.number, plan.course, row.id, row.name, row.phone[-4:])
        for plan, row in sorted(known, key=lambda pair: pair[0].index)
    )


def _customers(connection: Connection, now: datetime) -> None:
    rows = [
        {
            "id": ident,
            "name": name,
            "phone": f"+861990000{1001 + 1011 * place:04d}",
            "email": f"{ident}@example.com",
            "tier": tier,
            "spent_minor": sum(_total(plan) for plan in PLANS if plan.customer_id == ident and _is_spent(plan)),
            "created_at": now - timedelta(days=400 - 30 * place),
        }
        for place, (ident, name, tier, *_) in enumerate(_CUSTOMERS)
    ]
    connection.execute(t.customers.insert(), rows)


def _is_spent(plan: Plan) -> bool:
    course = COURSES[plan.course]
    return course.paid and course.return_status != "refunded"


_PRICES = {sku: garment.price_yuan * 100 for garment in GARMENTS for sku, _, _ in garment.skus()}


def _total(plan: Plan) -> int:
    return sum(_PRICES[sku] * pieces for sku, pieces in plan.lines)


def _catalogue(connection: Connection) -> None:
    columns = ("id", "name_zh", "name_en", "category", "size_chart", "material_zh", "material_en", "returnable")
    products = [
        {name: getattr(item, name) for name in columns}
        | {"care_zh": item.care[0], "care_en": item.care[1], "hygiene": item.category == "underwear"}
        for item in GARMENTS
    ]
    connection.execute(t.products.insert(), products)
    rows = [
        {
            "sku": sku,
            "product_id": garment.id,
            "colour_zh": COLOURS[colour][0],
            "colour_en": COLOURS[colour][1],
            "size": size,
            "price_minor": _PRICES[sku],
            "currency": CURRENCY,
            "stock": stock_of(sku),
        }
        for garment in GARMENTS
        for sku, colour, size in garment.skus()
    ]
    connection.execute(t.variants.insert(), rows)


def _coupons(connection: Connection, now: datetime) -> None:
    rows = [
        {
            "customer_id": customer_id,
            "code": code,
            "amount_minor": off_yuan * 100,
            "least_minor": from_yuan * 100,
            "currency": CURRENCY,
            "ends_at": now + timedelta(days=days),
            "used": used,
        }
        for customer_id, code, off_yuan, from_yuan, days, used in _COUPONS
    ]
    connection.execute(t.coupons.insert(), rows)


def _orders(connection: Connection, now: datetime) -> None:
    connection.execute(t.orders.insert(), [_order(plan, now) for plan in PLANS])
    lines = [
        {"order_number": plan.number(now), "sku": sku, "quantity": pieces, "price_minor": _PRICES[sku]}
        for plan in PLANS
        for sku, pieces in plan.lines
    ]
    connection.execute(t.order_lines.insert(), lines)
    sent = [plan for plan in PLANS if COURSES[plan.course].trail]
    connection.execute(t.shipments.insert(), [_shipment(plan, now) for plan in sent])
    connection.execute(t.tracking.insert(), [event for plan in sent for event in _trail(plan, now)])
    connection.execute(t.shipments.insert(), [_second(plan, now) for plan in sent if plan.course == "split"])
    for plan in PLANS:
        if status := COURSES[plan.course].return_status:
            _return(connection, plan, status, now)


def _order(plan: Plan, now: datetime) -> dict[str, Any]:
    course = COURSES[plan.course]
    delivered_h = next((hours for status, hours in course.trail if status == "delivered"), None)
    return {
        "number": plan.number(now),
        "customer_id": plan.customer_id,
        "status": course.status.value,
        "total_minor": _total(plan),
        "currency": CURRENCY,
        "shipping_minor": 0,  # all of them are above the sum from which shipping is free
        "discount_minor": 0,
        "address": _ADDRESSES[plan.customer_id],
        "country": "HK" if plan.customer_id == "emma" else "CN",
        "created_at": plan.ordered_at(now),
        "paid_at": plan.ordered_at(now) + timedelta(minutes=4) if course.paid else None,
        "delivered_at": None if delivered_h is None else now - timedelta(hours=delivered_h, minutes=plan.index),
    }


def _shipment(plan: Plan, now: datetime) -> dict[str, Any]:
    by_sf = plan.index % 2 == 0 or plan.customer_id == "emma"  # Hong Kong is SF's
    return {
        "id": f"{plan.number(now)}-1",
        "order_number": plan.number(now),
        "carrier": "顺丰 SF Express" if by_sf else "中通 ZTO",
        "tracking_number": f"SF{1306200000000 + plan.index * 7919}"
        if by_sf
        else str(78100000000000 + plan.index * 7919),
        "expected_at": _expected_at(COURSES[plan.course], now),
        "skus": [plan.lines[0][0]] if plan.course == "split" else [],
    }


def _second(plan: Plan, now: datetime) -> dict[str, Any]:
    """Return the other parcel of an order that went in two: it is packed and not collected yet."""
    first, number = _shipment(plan, now), f"{plan.number(now)}-2"
    tracking = str(78100000000000 + plan.index * 7919 + 1)
    return {**first, "id": number, "carrier": "中通 ZTO", "tracking_number": tracking, "skus": [plan.lines[1][0]]}


def _expected_at(course: Course, now: datetime) -> datetime:
    status, hours_ago = course.trail[-1]
    ahead_h = {"delivered": 0, "out_for_delivery": 6}.get(status, 40)
    return now + timedelta(hours=ahead_h - hours_ago)


def _trail(plan: Plan, now: datetime) -> list[dict[str, Any]]:
    city_zh, city_en = _CITIES[plan.customer_id]
    return [
        {
            "shipment_id": f"{plan.number(now)}-1",
            "at": now - timedelta(hours=hours_ago, minutes=plan.index),
            "place_zh": _PLACES[status][0].format(city_zh),
            "place_en": _PLACES[status][1].format(city_en),
            "status": status,
        }
        for status, hours_ago in COURSES[plan.course].trail
    ]


def _return(connection: Connection, plan: Plan, status: str, now: datetime) -> None:
    """Put a return of the first line of an order, as the shop's servers would."""
    opened_at = now - timedelta(days=1)
    sku, quantity = plan.lines[0]
    of_order = t.order_lines.c.order_number == plan.number(now), t.order_lines.c.sku == sku
    price_minor = connection.execute(select(t.order_lines.c.price_minor).where(*of_order)).scalar_one()
    body = CaseBody(
        order_number=plan.number(now),
        kind=CaseKind.RETURN,
        status=CaseStatus(status),
        parts=[CasePartBody(sku=sku, quantity=quantity)],
        reason=_RETURN_REASON,
        refund_minor=price_minor * quantity,
        currency=CURRENCY,
        opened_at=opened_at,
    )
    put_case(connection, f"RT{opened_at:%y%m}{plan.suffix}", body, opened_at)


def _carts(connection: Connection, now: datetime) -> None:
    for ident, customer_id, hours_ago, goods in _CARTS:
        touched_at = now - timedelta(hours=hours_ago)
        row = {"id": ident, "customer_id": customer_id, "status": "open", "updated_at": touched_at}
        connection.execute(t.carts.insert().values(row))
        rows = [{"cart_id": ident, "sku": sku, "quantity": pieces} for sku, pieces in goods]
        connection.execute(t.cart_lines.insert(), rows)
        if hours_ago == 0:
            touch_cart(connection, ident, now)


def _people(connection: Connection, now: datetime) -> None:
    """Store the demo users that the shop knows: person, identity, conversation, and consent where it was given."""
    for user in DEMO_USERS:
        if user.customer_id is None:
            continue
        person_id, identity_id = f"person-{user.customer_id}", f"identity-{user.customer_id}"
        known = {"name": user.name, "created_at": now}
        connection.execute(
            t.persons.insert().values(id=person_id, language=user.language, customer_id=user.customer_id, **known)
        )
        connection.execute(
            t.identities.insert().values(
                id=identity_id, person_id=person_id, channel=user.channel, user=user.user, **known
            )
        )
        _conversation(connection, user.channel, user.user, "private", now, f"talk-{user.customer_id}", identity_id)
        if user.consented:
            connection.execute(
                t.consents.insert().values(
                    person_id=person_id,
                    channel=user.channel,
                    purpose=Purpose.MARKETING.value,
                    granted=True,
                    proof="demo: ticked the box for offers when linking the account",
                    text_version="demo-1",
                    at=now,
                )
            )


def _group_and_sale(connection: Connection, now: datetime) -> None:
    _conversation(connection, TELEGRAM, DEMO_GROUP, "group", now, "talk-group", None)
    connection.execute(
        t.sales.insert().values(
            id=DEMO_SALE,
            sku="linen-dress-blue-M",
            price_minor=19900,
            currency=CURRENCY,
            total=3,
            available=3,
            audiences=[{"channel": TELEGRAM, "chat": DEMO_GROUP, "language": "zh"}, {"channel": WEB}],
        )
    )


def tell_customer_groups(connection: Connection, now: datetime) -> None:
    """Announce the flash sale in WeCom's customer groups as well: a task for the staff, who confirm it."""
    _conversation(connection, WECOM, WECOM_OWNER, "group", now, "talk-wecom", None)
    audiences = connection.execute(select(t.sales.c.audiences).where(t.sales.c.id == DEMO_SALE)).scalar_one()
    groups = {"channel": WECOM, "chat": WECOM_OWNER, "language": "zh"}
    connection.execute(update(t.sales).where(t.sales.c.id == DEMO_SALE).values(audiences=[*audiences, groups]))


def _conversation(
    connection: Connection, channel: str, chat: str, kind: str, now: datetime, ident: str, identity_id: str | None
) -> None:
    connection.execute(
        t.conversations.insert().values(
            id=ident,
            channel=channel,
            chat=chat,
            chat_kind=kind,
            identity_id=identity_id,
            created_at=now,
            updated_at=now,
        )
    )
