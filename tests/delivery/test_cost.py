"""What a message costs of a window, on each channel."""

from __future__ import annotations

import pytest

from bot.clock import IdMaker
from bot.connector import Connector
from bot.delivery.signal import Signal
from bot.messages import Chat, Choice, Outbound, Purpose
from bot.store.database import Database
from bot.transcript import StoredTranscript
from connectors.telegram.connector import TelegramConnector
from connectors.webchat.connector import WebChatConnector
from connectors.wechat.connector import WeChatConnector
from connectors.wechat.wire import texts
from tests.conftest import StandingClock

KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def a_message(text: str, *choices: Choice) -> Outbound:
    return Outbound("k", Chat("wechat:gh", "u1"), Purpose.REPLY, text, choices=choices)


@pytest.fixture
def wechat(clock: StandingClock) -> WeChatConnector:
    return WeChatConnector("wechat:gh", "wx1", "secret", "token", KEY, clock)


@pytest.mark.parametrize(("length", "cost"), [(0, 1), (1, 1), (682, 1), (683, 2), (1364, 2), (1365, 3)])
def test_wechat_takes_a_message_of_the_window_for_each_piece(wechat: WeChatConnector, length: int, cost: int) -> None:
    message = a_message("字" * length)
    assert wechat.cost(message) == cost
    assert len(texts(message)) == (cost if length else 0)


def test_the_choices_of_wechat_count_with_the_text(wechat: WeChatConnector) -> None:
    text = "字" * 680
    assert wechat.cost(a_message(text)) == 1
    assert wechat.cost(a_message(text, Choice("yes", "是的"))) == 2


async def test_where_nothing_is_counted_a_message_costs_one(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    shop = {"zh": "店", "en": "Shop"}
    transcript = StoredTranscript(database, Signal())
    connectors: list[Connector] = [
        TelegramConnector("telegram:bot", "1:t", "s", "polling", "", clock),
        WebChatConnector("web:shop", secret="s" * 16, shop=shop, transcript=transcript, clock=clock, new_id=new_id),
    ]
    assert [connector.cost(a_message("字" * 9000)) for connector in connectors] == [1, 1]
