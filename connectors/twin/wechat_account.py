"""What the platform holds about one account: its users, files, menu, tags and counters. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from connectors.twin.wechat_cipher import Fields
from connectors.twin.wechat_errors import Refused
from connectors.twin.wechat_faults import Faults
from connectors.twin.wechat_follower import Follower
from connectors.twin.wechat_quotas import Quotas
from connectors.twin.wechat_tokens import Tokens

MEDIA_LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file on the platform.

    Attributes:
        kind: `image`, `voice`, `video` or `thumb`.
        ends: when its id dies, None for permanent material.
    """

    kind: str
    body: bytes = field(repr=False)
    mime: str
    name: str
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class QrCode:
    """A code to scan; `ends` is None for a permanent one."""

    scene: str
    ends: datetime | None


@dataclass(slots=True)
class Mass:
    """One mass message."""

    id: int
    client_id: str
    at: datetime
    is_to_all: bool
    status: str = "SEND_SUCCESS"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the shop.

    Attributes:
        body: the JSON object, empty for GET.
        file: what was uploaded with it: name and bytes.
        base: the address of this twin, for links.
    """

    api: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    file: tuple[str, bytes] | None
    now: datetime
    base: str


@dataclass(slots=True)
class Account:
    """One account of the platform.

    Attributes:
        kind: see `connectors.twin.wechat_kinds.ALLOWED`.
        qr_codes: by ticket.
        tags: names by id.
        pending: events to push once the call that caused them is answered.
        refusals: every call that broke a rule, ready for JSON; injected faults are not among them.
    """

    app_id: str
    app_secret: str
    token: str
    aes_key: str
    name: str
    kind: str
    clock: Clock
    users: dict[str, Follower]
    quotas: Quotas
    tokens: Tokens = field(default_factory=Tokens)
    faults: Faults = field(default_factory=Faults)
    files: dict[str, Stored] = field(default_factory=dict)
    qr_codes: dict[str, QrCode] = field(default_factory=dict)
    menu: dict[str, Any] | None = None
    tags: dict[int, str] = field(default_factory=dict)
    masses: list[Mass] = field(default_factory=list)
    pending: list[tuple[Follower, Fields]] = field(default_factory=list)
    refusals: list[dict[str, object]] = field(default_factory=list)
    last_number: int = 0

    def number(self) -> int:
        """Return the next message number: never used before, also not by a twin that ran earlier."""
        self.last_number = max(self.last_number + 1, int(self.clock.now().timestamp() * 1_000_000))
        return self.last_number

    def user(self, openid: object) -> Follower:
        """Return the user.

        Raises:
            Refused: 40003.
        """
        if not isinstance(openid, str) or openid not in self.users:
            raise Refused(40003)
        return self.users[openid]

    def file(self, media_id: object, now: datetime, kind: str = "") -> Stored:
        """Return a file that is still there, of this kind if one is named.

        Raises:
            Refused: 41006 without an id, 40007 for one that is unknown, dead or of another kind.
        """
        if not isinstance(media_id, str) or not media_id:
            raise Refused(41006)
        stored = self.files.get(media_id)
        if stored is None or (kind and stored.kind != kind) or (stored.ends is not None and now >= stored.ends):
            raise Refused(40007)
        return stored
