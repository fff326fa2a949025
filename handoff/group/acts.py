"""What the staff write in their group, as deeds of agents: through the same doors and by the same rules as the console.

In a customer's topic plain words are an answer, `//` makes them a note, and `/word` is a command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from bot.delivery import kept
from bot.errors import NotAllowed, ZhangguiError
from bot.messages import Event, File
from bot.store.database import AnyRow
from bot.store.tables import agents, identities, media
from handoff import answering, desk, files, ownership, people, presence
from handoff.access import access_conversation, require
from handoff.group import accounts
from handoff.group.staff import Group, conversation_in
from handoff.group.told import FETCHED_WITHIN, OWN
from handoff.owner import Owner, Ownership
from handoff.people import Agent
from handoff.roles import Right

HERE_FOR = timedelta(minutes=30)
"""How long an agent counts as there after they wrote in the group: their phone is their console."""
NOTE = "//"
_COMMAND = re.compile(r"/(\w+)\s*(.*)", re.DOTALL)
_SPAN = re.compile(r"(\d{1,3})\s*(m|min|分钟|h|小时|d|天)", re.IGNORECASE)
_UNITS = {"m": "minutes", "min": "minutes", "分钟": "minutes", "h": "hours", "小时": "hours", "d": "days", "天": "days"}


class Later(Exception):
    """The picture of the message is still being fetched."""


class Refusal(ZhangguiError):
    """Why nothing was done, in the words of the group."""

    code = "refused"


def act(connection: Connection, group: Group, group_id: str, row: AnyRow, now: datetime) -> str:
    """Do what one message of the group (a row of the inbox) wants. Return what to answer, often nothing.

    Raises:
        Later: its picture is not here yet.
    """
    topic = row.topic or {}
    if row.event not in (None, Event.MEDIA.value, Event.EDITED.value) or not topic:
        return ""
    conversation_id = conversation_in(connection, group_id, topic.get("id", ""))
    text = row.text.strip()
    if conversation_id is None and not text.startswith("/"):
        return ""  # the staff talk among themselves
    user = connection.execute(select(identities.c.user).where(identities.c.id == row.identity_id)).scalar() or ""
    command = _COMMAND.fullmatch(text)
    if command and command[1] == "link" and user:
        return _link(connection, group, user, command[2].strip(), now)
    if command and command[1] in ("help", "start"):
        return group.labels["group_help"]
    agent = accounts.agent_of(connection, group.channel, user, group.see) if user else None
    if agent is None:
        return _unknown(connection, group, user, now)
    presence.beat(connection, agent.id, now, opens=True, lasts=HERE_FOR)
    if row.event == Event.EDITED.value:
        return group.labels["group_edited"] if conversation_id else ""
    if conversation_id is None:
        return group.labels["group_not_here"]
    try:
        with connection.begin_nested():  # what is refused half-way changes nothing
            require(agent, Right.ANSWER)
            _Act(connection, group, agent, conversation_id, row, now).do(text)
    except Refusal as refusal:
        return str(refusal)
    except ZhangguiError as error:
        return group.labels.get(f"error_{error.code}", group.labels["error_error"])
    return ""


def _link(connection: Connection, group: Group, user: str, code: str, now: datetime) -> str:
    try:
        agent = accounts.link(connection, group.channel, user, code, now)
    except NotAllowed:
        return group.labels["group_bad_code"]
    return group.labels["group_linked"].format(name=agent.name)


def _unknown(connection: Connection, group: Group, user: str, now: datetime) -> str:
    """Tell once how to be known."""
    fact = f"unlinked:{user}"
    if kept.recall(connection, group.channel, fact):
        return ""
    kept.keep(connection, group.channel, fact, "told", now)
    return group.labels["group_unlinked" if user else "group_anonymous"]


@dataclass(frozen=True, slots=True)
class _Act:
    """One deed of an agent in a customer's topic."""

    connection: Connection
    group: Group
    agent: Agent
    talk: str
    row: AnyRow
    now: datetime

    def do(self, text: str) -> None:
        command = _COMMAND.fullmatch(text)
        if text.startswith(NOTE):
            self._note(text.removeprefix(NOTE))
        elif command is None:
            self._reply(text)
        elif (deed := self._deeds().get(command[1].lower())) is not None:
            deed(command[2].strip())
        else:
            raise Refusal(self.group.labels["group_unknown"].format(command=f"/{command[1]}"))

    def _deeds(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "take": lambda _: self._take(),
            "note": self._note,
            "close": lambda why: ownership.close(self.connection, *self._mine(), why, self.now),
            "handback": lambda why: ownership.give_back(self.connection, *self._mine(), why, self.now),
            "transfer": self._transfer,
            "snooze": self._snooze,
        }

    def _mine(self) -> tuple[str, str]:
        return self.talk, self.agent.id

    def _take(self) -> None:
        self._not_anothers()
        desk.take(self.connection, self.talk, self.agent, self.now)

    def _note(self, text: str) -> None:
        desk.note(self.connection, self.talk, self.agent, text, f"{OWN}{self.row.key}", self.now)

    def _reply(self, text: str) -> None:
        """Answer the customer, who is taken by that."""
        picture = self._picture()
        held = self._not_anothers()
        if held.agent_id != self.agent.id:
            desk.take(self.connection, self.talk, self.agent, self.now)
        key = f"{OWN}{self.row.key}"
        desk.reply(self.connection, self.talk, self.agent.id, text, key, self.now, picture)

    def _not_anothers(self) -> Ownership:
        """Return who has the customer, unless that is another agent and this one no lead."""
        held = ownership.current(self.connection, self.talk)
        if held.owner is Owner.AGENT and held.agent_id != self.agent.id and not self.agent.leads:
            name = self.connection.execute(select(agents.c.name).where(agents.c.id == held.agent_id)).scalar()
            raise Refusal(self.group.labels["group_taken"].format(name=name))
        return access_conversation(self.connection, self.agent, self.talk)

    def _transfer(self, said: str) -> None:
        login, _, why = said.partition(" ")
        colleagues = [one for one in people.list_agents(self.connection) if one.answers and one.id != self.agent.id]
        named = [one for one in colleagues if login and login.casefold() in (one.login.casefold(), one.name.casefold())]
        if len(named) != 1:
            names = self.group.labels["list_comma"].join(one.login for one in colleagues)
            raise Refusal(self.group.labels["group_nobody"].format(name=login, names=names))
        ownership.transfer(self.connection, *self._mine(), named[0].id, why.strip(), self.now)

    def _snooze(self, said: str) -> None:
        span = _SPAN.fullmatch(said)
        if span is None:
            raise Refusal(self.group.labels["group_how_snooze"])
        until = self.now + timedelta(**{_UNITS[span[2].lower()]: int(span[1])})
        answering.snooze(self.connection, *self._mine(), until, self.now)

    def _picture(self) -> File | None:
        """Return the picture of the message, None if it has no file."""
        if self.row.event != Event.MEDIA.value:
            return None
        of_row = select(media).where(media.c.inbox_id == self.row.id)
        found = self.connection.execute(of_row).first()
        if found is None or found.kind != "image":
            raise Refusal(self.group.labels["group_only_pictures"])
        if found.status == "new" and self.now - self.row.received_at < FETCHED_WITHIN:
            raise Later
        if found.status != "kept":
            raise Refusal(self.group.labels["group_not_fetched"])
        try:
            return files.picture(found.body, found.name)
        except NotAllowed as error:
            raise Refusal(self.group.labels["group_only_pictures"]) from error
