"""Day reports: what happened, counted by day, agent, channel and label. Pure; `handoff.happened` reads the facts.

Each fact belongs to the day on which it happened in the shop's zone, so that the report of a day that is over changes
no more, but for what only the next 24 hours tell: whether the bot's help was enough.
"""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from bot.hours import Hours
from bot.settings import Settings


class Sort(StrEnum):
    """What a fact tells, and which of its fields count."""

    CONTACT = "contact"
    """A customer came with something; `good`: the bot alone was enough, None: that is not known yet."""
    HANDOFF = "handoff"
    """The bot handed over; `reason` says why."""
    WAIT = "wait"
    """A wait in the queue is over after `seconds`; `good`: an agent took it, else the customer was lost."""
    FIRST = "first"
    """A human said their first words, `seconds` after the handoff."""
    TURN = "turn"
    """A customer waited for a human's words; `good`: they came in time."""
    HANDLED = "handled"
    """A conversation with a human ended, `seconds` after the handoff."""
    RATING = "rating"
    """A customer gave a `score` from 1 to 5."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `agent` is an id, empty where no human had a part; `label` is what it was about."""

    sort: Sort
    at: datetime
    channel: str
    agent: str = ""
    label: str = ""
    seconds: float = 0.0
    good: bool | None = None
    score: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Standard:
    """What is asked of answers: within `response_s` seconds, in `share_pct` percent of the turns begun in `hours`.

    The hours' zone is the shop's: its days are the report's days.
    """

    hours: Hours
    response_s: int
    share_pct: int

    @property
    def zone(self) -> ZoneInfo:
        """The zone whose days are reported."""
        return self.hours.zone


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted. Times are in seconds; None where there was nothing to measure.

    Attributes:
        contacts: times that customers came with something; `automated`: that the bot alone was enough for;
            `undecided`: of which only the next 24 hours will tell.
        automation: share of the bot's own among the decided ones, 0 to 1.
        waits: waits in the queue that ended; `lost`: without an agent.
        turns: times that a customer waited for a human's words in the hours that count; `in_time_share` of 0 to 1.
    """

    contacts: int
    automated: int
    undecided: int
    automation: float | None
    handoffs: int
    waits: int
    wait_median_s: float | None
    wait_p90_s: float | None
    lost: int
    handled: int
    first_answers: int
    first_median_s: float | None
    first_p90_s: float | None
    turns: int
    in_time: int
    in_time_share: float | None
    resolution_median_s: float | None
    resolution_p90_s: float | None
    ratings: int
    score_mean: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of some days, in all and by group. Agents are named by login, empty is no agent, no label.

    Attributes:
        zone: name of the zone whose days these are.
        share_pct: percent of turns that have to be in time.
        reasons: how often the bot handed over, and why, most frequent first.
    """

    first: date
    last: date
    zone: str
    share_pct: int
    total: Figures
    by_day: Mapping[str, Figures]
    by_agent: Mapping[str, Figures]
    by_channel: Mapping[str, Figures]
    by_label: Mapping[str, Figures]
    reasons: Mapping[str, int]


MARKETPLACE = Standard(Hours(ZoneInfo("UTC"), time(9), time(23)), response_s=180, share_pct=90)
"""What large marketplaces ask of their shops, as in the settings that are left out."""


def standard_of(settings: Settings) -> Standard:
    """Return what a shop's settings ask of answers."""
    wanted = settings.clocks
    hours = Hours(settings.shop.zone, wanted.runs_from, wanted.runs_until)
    return Standard(hours, wanted.response_s, wanted.response_share_pct)


GROUPS = ("day", "agent", "channel", "label")
"""By which figures are told apart, beside the total."""


