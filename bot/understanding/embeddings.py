"""Keeps vectors of texts on disk, so that a change of one phrasing encodes one phrasing. Plain arrays, no pickle."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile

if TYPE_CHECKING:
    from bot.understanding.encoder import Encoder, Vectors

MOST = 200_000
"""So many texts are kept for one model, the last used ones; at 384 numbers each that is 150 MB as halves."""
DIGEST_BYTES = 16
STEP = 256
"""Texts encoded at once."""


def encoded(texts: Sequence[str], encoder: Encoder, folder: Path) -> Vectors:
    """Return a row for each text; those encoded before are taken from the file of this model in `folder`.

    Vectors are kept and returned with the precision of 16 bits, so that it makes no difference where they come from.
    """
    import numpy as np

    path = folder / f"{encoder.key}.vectors.npz"
    known = _read(path)
    digests = [_digest(text) for text in texts]
    fresh = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in known}
    for step in _steps(list(fresh)):
        rows = encoder.encode([fresh[digest] for digest in step]).astype(np.float16)
        known.update(zip(step, rows, strict=True))
    if fresh:
        used = dict.fromkeys(digests)
        _write(path, {d: known[d] for d in (*used, *(d for d in known if d not in used))})
    return np.array([known[digest] for digest in digests], np.float32)


def _steps(digests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(digests), STEP):
        yield digests[start : start + STEP]


def _digest(text: str) -> bytes:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()


def _read(path: Path) -> dict[bytes, Vectors]:
    """Return digest → vector; nothing if there is no file or a broken one."""
    import numpy as np

    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            digests, vectors = file["digests"], file["vectors"]
        return dict(zip((row.tobytes() for row in digests), vectors, strict=True))
    except (OSError, ValueError, KeyError, BadZipFile, EOFError):
        return {}


def _write(path: Path, known: dict[bytes, Vectors]) -> None:
    import numpy as np

    kept = list(known)[:MOST]
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(OSError):  # where nothing can be written, texts are encoded each time
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("wb") as file:
            digests = np.frombuffer(b"".join(kept), np.uint8).reshape(len(kept), DIGEST_BYTES)
            np.savez(file, digests=digests, vectors=np.array([known[digest] for digest in kept], np.float16))
        new.replace(path)
