"""One question, no side effects: what the bot would do, and why. Behind `ask` and `chat`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime

from bot.brain import Brain
from bot.deciding import Said, decide, summary
from bot.settings import Settings
from bot.shop.port import Cart, Case, Coupon, Customer, FitReports, Freshness, Invoice, Names, Order, Product, Shop
from bot.skills.turn import PersonView, State, Step
from bot.understanding.readable import whole
from bot.voice import listener


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

    def product(self, product_id: str) -> Product | None:
        return None

    def cases_of(self, order_number: str) -> tuple[Case, ...]:
        return ()

    def coupons_of(self, customer_id: str) -> tuple[Coupon, ...]:
        return ()

    def invoice_of(self, order_number: str) -> Invoice | None:
        return None

    def fit_reports(self, product_id: str) -> FitReports:
        return FitReports()

    def freshness(self) -> Freshness:
        return Freshness()


NO_SHOP = NoShop()


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
    labels: list[str] = field(default_factory=list)


def ask(
    brain: Brain,
    settings: Settings,
    text: str,
    language: str | None,
    state: State,
    now: datetime,
    shop: Shop = NO_SHOP,
) -> tuple[Answer, State]:
    """Return the answer to `text` and the state after it. Nothing is stored and no effect takes place.

    A number or label of the choices offered last, kept in `state`, picks one, as everywhere.
    """
    mind = brain.mind
    said = Said(
        text=text,
        person=PersonView("", ""),
        state=state,
        shop=shop,
        catalogue=brain.catalogue(shop.names()),
        now=now,
        default_language=settings.shop.language,
        language=language or "",
    )
    turn, step = decide(mind.engine, mind.knowledge, settings, said)
    step = step or Step((), state)
    spoken = mind.voice.speak(step.says, turn.language, listener(turn))
    kept = summary(turn, step)
    answer = Answer(
        text=whole(text),
        lang=turn.language,
        intent=kept["intent"],
        confidence=kept["confidence"],
        decision=step.decision,
        entry=step.entry,
        skill=step.skill,
        choices=[choice.label for choice in spoken.choices],
        answer=spoken.text,
        sources=[asdict(source) for source in spoken.sources],
        why=kept["why"],
        labels=[label for label in (kept["also"], kept["label"]) if label],
    )
    return answer, step.state


def what_was_decided(answer: Answer) -> str:
    """Return the decision and where it led, e.g. `answer shipping-fee`, `skill returns`, `clarify`."""
    return f"{answer.decision} {answer.entry or answer.skill or ''}".strip()
