"""What the Shopify adapter reads, over the loopback from a stand-in that enforces the documented rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from graphql import build_schema, parse, validate

from bot.errors import BadCallback
from bot.shop.platform import Kind, PlatformDown, PlatformRefuses
from bot.shop.port import CaseKind, CaseStatus, OrderStatus
from bot.shop.shopify import documents
from tests.shops.shopify_stand import ShopifyStand, shopify_stand
from tests.shops.twins.serving import START
from tests.shops.twins.shopify import SHOP
from tests.shops.twins.shopify_cost import MOST, requested_cost
from tests.shops.twins.shopify_schema import SDL
from tests.shops.woo_stand import of

DOCUMENTS = {name: one for name, one in vars(documents).items() if isinstance(one, documents.Document)}


@pytest.fixture
async def stand() -> AsyncIterator[ShopifyStand]:
    async with shopify_stand() as made:
        yield made


# --- the requests ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_request_is_valid_and_costs_no_more_than_it_says_and_than_one_may(name: str) -> None:
    schema, document = build_schema(SDL), DOCUMENTS[name]
    parsed = parse(document.text)
    assert validate(schema, parsed) == []
    assert requested_cost(schema, parsed, document.sizes) <= document.cost <= MOST


# --- what is read ----------------------------------------------------------------------------------------------------
async def test_a_product_is_read_with_variants_options_stock_tags_and_metafields(stand: ShopifyStand) -> None:
    product = stand.twin.world.add_product(
        ["dress-M", "", "dress-L"],
        title="Linen dress",
        tags=["Hygiene", "new"],
        metafields={"material": "linen", "care": "30 °C"},
    )
    medium, nameless, large = product["variants"]
    medium |= {"price": "129.90", "inventoryQuantity": 3}
    nameless |= {"inventoryQuantity": -2, "selectedOptions": [{"name": "Title", "value": "Default Title"}]}
    large |= {"inventoryQuantity": 0, "inventoryPolicy": "CONTINUE"}
    body = of(Kind.PRODUCT, await stand.told())[product["legacyResourceId"]]
    first, second, third = body.variants
    assert (first.sku, first.price_minor, first.currency, first.stock) == ("dress-M", 12990, "USD", 3)
    assert (first.colour.zh, first.size) == ("Blue", "M")
    assert (second.sku, second.stock, second.colour.en) == (f"shopify-{nameless['legacyResourceId']}", 0, "")
    assert third.stock > 0  # it is sold on when there is none
    assert (body.name.en, body.material.en, body.care.zh, body.hygiene) == ("Linen dress", "linen", "30 °C", True)
    assert (body.category, body.size_chart, body.active, body.returnable) == ("Tops", "tops", True, True)


async def test_a_product_with_more_variants_than_a_page_shows_is_read_whole(stand: ShopifyStand) -> None:
    product = stand.twin.world.add_product([f"s-{place}" for place in range(240)])
    body = of(Kind.PRODUCT, await stand.told())[product["legacyResourceId"]]
    assert [variant.sku for variant in body.variants] == [f"s-{place}" for place in range(240)]


async def test_an_order_is_read_exactly_with_coupon_parcel_and_trail(stand: ShopifyStand) -> None:
    world, shirt = stand.twin.world, stand.shirt()
    customer = world.add_customer()
    order = world.add_order([(shirt, 3)], off="5.00", customer=customer)
    stand.clock.advance(hours=1)
    parcel = world.ship(order)
    parcel["estimatedDeliveryAt"] = "2026-11-25T18:00:00Z"
    stand.clock.advance(hours=1)
    world.track(order, parcel, "IN_TRANSIT")
    told = await stand.told()
    body = of(Kind.ORDER, told)[order["name"].removeprefix("#")]
    line = body.lines[0]
    assert (line.sku, line.quantity, line.price_minor, line.paid_minor) == ("shirt-M", 3, 1000, 2500)
    assert (body.total_minor, body.discount_minor, body.shipping_minor, body.currency) == (2500, 500, 0, "USD")
    assert (body.status, body.paid_at, body.country) == (OrderStatus.SHIPPED, START, "US")
    assert body.address == "Lin, Yue, 1 Main St, Springfield, Illinois, 62701"
    (shipment,) = body.shipments
    assert (shipment.carrier, shipment.tracking_number, shipment.skus) == ("UPS", "1Z1", ["shirt-M"])
    assert shipment.expected_at == START + timedelta(days=3, hours=16)
    assert [(e.status, e.at, e.place.en) for e in shipment.events] == [
        ("in_transit", START + timedelta(hours=2), "Chicago, US")
    ]
    kinds = [one.kind for one in told]
    assert kinds.index(Kind.CUSTOMER) < kinds.index(Kind.ORDER)
    assert of(Kind.CUSTOMER, told)[customer["legacyResourceId"]].phone == "+12125551001"


@pytest.mark.parametrize(
    ("fields", "becomes"),
    [
        ({"displayFinancialStatus": "PENDING"}, OrderStatus.UNPAID),
        ({"displayFinancialStatus": "VOIDED"}, OrderStatus.UNPAID),
        ({"displayFinancialStatus": "AUTHORIZED"}, OrderStatus.PAID),
        ({}, OrderStatus.PAID),
        ({"displayFulfillmentStatus": "IN_PROGRESS"}, OrderStatus.PACKED),
        ({"displayFinancialStatus": "REFUNDED"}, OrderStatus.REFUNDED),
        ({"displayFinancialStatus": "REFUNDED", "cancelledAt": "2026-11-22T02:00:00Z"}, OrderStatus.CANCELLED),
    ],
)
async def test_every_status_has_its_meaning(stand: ShopifyStand, fields: dict[str, Any], becomes: OrderStatus) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)], **fields)
    assert of(Kind.ORDER, await stand.told())[order["name"].removeprefix("#")].status is becomes


async def test_an_order_is_delivered_when_all_its_parcels_are(stand: ShopifyStand) -> None:
    world = stand.twin.world
    order = world.add_order([(stand.shirt(), 1), (stand.shirt(sku="cap-M"), 1)], displayFinancialStatus="PENDING")
    first, second = (world.ship(order, f"1Z{line['sku']}", [line]) for line in order["lineItems"])
    number = order["name"].removeprefix("#")
    world.track(order, first, "DELIVERED")
    body = of(Kind.ORDER, await stand.told())[number]
    assert (body.status, [parcel.skus for parcel in body.shipments]) == (OrderStatus.SHIPPED, [["shirt-M"], ["cap-M"]])
    stand.clock.advance(hours=1)
    world.track(order, second, "DELIVERED")
    body = of(Kind.ORDER, await stand.told())[number]
    assert (body.status, body.delivered_at) == (OrderStatus.DELIVERED, START + timedelta(hours=1))


async def test_a_guest_and_a_line_whose_variant_is_deleted_are_told_so_that_the_order_can_be(
    stand: ShopifyStand,
) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    order["lineItems"][0]["variant"] = None
    told = await stand.told()
    body = of(Kind.ORDER, told)[order["name"].removeprefix("#")]
    guest = of(Kind.CUSTOMER, told)[f"guest-{order['legacyResourceId']}"]
    assert (body.customer_id, guest.phone) == (f"guest-{order['legacyResourceId']}", "+12125552002")
    product = of(Kind.PRODUCT, told)[body.lines[0].sku]
    assert (product.active, product.variants[0].sku, product.name.en) == (False, body.lines[0].sku, "Shirt")


async def test_an_order_with_more_of_everything_than_a_page_shows_is_read_whole(stand: ShopifyStand) -> None:
    world = stand.twin.world
    order = world.add_order([(stand.shirt(sku=f"s{place}-M"), 1) for place in range(120)])
    for place in range(4):
        parcel = world.ship(order, f"1Z{place}", [order["lineItems"][place]])
    for _ in range(8):
        stand.clock.advance(hours=1)
        world.track(order, parcel, "IN_TRANSIT")
    body = of(Kind.ORDER, await stand.told())[order["name"].removeprefix("#")]
    assert len({line.sku for line in body.lines}) == 120
    assert [shipment.tracking_number for shipment in body.shipments] == ["1Z0", "1Z1", "1Z2", "1Z3"]
    assert len(body.shipments[3].events) == 8


async def test_lines_of_one_sku_are_added_up(stand: ShopifyStand) -> None:
    shirt = stand.shirt()
    order = stand.twin.world.add_order([(shirt, 1), (shirt, 2)], off="1.00")
    (line,) = of(Kind.ORDER, await stand.told())[order["name"].removeprefix("#")].lines
    assert (line.quantity, line.price_minor, line.paid_minor) == (3, 1000, 2900)


async def test_returns_and_refunds_are_told_as_cases(stand: ShopifyStand) -> None:
    world = stand.twin.world
    order = world.add_order([(stand.shirt(), 2)])
    part = world.ship(order)["fulfillmentLineItems"][0]["id"]
    given = {"fulfillmentLineItemId": part, "quantity": 1, "returnReason": "SIZE_TOO_SMALL", "returnReasonNote": "x"}
    made = world.open_return(order, {"returnLineItems": [given]})
    refund = world.refund(order, {"transactions": [{"parentId": order["transactions"][0]["id"], "amount": "3.00"}]})
    cases = of(Kind.CASE, await stand.told())
    number = order["name"].removeprefix("#")
    opened = cases[f"{number}-R1"]
    assert (opened.kind, opened.status, opened.reason) == (CaseKind.RETURN, CaseStatus.APPROVED, "small")
    assert (opened.refund_minor, [(p.sku, p.quantity) for p in opened.parts]) == (1000, [("shirt-M", 1)])
    paid = cases[f"{number}-{refund['legacyResourceId']}"]
    assert (paid.kind, paid.status, paid.refund_minor) == (CaseKind.REFUND, CaseStatus.REFUNDED, 300)
    made["refunds"] = [{**refund, "return": made}]
    refund["return"] = made
    world.touch(order, returns=[{**made, "status": "CLOSED"}])
    cases = of(Kind.CASE, await stand.told())
    assert {case: body.status for case, body in cases.items()} == {f"{number}-R1": CaseStatus.REFUNDED}


async def test_more_orders_than_fit_on_a_page_are_all_read_and_none_is_throttled(stand: ShopifyStand) -> None:
    shirt = stand.shirt(pieces=1000)
    placed = {stand.twin.world.add_order([(shirt, 1)])["name"].removeprefix("#") for _ in range(260)}
    assert set(of(Kind.ORDER, await stand.told())) == placed
    assert stand.twin.bucket.throttled == 0


async def test_a_list_longer_than_shopify_pages_through_is_begun_anew_in_time() -> None:
    async with shopify_stand(longest_list=40) as stand:
        shirt, placed = stand.shirt(pieces=1000), set()
        for _ in range(100):
            stand.clock.advance(seconds=1)
            placed.add(stand.twin.world.add_order([(shirt, 1)])["name"].removeprefix("#"))
        assert set(of(Kind.ORDER, await stand.told())) == placed
        assert stand.twin.deepest < 45


async def test_only_what_was_changed_since_is_read_a_minute_of_it_again(stand: ShopifyStand) -> None:
    shirt = stand.shirt()
    stand.twin.world.add_order([(shirt, 1)])
    stand.clock.advance(hours=1)
    new = stand.twin.world.add_order([(shirt, 1)])
    told = await stand.told(since=stand.clock.now() + timedelta(seconds=30))
    assert set(of(Kind.ORDER, told)) == {new["name"].removeprefix("#")}
    assert of(Kind.PRODUCT, told)  # its stock has moved


async def test_one_order_that_makes_no_sense_stops_no_other(stand: ShopifyStand) -> None:
    shirt = stand.shirt()
    broken = stand.twin.world.add_order([(shirt, 1)])
    broken["totalPriceSet"]["presentmentMoney"] |= {"currencyCode": "??"}
    right = stand.twin.world.add_order([(shirt, 1)])
    assert set(of(Kind.ORDER, await stand.told())) == {right["name"].removeprefix("#")}


async def test_one_order_is_found_by_its_number_with_or_without_the_sign(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    for number in (order["name"], order["name"].removeprefix("#")):
        told = await stand.platform.order(number)
        assert [one.kind for one in told] == [Kind.CUSTOMER, Kind.ORDER]
    assert await stand.platform.order("1") == ()
    assert await stand.platform.order("' OR status:any '") == ()


# --- the bucket of points --------------------------------------------------------------------------------------------
async def test_it_waits_for_points_before_it_is_throttled() -> None:
    async with shopify_stand(bucket={"most": 1000, "per_s": 50}) as stand:
        shirt = stand.shirt(pieces=1000)
        for _ in range(60):
            stand.twin.world.add_order([(shirt, 1)])
        assert len(of(Kind.ORDER, await stand.told())) == 60
        assert stand.twin.bucket.throttled == 0
        assert sum(stand.ticker.waits) > 1  # it had to wait; a moment later the points were there


async def test_it_waits_and_asks_again_when_others_have_emptied_the_bucket(stand: ShopifyStand) -> None:
    stand.twin.bucket.take(2000)
    await stand.told()
    assert stand.twin.bucket.throttled == 1
    assert 1 <= sum(stand.ticker.waits) < 60


async def test_a_bucket_that_others_keep_empty_is_a_platform_that_is_down_for_a_while(stand: ShopifyStand) -> None:
    stand.twin.bucket.per_s = 0.001
    stand.twin.bucket.take(2000)
    with pytest.raises(PlatformDown) as down:
        await stand.told()
    assert down.value.retry_after_s > 0


# --- a shop that is slow, busy or closed -----------------------------------------------------------------------------
async def test_a_busy_shop_is_asked_again_as_late_as_it_says(stand: ShopifyStand) -> None:
    stand.twin.faults.busy.extend([(429, 2.0), (503, None)])
    assert await stand.told() == []
    assert stand.ticker.waits == [2.0, 2.0]


async def test_a_shop_that_stays_busy_or_does_not_answer_is_down() -> None:
    async with shopify_stand(timeout_s=0.2) as stand:
        stand.twin.faults.busy.extend([(502, None)] * 3)
        with pytest.raises(PlatformDown):
            await stand.told()
        stand.twin.faults.slow_s.extend([1, 1, 1])
        with pytest.raises(PlatformDown):
            await stand.told()


async def test_what_the_app_may_not_see_and_a_wrong_currency_are_told_with_the_way_out(stand: ShopifyStand) -> None:
    stand.twin.world.currency = "EUR"
    with pytest.raises(PlatformRefuses, match="EUR"):
        await stand.told()
    stand.twin.scopes_missing = True
    with pytest.raises(PlatformRefuses, match="read_orders"):
        await stand.told()


async def test_a_token_that_is_wrong_is_told() -> None:
    async with shopify_stand(token="shpat_wrong") as stand:
        with pytest.raises(PlatformRefuses, match="Dev Dashboard"):
            await stand.told()


async def test_a_token_is_got_with_the_apps_credentials_once_a_day_and_again_when_it_was_revoked() -> None:
    async with shopify_stand(token="") as stand:
        await stand.told()
        await stand.told()
        assert len(stand.twin._tokens) == 2
        stand.ticker.time_s += 86_399
        await stand.told()
        assert len(stand.twin._tokens) == 3
        stand.twin.revoke()
        await stand.told()
        assert len(stand.twin._tokens) == 2


# --- webhooks --------------------------------------------------------------------------------------------------------
async def test_a_webhook_tells_what_reading_tells_a_moment_older(stand: ShopifyStand) -> None:
    world, shirt = stand.twin.world, stand.shirt()
    order = world.add_order([(shirt, 2)], off="1.00", customer=world.add_customer())
    world.track(order, world.ship(order), "OUT_FOR_DELIVERY", city="")
    order["fulfillments"][0]["events"][0]["country"] = None  # a webhook does not say where
    _, told = stand.platform.hook(*stand.twin.hook("orders/updated", order))
    read = [one for one in await stand.told() if one.kind in (Kind.CUSTOMER, Kind.ORDER)]
    assert [(one.kind, one.id, one.body) for one in told] == [(one.kind, one.id, one.body) for one in read[1:]]
    assert all(mine.changed_at < theirs.changed_at for mine, theirs in zip(told, read[1:], strict=True))


async def test_products_and_customers_are_told_by_webhook_too(stand: ShopifyStand) -> None:
    product = stand.twin.world.add_product(["shirt-M", "shirt-L"], tags=["final sale", "new"])
    customer = stand.twin.world.add_customer()
    read = await stand.told()
    for topic, row, kind in (("products/update", product, Kind.PRODUCT), ("customers/update", customer, Kind.CUSTOMER)):
        (told,) = stand.platform.hook(*stand.twin.hook(topic, row))[1]
        assert {told.id: told.body} == of(kind, read)


async def test_a_repeated_webhook_has_the_same_id_and_each_topic_of_one_event_its_own(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    paid = stand.twin.hook("orders/paid", order, event="e-77")
    updated = stand.twin.hook("orders/updated", order, event="e-77")
    again = stand.twin.hook("orders/paid", order, event="e-77")  # another delivery of the same
    first, second, third = (stand.platform.hook(*hook)[0] for hook in (paid, updated, again))
    assert first == third != second


async def test_a_late_webhook_carries_the_older_time_so_that_it_undoes_nothing(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    late = stand.twin.hook("orders/updated", order)
    stand.clock.advance(minutes=5)
    stand.twin.world.ship(order)
    newer = stand.platform.hook(*stand.twin.hook("orders/updated", order))[1][-1]
    assert stand.platform.hook(*late)[1][-1].changed_at < newer.changed_at


async def test_a_lost_webhook_is_made_good_by_what_was_changed_since(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    cursor = stand.clock.now()
    stand.clock.advance(minutes=5)
    stand.twin.world.ship(order)  # its webhook never comes
    told = of(Kind.ORDER, await stand.told(since=cursor))
    assert told[order["name"].removeprefix("#")].status is OrderStatus.SHIPPED


async def test_webhooks_that_are_forged_or_of_another_shop_are_refused(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    headers, body = stand.twin.hook("orders/updated", order)
    for bad in (
        stand.twin.hook("orders/updated", order, secret="guess"),
        stand.twin.hook("orders/updated", order, shop="other-shop.myshopify.com"),
        (headers, body + b" "),
        ({**headers, "x-shopify-hmac-sha256": ""}, body),
        ({name: value for name, value in headers.items() if name != "x-shopify-topic"}, body),
        ({}, b"{}"),
    ):
        with pytest.raises(BadCallback):
            stand.platform.hook(*bad)
    assert headers["x-shopify-shop-domain"] == SHOP


async def test_webhooks_that_hold_no_whole_thing_tell_nothing_but_who_is_gone(stand: ShopifyStand) -> None:
    order = stand.twin.world.add_order([(stand.shirt(), 1)])
    assert stand.platform.hook(*stand.twin.hook("orders/delete", order))[1] == ()
    customer = stand.twin.world.add_customer()
    (gone,) = stand.platform.hook(*stand.twin.hook("customers/delete", customer))[1]
    assert (gone.kind, gone.id, gone.body) == (Kind.CUSTOMER, customer["legacyResourceId"], None)
