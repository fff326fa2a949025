"""Brings events to their subscribers, signed as Standard Webhooks (standardwebhooks.com, version 1).

At least once: what a worker that died had delivered comes again under the same `webhook-id`. Redirects are not
followed: what is sent goes where the operator said and nowhere else.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import orjson
import structlog
from sqlalchemy import Connection, func, select, update

from bot.clock import Clock
from bot.delivery.signal import Signal
from bot.delivery.tasks import alert
from bot.errors import NotFound, SettingsError
from bot.store.database import AnyRow, Database
from bot.store.tables import outgoing, subscribers

PREFIX = "whsec_"
PATIENCE_S = 15.0
"""How long a subscriber may take for an answer, as the specification advises (15 to 30 s)."""
LOOK_EVERY_S = 5.0
AT_ONCE = 20
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between the tries of one event, the specification's example: ten tries in three days."""
GONE = 410
LIST_LIMIT = 200
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One section `[hooks.NAME]`. `key` signs, in bytes."""

    name: str
    url: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One event for one subscriber, as `zhanggui hooks list` shows it. `status` is `waiting`, `sent` or `dead`."""

    id: int
    subscriber: str
    event: str
    status: str
    attempts: int
    created_at: datetime
    not_before: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a subscriber. `off_since` is set once it is not called any more."""

    name: str
    waiting: int
    dead: int
    failing_since: datetime | None
    off_since: datetime | None
    reason: str


def key_of(secret: str, setting: str) -> bytes:
    """Return the bytes of a secret.

    Raises:
        SettingsError: it is not `whsec_` and Base64 of 24 to 64 bytes.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise SettingsError(
            f"shop.toml: {setting}: a secret is whsec_ and 24 to 64 bytes in Base64: "
            'echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def headers_of(event_id: str, body: bytes, key: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of one try: id, Unix seconds, and `v1,` with the HMAC-SHA256 of `id.seconds.body`."""
    stamp = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), stamp.encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


# --- what is kept --------------------------------------------------------------------------------------------------
def due(connection: Connection, name: str, now: datetime) -> Sequence[AnyRow]:
    """Return the events that a subscriber may get now, oldest first; none while it is switched off."""
    off = select(subscribers.c.off_since).where(subscribers.c.name == name)
    if connection.execute(off).scalar() is not None:
        return ()
    waiting = outgoing.c.subscriber == name, outgoing.c.status == "waiting", outgoing.c.not_before <= now
    return connection.execute(select(outgoing).where(*waiting).order_by(outgoing.c.id).limit(AT_ONCE)).all()


def taken(connection: Connection, row: AnyRow, now: datetime) -> None:
    """Note that the subscriber took an event."""
    of_row = outgoing.c.id == row.id, outgoing.c.status == "waiting"
    values = {"status": "sent", "sent_at": now, "attempts": row.attempts + 1, "reason": ""}
    connection.execute(update(outgoing).where(*of_row).values(values))
    failing = subscribers.c.name == row.subscriber, subscribers.c.failing_since.is_not(None)
    connection.execute(update(subscribers).where(*failing).values(failing_since=None, reason=""))


def refused(connection: Connection, row: AnyRow, reason: str, gone: bool, now: datetime) -> None:
    """Try again later, or after the last try give the event up.

    Who said 410 is not called any more, and who took nothing while this event was tried. Who took others meanwhile is
    well: it is the event that is not wanted, and that alone is dead.
    """
    tries = row.attempts + 1
    over = gone or tries > len(PAUSES)
    later = now if over else now + PAUSES[tries - 1]
    values = {"status": "dead" if over else "waiting", "attempts": tries, "not_before": later, "reason": reason}
    of_row = outgoing.c.id == row.id, outgoing.c.status == "waiting"
    if connection.execute(update(outgoing).where(*of_row).values(values)).rowcount != 1:
        return  # given up meanwhile, because the subscriber left shop.toml
    of_subscriber = subscribers.c.name == row.subscriber
    connection.execute(
        update(subscribers)
        .where(of_subscriber)
        .values(failing_since=func.coalesce(subscribers.c.failing_since, now), reason=reason)
    )
    if not over:
        return
    failing_since = connection.execute(select(subscribers.c.failing_since).where(of_subscriber)).scalar()
    if gone or (failing_since is not None and failing_since <= now - sum(PAUSES, timedelta())):
        connection.execute(update(subscribers).where(of_subscriber).values(off_since=now))
        text = (
            f"[hooks.{row.subscriber}] is not called any more: {reason}. "
            f"`zhanggui hooks retry {row.subscriber}` turns it on again."
        )
        alert(connection, f"hooks:{row.subscriber}:off", text, now)
    else:
        text = (
            f"[hooks.{row.subscriber}] never took one event ({row.event}): {reason}. It gets all others. "
            f"`zhanggui hooks retry {row.subscriber}` sends it once more."
        )
        alert(connection, f"hooks:{row.subscriber}:{row.id}", text, now)


