"""Measures the whole dialogue on a set of messages: what a customer would get, against what is right.

A row is `text<TAB>decision<TAB>target`. Decision: `answer`, `skill`, `smalltalk`, `handoff` or `oos`. Target: the id of
an entry or the name of an intent; for `oos`, `offtopic` or `mustnot`. Alternatives are divided by `|`, two wishes in
one message are joined by `+`. Alternatives of `oos` may be labels: what an honest colleague would also let pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.ask import Answer
from bot.knowledge.entries import Knowledge
from bot.measure.evaluation import Track
from bot.measure.rows import read_columns, refuse
from bot.skills.turn import State
from bot.understanding.text import OUT_OF_SCOPE

DECISIONS = ("answer", "skill", "smalltalk", "handoff", OUT_OF_SCOPE)
DONE = frozenset({"answer", "skill", "smalltalk"})
"""Decisions that need no human."""
OFF_TOPIC, MUST_NOT = "offtopic", "mustnot"
OUTSIDE = frozenset({OFF_TOPIC, MUST_NOT})
REFUSALS = frozenset({"must_not_answer", "crisis"})
"""Intents whose small talk is a refusal."""
LABEL = "label:"
Asks = Callable[[str], tuple[Answer, State]]
"""What the bot would do with a first message, and the state after it."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One row: `wishes` are two where two things are wanted, each with the labels that are right for it."""

    line: int
    text: str
    decisions: frozenset[str]
    wishes: tuple[frozenset[str], ...]

    @property
    def is_outside(self) -> bool:
        return self.decisions == {OUT_OF_SCOPE}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one message.

    Attributes:
        kind: `right` at once; `asked`, with the right label among the choices; `missed`: asked back without it;
            `passed` on to a human by the skill that was wanted; `handed` over without need; `refused`, as it should
            be; `wrong`: something else was done.
        both: whether both of two wishes were met; None of one.
    """

    expected: Expected
    answer: Answer
    kind: str
    both: bool | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """Shares of 1, None where no message is of that kind.

    Attributes:
        messages, in_scope: all; those that need no human: an answer, a skill or small talk is right.
        automation: of those in scope, right at once or asked back with the right label among the choices.
        right_at_once, asked_back: the two parts of it.
        wrong: of all messages, how many got something that is not right.
        mustnot_refused, offtopic_refused: of what must not be answered, and of what is no business of the shop: asked
            back or handed over instead of answered.
        passed_on: of those in scope, how many were understood, and passed on to a human by the skill itself.
        handed_over: of those in scope, how many went to a human without having been understood.
        handoff_right: of those that need a human, how many got one.
        both_met: of messages with two wishes, in how many both were met.
    """

    messages: int
    in_scope: int
    automation: float | None
    right_at_once: float | None
    asked_back: float | None
    wrong: float | None
    mustnot_refused: float | None
    offtopic_refused: float | None
    passed_on: float | None
    handed_over: float | None
    handoff_right: float | None
    both_met: float | None


def read_expected(path: Path, known: Collection[str]) -> tuple[Expected, ...]:
    """Read a set of messages; `known` are the labels there are.

    Raises:
        BadRows: the file does not pass, with the line.
    """
    expected: list[Expected] = []
    faults: list[str] = []
    for line, (text, decision, target) in read_columns(path, ("text", "decision", "target")):
        decisions = frozenset(decision.split("|"))
        wishes = tuple(frozenset(wish.split("|")) for wish in target.split("+"))
        row = Expected(line, text, decisions, wishes)
        labels = frozenset(known) | (OUTSIDE if row.is_outside else frozenset())
        unknown = sorted(decisions - set(DECISIONS)) + sorted(frozenset().union(*wishes) - labels - {""})
        if unknown:
            faults.append(f"{path}:{line}: `{unknown[0]}` is {_what_is_known(row, unknown[0], decisions)}")
        expected.append(row)
    refuse(path, len(expected), faults)
    return tuple(expected)


def _what_is_known(row: Expected, unknown: str, decisions: frozenset[str]) -> str:
    if unknown in decisions:
        return f"no decision. Write one of {', '.join(DECISIONS)}"
    if row.is_outside:
        return f"no target of `oos`. Write {OFF_TOPIC} or {MUST_NOT}"
    return "neither an entry nor an intent of this shop. Correct the target, or add it to the knowledge"


def labels_of(knowledge: Knowledge) -> frozenset[str]:
    """Return every label a target may name."""
    return frozenset(knowledge.intents) | {entry_id for entry_id, _ in knowledge.entries}


def judge_all(rows: Sequence[Expected], ask: Asks, knowledge: Knowledge, track: Track) -> tuple[Verdict, ...]:
    """Ask every message as the first of a conversation, and judge what comes of it."""
    alike = _alike(knowledge)
    return tuple(_judge(row, *ask(row.text), alike) for row in track(rows, "asking"))


def _alike(knowledge: Knowledge) -> Mapping[str, frozenset[str]]:
    """Return by id of an entry the intents it answers: whoever names one of them means the entry as well."""
    alike: dict[str, frozenset[str]] = {}
    for (entry_id, _), entry in knowledge.entries.items():
        alike[entry_id] = alike.get(entry_id, frozenset()) | frozenset(entry.intents)
    return alike


def _judge(row: Expected, answer: Answer, state: State, alike: Mapping[str, frozenset[str]]) -> Verdict:
    met = [bool(wish & _done(answer, alike)) for wish in row.wishes]
    both = all(met) if len(met) > 1 else None
    if row.is_outside:
        refused = answer.decision not in DONE or any(met) or bool(REFUSALS & _done(answer, alike))
        return Verdict(row, answer, "refused" if refused else "wrong")
    if answer.decision == "handoff":
        due = "right" if "handoff" in row.decisions else "passed" if any(met) else "handed"
        return Verdict(row, answer, due, both)
    if answer.decision == "clarify":
        offered = _with_alike(_offered(state), alike)
        return Verdict(row, answer, "asked" if any(wish & offered for wish in row.wishes) else "missed", both)
    return Verdict(row, answer, "right" if any(met) else "wrong", both)


def _done(answer: Answer, alike: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the labels that were acted on."""
    said = {source["id"] for source in answer.sources} & alike.keys()
    wished = {answer.intent} if answer.intent and (answer.skill or answer.decision == "smalltalk") else set()
    entry = {answer.entry} if answer.entry else set()
    return _with_alike(said | (set(answer.labels) or wished) | entry, alike)


