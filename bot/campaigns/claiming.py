"""Claiming a piece of a sale, or a place in its line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, and_, bindparam, func, select, update

from bot.campaigns.buyers import Buyer, buyers_of
from bot.campaigns.line import WAITING, is_open, locked_sale, release, sale_of
from bot.campaigns.moments import HALF, MOMENT, SOLD_OUT
from bot.clock import IdMaker
from bot.delivery.timers import set_timer
from bot.errors import Conflict
from bot.store.database import AnyRow
from bot.store.tables import claims, sales

Outcome = Literal["held", "again", "waiting", "late", "too_early", "too_new", "not_running"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim.

    Attributes:
        outcome: `held`: a piece is kept for them now; `again`: they have all they may have, held or paid; `waiting`:
            none is free, and they stand in line; `late`: they paid too late, and people look into it; `too_early`: the
            sale has not begun for them; `too_new`: their account is too young for it.
        left: pieces that others can still claim.
        expires_at: until when a piece is held for them, None where none is.
        claim_id: what `pay` takes, empty where they have none.
        place: while they wait, how many are served until they are, at most.
        starts_at: when the sale begins for them, if that is not yet.
    """

    outcome: Outcome
    left: int
    expires_at: datetime | None = None
    claim_id: str = ""
    place: int = 0
    starts_at: datetime | None = None


LOST = ("released", "refunded")
"""The statuses of claims that keep no piece and no place."""


@dataclass(slots=True)
class _Own:
    """What a buyer has in a sale, as it is in the tables or will be at the end of the batch."""

    buyer: str
    id: str
    status: str
    piece: int
    place: int
    expires_at: datetime | None
    held_at: datetime | None


_Asked = Sequence[tuple[Buyer, str]]
"""Who claims, and the id that what they get is to have."""
# Statements are made once: making one takes longer than running it.
_WRITE = claims.insert()
_MINE = (
    select(claims)
    .where(claims.c.sale_id == bindparam("sale"), claims.c.buyer == bindparam("buyer"))
    .order_by(claims.c.piece)
)
_OWN = tuple(claims.c[name].label(f"own_{name}") for name in _Own.__slots__)
_LINE = claims.alias()
_FIRST_WAITING = (
    select(func.min(_LINE.c.place)).where(_LINE.c.sale_id == sales.c.id, _LINE.c.status == WAITING).scalar_subquery()
)
_STATE = (  # a sale and what some buyers have in it, as of one moment
    select(sales, _FIRST_WAITING.label("first_waiting"), *_OWN)
    .outerjoin(
        claims,
        and_(claims.c.sale_id == sales.c.id, claims.c.buyer.in_(bindparam("buyers", expanding=True))),
    )
    .where(sales.c.id == bindparam("sale"))
    .order_by(claims.c.piece)
)
_TAKE = (  # the one statement that cannot take what is not there
    update(sales)
    .where(sales.c.id == bindparam("sale"), sales.c.available >= bindparam("held"))
    .values(available=sales.c.available - bindparam("held"), last_place=sales.c.last_place + bindparam("queued"))
)
_MOVE_BEHIND = update(claims).where(claims.c.id == bindparam("claim")).values(piece=bindparam("behind"))


def claim(connection: Connection, sale_id: str, person_id: str, now: datetime, new_id: IdMaker) -> Claimed:
    """Hold a piece for a person until it is paid or the hold runs out; where none is free, put them in line.

    Raises:
        NotFound: there is no such sale or person.
    """
    return claim_all(connection, sale_id, [person_id], now, new_id)[0]


def claim_all(
    connection: Connection, sale_id: str, person_ids: Sequence[str], now: datetime, new_id: IdMaker
) -> list[Claimed]:
    """Do the same for several people, one after the other as they are named, with as many statements as for one.

    Only who gets something new waits for the sale's row: what somebody has already is told without its lock.

    Raises:
        NotFound: there is no such sale, or one of the people is not there; then nobody gets anything.
    """
    buyers = buyers_of(connection, person_ids)
    asked = [(buyers[person_id], new_id()) for person_id in person_ids]
    known = _known_already(connection, sale_id, asked, now)
    fresh = [one for one in asked if one[1] not in known]
    if fresh:
        known |= _decide(connection, sale_id, fresh, now)
    return [known[claim_id] for _, claim_id in asked]


def claims_of_buyer(connection: Connection, sale_id: str, key: str) -> Sequence[AnyRow]:
    """Return the rows of a buyer in a sale, by piece."""
    return connection.execute(_MINE, {"sale": sale_id, "buyer": key}).all()


@dataclass(slots=True)
class _State:
    """A sale and what those who claim have in it, by buyer; `first_waiting` is the place of who is served next."""

    sale: AnyRow
    first_waiting: int | None
    theirs: defaultdict[str, list[_Own]]

    def has_run_out(self, buyer: Buyer, now: datetime) -> bool:
        mine = self.theirs[buyer.key]
        return any(own.status == "held" and own.expires_at is not None and own.expires_at <= now for own in mine)


def _state(connection: Connection, sale_id: str, asked: _Asked) -> _State:
    keys = sorted({buyer.key for buyer, _ in asked})
    rows = connection.execute(_STATE, {"sale": sale_id, "buyers": keys}).all()
    theirs = defaultdict[str, list[_Own]](list)
    for row in rows:
        if row.own_id is not None:
            theirs[row.own_buyer].append(_Own(*row[-len(_OWN) :]))
    sale = rows[0] if rows else sale_of(connection, sale_id)
    return _State(sale, sale.first_waiting, theirs)


