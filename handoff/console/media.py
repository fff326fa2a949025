"""Serves what customers and agents sent as files, to agents only."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bot.errors import NotAllowed, NotFound
from bot.first_bytes import picture_type, sound_type
from bot.messages import File
from handoff.access import access_file
from handoff.console.session import PATH, Wiring, session_in

KEPT_BY_THE_BROWSER_S = 60 * 60


def address_of(media_id: str) -> str:
    """Return where a file is served."""
    return f"{PATH}/media/{media_id}"


def media_routes(wiring: Wiring) -> APIRouter:
    """Return `/console/media/{id}`. A file is for those who may see its conversation."""
    router = APIRouter()

    @router.get(address_of("{media_id}"), include_in_schema=False)
    async def media(request: Request, media_id: str) -> Response:
        session = session_in(request, wiring)
        try:
            return _answer(await session.read(lambda connection, agent: access_file(connection, agent, media_id)))
        except NotAllowed:
            return Response(status_code=403, headers={"Cache-Control": "no-store"})
        except NotFound:
            return Response(status_code=404, headers={"Cache-Control": "no-store"})

    return router


def _answer(file: File) -> Response:
    """Return a file. Only what is a picture or sound by its first bytes opens in the browser."""
    mime = picture_type(file.body) or sound_type(file.body)
    headers = {
        "Cache-Control": f"private, max-age={KEPT_BY_THE_BROWSER_S}",
        "Content-Disposition": "inline" if mime else f"attachment; filename*=UTF-8''{quote(file.name or 'file', '')}",
        # The browser's own viewer centres a picture by inline styles; nothing else is in it.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.body, media_type=mime or "application/octet-stream", headers=headers)
