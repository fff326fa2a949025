"""What customers get, on messages that nobody trained on: floors below what was measured, on the lines nobody looked at.

The odd lines of the sets were read while bounds and words were chosen; the even lines were not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from bot.ask import Answer, ask
from bot.brain import Brain, read_mind
from bot.demo.shop import demo_settings
from bot.measure.messages import Dialogue, dialogue_of, judge_all, labels_of, read_expected
from bot.skills.turn import State
from bot.starter import starter_folder

SETS = Path(__file__).parent / "messages"
NOW = datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
T = TypeVar("T")
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
SIZES = (1000, 300, 600, 400)
EVERY_SET = pytest.mark.parametrize(("language", "size"), [(one, size) for one in ("zh", "en") for size in SIZES])


def quiet(items: Sequence[T], what: str) -> Iterable[T]:
    return items


@cache
def starter() -> Brain:
    return Brain(starter_folder(), demo_settings(), read_mind(starter_folder(), demo_settings()))


@cache
def measured(language: str, size: int) -> Dialogue:
    brain, settings = starter(), demo_settings()
    rows = read_expected(SETS / f"{language}-{size}.tsv", labels_of(brain.mind.knowledge))

    def asks(text: str) -> tuple[Answer, State]:
        return ask(brain, settings, text, None, State(), NOW)

    unseen = [row for row in rows if row.line % 2 == 0]
    return dialogue_of(judge_all(unseen, asks, brain.mind.knowledge, quiet))


def _share_of_all(language: str, share: str, of: str) -> float:
    """Return a share over all sets of a language, each weighed by how many messages it is of."""
    found = [measured(language, size) for size in SIZES]
    messages: list[int] = [getattr(one, of) for one in found]
    shares: list[float] = [getattr(one, share) for one in found]
    return sum(s * n for s, n in zip(shares, messages, strict=True)) / sum(messages)


@LANGUAGES
def test_of_all_sets_together_hardly_a_message_in_a_hundred_goes_wrong(language: str) -> None:
    assert _share_of_all(language, "wrong", "messages") <= 0.012
    assert _share_of_all(language, "automation", "in_scope") >= 0.84


@EVERY_SET
def test_most_messages_need_no_human_to_be_understood(language: str, size: int) -> None:
    found = measured(language, size)
    assert (found.automation or 0) >= 0.83
    assert (found.automation or 0) + (found.passed_on or 0) >= 0.87


@EVERY_SET
def test_hardly_anything_wrong_is_said_or_done(language: str, size: int) -> None:
    assert (measured(language, size).wrong or 0) <= 0.018


@EVERY_SET
def test_what_must_not_be_answered_is_refused(language: str, size: int) -> None:
    assert (measured(language, size).mustnot_refused or 0) >= 0.975
    assert (measured(language, size).offtopic_refused or 0) >= 0.95


@EVERY_SET
def test_a_person_wanted_or_anger_is_nearly_always_heard(language: str, size: int) -> None:
    assert (measured(language, size).handoff_right or 0) >= 0.75


@LANGUAGES
@pytest.mark.parametrize("size", [size for size in SIZES if size != 400])  # which has seven such lines
def test_of_two_wishes_both_are_often_met(language: str, size: int) -> None:
    assert (measured(language, size).both_met or 0) > 0.2


@pytest.mark.parametrize(
    "words", ["what size turkey for 12 people", "my spotify charged me twice this month", "does temu ship to brazil"]
)
def test_what_is_no_business_of_the_shop_starts_nothing(words: str) -> None:
    answer, _ = ask(starter(), demo_settings(), words, None, State(), NOW)
    assert answer.decision == "clarify" or answer.entry == "smalltalk-refusal"


@pytest.mark.parametrize(
    ("words", "entry"),
    [
        ("my bank has cancelled the card i paid with, where will the refund go", "refund-where"),
        ("can the fapiao be made out to my company rather than me", "invoice-company"),
        ("发票上公司名写错了，能重开吗", "invoice-correct"),
    ],
)
def test_a_question_for_a_rule_is_answered_and_starts_no_skill(words: str, entry: str) -> None:
    answer, _ = ask(starter(), demo_settings(), words, None, State(), NOW)
    assert (answer.decision, answer.entry) == ("answer", entry)


@LANGUAGES
def test_a_set_has_a_thousand_messages_and_a_fifth_of_them_out_of_scope(language: str) -> None:
    rows = [line.split("\t") for line in (SETS / f"{language}-1000.tsv").read_text("utf-8").splitlines()]
    assert len({text for text, *_ in rows}) == len(rows) >= 1000
    assert 0.18 <= sum(decision == "oos" for _, decision, _ in rows) / len(rows) <= 0.22
