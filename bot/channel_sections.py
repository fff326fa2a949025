"""The section `[channels]` of shop.toml: one table for each account on each platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bot.sections import Secret, Section


class WebChannel(Section):
    origins: tuple[str, ...] = ()
    """Sites that may embed the chat, e.g. `https://shop.example.com`."""


class TelegramChannel(Section):
    token: Secret
    """The bot's token, from @BotFather."""
    webhook_secret: Secret | None = None
    """Needed for `mode = "webhook"`: Telegram repeats it in a header."""
    mode: Literal["polling", "webhook"] = "polling"
    """`polling` needs no public address; `webhook` is quicker."""
    staff_group: int | None = Field(default=None, le=-1_000_000_000_000)
    """Number of the group with topics in which your people answer the customers of all channels, `-100…`."""
    api_base: str = "https://api.telegram.org"
    """Root of the Bot API; change it for a Bot API server of your own."""


class WeChatNotice(Section):
    template: str
    """Id of the template, from the account's own list of templates."""
    road: Literal["subscription", "template"]
    """`subscription`: a notice that the customer asked for; `template`: a service notice, never marketing."""
    fields: Mapping[str, str]
    """For each field of the template the value it shows, e.g. `{ thing1 = "product", amount2 = "total" }`."""


class WeChatChannel(Section):
    app_id: str
    """The account's AppID."""
    app_secret: Secret
    """The account's AppSecret."""
    token: Secret
    """The token of the server configuration."""
    aes_key: Secret | None = None
    """The EncodingAESKey, 43 characters; the message mode must be "safe". Needed unless `kind` is `test`."""
    kind: Literal["verified_service", "verified_subscription", "unverified", "test"] = Field(
        default="verified_service", validate_default=True
    )
    """What the account may do. `test` is WeChat's free test account, whose messages come unencrypted: whoever sees one
    request could forge others."""
    notices: dict[str, WeChatNotice] = {}
    """Templates by the name of the notice they carry, e.g. `cart`, `shipped`."""
    api_base: str = "https://api.weixin.qq.com"
    """Root of the API; change it for a proxy of your own."""

    @field_validator("kind")
    @classmethod
    def _key_unless_test(cls, value: str, info: ValidationInfo) -> str:
        has_key = info.data.get("aes_key") is not None
        if value == "test" and has_key:
            raise ValueError("a test account has no `aes_key`; remove one of the two")
        if value != "test" and not has_key:
            raise ValueError('`aes_key` is missing; add it, or set `kind = "test"` for a free test account')
        return value


class MiniProgramChannel(Section):
    app_id: str
    """The mini-program's AppID."""
    app_secret: Secret
    """The mini-program's AppSecret."""
    token: Secret
    """The token of its message push."""
    aes_key: Secret
    """The EncodingAESKey, 43 characters; the mode must be "safe" and the format XML."""
    api_base: str = "https://api.weixin.qq.com"
    """Root of the API; change it for a proxy of your own."""


class KfChannel(Section):
    corp_id: str
    """The company's id (企业ID)."""
    secret: Secret
    """Secret of the app that may call the account's API."""
    open_kfid: str
    """Id of the customer-service account, `wk…`."""
    token: Secret
    """Token of the app's "receive messages" page."""
    aes_key: Secret
    """EncodingAESKey of the same page, 43 characters."""
    api_base: str = "https://qyapi.weixin.qq.com"
    """Root of the API; change it for a proxy of your own."""


_FewTexts = Annotated[tuple[str, ...], Field(min_length=1, max_length=5)]


class WeComChannel(Section):
    corp_id: str
    """The company's id (企业ID)."""
    secret: Secret
    """Secret of an app that may use customer contact (客户联系)."""
    remind_after_min: int = Field(default=30, ge=1)
    """Minutes until staff who did not confirm a group message are reminded, and between reminders."""
    give_up_after_h: int = Field(default=24, ge=1)
    """Hours after which a group message that nobody confirmed is cancelled."""
    robot: Secret | None = None
    """Key of a group robot that tells the staff what needs them: the end of its address, after `key=`."""
    join_ways: dict[Annotated[str, Field(max_length=30)], _FewTexts] = {}
    """Codes into customer groups: for each the ids of up to 5 groups, by where it hangs (up to 30 characters)."""
    api_base: str = "https://qyapi.weixin.qq.com"
    """Root of the API; change it for a proxy of your own."""


class OtherChannel(Section):
    connector: str
    """Where the class of your connector is, e.g. `parcelchat.connector:ParcelChat`; see `zhanggui new connector`."""
    options: dict[str, str | int | bool] = {}
    """Passed to the class by name."""
    secrets: dict[str, Secret] = {}
    """Secrets, passed to the class by name as well."""


class Channels(Section):
    web: dict[str, WebChannel] = {}
    """Web chats by name."""
    telegram: dict[str, TelegramChannel] = {}
    """Telegram bots by name."""
    wechat: dict[str, WeChatChannel] = {}
    """WeChat official accounts by name."""
    miniprogram: dict[str, MiniProgramChannel] = {}
    """WeChat mini-programs by name, for the customer chat inside them."""
    kf: dict[str, KfChannel] = {}
    """Accounts of 微信客服 (WeCom's customer service inside WeChat) by name."""
    wecom: dict[str, WeComChannel] = {}
    """Companies in WeCom by name, for messages to customer groups."""
    other: dict[str, OtherChannel] = {}
    """Channels of connectors of your own, by name."""

    def names(self) -> frozenset[str]:
        """Return the names of all channels, as `telegram:shopbot`."""
        return frozenset(f"{kind}:{name}" for kind, named in self for name in named)
