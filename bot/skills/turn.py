"""What a skill is given and what it gives back. Frozen data: a skill is a function of a Turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.knowledge.entries import Knowledge
from bot.messages import Choice, Source
from bot.shop.commands import Command, Outcome
from bot.shop.port import Order, Shop
from bot.skills.eligibility import ReturnPolicy
from bot.skills.vote_effects import CastVote, PollVote, SeeVote, VoteView
from bot.understanding.engine import Meaning
from bot.understanding.entities import Entity
from bot.understanding.following import Before


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


PARCELS = "parcels"
"""Purpose of a consent: news of one's own parcels."""
ASKED = "asked"
"""The slot of `State.asking_about`."""
HUMAN = "human"
"""The token of the choice to talk to a person."""
TURNS_REMEMBERED, MINUTES_REMEMBERED = 3, 30
"""For so long a message may go on from what was spoken of last, whatever small talk there was in between."""
MOST_REMEMBERED = 200
"""Characters."""
GAVE_UP = "gave_up"
"""What `State.parked` says of a customer whom the bot passed on because it did not understand them."""
OPTIONAL = "more"
"""A step in which a skill would hear more but has answered already: nothing is left open."""


@dataclass(frozen=True, slots=True)
class State:
    """What the bot keeps of a conversation between two turns. Plain values: it is stored as JSON.

    Attributes:
        skill, step: the skill that waits for an answer, and for which one.
        offered: the newest choices, so that `2`, `二` or the label works on every channel.
        unclear: messages in a row that were not understood.
        last: what the conversation was about last, see `about`.
        later: the label of a second wish in a message, offered when the first is done.
        promised: since when the shop's system is down, if it was promised to look again once it answers.
        parked: skill, step, slots and choices that waited when a human was called, see `put_aside`.
    """

    skill: str = ""
    step: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    offered: tuple[Choice, ...] = ()
    unclear: int = 0
    language: str = ""
    last: Mapping[str, Any] = field(default_factory=dict)
    later: str = ""
    promised: str = ""
    parked: Mapping[str, Any] = field(default_factory=dict)

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

    def put_aside(self, *, gave_up: bool = False) -> State:
        """Return an idle state that remembers what waited, for the time that a human is waited for.

        Args:
            gave_up: whether nobody asked for a human, but the bot did not understand the customer.
        """
        kept: dict[str, Any] = {GAVE_UP: True} if gave_up else {}
        if self.skill:
            offered = [[choice.token, choice.label] for choice in self.offered]
            kept |= {"skill": self.skill, "step": self.step, "slots": dict(self.slots), "offered": offered}
        return replace(self.idle(), parked=kept)

    def taken_up(self) -> State:
        """Return the state in which what was put aside waits again."""
        kept = self.parked
        if "skill" not in kept:
            return replace(self, parked={})
        offered = tuple(Choice(*one) for one in kept["offered"])
        return replace(
            self, skill=kept["skill"], step=kept["step"], slots=kept["slots"], offered=offered, parked={}, unclear=0
        )

    def asking_about(self, text: str, entities: tuple[Entity, ...]) -> State:
        """Return this state with a message that is acted on when one of the labels offered now is chosen."""
        return replace(self, slots={**self.slots, ASKED: {"text": text, "entities": [astuple(e) for e in entities]}})

    def about(self, label: str, meaning: Meaning, now: datetime, shown: tuple[str, ...] = ()) -> State:
        """Return this state with what is spoken of now: `and in blue?` is read with it, for a few turns.

        Args:
            shown: ids of the products that were told of.
        """
        named = [list(astuple(replace(entity, start=0, end=0))) for entity in meaning.entities]
        text = meaning.text[-MOST_REMEMBERED:]
        last = {"label": label, "text": text, "entities": named, "turns": 0, "at": now.timestamp()}
        return replace(self, last={**last, "shown": list(shown)} if shown else last)

    def older(self) -> State:
        """Return this state one turn later."""
        turns = self.last.get("turns", 0) + 1
        return replace(self, last={**self.last, "turns": turns} if self.last and turns < TURNS_REMEMBERED else {})

    def before(self, now: datetime) -> Before | None:
        """Return what was spoken of, None if that is too long ago or a skill waits for an answer."""
        waits = self.skill and self.step != OPTIONAL
        if waits or not self.last or now.timestamp() - self.last["at"] > MINUTES_REMEMBERED * 60:
            return None
        return Before(self.last["label"], self.last["text"], tuple(Entity(*values) for values in self.last["entities"]))


