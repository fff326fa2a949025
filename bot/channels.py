"""Makes the connectors that shop.toml asks for."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bot.channel_sections import KfChannel, MiniProgramChannel, TelegramChannel, WeChatChannel, WeComChannel
from bot.clock import Clock, IdMaker
from bot.connector import Connector
from bot.messages import Rate
from bot.settings import Settings
from connectors.plugins import make_plugin
from connectors.webchat.connector import WebChatConnector
from connectors.webchat.transcript import Transcript

if TYPE_CHECKING:
    from connectors.telegram.connector import TelegramConnector
    from connectors.wecom.robot import StaffRobot


def make_connectors(
    settings: Settings, folder: Path, clock: Clock, new_id: IdMaker, transcript: Transcript
) -> list[Connector]:
    """Return one connector for each channel.

    Raises:
        SettingsError: a secret is missing or has the wrong form.
    """
    connectors: list[Connector] = []
    for name, web in settings.channels.web.items():
        secret = settings.server.secret.read(folder, "server.secret")
        shop = {str(language): text for language, text in settings.shop.name.items()}
        connectors.append(
            WebChatConnector(
                f"web:{name}",
                secret=secret,
                shop=shop,
                transcript=transcript,
                clock=clock,
                new_id=new_id,
                origins=web.origins,
            )
        )
    for name, telegram in settings.channels.telegram.items():
        connectors.append(telegram_connector(name, telegram, settings, folder, clock))
    for name, wechat in settings.channels.wechat.items():
        connectors.append(_wechat(name, wechat, folder, clock))
    for name, miniprogram in settings.channels.miniprogram.items():
        connectors.append(_miniprogram(name, miniprogram, folder, clock))
    for name, kf in settings.channels.kf.items():
        connectors.append(_kf(name, kf, folder, clock))
    for name, wecom in settings.channels.wecom.items():
        connectors.append(_wecom(name, wecom, folder, clock))
    for name, other in settings.channels.other.items():
        key = f"channels.other.{name}.secrets"
        secrets = {option: secret.read(folder, f"{key}.{option}") for option, secret in other.secrets.items()}
        connectors.append(make_plugin(other.connector, f"other:{name}", clock, {**other.options, **secrets}))
    return connectors


def public_url(settings: Settings) -> str:
    return settings.server.public_url.rstrip("/") or f"http://{settings.server.host}:{settings.server.port}"


def telegram_connector(
    name: str, channel: TelegramChannel, settings: Settings, folder: Path, clock: Clock
) -> TelegramConnector:
    """Return the connector of one Telegram bot.

    Raises:
        SettingsError: a secret is missing or has the wrong form.
    """
    from connectors.telegram.connector import TelegramConnector  # loads python-telegram-bot: only where it is used

    key = f"channels.telegram.{name}"
    secret = channel.webhook_secret.read(folder, f"{key}.webhook_secret") if channel.webhook_secret else ""
    return TelegramConnector(
        f"telegram:{name}",
        token=channel.token.read(folder, f"{key}.token"),
        webhook_secret=secret,
        mode=channel.mode,
        public_url=public_url(settings),
        clock=clock,
        api_base=channel.api_base,
        staff_group=str(channel.staff_group or ""),
    )


def _wechat(name: str, channel: WeChatChannel, folder: Path, clock: Clock) -> Connector:
    from connectors.wechat.account import Account, Form, Kind  # loads wechatpy: only where it is used
    from connectors.wechat.connector import WeChatConnector

    key = f"channels.wechat.{name}"
    forms = {notice: Form(form.template, form.road, form.fields) for notice, form in channel.notices.items()}
    return WeChatConnector(
        Account(f"wechat:{name}", channel.app_id, Kind(channel.kind), forms),
        app_secret=channel.app_secret.read(folder, f"{key}.app_secret"),
        token=channel.token.read(folder, f"{key}.token"),
        aes_key=channel.aes_key.read(folder, f"{key}.aes_key") if channel.aes_key else "",
        clock=clock,
        api_base=channel.api_base,
    )


def _miniprogram(name: str, channel: MiniProgramChannel, folder: Path, clock: Clock) -> Connector:
    from connectors.wechat.account import Account, Kind  # loads wechatpy: only where it is used
    from connectors.wechat.connector import WeChatConnector

    key = f"channels.miniprogram.{name}"
    return WeChatConnector(
        Account(f"miniprogram:{name}", channel.app_id, Kind.MINI_PROGRAM),
        app_secret=channel.app_secret.read(folder, f"{key}.app_secret"),
        token=channel.token.read(folder, f"{key}.token"),
        aes_key=channel.aes_key.read(folder, f"{key}.aes_key"),
        clock=clock,
        api_base=channel.api_base,
    )


def _kf(name: str, channel: KfChannel, folder: Path, clock: Clock) -> Connector:
    from connectors.wecom.kf import KfConnector  # loads wechatpy: only where it is used

    key = f"channels.kf.{name}"
    return KfConnector(
        f"kf:{name}",
        corp_id=channel.corp_id,
        secret=channel.secret.read(folder, f"{key}.secret"),
        open_kfid=channel.open_kfid,
        token=channel.token.read(folder, f"{key}.token"),
        aes_key=channel.aes_key.read(folder, f"{key}.aes_key"),
        clock=clock,
        api_base=channel.api_base,
    )


def _wecom(name: str, channel: WeComChannel, folder: Path, clock: Clock) -> Connector:
    from connectors.wecom.groups import GroupsConnector  # loads httpx: only where it is used

    return GroupsConnector(
        f"wecom:{name}",
        corp_id=channel.corp_id,
        secret=channel.secret.read(folder, f"channels.wecom.{name}.secret"),
        clock=clock,
        api_base=channel.api_base,
        remind_after=timedelta(minutes=channel.remind_after_min),
        give_up_after=timedelta(hours=channel.give_up_after_h),
        join_ways=channel.join_ways,
    )


def staff_groups(settings: Settings) -> dict[str, str]:
    """Return the groups in which the staff answer customers, by channel."""
    channels = settings.channels.telegram.items()
    return {f"telegram:{name}": str(telegram.staff_group) for name, telegram in channels if telegram.staff_group}


def rates_of(settings: Settings, day: date) -> dict[str, Rate]:
    """Return how fast each channel may send to many people, where its platform says so."""
    from connectors.rights import rights_on
    from connectors.telegram.connector import RIGHTS

    rate = rights_on(day, RIGHTS).rates["overall"]
    return {f"telegram:{name}": rate for name in settings.channels.telegram}


def has_robots(settings: Settings) -> bool:
    """Return whether the staff are told in a group what needs them."""
    return any(wecom.robot is not None for wecom in settings.channels.wecom.values())


def staff_robots(settings: Settings, folder: Path, clock: Clock) -> list[StaffRobot]:
    """Return the group robots that tell the staff what needs them.

    Raises:
        SettingsError: a key is missing.
    """
    from connectors.wecom.robot import StaffRobot  # loads httpx: only where it is used

    return [
        StaffRobot(wecom.robot.read(folder, f"channels.wecom.{name}.robot"), clock.now().date(), wecom.api_base)
        for name, wecom in settings.channels.wecom.items()
        if wecom.robot is not None
    ]
