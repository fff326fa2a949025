"""`shop.toml` and `ZHANGGUI_*` variables, read once into frozen settings. Unknown or wrong keys are errors."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from rapidfuzz import process

from bot.errors import SettingsError

PREFIX = "ZHANGGUI_"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _clock_time(value: object) -> object:
    """Refuse `opens = 9`, which would be nine seconds past midnight."""
    if isinstance(value, (int, float)):
        raise ValueError(f"a time of day is expected; write {int(value) % 24:02}:00:00")  # noqa: TRY004
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""A time of day, `09:00:00` in TOML."""


class Secret(_Section):
    """Where a secret is kept. Secrets never stand in shop.toml itself."""

    env: str | None = None
    """Name of the environment variable that holds it."""
    file: Path | None = None
    """Path of the file that holds it, relative to the shop's folder."""

    def read(self, folder: Path, key: str) -> str:
        """Return the secret.

        Raises:
            SettingsError: it is missing or empty.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "").strip()
            where, fix = f"the variable {self.env}", f"export {self.env}=…"
        elif self.file is not None:
            path = folder / self.file
            try:
                value = path.read_text(encoding="utf-8-sig").strip() if path.is_file() else ""
            except (OSError, UnicodeDecodeError) as error:  # `error` may hold the file's bytes: only its kind is told
                why = getattr(error, "strerror", None) or "it is not text"
                raise SettingsError(f"shop.toml: {key}: the file {path} cannot be read: {why}") from None
            where, fix = f"the file {path}", "write the secret into it"
        else:
            raise SettingsError(f'shop.toml: {key}: say where the secret is: {{ env = "NAME" }} or {{ file = "path" }}')
        if not value:
            raise SettingsError(f"shop.toml: {key}: {where} is missing or empty: {fix}")
        return value


class Shop(_Section):
    name: Mapping[str, str]
    """The shop's name by language."""
    time_zone: str = "Asia/Shanghai"
    """IANA name; opening and quiet hours are in it."""
    currency: str = "CNY"
    """ISO 4217 code of amounts in `[policy]`."""
    language: Literal["zh", "en"] = "zh"
    """Language for customers whose own is not known yet."""
    opens: ClockTime = time(9)
    """When people begin to answer."""
    closes: ClockTime = time(23)
    """When people stop answering."""
    phone: str = ""
    """Shown to customers."""
    email: str = ""
    """Shown to customers."""
    address: Mapping[str, str] = {}
    """Of the showroom, by language."""
    order_number: str = "(QH)[ -]?([0-9]{8,12})"
    """What an order number looks like, as a regular expression in any case, e.g. `SO-[0-9]{6}` for SO-100234.
    The order is looked up in capitals: by what the groups matched, joined, or by the whole where there are none."""

    @field_validator("order_number")
    @classmethod
    def _matches_numbers_only(cls, value: str) -> str:
        try:
            matches_nothing = re.search(f"(?:{value})", "") is not None
        except re.error as error:
            raise ValueError(f"no regular expression ({error}); for A-1234 write 'A-[0-9]{{4}}'") from None
        if matches_nothing:
            raise ValueError("it matches an empty text too; for A-1234 write 'A-[0-9]{4}'")
        return value

    @field_validator("name", "address")
    @classmethod
    def _known_languages(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if unknown := set(value) - {"zh", "en"}:
            raise ValueError(f"{min(unknown)!r} is not a language here; use zh and en")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            near = process.extractOne(value, sorted(available_timezones()))
            raise ValueError(f"there is no time zone {value!r}; did you mean {near[0]!r}?")
        return value

    def is_open(self, now: datetime) -> bool:
        """Return whether people answer at `now` (aware)."""
        return self.opens <= now.astimezone(self.zone).time() < self.closes

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Policy(_Section):
    return_days: int = Field(default=7, ge=0)
    """Days after delivery in which a return needs no reason."""
    exchange_days: int = Field(default=15, ge=0)
    """Days after delivery in which a piece can be exchanged."""
    dispatch_h: int = Field(default=48, ge=0)
    """Hours from payment to dispatch."""
    refund_days: int = Field(default=3, ge=0)
    """Working days from arrival of a return to the refund."""
    price_protection_days: int = Field(default=15, ge=0)
    """Days after payment in which a lower price is paid back."""
    order_close_h: int = Field(default=24, ge=1)
    """Hours after which an unpaid order closes."""
    presale_days: int = Field(default=15, ge=0)
    """Longest wait of a pre-sale, in days."""
    free_shipping_minor: int = Field(default=9900, ge=0)
    """Order total from which shipping is free, in minor units."""
    shipping_fee_minor: int = Field(default=1000, ge=0)
    """Shipping fee on the mainland, in minor units."""
    hmt_fee_minor: int = Field(default=3500, ge=0)
    """Shipping fee to Hong Kong, Macau and Taiwan, in minor units."""
    coupon_new_minor: int = Field(default=2000, ge=0)
    """Coupon for new customers, in minor units."""
    points_per_yuan: int = Field(default=1, ge=0)
    """Points for each unit of money spent."""
    quiet_from: ClockTime = time(21)
    """No marketing from this time on, in the shop's time zone."""
    quiet_until: ClockTime = time(9)
    """Marketing may be sent again from this time on."""
    marketing_per_day: int = Field(default=1, ge=0)
    """Marketing messages to one person in 24 hours, over all channels."""


class Server(_Section):
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port to listen on."""
    public_url: str = ""
    """Address the platforms reach, e.g. `https://bot.example.com`; empty: the listening address."""
    secret: Secret = Secret(file=Path("data/secret"))
    """Signs web-chat visitors and console cookies; `init` writes one."""
    api_key: Secret = Secret(file=Path("data/api-key"))
    """Bearer key of the shop's events; `init` writes one."""


class Store(_Section):
    url: str = "sqlite:///data/zhanggui.db"
    """`sqlite:///path` (relative to the shop's folder) or `postgresql+psycopg://user@host/name`."""


class Retention(_Section):
    messages_days: int = Field(default=365, ge=1)
    """Days after which messages, notes and finished tasks are deleted."""
    media_days: int = Field(default=90, ge=1)
    """Days after which pictures and voices are deleted."""


class WebChannel(_Section):
    origins: tuple[str, ...] = ()
    """Sites that may embed the chat, e.g. `https://shop.example.com`."""


class TelegramChannel(_Section):
    token: Secret
    """The bot's token, from @BotFather."""
    webhook_secret: Secret | None = None
    """Needed for `mode = "webhook"`: Telegram repeats it in a header."""
    mode: Literal["polling", "webhook"] = "polling"
    """`polling` needs no public address; `webhook` is quicker."""
    api_base: str = "https://api.telegram.org"
    """Root of the Bot API; change it for a Bot API server of your own."""


class WeChatNotice(_Section):
    template: str
    """Id of the template, from the account's own list of templates."""
    road: Literal["subscription", "template"]
    """`subscription`: a notice that the customer asked for; `template`: a service notice, never marketing."""
    fields: Mapping[str, str]
    """For each field of the template the value it shows, e.g. `{ thing1 = "product", amount2 = "total" }`."""


class WeChatChannel(_Section):
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


class MiniProgramChannel(_Section):
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


class KfChannel(_Section):
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


class WeComChannel(_Section):
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
    api_base: str = "https://qyapi.weixin.qq.com"
    """Root of the API; change it for a proxy of your own."""


class OtherChannel(_Section):
    connector: str
    """Where the class of your connector is, e.g. `parcelchat.connector:ParcelChat`; see `zhanggui new connector`."""
    options: dict[str, str | int | bool] = {}
    """Passed to the class by name."""
    secrets: dict[str, Secret] = {}
    """Secrets, passed to the class by name as well."""


class Channels(_Section):
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


class Settings(_Section):
    shop: Shop
    policy: Policy = Policy()
    server: Server = Server()
    store: Store = Store()
    retention: Retention = Retention()
    channels: Channels = Channels()


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """Read `folder/shop.toml`; `ZHANGGUI_SERVER__PORT=9000` and the like override single keys.

    Raises:
        SettingsError: the file is missing or unreadable, or a key is unknown or wrong.
    """
    path = folder / "shop.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{path} does not exist. Make a shop's folder with `zhanggui init {folder}`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    variables = sorted(name for name in environment if name.startswith(PREFIX) and "__" in name)
    for name in variables:
        _override(data, name.removeprefix(PREFIX).lower().split("__"), environment[name])
    return parse_settings(data, f"{path} with {', '.join(variables)}" if variables else str(path))


def parse_settings(data: dict[str, Any], file: str) -> Settings:
    """Check `data` (the content of `file`).

    Raises:
        SettingsError: naming the file, the key and the nearest right key.
    """
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        # An unknown key first: often it is the misspelt name of one that is then missing.
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = process.extractOne(str(first["loc"][-1]), _sections_to(first["loc"][:-1])[-1].model_fields.keys())
            raise SettingsError(f"{file}: there is no setting `{place}`. Did you mean `{near[0]}`?") from None
        if first["type"] == "missing":
            raise SettingsError(f"{file}: the setting `{place}` is missing. Add it") from None
        if Secret in _sections_to(first["loc"]):  # what stands there must not be shown
            fix = '{ env = "NAME" } or { file = "path" }'
            raise SettingsError(f"{file}: `{place}` must say where the secret is, not hold it: {fix}") from None
        problem = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{file}: `{place}` = {first['input']!r}: {problem}") from None


def _override(data: dict[str, Any], parts: list[str], value: str) -> None:
    for part in parts[:-1]:
        data = data.setdefault(part, {})
        if not isinstance(data, dict):  # the file says something odd there, which is told with its name
            return
    data[parts[-1]] = value


def _sections_to(location: tuple[int | str, ...]) -> list[type[BaseModel]]:
    """Return the sections on the way to the value at `location`, the whole first."""
    sections: list[type[BaseModel]] = [Settings]
    named = False  # whether the next part is the name of a channel, whose section is known already
    for part in location:
        field = None if named else sections[-1].model_fields.get(str(part))
        named = field is not None and get_origin(field.annotation) is dict
        section = _section_in(field.annotation) if field is not None else None
        sections += [section] if section else []
    return sections


def _section_in(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)
