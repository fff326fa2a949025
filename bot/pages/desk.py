"""What the pages of campaigns stand on: the console's session, the shop's words, and one way to act and to show."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator
from sqlalchemy import Connection

from bot.campaigns.announce import announcement
from bot.campaigns.announcing import Announce
from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.messages import Rate
from bot.settings import Settings
from bot.storable import storable
from handoff.console import plain
from handoff.console.board_page import HEADERS
from handoff.console.labels import Labels, reason_words
from handoff.console.session import PATH, Wiring, session_in
from handoff.hiding import hidden
from handoff.people import Agent
from handoff.roles import Right

HERE = f"{PATH}/campaigns"
HTML = Path(__file__).parent / "html"
MOST_PLAN = 200_000
"""Characters of a plan."""
Words = Annotated[str, Form(max_length=1000), AfterValidator(storable)]
Job = Callable[[Connection, Agent], object]


@dataclass(frozen=True, slots=True)
class Desk:
    """Leads and admins sit here.

    Attributes:
        rates: how fast each channel may send to many people on a day.
    """

    wiring: Wiring
    rates: Callable[[date], Mapping[str, Rate]]

    @property
    def settings(self) -> Settings:
        return self.wiring.advice.settings

    @property
    def most_alone(self) -> int:
        """How many may hear of a sale that one person has planned alone."""
        return self.settings.policy.sale_heard_alone

    def say(self) -> Announce:
        """Return what words announcements now."""
        return announcement(self.wiring.advice.brain.mind.voice, self.settings.shop.zone)

    async def viewer(self, request: Request) -> Agent:
        """Return who looks.

        Raises:
            NotAllowed: they are no lead or admin, or their session has ended.
        """
        return await session_in(request, self.wiring).read(lambda _, agent: agent, Right.LEAD)

    async def refuse(self, request: Request, error: NotAllowed) -> Response:
        """Return the answer to who may not see a page."""
        return await plain.forbidden(session_in(request, self.wiring), error)

    async def act(self, request: Request, job: Job | None) -> str:
        """Run a job as who asks for it. Return what went wrong, in their language; empty if it is done.

        Raises:
            NotAllowed: they are no lead or admin, or their session has ended.
        """
        await self.viewer(request)
        labels = plain.labels_in(request)
        try:
            if job is None:
                raise NotFound
            await session_in(request, self.wiring).act(job, Right.LEAD)
        except ZhangguiError as error:
            return words_of(error, labels)
        return ""

    def page(
        self, request: Request, name: str, title: str, values: Mapping[str, Any], viewer: Agent, status: int = 200
    ) -> Response:
        """Return a page of this folder; `title` is the key of its title among the labels."""
        labels = plain.labels_in(request)
        shown = {
            "here": HERE,
            "hide": hidden,
            "mark": lambda part: zlib.crc32(part.encode()),
            "moment": plain.moments(self.settings.shop.zone),
            "why": lambda reason: told_words(reason, labels),
        }
        return plain.page(request, name, title, {**shown, **values}, viewer, status, HEADERS, HTML)


def words_of(error: ZhangguiError, labels: Labels) -> str:
    """Return what stopped an act: of a campaign, rights are missing where somebody else has to do it."""
    return labels["sale_needs_second"] if isinstance(error, NotAllowed) else plain.error_words(error, labels)


def told_words(reason: str, labels: Labels) -> str:
    """Return why an announcement has its status as people read it; what a platform said stays as it is."""
    whole = f"reason_{reason.replace(' ', '_')}"
    return labels.get(whole) or reason_words(reason, labels)


def reasons_like(words: str, labels: Labels) -> list[str]:
    """Return the reasons that have these words in the reader's language."""
    if not words:
        return []
    known = {key.removeprefix("reason_"): said for key, said in labels.items() if key.startswith("reason_")}
    codes = [code for code, said in known.items() if words.casefold() in said.casefold()]
    return [*codes, *(code.replace("_", " ") for code in codes)]


def found(address: str) -> Response:
    """Return the way to another page after something was done."""
    return RedirectResponse(address, status_code=303, headers={"Cache-Control": "no-store"})
