"""A shop's knowledge as a Rasa project, and back: nothing is lost, whatever the texts hold."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from bot.brain import read_files
from bot.demo.shop import demo_settings
from bot.knowledge.entries import LANGUAGES, Entry, Knowledge, Phrase, Size, SizeChart, Variant
from bot.knowledge.sheetrows import NAME
from bot.rasa.back import read_back
from bot.rasa.examples import plain, written
from bot.rasa.project import CannotExport, exported
from bot.rasa.shopfiles import plan
from bot.rasa.yamltext import yaml_text
from bot.skills.dialogue import INTENTS_OF
from bot.starter import starter_folder
from bot.voice import shop_fields

HARD = [
    "- a dash in front",
    "a: colon, a # sign",
    '[red](colour) and [blue]{"entity": "colour"}',
    '[x][{"entity": "a"}, {"entity": "b"}] [plain brackets]',
    "\"quoted\" and 'quoted' and back\\slash \\u4f60",
    "$100 or ${HOME}",
    "yes",
    "null",
    "2027-06-30",
    "1e3",
    "退货，要几天？！（急）",
    "emoji 😀, a \u200b zero width, a tab\tinside",
    "line\u2028separator \x85 next line",
    "{shop.name}",
    "| > & * ! % @ `",
    "---",
    "多行",
]  # fmt: skip
ANSWERS = [
    *HARD,
    "two\nlines",
    "a list:\n- one\n- two\n\n  indented: yes",
    "  a blank in front\nand after \n",
    "\n\nfirst",
]
hard = st.one_of(st.sampled_from(HARD), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
answers = st.one_of(st.sampled_from(ANSWERS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
words = st.text(st.characters(categories=["Lu", "Ll", "Lo"], include_characters="-_. 1"), min_size=1, max_size=12)
names = st.from_regex(NAME, fullmatch=True)
folders = st.lists(names, max_size=2).map("/".join)
days = st.none() | st.dates(date(2020, 1, 1), date(2040, 1, 1))
texts = st.lists(hard, max_size=4).map(tuple)
channels = st.none() | st.sampled_from(["wechat", "telegram", "web"])
variants = st.lists(st.builds(Variant, answers, channels, st.none() | hard), max_size=2).map(tuple)


def entries_with(intents: list[str]) -> st.SearchStrategy[Entry]:
    named = st.lists(st.sampled_from(intents), max_size=2, unique=True).map(tuple) if intents else st.just(())
    lists = st.lists(words, max_size=2).map(tuple)
    made = st.builds(
        Entry, names, st.sampled_from(LANGUAGES), folders, texts, answers, variants, lists, named, lists, hard, days, days, days
    )  # fmt: skip
    return made.map(_in_its_file)


def _in_its_file(entry: Entry) -> Entry:
    """Return an entry whose `file` is a folder below its language, in its file there."""
    return replace(entry, file="/".join(filter(None, ["knowledge", entry.language, entry.file, f"{entry.id}.md"])))


@st.composite
def knowledge(draw: st.DrawFn) -> Knowledge:
    names = draw(st.lists(words.map(lambda word: f"i_{word}"), max_size=4, unique=True))
    entries = draw(st.lists(entries_with(names), max_size=5))
    intents = {
        name: {own: draw(texts) for own in draw(st.sets(st.sampled_from(LANGUAGES), min_size=1))} for name in names
    }
    phrase = Phrase("a.b", "zh", draw(answers))
    chart = SizeChart("shirts", "cm", ("bust",), {"bust": {"zh": "胸围"}}, (Size("M", {"bust": (1, 2.5)}),), {}, "1")
    return Knowledge(
        {(entry.id, entry.language): entry for entry in entries},
        {(phrase.id, phrase.language): phrase},
        {chart.category: chart},
        intents,
    )


def laid(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def there_and_back(known: Knowledge, folder: Path) -> Knowledge:
    laid(folder, exported(known, {}))
    read = read_back(folder)
    assert read.faults == ()
    return read.knowledge


@pytest.fixture(scope="module")
def starter() -> Knowledge:
    known, faults = read_files(starter_folder(), demo_settings())
    assert not faults
    return replace(known, replies=())  # agents' own, which Rasa has no use for


def test_the_starter_set_comes_back_as_it_was(starter: Knowledge, tmp_path: Path) -> None:
    assert there_and_back(starter, tmp_path) == starter


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(knowledge())
def test_any_knowledge_comes_back_as_it_was(known: Knowledge) -> None:
    with TemporaryDirectory() as folder:
        if known.entries or known.intents:
            assert there_and_back(known, Path(folder)) == known


@settings(max_examples=300, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | answers, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)))  # fmt: skip
def test_what_is_written_is_read_the_same(data: object) -> None:
    assert YAML(typ="safe").load(yaml_text({"data": _flat_lists(data)}, "x")) == {"data": _flat_lists(data)}


def _flat_lists(data: object) -> object:
    """Lists of lists are nothing that Rasa's files have."""
    if isinstance(data, list):
        return [each for each in map(_flat_lists, data) if not (isinstance(each, list) and each)]
    return {key: _flat_lists(value) for key, value in data.items()} if isinstance(data, dict) else data