def bounds(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when the day `first` begins and `last` ends in a zone; a day can have 23 or 25 hours."""
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def report(facts: Iterable[Fact], first: date, last: date, standard: Standard, names: Mapping[str, str]) -> Report:
    """Return the report of the days from `first` to `last`.

    Args:
        facts: of these days.
        names: logins of agents by id.
    """
    facts = tuple(facts)
    days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
    of_days: dict[str, list[Fact]] = {day: [] for day in days}
    for fact in facts:
        of_days[fact.at.astimezone(standard.zone).date().isoformat()].append(fact)
    reasons = Counter(fact.reason for fact in facts if fact.sort is Sort.HANDOFF)
    return Report(
        first=first,
        last=last,
        zone=standard.zone.key,
        share_pct=standard.share_pct,
        total=figures(facts),
        by_day={day: figures(group) for day, group in of_days.items()},
        by_agent=_by(facts, lambda fact: names.get(fact.agent, fact.agent)),
        by_channel=_by(facts, lambda fact: fact.channel),
        by_label=_by(facts, lambda fact: fact.label),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def figures(facts: Iterable[Fact]) -> Figures:
    """Count facts."""
    of: defaultdict[Sort, list[Fact]] = defaultdict(list)
    for fact in facts:
        of[fact.sort].append(fact)
    contacts, turns, waits = of[Sort.CONTACT], of[Sort.TURN], of[Sort.WAIT]
    automated, undecided = _good(contacts), sum(fact.good is None for fact in contacts)
    taken = [fact for fact in waits if fact.good]
    scores = [fact.score for fact in of[Sort.RATING]]
    return Figures(
        contacts=len(contacts),
        automated=automated,
        undecided=undecided,
        automation=_share(automated, len(contacts) - undecided),
        handoffs=len(of[Sort.HANDOFF]),
        waits=len(waits),
        wait_median_s=_median(taken),
        wait_p90_s=_p90(taken),
        lost=len(waits) - len(taken),
        handled=len(of[Sort.HANDLED]),
        first_answers=len(of[Sort.FIRST]),
        first_median_s=_median(of[Sort.FIRST]),
        first_p90_s=_p90(of[Sort.FIRST]),
        turns=len(turns),
        in_time=_good(turns),
        in_time_share=_share(_good(turns), len(turns)),
        resolution_median_s=_median(of[Sort.HANDLED]),
        resolution_p90_s=_p90(of[Sort.HANDLED]),
        ratings=len(scores),
        score_mean=round(statistics.fmean(scores), 2) if scores else None,
    )


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain data."""
    return asdict(report) | {"first": report.first.isoformat(), "last": report.last.isoformat()}


def as_csv(report: Report) -> str:
    """Return a report as a table: a row for the total, for each day, agent, channel, label and reason of a handoff."""
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["from", "to", "group", "name", *(field.name for field in fields(Figures))])
    span = report.first.isoformat(), report.last.isoformat()
    groups = [("total", {"": report.total}), *((name, getattr(report, f"by_{name}")) for name in GROUPS)]
    for group, found in groups:
        for name, counted in found.items():
            rows.writerow([*span, group, _safe(name), *asdict(counted).values()])
    empty = {field.name: "" for field in fields(Figures)}
    for reason, count in report.reasons.items():
        rows.writerow([*span, "reason", _safe(reason), *(empty | {"handoffs": count}).values()])
    return table.getvalue()


def _safe(name: str) -> str:
    """Keep a spreadsheet from reading a name as a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name


def _by(facts: Sequence[Fact], key: Callable[[Fact], str]) -> dict[str, Figures]:
    groups: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[key(fact)].append(fact)
    return {name: figures(groups[name]) for name in sorted(groups)}


def _good(facts: Sequence[Fact]) -> int:
    return sum(fact.good is True for fact in facts)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _median(facts: Sequence[Fact]) -> float | None:
    return round(statistics.median(fact.seconds for fact in facts), 1) if facts else None


def _p90(facts: Sequence[Fact]) -> float | None:
    """Return the time within which nine of ten were done (nearest rank)."""
    ranked = sorted(fact.seconds for fact in facts)
    return round(ranked[math.ceil(0.9 * len(ranked)) - 1], 1) if ranked else None
