"""Shop talk: wordings that mean the same are read as one concept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.concepts import WARY, WORDS, concepts, lexicon
from bot.understanding.text import comparable


def read(text: str) -> tuple[str, ...]:
    return concepts(comparable(text)).concepts


@pytest.mark.parametrize(
    ("one", "other", "concept"),
    [
        ("快递费多少", "yf怎么算", "freight"),
        ("運費幾多", "邮资呢", "freight"),
        ("我要th", "东西想退掉", "return"),
        ("tk没到", "把钱退给我", "refund"),
        ("what's the postage", "how much is delivery", "freight"),
        ("i am returning it", "can i send it back", "return"),
        ("refunded yet?", "i want my money back", "refund"),
        ("my pkg", "two parcels", "parcel"),
    ],
)
def test_wordings_without_a_shared_word_have_a_concept_in_common(one: str, other: str, concept: str) -> None:
    assert concept in read(one)
    assert concept in read(other)


@pytest.mark.parametrize(
    ("text", "missing"),
    [("运费险谁买", "freight"), ("wolf", "courier_firm"), ("syfilo", "freight"), ("这是yfa的", "freight")],
)
def test_a_longer_wording_or_word_is_not_also_the_shorter_one_in_it(text: str, missing: str) -> None:
    assert missing not in read(text)


def test_what_names_no_concept_is_kept_as_words() -> None:
    assert concepts("the zebra dances").rest == ("zebra", "dances")
    assert concepts("斑马的").rest == ("斑", "马")


@pytest.mark.parametrize(("said", "concept"), [("refnd", "refund"), ("my retrun", "return"), ("exchnge", "exchange")])
def test_a_word_with_one_slip_is_still_that_word(said: str, concept: str) -> None:
    assert concept in read(said)


def test_an_abbreviation_alone_is_understood() -> None:
    assert read("yf") == ("freight",)
    assert read("TK") == ("refund",)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_line_of_the_word_list_is_read_and_no_wording_stands_twice(language: str) -> None:
    lines = [line for line in (WORDS / f"{language}.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    names = [line.partition(":")[0] for line in lines]
    wordings = [w.strip() for line in lines for w in line.partition(":")[2].split(None if language == "zh" else ",")]
    assert len(set(names)) == len(names)
    assert set(lexicon(language)[0].values()) == set(names)
    assert [w for w in wordings if w != w.casefold() or not w] == []


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    spoken = concepts(comparable(text))
    known = set(lexicon("zh")[0].values()) | set(lexicon("en")[0].values())
    assert set(spoken.concepts) <= known


@pytest.mark.parametrize(
    "text",
    [
        "never mind",
        "i never got it",
        "please write a card",
        "the right size",
        "here's my address",
        "能告诉我尺码吗",
        "质量好 五星好评",
    ],
)
def test_everyday_words_do_not_make_wary(text: str) -> None:
    assert WARY.isdisjoint(read(text))


def test_a_possessive_is_the_word_itself() -> None:
    assert "others" in read("my roommate's parcel")
