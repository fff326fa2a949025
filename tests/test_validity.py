"""What is not said at this minute leaves the place to the next best, and is said again to the minute."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot.ask import Answer, ask
from bot.brain import Brain, read_mind
from bot.skills.turn import State
from tests.smallshop import small_shop

SALE = """\
---
id: sale-shipping
ask:
  - is shipping free in the sale
  - is shipping free today
  - sale shipping free for all
  - free shipping during the sale
valid_from: 2027-11-11 08:00
valid_until: 2027-11-11 20:00
---
Today everything ships free.
"""


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Brain:
    shop = small_shop(tmp_path_factory.mktemp("validity") / "shop")
    shop.write("knowledge/en/shipping/sale-shipping.md", SALE)
    return Brain(shop.folder, shop.settings, read_mind(shop.folder, shop.settings))


def at(brain: Brain, text: str, hour: int, minute: int) -> Answer:
    """Ask at a time of the 11th in Shanghai."""
    now = datetime(2027, 11, 11, hour - 8, minute, tzinfo=UTC)
    return ask(brain, brain.settings, text, "en", State(), now)[0]


@pytest.mark.parametrize(
    ("hour", "minute", "entry"),
    [(8, 0, "sale-shipping"), (19, 59, "sale-shipping"), (20, 0, "shipping-fee"), (23, 59, "shipping-fee")],
)
def test_an_entry_is_said_to_the_minute_and_then_gives_way_to_the_next_best(
    brain: Brain, hour: int, minute: int, entry: str
) -> None:
    answer = at(brain, "is shipping free today", hour, minute)
    named = answer.entry or (answer.choices[0] if answer.choices else "")
    assert named in (entry, {"shipping-fee": "how much is postage"}.get(entry))
    assert "Today everything" not in answer.answer or entry == "sale-shipping"


def test_an_entry_that_is_over_is_not_offered_either(brain: Brain) -> None:
    assert "is shipping free in the sale" not in at(brain, "shipping in the sale", 21, 0).choices
