"""What operators write: every fault has its file, its line and a way out; no file takes the bot down."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.brain import Brain, KnowledgeFaults, read_mind
from bot.demo.shop import demo_settings
from bot.knowledge.datafiles import read_chart, read_intents, read_phrases
from bot.knowledge.entries import Entry, Fault, Knowledge, Variant
from bot.knowledge.entryfile import read_entry
from bot.knowledge.fields import fill
from bot.knowledge.load import load
from bot.knowledge.yamlfile import Reading
from bot.skills.dialogue import ENTRIES
from bot.starter import starter_folder
from bot.understanding.engine import Catalogue

SKILLS = {"returns": frozenset({"return_request"}), "dialogue": frozenset({"human"})}
NEEDED = {"orders.paid": frozenset({"order.number"}), "orders.which": frozenset[str]()}

FEE = """\
---
id: shipping-fee
ask:
  - how much is postage
  - what does delivery cost
tags: [shipping]
next: [shipping-time, skill:returns]
---
Delivery costs {policy.shipping_fee}.
Free from {policy.free_shipping}.
"""
TIME = "---\nid: shipping-time\nask: [when do you send]\n---\nWithin {policy.dispatch_h} hours.\n"
HELLO = "---\nid: hello\nintents: [greeting]\nask: [good day]\n---\nHello!\n"
PHRASES = 'orders:\n  paid: "Order {order.number} is paid."\n  which: "Which order?"\n'
INTENTS = """\
version: "3.1"
nlu:
- intent: return_request
  examples: |
    - send it back
    - i want to return this
- intent: greeting
  examples: |
    - hiya
- intent: human
  examples: |
    - a person please
"""
CHART = """\
category: tops
unit: cm
measures: [height, chest]
names:
  height: {zh: 身高, en: height}
  chest: {zh: 胸围, en: chest}
sizes:
  - size: S
    height: [150, 160]
    chest: [80, 84]
    aliases: [36, UK 8]
  - size: M
    height: [160, 170]
    chest: [84, 88]
notes: {zh: 标准版型。, en: Regular fit.}
"""


@dataclass(frozen=True)
class Folder:
    """A small shop's knowledge in a folder."""

    path: Path

    def write(self, file: str, text: str | bytes) -> None:
        path = self.path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def load(self) -> tuple[Knowledge, list[Fault]]:
        return load(self.path, SKILLS, NEEDED, ("shipping-fee",), ("tops",))

    def faults(self) -> list[Fault]:
        return self.load()[1]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    for language in ("zh", "en"):
        made.write(f"knowledge/{language}/shipping/shipping-fee.md", FEE)
        made.write(f"knowledge/{language}/shipping/shipping-time.md", TIME)
        made.write(f"knowledge/{language}/smalltalk/hello.md", HELLO)
        made.write(f"knowledge/{language}/phrases.yml", PHRASES)
        made.write(f"intents/{language}/all.yml", INTENTS)
    made.write("knowledge/size-charts/tops.yml", CHART)
    return made


ENTRY, PHRASE_FILE, INTENT_FILE, CHART_FILE = (
    "knowledge/en/shipping/shipping-fee.md",
    "knowledge/en/phrases.yml",
    "intents/en/all.yml",
    "knowledge/size-charts/tops.yml",
)


def test_a_good_set_has_no_faults_and_holds_everything(folder: Folder) -> None:
    knowledge, faults = folder.load()
    assert faults == []
    assert sorted(knowledge.entries) == [
        (i, lang) for i in ("hello", "shipping-fee", "shipping-time") for lang in ("en", "zh")
    ]
    assert knowledge.entries["shipping-fee", "en"].next == ("shipping-time", "skill:returns")
    assert knowledge.phrases["orders.which", "zh"].text == "Which order?"
    assert knowledge.intents["return_request"]["en"] == ("send it back", "i want to return this")
    chart = knowledge.charts["tops"]
    assert [size.name for size in chart.sizes] == ["S", "M"]
    assert chart.sizes[0].ranges == {"height": (150.0, 160.0), "chest": (80.0, 84.0)}
    assert chart.sizes[0].aliases == ("36", "UK 8")


