"""Makes the connectors that shop.toml asks for."""

from __future__ import annotations

from pathlib import Path

from bot.clock import Clock, IdMaker
from bot.connector import Connector
from bot.settings import Settings, TelegramChannel, WeChatChannel
from connectors.webchat.connector import WebChatConnector
from connectors.webchat.transcript import Transcript


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
        connectors.append(_telegram(name, telegram, settings, folder, clock))
    for name, wechat in settings.channels.wechat.items():
        connectors.append(_wechat(name, wechat, folder, clock))
    return connectors


def public_url(settings: Settings) -> str:
    return settings.server.public_url.rstrip("/") or f"http://{settings.server.host}:{settings.server.port}"


def _telegram(name: str, channel: TelegramChannel, settings: Settings, folder: Path, clock: Clock) -> Connector:
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
    )


def _wechat(name: str, channel: WeChatChannel, folder: Path, clock: Clock) -> Connector:
    from connectors.wechat.connector import WeChatConnector  # loads wechatpy: only where it is used

    key = f"channels.wechat.{name}"
    return WeChatConnector(
        f"wechat:{name}",
        app_id=channel.app_id,
        app_secret=channel.app_secret.read(folder, f"{key}.app_secret"),
        token=channel.token.read(folder, f"{key}.token"),
        aes_key=channel.aes_key.read(folder, f"{key}.aes_key") if channel.aes_key else "",
        clock=clock,
        api_base=channel.api_base,
        test_account=channel.test_account,
    )
