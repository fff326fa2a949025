"""The starter set: whole, in both languages, and without a number that the shop's settings should say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.brain import Brain, read_mind
from bot.demo.shop import demo_settings
from bot.knowledge.entries import Knowledge
from bot.knowledge.load import load
from bot.publishing.heldout import examine, questions
from bot.settings import Settings, parse_settings
from bot.skills.dialogue import BY_INTENT, CHARTS, ENTRIES, INTENTS_OF, OWN_INTENTS, PHRASES
from bot.skills.turn import Say
from bot.starter import starter_folder
from bot.voice import Voice, shop_fields

LANGUAGES = ("zh", "en")
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CATEGORIES = {"dresses", "tops", "trousers", "shoes", "children"}
LONGEST_ANSWER = 400
POLICY_NUMBERS = re.compile(
    r"""
      (?<![\d.]) (?<!到) (?<!\ to\ ) (?:7|15|24|48) \s* (?:天|日|个?小时|days?|hours?|hrs?|h\b)   # return, exchange, dispatch, closing
    | \b(?:seven|fifteen|twenty-four|forty-eight)\ (?:days?|hours?)
    | (?:七|十五)天(?!无理由) | (?:二十四|四十八)小时
    | [¥￥$] \s* \d | (?<!\d) (?!1\b) \d+ \s* (?:元|块|RMB|CNY|yuan)        # money; "each 1 元" is a unit
    | 400-\d | @\w+\.                                                         # telephone and mail
    | \b\d{1,2}:\d\d                                                          # opening hours
    """,
    re.VERBOSE | re.IGNORECASE,
)


@pytest.fixture(scope="module")
def starter() -> Knowledge:
    knowledge, faults = load(starter_folder(), INTENTS_OF, PHRASES, ENTRIES, CHARTS)
    assert faults == []
    return knowledge


def settings(**policy: int) -> Settings:
    shop = {"name": {"zh": "甲", "en": "A"}, "phone": "555", "email": "a@b", "address": {"zh": "街", "en": "Street"}}
    return parse_settings({"shop": shop, "policy": policy}, "shop.toml")


def test_the_starter_set_passes_and_answers_at_least_120_questions_in_both_languages(starter: Knowledge) -> None:
    ids = {language: {i for i, lang in starter.entries if lang == language} for language in LANGUAGES}
    assert ids["zh"] == ids["en"]
    assert len(ids["zh"]) >= 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_has_enough_phrasings_an_owner_and_a_day_of_review(starter: Knowledge, language: str) -> None:
    poor = [
        e.id
        for (_, lang), e in starter.entries.items()
        if lang == language and (len(e.ask) < (3 if e.intents else 14) or not e.owner or e.review_by is None)
    ]
    assert poor == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_30_intents_have_20_phrasings(starter: Knowledge, language: str) -> None:
    counts = {intent: len(set(by.get(language, ()))) for intent, by in starter.intents.items()}
    assert len(counts) >= 30
    assert [intent for intent, count in counts.items() if count < 20] == []


def test_every_intent_of_a_skill_can_be_said_in_both_languages(starter: Knowledge) -> None:
    mute = [i for i in {*BY_INTENT, *OWN_INTENTS} if set(starter.intents.get(i, ())) != set(LANGUAGES)]
    assert mute == []


def test_the_starter_set_has_size_charts_for_the_five_categories(starter: Knowledge) -> None:
    assert set(starter.charts) == CATEGORIES
    for chart in starter.charts.values():
        assert len(chart.sizes) >= 4, chart.category
        for measure in chart.measures:
            lows = [size.ranges[measure][0] for size in chart.sizes]
            assert lows == sorted(lows), f"{chart.category}: {measure} does not grow from size to size"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_that_is_needed_is_there_and_nothing_else(starter: Knowledge, language: str) -> None:
    assert {i for i, lang in starter.phrases if lang == language} == set(PHRASES)


def test_a_text_uses_the_same_fields_in_both_languages(starter: Knowledge) -> None:
    def fields(text: str) -> set[str]:
        return set(re.findall(r"\{(?!customer\.name)(.*?)\}", text))

    def said(i: str, language: str) -> dict[tuple[str | None, str | None], set[str]]:
        entry = starter.entries[i, language]
        return {(None, None): fields(entry.answer), **{(v.channel, v.tier): fields(v.answer) for v in entry.variants}}

    assert [i for i, lang in starter.entries if lang == "zh" and said(i, "zh") != said(i, "en")] == []


def test_the_first_phrasing_can_be_shown_as_a_choice(starter: Knowledge) -> None:
    whole = re.compile(r"[A-Za-z][\w']* .*[\w?]|[\w，]{4,}")
    odd = [(i, e.ask[0]) for (i, _), e in starter.entries.items() if not e.intents and not whole.fullmatch(e.ask[0])]
    assert odd == []


def texts(knowledge: Knowledge) -> list[tuple[str, str]]:
    found = [
        (f"{e.file}", text) for e in knowledge.entries.values() for text in (e.answer, *(v.answer for v in e.variants))
    ]
    return found + [(f"{p.language} {p.id}", p.text) for p in knowledge.phrases.values()]


def test_no_text_says_a_number_that_the_settings_say(starter: Knowledge) -> None:
    assert [(where, m[0]) for where, text in texts(starter) for m in POLICY_NUMBERS.finditer(text)] == []


@pytest.mark.parametrize(
    "text", ["7天内", "within 7 days", "15 Days", "48 h", "48小时", "满¥99", "10元", "seven days", "24 hours", "9:00"]
)
def test_the_search_for_numbers_finds(text: str) -> None:
    assert POLICY_NUMBERS.search(text)


def test_no_text_names_the_shop_of_the_demo(starter: Knowledge) -> None:
    assert [where for where, text in texts(starter) if re.search("青禾|qinghe|QH", text, re.IGNORECASE)] == []


def test_no_answer_is_longer_than_a_bubble_or_marked_up(starter: Knowledge) -> None:
    assert [where for where, text in texts(starter) if len(text) > LONGEST_ANSWER] == []
    assert [where for where, text in texts(starter) if re.search(r"\*\*|^#|^- |\]\(|<\w+>", text, re.MULTILINE)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_is_written_in_its_own_script(starter: Knowledge, language: str) -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    words = {"退订", "人工", "中文", "中通", "顺丰", "花呗", "运费险"} if language == "en" else set()
    wrong = []
    for (i, lang), e in starter.entries.items():
        answer = re.sub("|".join(words), "", e.answer) if words else e.answer
        if lang == language and bool(chinese.search(answer)) is (language == "en"):
            wrong.append(i)
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_can_be_said_and_follows_the_policy(starter: Knowledge, language: str) -> None:
    odd = settings(return_days=91, dispatch_h=73, free_shipping_minor=12_345_00)
    voice = Voice(starter, shop_fields(odd))
    spoken = {i: voice.speak([Say(i)], language).text for i, lang in starter.entries if lang == language}
    assert [i for i, text in spoken.items() if "{" in text or not text] == []
    assert "91" in spoken["returns-seven-days"]
    assert "73" in spoken["shipping-dispatch-time"]
    assert "12,345" in spoken["shipping-fee"]


def test_a_variant_never_changes_what_is_true(starter: Knowledge) -> None:
    tiers = {v.tier for e in starter.entries.values() for v in e.variants}
    assert tiers <= {None, "regular", "silver", "gold"}


def test_the_intents_can_be_read_by_rasa_unchanged() -> None:
    files = sorted(starter_folder().glob("intents/*/*.yml"))
    assert len(files) >= 10
    for file in files:
        assert_rasa(file)


def assert_rasa(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ['version: "3.1"', "nlu:"], file
    shapes = (r"- intent: [a-z_]+", r"  examples: \|", r"    - \S.*", r"\s*", r"\s*#.*")
    assert [line for line in lines[2:] if not any(re.fullmatch(shape, line) for shape in shapes)] == []


# --- questions held out ----------------------------------------------------------------------------------------------
RIGHT_AT_LEAST = 0.27
"""Shares of the held-out questions that lead to their entry at once, and that at least show it to choose from. They were
written not to be like the phrasings, and nothing is tuned on them; what was measured is 0.30 and 0.76."""
SHOWN_AT_LEAST = 0.72


@pytest.mark.parametrize("language", LANGUAGES)
def test_at_least_100_entries_have_questions_held_out_that_are_no_phrasings(starter: Knowledge, language: str) -> None:
    own = [entry for (_, lang), entry in starter.entries.items() if lang == language]
    learnt = {phrasing for entry in own for phrasing in entry.ask}
    learnt |= {phrasing for by_language in starter.intents.values() for phrasing in by_language.get(language, ())}
    tested = [entry for entry in own if len(entry.test) >= 2]
    assert len(tested) >= 100
    assert [question for entry in tested for question in entry.test if question in learnt] == []


def test_the_questions_held_out_lead_where_they_should_as_often_as_was_measured() -> None:
    brain = Brain(starter_folder(), demo_settings(), read_mind(starter_folder(), demo_settings()))
    asked, faults = questions(starter_folder(), brain.mind.knowledge)
    assert faults == []
    found = [result.outcome for result in examine(brain, brain.settings, asked, NOW)]
    assert found.count("right") / len(found) >= RIGHT_AT_LEAST
    assert 1 - found.count("wrong") / len(found) >= SHOWN_AT_LEAST
