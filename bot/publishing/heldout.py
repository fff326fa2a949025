"""Questions beside the answers that training never sees: does each lead where it should?

They stand under `test:` in an entry, and in `knowledge/<lang>/tests.tsv`: a question, a tab, the id of an entry or
intent, or several with `|` between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.ask import Answer, ask
from bot.brain import Brain
from bot.knowledge.entries import LANGUAGES, Fault, Knowledge
from bot.knowledge.places import line_with
from bot.knowledge.yamlfile import Reading, did_you_mean, read_text
from bot.settings import Settings
from bot.skills.turn import State


@dataclass(frozen=True, slots=True)
class Question:
    """A question that must lead to one of `targets`, entries or intents."""

    text: str
    language: str
    targets: tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a question.

    Attributes:
        outcome: `right`; `asked` if the customer was shown choices and the right one was among them; or `wrong`.
        got: what was decided instead, e.g. `answer shipping-fee`.
    """

    question: Question
    outcome: str
    got: str
    why: tuple[str, ...]


def questions(folder: Path, knowledge: Knowledge) -> tuple[list[Question], list[Fault]]:
    """Return every question, and what is wrong with the files of tests."""
    own = [
        Question(text, entry.language, (entry.id,), entry.file, line_with(folder, entry.file, text, after="test:"))
        for entry in knowledge.entries.values()
        for text in entry.test
    ]
    listed, faults = file_tests(folder, knowledge)
    return own + listed, faults


def file_tests(folder: Path, knowledge: Knowledge) -> tuple[list[Question], list[Fault]]:
    """Return the questions of the `tests.tsv` files, and their faults."""
    found: list[Question] = []
    faults: list[Fault] = []
    targets = {entry_id for entry_id, _ in knowledge.entries} | knowledge.intents.keys()
    for language in LANGUAGES:
        path = folder / "knowledge" / language / "tests.tsv"
        reading = Reading(f"knowledge/{language}/tests.tsv")
        text = read_text(reading, path) if path.exists() else None
        for number, line in enumerate((text or "").split("\n"), 1):
            question, target = [*line.split("\t", 1), ""][:2]
            if not line.strip() or line.startswith("#"):
                continue
            if not question.strip() or not target.strip():
                reading.fault(number, "a question, a tab and an id are expected", "Write `question<TAB>id`")
                continue
            wanted = tuple(part.strip() for part in target.split("|"))
            for odd in set(wanted) - targets:
                reading.fault(number, f"there is no entry or intent `{odd}`", did_you_mean(odd, targets))
            found.append(Question(question.strip(), language, wanted, reading.file, number))
        faults += reading.faults
    return found, faults


def lost(before: Sequence[Result], after: Sequence[Result]) -> list[Result]:
    """Return the results of `after` that are not right and were `before`: two examinations with the same questions."""
    return [now for was, now in zip(before, after, strict=True) if was.outcome == "right" and now.outcome != "right"]


def right(results: Sequence[Result]) -> int:
    """Return how many questions led where they should."""
    return sum(result.outcome == "right" for result in results)


def examine(brain: Brain, settings: Settings, asked: Iterable[Question], now: datetime) -> Iterator[Result]:
    """Yield what becomes of each question, as the first message of a conversation."""
    for question in asked:
        answer, _ = ask(brain, settings, question.text, question.language, State(), now)
        where = answer.entry or answer.skill or answer.intent or ""
        yield Result(
            question, _outcome(brain, question, answer), f"{answer.decision} {where}".strip(), tuple(answer.why)
        )


def _outcome(brain: Brain, question: Question, answer: Answer) -> str:
    if answer.decision == "clarify":
        return "asked" if _shown(brain, question) & set(answer.choices) else "wrong"
    reached = {answer.entry, *([] if answer.entry else [answer.intent])}
    return "right" if reached & set(question.targets) else "wrong"


def _shown(brain: Brain, question: Question) -> set[str]:
    """Return how the targets are shown to a customer who is asked to choose."""
    knowledge, language = brain.mind.knowledge, question.language
    entries = [knowledge.entries.get((target, language)) for target in question.targets]
    phrases = [knowledge.phrases.get((f"intent.{target}", language)) for target in question.targets]
    return {entry.ask[0] for entry in entries if entry and entry.ask} | {phrase.text for phrase in phrases if phrase}
