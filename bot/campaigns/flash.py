"""The life of a flash sale: planned, opened, paused, ended. What becomes of its pieces: `bot.campaigns.claiming`.

draft → planned → running ⇄ paused → ended, or cancelled before that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, select, update

from bot import audit
from bot.campaigns import card, course, line
from bot.campaigns.announcing import OF_CAMPAIGNS, Announce, announce, authors_of, campaign_of
from bot.campaigns.moments import AHEAD, MOMENT, START, moments_before
from bot.delivery.timers import cancel, set_timer
from bot.errors import Conflict
from bot.store.database import AnyRow
from bot.store.tables import claims, outbox, sales

OPEN, END = "sale_open", "sale_end"
"""Kinds of timers."""
BEFORE = ("draft", "planned")


def start(
    connection: Connection,
    sale_id: str,
    say: Announce,
    now: datetime,
    who: str = audit.SYSTEM,
    check: Callable[[AnyRow], None] = lambda _: None,
) -> int:
    """Open a sale now, whenever it was planned to begin, and announce it once in every chat of its audiences.

    Args:
        who: starts it, as the audit names them.
        check: is given the locked row and raises if it may not start; nothing of what was done then stays.

    Returns:
        How many announcements were stored. Those to an audience larger than a chunk follow by timer.

    Raises:
        NotFound: there is no such sale, or the bot has never met one of the chats.
        Conflict: the sale is running or over.
    """
    _check_before(line.sale_of(connection, sale_id))
    cancel(connection, f"sale:{sale_id}:")  # timers first: who fires one has its row and wants the sale's
    sale = line.locked_sale(connection, sale_id)
    _check_before(sale)
    check(sale)
    _forget_plan(connection, sale_id)
    _run(connection, sale, now, now + timedelta(seconds=sale.length_s), who, now)
    return announce(connection, sale_id, START, say, now)


def _forget_plan(connection: Connection, sale_id: str) -> None:
    """Drop what says when a sale would begin. Who has to send by hand hears it now, if they did not hear it ahead."""
    ahead = outbox.c.author == f"campaign:{campaign_of(sale_id, AHEAD)}", outbox.c.status.not_in(("dropped", "failed"))
    connection.execute(_waiting(sale_id).values(status="dropped", reason="sale started"))
    told = connection.execute(select(outbox.c.id).where(*ahead).limit(1)).first() is not None
    connection.execute(update(sales).where(sales.c.id == sale_id).values(was_planned=told))


def _check_before(sale: AnyRow) -> None:
    if sale.status not in BEFORE:
        raise Conflict(f"Sale {sale.id} was started before. Make a new draft to run it again.")


def schedule(connection: Connection, sale: AnyRow, who: str, now: datetime) -> None:
    """Have a locked draft open by itself at its time, with the announcements that come before.

    Raises:
        Conflict: it is no draft with a time to come.
    """
    if sale.status != "draft" or sale.starts_at is None or sale.starts_at <= now:
        raise Conflict(f"Sale {sale.id} is no draft with a time to come. Plan it anew with another id or time.")
    connection.execute(update(sales).where(sales.c.id == sale.id).values(status="planned"))
    audit.record(connection, who, audit.What.CAMPAIGN_START, f"sale:{sale.id}", now, after={"at": str(sale.starts_at)})
    payload = {"sale_id": sale.id}
    first_s = max(sale.early.values(), default=0)
    opens_at = max(now, sale.starts_at - timedelta(seconds=first_s))
    set_timer(connection, f"sale:{sale.id}:open", OPEN, payload, opens_at)
    for moment, at in moments_before(sale.starts_at, now):
        set_timer(connection, f"sale:{sale.id}:{moment}", MOMENT, {**payload, "moment": moment}, at)


def open_planned(connection: Connection, sale_id: str, now: datetime) -> None:
    """Open a sale whose time has come: from now on its earliest tier may claim."""
    sale = line.locked_sale(connection, sale_id)
    if sale.status == "planned":
        _run(connection, sale, sale.starts_at, sale.ends_at, audit.SYSTEM, now)


def _run(connection: Connection, sale: AnyRow, starts_at: datetime, ends_at: datetime, who: str, now: datetime) -> None:
    running = {"status": "running", "starts_at": starts_at, "ends_at": ends_at}
    connection.execute(update(sales).where(sales.c.id == sale.id).values(running))
    audit.record(connection, who, audit.What.CAMPAIGN_START, f"sale:{sale.id}", now)
    line.begin(connection, sale, now)
    card.begin(connection, sale, now)
    course.begin(connection, sale, now)
    set_timer(connection, f"sale:{sale.id}:end", END, {"sale_id": sale.id}, ends_at)


def pause(connection: Connection, sale_id: str, who: str, now: datetime) -> None:
    """Stop giving out pieces and sending announcements; who holds a piece may still pay it.

    Raises:
        Conflict: it is not running.
    """
    _move(connection, sale_id, "running", "paused", who, audit.What.CAMPAIGN_STOP, now)
    sale = line.sale_of(connection, sale_id)
    connection.execute(_waiting(sale_id).values(not_before=sale.ends_at, reason="sale paused"))


def resume(connection: Connection, sale_id: str, who: str, now: datetime) -> None:
    """Go on: who waits is served first.

    Raises:
        Conflict: it is not paused.
    """
    _move(connection, sale_id, "paused", "running", who, audit.What.CAMPAIGN_START, now)
    connection.execute(_waiting(sale_id).values(not_before=now, reason=""))
    line.give_back(connection, line.locked_sale(connection, sale_id), 0, now)


def _move(
    connection: Connection, sale_id: str, before: str, after: str, who: str, what: audit.What, now: datetime
) -> None:
    sale = line.locked_sale(connection, sale_id)
    if sale.status != before:
        raise Conflict(f"Sale {sale_id} is {sale.status}, not {before}. Look at `zhanggui sales list`.")
    connection.execute(update(sales).where(sales.c.id == sale_id).values(status=after))
    audit.record(connection, who, what, f"sale:{sale_id}", now, before={"status": before}, after={"status": after})


def end(connection: Connection, sale_id: str, now: datetime, *, who: str = audit.SYSTEM, status: str = "ended") -> bool:
    """End a sale: no new claims, nobody waits any more, unsent announcements are dropped.

    Holds may still be paid until they run out.

    Args:
        status: `ended`, which only a sale that has begun can be, or `cancelled`.

    Returns:
        False if it was over, or had not begun.
    """
    sale = line.locked_sale(connection, sale_id)
    if sale.status in line.OVER or (status == "ended" and sale.status in BEFORE):
        return False
    begun = sale.status not in BEFORE
    connection.execute(
        update(sales).where(sales.c.id == sale_id).values(status=status, **({"ends_at": now} if begun else {}))
    )
    waiting = claims.c.sale_id == sale_id, claims.c.status == "waiting"
    ids = connection.execute(select(claims.c.id).where(*waiting).order_by(claims.c.place)).scalars().all()
    connection.execute(update(claims).where(*waiting).values(status="released"))
    line.tell(connection, "not_served", ids, now)
    if begun:
        course.put(connection, sale_id, now)
    audit.record(connection, who, audit.What.CAMPAIGN_STOP, f"sale:{sale_id}", now, after={"status": status})
    connection.execute(_waiting(sale_id).values(status="dropped", reason=f"sale {status}"))
    return True


def _waiting(sale_id: str) -> Update:
    """Return the update of the announcements of a sale that are not sent."""
    theirs = OF_CAMPAIGNS, outbox.c.author.in_(authors_of(sale_id))
    return update(outbox).where(outbox.c.status == "waiting", *theirs)
