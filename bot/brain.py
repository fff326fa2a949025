"""What the bot knows right now, swapped as a whole: a turn sees one good set from beginning to end."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.engines import ranker_for
from bot.errors import FileFault
from bot.knowledge.entries import Entry, Fault, Knowledge
from bot.knowledge.fields import FIELD
from bot.knowledge.kept import keep, kept
from bot.knowledge.load import Needs, check
from bot.knowledge.parts import Parts, digest_of, knowledge_of, read_parts, set_digest
from bot.settings import Settings
from bot.shop.port import Names
from bot.skills.dialogue import CHARTS, ENTRIES, INTENTS_OF, PHRASES
from bot.understanding.engine import Catalogue, Engine, catalogue_of, training_rows
from bot.understanding.learning import CannotLearn, NothingToLearn
from bot.understanding.verbatim import verbatim
from bot.voice import Voice, shop_fields, without_holes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mind:
    """One good set, trained."""

    knowledge: Knowledge
    engine: Engine
    voice: Voice


@dataclass(frozen=True, slots=True)
class Files:
    """What the shop's files say together. Use the knowledge only if there is no fault."""

    knowledge: Knowledge
    faults: tuple[Fault, ...]
    parts: Parts
    digest: str


@dataclass(slots=True)
class Brain:
    """Holds the mind in use and the faults of the files as they are now."""

    folder: Path
    settings: Settings
    mind: Mind
    faults: list[Fault] = field(default_factory=list)
    files: Files | None = None
    """As they were read the last time, good or bad."""
    _catalogue: tuple[Names, Catalogue] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reload(self) -> bool:
        """Read the files again; swap the mind if they all pass, else keep it and note the faults. May take seconds.

        Raises:
            CannotLearn: training failed, by no fault of the files. The mind stays, and so does what is noted.
        """
        with self._lock:
            started = time.monotonic()
            try:
                self.mind = self._read()
            except KnowledgeFaults as refused:
                self.faults = list(refused.faults)
                for fault in self.faults:
                    log.warning("knowledge_refused", fault=str(fault))
                return False
            self.faults = []
            took_s = round(time.monotonic() - started, 2)
            log.info("knowledge_loaded", entries=len(self.mind.knowledge.entries), took_s=took_s)
            return True

    def _read(self) -> Mind:
        before = self.files
        self.files = read_shop(self.folder, self.settings, before.parts if before else None)
        try:
            return mind_of(self.files, self.folder, self.settings)
        except CannotLearn:
            self.files = before  # the same files are something new at the next try
            raise

    def catalogue(self, names: Names) -> Catalogue:
        """Return the words of the catalogue, made anew only when the names changed."""
        if self._catalogue is None or self._catalogue[0] != names:
            made = catalogue_of(names.products, names.colours, self.settings.shop.order_number)
            self._catalogue = (names, made)
        return self._catalogue[1]


class KnowledgeFaults(FileFault):
    """Files of the knowledge do not pass. Run `zhanggui check` to see every fault with its line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in faults))


def needs() -> Needs:
    """Return what the skills need of the files."""
    return Needs(INTENTS_OF, PHRASES, ENTRIES, CHARTS)


def read_files(folder: Path, settings: Settings) -> tuple[Knowledge, list[Fault]]:
    """Read the shop's files. Use what comes of it only if there is no fault."""
    files = read_shop(folder, settings)
    return files.knowledge, list(files.faults)


def read_shop(folder: Path, settings: Settings, before: Parts | None = None) -> Files:
    """Read the shop's files, parsing only those that are others than `before`, or than at the last time."""
    place = models_folder(folder, os.environ)
    last = kept(place) if before is None else None
    parts = read_parts(folder, last.by_file() if last else before or {})
    if last is not None and last.passed == _passed(parts):
        return _files(parts, knowledge_of(parts), [], settings)
    files = checked(folder, parts, settings)
    if not files.faults:
        keep(place, _passed(parts), parts)
    return files


def checked(folder: Path, parts: Parts, settings: Settings) -> Files:
    """Return what `parts` say together, with every fault; `folder` is only looked at for line numbers."""
    return _files(parts, *check(folder, parts, needs()), settings)


def _files(parts: Parts, knowledge: Knowledge, faults: list[Fault], settings: Settings) -> Files:
    return Files(knowledge, tuple(faults or _emptied(knowledge, settings)), parts, set_digest(parts))


def _passed(parts: Parts) -> str:
    """Return a name for the set under today's rules."""
    return digest_of(f"{set_digest(parts)}{json.dumps(needs().plain(), sort_keys=True)}".encode())


def _emptied(knowledge: Knowledge, settings: Settings) -> list[Fault]:
    """Return the answers of which nothing is left, because what they tell is empty in shop.toml.

    A variant of which nothing is left is not said: the plain answer takes its place.
    """
    fields = shop_fields(settings)
    return [
        Fault(entry.file, 1, f"nothing is left of this answer: {_empty(entry, fields)} is empty", "Set it in shop.toml")
        for entry in knowledge.entries.values()
        if not without_holes(entry.answer, fields[entry.language])
    ]


def _empty(entry: Entry, fields: Mapping[str, Mapping[str, str]]) -> str:
    named = dict.fromkeys(FIELD.findall(entry.answer))
    return ", ".join(f"`{name}`" for name in named if not fields[entry.language].get(name, "filled"))


def read_mind(folder: Path, settings: Settings) -> Mind:
    """Read, check and train, or take what was trained before on the same phrasings.

    Raises:
        KnowledgeFaults: some file does not pass, or nothing can be learnt from them all.
        CannotLearn: training failed, by no fault of the files.
    """
    return mind_of(read_shop(folder, settings), folder, settings)


def mind_of(files: Files, folder: Path, settings: Settings) -> Mind:
    """Train on what was read, or take what was trained before on the same phrasings.

    Raises:
        KnowledgeFaults: some file does not pass, or nothing can be learnt from them all.
        CannotLearn: training failed, by no fault of the files.
    """
    if files.faults:
        raise KnowledgeFaults(files.faults)
    try:
        rows, place = training_rows(files.knowledge), models_folder(folder, os.environ)
        ranker = ranker_for(settings, rows, place, folder, users_cache(os.environ))
        engine = Engine(ranker, verbatim(rows))
    except NothingToLearn as error:  # e.g. every phrasing of a language is a mere sign
        problem = f"nothing can be learnt from the phrasings ({error})"
        raise KnowledgeFaults([Fault("knowledge", 1, problem, "Write phrasings in words")]) from error
    return Mind(files.knowledge, engine, Voice(files.knowledge, shop_fields(settings)))


def models_folder(shop: Path, environment: Mapping[str, str]) -> Path:
    """Return where models and parsed files are kept: with the shop's data, or in the user's cache without a shop."""
    data = shop / "data"
    return data / "models" if data.is_dir() else users_cache(environment) or data / "models"


def users_cache(environment: Mapping[str, str]) -> Path | None:
    """Return where this user keeps models for all shops, None for a user without a home."""
    try:
        cache = Path(environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA") or "~/.cache").expanduser()
    except RuntimeError:
        return None
    return cache / "zhanggui" / "models"
