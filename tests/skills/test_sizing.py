"""Size advice in conversation."""

import pytest

from tests.skills.talk import Talk

ADVICE = [
    ("zh", "我身高175 体重70公斤穿什么码", "上衣建议选 L 码"),
    ("zh", "我高1米75 140斤 穿什么码", "上衣建议选 L 码"),
    ("en", "I am 175 cm and 70 kg, what size should I take?", "size L in our tops"),
    ("en", "I'm 5 foot 9 and 154 lbs, what size should I take?", "size L in our tops"),
    ("zh", "165 55公斤 亚麻连衣裙穿什么码", "亚麻连衣裙建议选 S 码"),
    ("en", "what size linen dress should I take, I am 165cm 55kg", "size S in our Linen Dress"),
    ("zh", "连衣裙165 60公斤穿什么码", "连衣裙建议选 M 码"),
    ("zh", "孩子身高120 22公斤穿什么码", "童装建议选 120 码"),
    ("en", "what size for my child, 120 cm 22 kg", "size 120 in our children's wear"),
    ("zh", "165 58公斤穿什么码", "在 S 码和 M 码之间"),
    ("en", "I am 165 cm and 58 kg, what size should I take?", "between S and M"),
    ("zh", "165 90公斤穿什么码", "上衣建议选 XXL 码"),
    ("en", "165 cm and 90 kg, what size should I take?", "size XXL in our tops"),
    ("zh", "胸围130 上衣穿什么码", "没有特别合适的尺码"),
    ("en", "my chest is 130 cm, what size top do I need?", "none of the sizes in our tops fits well"),
]


@pytest.mark.parametrize(("language", "said", "answer"), ADVICE)
def test_measures_lead_to_a_size(talk: Talk, language: str, said: str, answer: str) -> None:
    guest = talk.as_guest(language)
    assert answer in guest.says(said)
    assert any(source.startswith("size-chart:") for source in guest.sources)


def test_a_product_that_is_named_comes_with_its_stock(talk: Talk) -> None:
    said = talk.as_guest("zh").says("亚麻连衣裙 170 60公斤穿什么码")
    assert "M 码现在有货，颜色：蓝色" in said


@pytest.mark.parametrize(
    ("language", "asks", "measures", "answer"),
    [
        ("zh", "我穿什么码", "175 70", "选 L 码"),
        ("zh", "我穿什么码", "175cm/70kg", "选 L 码"),
        ("en", "what size am I", "175 cm, 70 kg", "size L"),
        ("zh", "运动鞋要穿多大码", "脚长245", "39 码"),
        ("en", "what size shoes should I take", "my foot is 24.5 cm", "size 39 in our shoes"),
    ],
)
def test_measures_that_are_missing_are_asked_for(
    talk: Talk, language: str, asks: str, measures: str, answer: str
) -> None:
    guest = talk.as_guest(language)
    assert {"zh": "把您知道的告诉我", "en": "Send me what you know"}[language] in guest.says(asks)
    assert answer in guest.says(measures)


@pytest.mark.parametrize(
    ("language", "height", "weight"),
    [("zh", "我身高172穿什么码", "体重76公斤"), ("en", "what size am I, 172 cm tall", "76 kg")],
)
def test_a_height_alone_is_a_guess_that_the_weight_corrects(
    talk: Talk, language: str, height: str, weight: str
) -> None:
    guest = talk.as_guest(language)
    assert {"zh": "再告诉我体重", "en": "weight too"}[language] in guest.says(height)
    said = guest.says(weight)
    assert {"zh": "身高 172 cm、体重 76 kg", "en": "height 172 cm, weight 76 kg"}[language] in said
    assert {"zh": "再告诉我", "en": "a guess"}[language] not in said


def test_after_a_guess_another_question_is_simply_answered(talk: Talk) -> None:
    guest = talk.as_guest("zh")
    guest.says("我身高175穿什么码")
    said = guest.says("运费多少")
    assert "包邮" in said
    assert "还等您回复" not in said


@pytest.mark.parametrize(
    ("language", "says", "answer"),
    [
        ("en", ("5ft4", "120 lb"), "height 163 cm, weight 54.4 kg"),
        ("zh", ("身高一六五", "体重一百一十斤"), "身高 165 cm、体重 55 kg"),
        ("zh", ("我身高一米七五 体重一百四 穿啥码",), "身高 175 cm、体重 70 kg"),
        ("zh", ("我身高一米七五 体重六十五 穿啥码",), "身高 175 cm、体重 65 kg"),
        ("zh", ("我穿什么码", "脚长245"), "39 码"),
        ("zh", ("连衣裙穿什么码，身高165", "脚长245"), "39 码"),
        ("en", ("what size dress am I, 165 cm tall", "my feet are 10 inches"), "size 41 in our shoes"),
        ("zh", ("孩子身高120穿什么码", "我自己175 70公斤"), "上衣建议选 L 码"),
        ("en", ("what size for my child, 120 cm tall", "I'm 175 cm and 70 kg"), "size L in our tops"),
        ("zh", ("孩子身高120穿什么码", "22公斤"), "童装建议选 120 码"),
        ("zh", ("洋裝165 60公斤穿什么码",), "连衣裙建议选 M 码"),
    ],
)
def test_what_was_said_before_holds_as_long_as_it_can(
    talk: Talk, language: str, says: tuple[str, ...], answer: str
) -> None:
    guest = talk.as_guest(language)
    assert answer in [guest.says(said) for said in says][-1]


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "我身高300cm穿什么码"), ("en", "I am 300 cm tall, what size should I take?")]
)
def test_nonsense_gets_no_size(talk: Talk, language: str, said: str) -> None:
    guest = talk.as_guest(language)
    asked = {"zh": "记得带上单位", "en": "with the unit"}[language]
    assert asked in guest.says(said)
    assert asked in guest.says("300")
    assert {"zh": "选 M 码", "en": "size M"}[language] in guest.says("170 62")
