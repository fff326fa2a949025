"""The page on which a sale is planned: filled in or pasted, checked line by line, looked at, counted, and planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy import Connection, select
from starlette.datastructures import UploadFile

from bot.campaigns import planning, preview, steering
from bot.campaigns.announcing import LANGUAGES
from bot.campaigns.line import sale_of
from bot.campaigns.moments import PHRASES, START, Moment
from bot.campaigns.planfile import plan_in
from bot.campaigns.planning import Planned
from bot.campaigns.reach import Reach, reach
from bot.errors import NotAllowed, NotFound
from bot.knowledge.entries import Fault
from bot.knowledge.yamlfile import Reading, text_of
from bot.messages import ChatKind
from bot.pages import planform
from bot.pages.desk import HERE, MOST_PLAN, Desk, Job, found
from bot.pages.faults import in_words
from bot.pages.planform import Place
from bot.pages.sent import all_in, form_in, words_in
from bot.storable import storable
from bot.store.tables import conversations, variants
from handoff.console import plain
from handoff.console.marks import preview_marks
from handoff.console.session import session_in
from handoff.people import Agent
from handoff.roles import Right

PAGE = f"{HERE}/plan"
MOST_GOODS, MOST_GROUPS = 1000, 200


@dataclass(slots=True)
class Looked:
    """What came of looking at a plan: its faults, or what it would say and to how many."""

    faults: list[Fault] = field(default_factory=list)
    texts: list[preview.Text] = field(default_factory=list)
    reached: list[Reach] = field(default_factory=list)

    @property
    def heard_by(self) -> int:
        return sum(one.recipients for one in self.reached)


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers."""

    skus: Sequence[str]
    places: Sequence[Place]


@dataclass(slots=True)
class Sheet:
    """The plan that somebody works on.

    Attributes:
        of: the sale that it is of; empty for a new one. One that is over its draft only takes other words.
        reads: faults met before the plan itself is looked at.
    """

    text: str
    of: str = ""
    is_draft: bool = True
    reads: list[Fault] = field(default_factory=list)

    @property
    def begun(self) -> bool:
        return not self.is_draft


def plan_routes(desk: Desk) -> APIRouter:
    """Return the page and what its forms post."""
    router, wiring = APIRouter(), desk.wiring

    async def show(
        request: Request, sheet: Sheet, *, looked: bool, problem: str = "", done: str = "", status: int = 200
    ) -> Response:
        def job(connection: Connection, agent: Agent) -> tuple[Agent, Choices, Looked]:
            seen = _look(connection, desk, sheet, now) if looked else Looked()
            return agent, _choices(connection, desk), seen

        now = wiring.clock.now()
        viewer, choices, seen = await session_in(request, wiring).read(job, Right.LEAD)
        told = partial(in_words, language=plain.language_in(request))
        values = {**_values(desk, sheet, choices, seen, now), "told_in": told}
        values |= {"looked": looked, "problem": problem, "done": done}
        return desk.page(request, "plan", "campaigns", values, viewer, status)

    @router.get(PAGE, include_in_schema=False)
    async def plan(request: Request, of: str = "") -> Response:
        try:
            sheet = await session_in(request, wiring).read(lambda c, _: _sheet(c, desk, of), Right.LEAD)
            return await show(request, sheet, looked=bool(of))
        except NotAllowed as error:
            return await desk.refuse(request, error)
        except NotFound as error:
            return plain.refused(error)

    @router.post(PAGE, include_in_schema=False)
    async def act(request: Request) -> Response:
        try:
            await desk.viewer(request)
            async with form_in(request) as form:
                act, of, file = words_in(form, "act"), words_in(form, "of"), form.get("file")
                text = words_in(form, "text", most=MOST_PLAN)
                is_draft = await session_in(request, wiring).read(lambda c, _: _is_draft(c, of), Right.LEAD)
                sheet = Sheet(text.replace("\r\n", "\n"), of, is_draft)
                if act == "fill":
                    fields = {name: words_in(form, name) for name in planform.FIELDS}
                    reading = Reading("")
                    sheet.text = planform.filled(
                        sheet.text, fields, all_in(form, "place"), reading, desk.settings.shop.zone
                    )
                    sheet.reads = reading.faults
                elif isinstance(file, UploadFile) and file.filename:
                    await _take(file, sheet)
                return await _done(request, sheet, act, words_in(form, "moment", START))
        except NotAllowed as error:
            return await desk.refuse(request, error)

    async def _done(request: Request, sheet: Sheet, act: str, moment: str) -> Response:
        now, labels = wiring.clock.now(), plain.labels_in(request)
        planned, _ = _read(desk, sheet, now)
        jobs = _jobs(desk, planned, moment, now) if planned is not None and not sheet.reads else {}
        if planned is None or act not in jobs:
            return await show(request, sheet, looked=True, status=422 if planned is None else 200)
        known = await session_in(request, wiring).read(lambda c, _: _look(c, desk, sheet, now), Right.LEAD)
        if known.faults:
            return await show(request, sheet, looked=True, status=422)
        problem = await desk.act(request, jobs[act])
        if problem or act == "send":
            done = "" if problem else labels["sale_done_send"]
            return await show(request, sheet, looked=True, problem=problem, done=done, status=409 if problem else 200)
        return found(f"{HERE}/sales/{planned.id}?done={act}")

    return router


