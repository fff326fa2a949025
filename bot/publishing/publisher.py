"""Takes what was saved live, keeps it in the history, and tells how many answers changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from bot.brain import Brain, Files, KnowledgeFaults, Mind, checked, mind_of, read_shop
from bot.clock import Clock
from bot.errors import FileFault
from bot.knowledge.history import History
from bot.knowledge.parts import Parts, parts_of
from bot.publishing.replay import replay
from bot.settings import Settings

log = structlog.get_logger()


def history_of(folder: Path) -> History:
    """Return the history of the shop in `folder`."""
    return History(folder / "data" / "history")


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes the files of a brain's folder."""

    brain: Brain
    clock: Clock

    def publish(self, by: str) -> Mind | None:
        """Read the files again and take them live if they pass.

        The new set answers as soon as it is trained; then it is kept in the history. Takes up to a second.

        Returns:
            The mind before; None if it goes on, because the files do not pass or are as they were.

        Raises:
            CannotLearn: training failed, by no fault of the files. The mind in use goes on.
        """
        before, files = self.brain.mind, self.brain.files
        if not self.brain.reload():
            return None
        if files is not None and self.brain.files is not None and self.brain.files.digest == files.digest:
            return None
        self.keep(by)
        return before

    def keep(self, by: str) -> None:
        """Keep the set in use in the history. Where nothing can be written, the shop goes on without one."""
        folder, files = self.brain.folder, self.brain.files
        if files is None or files.faults:
            return
        try:
            history_of(folder).keep(folder, files.parts, by, self.clock.now())
        except (FileFault, OSError) as error:
            log.warning("knowledge_not_kept", error=str(error))

    def replay(self, before: Mind, questions: Sequence[str]) -> None:
        """Tell in the logs how many of `questions` the mind in use answers differently; takes seconds."""
        started = time.monotonic()
        found = replay(before, self.brain.mind, questions, self.brain.settings, self.clock.now())
        took_s = round(time.monotonic() - started, 2)
        log.info("knowledge_replayed", questions=len(questions), changed=len(found), took_s=took_s)


def open_brain(folder: Path, settings: Settings) -> Brain:
    """Return a brain with the shop's files; if they do not pass, with the last set that did, and the faults beside it.

    Raises:
        KnowledgeFaults: the files do not pass, and no earlier set does.
        CannotLearn: training failed, by no fault of the files.
    """
    files = read_shop(folder, settings)
    try:
        return Brain(folder, settings, mind_of(files, folder, settings), files=files)
    except KnowledgeFaults as refused:
        history = history_of(folder)
        last = history.published()
        if last is None:
            raise
        earlier = files_of(history, last.number, folder, settings, files.parts)
        if earlier.faults:
            raise refused from None
        log.warning("knowledge_last_good_set", edition=last.number, faults=len(refused.faults))
        bad = replace(files, faults=refused.faults)  # those that show in training only are among them
        return Brain(folder, settings, mind_of(earlier, folder, settings), list(refused.faults), bad)


def files_of(history: History, number: int, folder: Path, settings: Settings, known: Parts) -> Files:
    """Return what an edition says under today's rules; files that are in `known` are not parsed again.

    Raises:
        FileFault: it is not whole any more.
    """
    return checked(folder, parts_of(history.contents(number), known), settings)
