"""Products and stock in conversation."""

import pytest
from sqlalchemy import update

from bot.store import tables as t
from tests.skills.talk import Talk

EXACT = [
    ("zh", "蓝色M码的亚麻连衣裙有货吗", ["亚麻连衣裙（蓝色，M）现在有货"], ["绿色"]),
    ("en", "do you have the blue linen dress in size M?", ["Linen Dress (blue, M) is in stock"], ["green"]),
    ("zh", "黑色M码的风衣有货吗", ["经典风衣（黑色，M）暂时没货", "M 码现在有货的颜色：卡其色"], ["现货颜色"]),
    ("en", "is the black trench coat in stock in M?", ["Trench Coat (black, M) is out of stock", "we have khaki"], []),
    ("zh", "蓝色衬衫连衣裙S码和M码有货吗", ["（蓝色，S）暂时没货", "（蓝色，M）现在有货"], []),
    ("zh", "有38码的运动鞋吗", ["轻便运动鞋的 38 码", "黑色、白色"], []),
    ("en", "is the trench coat in stock in black?", ["Trench Coat in black", "S, L, XL, XXL"], [", M,"]),
    ("zh", "有红色的大衣吗", ["双面羊毛大衣没有您说的颜色"], ["羽绒服"]),
    ("en", "do you have trench coats in red", ["We don't have Classic Trench Coat in the colour"], []),
]


@pytest.mark.parametrize(("language", "said", "there", "not_there"), EXACT)
def test_colour_and_size_are_answered_together(
    talk: Talk, language: str, said: str, there: list[str], not_there: list[str]
) -> None:
    guest = talk.as_guest(language)
    answer = guest.says(said)
    assert all(words in answer for words in there)
    assert not any(words in answer for words in not_there)
    assert any(source.startswith("product:") for source in guest.sources)


def test_colour_and_size_are_kept_while_the_product_is_asked_back(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    assert "哪一款" in guest.says("黑色M码还有货吗")
    assert "经典风衣（黑色，M）暂时没货" in guest.says("风衣")


@pytest.mark.parametrize(
    ("language", "said", "name"),
    [("zh", "有连衣裙吗", "连衣裙"), ("en", "do you have jeans", "Jeans"), ("zh", "有袜子吗", "袜")],
)
def test_a_kind_shows_three_at_most(talk: Talk, language: str, said: str, name: str) -> None:
    answer = talk.as_guest(language).says(said)
    assert 1 <= sum(name in line for line in answer.splitlines()[1:]) <= 3


def test_a_colour_narrows_a_kind(talk: Talk) -> None:
    answer = talk.as_guest("zh").says("有粉色的连衣裙吗")
    assert "碎花雪纺连衣裙的粉色" in answer
    assert "牛仔连衣裙" not in answer


def test_childrens_wear_comes_last_unless_it_is_asked_for(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    grown = guest.says("有羽绒服吗").splitlines()
    assert "轻薄羽绒服" in grown[1]
    assert "儿童羽绒服" in grown[2]
    assert guest.says("儿童羽绒服").startswith("儿童羽绒服")


@pytest.mark.parametrize(("language", "said"), [("zh", "有什么新款"), ("en", "can you recommend something")])
def test_without_a_name_something_is_shown(talk: Talk, language: str, said: str) -> None:
    guest = talk.as_guest(language)
    assert "¥" in guest.says(said)
    assert any(source.startswith("product:") for source in guest.sources)


@pytest.mark.parametrize("said", ["蓝色M码的亚麻连衣裙有货吗", "亚麻连衣裙 170 60公斤穿什么码"])
def test_the_source_of_an_answer_changes_with_what_it_says_of_the_product(talk: Talk, said: str) -> None:
    guest = talk.as_guest("zh")
    guest.says(said)
    told = guest.version_of("product:linen-dress")
    guest.says(said)
    assert guest.version_of("product:linen-dress") == told
    talk.write(lambda c: c.execute(update(t.variants).where(t.variants.c.product_id == "linen-dress").values(stock=0)))
    guest.says(said)
    assert guest.version_of("product:linen-dress") != told


def test_the_source_of_a_price_changes_with_the_price(talk: Talk) -> None:
    guest = talk.as_guest("en")
    guest.says("do you have the linen dress")
    told = guest.version_of("product:linen-dress")
    talk.write(lambda c: c.execute(update(t.variants).values(price_minor=100)))
    guest.says("do you have the linen dress")
    assert guest.version_of("product:linen-dress") != told
