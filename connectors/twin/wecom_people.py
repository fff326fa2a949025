"""Who is there in WeCom: customers, staff, customer groups, and what each of them sees. No I/O."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from connectors.twin.wecom_answers import Refused

CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Content:
    """What a message holds.

    Attributes:
        kind: WeCom's msgtype.
        choices: id and words of each entry of a menu.
    """

    kind: str
    text: str
    choices: tuple[tuple[str, str], ...] = ()
    url: str = ""
    media_id: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat.

    Attributes:
        side: `user`, `account` (our API) or `staff`.
        msgid: WeCom's id, empty where it gives none.
    """

    side: str
    content: Content
    at: datetime
    msgid: str = ""


@dataclass(slots=True)
class Customer:
    """Attributes: contacts holds the staff whose contact this customer is, the last one who chatted at the end."""

    id: str
    name: str
    tags: set[str] = field(default_factory=set)
    contacts: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class Staff:
    """Attributes: on_duty says whether customer-service sessions may be given to this member (接待中)."""

    id: str
    name: str
    on_duty: bool = True
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Group:
    """A customer group; `states` tell of members who came by a code which."""

    id: str
    name: str
    owner: str
    created: datetime
    members: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    received: list[datetime] = field(default_factory=list)


class People:
    """All of them, by id."""

    def __init__(self, customers: Iterable[Customer], staff: Iterable[Staff], groups: Iterable[Group]) -> None:
        self.customers = {one.id: one for one in customers}
        self.staff = {one.id: one for one in staff}
        self.groups = {one.id: one for one in groups}

    def customer(self, external_userid: str) -> Customer:
        """Raises Refused 40096 for an unknown one."""
        if external_userid not in self.customers:
            raise Refused(40096, external_userid)
        return self.customers[external_userid]

    def member(self, userid: str) -> Staff:
        """Raises Refused 60111 for an unknown one."""
        if userid not in self.staff:
            raise Refused(60111, userid)
        return self.staff[userid]

    def group(self, chat_id: str) -> Group:
        """Raises Refused 40050 for an unknown one."""
        if chat_id not in self.groups:
            raise Refused(40050, chat_id)
        return self.groups[chat_id]


def quota_left(received: Iterable[datetime], now: datetime) -> int:
    """Return how many mass messages a customer or a group may still get this month: its days in all.

    WeCom: 创建企业群发, 2025-11-17. Months are those of China.
    """
    today = now.astimezone(CHINA)
    days = monthrange(today.year, today.month)[1]
    months = [at.astimezone(CHINA) for at in received]
    return days - sum((at.year, at.month) == (today.year, today.month) for at in months)
