"""Puts what is said of a vote into the outbox: the question, the end of its polls, the result, the winners."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from bot.campaigns.announcing import LANGUAGES, OF_CAMPAIGNS, SEEN_LATELY, chat_kind
from bot.campaigns.ballots import same_customers
from bot.campaigns.broadcast import Broadcast, expand
from bot.campaigns.draw import Drawn
from bot.campaigns.moments import BY_HAND
from bot.campaigns.stopped import is_stopped
from bot.campaigns.telling import chats_of
from bot.campaigns.vote_words import VoteWords, labels
from bot.delivery.outbox import Draft, put
from bot.delivery.timers import set_timer
from bot.messages import ChatKind, Purpose
from bot.shop.todo import leave
from bot.store.database import AnyRow
from bot.store.tables import identities, outbox
from bot.voice import Spoken

MORE = "vote_more"
"""Kind of the timer that asks the next of many people."""
TOLD_WITHIN = timedelta(days=1)
"""A result that could not be told for longer is left out."""
HAS_POLLS = frozenset({"telegram"})
"""Kinds of channels that have polls of their own, in groups: in private the buttons say at once what came of it."""


def campaign_of(vote_id: str) -> str:
    """Return by what all that is said of a vote is known."""
    return f"vote:{vote_id}"


def author_of(vote_id: str) -> str:
    return f"campaign:{campaign_of(vote_id)}"


def authors_of(vote_id: str) -> list[str]:
    """Return the authors of everything that is said of a vote."""
    own = author_of(vote_id)
    return [own, *(f"{own}:{what}" for what in ("end", "result", "winners", "won"))]


def vote_of_message(message_id: str) -> str:
    """Return the vote that a message of the outbox asks, by its key; empty if it asks none."""
    campaign, _, rest = message_id.removeprefix("campaign:vote:").partition(":")
    return campaign if rest and message_id.startswith("campaign:vote:") else ""


def ask_on(connection: Connection, vote: AnyRow, place: int, after: str, words: VoteWords, now: datetime) -> int:
    """Ask in the next chats of the vote's audience number `place`; a timer does those behind. Return how many rows.

    Args:
        after: see `bot.campaigns.broadcast.expand`.

    Raises:
        NotFound: the audience is one chat, and the bot has never met it.
    """
    audience = vote.audiences[place]
    chat, kind = audience.get("chat", ""), audience["channel"].partition(":")[0]
    if not chat and is_stopped(connection, "vote", vote.id):
        return 0  # also a chunk whose timer was set while it was stopped
    is_poll = bool(chat) and kind in HAS_POLLS and chat_kind(connection, audience["channel"], chat) is ChatKind.GROUP
    languages = [audience["language"]] if audience.get("language") else LANGUAGES
    link = audience.get("link", "")
    broadcast = Broadcast(
        id=campaign_of(vote.id),
        channel=audience["channel"],
        words={language: words.ask(language, vote, poll=is_poll, link=link) for language in languages},
        polls={language: [labels(one)[language] for one in vote.options] for language in languages if is_poll},
        chat=chat,
        seen_since=None if chat else vote.starts_at - SEEN_LATELY,
        not_after=vote.ends_at,
        guards={language: {"vote_open": vote.id, "language": language} for language in languages},
        pins=is_poll,
    )
    chunk = expand(connection, broadcast, after, now)
    if chunk.after is not None:
        payload = {"vote_id": vote.id, "place": place, "after": chunk.after}
        set_timer(connection, f"vote:{vote.id}:more:{place}", MORE, payload, now)
    return chunk.stored


def end_polls(connection: Connection, vote_id: str, now: datetime) -> None:
    """End the polls of a vote, so that nobody votes in vain."""
    own = OF_CAMPAIGNS, outbox.c.author == author_of(vote_id), outbox.c.platform_id != "", outbox.c.poll.is_not(None)
    for row in connection.execute(select(outbox).where(*own)).all():
        if not row.poll:
            continue
        draft = Draft(
            key=f"{author_of(vote_id)}:end:{row.conversation_id}",
            conversation_id=row.conversation_id,
            purpose=Purpose.SERVICE,
            text=row.text,
            author=f"{author_of(vote_id)}:end",
            sources=(),
            poll=row.poll,
            edits=row.platform_id,
        )
        put(connection, draft, now)


def tell_result(
    connection: Connection,
    vote: AnyRow,
    tally: Mapping[str, int],
    entries: Sequence[int],
    words: VoteWords,
    now: datetime,
) -> None:
    """Tell the groups what came of it, and which `entries` are in the draw.

    Where people send by hand they do so only if they are not to tell of winners later.
    """
    for audience, languages in _groups(vote):
        if vote.winners and audience["channel"].partition(":")[0] in BY_HAND:
            continue
        said = {language: words.result(language, vote, tally, entries) for language in languages}
        _tell(connection, vote, "result", audience, said, now)


def tell_winners(
    connection: Connection,
    vote: AnyRow,
    came: Drawn,
    among: Sequence[int],
    words: VoteWords,
    now: datetime,
) -> None:
    """Tell the groups which numbers have won, with the seed, and `among` which where they have not heard that yet."""
    for audience, languages in _groups(vote):
        kind = audience["channel"].partition(":")[0]
        opens, untold = kind in HAS_POLLS, among if kind in BY_HAND else ()
        said = {language: words.winners(language, vote, came, opens_chat=opens, among=untold) for language in languages}
        _tell(connection, vote, "winners", audience, said, now)


def _groups(vote: AnyRow) -> Iterator[tuple[Mapping[str, str], Sequence[str]]]:
    for audience in vote.audiences:
        if audience.get("chat"):
            yield audience, [audience["language"]] if audience.get("language") else LANGUAGES


def _tell(
    connection: Connection,
    vote: AnyRow,
    what: str,
    audience: Mapping[str, str],
    words: Mapping[str, Spoken],
    now: datetime,
) -> None:
    broadcast = Broadcast(
        id=f"{campaign_of(vote.id)}:{what}",
        channel=audience["channel"],
        words=words,
        chat=audience["chat"],
        not_after=now + TOLD_WITHIN,
    )
    expand(connection, broadcast, "", now)


def tell_each(
    connection: Connection,
    vote: AnyRow,
    winners: Sequence[AnyRow],
    words: VoteWords,
    default_language: str,
    now: datetime,
) -> None:
    """Tell each winner in the private chat in which their customer was seen last; who has none is a task for the staff.

    Args:
        winners: their ballots, as `bot.campaigns.ballots.counting` returns them.
    """
    people = same_customers(connection, [row.person_id for row in winners])
    chats = chats_of(connection, sorted({one for same in people.values() for one in same}))
    for row in winners:
        theirs = [chats[one] for one in people[row.person_id] if one in chats]
        if (chat := max(theirs, key=lambda one: one.updated_at, default=None)) is None:
            _leave_untold(connection, vote, row, now)
            continue
        spoken = words.won(chat.language or default_language, vote, row.entry)
        draft = Draft(
            key=f"{author_of(vote.id)}:won:{row.entry}",
            conversation_id=chat.id,
            purpose=Purpose.TRANSACTIONAL,
            text=spoken.text,
            author=f"{author_of(vote.id)}:won",
            sources=spoken.sources,
        )
        put(connection, draft, now)


def _leave_untold(connection: Connection, vote: AnyRow, row: AnyRow, now: datetime) -> None:
    account: Any = connection.execute(
        select(identities.c.channel, identities.c.name).where(identities.c.person_id == row.person_id)
    ).first()
    text = (
        f"Number {row.entry} has won in the vote {vote.id}: {account.name} on {account.channel}, who has no private "
        "chat with the bot. Tell them in the group to write to the bot."
    )
    leave(connection, f"vote:{vote.id}:untold:{row.entry}", "no_chat", None, text, now)
