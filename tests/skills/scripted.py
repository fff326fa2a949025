"""Reads conversations written down in text files, plays them over Telegram, and checks what was said, done and cited.

A talk begins with `== NAME` and `who language`; then each line is one thing:

    ! stock SKU N                       what the shop has at that moment; also: `! wait 7d`, `! policy KEY VALUE`,
    ! order ORDER COLUMN VALUE          `! returns KEY VALUE`, `! line ORDER SKU N PRICE [PAID|gift]`,
    ! coupon CUSTOMER CODE MINOR LEAST_MINOR [HOURS] [used]
    ! only CODE product|category ID …    what a coupon is for
    ! tiers CODE TIER …                 whose members can use a coupon
    ! spent CUSTOMER                    all coupons of the seed are used
    ! tier SKU TIER MINOR               `! price SKU MINOR`, `! invoice ORDER STATUS TITLE [URL]`
    ! product ID COLUMN VALUE           `! case ORDER STATUS` (of the newest), `! state SKILL STEP JSON` (as an older
                                        version left it)
    ! event ORDER STATUS HOURS          of the first parcel, so many hours ago
    ! parcel ORDER CARRIER NUMBER STATUS HOURS [SKU …]   a second one; `! contents ORDER SKU …` of the first,
                                        `! untracked ORDER`, `! copy HOURS [down]` (a remote shop's, so old)
    > words                             the customer says; `> [tap] label`, `> [picture] caption`
    < words | <! words                  the answer has, or has not, these words
    = id ...                            sources of the answer: entries, phrases, `order:` and `case:` without number
    ? label ...                         choices, parted by ` / `: these are offered
    case KIND REASON|none SKU*N[>SKU] MINOR   the newest case; then `unopened`, `photos N`, `cancelled` and the like
    cases N                             so many were opened in this talk, cancelled ones too
    held SKU N                          so many pieces were taken from the stock
    invoice ORDER|TITLE|TAX_ID|EMAIL    the invoice that was asked for; `invoices N` so many there are
    refunds N [MINOR]                   so many sums are owed, and what they come to
    watches SKU ...                     what is waited for by anybody
    cheaper PRODUCT ...                 of which products the price is watched by anybody
    at SKILL STEP                       where the conversation stands, of any skill
    order ORDER STATUS                  how the order stands in the shop; `address ORDER WORDS`
    task KIND WORDS | tasks KIND N      what was left to the staff in this talk
    consent PURPOSE yes|no              the newest answer to being written to
    step STEP | idle | human            where the conversation stands

`{lin.delivered}` is the number of a seeded order, `{case}` that of the newest case.
"""

from __future__ import annotations

import json
import re
import tomllib
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select, update

from bot.brain import Mind
from bot.demo.shop import demo_toml
from bot.settings import Settings, parse_settings
from bot.store import tables as t
from bot.voice import Voice, shop_fields
from tests.skills.talk import CUSTOMERS, Customer, Shop, later, order_of
from tests.skills.telegram import Telegram, TelegramTalk

ORDER = re.compile(r"\{(\w+)\.(\w+)\}")
SPAN = {"d": "days", "h": "hours", "m": "minutes"}


@dataclass(frozen=True, slots=True)
class Script:
    """One conversation: `lines` with their numbers in `file`."""

    name: str
    file: str
    who: str
    language: str
    lines: tuple[tuple[int, str], ...]

    def settings(self) -> Settings:
        """Return the demo's settings with what this talk changes in the policy."""
        data = tomllib.loads(demo_toml(8080))
        for _, line in self.lines:
            match line.split(maxsplit=3):
                case ["!", ("policy" | "returns") as section, key, value]:
                    data.setdefault(section, {})[key] = tomllib.loads(f"v = {value}")["v"]
        return parse_settings(data, self.file)


def read_scripts(path: Path) -> list[Script]:
    """Return the conversations of a file."""
    scripts: list[Script] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("== "):
            scripts.append(Script(line[3:].strip(), path.name, "", "", ()))
        elif line.strip() and not line.startswith("#"):
            last = scripts[-1]
            if not last.who:
                who, language = line.split()
                scripts[-1] = replace(last, who=who, language=language)
            else:
                scripts[-1] = replace(last, lines=(*last.lines, (number, ORDER.sub(_order, line.strip()))))
    return scripts


def _order(match: re.Match[str]) -> str:
    return order_of(match[1], match[2])


def with_settings(shop: Shop, settings: Settings) -> Shop:
    """Return the shop under other settings: what was learnt stays."""
    mind = shop.mind
    return replace(shop, mind=Mind(mind.knowledge, mind.engine, Voice(mind.knowledge, shop_fields(settings))))


