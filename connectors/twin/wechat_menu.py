"""The menu below a chat (创建自定义菜单 / Create Custom Menu)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.twin.wechat_account import Account, Call
from connectors.twin.wechat_errors import Refused, body_of

MOST_BUTTONS, MOST_SUB_BUTTONS = 3, 5
_WITH_KEY = frozenset({"click", "scancode_push", "scancode_waitmsg"})
# codes for: number, type, name, key, address
_TOP = (40016, 40017, 40018, 40019, 40020)
_SUB = (40023, 40024, 40025, 40026, 40027)


def create(account: Account, call: Call) -> dict[str, object]:
    buttons = call.body.get("button")
    _check(buttons, MOST_BUTTONS, 16, _TOP)
    account.menu = {"button": buttons}
    return body_of(0)


def get(account: Account, call: Call) -> dict[str, object]:
    if account.menu is None:
        raise Refused(46003)
    return {"menu": account.menu}


def delete(account: Account, call: Call) -> dict[str, object]:
    account.menu = None
    return body_of(0)


def keys(menu: dict[str, Any]) -> Iterator[str]:
    """Yield the keys of the buttons whose tap is pushed and opens a window."""
    for button in menu["button"]:
        for leaf in button.get("sub_button") or [button]:
            if leaf.get("type") in _WITH_KEY:
                yield leaf["key"]


def _check(buttons: object, most: int, name_bytes: int, codes: tuple[int, int, int, int, int]) -> None:
    number, kind, name, _, _ = codes
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= most:
        raise Refused(number)
    for button in buttons:
        if not isinstance(button, dict):
            raise Refused(kind)
        if not _fits(button.get("name"), name_bytes):
            raise Refused(name)
        if codes == _TOP and button.get("sub_button"):
            _check(button["sub_button"], MOST_SUB_BUTTONS, 60, _SUB)
        else:
            _check_leaf(button, codes)


def _check_leaf(button: dict[str, Any], codes: tuple[int, int, int, int, int]) -> None:
    _, kind, _, key, address = codes
    if button.get("type") in _WITH_KEY:
        if not _fits(button.get("key"), 128):
            raise Refused(key)
    elif button.get("type") == "view":
        if not _fits(button.get("url"), 1024):
            raise Refused(address)
    else:
        raise Refused(kind)


def _fits(words: object, most_bytes: int) -> bool:
    return isinstance(words, str) and 1 <= len(words.encode()) <= most_bytes
