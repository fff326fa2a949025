"""The part of Shopify's Admin GraphQL schema (2026-10) that the stand-in knows, from the documents of the API."""

from __future__ import annotations

SDL = """
directive @idempotent(key: String!) on FIELD
scalar DateTime
scalar Decimal
scalar Money
scalar UnsignedInt64

type Query {
  shop: Shop!
  order(id: ID!): Order
  orders(first: Int, after: String, query: String, sortKey: OrderSortKeys, reverse: Boolean): OrderConnection!
  customers(first: Int, after: String, query: String, sortKey: CustomerSortKeys): CustomerConnection!
  product(id: ID!): Product
  products(first: Int, after: String, query: String, sortKey: ProductSortKeys): ProductConnection!
  productVariants(first: Int, after: String, query: String): ProductVariantConnection!
  returnableFulfillments(orderId: ID!, first: Int, after: String): ReturnableFulfillmentConnection!
}
type Mutation {
  orderCancel(orderId: ID!, reason: OrderCancelReason!, restock: Boolean!, notifyCustomer: Boolean, staffNote: String,
    refundMethod: OrderCancelRefundMethodInput): OrderCancelPayload
  orderUpdate(input: OrderInput!): OrderUpdatePayload
  returnCreate(returnInput: ReturnInput!): ReturnCreatePayload
  returnCancel(id: ID!): ReturnCancelPayload
  refundCreate(input: RefundInput!): RefundCreatePayload
}
enum OrderSortKeys { CREATED_AT ID UPDATED_AT }
enum CustomerSortKeys { ID UPDATED_AT }
enum ProductSortKeys { ID TITLE UPDATED_AT }
enum FulfillmentEventSortKeys { HAPPENED_AT ID }
enum OrderCancelReason { CUSTOMER DECLINED FRAUD INVENTORY OTHER STAFF }
enum CountryCode { US CN DE GB }
enum OrderTransactionKind { AUTHORIZATION CAPTURE REFUND SALE VOID }
enum OrderTransactionStatus { SUCCESS FAILURE PENDING ERROR }
enum ReturnReason { COLOR DEFECTIVE NOT_AS_DESCRIBED OTHER SIZE_TOO_LARGE SIZE_TOO_SMALL STYLE UNKNOWN UNWANTED WRONG_ITEM }
enum ReturnStatus { CANCELED CLOSED DECLINED OPEN REQUESTED }
enum FulfillmentStatus { CANCELLED ERROR FAILURE SUCCESS }
enum FulfillmentEventStatus { ATTEMPTED_DELIVERY CARRIER_PICKED_UP CONFIRMED DELAYED DELIVERED FAILURE IN_TRANSIT
  LABEL_PRINTED LABEL_PURCHASED OUT_FOR_DELIVERY READY_FOR_PICKUP }
enum OrderDisplayFinancialStatus { AUTHORIZED EXPIRED PAID PARTIALLY_PAID PARTIALLY_REFUNDED PENDING REFUNDED VOIDED }
enum OrderDisplayFulfillmentStatus { FULFILLED IN_PROGRESS ON_HOLD OPEN PARTIALLY_FULFILLED UNFULFILLED }
enum ProductStatus { ACTIVE ARCHIVED DRAFT }
enum ProductVariantInventoryPolicy { CONTINUE DENY }

type PageInfo { hasNextPage: Boolean! endCursor: String }
type Shop { currencyCode: String! }
type Count { count: Int! }
type MoneyV2 { amount: Decimal! currencyCode: String! }
type MoneyBag { presentmentMoney: MoneyV2! shopMoney: MoneyV2! }
type CustomerEmailAddress { emailAddress: String! }
type CustomerPhoneNumber { phoneNumber: String! }
type Customer { id: ID! legacyResourceId: UnsignedInt64! firstName: String lastName: String updatedAt: DateTime!
  defaultEmailAddress: CustomerEmailAddress defaultPhoneNumber: CustomerPhoneNumber }
type CustomerConnection { nodes: [Customer!]! pageInfo: PageInfo! }
type MailingAddress { firstName: String lastName: String company: String address1: String address2: String city: String
  province: String provinceCode: String zip: String countryCodeV2: CountryCode phone: String }
type Metafield { value: String! }
type SelectedOption { name: String! value: String! }
type InventoryItem { tracked: Boolean! }
type ProductVariant { id: ID! legacyResourceId: UnsignedInt64! sku: String price: Money! inventoryQuantity: Int
  inventoryPolicy: ProductVariantInventoryPolicy! selectedOptions: [SelectedOption!]! inventoryItem: InventoryItem! }
type ProductVariantConnection { nodes: [ProductVariant!]! pageInfo: PageInfo! }
type Product { id: ID! legacyResourceId: UnsignedInt64! title: String! status: ProductStatus! productType: String!
  tags: [String!]! updatedAt: DateTime! metafield(namespace: String, key: String!): Metafield
  variants(first: Int, after: String): ProductVariantConnection! }
type ProductConnection { nodes: [Product!]! pageInfo: PageInfo! }
type LineItem { id: ID! title: String! variantTitle: String sku: String quantity: Int! variant: ProductVariant
  originalUnitPriceSet: MoneyBag! discountedTotalSet(withCodeDiscounts: Boolean = false): MoneyBag! }
type LineItemConnection { nodes: [LineItem!]! pageInfo: PageInfo! }
type FulfillmentTrackingInfo { company: String number: String url: String }
type FulfillmentEvent { status: FulfillmentEventStatus! happenedAt: DateTime! city: String country: String }
type FulfillmentEventConnection { nodes: [FulfillmentEvent!]! pageInfo: PageInfo! }
type FulfillmentLineItem { id: ID! lineItem: LineItem! quantity: Int }
type FulfillmentLineItemConnection { nodes: [FulfillmentLineItem!]! pageInfo: PageInfo! }
type Fulfillment { id: ID! status: FulfillmentStatus! createdAt: DateTime! deliveredAt: DateTime
  estimatedDeliveryAt: DateTime trackingInfo(first: Int): [FulfillmentTrackingInfo!]!
  events(first: Int, after: String, sortKey: FulfillmentEventSortKeys, reverse: Boolean): FulfillmentEventConnection!
  fulfillmentLineItems(first: Int, after: String): FulfillmentLineItemConnection! }
interface ReturnLineItemType { id: ID! quantity: Int! }
type ReturnLineItem implements ReturnLineItemType { id: ID! quantity: Int! returnReason: ReturnReason!
  returnReasonNote: String! fulfillmentLineItem: FulfillmentLineItem! }
type UnverifiedReturnLineItem implements ReturnLineItemType { id: ID! quantity: Int! }
type ReturnLineItemTypeConnection { nodes: [ReturnLineItemType!]! pageInfo: PageInfo! }
type ExchangeLineItem { id: ID! quantity: Int! lineItems: [LineItem!] }
type ExchangeLineItemConnection { nodes: [ExchangeLineItem!]! pageInfo: PageInfo! }
type Return { id: ID! name: String! status: ReturnStatus! createdAt: DateTime!
  returnLineItems(first: Int, after: String): ReturnLineItemTypeConnection!
  exchangeLineItems(first: Int, after: String): ExchangeLineItemConnection!
  refunds(first: Int, after: String): RefundConnection! }
type ReturnConnection { nodes: [Return!]! pageInfo: PageInfo! }
type RefundLineItem { quantity: Int! lineItem: LineItem! }
type RefundLineItemConnection { nodes: [RefundLineItem!]! pageInfo: PageInfo! }
type Refund { id: ID! legacyResourceId: UnsignedInt64! note: String createdAt: DateTime totalRefundedSet: MoneyBag!
  return: Return refundLineItems(first: Int, after: String): RefundLineItemConnection! }
type RefundConnection { nodes: [Refund!]! pageInfo: PageInfo! }
type OrderTransaction { id: ID! kind: OrderTransactionKind! status: OrderTransactionStatus! gateway: String
  parentTransaction: OrderTransaction amountSet: MoneyBag! }
type Order { id: ID! legacyResourceId: UnsignedInt64! name: String! createdAt: DateTime! updatedAt: DateTime!
  processedAt: DateTime! cancelledAt: DateTime phone: String
  displayFinancialStatus: OrderDisplayFinancialStatus displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
  customer: Customer shippingAddress: MailingAddress totalPriceSet: MoneyBag! totalShippingPriceSet: MoneyBag!
  totalDiscountsSet: MoneyBag lineItems(first: Int, after: String): LineItemConnection! fulfillmentsCount: Count
  fulfillments(first: Int): [Fulfillment!]! returns(first: Int, after: String): ReturnConnection!
  refunds(first: Int): [Refund!]! transactions(first: Int): [OrderTransaction!]! }
type OrderConnection { nodes: [Order!]! pageInfo: PageInfo! }
type ReturnableFulfillmentLineItem { quantity: Int! fulfillmentLineItem: FulfillmentLineItem! }
type ReturnableFulfillmentLineItemConnection { nodes: [ReturnableFulfillmentLineItem!]! pageInfo: PageInfo! }
type ReturnableFulfillment { id: ID!
  returnableFulfillmentLineItems(first: Int, after: String): ReturnableFulfillmentLineItemConnection! }
type ReturnableFulfillmentConnection { nodes: [ReturnableFulfillment!]! pageInfo: PageInfo! }

type Job { id: ID! done: Boolean! }
type UserError { field: [String!] message: String! }
type OrderCancelPayload { job: Job orderCancelUserErrors: [UserError!]! }
type OrderUpdatePayload { order: Order userErrors: [UserError!]! }
type ReturnCreatePayload { return: Return userErrors: [UserError!]! }
type ReturnCancelPayload { return: Return userErrors: [UserError!]! }
type RefundCreatePayload { order: Order refund: Refund userErrors: [UserError!]! }
input OrderCancelRefundMethodInput { originalPaymentMethodsRefund: Boolean }
input MailingAddressInput { firstName: String lastName: String company: String address1: String address2: String
  city: String provinceCode: String zip: String countryCode: CountryCode phone: String }
input OrderInput { id: ID! shippingAddress: MailingAddressInput note: String tags: [String!] }
input ReturnLineItemInput { fulfillmentLineItemId: ID! quantity: Int! returnReason: ReturnReason
  returnReasonDefinitionId: ID returnReasonNote: String = "" }
input ExchangeLineItemInput { variantId: ID quantity: Int! }
input ReturnInput { orderId: ID! returnLineItems: [ReturnLineItemInput!]! exchangeLineItems: [ExchangeLineItemInput!]
  requestedAt: DateTime }
input OrderTransactionInput { orderId: ID! parentId: ID kind: OrderTransactionKind! gateway: String! amount: Money! }
input RefundInput { orderId: ID! currency: String note: String transactions: [OrderTransactionInput!] }
"""
