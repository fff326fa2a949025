"""The stand-in platforms of the demo, with the people of the seed in them."""

from __future__ import annotations

from bot.clock import Clock
from bot.demo import shop
from bot.demo.seed import DEMO_GROUP, DEMO_USERS, TELEGRAM, WECHAT
from connectors.twin.telegram import TelegramTwin
from connectors.twin.wechat import WeChatTwin


def make_twins(product_url: str, clock: Clock) -> tuple[TelegramTwin, WeChatTwin]:
    """Return a Telegram and a WeChat that deliver to the product at `product_url`."""
    telegram = TelegramTwin(
        shop.TELEGRAM_TOKEN,
        "qinghe_demo_bot",
        users=[(int(user.user), user.name) for user in DEMO_USERS if user.channel == TELEGRAM],
        groups=[(int(DEMO_GROUP), "青禾福利群 Qinghe deals")],
        clock=clock,
        privacy=False,
    )
    wechat = WeChatTwin(
        shop.WECHAT_APP_ID,
        shop.WECHAT_APP_SECRET,
        shop.WECHAT_TOKEN,
        shop.WECHAT_AES_KEY,
        account_name="青禾",
        users=[(user.user, user.name) for user in DEMO_USERS if user.channel == WECHAT],
        callback_url=f"{product_url}/wechat/gh_qinghe/callback",
        clock=clock,
    )
    return telegram, wechat
