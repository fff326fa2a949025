"""The rounds of campaigns to a segment: once a day it is looked who is to hear of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.campaigns.plans import BIRTHDAY, FESTIVAL, RECALL, CampaignBody, Plan, plan_of
from bot.delivery.timers import cancel, set_timer
from bot.settings import Settings
from bot.store.database import AnyRow
from bot.store.tables import campaigns

RECALL_ROUND, GREETING_ROUND = "recall_round", "greeting_round"
"""Kinds of the timers."""
_ROUNDS = {RECALL: RECALL_ROUND, BIRTHDAY: GREETING_ROUND, FESTIVAL: GREETING_ROUND}
ROUND_EVERY = timedelta(days=1)


def set_look(connection: Connection, kind: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Set the timer that looks at the next people of a round.

    Args:
        kind: of the campaign.
        payload: `campaign`, the id; where the round has begun also `after`, the last person it has looked at, and
            what else the campaign keeps for it.
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
