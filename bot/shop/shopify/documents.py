"""What is asked of Shopify's Admin GraphQL API, and what it costs at most.

Source: shopify.dev, GraphQL Admin API 2026-10, and its rate limits: an object costs 1, a connection or list as many
objects as it may hold, a mutation 10, and one request at most 1000 points. Hence the small pages: an order that has
more of something than its page shows is asked for again alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VERSION = "2026-10"
"""Supported until October 2027; a version lives a year."""

_MONEY = "{ presentmentMoney { amount currencyCode } }"
_CUSTOMER = """
fragment CustomerFields on Customer {
  legacyResourceId firstName lastName updatedAt
  defaultEmailAddress { emailAddress }
  defaultPhoneNumber { phoneNumber }
}
"""
_LINE = f"""
fragment LineFields on LineItem {{
  id title variantTitle sku quantity
  variant {{ legacyResourceId sku }}
  originalUnitPriceSet {_MONEY}
  discountedTotalSet(withCodeDiscounts: true) {_MONEY}
}}
"""
_ORDER = f"""
fragment OrderFields on Order {{
  id legacyResourceId name createdAt updatedAt processedAt cancelledAt phone
  displayFinancialStatus displayFulfillmentStatus
  customer {{ ...CustomerFields }}
  shippingAddress {{
    firstName lastName company address1 address2 city province provinceCode zip countryCodeV2 phone
  }}
  totalPriceSet {_MONEY}
  totalShippingPriceSet {_MONEY}
  totalDiscountsSet {_MONEY}
  lineItems(first: $lines) {{ nodes {{ ...LineFields }} pageInfo {{ hasNextPage endCursor }} }}
  fulfillmentsCount {{ count }}
  fulfillments(first: $parcels) {{
    status createdAt deliveredAt estimatedDeliveryAt
    trackingInfo(first: 1) {{ company number }}
    events(first: $trail, sortKey: HAPPENED_AT, reverse: true) {{ nodes {{ status happenedAt city country }} }}
    fulfillmentLineItems(first: $trail) {{ nodes {{ lineItem {{ id }} }} pageInfo {{ hasNextPage }} }}
  }}
  returns(first: $returns) {{
    nodes {{
      id name status createdAt
      returnLineItems(first: $goods) {{
        nodes {{
          ... on ReturnLineItem {{
            quantity returnReason returnReasonNote fulfillmentLineItem {{ lineItem {{ id }} }}
          }}
        }}
      }}
      exchangeLineItems(first: $goods) {{ nodes {{ quantity lineItems {{ variant {{ legacyResourceId sku }} }} }} }}
      refunds(first: 1) {{ nodes {{ totalRefundedSet {_MONEY} }} }}
    }}
    pageInfo {{ hasNextPage }}
  }}
  refunds(first: $refunds) {{
    legacyResourceId note createdAt
    totalRefundedSet {_MONEY}
    return {{ id }}
    refundLineItems(first: $goods) {{ nodes {{ quantity lineItem {{ id }} }} }}
  }}
}}
"""
_SIZES = "$lines: Int!, $parcels: Int!, $trail: Int!, $returns: Int!, $goods: Int!, $refunds: Int!"
_VARIANT = """
fragment VariantFields on ProductVariant {
  legacyResourceId sku price inventoryQuantity inventoryPolicy
  selectedOptions { name value }
  inventoryItem { tracked }
}
"""


@dataclass(frozen=True, slots=True)
class Document:
    """One request. `cost` is what it may cost at most in points, with `sizes` as its pages."""

    text: str
    cost: int
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def is_change(self) -> bool:
        return self.text.lstrip().startswith("mutation")


@dataclass(frozen=True, slots=True)
class Ask:
    """A document with its variables."""

    document: Document
    variables: dict[str, Any]


SHOP = Document("query Shop { shop { currencyCode } }", 1)
PRODUCTS = Document(
    """