# fmt: off
# file, what is replaced, by what, then the line, words of the problem and words of the fix
FAULTS: dict[str, tuple[str, str, str, int, str, str]] = {
    "bad YAML": (ENTRY, "tags: [shipping]", "tags: [shipping", 7, "not YAML", "quotes"),
    "an odd character": (ENTRY, "tags: [shipping]", "tags: [ship\x07ping]", 6, "not YAML", "odd characters"),
    "a tab": (ENTRY, "  - how much", "\t- how much", 4, "not YAML", "indentation"),
    "a key twice": (ENTRY, "tags: [shipping]", "id: shipping-fee", 6, "duplicate key", "indentation"),
    "no front matter": (ENTRY, "---\nid", "id", 1, "front matter is missing", "`---`"),
    "no end of the front matter": (ENTRY, "]\n---\n", "]\n", 1, "front matter is missing", "`---`"),
    "no keys": (ENTRY, FEE[4:150], "---\n", 2, "nothing between", "`id: shipping-fee`"),
    "front matter that is a list": (ENTRY, FEE[4:].split("---", maxsplit=1)[0], "- one\n", 2, "mapping", "key: value"),
    "a wrong id": (ENTRY, "id: shipping-fee", "id: shiping-fee", 2, "`shiping-fee` but the file is", "`id: shipping-fee`"),
    "no id": (ENTRY, "id: shipping-fee\n", "", 2, "the id is `None`", "`id: shipping-fee`"),
    "an unknown key": (ENTRY, "tags:", "tagz:", 6, "unknown key `tagz`", "`tags`"),
    "an answer in the wrong place": (ENTRY, "tags: [", "answer: It is free.\ntags: [", 6, "front matter", "second `---`"),
    "an empty answer": (ENTRY, FEE.split("---\n")[2], " \n", 9, "the answer is empty", "below the second"),
    "no answer at all": (ENTRY, "---\n" + FEE.split("---\n")[2], "---", 9, "the answer is empty", "below the second"),
    "an unknown field": (ENTRY, "{policy.free_shipping}", "{policy.free_shiping}", 10, "free_shiping", "`{policy.free_shipping}`"),
    "a field with a space": (ENTRY, "{policy.shipping_fee}", "{ policy.shipping_fee }", 9, "no field", "`{policy.shipping_fee}`"),
    "a field in capitals": (ENTRY, "{policy.shipping_fee}", "{POLICY.SHIPPING-FEE}", 9, "no field", "Did you mean"),
    "an unknown next": (ENTRY, "[shipping-time,", "[shiping-time,", 7, "`shiping-time`, which does not exist", "`shipping-time`"),
    "an unknown skill": (ENTRY, "skill:returns", "skill:retuns", 7, "`skill:retuns`", "`skill:returns`"),
    "no way in": (ENTRY, "ask:\n  - how much is postage\n  - what does delivery cost\n", "", 2, "nothing leads", "`ask:`"),
    "a way in that is no list": (ENTRY, "tags: [shipping]", "tags: shipping", 6, "`tags` must be a list", "[one, two]"),
    "an item that is no text": (ENTRY, "  - what does delivery cost", "  - {a: b}", 5, "item 2 of `ask` is not a text", "quotes"),
    "an empty item": (ENTRY, "  - what does delivery cost", "  -", 5, "item 2 of `ask`", "quotes"),
    "a yes that is no text": (ENTRY, "  - what does delivery cost", "  - true", 5, "item 2 of `ask`", "quotes"),
    "a bad date": (ENTRY, "tags: [", "valid_from: soon\ntags: [", 6, "`valid_from` is not a day", "2027-06-30"),
    "an impossible date": (ENTRY, "tags: [", "review_by: 2027-02-30\ntags: [", 6, "not YAML", "days"),
    "dates the wrong way round": (
        ENTRY, "tags: [", "valid_from: 2027-06-30\nvalid_until: 2027-06-01\ntags: [", 7, "before `valid_from`", "earlier day",
    ),
    "variants that are no list": (ENTRY, "tags: [", "variants: {tier: gold}\ntags: [", 6, "must be a list", "- when:"),
    "a variant without an answer": (ENTRY, "tags: [", "variants:\n  - when: {tier: gold}\ntags: [", 7, "needs", "entries"),
    "a variant for an unknown channel": (
        ENTRY, "tags: [", "variants:\n  - when: {channel: wechatt}\n    answer: a\ntags: [", 7, "`wechatt`", "`wechat`",
    ),
    "a variant with an unknown field": (
        ENTRY, "tags: [", "variants:\n  - when: {tier: gold}\n    answer: '{shop.nam}'\ntags: [", 8, "shop.nam", "shop.name",
    ),
    "a variant for an unknown region": (
        ENTRY, "tags: [", "variants:\n  - when: {region: hongkong}\n    answer: a\ntags: [", 7, "no region `hongkong`", "Did you mean",
    ),
    "a variant until no minute": (
        ENTRY, "tags: [", "variants:\n  - valid_until: 18h\n    answer: a\ntags: [", 7, "not a day or minute", "2027-06-30 18:00",
    ),
    "a time with a zone": (ENTRY, "tags: [", "valid_from: 2027-06-30T18:00:00+02:00\ntags: [", 6, "not a day or minute", "shop's time"),
    "a variant for an unknown condition": (
        ENTRY, "tags: [", "variants:\n  - when: {teir: gold}\n    answer: a\ntags: [", 7, "`teir`", "`tier`",
    ),
    "the same phrasing in two entries": (
        ENTRY, "what does delivery cost", "When do you send?", 5, "also leads to shipping-time", "one place",
    ),
    "the same phrasing as an intent": (
        ENTRY, "what does delivery cost", "Send it back!", 5, "also leads to the intent return_request", "one place",
    ),
    "a phrasing under two intents": (INTENT_FILE, "- hiya", "- send it back", 9, "the intent return_request", "one place"),
    "a missing phrase": (PHRASE_FILE, '  which: "Which order?"\n', "", 1, "`orders.which` is missing", "Add it"),
    "a misspelt phrase": (PHRASE_FILE, "which:", "wich:", 3, "`orders.which` is missing", "`orders.wich`"),
    "an unknown field in a phrase": (PHRASE_FILE, "{order.number}", "{order.nummer}", 2, "{order.nummer}", "{order.number}"),
    "a phrase that is no text": (PHRASE_FILE, '"Which order?"', "3", 3, "`orders.which` is not a text", "quotes"),
    "phrases without a group": (PHRASE_FILE, "orders:\n", "hello: there\norders:\n", 1, "`hello`", "Indent"),
    "bad YAML of phrases": (PHRASE_FILE, '"Which order?"', '"Which order?', 4, "not YAML", "quotes"),
    "an intent without examples": (INTENT_FILE, "    - hiya\n", "\n", 8, "`greeting` has no examples", "`- `"),
    "an intent without a name": (INTENT_FILE, "intent: greeting", "intnt: greeting", 7, "needs `intent:`", "intents"),
    "an example without a dash": (INTENT_FILE, "    - hiya", "    - hello\n    hiya", 10, "begin with `-`", "`- hiya`"),
    "an intent nobody answers": (INTENT_FILE, "intent: greeting", "intent: greetings", 7, "`greetings`", "`greeting`"),
    "an intent that is no mapping": (INTENT_FILE, "- intent: greeting\n  examples: |\n    - hiya", "- hiya", 7, "no keys", "`- `"),
    "intents without nlu": (INTENT_FILE, "nlu:", "nul:", 2, "unknown key `nul`", "`nlu`"),
    "intents that are no list": (INTENT_FILE, INTENTS.split("nlu:")[1], " 3\n", 2, "`nlu` must be a list", "`- `"),
    "no word for a human": (INTENT_FILE, "- intent: human", "- intent: greeting", 1, "ask for a person", "intent: human"),
    "a size chart backwards": (CHART_FILE, "[150, 160]", "[160, 150]", 9, "`height` of size S runs backwards", "smaller number"),
    "a size without a measure": (CHART_FILE, "    chest: [84, 88]\n", "", 12, "size M lacks `chest`", "`chest: [from, to]`"),
    "a size that is no range": (CHART_FILE, "[84, 88]", "[84, big]", 14, "size M lacks `chest`", "[from, to]"),
    "a misspelt measure": (CHART_FILE, "    height: [160", "    hieght: [160", 13, "unknown key `hieght`", "`height`"),
    "a size without a name": (CHART_FILE, "- size: M\n    height", "- height", 12, "needs a name", "`size: M`"),
    "sizes that are no list": (CHART_FILE, CHART.split("sizes:")[1].split("notes", maxsplit=1)[0], " 3\n", 7, "must be a list", "`- `"),
    "a size that is no mapping": (CHART_FILE, "  - size: M\n    height: [160, 170]\n    chest: [84, 88]", "  - M", 12, "no keys", "`- `"),
    "a chart without a unit": (CHART_FILE, "unit: cm\n", "", 1, "the chart lacks unit", "size charts"),
    "a chart of one size": (CHART_FILE, CHART[CHART.index("  - size: M") : CHART.index("notes")], "", 7, "has 1 size", "Add a size"),
    "a chart in inches": (CHART_FILE, "unit: cm", "unit: inch", 2, "the unit is `inch`", "`unit: cm`"),
    "a chart of feet in cm": (CHART_FILE, CHART, CHART.replace("chest", "foot"), 2, "the unit is `cm`", "`unit: mm`"),
    "a measure without a name": (CHART_FILE, "  chest: {zh: 胸围, en: chest}\n", "", 4, "`names` lacks `chest`", "`chest:`"),
    "a measure named in one language": (CHART_FILE, "{zh: 胸围, en: chest}", "{zh: 胸围}", 6, "`chest` lacks `en`", "`en:`"),
    "notes in one language": (CHART_FILE, ", en: Regular fit.", "", 15, "`notes` lacks `en`", "`en:`"),
    "names that are no mapping": (CHART_FILE, CHART[CHART.index("names:") : CHART.index("sizes:")], "names: [a]\n", 4, "`names`", "Indent"),
}
# fmt: on


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_tells_file_line_and_the_way_out(folder: Folder, kind: str) -> None:
    file, right, wrong, line, problem, fix = FAULTS[kind]
    text = (folder.path / file).read_text(encoding="utf-8")
    assert right in text
    folder.write(file, text.replace(right, wrong, 1))
    faults = folder.faults()
    at = file if kind != "no word for a human" else "intents/en"
    fitting = [f for f in faults if f.file == at and f.line == line and problem in f.problem and fix in f.fix]
    assert fitting, "\n".join(map(str, faults))
    assert str(fitting[0]).startswith(f"{at}:{line}: ")


