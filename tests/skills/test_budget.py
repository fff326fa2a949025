"""What a customer wants to pay at most."""

import pytest

from bot.skills.budget import most_minor

MOST = [
    ("不超过300", 300),
    ("300元以内的裙子", 300),
    ("under 200 please", 200),
    ("no more than 200", 200),
    ("不低于300的大衣", None),
    ("不少于300", None),
    ("不要低于300的", None),
    ("no less than 200", None),
    ("not under 100", None),
    ("not less than 200", None),
    ("预算300到500", 500),
    ("预算300-500元", 500),
    ("budget 300 to 500", 500),
    ("my budget is 300-500", 500),
    ("under 300, size 36 to 38", 300),
]


@pytest.mark.parametrize(("said", "most"), MOST)
def test_a_limit_is_heard_and_neither_turned_round_nor_cut(said: str, most: int | None) -> None:
    assert most_minor(said, "CNY") == (most and most * 100)


@pytest.mark.parametrize(
    ("said", "currency", "most_in_minor"),
    [
        ("5000以内", "JPY", 5000),
        ("under 50000", "KRW", 50000),
        ("under 30", "KWD", 30000),
        ("¥5000以内", "JPY", 5000),
        ("¥300以内", "USD", None),
        ("50美元以内", "CNY", None),
        ("under 50 dollars", "CNY", None),
        ("under $50", "USD", 5000),
        ("不超过5000日元", "CNY", None),
        ("不超过5000日元", "JPY", 5000),
        ("under 300 rmb", "CNY", 30000),
        ("under 300 rmb", "JPY", None),
    ],
)
def test_a_limit_counts_in_the_currency_of_the_price(said: str, currency: str, most_in_minor: int | None) -> None:
    assert most_minor(said, currency) == most_in_minor
