"""What the bot knows right now, swapped as a whole: a turn sees one good set from beginning to end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bot.errors import FileFault
from bot.knowledge.entries import Fault, Knowledge
from bot.knowledge.kept import digest_of, keep, kept
from bot.settings import Settings
from bot.shop.port import Names
from bot.skills.dialogue import CHARTS, ENTRIES, INTENTS_OF, PHRASES
from bot.understanding.engine import Catalogue, Engine, catalogue_of, training_rows
from bot.understanding.learning import CannotLearn, learn
from bot.voice import Voice, shop_fields, without_holes

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Mind:
    """One good set, trained."""

    knowledge: Knowledge
    engine: Engine
    voice: Voice


@dataclass(slots=True)
class Brain:
    """Holds the mind in use and the faults of the files as they are now."""

    folder: Path
    settings: Settings
    mind: Mind
    faults: list[Fault] = field(default_factory=list)
    _catalogue: tuple[Names, Catalogue] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reload(self) -> bool:
        """Read the files again; swap the mind if they all pass, else keep it and note the faults. May take seconds."""
        with self._lock:
            started = time.monotonic()
            try:
                self.mind = read_mind(self.folder, self.settings)
            except KnowledgeFaults as refused:
                self.faults = list(refused.faults)
                for fault in self.faults:
                    log.warning("knowledge_refused", fault=str(fault))
                return False
            self.faults = []
            took_s = round(time.monotonic() - started, 2)
            log.info("knowledge_loaded", entries=len(self.mind.knowledge.entries), took_s=took_s)
            return True

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


def read_files(folder: Path, settings: Settings) -> tuple[Knowledge, list[Fault]]:
    """Read the shop's files. Use what comes of it only if there is no fault."""
    from bot.knowledge.load import load  # the parser of YAML is heavy, and most starts need none

    knowledge, faults = load(folder, INTENTS_OF, PHRASES, ENTRIES, CHARTS)
    return knowledge, faults or _emptied(knowledge, settings)


def _emptied(knowledge: Knowledge, settings: Settings) -> list[Fault]:
    """Return the answers of which nothing is left, because what they tell is empty in shop.toml."""
    fields = shop_fields(settings)
    return [
        Fault(entry.file, 1, "nothing is left of this answer: its fields are empty in shop.toml", "Fill them in there")
        for entry in knowledge.entries.values()
        for answer in (entry.answer, *(variant.answer for variant in entry.variants))
        if not without_holes(answer, fields[entry.language])
    ]


def read_mind(folder: Path, settings: Settings) -> Mind:
    """Read, check and train, or take what was trained before on the same phrasings.

    Raises:
        KnowledgeFaults: some file does not pass, or nothing can be learnt from them all.
    """
    place = models_folder(folder, os.environ)
    knowledge = _kept_or_read(folder, settings, place)
    try:
        engine = Engine(learn(training_rows(knowledge), place))
    except CannotLearn as error:  # e.g. every phrasing of a language is a mere sign
        problem = f"nothing can be learnt from the phrasings ({error})"
        raise KnowledgeFaults([Fault("knowledge", 1, problem, "Write phrasings in words")]) from error
    return Mind(knowledge, engine, Voice(knowledge, shop_fields(settings)))


def _kept_or_read(folder: Path, settings: Settings, place: Path) -> Knowledge:
    """Return what the files hold, parsed only if they are others than at the last time.

    Raises:
        KnowledgeFaults: some file does not pass.
    """
    digest = _digest(folder)
    if digest is not None and (known := kept(place, digest)) is not None and not _emptied(known, settings):
        return known
    knowledge, faults = read_files(folder, settings)
    if faults:
        raise KnowledgeFaults(faults)
    if digest is not None and digest == _digest(folder):  # no file was written meanwhile
        keep(place, digest, knowledge)
    return knowledge


def _digest(folder: Path) -> str | None:
    rules = [{skill: sorted(intents) for skill, intents in INTENTS_OF.items()}, sorted(ENTRIES), sorted(CHARTS)]
    try:
        return digest_of(folder, [*rules, {phrase: sorted(fields) for phrase, fields in PHRASES.items()}])
    except OSError:  # reading the files will tell which one
        return None


def models_folder(shop: Path, environment: Mapping[str, str]) -> Path:
    """Return where models and parsed files are kept: with the shop's data, or in the user's cache without a shop."""
    data = shop / "data"
    if data.is_dir():
        return data / "models"
    try:
        cache = Path(environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA") or "~/.cache").expanduser()
    except RuntimeError:  # a user without a home
        return data / "models"
    return cache / "zhanggui" / "models"
