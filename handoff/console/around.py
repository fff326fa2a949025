"""What stands around the conversation shown: what was understood, the past, drafts, replies, the other channel."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from bot.advice import Suggestion
from bot.knowledge.entries import CannedReply
from bot.understanding.text import language_of
from handoff import canned, drafts
from handoff.console.session import Wiring
from handoff.desk import Conversation, is_customer_typing
from handoff.drafts import Draft
from handoff.ends import End, ends_of, terms_of
from handoff.past import Past, past
from handoff.people import Agent
from handoff.summary import Summary, summary
from handoff.talks import Talk
from handoff.transcript import Line, Side, transcript

LINES_BESIDE = 60


@dataclass(frozen=True, slots=True)
class Beside:
    """Another conversation of the same person, or of who may be, to be read."""

    talk: Talk
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Around:
    """What the page shows beside a conversation.

    Attributes:
        draft: the viewer's own; `writers` are the names of others who are writing now.
        is_customer_typing: as far as the channel tells.
        replies: canned ones, filled in for this conversation.
        suggestions: answers that may fit the customer's newest words.
        ends: by when something has to happen, the nearest first.
    """

    summary: Summary
    past: Past
    draft: Draft
    writers: tuple[str, ...]
    is_customer_typing: bool
    replies: tuple[CannedReply, ...]
    suggestions: tuple[Suggestion, ...]
    beside: Beside | None
    ends: tuple[End, ...]


def around(connection: Connection, shown: Conversation, viewer: Agent, beside: str | None, wiring: Wiring) -> Around:
    """Return what stands around the conversation `shown`."""
    talk_id, now = shown.talk.id, wiring.clock.now()
    understood, before = summary(connection, talk_id), past(connection, viewer, talk_id)
    named = [value for kind, value in understood.named if kind == "order"]
    known = canned.facts(shown.customer, viewer.name, named)
    language = _language(shown)
    return Around(
        summary=understood,
        past=before,
        draft=drafts.draft_of(connection, talk_id, viewer.id),
        writers=drafts.writers(connection, talk_id, viewer.id, now),
        is_customer_typing=is_customer_typing(connection, talk_id, now),
        replies=canned.filled(wiring.advice.replies(), known, language),
        suggestions=wiring.advice.suggest(asked, language) if (asked := _asked(shown)) else (),
        beside=_beside(connection, before, beside, viewer, wiring),
        ends=ends_of(connection, [talk_id], terms_of(wiring.advice.settings), now).get(talk_id, ()),
    )


def _language(shown: Conversation) -> str:
    """Return what the customer speaks: as the bot heard it, as the platform said, else as the last words look."""
    person = shown.customer.person
    said = next((line.text for line in reversed(shown.lines) if line.side is Side.CUSTOMER and line.text), "")
    return shown.language or (person.language if person else "") or (language_of(said, "en") if said else "")


def _asked(shown: Conversation) -> str:
    """Return the customer's newest words, as long as nobody has answered them but the bot."""
    for line in reversed(shown.lines):
        if line.side is Side.AGENT:
            return ""
        if line.side is Side.CUSTOMER and line.text:
            return line.text
    return ""


def _beside(connection: Connection, before: Past, talk_id: str | None, viewer: Agent, wiring: Wiring) -> Beside | None:
    """Return the other conversation if it is, or may be, the same person's: no other can be looked at in this way."""
    talk = next((talk for talk in (*before.elsewhere, *before.maybe) if talk.id == talk_id), None)
    if talk is None:
        return None
    lines = transcript(connection, talk.id, wiring.clock.now(), LINES_BESIDE, errors=viewer.leads)
    return Beside(talk, lines)
