"""Training is done once by another process; what was learnt is kept, and a broken file of it does no harm."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from bot.brain import models_folder
from bot.understanding import learning
from bot.understanding.classifier import Classifier
from bot.understanding.features import key_of
from bot.understanding.learning import KEPT, CannotLearn, NothingToLearn, learn
from bot.understanding.modelfile import read, write
from bot.understanding.training import train

TEXTS = ["where is my parcel", "track my order", "send it back", "i want a refund", "hello there", "good morning"]
LABELS = ["order", "order", "return", "return", "greet", "greet"]
ROWS = {"en": (TEXTS, LABELS)}


def of_one(folder: Path) -> Classifier:
    return learn(ROWS, folder)["en"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one trained model."""
    folder = tmp_path_factory.mktemp("models")
    of_one(folder)
    return folder


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was trained")

    monkeypatch.setattr(subprocess, "run", refuse)


def test_a_process_of_its_own_learns_what_training_here_would(trained: Path) -> None:
    here, there = train(TEXTS, LABELS), of_one(trained)
    for text in (*TEXTS, "my parcel is not here", "我的包裹", ""):
        assert there.margins(text) == here.margins(text)
    assert there.margins("where is my order")[0][0] == "order"


def test_the_same_phrasings_are_trained_once(trained: Path, no_process: None) -> None:
    assert of_one(trained).margins("refund")[0][0] == "return"


def test_other_phrasings_are_trained_anew(trained: Path, no_process: None) -> None:
    with pytest.raises(AssertionError, match="something was trained"):
        learn({"en": ([*TEXTS[:-1], "good evening"], LABELS)}, trained)
    with pytest.raises(AssertionError, match="something was trained"):
        learn({"en": (TEXTS, ["order", "return", *LABELS[2:]])}, trained)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:7],
        lambda data: data[: len(data) // 2],
        lambda data: data + b" " * 8,
        lambda data: (2**40).to_bytes(8, "little") + data[8:],
        lambda data: data[:8] + b"[]" + b" " * (int.from_bytes(data[:8], "little") - 2) + data[-8:],
        lambda data: data.replace(b'"labels"', b'"lapels"'),
        lambda data: data.replace(b'"weights": ["b"', b'"weights": ["?!"'),
        lambda data: re.sub(rb'"keys": \["(.)", ', rb'"keys": ["\1", 1', data),
    ],
)
def test_a_broken_file_is_no_model(trained: Path, tmp_path: Path, damage: object) -> None:
    (whole,) = trained.glob("*.model")
    broken = tmp_path / whole.name
    broken.write_bytes(damage(whole.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ValueError):
        read(broken)


def test_a_broken_file_is_trained_over(trained: Path, tmp_path: Path) -> None:
    (whole,) = trained.glob("*.model")
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:1000])
    assert of_one(tmp_path).margins("refund") == of_one(trained).margins("refund")
    assert (tmp_path / whole.name).read_bytes() == whole.read_bytes()


def test_a_folder_that_cannot_be_written_is_done_without(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert of_one(tmp_path / "file" / "models").margins("refund") == of_one(trained).margins("refund")


def test_phrasings_without_a_word_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingToLearn, match="no phrasing holds a word"):
        learn({"en": (["?", "!", "…"], ["a", "b", "c"])}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_training_that_is_killed_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(CannotLearn, match="ended with status 1"):
        of_one(tmp_path)


def test_the_models_used_last_are_kept(trained: Path, tmp_path: Path) -> None:
    for age_s in range(KEPT + 3):
        old = tmp_path / f"{age_s}.model"
        old.write_bytes(b"")
        os.utime(old, (1_000_000 - age_s, 1_000_000 - age_s))
    of_one(tmp_path)
    names = {path.name for path in tmp_path.glob("*.model")}
    assert len(names) == KEPT
    assert len(list(tmp_path.glob("*.workings"))) == 1
    assert "0.model" in names
    assert f"{KEPT}.model" not in names


def test_models_that_another_process_deletes_meanwhile_trouble_nobody(trained: Path, tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        (tmp_path / f"{number}.model").symlink_to(tmp_path / "gone")
    (tmp_path / "folder.model").mkdir()
    os.utime(tmp_path / "folder.model", (1, 1))
    assert of_one(tmp_path).margins("refund") == of_one(trained).margins("refund")
    assert len(list(tmp_path.glob("*.model"))) == KEPT


def test_more_labels_than_a_byte_counts_are_told_apart(tmp_path: Path) -> None:
    words = ["".join(pair) * 2 for pair in product("bcdfghjklmnpqrstv", repeat=2)]
    write(tmp_path / "many.model", train([*words, *words], [*words, *words]))
    assert len(words) > 256
    assert [read(tmp_path / "many.model").margins(word)[0][0] for word in words] == words


def test_the_key_of_an_n_gram_is_the_same_in_every_process() -> None:
    assert key_of("w:退货") == 18343604509578523864


def test_what_another_shop_has_learnt_is_taken_over(trained: Path, tmp_path: Path, no_process: None) -> None:
    own = learn(ROWS, tmp_path / "own", trained)["en"]
    assert own.margins("refund") == of_one(trained).margins("refund")
    assert [path.suffix for path in (tmp_path / "own").iterdir()] == [".model"]


def test_what_was_learnt_is_left_for_others(tmp_path: Path) -> None:
    learn(ROWS, tmp_path / "own", tmp_path / "shared")
    assert [path.suffix for path in (tmp_path / "shared").iterdir()] == [".model"]


def test_models_lie_with_the_data_of_a_shop_or_in_the_cache_of_the_user(tmp_path: Path) -> None:
    assert models_folder(tmp_path, {"XDG_CACHE_HOME": "/cache"}) == Path("/cache/zhanggui/models")
    (tmp_path / "data").mkdir()
    assert models_folder(tmp_path, {}) == tmp_path / "data" / "models"


def test_a_process_that_answers_loads_no_numerical_library(trained: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from bot.understanding.learning import learn;"
        f"assert learn({ROWS!r}, Path({str(trained)!r}))['en'].margins('refund');"
        "import bot.brain; print([name for name in ('numpy', 'scipy', 'sklearn') if name in sys.modules])"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=path).stdout == b"[]\n"


def test_a_change_of_the_code_makes_old_models_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(Path(learning.__file__).parent, tmp_path / "code")
    before = learning._digest(ROWS["en"])
    monkeypatch.setattr(learning, "__file__", str(tmp_path / "code" / "learning.py"))
    assert learning._digest(ROWS["en"]) == before
    with (tmp_path / "code" / "lexicon.py").open("a") as source:
        source.write("# changed\n")
    assert learning._digest(ROWS["en"]) != before
