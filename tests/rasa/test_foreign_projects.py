"""A project that somebody else wrote for Rasa: what can be had of it is taken, what cannot is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.errors import FileFault
from bot.knowledge.entries import Knowledge, Variant
from bot.rasa.back import NoProject, Read, read_back
from bot.rasa.shopfiles import check_places, plan

NLU = """\
version: "3.1"
nlu:
- intent: ask_vouchers
  examples: |
    - do you sell [gift cards](product)
    - a voucher for [fifty]{"entity": "amount", "value": "50"} please
    - vouchers in [red][{"entity": "colour"}, {"entity": "wish"}]?
- intent: book_table
  examples: |
    - a table for two
- synonym: gift cards
  examples: |
    - present cards
- regex: zip
  examples: |
    - \\d{5}
- lookup: town
  examples: |
    - Berlin
- intent: chitchat/ask_name
  examples:
  - text: |
      who are you then
    metadata:
      sentiment: neutral
  - text: tell me your name, machine
- intent: chitchat/lost
  examples: |
    - nobody wrote an answer
"""
DOMAIN = """\
version: "3.1"
intents: [ask_vouchers, book_table, chitchat]
responses:
  utter_vouchers:
  - text: "Yes, from ten."
    buttons:
    - title: Buy
      payload: /buy
  - text: "Yes!"
  - text: "Yes, tap below."
    channel: telegram
  - text: "Yes, in the app."
    channel: facebook
  utter_more:
  - text: Ask for more.
  utter_slot:
  - text: "Hello {guest}"
"""
RULES = """\
version: "3.1"
rules:
- rule: vouchers
  steps:
  - intent: ask_vouchers
  - action: utter_vouchers
- rule: table
  steps:
  - intent: book_table
  - action: action_book
- rule: chitchat
  steps:
  - intent: chitchat
  - action: utter_chitchat
- rule: fallback
  steps:
  - intent: nlu_fallback
  - action: utter_more
stories:
- story: long
  steps:
  - intent: ask_vouchers
  - action: utter_vouchers
  - intent: book_table
  - action: utter_more
"""
CHITCHAT = """\
responses:
  utter_chitchat/ask_name:
  - text: I am the shop's assistant.
  utter_chitchat/unasked:
  - text: Nobody asks for this.
