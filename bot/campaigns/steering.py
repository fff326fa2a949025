"""What people do to a sale, by command and in the console: one way for both, each act with its rule and its audit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from bot.campaigns import flash, line, planning
from bot.campaigns.announcing import Announce, chat_kind
from bot.campaigns.planning import Planned
from bot.errors import Conflict, NotAllowed
from bot.shop.load import known
from bot.store.database import AnyRow
from bot.store.tables import variants


def check_known(connection: Connection, planned: Planned, where: str) -> None:
    """Refuse a plan for goods that are not there, or for a chat that the bot has never met.

    Args:
        where: names the plan, for who reads why.

    Raises:
        NotFound: with what is missing.
    """
    known(connection, variants.c.sku, [planned.values["sku"]], f"{where}: sku", "sku")
    for audience in planned.values["audiences"]:
        if audience.get("chat"):
            chat_kind(connection, audience["channel"], audience["chat"])


def plan(connection: Connection, planned: Planned, login: str, most_alone: int, now: datetime) -> str:
    """Put a plan into the shop, so that it opens by itself. Return why somebody else has to approve it, if so.

    Args:
        login: of the lead or administrator who plans it.
        most_alone: see `planning.check_approved`.

    Raises:
        Conflict: that sale is planned already, or has begun.
        NotAllowed: the agent is no lead or administrator.
    """
    who = planning.approver(connection, login)
    planning.put_plan(connection, planned, who, now)
    sale = line.locked_sale(connection, planned.id)
    try:
        planning.check_approved(connection, sale, most_alone, now)
    except NotAllowed as why:
        return str(why)
    flash.schedule(connection, sale, who, now)
    return ""


def approve(connection: Connection, sale_id: str, login: str, now: datetime, seen: str) -> None:
    """Approve what somebody else has planned: if it has a time, it opens by itself from now on.

    Args:
        seen: see `planning.approve`.

    Raises:
        Conflict: it is not as they have seen it, or its time is over.
        NotAllowed: the agent is no lead or administrator, or has planned it.
    """
    who = planning.approve(connection, sale_id, login, now, seen)
    sale = line.locked_sale(connection, sale_id)
    if sale.starts_at is not None:
        flash.schedule(connection, sale, who, now)


def start(connection: Connection, sale_id: str, who: str, most_alone: int, say: Announce, now: datetime) -> int:
    """Start a sale now, whenever it was planned. Return how many announcements were stored.

    Raises:
        Conflict: it is running or over.
        NotAllowed: many would hear of it, and nobody else has approved it.
    """

    def check(sale: AnyRow) -> None:
        planning.check_approved(connection, sale, most_alone, now)

    return flash.start(connection, sale_id, say, now, who, check)


def call_off(connection: Connection, sale_id: str, who: str, now: datetime) -> None:
    """End a sale for good, or call off a planned one. Who holds a piece may still pay it.

    Raises:
        Conflict: it is over.
    """
    if not flash.end(connection, sale_id, now, who=who, status="cancelled"):
        raise Conflict(f"Sale {sale_id} is over already.")
