"""Campaigns to a segment: put as a plan, started, paused, let go on, ended; a second person looks at what many hear."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from bot import audit
from bot.campaigns.plans import CampaignBody, stored
from bot.campaigns.rounds import set_look, stop_rounds
from bot.errors import Conflict, NotAllowed, NotFound
from bot.store.database import AnyRow
from bot.store.insert import insert_once
from bot.store.tables import campaigns, tasks, touches

_CAMPAIGN = select(campaigns).where(campaigns.c.id == bindparam("campaign"))


def row_of(connection: Connection, campaign_id: str) -> AnyRow:
    """Return a campaign's row.

    Raises:
        NotFound: there is no such campaign.
    """
    return _found(connection.execute(_CAMPAIGN, {"campaign": campaign_id}).one_or_none(), campaign_id)


def campaign_of(connection: Connection, campaign_id: str) -> AnyRow:
    """Return a campaign's row, locked.

    Raises:
        NotFound: there is no such campaign.
    """
    locked = _CAMPAIGN.with_for_update()
    return _found(connection.execute(locked, {"campaign": campaign_id}).one_or_none(), campaign_id)


def _found(row: AnyRow | None, campaign_id: str) -> AnyRow:
    if row is None:
        raise NotFound(f"There is no campaign {campaign_id}. Look at `zhanggui campaigns list` for the ones there are.")
    return row


def put(connection: Connection, body: CampaignBody, who: str, now: datetime) -> AnyRow:
    """Put a draft, and return it. Whoever writes another plan under the same id is its maker from then on.

    Raises:
        Conflict: it was started already.
    """
    plan = stored(body)
    row = {"id": body.id, "kind": body.kind, "plan": plan, "status": "draft", "made_by": who, "approved_by": ""}
    if insert_once(connection, campaigns, row):
        audit.record(connection, who, audit.What.CAMPAIGN_PLAN, f"campaign:{body.id}", now)
        return campaign_of(connection, body.id)
    known = campaign_of(connection, body.id)
    if known.status != "draft":
        raise Conflict(f"Campaign {body.id} is {known.status}. Write the plan under another id.")
    if known.plan == plan:
        return known
    connection.execute(update(campaigns).where(campaigns.c.id == body.id).values(row))
    audit.record(connection, who, audit.What.CAMPAIGN_PLAN, f"campaign:{body.id}", now)
    return campaign_of(connection, body.id)


def start(connection: Connection, row: AnyRow, who: str, recipients: int, most_alone: int, now: datetime) -> None:
    """Start a draft: the running shop looks at once who is to hear of it, and then every day.

    Args:
        recipients: people who are meant and may hear it, today or as soon as a window is open.
        most_alone: so many may be written to by what one person has planned and started.

    Raises:
        NotAllowed: somebody else has to start it.
    """
    if row.made_by == who and recipients > most_alone:
        raise NotAllowed(
            f"{recipients:,} people may be written to, more than {most_alone:,}. Somebody else has to start it: "
            "zhanggui campaigns start PLAN --by LOGIN"
        )
    approved_by = "" if row.made_by == who else who
    values = {"status": "running", "started_at": now, "approved_by": approved_by}
    connection.execute(update(campaigns).where(campaigns.c.id == row.id).values(values))
    audit.record(connection, who, audit.What.CAMPAIGN_START, f"campaign:{row.id}", now)
    set_look(connection, row.kind, {"campaign": row.id}, now)


def approve(connection: Connection, campaign_id: str, who: str, plan: Mapping[str, Any], now: datetime) -> None:
    """Approve what somebody else has planned and started: however many come to belong to it, it writes to them.

    Args:
        plan: what they have looked at.

    Raises:
        NotFound: there is no such campaign.
        NotAllowed: they have planned it themselves.
        Conflict: it is not started, or over, or not as they have seen it.
    """
    row = campaign_of(connection, campaign_id)
    if row.made_by == who:
        raise NotAllowed(f"Who has planned campaign {campaign_id} cannot approve it. Somebody else has to.")
    if row.status not in ("running", "paused"):
        raise Conflict(f"Campaign {campaign_id} is {row.status}. A draft is approved by who starts it.")
    if row.plan != plan:
        raise Conflict(f"Campaign {campaign_id} was changed meanwhile. Look at it again.")
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(approved_by=who))
    audit.record(connection, who, audit.What.CAMPAIGN_PLAN, f"campaign:{campaign_id}", now, after={"approved": True})
    connection.execute(update(tasks).where(tasks.c.key == f"approve:campaign:{campaign_id}").values(done=True))
    if row.status == "running":
        set_look(connection, row.kind, {"campaign": campaign_id}, now)


def move(connection: Connection, campaign_id: str, to: str, who: str, now: datetime) -> None:
    """Pause a campaign (`paused`), let it go on (`running`), or end it for good (`ended`).

    What waits in the outbox is asked about at the gate: it waits while the campaign is paused.

    Raises:
        NotFound: there is no such campaign.
        Conflict: it is not where it can be moved from.
    """
    row = campaign_of(connection, campaign_id)
    if row.status not in {"paused": ("running",), "running": ("paused",), "ended": ("running", "paused", "draft")}[to]:
        raise Conflict(f"Campaign {campaign_id} is {row.status}.")
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(status=to))
    what = audit.What.CAMPAIGN_START if to == "running" else audit.What.CAMPAIGN_STOP
    audit.record(connection, who, what, f"campaign:{campaign_id}", now, before={"status": row.status})
    if to == "running":
        set_look(connection, row.kind, {"campaign": campaign_id}, now)
    else:
        stop_rounds(connection, row.kind, campaign_id)


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return all campaigns for a list, the newest first."""
    columns = [campaigns.c[name] for name in ("id", "kind", "status", "started_at", "round_at")]
    query = select(*columns).order_by(campaigns.c.started_at.desc(), campaigns.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def steps(connection: Connection, name: str) -> Mapping[str, int]:
    """Return what became of the touches of a campaign: `wave 1 sent` and the like, with reasons, and how many."""
    kinds = touches.c.step, touches.c.status, touches.c.reason
    query = select(*kinds, func.count().label("many")).where(touches.c.campaign == name).group_by(*kinds)
    found: dict[str, int] = {}
    for row in connection.execute(query.order_by(*kinds)):
        why = f": {row.reason}" if row.reason and row.status not in ("sent", "withheld") else ""
        what = f"wave {row.step} {row.status}{why}"
        found[what] = found.get(what, 0) + row.many
    return found
