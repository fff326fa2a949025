"""What goes back for pieces that go back, to the last fen. Pure sums over an order, in minor units of its currency."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.shop.port import Case, CaseKind, CaseStatus, Line, Money, Order

VOID = frozenset({CaseStatus.REJECTED, CaseStatus.CANCELLED})
"""Cases of which nothing comes."""
FAULTS = frozenset({"quality", "damaged", "wrong", "missing"})
"""Reasons that are the shop's."""


@dataclass(frozen=True, slots=True)
class Share:
    """What `quantity` pieces of a line come to."""

    line_id: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Refund:
    """What goes back in the end.

    Attributes:
        shares: what was paid for the pieces that go back, coupons taken off.
        shipping_minor: of the shipping that was paid.
        gifts: gifts that are kept though the goods which they came with go back: their price is taken off.
        total_minor: never more than is left of what was paid, never less than nothing.
    """

    shares: tuple[Share, ...]
    shipping_minor: int
    gifts: tuple[Share, ...]
    total_minor: int
    currency: str

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)


def paid_for_lines(order: Order) -> dict[str, int]:
    """Return what was paid for all pieces of each line: as the shop says, else its share of what was paid for goods.

    Shares are in proportion to the prices, by the largest remainder, so that they add up exactly. A gift cost nothing.
    """
    known = {line.id: line.paid.amount_minor for line in order.lines if line.paid is not None}
    known |= {line.id: 0 for line in order.lines if line.gift and line.id not in known}
    weights = {line.id: line.price.amount_minor * line.quantity for line in order.lines if line.id not in known}
    goods = sum(weights.values())
    left = order.total.amount_minor - (order.shipping.amount_minor if order.shipping else 0) - sum(known.values())
    return known | shared(max(0, min(left, goods)), weights)


def shared(amount_minor: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Share an amount in proportion to weights, exactly: the largest remainders get what is left, the first of equals.

    Without any weight everybody gets nothing.
    """
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    parts = {name: divmod(amount_minor * weight, whole) for name, weight in weights.items()}
    left = amount_minor - sum(floor for floor, _ in parts.values())
    first = sorted(parts, key=lambda name: -parts[name][1])[:left]
    return {name: floor + (name in first) for name, (floor, _) in parts.items()}


def in_cases(line: Line, cases: Sequence[Case], kind: CaseKind) -> int:
    """Return how many pieces of a line are in cases of this kind that count."""
    parts = (part for case in cases if case.kind is kind and case.status not in VOID for part in case.parts)
    return sum(part.quantity for part in parts if part.line_id == line.id)


def gone(line: Line, cases: Sequence[Case]) -> int:
    """Return how many pieces of a line are settled: sent back, exchanged, or paid back without coming back."""
    return line.returned + in_cases(line, cases, CaseKind.REFUND)


def left(line: Line, cases: Sequence[Case]) -> int:
    """Return for how many pieces of a line a case may still be opened."""
    return max(0, line.quantity - gone(line, cases))


def of_pieces(paid_minor: int, line: Line, before: int, quantity: int) -> int:
    """Return what `quantity` pieces of a line come to, after the `before` that were settled earlier.

    One after the other or all at once, the pieces of a line come to exactly `paid_minor`.
    """
    return paid_minor * (before + quantity) // line.quantity - paid_minor * before // line.quantity


def of_kept(paid_minor: int, line: Line, cases: Sequence[Case], quantity: int) -> int:
    """Return what the next `quantity` pieces of a line come to, less what was paid back of their price.

    What was paid back is shared by the pieces that were kept when the price had fallen: those that had gone before
    were paid back whole.
    """
    before = gone(line, cases)
    amount = of_pieces(paid_minor, line, before, quantity)
    if line.lowered_at is None:
        return amount
    earlier = min(before, gone_by(line, cases, line.lowered_at))
    kept, lowered = line.quantity - earlier, line.lowered_minor
    if kept <= 0:
        return amount
    return amount - (lowered * (before + quantity - earlier) // kept - lowered * (before - earlier) // kept)


def gone_by(line: Line, cases: Sequence[Case], moment: datetime) -> int:
    """Return how many pieces of a line were in cases that counted at `moment`."""
    earlier = (case for case in cases if case.status not in VOID and case.opened_at < moment)
    return sum(part.quantity for case in earlier for part in case.parts if part.line_id == line.id)


def kept_after(order: Order, pieces: Mapping[str, int], cases: Sequence[Case] = ()) -> dict[str, int]:
    """Return how many pieces of each line, gifts left out, the customer keeps once `pieces` (by line id) are gone too.

    Of what was exchanged the customer keeps the new piece.
    """
    goods = [line for line in order.lines if not line.gift]
    new = {line.id: in_cases(line, cases, CaseKind.EXCHANGE) for line in goods}
    return {line.id: line.quantity - gone(line, cases) + new[line.id] - pieces.get(line.id, 0) for line in goods}


def gifts_due(
    order: Order, pieces: Mapping[str, int], from_minor: int, cases: Sequence[Case] = (), *, fault: bool
) -> tuple[Line, ...]:
    """Return the gifts that have to come back with `pieces`: what stays no longer reaches what they were given from.

    Args:
        from_minor: what goods had to come to for the gift; 0: it goes back with the last of the goods.
        fault: the shop's; then a gift stays as long as any of the goods do.
    """
    kept = kept_after(order, pieces, cases)
    paid = paid_for_lines(order)
    value = sum(paid[line.id] * kept[line.id] // line.quantity for line in order.lines if line.id in kept)
    if any(kept.values()) and (fault or value >= from_minor):
        return ()
    return tuple(line for line in order.lines if line.gift and left(line, cases) > pieces.get(line.id, 0))


def refund_of(
    order: Order,
    pieces: Mapping[str, int],
    cases: Sequence[Case] = (),
    *,
    fault: bool,
    with_shipping: bool = False,
    gifts_kept: Collection[str] = (),
) -> Refund:
    """Return what goes back for `pieces` (by line id, each at most what is left of its line).

    Args:
        cases: of this order, so that all of them together never come to more than was paid.
        fault: the shop's: then shipping goes back with the last of the goods, if all of it was the shop's fault.
        with_shipping: whether the law has shipping go back with the last of the goods, whoever's fault it is.
        gifts_kept: ids of the lines of gifts that should come back and do not.
    """
    lines = {line.id: line for line in order.lines}
    paid = paid_for_lines(order)
    counting = [case for case in cases if case.status not in VOID]
    shares = tuple(Share(one, count, of_kept(paid[one], lines[one], cases, count)) for one, count in pieces.items())
    gifts = tuple(_price(lines[one], cases) for one in gifts_kept)
    all_back = not any(kept_after(order, pieces, cases).values())
    at_fault = fault and all(case.reason in FAULTS for case in counting)
    shipping = order.shipping.amount_minor if order.shipping and all_back and (at_fault or with_shipping) else 0
    wanted = sum(share.amount_minor for share in shares) + shipping - sum(gift.amount_minor for gift in gifts)
    left = order.total.amount_minor - sum(case.refund.amount_minor for case in counting)
    left -= order.paid_back_minor + sum(line.lowered_minor for line in order.lines)
    return Refund(shares, shipping, gifts, max(0, min(wanted, left)), order.total.currency)


def _price(gift: Line, cases: Sequence[Case]) -> Share:
    count = left(gift, cases)
    return Share(gift.id, count, gift.price.amount_minor * count)