class Play:
    """One script being played."""

    def __init__(self, shop: Shop, telegram: Telegram, folder: Path, script: Script) -> None:
        settings = script.settings()
        self.script = script
        self.talk = TelegramTalk(with_settings(shop, settings), folder, settings, telegram, script.language)
        self.said = ""
        self.customer: Customer
        self.before = self._cases()
        self.stock: dict[str, int] = {}

    def _arrives(self) -> Customer:
        if self.script.who in CUSTOMERS:
            return self.talk.as_customer(self.script.who, self.script.language)
        return self.talk.as_guest(self.script.language)

    def run(self) -> None:
        with closing(self.talk):
            self.customer = self._arrives()
            for number, line in self.script.lines:
                sign, _, rest = line.partition(" ")
                try:
                    self._line(sign, rest.strip())
                except AssertionError as error:
                    where = f"{self.script.file}:{number}: {line}"
                    raise AssertionError(f"{where}\n{error}\n--- was said: {self.said}\n{self._stands()}") from None
            self.talk.expects_no_refusal()

    def _stands(self) -> str:
        state = self.customer.state
        return f"--- choices {self.customer.choices}, sources {self.customer.sources}, {state.skill} {state.step}"

    def _line(self, sign: str, rest: str) -> None:
        match sign:
            case "!":
                self._set_up(rest)
            case ">":
                self.said = self._says(rest)
            case "<":
                assert rest in self.said, f"not said: {rest}"
            case "<!":
                assert rest not in self.said, f"said: {rest}"
            case "=":
                cited = {re.sub(r"^(order|case|product):.*", r"\1:", source) for source in self.customer.sources}
                assert not set(rest.split()) - cited, f"not cited: {set(rest.split()) - cited}"
            case "?":
                offered = set(self.customer.choices)
                assert not set(rest.split(" / ")) - offered, f"not offered: {set(rest.split(' / ')) - offered}"
            case "case":
                self._case(rest.split())
            case "cases":
                assert len(self._cases()) - len(self.before) == int(rest), "another number of cases"
            case "held":
                sku, count = rest.split()
                assert self.stock[sku] - self._stock(sku) == int(count), f"{self._stock(sku)} of {self.stock[sku]} left"
            case "invoice":
                self._has_invoice(rest)
            case "invoices":
                assert len(self._rows(select(t.invoices))) == int(rest)
            case "refunds":
                self._owes(rest.split())
            case "watches":
                assert {row.sku for row in self._rows(select(t.watches.c.sku))} == set(rest.split())
            case "cheaper":
                assert {row.product_id for row in self._rows(select(t.price_watches.c.product_id))} == set(rest.split())
            case "at":
                assert [self.customer.state.skill, self.customer.state.step] == rest.split()
            case "step":
                skill = self.script.file.partition("-")[0]
                assert (self.customer.state.skill, self.customer.state.step) == (skill, rest)
            case "order":
                number, status = rest.split()
                assert self._order(number).status == status, f"it is {self._order(number).status}"
            case "address":
                number, _, address = rest.partition(" ")
                assert self._order(number).address == address, f"it goes to {self._order(number).address}"
            case "task":
                kind, _, words = rest.partition(" ")
                assert any(words in text for text in self._tasks(kind)), f"tasks: {self._tasks(kind)}"
            case "tasks":
                kind, count = rest.split()
                assert len(self._tasks(kind)) == int(count), f"tasks: {self._tasks(kind)}"
            case "consent":
                purpose, granted = rest.split()
                assert self._consents(purpose)[-1:] == [granted == "yes"], f"{self._consents(purpose)}"
            case "idle":
                assert not self.customer.state.skill
            case "human":
                assert self.customer.waits_for_a_human
                assert not rest or rest in self.customer.handed_over_for, self.customer.handed_over_for
            case _:
                raise ValueError(f"{self.script.file}: {sign} {rest}")

    def _says(self, words: str) -> str:
        words = words.replace("{case}", self._newest().number) if "{case}" in words else words
        if words.startswith("[tap] "):
            label = words.removeprefix("[tap] ")
            assert label in self.customer.choices, f"no such button: {label}"
            return self.customer.taps(label)
        if words.startswith("[picture]"):
            return self.customer.sends_a_picture(words.removeprefix("[picture]").strip())
        return self.customer.says(words)

    def _set_up(self, rest: str) -> None:
        match rest.split(maxsplit=3):
            case ["stock", sku, count]:
                self._write(update(t.variants).where(t.variants.c.sku == sku).values(stock=int(count)))
                self.stock[sku] = int(count)
            case ["wait", span]:
                later(self.talk, timedelta(**{SPAN[span[-1]]: int(span[:-1])}))
            case ["order", number, column, value]:
                self._write(update(t.orders).where(t.orders.c.number == number).values({column: _plain(value)}))
            case ["product", ident, column, value]:
                self._write(update(t.products).where(t.products.c.id == ident).values({column: _plain(value)}))
            case ["price", sku, minor]:
                self._write(update(t.variants).where(t.variants.c.sku == sku).values(price_minor=int(minor)))
            case ["coupon", customer_id, code, more]:
                self._add_coupon(customer_id, code, more.split())
            case ["only", code, what, more]:
                column = {"product": "product_ids", "category": "categories"}[what]
                self._write(update(t.coupons).where(t.coupons.c.code == code).values({column: more.split()}))
            case ["tiers", code, *more]:
                self._write(update(t.coupons).where(t.coupons.c.code == code).values(tiers=" ".join(more).split()))
            case ["spent", customer_id]:
                self._write(update(t.coupons).where(t.coupons.c.customer_id == customer_id).values(used=True))
            case ["tier", sku, tier, minor]:
                own = {tier: int(minor)}
                self._write(update(t.variants).where(t.variants.c.sku == sku).values(tier_prices_minor=own))
            case ["invoice", number, status, more]:
                title, _, url = more.partition(" ")
                row = {
                    "order_number": number,
                    "title": title,
                    "status": status,
                    "url": url,
                    "asked_at": self.talk.now(),
                }
                self._write(t.invoices.insert().values(row))
            case ["line", number, sku, more]:
                self._add_line(number, sku, more.split())
            case ["case", number, status]:
                newest = select(t.cases.c.number).where(t.cases.c.order_number == number)
                newest = newest.order_by(t.cases.c.opened_at.desc()).limit(1)
                self._write(update(t.cases).where(t.cases.c.number == newest.scalar_subquery()).values(status=status))
            case ["state", skill, step, slots]:
                self._put_state(
                    {"skill": skill, "step": step, "slots": json.loads(slots), "language": self.script.language}
                )
            case ["event", number, status, hours]:
                self._write_all(_event(f"{number}-1", status, self.talk.now_ - timedelta(hours=float(hours))))
            case ["parcel", number, carrier, more]:
                tracking_number, status, hours, *skus = more.split()
                place = self.talk.now_ - timedelta(hours=float(hours))
                self._write_all(_parcel(number, carrier, tracking_number, skus), _event(f"{number}-2", status, place))
            case ["contents", number, *skus]:
                of_first = t.shipments.c.id == f"{number}-1"
                self._write(update(t.shipments).where(of_first).values(skus=" ".join(skus).split()))
            case ["untracked", number]:
                self._write(delete(t.tracking).where(t.tracking.c.shipment_id == f"{number}-1"))
            case ["copy", hours, *down]:
                row = {"name": "remote", "told_at": self.talk.now_ - timedelta(hours=float(hours)), "down_since": None}
                row["down_since"] = self.talk.now_ - timedelta(hours=1) if down else None
                self._write_all(delete(t.platform_state), _platform(row))
            case [("policy" | "returns"), *_]:
                pass  # see Script.settings
            case _:
                raise ValueError(rest)

    def _add_line(self, number: str, sku: str, more: list[str]) -> None:
        count, price, *paid = more
        row: dict[str, Any] = {"order_number": number, "sku": sku, "quantity": int(count), "price_minor": int(price)}
        row |= {"gift": True} if paid == ["gift"] else {"paid_minor": int(paid[0])} if paid else {}
        self._write(t.order_lines.insert().values(row))
        paid_minor = 0 if "gift" in row else row.get("paid_minor", row["quantity"] * row["price_minor"])
        total = t.orders.c.total_minor + paid_minor
        self._write(update(t.orders).where(t.orders.c.number == number).values(total_minor=total))

    def _add_coupon(self, customer_id: str, code: str, more: list[str]) -> None:
        amount, least, *rest = more
        hours = [int(one) for one in rest if one != "used"]
        ends_at = self.talk.now() + timedelta(hours=hours[0]) if hours else None
        row = {"customer_id": customer_id, "code": code, "amount_minor": int(amount), "least_minor": int(least)}
        row |= {"currency": "CNY", "ends_at": ends_at, "used": "used" in rest}
        self._write(t.coupons.insert().values(row))

    def _rows(self, statement: Any) -> list[Any]:
        return list(self.talk.read(lambda c: c.execute(statement).all()))

    def _has_invoice(self, wanted: str) -> None:
        number, title, tax_id, email = (one.strip() for one in wanted.split("|"))
        found = self._rows(select(t.invoices).where(t.invoices.c.order_number == number))
        assert found, "no invoice was asked for"
        assert (found[0].title, found[0].tax_id, found[0].email) == (title, tax_id, email)

    def _owes(self, wanted: list[str]) -> None:
        owed = self._rows(select(t.refunds.c.amount_minor))
        assert len(owed) == int(wanted[0]), f"{len(owed)} sums are owed"
        assert len(wanted) == 1 or sum(row.amount_minor for row in owed) == int(wanted[1]), owed

    def _put_state(self, state: dict[str, Any]) -> None:
        of_chat = t.conversations.c.chat == self.customer.chat.id
        self._write(update(t.conversations).where(of_chat).values(state=state))

    def _write(self, statement: Any) -> None:
        self.talk.write(lambda c: c.execute(statement))

    def _write_all(self, *statements: Any) -> None:
        for statement in statements:
            self._write(statement)

    def _order(self, number: str) -> Any:
        which = select(t.orders).where(t.orders.c.number == number)
        return self.talk.read(lambda c: c.execute(which).one())

    def _tasks(self, kind: str) -> list[str]:
        """Return what the tasks of this kind say."""
        of_kind = select(t.tasks.c.text).where(t.tasks.c.kind == kind)
        return list(self.talk.read(lambda c: c.execute(of_kind).scalars().all()))

    def _consents(self, purpose: str) -> list[bool]:
        mine = t.consents.c.person_id == self.customer.person_id, t.consents.c.purpose == purpose
        answers = select(t.consents.c.granted).where(*mine).order_by(t.consents.c.id)
        return list(self.talk.read(lambda c: c.execute(answers).scalars().all()))

    def _stock(self, sku: str) -> int:
        return int(
            self.talk.read(lambda c: c.execute(select(t.variants.c.stock).where(t.variants.c.sku == sku)).scalar_one())
        )

    def _cases(self) -> list[Any]:
        return list(self.talk.read(lambda c: c.execute(select(t.cases)).all()))

    def _newest(self) -> Any:
        known = {row.number for row in self.before}
        new = [row for row in self._cases() if row.number not in known]
        assert new, "no case was opened"
        return max(new, key=lambda one: (one.opened_at, one.status != "cancelled"))

    def _case(self, wanted: list[str]) -> None:
        """Compare the newest case that this talk opened: kind, reason, parts, refund, and what else is named."""
        row = self._newest()
        parts = sorted(self.talk.read(lambda c: _parts(c, row.number)))
        kind, reason, *goods_and_more = wanted
        reason = "" if reason == "none" else reason
        goods = sorted(one for one in goods_and_more if "*" in one)
        minor, *more = [one for one in goods_and_more if "*" not in one]
        assert (row.kind, row.reason, parts, row.refund_minor) == (kind, reason, goods, int(minor))
        if "photos" in more:
            assert len(row.photos) == int(more[more.index("photos") + 1])
        for word in set(more) & {"unopened", "opened", "worn", "washed"}:
            assert row.condition == word
        assert row.status == next((word for word in more if word in ("cancelled", "approved")), "open")


def _parts(connection: Connection, number: str) -> list[str]:
    rows = connection.execute(
        select(t.order_lines.c.sku, t.case_parts.c.quantity, t.case_parts.c.wanted_sku)
        .join(t.case_parts, t.case_parts.c.line_id == t.order_lines.c.id)
        .where(t.case_parts.c.case_number == number)
    )
    return [f"{row.sku}*{row.quantity}" + (f">{row.wanted_sku}" if row.wanted_sku else "") for row in rows]


def _event(shipment_id: str, status: str, at: datetime) -> Any:
    places = {"place_zh": "郑州转运中心", "place_en": "Zhengzhou hub"}
    return t.tracking.insert().values(shipment_id=shipment_id, at=at, status=status, **places)


def _parcel(order: str, carrier: str, number: str, skus: list[str]) -> Any:
    row = {"id": f"{order}-2", "order_number": order, "carrier": carrier, "tracking_number": number, "skus": skus}
    return t.shipments.insert().values(row)


def _platform(row: dict[str, Any]) -> Any:
    return t.platform_state.insert().values(row)


def _plain(value: str) -> Any:
    return json.loads(value) if re.fullmatch(r"-?\d+|true|false|null|\".*\"", value) else value
