"""Loads an encoder: a sentence-transformers model by name or folder, which makes vectors of unit length."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.errors import ZhangguiError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

MARK = "modules.json"
"""A folder with this file is a sentence-transformers model."""
FIRST_BYTES = 4096
"""So much of each tensor tells one model from another."""
BATCH = 64
INSTALL = "pip install 'zhanggui[semantic]'"


class CannotLoadModel(ZhangguiError):
    """The encoder of `[understanding] model` cannot be loaded. Correct the name, or name a folder that holds it."""

    code = "model"


class Encoder(Protocol):
    """Turns texts into vectors.

    Attributes:
        key: tells this model from others with other weights.
    """

    @property
    def key(self) -> str: ...

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return a row of unit length for each text. The same text alone always gives the same row."""


class SentenceEncoder:
    """A model of sentence-transformers, on the processor: the same on every machine of a shop."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.key = _key_of(model)

    def encode(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.zeros((0, 0), np.float32)
        vectors = self._model.encode(
            [whole(text) for text in texts],
            batch_size=BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, np.float32)


def whole(text: str) -> str:
    """Return `text` without halves of characters (lone surrogates), which no tokenizer takes."""
    return text.encode(errors="replace").decode()


def load_encoder(name: str, folder: Path) -> SentenceEncoder:
    """Load the model `name`: a folder (relative to `folder`, the shop's), the name of an installed package that
    carries a model, or a name of the Hugging Face hub (with HF_HUB_OFFLINE=1 only what was downloaded before).

    Weights are only taken as safetensors: the older format may run code when it is read.

    Raises:
        CannotLoadModel: there is no such model, or what it needs is not installed.
    """
    try:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise CannotLoadModel(f"the semantic engine needs more packages ({error}). Install: {INSTALL}") from error
    where = place_of(name, folder)
    disable_progress_bar()
    torch.set_num_threads(1)  # more gain little with one text, and wait for each other where processors are shared
    try:
        return SentenceEncoder(SentenceTransformer(where, device="cpu", model_kwargs={"use_safetensors": True}))
    except Exception as error:  # the loader fails in a dozen ways: no network, no file, no such architecture
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        offline = " HF_HUB_OFFLINE is set, so nothing is downloaded." if os.environ.get("HF_HUB_OFFLINE") else ""
        raise CannotLoadModel(
            f"the model {name!r} cannot be loaded from {where}: {why}.{offline} Download it where there is a network, "
            "copy its folder (with model.safetensors) to this machine, and write the folder into `[understanding] "
            'model`; or set `engine = "builtin"`'
        ) from error


def place_of(name: str, folder: Path) -> str:
    """Return where the model is: the folder, the model's folder inside an installed package, or the name itself.

    Raises:
        CannotLoadModel: the name is empty, or a folder holds no model.
    """
    if not name.strip():
        raise CannotLoadModel('`[understanding] model` is empty. Write a name or a folder, e.g. "models/bge-small-zh"')
    path = (folder / Path(name).expanduser()).resolve()
    if path.is_dir():
        if not (path / MARK).is_file() and not (path / "config.json").is_file():
            raise CannotLoadModel(f"{path} holds no model: there is neither {MARK} nor config.json in it")
        return str(path)
    if Path(name).is_absolute() or name.startswith((".", "~")):
        raise CannotLoadModel(f"there is no folder {path}. Correct `[understanding] model`")
    return _inside_package(name) or name


def _inside_package(name: str) -> str | None:
    module = name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    for root in (spec.submodule_search_locations or ()) if spec else ():
        found = sorted(Path(root).rglob(MARK), key=lambda path: (len(path.parts), path))
        if found:
            return str(found[0].parent)
    return None


def _key_of(model: Any) -> str:
    digest = blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        flat = tensor.detach().flatten()
        digest.update(flat[: FIRST_BYTES // max(flat.element_size(), 1)].float().numpy().tobytes())
    return digest.hexdigest()