def test_a_fault_is_found_in_the_right_one_of_two_files(folder: Folder) -> None:
    folder.write("knowledge/zh/shipping/shipping-time.md", TIME.replace("{policy.dispatch_h}", "{policy.dispatch}"))
    assert [(f.file, f.line) for f in folder.faults()] == [("knowledge/zh/shipping/shipping-time.md", 5)]


def test_one_bad_quote_in_the_phrases_is_one_fault_and_not_one_for_each_phrase(folder: Folder) -> None:
    folder.write("knowledge/en/phrases.yml", 'orders:\n  paid: "Order\n')
    assert len(folder.faults()) == 1


def test_every_fault_of_a_file_is_told_at_once(folder: Folder) -> None:
    folder.write(ENTRY, FEE.replace("tags", "tagz").replace("shipping_fee", "shipping_fe").replace("next:", "nxt:"))
    assert sorted(fault.line for fault in folder.faults()) == [6, 7, 9]


def test_the_same_id_twice_in_one_language_is_a_fault_that_names_both_files(folder: Folder) -> None:
    folder.write("knowledge/en/zz/shipping-time.md", TIME.replace("when do you send", "how long"))
    (fault,) = folder.faults()
    assert fault.file == "knowledge/en/zz/shipping-time.md"
    assert "knowledge/en/shipping/shipping-time.md" in fault.problem


