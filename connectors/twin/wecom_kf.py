"""What WeCom's customer service (微信客服) remembers and enforces: sessions, windows, codes, the log. No I/O."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connectors.twin.wecom_answers import Refused
from connectors.twin.wecom_people import Content, Customer, Line, People

NEW, BOT, POOL, HUMAN, CLOSED = range(5)
NEXT = {NEW: {POOL, HUMAN}, BOT: {POOL, HUMAN}, POOL: {HUMAN}, HUMAN: {HUMAN, CLOSED}, CLOSED: set[int]()}
SESSION_LIFE = timedelta(hours=48)
MESSAGE_COUNT, MESSAGE_LIFE = 5, timedelta(hours=48)
CODE_LIFE = timedelta(seconds=20)
WELCOME_PAUSE = timedelta(hours=48)
HINT_LIFE = timedelta(minutes=10)
HISTORY = timedelta(days=3)
PAGE = 1000
# WeCom says only that calls without a hint's token are held back hard; the number is ours.
FREE_SYNCS, FREE_SYNC_SPAN = 6, timedelta(minutes=1)
_MSGID = re.compile(r"[0-9a-zA-Z_-]{1,32}")


@dataclass(slots=True)
class Session:
    """One customer's conversation with the account.

    Attributes:
        left: how many messages our API may still send after `said_at`.
    """

    state: int = CLOSED
    servicer: str = ""
    started: datetime | None = None
    said_at: datetime | None = None
    left: int = 0
    welcomed_at: datetime | None = None

    def now_in(self, now: datetime) -> int:
        """Return the state; 48 hours after its first message a session is over (分配客服会话)."""
        if self.started is not None and now >= self.started + SESSION_LIFE:
            self.state, self.servicer, self.started = CLOSED, "", None
        return self.state


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of what `kf/sync_msg` gives."""

    at: datetime
    fields: dict[str, Any]