@given(st.lists(hard, min_size=1, max_size=3))
def test_rasa_sees_no_entity_where_there_is_none(phrasings: list[str]) -> None:
    form = written(phrasings)
    lines = [item["text"] for item in form] if isinstance(form, list) else [line[2:] for line in form.lines]
    assert len(lines) == len(phrasings)
    assert all(line.strip() == line != "" and plain(line) == line and len(line.splitlines()) == 1 for line in lines)


def test_a_project_is_laid_out_as_rasa_wants_it(starter: Knowledge) -> None:
    files = exported(starter, shop_fields(demo_settings()))
    for language, tokenizer in (("zh", "JiebaTokenizer"), ("en", "WhitespaceTokenizer")):
        read = {name: YAML(typ="safe").load(text) for name, text in files.items() if name.startswith(f"{language}/")}
        domain, config = read[f"{language}/domain.yml"], read[f"{language}/config.yml"]
        rules = {r["steps"][0]["intent"]: r["steps"][1]["action"] for r in read[f"{language}/data/rules.yml"]["rules"]}
        said = {**domain["responses"], **read[f"{language}/data/responses.yml"]["responses"]}
        intents = {item["intent"] for item in read[f"{language}/data/nlu.yml"]["nlu"]}
        assert {name.partition("/")[0] for name in intents} == set(domain["intents"])
        assert {f"utter_{name}" for name in intents if "/" in name} == {name for name in said if "/" in name}
        assert set(rules) == {*domain["intents"], "nlu_fallback"}, "every intent is answered"
        assert all(action in said or action == "utter_faq" for action in rules.values())
        assert domain["slots"]["policy.return_days"]["initial_value"] == "7"
        assert config["pipeline"][0]["name"] == tokenizer
        names = [component["name"] for component in config["pipeline"]]
        assert names[-4:] == ["DIETClassifier", "EntitySynonymMapper", "ResponseSelector", "FallbackClassifier"]


def test_an_answer_for_one_channel_and_tier_is_one_to_rasa_too() -> None:
    variants = (Variant("for chats", channel="telegram"), Variant("for gold", tier="gold"))
    entry = Entry("fee", "en", "knowledge/en/x/fee.md", ("the fee?",), "usual", variants)
    files = exported(Knowledge({("fee", "en"): entry}), {})
    usual, chat, gold = YAML(typ="safe").load(files["en/data/responses.yml"])["responses"]["utter_faq/fee"]
    assert (usual["text"], chat["channel"]) == ("usual", "telegram")
    assert gold["condition"] == [{"type": "slot", "name": "tier", "value": "gold"}]
    assert "tier" in YAML(typ="safe").load(files["en/domain.yml"])["slots"]


@pytest.mark.parametrize("name", ["faq", "a/b"])
def test_names_that_mean_something_else_to_rasa_are_refused(name: str) -> None:
    with pytest.raises(CannotExport, match="Rename"):
        exported(Knowledge(intents={name: {"en": ("x",)}}), {})
    entry = Entry(name, "en", "knowledge/en/x.md", ("x",), "y")
    with pytest.raises(CannotExport, match="Rename"):
        exported(Knowledge({(name, "en"): entry}), {})


def test_what_comes_back_can_be_brought_into_an_empty_shop(starter: Knowledge, tmp_path: Path) -> None:
    back = there_and_back(starter, tmp_path / "rasa")
    shop = tmp_path / "shop"
    shutil.copytree(starter_folder() / "knowledge" / "size-charts", shop / "knowledge" / "size-charts")
    for language in LANGUAGES:
        (shop / "knowledge" / language).mkdir()
        (shop / "intents" / language).mkdir(parents=True)
        shutil.copy(starter_folder() / "knowledge" / language / "phrases.yml", shop / "knowledge" / language)
    planned = plan(back, Knowledge(), frozenset().union(*INTENTS_OF.values()), {})
    assert (planned.clashes, planned.notes) == ((), ())
    laid(shop, planned.files)
    assert read_files(shop, demo_settings()) == (starter, [])


def test_a_change_made_in_rasa_arrives_and_the_rest_stays(starter: Knowledge, tmp_path: Path) -> None:
    laid(tmp_path, exported(starter, {}))
    path = tmp_path / "en" / "data" / "responses.yml"
    before = starter.entries["returns-condition", "en"]
    first_line = before.answer.split("\n")[0]
    path.write_text(path.read_text("utf-8").replace(first_line, "Tags on, please."), "utf-8")
    changed = read_back(tmp_path).knowledge.entries["returns-condition", "en"]
    assert changed == replace(before, answer=before.answer.replace(first_line, "Tags on, please."))
    planned = plan(read_back(tmp_path).knowledge, starter, frozenset(), {})
    assert list(planned.files) == [before.file]
    assert [fault.file for fault in planned.clashes] == [before.file]
