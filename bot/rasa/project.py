"""A shop's knowledge as a Rasa 3.6 project: one folder a language, each complete in itself.

Nothing is lost on the way: what Rasa has no place for stands in `metadata` beside the response it belongs to, and what
is no answer at all (phrases, size charts) in `zhanggui.json` beside the folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from pydantic import TypeAdapter

from bot.errors import ZhangguiError
from bot.knowledge.entries import LANGUAGES, Entry, Knowledge, Phrase, SizeChart, Variant
from bot.knowledge.fields import FIELD
from bot.rasa.config import EPOCHS, config
from bot.rasa.examples import OURS, written
from bot.rasa.yamltext import yaml_text

FAQ = "faq"
"""The retrieval intent whose answers are the entries: `faq/<id>`."""
SIDE_FILE = "zhanggui.json"
COMMENT = "Written by Zhanggui (掌柜) from the shop's files"  # not ASCII alone, which Rasa would read by other rules
VERSION = "3.1"
FALLBACK, PEOPLE = "zhanggui_fallback", "zhanggui_people"
NOT_UNDERSTOOD = "dialogue.not_understood"
HOW_TO_REACH_PEOPLE = "contact-hours"
SESSION = {"session_expiration_time": 60, "carry_over_slots_to_new_session": True}
IN_NATIVE_FORM = ("id", "language", "ask", "answer", "variants")
"""Fields of an entry that Rasa has a place for."""
ELSEWHERE = (*IN_NATIVE_FORM, "file")
"""And where it stands: only the folder is told, below which the way back puts it."""


class CannotExport(ZhangguiError):
    """The knowledge does not fit into a Rasa project. Rename what is named above and try again."""

    code = "export"


@dataclass(frozen=True, slots=True)
class Side:
    """What is no answer: the form of `zhanggui.json`."""

    phrases: tuple[Phrase, ...]
    charts: tuple[SizeChart, ...]


def exported(knowledge: Knowledge, values: Mapping[str, Mapping[str, str]], epochs: int = EPOCHS) -> dict[str, str]:
    """Return path → text of every file, for each language that has intents or entries.

    Args:
        values: by language, what fields such as `policy.return_days` are filled with; they become slots.

    Raises:
        CannotExport: a name means something else to Rasa.
    """
    side = Side(tuple(knowledge.phrases.values()), tuple(knowledge.charts.values()))
    files = {SIDE_FILE: TypeAdapter(Side).dump_json(side, indent=1).decode() + "\n"}
    for language in LANGUAGES:
        own = tuple(entry for entry in knowledge.entries.values() if entry.language == language)
        intents = {name: by[language] for name, by in knowledge.intents.items() if language in by}
        if own or intents:
            _check_names((*intents, *(i for entry in own for i in entry.intents)), own)
            project = _Project(knowledge, language, own, intents, values.get(language, {}), epochs)
            files |= {f"{language}/{name}": yaml_text(data, COMMENT) for name, data in project.files().items()}
    return files


def _check_names(intents: Sequence[str], entries: Sequence[Entry]) -> None:
    for name in intents:
        if "/" in name or name == FAQ:
            raise CannotExport(f"the intent `{name}` means something else to Rasa. Rename it in intents/")
    for entry in entries:
        if "/" in entry.id or entry.id in (FAQ, FALLBACK, PEOPLE):
            raise CannotExport(f"{entry.file}: the id `{entry.id}` means something else to Rasa. Rename the entry")


@dataclass(frozen=True, slots=True)
class _Project:
    knowledge: Knowledge
    language: str
    entries: Sequence[Entry]
    intents: Mapping[str, Sequence[str]]
    values: Mapping[str, str]
    epochs: int

    def files(self) -> dict[str, dict[str, Any]]:
        """Return name → data of each file."""
        asked = [entry for entry in self.entries if not entry.intents]
        return {
            "config.yml": config(self.language, self.epochs, FAQ if asked else None),
            "domain.yml": self._domain(asked),
            "data/nlu.yml": {"version": VERSION, "nlu": list(self._nlu())},
            "data/responses.yml": {"version": VERSION, "responses": {n: self._said(e) for n, e in self._named(asked)}},
            "data/rules.yml": {"version": VERSION, "rules": list(self._rules(bool(asked)))},
            "endpoints.yml": {},
            "credentials.yml": {"rest": None},
        }

    @property
    def _labels(self) -> list[str]:
        """Every intent of this language that is no retrieval intent."""
        return list(dict.fromkeys([*self.intents, *(i for entry in self.entries for i in entry.intents)]))

    def _nlu(self) -> Iterator[dict[str, Any]]:
        for name, phrasings in self.intents.items():
            yield {"intent": name, "examples": written(phrasings)}
        for entry in self.entries:
            if entry.ask and entry.intents:  # they belong to the intent, and must find their way back to the entry
                metadata = {OURS: {"entry": entry.id}}
                yield {"intent": entry.intents[0], "metadata": metadata, "examples": written(entry.ask)}
            elif entry.ask:
                yield {"intent": f"{FAQ}/{entry.id}", "examples": written(entry.ask)}

    def _domain(self, asked: Sequence[Entry]) -> dict[str, Any]:
        talk = [entry for entry in self.entries if entry.intents]
        responses = {name: self._said(entry) for name, entry in self._named(talk)}
        responses |= {f"utter_{name}": [_ours(text)] for name, text in self._sentences.items()}
        return {
            "version": VERSION,
            "intents": [*self._labels, *([FAQ] if asked else [])],
            "slots": dict(self._slots(responses)),
            "responses": responses,
            "actions": [f"utter_{FAQ}"] if asked else [],
            "session_config": SESSION,
        }

    @property
    def _sentences(self) -> dict[str, str]:
        """What is said where Rasa alone does not know on, in the shop's own words as far as it has them."""
        said = self.knowledge.phrases.get((NOT_UNDERSTOOD, self.language))
        people = self.knowledge.entries.get((HOW_TO_REACH_PEOPLE, self.language))
        found = {FALLBACK: said.text} if said else {}
        return found | ({PEOPLE: people.answer} if people else {})

    def _slots(self, responses: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the fields that answers name, filled from the settings, and what variants depend on, not filled."""
        answers = [answer for e in self.entries for answer in (e.answer, *(v.answer for v in e.variants))]
        answers += self._sentences.values()
        filled = {"influence_conversation": False, "mappings": [{"type": "custom"}]}
        for name in sorted({name for answer in answers for name in FIELD.findall(answer)}):
            yield name, {"type": "text", "initial_value": self.values.get(name, ""), **filled}
        for condition in dict.fromkeys(c for e in self.entries for v in e.variants for c in _conditions(v)):
            yield condition, {"type": "any", "mappings": [{"type": "custom"}]}

    def _rules(self, has_faq: bool) -> Iterator[dict[str, Any]]:
        names = self._sentences
        fallback = f"utter_{FALLBACK}" if FALLBACK in names else "action_default_fallback"
        people = f"utter_{PEOPLE}" if PEOPLE in names else fallback
        if has_faq:
            yield _rule("a question with one answer for everybody", FAQ, f"utter_{FAQ}")
        for label in self._labels:
            entry = self.knowledge.entry_for_intent(label, self.language)
            is_own = entry is not None and entry.language == self.language
            yield _rule(label, label, f"utter_{entry.id}" if entry and is_own else people)
        yield _rule("not understood", "nlu_fallback", fallback)

    def _named(self, entries: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
        return ((f"utter_{entry.id}" if entry.intents else f"utter_{FAQ}/{entry.id}", entry) for entry in entries)

    def _said(self, entry: Entry) -> list[dict[str, Any]]:
        rest = TypeAdapter(Entry).dump_python(entry, mode="json", exclude=set(ELSEWHERE), exclude_defaults=True)
        folder = "/".join(entry.file.split("/")[2:-1])
        return [
            {"text": entry.answer, "metadata": {OURS: {"entry": entry.id, "folder": folder, **rest}}},
            *(_variation(variant) for variant in entry.variants),
        ]


def _variation(variant: Variant) -> dict[str, Any]:
    """Return the response for some customers: Rasa knows channels, all else is a condition on a slot of that name."""
    conditions = [{"type": "slot", "name": name, "value": value} for name, value in _conditions(variant).items()]
    return {
        "text": variant.answer,
        **({"channel": variant.channel} if variant.channel is not None else {}),
        **({"condition": conditions} if conditions else {}),
    }


def _conditions(variant: Variant) -> dict[str, Any]:
    data = TypeAdapter(Variant).dump_python(variant, mode="json", exclude_defaults=True)
    return {f.name: data[f.name] for f in fields(Variant) if f.name in data and f.name not in ("answer", "channel")}


def _ours(text: str) -> dict[str, Any]:
    return {"text": text, "metadata": {OURS: {"entry": None}}}


def _rule(name: str, intent: str, action: str) -> dict[str, Any]:
    return {"rule": name, "steps": [{"intent": intent}, {"action": action}]}
