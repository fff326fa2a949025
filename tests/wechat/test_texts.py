"""Cutting long texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Choice
from connectors.wechat.texts import parts, split
from tests.wechat.stage import a_message


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=300), max_bytes=st.integers(8, 64))
def test_splitting_loses_nothing_but_blanks_and_keeps_the_limit(text: str, max_bytes: int) -> None:
    pieces = split(text, max_bytes)
    assert all(0 < len(piece.encode()) <= max_bytes for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_splitting_leaves_numbers_and_joined_emoji_whole() -> None:
    assert split("Costs 3.50 today. Ask us tomorrow.", 20) == ["Costs 3.50 today.", "Ask us tomorrow."]
    family = "👨‍👩‍👧"
    assert split(family * 3, 40) == [family * 2, family]


def test_a_choice_that_begins_with_its_number_has_it_once() -> None:
    scores = [Choice(str(n), label) for n, label in enumerate(("1 很不满意", "2 不满意", "10 次", "4个"), start=1)]
    assert parts(a_message("", *scores), 2048) == ["1. 很不满意\n2. 不满意\n3. 10 次\n4. 4个"]


def test_choices_without_a_text_are_a_list() -> None:
    assert parts(a_message("", Choice("a", "是"), Choice("b", "否")), 2048) == ["1. 是\n2. 否"]
