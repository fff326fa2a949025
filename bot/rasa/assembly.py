"""Puts together entries and intents from what the files of one Rasa project say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.knowledge.entries import Entry, Fault, Variant
from bot.knowledge.entryfile import CHANNEL_KINDS
from bot.knowledge.fields import unknown_fields
from bot.knowledge.sheetrows import NAME
from bot.rasa.collect import Collected, OneTurn, Response
from bot.rasa.examples import OURS
from bot.rasa.project import FAQ

NOT_IN_A_NAME = re.compile(r"[^\w.-]+")
DIMENSIONS = frozenset(f.name for f in fields(Variant)) - {"answer"}
NOT_TEXT = ("buttons", "image", "attachment", "custom", "elements", "quick_replies")
UTTER = "utter_"
FOLDER = "rasa"
"""Of entries that no shop wrote."""


@dataclass(slots=True)
class Assembly:
    """Puts together what one project says."""

    language: str
    found: Collected
    _asked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for item in self.found.examples:
            own = _entry_named(item.metadata)
            name = f"/{own}" if own else item.intent
            self._asked[name] = self._asked.get(name, ()) + item.texts

    def intents(self) -> dict[str, tuple[str, ...]]:
        """Return intent → phrasings, without what belongs to entries."""
        texts: dict[str, tuple[str, ...]] = {}
        for item in self.found.examples:
            if "/" not in item.intent and not _entry_named(item.metadata):
                texts[item.intent] = texts.get(item.intent, ()) + item.texts
        return texts

    def entries(self) -> Iterator[Entry]:
        retrieved = {item.intent for item in self.found.examples if "/" in item.intent}
        by_response: dict[tuple[str, ...], tuple[OneTurn, list[str]]] = {}
        for turn in self.found.turns:
            by_response.setdefault(turn.actions, (turn, []))[1].extend(turn.intents)
        for response in self.found.responses.values():
            key = response.name.removeprefix(UTTER)
            if _is_ours(response):
                if (entry := self._own_entry(response)) is not None:
                    yield entry
            elif "/" in key:
                if key in retrieved:
                    yield from self._made(self._id(key), (response,), self._asked[key], ())
                else:
                    self._note(response.file, response.line, f"nothing asks for `{response.name}`", "Give it examples")
        for intent in sorted(retrieved - {name.removeprefix(UTTER) for name in self.found.responses}):
            place = next(item for item in self.found.examples if item.intent == intent)
            self._note(place.file, place.line, f"`{intent}` has no response", f"Write `{UTTER}{intent}:`")
        for actions, (turn, intents) in by_response.items():
            yield from self._answering(actions, turn, tuple(dict.fromkeys(intents)))

    def _own_entry(self, response: Response) -> Entry | None:
        """Return the entry that `exported` wrote as this response, None for a mere sentence of ours."""
        first, *others = response.variations
        ours = dict(first["metadata"][OURS])
        entry_id = ours.pop("entry", None)
        if entry_id is None:
            return None
        folder = ours.pop("folder", FOLDER)
        if not (_is_name(entry_id) and _is_folder(folder)):
            problem = f"`{response.name}` says the entry `{entry_id}` in `{folder}`, which are no names of files"
            fix = "Write letters, digits and `-`, e.g. shipping-fee in shipping"
            self.found.faults.append(Fault(response.file, response.line, problem, fix))
            return None
        asked = f"/{entry_id}" if ours.get("intents") else response.name.removeprefix(UTTER)
        data = {
            **_plain_data(ours),
            "id": entry_id,
            "language": self.language,
            "file": _file(self.language, folder, entry_id),
            "ask": self._asked.get(asked, ()),
            "answer": first.get("text"),
            "variants": [_variant_data(each) for each in others],
        }
        try:
            return TypeAdapter(Entry).validate_python(data)
        except ValidationError as error:
            why = error.errors()[0]
            problem = f"`{response.name}`: {'.'.join(map(str, why['loc']))}: {why['msg']}"
            self.found.faults.append(Fault(response.file, response.line, problem, "Correct it, or export again"))
            return None

    def _answering(self, actions: tuple[str, ...], turn: OneTurn, intents: tuple[str, ...]) -> Iterator[Entry]:
        responses = tuple(self.found.responses[name] for name in actions if name in self.found.responses)
        if any(_is_ours(response) for response in responses):
            return
        retrieval = {item.intent.partition("/")[0] for item in self.found.examples if "/" in item.intent}
        if len(actions) == 1 and actions[0].removeprefix(UTTER) in retrieval:
            return  # its responses are entries already
        if len(responses) < len(actions):
            other = next(name for name in actions if name not in self.found.responses)
            fix = "Write an entry with `intents:`, or a skill"
            self._note(turn.file, turn.line, f"`{other}` is no response; {', '.join(intents)} is left out", fix)
            return
        name = NOT_IN_A_NAME.sub("-", actions[0].removeprefix(UTTER))
        yield from self._made(self._free(name), responses, (), intents)

    def _made(
        self, entry_id: str, responses: tuple[Response, ...], ask: tuple[str, ...], intents: tuple[str, ...]
    ) -> Iterator[Entry]:
        """Yield the entry that says the first text of each response; note what of them it cannot say."""
        said: list[str] = []
        variants: list[Variant] = []
        for response in responses:
            texts = [each for each in response.variations if isinstance(each.get("text"), str)]
            usual = [each for each in texts if not each.get("channel") and not each.get("condition")]
            self._note_extras(response, usual)
            said += [str(each["text"]).strip() for each in usual[:1]]
            if len(responses) == 1:
                variants += self._variants(response, [each for each in texts if each not in usual])
        answer = "\n".join(said)
        unknown = next(
            (name for text in (answer, *(v.answer for v in variants)) for name, _ in unknown_fields(text)), ""
        )
        first = responses[0]
        if unknown or not answer:
            problem = f"`{first.name}` " + (
                f"names the slot `{{{unknown}}}`" if unknown else "has no text for everybody"
            )
            self._note(first.file, first.line, f"{problem}, and is left out", "Write the entry by hand")
            return
        file = _file(self.language, FOLDER, entry_id)
        yield Entry(entry_id, self.language, file, ask, answer, tuple(variants), intents=intents)

    def _variants(self, response: Response, variations: list[Mapping[str, Any]]) -> Iterator[Variant]:
        for each in variations:
            data = _variant_data(each)
            known = data.keys() <= DIMENSIONS | {"answer"} and data.get("channel") in (None, *CHANNEL_KINDS)
            try:
                if not known:
                    raise ValueError
                yield TypeAdapter(Variant).validate_python({**data, "answer": str(data["answer"]).strip()})
            except ValueError:  # ValidationError is one
                on = ", ".join(sorted(set(data) - {"answer"}))
                self._note(response.file, response.line, f"`{response.name}` for {on} is left out", "See `variants:`")

    def _note_extras(self, response: Response, usual: list[Mapping[str, Any]]) -> None:
        if len(usual) > 1:
            problem = f"`{response.name}` has {len(usual)} texts, the first is taken"
            self._note(response.file, response.line, problem, "An entry has one answer; `variants:` are for channels")
        if extras := sorted({key for each in response.variations for key in NOT_TEXT if key in each}):
            problem = f"`{response.name}` has {', '.join(extras)}, which are left out"
            self._note(response.file, response.line, problem, "Answers are texts; offer entries with `next:`")

    def _id(self, key: str) -> str:
        intent, _, own = key.partition("/")
        return self._free(NOT_IN_A_NAME.sub("-", own if intent == FAQ else f"{intent}-{own}"))

    def _free(self, name: str) -> str:
        wanted = name.strip("._-") or "entry"
        free = next(
            w for n in range(1, len(self._taken) + 2) if (w := wanted if n == 1 else f"{wanted}-{n}") not in self._taken
        )
        self._taken.add(free)
        return free

    def _note(self, file: str, line: int, problem: str, fix: str) -> None:
        self.found.notes.append(Fault(file, line, problem, fix))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def _is_folder(value: Any) -> bool:
    """Whether it is a folder below the language's, or that one itself, which is empty."""
    return value == "" or (isinstance(value, str) and all(map(_is_name, value.split("/"))))


def _file(language: str, folder: str, entry_id: str) -> str:
    return "/".join(filter(None, ("knowledge", language, folder, f"{entry_id}.md")))


def _ours(metadata: Any) -> Mapping[str, Any] | None:
    ours = metadata.get(OURS) if isinstance(metadata, dict) else None
    return ours if isinstance(ours, dict) and "entry" in ours else None


def _entry_named(metadata: Any) -> str:
    return str((_ours(metadata) or {}).get("entry") or "")


def _is_ours(response: Response) -> bool:
    return bool(response.variations) and _ours(response.variations[0].get("metadata")) is not None


def _variant_data(variation: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response for some customers in the form of a `Variant`; an unknown condition keeps its slot's name."""
    conditions = [each for each in variation.get("condition") or () if isinstance(each, dict)]
    channel = {"channel": variation["channel"]} if "channel" in variation else {}
    named = {str(each.get("name")): _plain_data(each.get("value")) for each in conditions}
    return {**channel, **named, "answer": variation.get("text")}


def _plain_data(value: Any) -> Any:
    """Return what the parser read without the parser's own types."""
    if isinstance(value, dict):
        return {str(key): _plain_data(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain_data(inner) for inner in value]
    if isinstance(value, str):
        return str(value)
    return value
