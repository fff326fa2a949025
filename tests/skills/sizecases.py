"""Questions about sizes with the answers that a good shop assistant gives, and what the bot says to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine

from bot.brain import Brain
from bot.deciding import Said, decide
from bot.demo.shop import demo_settings
from bot.shop.sql import SqlShop
from bot.skills.turn import PersonView, Say, State, Step
from bot.starter import starter_folder
from tests.skills.talk import MORNING, Shop

CASES, FRESH, UNSEEN = (Path(__file__).with_name(f"size-cases{which}.tsv") for which in ("", "-fresh", "-unseen"))
"""Written before the advice was; after it, and mended by; and the last, by which next to nothing was mended."""
ASK, NONE = "ask", "none"
NO_SIZE = frozenset({"sizing.none_fits", "sizing.not_made"})


@dataclass(frozen=True, slots=True)
class Case:
    """`goods`: the size chart, or the product, that is spoken of. `expected`: a size, two with `/`, ASK or NONE."""

    language: str
    goods: str
    messages: tuple[str, ...]
    expected: str
    why: str


def cases(path: Path = CASES) -> list[Case]:
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]
    return [
        Case(language, goods, tuple(said.split(" | ")), expected, why) for language, goods, said, expected, why in rows
    ]


@dataclass(frozen=True, slots=True)
class Advisor:
    """The bot's decisions on the demo shop, without a chat."""

    brain: Brain
    shop: SqlShop

    def hears(self, language: str, messages: Sequence[str], person: PersonView | None = None) -> Step:
        """Return what the last message comes to."""
        settings, mind = demo_settings(), self.brain.mind
        step = Step((), State(language=language))
        for text in messages:
            said = Said(
                text,
                person or PersonView("i", "p"),
                step.state,
                self.shop,
                self.brain.catalogue(self.shop.names()),
                MORNING,
                language,
            )
            _, decided = decide(mind.engine, mind.knowledge, settings, said)
            assert decided is not None
            step = decided
        return step

    def answer(self, case: Case) -> tuple[str, str]:
        """Return the advice to a case, as `Case.expected` writes it, and what it is about, as `Case.goods` does."""
        says = self.hears(case.language, case.messages).says
        return advice(says), about(says, case.goods)


def advice(says: Sequence[Say]) -> str:
    if any(say.id in NO_SIZE for say in says):
        return NONE
    sized = next((say.fields for say in says if say.id.startswith("sizing.") and "size" in say.fields), None)
    if sized is None:
        return ASK
    return f"{sized['size']}/{sized['other']}" if "other" in sized else sized["size"]


def about(says: Sequence[Say], goods: str) -> str:
    """Return `goods` if a source says so, else what the sources name."""
    named = [source.id.partition(":")[2] for say in says for source in say.sources]
    return goods if goods in named else ",".join(named)


@contextmanager
def advisor(shop: Shop) -> Iterator[Advisor]:
    engine = create_engine(f"sqlite:///{shop.seeded}")
    try:
        with engine.connect() as connection:
            yield Advisor(Brain(starter_folder(), demo_settings(), shop.mind), SqlShop(connection))
    finally:
        engine.dispose()
