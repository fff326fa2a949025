"""The account's menu as a small tree, and the platform's JSON of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingsError

MAX_KEY_BYTES = 64
"""The platform takes 128, but no `Inbound.choice` is longer than this."""


@dataclass(frozen=True, slots=True)
class MenuButton:
    """One button: it has children, opens a page, or sends a key, which comes back as `Inbound.choice`."""

    label: str
    key: str = ""
    url: str = ""
    children: tuple[MenuButton, ...] = ()


def to_wire(tree: Sequence[MenuButton], limits: Mapping[str, int]) -> dict[str, Any]:
    """Return the menu as the platform takes it (WeChat: 自定义菜单 / Custom Menus).

    Raises:
        SettingsError: there are too many buttons, one does not do exactly one thing, or its key is too long.
    """
    if not 1 <= len(tree) <= limits["menu_buttons"]:
        raise SettingsError(f"WeChat: a menu has 1 to {limits['menu_buttons']} buttons, not {len(tree)}.")
    return {"button": [_button(button, limits) for button in tree]}


def from_wire(answer: Mapping[str, Any]) -> tuple[MenuButton, ...]:
    """Return the tree that the platform shows."""
    return tuple(_from_button(button) for button in answer.get("menu", {}).get("button", []))


def _button(button: MenuButton, limits: Mapping[str, int]) -> dict[str, Any]:
    if bool(button.key) + bool(button.url) + bool(button.children) != 1:
        raise SettingsError(
            f"WeChat: the menu button {button.label!r} must have a key, a url or children, and one only."
        )
    if button.children:
        if len(button.children) > limits["menu_children"] or any(child.children for child in button.children):
            raise SettingsError(
                f"WeChat: {button.label!r} may have {limits['menu_children']} buttons below it, and none below those."
            )
        return {"name": button.label, "sub_button": [_button(child, limits) for child in button.children]}
    if button.url:
        return {"type": "view", "name": button.label, "url": button.url}
    if len(button.key.encode()) > MAX_KEY_BYTES:
        raise SettingsError(f"WeChat: the key of the menu button {button.label!r} has more than {MAX_KEY_BYTES} bytes.")
    return {"type": "click", "name": button.label, "key": button.key}


def _from_button(button: Mapping[str, Any]) -> MenuButton:
    return MenuButton(
        label=button.get("name", ""),
        key=button.get("key", ""),
        url=button.get("url", ""),
        children=tuple(_from_button(child) for child in button.get("sub_button", [])),
    )
