"""The key map: one table for the browser, the help and the page in the docs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """One shortcut.

    Attributes:
        action: what it does; `keys_{action}` is its label, and the event that the page gets.
        code: of the key on the keyboard (`KeyboardEvent.code`), so that it works on every layout.
        shown: as people read it. `Mod` is Ctrl, on a Mac Cmd.
        alt, mod: what is held with it. Without either it works only where nothing is being written.
    """

    action: str
    code: str
    shown: str
    alt: bool = False
    mod: bool = False


def _alt(action: str, letter: str) -> Key:
    return Key(action, f"Key{letter}", f"Alt+{letter}", alt=True)


KEYS = (
    _alt("next", "J"),
    _alt("previous", "K"),
    _alt("tab", "G"),
    _alt("take", "T"),
    _alt("reply", "L"),
    _alt("note", "P"),
    _alt("suggest", "A"),
    _alt("transfer", "X"),
    _alt("give_back", "B"),
    _alt("snooze", "M"),
    _alt("close", "E"),
    Key("close_next", "KeyE", "Mod+Alt+E", alt=True, mod=True),
    _alt("retry", "R"),
    _alt("side", "O"),
    _alt("beside", "I"),
    _alt("status", "S"),
    _alt("sound", "U"),
    Key("search", "KeyK", "Mod+K", mod=True),
    Key("search", "Slash", "/"),
    Key("help", "Slash", "?"),
)
"""What the page hears of. Several keys may do one thing."""

FIELD_KEYS = {
    "Enter": "send",
    "Shift+Enter": "line",
    "/": "canned",
    "Esc": "escape",
}
"""What the field does by itself: shown → what `keys_{…}` says."""


def plain_keys() -> list[dict[str, object]]:
    """Return the map as the script in the browser reads it."""
    return [{"action": k.action, "code": k.code, "alt": k.alt, "mod": k.mod, "sign": _sign(k)} for k in KEYS]


def _sign(key: Key) -> str:
    """Return the character of a key that is pressed alone: `?` has other codes on other keyboards."""
    return "" if key.alt or key.mod else key.shown


def rows() -> list[tuple[str, str]]:
    """Return (keys, action) for the help, each action once."""
    by_action: dict[str, list[str]] = {}
    for shown, action in FIELD_KEYS.items():
        by_action.setdefault(action, []).append(shown)
    for key in KEYS:
        by_action.setdefault(key.action, []).append(key.shown)
    return [(" · ".join(shown), action) for action, shown in by_action.items()]
