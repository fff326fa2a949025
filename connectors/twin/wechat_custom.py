"""Customer-service messages and the typing line (客服消息 / Customer Service Messages)."""

from __future__ import annotations

from datetime import timedelta

from connectors.twin.wechat_account import Account, Call
from connectors.twin.wechat_content import read_content
from connectors.twin.wechat_errors import Refused, body_of
from connectors.twin.wechat_kinds import message_types


def send(account: Account, call: Call) -> dict[str, object]:
    """Show a message to the user if a window is open."""
    user = account.user(call.body.get("touser"))
    content = read_content(account, call.body, message_types(account.kind), call.now)
    code = user.spend(call.now)
    if code:
        raise Refused(code)
    user.typing_until = None
    user.show("account", content, call.now)
    return body_of(0)


def typing(account: Account, call: Call) -> dict[str, object]:
    """Show or hide the typing line; only within 30 s of what the user said."""
    user = account.user(call.body.get("touser"))
    command = call.body.get("command")
    if command not in ("Typing", "CancelTyping"):
        raise Refused(45072)
    if user.last_said is None or call.now - user.last_said > timedelta(seconds=30):
        raise Refused(45080)
    user.typing_until = call.now + timedelta(seconds=15) if command == "Typing" else None
    return body_of(0)
