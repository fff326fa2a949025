"""Large sets: an edit learns little and changes nothing else, and whatever was learnt before, the same comes out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.understanding import classes, features, large, learning, problems, small, training
from bot.understanding.classifier import Classifier
from bot.understanding.modelfile import write
from bot.understanding.table import Table
from bot.understanding.training import OUT_OF_SCOPE, train, trained
from bot.understanding.workings import Workings, read_workings, write_workings

Rows = tuple[list[str], list[str]]
SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]


def entries(count: int, seed: int = 0) -> Rows:
    """Return rows of made-up entries: each has words of its own among words that all use."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(1, 4))) for _ in range(2000)]
    common = [1 / (5 + place) for place in range(len(words))]
    texts, labels = [], []
    for entry in range(count):
        topic = draw.sample(words[50:], 4)
        for _ in range(draw.randint(4, 6)):
            texts.append(" ".join([*draw.sample(topic, 3), *draw.choices(words, common, k=4)]))
            labels.append(f"e{entry:04}")
    return texts, labels


def content(classifier: Classifier, folder: Path) -> bytes:
    write(folder / "some.model", classifier)
    return (folder / "some.model").read_bytes()


def weights_of(known: Workings) -> dict[str, tuple[int, bytes]]:
    return {one.label: (one.problem, bytes(one.weights)) for one in known.classes}


