"""What a message says of an invoice."""

import pytest

from bot.understanding.billing import Billing, billing_in

CHINESE, GERMAN, BRITISH = "91110000600037341L", "DE136695976", "GB980780684"
SAID = [
    ("我要开发票", Billing()),
    ("公司", Billing("company")),
    (f"上海青禾贸易有限公司 {CHINESE}", Billing("company", "上海青禾贸易有限公司", CHINESE)),
    ("个人抬头 张三 zhang@qq.com", Billing("person", "张三", email="zhang@qq.com")),
    ("抬头写我们单位：杭州第二中学", Billing("company", "杭州第二中学")),
    ("给上海青禾贸易有限公司开发票", Billing("company", "上海青禾贸易有限公司")),
    ("可以开我们公司的吗", Billing("company")),
    ("还是开公司吧", Billing("company")),
    ("我们公司没有税号", Billing("company", has_none=True)),
    (f"税号 {CHINESE.lower()}", Billing("company", tax_id=CHINESE)),
    (
        f"Bluebird Trading Ltd, VAT {GERMAN}, ap@bluebird.de",
        Billing("company", "Bluebird Trading Ltd", GERMAN, email="ap@bluebird.de"),
    ),
    ("GB 980 7806 84", Billing("company", tax_id=BRITISH)),
    ("in the name of Daniel Tan please", Billing(title="Daniel Tan")),
    ("抬頭寫杭州青禾公司", Billing("company", "杭州青禾公司")),
    ("发票上公司名写错了", Billing("company")),
    ("made out to my firm rather than to me", Billing("company")),
    ("just put her name as an employee", Billing()),
    ("Personal invoice, my email is lin@a.cn", Billing("person", email="lin@a.cn")),
    ("personal, please send it to a@b.cn", Billing("person", email="a@b.cn")),
    ("personal, a@b.cn is my email", Billing("person", email="a@b.cn")),
    ("个人，麻烦发到 a@b.cn", Billing("person", email="a@b.cn")),
    ("个人，林悦，麻烦发到 a@b.cn", Billing("person", "林悦", email="a@b.cn")),
    ("private, Lin Yue, please send it to a@b.cn", Billing("person", "Lin Yue", email="a@b.cn")),
    ("Missing Link Ltd", Billing("company", "Missing Link Ltd")),
    ("make it out to Wrong Turn Ltd", Billing("company", "Wrong Turn Ltd")),
    ("杭州漏斗网络科技有限公司", Billing("company", "杭州漏斗网络科技有限公司")),
    ("抬头写杭州错题本教育科技有限公司", Billing("company", "杭州错题本教育科技有限公司")),
    ("你们写错了公司", Billing("company")),
]


@pytest.mark.parametrize(("said", "told"), SAID)
def test_title_tax_id_and_address_are_found_among_other_words(said: str, told: Billing) -> None:
    assert billing_in(said) == told


@pytest.mark.parametrize("place", range(18))
def test_one_wrong_digit_anywhere_is_no_tax_id(place: int) -> None:
    wrong = "1" if CHINESE[place] != "1" else "2"
    told = billing_in(f"税号 {CHINESE[:place]}{wrong}{CHINESE[place + 1 :]}")
    assert told.tax_id == ""
    assert told.bad_tax_id != ""


def test_an_order_number_is_no_tax_id() -> None:
    assert billing_in("QH2611220012 开发票") == Billing()


def test_a_bare_name_counts_only_where_it_was_asked_for() -> None:
    assert billing_in("张三") == Billing()
    assert billing_in("张三", asked="title") == Billing(title="张三")
