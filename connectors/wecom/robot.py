"""The group robot: short words to the shop's own people (WeCom: 消息推送配置说明 / Group Robot)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import httpx

from bot.errors import SettingsError
from bot.messages import Limits, Receipt, SendStatus
from connectors.rights import rights_on
from connectors.wechat.texts import split
from connectors.wecom.answers import NoAnswer, RefusedCall, receipt_for
from connectors.wecom.api import OFFICIAL_BASE, TIMEOUT_S, answer_of, checked_base, request

RIGHTS = Path(__file__).with_name("robot.toml")


class StaffRobot:
    """Speaks in one group of the staff. It cannot be in a group with customers, and it cannot hear.

    Attributes:
        limits: to be kept by the caller; WeCom silences a robot that is too loud.
    """

    def __init__(self, key: str, today: date, api_base: str = OFFICIAL_BASE) -> None:
        """Check the settings; nothing is called yet.

        Args:
            key: what follows `key=` in the robot's address. It is a secret: whoever has it can speak in the group.

        Raises:
            SettingsError: the key is empty, or the address is not safe.
        """
        if not key:
            raise SettingsError("WeCom: the robot's key must not be empty. Copy it from the end of its address.")
        rights = rights_on(today, RIGHTS)
        self.limits = Limits(overall=rights.rates["overall"])
        self._text_bytes = rights.limits["text_bytes"]
        self._key = key
        self._http = httpx.AsyncClient(base_url=checked_base(api_base), timeout=TIMEOUT_S, trust_env=False)

    async def say(self, text: str) -> Receipt:
        """Send `text`; what is too long for one message is left out."""
        pieces = split(text, self._text_bytes)
        if not pieces:
            return Receipt(SendStatus.REFUSED, reason="nothing to send")
        body = {"msgtype": "text", "text": {"content": pieces[0]}}
        try:
            params = {"key": self._key}
            answer_of("webhook/send", await request(self._http, "POST", "/cgi-bin/webhook/send", params, json=body))
        except (RefusedCall, NoAnswer) as fault:
            return receipt_for(fault)
        return Receipt(SendStatus.SENT)

    async def stop(self) -> None:
        await self._http.aclose()
