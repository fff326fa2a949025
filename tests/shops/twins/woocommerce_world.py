"""What a WooCommerce shop holds, and its own rules of orders, refunds and stock. Shares no code with the adapter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
STATUSES = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed", "trash", "delivered")
ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state", "postcode", "country")


class Refused(Exception):
    """(HTTP status, code, message) as WooCommerce words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def gmt(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S") if at else None


class World:
    """A shop. Every change sets `date_modified_gmt`, except of stock that an order moves."""

    def __init__(self, now: Callable[[], datetime], currency: str = "USD") -> None:
        self.now, self.currency = now, currency
        self.products: dict[int, Row] = {}
        self.variations: dict[int, dict[int, Row]] = {}
        self.customers: dict[int, Row] = {}
        self.orders: dict[int, Row] = {}
        self.refunds: dict[int, list[Row]] = {}
        self.notes: dict[int, list[Row]] = {}
        self.gateway_refuses = False
        self._last_id = 100

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def add_product(self, **fields: Any) -> Row:
        row = {"id": self.new_id(), "name": "Shirt", "type": "simple", "status": "publish", "sku": "", "price": "10.00",
               "catalog_visibility": "visible", "stock_status": "instock", "manage_stock": True, "stock_quantity": 5,
               "purchasable": True, "categories": [{"id": 1, "name": "Tops", "slug": "tops"}], "tags": [],
               "attributes": [], "variations": [], "date_created_gmt": gmt(self.now()),
               "date_modified_gmt": gmt(self.now()), **fields}  # fmt: skip
        self.products[row["id"]] = row
        return row

    def add_variation(self, product: Row, **fields: Any) -> Row:
        row = {"id": self.new_id(), "sku": "", "price": "10.00", "status": "publish", "stock_status": "instock",
               "manage_stock": True, "stock_quantity": 5, "purchasable": True, "attributes": [],
               "date_created_gmt": gmt(self.now()), "date_modified_gmt": gmt(self.now()), **fields}  # fmt: skip
        self.variations.setdefault(product["id"], {})[row["id"]] = row
        product["type"] = "variable"
        product["variations"] = [*product["variations"], row["id"]]
        return row

    def add_customer(self, **fields: Any) -> Row:
        row = {"id": self.new_id(), "role": "customer", "first_name": "Lin", "last_name": "Yue",
               "email": "lin@shop.example", "billing": {"phone": "+1 212 555 1001"}, "date_created_gmt": gmt(self.now()),
               "date_modified_gmt": gmt(self.now()), **fields}  # fmt: skip
        self.customers[row["id"]] = row
        return row

    def add_order(self, lines: list[tuple[Row, int]], **fields: Any) -> Row:
        """Place an order; each line is (product or variation, pieces). Stock goes down as when it is paid."""
        order_id = self.new_id()
        items = [self._item(thing, pieces) for thing, pieces in lines]
        total = sum((Decimal(item["total"]) for item in items), Decimal(0))
        address = dict.fromkeys(ADDRESS, "") | {"first_name": "Lin", "last_name": "Yue", "address_1": "1 Main St",
                  "city": "Springfield", "state": "IL", "postcode": "62701", "country": "US"}  # fmt: skip
        row = {"id": order_id, "number": str(order_id), "status": "processing", "currency": self.currency,
               "total": f"{total:.2f}", "shipping_total": "0.00", "shipping_tax": "0.00", "discount_total": "0.00",
               "discount_tax": "0.00", "customer_id": 0, "billing": {**address, "phone": "+1 212 555 2002",
               "email": "guest@shop.example"}, "shipping": address, "line_items": items, "meta_data": [], "refunds": [],
               "date_created_gmt": gmt(self.now()), "date_modified_gmt": gmt(self.now()),
               "date_paid_gmt": gmt(self.now()), "date_completed_gmt": None, **fields}  # fmt: skip
        self.orders[order_id] = row
        self._move_stock(row, -1)
        return row

    def _item(self, thing: Row, pieces: int) -> Row:
        parent = next((pid for pid, kept in self.variations.items() if thing["id"] in kept), None)
        total = f"{Decimal(thing['price']) * pieces:.2f}"
        return {"id": self.new_id(), "name": thing.get("name", "Shirt"), "sku": thing["sku"], "quantity": pieces,
                "product_id": parent or thing["id"], "variation_id": thing["id"] if parent else 0,
                "subtotal": total, "subtotal_tax": "0.00", "total": total, "total_tax": "0.00",
                "price": float(thing["price"])}  # fmt: skip

    def touch(self, row: Row, **fields: Any) -> Row:
        """Change a thing as the staff do."""
        row |= fields
        row["date_modified_gmt"] = gmt(self.now())
        return row

    def update_order(self, row: Row, fields: Row) -> Row:
        unknown = set(fields) - {"status", "shipping", "billing", "meta_data", "customer_note"}
        if unknown:
            raise Refused(400, "rest_invalid_param", f"this stand-in takes no {sorted(unknown)}")
        if fields.get("status", "pending") not in STATUSES:
            raise Refused(400, "rest_invalid_param", "Invalid parameter(s): status")
        for meta in fields.get("meta_data", ()):
            known = next((one for one in row["meta_data"] if one["key"] == meta["key"]), None)
            if known is None:
                row["meta_data"].append({"id": self.new_id(), **meta})
            else:
                known["value"] = meta["value"]
        if "shipping" in fields:
            row["shipping"] = {**row["shipping"], **fields["shipping"]}
        if fields.get("status", row["status"]) != row["status"]:
            if fields["status"] == "cancelled":  # puts the goods back, whatever it was before
                self._move_stock(row, +1)
            row["status"] = fields["status"]
        return self.touch(row)

    def refund(self, row: Row, fields: Row) -> Row:
        """Pay back. The amount counts even where the lines say another; paying back all ends the order."""
        amount = Decimal(str(fields.get("amount") or 0))
        left = Decimal(row["total"]) - sum(
            (Decimal(one["amount"]) for one in self.refunds.get(row["id"], [])), Decimal(0)
        )
        if amount <= 0 or amount > left:
            raise Refused(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
        if fields.get("api_refund", True) and self.gateway_refuses:
            raise Refused(500, "woocommerce_rest_cannot_create_order_refund", "The payment gateway does not refund.")
        items = {item["id"]: item for item in row["line_items"]}
        lines = [{**items[one["id"]], "quantity": -one.get("quantity", 0), "total": f"-{one.get('refund_total', 0)}"}
                 for one in fields.get("line_items", ()) if one["id"] in items]  # fmt: skip
        made = {"id": self.new_id(), "date_created_gmt": gmt(self.now()), "amount": f"{amount:.2f}", "line_items": lines,
                "reason": fields.get("reason", ""), "refunded_payment": fields.get("api_refund", True)}  # fmt: skip
        self.refunds.setdefault(row["id"], []).append(made)
        row["refunds"] = [*row["refunds"], {"id": made["id"], "reason": made["reason"], "total": f"-{amount:.2f}"}]
        if amount == left:
            row["status"] = "refunded"
        self.touch(row)
        return made

    def note(self, row: Row, fields: Row) -> Row:
        made = {"id": self.new_id(), "note": fields["note"], "customer_note": fields.get("customer_note", False)}
        self.notes.setdefault(row["id"], []).append(made)
        return made

    def _move_stock(self, order: Row, sign: int) -> None:
        for item in order["line_items"]:
            thing = self.products.get(item["product_id"])
            if item["variation_id"]:
                thing = self.variations[item["product_id"]].get(item["variation_id"])
            if thing and thing["manage_stock"] is True:
                thing["stock_quantity"] += sign * item["quantity"]
