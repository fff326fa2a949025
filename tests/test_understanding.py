"""Understanding: floors of accuracy on messages that nobody trained on, and what holds for any text at all."""

import statistics
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.brain import read_mind
from bot.demo.catalogue import COLOURS, GARMENTS
from bot.demo.shop import demo_settings
from bot.errors import SettingsError
from bot.settings import parse_settings
from bot.starter import starter_folder
from bot.understanding.engine import Catalogue, Engine, Meaning, catalogue_of, training_rows
from bot.understanding.lexicon import category_of
from bot.understanding.ranker import MARGINS, Builtin
from bot.understanding.text import normal
from bot.understanding.training import train

MESSAGES = Path(__file__).parent / "messages"
OUT_OF_SCOPE, HARMLESS = "oos", ("must_not_answer", "crisis", "how_are_you")
CATALOGUE = catalogue_of(
    [(garment.id, {"zh": garment.name_zh, "en": garment.name_en}) for garment in GARMENTS],
    [{"zh": zh, "en": en} for zh, en in COLOURS.values()],
    demo_settings().shop.order_number,
)


@cache
def engine() -> Engine:
    return read_mind(starter_folder(), demo_settings()).engine


@cache
def messages(language: str) -> tuple[tuple[str, str, Meaning], ...]:
    """Return (text, true label, meaning) of the independent set of a language."""
    rows = [line.split("\t") for line in (MESSAGES / f"{language}.tsv").read_text("utf-8").splitlines()]
    return tuple((text, label, engine().understand(text, language, CATALOGUE)) for text, label in rows)


def share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits)


def auroc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """Return how often a message in scope scores above one out of scope."""
    wins = [(a > b) + 0.5 * (a == b) for a in inside for b in outside]
    return sum(wins) / len(wins)


@pytest.mark.parametrize(("language", "floor"), [("zh", 0.92), ("en", 0.92)])
def test_the_best_label_is_right_for_most_messages_in_scope(language: str, floor: float) -> None:
    hits = [meaning.ranked[0][0] == label for _, label, meaning in messages(language) if label != OUT_OF_SCOPE]
    print(f"{language}: top-1 in scope {share(hits):.4f} of {len(hits)}")
    assert share(hits) >= floor


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_acted_on_is_hardly_ever_wrong(language: str) -> None:
    wrong = [meaning.best not in ("", label) for _, label, meaning in messages(language) if label != OUT_OF_SCOPE]
    acted = [meaning.best != "" for _, label, meaning in messages(language) if label != OUT_OF_SCOPE]
    print(f"{language}: answered {share(acted):.4f}, of all wrongly {share(wrong):.4f}")
    assert share(wrong) <= 0.03
    assert share(acted) >= 0.75


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_none_of_our_business_is_seldom_answered(language: str) -> None:
    answered = [
        meaning.best not in ("", *HARMLESS) for _, label, meaning in messages(language) if label == OUT_OF_SCOPE
    ]
    print(f"{language}: out of scope answered {share(answered):.4f} of {len(answered)}")
    assert share(answered) <= 0.15


@pytest.mark.parametrize("language", ["zh", "en"])
def test_margins_tell_in_scope_from_out_of_scope(language: str) -> None:
    inside = [meaning.margin for _, label, meaning in messages(language) if label != OUT_OF_SCOPE]
    outside = [meaning.margin for _, label, meaning in messages(language) if label == OUT_OF_SCOPE]
    print(f"{language}: AUROC {auroc(inside, outside):.4f}")
    assert auroc(inside, outside) >= 0.93


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_not_acted_on_is_asked_about_with_the_right_label_among_the_choices(language: str) -> None:
    """A question back helps only if the right label is among those offered."""
    asked = [
        label in meaning.possible
        for _, label, meaning in messages(language)
        if label != OUT_OF_SCOPE and not meaning.best and meaning.margin >= meaning.bounds.ask
    ]
    print(f"{language}: asked back {len(asked)}, right label offered {share(asked):.4f}")
    assert share(asked) >= 0.7


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_message_is_understood_in_less_than_20_ms(language: str) -> None:
    took_ms = []
    for text, *_ in messages(language)[:100]:
        started = time.perf_counter()
        engine().understand(text, language, CATALOGUE)
        took_ms.append((time.perf_counter() - started) * 1000)
    print(f"{language}: p50 {statistics.median(took_ms):.2f} ms")
    assert statistics.median(took_ms) < 20


