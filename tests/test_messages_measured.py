"""A set of messages is asked as customers would, and what comes of each is judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from typer.testing import CliRunner

from bot.ask import Answer
from bot.brain import read_mind
from bot.cli import app
from bot.demo.shop import demo_settings
from bot.knowledge.entries import Knowledge
from bot.measure.dialogues import judged, with_engine
from bot.measure.messages import dialogue_of, judge_all, labels_of, read_expected
from bot.measure.rows import BadRows
from bot.measure.trial import CannotMeasure
from bot.messages import Choice
from bot.settings import Understanding
from bot.skills.turn import State
from bot.starter import starter_folder

T = TypeVar("T")


def quiet(items: Sequence[T], what: str) -> Iterable[T]:
    return items


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return read_mind(starter_folder(), demo_settings()).knowledge


def answer(decision: str, intent: str = "", entry: str | None = None, skill: str | None = None) -> Answer:
    sources = [{"id": entry, "version": "1"}] if entry else []
    return Answer("", "en", intent, 0.5, decision, entry, skill, [], "", sources, [])


OFFERED = State(offered=(Choice("label:shipping-fee", "Postage?"), Choice("label:order_status", "My parcel")))


@pytest.mark.parametrize(
    ("row", "got", "state", "kind"),
    [
        ("answer\tshipping-fee", answer("answer", "shipping-fee", "shipping-fee"), State(), "right"),
        ("answer\tshipping-fee|returns-freight", answer("answer", "", "returns-freight"), State(), "right"),
        ("answer\tshipping-fee", answer("answer", "", "returns-freight"), State(), "wrong"),
        ("answer\tshipping-fee", answer("clarify", "shipping-fee"), OFFERED, "asked"),
        ("answer\treturns-freight", answer("clarify", "shipping-fee"), OFFERED, "missed"),
        ("answer\tshipping-fee", answer("handoff", "human"), State(), "handed"),
        ("skill\tinvoice_request", answer("handoff", "invoice_request", skill="invoices"), State(), "passed"),
        ("skill\torder_status", answer("skill", "order_status", skill="orders"), State(), "right"),
        ("skill\torder_status", answer("skill", "order_cancel", skill="orders"), State(), "wrong"),
        ("handoff\thuman", answer("handoff", "human"), State(), "right"),
        ("oos\tmustnot", answer("clarify"), OFFERED, "refused"),
        ("oos\tofftopic", answer("handoff"), State(), "refused"),
        ("oos\tmustnot", answer("answer", "", "shipping-fee"), State(), "wrong"),
    ],
)
def test_every_outcome_is_judged(
    tmp_path: Path, knowledge: Knowledge, row: str, got: Answer, state: State, kind: str
) -> None:
    (tmp_path / "rows.tsv").write_text(f"some words\t{row}\n")
    rows = read_expected(tmp_path / "rows.tsv", labels_of(knowledge))
    (verdict,) = judge_all(rows, lambda text: (got, state), knowledge, quiet)
    assert verdict.kind == kind


def test_of_two_wishes_one_met_is_right_and_both_are_counted(tmp_path: Path, knowledge: Knowledge) -> None:
    (tmp_path / "rows.tsv").write_text("two things\tanswer|skill\treturn_request+returns-freight\n")
    rows = read_expected(tmp_path / "rows.tsv", labels_of(knowledge))
    one = judge_all(rows, lambda _: (answer("answer", "", "returns-freight"), State()), knowledge, quiet)
    two = answer("skill", "return_request", "returns-freight", "returns")
    both = judge_all(rows, lambda _: (two, State()), knowledge, quiet)
    assert [dialogue_of(v).right_at_once for v in (one, both)] == [1.0, 1.0]
    assert [dialogue_of(v).both_met for v in (one, both)] == [0.0, 1.0]


def test_shares_are_of_the_right_messages(tmp_path: Path, knowledge: Knowledge) -> None:
    lines = ["a\tanswer\tshipping-fee", "b\tanswer\tshipping-fee", "c\thandoff\thuman", "d\toos\tmustnot"]
    (tmp_path / "rows.tsv").write_text("\n".join(lines))
    rows = read_expected(tmp_path / "rows.tsv", labels_of(knowledge))
    said = {
        "a": answer("answer", "", "shipping-fee"),
        "b": answer("clarify"),
        "c": answer("handoff"),
        "d": answer("answer", "", "shipping-fee"),
    }
    figures = dialogue_of(judge_all(rows, lambda text: (said[text], OFFERED), knowledge, quiet))
    assert (figures.messages, figures.in_scope) == (4, 2)
    assert (figures.automation, figures.right_at_once, figures.asked_back) == (1.0, 0.5, 0.5)
    assert (figures.wrong, figures.mustnot_refused, figures.handoff_right) == (0.25, 0.0, 1.0)
    assert figures.offtopic_refused is None


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("hi\treply\tgreeting", r":1: `reply` is no decision. Write one of answer"),
        ("hi\tanswer\tshiping-fee", r":1: `shiping-fee` is neither an entry nor an intent"),
        ("hi\toos\tweather", r":1: `weather` is no target of `oos`. Write offtopic or mustnot"),
        ("hi\tanswer", r":1: a tab is missing. Write text, a tab, decision, a tab, target"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, knowledge: Knowledge, row: str, told: str) -> None:
    (tmp_path / "rows.tsv").write_text(row)
    with pytest.raises(BadRows, match=told):
        read_expected(tmp_path / "rows.tsv", labels_of(knowledge))


def test_the_command_asks_the_shop_and_lists_what_went_wrong(tmp_path: Path) -> None:
    lines = ["包邮吗\tanswer\tshipping-fee", "包邮吗\tanswer\treturns-freight", "转人工\thandoff\thuman"]
    (tmp_path / "rows.tsv").write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(app, ["nlu", "messages", str(tmp_path / "rows.tsv"), "--wrong", "--json"])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["automation"] == 0.5
    assert figures["handoff_right"] == 1.0
    assert [(row["line"], row["kind"]) for row in figures["listed"]] == [(2, "wrong")]


def test_several_engines_are_told_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("包邮吗\tanswer\tshipping-fee\n", encoding="utf-8")
    twice = ["--engine", "builtin", "--engine", "builtin"]
    done = CliRunner().invoke(app, ["nlu", "messages", str(tmp_path / "rows.tsv"), *twice, "--json"])
    assert done.exit_code == 0, done.output
    assert [(one["engine"], one["automation"]) for one in json.loads(done.stdout)] == [("builtin", 1.0)] * 2


def test_figures_of_another_engine_are_never_told_as_rasas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASA_TEST_TOKEN", "t0ken")
    (tmp_path / "rows.tsv").write_text("包邮吗\tanswer\tshipping-fee\n转人工\thandoff\thuman\n", encoding="utf-8")
    nobody = {"rasa_url": {"zh": "http://127.0.0.1:9"}, "rasa_token": {"env": "RASA_TEST_TOKEN"}}
    settings = demo_settings().model_copy(update={"understanding": Understanding.model_validate(nobody)})
    with pytest.raises(CannotMeasure, match=r"Rasa did not answer 2 of 2 messages: rasa: it cannot be reached"):
        judged(tmp_path / "rows.tsv", "", starter_folder(), with_engine(settings, "rasa"), quiet)


def test_no_dialogue_is_measured_with_an_engine_that_no_shop_has(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("包邮吗\tanswer\tshipping-fee\n", encoding="utf-8")
    assert (
        CliRunner().invoke(app, ["nlu", "messages", str(tmp_path / "rows.tsv"), "--engine", "encoder"]).exit_code == 2
    )
