"""What the bot says in a group: only what everybody may read, and only to who speaks to it.

Whatever is about one person goes on in the private chat, by a button that carries the wish there.
"""

from __future__ import annotations

from dataclasses import replace

from bot.knowledge.entries import Knowledge
from bot.messages import OPENS_CHAT, Choice
from bot.skills import sales
from bot.skills.dialogue import SKILLS, take_turn
from bot.skills.turn import OPTIONAL, PersonView, Say, State, Step, Turn

HELLO = "hello"
"""The payload of the button that only opens the private chat."""


def answer_in_group(turn: Turn) -> tuple[Turn, Step | None]:
    """Return the turn as it was heard, and what is said; None to keep quiet."""
    if turn.choice.startswith(sales.CLAIM) or (turn.sales and turn.meaning.best == "sale_claim"):
        return turn, take_turn(turn)
    if not turn.addressed or turn.choice:
        return turn, None
    heard = _of_nobody(turn)
    said = take_turn(heard)
    if _is_for_all(said):
        if turn.addressed == "reply" and said.decision == "smalltalk":
            return heard, None  # "ok", "thanks", a laugh under an announcement: people talk to each other
        says = tuple(replace(say, choices=_for_all(say.choices)) for say in said.says)
        return heard, replace(said, says=says, state=_kept(turn))
    if turn.addressed == "reply" and said.decision == "clarify":
        return heard, None
    invitation = Step(
        (Say("group.in_private", choices=(_button(turn.knowledge, turn.language, turn.carries or HELLO),)),),
        _kept(turn),
        decision="smalltalk",
        label=said.label,
    )
    return heard, invitation


def welcome(knowledge: Knowledge, language: str) -> Say:
    """Return what is said to people who came into a group. It names nobody: names can be advertisements."""
    return Say("group.welcome", choices=(_button(knowledge, language, HELLO),))


def _of_nobody(turn: Turn) -> Turn:
    """Return the turn without what is known of who speaks and of what was spoken of: neither can slip out then."""
    nobody = PersonView(turn.person.identity_id, "", language=turn.person.language)
    return replace(turn, person=nobody, state=State(language=turn.state.language))


def _is_for_all(step: Step) -> bool:
    """Return whether a step may be read by everybody: an entry, small talk, or a public skill that asks nothing."""
    waits = step.state.skill and step.state.step != OPTIONAL
    if waits or step.handoff or step.effects or not step.says:
        return False
    return SKILLS[step.skill].is_public if step.skill else step.decision in ("answer", "smalltalk")


def _for_all(choices: tuple[Choice, ...]) -> tuple[Choice, ...]:
    """Return the choices that anybody may tap; the others would go on with one person's talk."""
    return tuple(choice for choice in choices if choice.token.startswith(sales.CLAIM))


def _kept(turn: Turn) -> State:
    return replace(turn.state, language=turn.language)


def _button(knowledge: Knowledge, language: str, payload: str) -> Choice:
    return Choice(f"{OPENS_CHAT}{payload}", knowledge.phrases["group.private_button", language].text)
