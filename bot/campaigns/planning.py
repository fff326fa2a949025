"""Puts what was planned into the database, and lets a second person approve what many would hear."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from bot import audit
from bot.campaigns import line
from bot.campaigns.announcing import LANGUAGES, OF_CAMPAIGNS, Announce, campaign_of, facts_of, guard_of
from bot.campaigns.moments import CARD, CLOSED, PHRASES, Moment
from bot.campaigns.reach import reach
from bot.errors import Conflict, NotAllowed
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import agents, outbox, sales

APPROVING = ("lead", "admin")


@dataclass(frozen=True, slots=True)
class Planned:
    """A sale as it was planned.

    Attributes:
        values: columns of `sales`.
        texts: own words by language and moment, for a kind of channel `start@web`.
    """

    id: str
    values: Mapping[str, Any]
    texts: Mapping[str, Mapping[str, str]]


def put_plan(connection: Connection, planned: Planned, made_by: str, now: datetime) -> None:
    """Put a draft, in the place of one of the same id that nobody approved or started.

    Raises:
        Conflict: that sale is planned already, or has begun.
    """
    audit.record(connection, made_by, audit.What.CAMPAIGN_PLAN, f"sale:{planned.id}", now)
    row = {**planned.values, "texts": planned.texts, "made_by": made_by, "was_planned": True, "approved_by": ""}
    row["available"] = row["total"]
    if insert_once(connection, sales, {"id": planned.id, **row, "status": "draft"}):
        return
    draft = sales.c.id == planned.id, sales.c.status == "draft"
    if not connection.execute(update(sales).where(*draft).values(row)).rowcount:
        raise Conflict(f"Sale {planned.id} was approved or started. Cancel it, and plan it under another id.")


def digest(sale: AnyRow) -> str:
    """Return what differs as soon as anything of a sale's row does, so that nobody approves what they have not seen."""
    return hashlib.sha256(json.dumps(dict(sale._mapping), default=str, sort_keys=True).encode()).hexdigest()  # noqa: SLF001 - SQLAlchemy's public name


def approve(connection: Connection, sale_id: str, login: str, now: datetime, seen: str) -> str:
    """Approve a sale that somebody else has planned. Return how who approved it is written down.

    Args:
        seen: the `digest` of what they looked at.

    Raises:
        Conflict: it is not as they have seen it.
        NotAllowed: the agent is no lead or administrator, or has planned it.
    """
    who = approver(connection, login)
    sale = line.locked_sale(connection, sale_id)
    if sale.made_by == who:
        raise NotAllowed(f"{login} has planned sale {sale_id}. Somebody else has to approve it.")
    if seen != digest(sale):
        raise Conflict(f"Sale {sale_id} was changed meanwhile. Look at it again.")
    connection.execute(update(sales).where(sales.c.id == sale_id).values(approved_by=who))
    audit.record(connection, who, audit.What.CAMPAIGN_PLAN, f"sale:{sale_id}", now, after={"approved": True})
    return who


def approver(connection: Connection, login: str) -> str:
    """Return how an agent who may plan and approve sales is written down.

    Raises:
        NotAllowed: there is no such agent, or they may not.
    """
    may = agents.c.login == login, agents.c.disabled.is_(False), agents.c.role.in_(APPROVING)
    agent_id = connection.execute(select(agents.c.id).where(*may)).scalar()
    if agent_id is None:
        raise NotAllowed(f"{login} is no lead or administrator of this shop. See `zhanggui agents list`.")
    return f"agent:{agent_id}"


def check_approved(connection: Connection, sale: AnyRow, most_alone: int, now: datetime) -> None:
    """Refuse what many would hear and nobody else has looked at.

    Args:
        most_alone: so many may hear of a sale that only one person has planned.

    Raises:
        NotAllowed: it has to be approved first.
    """
    if sale.approved_by:
        return
    if (heard_by := _heard_by(connection, sale, now)) > most_alone:
        raise NotAllowed(
            f"{heard_by:,} would hear of sale {sale.id}, more than {most_alone:,}. "
            f"Somebody else has to look at it: zhanggui sales approve {sale.id} --by LOGIN"
        )


def _heard_by(connection: Connection, sale: AnyRow, now: datetime) -> int:
    return sum(one.recipients for one in reach(connection, sale.audiences, now, sale.currency))


def reword(connection: Connection, planned: Planned, login: str, most_alone: int, say: Announce, now: datetime) -> int:
    """Give a sale other words: for what is announced from now on, and for what waits. Return how many rows changed.

    What was sent stays as it was.

    Args:
        planned: its texts are taken, and nothing else.
        login: of the lead or administrator who does it.
        most_alone: see `check_approved`.

    Raises:
        NotAllowed: the agent is no lead or administrator, or has planned what many would hear.
    """
    who = approver(connection, login)
    sale = line.locked_sale(connection, planned.id)
    if sale.made_by == who and (heard_by := _heard_by(connection, sale, now)) > most_alone:
        raise NotAllowed(
            f"{heard_by:,} would hear of sale {sale.id}, more than {most_alone:,}, and {login} has planned it. "
            "Somebody else has to give it other words: zhanggui sales reword PLAN --by LOGIN"
        )
    connection.execute(update(sales).where(sales.c.id == sale.id).values(texts=planned.texts))
    before, after = {"texts": sale.texts}, {"texts": planned.texts}
    audit.record(connection, who, audit.What.CAMPAIGN_PLAN, f"sale:{sale.id}", now, before=before, after=after)
    reworded = line.sale_of(connection, sale.id)
    kinds = sorted({audience["channel"].partition(":")[0] for audience in sale.audiences})
    return sum(
        _reword(connection, sale, reworded, moment, kind, language, say)
        for moment in PHRASES
        if moment not in (CARD, CLOSED)  # written anew with the time
        for kind in kinds
        for language in LANGUAGES
    )


def _reword(
    connection: Connection, old: AnyRow, new: AnyRow, moment: Moment, kind: str, language: str, say: Announce
) -> int:
    """Reword what waits of a moment on a kind of channel in a language, if its words are others now."""
    more = {"moment": moment, "channel_kind": kind}
    before, after = (say(language, {**facts_of(connection, sale, language), **more}) for sale in (old, new))
    if before.text == after.text:
        return 0
    rows = (
        OF_CAMPAIGNS,
        outbox.c.author == f"campaign:{campaign_of(new.id, moment)}",
        outbox.c.status == "waiting",
        outbox.c.channel.startswith(f"{kind}:", autoescape=True),
        outbox.c.guard["language"].as_string() == language,
    )
    sources = [{"id": source.id, "version": source.version} for source in after.sources]
    values = {"text": after.text, "sources": sources, "guard": guard_of(new, moment, language)}
    return connection.execute(update(outbox).where(*rows).values(values)).rowcount
