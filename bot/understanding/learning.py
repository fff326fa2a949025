"""Keeps what was learnt: a set of phrasings is trained once, by a process of its own, and mapped ever after."""

from __future__ import annotations

import json
import os
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
TIMEOUT_S = 1800


class CannotLearn(ZhangguiError):
    """Training failed. Look at the lines above, free memory if it is short, and start again."""

    code = "training"


def learn(rows: Mapping[str, Rows], folder: Path) -> dict[str, Classifier]:
    """Return a classifier for each key of `rows`, from files in `folder` as far as they are there. May take seconds.

    Args:
        folder: made if it is missing. Where nothing can be written, training is repeated each time.

    Raises:
        CannotLearn: the phrasings hold no words, or the process that trains did not end well.
    """
    names = {key: f"{_digest(own)}.model" for key, own in rows.items()}
    known = {key: classifier for key, name in names.items() if (classifier := _kept(folder / name))}
    missing = [key for key in rows if key not in known]
    if missing:
        with _writable(folder) as place:
            _train({place / names[key]: rows[key] for key in missing})
            known |= {key: read(place / names[key]) for key in missing}
    return {key: known[key] for key in rows}


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
    digest = blake2b(digest_size=16)
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(json.dumps([sys.byteorder, *rows]).encode())
    return digest.hexdigest()


def _kept(path: Path) -> Classifier | None:
    """Return the classifier in the file, None if there is none or a broken one."""
    try:
        classifier = read(path)
    except (OSError, ValueError):
        return None
    with suppress(OSError):  # a folder that is only read
        os.utime(path)
    return classifier


def _train(wanted: Mapping[Path, Rows]) -> None:
    """Run the process that trains and writes the files.

    Raises:
        CannotLearn: it did not end well.
    """
    jobs = [{"path": str(path), "texts": texts, "labels": labels} for path, (texts, labels) in wanted.items()]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "bot.understanding.training"],
            input=json.dumps(jobs).encode(),
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    except subprocess.TimeoutExpired as error:
        raise CannotLearn(f"training did not end within {TIMEOUT_S} s; start again") from error
    if done.returncode == BAD_PHRASINGS:
        raise CannotLearn(done.stdout.decode())
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise CannotLearn(f"training ended with status {done.returncode}: {lines[-1]}")


def _tidy(folder: Path) -> None:
    """Delete all but the files used last."""
    by_age = sorted(folder.glob("*.model"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[KEPT:]:
        path.unlink(missing_ok=True)
