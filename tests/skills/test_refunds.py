"""What goes back is counted to the last fen: by example, and for every order that can be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.shop.port import Case, CaseKind, CasePart, CaseStatus, Line, Money, Order, OrderStatus
from bot.skills.refunds import gifts_due, kept_after, left, of_pieces, paid_for_lines, refund_of, shared

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def line(ident: str, price: int, quantity: int = 1, *, gift: bool = False, paid: int | None = None) -> Line:
    money = None if paid is None else Money(paid, "CNY")
    return Line(
        ident, f"sku-{ident}", ident, {"en": ident}, {"en": "blue"}, "M", quantity, Money(price, "CNY"), money, gift
    )


def order_of(*lines: Line, total: int | None = None, shipping: int = 0) -> Order:
    goods = sum(one.price.amount_minor * one.quantity for one in lines if not one.gift)
    money = Money(goods + shipping if total is None else total, "CNY")
    shipped = Money(shipping, "CNY")
    return Order("QH1", "lin", OrderStatus.DELIVERED, money, lines, (), NOW, NOW, NOW, shipping=shipped)


def case_of(kind: CaseKind, parts: dict[str, int], refund: int = 0, reason: str = "look") -> Case:
    held = tuple(CasePart(one, count) for one, count in parts.items())
    return Case("RT1", "QH1", kind, CaseStatus.OPEN, held, reason, Money(refund, "CNY"), NOW, NOW)


def test_a_coupon_is_shared_by_price_and_the_shares_add_up() -> None:
    order = order_of(line("a", 10000), line("b", 10000), line("c", 10000), total=29999)
    assert paid_for_lines(order) == {"a": 10000, "b": 10000, "c": 9999}


def test_what_the_shop_says_was_paid_counts_and_the_rest_is_shared() -> None:
    order = order_of(line("a", 10000, paid=7000), line("b", 10000), total=16000)
    assert paid_for_lines(order) == {"a": 7000, "b": 9000}


def test_a_gift_cost_nothing() -> None:
    assert paid_for_lines(order_of(line("a", 10000), line("g", 3000, gift=True))) == {"a": 10000, "g": 0}


def test_what_is_above_the_prices_was_shipping() -> None:
    order = replace(order_of(line("a", 10000), total=11000), shipping=None)
    assert paid_for_lines(order) == {"a": 10000}


def test_three_pieces_one_by_one_come_to_what_was_paid() -> None:
    three = line("a", 3334, 3)
    assert [of_pieces(10000, three, before, 1) for before in range(3)] == [3333, 3333, 3334]


def test_shipping_comes_back_with_the_last_of_the_goods_for_a_fault_only() -> None:
    order = order_of(line("a", 10000), line("b", 5000), shipping=1000)
    assert refund_of(order, {"a": 1, "b": 1}, fault=True).total_minor == 16000
    assert refund_of(order, {"a": 1, "b": 1}, fault=False).total_minor == 15000
    assert refund_of(order, {"a": 1}, fault=True).shipping_minor == 0
    assert refund_of(order, {"a": 1, "b": 1}, fault=False, with_shipping=True).total_minor == 16000


def test_shipping_stays_when_part_of_the_order_went_back_without_a_fault() -> None:
    sent = replace(line("a", 10000), returned=1)
    order = order_of(sent, line("b", 5000), shipping=1000)
    earlier = case_of(CaseKind.RETURN, {"a": 1}, 10000)
    assert refund_of(order, {"b": 1}, [earlier], fault=True).total_minor == 5000
    faulty = replace(earlier, reason="quality")
    assert refund_of(order, {"b": 1}, [faulty], fault=True).total_minor == 6000


def test_a_piece_that_was_exchanged_is_still_with_the_customer() -> None:
    order = order_of(replace(line("a", 10000), returned=1), line("b", 5000), shipping=1000)
    swapped = case_of(CaseKind.EXCHANGE, {"a": 1}, reason="quality")
    assert kept_after(order, {"b": 1}, [swapped]) == {"a": 1, "b": 0}
    assert refund_of(order, {"b": 1}, [swapped], fault=True).shipping_minor == 0


def test_a_piece_that_never_came_is_settled_though_nothing_went_back() -> None:
    order = order_of(line("a", 10000, 2))
    paid_back = case_of(CaseKind.REFUND, {"a": 1}, 10000, "missing")
    assert left(order.lines[0], [paid_back]) == 1
    assert left(order.lines[0], [replace(paid_back, status=CaseStatus.CANCELLED)]) == 2


def test_a_gift_comes_back_when_what_stays_no_longer_reaches_its_sum() -> None:
    order = order_of(line("a", 20000), line("b", 15000), line("g", 6900, gift=True))
    assert [one.id for one in gifts_due(order, {"a": 1}, 30000, fault=False)] == ["g"]
    assert gifts_due(order, {"a": 1}, 15000, fault=False) == ()
    assert gifts_due(order, {"a": 1}, 0, fault=False) == ()
    assert [one.id for one in gifts_due(order, {"a": 1, "b": 1}, 0, fault=False)] == ["g"]


def test_a_fault_costs_no_gift_while_any_of_the_goods_stay() -> None:
    order = order_of(line("a", 20000), line("b", 15000), line("g", 6900, gift=True))
    assert gifts_due(order, {"a": 1}, 30000, fault=True) == ()


def test_a_gift_that_is_kept_is_taken_off_and_never_below_nothing() -> None:
    order = order_of(line("a", 5000), line("g", 6900, gift=True))
    assert refund_of(order, {"a": 1}, fault=False, gifts_kept=["g"]).total_minor == 0
    dearer = order_of(line("a", 10000), line("g", 6900, gift=True))
    assert refund_of(dearer, {"a": 1}, fault=False, gifts_kept=["g"]).total_minor == 3100


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_shares_add_up_and_differ_from_the_exact_ones_by_less_than_one(amount: int, weights: list[int]) -> None:
    named = {str(place): weight for place, weight in enumerate(weights)}
    parts = shared(amount, named)
    whole = sum(weights)
    assert sum(parts.values()) == (amount if whole else 0)
    assert all(abs(parts[name] * whole - amount * weight) < whole for name, weight in named.items() if whole)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Return any order: several lines and pieces, coupons, shipping, gifts, some of it paid as the shop says."""
    lines = []
    for place in range(draw(st.integers(1, 4))):
        price, quantity = draw(st.integers(1, 50_000)), draw(st.integers(1, 4))
        gift = place > 0 and draw(st.booleans())
        lines.append(line(f"l{place}", price, quantity, gift=gift))
    goods = sum(one.price.amount_minor * one.quantity for one in lines if not one.gift)
    shipping = draw(st.integers(0, 3_000))
    return order_of(*lines, total=draw(st.integers(0, goods)) + shipping, shipping=shipping)