def _known_already(connection: Connection, sale_id: str, asked: _Asked, now: datetime) -> dict[str, Claimed]:
    """Return what is told to those who get nothing new, by the second part of what they asked."""
    state = _state(connection, sale_id, asked)
    found = {}
    for buyer, claim_id in asked:
        if state.has_run_out(buyer, now):  # its timer is late
            continue
        if told := _known(state, buyer, state.sale.available) or _refused(state.sale, buyer, now):
            found[claim_id] = told
    return found


def _decide(connection: Connection, sale_id: str, asked: _Asked, now: datetime) -> dict[str, Claimed]:
    sale = locked_sale(connection, sale_id)
    state = _state(connection, sale_id, asked)
    if any(state.has_run_out(buyer, now) for buyer, _ in asked):
        release(connection, sale, now)
        state = _state(connection, sale_id, asked)
    sale, last_place, rows = state.sale, state.sale.last_place, list[dict[str, object]]()
    available, found = sale.available, dict[str, Claimed]()
    for buyer, claim_id in asked:
        if told := _known(state, buyer, available) or _refused(sale, buyer, now):
            found[claim_id] = told
            continue
        mine = state.theirs[buyer.key]
        own = _Own(buyer.key, claim_id, "waiting", _number(connection, mine), 0, None, None)
        mine.append(own)
        if _is_free(available):
            available -= 1
            own.status, own.held_at, own.expires_at = "held", now, now + timedelta(seconds=sale.hold_s)
            found[claim_id] = Claimed("held", available, own.expires_at, claim_id)
        else:
            last_place += 1
            own.place, state.first_waiting = last_place, state.first_waiting or last_place
            found[claim_id] = _in_line(state, own, available)
        rows.append({**asdict(own), "sale_id": sale.id, "person_id": buyer.person_id, "claimed_at": now})
    if rows:
        _keep(connection, sale, rows, sale.available - available, last_place - sale.last_place)
    _announce(connection, sale, found, now)
    return found


def _is_free(available: int) -> bool:
    return available > 0


def _keep(connection: Connection, sale: AnyRow, rows: Sequence[dict[str, object]], held: int, queued: int) -> None:
    connection.execute(_WRITE, [{**row, "extended": False} for row in rows])
    if not connection.execute(_TAKE, {"sale": sale.id, "held": held, "queued": queued}).rowcount:
        raise Conflict(f"Sale {sale.id} has no {held} pieces left, although nobody else may take one now. Try again.")


def _known(state: _State, buyer: Buyer, available: int) -> Claimed | None:
    """Return what the buyer has already, None if they may claim a piece (more)."""
    mine = state.theirs[buyer.key]
    for own in mine:
        if own.status == "late":
            return Claimed("late", available, claim_id=own.id)
        if own.status == "waiting":
            return _in_line(state, own, available)
    having = [own for own in mine if own.status in ("held", "paid")]
    if len(having) < state.sale.limit_each:
        return None
    last = max(having, key=lambda own: (own.status == "held", own.held_at, own.piece))
    held_until = last.expires_at if last.status == "held" else None
    return Claimed("again", available, held_until, last.id)


def _in_line(state: _State, own: _Own, available: int) -> Claimed:
    """Return as the how-manieth who waits they are served at the latest: counting who is ahead would take too long."""
    place = own.place - (state.first_waiting or own.place) + 1
    return Claimed("waiting", available, claim_id=own.id, place=place)


def _refused(sale: AnyRow, buyer: Buyer, now: datetime) -> Claimed | None:
    if not is_open(sale, now):
        return Claimed("not_running", sale.available)
    opens_at = sale.starts_at - timedelta(seconds=sale.early.get(buyer.tier, 0))
    if now < opens_at:
        return Claimed("too_early", sale.available, starts_at=opens_at)
    if sale.min_age_s and sale.starts_at - buyer.since < timedelta(seconds=sale.min_age_s):
        return Claimed("too_new", sale.available)
    return None


def _announce(connection: Connection, sale: AnyRow, found: dict[str, Claimed], now: datetime) -> None:
    """Have it announced that half, or all, is sold; by timers of their own, as nobody may wait for one here."""
    for claim_id, told in found.items():
        if not sale.audiences or told.outcome != "held" or told.left not in (0, sale.total // 2):
            continue
        moment = SOLD_OUT if told.left == 0 else HALF
        key = f"sale:{sale.id}:{moment}:{claim_id}"
        set_timer(connection, key, MOMENT, {"sale_id": sale.id, "moment": moment}, now)


def _number(connection: Connection, mine: Sequence[_Own]) -> int:
    """Return the number of the next piece.

    One that they lost gives its number up but keeps its row, as its payment may still be on its way.
    """
    behind = max((own.piece for own in mine), default=0) + 1
    lost = min((own for own in mine if own.status in LOST), key=lambda own: own.piece, default=None)
    if lost is None:
        return behind
    connection.execute(_MOVE_BEHIND, {"claim": lost.id, "behind": behind})
    number, lost.piece = lost.piece, behind
    return number
