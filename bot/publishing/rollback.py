"""Back to an earlier edition: the files themselves become what they were."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.brain import Files, KnowledgeFaults, mind_of, read_shop
from bot.errors import FileFault, NotFound
from bot.knowledge.entries import Fault
from bot.knowledge.history import Edition, History
from bot.publishing.publisher import files_of, history_of
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What became of the files.

    Attributes:
        edition: what they are now.
        before: what they were: going to it undoes this.
        faults: those of the files now. If there are any, a running shop keeps its last good set.
    """

    edition: Edition
    before: Edition
    faults: tuple[Fault, ...]


def roll_back(folder: Path, settings: Settings, to: int | None, now: datetime) -> RolledBack:
    """Make the files those of edition `to`, or of the newest published one that differs from them.

    The files as they are now are kept first, even if they do not pass, so that this can be undone.

    Raises:
        NotFound: there is no such edition, or none that differs.
        KnowledgeFaults: the newest that differs does not pass under today's rules. One that is named may have faults.
        CannotLearn: training failed, by no fault of the files; they are as they were.
        FileFault: a file that cannot be read would be lost, or a copy is damaged.
        OSError: a file cannot be written. Rolling back again goes on.
    """
    history = history_of(folder)
    files = read_shop(folder, settings)
    target = history.edition(to) if to is not None else _last_other(history, files.digest)
    unread = [file for file, part in files.parts.items() if not part.digest and (folder / file).exists()]
    if unread:
        raise FileFault(f"{unread[0]} cannot be read, so it cannot be kept. Move it out of the way first")
    earlier = files_of(history, target.number, folder, settings, files.parts)
    faults = _faults(earlier, folder, settings)
    if faults and to is None:
        raise KnowledgeFaults(faults)
    kept = history.keep(folder, files.parts, "before a rollback", now, published=not files.faults)
    before = kept or history.editions()[-1]  # not kept again: the newest is the same
    history.restore(folder, target.number, files.parts)
    after = read_shop(folder, settings, files.parts)
    history.keep(folder, after.parts, f"rollback to {target.number}", now, published=not faults)
    return RolledBack(target, before, faults)


def _faults(files: Files, folder: Path, settings: Settings) -> tuple[Fault, ...]:
    """Return what keeps `files` from going live; else they are trained, so that a running shop takes them at once."""
    try:
        mind_of(files, folder, settings)
    except KnowledgeFaults as refused:
        return refused.faults
    return ()


def _last_other(history: History, digest: str) -> Edition:
    for edition in reversed(history.editions()):
        if edition.published and edition.digest != digest:
            return edition
    raise NotFound("there is no earlier edition that differs from the files. See `zhanggui knowledge history`")
