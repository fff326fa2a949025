"""Template messages and subscription notices (模板消息 / Template Messages, 订阅通知 / Subscription Notices)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.twin.wechat_account import Account, Call
from connectors.twin.wechat_cipher import Fields
from connectors.twin.wechat_errors import Refused, body_of
from connectors.twin.wechat_follower import Content

# WeChat: 订阅消息参数值内容限制说明 / Limits of subscription message values; other field types are not checked here.
_VALUES = {
    "thing": re.compile(r".{1,20}", re.DOTALL),
    "character_string": re.compile(r"[\x21-\x7e]{1,32}"),
    "number": re.compile(r"[0-9.]{1,32}"),
    "phrase": re.compile(r"[\u4e00-\u9fff]{1,5}"),
    "amount": re.compile(r"[¥￥$]?[0-9]{1,10}(\.[0-9]+)?元?"),
}
_MOST_TITLE, _MOST_TEXT = 15, 200


def send_template(account: Account, call: Call) -> dict[str, object]:
    """Deliver a service notice; how it went comes later as an event."""
    user = account.user(call.body.get("touser"))
    template, data = _template(call), _data(call)
    if not user.follows:
        raise Refused(43004)
    number = account.number()
    # A user who refuses the account's messages is no error of the call: the event tells.
    status = "failed:user block" if user.blocked else "success"
    if not user.blocked:
        user.show("account", _notice("template", template, data, call), call.now)
    event: Fields = {"MsgType": "event", "Event": "TEMPLATESENDJOBFINISH", "MsgID": number, "Status": status}
    account.pending.append((user, event))
    return body_of(0) | {"msgid": number}


def send_subscribed(account: Account, call: Call) -> dict[str, object]:
    """Deliver a notice that the user asked for; takes one of the accepted ones."""
    user = account.user(call.body.get("touser"))
    template, data = _template(call), _data(call)
    if user.credits[template] < 1:
        raise Refused(43101)
    user.credits[template] -= 1
    user.show("account", _notice("subscription", template, data, call), call.now)
    sent: Fields = {"TemplateId": template, "MsgID": account.number(), "ErrorCode": 0, "ErrorStatus": "success"}
    event: Fields = {"MsgType": "event", "Event": "subscribe_msg_sent_event", "SubscribeMsgSentEvent": {"List": sent}}
    account.pending.append((user, event))
    return body_of(0)


def send_one_time(account: Account, call: Call) -> dict[str, object]:
    """Deliver the one message that a user allowed on a web page (一次性订阅消息 / One-time Subscription)."""
    user = account.user(call.body.get("touser"))
    template, scene = _template(call), str(call.body.get("scene", ""))
    data, title = _data(call), call.body.get("title")
    # No page names the code for a title or text that is too long.
    if not isinstance(title, str) or not 1 <= len(title) <= _MOST_TITLE or len(data.get("content", "")) > _MOST_TEXT:
        raise Refused(47003)
    if (template, scene) not in user.authorised:
        raise Refused(43101)
    user.authorised.remove((template, scene))
    user.show("account", _notice("one_time", template, {"title": title, **data}, call), call.now)
    return body_of(0)


def _template(call: Call) -> str:
    template = call.body.get("template_id")
    if not isinstance(template, str) or not template:
        raise Refused(40037)
    return template


def _data(call: Call) -> dict[str, str]:
    data = call.body.get("data")
    if not isinstance(data, dict) or not data:
        raise Refused(47001)
    values: dict[str, str] = {}
    for name, field in data.items():
        value = field.get("value") if isinstance(field, dict) else None
        form = _VALUES.get(name.rstrip("0123456789"))
        if not isinstance(value, str | int | float) or (form and not form.fullmatch(str(value))):
            raise Refused(47003)
        values[name] = str(value)
    return values


def _notice(kind: str, template: str, data: Mapping[str, str], call: Call) -> Content:
    details = {"template": template, "data": data, "url": call.body.get("url", call.body.get("page", ""))}
    return Content(kind, "\n".join(data.values()), details)
