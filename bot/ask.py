"""One question, no side effects: what the bot would do, and why. Behind `ask` and `chat`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from bot.brain import Brain
from bot.settings import Settings
from bot.shop.port import Cart, Customer, Names, Order, Product
from bot.skills.dialogue import take_turn
from bot.skills.turn import PersonView, State, Turn


class NoShop:
    """A shop that knows nothing: `ask` runs without a database."""

    def names(self) -> Names:
        return Names()

    def products(self) -> tuple[Product, ...]:
        return ()

    def order(self, number: str) -> Order | None:
        return None

    def orders_of(self, customer_id: str) -> tuple[Order, ...]:
        return ()

    def customer(self, customer_id: str) -> Customer | None:
        return None

    def open_cart(self, customer_id: str) -> Cart | None:
        return None

    def open_return(self, line_id: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask --json` prints; see the reference of the command."""

    text: str
    lang: str
    intent: str | None
    confidence: float | None
    decision: str
    entry: str | None
    skill: str | None
    choices: list[str]
    answer: str
    sources: list[dict[str, str]]
    why: list[str]


def ask(
    brain: Brain, settings: Settings, text: str, language: str | None, state: State, now: datetime
) -> tuple[Answer, State]:
    """Return the answer to `text` and the state after it. Nothing is stored and no effect takes place."""
    mind = brain.mind
    meaning = mind.engine.understand(
        text, language or state.language or settings.shop.language, brain.catalogue(Names())
    )
    if language is not None:
        meaning = replace(meaning, language=language)
    turn = Turn(
        text=text,
        meaning=meaning,
        state=state,
        person=PersonView("", ""),
        shop=NoShop(),
        knowledge=mind.knowledge,
        now=now,
        zone=settings.shop.zone,
        return_days=settings.policy.return_days,
        order_closes_after=timedelta(hours=settings.policy.order_close_h),
    )
    step = take_turn(turn)
    spoken = mind.voice.speak(step.says, turn.language)
    answer = Answer(
        text=text,
        lang=turn.language,
        intent=meaning.ranked[0][0] if meaning.ranked else None,
        confidence=round(meaning.margin, 3) if meaning.ranked else None,
        decision=step.decision,
        entry=step.entry,
        skill=step.skill,
        choices=[choice.label for choice in spoken.choices],
        answer=spoken.text,
        sources=[asdict(source) for source in spoken.sources],
        why=list(meaning.why),
    )
    return answer, step.state
