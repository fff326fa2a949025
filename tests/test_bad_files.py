"""Files as they should not be: each has a stated end, the last good set goes on, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.knowledge.entries import Entry
from bot.knowledge.entryfile import FILE, _parsed_entry, _plain_entry
from bot.knowledge.moments import is_within, moment_of, written
from bot.knowledge.parts import parts_of
from bot.knowledge.yamlfile import Reading
from bot.starter import starter_folder
from tests.smallshop import FEE, FEE_ZH, TEXTS, SmallShop, small_shop

NOBODY = 65534


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    return small_shop(tmp_path_factory.mktemp("bad") / "shop")


@pytest.fixture
def shop(good: SmallShop, tmp_path: Path) -> SmallShop:
    return SmallShop(shutil.copytree(good.folder, tmp_path / "shop"), good.settings)


def faults(shop: SmallShop) -> list[str]:
    return [str(fault) for fault in shop.read().faults]


def fee_of(content: bytes) -> Entry | None:
    (part,) = parts_of({FEE_ZH: content}, {}).values()
    return part.entry


UTF_8 = TEXTS[FEE_ZH].encode()


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + UTF_8,
        UTF_8.replace(b"\n", b"\r\n"),
        UTF_8.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + UTF_8.replace(b"\n", b"\r\n"),
        UTF_8.rstrip(b"\n"),
        UTF_8.replace(b"---\n", b"---  \n"),
    ],
    ids=["a mark", "Windows line ends", "old Mac line ends", "a mark and Windows", "no last line end", "blanks behind"],
)
def test_what_editors_do_to_a_file_changes_nothing(content: bytes) -> None:
    assert fee_of(content) == fee_of(UTF_8) is not None


BAD = {
    "GBK": (TEXTS[FEE_ZH].encode("gbk"), "4: byte 30 is not UTF-8. It looks like GBK: open it as that and save it as UTF-8"),
    "UTF-16": (TEXTS[FEE_ZH].encode("utf-16"), "1: byte 0 is not UTF-8. It looks like UTF-16"),
    "neither": (UTF_8 + b"\xff\x00", "14: byte 252 is not UTF-8. Save the file as UTF-8"),
    "a tab": (UTF_8.replace(b"  - ", b"\t- ", 1), "4: this is not YAML"),
    "cut in the front matter": (UTF_8[: UTF_8.index(b"tags")], "1: the front matter is missing its end. Write `---`"),
    "cut inside a character": (UTF_8[:35], "4: the file ends in the middle of a character. It was not saved whole"),
    "a full-width colon": (UTF_8.replace(b"ask:", "ask：".encode()), "3: `ask：` has a full-width colon. Write `ask:` and a blank"),
    "a dash of typographers": (UTF_8.replace(b"  - ", "  – ".encode()), "3: `ask` must be a list. Begin each item with `-` in half width"),
    "one dash of typographers": (UTF_8.replace("  - 包".encode(), "  – 包".encode()), "5: the item begins with `–`. Begin it with `-`"),
    "no blank after the dash": (UTF_8.replace("  - 包".encode(), "  -包".encode()), "5: there is no blank after the `-` of `包邮吗亲`. Write `- 包邮吗亲`"),
    "full-width dashes": (UTF_8.replace(b"---", "———".encode()), "1: the file begins with `———`. Write `---`"),
    "nothing": (b"", "1: the file is empty. Write the entry, or delete the file"),
    "5 MB": (UTF_8 + b"x" * 5_000_000, "1: the file has more than 2 MB. Is it the right file?"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "1: byte 0 is not UTF-8"),
    "a control character": (UTF_8.replace(b"---\n\xe6", b"---\n\x07\xe6"), "13: "),
    "a variant with a control character": (
        UTF_8.replace(b"tags:", b'variants: [{when: {tier: gold}, answer: "a\\u0007"}]\ntags:'), "2: 'a\\x07' holds the control character '\\x07'. Delete it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_cannot_be_used_says_why_and_how_to_mend_it(shop: SmallShop, kind: str) -> None:
    content, said = BAD[kind]
    shop.write(FEE_ZH, content)
    found = faults(shop)
    assert any(fault.startswith(f"{FEE_ZH}:{said}") for fault in found), found


def test_a_folder_in_the_place_of_a_file_is_told(shop: SmallShop) -> None:
    (shop.folder / FEE_ZH).unlink()
    (shop.folder / FEE_ZH).mkdir()
    assert faults(shop) == [f"{FEE_ZH}:1: cannot be read: Is a directory. Check the file and its rights"]


def test_two_files_of_one_id_are_told(shop: SmallShop) -> None:
    shop.write("knowledge/en/other/shipping-fee.md", shop.text(FEE))
    (fault,) = faults(shop)
    assert "the id `shipping-fee` is taken by knowledge/en/" in fault


@contextmanager
def as_nobody() -> Iterator[None]:
    """Read as a user without rights: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_or_folder_without_rights_is_told_and_not_taken_for_missing() -> None:
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        shop = small_shop(Path(place) / "shop")
        (shop.folder / FEE).chmod(0)
        (shop.folder / "knowledge/en/care").chmod(0)
        with as_nobody():
            found = faults(shop)
        (shop.folder / "knowledge/en/care").chmod(0o755)
    assert f"{FEE}:1: cannot be read: Permission denied. Check the file and its rights" in found
    assert "knowledge/en/care:1: cannot be read: Permission denied. Check the file and its rights" in found


