"""What to call for one outbound: a message of the shop as one or several messages of Telegram. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.messages import OPENS_CHAT, Choice, Outbound
from connectors.telegram.cutting import cut, fits


@dataclass(frozen=True, slots=True)
class Part:
    """One call of the Bot API, without the chat. A `bot.messages.File` among the fields is to be uploaded."""

    method: str
    fields: Mapping[str, Any]


def parts(message: Outbound, limits: Mapping[str, int], username: str) -> list[Part]:
    """Return what to send, in order; the buttons are under the last.

    A picture takes the text as its caption if it fits (Bot API, sendPhoto), else the text follows. A poll asks the
    end of a text that is too long for a question (Bot API, sendPoll); what comes before it goes ahead.

    Args:
        limits: `text_units`, `caption_units` and `question_units`, as in rights.toml.
        username: the bot's, see `keyboard`.
    """
    text = message.text.strip()
    found: list[Part] = []
    if message.picture is not None:
        caption = text if not message.poll and fits(text, limits["caption_units"]) else ""
        found.append(Part("SendPhoto", {"photo": message.picture, "caption": caption}))
        text = "" if caption else text
    if message.poll:
        question = cut(text, limits["question_units"])[-1]
        found += _texts(text[: len(text) - len(question)], limits)
        options = [{"text": option} for option in message.poll]
        found.append(Part("SendPoll", {"question": question, "options": options, "is_anonymous": False}))
    elif text or not found:
        found += _texts(text, limits) or [Part("SendMessage", {"text": text})]
    return [*found[:-1], Part(found[-1].method, {**found[-1].fields, **keyboard(message.choices, username)})]


def keyboard(choices: tuple[Choice, ...], username: str) -> dict[str, Any]:
    """Lay buttons out so that labels stay readable on a phone: short ones share a row. Empty without choices.

    Args:
        username: the bot's, for buttons that open its private chat: without it they are left out.
    """
    choices = tuple(choice for choice in choices if username or not choice.token.startswith(OPENS_CHAT))
    if not choices:
        return {}
    longest = max(len(choice.label) for choice in choices)
    width = 4 if longest <= 4 else 2 if longest <= 12 else 1
    buttons = [{"text": choice.label, **_pressed(choice, username)} for choice in choices]
    rows = [buttons[start : start + width] for start in range(0, len(buttons), width)]
    return {"reply_markup": {"inline_keyboard": rows}}


def _pressed(choice: Choice, username: str) -> dict[str, str]:
    """Return what a button does: bring its token back, or open the bot's chat (Bot API, deep linking)."""
    if choice.token.startswith(OPENS_CHAT):
        return {"url": f"https://t.me/{username}?start={choice.token.removeprefix(OPENS_CHAT)}"}
    return {"callback_data": choice.token}


def _texts(text: str, limits: Mapping[str, int]) -> list[Part]:
    return [Part("SendMessage", {"text": piece}) for piece in cut(text, limits["text_units"]) if piece]