def _jobs(desk: Desk, planned: Planned, moment: str, now: datetime) -> dict[str, Job]:
    say, most = desk.say(), desk.most_alone
    which: Moment = next((one for one in PHRASES if one == moment), START)
    marks = preview_marks()
    return {
        "plan": lambda c, lead: steering.plan(c, planned, lead.login, most, now),
        "reword": lambda c, lead: planning.reword(c, planned, lead.login, most, say, now),
        "send": lambda c, lead: preview.send(c, planned, lead.login, which, say, marks, desk.wiring.new_id, now),
    }


def _is_draft(connection: Connection, of: str) -> bool:
    """Return whether all of a plan still counts: its sale is a draft, or not there at all."""
    try:
        return not of or sale_of(connection, of).status == "draft"
    except NotFound:
        return True


def _sheet(connection: Connection, desk: Desk, of: str) -> Sheet:
    if not of:
        return Sheet("")
    sale = sale_of(connection, of)
    return Sheet(planform.text_of_sale(sale, desk.settings.shop.zone), of, sale.status == "draft")


async def _take(file: UploadFile, sheet: Sheet) -> None:
    """Put what was uploaded in the place of what was written, if it can be read."""
    reading = Reading(file.filename or "")
    content = await file.read(MOST_PLAN + 1)
    if len(content) > MOST_PLAN:
        reading.fault(1, f"the file has more than {MOST_PLAN / 1000:.0f} kB", "Is it the right file?")
    text = None if reading.faults else text_of(content, reading)
    if text is not None:
        sheet.text = storable(text)
    sheet.reads = reading.faults


def _read(desk: Desk, sheet: Sheet, now: datetime) -> tuple[Planned | None, list[Fault]]:
    settings, reading = desk.settings, Reading("")
    when = None if sheet.begun else now
    shop = settings.shop
    planned = plan_in(sheet.text, shop.zone, shop.currency, settings.channels.names(), when, reading)
    if planned is not None and sheet.begun and planned.id != sheet.of:
        reading.fault(1, f"`id` is not {sheet.of}", "A sale keeps its id: only its texts can be changed now")
        planned = None
    return planned, reading.faults


def _look(connection: Connection, desk: Desk, sheet: Sheet, now: datetime) -> Looked:
    """Return the faults of a plan; where it has none, what it says and who hears it."""
    if sheet.reads:
        return Looked(sheet.reads)
    planned, faults = _read(desk, sheet, now)
    if planned is None:
        return Looked(faults)
    try:
        steering.check_known(connection, planned, "plan")
    except NotFound as error:
        return Looked([Fault("", _line_of(sheet.text, str(error)), str(error), "")])
    texts = preview.merged(preview.texts_of(connection, planned, desk.say()))
    return Looked([], texts, reach(connection, planned.values["audiences"], now, planned.values["currency"]))


def _line_of(text: str, problem: str) -> int:
    """Return the line of the key that names what is not there."""
    key = "sku:" if "sku" in problem else "audiences:"
    return next((number for number, line in enumerate(text.split("\n"), 1) if line.startswith(key)), 1)


def _choices(connection: Connection, desk: Desk) -> Choices:
    skus = connection.execute(select(variants.c.sku).order_by(variants.c.sku).limit(MOST_GOODS)).scalars().all()
    group = conversations.c.chat_kind == ChatKind.GROUP.value, conversations.c.unreachable.is_(False)
    known = select(conversations.c.channel, conversations.c.chat).where(*group)
    groups = connection.execute(known.order_by(conversations.c.channel, conversations.c.chat).limit(MOST_GROUPS))
    names = desk.settings.channels.names()
    places = [Place(channel, "", channel) for channel in sorted(names)]
    places += [Place(row.channel, row.chat, f"{row.channel} · {row.chat}") for row in groups if row.channel in names]
    return Choices(skus, places)


def _values(desk: Desk, sheet: Sheet, choices: Choices, seen: Looked, now: datetime) -> dict[str, Any]:
    rates = desk.rates(now.date())
    lines = sheet.text.split("\n")
    return {
        "sheet": sheet,
        "fields": planform.fields_in(sheet.text, desk.settings.shop.zone),
        "told": planform.places_in(sheet.text),
        "numbers": planform.NUMBERS,
        "choices": choices,
        "places": planform.told_once(choices.places, sheet.text),
        "not_told": planform.NOT_TOLD,
        "seen": seen,
        "marked": [
            (fault, lines[fault.line - 1] if 0 < fault.line <= len(lines) else "")
            for fault in sorted(seen.faults, key=lambda fault: fault.line)
        ],
        "languages": ("", *LANGUAGES),
        "moments": tuple(PHRASES),
        "rate": rates.get,
        "most_alone": desk.most_alone,
        "zone": desk.settings.shop.zone.key,
    }
