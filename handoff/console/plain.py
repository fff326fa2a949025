"""Plain pages of the console: rendered here, without scripts, so that they work under the strictest policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.errors import NotAllowed, ZhangguiError
from handoff.access import may
from handoff.console.labels import LABELS, Labels, language_of
from handoff.console.session import PATH, SecondFactorMissing, Session
from handoff.people import Agent
from handoff.roles import Right

if TYPE_CHECKING:
    from jinja2 import Environment

_PAGES = Path(__file__).parent / "pages"
HEADERS = {
    "Cache-Control": "no-store",
    # Pictures of codes are drawn into the page itself, the icon is empty; there is nothing to run.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'",
}


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # 2 MB that a shop without agents is spared

    return Environment(
        loader=FileSystemLoader([folder, _PAGES]), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )


def language_in(request: Request) -> str:
    """Return the language of a browser, `zh` or `en`."""
    return language_of(request.cookies.get("zg_lang"), request.headers.get("accept-language", ""))


def labels_in(request: Request) -> Labels:
    """Return the words in the language of a browser."""
    return LABELS[language_in(request)]


def page(
    request: Request,
    name: str,
    title: str,
    values: Mapping[str, Any],
    agent: Agent | None = None,
    status: int = 200,
    headers: Mapping[str, str] = HEADERS,
    folder: Path = _PAGES,
) -> Response:
    """Return a page.

    Args:
        name: of the template.
        title: the key of its title among the labels.
        agent: who looks; without one it is a small page, before the login.
        headers: in place of those for pages without scripts.
        folder: where the template is looked for first.
    """
    language = language_in(request)
    frame: dict[str, Any] = {"problem": "", "done": "", "path": PATH, "language": language, "words": LABELS[language]}
    frame |= {"title": title, "small": agent is None, "links": _links(agent), "agent": agent}
    html = _environment(folder).get_template(f"{name}.html").render({**frame, **values})
    return HTMLResponse(html, status_code=status, headers=dict(headers))


def refused(error: ZhangguiError) -> Response:
    """Return where a browser goes that may not see a page: to the login, or to what its role may see."""
    if isinstance(error, NotAllowed):
        return RedirectResponse(f"{PATH}/login", status_code=303, headers={"Cache-Control": "no-store"})
    return Response(str(error), status_code=404, media_type="text/plain", headers={"Cache-Control": "no-store"})


async def forbidden(session: Session, error: ZhangguiError) -> Response:
    """Return the answer to who may not see a page: 403 for who is logged in, the login for who is not."""
    try:
        await session.read(lambda *_: None, right=None)
    except NotAllowed:
        return refused(error)
    if isinstance(error, SecondFactorMissing):
        return refused(error)
    return Response(str(error), status_code=403, media_type="text/plain", headers={"Cache-Control": "no-store"})


def error_words(error: ZhangguiError, labels: Labels) -> str:
    """Return what went wrong, in the reader's language; of what has no words there only that it did."""
    return labels.get(f"error_{error.code}", labels["error_error"])


def moments(zone: ZoneInfo) -> Callable[[datetime], str]:
    """Return what writes a time as clocks in `zone` show it, with how far that is from UTC."""

    def moment(at: datetime) -> str:
        local = at.astimezone(zone)
        return f"{local:%Y-%m-%d %H:%M} {local.isoformat()[-6:]}"

    return moment


def style_routes() -> APIRouter:
    """Return the style of the plain pages."""
    router = APIRouter()
    style = (_PAGES / "plain.css").read_text(encoding="utf-8")

    @router.get(f"{PATH}/plain.css", include_in_schema=False)
    async def plain_css() -> Response:
        return Response(style, media_type="text/css", headers={"Cache-Control": "max-age=300"})

    return router


def _links(agent: Agent | None) -> list[tuple[str, str]]:
    if agent is None:
        return []
    links = [("console", f"{PATH}/")] if may(agent, Right.ANSWER) else []
    if may(agent, Right.LEAD):
        links += [("board", f"{PATH}/board"), ("report", f"{PATH}/report"), ("campaigns", f"{PATH}/campaigns")]
    links.append(("account", f"{PATH}/account"))
    if may(agent, Right.ADMIN):
        links += [("agents", f"{PATH}/agents"), ("audit", f"{PATH}/audit")]
    return links
