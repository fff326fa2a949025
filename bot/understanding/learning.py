"""Keeps what was learnt: a set of phrasings is trained once, by a process of its own, and mapped ever after."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from bot.errors import ZhangguiError
from bot.understanding.classifier import Classifier
from bot.understanding.modelfile import read
from bot.understanding.training import BAD_PHRASINGS

Rows = tuple[Sequence[str], Sequence[str]]
"""Parallel texts and labels."""
KEPT = 12
"""Files that stay in a folder, the last used ones: going back to an earlier state of the knowledge is quick."""
KEPT_WORKINGS = 4
"""The same of what training builds on: one file a language, and those of a version before."""
TIMEOUT_S = 1800
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Numbers come out the same however many processors there are; the work is spread by classes."""


class NothingToLearn(ZhangguiError):
    """The phrasings of a language hold no words. Write phrasings in words."""

    code = "training"


class CannotLearn(ZhangguiError):
    """Training failed. Look at the lines above, free memory if it is short, and start again."""

    code = "training"


def learn(rows: Mapping[str, Rows], folder: Path, shared: Path | None = None) -> dict[str, Classifier]:
    """Return a classifier for each key of `rows`, from files in `folder` as far as they are there. May take seconds.

    Args:
        folder: made if it is missing. Where nothing can be written, training is repeated each time.
        shared: where others put what they have learnt, so that a new shop with the starter set need not learn it again.

    Raises:
        NothingToLearn: the phrasings hold no words.
        CannotLearn: the process that trains did not end well.
    """
    names = {key: f"{_digest(own)}.model" for key, own in rows.items()}
    if shared is not None and shared != folder:
        for name in names.values():
            _copy(shared / name, folder / name)
    known = {key: classifier for key, name in names.items() if (classifier := _kept(folder / name))}
    missing = [key for key in rows if key not in known]
    if missing:
        with _writable(folder) as place:
            _train({key: (place / names[key], rows[key]) for key in missing}, place)
            known |= {key: read(place / names[key]) for key in missing}
            if shared is not None and shared != folder:
                for key in missing:
                    _copy(place / names[key], shared / names[key])
                _tidy(shared)
    return {key: known[key] for key in rows}


def _copy(source: Path, target: Path) -> None:
    """Copy a file where there is none, if that can be done; nobody ever sees half of it."""
    if target.exists() or not source.is_file():
        return
    new = target.with_name(f"{target.name}.{os.getpid()}.new")
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, new)
        new.replace(target)
    new.unlink(missing_ok=True)


@contextmanager
def _writable(folder: Path) -> Iterator[Path]:
    """Yield `folder`, or a passing one where it cannot be written: a mapped file outlives its name."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        yield folder
        _tidy(folder)
    else:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as passing:
            yield Path(passing)


def _digest(rows: Rows) -> str:
    """Return a name for what comes of `rows`: the same phrasings under the same code on the same kind of machine."""
    digest = _code()
    digest.update(json.dumps(rows).encode())
    return digest.hexdigest()


def _code() -> blake2b:
    """Return the digest of the code that learns and of the kind of machine."""
    digest = blake2b(sys.byteorder.encode(), digest_size=16)
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *here.glob("words/*.txt")]):
        digest.update(source.read_bytes())
    return digest


def _kept(path: Path) -> Classifier | None:
    """Return the classifier in the file, None if there is none or a broken one."""
    try:
        classifier = read(path)
    except (OSError, ValueError):
        return None
    with suppress(OSError):  # a folder that is only read
        os.utime(path)
    return classifier


def _train(wanted: Mapping[str, tuple[Path, Rows]], place: Path) -> None:
    """Run the process that trains and writes the files. What it can use of the last time lies in `place` by key.

    Raises:
        NothingToLearn: it found no words.
        CannotLearn: it did not end well.
    """
    code = _code().hexdigest()
    jobs = [
        {"path": str(path), "texts": texts, "labels": labels, "workings": str(place / f"{key}.{code}.workings")}
        for key, (path, (texts, labels)) in wanted.items()
    ]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot.understanding.training"],
            input=json.dumps(jobs).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired as error:
        raise CannotLearn(f"training did not end within {TIMEOUT_S} s; start again") from error
    if done.returncode == BAD_PHRASINGS:
        raise NothingToLearn(done.stdout.decode())
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise CannotLearn(f"training ended with status {done.returncode}: {lines[-1]}")


def _tidy(folder: Path) -> None:
    """Delete all but the files used last."""
    for pattern, count in (("*.model", KEPT), ("*.workings", KEPT_WORKINGS)):
        keep_last_used(folder, pattern, count)


def keep_last_used(folder: Path, pattern: str, count: int) -> None:
    """Delete all but the `count` files of `pattern` that were used last. Other processes may delete some meanwhile."""
    by_age = sorted(folder.glob(pattern), key=_used_at, reverse=True)
    for path in by_age[count:]:
        with suppress(OSError):
            path.unlink()


def _used_at(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0
