"""The connector of WeCom's customer groups: a mass message is a task that a member of the staff confirms."""

from __future__ import annotations

import asyncio
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import structlog
from starlette.routing import BaseRoute

from bot.clock import Clock
from bot.connector import Host
from bot.errors import SettingsError
from bot.messages import Chat, ChatKind, Event, Inbound, Limits, Outbound, Receipt, Report, Road, SendStatus
from connectors.rights import rights_on
from connectors.wecom.answers import NoAnswer, RefusedCall, reason_of, receipt_for
from connectors.wecom.api import OFFICIAL_BASE, Corp
from connectors.wecom.tasks import Task, has_confirmed, outcome, tasks_in, text_of
from connectors.wecom.wire import texts

log = structlog.get_logger()

RIGHTS = Path(__file__).with_name("groups.toml")
OWNER = "owner:"

_BEIJING = timezone(timedelta(hours=8))
_PAGE = 500
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
    ) -> None:
        """Check the settings; nothing is called yet.

        Args:
            channel: `wecom:{name}`.
            secret: of an app that may use customer contact (客户联系).
            remind_after: between the task and the first reminder, and between reminders.
            give_up_after: what nobody confirmed is cancelled.
            look_s: how often to look at the open tasks.

        Raises:
            SettingsError: an id or secret is empty, or the address is not safe.
        """
        platform, _, name = channel.partition(":")
        if platform != "wecom" or not name or "/" in name:
            raise SettingsError(f"WeCom: the channel must be called wecom:NAME, not {channel!r}.")
        self.channel = channel
        self._clock = clock
        self._rights = rights_on(clock.now().date(), RIGHTS)
        self._corp = Corp(channel, corp_id, secret, api_base, clock)
        self._remind_after = remind_after
        self._give_up_after = give_up_after
        self._look_s = look_s
        self._host: Host | None = None

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
        """Tell whose groups there are, then look at the open tasks, for ever."""
        await self._meet_owners()
        while self._host is not None:
            for task in tasks_in(await self._host.recall("tasks")):
                try:
                    await self._look_at(task)
                except Exception as fault:  # noqa: BLE001 - the others must be looked at, this one comes again
                    log.warning("wecom_task_unknown", channel=self.channel, reason=reason_of(fault))
            await asyncio.sleep(self._look_s)

    async def _meet_owners(self) -> None:
        """Let the shop know every member of the staff who owns customer groups: announcements go to their groups."""
        try:
            owners = await self._owners()
        except (RefusedCall, NoAnswer) as fault:
            log.warning("wecom_groups_unknown", channel=self.channel, reason=reason_of(fault))
            return
        now = self._clock.now()
        met = [
            Inbound(
                key=f"{self.channel}:{OWNER}{owner}",
                chat=Chat(self.channel, OWNER + owner, ChatKind.GROUP),
                user=owner,
                sent_at=now,
                event=Event.JOINED,
            )
            for owner in owners
        ]
        if met and self._host is not None:
            await self._host.receive(met)

    async def _owners(self) -> list[str]:
        """Return who owns customer groups (WeCom: 获取客户群列表, 获取客户群详情 / Customer Groups)."""
        owners: set[str] = set()
        cursor = ""
        for _ in range(_MAX_PAGES):
            answer = await self._corp.call("externalcontact/groupchat/list", {"limit": _PAGE, "cursor": cursor})
            for group in answer.get("group_chat_list") or ():
                told = await self._corp.call("externalcontact/groupchat/get", {"chat_id": group.get("chat_id")})
                owner = (told.get("group_chat") or {}).get("owner")
                owners |= {owner} if isinstance(owner, str) and owner else set()
            cursor = answer.get("next_cursor") or ""
            if not cursor:
                break
        return sorted(owners)

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
        answer = await self._corp.call("externalcontact/get_groupmsg_task", {"msgid": task.msgid, "limit": _PAGE})
        return has_confirmed(answer, task.owner)

    async def _groups(self, task: Task) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = []
        wanted = {"msgid": task.msgid, "userid": task.owner, "limit": _PAGE, "cursor": ""}
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
