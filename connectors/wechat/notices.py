"""Notices: templates and subscription notices, what they say and what the platform tells of them later. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wechatpy.events import BaseEvent, register_event  # type: ignore[import-untyped]
from wechatpy.messages import BaseMessage  # type: ignore[import-untyped]

from bot.errors import BadCallback
from bot.messages import Grant, Notice, Report, SendStatus
from connectors.rights import Rights
from connectors.wechat.account import Account, Form

POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
TEMPLATE_SENT = "templatesendjobfinish"

_LISTS = {POPUP: "SubscribeMsgPopupEvent", CHANGE: "SubscribeMsgChangeEvent", SENT: "SubscribeMsgSentEvent"}
_BLOCKED = "failed:user block"


@register_event(POPUP)
class _Popup(BaseEvent):  # type: ignore[misc]
    event = POPUP


@register_event(CHANGE)
class _Change(BaseEvent):  # type: ignore[misc]
    event = CHANGE


@register_event(SENT)
class _Sent(BaseEvent):  # type: ignore[misc]
    event = SENT


def can_say(form: Form, notice: Notice) -> bool:
    """Return whether `notice` has a value for every field of `form`."""
    return all(notice.fields.get(name) for name in form.fields.values())


def values(form: Form, notice: Notice, rights: Rights) -> dict[str, dict[str, str]]:
    """Return the fields of the template, cut to what their kind holds (WeChat: 订阅消息参数值内容限制)."""
    return {
        field: {"value": notice.fields[name][: rights.limits.get(f"{field.rstrip('0123456789')}_chars")]}
        for field, name in form.fields.items()
    }


def credits_in(account: Account, message: BaseMessage) -> tuple[Grant, ...]:
    """Return what a customer's yes or no to notices opens or takes away.

    Each yes in a dialogue allows one notice more; a no in the settings takes back all that were left.

    Raises:
        BadCallback: the event has not the documented form.
    """
    names = {form.template: name for name, form in account.forms.items()}
    opened = []
    for entry in entries(message):
        name = names.get(_text(entry, "TemplateId"))
        status = _text(entry, "SubscribeStatusString")
        if name and message.event == POPUP and status == "accept":
            opened.append(_credit(name, 1, adds_up=True))
        elif name and message.event == CHANGE and status == "reject":
            opened.append(_credit(name, 0, adds_up=False))
    return tuple(opened)


def reports_in(account: Account, message: BaseMessage) -> list[Report]:
    """Return what the platform says of notices that it had taken.

    Raises:
        BadCallback: the event has not the documented form.
    """
    if message.type != "event":
        return []
    if message.event == TEMPLATE_SENT:
        fields = message._data  # noqa: SLF001 (wechatpy reads the number of the message under another name)
        status = _text(fields, "Status")
        return [Report(account.channel, _text(fields, "MsgID"), _of_template(status), _reason(status))]
    if message.event == SENT:
        return [_of_subscription(account, entry) for entry in entries(message)]
    return []


def entries(message: BaseMessage) -> Sequence[Mapping[str, Any]]:
    """Return the templates that a subscription event speaks of.

    Raises:
        BadCallback: the event has not the documented form.
    """
    whole = message._data.get(_LISTS[message.event])  # noqa: SLF001 (wechatpy does not know the event)
    listed = whole.get("List") if isinstance(whole, Mapping) else None
    found: list[Any] = listed if isinstance(listed, list) else [listed]
    if not all(isinstance(entry, Mapping) for entry in found):
        raise BadCallback
    return found


def _credit(name: str, count: int, adds_up: bool) -> Grant:
    return Grant(count=count, window_s=None, action="subscribed", right=f"credit:{name}", adds_up=adds_up)


def _of_subscription(account: Account, entry: Mapping[str, Any]) -> Report:
    code = _text(entry, "ErrorCode")
    status = SendStatus.SENT if code == "0" else SendStatus.REFUSED
    return Report(account.channel, _text(entry, "MsgID"), status, "" if code == "0" else f"wechat {code}")


def _of_template(status: str) -> SendStatus:
    if status == "success":
        return SendStatus.SENT
    return SendStatus.UNREACHABLE if status == _BLOCKED else SendStatus.REFUSED


def _reason(status: str) -> str:
    return "" if status == "success" else f"wechat {status}"


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise BadCallback
    return value
