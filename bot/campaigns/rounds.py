"""The rounds of campaigns to a segment: once a day it is looked who is to hear of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from bot.campaigns.plans import BIRTHDAY, FESTIVAL, RECALL, CampaignBody, Plan, plan_of
from bot.delivery.timers import cancel, set_timer
from bot.delivery.touches import NOT_OUT
from bot.settings import Settings
from bot.shop.todo import leave
from bot.store.database import AnyRow
from bot.store.tables import campaigns, touches

RECALL_ROUND, GREETING_ROUND = "recall_round", "greeting_round"
"""Kinds of the timers."""
_ROUNDS = {RECALL: RECALL_ROUND, BIRTHDAY: GREETING_ROUND, FESTIVAL: GREETING_ROUND}
ROUND_EVERY = timedelta(days=1)


def set_look(connection: Connection, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Set the timer that looks at the next people of a round.

    Args:
        kind: of the campaign.
        payload: `campaign`, the id; where the round has begun also `after`, the last person it has looked at, and
            what else the campaign keeps for it: of a recall `days`, the bounds of the days since they bought, and
            `heard`, how many it has written to so far.
    """
    set_timer(connection, _key(kind, payload["campaign"]), _ROUNDS[kind], payload, at)


def stop_rounds(connection: Connection, kind: str, campaign_id: str) -> None:
    cancel(connection, _key(kind, campaign_id))


def _key(kind: str, campaign_id: str) -> str:
    return f"{kind}:{campaign_id}:round"


def campaign_row(connection: Connection, campaign_id: str) -> AnyRow:
    """Return the row of a campaign that is there."""
    return connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one()


def plan_in(row: AnyRow, settings: Settings) -> Plan:
    """Return the plan in a row of `campaigns`."""
    return plan_of(CampaignBody.model_validate(row.plan), settings.shop.currency)


def heard_so_far(connection: Connection, row: AnyRow) -> int:
    """Return how many people a campaign has written to, or is about to."""
    return connection.execute(select(func.count(touches.c.person_id.distinct())).where(*_out(row))).scalar_one()


def is_of_them(connection: Connection, row: AnyRow, people: Collection[str]) -> bool:
    """Return whether a person, of all these ids, is one of whom a campaign has written to, or is about to."""
    theirs = select(touches.c.id).where(*_out(row), touches.c.person_id.in_(people))
    return connection.execute(theirs.limit(1)).first() is not None


def _out(row: AnyRow) -> Sequence[ColumnElement[bool]]:
    return touches.c.campaign == f"{row.kind}:{row.id}", touches.c.status.not_in(NOT_OUT)


def have_it_approved(connection: Connection, campaign_id: str, heard: int, now: datetime) -> None:
    """Leave a task: the campaign writes to nobody else until somebody else than its maker has looked at it."""
    waits = campaign_row(connection, campaign_id).kind == RECALL
    others = (
        "The others wait." if waits else "Nobody else is greeted, and whose day is over that night is not any more."
    )
    text = (
        f"Campaign {campaign_id} has grown: {heard:,} people were written to, as many as one person may decide alone. "
        f"{others} Somebody else has to look at it: zhanggui campaigns approve {campaign_id} --by LOGIN"
    )
    leave(connection, f"approve:campaign:{campaign_id}", "approve", None, text, now)