# --- quick reading says the same as the parser -------------------------------------------------------------------------
def both(text: str) -> tuple[Entry | None, Entry | None]:
    parts = FILE.match(text)
    assert parts is not None
    return _plain_entry(parts, "x", "en", "x.md"), _parsed_entry(parts, "x", "en", Reading("x.md"))


def test_nearly_all_entries_are_read_quickly_and_mean_the_same_to_the_parser() -> None:
    quick = 0
    paths = sorted(starter_folder().glob("knowledge/*/*/*.md"))
    for path in paths:
        parts = FILE.match(path.read_text(encoding="utf-8"))
        assert parts is not None
        read = _plain_entry(parts, path.stem, path.parts[-3], "f")
        quick += read is not None
        if read is not None:
            assert read == _parsed_entry(parts, path.stem, path.parts[-3], Reading("f"))
    assert quick > 0.8 * len(paths)


scalars = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12),
    st.text("abc:# -'\"[]{},?!&*|>%@`~\\0159.+_eExX=", max_size=10),
    st.sampled_from(["yes", "No", "null", "~", "12:30", "0x1f", "1e3", ".inf", "2027-01-01", "a #b", "a: b", "<<", "1_000", "é", "٣"]),
)  # fmt: skip
front = st.lists(
    st.one_of(
        st.builds("  - {}".format, scalars),
        st.builds("- {}".format, scalars),
        st.builds("{}: {}".format, st.sampled_from(["owner", "tags", "next", "id", "review_by", "ask"]), scalars),
        st.builds("{}: [{}, {}]".format, st.sampled_from(["tags", "next", "test"]), scalars, scalars),
        st.sampled_from(["ask:", "tags:", "test:", "review_by: 2027-06-30", "valid_until: 2027-06-30", "", "# a note"]),
    ),
    max_size=6,
)


@settings(max_examples=600, deadline=None)
@given(front)
def test_whatever_is_read_quickly_means_the_same_to_the_parser(lines: list[str]) -> None:
    quick, parsed = both("\n".join(["---", "id: x", "ask:", "  - how so", *lines, "---", "Yes.", ""]))
    if quick is not None:
        assert quick == parsed


# --- to the minute -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("2027-06-30", date(2027, 6, 30)),
        ("2027-06-30 18:00", datetime(2027, 6, 30, 18)),
        ("2027-06-30T18:00:00", datetime(2027, 6, 30, 18)),
        ("2027-6-3 9:05", datetime(2027, 6, 3, 9, 5)),
        ("2027-02-30", None),
        ("2027-06-30 25:00", None),
        ("2027-06-30 18:00:30", None),
        ("30.6.2027", None),
        (20270630, None),
    ],
)
def test_a_day_or_a_minute_is_understood(value: object, meant: object) -> None:
    assert moment_of(value) == meant


