"""What every shop behind the bot has to do, whichever system keeps it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.shop.bodies import ShipmentBody
from bot.shop.commands import CancelOrder, CaseLine, ChangeAddress, OpenCase, Outcome
from bot.shop.port import CaseKind, Money, Order, OrderStatus, Product
from tests.shops.small import customer, order, product
from tests.shops.stand import ShopStand, seen

PARCEL = ShipmentBody.model_validate(
    {
        "carrier": "DHL",
        "tracking_number": "JJD1",
        "events": [
            {"at": "2026-11-22T08:00:00Z", "place": {"zh": "柏林", "en": "Berlin"}, "status": "picked_up"},
            {"at": "2026-11-22T20:00:00Z", "place": {"zh": "汉堡", "en": "Hamburg"}, "status": "in_transit"},
        ],
    }
)


async def fill(stand: ShopStand, **orders: Any) -> None:
    await stand.puts_product("tee", product())
    await stand.puts_customer("mia", customer())
    for number, body in orders.items():
        await stand.puts_order(number, body)


async def the_order(stand: ShopStand, number: str = "A1") -> Order:
    found = await seen(stand, lambda shop: shop.order(number))
    assert found is not None
    return found


async def the_tee(stand: ShopStand) -> Product:
    found = await seen(stand, lambda shop: shop.product(stand.called("tee")))
    assert found is not None
    return found


# --- what is put is read -------------------------------------------------------------------------------------------


async def test_a_product_is_read_with_its_variants_prices_and_stock(stand: ShopStand) -> None:
    await fill(stand)
    (tee,) = await seen(stand, lambda shop: shop.products())
    assert tee == await the_tee(stand)
    assert "tee" in tee.name["en"]
    assert {(v.sku, v.size, v.price, v.stock) for v in tee.variants} == {
        ("tee-S", "S", Money(5000, "CNY"), 3),
        ("tee-M", "M", Money(5000, "CNY"), 1),
        ("tee-L", "L", Money(5000, "CNY"), 0),
    }
    if "tier_prices" in stand.says:
        assert {v.price_for("gold") for v in tee.variants} == {Money(4500, "CNY")}


async def test_a_product_that_is_taken_off_sale_is_still_read_for_old_orders(stand: ShopStand) -> None:
    await fill(stand)
    await stand.puts_product("tee", product(active=False))
    assert await seen(stand, lambda shop: shop.products()) == ()
    assert (await the_tee(stand)).id == stand.called("tee")


async def test_a_customer_is_read_with_the_phone_that_proves_an_order(stand: ShopStand) -> None:
    await fill(stand, A1=order("paid", pieces=2))
    mia = await seen(stand, lambda shop: shop.customer(stand.called("mia")))
    assert mia is not None
    assert (mia.phone[-4:], mia.spent) == ("5678", Money(10000, "CNY"))


async def test_an_order_is_read_whole(stand: ShopStand) -> None:
    more: dict[str, Any] = {"total_minor": 10500, "shipping_minor": 1500, "discount_minor": 1000}
    lines = [{"sku": "tee-S", "quantity": 2, "price_minor": 5000, "paid_minor": 9000}]
    await fill(stand, A1=order("paid", pieces=2, country="DE", **{**more, "lines": lines}))
    found = await the_order(stand)
    (line,) = found.lines
    assert (found.status, found.customer_id, found.total) == (
        OrderStatus.PAID,
        stand.called("mia"),
        Money(10500, "CNY"),
    )
    assert (line.sku, line.product_id, line.size, line.quantity, line.price) == (
        "tee-S", stand.called("tee"), "S", 2, Money(5000, "CNY"),
    )  # fmt: skip
    assert found.shipping == Money(1500, "CNY")
    assert "Lindenweg 1" in found.address
    assert found.paid_at is not None and found.created_at < found.paid_at
    if "discount" in stand.says:
        assert (found.discount, line.paid) == (Money(1000, "CNY"), Money(9000, "CNY"))
    if "country" in stand.says:
        assert found.country == "DE"


async def test_the_orders_of_a_customer_come_newest_first(stand: ShopStand) -> None:
    days = {"A1": "2026-11-17", "A2": "2026-11-19", "A3": "2026-11-18"}
    await fill(stand, **{n: order("paid", created_at=f"{day}T09:00:00Z") for n, day in days.items()})
    found = await seen(stand, lambda shop: shop.orders_of(stand.called("mia")))
    assert [one.number for one in found] == ["A2", "A3", "A1"]


async def test_what_is_not_there_is_nothing(stand: ShopStand) -> None:
    await fill(stand)
    for look in (
        lambda shop: shop.order("A9"),
        lambda shop: shop.product("cup"),
        lambda shop: shop.customer("tom"),
        lambda shop: shop.invoice_of("A9"),
    ):
        assert await seen(stand, look) is None
    for empty in (
        lambda shop: shop.orders_of("tom"),
        lambda shop: shop.cases_of("A9"),
        lambda shop: shop.coupons_of("tom"),
    ):
        assert await seen(stand, empty) == ()


# --- money -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("currency", "minor"), [("CNY", 1), ("EUR", 19_99), ("JPY", 1200), ("CNY", 99_999_999)])
async def test_an_amount_comes_through_to_the_last_minor_unit(stand: ShopStand, currency: str, minor: int) -> None:
    variants = [
        {"sku": "tee-S", "colour": {"zh": "白", "en": "white"}, "size": "S", "price_minor": minor,
         "currency": currency, "stock": 1}
    ]  # fmt: skip
    await fill(stand)
    await stand.puts_product("tee", product(variants=variants))
    bought = [{"sku": "tee-S", "quantity": 3, "price_minor": minor}]
    await stand.puts_order("A1", order("paid", total_minor=3 * minor, currency=currency, lines=bought))
    found = await the_order(stand)
    assert (found.total, found.lines[0].price) == (Money(3 * minor, currency), Money(minor, currency))
    assert next(v.price for v in (await the_tee(stand)).variants if v.sku == "tee-S") == Money(minor, currency)


# --- what happens ------------------------------------------------------------------------------------------------


async def test_an_order_goes_its_way_and_every_step_is_read(stand: ShopStand) -> None:
    await fill(stand, A1=order("unpaid"))
    assert (await the_order(stand)).status is OrderStatus.UNPAID
    for status, parcel in (("paid", None), ("shipped", PARCEL), ("delivered", None)):
        await stand.moves_order("A1", status, parcel)
        assert (await the_order(stand)).status == status
    found = await the_order(stand)
    assert found.paid_at is not None and found.delivered_at is not None and found.paid_at < found.delivered_at
    if "parcels" in stand.says:
        (sent,) = found.shipments
        assert (sent.carrier, sent.tracking_number) == ("DHL", "JJD1")
        assert [event.status for event in sent.events] == ["picked_up", "in_transit"]
        assert sent.events[0].at < sent.events[1].at


async def test_a_cancelled_order_is_read_as_cancelled(stand: ShopStand) -> None:
    await fill(stand, A1=order("unpaid"))
    await stand.moves_order("A1", "cancelled")
    assert (await the_order(stand)).status is OrderStatus.CANCELLED


async def test_stock_is_what_the_shop_said_last(stand: ShopStand) -> None:
    await fill(stand)
    for pieces in (7, 0, 4):
        await stand.sets_stock("tee-L", pieces)
        assert next(v.stock for v in (await the_tee(stand)).variants if v.sku == "tee-L") == pieces


async def test_words_that_come_again_or_late_change_nothing(stand: ShopStand) -> None:
    await fill(stand, A1=order("unpaid"))
    await stand.moves_order("A1", "paid")
    await stand.moves_order("A1", "shipped", PARCEL)
    await stand.sets_stock("tee-L", 7)
    await stand.sets_stock("tee-L", 2)
    before = await the_order(stand), await the_tee(stand)
    await stand.tells_again()
    assert (await the_order(stand), await the_tee(stand)) == before


# --- commands ----------------------------------------------------------------------------------------------------


def needs(stand: ShopStand, command: type) -> None:
    if command not in stand.can:
        pytest.skip(f"{command.__name__} is left to the staff there")


@pytest.mark.parametrize("status", ["unpaid", "paid"])
async def test_an_order_that_has_not_left_is_cancelled_there_and_here(stand: ShopStand, status: str) -> None:
    needs(stand, CancelOrder)
    await fill(stand, A1=order(status))
    assert await stand.does(CancelOrder("A1", "changed my mind")) is Outcome.DONE
    assert (await stand.status_there("A1"))[0] == "cancelled"
    assert (await the_order(stand)).status is OrderStatus.CANCELLED


async def test_an_order_that_has_left_is_not_cancelled(stand: ShopStand) -> None:
    needs(stand, CancelOrder)
    await fill(stand, A1=order("paid"))
    await stand.moves_order("A1", "shipped", PARCEL)
    assert await stand.does(CancelOrder("A1", "")) is Outcome.REFUSED
    assert (await stand.status_there("A1"))[0] == "shipped"
    assert (await the_order(stand)).status is OrderStatus.SHIPPED


async def test_an_order_is_sent_to_another_address_before_it_left_and_not_after(stand: ShopStand) -> None:
    needs(stand, ChangeAddress)
    await fill(stand, A1=order("paid"))
    assert await stand.does(ChangeAddress("A1", "Rosenweg 2, 10115 Berlin")) is Outcome.DONE
    assert "Rosenweg 2" in (await stand.status_there("A1"))[1]
    assert "Rosenweg 2" in (await the_order(stand)).address
    await stand.moves_order("A1", "shipped", PARCEL)
    assert await stand.does(ChangeAddress("A1", "Nelkenweg 3")) is Outcome.REFUSED
    assert "Rosenweg 2" in (await stand.status_there("A1"))[1]


async def test_a_return_is_opened_and_read(stand: ShopStand) -> None:
    needs(stand, OpenCase)
    await fill(stand, A1=order("unpaid", pieces=2))
    for status in ("paid", "shipped", "delivered"):
        await stand.moves_order("A1", status)
    line = (await the_order(stand)).lines[0].id
    wish = OpenCase(CaseKind.RETURN, "A1", (CaseLine(line, 1),), "small", "太小", Money(5000, "CNY"))
    assert await stand.does(wish) is Outcome.DONE
    (case,) = await seen(stand, lambda shop: shop.cases_of("A1"))
    assert (case.kind, [(part.line_id, part.quantity) for part in case.parts]) == (CaseKind.RETURN, [(line, 1)])
    assert (await the_order(stand)).lines[0].returned == 1


# --- a shop with a system of its own -----------------------------------------------------------------------------


async def test_what_a_lost_word_would_have_told_is_found_when_everything_is_compared(remote_stand: ShopStand) -> None:
    stand = remote_stand
    await fill(stand, A1=order("unpaid"))
    await stand.is_compared()
    stand.loses_its_words(True)
    await stand.moves_order("A1", "paid")
    await stand.puts_customer("tom", customer(name="Tom"))
    await stand.puts_order("A2", order("paid", customer_id="tom"))
    assert await seen(stand, lambda shop: shop.order("A2")) is None
    assert await stand.is_compared() == 3
    assert (await the_order(stand)).status is OrderStatus.PAID
    assert (await the_order(stand, "A2")).customer_id == stand.called("tom")
    assert await stand.is_compared() == 0


async def test_while_the_shop_is_down_the_copy_is_read_and_a_wish_is_done_when_it_is_back(
    remote_stand: ShopStand,
) -> None:
    stand = remote_stand
    needs(stand, CancelOrder)
    await fill(stand, A1=order("paid"))
    stand.goes_down(3)
    assert (await the_order(stand)).status is OrderStatus.PAID
    assert await stand.does(CancelOrder("A1", "")) is Outcome.DONE
    assert (await stand.status_there("A1"))[0] == "cancelled"
