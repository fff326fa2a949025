"""What the WooCommerce adapter reads, over the loopback from a stand-in that enforces the documented rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.errors import BadCallback, SettingsError
from bot.shop.http import checked_base
from bot.shop.platform import Kind, PlatformDown, PlatformRefuses
from bot.shop.port import OrderStatus
from bot.shop.woocommerce.platform import WooCommerce
from tests.shops.twins.serving import START
from tests.shops.twins.woocommerce import HOOK_SECRET
from tests.shops.woo_stand import WooStand, of, woo_stand


async def no_wait(seconds: float) -> None:
    pass


@pytest.fixture
async def stand() -> AsyncIterator[WooStand]:
    async with woo_stand() as made:
        yield made


async def test_a_variable_product_is_read_with_its_variations_sizes_and_stock(stand: WooStand) -> None:
    product = stand.twin.world.add_product(
        name="Linen dress",
        tags=[{"id": 1, "name": "Final sale", "slug": "final-sale"}],
        attributes=[{"name": "Material", "options": ["linen"], "variation": False}],
    )
    look = [{"name": "Color", "option": "Blue"}, {"name": "Size", "option": "M"}, {"name": "Length", "option": "long"}]
    stand.twin.world.add_variation(product, sku="dress-blue-M", price="129.90", stock_quantity=3, attributes=look)
    stand.twin.world.add_variation(product, sku="dress-blue-L", manage_stock=False, attributes=look[:1])
    stand.twin.world.add_variation(product, sku="dress-blue-S", stock_status="outofstock")
    body = of(Kind.PRODUCT, await stand.told())[str(product["id"])]
    medium, large, small = body.variants
    assert (medium.sku, medium.price_minor, medium.currency, medium.stock) == ("dress-blue-M", 12990, "USD", 3)
    assert (medium.colour.en, medium.size) == ("Blue / long", "M")
    assert large.stock > 0
    assert small.stock == 0
    assert (body.name.zh, body.name.en, body.material.en) == ("Linen dress", "Linen dress", "linen")
    assert (body.category, body.size_chart, body.returnable, body.active) == ("tops", "tops", False, True)


async def test_a_draft_and_a_hidden_product_are_not_on_sale_and_one_without_a_sku_is_named_by_its_id(
    stand: WooStand,
) -> None:
    draft = stand.twin.world.add_product(status="draft")
    hidden = stand.twin.world.add_product(catalog_visibility="hidden")
    products = of(Kind.PRODUCT, await stand.told())
    assert [products[str(row["id"])].active for row in (draft, hidden)] == [False, False]
    assert products[str(draft["id"])].variants[0].sku == f"wc-{draft['id']}"


async def test_an_order_is_read_exactly_with_tax_coupon_shipping_and_parcels(stand: WooStand) -> None:
    customer = stand.twin.world.add_customer()
    shirt = stand.twin.world.add_product(sku="shirt", price="33.33")
    order = stand.twin.world.add_order([(shirt, 3)], customer_id=customer["id"])
    order["line_items"][0] |= {"subtotal": "99.99", "subtotal_tax": "8.005", "total": "89.99", "total_tax": "7.205"}
    order |= {"total": "107.19", "shipping_total": "9.26", "shipping_tax": "0.74", "discount_total": "10.00",
              "discount_tax": "0.80", "status": "completed", "date_completed_gmt": "2026-11-22T02:00:00",
              "meta_data": [{"id": 1, "key": "_wc_shipment_tracking_items", "value": [
                  {"tracking_provider": "usps", "custom_tracking_provider": "", "tracking_number": "9400"}]}]}  # fmt: skip
    told = await stand.told()
    body = of(Kind.ORDER, told)[order["number"]]
    line = body.lines[0]
    assert (line.sku, line.quantity, line.price_minor, line.paid_minor) == ("shirt", 3, 3600, 9720)
    assert (body.total_minor, body.shipping_minor, body.discount_minor) == (10719, 1000, 1080)
    assert (body.status, body.paid_at, body.delivered_at) == (OrderStatus.SHIPPED, START, None)
    assert [(parcel.carrier, parcel.tracking_number) for parcel in body.shipments] == [("usps", "9400")]
    assert (body.country, body.address) == ("US", "Lin, Yue, 1 Main St, Springfield, IL, 62701")
    kinds = [one.kind for one in told if one.kind is not Kind.PRODUCT]
    assert kinds.index(Kind.CUSTOMER) < kinds.index(Kind.ORDER)
    assert of(Kind.CUSTOMER, told)[str(customer["id"])].phone == "+1 212 555 1001"


@pytest.mark.parametrize(
    ("status", "paid", "becomes"),
    [
        ("pending", None, OrderStatus.UNPAID),
        ("on-hold", None, OrderStatus.UNPAID),
        ("failed", None, OrderStatus.UNPAID),
        ("processing", "2026-11-22T01:00:00", OrderStatus.PAID),
        ("processing", None, OrderStatus.PAID),  # cash on delivery
        ("completed", "2026-11-22T01:00:00", OrderStatus.SHIPPED),
        ("cancelled", None, OrderStatus.CANCELLED),
        ("refunded", "2026-11-22T01:00:00", OrderStatus.REFUNDED),
        ("delivered", "2026-11-22T01:00:00", OrderStatus.DELIVERED),
        ("made-by-a-plugin", "2026-11-22T01:00:00", OrderStatus.PAID),
        ("made-by-a-plugin", None, OrderStatus.UNPAID),
    ],
)
async def test_every_status_has_its_meaning(
    stand: WooStand, status: str, paid: str | None, becomes: OrderStatus
) -> None:
    order = stand.twin.world.add_order([(stand.twin.world.add_product(), 1)], status=status, date_paid_gmt=paid)
    assert of(Kind.ORDER, await stand.told())[order["number"]].status is becomes


async def test_completed_means_delivered_where_the_shop_says_so() -> None:
    async with woo_stand(completed="delivered") as stand:
        done = "2026-11-20T09:00:00"
        shirt = stand.twin.world.add_product()
        order = stand.twin.world.add_order([(shirt, 1)], status="completed", date_completed_gmt=done)
        body = of(Kind.ORDER, await stand.told())[order["number"]]
        assert body.status is OrderStatus.DELIVERED
        assert body.delivered_at.isoformat() == "2026-11-20T09:00:00+00:00"


async def test_a_guest_and_a_product_that_is_deleted_are_told_so_that_the_order_can_be(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product(sku="gone")
    order = stand.twin.world.add_order([(shirt, 1)])
    del stand.twin.world.products[shirt["id"]]
    order["line_items"][0]["sku"] = None
    told = await stand.told()
    guest = of(Kind.CUSTOMER, told)[f"guest-{order['id']}"]
    assert (guest.name, guest.phone, guest.email) == ("Lin Yue", "+1 212 555 2002", "guest@shop.example")
    named = of(Kind.PRODUCT, told)[str(shirt["id"])]
    assert not named.active
    assert named.variants[0].sku == of(Kind.ORDER, told)[order["number"]].lines[0].sku == f"wc-{shirt['id']}"


async def test_more_orders_than_fit_on_a_page_are_all_read_in_pages_of_a_hundred(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product(stock_quantity=1000)
    placed = {stand.twin.world.add_order([(shirt, 1)])["number"] for _ in range(257)}
    told = await stand.told()
    assert set(of(Kind.ORDER, told)) == placed
    assert stand.twin.calls.count("GET orders") == 3


async def test_only_what_was_changed_since_is_read_and_the_second_itself_is_in_it(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product()
    old = stand.twin.world.add_order([(shirt, 1)])
    stand.clock.advance(hours=1)
    new = stand.twin.world.add_order([(shirt, 1)])
    told = await stand.told(since=stand.clock.now() + timedelta(milliseconds=400))
    assert set(of(Kind.ORDER, told)) == {new["number"]}
    assert set(of(Kind.ORDER, await stand.told(since=START))) == {old["number"], new["number"]}


async def test_the_stock_that_a_new_order_takes_is_read_although_the_product_has_an_old_date(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product(sku="shirt", stock_quantity=5)
    stand.clock.advance(hours=1)
    stand.twin.world.add_order([(shirt, 2)])
    told = await stand.told(since=stand.clock.now())
    assert of(Kind.PRODUCT, told)[str(shirt["id"])].variants[0].stock == 3


async def test_an_order_in_the_bin_is_gone_and_a_checkout_draft_is_none(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product()
    order = stand.twin.world.add_order([(shirt, 1)])
    headers, body = stand.twin.hook("order.updated", stand.twin.world.touch(order, status="trash"))
    _, told = stand.platform.hook(headers, body)
    assert [(one.kind, one.id, one.body) for one in told] == [(Kind.ORDER, order["number"], None)]
    headers, body = stand.twin.hook("order.created", {**order, "status": "checkout-draft"})
    assert stand.platform.hook(headers, body)[1] == ()


async def test_one_order_that_makes_no_sense_stops_no_other(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product()
    stand.twin.world.add_order([(shirt, 1)], total="a lot")
    stand.twin.world.add_order([(shirt, 1)], currency="??")
    right = stand.twin.world.add_order([(shirt, 1)])
    assert set(of(Kind.ORDER, await stand.told())) == {right["number"]}


async def test_one_order_is_found_by_the_number_that_an_extension_gave_it(stand: WooStand) -> None:
    shirt = stand.twin.world.add_product()
    plain = stand.twin.world.add_order([(shirt, 1)])
    named = stand.twin.world.add_order([(shirt, 1)], number="SO-77")
    for row in (plain, named):
        told = await stand.platform.order(row["number"])
        assert [one.kind for one in told] == [Kind.PRODUCT, Kind.CUSTOMER, Kind.ORDER]
        assert told[-1].id == row["number"]
    assert await stand.platform.order("9999") == ()
    assert await stand.platform.order(str(named["id"])) == ()  # its id is not its number


# --- a shop that is slow, busy or closed -----------------------------------------------------------------------------
async def test_a_busy_shop_is_asked_again_as_late_as_it_says(stand: WooStand) -> None:
    stand.twin.faults.busy.extend([(429, 7), (503, None)])
    assert await stand.told() == []
    assert stand.waits == [7.0, 2.0]


async def test_a_shop_that_stays_busy_is_down_and_says_for_how_long(stand: WooStand) -> None:
    stand.twin.faults.busy.extend([(502, None)] * 3)
    with pytest.raises(PlatformDown):
        await stand.told()
    stand.twin.faults.busy.append((429, 120))
    with pytest.raises(PlatformDown) as down:
        await stand.told()
    assert down.value.retry_after_s == 120


async def test_a_shop_that_does_not_answer_in_time_is_down() -> None:
    async with woo_stand(timeout_s=0.2) as stand:
        stand.twin.faults.slow_s.extend([1, 1, 1])
        with pytest.raises(PlatformDown):
            await stand.told()


async def test_a_shop_that_is_not_there_is_down() -> None:
    async with woo_stand() as stand:
        pass
    platform = WooCommerce(stand.base, "ck", "cs", "s", "USD", stand.clock, sleep=no_wait)
    with pytest.raises(PlatformDown):
        await platform.order("1")
    await platform.close()


async def test_a_wrong_key_and_a_wrong_currency_are_told_with_the_way_out(stand: WooStand) -> None:
    stand.twin.world.currency = "EUR"
    with pytest.raises(PlatformRefuses, match="EUR"):
        await stand.told()
    platform = WooCommerce(stand.base, "ck_wrong", "cs_wrong", "s", "USD", stand.clock)
    with pytest.raises(PlatformRefuses, match="REST API"):
        await platform.order("1")
    await platform.close()


@pytest.mark.parametrize("url", ["http://shop.example", "shop.example", "ftp://shop.example", ""])
def test_an_address_over_which_the_key_would_be_read_by_others_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        checked_base(url, "shop.woocommerce.url")


# --- webhooks --------------------------------------------------------------------------------------------------------
async def test_a_webhook_tells_the_order_with_its_customer_in_front_and_the_same_delivery_has_the_same_id(
    stand: WooStand,
) -> None:
    order = stand.twin.world.add_order([(stand.twin.world.add_product(sku="shirt"), 2)])
    hook = stand.twin.hook("order.updated", order)
    delivery, told = stand.platform.hook(*hook)
    assert stand.platform.hook(*hook) == (delivery, told)
    assert stand.platform.hook(*stand.twin.hook("order.updated", order))[0] != delivery
    assert [one.kind for one in told] == [Kind.CUSTOMER, Kind.ORDER]
    assert told[1].body == of(Kind.ORDER, await stand.told())[order["number"]]


async def test_a_webhook_of_an_order_never_wins_over_what_the_account_says(stand: WooStand) -> None:
    account = stand.twin.world.add_customer()
    stand.clock.advance(days=1)
    order = stand.twin.world.add_order([(stand.twin.world.add_product(), 1)], customer_id=account["id"])
    customer = stand.platform.hook(*stand.twin.hook("order.created", order))[1][0]
    (read,) = [one for one in await stand.platform.order(order["number"]) if one.kind is Kind.CUSTOMER]
    assert customer.id == read.id
    assert customer.changed_at < read.changed_at
    assert (customer.body.phone, read.body.phone) == ("+1 212 555 2002", "+1 212 555 1001")  # type: ignore[union-attr]


async def test_a_late_webhook_carries_the_older_time_so_that_it_undoes_nothing(stand: WooStand) -> None:
    order = stand.twin.world.add_order([(stand.twin.world.add_product(), 1)])
    late = stand.twin.hook("order.updated", dict(order))
    stand.clock.advance(minutes=5)
    stand.twin.world.touch(order, status="completed")
    newer = stand.platform.hook(*stand.twin.hook("order.updated", order))[1][-1]
    assert stand.platform.hook(*late)[1][-1].changed_at < newer.changed_at


async def test_a_lost_webhook_is_made_good_by_what_was_changed_since(stand: WooStand) -> None:
    order = stand.twin.world.add_order([(stand.twin.world.add_product(), 1)])
    cursor = stand.clock.now() + timedelta(minutes=1)
    stand.clock.advance(minutes=5)
    stand.twin.world.touch(order, status="completed")  # its webhook never comes
    assert of(Kind.ORDER, await stand.told(since=cursor))[order["number"]].status is OrderStatus.SHIPPED


async def test_the_trial_of_a_new_webhook_is_answered_and_tells_nothing(stand: WooStand) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert stand.platform.hook(headers, b"webhook_id=7")[1] == ()


async def test_webhooks_that_are_forged_or_broken_are_refused(stand: WooStand) -> None:
    order = stand.twin.world.add_order([(stand.twin.world.add_product(), 1)])
    headers, body = stand.twin.hook("order.updated", order)
    forged = stand.twin.hook("order.updated", order, secret="guess")
    no_delivery = {name: value for name, value in headers.items() if "delivery" not in name}
    assert HOOK_SECRET != "guess"
    for bad in (
        forged,
        (headers, body + b" "),
        ({**headers, "x-wc-webhook-signature": ""}, body),
        ({**headers, "x-wc-webhook-signature": "é"}, body),
        (no_delivery, body),
        ({"x-wc-webhook-topic": "order.updated"}, b"webhook_id=7"),
        ({}, b"{}"),
    ):
        with pytest.raises(BadCallback):
            stand.platform.hook(*bad)


async def test_a_simple_product_and_a_customer_are_told_by_webhook_and_what_is_not_whole_is_left_to_reading(
    stand: WooStand,
) -> None:
    simple = stand.twin.world.add_product(sku="cap", stock_quantity=2)
    variable = stand.twin.world.add_product()
    stand.twin.world.add_variation(variable, sku="v")
    customer = stand.twin.world.add_customer()
    _, told = stand.platform.hook(*stand.twin.hook("product.updated", simple))
    assert told[0].body.variants[0].stock == 2  # type: ignore[union-attr]
    assert list(stand.platform.hook(*stand.twin.hook("product.updated", variable))[1]) == []
    assert stand.platform.hook(*stand.twin.hook("customer.updated", customer))[1][0].id == str(customer["id"])
    assert list(stand.platform.hook(*stand.twin.hook("coupon.updated", {"id": 1}))[1]) == []
