"""What came of a vote so far: how many chose what, who was asked, and the draw, so that anybody can do it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from bot.campaigns.asking import authors_of
from bot.campaigns.ballots import counting, vote_of
from bot.campaigns.draw import ALGORITHM, commitment
from bot.campaigns.outcome import announced, counts
from bot.store.database import AnyRow
from bot.store.tables import ballots


@dataclass(frozen=True, slots=True)
class VoteReport:
    """A vote as it stands.

    Attributes:
        total: votes that count: one for each person, over all their accounts.
        taken_back, replaced: votes that do not, by why: taken back, or the same customer has voted anew elsewhere.
        options: of each its `id`, `zh`, `en`, `tag`, `votes` and `share` (0 to 1).
        channels: votes that count, by channel; those of people who were erased are in none.
        announced: announcements by channel and what became of them, with reasons.
        draw: `algorithm`, `commitment`, and once it was drawn `seed`, `entries`, `winners`, the first in front, and
            `passed_over`, which win nothing as their customer has won by another entry or is not known any more;
            empty where nothing is drawn.
    """

    id: str
    status: str
    question: Mapping[str, str]
    total: int
    taken_back: int
    replaced: int
    options: Sequence[Mapping[str, Any]]
    channels: Mapping[str, int]
    announced: Mapping[str, int]
    draw: Mapping[str, Any]


def report(connection: Connection, vote_id: str) -> VoteReport:
    """Return what came of a vote so far.

    Raises:
        NotFound: there is no such vote.
    """
    vote = vote_of(connection, vote_id)
    found = counting(connection, vote)
    tally = Counter(row.option for row in found)
    made, back = _made(connection, vote_id)
    return VoteReport(
        id=vote_id,
        status=vote.status,
        question=vote.question,
        total=len(found),
        taken_back=back,
        replaced=made - back - len(found),
        options=[{**one, "votes": tally[one["id"]], "share": _share(tally[one["id"]], found)} for one in vote.options],
        channels=dict(Counter(row.channel for row in found if row.channel)),
        announced=counts(announced(connection, authors_of(vote_id))),
        draw=_draw(vote, found) if vote.winners else {},
    )


def _made(connection: Connection, vote_id: str) -> tuple[int, int]:
    """Return how many have voted, and how many of them took it back."""
    stands = ballots.c.option != ""
    query = select(stands, func.count()).where(ballots.c.vote_id == vote_id).group_by(stands)
    counted = {bool(row[0]): row[1] for row in connection.execute(query)}
    return sum(counted.values()), counted.get(False, 0)


def _share(count: int, found: Sequence[AnyRow]) -> float:
    return round(count / len(found), 4) if found else 0.0


def _draw(vote: AnyRow, found: Sequence[AnyRow]) -> dict[str, Any]:
    told = {"algorithm": ALGORITHM, "commitment": commitment(vote.seed)}
    if vote.status != "drawn":
        return told
    winners = sorted((row for row in found if row.place), key=lambda row: row.place)
    return {
        **told,
        "seed": vote.seed,
        "entries": [row.entry for row in found],
        "winners": [row.entry for row in winners],
        "passed_over": [row.entry for row in found if row.place == 0],
    }
