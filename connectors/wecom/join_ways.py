"""Codes that lead into customer groups, each with a `state`, so that it is known where people came from.

WeCom: 配置客户群进群方式 / Customer Group Join Ways; `state` of a member: 获取客户群详情 / Customer Group Details.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bot.connector import Host
from connectors.wecom.answers import NoAnswer
from connectors.wecom.api import Corp

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
            RefusedCall, NoAnswer: WeCom did not do it; what was made before is kept.
        """
        if not self._wanted:
            return
        kept: dict[str, dict[str, Any]] = json.loads(await host.recall(FACT) or "{}")
        for state, chats in self._wanted.items():
            way = kept.get(state)
            if way is None or way["chats"] != list(chats):
                kept[state] = await self._make(state, list(chats), way)
                await host.keep(FACT, json.dumps(kept))
        joined = await self._joined()
        for state, way in kept.items():
            way["joined"] = joined[state]
        await host.keep(FACT, json.dumps(kept))

    async def _make(self, state: str, chats: list[str], before: Mapping[str, Any] | None) -> dict[str, Any]:
        body = {"scene": BY_CODE, "chat_id_list": chats, "state": state, "auto_create_room": 0}
        if before is None:
            made = await self._corp.call("externalcontact/groupchat/add_join_way", body)
            config_id = _text(made, "config_id")
        else:
            config_id = str(before["config_id"])
            await self._corp.call("externalcontact/groupchat/update_join_way", {**body, "config_id": config_id})
        shown = await self._corp.call("externalcontact/groupchat/get_join_way", {"config_id": config_id})
        way = shown.get("join_way")
        qr_code = _text(way if isinstance(way, dict) else {}, "qr_code")
        return {"config_id": config_id, "chats": chats, "qr_code": qr_code, "joined": 0}

    async def _joined(self) -> Counter[str]:
        """Return by state how many are in the groups now who came by it."""
        found: Counter[str] = Counter()
        for chat in sorted({chat for chats in self._wanted.values() for chat in chats}):
            told = (await self._corp.call("externalcontact/groupchat/get", {"chat_id": chat})).get("group_chat")
            members = told.get("member_list") if isinstance(told, dict) else None
            for member in members if isinstance(members, list) else []:
                if isinstance(member, dict) and isinstance(member.get("state"), str):
                    found[member["state"]] += 1
        return found


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise NoAnswer(f"answer has no {name}", arrived=True)
    return value