query Products($page: Int!, $after: String, $query: String, $variants: Int!) {
  products(first: $page, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes {
      id legacyResourceId title status productType tags updatedAt
      material: metafield(namespace: "custom", key: "material") { value }
      care: metafield(namespace: "custom", key: "care") { value }
      fit: metafield(namespace: "custom", key: "fit") { value }
      variants(first: $variants) { nodes { ...VariantFields } pageInfo { hasNextPage endCursor } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _VARIANT,
    900,
    {"page": 10, "variants": 25},
)
VARIANTS = Document(
    """
query Variants($id: ID!, $after: String, $variants: Int!) {
  product(id: $id) {
    variants(first: $variants, after: $after) { nodes { ...VariantFields } pageInfo { hasNextPage endCursor } }
  }
}
"""
    + _VARIANT,
    330,
    {"variants": 100},
)
CUSTOMERS = Document(
    """
query Customers($page: Int!, $after: String, $query: String) {
  customers(first: $page, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { ...CustomerFields }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _CUSTOMER,
    310,
    {"page": 100},
)
ORDERS = Document(
    f"""
query Orders($page: Int!, $after: String, $query: String, {_SIZES}) {{
  orders(first: $page, after: $after, query: $query, sortKey: UPDATED_AT) {{
    nodes {{ ...OrderFields }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}
"""
    + _ORDER
    + _LINE
    + _CUSTOMER,
    1000,
    {"page": 7, "lines": 5, "parcels": 2, "trail": 6, "returns": 1, "goods": 3, "refunds": 1},
)
ORDER = Document(
    f"""
query Order($id: ID!, {_SIZES}) {{
  order(id: $id) {{ ...OrderFields }}
}}
"""
    + _ORDER
    + _LINE
    + _CUSTOMER,
    1000,
    {"lines": 50, "parcels": 10, "trail": 10, "returns": 4, "goods": 8, "refunds": 4},
)
LINES = Document(
    """
query Lines($id: ID!, $after: String, $lines: Int!) {
  order(id: $id) {
    lineItems(first: $lines, after: $after) { nodes { ...LineFields } pageInfo { hasNextPage endCursor } }
  }
}
"""
    + _LINE,
    660,
    {"lines": 100},
)
FIND = Document(
    "query Find($query: String!) { orders(first: 5, query: $query) { nodes { id name } } }",
    10,
)
FIND_VARIANT = Document(
    """
query FindVariant($query: String!) {
  productVariants(first: 5, query: $query) { nodes { id ...VariantFields } }
}
"""
    + _VARIANT,
    40,
)
RETURNABLE = Document(
    """
query Returnable($id: ID!) {
  returnableFulfillments(orderId: $id, first: 10) {
    nodes {
      returnableFulfillmentLineItems(first: 25) {
        nodes { quantity fulfillmentLineItem { id lineItem { id } } }
      }
    }
  }
}
""",
    800,
)
PAYMENTS = Document(
    f"""
query Payments($id: ID!) {{
  order(id: $id) {{
    transactions(first: 30) {{ id kind status gateway parentTransaction {{ id }} amountSet {_MONEY} }}
  }}
}}
""",
    150,
)
CANCEL = Document(
    """
mutation Cancel($id: ID!, $note: String!) {
  orderCancel(
    orderId: $id, reason: CUSTOMER, restock: true, notifyCustomer: false, staffNote: $note
    refundMethod: { originalPaymentMethodsRefund: true }
  ) {
    job { id }
    orderCancelUserErrors { field message }
  }
}
""",
    30,
)
UPDATE = Document(
    """
mutation Update($input: OrderInput!) {
  orderUpdate(input: $input) { order { id } userErrors { field message } }
}
""",
    30,
)
RETURN = Document(
    """
mutation Return($input: ReturnInput!) {
  returnCreate(returnInput: $input) { return { id name status } userErrors { field message } }
}
""",
    30,
)
RETURN_CANCEL = Document(
    """
mutation ReturnCancel($id: ID!) {
  returnCancel(id: $id) { return { id status } userErrors { field message } }
}
""",
    30,
)
REFUND = Document(
    """
mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) { refund { legacyResourceId } userErrors { field message } }
}
""",
    30,
)
