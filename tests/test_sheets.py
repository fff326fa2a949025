"""Spreadsheets: what is exported comes back the same; bad ones are told by row and column, and change nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from bot.errors import FileFault
from bot.knowledge.entries import REGIONS, Entry, Variant
from bot.knowledge.entryfile import CHANNEL_KINDS, CONTROL
from bot.knowledge.entrytext import entry_text
from bot.knowledge.parts import parts_of
from bot.knowledge.sheetfile import Row, read_sheet, write_sheet
from bot.knowledge.sheetrows import COLUMNS, entries_of, rows_of
from bot.publishing.sheets import Plan, apply, plan
from tests.smallshop import FEE, SmallShop, small_shop


@pytest.fixture
def shop(tmp_path: Path) -> SmallShop:
    return small_shop(tmp_path / "shop")


def planned(shop: SmallShop, sheet: Path) -> Plan:
    return plan(read_sheet(sheet), sheet.name, shop.folder, shop.read(), shop.settings)


def a_csv(path: Path, *rows: tuple[str, ...], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


# --- there and back --------------------------------------------------------------------------------------------------
def clean(text: str) -> str:
    return CONTROL.sub("", text).replace("{", "(").replace("}", ")").replace("\r", "").strip()


odd = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30).map(clean)
lines = st.one_of(
    odd,
    st.sampled_from(
        [
            "yes",
            "null",
            "12:30",
            "2027-01-01",
            "- a",
            "a: b",
            "# a",
            "'",
            '"',
            "\\n",
            "a\\",
            "=1+1",
            "---",
            "[x]",
            "_x0041_",
        ]
    ),
).filter(bool)
moments = st.none() | st.dates(date(1000, 1, 1), date(9998, 1, 1)) | st.datetimes(datetime(1000, 1, 1), datetime(9998, 1, 1)).map(
    lambda at: at.replace(second=0, microsecond=0)
)  # fmt: skip
variants = st.builds(
    Variant,
    lines,
    st.none() | st.sampled_from(CHANNEL_KINDS),
    st.none() | lines,
    st.none() | st.sampled_from(REGIONS),
    st.none() | st.just(date(2027, 1, 1)),
    st.none() | st.just(datetime(2027, 6, 1, 18, 30)),
).filter(lambda v: any((v.channel, v.tier, v.region, v.valid_from, v.valid_until)))
items = st.lists(lines, max_size=3).map(tuple)
entries = st.builds(
    Entry,
    st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True),
    st.sampled_from(("zh", "en")),
    st.just(""),
    st.lists(lines, min_size=1, max_size=4).map(tuple),
    st.lists(lines, min_size=1, max_size=3).map("\n".join),
    st.lists(variants, max_size=3).map(tuple),
    items,
    items,
    items,
    st.just("") | lines,
    st.none() | st.just(date(2027, 1, 1)),
    moments.filter(lambda m: m is None or m.year > 2027),
    st.none() | st.dates(date(1000, 1, 1)),
    items,
)
written = st.lists(entries, min_size=1, max_size=5, unique_by=lambda e: (e.id, e.language)).map(
    lambda found: [replace(e, file=f"knowledge/{e.language}/topic/{e.id}.md") for e in found]
)


@settings(max_examples=150, deadline=None)
@given(entries)
def test_an_entry_that_is_written_reads_back_as_the_same(entry: Entry) -> None:
    entry = replace(entry, file=f"knowledge/{entry.language}/topic/{entry.id}.md")
    (part,) = parts_of({entry.file: entry_text(entry).encode()}, {}).values()
    assert part.faults == ()
    assert part.entry == entry


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=written)
def test_what_is_exported_comes_back_the_same(made: list[Entry], ending: str, tmp_path: Path) -> None:
    sheet = tmp_path / f"sheet.{ending}"
    write_sheet(sheet, list(rows_of(made)))
    found, faults = entries_of(read_sheet(sheet), {}, "sheet")
    assert faults == []
    assert [one.entry for one in found] == made


@pytest.mark.parametrize("ending", ["xlsx", "csv"])
def test_importing_what_was_exported_changes_nothing(shop: SmallShop, tmp_path: Path, ending: str) -> None:
    sheet = tmp_path / f"all.{ending}"
    write_sheet(sheet, list(rows_of(shop.read().knowledge.entries.values())))
    made = planned(shop, sheet)
    assert made == Plan({}, (), (), ())


# --- editing in a sheet ----------------------------------------------------------------------------------------------
def test_a_sheet_with_a_few_columns_changes_only_those(shop: SmallShop, tmp_path: Path) -> None:
    rows = (("ID", "Language", "Answer"), ("shipping-fee", "en", "Always free."), ("new-one", "en", "Yes."))
    made = planned(shop, a_csv(tmp_path / "a.csv", *rows))
    assert [str(f) for f in made.faults] == [
        "a.csv:3: new-one (en): nothing leads to this entry. Add `ask:` with at least one phrasing"
    ]
    made = planned(shop, a_csv(tmp_path / "a.csv", *rows[:2]))
    (change,) = made.changes
    assert change.split("\n")[0] == "~ shipping-fee (en): answer"
    before = shop.read().knowledge.entries["shipping-fee", "en"]
    apply(made, shop.folder)
    files = shop.read()
    assert files.faults == ()
    assert files.knowledge.entries["shipping-fee", "en"] == replace(before, answer="Always free.")


def test_an_entry_moves_with_its_folder_and_leaves_nothing_behind(shop: SmallShop, tmp_path: Path) -> None:
    rows = (("id", "language", "answer", "folder"), ("care-wool", "en", "By hand.", "washing/wool"))
    apply(planned(shop, a_csv(tmp_path / "a.csv", *rows)), shop.folder)
    assert not (shop.folder / "knowledge/en/care/care-wool.md").exists()
    files = shop.read()
    assert files.faults == ()
    assert files.knowledge.entries["care-wool", "en"].file == "knowledge/en/washing/wool/care-wool.md"


def test_real_days_and_numbers_in_cells_are_taken_as_they_look(shop: SmallShop, tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["id", "language", "answer", "valid_until", "review_by", "ask"])
    book.active.append(["care-wool", "en", 30, datetime(2027, 6, 30, 18), date(2027, 1, 2), "wool\nis it 30 degrees"])
    book.save(tmp_path / "a.xlsx")
    found, faults = entries_of(read_sheet(tmp_path / "a.xlsx"), {}, "a.xlsx")
    assert faults == []
    entry = found[0].entry
    assert (entry.answer, entry.valid_until, entry.review_by) == ("30", datetime(2027, 6, 30, 18), date(2027, 1, 2))
    assert entry.ask == ("wool", "is it 30 degrees")


HEAD = ("id", "language", "ask", "answer", "channel", "region", "valid_from", "owner")
BAD: dict[str, tuple[tuple[tuple[str, ...], ...], int, str]] = {
    "an unknown column": ((("id", "language", "anser"),), 1, "column C (anser): there is no such column. Did you mean `answer`?"),
    "no language": ((HEAD, ("a", "fr", "q", "yes")), 2, "column B (language): `fr` is no language here. Write zh or en"),
    "an id that leads out of the folder": ((HEAD, ("../a", "en", "q", "yes")), 2, "column A (id): `../a` is no id"),
    "no answer": ((HEAD, ("a", "en", "q", " ")), 2, "column D (answer): the answer is empty"),
    "a day that is none": ((HEAD, ("a", "en", "q", "yes", "", "", "soon")), 2, "column G (valid_from): `soon` is no day or minute"),
    "an entry twice": ((HEAD, ("a", "en", "q", "yes"), ("a", "en", "", "no")), 3, "column A (id): `a` is there twice"),
    "a variant with an owner": (
        (HEAD, ("a", "en", "q", "yes"), ("a", "en", "", "no", "web", "", "", "me")), 3, "column H (owner): `a` has a row above",
    ),
    "a variant of nothing": ((HEAD, ("a", "en", "q", "yes", "web")), 2, "column A (id): `a` begins with a variant"),
    "an unknown region": (
        (HEAD, ("a", "en", "q", "yes"), ("a", "en", "", "no", "", "mainlnd")), 3, "column F (region): there is no `mainlnd`. Did you mean `mainland`?",
    ),
    "a field nobody fills": ((HEAD, ("a", "en", "q", "{policy.retrn_days}")), 2, "a (en): there is no field `{policy.retrn_days}`"),
    "a phrasing of another entry": ((HEAD, ("a", "en", "is shipping free", "yes")), 2, "a: 'is shipping free' also leads to shipping-fee"),
    "an empty sheet": ((), 1, "the sheet is empty"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_sheet_is_told_by_row_and_column_and_changes_nothing(shop: SmallShop, tmp_path: Path, kind: str) -> None:
    rows, line, problem = BAD[kind]
    made = planned(shop, a_csv(tmp_path / "bad.csv", *rows))
    assert any(str(f).startswith(f"bad.csv:{line}: {problem}") for f in made.faults), [str(f) for f in made.faults]


def test_every_bad_row_of_a_sheet_is_told_at_once(shop: SmallShop, tmp_path: Path) -> None:
    rows = (
        HEAD,
        ("a", "fr", "q", "yes"),
        ("b", "en", "q", "{shop.phone now"),
        ("c", "en", "is shipping free", "yes"),
        ("d", "en", "q", ""),
        ("d", "en", "", "no", "web"),  # nothing is wrong with this one but the row above it
        ("e", "en", "q", "yes", "", "", "soon"),
        ("fine", "en", "does it glow in the dark", "yes"),
    )
    made = planned(shop, a_csv(tmp_path / "bad.csv", *rows))
    assert [fault.line for fault in made.faults] == [2, 3, 4, 5, 7]
    assert {fault.file for fault in made.faults} == {"bad.csv"}


def test_a_sheet_without_a_column_is_told_once(shop: SmallShop, tmp_path: Path) -> None:
    made = planned(shop, a_csv(tmp_path / "bad.csv", ("id", "language", "ask"), ("a", "en", "q"), ("b", "en", "q")))
    assert [(fault.line, fault.problem) for fault in made.faults] == [(1, "column (answer): the column is missing")]


def test_a_change_shows_what_goes_and_what_comes_cut_short(shop: SmallShop, tmp_path: Path) -> None:
    asked = "\n".join(["how much is postage", *(f"is it number {n}" for n in range(5))])
    rows = (
        ("id", "language", "ask", "answer"),
        ("shipping-fee", "en", asked, "Always free.\nReally."),
        ("new", "en", "does it glow in the dark", "No. " * 50),
    )
    changed, new = planned(shop, a_csv(tmp_path / "a.csv", *rows)).changes
    assert changed.split("\n") == [
        "~ shipping-fee (en): ask, answer",
        "    - is shipping free",
        "    - what do you charge for delivery",
        "    - postage costs please",
        "    - and 1 more",
        "    + is it number 0",
        "    + is it number 1",
        "    + is it number 2",
        "    + and 2 more",
        "    - Free from {policy.free_shipping}, else {policy.shipping_fee}.",
        "    + Always free. / Really.",
    ]
    assert new.split("\n")[:2] == ["+ new (en)", "    + does it glow in the dark"]
    assert new.endswith("No. No.…") and len(new.split("\n")[2]) == 106


def test_a_write_that_fails_half_way_is_taken_back(shop: SmallShop) -> None:
    before = shop.contents()
    (shop.folder / "knowledge/en/blocked").write_text("no folder")
    before = shop.contents()
    writes = {FEE: "new", "knowledge/en/blocked/a.md": "cannot be written"}
    with pytest.raises(OSError):
        apply(Plan(writes, (), (), ()), shop.folder)
    assert shop.contents() == before


# --- sheets of the shops' own ----------------------------------------------------------------------------------------
QUESTIONS = (
    ("问题", "答案"),
    ("有实体店吗", "只有网店哦"),
    ("在哪里可以试穿", "只有网店哦"),
    ("do you gift wrap?\nis there a gift box", "Yes, for free."),
)


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("gbk", ","), ("utf-16", "\t")]
)
def test_a_sheet_of_questions_and_answers_becomes_entries(
    shop: SmallShop, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    sheet = a_csv(tmp_path / "qa.csv", *QUESTIONS, encoding=encoding, delimiter=delimiter)
    made = planned(shop, sheet)
    assert made.faults == ()
    apply(made, shop.folder)
    fresh = {e.answer: e for e in shop.read().knowledge.entries.values() if "/imported/" in e.file}
    assert fresh["只有网店哦"].ask == ("有实体店吗", "在哪里可以试穿")
    assert fresh["Yes, for free."].ask == ("do you gift wrap?", "is there a gift box")
    assert fresh["Yes, for free."].id.startswith("do-you-gift-wrap-")
    assert planned(shop, sheet).changes == ()


def test_what_entries_of_a_plain_sheet_were_given_meanwhile_stays(shop: SmallShop, tmp_path: Path) -> None:
    apply(planned(shop, a_csv(tmp_path / "qa.csv", *QUESTIONS)), shop.folder)
    (made,) = (e for e in shop.read().knowledge.entries.values() if e.answer == "Yes, for free.")
    kept = replace(
        made,
        file=f"knowledge/en/gifts/{made.id}.md",
        variants=(Variant("Yes, in gold.", tier="gold"),),
        next=("shipping-fee",),
        tags=("gift",),
        owner="service",
        valid_until=date(2099, 1, 1),
        review_by=date(2098, 1, 1),
        test=("can you wrap it",),
    )
    (shop.folder / made.file).unlink()
    shop.write(kept.file, entry_text(kept))
    assert planned(shop, tmp_path / "qa.csv") == Plan({}, (), (), ())
    changed = (*QUESTIONS[:3], (QUESTIONS[3][0], "Yes, for ever."))
    again = planned(shop, a_csv(tmp_path / "qa.csv", *changed))
    (change,) = again.changes
    assert change.split("\n")[0] == f"~ {made.id} (en): answer"
    apply(again, shop.folder)
    files = shop.read()
    assert files.faults == ()
    assert files.knowledge.entries[made.id, "en"] == replace(kept, answer="Yes, for ever.")


def test_two_columns_of_an_export_are_no_questions_and_answers(shop: SmallShop, tmp_path: Path) -> None:
    made = planned(shop, a_csv(tmp_path / "a.csv", ("id", "answer"), ("shipping-fee", "Always free.")))
    assert made.writes == {} or made.faults
    assert "a.csv:1: column (language): the column is missing" in str(made.faults[0])


def test_without_a_head_the_first_row_is_a_question_too(shop: SmallShop, tmp_path: Path) -> None:
    made = planned(shop, a_csv(tmp_path / "qa.csv", *QUESTIONS[1:]))
    assert len(made.changes) == 2


def test_a_question_without_an_answer_or_asked_twice_is_told(shop: SmallShop, tmp_path: Path) -> None:
    rows = (("Question", "Answer"), ("where are you", ""), ("who are you", "a shop"), ("who are you", "a bot"))
    made = planned(shop, a_csv(tmp_path / "qa.csv", *rows))
    assert [(f.line, f.problem) for f in made.faults] == [
        (2, "column B: the answer is empty"),
        (4, "column A: 'who are you' is asked in row 3 too"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 half a file", "no whole .xlsx file"),
        (b"\xd0\xcf\x11\xe0 old", "old .xls file"),
        (b"id,answer\n\xff\xff\xff", "UTF-8, UTF-16 or GBK"),
        (b'id,answer\n"open,1\n', "quote"),
        (b"a\x00b", "UTF-8, UTF-16 or GBK"),
    ],
)
def test_a_file_that_is_no_sheet_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(FileFault, match=said):
        read_sheet(path)


def test_a_missing_sheet_and_another_ending_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileFault, match="cannot be read"):
        read_sheet(tmp_path / "none.xlsx")
    with pytest.raises(FileFault, match=r"FILE\.xlsx or FILE\.csv"):
        write_sheet(tmp_path / "a.ods", [COLUMNS])
    with pytest.raises(FileFault, match="32767"):
        write_sheet(tmp_path / "a.csv", [COLUMNS, ("a", "x" * 40_000)])


def test_rows_count_as_people_see_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('q,a\n\n"two\nlines",b\n', encoding="utf-8")
    assert read_sheet(path) == [Row(1, ("q", "a")), Row(3, ("two\nlines", "b"))]


@pytest.mark.parametrize("head", ["question,answer", "id,language,answer"])
def test_a_cell_too_many_is_told_by_its_row(shop: SmallShop, tmp_path: Path, head: str) -> None:
    good = {"question,answer": "Do you gift wrap?,Yes for 10.", "id,language,answer": "gift-wrap,en,Yes for 10."}[head]
    bad = {"question,answer": "Do you sell dogs?,No,extra", "id,language,answer": "dogs,en,No,extra"}[head]
    sheet = tmp_path / "faq.csv"
    sheet.write_text(f"{head}\n{good}\n{bad}\n", "utf-8")
    faults = planned(shop, sheet).faults
    fault = next(fault for fault in faults if fault.line == 3)
    assert "cells, the head only" in fault.problem
    assert "double quotes" in fault.fix
    assert all(fault.line > 1 for fault in faults)
