"""Every set of files that was published, in copies: what was said when, and the way back.

Below its folder lie `files/<digest>`, each content once, and `editions/<number>`: a line of JSON about the edition,
and one with its files. Nothing is written over; an edition is there whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import FileFault, NotFound
from bot.knowledge.parts import Parts, digest_of, set_digest

KEPT = 50
"""Editions that are kept, the newest."""


@dataclass(frozen=True, slots=True)
class Edition:
    """A set of files as it was at one moment.

    Attributes:
        at: when it was kept, in UTC.
        by: what made it, e.g. `files saved`, `import prices.xlsx`, `rollback to 3`.
        digest: the same for the same files.
        published: whether it passed. One that did not is kept for the one way back, after a rollback.
        changed: files that are other than in the edition before, with `+`, `~` or `-` in front.
    """

    number: int
    at: datetime
    by: str
    digest: str
    published: bool
    changed: tuple[str, ...]


class Moved(FileFault):
    """A file was written while its set was being kept. The next reading keeps it."""


@dataclass(frozen=True, slots=True)
class History:
    """The editions in the folder `place`, which is made when the first one is kept."""

    place: Path

    def editions(self) -> list[Edition]:
        """Return all, the oldest first."""
        return [edition for path in self._paths() if (edition := _edition(path)) is not None]

    def published(self) -> Edition | None:
        """Return the newest that passed."""
        return next((edition for edition in self._newest_first() if edition.published), None)

    def edition(self, number: int) -> Edition:
        """Return one.

        Raises:
            NotFound: there is none of this number.
        """
        found = _edition(self._path(number))
        if found is None:
            known = [int(path.name) for path in self._paths()]
            span = f"There are {known[0]} to {known[-1]}" if known else "There is none yet"
            raise NotFound(f"there is no edition {number}. {span}; see `zhanggui knowledge history`")
        return found

    def files(self, number: int) -> Mapping[str, str]:
        """Return file → digest of an edition.

        Raises:
            FileFault: it cannot be read.
        """
        path = self._path(number)
        found = _listed(path)
        if found is None:
            raise FileFault(f"{path} is gone or was changed. Choose another edition")
        return found

    def contents(self, number: int) -> dict[str, bytes]:
        """Return file → content of an edition.

        Raises:
            FileFault: the edition or a copy is gone or was changed.
        """
        return {file: self._content(digest) for file, digest in self.files(number).items()}

    def keep(self, folder: Path, parts: Parts, by: str, at: datetime, *, published: bool = True) -> Edition | None:
        """Keep the files of `folder` that were read into `parts`, unless the newest edition is the same.

        Raises:
            Moved: a file is another by now.
            OSError: the history cannot be written.
        """
        digest = set_digest(parts)
        files = {file: part.digest for file, part in parts.items() if part.digest}
        while True:
            last = next(self._newest_first(), None)
            if last is not None and last.digest == digest and last.published >= published:
                return None
            self._copy(folder, files)
            changed = tuple(changes(_listed(self._path(last.number)) or {}, files)) if last else ()
            edition = Edition(self._next_number(), at, by, digest, published, changed)
            if self._write(edition, files):  # else another process was quicker
                self._tidy()
                return edition

    def restore(self, folder: Path, number: int, now: Parts) -> None:
        """Make the files of `folder` those of an edition; `now` is what was read from it just before.

        Raises:
            OSError: the folder cannot be written; some files may be changed already. Restoring again goes on.
        """
        wanted = self.contents(number)
        for file, content in wanted.items():
            if file not in now or now[file].digest != digest_of(content):
                write_whole(folder / file, content)
        for file in now.keys() - wanted.keys():
            (folder / file).unlink(missing_ok=True)

    def _copy(self, folder: Path, files: Mapping[str, str]) -> None:
        place = self.place / "files"
        place.mkdir(parents=True, exist_ok=True)
        have = {path.name for path in place.iterdir()}
        new: dict[str, str] = {}
        for file, digest in files.items():
            if digest not in have and digest not in new:
                content = _read(f"{folder}/{file}")
                if digest_of(content) != digest:
                    raise Moved(f"{file} was written just now. It is kept when the set is read again")
                new[digest] = _written(f"{place}/{digest}", content)
        for path in new.values():  # all are written before the first is waited for: the disk takes them together
            _to_disk(path)
        for digest, path in new.items():
            os.replace(path, f"{place}/{digest}")  # noqa: PTH105

    def _content(self, digest: str) -> bytes:
        path = self.place / "files" / digest
        content = path.read_bytes() if path.is_file() else b""
        if digest_of(content) != digest:
            raise FileFault(f"{path} is gone or was changed. Choose another edition")
        return content

    def _write(self, edition: Edition, files: Mapping[str, str]) -> bool:
        path = self._path(edition.number)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        head = json.dumps({**asdict(edition), "at": edition.at.isoformat()}, ensure_ascii=False)
        new.write_text(f"{head}\n{json.dumps(files, ensure_ascii=False)}\n", encoding="utf-8")
        try:
            _to_disk(str(new))
            os.link(new, path)
        except FileExistsError:
            return False
        finally:
            new.unlink(missing_ok=True)
        return True

    def _tidy(self) -> None:
        """Drop what is older than the newest, and the copies that only it had."""
        old, kept = self._paths()[:-KEPT], self._paths()[-KEPT:]
        if not old:
            return
        gone = {digest for path in old for digest in (_listed(path) or {}).values()}
        used = {digest for path in kept for digest in (_listed(path) or {}).values()}
        for path in old:
            path.unlink(missing_ok=True)
        for digest in gone - used:
            (self.place / "files" / digest).unlink(missing_ok=True)

    def _newest_first(self) -> Iterator[Edition]:
        """Yield the editions that can be read."""
        return filter(None, map(_edition, reversed(self._paths())))

    def _next_number(self) -> int:
        """Return a number above all, those of editions that cannot be read too."""
        return max((int(path.name) for path in self._paths()), default=0) + 1

    def _paths(self) -> list[Path]:
        return sorted(path for path in (self.place / "editions").glob("*") if path.name.isdecimal())

    def _path(self, number: int) -> Path:
        return self.place / "editions" / f"{number:06}"


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield the files that differ, with `+` (new), `~` (changed) or `-` (gone) in front."""
    for file in sorted({*before, *after}):
        if before.get(file) != after.get(file):
            yield f"{'+' if file not in before else '-' if file not in after else '~'}{file}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        new.write_bytes(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _read(path: str) -> bytes:
    """Return a file's content, nothing if it is gone. Thousands are read one after the other."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def _written(path: str, content: bytes) -> str:
    """Write `content` beside `path`, and return where: it becomes `path` once it is on the disk."""
    new = f"{path}.{os.getpid()}.new"
    with open(new, "wb", buffering=0) as file:  # noqa: PTH123
        file.write(content)
    return new


def _to_disk(path: str) -> None:
    """Wait until a file is on the disk, so that a power failure leaves no empty one under its name."""
    with open(path, "r+b", buffering=0) as file:  # noqa: PTH123
        os.fsync(file.fileno())


def _edition(path: Path) -> Edition | None:
    with suppress(OSError, ValueError, KeyError, TypeError):  # one that cannot be read is as good as gone
        with path.open("rb") as file:
            head = json.loads(file.readline())
            if not file.read().endswith(b"}\n"):
                return None
        return Edition(**{**head, "at": datetime.fromisoformat(head["at"]), "changed": tuple(head["changed"])})
    return None


def _listed(path: Path) -> dict[str, str] | None:
    """Return file → digest of the edition in `path`, None if it cannot be read."""
    with suppress(OSError, ValueError, IndexError):
        found: dict[str, str] = json.loads(path.read_text("utf-8").split("\n")[1])
        return found
    return None
