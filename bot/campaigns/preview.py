"""What a plan would say: every text of it, and one of them sent to the own chat of who plans it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

from sqlalchemy import Connection, select

from bot.campaigns.announcing import LANGUAGES, Announce, facts_of
from bot.campaigns.moments import PHRASES, Moment
from bot.campaigns.planning import Planned
from bot.clock import IdMaker
from bot.delivery.outbox import Draft, put
from bot.errors import NotFound
from bot.messages import ChatKind, Purpose
from bot.store.database import AnyRow
from bot.store.tables import agent_accounts, agents, conversations, identities
from bot.voice import Spoken


@dataclass(frozen=True, slots=True)
class Text:
    """What is said at a moment, in a language, on a kind of channel; `button` is empty where it has none."""

    moment: Moment
    language: str
    channel: str
    text: str
    button: str


def texts_of(connection: Connection, planned: Planned, say: Announce) -> list[Text]:
    """Return every text of a plan for the kinds of channels that hear of it."""
    kinds = sorted({one["channel"].partition(":")[0] for one in planned.values["audiences"]})
    found = []
    for moment in PHRASES:
        for language in LANGUAGES:
            for kind in kinds:
                spoken = _said(connection, planned, moment, language, kind, say)
                found.append(Text(moment, language, kind, spoken.text, "".join(one.label for one in spoken.choices)))
    return found


def _said(connection: Connection, planned: Planned, moment: Moment, language: str, kind: str, say: Announce) -> Spoken:
    more = {"id": planned.id, "texts": planned.texts, "available": planned.values["total"]}
    sale = SimpleNamespace(**planned.values, **more)
    facts = {**facts_of(connection, sale, language), "moment": moment, "channel_kind": kind, "now": sale.starts_at}
    return say(language, facts)


def send(
    connection: Connection,
    planned: Planned,
    login: str,
    moment: Moment,
    say: Announce,
    marks: Mapping[str, str],
    new_id: IdMaker,
    now: datetime,
) -> int:
    """Send what a plan says at a moment to an agent's own chat, marked as a preview. Return how many messages wait.

    It goes to the account that the agent has linked and to no other, once in each language; its button is named and
    not sent, as nobody can claim what is not on sale. The gate is asked as for everything that is for the staff.

    Args:
        marks: by language, what stands above it; `{button}` in it is the button's words. Without a button the part
            behind ` · ` is left out.

    Raises:
        NotFound: the agent has linked no account, or has never written to the bot from it.
    """
    chat = _own_chat(connection, login)
    kind = chat.channel.partition(":")[0]
    for language in LANGUAGES:
        spoken = _said(connection, planned, moment, language, kind, say)
        mark, behind, button = marks[language].partition(" · ")
        if spoken.choices:
            mark += behind + button.replace("{button}", spoken.choices[0].label)
        draft = Draft(
            key=f"preview:{new_id()}",
            conversation_id=chat.id,
            purpose=Purpose.STAFF,
            text=f"{mark}\n\n{spoken.text}",
            author=f"preview:{planned.id}",
            sources=spoken.sources,
        )
        put(connection, draft, now)
    return len(LANGUAGES)


def _own_chat(connection: Connection, login: str) -> AnyRow:
    is_theirs = (
        (agent_accounts.c.channel == identities.c.channel)
        & (agent_accounts.c.user == identities.c.user)
        & (agent_accounts.c.agent_id == agents.c.id)
    )
    query = (
        select(conversations.c.id, conversations.c.channel)
        .join(identities, conversations.c.identity_id == identities.c.id)
        .join(agents, (agents.c.login == login) & agents.c.disabled.is_(False))
        .join(agent_accounts, is_theirs)
        .where(conversations.c.chat_kind == ChatKind.PRIVATE.value)
        .order_by(conversations.c.updated_at.desc(), conversations.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoOwnChat(
            f"{login} has no chat of their own with the bot. Link an account (zhanggui agents account {login}), "
            "and write to the bot from it once."
        )
    return row


class NoOwnChat(NotFound):
    """You have no chat of your own with the bot. Link your account, and write to the bot from it once."""

    code = "no_own_chat"
