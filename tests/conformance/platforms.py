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
    """Run the case once on each stand; it is skipped where the platform lacks what it needs, with the reason."""
    return pytest.mark.parametrize("ready", [_param(name, needed) for name in STANDS], indirect=True)


def _param(name: str, needed: tuple[Can, ...]) -> Any:
    lacks = STANDS[name].lacks
    reason = next((lacks[can] for can in needed if can in lacks), None)
    marks = [pytest.mark.skip(reason=f"{name}: {reason}")] if reason else []
    return pytest.param(name, id=name, marks=marks)
