"""WeCom's mass messages (企业群发): tasks for the staff. Nothing goes out before a member has confirmed in the app."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from starlette.routing import Route

from connectors.twin.wecom_answers import Call, Refused
from connectors.twin.wecom_contacts import read_template
from connectors.twin.wecom_gate import Gate
from connectors.twin.wecom_people import Content, Customer, Group, Line, People, quota_left

REMINDERS, REMINDER_SPAN = 3, timedelta(hours=24)
GROUPS, CUSTOMERS = 2000, 10_000
WAITING, SENT, NO_CONTACT, QUOTA_FULL = range(4)


@dataclass(slots=True)
class Share:
    """One member's part of a task.

    Attributes:
        results: by customer or group: waiting, sent, no contact any more, or its quota of the month is used up.
    """

    results: dict[str, int]
    sent_at: datetime | None = None
    declined: bool = False


@dataclass(slots=True)
class Task:
    """One mass message that a member may send."""

    id: str
    chat_type: str
    content: Content
    created: datetime
    shares: dict[str, Share]
    reminders: list[datetime] = field(default_factory=list)
    cancelled: bool = False


@dataclass(slots=True)
class Tasks:
    """All tasks, by their msgid."""

    people: People
    all: dict[str, Task] = field(default_factory=dict)

    def routes(self, gate: Gate) -> list[Route]:
        handlers = {
            "add_msg_template": self._add,
            "remind_groupmsg_send": self._remind,
            "cancel_groupmsg_send": self._cancel,
            "get_groupmsg_task": self._shares,
            "get_groupmsg_send_result": self._results,
        }
        return [gate.route(f"externalcontact/{api}", handler) for api, handler in handlers.items()]

    # What staff do in the app

    def confirm(self, task_id: str, staff: str, now: datetime) -> dict[str, int]:
        """Send a member's share and return what became of each message.

        Raises:
            Refused: 41047, there is nothing to confirm.
        """
        task, share = self._open(task_id, staff)
        share.sent_at = now
        for target in share.results:
            share.results[target] = self._deliver(task, staff, target, now)
        return share.results

    def decline(self, task_id: str, staff: str) -> None:
        """Put a task away unsent. WeCom's API has no word for it: its status stays as if nobody had looked.

        Raises:
            Refused: 41047, there is nothing to decline.
        """
        self._open(task_id, staff)[1].declined = True

    def _open(self, task_id: str, staff: str) -> tuple[Task, Share]:
        task = self.all.get(task_id)
        share = task.shares.get(staff) if task else None
        if task is None or share is None or task.cancelled or share.declined or share.sent_at:
            raise Refused(41047)
        return task, share

    def _deliver(self, task: Task, staff: str, target: str, now: datetime) -> int:
        receiver: Customer | Group
        if task.chat_type == "single":
            receiver = self.people.customers[target]
            if staff not in receiver.contacts:
                return NO_CONTACT
        else:
            receiver = self.people.groups[target]
            if receiver.owner != staff:
                return NO_CONTACT
        if quota_left(receiver.received, now) <= 0:
            return QUOTA_FULL
        receiver.received.append(now)
        receiver.lines.append(Line("staff", task.content, now, task.id))
        return SENT

    # The API

    def _add(self, call: Call) -> dict[str, Any]:
        chat_type, sender = call.body.get("chat_type", "single"), call.text("sender")
        if chat_type not in ("single", "group"):
            raise Refused(40058, "chat_type")
        content = read_template(call.body)
        if sender:
            self.people.member(sender)
        fails: list[str] = []
        if chat_type == "group":
            shares = self._group_shares(sender, call.texts("chat_id_list"))
        else:
            shares, fails = self._customer_shares(sender, call)
        if not shares:
            raise Refused(41048)
        task = Task("msg" + secrets.token_urlsafe(20), chat_type, content, call.now, shares)
        self.all[task.id] = task
        return {"fail_list": fails, "msgid": task.id}

    def _group_shares(self, sender: str, chat_ids: list[str]) -> dict[str, Share]:
        if not sender:
            raise Refused(40058, "sender")
        if len(chat_ids) > GROUPS:
            raise Refused(40058, "chat_id_list")
        groups = [group for group in self.people.groups.values() if group.owner == sender]
        wanted = [group.id for group in groups if not chat_ids or group.id in chat_ids]
        return {sender: Share(dict.fromkeys(wanted, WAITING))} if wanted else {}

    def _customer_shares(self, sender: str, call: Call) -> tuple[dict[str, Share], list[str]]:
        """Return the shares and the customers whom nobody can write to.

        A customer with several contacts falls to the last one who chatted.
        """
        asked, tags = call.texts("external_userid"), _tags(call.body)
        if len(asked) > CUSTOMERS:
            raise Refused(40058, "external_userid")
        if not sender and not asked and not tags:
            raise Refused(40058, "sender")
        known = self.people.customers
        fitting = [one for one in known.values() if (not asked or one.id in asked) and _fits(one, tags)]
        fails = [one for one in asked if one not in known]
        shares: dict[str, Share] = {}
        for customer in fitting:
            contacts = [one for one in customer.contacts if sender in ("", one)]
            if contacts:
                shares.setdefault(contacts[-1], Share({})).results[customer.id] = WAITING
            elif asked:
                fails.append(customer.id)
        return shares, fails

    def _remind(self, call: Call) -> dict[str, Any]:
        task = self._known(call)
        recent = [at for at in task.reminders if call.now < at + REMINDER_SPAN]
        if task.cancelled:
            raise Refused(41047)
        if len(recent) >= REMINDERS:
            raise Refused(45009)
        task.reminders = [*recent, call.now]
        return {}

    def _cancel(self, call: Call) -> dict[str, Any]:
        self._known(call).cancelled = True
        return {}

    def _shares(self, call: Call) -> dict[str, Any]:
        shares = self._known(call).shares.items()
        rows = [{"userid": staff, "status": 2 if share.sent_at else 0, **_sent(share)} for staff, share in shares]
        return {"next_cursor": "", "task_list": rows}

    def _results(self, call: Call) -> dict[str, Any]:
        task = self._known(call)
        staff = call.text("userid")
        if staff not in task.shares:
            raise Refused(60111, staff)
        share, name = task.shares[staff], "chat_id" if task.chat_type == "group" else "external_userid"
        rows = [
            {name: target, "userid": staff, "status": status, **(_sent(share) if status == SENT else {})}
            for target, status in share.results.items()
        ]
        return {"next_cursor": "", "send_list": rows}

    def _known(self, call: Call) -> Task:
        task = self.all.get(call.text("msgid"))
        if task is None:
            raise Refused(41047)
        return task


def _sent(share: Share) -> dict[str, int]:
    return {"send_time": int(share.sent_at.timestamp())} if share.sent_at else {}


def _tags(body: dict[str, Any]) -> list[set[str]]:
    """Return the tag lists of a filter: one tag of each list is enough, every list has to fit."""
    try:
        return [set(group["tag_list"]) for group in body.get("tag_filter", {}).get("group_list", [])]
    except (AttributeError, KeyError, TypeError):
        raise Refused(40058, "tag_filter") from None


def _fits(customer: Customer, tags: Iterable[set[str]]) -> bool:
    return all(customer.tags & one for one in tags)
