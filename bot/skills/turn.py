"""What a skill is given and what it gives back. Frozen data: a skill is a function of a Turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.knowledge.entries import Knowledge
from bot.messages import Choice, Source
from bot.shop.port import Order, Shop
from bot.understanding.engine import Meaning
from bot.understanding.entities import Entity


@dataclass(frozen=True, slots=True)
class Say:
    """One thing to say: a phrase (`orders.which`) or an entry (`shipping-fee`), with the values of its fields.

    Attributes:
        sources: orders, products and charts the values come from; the text's own source is added when rendering.
    """

    id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    sources: tuple[Source, ...] = ()


ASKED = "asked"
"""The slot of `State.asking_about`."""
HUMAN = "human"
"""The token of the choice to talk to a person."""
OPTIONAL = "more"
"""A step in which a skill would hear more but has answered already: nothing is left open."""


@dataclass(frozen=True, slots=True)
class State:
    """What the bot keeps of a conversation between two turns. Plain values: it is stored as JSON.

    Attributes:
        skill, step: the skill that waits for an answer, and for which one.
        offered: the newest choices, so that `2`, `二` or the label works on every channel.
        unclear: messages in a row that were not understood.
    """

    skill: str = ""
    step: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    offered: tuple[Choice, ...] = ()
    unclear: int = 0
    language: str = ""

    def waiting(self, skill: str, step: str, **slots: Any) -> State:
        """Return a state in which `skill` waits for `step`; `slots` are added to those it kept so far."""
        kept = dict(self.slots) if self.skill == skill else {}
        return replace(self, skill=skill, step=step, slots={**kept, **slots}, unclear=0)

    def keeping(self, **slots: Any) -> State:
        """Return this state with more slots, if a skill waits; an idle state keeps nothing."""
        return replace(self, slots={**self.slots, **slots}) if self.skill else self

    def idle(self) -> State:
        """Return a state in which no skill waits."""
        return replace(self, skill="", step="", slots={}, unclear=0)

    def asking_about(self, text: str, entities: tuple[Entity, ...]) -> State:
        """Return this state with a message that is acted on when one of the labels offered now is chosen."""
        return replace(self, slots={**self.slots, ASKED: {"text": text, "entities": [astuple(e) for e in entities]}})


@dataclass(frozen=True, slots=True)
class PersonView:
    """What a skill may know of the customer.

    Attributes:
        customer_id: the shop's customer, if the identity is linked to one.
        proven: numbers of orders this identity has shown to be its own.
        failed_proofs: wrong answers in the last day: of this identity, and by order number.
    """

    identity_id: str
    person_id: str
    name: str = ""
    language: str = ""
    customer_id: str | None = None
    tier: str = "regular"
    proven: frozenset[str] = frozenset()
    failed_proofs: int = 0
    failed_by_order: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaleView:
    """A flash sale that is running: what is sold, at what price, and how many pieces are left."""

    id: str
    product: Mapping[str, str]
    price: str
    left: int


# --- effects: what a turn wants done; the turn's own transaction does it -----------------------------------------
@dataclass(frozen=True, slots=True)
class Prove:
    """Remember that this identity has shown the order to be its own."""

    order_number: str


@dataclass(frozen=True, slots=True)
class FailProof:
    """Count a wrong answer to "is it yours?"."""

    order_number: str


@dataclass(frozen=True, slots=True)
class OpenReturn:
    """Open a return case; what is then said has `{case.number}`."""

    order_number: str
    line_id: str
    reason: str
    said: Say


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim a piece of a flash sale; `said` by outcome: `held`, `again`, `sold_out`, `not_running`."""

    sale_id: str
    said: Mapping[str, Say]


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Store the customer's yes or no to marketing."""

    granted: bool
    proof: str


Effect = Prove | FailProof | OpenReturn | Claim | SetConsent


@dataclass(frozen=True, slots=True)
class Handoff:
    """Pass the conversation to the queue. A higher `priority` is served first."""

    reason: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What a turn comes to: said in order as one message, all in one transaction."""

    says: tuple[Say, ...]
    state: State
    effects: tuple[Effect, ...] = ()
    handoff: Handoff | None = None
    leaves_queue: bool = False
    """Whether the customer no longer waits for a human."""
    decision: str = "skill"
    """answer, skill, clarify, handoff or smalltalk."""
    entry: str | None = None
    skill: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One inbound message with everything a skill may look at."""

    text: str
    meaning: Meaning
    state: State
    person: PersonView
    shop: Shop
    knowledge: Knowledge
    now: datetime
    zone: ZoneInfo
    return_days: int
    order_closes_after: timedelta
    people_answer: bool = True
    """Whether it is within the opening hours of the human agents."""
    choice: str = ""
    """Token of the choice that was tapped or typed."""
    sales: Mapping[str, SaleView] = field(default_factory=dict)
    """The flash sales that are running, by id, the one that ends first in front."""
    is_group: bool = False

    @property
    def language(self) -> str:
        return self.meaning.language

    @property
    def sale(self) -> SaleView | None:
        """The running sale that ends first; which one is meant, only the skill knows."""
        return next(iter(self.sales.values()), None)

    def phrase(self, phrase_id: str) -> str:
        """Return the text of a phrase without fields, e.g. the label of a choice."""
        return self.knowledge.phrases[phrase_id, self.language].text

    def may_see(self, order: Order) -> bool:
        """Return whether the order was shown to be this customer's."""
        return order.number in self.person.proven or (
            self.person.customer_id is not None and order.customer_id == self.person.customer_id
        )


@dataclass(frozen=True, slots=True)
class Skill:
    """One thing the bot can do.

    Attributes:
        intents: that start it.
        run: returns a Step, or None if the message is not for this skill (only while it waits for an answer).
        phrases: phrase ids it says → fields it fills.
        entries: ids of entries it says.
        charts: categories of size charts it advises from.
        about: kinds of entity it works on: a message that names one speaks for this skill.
        hears: intents of other skills that may be an answer to what it asked.
    """

    name: str
    intents: frozenset[str]
    run: Callable[[Turn], Step | None]
    phrases: Mapping[str, frozenset[str]]
    entries: frozenset[str] = frozenset()
    charts: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    hears: frozenset[str] = frozenset()


def phrases(**groups: str) -> dict[str, frozenset[str]]:
    """Declare phrases: `phrases(orders="which; ask_phone order.number; none")` → ids with their fields."""
    return {
        f"{group}.{words.split()[0]}": frozenset(words.split()[1:])
        for group, listed in groups.items()
        for words in listed.split(";")
    }
