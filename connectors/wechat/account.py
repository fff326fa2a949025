"""One account on WeChat: its kind, what that kind may use, and the forms of its notices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Literal

from connectors.rights import Rights, rights_on

_HERE = Path(__file__).parent


class Kind(StrEnum):
    """What sort of account it is."""

    VERIFIED_SERVICE = "verified_service"
    VERIFIED_SUBSCRIPTION = "verified_subscription"
    UNVERIFIED = "unverified"
    TEST = "test"
    MINI_PROGRAM = "miniprogram"


class Service(StrEnum):
    """One part of the platform's API, allowed or denied as a whole."""

    MESSAGES = "messages"
    MEDIA = "media"
    """Our pictures."""
    FILES = "files"
    """What customers sent."""
    SUBSCRIPTION = "subscription"
    TEMPLATE = "template"
    ACCOUNT = "account"
    """Menus and QR codes."""


ALLOWED: Mapping[Kind, frozenset[Service]] = {
    Kind.VERIFIED_SERVICE: frozenset(Service),
    Kind.VERIFIED_SUBSCRIPTION: frozenset(Service) - {Service.TEMPLATE},
    Kind.UNVERIFIED: frozenset(),
    Kind.TEST: frozenset(Service),
    Kind.MINI_PROGRAM: frozenset({Service.MESSAGES, Service.MEDIA, Service.FILES}),
}
"""WeChat: 接口权限说明 / Explanation of Interface Privileges."""


@dataclass(frozen=True, slots=True)
class Form:
    """A template of the account that carries one of our notices.

    Attributes:
        template: the platform's id of it.
        road: which API sends it.
        fields: for each field of the template the name of our value, e.g. `{"thing1": "product"}`.
    """

    template: str
    road: Literal["subscription", "template"]
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Account:
    """An account as its settings describe it.

    Attributes:
        channel: `wechat:{name}`, or `miniprogram:{name}`.
        forms: by `Notice.name`.
    """

    channel: str
    app_id: str
    kind: Kind = Kind.VERIFIED_SERVICE
    forms: Mapping[str, Form] = field(default_factory=dict)

    @property
    def has_passive_replies(self) -> bool:
        """Whether a callback may be answered with a message; a mini-program's may not."""
        return self.kind is not Kind.MINI_PROGRAM

    @property
    def can_send(self) -> bool:
        """Whether it has other ways than passive replies."""
        return Service.MESSAGES in ALLOWED[self.kind]

    @property
    def key_prefix(self) -> str:
        """The beginning of `Inbound.key`."""
        return f"{'mp' if self.kind is Kind.MINI_PROGRAM else 'oa'}:{self.app_id}"

    def rights(self, day: date) -> Rights:
        """Return what the platform allows on `day`."""
        return _rights(day, "miniprogram.toml" if self.kind is Kind.MINI_PROGRAM else "rights.toml")


@lru_cache(maxsize=8)
def _rights(day: date, file: str) -> Rights:
    return rights_on(day, _HERE / file)