@pytest.mark.parametrize("file", [ENTRY, PHRASE_FILE, INTENT_FILE, CHART_FILE])
def test_a_file_that_is_not_utf_8_is_a_fault(folder: Folder, file: str) -> None:
    folder.write(file, (folder.path / file).read_bytes() + "运费".encode("gb18030"))
    assert [f for f in folder.faults() if f.file == file and "not UTF-8" in f.problem and "UTF-8" in f.fix]


@pytest.mark.parametrize("file", [ENTRY, PHRASE_FILE, INTENT_FILE, CHART_FILE])
def test_a_folder_or_dead_link_in_the_place_of_a_file_is_a_fault_or_nothing(folder: Folder, file: str) -> None:
    path = folder.path / file
    path.unlink()
    path.symlink_to(folder.path / "nowhere")
    assert [f for f in folder.faults() if f.file == file and "cannot be read" in f.problem]


@pytest.mark.parametrize("name", ["knowledge/zh", "knowledge/en", "intents/zh", "intents/en"])
def test_a_missing_folder_is_a_fault_with_a_way_out(folder: Folder, name: str) -> None:
    shutil.rmtree(folder.path / name)
    (fault,) = [f for f in folder.faults() if f.file == name]
    assert "missing" in fault.problem
    assert "zhanggui init" in fault.fix


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_entry_that_a_skill_says_must_be_there_in_both_languages(folder: Folder, language: str) -> None:
    (folder.path / f"knowledge/{language}/shipping/shipping-fee.md").unlink()
    (fault,) = folder.faults()
    assert fault.file == f"knowledge/{language}"
    assert "`shipping-fee` is missing" in fault.problem
    assert "put shipping-fee.md there" in fault.fix