@dataclass(frozen=True, slots=True)
class PersonView:
    """What a skill may know of the customer.

    Attributes:
        customer_id: the shop's customer, if the identity is linked to one.
        proven: numbers of orders this identity has shown to be its own.
        measures: of this person, remembered because they wanted it; in cm, kg, the foot in mm.
        keeps_measures: whether they want that; None: they were never asked.
        trusted: numbers of orders that an account of this person has shown to be theirs, this one or another.
        failed_proofs: wrong answers of this identity in the last day.
        slowed: numbers of orders that were guessed at too often to hear another stranger now.
        codes: hashes of the one-time codes that are good now, by order number.
        codes_asked: how many this identity asked for in the last day.
    """

    identity_id: str
    person_id: str
    name: str = ""
    language: str = ""
    customer_id: str | None = None
    tier: str = "regular"
    proven: frozenset[str] = frozenset()
    failed_proofs: int = 0
    trusted: frozenset[str] = frozenset()
    slowed: frozenset[str] = frozenset()
    codes: Mapping[str, str] = field(default_factory=dict)
    codes_asked: int = 0
    measures: Mapping[str, float] = field(default_factory=dict)
    keeps_measures: bool | None = None


@dataclass(frozen=True, slots=True)
class SaleView:
    """A flash sale that is running: what is sold, at what price, and how many pieces are left.

    Attributes:
        limit: pieces a person.
        starts_at: when it begins; None: it has begun. Some tiers begin `early`: seconds ahead.
        pay_url: where a piece can be paid that is held; empty where the shop told none.
    """

    id: str
    product: Mapping[str, str]
    price: str
    left: int
    limit: int = 1
    starts_at: datetime | None = None
    early: Mapping[str, int] = field(default_factory=dict)
    pay_url: str = ""


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
class SendCode:
    """Send a one-time code to the address that the shop has of the order, if it has one.

    Attributes:
        subject, text: the mail, with `bot.skills.codes.HIDDEN` where the code goes.
    """

    order_number: str
    subject: Say
    text: Say


