"""What a turn sees of trial votes, and what it may want done in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.skills.turn import Say


@dataclass(frozen=True, slots=True)
class VoteView:
    """A trial vote that is on, or was lately.

    Attributes:
        options: what may be chosen: id → its name by language.
        is_open: whether it was opened and is not closed yet; see `takes`.
        prize: by language; empty where nothing is drawn among the voters.
    """

    id: str
    question: Mapping[str, str]
    options: Mapping[str, Mapping[str, str]]
    is_open: bool
    ends_at: datetime
    prize: Mapping[str, str] = field(default_factory=dict)
    winners: int = 0

    def takes(self, at: datetime) -> bool:
        """Return whether a vote counts that is given `at` this time."""
        return self.is_open and at < self.ends_at


@dataclass(frozen=True, slots=True)
class SeeVote:
    """Tell how one's own vote stands: `yours`, `won`, `ask` if there is none yet, `over` if there will be none.

    Attributes:
        labels: of the options, by id.
    """

    vote_id: str
    labels: Mapping[str, str]
    said: Mapping[str, Say]


@dataclass(frozen=True, slots=True)
class CastVote:
    """Vote; given `at` this time, `said` by outcome, see `bot.campaigns.ballots.Cast`.

    Attributes:
        stands: tells what stands where a vote that was given later was handled first.
    """

    vote_id: str
    option: str
    at: datetime
    said: Mapping[str, Say]
    stands: SeeVote


@dataclass(frozen=True, slots=True)
class PollVote:
    """Take what was chosen in a poll of the platform.

    Attributes:
        message_id: of the message that is the poll, `bot.messages.Outbound.id`.
        options: the numbers of the options from 0, separated by commas; empty for a vote taken back.
        at: when.
    """

    message_id: str
    options: str
    at: datetime