def test_a_size_chart_that_a_skill_advises_from_must_be_there(folder: Folder) -> None:
    folder.write(CHART_FILE, CHART.replace("category: tops", "category: hats"))
    (fault,) = folder.faults()
    assert fault.file == "knowledge/size-charts"
    assert "`tops` is missing" in fault.problem
    assert "`category: tops`" in fault.fix


def test_a_chart_of_feet_is_in_mm(folder: Folder) -> None:
    folder.write(
        "knowledge/size-charts/shoes.yml", CHART.replace("chest", "foot").replace("cm", "mm").replace("tops", "shoes")
    )
    assert folder.faults() == []
    assert folder.load()[0].charts["shoes"].unit == "mm"


def test_the_bot_does_not_start_without_what_its_skills_say(folder: Folder, brain: Brain) -> None:
    (folder.path / "knowledge/en/payment/payment-failed.md").unlink()
    (folder.path / "knowledge/size-charts/tops.yml").unlink()
    with pytest.raises(KnowledgeFaults) as refused:
        read_mind(folder.path, brain.settings)
    assert [fault.file for fault in refused.value.faults] == ["knowledge/en", "knowledge/size-charts"]


def test_an_empty_folder_is_told_and_does_not_raise(tmp_path: Path) -> None:
    assert {f.file for f in load(tmp_path, SKILLS, NEEDED)[1]} >= {
        "knowledge/zh",
        "knowledge/en",
        "intents/zh",
        "intents/en",
    }


@pytest.mark.parametrize("file", [ENTRY, PHRASE_FILE, INTENT_FILE, CHART_FILE])
@pytest.mark.parametrize("editor", ["lines end in CRLF", "byte order mark", "both"])
def test_files_of_windows_editors_are_read_like_any_other(folder: Folder, file: str, editor: str) -> None:
    good, _ = folder.load()
    raw = (folder.path / file).read_bytes()
    raw = raw if editor == "byte order mark" else raw.replace(b"\n", b"\r\n")
    folder.write(file, raw if editor.startswith("lines") else b"\xef\xbb\xbf" + raw)
    knowledge, faults = folder.load()
    assert faults == []
    assert knowledge.entries == good.entries
    assert (knowledge.phrases, knowledge.intents) == (good.phrases, good.intents)
    assert knowledge.charts["tops"].sizes == good.charts["tops"].sizes