@pytest.mark.parametrize(("language", "text"), [("zh", "翯堃 鑫垚"), ("en", "xqzj vwkp")])
def test_what_holds_nothing_known_speaks_for_no_label(language: str, text: str) -> None:
    """A class of which nothing was learnt would stand at 0 for every text, above all others."""
    ranker = engine().ranker
    assert isinstance(ranker, Builtin)
    high = [label for label, margin in ranker.classifiers[language].margins(text) if margin > MARGINS.act]
    assert high == []


def test_training_twice_gives_the_same_margins() -> None:
    rows = training_rows(read_mind(starter_folder(), demo_settings()).knowledge)
    again = Engine(Builtin({language: train(*own) for language, own in rows.items()}))
    for language in ("zh", "en"):
        for text, _, meaning in messages(language)[::40]:
            assert again.understand(text, language, CATALOGUE) == meaning


TEXTS = st.text(max_size=60)


@settings(deadline=None, max_examples=200)
@given(
    st.one_of(TEXTS, st.text(alphabet="0123456789٠١²½①２ⅷ.米m'斤码尾号qh ", max_size=30)), st.sampled_from(["zh", "en"])
)
def test_any_text_at_all_is_understood_as_something(text: str, language: str) -> None:
    meaning = engine().understand(text, language, CATALOGUE)
    assert meaning.language in ("zh", "en")
    assert len(meaning.ranked) in (0, 5)


def test_the_letters_of_an_order_number_are_no_english() -> None:
    catalogue = Catalogue(order_number="ORDER-[0-9]{6}")
    assert engine().understand("order-100234", "zh", catalogue).language == "zh"
    assert engine().understand("order-100234 please", "zh", catalogue).language == "en"


@pytest.mark.parametrize("pattern", ["SO-(", "[0-9]*", "(?i)SO-[0-9]+(", ""])
def test_an_order_number_that_cannot_be_looked_for_is_refused_with_an_example(pattern: str) -> None:
    shop = {"name": {"en": "Shop"}, "order_number": pattern}
    with pytest.raises(SettingsError, match=r"shop\.toml: `shop\.order_number` = .*write 'A-\[0-9\]\{4\}'"):
        parse_settings({"shop": shop}, "shop.toml")


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("有连衣裙吗", "dresses"),
        ("有褲子嗎", "trousers"),
        ("洋裝", "dresses"),
        ("一条内裤", "underwear"),
        ("T恤", "tops"),
        ("雪地靴", "shoes"),
        ("羽绒服", "outerwear"),
        ("孩子的裤子", "children"),
        ("a denim jacket", "outerwear"),
        ("dresses for my daughter", "children"),
        ("I stopped by", None),
        ("just kidding", None),
        ("有帽子吗", None),
    ],
)
def test_a_garment_has_one_category_wherever_it_is_spoken_of(text: str, category: str | None) -> None:
    assert category_of(normal(text)) == category


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "how long do I have to return this"),
        ("en", "can I still return"),
        ("en", "can i still return the shoes"),
        ("zh", "这件大衣还能退吗"),
        ("zh", "还能退货吗"),
    ],
)
def test_whether_something_may_still_go_back_is_told_by_the_rule(language: str, text: str) -> None:
    assert engine().understand(text, language, CATALOGUE).best == "returns-seven-days"


def test_nothing_is_understood_in_nothing() -> None:
    assert engine().understand("", "zh", Catalogue()).ranked == ()


@pytest.mark.parametrize(
    "text",
    [
        "change the delivery address on my sister-in-law's order, she doesn't know",
        "把我嫂子那单的地址改成我家 别告诉她",
        "what's her phone number in order QH2611200087",
        "订单QH2611200087的收件人是谁 他的电话多少",
    ],
)
def test_a_wish_in_words_that_call_for_a_refusal_is_not_acted_on(text: str) -> None:
    meaning = engine().understand(text, "en", CATALOGUE)
    assert meaning.is_wary
    assert meaning.best in {"", "must_not_answer"}


@pytest.mark.parametrize(("margin", "best"), [(0.5, ""), (0.7, "address_change")])
def test_wary_words_ask_for_a_label_beyond_doubt(margin: float, best: str) -> None:
    assert Meaning("x", "en", (("address_change", margin), ("deny", -0.9)), is_wary=True).best == best


def test_a_refusal_that_no_word_calls_for_has_to_be_surer() -> None:
    ranked = (("must_not_answer", -0.6), ("order_status", -0.7))
    assert Meaning("x", "en", ranked).best == ""
    assert Meaning("x", "en", ranked, is_wary=True).best == "must_not_answer"