@given(orders(), st.data())
def test_whatever_goes_back_in_whatever_cases_never_comes_to_more_than_was_paid(
    order: Order, data: st.DataObject
) -> None:
    """Opens cases until nothing is left; each is counted with those before it, as the shop does."""
    cases: list[Case] = []
    now = NOW
    kinds = st.sampled_from([CaseKind.RETURN, CaseKind.REFUND, CaseKind.EXCHANGE])
    while any(left(one, cases) for one in order.lines):
        rest = [one for one in order.lines if left(one, cases)]
        picked = data.draw(st.lists(st.sampled_from(rest), min_size=1, unique_by=lambda one: one.id))
        pieces = {one.id: data.draw(st.integers(1, left(one, cases))) for one in picked}
        kind, fault = data.draw(kinds), data.draw(st.booleans())
        due = gifts_due(order, pieces, data.draw(st.integers(0, 60_000)), cases, fault=fault)
        kept = [gift.id for gift in due if data.draw(st.booleans())]
        refund = refund_of(order, pieces, cases, fault=fault, with_shipping=data.draw(st.booleans()), gifts_kept=kept)
        assert 0 <= refund.total_minor <= order.total.amount_minor
        assert refund.shipping_minor in (0, order.shipping.amount_minor if order.shipping else 0)
        now += timedelta(hours=1)
        case = case_of(
            kind, pieces, 0 if kind is CaseKind.EXCHANGE else refund.total_minor, "quality" if fault else "look"
        )
        cases.insert(0, replace(case, opened_at=now))
        if kind is not CaseKind.REFUND:  # the shop counts what is on its way back
            gone = {one.id: replace(one, returned=one.returned + pieces.get(one.id, 0)) for one in order.lines}
            order = replace(order, lines=tuple(gone.values()))
    assert sum(case.refund.amount_minor for case in cases) <= order.total.amount_minor


@given(orders(), st.integers(0, 10**6))
def test_all_at_once_without_a_coupon_left_out_is_all_that_was_paid_for_goods(order: Order, from_minor: int) -> None:
    everything = {one.id: one.quantity for one in order.lines}
    refund = refund_of(order, everything, fault=False)
    assert refund.total_minor == sum(paid_for_lines(order).values())
    assert refund.total_minor == order.total.amount_minor - (order.shipping.amount_minor if order.shipping else 0)
    assert gifts_due(order, everything, from_minor, fault=False) == ()
