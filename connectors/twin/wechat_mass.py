"""Mass messages to everybody or to a tag (群发 / Batch Sends)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connectors.twin.wechat_account import Account, Call, Mass
from connectors.twin.wechat_content import read_content
from connectors.twin.wechat_errors import Refused, body_of
from connectors.twin.wechat_follower import Follower
from connectors.twin.wechat_people import known_tag
from connectors.twin.wechat_quotas import BEIJING

PER_USER_AND_MONTH, TO_ALL_PER_MONTH = 4, 4
_TYPES = frozenset({"text", "image"})


def send_all(account: Account, call: Call) -> dict[str, object]:
    """Deliver to all who may still get one this month; the counts come later as an event."""
    target = call.body.get("filter")
    if not isinstance(target, dict):
        raise Refused(47001)
    content = read_content(account, call.body, _TYPES, call.now)
    is_to_all = target.get("is_to_all") is True
    tag = None if is_to_all else known_tag(account, target.get("tag_id"))
    client_id = _client_id(account, call)
    _check_account(account, call.now, is_to_all)
    followers = [user for user in account.users.values() if user.follows and not user.blocked]
    chosen = [user for user in followers if tag is None or tag in user.tags]
    month = _month(call.now)
    served = [user for user in chosen if _may_get(account, user, month)]
    if chosen and not served:
        raise Refused(45028)
    mass = Mass(account.number(), client_id, call.now, is_to_all)
    account.masses.append(mass)
    for user in served:
        user.masses[month] += 1
        user.show("account", content, call.now)
    _report(account, mass, chosen, served)
    return body_of(0) | {"msg_id": mass.id, "msg_data_id": mass.id}


def preview(account: Account, call: Call) -> dict[str, object]:
    """Show a message to one user; takes nothing off the month."""
    user = account.user(call.body.get("touser"))
    if not user.follows:
        raise Refused(43004)
    user.show("account", read_content(account, call.body, _TYPES, call.now), call.now)
    return body_of(0) | {"msg_id": account.number()}


def get(account: Account, call: Call) -> dict[str, object]:
    mass = _known(account, call)
    return {"msg_id": mass.id, "msg_status": mass.status}


def delete(account: Account, call: Call) -> dict[str, object]:
    _known(account, call).status = "DELETE"
    return body_of(0)


def _client_id(account: Account, call: Call) -> str:
    client_id = call.body.get("clientmsgid", "")
    if not isinstance(client_id, str) or len(client_id.encode()) > 64:
        raise Refused(45067)
    known = next((mass for mass in account.masses if client_id and mass.client_id == client_id), None)
    if known is not None:
        raise Refused(45065, msg_id=known.id)
    return client_id


def _may_get(account: Account, user: Follower, month: str) -> bool:
    """Return whether a user still gets one: subscription accounts are counted by day instead."""
    return account.kind == "verified_subscription" or user.masses[month] < PER_USER_AND_MONTH


def _check_account(account: Account, now: datetime, is_to_all: bool) -> None:
    today = now.astimezone(BEIJING).date()
    days = [(mass.at.astimezone(BEIJING).date(), mass.is_to_all) for mass in account.masses]
    if account.kind == "verified_subscription":
        if any(day == today for day, _ in days):
            raise Refused(45028)
        return
    to_all = [day for day, all_users in days if all_users]
    this_month = [day for day in to_all if (day.year, day.month) == (today.year, today.month)]
    if is_to_all and (today in to_all or len(this_month) >= TO_ALL_PER_MONTH):
        raise Refused(45028)


def _report(account: Account, mass: Mass, chosen: Sequence[Follower], served: Sequence[Follower]) -> None:
    if not chosen:
        return
    event: dict[str, str | int] = {
        "MsgType": "event",
        "Event": "MASSSENDJOBFINISH",
        "MsgID": mass.id,
        "Status": "send success",
        "TotalCount": len(chosen),
        "FilterCount": len(served),
        "SentCount": len(served),
        "ErrorCount": 0,
    }
    account.pending.append((chosen[0], event))


def _known(account: Account, call: Call) -> Mass:
    number = str(call.body.get("msg_id"))
    mass = next((mass for mass in account.masses if str(mass.id) == number), None)
    if mass is None:
        raise Refused(40059)
    return mass


def _month(now: datetime) -> str:
    return now.astimezone(BEIJING).strftime("%Y-%m")
