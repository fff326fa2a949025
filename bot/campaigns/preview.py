"""What a plan would say: every text of it, and one of them sent to the own chat of who plans it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

from sqlalchemy import Connection, select

from bot.campaigns.announcing import LANGUAGES, Announce, facts_of
from bot.campaigns.moments import HALF, PHRASES, SOLD_OUT, Moment
from bot.campaigns.planning import Planned
from bot.clock import IdMaker
from bot.delivery.outbox import Draft, put
from bot.errors import NotFound
from bot.messages import Purpose
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


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells a preview from an announcement; `{button}` in the one `with_button` stands for its words."""

    alone: str
    with_button: str


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


def merged(texts: Sequence[Text]) -> list[Text]:
    """Return each text once, with all the kinds of channels on which it is said so."""
    channels: dict[tuple[Moment, str, str, str], list[str]] = {}
    for one in texts:
        channels.setdefault((one.moment, one.language, one.text, one.button), []).append(one.channel)
    return [
        Text(moment, language, ", ".join(kinds), text, button)
        for (moment, language, text, button), kinds in channels.items()
    ]


def _said(connection: Connection, planned: Planned, moment: Moment, language: str, kind: str, say: Announce) -> Spoken:
    total = planned.values["total"]
    left = {HALF: total // 2, SOLD_OUT: 0}.get(moment, total)
    more = {"id": planned.id, "texts": planned.texts, "available": left}
    sale = SimpleNamespace(**planned.values, **more)
    facts = {**facts_of(connection, sale, language), "moment": moment, "channel_kind": kind, "now": sale.starts_at}
    return say(language, facts)


def send(
    connection: Connection,
    planned: Planned,
    login: str,
    moment: Moment,
    say: Announce,
    marks: Mapping[str, Mark],
    new_id: IdMaker,
    now: datetime,
) -> int:
    """Send what a plan says at a moment to an agent's own chat, marked as a preview. Return how many messages wait.

    It goes to the account that the agent has linked and to no other, once in each language; its button is named and
    not sent, as nobody can claim what is not on sale. The gate is asked as for everything that is for the staff.

    Args:
        marks: what stands above it, by language.

    Raises:
        NotFound: the agent has linked no account, or has never written to the bot from it.
    """
    chat = _own_chat(connection, login)
    kind = chat.channel.partition(":")[0]
    for language in LANGUAGES:
        spoken = _said(connection, planned, moment, language, kind, say)
        mark = marks[language].alone
        if spoken.choices:
            mark = marks[language].with_button.replace("{button}", spoken.choices[0].label)
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
    """Return where an agent was seen last by an account they linked; groups are nobody's account."""
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
        .order_by(conversations.c.updated_at.desc(), conversations.c.id)
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NoOwnChat(
            f"{login} has no chat of their own with the bot. Link an account (zhanggui agents telegram {login}), "
            "and write to the bot from it once."
        )
    return row


class NoOwnChat(NotFound):
    """You have no chat of your own with the bot. Link your account, and write to the bot from it once."""

    code = "no_own_chat"
