"""Mass messages that wait for a member of the staff: what is kept of each, and what its results mean. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.messages import SendStatus

CONFIRMED = 2
"""Status of a member in `get_groupmsg_task`: has confirmed (WeCom: 获取企业群发成员执行结果)."""

WAITING, DELIVERED, NO_CONTACT, OVER_QUOTA = 0, 1, 2, 3
"""Status of a group in `get_groupmsg_send_result`."""


@dataclass(frozen=True, slots=True)
class Task:
    """One mass message that nobody has confirmed yet.

    Attributes:
        msgid: WeCom's id of it, also the receipt's `platform_id`.
        owner: userid of the staff member who has to confirm.
        made_s, reminded_s: seconds since 1970.
    """

    msgid: str
    owner: str
    made_s: int
    reminded_s: tuple[int, ...] = ()

    def is_past(self, now: datetime, give_up_after: timedelta) -> bool:
        return now >= datetime.fromtimestamp(self.made_s, UTC) + give_up_after

    def wants_reminder(self, now: datetime, after: timedelta, limits: Mapping[str, int]) -> bool:
        """Return whether a reminder is due and allowed (WeCom: 提醒成员群发: 3 in 24 hours)."""
        now_s = int(now.timestamp())
        lately = [at_s for at_s in self.reminded_s if at_s > now_s - limits["reminders_per_s"]]
        last_s = max((self.made_s, *self.reminded_s))
        return len(lately) < limits["reminders"] and now_s >= last_s + after.total_seconds()

    def reminded(self, now: datetime) -> Task:
        return replace(self, reminded_s=(*self.reminded_s, int(now.timestamp())))


def tasks_in(kept: str) -> list[Task]:
    """Return the tasks that `text_of` wrote."""
    return [Task(**{**fields, "reminded_s": tuple(fields["reminded_s"])}) for fields in json.loads(kept or "[]")]


def text_of(tasks: Iterable[Task]) -> str:
    return json.dumps([asdict(task) for task in tasks])


def has_confirmed(answer: Mapping[str, Any], owner: str) -> bool:
    """Return whether `get_groupmsg_task` says that `owner` has confirmed."""
    members = answer.get("task_list")
    return isinstance(members, list) and any(
        isinstance(member, dict) and member.get("userid") == owner and member.get("status") == CONFIRMED
        for member in members
    )


def outcome(groups: Iterable[Mapping[str, Any]], quota: int, final: bool) -> tuple[SendStatus, str] | None:
    """Return what became of a confirmed task in its groups, with the reason; None while the platform still sends.

    Args:
        groups: `send_list` of `get_groupmsg_send_result`, all pages.
        quota: messages that a group may get in this month, for the words.
        final: whether to wait no longer for what is not sent yet.
    """
    counted = Counter(group.get("status") for group in groups)
    if counted[WAITING] and not final:
        return None
    words = [f"{counted[DELIVERED]} groups"] if counted[DELIVERED] else []
    words += [f"{counted[OVER_QUOTA]} groups had their {quota} of this month"] if counted[OVER_QUOTA] else []
    missed = counted[NO_CONTACT] + counted[WAITING]
    words += [f"{missed} groups were not reached"] if missed else []
    reason = ", ".join(words) or "no groups"
    if counted[DELIVERED]:
        return SendStatus.SENT, reason
    return (SendStatus.REFUSED if counted[OVER_QUOTA] else SendStatus.UNREACHABLE), reason