@dataclass(frozen=True, slots=True)
class Do:
    """Have the shop do something. What is then said, by outcome; a case's has `{case.number}`.

    Where the shop is a remote one, `pending` is said now, and `done` or `refused` when its system has answered.
    """

    command: Command
    said: Mapping[Outcome, Say]


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Tell the customer when the shop's system answers again, so that they can ask about the order."""

    order_number: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Claim a piece of a flash sale; `said` by outcome, see `bot.campaigns.claiming.Claimed`.

    Attributes:
        pay_url: where it can be paid, told with what is held; empty where it is not to be told.
    """

    sale_id: str
    said: Mapping[str, Say]
    pay_url: str = ""


@dataclass(frozen=True, slots=True)
class SetConsent:
    """Store the customer's yes or no to marketing, or to news of their parcels (`purpose` = PARCELS).

    Attributes:
        version: of the text that told them what they say yes or no to.
    """

    granted: bool
    proof: str
    purpose: str = "marketing"
    version: str = ""


@dataclass(frozen=True, slots=True)
class KeepMeasures:
    """Remember these measures of the person; without `wanted` none, and do not ask again."""

    wanted: bool
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Leave to the staff, as a task, what the customer said, or all that was collected of what people have to finish.

    Attributes:
        kind: of the task: feedback, invoice_request, payment_trouble, parcel, order_cancel and the like.
        key: makes the task once; empty: each time anew.
    """

    text: str
    kind: str = "feedback"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Complain:
    """Open a complaint with everything known, or add to the one that is open.

    Attributes:
        answer_h, solve_h: hours to the first answer of a human, and to its end.
    """

    text: str
    answer_h: int
    solve_h: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Keep how a customer rates the conversation that was closed at `epoch`: 1 to 5, or the words that came after.

    Attributes:
        low: people look into it, by a task.
    """

    epoch: int
    score: int
    comment: str = ""
    low: bool = False


Effect = (
    Rate
    | Complain
    | Prove
    | FailProof
    | SendCode
    | Do
    | LookAgain
    | Claim
    | CastVote
    | SeeVote
    | PollVote
    | SetConsent
    | KeepMeasures
    | Note
)


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
    label: str = ""
    """The intent or entry that was acted on; empty where a skill goes on."""
    also: str = ""
    """The label of another request of the same message that was acted on, too."""
    why: tuple[str, ...] = ()
    """What took part beside the ranking, in lines for people."""


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
    return_policy: ReturnPolicy
    order_closes_after: timedelta
    people_answer: bool = True
    """Whether it is within the opening hours of the human agents."""
    choice: str = ""
    """Token of the choice that was tapped or typed."""
    sales: Mapping[str, SaleView] = field(default_factory=dict)
    """The flash sales that are running, by id, the one that ends first in front."""
    votes: Mapping[str, VoteView] = field(default_factory=dict)
    """The trial votes that are on or were lately, by id, the one that ends first in front."""
    is_group: bool = False
    addressed: str = ""
    """How a message in a group speaks to the bot: by its `name`, by a `reply`; empty if it does not."""
    carries: str = ""
    """The payload that carries this message into the private chat."""
    said_at: datetime | None = None
    """When the customer said it; None: now."""
    order_example: str = ""
    """A made-up order number in the shop's form, empty where none can be made up."""
    popular: tuple[str, ...] = ()
    """Labels that are asked for most, the first in front."""
    pictures: tuple[str, ...] = ()
    """Ids of the pictures that came with the message."""
    price_protection_days: int = 15
    """Days after payment in which a lower price is paid back."""
    complaint_answer_h: int = 24
    """Hours in which a complaint gets its first answer from a human."""
    complaint_solve_h: int = 48
    """Hours in which a complaint is solved."""
    stuck_after: timedelta = timedelta(hours=72)
    """A parcel of which nothing was heard for so long is stuck."""
    dispatch_within: timedelta = timedelta(hours=48)
    """From payment to dispatch."""
    sends_codes: bool = False
    """Whether the shop can send one-time codes."""

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
        settles: returns the intent of a message that speaks of this skill in words of its own, whatever the classifier
            makes of the rest; empty where it does not.
        adds_to: entries to which it adds what it can say at once of what the message names: `UK 6` beside how sizes
            are converted.
        repeats: whether it asks its question once more at a step named `again`.
        weighs: whether it tells by itself, once it has answered, what is meant for it and what asks for something else.
        is_public: whether it speaks in groups, too: it tells nothing of a person and asks for nothing.
        beside: returns the entries that are asked about while it waits: in doubt a question means one of them.
    """

    name: str
    intents: frozenset[str]
    run: Callable[[Turn], Step | None]
    phrases: Mapping[str, frozenset[str]]
    entries: frozenset[str] = frozenset()
    charts: frozenset[str] = frozenset()
    about: frozenset[str] = frozenset()
    hears: frozenset[str] = frozenset()
    adds_to: frozenset[str] = frozenset()
    settles: Callable[[Turn], str] | None = None
    repeats: bool = False
    weighs: bool = False
    is_public: bool = False
    beside: Callable[[Turn], frozenset[str]] = field(default=lambda _: frozenset())


def phrases(**groups: str) -> dict[str, frozenset[str]]:
    """Declare phrases: `phrases(orders="which; ask_phone order.number; none")` → ids with their fields."""
    return {
        f"{group}.{words.split()[0]}": frozenset(words.split()[1:])
        for group, listed in groups.items()
        for words in listed.split(";")
    }