def test_the_line_of_a_fault_is_right_in_a_windows_file(folder: Folder) -> None:
    folder.write(ENTRY, b"\xef\xbb\xbf" + FEE.replace("shipping-time", "shiping-time").encode().replace(b"\n", b"\r\n"))
    assert [f.line for f in folder.faults()] == [7]


@pytest.mark.parametrize(
    "name",
    [".shipping-fee.md.swp", "shipping-fee.md~", ".#shipping-fee.md", "#shipping-fee.md#", "._shipping-fee.md", "~$x.md",
     ".git/x.md", "x.md.tmp", "4913", ".DS_Store"],
)  # fmt: skip
def test_temporary_files_of_editors_are_not_knowledge(folder: Folder, name: str) -> None:
    folder.write(f"knowledge/en/shipping/{name}", b"\x00\xff half a fi")
    folder.write(f"intents/en/{name.replace('.md', '.yml')}", b"\x00\xff half a fi")
    assert folder.faults() == []


def test_files_in_deeper_and_shallower_folders_and_with_the_long_ending_count(folder: Folder) -> None:
    folder.write("knowledge/en/top.md", "---\nid: top\nask: [topmost]\n---\nYes.\n")
    folder.write("knowledge/en/a/b/deep.md", "---\nid: deep\nask: [deepest]\n---\nYes.\n")
    folder.write("intents/en/more.yaml", "nlu:\n- intent: return_request\n  examples: |\n    - take this back\n")
    knowledge, faults = folder.load()
    assert faults == []
    assert {("top", "en"), ("deep", "en")} <= set(knowledge.entries)
    assert "take this back" in knowledge.intents["return_request"]["en"]


def test_phrasings_of_signs_alone_do_not_count_as_the_same(folder: Folder) -> None:
    folder.write(ENTRY, FEE.replace("what does delivery cost", '"???"'))
    folder.write("knowledge/en/shipping/shipping-time.md", TIME.replace("when do you send", '"!"'))
    assert folder.faults() == []


def test_an_entry_may_share_phrasings_with_the_intent_it_answers_but_with_no_other(folder: Folder) -> None:
    folder.write("knowledge/en/smalltalk/hello.md", HELLO.replace("good day", "hiya"))
    assert folder.faults() == []
    folder.write("knowledge/en/smalltalk/hello.md", HELLO.replace("good day", "send it back"))
    assert [f.file for f in folder.faults()] == ["knowledge/en/smalltalk/hello.md"]


READERS: dict[str, Callable[[Path, Reading], object]] = {
    "x.md": lambda path, reading: read_entry(path, "en", reading),
    "phrases.yml": lambda path, reading: read_phrases(path, "en", reading),
    "chart.yml": read_chart,
    "intents.yml": read_intents,
}
SNIPPETS = st.sampled_from(
    ["---\n", "\n", "id: x\n", "ask:", "- ", "  ", "{", "}", "[", "]", ": ", "&a ", "*a", "!!python/object ", "|\n", "nlu:\n",
     "- intent: a\n", "  examples: |\n", "sizes:\n", "measures: [a]\n", "names: ", "notes: ", "<<: ", "? ", "!!set ", "2026-13-45",
     "!!int x", "variants:\n", "- when: ", "answer: ", "%YAML 9.9\n", "...\n", "\t", "\0", "0o9", "~", "'", '"', "null", "1e999"]
)  # fmt: skip


