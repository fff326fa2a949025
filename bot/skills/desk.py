"""Requests that a person finishes: the rule first where there is one, then the queue with what was said."""

from __future__ import annotations

from bot.skills.turn import Handoff, Note, Say, Skill, Step, Turn, phrases

PHRASES = phrases(desk="passing_on")
ERRANDS: dict[str, dict[str, str]] = {  # skill → intent → the entry that tells the rule
    "account": {
        "account_problem": "account-change-phone",
        "points_balance": "membership-tiers",
        "data_erasure": "privacy-data",
    },
    "callback": {"callback_request": ""},
}
MOST_NOTED = 500
"""Characters of an opinion."""


def _errand(turn: Turn, rule: str) -> Step:
    says = (Say(rule),) if rule else ()
    return Step((*says, Say("desk.passing_on")), turn.state.idle(), handoff=Handoff(turn.meaning.best, 1))


def _errands(rules: dict[str, str]) -> Skill:
    name = next(name for name, errands in ERRANDS.items() if errands is rules)
    said = frozenset(filter(None, rules.values()))
    return Skill(name, frozenset(rules), lambda turn: _errand(turn, rules.get(turn.meaning.best, "")), PHRASES, said)


def take_note(turn: Turn) -> Step:
    """Thank for an opinion and leave it to the staff as a task: nobody has to answer it."""
    return Step((Say("desk.feedback"),), turn.state.idle(), (Note(turn.text[:MOST_NOTED]),))


SKILLS = (
    Skill("feedback", frozenset({"feedback"}), take_note, phrases(desk="feedback")),
    *(_errands(rules) for rules in ERRANDS.values()),
)
