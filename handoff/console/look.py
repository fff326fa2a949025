"""Small pieces of the screen. All text goes through `text`, which escapes: customers write some of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from nicegui import ui
from nicegui.element import Element

from bot.shop.amounts import written_of
from bot.shop.port import Money
from handoff.console.keys import plain_keys
from handoff.console.labels import Labels

_HERE = Path(__file__).parent
_PLATFORMS = {
    "wechat": "WeChat",
    "miniprogram": "WeChat Mini Program",
    "wecom": "WeCom",
    "kf": "WeCom Service",
    "telegram": "Telegram",
    "web": "Web",
    "mail": "E-mail",
}

_SCRIPTS_SAY = ("canned", "over", "reply", "note", "send", "discard", "unsent", "unsent_waits")


def dress(now: datetime, labels: Labels, viewer_id: str) -> None:
    """Add the console's style and script to the page being built, for one agent."""
    words = {key: labels[key] for key in _SCRIPTS_SAY}
    start = json.dumps(
        {
            "now": now.timestamp() * 1000,
            "words": words,
            "keys": plain_keys(),
            "lang": labels["lang"],
            "agent": viewer_id,
        }
    ).replace("<", "\\u003c")
    scripts = "\n".join(_file(name) for name in ("look.js", "unsent.js", "keys.js", "replies.js"))
    for name in ("look.css", "side.css"):
        ui.add_css(_file(name))
    ui.add_head_html(f"<script>window.zgStart = {start};\n{scripts}</script>")
    ui.colors(primary="#1b7a62", dark="#1c2220", dark_page="#141817")


@cache
def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def box(classes: str, tag: str = "div") -> Element:
    """Return an empty box to be filled in a `with`."""
    return ui.element(tag).classes(classes)


def text(words: str, classes: str = "") -> ui.label:
    """Show words, escaped, with their line breaks."""
    return ui.label(words).classes(classes)


def section(words: str) -> None:
    """Show the heading of a section of a pane."""
    text(words, "zg-section").props('role="heading" aria-level="3"')


def button(label: str, icon: str, on_click: Callable[[], Any], classes: str = "zg-button") -> ui.button:
    """Show a button with an icon and a label."""
    return ui.button(label, icon=icon, on_click=on_click, color=None).props("flat dense no-caps").classes(classes)


def icon_button(label: str, icon: str, on_click: Callable[[], Any] | None, classes: str = "") -> ui.button:
    """Show a round button with an icon; the label is its tooltip and what a screen reader says."""
    made = ui.button(icon=icon, on_click=on_click, color=None).props("flat dense round").classes(f"zg-icon {classes}")
    made.props["aria-label"] = label
    with made:
        ui.tooltip(label)
    return made


def chip(words: str, classes: str = "") -> ui.label:
    """Show words in a small rounded field."""
    return text(words, f"zg-chip {classes}")


def moment(at: datetime) -> None:
    """Show a time of day (or a date, if it is not today) in the agent's own time zone."""
    box("zg-time", "time").props(f'data-at="{_ms(at)}"')


def moment_in(words: str, at: datetime) -> dict[str, str]:
    """Return the props by which an element shows words with the time of day, as of `moment`, at their `{}`."""
    return {"data-at": _ms(at), "data-words": words}


def since(at: datetime, classes: str = "") -> Element:
    """Show how long ago something was; it ticks in the browser and changes colour at 2 and 10 minutes."""
    return box(f"zg-since {classes}", "span").props(f'data-since="{_ms(at)}"')


def since_again(made: Element, at: datetime, classes: str = "") -> None:
    """Let what `since` made show another time."""
    made.classes(replace=f"zg-since {classes}")
    if made.props.get("data-since") != _ms(at):
        made.props["data-since"] = _ms(at)


def _ms(at: datetime) -> str:
    return f"{at.timestamp() * 1000:.0f}"


def until(at: datetime, classes: str = "") -> None:
    """Show how long it is until something ends; it ticks in the browser and changes colour at 2 h and 30 minutes."""
    box(f"zg-until {classes}", "span").props(f'data-until="{_ms(at)}"')


def money(amount: Money) -> str:
    """Return an amount as people write it."""
    sign = {"CNY": "¥", "EUR": "€", "USD": "$", "GBP": "£"}.get(amount.currency, amount.currency + " ")
    return f"{sign}{Decimal(written_of(amount.amount_minor, amount.currency)):,}"


def channel_name(channel: str) -> str:
    """Return the platform's name of a channel such as `telegram:shopbot`."""
    platform = channel.partition(":")[0]
    return _PLATFORMS.get(platform, platform)
