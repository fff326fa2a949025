"""What no single file can tell: missing phrases, dead links, phrasings that lead to two places, unanswered intents."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.knowledge.entries import LANGUAGES, Entry, Fault, Knowledge
from bot.knowledge.fields import odd_braces, unknown_fields
from bot.knowledge.places import line_with
from bot.knowledge.yamlfile import did_you_mean

ALWAYS = "human"
"""The intent that must be understood whatever else is: a person is always one word away."""
NO_LETTER = re.compile(r"[\W_]+")
PROBABLY_MEANT = 80
"""From this similarity on (0 to 100) a phrase nobody needs is taken for the misspelt one that is missing."""


def phrase_faults(
    knowledge: Knowledge, needed: Mapping[str, frozenset[str]], folder: Path, languages: Collection[str]
) -> Iterator[Fault]:
    """Yield a fault for each phrase that code says and that is missing or has an unknown field."""
    for language in languages:
        file = f"knowledge/{language}/phrases.yml"
        spare = [i for i, spoken in knowledge.phrases if spoken == language and i not in needed]
        for phrase_id, fields in needed.items():
            phrase = knowledge.phrases.get((phrase_id, language))
            if phrase is None:
                near = process.extractOne(phrase_id, spare, scorer=fuzz.ratio, score_cutoff=PROBABLY_MEANT)
                fix = f"Did you mean it by `{near[0]}`?" if near else "Add it; a skill says it"
                line = line_with(folder, file, f"{near[0].rpartition('.')[2]}:") if near else 1
                yield Fault(file, line, f"the phrase `{phrase_id}` is missing", fix)
                continue
            for name, near_field in unknown_fields(phrase.text, fields):
                line = line_with(folder, file, f"{{{name}}}")
                problem = f"`{phrase_id}` has no field `{{{name}}}`"
                yield Fault(file, line, problem, f"Did you mean `{{{near_field}}}`?")
            for odd, fix in odd_braces(phrase.text):
                problem = f"`{odd}` in `{phrase_id}` is no field, so customers would read it"
                yield Fault(file, line_with(folder, file, odd), problem, fix)


def missing_entries(knowledge: Knowledge, needed: Collection[str]) -> Iterator[Fault]:
    """Yield a fault for each entry that a skill says and that a language lacks."""
    for language in LANGUAGES:
        for entry_id in sorted(needed):
            if (entry_id, language) not in knowledge.entries:
                fix = f"A skill says it: put {entry_id}.md there, e.g. from a new shop's folder (`zhanggui init`)"
                yield Fault(f"knowledge/{language}", 1, f"the entry `{entry_id}` is missing", fix)


def missing_charts(knowledge: Knowledge, needed: Collection[str]) -> Iterator[Fault]:
    """Yield a fault for each size chart that a skill advises from and that is missing."""
    for category in sorted(set(needed) - set(knowledge.charts)):
        fix = f"Add a file with `category: {category}`, e.g. from a new shop's folder (`zhanggui init`)"
        yield Fault("knowledge/size-charts", 1, f"the size chart `{category}` is missing", fix)


def link_faults(knowledge: Knowledge, skills: Collection[str], folder: Path) -> Iterator[Fault]:
    """Yield a fault for each `next` that leads nowhere."""
    targets = {entry_id for entry_id, _ in knowledge.entries} | {f"skill:{name}" for name in skills}
    for entry in knowledge.entries.values():
        for target in entry.next:
            if target not in targets:
                line = line_with(folder, entry.file, target, after="next:")
                problem = f"`next` names `{target}`, which does not exist"
                yield Fault(entry.file, line, problem, did_you_mean(target, targets))


def double_faults(knowledge: Knowledge, folder: Path) -> Iterator[Fault]:
    """Yield a fault for each phrasing that leads to two places."""
    fix = "Keep it in one place: the bot cannot answer both"
    first: dict[str, str] = {}
    for intent, by_language in knowledge.intents.items():
        for language, examples in by_language.items():
            for example in examples:
                other = first.setdefault(_same(example), intent)
                if other != intent and _same(example):
                    file, line = place_of_intent(folder, intent, language, example)
                    yield Fault(file, line, f"{example!r} also leads to the intent {other}", fix)
    for entry in knowledge.entries.values():
        for phrasing in entry.ask:
            other = first.setdefault(_same(phrasing), entry.id)
            if other != entry.id and other not in entry.intents and _same(phrasing):
                line = line_with(folder, entry.file, phrasing, after="ask:")
                yield Fault(entry.file, line, f"{phrasing!r} also leads to {_name(other, knowledge)}", fix)


def intent_faults(knowledge: Knowledge, skills: Mapping[str, frozenset[str]], folder: Path) -> Iterator[Fault]:
    """Yield a fault for each intent that nothing answers, and for each language that has no word for a human."""
    answered = frozenset[str]().union(*skills.values(), *(e.intents for e in knowledge.entries.values()))
    for intent, by_language in knowledge.intents.items():
        if intent not in answered:
            file, line = place_of_intent(folder, intent, next(iter(by_language)))
            fix = f"Name it in an entry's `intents:`. {did_you_mean(intent, answered)}"
            yield Fault(file, line, f"nothing answers the intent `{intent}`", fix)
    for language in LANGUAGES:
        if ALWAYS in answered and not knowledge.intents.get(ALWAYS, {}).get(language):
            problem = f"the intent `{ALWAYS}` has no examples: nobody could ask for a person"
            yield Fault(f"intents/{language}", 1, problem, f"Add `- intent: {ALWAYS}` with examples to a file here")


def double_ids(entries: Collection[Entry]) -> Iterator[Fault]:
    """Yield a fault for each second entry of one id in one language."""
    first: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        other = first.setdefault((entry.id, entry.language), entry)
        if other is not entry:
            problem = f"the id `{entry.id}` is taken by {other.file}"
            yield Fault(entry.file, 1, problem, "Choose another id, or remove one")


def _name(label: str, knowledge: Knowledge) -> str:
    return f"the intent {label}" if label in knowledge.intents else label


def place_of_intent(folder: Path, intent: str, language: str, example: str = "") -> tuple[str, int]:
    """Return file and line of an intent, or of one of its examples."""
    for path in sorted((folder / "intents" / language).rglob("*.y*ml")):
        file = path.relative_to(folder).as_posix()
        if (line := line_with(folder, file, example, after=f"intent: {intent}")) > 1:
            return file, line
    return f"intents/{language}", 1


def _same(phrasing: str) -> str:
    return NO_LETTER.sub("", phrasing.casefold())
