"""Flash sales: a few pieces, one per person, never more than there are.

The pieces of a sale are set apart from the shop's stock, and at every instant `available` + held + paid = `total`.
Whoever changes both the sale's row and a claim takes the sale's row first, and nobody here touches a timer that is
set already: one that fires finds nothing to do. So the transactions cannot block each other in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from bot.campaigns.broadcast import Broadcast, expand
from bot.clock import IdMaker
from bot.delivery.timers import set_timer
from bot.errors import Conflict, NotFound
from bot.store.tables import claims, conversations, identities, outbox, persons, products, sales, variants
from bot.voice import Spoken

Announce = Callable[[str, Mapping[str, Any]], Spoken]
"""Words the announcement: a language (`zh`, `en`) and the facts of the sale in; text, button and sources out."""

LANGUAGES = ("zh", "en")
SEEN_LATELY = timedelta(days=1)
"""An audience without a chat is everyone seen on the channel in this time."""

Outcome = Literal["held", "again", "sold_out", "not_running"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim.

    Attributes:
        outcome: `held` a piece is kept for the person now; `again` they have one already, held or paid.
        left: pieces that others can still claim.
        expires_at: until when the piece is held, None where the person has none.
        claim_id: what `pay` and `expire` take, empty where the person has none.
    """

    outcome: Outcome
    left: int
    expires_at: datetime | None = None
    claim_id: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who holds (`held`, until `expires_at`) or has bought (`paid`) a piece; `customer_id` where they are linked."""

    channel: str
    user: str
    customer_id: str | None
    status: str
    expires_at: datetime


def start(connection: Connection, sale_id: str, say: Announce, now: datetime) -> int:
    """Open a draft sale and announce it once in every chat of its audience.

    An audience is `{"channel", "chat", "language"}`; without a chat it is everyone seen on the channel in the last
    day, without a language the person's own is taken, else Chinese.

    Returns:
        How many announcements were stored. Those to an audience larger than a chunk follow by timer.

    Raises:
        NotFound: there is no such sale, or the bot has never met one of the chats.
        Conflict: the sale is running or over.
    """
    sale = _sale(connection, sale_id)
    ends_at = now + timedelta(seconds=sale.length_s)
    begun = connection.execute(
        update(sales)
        .where(sales.c.id == sale_id, sales.c.status == "draft")
        .values(status="running", starts_at=now, ends_at=ends_at)
    ).rowcount
    if not begun:
        raise Conflict(f"Sale {sale_id} was started before. Make a new draft to run it again.")
    set_timer(connection, f"sale:{sale_id}:end", "sale_end", {"sale_id": sale_id}, ends_at)
    return sum(announce_on(connection, sale_id, place, "", say, now) for place in range(len(sale.audiences)))


def announce_on(connection: Connection, sale_id: str, place: int, after: str, say: Announce, now: datetime) -> int:
    """Announce a running sale in the next chats of its audience number `place`; a timer does those behind them.

    Args:
        after: see `bot.campaigns.broadcast.expand`.

    Raises:
        NotFound: the audience is one chat, and the bot has never met it.
    """
    sale = connection.execute(select(sales).where(sales.c.id == sale_id).with_for_update()).one()
    if sale.status != "running":
        return 0
    audience = sale.audiences[place]
    if chat := audience.get("chat", ""):
        _check_met(connection, audience["channel"], chat)
    languages = [audience["language"]] if audience.get("language") else LANGUAGES
    broadcast = Broadcast(
        id=f"sale:{sale_id}",
        channel=audience["channel"],
        words={language: say(language, _facts(connection, sale, language)) for language in languages},
        chat=chat,
        seen_since=None if chat else sale.starts_at - SEEN_LATELY,
        not_after=sale.ends_at,
    )
    chunk = expand(connection, broadcast, after, now)
    if chunk.after is not None:
        payload = {"sale_id": sale_id, "place": place, "after": chunk.after}
        set_timer(connection, f"sale:{sale_id}:announce:{place}", "sale_announce", payload, now)
    return chunk.stored


def _check_met(connection: Connection, channel: str, chat: str) -> None:
    met = select(conversations.c.id).where(conversations.c.channel == channel, conversations.c.chat == chat)
    if connection.execute(met).first() is None:
        raise NotFound(f"The bot has never met chat {chat} of {channel}. Write to it there once, or take it out.")


def _facts(connection: Connection, sale: Row[Any], language: str) -> dict[str, Any]:
    goods = connection.execute(
        select(variants, products.c.name_zh, products.c.name_en)
        .join(products, variants.c.product_id == products.c.id)
        .where(variants.c.sku == sale.sku)
    ).one()
    chinese = language.startswith("zh")
    return {
        "sale_id": sale.id,
        "product_id": goods.product_id,
        "sku": sale.sku,
        "product": goods.name_zh if chinese else goods.name_en,
        "colour": goods.colour_zh if chinese else goods.colour_en,
        "size": goods.size,
        "price_minor": sale.price_minor,
        "usual_price_minor": goods.price_minor,
        "currency": sale.currency,
        "total": sale.total,
        "ends_at": sale.ends_at,
    }


def claim(connection: Connection, sale_id: str, person_id: str, now: datetime, new_id: IdMaker) -> Claimed:
    """Hold one piece for a person until the hold runs out or is paid.

    Raises:
        NotFound: there is no such sale or person.
    """
    mine = _claim_of(connection, sale_id, person_id)
    if mine is not None and mine.status == "held" and mine.expires_at <= now:
        expire(connection, mine.id, now)  # its timer is late
        mine = _claim_of(connection, sale_id, person_id)
    if mine is None or mine.status == "released":
        try:
            with connection.begin_nested():
                held = _hold(connection, sale_id, person_id, mine, now, new_id())
        except (IntegrityError, Conflict):  # the same person claimed at the same moment: the piece went back
            mine = _claim_of(connection, sale_id, person_id)
        else:
            return held or _none_left(_sale(connection, sale_id), now)
    if mine is None:
        raise NotFound(f"There is no person {person_id}. Claims are made by people who have written to the bot.")
    return Claimed("again", _sale(connection, sale_id).available, mine.expires_at, mine.id)


def _hold(
    connection: Connection, sale_id: str, person_id: str, mine: Row[Any] | None, now: datetime, claim_id: str
) -> Claimed | None:
    """Take a piece if there is one. A claim taken again gets a new id, so that its old timer cannot end it."""
    taken = _take_one(connection, sale_id, now)
    if taken is None:
        return None
    expires_at = now + timedelta(seconds=taken.hold_s)
    row = {"id": claim_id, "status": "held", "expires_at": expires_at, "claimed_at": now}
    if mine is None:
        connection.execute(claims.insert().values(sale_id=sale_id, person_id=person_id, **row))
    elif not connection.execute(
        update(claims).where(claims.c.id == mine.id, claims.c.status == "released").values(row)
    ).rowcount:
        raise Conflict  # rolls the savepoint back, see `claim`
    set_timer(connection, f"claim:{claim_id}:expire", "claim_expire", {"claim_id": claim_id}, expires_at)
    return Claimed("held", taken.available, expires_at, claim_id)


def _take_one(connection: Connection, sale_id: str, now: datetime) -> Row[Any] | None:
    """Take a piece off the sale in the one statement that cannot take what is not there."""
    return connection.execute(
        update(sales)
        .where(sales.c.id == sale_id, sales.c.status == "running", sales.c.ends_at > now, sales.c.available > 0)
        .values(available=sales.c.available - 1)
        .returning(sales.c.available, sales.c.hold_s)
    ).one_or_none()


def _give_back(connection: Connection, sale_id: str) -> None:
    connection.execute(update(sales).where(sales.c.id == sale_id).values(available=sales.c.available + 1))


def _none_left(sale: Row[Any], now: datetime) -> Claimed:
    running = sale.status == "running" and sale.ends_at > now
    return Claimed("sold_out" if running else "not_running", sale.available)


def expire(connection: Connection, claim_id: str, now: datetime) -> bool:
    """Give the piece of a hold that ran out back to the sale. Return False if there is nothing to give back."""
    sale_id = _lock_sale_of(connection, claim_id)
    if sale_id is None:
        return False
    released = connection.execute(
        update(claims)
        .where(claims.c.id == claim_id, claims.c.status == "held", claims.c.expires_at <= now)
        .values(status="released")
    ).rowcount
    if released:
        _give_back(connection, sale_id)
    return bool(released)


def pay(connection: Connection, claim_id: str, now: datetime) -> bool:
    """Record that a claim was paid. A late payment is honoured while the sale runs and has a piece to spare.

    Returns:
        False if it came too late for that: the money must be returned.
    """
    if _lock_sale_of(connection, claim_id) is None:
        return False
    if _settle(connection, claim_id, "held"):
        return True
    late = connection.execute(select(claims).where(claims.c.id == claim_id)).one_or_none()
    if late is None or late.status == "paid":
        return late is not None
    return _take_one(connection, late.sale_id, now) is not None and _settle(connection, claim_id, "released")


def _lock_sale_of(connection: Connection, claim_id: str) -> str | None:
    """Lock the sale of a claim until the transaction ends, before the claim is touched; None if there is no claim.

    Also where only the claim may change: on PostgreSQL an update that waited for a row keeps it locked even if it then
    no longer fits, and would meet someone who holds the sale and waits for the claim.
    """
    sale_id = connection.execute(select(claims.c.sale_id).where(claims.c.id == claim_id)).scalar_one_or_none()
    if sale_id is not None:
        connection.execute(select(sales.c.id).where(sales.c.id == sale_id).with_for_update())
    return sale_id


def claims_of(connection: Connection, sale_id: str) -> tuple[Claim, ...]:
    """Return the claims of a sale that hold a piece or have paid it, the earliest first.

    Raises:
        NotFound: there is no such sale.
    """
    _sale(connection, sale_id)
    query = (
        select(identities.c.channel, identities.c.user, persons.c.customer_id, claims.c.status, claims.c.expires_at)
        .select_from(claims)
        .join(persons, claims.c.person_id == persons.c.id)
        .join(identities, identities.c.person_id == persons.c.id)
        .where(claims.c.sale_id == sale_id, claims.c.status != "released")
        .order_by(claims.c.claimed_at, claims.c.id)
    )
    return tuple(Claim(*row) for row in connection.execute(query))


def _settle(connection: Connection, claim_id: str, from_status: str) -> bool:
    paid = update(claims).where(claims.c.id == claim_id, claims.c.status == from_status).values(status="paid")
    return bool(connection.execute(paid).rowcount)


def end(connection: Connection, sale_id: str, now: datetime) -> bool:
    """End a running sale: no new claims, unsent announcements are dropped, holds may still be paid until they run out.

    Returns:
        False if it was not running.
    """
    ended = connection.execute(
        update(sales).where(sales.c.id == sale_id, sales.c.status == "running").values(status="ended", ends_at=now)
    ).rowcount
    if ended:
        connection.execute(
            update(outbox)
            .where(outbox.c.status == "waiting", outbox.c.author == f"campaign:sale:{sale_id}")
            .values(status="dropped", reason="sale ended")
        )
    return bool(ended)


def _sale(connection: Connection, sale_id: str) -> Row[Any]:
    row = connection.execute(select(sales).where(sales.c.id == sale_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no sale {sale_id}. Look at `zhanggui sales` for the ones there are.")
    return row


def _claim_of(connection: Connection, sale_id: str, person_id: str) -> Row[Any] | None:
    return connection.execute(
        select(claims).where(claims.c.sale_id == sale_id, claims.c.person_id == person_id)
    ).one_or_none()
