"""Whether news of a parcel is still true and wanted, asked in the transaction that sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from bot.skills.turn import PARCELS
from bot.store.tables import consents, shipments, tracking

STILL = {
    "shipped": ("label_created", "picked_up", "in_transit", "customs"),
    "out_for_delivery": ("out_for_delivery",),
    "delivered": ("delivered",),
}
"""News → statuses of the parcel under which it is still true; that it is stuck is true until the next event."""


def news_holds(connection: Connection, guard: Mapping[str, Any]) -> bool:
    """Return whether the parcel stands as it was told, and the person wants to be told."""
    return _wanted(connection, guard["person"]) and _still_true(connection, guard)


def _wanted(connection: Connection, person_id: str) -> bool:
    """Return whether the person did not refuse news of parcels, by the newest answer."""
    answers = (
        select(consents.c.granted)
        .where(consents.c.person_id == person_id, consents.c.purpose == PARCELS)
        .order_by(consents.c.at.desc(), consents.c.id.desc())
        .limit(1)
    )
    return connection.execute(answers).scalar() is not False


def _still_true(connection: Connection, guard: Mapping[str, Any]) -> bool:
    newest = (
        select(tracking.c.status, tracking.c.at)
        .join(shipments, tracking.c.shipment_id == shipments.c.id)
        .where(shipments.c.order_number == guard["order"], shipments.c.tracking_number == guard["parcel"])
        .order_by(tracking.c.at.desc(), tracking.c.id.desc())
        .limit(1)
    )
    last = connection.execute(newest).one_or_none()
    if last is None:
        return False
    if guard["news"] == "stuck":
        return bool(last.at.isoformat() == guard["as_of"])
    return last.status in STILL[guard["news"]]
