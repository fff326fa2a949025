"""Trial votes in chat: what is asked, a vote, and how one's own vote stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from bot.knowledge.entries import version_of
from bot.messages import Choice, Source
from bot.skills import shown
from bot.skills.turn import Say, Skill, Step, Turn, phrases
from bot.skills.vote_effects import CastVote, SeeVote, VoteView
from bot.understanding.text import normal

NAME = "votes"
VOTE = "vote:"
"""Begins the tokens of choices: `vote:ID` shows a vote, `vote:ID:OPTION` votes."""
VOTE_LINK = "vote-"
"""Begins the payload of a link to the chat that shows a vote."""
WISH = re.compile(
    r"(?:我要|我想|我来|去|参加)*(?:新品|试用)*投票|(?:i (?:want|would like|'d like) to )?(?:cast (?:my|a) )?vote"
)
BARE = re.compile(r"\d{1,2}")
_ASKED = "vote.question vote.ends"
PHRASES = phrases(
    votes=f"none; which; ask {_ASKED}; ask_poll vote.question; ask_link {_ASKED} vote.link; "
    "prize vote.prize vote.winners vote.commitment vote.ends; "
    "voted vote.option vote.question; changed vote.option vote.question; same vote.option vote.question; "
    "number vote.entry; not_open; yours vote.option vote.question; over vote.question; "
    "not_begun vote.question vote.starts; "
    "won vote.question vote.prize vote.entry; "
    "result vote.question vote.total; line vote.option vote.count vote.percent; among vote.numbers; "
    "winners vote.question vote.prize vote.numbers vote.seed; my_number; "
    "passed vote.numbers"
)


def run(turn: Turn) -> Step:
    """Vote by a tap on an option; else show the vote that is meant, or how one's own vote stands."""
    if turn.choice.startswith(VOTE):
        vote_id, _, option = turn.choice.removeprefix(VOTE).partition(":")
        vote = turn.votes.get(vote_id)
        if vote is None:
            return Step((Say("votes.not_open"),), turn.state)
        return _cast(turn, vote, option) if option in vote.options else _see(turn, vote)
    votes = [vote for vote in turn.votes.values() if vote.takes(_said_at(turn))]
    if not votes:
        return Step((Say("votes.none"),), turn.state)
    if len(votes) == 1:
        return _see(turn, votes[0])
    choices = tuple(Choice(f"{VOTE}{vote.id}", shown.name(vote.question, turn.language)) for vote in votes)
    return Step((Say("votes.which", choices=choices),), turn.state)


def is_meant(turn: Turn) -> bool:
    """Return whether a message is about a vote: by a tap, or by the word."""
    if turn.choice:
        return turn.choice.startswith(VOTE)
    return (
        any(vote.takes(_said_at(turn)) for vote in turn.votes.values())
        and WISH.fullmatch(normal(turn.text)) is not None
    )


def typed(text: str, vote: VoteView) -> str:
    """Return the choice that was typed by its number or its name, on channels without buttons; empty if none was."""
    said, options = normal(text), list(vote.options)
    if BARE.fullmatch(said):
        named = options[int(said) - 1] if 1 <= int(said) <= len(options) else ""
    else:
        called = (one for one, label in vote.options.items() if said in {normal(name) for name in label.values()})
        named = next(called, "")
    return f"{VOTE}{vote.id}:{named}" if named else ""


def _cast(turn: Turn, vote: VoteView, option: str) -> Step:
    fields = {**_fields(turn, vote), "vote.option": shown.name(vote.options[option], turn.language)}
    outcomes = ("voted", "changed", "same", "not_open")
    return Step(
        (), turn.state, (CastVote(vote.id, option, _said_at(turn), _said(vote, fields, outcomes), _stands(turn, vote)),)
    )


def _see(turn: Turn, vote: VoteView) -> Step:
    return Step((), turn.state, (_stands(turn, vote),))


def _stands(turn: Turn, vote: VoteView) -> SeeVote:
    fields = _fields(turn, vote)
    said = _said(vote, fields, ("yours", "won", "over"))
    labels = {one: shown.name(label, turn.language) for one, label in vote.options.items()}
    choices = tuple(Choice(f"{VOTE}{vote.id}:{one}", label) for one, label in labels.items())
    said["ask"] = Say("votes.ask", fields, choices, said["over"].sources)
    if vote.takes(_said_at(turn)):  # it may be changed, also by typing a number: what was said last has to offer it
        said["yours"] = replace(said["yours"], choices=choices)
    return SeeVote(vote.id, labels, said)


def _said(vote: VoteView, fields: Mapping[str, str], outcomes: tuple[str, ...]) -> dict[str, Say]:
    source = (Source(f"vote:{vote.id}", version_of(*vote.question.values())),)
    return {outcome: Say(f"votes.{outcome}", fields, sources=source) for outcome in outcomes}


def _said_at(turn: Turn) -> datetime:
    return turn.said_at or turn.now


def _fields(turn: Turn, vote: VoteView) -> dict[str, str]:
    return {
        "vote.question": shown.name(vote.question, turn.language),
        "vote.ends": shown.time_of(vote.ends_at, turn.language, turn.zone),
        "vote.prize": shown.name(vote.prize, turn.language),
        "vote.winners": str(vote.winners),
    }


SKILL = Skill(NAME, frozenset(), run, PHRASES)
