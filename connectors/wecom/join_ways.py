"""Codes that lead into customer groups, each with a `state`, so that it is known where people came from.

WeCom: 配置客户群进群方式 / Customer Group Join Ways; `state` of a member: 获取客户群详情 / Customer Group Details.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import structlog

from bot.connector import Host
from bot.messages import SendStatus
from connectors.wecom.answers import NoAnswer, RefusedCall, reason_of, receipt_for
from connectors.wecom.api import Corp

log = structlog.get_logger()

FACT = "join_ways"
"""Under which the host keeps them: by state `config_id`, `chats`, `qr_code` and `joined`."""
BY_CODE = 2
"""The scene of a code that is scanned; 1 is a button in a mini-program."""


class JoinWays:
    """Makes the codes that shop.toml names, keeps them as they are there, and counts who came by each.

    Args:
        wanted: the ids of the groups that a code leads into, by its state.
    """

    def __init__(self, corp: Corp, wanted: Mapping[str, Sequence[str]]) -> None:
        self._corp = corp
        self._wanted = wanted

    async def look(self, host: Host) -> None:
        """Make what is missing, change what has changed, and count. A code that was printed stays good.

        Raises:
            RefusedCall, NoAnswer: WeCom does nothing now; what was made before is kept. What it refuses of one code
                or group is only written into the log.
        """
        if not self._wanted:
            return
        kept: dict[str, dict[str, Any]] = json.loads(await host.recall(FACT) or "{}")
        for state, chats in self._wanted.items():
            with _alone(state):
                await self._renew(host, kept, state, list(chats))
        joined = await self._joined()
        for state, way in kept.items():
            way["joined"] = joined[state]
        await host.keep(FACT, json.dumps(kept))

    async def _renew(self, host: Host, kept: dict[str, dict[str, Any]], state: str, chats: list[str]) -> None:
        """Bring one code to what is wanted; each step is kept at once, so that no code is made twice."""
        way = kept.get(state)
        body = {"scene": BY_CODE, "chat_id_list": chats, "state": state, "auto_create_room": 0}
        if way is None:
            made = await self._corp.call("externalcontact/groupchat/add_join_way", body)
            way = {"config_id": _text(made, "config_id"), "qr_code": "", "joined": 0}
        elif way["chats"] != chats:
            await self._corp.call("externalcontact/groupchat/update_join_way", {**body, "config_id": way["config_id"]})
        elif way["qr_code"]:
            return
        kept[state] = {**way, "chats": chats}
        await host.keep(FACT, json.dumps(kept))
        shown = await self._corp.call("externalcontact/groupchat/get_join_way", {"config_id": way["config_id"]})
        told = shown.get("join_way")
        kept[state]["qr_code"] = _text(told if isinstance(told, dict) else {}, "qr_code")
        await host.keep(FACT, json.dumps(kept))

    async def _joined(self) -> Counter[str]:
        """Return by state how many are in the groups now who came by it."""
        found: Counter[str] = Counter()
        for chat in sorted({chat for chats in self._wanted.values() for chat in chats}):
            with _alone(chat):
                found += await self._joined_in(chat)
        return found

    async def _joined_in(self, chat: str) -> Counter[str]:
        told = (await self._corp.call("externalcontact/groupchat/get", {"chat_id": chat})).get("group_chat")
        members = told.get("member_list") if isinstance(told, dict) else None
        states = (one.get("state") for one in (members if isinstance(members, list) else []) if isinstance(one, dict))
        return Counter(state for state in states if isinstance(state, str))


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Go on with the others where WeCom refuses one code or group: that group may have ended."""
    try:
        yield
    except RefusedCall as fault:
        if receipt_for(fault).status is not SendStatus.REFUSED:
            raise
        log.warning("wecom_join_way_refused", what=what, reason=reason_of(fault))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise NoAnswer(f"answer has no {name}", arrived=True)
    return value
