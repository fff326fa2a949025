"""A stand-in for WooCommerce's REST API v3 and its webhooks, written from its documents.

It enforces keys (Basic), rights, page sizes, filters and the shop's rules in `woocommerce_world.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.clock import Clock
from tests.shops.twins.serving import Faults, Faulty
from tests.shops.twins.woocommerce_world import Refused, Row, World

KEY, SECRET, HOOK_SECRET = "ck_1", "cs_1", "hook-secret"
SITE_ZONE = timedelta(hours=8)  # dates without `dates_are_gmt` are read in the site's zone


class WooTwin:
    """One shop with its API and the webhooks that it sends."""

    def __init__(self, clock: Clock, currency: str = "USD") -> None:
        self.world = World(clock.now, currency)
        self.faults = Faults()
        self.may_write = True
        self.calls: list[str] = []
        self._deliveries = 0

    @property
    def app(self) -> ASGIApp:
        root = "/wp-json/wc/v3"
        routes = [
            ("data/currencies/current", "GET", self._currency),
            ("products", "GET", lambda request: self._list(request, self.world.products.values(), "any")),
            ("products/{id:int}/variations", "GET", self._variations),
            ("customers", "GET", lambda request: self._list(request, self.world.customers.values(), None)),
            ("orders", "GET", lambda request: self._list(request, self.world.orders.values(), "any")),
            ("orders/{id:int}", "GET", lambda request: JSONResponse(self._order(request))),
            ("orders/{id:int}", "PUT", self._update),
            ("orders/{id:int}/refunds", "GET", self._refunds),
            ("orders/{id:int}/refunds", "POST", self._refund),
            ("orders/{id:int}/notes", "GET", self._notes),
            ("orders/{id:int}/notes", "POST", self._note),
        ]
        return Faulty(Starlette(routes=[Route(f"{root}/{path}", self._guarded(handle), methods=[method])
                                        for path, method, handle in routes]), self.faults)  # fmt: skip

    # --- the API ---------------------------------------------------------------------------------------------------
    def _guarded(self, handle: Any) -> Any:
        async def guarded(request: Request) -> Response:
            self.calls.append(f"{request.method} {request.url.path.removeprefix('/wp-json/wc/v3/')}")
            right = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
            try:
                if request.headers.get("authorization") != f"Basic {right}":
                    raise Refused(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
                if request.method != "GET" and not self.may_write:
                    raise Refused(
                        401, "woocommerce_rest_cannot_edit", "Sorry, you are not allowed to edit this resource."
                    )
                answer = handle(request)
                return answer if isinstance(answer, Response) else await answer
            except Refused as refused:
                body = {"code": refused.code, "message": str(refused), "data": {"status": refused.status}}
                return JSONResponse(body, refused.status)

        return guarded

    def _currency(self, request: Request) -> Response:
        return JSONResponse({"code": self.world.currency, "name": "?", "symbol": "?"})

    def _list(self, request: Request, rows: Any, any_status: str | None) -> Response:
        query = request.query_params
        page, per_page = int(query.get("page", 1)), int(query.get("per_page", 10))
        if not 1 <= per_page <= 100:
            raise Refused(400, "rest_invalid_param", "Invalid parameter(s): per_page")
        found = [row for row in rows if _fits(row, query, any_status)]
        found.sort(key=lambda row: int(row["id"]), reverse=query.get("order", "desc") == "desc")
        pages = max(1, -(-len(found) // per_page))
        shown = found[(page - 1) * per_page : page * per_page]
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
        return JSONResponse(shown, headers=headers)

    def _variations(self, request: Request) -> Response:
        return self._list(request, self.world.variations.get(request.path_params["id"], {}).values(), "any")

    def _order(self, request: Request) -> Row:
        row = self.world.orders.get(request.path_params["id"])
        if row is None:
            raise Refused(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return row

    async def _update(self, request: Request) -> Response:
        return JSONResponse(self.world.update_order(self._order(request), await request.json()))

    def _refunds(self, request: Request) -> Response:
        return self._list(request, self.world.refunds.get(self._order(request)["id"], []), None)

    async def _refund(self, request: Request) -> Response:
        return JSONResponse(self.world.refund(self._order(request), await request.json()), 201)

    def _notes(self, request: Request) -> Response:
        return JSONResponse(self.world.notes.get(self._order(request)["id"], []))

    async def _note(self, request: Request) -> Response:
        return JSONResponse(self.world.note(self._order(request), await request.json()), 201)

    # --- webhooks --------------------------------------------------------------------------------------------------
    def hook(self, topic: str, row: Row, secret: str = HOOK_SECRET) -> tuple[dict[str, str], bytes]:
        """Return the headers and body of a webhook about `row` as it is now; sent later, it is a late one."""
        self._deliveries += 1
        body = json.dumps(row, ensure_ascii=False).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        resource, _, event = topic.partition(".")
        headers = {
            "content-type": "application/json",
            "x-wc-webhook-source": "https://shop.example/",
            "x-wc-webhook-topic": topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": signature,
            "x-wc-webhook-id": "7",
            "x-wc-webhook-delivery-id": f"{self._deliveries:032x}",
        }
        return headers, body

    async def send(self, url: str, hook: tuple[dict[str, str], bytes]) -> int:
        """Deliver a webhook, as often as this is called; return the HTTP status of the answer."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(url, content=hook[1], headers=hook[0])).status_code


def _fits(row: Row, query: Any, any_status: str | None) -> bool:
    if any_status and query.get("status", any_status) not in (any_status, row["status"]):
        return False
    if any_status and row.get("status") == "trash" and query.get("status", any_status) == any_status:
        return False
    if "role" in row and query.get("role", "customer") not in ("all", row["role"]):
        return False
    if "include" in query and str(row["id"]) not in query["include"].split(","):
        return False
    if "search" in query and query["search"] not in (row.get("number"), str(row["id"])):
        return False
    if "modified_after" in query:
        after = datetime.fromisoformat(query["modified_after"]).replace(tzinfo=UTC)
        after -= timedelta() if query.get("dates_are_gmt") == "true" else SITE_ZONE
        return bool(datetime.fromisoformat(row["date_modified_gmt"]).replace(tzinfo=UTC) > after)
    return True
