"""The demo's settings: the shop 青禾 / Qinghe on all its channels, as a plain shop.toml."""

from __future__ import annotations

import tomllib

from bot.settings import Settings, parse_settings

TELEGRAM_TOKEN = "1000001:demo-token-of-the-twin-0123456789abcdef"
TELEGRAM_SECRET = "demo-webhook-secret"
WECHAT_APP_ID = "wxdemoqinghe00001"
WECHAT_APP_SECRET = "demo-app-secret"
WECHAT_TOKEN = "demotoken"
WECHAT_AES_KEY = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
MINIPROGRAM_APP_ID = "wxdemoqinghe00002"
MINIPROGRAM_APP_SECRET = "demo-miniprogram-secret"
MINIPROGRAM_TOKEN = "demominitoken"
MINIPROGRAM_AES_KEY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijk012345"
WECOM_CORP_ID = "wwdemoqinghe000001"
WECOM_SECRET = "demo-wecom-secret"
WECOM_TOKEN = "demowecomtoken"
WECOM_AES_KEY = "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJ"
KF_ID = "wkDemoQinghe"
STAFF_GROUP = -1_001_000_000_900
"""The Telegram group in which the demo's people answer customers, one topic each."""

SHOP_TOML = """\
# The demo's shop. It is an ordinary shop.toml: only the addresses of the platforms lead to the twins on this machine.
[shop]
name = {{ zh = "青禾", en = "Qinghe" }}
language = "zh"
time_zone = "Asia/Shanghai"
phone = "400-000-0000"
email = "service@qinghe.example"
address = {{ zh = "杭州市拱墅区小河路 12 号", en = "12 Xiaohe Road, Gongshu, Hangzhou" }}

[returns]
hygiene = ["underwear"]

[returns.address]
zh = "杭州市余杭区青禾仓 3 号库 退货组 收，400-000-0000"
en = "Returns, Qinghe Warehouse 3, Yuhang, Hangzhou, 400-000-0000"

[server]
host = "127.0.0.1"
port = {port}

[store]
url = "sqlite:///data/zhanggui.db"

[channels.web.shop]

[channels.telegram.shopbot]
token = {{ file = "data/telegram-token" }}
webhook_secret = {{ file = "data/telegram-secret" }}
mode = "webhook"
staff_group = {staff_group}
api_base = "http://127.0.0.1:{port}/twin/telegram"

[channels.wechat.gh_qinghe]
app_id = "{app_id}"
app_secret = {{ file = "data/wechat-app-secret" }}
token = {{ file = "data/wechat-token" }}
aes_key = {{ file = "data/wechat-aes-key" }}
api_base = "http://127.0.0.1:{port}/twin/wechat"

[channels.miniprogram.qinghe]
app_id = "{miniprogram_app_id}"
app_secret = {{ file = "data/miniprogram-app-secret" }}
token = {{ file = "data/miniprogram-token" }}
aes_key = {{ file = "data/miniprogram-aes-key" }}
api_base = "http://127.0.0.1:{port}/twin/miniprogram"

[channels.kf.qinghe]
corp_id = "{corp_id}"
secret = {{ file = "data/wecom-secret" }}
open_kfid = "{kf_id}"
token = {{ file = "data/wecom-token" }}
aes_key = {{ file = "data/wecom-aes-key" }}
api_base = "http://127.0.0.1:{port}/twin/wecom"

[channels.wecom.qinghe]
corp_id = "{corp_id}"
secret = {{ file = "data/wecom-secret" }}
api_base = "http://127.0.0.1:{port}/twin/wecom"
"""

RECALL_PLAN = """\
# Calls back customers who have not bought for a month; see docs/how-to/recall-customers.md
id: recall-demo
kind: recall
segment:
  last_purchase_days: {from: 30, to: 59}
  channels: [telegram:shopbot]
coupon: {code: BACK20, amount: "20.00", least: "99.00", days: 7}
"""

SECRETS = {  # they open nothing but the twins on this machine
    "telegram-token": TELEGRAM_TOKEN,
    "telegram-secret": TELEGRAM_SECRET,
    "wechat-app-secret": WECHAT_APP_SECRET,
    "wechat-token": WECHAT_TOKEN,
    "wechat-aes-key": WECHAT_AES_KEY,
    "miniprogram-app-secret": MINIPROGRAM_APP_SECRET,
    "miniprogram-token": MINIPROGRAM_TOKEN,
    "miniprogram-aes-key": MINIPROGRAM_AES_KEY,
    "wecom-secret": WECOM_SECRET,
    "wecom-token": WECOM_TOKEN,
    "wecom-aes-key": WECOM_AES_KEY,
}


def demo_toml(port: int) -> str:
    return SHOP_TOML.format(
        port=port,
        app_id=WECHAT_APP_ID,
        miniprogram_app_id=MINIPROGRAM_APP_ID,
        corp_id=WECOM_CORP_ID,
        kf_id=KF_ID,
        staff_group=STAFF_GROUP,
    )


def demo_settings(port: int = 8080) -> Settings:
    """Return the demo's settings without writing anything."""
    return parse_settings(tomllib.loads(demo_toml(port)), "the demo's shop.toml")
