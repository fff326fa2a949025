"""`/livez`, `/readyz` and `/metrics`."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.store.database import Database
from bot.store.tables import conversations, outbox


def health_routes(database: Database) -> APIRouter:
    """Return the routes that watchers ask."""
    router = APIRouter()

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz(response: Response) -> dict[str, object]:
        """Say whether the database answers, and how much waits."""
        try:
            waiting = await database.read(_backlog)
        except SQLAlchemyError as error:
            response.status_code = 503
            return {"status": "database", "error": type(error).__name__}
        return {"status": "ok", **waiting}

    @router.get("/metrics")
    async def metrics() -> Response:
        """Return counters in Prometheus' text format."""
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


def _backlog(connection: Connection) -> dict[str, int]:
    behind = select(func.coalesce(func.sum(conversations.c.last_seq - conversations.c.done_seq), 0))
    unsent = select(func.count()).select_from(outbox).where(outbox.c.status.in_(("waiting", "sending")))
    inbox, outgoing = connection.execute(behind).scalar_one(), connection.execute(unsent).scalar_one()
    return {"inbox": int(inbox), "outbox": outgoing}
