"""The lint report: each kind of trouble is found where it is, with the way out, and good files are left in peace."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.knowledge.numbers import amounts
from bot.publishing.lint import Report, lint
from bot.publishing.nearness import Phrasing, strays
from tests.smallshop import FEE, FEE_ZH, SmallShop, small_shop

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
WOOL = "knowledge/en/care/care-wool.md"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    return small_shop(tmp_path_factory.mktemp("lint") / "shop")


@pytest.fixture
def shop(good: SmallShop, tmp_path: Path) -> SmallShop:
    return SmallShop(shutil.copytree(good.folder, tmp_path / "shop"), good.settings)


def report(shop: SmallShop) -> Report:
    return lint(shop.folder, shop.read(), shop.settings, NOW)


def warnings(shop: SmallShop, *files: str) -> list[str]:
    found = report(shop)
    assert found.faults == ()
    return [str(fault) for fault in found.warnings if fault.file in files or not files]


def test_a_good_set_has_nothing_to_report(shop: SmallShop) -> None:
    assert warnings(shop, FEE, FEE_ZH, WOOL) == []


# fmt: off
# file, what is replaced, by what, then the line, words of the problem and words of the fix
TROUBLE: dict[str, tuple[str, str, str, int, str, str]] = {
    "it is over": (FEE, "tags:", "valid_until: 2026-11-22\ntags:", 9, "it is over since `valid_until`: 2026-11-22", "new day"),
    "over at this minute": (FEE, "tags:", "valid_until: 2026-11-23 11:00\ntags:", 9, "over since", "new day"),
    "a variant is over": (FEE, "tags:", "variants: [{valid_until: 2026-01-01, answer: Free.}]\ntags:", 9, "over since", "new day"),
    "its review is overdue": (FEE, "2099-06-30", "2026-11-22", 11, "its review by service was due on 2026-11-22", "next day"),
    "few phrasings": (FEE, "  - postage costs please\n  - what is the delivery fee\n", "", 3, "3 phrasings", "Add 2"),
    "a first phrasing that is a word": (FEE, "how much is postage", "postage", 4, "'postage' is a mere word", "whole question"),
    "a first phrasing of the shop's": (FEE, "how much is postage", "our shipping policy", 4, "speaks as the shop", "whole question"),
    "a test that is a phrasing": (FEE, "  - what does postage cost", "  - is shipping free", 13, "is a test and a phrasing", "one of the two"),
    "a long answer": (FEE, "Free from", "word " * 130 + "Free from", 15, "characters", "Shorten"),
    "an answer that WeChat cuts": (FEE_ZH, "满{", "长" * 700 + "满{", 1, "in wechat, miniprogram, kf", "variant"),
    "a price as text": (FEE, "Free from {policy.free_shipping}", "Free from ¥99", 15, "a price as text: '¥99'", "`{policy.free_shipping}`"),
    "a price in words": (FEE_ZH, "否则{policy.shipping_fee}", "否则10元", 13, "a price as text: '10元'", "`{policy.shipping_fee}`"),
    "days as text": (FEE, "Free from", "Return within 7 days. Free from", 15, "a time as text: '7 days'", "`{policy.return_days}`"),
    "stock as text": (FEE, "Free from", "Only 3 left. Free from", 15, "stock as text: 'Only 3 left'", "skill:products"),
    "half a link": (FEE, "Free from", "See http:/shop. Free from", 15, "`http:/shop.` is no whole address", "https://"),
    "a link without https": (FEE, "Free from", "See www.shop.com for it. Free from", 15, "`www.shop.com`", "https://"),
    "a phrasing nearer to another": (WOOL, "wash a jumper", "what do you charge for the delivery", 3, "is nearly 'what do you charge for delivery' of shipping-fee in knowledge/en/shipping/shipping-fee.md:6", "Move it"),
}
# fmt: on


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_is_told_with_its_place_and_the_way_out(shop: SmallShop, kind: str) -> None:
    file, right, wrong, line, problem, fix = TROUBLE[kind]
    shop.edit(file, right, wrong)
    found = report(shop)
    assert found.faults == ()
    fitting = [w for w in found.warnings if w.file == file and w.line == line and problem in w.problem and fix in w.fix]
    assert fitting, "\n".join(map(str, found.warnings))


def test_an_entry_without_the_other_language_is_told(shop: SmallShop) -> None:
    (shop.folder / FEE_ZH).unlink()
    assert warnings(shop, FEE) == [
        f"{FEE}:1: the entry is missing in `zh`: no question in it leads here. Write shipping-fee.md below knowledge/zh"
    ]


def test_numbers_that_differ_between_the_languages_are_told(shop: SmallShop) -> None:
    shop.edit(FEE, "Free from", "Exchange within 20 days. Free from")
    shop.edit(FEE_ZH, "满{", "二十一天内可换。满{")
    (line,) = warnings(shop, FEE)
    assert f"{FEE}:15: days differ from {FEE_ZH}: 20 days and 二十一天" in line


def test_the_same_number_in_words_or_digits_is_no_contradiction(shop: SmallShop) -> None:
    shop.edit(FEE, "Free from", "It takes four days. Free from")
    shop.edit(FEE_ZH, "满{", "要4天。满{")
    assert warnings(shop, FEE, FEE_ZH) == []


def test_a_field_in_one_language_only_is_told(shop: SmallShop) -> None:
    shop.edit(FEE, "Free from {policy.free_shipping}, else {policy.shipping_fee}.", "Mostly {policy.shipping_fee}.")
    (line,) = warnings(shop, FEE)
    assert "`{policy.free_shipping}` stands in one language only" in line


def test_entries_about_the_same_thing_that_say_other_numbers_are_told_with_both_places(shop: SmallShop) -> None:
    for name, answer in (("a", "You can return it within 9 days."), ("b", "Returns take 10 days to send.")):
        ask = ", ".join(f"{name} question number {n} on sending" for n in "vwxyz")
        text = f"---\nid: ret-{name}\nask: [{ask}]\n---\n{answer}\n"
        shop.write(f"knowledge/en/ret/ret-{name}.md", text)
    (line,) = [w for w in warnings(shop, "knowledge/en/ret/ret-b.md") if "returning" in w]
    assert line.startswith(
        "knowledge/en/ret/ret-b.md:5: returning: '10 days' here, '9 days' in knowledge/en/ret/ret-a.md:5"
    )


def test_a_set_with_faults_is_told_first_and_alone(shop: SmallShop) -> None:
    shop.edit(FEE, "ask:", "aks:")
    shop.edit(WOOL, "wash a jumper", "wash it")
    found = report(shop)
    assert found.warnings == ()
    assert any("unknown key `aks`" in fault.problem for fault in found.faults)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("7天内", "zh", [("days", (7.0,))]),
        ("三到五个工作日", "zh", [("days", (3.0, 5.0))]),
        ("一百二十元", "zh", [("money", (120.0,))]),
        ("七天无理由", "zh", []),
        ("每件都一样，一件也发", "zh", []),
        ("within 3-5 working days", "en", [("days", (3.0, 5.0))]),
        ("forty-eight hours", "en", [("hours", (48.0,))]),
        ("$1,299.50", "en", [("money", (1299.5,))]),
        ("{policy.return_days} days", "en", []),
        ("iPhone 15 and 24h", "en", [("hours", (24.0,))]),
    ],
)
def test_numbers_are_read_with_their_unit(text: str, language: str, found: list[object]) -> None:
    assert [amount.what for amount in amounts(text, language)] == found


def test_a_phrasing_is_a_stray_only_if_its_own_place_has_nothing_as_near() -> None:
    def near(*phrasings: tuple[str, str]) -> list[tuple[str, str]]:
        return [(a.text, b.text) for a, b in strays([Phrasing(text, label, "") for text, label in phrasings])]

    rest = [(f"some {word} about {word}ing other {word}s", word) for word in ("apple", "bread", "cloud", "dress")]
    one, two = ("how long does the parcel take", "a"), ("how long does a parcel take", "b")
    assert near(one, two, *rest) == [(one[0], two[0])]
    assert (
        near(one, two, ("how long does the parcel take then", "a"), ("how long does a parcel take now", "b"), *rest)
        == []
    )
    assert near(one, ("can i pay by card at home", "b"), *rest) == []


def test_two_near_phrasings_are_left_alone_where_a_word_tells_their_entries_apart() -> None:
    rest = [(f"some {word} about {word}ing other {word}s", word) for word in ("apple", "bread", "cloud", "dress")]
    freight = [(text, "freight") for text in ("who pays the return", "return postage", "a return costs what")]
    fee = [(text, "fee") for text in ("postage please", "what does delivery cost", "do i pay for the parcel")]
    pair = [Phrasing("is return shipping free", "freight", ""), Phrasing("is shipping free", "fee", "")]
    others = [Phrasing(text, label, "") for text, label in [*freight, *fee, *rest]]
    assert list(strays([*pair, *others])) == []
    both = [*others, *(Phrasing(f"{one.text} of my return", "fee", "") for one in others if one.label == "fee")]
    assert list(strays([*pair, *both])) == [(pair[0], pair[1])]


def test_a_file_that_is_not_read_is_told(shop: SmallShop) -> None:
    for name in ("knowledge/en/notes.docx", "knowledge/fee.md", "knowledge/zh-CN/fee.md", "intents/new.yml"):
        shop.write(name, "something")
    for name in ("knowledge/en/.hidden", "knowledge/en/fee.md~", "knowledge/en/fee.md.bak", "knowledge/en/~$fee.docx"):
        shop.write(name, "put aside by an editor")
    found = [warning for warning in report(shop).warnings if warning.problem == "this file is not read"]
    assert [one.file for one in found] == [
        "intents/new.yml",
        "knowledge/en/notes.docx",
        "knowledge/fee.md",
        "knowledge/zh-CN/fee.md",
    ]
    assert "below knowledge/zh or knowledge/en" in found[2].fix
    assert "below intents/zh or intents/en" in found[0].fix
