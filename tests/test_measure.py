"""What is measured can be checked by hand; files that do not pass are told with their lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.commands.compared import print_compared
from bot.commands.progress import steps
from bot.measure.evaluation import Plan, cross_validate, evaluate
from bot.measure.folds import plain_folds, rejection_folds
from bot.measure.retrieval import changed, retrieve
from bot.measure.rows import BadRows, Row, check_trainable, read_labelled
from bot.measure.scores import (
    Outcome,
    auroc,
    best_threshold,
    confusions,
    in_scope_accuracy,
    macro_f1,
    percentile,
    rejection,
)

T = TypeVar("T")
ROWS: list[Row] = [
    *((f"where is my parcel {word}", "parcel") for word in ("now", "today", "please", "please tell")),
    *((f"i want a refund {word}", "refund") for word in ("now", "today", "please", "please tell")),
    *((f"are you open {word}", "hours") for word in ("now", "today", "please", "please tell")),
    *((f"which size fits me {word}", "size") for word in ("now", "today", "please", "please tell")),
]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def quiet(items: Sequence[T], what: str) -> Iterable[T]:
    return items


def file_of(folder: Path, rows: Iterable[tuple[str, ...]], name: str = "rows.tsv") -> Path:
    path = folder / name
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


@dataclass
class SharedWords:
    """An engine: the share of a text's words that the label's texts have. Notes what it was trained on."""

    seen: list[list[Row]]

    def train(self, rows: Sequence[Row]) -> LearntWords:
        self.seen.append(list(rows))
        words: dict[str, set[str]] = {}
        for text, label in rows:
            words.setdefault(label, set()).update(text.split())
        words.pop("oos", None)
        return LearntWords(words)


@dataclass
class LearntWords:
    words: dict[str, set[str]]
    train_s: float = 2.0
    rss_mb: float | None = 10.0
    model_mb: float = 1.0

    def rank(self, text: str) -> list[tuple[str, float]]:
        said = set(text.split())
        return sorted(((label, len(said & own) / len(said)) for label, own in self.words.items()), key=lambda s: -s[1])

    def close(self) -> None:
        self.words = {}


# --- scores --------------------------------------------------------------------------------------------------------
OUTCOMES = [
    Outcome("a", "x", "x", 0.9),
    Outcome("b", "x", "y", 0.4),
    Outcome("c", "y", "y", 0.8),
    Outcome("d", "y", "y", 0.3),
    Outcome("e", "oos", "x", 0.5),
    Outcome("f", "oos", "y", 0.1),
]


def test_accuracy_counts_only_what_is_in_scope() -> None:
    assert in_scope_accuracy(OUTCOMES) == 3 / 4


def test_macro_f1_is_the_mean_of_the_labels_not_of_the_rows() -> None:
    assert macro_f1(OUTCOMES) == pytest.approx((2 / 3 + 4 / 5) / 2)


def test_refusing_is_measured_on_all_rows() -> None:
    refused = rejection(OUTCOMES, 0.6)
    assert (refused.accuracy, refused.oos_recall, refused.oos_precision) == (4 / 6, 1.0, 2 / 4)


def test_the_threshold_lies_where_most_is_answered_rightly_and_refused_rightly() -> None:
    threshold = best_threshold(OUTCOMES)
    assert threshold is not None
    assert 0.5 < threshold < 0.8


def test_the_threshold_does_not_depend_on_how_many_are_out_of_scope() -> None:
    assert best_threshold([*OUTCOMES, *OUTCOMES[4:] * 5]) == best_threshold(OUTCOMES)


def test_without_anything_out_of_scope_there_is_no_threshold_and_no_auroc() -> None:
    assert best_threshold(OUTCOMES[:4]) is None
    assert auroc(OUTCOMES[:4]) is None


def test_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auroc(OUTCOMES) == 6 / 8


def test_equal_scores_count_half() -> None:
    assert auroc([Outcome("a", "x", "x", 0.5), Outcome("b", "oos", "x", 0.5)]) == 0.5


def test_the_worst_pairs_come_first_with_examples() -> None:
    wrong = [Outcome(str(n), "x", "y", 0.0) for n in range(5)]
    first, second = confusions([*wrong, Outcome("z", "y", "x", 0.0), *OUTCOMES[:1]], 9)
    assert (first.label, first.taken_for, first.count, first.examples) == ("x", "y", 5, ("0", "1", "2"))
    assert second.count == 1


def test_a_percentile_is_one_of_the_values() -> None:
    assert [percentile([3, 1, 2, 4], percent) for percent in (0, 25, 50, 95, 100)] == [1, 1, 2, 4, 4]


# --- folds ---------------------------------------------------------------------------------------------------------
def test_every_row_is_asked_once_and_never_of_who_was_trained_on_it() -> None:
    folds = list(plain_folds(ROWS, 4, seed=1))
    assert sorted(row for fold in folds for row in fold.ask) == sorted(ROWS)
    assert all(not set(fold.ask) & set(fold.train) for fold in folds)


def test_a_label_with_one_row_is_only_trained_on() -> None:
    lone = ("the only one", "lone")
    folds = list(plain_folds([*ROWS, lone], 3, seed=1))
    assert all(lone in fold.train and lone not in fold.ask for fold in folds)


def test_labels_that_are_kept_back_are_never_trained_on() -> None:
    for fold in rejection_folds(ROWS, 3, seed=1):
        held = {text for text, label in fold.ask if label == "oos"}
        assert len(held) == 4
        assert not held & {text for text, _ in fold.train}


def test_rows_out_of_scope_serve_where_there_are_enough() -> None:
    outside = [(f"strange {n}", "oos") for n in range(20)]
    folds = list(rejection_folds([*ROWS, *outside], 4, seed=1))
    assert sorted(row for fold in folds for row in fold.ask) == sorted([*ROWS, *outside])


# --- engines -------------------------------------------------------------------------------------------------------
def test_the_threshold_is_chosen_without_the_test_rows() -> None:
    seen: list[list[Row]] = []
    test = [("my parcel please", "parcel"), ("tell me a joke", "oos")]
    measured = evaluate("words", SharedWords(seen), ROWS, test, Plan(threshold_runs=2), quiet)
    other = evaluate("words", SharedWords([]), ROWS, [("a joke", "oos")], Plan(threshold_runs=2), quiet)
    assert len(seen) == 3
    assert not {row for rows in seen for row in rows} & set(test)
    assert measured.threshold == other.threshold
    assert (measured.in_scope_accuracy, measured.oos_recall, measured.outside) == (1.0, 1.0, "rows")


def test_cross_validation_needs_no_test_rows() -> None:
    measured = cross_validate("words", SharedWords([]), ROWS, 2, Plan(threshold_runs=1), quiet)
    assert (measured.test_rows, measured.in_scope_accuracy, measured.train_s) == (len(ROWS), 1.0, 2.0)
    assert measured.outside == "held-out labels"
    assert measured.auroc == 1.0


def test_retrieval_counts_the_place_of_the_right_entry() -> None:
    entries = [("how much is postage", "fee"), ("when does it ship", "time"), ("is it warm", "warm")]
    questions = [("how much is it", "fee"), ("how is it", "warm"), ("when", "time")]
    measured = retrieve("words", SharedWords([]).train(entries), entries, questions, quiet)
    assert measured.recall_at_1 == pytest.approx(2 / 3)
    assert measured.recall_at_5 == 1.0
    assert measured.mrr == pytest.approx((1 + 1 / 2 + 1) / 3)


def test_one_phrasing_changes_in_an_edit() -> None:
    assert sum(old != new for old, new in zip(ROWS, changed(ROWS), strict=True)) == 1


# --- several engines -----------------------------------------------------------------------------------------------
def figures(engine: str, **costs: float | None) -> dict[str, Any]:
    return {"engine": engine, "in_scope_accuracy": 0.5, "confusions": []} | costs


THREE = [
    figures("builtin", train_s=0.9, messages_per_s=1200.0, peak_rss_mb=None),
    figures("semantic", train_s=18.0, messages_per_s=60.0, peak_rss_mb=500.0),
    figures("rasa", train_s=99.0, messages_per_s=60.0, peak_rss_mb=900.0),
]


def test_costs_are_told_as_ratios_to_rasa_where_it_took_part(capsys: pytest.CaptureFixture[str]) -> None:
    print_compared(THREE, as_json=True)
    builtin, semantic, rasa = json.loads(capsys.readouterr().out)
    assert builtin["ratios"] == pytest.approx({"train_s": 1 / 110, "messages_per_s": 20.0})
    assert semantic["ratios"] == pytest.approx({"train_s": 1 / 5.5, "messages_per_s": 1.0, "peak_rss_mb": 5 / 9})
    assert rasa["ratios"] == {}


def test_without_rasa_the_first_engine_is_what_others_are_compared_with(capsys: pytest.CaptureFixture[str]) -> None:
    print_compared(THREE[:2], as_json=True)
    builtin, semantic = json.loads(capsys.readouterr().out)
    assert builtin["ratios"] == {}
    assert semantic["ratios"] == pytest.approx({"train_s": 20.0, "messages_per_s": 1 / 20})


def test_the_table_says_how_many_times_less_or_more(capsys: pytest.CaptureFixture[str]) -> None:
    print_compared(THREE, as_json=False)
    table = capsys.readouterr().out
    assert all(shown in table for shown in ("builtin", "semantic", "rasa", "0.9 (÷ 110)", "1200 (× 20)", "50.0 %", "–"))
    assert "confusions" not in table


def test_one_engine_alone_has_no_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    print_compared(THREE[:1], as_json=True)
    assert json.loads(capsys.readouterr().out) == THREE[0]


def test_training_is_told_part_by_part_and_every_fifth_of_a_part(capsys: pytest.CaptureFixture[str]) -> None:
    tell = steps("rasa")
    for percent in range(0, 101, 5):
        tell("DIETClassifier", percent)
    tell("ResponseSelector", 0)
    said = capsys.readouterr().err.split("\n")[:-1]
    assert said == [*(f"rasa: DIETClassifier {n} %" for n in range(0, 101, 20)), "rasa: ResponseSelector 0 %"]


# --- files ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"good\tx\nno tab here\n", ":2: there is no tab"),
        (b"good\tx\n\tx\n", ":2: the text is empty"),
        (b"good\tx\n\ngood\t\n", ":3: the label is empty"),
        (b"good\tx\na\tb\tc\n", ":2: there is a tab too many"),
        ("good\tx\n退货\tx\n".encode("gbk"), ":2: byte 7 is not UTF-8"),
        (b"", "there is no row in it"),
    ],
)
def test_a_bad_file_is_told_with_its_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes(content)
    with pytest.raises(BadRows) as refused:
        read_labelled(path)
    assert told in str(refused.value)


def test_at_most_twenty_faults_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadRows, match="and 30 more"):
        read_labelled(file_of(tmp_path, [("no tab",)] * 50))


@pytest.mark.parametrize("rows", [[("a", "x"), ("b", "y")], [("a", "x"), ("b", "y"), ("c", "oos")]])
def test_too_few_labels_are_refused(tmp_path: Path, rows: list[Row]) -> None:
    path = file_of(tmp_path, rows)
    with pytest.raises(BadRows, match="too few labels"):
        check_trainable(path, read_labelled(path))


def test_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_bytes("\ufeff退货\treturn\r\n".encode())
    assert read_labelled(path) == (("退货", "return"),)


def test_rasa_yaml_is_read_and_its_faults_have_lines(tmp_path: Path) -> None:
    path = tmp_path / "nlu.yml"
    path.write_text("nlu:\n- intent: size\n  examples: |\n    - size for [170cm](height)\n", encoding="utf-8")
    assert read_labelled(path) == (("size for 170cm", "size"),)
    path.write_text("nlu:\n- intent: size\n  examples: |\n    no dash\n", encoding="utf-8")
    with pytest.raises(BadRows, match=r"nlu.yml:4: an example of `size`"):
        read_labelled(path)


# --- commands ------------------------------------------------------------------------------------------------------
def test_evaluate_prints_what_scripts_depend_on(tmp_path: Path) -> None:
    test = file_of(tmp_path, [("where is my parcel", "parcel"), ("sing me a song", "oos")], "test.tsv")
    done = run("nlu", "evaluate", "--train", file_of(tmp_path, ROWS), "--test", test, "--json")
    assert done.exit_code == 0, done.output
    measured = json.loads(done.stdout)
    wanted = {
        *("in_scope_accuracy", "macro_f1", "accuracy_with_rejection", "oos_recall", "oos_precision", "threshold"),
        *("auroc", "train_s", "p50_ms", "p95_ms", "messages_per_s", "peak_rss_mb", "model_mb", "confusions"),
    }
    assert wanted <= measured.keys()
    assert measured["in_scope_accuracy"] == 1.0
    assert "builtin: in_scope_accuracy 100.0 %" in done.stderr
    assert 5 < measured["peak_rss_mb"] < 150
    assert measured["p50_ms"] < 100


def test_knowledge_evaluate_prints_what_scripts_depend_on(tmp_path: Path) -> None:
    entries = file_of(tmp_path, [(label, text) for text, label in ROWS])
    questions = file_of(tmp_path, [("my parcel", "parcel"), ("the refund", "refund")], "questions.tsv")
    done = run("knowledge", "evaluate", "--entries", entries, "--questions", questions, "--json")
    assert done.exit_code == 0, done.output
    measured = json.loads(done.stdout)
    assert (measured["recall_at_1"], measured["recall_at_5"], measured["mrr"]) == (1.0, 1.0, 1.0)
    assert measured["start_s"] > 0
    assert {"p50_ms", "p95_ms", "build_s", "edit_s", "peak_rss_mb"} <= measured.keys()


def test_a_question_of_an_unknown_entry_is_refused(tmp_path: Path) -> None:
    entries = file_of(tmp_path, [(label, text) for text, label in ROWS])
    questions = file_of(tmp_path, [("my parcel", "parcels")], "questions.tsv")
    done = run("knowledge", "evaluate", "--entries", entries, "--questions", questions)
    assert "there is no entry `parcels`" in str(done.exception)


def test_either_a_test_file_or_cross_validation_is_wanted(tmp_path: Path) -> None:
    assert run("nlu", "evaluate", "--train", file_of(tmp_path, ROWS)).exit_code == 2


def test_train_tells_what_came_of_the_shops_own_phrasings() -> None:
    done = run("nlu", "train", "--json")
    assert done.exit_code == 0, done.output
    languages = {row["language"]: row for row in json.loads(done.stdout)}
    assert set(languages) == {"zh", "en"}
    assert all(row["rows"] > row["labels"] > 50 for row in languages.values())
    assert all(row["train_s"] > 0 and row["model_mb"] > 0 and row["ask"] < row["act"] for row in languages.values())
    assert "the bot acts" in languages["zh"]["explained"]
