"""A customers' group on Telegram: what its members do there, and what the bot says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.campaigns.vote_handlers import VoteTimers
from bot.campaigns.vote_words import VoteWords
from bot.delivery import newcomers
from bot.delivery.signal import Signal
from bot.delivery.timers import TimerRunner
from bot.demo.shop import demo_settings
from tests.skills.talk import later
from tests.skills.telegram import BOT, GROUP, PAUSE, USERS, TelegramTalk

LIN, CHEN = USERS["lin"], USERS["chen"]
MINUTE = timedelta(minutes=1)


@dataclass
class Group:
    """The group, as its members see it."""

    talk: GroupTalk
    chat: int = GROUP

    def hears(self, user: int, text: str, **more: Any) -> str:
        """Let a member say something; return what the bot says then, empty if nothing."""
        return self._does("say", user=user, chat=self.chat, text=text, **more)

    def _does(self, action: str, **body: Any) -> str:
        before = len(self.said())
        self.talk.hears(action, **body)
        return "\n".join(message["text"] for message in self.said()[before:])

    def said(self, chat: int | None = None) -> list[dict[str, Any]]:
        """Return what the bot has said in the group, or in another chat."""
        shown = self.talk.telegram.shows("messages", chat=chat or self.chat)["messages"]
        return [message for message in shown if message["from"]["is_bot"]]

    def follows_the_button(self, user: int) -> str:
        """Press the button under the last message, and Start in the chat that it opens; return what is said there."""
        (button,) = self.said()[-1]["buttons"][0]
        address, _, payload = button["url"].partition("?start=")
        assert address == f"https://t.me/{BOT}"
        before = len(self.said(user))
        self.talk.hears("start", user=user, payload=payload)
        return "\n".join(message["text"] for message in self.said(user)[before:])

    def changes(self, action: str, **body: Any) -> None:
        """Let people come and go."""
        self._does(action, group=self.chat, **body)

    def waits(self, step: timedelta) -> list[str]:
        """Let time pass; return what the bot says then."""
        before = len(self.said())
        later(self.talk, step)
        self.talk.runs_timers()
        return [message["text"] for message in self.said()[before:]]


class GroupTalk(TelegramTalk):
    """A shop with its timers."""

    @property
    def words(self) -> VoteWords:
        return VoteWords(self.mind.voice, demo_settings().shop.zone)

    def runs_timers(self) -> None:
        welcome = newcomers.Welcome(lambda: self.mind.voice, demo_settings().shop.language).fire
        handlers = {newcomers.TIMER: welcome, **VoteTimers(lambda: self.words).handlers()}
        timers = TimerRunner(self._database, self, handlers, wake=Signal(), fired=Signal())

        async def run() -> None:
            while await timers.fire_next():
                pass
            while await self._sender.send_next():
                later(self, PAUSE)

        self._loop.run(run())
