"""Products, customers and orders from spreadsheets: one file a kind, told by its columns; every fault has its row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bot.knowledge.entries import Fault
from bot.knowledge.sheetfile import Row
from bot.knowledge.yamlfile import did_you_mean
from bot.shop.batch import Item, Thing
from bot.shop.bodies import CustomerBody, OrderBody, ProductBody
from bot.shop.sheetcells import currency_of, is_yes, minor_of, time_of, whole_of

TIER_PRICE = "price_"
"""What the columns of members' prices begin with: `price_gold`."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a sheet of one kind looks like.

    Attributes:
        key: the column whose rows with the same value are one thing.
        whole: columns that say something of the whole thing, in its first row; the others of each row.
        needed: columns that must be there.
    """

    key: str
    body: type[Thing]
    whole: tuple[str, ...]
    of_rows: tuple[str, ...]
    needed: frozenset[str]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.key, *self.whole, *self.of_rows)


PRODUCTS = Kind(
    "product_id",
    ProductBody,
    ("name_zh", "name_en", "category", "size_chart", "material_zh", "material_en", "care_zh", "care_en", "fit_zh",
     "fit_en", "returnable", "hygiene", "cross_border", "active"),
    ("sku", "colour_zh", "colour_en", "size", "price", "currency", "stock"),
    frozenset({"name_zh", "name_en", "category", "sku", "colour_zh", "colour_en", "size", "price", "currency",
               "stock"}),
)  # fmt: skip
CUSTOMERS = Kind("customer_id", CustomerBody, ("name", "phone", "email", "tier", "birthday"), (), frozenset({"name"}))
ORDERS = Kind(
    "order_number",
    OrderBody,
    ("customer_id", "status", "total", "shipping", "discount", "currency", "address", "country", "created_at",
     "paid_at", "delivered_at"),
    ("sku", "quantity", "price", "paid", "gift", "carrier", "tracking_number", "expected_at"),
    frozenset({"customer_id", "status", "total", "currency", "created_at", "sku", "quantity", "price"}),
)  # fmt: skip
KINDS = (PRODUCTS, ORDERS, CUSTOMERS)
"""In the order in which they are told apart: orders have a `customer_id` too."""


def items_of(file: str, rows: Sequence[Row], zone: ZoneInfo) -> tuple[list[Item], list[Fault]]:
    """Return what the rows of a sheet say, the head first, and every fault with its row.

    Args:
        zone: of times that name none.
    """
    if not rows:
        return [], [Fault(file, 1, "the sheet is empty", "Write a head and rows; `zhanggui shop template` shows how")]
    head = [cell.strip().casefold() for cell in rows[0].cells]
    kind = next((kind for kind in KINDS if kind.key in head), None)
    if kind is None:
        fix = f"Name one column {', '.join(k.key for k in KINDS)}; `zhanggui shop template` shows how"
        return [], [Fault(file, rows[0].number, "it is a sheet of nothing that is known here", fix)]
    faults = list(_faults_of_head(file, rows[0].number, head, kind))
    if faults:
        return [], faults
    groups: dict[str, _Group] = {}
    skus: dict[tuple[str, str], int] = {}
    for row in rows[1:]:
        cells = {name: cell.strip() for name, cell in zip(head, row.cells, strict=False) if name and cell.strip()}
        ident = cells.get(kind.key, "")
        if not ident:
            faults.append(Fault(file, row.number, f"column {kind.key}: it is empty", "Write it, or delete the row"))
            continue
        group = groups.setdefault(ident, _Group(file, kind, ident, zone))
        group.add(row.number, cells)
        if sku := cells.get("sku"):
            first = skus.setdefault(("" if kind is PRODUCTS else ident, sku), row.number)  # orders may share a sku
            group.refuse_twice(row.number, sku, first)
    items = [item for group in groups.values() if (item := group.item()) is not None]
    faults += [fault for group in groups.values() for fault in group.faults]
    return items, sorted(faults, key=lambda fault: fault.line)


def _faults_of_head(file: str, line: int, head: Sequence[str], kind: Kind) -> Iterator[Fault]:
    for name in dict.fromkeys(filter(None, head)):
        is_tier = kind is PRODUCTS and name.startswith(TIER_PRICE) and len(name) > len(TIER_PRICE)
        if name not in kind.columns and not is_tier:
            yield Fault(file, line, f"there is no column {name}", did_you_mean(name, kind.columns))
        if head.count(name) > 1:
            yield Fault(file, line, f"the column {name} is there twice", "Delete one")
    for name in kind.columns:
        if name in kind.needed and name not in head:
            yield Fault(file, line, f"the column {name} is missing", "Add it")


@dataclass
class _Group:
    """The rows of one product, customer or order."""

    file: str
    kind: Kind
    ident: str
    zone: ZoneInfo
    rows: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, line: int, cells: Mapping[str, str]) -> None:
        """Take a row; what it says of the whole must be what the first one says."""
        if self.rows:
            first_line, first = self.rows[0]
            if not self.kind.of_rows:
                self._fault(line, self.kind.key, f"{self.ident} is in row {first_line} too", "Delete one")
            for name in self.kind.whole:
                if name in cells and cells[name] != first.get(name, ""):
                    problem = f"`{cells[name]}` is not what row {first_line} says"
                    self._fault(line, name, problem, "Write it in the first row only, or the same")
        self.rows.append((line, cells))

    def refuse_twice(self, line: int, sku: str, first_line: int) -> None:
        """Note that a sku stands in an earlier row: which of the two counts, nobody can tell."""
        if line != first_line:
            self._fault(line, "sku", f"{sku} is in row {first_line} too", "Delete one, or add up its pieces")

    def item(self) -> Item | None:
        """Return the thing, None if it has faults."""
        said = _SAYS[self.kind.key](self)
        if self.faults:
            return None
        try:
            body = self.kind.body.model_validate(said)
        except ValidationError as error:
            for one in error.errors():
                self._fault_of_body(one["loc"], one["msg"])
            return None
        return Item(self.ident, body, f"{self.file}:{self.rows[0][0]}")

    def read(self, line: int, cells: Mapping[str, str], name: str, how: Callable[[str], Any]) -> Any:
        """Return what a cell says, None if it is empty or wrong."""
        if name not in cells:
            return None
        try:
            return how(cells[name])
        except ValueError as error:
            self._fault(line, name, str(error), "Correct the cell")
            return None

    def bilingual(self, cells: Mapping[str, str], name: str) -> dict[str, str]:
        return {language: cells.get(f"{name}_{language}", "") for language in ("zh", "en")}

    def _fault(self, line: int, column: str, problem: str, fix: str) -> None:
        self.faults.append(Fault(self.file, line, f"column {column}: {problem}", fix))

    def _fault_of_body(self, where: tuple[int | str, ...], problem: str) -> None:
        """Tell a fault of the whole thing at the row it comes from."""
        places = [part for part in where if isinstance(part, int)]
        line = self.rows[places[0] if places and places[0] < len(self.rows) else 0][0]
        names = [part.removesuffix("_minor") for part in where if isinstance(part, str)]
        known = [name for name in ("_".join(names[-2:]), *reversed(names)) if name in self.kind.columns]
        self._fault(line, known[0] if known else self.kind.key, problem, "Correct the row")


def _product(group: _Group) -> dict[str, Any]:
    line, first = group.rows[0]
    flags = {
        name: group.read(line, first, name, is_yes) for name in ("returnable", "hygiene", "cross_border", "active")
    }
    return {
        **{name: group.bilingual(first, name) for name in ("name", "material", "care", "fit")},
        "category": first.get("category", ""),
        "size_chart": first.get("size_chart", ""),
        **{name: value for name, value in flags.items() if value is not None},
        "variants": [_variant(group, row_line, cells) for row_line, cells in group.rows],
    }


def _variant(group: _Group, line: int, cells: Mapping[str, str]) -> dict[str, Any]:
    amount = partial(minor_of, currency=cells.get("currency", ""))
    tiers = {name.removeprefix(TIER_PRICE): name for name in cells if name.startswith(TIER_PRICE)}
    prices = {tier: group.read(line, cells, name, amount) for tier, name in tiers.items()}
    return {
        "sku": cells.get("sku", ""),
        "colour": group.bilingual(cells, "colour"),
        "size": cells.get("size", ""),
        "price_minor": group.read(line, cells, "price", amount),
        "currency": group.read(line, cells, "currency", currency_of) or "",
        "stock": group.read(line, cells, "stock", whole_of),
        "tier_prices_minor": prices,
    }


def _customer(group: _Group) -> dict[str, Any]:
    return {name: value for name, value in group.rows[0][1].items() if name in CUSTOMERS.whole}


def _order(group: _Group) -> dict[str, Any]:
    line, first = group.rows[0]
    amount = partial(minor_of, currency=first.get("currency", ""))
    moment = partial(time_of, zone=group.zone)
    return {
        **{name: first[name] for name in ("customer_id", "address", "country") if name in first},
        **({"currency": group.read(line, first, "currency", currency_of)} if "currency" in first else {}),
        "status": first.get("status", "").casefold(),
        **{f"{name}_minor": group.read(line, first, name, amount) for name in ("total", "shipping", "discount")},
        **{name: group.read(line, first, name, moment) for name in ("created_at", "paid_at", "delivered_at")},
        "lines": [_order_line(group, row_line, cells, amount) for row_line, cells in group.rows],
        "shipments": _parcels(group, moment),
    }


def _order_line(group: _Group, line: int, cells: Mapping[str, str], amount: Callable[[str], int]) -> dict[str, Any]:
    return {
        "sku": cells.get("sku", ""),
        "quantity": group.read(line, cells, "quantity", whole_of),
        "price_minor": group.read(line, cells, "price", amount),
        "paid_minor": group.read(line, cells, "paid", amount),
        "gift": group.read(line, cells, "gift", is_yes) or False,
    }


def _parcels(group: _Group, moment: Callable[[str], Any]) -> list[dict[str, Any]]:
    """Return the parcels that the rows name: a parcel's goods are those of its rows."""
    parcels: dict[str, dict[str, Any]] = {}
    for line, cells in group.rows:
        if number := cells.get("tracking_number"):
            expected_at = group.read(line, cells, "expected_at", moment)
            new = {"carrier": cells.get("carrier", ""), "tracking_number": number, "expected_at": expected_at}
            parcels.setdefault(number, {**new, "skus": []})["skus"].append(cells.get("sku", ""))
    if len(parcels) == 1 and all(cells.get("tracking_number") for _, cells in group.rows):
        next(iter(parcels.values()))["skus"] = []  # all of the order
    return list(parcels.values())


_SAYS: Mapping[str, Callable[[_Group], dict[str, Any]]] = {
    PRODUCTS.key: _product,
    CUSTOMERS.key: _customer,
    ORDERS.key: _order,
}