def _offered(state: State) -> set[str]:
    return {c.token.removeprefix(LABEL) for c in state.offered if c.token.startswith(LABEL)}


def _with_alike(labels: Iterable[str], alike: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset(labels).union(*(alike.get(label, frozenset()) for label in labels))


def dialogue_of(verdicts: Sequence[Verdict]) -> Dialogue:
    """Return the shares of what became of the messages."""
    inside = [v for v in verdicts if v.expected.decisions & DONE]
    due = [v for v in verdicts if "handoff" in v.expected.decisions and not v.expected.decisions & DONE]
    kinds = Counter(v.kind for v in inside)
    automated = kinds["right"] + kinds["asked"]
    return Dialogue(
        messages=len(verdicts),
        in_scope=len(inside),
        automation=_share(automated, len(inside)),
        right_at_once=_share(kinds["right"], len(inside)),
        asked_back=_share(kinds["asked"], len(inside)),
        wrong=_share(sum(v.kind == "wrong" for v in verdicts), len(verdicts)),
        mustnot_refused=_refused(verdicts, MUST_NOT),
        offtopic_refused=_refused(verdicts, OFF_TOPIC),
        passed_on=_share(kinds["passed"], len(inside)),
        handed_over=_share(kinds["handed"], len(inside)),
        handoff_right=_share(sum(v.kind == "right" for v in due), len(due)),
        both_met=_share(sum(v.both is True for v in verdicts), sum(v.both is not None for v in verdicts)),
    )


def _refused(verdicts: Iterable[Verdict], target: str) -> float | None:
    own = [v for v in verdicts if v.expected.is_outside and any(target in wish for wish in v.expected.wishes)]
    return _share(sum(v.kind == "refused" for v in own), len(own))


def _share(count: int, of: int) -> float | None:
    return count / of if of else None