def standings(connection: Connection) -> tuple[Standing, ...]:
    """Return how it stands with every subscriber, by name."""
    counts = {
        (row.subscriber, row.status): int(row.many)
        for row in connection.execute(
            select(outgoing.c.subscriber, outgoing.c.status, func.count().label("many"))
            .where(outgoing.c.status.in_(("waiting", "dead")))
            .group_by(outgoing.c.subscriber, outgoing.c.status)
        )
    }
    return tuple(
        Standing(
            row.name,
            counts.get((row.name, "waiting"), 0),
            counts.get((row.name, "dead"), 0),
            row.failing_since,
            row.off_since,
            row.reason,
        )
        for row in connection.execute(select(subscribers).order_by(subscribers.c.name))
    )


def list_events(connection: Connection, status: str, limit: int = LIST_LIMIT) -> tuple[Event, ...]:
    """Return the newest events with a status."""
    newest = select(outgoing).where(outgoing.c.status == status).order_by(outgoing.c.id.desc()).limit(limit)
    return tuple(
        Event(row.id, row.subscriber, row.event, row.status, row.attempts, row.created_at, row.not_before, row.reason)
        for row in connection.execute(newest)
    )


def retry(connection: Connection, name: str, now: datetime) -> int:
    """Call a subscriber again and give it what it lost, at once. Return how many events wait for it.

    Raises:
        NotFound: there is no such subscriber.
    """
    on = {"off_since": None, "failing_since": None, "reason": ""}
    if connection.execute(update(subscribers).where(subscribers.c.name == name).values(on)).rowcount != 1:
        raise NotFound(f"There is no [hooks.{name}] that a running shop knows. `zhanggui hooks list` shows them all.")
    again = {"status": "waiting", "attempts": 0, "not_before": now, "reason": ""}
    lost = outgoing.c.subscriber == name, outgoing.c.status.in_(("dead", "waiting"))
    return connection.execute(update(outgoing).where(*lost).values(again)).rowcount


# --- who brings it -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Messenger:
    """Delivers to every subscriber side by side: a slow one keeps no other waiting. One process at a time."""

    database: Database
    clock: Clock
    subscribers: Sequence[Subscriber]
    wake: Signal
    patience_s: float = PATIENCE_S

    async def run(self) -> None:
        """Deliver for ever."""
        async with self.client() as http, asyncio.TaskGroup() as together:
            for one in self.subscribers:
                together.create_task(self._serve(one, http))

    def client(self) -> httpx.AsyncClient:
        """Return what posts."""
        return httpx.AsyncClient(timeout=self.patience_s, trust_env=False, follow_redirects=False)

    async def _serve(self, one: Subscriber, http: httpx.AsyncClient) -> None:
        while True:
            seen = self.wake.count
            try:
                while await self.deliver(one, http):
                    pass
            except Exception:  # the database is away for a moment; the loop looks again
                log.exception("hooks_interrupted", subscriber=one.name)
            await self.wake.wait(seen, LOOK_EVERY_S)

    async def deliver(self, one: Subscriber, http: httpx.AsyncClient) -> bool:
        """Bring what is due; stop at the first that is not taken. Return whether there may be more."""
        now = self.clock.now()
        rows = await self.database.read(lambda c: due(c, one.name, now))
        for row in rows:
            if not await self._bring(one, row, http):
                return False
        return len(rows) == AT_ONCE

    async def _bring(self, one: Subscriber, row: AnyRow, http: httpx.AsyncClient) -> bool:
        reason, gone = await self._post(one, row, http)
        at = self.clock.now()
        if not reason:
            await self.database.write(lambda c: taken(c, row, at))
            return True
        log.warning("hook_refused", subscriber=one.name, hook_event=row.event, reason=reason)
        await self.database.write(lambda c: refused(c, row, reason, gone, at))
        return False

    async def _post(self, one: Subscriber, row: AnyRow, http: httpx.AsyncClient) -> tuple[str, bool]:
        """Return why it was not taken, empty if it was, and whether the subscriber wants nothing ever again."""
        body = orjson.dumps(row.body)
        try:
            async with asyncio.timeout(self.patience_s):  # whatever trickles in meanwhile
                headers = headers_of(row.key, body, one.key, self.clock.now())
                async with http.stream("POST", one.url, content=body, headers=headers) as answer:
                    status = answer.status_code
        except TimeoutError:
            return f"no answer in {self.patience_s:.0f} s", False
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"not reached: {type(error).__name__}", False
        return ("" if 200 <= status < 300 else f"it answered {status}"), status == GONE
