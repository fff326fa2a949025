"""Voting from the shop's own pages and from WeChat: a link for one person, the page behind it, and the same as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Connection, select

from bot.campaigns.ballots import Cast, Voter, ballots_of, cast, is_open, vote_of
from bot.campaigns.links import GOOD_FOR, Link, Links
from bot.campaigns.vote_words import VoteWords, labels
from bot.campaigns.voting import BEFORE
from bot.clock import Clock, IdMaker
from bot.errors import Conflict, NotAllowed, NotFound, TooOften
from bot.pace import SlidingWindow
from bot.shop.bodies import Body
from bot.shop.claim_api import A_PERSON, AN_ADDRESS, BUTTON, FromAnywhere, Whose
from bot.shop.door import FAULTS, PlainFaults, only_with
from bot.store.database import AnyRow, Database
from bot.store.tables import identities

if TYPE_CHECKING:
    from jinja2 import Template

PAGE = "/vote/{token}"
Option = Annotated[str, Field(max_length=24)]


class VoteLink(BaseModel):
    """A link's token: it shows one person a vote and takes their vote, as often as they change it; `page` has it."""

    token: str
    expires_at: AwareDatetime
    page: str


class Chosen(Body):
    """What a button sends; without an `option` it only asks how the vote stands."""

    token: Annotated[str, Field(max_length=1000)]
    option: Option | None = None


class Stand(BaseModel):
    """How a vote stands for one person: over all their accounts, wherever they have voted.

    `outcome` is what came of their vote (`voted`, `changed`, `same`, `superseded`, `not_open`), empty where they only
    asked; `mine` the option that counts, and `entry` its number in the draw.
    """

    id: str
    question: Mapping[str, str]
    options: list[Mapping[str, str]]
    is_open: bool
    ends_at: AwareDatetime
    outcome: str
    mine: str
    entry: int


@dataclass(frozen=True, slots=True)
class _Seen:
    vote: AnyRow
    came: Cast | None
    mine: str
    entry: int


def vote_routes(
    database: Database, clock: Clock, api_key: str, links: Links, make_id: IdMaker, words: Callable[[], VoteWords]
) -> APIRouter:
    """Return the routes: links need the key, votes a link.

    Args:
        words: returns what words votes now.
    """
    router = APIRouter(tags=["shop"], route_class=PlainFaults)
    by_person, by_address = SlidingWindow(A_PERSON, clock), SlidingWindow(AN_ADDRESS, clock)

    async def take(request: Request, token: str, option: str | None) -> _Seen:
        by_address.spend(request.client.host if request.client else "")
        now = clock.now()
        link = links.read(token, now)
        if option is not None:
            by_person.spend(link.bearer)
        work = database.read if option is None else database.write
        return await work(lambda c: _take(c, link, option, now))

    @router.post("/api/shop/votes/{vote_id}/links", dependencies=[Depends(only_with(api_key))], responses=FAULTS)
    async def make_vote_link(vote_id: str, whose: Whose) -> VoteLink:
        """Make a link by which this person votes."""

        def job(connection: Connection) -> str:
            if vote_of(connection, vote_id).status == "draft":
                raise Conflict(f"Vote {vote_id} is a draft, which may still change. Plan or start it first.")
            here = identities.c.channel == whose.channel, identities.c.user == whose.user
            account = connection.execute(select(identities.c.id).where(*here)).scalar()
            if account is None:
                raise NotFound(f"user: the bot has never met {whose.user} on {whose.channel}.")
            return str(account)

        expires_at = clock.now() + GOOD_FOR
        token = links.sign(Link(vote_id, await database.read(job), make_id(), expires_at))
        return VoteLink(token=token, expires_at=expires_at, page=PAGE.format(token=token))

    async def show(request: Request, token: str, option: str | None) -> Response:
        language = "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "zh"
        try:
            seen = await take(request, token, option)
        except NotAllowed as error:
            return Response(str(error), 401, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")
        except TooOften as error:
            return Response(str(error), 429, {"Cache-Control": "no-store"}, "text/plain; charset=utf-8")
        nonce = make_id()
        page = _template().render(**_values(seen, words(), language, clock.now()), nonce=nonce)
        return HTMLResponse(page, headers=_headers(nonce))

    @router.get(PAGE, include_in_schema=False)
    async def vote_page(request: Request, token: str) -> Response:
        return await show(request, token, None)

    @router.post(PAGE, include_in_schema=False)
    async def vote_on_page(request: Request, token: str, option: Annotated[str, Form(max_length=24)]) -> Response:
        return await show(request, token, option)

    router.route_class = FromAnywhere

    @router.options("/api/shop/votes", include_in_schema=False)
    async def may_vote() -> Response:
        """Tell browsers that a page of another site may send JSON here."""
        return Response(headers=BUTTON)

    @router.post("/api/shop/votes", responses={**FAULTS, 429: FAULTS[409]})
    async def vote_by_link(chosen: Chosen, request: Request) -> Stand:
        """Vote by a link, or ask how the vote stands. No cookie takes part: the token alone says who votes."""
        seen = await take(request, chosen.token, chosen.option)
        vote = seen.vote
        return Stand(
            id=vote.id,
            question=vote.question,
            options=[{"id": one["id"], **labels(one)} for one in vote.options],
            is_open=is_open(vote, clock.now()),
            ends_at=vote.ends_at,
            outcome=seen.came.outcome if seen.came else "",
            mine=seen.mine,
            entry=seen.entry,
        )

    return router


def _take(connection: Connection, link: Link, option: str | None, now: Any) -> _Seen:
    """Take a vote if one is given, by the account that the link is for, and return how it stands for its person."""
    vote = vote_of(connection, link.subject)
    person = connection.execute(select(identities.c.person_id).where(identities.c.id == link.bearer)).scalar_one()
    # A page takes no vote back: nothing on it sends an empty option.
    came = cast(connection, vote.id, option or "-", Voter(person, link.bearer), now) if option is not None else None
    newest = next((row for row in ballots_of(connection, vote.id, person) if row.option), None)
    return _Seen(vote, came, newest.option if newest else "", newest.entry if newest and vote.winners else 0)


def _values(seen: _Seen, words: VoteWords, language: str, now: datetime) -> dict[str, Any]:
    vote, opened = seen.vote, is_open(seen.vote, now)
    outcome = _outcome(seen, opened=opened)
    return {
        "language": language,
        "question": vote.question[language],
        "asked": words.ask(language, vote, poll=False).text if opened else "",
        "said": words.stands(language, vote, outcome, seen.mine, seen.entry) if outcome else "",
        "options": [(one["id"], one[language]) for one in vote.options],
        "mine": seen.mine,
    }


def _outcome(seen: _Seen, *, opened: bool) -> str:
    """Return which words tell how the vote stands, empty for none but the question."""
    if seen.vote.status in BEFORE:
        return "not_begun"
    if seen.came is not None and seen.came.outcome == "not_open":
        return "not_open"
    return "yours" if seen.mine else "" if opened else "over"


def _headers(nonce: str) -> dict[str, str]:
    only = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; {only}"
    return {"Cache-Control": "no-store", "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    folder = Path(__file__).parent / "html"
    made = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return made.get_template("vote.html")
