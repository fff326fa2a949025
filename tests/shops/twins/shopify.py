"""A stand-in for Shopify's Admin GraphQL API and its webhooks, written from its documents.

It runs the queries against the schema, and enforces tokens and their life, the dated version, page sizes, the bucket of
points, the idempotency key of refunds, and the shop's rules in `shopify_world.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from functools import cache
from typing import Any

import httpx
from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute,
    get_directive_values,
    get_named_type,
    parse,
    validate,
)
from graphql.type import is_list_type, is_non_null_type
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.clock import Clock
from tests.shops.twins.serving import Faults, Faulty
from tests.shops.twins.shopify_cost import MOST, Bucket, objects_in, requested_cost
from tests.shops.twins.shopify_rest import GONE, REST
from tests.shops.twins.shopify_schema import SDL
from tests.shops.twins.shopify_world import Refused, Row, World

SHOP, CLIENT_ID, SECRET, TOKEN = "little-shop.myshopify.com", "client-1", "shpss_1", "shpat_given"
VERSION = "2026-10"


class Ticker:
    """Seconds that go on when somebody sleeps."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time_s += seconds


class ShopifyTwin:
    """One shop with its API and the webhooks that it sends."""

    def __init__(self, clock: Clock, ticker: Ticker, **bucket: float) -> None:
        self.world = World(clock.now)
        self.faults = Faults()
        self.bucket = Bucket(ticker, **bucket)
        self.scopes_missing = False
        self.requests: list[tuple[str, int]] = []
        self.deepest = 0
        self._ticker = ticker
        self._tokens: dict[str, float] = {TOKEN: float("inf")}
        self._deliveries = 0
        self._refunds: dict[str, Row] = {}
        self._schema = _schema()

    @property
    def app(self) -> ASGIApp:
        routes = [
            Route("/admin/oauth/access_token", self._give_token, methods=["POST"]),
            Route(f"/admin/api/{VERSION}/graphql.json", self._graphql, methods=["POST"]),
        ]
        return Faulty(Starlette(routes=routes), self.faults)

    def revoke(self) -> None:
        """Make every token that was got worthless."""
        self._tokens = {TOKEN: float("inf")}

    async def _give_token(self, request: Request) -> Response:
        form = await request.form()
        if (form.get("grant_type"), form.get("client_id"), form.get("client_secret")) != (
            "client_credentials", CLIENT_ID, SECRET):  # fmt: skip
            return JSONResponse({"error": "invalid_client"}, 400)
        token = f"shpat_{len(self._tokens)}_{self._ticker()}"
        self._tokens[token] = self._ticker() + 86_399
        return JSONResponse({"access_token": token, "scope": "read_orders,write_orders", "expires_in": 86_399})

    async def _graphql(self, request: Request) -> Response:
        token = request.headers.get("x-shopify-access-token", "")
        if self._tokens.get(token, -1.0) <= self._ticker():
            said = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            return JSONResponse({"errors": said}, 401)
        self.world.tick()
        asked = await request.json()
        document = parse(asked["query"])
        variables = asked.get("variables") or {}
        if errors := validate(self._schema, document):
            return JSONResponse({"errors": [{"message": error.message} for error in errors]})
        cost = requested_cost(self._schema, document, variables)
        name = asked["query"].split("(")[0].split("{")[0].split()[1]
        self.requests.append((name, cost))
        if cost > MOST:
            return self._refusal(
                "MAX_COST_EXCEEDED", f"Query cost is {cost}, which exceeds the single query max cost", cost
            )
        if cost > self.bucket.there():
            self.bucket.throttled += 1
            return self._refusal("THROTTLED", "Throttled", cost)
        if self.scopes_missing:
            return self._refusal(
                "ACCESS_DENIED", "Access denied for orders field. Required access: `read_orders`", cost
            )
        done = execute(
            self._schema, document, root_value={}, variable_values=variables,
            field_resolver=self._resolve, type_resolver=lambda value, *_: value["__typename"],
        )  # fmt: skip
        assert not hasattr(done, "__await__")
        body: Row = {"data": done.data}
        if done.errors:
            body["errors"] = [
                {"message": error.message, "extensions": {"code": "BAD_USER_INPUT"}} for error in done.errors
            ]
        actual = min(cost, objects_in(done.data) - 1)
        self.bucket.take(actual)
        body["extensions"] = self._cost(cost, actual)
        return JSONResponse(body)

    def _refusal(self, code: str, message: str, cost: int) -> Response:
        errors = [{"message": message, "extensions": {"code": code}}]
        return JSONResponse({"errors": errors, "extensions": self._cost(cost, None)})

    def _cost(self, requested: int, actual: int | None) -> Row:
        status = self.bucket.status()
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}

    # --- resolving -------------------------------------------------------------------------------------------------
    def _resolve(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        parent, name = info.parent_type.name, info.field_name
        if parent == "Query":
            found = self._query(name, arguments)
        elif parent == "Mutation":
            return self._mutate(name, info, arguments)
        elif name == "metafield":
            value = source["metafields"].get(arguments["key"])
            return {"value": value} if value else None
        elif name == "fulfillmentsCount":
            return {"count": len(source["fulfillments"])}
        else:
            found = source.get(name)
        if get_named_type(info.return_type).name.endswith("Connection"):
            return self._page(found, arguments)
        kind = info.return_type.of_type if is_non_null_type(info.return_type) else info.return_type
        return found[: arguments["first"]] if is_list_type(kind) and "first" in arguments else found

    def _page(self, rows: list[Row], arguments: Row) -> Row:
        first, after = arguments.get("first"), arguments.get("after")
        if first is None or not 1 <= first <= 250:
            raise GraphQLError("you must provide one of first or last, of at most 250")
        found = list(reversed(rows)) if arguments.get("reverse") else list(rows)
        start = int(base64.b64decode(after)) if after else 0
        self.deepest = max(self.deepest, start)
        end = start + first
        cursor = base64.b64encode(str(end).encode()).decode()
        return {"nodes": found[start:end], "pageInfo": {"hasNextPage": end < len(found), "endCursor": cursor}}

    def _query(self, name: str, arguments: Row) -> Any:
        if name == "shop":
            return {"currencyCode": self.world.currency}
        if name in ("order", "product"):
            return getattr(self.world, f"{name}s").get(arguments["id"])
        if name == "returnableFulfillments":
            return self._returnable(self.world.orders[arguments["orderId"]])
        if name == "productVariants":
            rows = [one for product in self.world.products.values() for one in product["variants"]]
        else:
            rows = list(getattr(self.world, name).values())
        found = [row for row in rows if _matches(row, arguments.get("query") or "")]
        if arguments.get("sortKey") == "UPDATED_AT":
            found.sort(key=lambda row: (row["updatedAt"], int(row["legacyResourceId"])))
        return found

    def _returnable(self, order: Row) -> list[Row]:
        left = self.world.returnable(order)
        return [
            {"id": one["id"], "returnableFulfillmentLineItems": [
                {"quantity": left[line["id"]], "fulfillmentLineItem": line}
                for line in one["fulfillmentLineItems"] if left[line["id"]] > 0]}
            for one in order["fulfillments"]
        ]  # fmt: skip

    def _mutate(self, name: str, info: GraphQLResolveInfo[Any], arguments: Row) -> Row:
        errors = "orderCancelUserErrors" if name == "orderCancel" else "userErrors"
        try:
            return {**self._carry_out(name, info, arguments), errors: []}
        except Refused as refused:
            return {errors: [{"field": None, "message": str(refused)}]}

    def _carry_out(self, name: str, info: GraphQLResolveInfo[Any], arguments: Row) -> Row:
        if name == "orderCancel":
            self.world.cancel(self._order(arguments["orderId"]))
            return {"job": {"id": "gid://shopify/Job/1", "done": False}}
        if name == "orderUpdate":
            order = self._order(arguments["input"]["id"])
            self.world.move(order, arguments["input"]["shippingAddress"])
            return {"order": order}
        if name == "returnCreate":
            given = arguments["returnInput"]
            return {"return": self.world.open_return(self._order(given["orderId"]), given)}
        if name == "returnCancel":
            for order in self.world.orders.values():
                for made in order["returns"]:
                    if made["id"] == arguments["id"]:
                        self.world.close_return(made, order)
                        return {"return": made}
            raise Refused("Return not found")
        key = _idempotency_key(info)
        if key not in self._refunds:
            given = arguments["input"]
            self._refunds[key] = self.world.refund(self._order(given["orderId"]), given)
        return {"refund": self._refunds[key]}

    def _order(self, order_id: str) -> Row:
        if order_id not in self.world.orders:
            raise Refused("Order not found")
        return self.world.orders[order_id]

    # --- webhooks --------------------------------------------------------------------------------------------------
    def hook(
        self, topic: str, row: Row, secret: str = SECRET, shop: str = SHOP, event: str = ""
    ) -> tuple[dict[str, str], bytes]:
        """Return the headers and body of a webhook about `row` as it is now; sent later, it is a late one."""
        self._deliveries += 1
        shape = GONE.get(topic) or REST[topic.partition("/")[0]]
        body = json.dumps(shape(row), ensure_ascii=False).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": signature,
            "x-shopify-shop-domain": shop,
            "x-shopify-api-version": VERSION,
            "x-shopify-webhook-id": f"w-{self._deliveries}",
            "x-shopify-event-id": event or f"e-{self._deliveries}",
            "x-shopify-triggered-at": "2026-11-22T02:00:00.123456789Z",
        }
        return headers, body

    async def send(self, url: str, hook: tuple[dict[str, str], bytes]) -> int:
        """Deliver a webhook, as often as this is called; return the HTTP status of the answer."""
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(url, content=hook[1], headers=hook[0])).status_code


@cache
def _schema() -> GraphQLSchema:
    return build_schema(SDL)


def _idempotency_key(info: GraphQLResolveInfo[Any]) -> str:
    directive = info.schema.get_directive("idempotent")
    assert directive is not None
    given = get_directive_values(directive, info.field_nodes[0], info.variable_values)
    if not given:
        raise GraphQLError("The @idempotent directive is required for this mutation but was not provided.")
    return str(given["key"])


def _matches(row: Row, query: str) -> bool:
    """Shopify's search: `updated_at:>='…'`, `name:…`, `sku:…`, `id:…`, `status:any`."""
    for field, sign, quoted, plain in re.findall(r"(\w+):(>=)?(?:'([^']*)'|(\S+))", query):
        value = quoted or plain
        if field == "updated_at" and sign and not row["updatedAt"] >= value:
            return False
        if field == "name" and row["name"].lstrip("#") != value.lstrip("#"):
            return False
        if field == "sku" and row["sku"] != value:
            return False
        if field == "id" and row["legacyResourceId"] != value:
            return False
    return True