@dataclass(slots=True)
class Desk:
    """One customer-service account.

    Attributes:
        page: how many records a sync gives at most; WeCom may give fewer than were asked for.
    """

    open_kfid: str
    name: str
    people: People
    page: int = PAGE
    log: list[Record] = field(default_factory=list)
    _sessions: dict[str, Session] = field(default_factory=dict)
    _hints: dict[str, datetime] = field(default_factory=dict)
    _msgids: set[str] = field(default_factory=set)
    _codes: dict[str, tuple[Customer, datetime]] = field(default_factory=dict)
    _free_syncs: list[datetime] = field(default_factory=list)

    def session(self, customer: Customer) -> Session:
        return self._sessions.setdefault(customer.id, Session())

    # What our API asks for

    def send(self, customer: Customer, content: Content, msgid: str, now: datetime) -> str:
        """Let our API say something and return the msgid (发送消息).

        Raises:
            Refused: 40058, 95018, 95002 or 95001.
        """
        session = self.session(customer)
        self._check_msgid(msgid)
        if session.now_in(now) not in (NEW, BOT):
            raise Refused(95018)
        if session.said_at is None or now >= session.said_at + MESSAGE_LIFE:
            raise Refused(95002)
        if session.left <= 0:
            raise Refused(95001)
        session.left -= 1
        return self._show(customer, content, msgid, now)

    def welcome(self, code: str, content: Content, msgid: str, now: datetime) -> str:
        """Answer an event with its code, once, within 20 s; it costs nothing from the window (发送事件响应消息).

        Raises:
            Refused: 40058 or 41050.
        """
        self._check_msgid(msgid)
        customer, ends = self._codes.pop(code, (None, now))
        if customer is None or now >= ends:
            raise Refused(41050)
        self.session(customer).welcomed_at = now
        return self._show(customer, content, msgid, now)

    def transfer(self, customer: Customer, state: int, servicer: str, now: datetime) -> None:
        """Move a session by API (变更会话状态).

        Raises:
            Refused: 95016 or 95014.
        """
        session = self.session(customer)
        if state not in NEXT[session.now_in(now)]:
            raise Refused(95016)
        member = self.people.staff.get(servicer)
        if state == HUMAN and (member is None or not member.on_duty):
            raise Refused(95014)
        session.state, session.servicer = state, servicer if state == HUMAN else ""

    def sync(self, token: str, cursor: str, limit: int, now: datetime) -> tuple[list[Record], str, bool]:
        """Return the next records, the cursor behind them, and whether there are more (读取消息).

        Raises:
            Refused: 95007, 45009 or 40058.
        """
        if token:
            if now >= self._hints.get(token, now):
                raise Refused(95007)
        else:
            self._free_syncs = [at for at in self._free_syncs if now < at + FREE_SYNC_SPAN]
            if len(self._free_syncs) >= FREE_SYNCS:
                raise Refused(45009)
            self._free_syncs.append(now)
        start = int(cursor.removeprefix("at")) if re.fullmatch(r"at[0-9]{1,9}", cursor) else -1
        if not 0 <= start <= len(self.log) and cursor:
            raise Refused(40058, "cursor")
        start = max(0, start)
        while start < len(self.log) and now >= self.log[start].at + HISTORY:
            start += 1
        end = min(len(self.log), start + min(limit, self.page, PAGE))
        return self.log[start:end], f"at{end}", end < len(self.log)

    # What people do

    def said(self, customer: Customer, content: Content, menu_id: str, now: datetime) -> str:
        """Record what a customer said and return its msgid; it opens the window anew, and a session if none runs."""
        session = self.session(customer)
        if session.now_in(now) == CLOSED:
            session.state, session.servicer, session.started = NEW, "", now
        session.said_at, session.left = now, MESSAGE_COUNT
        msgid = secrets.token_urlsafe(20)
        customer.lines.append(Line("user", content, now, msgid))
        self._record_message(customer, content, msgid, 3, now, menu_id)
        return msgid

    def staff_said(self, customer: Customer, text: str, now: datetime) -> None:
        """Record what the servicer wrote in WeCom; only in state 3.

        Raises:
            Refused: 95018.
        """
        if self.session(customer).now_in(now) != HUMAN:
            raise Refused(95018)
        content, msgid = Content("text", text), secrets.token_urlsafe(20)
        customer.lines.append(Line("staff", content, now, msgid))
        self._record_message(customer, content, msgid, 5, now)

    def entered(self, customer: Customer, scene: str, scene_param: str, now: datetime) -> None:
        """Record that a customer opened the chat.

        The event has a welcome code only if the last 48 hours saw no welcome and no message of the customer.
        """
        session = self.session(customer)
        event = {"scene": scene, "scene_param": scene_param}
        if all(at is None or now >= at + WELCOME_PAUSE for at in (session.welcomed_at, session.said_at)):
            event["welcome_code"] = secrets.token_urlsafe(24)
            self._codes[event["welcome_code"]] = (customer, now + CODE_LIFE)
        self._record_event("enter_session", customer, event, now)

    def moved(self, customer: Customer, state: int, servicer: str, now: datetime) -> None:
        """Move a session as staff do in WeCom; unlike our API's own moves it is in the log (会话状态变更事件)."""
        session = self.session(customer)
        before, old = session.now_in(now), session.servicer
        session.state, session.servicer = state, servicer if state == HUMAN else ""
        session.started = (session.started or now) if state != CLOSED else None
        event: dict[str, Any] = {"old_servicer_userid": old, "new_servicer_userid": session.servicer}
        if state == HUMAN:
            event["change_type"] = 2 if before == HUMAN else 1
        elif state == CLOSED:
            event["change_type"] = 3
        else:
            return
        self._record_event("session_status_change", customer, event, now)

    def failed(self, msgid: str, fail_type: int, now: datetime) -> Customer:
        """Take back a message that was accepted but could not be delivered (消息发送失败事件).

        Raises:
            Refused: 40058, our API sent no such message.
        """
        for customer in self.people.customers.values():
            for line in customer.lines:
                if line.msgid == msgid and line.side == "account":
                    customer.lines.remove(line)
                    event = {"fail_msgid": msgid, "fail_type": fail_type}
                    self._record_event("msg_send_fail", customer, event, now)
                    return customer
        raise Refused(40058, "msgid")

    def hint(self, now: datetime) -> str:
        """Return a token for a new hint; it opens `kf/sync_msg` for 10 minutes."""
        token = secrets.token_urlsafe(24)
        self._hints[token] = now + HINT_LIFE
        return token

    def _check_msgid(self, msgid: str) -> None:
        if msgid and not _MSGID.fullmatch(msgid):
            raise Refused(40058, "msgid")
        if msgid in self._msgids:
            raise Refused(40058, "msgid repeated")

    def _show(self, customer: Customer, content: Content, msgid: str, now: datetime) -> str:
        msgid = msgid or secrets.token_urlsafe(20)
        self._msgids.add(msgid)
        customer.lines.append(Line("account", content, now, msgid))
        return msgid

    def _record_message(
        self, customer: Customer, content: Content, msgid: str, origin: int, now: datetime, menu_id: str = ""
    ) -> None:
        part = {"media_id": content.media_id} if content.media_id else {"content": content.text}
        if menu_id:
            part["menu_id"] = menu_id
        fields: dict[str, Any] = {
            "msgid": msgid,
            "open_kfid": self.open_kfid,
            "external_userid": customer.id,
            "send_time": int(now.timestamp()),
            "origin": origin,
            "msgtype": content.kind,
            content.kind: part,
        }
        if self.session(customer).servicer:
            fields["servicer_userid"] = self.session(customer).servicer
        self.log.append(Record(now, fields))

    def _record_event(self, kind: str, customer: Customer, event: dict[str, Any], now: datetime) -> None:
        fields = {
            "msgid": secrets.token_urlsafe(20),
            "send_time": int(now.timestamp()),
            "origin": 4,
            "msgtype": "event",
            "event": {
                "event_type": kind,
                "open_kfid": self.open_kfid,
                "external_userid": customer.id,
                **event,
            },
        }
        self.log.append(Record(now, fields))
