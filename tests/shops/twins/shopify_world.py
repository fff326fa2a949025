"""What a Shopify shop holds, and its own rules of cancelling, returns and refunds. Shares no code with the adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


class Refused(Exception):
    """A user error: the request was understood, and is not carried out."""


def gid(kind: str, number: int | str) -> str:
    return f"gid://shopify/{kind}/{number}"


def bag(amount: str | Decimal, currency: str = "USD") -> Row:
    money = {"amount": f"{Decimal(amount):.2f}", "currencyCode": currency}
    return {"presentmentMoney": money, "shopMoney": money}


def amount_of(found: Row) -> Decimal:
    return Decimal(found["presentmentMoney"]["amount"])


class World:
    """A shop. An order counts as an update of its products, as the documents of `Product.updatedAt` say."""

    def __init__(self, now: Callable[[], datetime], currency: str = "USD") -> None:
        self.now, self.currency = now, currency
        self.products: dict[str, Row] = {}
        self.customers: dict[str, Row] = {}
        self.orders: dict[str, Row] = {}
        self.cancels: dict[str, int] = {}
        self.cancel_takes = 1
        self._last_id = 1000

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def stamp(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def touch(self, row: Row, **fields: Any) -> Row:
        """Change a thing as the staff do."""
        row |= fields
        row["updatedAt"] = self.stamp()
        return row

    def add_product(self, skus: list[str], **fields: Any) -> Row:
        number = self.new_id()
        row: Row = {"id": gid("Product", number), "legacyResourceId": str(number), "title": "Shirt", "status": "ACTIVE",
                    "productType": "Tops", "tags": [], "metafields": {}, "updatedAt": self.stamp(), **fields}  # fmt: skip
        row["variants"] = [self._variant(sku, row) for sku in skus]
        self.products[row["id"]] = row
        return row

    def _variant(self, sku: str, product: Row) -> Row:
        number = self.new_id()
        return {"id": gid("ProductVariant", number), "legacyResourceId": str(number), "sku": sku, "price": "10.00",
                "inventoryQuantity": 5, "inventoryPolicy": "DENY", "inventoryItem": {"tracked": True},
                "selectedOptions": [{"name": "Color", "value": "Blue"}, {"name": "Size", "value": sku[-1:] or "M"}],
                "product": product}  # fmt: skip

    def variant(self, variant_id: str) -> Row:
        found = (one for product in self.products.values() for one in product["variants"] if one["id"] == variant_id)
        return next(found)

    def add_customer(self, phone: str | None = "+12125551001", **fields: Any) -> Row:
        number = self.new_id()
        row = {"id": gid("Customer", number), "legacyResourceId": str(number), "firstName": "Lin", "lastName": "Yue",
               "updatedAt": self.stamp(), "defaultEmailAddress": {"emailAddress": "lin@shop.example"},
               "defaultPhoneNumber": {"phoneNumber": phone} if phone else None, **fields}  # fmt: skip
        self.customers[row["id"]] = row
        return row

    def add_order(self, lines: list[tuple[Row, int]], off: str = "0.00", **fields: Any) -> Row:
        """Place a paid order; each line is (variant, pieces); `off` is the coupon on the first line."""
        number = self.new_id()
        items = [self.line(variant, pieces) for variant, pieces in lines]
        items[0]["discountedTotalSet"] = bag(amount_of(items[0]["discountedTotalSet"]) - Decimal(off))
        total = sum((amount_of(item["discountedTotalSet"]) for item in items), Decimal(0))
        address = {"firstName": "Lin", "lastName": "Yue", "company": None, "address1": "1 Main St", "address2": "",
                   "city": "Springfield", "province": "Illinois", "provinceCode": "IL", "zip": "62701",
                   "countryCodeV2": "US", "phone": "+12125552002"}  # fmt: skip
        sale = {"id": gid("OrderTransaction", self.new_id()), "kind": "SALE", "status": "SUCCESS", "gateway": "visa",
                "parentTransaction": None, "amountSet": bag(total)}  # fmt: skip
        row = {"id": gid("Order", number), "legacyResourceId": str(number), "name": f"#{number}", "phone": None,
               "createdAt": self.stamp(), "updatedAt": self.stamp(), "processedAt": self.stamp(), "cancelledAt": None,
               "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED", "customer": None,
               "shippingAddress": address, "totalPriceSet": bag(total), "totalShippingPriceSet": bag("0"),
               "totalDiscountsSet": bag(off), "lineItems": items, "fulfillments": [], "returns": [], "refunds": [],
               "transactions": [sale], **fields}  # fmt: skip
        self.orders[row["id"]] = row
        for variant, pieces in lines:
            variant["inventoryQuantity"] -= pieces
            self.touch(variant["product"])
        return row

    def line(self, variant: Row, pieces: int) -> Row:
        whole = Decimal(variant["price"]) * pieces
        return {"id": gid("LineItem", self.new_id()), "title": variant["product"]["title"], "variantTitle": "Blue / M",
                "sku": variant["sku"], "quantity": pieces, "variant": variant,
                "originalUnitPriceSet": bag(variant["price"]), "discountedTotalSet": bag(whole)}  # fmt: skip

    def ship(self, order: Row, number: str = "1Z1", lines: list[Row] | None = None) -> Row:
        """Send a parcel with these lines of the order, or all."""
        goods = order["lineItems"] if lines is None else lines
        parcel = {"id": gid("Fulfillment", self.new_id()), "status": "SUCCESS", "createdAt": self.stamp(),
                  "deliveredAt": None, "estimatedDeliveryAt": None, "events": [],
                  "trackingInfo": [{"company": "UPS", "number": number, "url": None}],
                  "fulfillmentLineItems": [{"id": gid("FulfillmentLineItem", self.new_id()), "lineItem": line,
                                            "quantity": line["quantity"]} for line in goods]}  # fmt: skip
        order["fulfillments"].append(parcel)
        sent = {line["lineItem"]["id"] for one in order["fulfillments"] for line in one["fulfillmentLineItems"]}
        is_all = sent >= {line["id"] for line in order["lineItems"]}
        self.touch(order, displayFulfillmentStatus="FULFILLED" if is_all else "PARTIALLY_FULFILLED")
        return parcel

    def track(self, order: Row, parcel: Row, status: str, city: str = "Chicago") -> None:
        event = {"status": status, "happenedAt": self.stamp(), "city": city, "country": "US"}
        parcel["events"].append(event)
        if status == "DELIVERED":
            parcel["deliveredAt"] = self.stamp()
        self.touch(order)

    # --- what the mutations do -------------------------------------------------------------------------------------
    def cancel(self, order: Row) -> None:
        """Begin to cancel: it is through after `cancel_takes` more requests."""
        if order["cancelledAt"] or order["id"] in self.cancels:
            raise Refused("Order has already been cancelled")
        if any(one["status"] == "SUCCESS" for one in order["fulfillments"]):
            raise Refused("Cannot cancel an order with fulfilled items")
        if any(one["status"] in ("OPEN", "REQUESTED") for one in order["returns"]):
            raise Refused("Cannot cancel an order with open returns")
        self.cancels[order["id"]] = self.cancel_takes

    def tick(self) -> None:
        """Let what works behind the answers go on by one request."""
        for order_id, left in list(self.cancels.items()):
            self.cancels[order_id] = left - 1
            if left > 0:
                continue
            del self.cancels[order_id]
            order = self.orders[order_id]
            for line in order["lineItems"]:
                line["variant"]["inventoryQuantity"] += line["quantity"]
            if order["displayFinancialStatus"] == "PAID":
                sale = order["transactions"][0]
                self._record_refund(order, [(sale["id"], amount_of(sale["amountSet"]))], "")
            self.touch(order, cancelledAt=self.stamp())

    def move(self, order: Row, given: Row) -> None:
        for name, said in (("city", "city"), ("zip", "postal code"), ("address1", "address")):
            if not given.get(name):
                raise Refused(f"Shipping address {said} can't be blank")
        fields = {name: given.get(name) for name in order["shippingAddress"]}
        self.touch(order, shippingAddress={**fields, "countryCodeV2": given.get("countryCode")})

    def returnable(self, order: Row) -> dict[str, int]:
        """Pieces by the id of the line in its parcel that are in no return."""
        there = {line["id"]: line["quantity"] for one in order["fulfillments"] for line in one["fulfillmentLineItems"]}
        for one in order["returns"]:
            for line in one["returnLineItems"]:
                if one["status"] not in ("CANCELED", "DECLINED"):
                    there[line["fulfillmentLineItem"]["id"]] -= line["quantity"]
        return there

    def open_return(self, order: Row, given: Row) -> Row:
        there = self.returnable(order)
        parts = {line["id"]: line for one in order["fulfillments"] for line in one["fulfillmentLineItems"]}
        for line in given["returnLineItems"]:
            if not 0 < line["quantity"] <= there.get(line["fulfillmentLineItemId"], 0):
                raise Refused("Return line items has an invalid quantity")
            if len(line.get("returnReasonNote", "")) > 255:
                raise Refused("Return reason note is too long (maximum is 255 characters)")
            if line.get("returnReason") == "OTHER" and not line.get("returnReasonNote"):
                raise Refused("Return reason note can't be blank")
        wanted = []
        for line in given.get("exchangeLineItems") or ():
            variant = self.variant(line["variantId"])
            variant["inventoryQuantity"] -= line["quantity"]
            self.touch(variant["product"])
            wanted.append({"id": gid("ExchangeLineItem", self.new_id()), "quantity": line["quantity"],
                           "lineItems": [self.line(variant, line["quantity"])]})  # fmt: skip
        made: Row = {"id": gid("Return", self.new_id()), "name": f"{order['name']}-R{len(order['returns']) + 1}",
                "status": "OPEN", "createdAt": self.stamp(), "exchangeLineItems": wanted, "refunds": [],
                "returnLineItems": [{"__typename": "ReturnLineItem", "id": gid("ReturnLineItem", self.new_id()),
                                     "quantity": line["quantity"], "returnReason": line.get("returnReason", "UNKNOWN"),
                                     "returnReasonNote": line.get("returnReasonNote", ""),
                                     "fulfillmentLineItem": parts[line["fulfillmentLineItemId"]]}
                                    for line in given["returnLineItems"]]}  # fmt: skip
        order["returns"].append(made)
        self.touch(order)
        return made

    def close_return(self, made: Row, order: Row) -> None:
        if made["status"] not in ("OPEN", "REQUESTED") or made["refunds"]:
            raise Refused("Return is not cancelable")
        made["status"] = "CANCELED"
        self.touch(order)

    def refund(self, order: Row, given: Row) -> Row:
        """Pay back to the payments that it names, as far as they reach."""
        parts = [(one["parentId"], Decimal(one["amount"])) for one in given["transactions"]]
        for parent, amount in parts:
            sale = next(one for one in order["transactions"] if one["id"] == parent)
            back = sum((amount_of(one["amountSet"]) for one in order["transactions"]
                        if (one["parentTransaction"] or {}).get("id") == parent), Decimal(0))  # fmt: skip
            if amount > amount_of(sale["amountSet"]) - back:
                raise Refused("Refund amount cannot be greater than the refundable amount")
        return self._record_refund(order, parts, given.get("note") or "")

    def _record_refund(self, order: Row, parts: list[tuple[str, Decimal]], note: str) -> Row:
        for parent, amount in parts:
            sale = next(one for one in order["transactions"] if one["id"] == parent)
            order["transactions"].append({"id": gid("OrderTransaction", self.new_id()), "kind": "REFUND",
                                          "status": "SUCCESS", "gateway": sale["gateway"], "parentTransaction": sale,
                                          "amountSet": bag(amount)})  # fmt: skip
        number = self.new_id()
        made: Row = {"id": gid("Refund", number), "legacyResourceId": str(number), "note": note, "createdAt": self.stamp(),
                "totalRefundedSet": bag(sum((amount for _, amount in parts), Decimal(0))), "return": None,
                "refundLineItems": []}  # fmt: skip
        order["refunds"].append(made)
        back = sum((amount_of(one["totalRefundedSet"]) for one in order["refunds"]), Decimal(0))
        is_all = back >= amount_of(order["totalPriceSet"])
        self.touch(order, displayFinancialStatus="REFUNDED" if is_all else "PARTIALLY_REFUNDED")
        return made
