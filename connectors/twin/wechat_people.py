"""Followers and their tags (用户管理 / User Management)."""

from __future__ import annotations

from connectors.twin.wechat_account import Account, Call
from connectors.twin.wechat_errors import Refused, body_of

MOST_TAGGED = 50


def info(account: Account, call: Call) -> dict[str, object]:
    user = account.user(call.query.get("openid"))
    if not user.follows:
        return {"subscribe": 0, "openid": user.openid}
    # The platform stopped giving names away; nickname is empty for every account.
    return {
        "subscribe": 1,
        "openid": user.openid,
        "language": "zh_CN",
        "nickname": "",
        "remark": "",
        "tagid_list": sorted(user.tags),
    }


def listed(account: Account, call: Call) -> dict[str, object]:
    """Return the followers after `next_openid`, all at once: a twin has few."""
    openids = sorted(user.openid for user in account.users.values() if user.follows)
    after = [openid for openid in openids if openid > call.query.get("next_openid", "")]
    last = after[-1] if after else ""
    return {"total": len(openids), "count": len(after), "data": {"openid": after}, "next_openid": last}


def create_tag(account: Account, call: Call) -> dict[str, object]:
    tag = call.body.get("tag")
    name = tag.get("name") if isinstance(tag, dict) else None
    if not isinstance(name, str) or not name or name in account.tags.values():
        raise Refused(45157)
    if len(name.encode()) > 30:
        raise Refused(45158)
    tag_id = max(account.tags, default=99) + 1  # the first hundred are the platform's own
    account.tags[tag_id] = name
    return {"tag": {"id": tag_id, "name": name}}


def tags(account: Account, call: Call) -> dict[str, object]:
    users = account.users.values()
    counts = {tag: sum(tag in user.tags for user in users) for tag in account.tags}
    return {"tags": [{"id": tag, "name": name, "count": counts[tag]} for tag, name in account.tags.items()]}


def delete_tag(account: Account, call: Call) -> dict[str, object]:
    tag = call.body.get("tag")
    tag_id = known_tag(account, tag.get("id") if isinstance(tag, dict) else None)
    del account.tags[tag_id]
    for user in account.users.values():
        user.tags.discard(tag_id)
    return body_of(0)


def tag_users(account: Account, call: Call) -> dict[str, object]:
    tag_id = known_tag(account, call.body.get("tagid"))
    for user in [account.user(openid) for openid in _openids(call)]:
        user.tags.add(tag_id)
    return body_of(0)


def untag_users(account: Account, call: Call) -> dict[str, object]:
    tag_id = known_tag(account, call.body.get("tagid"))
    for user in [account.user(openid) for openid in _openids(call)]:
        user.tags.discard(tag_id)
    return body_of(0)


def tagged(account: Account, call: Call) -> dict[str, object]:
    tag_id = known_tag(account, call.body.get("tagid"))
    openids = sorted(user.openid for user in account.users.values() if tag_id in user.tags)
    return {"count": len(openids), "data": {"openid": openids}, "next_openid": openids[-1] if openids else ""}


def known_tag(account: Account, tag_id: object) -> int:
    """Return the id of a tag.

    Raises:
        Refused: 45159.
    """
    if not isinstance(tag_id, int) or tag_id not in account.tags:
        raise Refused(45159)
    return tag_id


def _openids(call: Call) -> list[object]:
    openids = call.body.get("openid_list")
    if not isinstance(openids, list) or not 1 <= len(openids) <= MOST_TAGGED:
        raise Refused(40032)
    return openids
