"""Many carts at once, paid at any moment while two workers follow them up."""

from __future__ import annotations

from bot.bench.carts import simulate
from bot.delivery.thinking import Thinker
from bot.store.database import Database


async def test_no_touch_is_taken_after_a_committed_payment_and_every_rule_is_kept(
    database: Database, thinker: Thinker
) -> None:
    verdict = await simulate(database.url, 40, seed=7, voice=thinker.brain.mind.voice)

    assert verdict.touches > 20
    assert verdict.paid > 10
    assert verdict.holds, verdict
