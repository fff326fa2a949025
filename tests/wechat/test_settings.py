"""Settings of a WeChat channel that are refused before anything is called, and what a shop.toml makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.channels import make_connectors
from bot.clock import SystemClock, new_id
from bot.errors import SettingsError
from bot.messages import Notice, Purpose
from bot.settings import parse_settings
from connectors.wechat.account import Kind
from tests.wechat.stage import AES_KEY, Watch, a_message, make_connector


@pytest.mark.parametrize(
    "changed",
    [
        {"app_id": ""},
        {"app_secret": ""},
        {"token": ""},
        {"aes_key": ""},
        {"aes_key": AES_KEY[:-1]},
        {"aes_key": AES_KEY[:-1] + "!"},
        {"kind": Kind.TEST, "aes_key": AES_KEY},
        {"kind": Kind.TEST, "token": ""},
        {"kind": Kind.MINI_PROGRAM, "channel": "wechat:mini"},
        {"channel": "miniprogram:mini"},
        {"channel": "wechat:a/b"},
        {"api_base": "http://weixin.example.com"},
        {"api_base": "ftp://127.0.0.1"},
        {"api_base": "api.weixin.qq.com"},
    ],
)
def test_settings_that_would_not_be_safe_are_refused(changed: dict[str, Any]) -> None:
    base = changed.pop("api_base", "https://api.weixin.qq.com")
    with pytest.raises(SettingsError):
        make_connector(base, Watch(), **changed)


def test_a_shops_file_makes_an_account_with_notices_and_a_mini_program(tmp_path: Path) -> None:
    for name, secret in (("secret", "s"), ("token", "t"), ("key", AES_KEY)):
        (tmp_path / name).write_text(secret)
    secrets = {"app_secret": {"file": "secret"}, "token": {"file": "token"}, "aes_key": {"file": "key"}}
    cart = {"template": "T1", "road": "subscription", "fields": {"thing1": "product"}}
    channels = {
        "wechat": {"gh_1": {"app_id": "wx1", **secrets, "notices": {"cart": cart}}},
        "miniprogram": {"mini": {"app_id": "wx2", **secrets}},
    }
    shop = parse_settings({"shop": {"name": {"zh": "青禾"}}, "channels": channels}, "shop.toml")
    account, mini = make_connectors(shop, tmp_path, SystemClock(), new_id, transcript=None)  # type: ignore[arg-type]
    message = a_message("x", notice=Notice("cart", {"product": "大衣"}), purpose=Purpose.MARKETING)
    assert [road.name for road in account.roads(message)] == ["window", "subscription"]
    assert (account.channel, mini.channel) == ("wechat:gh_1", "miniprogram:mini")