@pytest.fixture(params=[False, True], ids=["all rows", "some rows"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Sets that are small, or count as large: the sizes at which pools begin are made small."""
    if request.param:
        monkeypatch.setattr(problems, "ALL_UP_TO", 20)
        monkeypatch.setattr("bot.understanding.pools.ALIKE", 25)
        monkeypatch.setattr("bot.understanding.pools.SAMPLED", 20)
        monkeypatch.setattr("bot.understanding.pools.RARE", 12)
    return bool(request.param)


def edited(rows: Rows, draw: random.Random) -> Rows:
    """Return `rows` after some edit: a phrasing changed, moved, added or removed, an entry removed or added."""
    texts, labels = list(rows[0]), list(rows[1])
    place = draw.randrange(len(texts))
    kind = draw.choice(["change", "move", "add", "remove", "drop", "new"])
    if kind == "change":
        texts[place] = " ".join([*texts[place].split()[1:], draw.choice(texts).split()[0]])
    elif kind == "move":
        labels[place] = draw.choice(labels)
    elif kind == "add":
        texts.append(" ".join(draw.sample(" ".join(draw.choices(texts, k=3)).split(), 6)))
        labels.append(labels[place])
    elif kind == "remove":
        del texts[place], labels[place]
    elif kind == "drop":
        kept = [at for at, label in enumerate(labels) if label != labels[place]]
        texts, labels = [texts[at] for at in kept], [labels[at] for at in kept]
    else:
        texts += ["neuer satz eins", "neuer satz zwei", draw.choice(texts)]
        labels += [f"new{len(labels)}"] * 3
    return texts, labels


def test_after_any_edits_the_same_comes_out_as_from_nothing(size: bool, tmp_path: Path) -> None:
    draw = random.Random(7)
    rows = entries(24)
    _, known = trained(*rows, None)
    for _ in range(6):
        rows = edited(rows, draw)
        step, known = trained(*rows, known)
        assert content(step, tmp_path) == content(train(*rows), tmp_path)


def test_an_edit_that_is_taken_back_leaves_no_trace(size: bool, tmp_path: Path) -> None:
    rows = entries(24)
    first, known = trained(*rows, None)
    _, known = trained([*rows[0][:-1], "etwas ganz anderes"], rows[1], known)
    assert content(trained(*rows, known)[0], tmp_path) == content(first, tmp_path)


def relearnt(monkeypatch: pytest.MonkeyPatch, before: Rows, after: Rows) -> tuple[list[str], list[str]]:
    """Return the texts that are read, and the labels that are learnt, when `before` is edited to `after`."""
    _, known = trained(*before, None)
    read: list[str] = []
    labels: list[str] = []
    row, solved = features.row, classes.solved

    def noted_row(text: str) -> list[tuple[int, float]]:
        read.append(text)
        return row(text)

    def noted_solved(table: Table, label: str, *given: Any) -> classes.Learnt:
        labels.append(label)
        return solved(table, label, *given)

    monkeypatch.setattr(features, "row", noted_row)
    for module in (small, large):
        monkeypatch.setattr(module, "solved", noted_solved)
    trained(*after, known)
    return read, labels


def test_an_edit_in_a_large_set_learns_few_classes_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = entries(304)
    monkeypatch.setattr("bot.understanding.pools.ALIKE", 25)
    monkeypatch.setattr("bot.understanding.pools.SAMPLED", 20)
    changed = [texts[0] + " ganz", *texts[1:]]
    read, learnt = relearnt(monkeypatch, (texts, labels), (changed, labels))
    assert read == changed[:1]
    assert labels[0] in learnt
    assert len(learnt) < 60


@pytest.mark.parametrize("kind", ["added", "out of scope", "taken away"])
def test_an_edit_in_a_small_set_learns_only_classes_that_the_row_has_a_share_in(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    texts, labels = entries(120)
    added, label = f"{texts[0]} ganz", labels[0] if kind == "added" else OUT_OF_SCOPE
    after = (texts[1:], labels[1:]) if kind == "taken away" else ([*texts, added], [*labels, label])
    read, learnt = relearnt(monkeypatch, (texts, labels), after)
    assert read == ([] if kind == "taken away" else [added])
    assert labels[0] in learnt
    assert len(learnt) < 50


def test_a_class_that_loses_all_its_rows_to_another_is_gone(size: bool, tmp_path: Path) -> None:
    texts, labels = entries(24)
    _, known = trained(texts, labels, None)
    moved = ["e0001" if label == "e0000" else label for label in labels]
    step, _ = trained(texts, moved, known)
    assert "e0000" not in step.labels
    assert content(step, tmp_path) == content(train(texts, moved), tmp_path)


def test_a_set_that_outgrows_the_small_ones_and_comes_back_is_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = entries(24)
    first, known = trained(*rows, None)
    monkeypatch.setattr(problems, "ALL_UP_TO", 20)
    large_one, known = trained(*rows, known)
    assert content(large_one, tmp_path) == content(train(*rows), tmp_path)
    monkeypatch.setattr(problems, "ALL_UP_TO", 24)
    again, _ = trained(*rows, known)
    assert content(again, tmp_path) == content(first, tmp_path)


def test_wherever_the_search_starts_the_same_comes_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = entries(40)
    usual = content(train(*rows), tmp_path)
    monkeypatch.setattr(classes, "LIKELY", 3)
    assert content(train(*rows), tmp_path) == usual
    monkeypatch.setattr(small, "MANY", 1000)
    assert content(train(*rows), tmp_path) == usual


def test_the_order_of_the_rows_does_not_matter(size: bool, tmp_path: Path) -> None:
    rows = entries(24)
    mixed = list(zip(*rows, strict=True))
    random.Random(1).shuffle(mixed)
    other = train([text for text, _ in mixed], [label for _, label in mixed])
    assert content(other, tmp_path) == content(train(*rows), tmp_path)


def test_what_was_kept_is_as_good_as_what_was_never_put_down(size: bool, tmp_path: Path) -> None:
    rows = entries(24)
    _, known = trained(*rows, None)
    write_workings(tmp_path / "w", known)
    read = read_workings(tmp_path / "w")
    assert weights_of(read) == weights_of(known)
    changed = [*rows[0][:-1], "etwas ganz anderes"]
    assert content(trained(changed, rows[1], read)[0], tmp_path) == content(train(changed, rows[1]), tmp_path)


def test_entries_of_a_large_set_are_told_apart(size: bool) -> None:
    texts, labels = entries(40)
    asked = [place for place in range(1, len(labels) - 1) if labels[place - 1] == labels[place] == labels[place + 1]][
        ::9
    ]
    kept = [place for place in range(len(labels)) if place not in asked]
    classifier = train([texts[place] for place in kept], [labels[place] for place in kept])
    hits = [classifier.best(texts[place], 1)[0][0] == labels[place] for place in asked]
    assert sum(hits) / len(hits) > 0.9


def test_rows_out_of_scope_are_no_label_and_push_every_label_down(size: bool) -> None:
    texts, labels = entries(24)
    alien = ["what is the weather like", "weather tomorrow please", "is it going to rain"]
    without = train(texts, labels).best("is the weather good tomorrow", 1)[0]
    classifier = train([*texts, *alien], [*labels, *[OUT_OF_SCOPE] * 3])
    assert OUT_OF_SCOPE not in classifier.labels
    assert classifier.best("is the weather good tomorrow", 1)[0][1] < without[1]


@pytest.mark.parametrize("damage", [b"", b"[]", b"x" * 100])
def test_broken_workings_are_done_without(tmp_path: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: dict[str, tuple[Sequence[str], Sequence[str]]] = {"en": entries(5)}
    whole = learning.learn(rows, tmp_path)["en"]
    (kept,) = tmp_path.glob("*.workings")
    kept.write_bytes(damage)
    for model in tmp_path.glob("*.model"):
        model.unlink()
    again = learning.learn(rows, tmp_path)["en"]
    assert content(again, tmp_path) == content(whole, tmp_path)
    assert training._kept(kept) is not None
