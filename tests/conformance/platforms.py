"""The stands, and the mark that runs a case on each that can do what the case needs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.stand import Can
from tests.conformance.stands.parcels import ParcelsStand
from tests.conformance.stands.telegram import PollingStand, TelegramStand
from tests.conformance.stands.webchat import WebChatStand
from tests.conformance.stands.wechat import MiniProgramStand, WeChatStand
from tests.conformance.stands.wecom import GroupsStand, KfStand

STANDS: dict[str, Any] = {
    "parcels": ParcelsStand,
    "telegram": TelegramStand,
    "polling": PollingStand,
    "wechat": WeChatStand,
    "miniprogram": MiniProgramStand,
    "kf": KfStand,
    "groups": GroupsStand,
    "webchat": WebChatStand,
}


def on_stands(*needed: Can) -> pytest.MarkDecorator:
    """Run the case once on each stand whose platform can do what it needs; `lacks` of the others says why not."""
    able = [name for name, stand in STANDS.items() if not any(can in stand.lacks for can in needed)]
    return pytest.mark.parametrize("ready", able, indirect=True)
