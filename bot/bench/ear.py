"""What comes to a stand-in Telegram: heard at its door, message by message."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True)
class Ear:
    """Hears every message that the platform takes, before the bot knows that it did.

    Attributes:
        campaign: the texts of the campaign; all others are answers or go to groups.
        heard: told how many messages of the campaign came so far.
        taken_at: when each message was taken, in seconds of a clock that only goes forward.
        times: how often each chat got the campaign.
        answered: by text, when it was first taken.
        to_groups: messages by group.
    """

    campaign: Collection[str]
    heard: Callable[[int], None] = lambda _: None
    taken_at: list[float] = field(default_factory=list)
    times: Counter[int] = field(default_factory=Counter)
    answered: dict[str, float] = field(default_factory=dict)
    to_groups: Counter[int] = field(default_factory=Counter)
    campaign_messages: int = 0

    def at(self, app: ASGIApp) -> ASGIApp:
        """Return the app with an ear at its door."""

        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].lower().endswith("/sendmessage"):
                await app(scope, receive, send)
                return
            parts = list[bytes]()

            async def hear(message: Message) -> None:
                parts.append(message.get("body", b""))
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self._take(json.loads(b"".join(parts)))
                await send(message)

            await app(scope, receive, hear)

        return listening

    def _take(self, answer: dict[str, object]) -> None:
        taken = answer.get("result")
        if not isinstance(taken, dict):
            return  # refused
        chat, text, now = int(taken["chat"]["id"]), str(taken["text"]), time.monotonic()
        self.taken_at.append(now)
        if chat < 0:
            self.to_groups[chat] += 1
        elif text in self.campaign:
            self.times[chat] += 1
            self.campaign_messages += 1
            self.heard(self.campaign_messages)
        else:
            self.answered.setdefault(text, now)
