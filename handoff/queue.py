"""The queue with all its parts, as the shop's settings want it, and the timers that it answers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.delivery.timers import Handler
from handoff import answering, arrivals, presence
from handoff.answering import Answering
from handoff.arrivals import Arrivals
from handoff.assigning import PLACES, Assigning
from handoff.ownership import ANSWER, ASSIGN, PATIENCE
from handoff.places import Places


@dataclass(frozen=True, slots=True)
class Queue:
    """Everything between "I want a human" and a human's first words."""

    arrivals: Arrivals
    assigning: Assigning
    answering: Answering
    places: Places

    def timers(self) -> Mapping[str, Handler]:
        """Return what each timer of the queue does."""
        return {
            ASSIGN: self.assigning.fire,
            ANSWER: self.answering.take_away,
            PLACES: self.places.fire,
            answering.SNOOZE: answering.wake,
            arrivals.RETURN: self.arrivals.come_back,
            PATIENCE: self.arrivals.give_up,
            presence.GONE: presence.look_whether_gone,
        }
