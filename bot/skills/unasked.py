"""What the shop says of its own accord: follow-ups, news, announcements and greetings in groups, and their fields."""

from __future__ import annotations

from bot.skills.turn import phrases

_GOODS = "cart.goods cart.total customer.name"
FOLLOW_UP = (
    f"first {_GOODS}; second {_GOODS}; order_first order.number {_GOODS}; order_second order.number {_GOODS}; "
    f"order_last order.number order.closes {_GOODS}; sold_out cart.gone customer.name; pay cart.link; "
    "low; mid; high; why; why_order; human_button; agent_button agent.name; stop_button"
)
"""What follow-ups of carts and orders say."""
_COUPON = "coupon.code coupon.amount coupon.ends"
RECALL = (
    "first customer.name; second customer.name; last customer.name; why recall.bought; "
    f"coupon {_COUPON} coupon.least; coupon_of_all {_COUPON}; "
    f"coupon_last {_COUPON} coupon.least; coupon_last_of_all {_COUPON}"
)
"""What recalls say; the coupon greetings, too."""
NEWS = "; ".join(
    f"news_{what} order.number parcel.carrier parcel.number"
    for what in ("shipped", "out_for_delivery", "delivered", "stuck")
)
"""What is told of parcels unasked."""
ON_SALE = "sale.product sale.price sale.total sale.left sale.limit sale.starts sale.ends"
"""What an announcement of a sale may say."""
PHRASES = phrases(
    cart=FOLLOW_UP,
    recall=RECALL,
    greeting="birthday customer.name; why; why_birthday",
    shop="back_in_stock line.goods; price_drop line.goods price.before price.now",
    group="in_private; private_button; welcome",
    orders=NEWS,
    flash=f"announce {ON_SALE}; day_before {ON_SALE}; ahead {ON_SALE}; soon {ON_SALE}; half {ON_SALE}; "
    f"sold_out {ON_SALE}; card {ON_SALE} sale.as_of; closed {ON_SALE}; claim_button; "
    "offered sale.product sale.price claim.minutes; released sale.product; released_over sale.product; "
    "over_limit sale.product sale.limit; not_served sale.product; paid sale.product; late sale.product",
)
