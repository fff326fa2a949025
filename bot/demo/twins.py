"""The stand-in platforms of the demo, with the people of the seed in them."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.applications import Starlette

from bot.clock import Clock
from bot.demo import shop
from bot.demo.seed import DEMO_GROUP, DEMO_USERS, STAFF, TELEGRAM, WECHAT
from connectors.twin.app import build_twin
from connectors.twin.telegram import TelegramTwin
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wecom import WeComTwin

SHOPPERS = (("wmQingheZhou", "周宁 Zhou Ning"), ("wmQingheXu", "徐然 Xu Ran"))
"""People who write to 微信客服; the shop has not met them."""
VISITORS = (("oMiniQingheHe", "何苗 He Miao"), ("oMiniQingheLu", "陆川 Lu Chuan"))
"""People in the mini-program."""
COLLEAGUES = (("xiaohe", "小禾 Xiaohe"), ("atang", "阿棠 A Tang"))
CUSTOMER_GROUPS = (("wrQingheVip", "青禾会员群 Qinghe members", "xiaohe"),)


@dataclass(frozen=True, slots=True)
class Twins:
    """One stand-in for each platform."""

    telegram: TelegramTwin
    wechat: WeChatTwin
    wecom: WeComTwin
    miniprogram: WeChatTwin

    def app(self) -> Starlette:
        """Return all of them as one web app."""
        return build_twin(self.telegram, self.wechat, self.wecom, self.miniprogram)


def make_twins(product_url: str, clock: Clock) -> Twins:
    """Return stand-ins that deliver to the product at `product_url`."""
    telegram = TelegramTwin(
        shop.TELEGRAM_TOKEN,
        "qinghe_demo_bot",
        users=[*((int(user.user), user.name) for user in DEMO_USERS if user.channel == TELEGRAM), *STAFF],
        groups=[(int(DEMO_GROUP), "青禾福利群 Qinghe deals")],
        clock=clock,
        privacy=False,
        forums=[(shop.STAFF_GROUP, "青禾客服 Qinghe staff")],
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
    miniprogram = WeChatTwin(
        shop.MINIPROGRAM_APP_ID,
        shop.MINIPROGRAM_APP_SECRET,
        shop.MINIPROGRAM_TOKEN,
        shop.MINIPROGRAM_AES_KEY,
        account_name="青禾小程序",
        users=VISITORS,
        callback_url=f"{product_url}/miniprogram/qinghe/callback",
        clock=clock,
        kind="miniprogram",
        root="/miniprogram",
    )
    wecom = WeComTwin(
        shop.WECOM_CORP_ID,
        agent_id=1_000_002,
        app_secret=shop.WECOM_SECRET,
        token=shop.WECOM_TOKEN,
        aes_key=shop.WECOM_AES_KEY,
        callback_url=f"{product_url}/kf/qinghe/callback",
        users=SHOPPERS,
        staff=COLLEAGUES,
        groups=CUSTOMER_GROUPS,
        clock=clock,
        open_kfid=shop.KF_ID,
        account_name="青禾客服",
    )
    return Twins(telegram, wechat, wecom, miniprogram)
