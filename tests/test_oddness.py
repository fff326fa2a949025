"""A message that sounds like no business of the shop is acted on later, one that sounds like it, sooner."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from bot.understanding.classifier import Classifier
from bot.understanding.modelfile import read, write
from bot.understanding.ranker import LATEST, MARGINS, SOONEST, Builtin, later_by
from bot.understanding.training import train, trained

GOODS = ("coat", "scarf", "shirt", "boots", "skirt", "jumper", "hat", "belt", "dress", "vest")
WISHES = {
    "return": ("send back my", "return the", "give back this", "i do not want the"),
    "size": ("what size of", "how large is the", "will i fit the", "which size for my"),
    "track": ("where is the", "track my", "when comes the", "still no sign of my"),
}
STRANGE = ("turkey", "goldfish", "moon", "library book", "poem", "plumber", "tyre", "train", "dentist", "lottery")
SAYINGS = ("tell me of the", "what size of", "where is the", "i dreamt of a", "who cooks the", "draw me one")
ROWS = [
    *((f"{words} {good}", label) for label, ways in WISHES.items() for words, good in product(ways, GOODS)),
    *((f"{words} {thing}", "oos") for words, thing in product(SAYINGS, STRANGE)),
    *((f"{words} {thing} and steal", "must_not_answer") for words, thing in product(SAYINGS, STRANGE)),
]
TEXTS, LABELS = [text for text, _ in ROWS], [label for _, label in ROWS]


@pytest.fixture(scope="module")
def learnt() -> Classifier:
    return train(TEXTS, LABELS)


def odds(classifier: Classifier, text: str) -> float:
    told = classifier.best_and_oddness(text, 3)[1]
    assert told is not None
    return told


def test_foreign_things_sound_odd_and_the_shops_own_do_not(learnt: Classifier) -> None:
    assert odds(learnt, "what size of turkey") > 0 > odds(learnt, "what size of coat")


def test_an_odd_message_is_acted_on_later_and_a_familiar_one_sooner(learnt: Classifier) -> None:
    ranker = Builtin({"en": learnt})
    odd, familiar = (ranker.rank(text, "en").bounds for text in ("what size of plumber", "return the coat"))
    assert odd.act > MARGINS.act > familiar.act
    assert odd.lead - odd.act > MARGINS.lead - MARGINS.act  # being far ahead says less of it
    assert odd.ask == familiar.ask == MARGINS.ask
    assert "later, by how odd it sounds" in ranker.rank("what size of plumber", "en").why[0]


def test_however_odd_or_familiar_it_moves_only_so_far() -> None:
    assert (later_by(-99), later_by(99)) == (SOONEST, LATEST)


def test_nothing_is_odd_where_nothing_foreign_was_shown() -> None:
    ours = [(text, label) for text, label in ROWS if label not in ("oos", "must_not_answer")]
    classifier = train([text for text, _ in ours], [label for _, label in ours])
    assert classifier.best_and_oddness("what size of turkey", 3)[1] is None
    assert Builtin({"en": classifier}).rank("what size of turkey", "en").bounds == MARGINS


def test_it_is_kept_in_the_file_and_is_the_same_after_an_edit(learnt: Classifier, tmp_path: Path) -> None:
    _, before = trained(TEXTS[1:-1], LABELS[1:-1], None)
    again, _ = trained(TEXTS, LABELS, before)
    for classifier, name in ((learnt, "whole"), (again, "edited")):
        write(tmp_path / name, classifier)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "edited").read_bytes()
    assert odds(read(tmp_path / "whole"), "what size of turkey") == odds(learnt, "what size of turkey")
