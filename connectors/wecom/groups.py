"""The connector of WeCom's customer groups: a mass message is a task that a member of the staff confirms."""

from __future__ import annotations

import asyncio
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import structlog
from starlette.routing import BaseRoute

from bot.clock import Clock
from bot.connector import Host
from bot.errors import SettingsError
from bot.messages import Chat, ChatKind, Event, Inbound, Limits, Outbound, Receipt, Report, Road, SendStatus
from bot.storable import storable
from connectors.refusals import refuse
from connectors.rights import Rights
from connectors.wecom.answers import NoAnswer, RefusedCall, reason_of, receipt_for
from connectors.wecom.api import OFFICIAL_BASE, Corp
from connectors.wecom.join_ways import JoinWays
from connectors.wecom.rights import rights_of
from connectors.wecom.tasks import Task, has_confirmed, outcome, tasks_in, text_of
from connectors.wecom.wire import MAX_ID_CHARS, texts

log = structlog.get_logger()

RIGHTS = Path(__file__).with_name("groups.toml")
OWNER = "owner:"

_BEIJING = timezone(timedelta(hours=8))
_MEET_EVERY = timedelta(days=1)
_MEET_AGAIN = timedelta(minutes=10)
PAGE = 500
_MAX_PAGES = 20


class GroupsConnector:
    """Speaks to customer groups for one company.

    Nobody can write into a customer group by API (WeCom: 创建企业群发 / Mass Messages, 92135): the chat
    `owner:{userid}` stands for all customer groups of one member of the staff, who has to confirm each message.
    """

    limits = Limits()

    def __init__(
        self,
        channel: str,
        corp_id: str,
        secret: str,
        clock: Clock,
        api_base: str = OFFICIAL_BASE,
        remind_after: timedelta = timedelta(minutes=30),
        give_up_after: timedelta = timedelta(hours=24),
        look_s: float = 60.0,
        join_ways: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Check the settings; nothing is called yet.

        Args:
            channel: `wecom:{name}`.
            secret: of an app that may use customer contact (客户联系).
            remind_after: between the task and the first reminder, and between reminders.
            give_up_after: what nobody confirmed is cancelled.
            look_s: how often to look at the open tasks.
            join_ways: codes into groups, see `connectors.wecom.join_ways`.

        Raises:
            SettingsError: an id or secret is empty, or the address is not safe.
        """
        platform, _, name = channel.partition(":")
        if platform != "wecom" or not name or "/" in name:
            raise SettingsError(f"WeCom: the channel must be called wecom:NAME, not {channel!r}.")
        self.channel = channel
        self._clock = clock
        self._corp = Corp(channel, corp_id, secret, api_base, clock)
        self._join_ways = JoinWays(self._corp, join_ways or {})
        self._remind_after = remind_after
        self._give_up_after = give_up_after
        self._look_s = look_s
        self._host: Host | None = None
        self._cursor = ""
        self._meet_at = clock.now()

    @property
    def _rights(self) -> Rights:
        return rights_of(RIGHTS, self._clock.now().date())

    def routes(self) -> Sequence[BaseRoute]:
        """Return none: results are asked for."""
        return []

    async def start(self, host: Host) -> None:
        self._host = host
        self._corp.start(host)

    async def stop(self) -> None:
        self._host = None
        await self._corp.stop()

    def roads(self, message: Outbound) -> Sequence[Road]:
        """Return `task` for the groups of a member of the staff."""
        known = message.chat.kind is ChatKind.GROUP and message.chat.id.removeprefix(OWNER) != message.chat.id
        return [Road("task")] if known and self._rights.may_carry("task", message.purpose) else []

    async def send(self, message: Outbound) -> Receipt:
        """Make a task; it comes back as CONFIRMING, and `Host.report` tells what became of it."""
        owner = message.chat.id.removeprefix(OWNER)
        pieces = texts(message, self._rights.limits["text_bytes"])
        if len(pieces) != 1:
            longest = self._rights.limits["text_bytes"]
            return Receipt(SendStatus.REFUSED, reason=f"a mass message is one text of 1 to {longest} bytes")
        if message.picture and len(message.picture.body) > self._rights.limits["picture_bytes"]:
            return Receipt(SendStatus.REFUSED, reason="the picture is larger than 10 MB")
        try:
            msgid = await self._make(owner, pieces[0], message)
        except (RefusedCall, NoAnswer) as fault:
            log.warning("wecom_task_failed", channel=self.channel, reason=reason_of(fault))
            if isinstance(fault, RefusedCall):
                await self._corp.tell(fault)
            return receipt_for(fault)
        await self._open(Task(msgid, owner, int(self._clock.now().timestamp())))
        return Receipt(SendStatus.CONFIRMING, platform_id=msgid, reason=f"waits for {owner}")

    async def cancel(self, platform_id: str) -> None:
        """Cancel a task that nobody has confirmed (WeCom: 停止企业群发 / Stop a Mass Message).

        Raises:
            RefusedCall, NoAnswer: it could not be cancelled.
        """
        await self._corp.call("externalcontact/cancel_groupmsg_send", {"msgid": platform_id})
        await self._close(platform_id, SendStatus.REFUSED, "cancelled before anybody confirmed it")

    def quota(self, now: datetime) -> int:
        """Return how many mass messages a group may get in the month of `now`: as many as it has days."""
        today = now.astimezone(_BEIJING)
        return monthrange(today.year, today.month)[1] * self._rights.limits["per_day_of_month"]

    async def hold(self) -> None:
        """Look at the open tasks, and once a day at whose groups there are, for ever; what fails is tried again."""
        while self._host is not None:
            try:
                await self._look_at_all(self._host)
                if self._clock.now() >= self._meet_at:
                    await self._meet_owners(self._host)
            except Exception as fault:  # noqa: BLE001 - whatever it was, tasks must be looked at again
                log.warning("wecom_groups_unknown", channel=self.channel, reason=reason_of(fault))
            await asyncio.sleep(self._look_s)

    async def _look_at_all(self, host: Host) -> None:
        for task in tasks_in(await host.recall("tasks")):
            try:
                await self._look_at(task)
            except Exception as fault:  # noqa: BLE001 - the others must be looked at, this one comes again
                log.warning("wecom_task_unknown", channel=self.channel, reason=reason_of(fault))

    async def _meet_owners(self, host: Host) -> None:
        """Let the shop know who owns customer groups: announcements go to their groups. One page, then the tasks again.

        The day stands in the key, so an owner who could not be reached for a while is met again.
        """
        now = self._clock.now()
        self._meet_at = now + _MEET_AGAIN
        cursor, self._cursor = self._cursor, ""  # after a fault it begins anew: the cursor itself may be the fault
        owners, next_cursor = await self._owners(cursor)
        day = now.astimezone(_BEIJING).date()
        met = [
            Inbound(
                key=f"{self.channel}:{OWNER}{owner}:{day}",
                chat=Chat(self.channel, OWNER + owner, ChatKind.GROUP),
                user=owner,
                sent_at=now,
                event=Event.JOINED,
            )
            for owner in owners
        ]
        if met:
            await host.receive(met)
        if next_cursor != cursor:
            self._cursor = next_cursor
        if self._cursor:
            self._meet_at = now
            return
        await self._join_ways.look(host)
        self._meet_at = now + _MEET_EVERY

    async def _owners(self, cursor: str) -> tuple[list[str], str]:
        """Return who owns the groups of a page, and the next cursor (WeCom: 获取客户群列表 / Customer Groups)."""
        answer = await self._corp.call("externalcontact/groupchat/list", {"limit": PAGE, "cursor": cursor})
        listed = answer.get("group_chat_list")
        owners = [
            await self._owner(group.get("chat_id"))
            for group in (listed[:PAGE] if isinstance(listed, list) else [])
            if isinstance(group, dict)
        ]
        return sorted({owner for owner in owners if owner}), str(answer.get("next_cursor") or "")

    async def _owner(self, chat_id: object) -> str:
        """Return who owns a group, empty if nobody can tell (WeCom: 获取客户群详情 / Customer Group Details)."""
        try:
            told = (await self._corp.call("externalcontact/groupchat/get", {"chat_id": chat_id})).get("group_chat")
        except RefusedCall as fault:
            if receipt_for(fault).status is not SendStatus.REFUSED:
                raise
            return ""  # this group alone: it may have ended since it was listed
        owner = told.get("owner") if isinstance(told, dict) else None
        if not isinstance(owner, str) or not 0 < len(storable(owner)) <= MAX_ID_CHARS:
            refuse(self.channel, "form")
            return ""
        return storable(owner)

    async def _make(self, owner: str, text: str, message: Outbound) -> str:
        body: dict[str, Any] = {"chat_type": "group", "sender": owner, "text": {"content": text}}
        if message.picture is not None:
            media_id = await self._corp.upload(message.picture)
            body["attachments"] = [{"msgtype": "image", "image": {"media_id": media_id}}]
        answer = await self._corp.call("externalcontact/add_msg_template", body)
        msgid = answer.get("msgid")
        if not isinstance(msgid, str) or not msgid:
            raise NoAnswer("answer has no msgid", arrived=True)
        return msgid

    async def _look_at(self, task: Task) -> None:
        """Report a confirmed task, cancel one that is past, remind of one that waits."""
        now = self._clock.now()
        past = task.is_past(now, self._give_up_after)
        confirmed = await self._is_confirmed(task)
        if past and not confirmed:
            await self._corp.call("externalcontact/cancel_groupmsg_send", {"msgid": task.msgid})
            confirmed = await self._is_confirmed(task)  # somebody may have been quicker
        if confirmed:
            found = outcome(await self._groups(task), self.quota(now), final=past)
            if found is not None:
                await self._close(task.msgid, *found)
        elif past:
            await self._close(task.msgid, SendStatus.REFUSED, f"{task.owner} did not confirm it in time")
        elif task.wants_reminder(now, self._remind_after, self._rights.limits):
            await self._corp.call("externalcontact/remind_groupmsg_send", {"msgid": task.msgid})
            await self._change(lambda open_ones: [one.reminded(now) if one == task else one for one in open_ones])

    async def _is_confirmed(self, task: Task) -> bool:
        answer = await self._corp.call("externalcontact/get_groupmsg_task", {"msgid": task.msgid, "limit": PAGE})
        return has_confirmed(answer, task.owner)

    async def _groups(self, task: Task) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = []
        wanted = {"msgid": task.msgid, "userid": task.owner, "limit": PAGE, "cursor": ""}
        for _ in range(_MAX_PAGES):
            answer = await self._corp.call("externalcontact/get_groupmsg_send_result", wanted)
            groups += answer.get("send_list") or []
            wanted["cursor"] = answer.get("next_cursor") or ""
            if not wanted["cursor"]:
                break
        return groups

    async def _open(self, task: Task) -> None:
        """Remember a task. It exists at WeCom whatever happens here, so nothing may be raised."""
        try:
            await self._change(lambda open_ones: [*open_ones, task])
        except Exception as fault:  # noqa: BLE001 - see above
            log.critical("wecom_task_forgotten", channel=self.channel, task=task.msgid, reason=reason_of(fault))

    async def _close(self, msgid: str, status: SendStatus, reason: str) -> None:
        if self._host is not None:
            await self._host.report([Report(self.channel, msgid, status, reason)])
        await self._change(lambda open_ones: [one for one in open_ones if one.msgid != msgid])

    async def _change(self, change: Callable[[list[Task]], list[Task]]) -> None:
        """Change what is kept of the open tasks; one process at a time."""
        if self._host is None:
            return
        async with self._host.alone("tasks"):
            await self._host.keep("tasks", text_of(change(tasks_in(await self._host.recall("tasks")))))