@given(st.dates() | st.datetimes().map(lambda at: at.replace(second=0, microsecond=0)))
def test_a_moment_that_is_written_is_read_again(moment: date) -> None:
    assert moment_of(written(moment)) == moment


def test_until_a_day_holds_the_whole_day_and_until_a_minute_ends_there() -> None:
    last_minute, next_day = datetime(2027, 6, 30, 23, 59, 59), datetime(2027, 7, 1)
    assert [is_within(at, None, date(2027, 6, 30)) for at in (last_minute, next_day)] == [True, False]
    six = datetime(2027, 6, 30, 18)
    assert [is_within(at, None, six) for at in (datetime(2027, 6, 30, 17, 59, 59), six)] == [True, False]
    assert [is_within(at, six, None) for at in (datetime(2027, 6, 30, 17, 59, 59), six)] == [False, True]
    assert is_within(date.max, None, date.max)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("knowledge/en/care/care-silk.md.txt", "care-silk.md"),
        ("knowledge/en/care/care-silk.markdown", "care-silk.md"),
        ("knowledge/en/care/care-silk.MD", "care-silk.md"),
        ("knowledge/zh/care/care-silk。md", "care-silk.md"),
        ("intents/en/mine.yml.txt", "mine.yml"),
        ("intents/en/mine.YAML", "mine.yml"),
        ("knowledge/size-charts/hats.yml.txt", "hats.yml"),
    ],
)
def test_a_file_with_nearly_the_right_name_is_refused_with_the_right_one(
    shop: SmallShop, name: str, right: str
) -> None:
    shop.write(name, "---\nid: care-silk\nask: [washing silk]\n---\nBy hand.\n")
    (fault,) = faults(shop)
    assert fault.startswith(f"{name}:1: the name does not end with `.{right.rpartition('.')[2]}`")
    assert fault.endswith(f"Rename it to {right}")
    (shop.folder / name).unlink()
    assert faults(shop) == []


def test_a_misnamed_copy_beside_the_right_file_is_told_once_and_taken_away_by_a_rollback(shop: SmallShop) -> None:
    shop.write(FEE.replace(".md", ".md.txt"), shop.text(FEE))
    (fault,) = faults(shop)
    assert "md.txt" in fault
    assert list(shop.read().parts).count(FEE) == 1


@pytest.mark.parametrize(
    ("said", "odd", "fix"),
    [
        ("Call {shop.phone now", "`{shop.phone now`", "`{shop.phone}`"),
        ("Call ｛shop.phone｝ now", "`｛shop.phone｝`", "`{shop.phone}`"),
        ("Call {shop.phnoe｝ now", "`{shop.phnoe｝`", "`{shop.phone}`"),
        ("Call shop.phone} now", "`}`", "both braces"),
        ("Call {shop.phone} or {", "`{`", "take the brace away"),
    ],
)
def test_a_brace_that_makes_no_field_is_refused_with_its_line(shop: SmallShop, said: str, odd: str, fix: str) -> None:
    shop.edit(FEE, "Free from", f"First line.\n{said}\nFree from")
    (fault,) = faults(shop)
    assert fault.startswith(f"{FEE}:16: {odd} is no field")
    assert fix in fault


def test_a_brace_that_makes_no_field_is_refused_in_phrases_and_variants_too(shop: SmallShop) -> None:
    phrases = "knowledge/en/phrases.yml"
    text = next(line for line in shop.text(phrases).split("\n") if line.rstrip().endswith('."'))
    shop.edit(phrases, text, text.rstrip()[:-1] + ' {shop.phone"')
    (fault,) = faults(shop)
    assert fault.startswith(phrases) and "is no field" in fault
    shop.edit(phrases, ' {shop.phone"', '"')
    shop.edit(FEE, "tags:", "variants:\n  - when: {tier: gold}\n    answer: '｛shop.phone｝'\ntags:")
    (fault,) = faults(shop)
    assert fault.startswith(f"{FEE}:11: `｛shop.phone｝` is no field")