@given(
    content=st.binary(max_size=200)
    | st.lists(SNIPPETS | st.text(max_size=4), max_size=20).map(lambda p: "".join(p).encode())
)
@settings(max_examples=200, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_no_bytes_in_a_file_make_a_reader_raise(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.getbasetemp()
    for name, read in READERS.items():
        path = place / name
        path.write_bytes(content)
        reading = Reading(name)
        found = read(path, reading)
        lines = content.count(b"\n") + content.count(b"\r") + 2
        assert all(1 <= fault.line <= lines and fault.problem and fault.fix for fault in reading.faults)
        assert reading.faults or found is not None


def test_annotations_of_rasa_become_the_words_a_customer_types(folder: Folder) -> None:
    folder.write(
        "intents/en/all.yml",
        INTENTS
        + """\
- intent: return_request
  examples: |
    - the [red](colour) dress in [medium]{"entity": "size", "value": "M"} please
- synonym: red
  examples: |
    - crimson
- lookup: colour
  examples: |
    - red
- regex: number
  examples: |
    - \\d+
""",
    )
    knowledge, faults = folder.load()
    assert faults == []
    assert knowledge.intents["return_request"]["en"][-1] == "the red dress in medium please"
    assert set(knowledge.intents) == {"return_request", "greeting", "human"}


def entry(**more: object) -> Entry:
    return Entry("x", "en", "x.md", ("x",), "plain", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("channel", "tier", "said"),
    [("web", "regular", "plain"), ("wechat", "regular", "wechat"), ("web", "gold", "gold"), ("wechat", "gold", "both")],
)
def test_the_most_particular_variant_is_said(channel: str, tier: str, said: str) -> None:
    variants = (Variant("wechat", "wechat"), Variant("gold", None, "gold"), Variant("both", "wechat", "gold"))
    assert entry(variants=variants).answer_for(channel, tier) == said


@pytest.mark.parametrize(
    ("regions", "said"),
    [((), "plain"), (("hmt",), "hmt"), (("abroad",), "plain"), (("hmt", "abroad"), "plain"), (("remote",), "web")],
)
def test_the_region_that_is_named_chooses_the_answer_and_two_regions_get_what_is_said_to_all(
    regions: tuple[str, ...], said: str
) -> None:
    variants = (
        Variant("hmt", region="hmt"),
        Variant("web", channel="web", region="remote"),
        Variant("no", region="remote"),
    )
    assert entry(variants=variants).answer_for("web", "gold", regions) == said


def test_a_variant_for_some_time_is_said_in_its_time_and_before_one_that_is_as_particular() -> None:
    always, sale = Variant("gold", tier="gold"), Variant("sale", tier="gold", valid_until=datetime(2027, 11, 11, 20))
    both = entry(variants=(always, sale, Variant("today", valid_from=date(2027, 11, 11))))
    times = [datetime(2027, 11, 10), datetime(2027, 11, 11, 19, 59), datetime(2027, 11, 11, 20)]
    assert [both.answer_for("web", "gold", (), at) for at in times] == ["sale", "sale", "gold"]
    assert [both.answer_for("web", "regular", (), at) for at in times] == ["plain", "today", "today"]
    assert both.answer_for("web", "regular") == "plain"


def test_regions_and_times_in_a_file_are_read(folder: Folder) -> None:
    variants = (
        "variants:\n  - when: {region: hmt}\n    valid_until: 2027-06-30 18:00\n    answer: Ask us.\n"
        "  - valid_from: 2027-07-01\n    answer: Soon.\nvalid_from: 2027-01-01 08:30:00\ntags: ["
    )
    folder.write(ENTRY, FEE.replace("tags: [", variants))
    knowledge, faults = folder.load()
    assert faults == []
    found = knowledge.entries["shipping-fee", "en"]
    assert found.variants == (
        Variant("Ask us.", region="hmt", valid_until=datetime(2027, 6, 30, 18)),
        Variant("Soon.", valid_from=date(2027, 7, 1)),
    )
    assert found.valid_from == datetime(2027, 1, 1, 8, 30)


def test_variants_in_a_file_are_read(folder: Folder) -> None:
    variants = (
        "variants:\n  - when: {channel: wechat, tier: gold}\n    answer: >-\n      For gold,\n      free.\ntags: ["
    )
    folder.write(ENTRY, FEE.replace("tags: [", variants))
    knowledge, faults = folder.load()
    assert faults == []
    assert knowledge.entries["shipping-fee", "en"].answer_for("wechat", "gold") == "For gold, free."


def test_the_version_changes_with_the_answer_and_its_variants_only() -> None:
    assert entry().version == entry(tags=("a",)).version
    assert entry().version != entry(variants=(Variant("other"),)).version


def test_nothing_is_said_with_a_hole_in_it() -> None:
    assert fill("From {policy.free_shipping}.", {"policy.free_shipping": "¥99"}) == "From ¥99."
    with pytest.raises(KeyError):
        fill("From {policy.free_shipping}.", {})


# --- what the bot knows while the files change ---------------------------------------------------------------------
@pytest.fixture
def brain(folder: Folder) -> Brain:
    for language in ("zh", "en"):
        shutil.copy(starter_folder() / "knowledge" / language / "phrases.yml", folder.path / "knowledge" / language)
        for entry_id in ENTRIES:
            (path,) = (starter_folder() / "knowledge" / language).glob(f"*/{entry_id}.md")
            text = re.sub(r"^next: .*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            folder.write(f"knowledge/{language}/{path.parent.name}/{path.name}", text)
    shutil.copytree(
        starter_folder() / "knowledge" / "size-charts", folder.path / "knowledge" / "size-charts", dirs_exist_ok=True
    )
    shop = demo_settings()
    return Brain(folder.path, shop, read_mind(folder.path, shop))


def said(brain: Brain, text: str) -> str:
    """Return what the bot's knowledge answers to `text` right now."""
    meaning = brain.mind.engine.understand(text, "en", Catalogue())
    found = brain.mind.knowledge.entry(meaning.ranked[0][0], "en")
    return found.answer if found else ""


def test_a_good_edit_is_known_after_a_reload(folder: Folder, brain: Brain) -> None:
    assert "Within" in said(brain, "when do you send")
    folder.write("knowledge/en/shipping/shipping-time.md", TIME.replace("Within", "At most"))
    assert "Within" in said(brain, "when do you send")
    assert brain.reload()
    assert "At most" in said(brain, "when do you send")
    assert brain.faults == []


def test_a_bad_edit_keeps_the_last_good_set_and_is_listed_until_it_is_repaired(folder: Folder, brain: Brain) -> None:
    before = brain.mind
    folder.write("knowledge/en/shipping/shipping-time.md", TIME.replace("Within", "At most {policy.dispach_h}"))
    assert not brain.reload()
    assert brain.mind is before
    assert "Within" in said(brain, "when do you send")
    assert [(f.file, f.line) for f in brain.faults] == [("knowledge/en/shipping/shipping-time.md", 5)]
    folder.write("knowledge/en/shipping/shipping-time.md", TIME.replace("Within", "At most"))
    assert brain.reload()
    assert brain.faults == []
    assert "At most" in said(brain, "when do you send")


def test_folders_that_vanish_while_the_shop_runs_keep_the_last_good_set(folder: Folder, brain: Brain) -> None:
    before = brain.mind
    shutil.rmtree(folder.path / "knowledge")
    assert not brain.reload()
    assert brain.mind is before
    assert any("missing" in fault.problem for fault in brain.faults)


def test_a_set_that_nothing_can_be_learnt_from_keeps_the_last_good_one(folder: Folder, brain: Brain) -> None:
    before = brain.mind
    for number, path in enumerate(sorted((folder.path / "knowledge" / "zh").glob("*/*.md"))):
        path.write_text(f'---\nid: {path.stem}\nask: ["{"?" * (number + 1)}"]\n---\nYes.\n', encoding="utf-8")
    folder.write("intents/zh/all.yml", 'nlu:\n- intent: human\n  examples: |\n    - "!"\n')
    folder.write("intents/en/all.yml", "nlu:\n- intent: human\n  examples: |\n    - a person please\n")  # no buttons
    assert not brain.reload()
    assert brain.mind is before
    assert "nothing can be learnt" in str(brain.faults[0])


def test_a_shop_does_not_open_with_faults_and_names_them_all(folder: Folder, brain: Brain) -> None:
    folder.write("knowledge/en/shipping/shipping-time.md", TIME.replace("ask", "aks"))
    with pytest.raises(KnowledgeFaults, match=r"shipping-time\.md:3: unknown key `aks`\. Did you mean `ask`"):
        read_mind(folder.path, brain.settings)
