"""The starter set that ships with the program, and the folder `init` makes from it."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from bot.errors import SettingsError

PARTS = ("knowledge", "intents")


def starter_folder() -> Path:
    """Return the folder that holds `knowledge/` and `intents/`: in the wheel beside this module, else the checkout."""
    packaged = Path(__file__).parent / "starter"
    return packaged if packaged.is_dir() else Path(__file__).parents[1]


def make_shop(folder: Path, shop_toml: str) -> None:
    """Make a shop's folder: the starter set, `shop.toml` and fresh secrets.

    Raises:
        SettingsError: the folder holds a shop or parts of one already, or cannot be written.
    """
    try:
        for name in ("shop.toml", *PARTS, "data"):
            if (folder / name).exists():
                raise SettingsError(f"{folder} holds {name} already, which stays as it is. Choose another folder")
        (folder / "data").mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            shutil.copytree(starter_folder() / part, folder / part, dirs_exist_ok=True)
        for name in ("secret", "api-key"):
            path = folder / "data" / name
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(32) + "\n", encoding="utf-8")
        (folder / "shop.toml").write_text(shop_toml, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error.strerror or error}. Choose another folder") from error


SHOP_TOML = """\
# Your shop. Every key is in the docs, "Settings"; `zhanggui check` tells what is wrong here.
[shop]
name = { zh = "我的店", en = "My shop" }
language = "zh"
time_zone = "Asia/Shanghai"
opens = 09:00:00
closes = 23:00:00
phone = ""
email = ""

[policy]                        # what answers and skills say; amounts in minor units (9900 is 99.00)
return_days = 7
exchange_days = 15
dispatch_h = 48
refund_days = 3
price_protection_days = 15
presale_days = 15
order_close_h = 24
stuck_h = 72
parcel_news = true
free_shipping_minor = 9900
shipping_fee_minor = 1000
hmt_fee_minor = 3500
coupon_new_minor = 2000
points_per_yuan = 1

[returns]                       # the rules of returns beside the days above; products by id or by category
fault_days = 30
send_days = 7
# address = { zh = "…", en = "…" }
# custom_made = []
# final_sale = []
# hygiene = []

[server]
host = "127.0.0.1"
port = 8080
# public_url = "https://bot.example.com"

[store]
url = "sqlite:///data/zhanggui.db"

[channels.web.shop]

# [channels.telegram.shopbot]                 # from @BotFather
# token = { env = "TELEGRAM_TOKEN" }
# mode = "polling"

# [channels.wechat.gh_1]                      # from the account's settings page
# app_id = "wx..."
# app_secret = { env = "WECHAT_APP_SECRET" }
# token = { env = "WECHAT_TOKEN" }
# aes_key = { env = "WECHAT_AES_KEY" }        # message mode "safe"; for a free test account: kind = "test"
"""