"""
FILES = {
    "config.yml": "language: en\npipeline: []\n",
    "domain.yml": DOMAIN,
    "data/nlu.yml": NLU,
    "data/rules.yml": RULES,
    "data/chitchat.yml": CHITCHAT,
    "tests/test_stories.yml": "stories: nonsense\n",
    "models/odd.yml": "\t- nonsense",
}


def laid(folder: Path, **changed: str) -> Path:
    for name, text in {**FILES, **changed}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def read(tmp_path: Path) -> Read:
    return read_back(laid(tmp_path))


def notes(read: Read, file: str) -> dict[int, str]:
    return {note.line: note.problem for note in read.notes if note.file == file}


def test_annotations_become_plain_words(read: Read) -> None:
    assert read.faults == ()
    assert read.knowledge.intents["ask_vouchers"] == {
        "en": ("do you sell gift cards", "a voucher for fifty please", "vouchers in red?")
    }


def test_a_retrieval_intent_with_its_response_becomes_an_entry(read: Read) -> None:
    entry = read.knowledge.entries["chitchat-ask_name", "en"]
    assert entry.ask == ("who are you then", "tell me your name, machine")
    assert entry.answer == "I am the shop's assistant."
    assert entry.file == "knowledge/en/rasa/chitchat-ask_name.md"


def test_a_response_that_a_rule_gives_to_an_intent_becomes_an_entry_for_it(read: Read) -> None:
    entry = read.knowledge.entries["vouchers", "en"]
    assert (entry.intents, entry.ask, entry.answer) == (("ask_vouchers",), (), "Yes, from ten.")
    assert entry.variants == (Variant("Yes, tap below.", channel="telegram"),)
    assert set(read.knowledge.entries) == {("vouchers", "en"), ("chitchat-ask_name", "en")}


def test_a_story_of_one_turn_counts_as_a_rule(tmp_path: Path) -> None:
    story = "stories:\n- story: v\n  steps:\n  - or:\n    - intent: ask_vouchers\n    - intent: book_table\n  - action: utter_vouchers\n  - action: utter_more\n"
    (entry,) = (
        e for e in read_back(laid(tmp_path, **{"data/rules.yml": story})).knowledge.entries.values() if e.intents
    )
    assert entry.intents == ("ask_vouchers", "book_table")
    assert entry.answer == "Yes, from ten.\nAsk for more."


def test_all_that_is_left_out_is_told_with_its_place(read: Read) -> None:
    assert notes(read, "data/nlu.yml") == {
        3: "annotations of entities in `ask_vouchers` are left out",
        11: "the synonym `gift cards` is left out",
        14: "the regex `zip` is left out",
        17: "the lookup `town` is left out",
        27: "`chitchat/lost` has no response",
    }
    assert notes(read, "data/rules.yml") == {
        7: "`action_book` is no response; book_table is left out",
        20: "`long` is more than one question and its answer, and is left out",
    }
    assert [note.problem for note in read.notes if note.file == "domain.yml"] == [
        "`utter_vouchers` has 2 texts, the first is taken",
        "`utter_vouchers` has buttons, which are left out",
        "`utter_vouchers` for channel is left out",
    ]
    assert notes(read, "data/chitchat.yml") == {4: "nothing asks for `utter_chitchat/unasked`"}


def test_a_text_with_a_slot_that_nothing_fills_is_no_answer(tmp_path: Path) -> None:
    read = read_back(laid(tmp_path, **{"data/rules.yml": RULES.replace("utter_vouchers", "utter_slot")}))
    assert "utter_slot" not in {entry.id for entry in read.knowledge.entries.values()}
    assert "`utter_slot` names the slot `{guest}`, and is left out" in notes(read, "domain.yml").values()


@pytest.mark.parametrize(
    ("file", "text", "line", "problem"),
    [
        ("data/nlu.yml", "nlu:\n- intent: a\n  examples: |\n    - x\n    y\n", 5, "does not begin with `-`"),
        ("data/nlu.yml", "nlu:\n- intent: a\n", 2, "has no examples"),
        ("data/nlu.yml", "nlu:\n- examples: |\n    - x\n", 2, "names no intent"),
        ("data/nlu.yml", "nlu:\n- just words\n", 2, "has no keys"),
        ("data/nlu.yml", "nlu: words\n", 1, "must be a list"),
        ("data/nlu.yml", "nlu:\n- intent: a\n  examples:\n  - metadata: 1\n", 4, "has no text"),
        ("data/nlu.yml", "nlu:\n- intent: a: b\n", 2, "this is not YAML"),
        ("data/chitchat.yml", "responses:\n  utter_x: words\n", 2, "must be a list of responses"),
        ("data/chitchat.yml", "responses:\n  utter_more:\n  - text: again\n", 2, "is said in"),
        ("data/rules.yml", "rules:\n- rule: a\n  steps: 5\n", 3, "`steps` must be a list"),
        ("data/chitchat.yml", "responses: 5\n", 1, "`responses` has no keys"),
        ("data/chitchat.yml", "responses:\n  utter_x:\n  - text: a\n    condition: 5\n", 4, "must be a list"),
    ],
)
def test_what_cannot_be_read_is_a_fault_with_file_and_line(
    tmp_path: Path, file: str, text: str, line: int, problem: str
) -> None:
    faults = read_back(laid(tmp_path, **{file: text})).faults
    assert any(fault.line == line and problem in fault.problem for fault in faults), faults


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (laid(tmp_path) / "data" / "nlu.yml").write_bytes("nlu: 退货".encode("gbk"))
    (fault,) = (fault for fault in read_back(tmp_path).faults if fault.file == "data/nlu.yml")
    assert "not UTF-8" in fault.problem


def test_a_folder_without_a_project_or_a_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoProject, match=r"no Rasa project"):
        read_back(tmp_path)
    laid(tmp_path, **{"config.yml": "language: de\n"})
    with pytest.raises(NoProject, match="`de`"):
        read_back(tmp_path)
    assert read_back(tmp_path, "en").knowledge.entries


def test_intents_that_nothing_here_answers_are_left_out_with_a_note(read: Read) -> None:
    planned = plan(read.knowledge, Knowledge(), frozenset(), {})
    assert "book_table" not in planned.files["intents/en/rasa.yml"]
    assert any("nothing here answers the intent `book_table`" in note.problem for note in planned.notes)


def ours(**said: str) -> str:
    """Return a file with one response as an export writes it, about an entry of which `said` is told."""
    told = "".join(f"        {key}: {value}\n" for key, value in said.items())
    return f"responses:\n  utter_faq/fee:\n  - text: Ten.\n    metadata:\n      zhanggui:\n{told}"


def test_a_project_does_not_say_in_which_file_its_entries_go(tmp_path: Path) -> None:
    laid(tmp_path, **{"data/fee.yml": ours(entry="fee", file="../outside/evil.txt")})
    assert read_back(tmp_path).knowledge.entries["fee", "en"].file == "knowledge/en/rasa/fee.md"


@pytest.mark.parametrize(
    ("entry", "folder"),
    [("../evil", "x"), ("fee", "../.."), ("fee", "/tmp"), ("fee", "a//b"), ("fee", "5"), ("'a b'", "x")],
)
def test_an_id_or_folder_that_is_no_name_is_a_fault(tmp_path: Path, entry: str, folder: str) -> None:
    laid(tmp_path, **{"data/fee.yml": ours(entry=entry, folder=folder)})
    (fault,) = read_back(tmp_path).faults
    assert (fault.file, fault.line) == ("data/fee.yml", 2)
    assert "no names of files" in fault.problem


@pytest.mark.parametrize("file", ["../outside/evil.txt", "/etc/evil.md", "knowledge/../../evil.md", "."])
def test_nothing_is_written_outside_of_the_shop(tmp_path: Path, file: str) -> None:
    check_places(tmp_path, ["knowledge/en/rasa/fee.md"])
    with pytest.raises(FileFault, match="outside"):
        check_places(tmp_path, [file])


# --- the command -----------------------------------------------------------------------------------------------------
def run(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["rasa", *map(str, words)])
    return done.exit_code, done.stdout


def made(shop: Path) -> Path:
    """Make a shop that passes: answers need something to fill their fields with."""
    from bot.starter import SHOP_TOML, make_shop

    make_shop(shop, SHOP_TOML.replace('phone = ""', 'phone = "400-1"').replace('email = ""', 'email = "a@example.com"'))
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("shops") / "shop")


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all but what is kept in data/, which reading a shop may write."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith("data/")}


def test_a_project_is_imported_whole_or_not_at_all(shop: Path, tmp_path: Path) -> None:
    project = laid(tmp_path)
    before = files_of(shop)
    status, said = run("import", project, "--dir", shop, "--dry-run")
    assert (status, files_of(shop)) == (0, before)
    assert "knowledge/en/rasa/vouchers.md" in said

    bad = RULES.replace("- intent: ask_vouchers\n  - action", "- intent: greeting\n  - action")
    (project / "data" / "rules.yml").write_text(bad + "- story: broken: x\n", "utf-8")
    assert run("import", project, "--dir", shop)[0] == 1
    assert files_of(shop) == before

    (project / "data" / "rules.yml").write_text(RULES, "utf-8")
    status, said = run("import", project, "--dir", shop)
    assert status == 0, said
    new = files_of(shop).keys() - before.keys()
    assert new == {
        "knowledge/en/rasa/vouchers.md",
        "knowledge/en/rasa/chitchat-ask_name.md",
        "intents/en/rasa.yml",
    }
    assert CliRunner().invoke(app, ["check", "--dir", str(shop)]).exit_code == 0

    (project / "domain.yml").write_text(DOMAIN.replace("from ten", "from twenty"), "utf-8")
    assert run("import", project, "--dir", shop)[0] == 1, "the shop says something else"
    assert run("import", project, "--dir", shop, "--replace")[0] == 0
    assert "from twenty" in (shop / "knowledge" / "en" / "rasa" / "vouchers.md").read_text("utf-8")


def test_what_an_earlier_import_wrote_stays(tmp_path: Path) -> None:
    shop, project = made(tmp_path / "shop"), laid(tmp_path / "project")
    assert run("import", project, "--dir", shop)[0] == 0
    laid(project, **{"data/nlu.yml": NLU.replace("- do you sell", "- is there a shelf of\n    - do you sell")})
    assert run("import", project, "--dir", shop)[0] == 0
    said = (shop / "intents" / "en" / "rasa.yml").read_text("utf-8")
    assert "do you sell gift cards" in said
    assert "is there a shelf of" in said
    listed = CliRunner().invoke(app, ["knowledge", "history", "--json", "--dir", str(shop)]).stdout
    assert "before rasa import project" in listed


def test_the_export_of_a_shop_imports_as_no_change(shop: Path, tmp_path: Path) -> None:
    assert run("export", tmp_path / "out", "--dir", shop)[0] == 0
    assert run("import", tmp_path / "out", "--dir", shop, "--dry-run") == (0, "")


def test_serving_what_was_never_trained_says_what_to_do(shop: Path) -> None:
    done = CliRunner().invoke(app, ["rasa", "serve", "--dir", str(shop)])
    assert "zhanggui rasa train --lang zh" in str(done.exception)
