"""What is done when a timer is due, by the kind of the timer; the queue has its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from bot.campaigns import leaving
from bot.campaigns.announce import announcement
from bot.campaigns.carts import FollowUps
from bot.campaigns.greeting import GREET, Greetings
from bot.campaigns.handlers import SaleTimers
from bot.campaigns.recall import WAVE, Recalls
from bot.campaigns.rounds import GREETING_ROUND, RECALL_ROUND
from bot.campaigns.telling import Telling
from bot.campaigns.vote_handlers import VoteTimers
from bot.campaigns.vote_words import VoteWords
from bot.csat import AskCsat
from bot.delivery import clocks, complaints, newcomers
from bot.settings import Settings
from bot.shop.back_in_stock import BackInStock
from bot.shop.parcel_news import PARCEL_NEWS, ParcelNews
from bot.shop.price_drops import PriceDrops
from bot.shop.price_watch import PRICE_DROP
from bot.shop.promises import LOOK_AGAIN, LookingAgain
from bot.shop.sql import SqlShop
from bot.shop.stock import BACK_IN_STOCK
from bot.voice import Voice
from handoff.ends import terms_of


def timer_handlers(settings: Settings, voice: Callable[[], Voice]) -> Mapping[str, Any]:
    """Return the handlers that `bot.delivery.timers` calls; `voice` returns the words in force then."""
    follow_ups = FollowUps(SqlShop, voice, settings)
    recalls, greetings = Recalls(voice, settings), Greetings(voice, settings)
    sale_timers = SaleTimers(
        lambda: announcement(voice(), settings.shop.zone),
        Telling(voice, settings.shop.language).fire,
    )
    back = BackInStock(SqlShop, voice, settings.shop.language)
    again = LookingAgain(SqlShop, voice, settings.shop.language)
    policy = settings.policy
    news = ParcelNews(
        SqlShop,
        voice,
        settings.shop.language,
        timedelta(hours=policy.stuck_h),
        told=policy.parcel_news,
    )
    return {
        "cart_followup": follow_ups.fire,
        "order_followup": follow_ups.fire,
        RECALL_ROUND: recalls.look,
        WAVE: recalls.write,
        leaving.TIMER: leaving.look,
        GREETING_ROUND: greetings.look,
        GREET: greetings.write,
        PARCEL_NEWS: news.fire,
        BACK_IN_STOCK: back.fire,
        PRICE_DROP: PriceDrops(SqlShop, voice, settings.shop.language).fire,
        LOOK_AGAIN: again.fire,
        complaints.TIMER: complaints.warn,
        clocks.TIMER: clocks.Winding(terms_of(settings).targets).fire,
        newcomers.TIMER: newcomers.Welcome(voice, settings.shop.language).fire,
        "csat": AskCsat(voice, settings.shop.language).fire,
        **sale_timers.handlers(),
        **VoteTimers(lambda: VoteWords(voice(), settings.shop.zone)).handlers(),
    }
