"""Which bot a channel is, and the checks of its settings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.errors import SettingsError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CHANNEL = re.compile(r"telegram:[A-Za-z0-9_-]+")
_TOKEN = re.compile(r"(\d+):\S+")
_SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class Account:
    """The bot as Telegram knows it.

    Attributes:
        bot_id: the number before the colon of the token.
        username: without `@`; empty while it is not known yet.
        staff_group: id of the group with topics in which the staff answer; empty if there is none.
    """

    channel: str
    bot_id: str
    username: str = ""
    staff_group: str = ""


def check(channel: str, token: str, secret: str, mode: str, public_url: str, api_base: str) -> None:
    """Refuse settings that cannot work.

    Raises:
        SettingsError: it names the setting and what it has to be.
    """
    if not _CHANNEL.fullmatch(channel):
        raise SettingsError(f"The channel {channel!r} must be telegram: and a name of letters, digits, _ or -.")
    if not _TOKEN.fullmatch(token):
        raise SettingsError(f"The token of {channel} is not one that BotFather gives: 123456:ABC….")
    if mode not in ("webhook", "polling"):
        raise SettingsError(f"The mode of {channel} must be webhook or polling, not {mode!r}.")
    if mode == "webhook" and not _SECRET.fullmatch(secret):
        raise SettingsError(f"The webhook secret of {channel} must be 1 to 256 characters of A-Z, a-z, 0-9, _ and -.")
    if mode == "webhook" and not urlsplit(public_url).hostname:
        raise SettingsError(f"{channel} needs the public address of this server for its webhook, or polling mode.")
    address = urlsplit(api_base)
    if not address.hostname or (address.scheme != "https" and address.hostname not in LOOPBACK):
        raise SettingsError(f"The API address of {channel} must be https: the token travels in it.")
