"""The timers of trial votes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.campaigns import asking, voting
from bot.campaigns.ballots import is_open, vote_of
from bot.campaigns.vote_words import VoteWords
from bot.delivery.timers import Handler


@dataclass(frozen=True, slots=True)
class VoteTimers:
    """Handles them; `words` returns what words announcements now."""

    words: Callable[[], VoteWords]

    def handlers(self) -> Mapping[str, Handler]:
        return {voting.OPEN: self._open, voting.CLOSE: self._close, asking.MORE: self._more}

    def _open(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        voting.open_planned(connection, payload["vote_id"], self.words(), now)

    def _close(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        voting.end(connection, payload["vote_id"], self.words(), now)

    def _more(self, connection: Connection, payload: Mapping[str, Any], now: datetime) -> None:
        vote = vote_of(connection, payload["vote_id"])
        if is_open(vote, now):
            asking.ask_on(connection, vote, payload["place"], payload["after"], self.words(), now)
