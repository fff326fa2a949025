"""The timers of flash sales."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.campaigns import card, course, flash, line
from bot.campaigns.announcing import MORE, Announce, announce, announce_on
from bot.campaigns.moments import MOMENT, START
from bot.delivery.timers import Handler


@dataclass(frozen=True, slots=True)
class SaleTimers:
    """Handles them.

    Attributes:
        say: returns what words announcements now.
        telling: see `bot.campaigns.telling`.
    """

    say: Callable[[], Announce]
    telling: Handler

    def handlers(self) -> Mapping[str, Handler]:
        return {
            flash.OPEN: self._open,
            flash.END: self._end,
            line.LOOK: self._look,
            line.TELL: self.telling,
            MOMENT: self._moment,
            MORE: self._more,
            card.TIMER: self._card,
            course.TIMER: self._point,
        }

    def _open(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        flash.open_planned(connection, payload["sale_id"], now)

    def _end(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        flash.end(connection, payload["sale_id"], now)

    def _look(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        line.release_due(connection, payload["sale_id"], now)

    def _moment(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        announce(connection, payload["sale_id"], payload["moment"], self.say(), now)

    def _card(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        card.refresh(connection, payload["sale_id"], self.say(), now)

    def _point(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        course.note(connection, payload["sale_id"], datetime.fromisoformat(payload["since"]), now)

    def _more(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        place, after, moment = payload["place"], payload["after"], payload.get("moment", START)
        announce_on(connection, payload["sale_id"], place, after, self.say(), now, moment)
