"""The leads' page of the whole team: it keeps itself up to date, and a lead acts from it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import AfterValidator
from sqlalchemy import Connection

from bot.errors import NotAllowed, NotFound, ZhangguiError
from bot.storable import storable
from handoff import board as team
from handoff import desk, presence
from handoff.console import plain
from handoff.console.boards import Boards
from handoff.console.labels import reason_words
from handoff.console.session import PATH, Wiring, session_in
from handoff.people import Agent
from handoff.roles import Right

HERE = f"{PATH}/board"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'",
}
Words = Annotated[str, Form(max_length=4000), AfterValidator(storable)]
Job = Callable[[Connection, Agent], object]
_TICKING = re.compile(r">[^<]*(?=</span>)")
"""What differs at every look and is no change."""
_SCRIPT = (Path(__file__).parent / "pages" / "board.js").read_text(encoding="utf-8")


def board_routes(wiring: Wiring) -> APIRouter:
    """Return the page, its live part, its script, and what its forms post."""
    router, boards = APIRouter(), Boards(wiring)

    @router.get(HERE, include_in_schema=False)
    async def board(request: Request, done: str = "") -> Response:
        return await _show(
            boards, wiring, request, "board", {"done": plain.labels_in(request)["saved"] if done else ""}
        )

    @router.get(f"{HERE}/live", include_in_schema=False)
    async def live(request: Request) -> Response:
        await _beat(wiring, request)
        return await _show(boards, wiring, request, "board_live", {}, fresh=False)

    @router.get(f"{HERE}/board.js", include_in_schema=False)
    async def script() -> Response:
        return Response(_SCRIPT, media_type="text/javascript", headers={"Cache-Control": "max-age=300"})

    @router.post(f"{HERE}/talks/{{talk_id}}", include_in_schema=False)
    async def talk(request: Request, talk_id: str, act: Words, to: Words = "", words: Words = "") -> Response:
        now = wiring.clock.now()
        acts: dict[str, Job] = {
            "take": lambda c, lead: desk.take(c, talk_id, lead, now),
            "pass": lambda c, lead: team.reassign(c, lead, talk_id, to, words, now),
            "whisper": lambda c, lead: team.whisper(c, lead, talk_id, words, now),
        }
        return await _do(boards, wiring, request, acts.get(act), f"{PATH}/?c={talk_id}" if act == "take" else "")

    @router.post(f"{HERE}/agents/{{agent_id}}", include_in_schema=False)
    async def agent(
        request: Request,
        agent_id: str,
        act: Words,
        to: Words = "",
        status: Words = "",
        capacity: Annotated[int | None, Form(ge=0, le=1000)] = None,
        languages: Words = "",
        topics: Words = "",
    ) -> Response:
        now = wiring.clock.now()
        skills = {"languages": _list(languages), "topics": _list(topics)}
        acts: dict[str, Job] = {
            "set": lambda c, lead: team.set_agent(c, lead, agent_id, now, status=status, capacity=capacity, **skills),
            "pass": lambda c, lead: team.reassign_all(c, lead, agent_id, to, "", now),
        }
        return await _do(boards, wiring, request, acts.get(act))

    return router


def _list(words: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in words.replace("，", ",").split(",") if word.strip()))


async def _do(boards: Boards, wiring: Wiring, request: Request, job: Job | None, then: str = "") -> Response:
    session = session_in(request, wiring)
    try:
        await session.read(lambda *_: None, Right.LEAD)
    except NotAllowed as error:
        return await plain.forbidden(session, error)
    try:
        if job is None:
            raise NotFound
        await session.act(job, Right.LEAD)
    except ZhangguiError as error:
        return await _show(
            boards, wiring, request, "board", {"problem": plain.error_words(error, plain.labels_in(request))}, 409
        )
    return RedirectResponse(then or f"{HERE}?done=1", status_code=303, headers={"Cache-Control": "no-store"})


async def _beat(wiring: Wiring, request: Request) -> None:
    """Let a lead who sits at the board count as there."""
    session, now = session_in(request, wiring), wiring.clock.now()
    with suppress(NotAllowed):  # which the page itself tells
        if await session.read(lambda c, lead: presence.beat_is_due(c, lead.id, now), Right.LEAD):
            await session.act(lambda c, lead: presence.beat(c, lead.id, now), Right.LEAD, by_hand=False)


async def _show(
    boards: Boards,
    wiring: Wiring,
    request: Request,
    name: str,
    values: Mapping[str, Any],
    status: int = 200,
    *,
    fresh: bool = True,
) -> Response:
    session = session_in(request, wiring)
    try:
        lead = await session.read(lambda _, lead: lead, Right.LEAD)
    except NotAllowed as error:
        return await plain.forbidden(session, error)
    found, now = await boards.read(fresh=fresh)
    labels = plain.labels_in(request)
    shown = {
        "team": found,
        "statuses": presence.STATUSES,
        "here": HERE,
        "now_ms": _ms(now),
        "ms": _ms,
        "span": lambda at: _span(now, at),
        "mark": lambda part: zlib.crc32(_TICKING.sub("", part).encode()),
        "why": lambda reason: reason_words(reason, labels),
    }
    return plain.page(request, name, "board", {**shown, **values}, lead, status, HEADERS)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _span(now: datetime, at: datetime) -> str:
    """Return how far away a time is, as the script then goes on to show it."""
    seconds = int(abs((now - at).total_seconds()))
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{seconds // 60 % 60:02d} h"
