"""What an answer depends on beside its words: the minute, the region, and what is popular."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot.ask import Answer, ask
from bot.brain import Brain, read_mind
from bot.demo.shop import demo_settings
from bot.knowledge.entries import Entry, Knowledge, Variant
from bot.skills.turn import Say, State
from bot.starter import starter_folder
from bot.voice import Listener, Voice

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
FEE = {"zh": "运费多少", "en": "how much is shipping"}
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


def asked(text: str, language: str, valid_until: date | None, at: datetime = NOON) -> Answer:
    """Return the answer of a shop whose entry on the shipping fee ends on a day."""
    mind = read_mind(starter_folder(), demo_settings())
    fee = mind.knowledge.entries["shipping-fee", language]
    entries = {**mind.knowledge.entries, ("shipping-fee", language): replace(fee, valid_until=valid_until)}
    brain = Brain(starter_folder(), demo_settings(), replace(mind, knowledge=replace(mind.knowledge, entries=entries)))
    return ask(brain, demo_settings(), text, None, State(), at)[0]


@LANGUAGES
def test_an_entry_that_is_over_is_neither_said_nor_offered(language: str) -> None:
    today = asked(FEE[language], language, date(2026, 11, 23))
    over = asked(FEE[language], language, date(2026, 11, 22))
    assert today.entry == "shipping-fee"
    assert over.entry != "shipping-fee"
    assert any("not said at this time: shipping-fee" in line for line in over.why)
    assert today.why[-1].startswith("nearest phrasing of shipping-fee")


@LANGUAGES
def test_the_day_ends_at_midnight_in_the_zone_of_the_shop(language: str) -> None:
    last_minute, next_minute = datetime(2026, 11, 23, 15, 59, tzinfo=UTC), datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert asked(FEE[language], language, date(2026, 11, 23), last_minute).entry == "shipping-fee"
    assert asked(FEE[language], language, date(2026, 11, 23), next_minute).entry != "shipping-fee"


@LANGUAGES
def test_the_reasons_tell_scores_and_bounds(language: str) -> None:
    scores, bounds = asked(FEE[language], language, None).why[:2]
    assert scores.startswith("shipping-fee +")
    assert "asks from" in bounds


def test_the_answer_is_the_one_for_the_region_named() -> None:
    entry = Entry("fee", "en", "fee.md", ("fee?",), "Ten.", (Variant("Thirty.", region="hmt"),))
    voice = Voice(Knowledge({("fee", "en"): entry}), {"en": {}})
    assert voice.speak([Say("fee")], "en", Listener("web", regions=("hmt",))).text == "Thirty."
    assert voice.speak([Say("fee")], "en", Listener("web")).text == "Ten."
