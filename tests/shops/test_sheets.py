"""Spreadsheets of a shop: what they say is put, whole; what is wrong is told with its row and column."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from bot.cli import app
from bot.knowledge.sheetfile import Row, write_sheet
from bot.shop.batch import Item, NotPut, put_all
from bot.shop.bodies import CustomerBody, OrderBody, ProductBody
from bot.shop.port import Money
from bot.shop.sheets import items_of
from bot.shop.sql import SqlShop
from bot.shop.template import templates
from bot.starter import SHOP_TOML, make_shop
from bot.store.database import Database
from bot.store.tables import customers, products
from tests.shops.small import NOW

SHANGHAI = ZoneInfo("Asia/Shanghai")


def rows_of(text: str) -> list[Row]:
    return [Row(n, tuple(line.split(","))) for n, line in enumerate(text.strip().split("\n"), 1)]


def read(text: str) -> tuple[list[Item], list[str]]:
    items, faults = items_of("s.csv", rows_of(text), SHANGHAI)
    return items, [str(fault) for fault in faults]


def examples() -> list[Item]:
    found: list[Item] = []
    for name, rows in templates().items():
        items, faults = items_of(name, [Row(n, cells) for n, cells in enumerate(rows, 1)], SHANGHAI)
        assert faults == []
        found += items
    return found


async def test_the_examples_are_put_as_they_read(database: Database) -> None:
    for _ in range(2):
        await database.write(lambda c: put_all(c, examples(), NOW))
    found = await database.read(lambda c: SqlShop(c).order("QH2611200001"))
    assert found is not None
    assert (found.total, found.shipping) == (Money(11980, "CNY"), Money(0, "CNY"))
    assert found.created_at == datetime(2026, 11, 20, 2, 0, tzinfo=UTC), "times are in the shop's zone"
    assert [(line.sku, line.quantity, line.price) for line in found.lines] == [
        ("tee-M", 1, Money(5990, "CNY")),
        ("tee-L", 1, Money(5990, "CNY")),
    ]
    (parcel,) = found.shipments
    assert (parcel.tracking_number, parcel.skus) == ("SF1390021145", ())
    (tee,) = await database.read(lambda c: SqlShop(c).products())
    assert (tee.name["zh"], tee.care["en"], [v.stock for v in tee.variants]) == ("白T恤", "wash at 30 °C", [12, 0])


def test_a_parcel_holds_the_goods_of_its_rows() -> None:
    head = (
        "order_number,customer_id,status,total,currency,created_at,paid_at,sku,quantity,price,tracking_number,carrier"
    )
    first = "A1,mia,shipped,3,EUR,2026-11-20,2026/11/20 9:05,a,1,1,T1,DHL"
    (item,), faults = read(f"{head}\n{first}\nA1,,,,,,,b,1,1,T2,DHL\nA1,,,,,,,c,1,1,,")
    assert faults == []
    assert isinstance(item.body, OrderBody)
    assert [(p.tracking_number, p.skus) for p in item.body.shipments] == [("T1", ["a"]), ("T2", ["b"])]
    assert item.body.paid_at == datetime(2026, 11, 20, 9, 5, tzinfo=SHANGHAI)


def test_prices_of_members_are_columns_of_their_own_and_amounts_fit_the_currency() -> None:
    head = (
        "product_id,name_zh,name_en,category,sku,colour_zh,colour_en,size,price,currency,stock,price_gold,price_silver"
    )
    (item,), faults = read(f"{head}\ntee,恤,Tee,tops,a,白,white,M,1200,JPY,1,1080,\ntee,,,,b,黑,black,M,59.9,CNY,0,,50")
    assert faults == []
    assert isinstance(item.body, ProductBody)
    assert [(v.price_minor, v.tier_prices_minor) for v in item.body.variants] == [
        (1200, {"gold": 1080}),
        (5990, {"silver": 5000}),
    ]


PRODUCT_HEAD = "product_id,name_zh,name_en,category,sku,colour_zh,colour_en,size,price,currency,stock,returnable"
ORDER_HEAD = "order_number,customer_id,status,total,currency,created_at,paid_at,sku,quantity,price"
FAULTS = [
    ("", 1, "empty"),
    ("a,b\n1,2", 1, "nothing that is known"),
    ("customer_id,name,fone\nc1,Mia,1", 1, "phone"),
    ("customer_id,name,name\nc1,Mia,Mia", 1, "twice"),
    ("customer_id,phone\nc1,1", 1, "name"),
    ("customer_id,name\n,Mia", 2, "customer_id"),
    ("customer_id,name\nc1,Mia\nc1,Mia", 3, "row 2"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5 yuan,CNY,1,yes", 2, "price"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5.999,CNY,1,yes", 2, "2 digits"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,NaN,CNY,1,yes", 2, "price"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,some,yes", 2, "stock"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,1,perhaps", 2, "returnable"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,1,\ntee,,,shoes,b,白,white,L,5,CNY,1,", 3, "category"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,1,\ntee,,,,b,白,white,L,,CNY,1,", 3, "price"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,Yuan,1,", 2, "currency"),
    (f"{ORDER_HEAD}\nA1,mia,sold,5,CNY,2026-11-20,2026-11-20,a,1,5", 2, "status"),
    (f"{ORDER_HEAD}\nA1,mia,paid,5,CNY,yesterday,2026-11-20,a,1,5", 2, "created_at"),
    (f"{ORDER_HEAD}\nA1,mia,paid,5,CNY,2026-11-20,,a,1,5", 2, "paid_at"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,XYZ,1,", 2, "XYZ"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,1,\ntee,,,,a,白,white,L,5,CNY,1,", 3, "row 2"),
    (f"{PRODUCT_HEAD}\ntee,恤,Tee,tops,a,白,white,M,5,CNY,1,\nhat,帽,Hat,hats,a,白,white,,5,CNY,1,", 3, "row 2"),
    (f"{ORDER_HEAD}\nA1,mia,unpaid,5,XYZ,2026-11-20,,a,1,5", 2, "XYZ"),
    (f"{ORDER_HEAD}\nA1,mia,unpaid,5,CNY,2026-11-20,,a,1,5\nA1,,,,,,,a,1,5", 3, "row 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "says"), FAULTS)
def test_a_fault_has_its_row_and_says_what_is_wrong(text: str, line: int, says: str) -> None:
    rows = rows_of(text) if text else []
    _, faults = items_of("s.csv", rows, SHANGHAI)
    assert [fault.line for fault in faults] == [line]
    assert says in str(faults[0]) and str(faults[0]).startswith(f"s.csv:{line}: ")


def test_all_faults_are_told_at_once_in_their_order() -> None:
    _, faults = read(
        f"{PRODUCT_HEAD}\na,恤,A,t,a,白,w,M,x,CNY,1,\nb,恤,B,t,b,白,w,M,5,CNY,y,\nc,恤,C,t,c,白,w,M,z,CNY,w,?"
    )
    assert [fault.split(":")[1] for fault in faults] == ["2", "3", "4", "4", "4"]


async def test_nothing_is_put_if_one_row_cannot_be(database: Database) -> None:
    items = [item for item in examples() if not isinstance(item.body, CustomerBody)]
    with pytest.raises(NotPut) as refused:
        await database.write(lambda c: put_all(c, items, NOW))
    assert [(one.where, "c-1001" in one.problem) for one in refused.value.refused] == [("orders:2", True)]
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(products)).scalar_one()) == 0


async def test_how_far_it_is_is_told_for_each_thing(database: Database) -> None:
    counts: list[int] = []
    await database.write(lambda c: put_all(c, examples(), NOW, counts.append))
    assert counts == [1, 2, 3]


# --- the command -------------------------------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["shop", *arguments])
    return done.exit_code, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_shop(tmp_path / "shop", SHOP_TOML)
    return tmp_path / "shop"


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_examples_are_written_and_read_again_by_the_command(folder: Path, tmp_path: Path, kind: str) -> None:
    code, said = run("template", str(tmp_path / "out"), *(["--xlsx"] if kind == "xlsx" else []))
    files = said.split()
    assert (code, [Path(file).name for file in files]) == (
        0,
        [f"{n}.{kind}" for n in ("products", "customers", "orders")],
    )
    assert run("template", str(tmp_path / "out"), *(["--xlsx"] if kind == "xlsx" else []))[0] != 0, "nothing is lost"
    assert run("import", *files, "--dir", str(folder), "--json") == (0, '{"put": 3, "faults": []}\n')


def test_the_command_tells_every_fault_of_every_file_and_puts_nothing(folder: Path, tmp_path: Path) -> None:
    good, bad, lonely = (str(tmp_path / f"{name}.csv") for name in ("good", "bad", "lonely"))
    write_sheet(Path(good), [("customer_id", "name"), ("c1", "Mia")])
    write_sheet(Path(bad), [("customer_id", "name", "tier"), ("", "Tom", ""), ("c3", "", "")])
    code, said = run("import", good, bad, "--dir", str(folder))
    assert code == 1
    assert [line.rsplit("/")[-1].split(":")[:2] for line in said.splitlines()] == [["bad.csv", "2"], ["bad.csv", "3"]]
    order: Sequence[str] = ("A1", "nobody", "unpaid", "5", "CNY", "2026-11-20", "x", "1", "5")
    head = ("order_number", "customer_id", "status", "total", "currency", "created_at", "sku", "quantity", "price")
    write_sheet(Path(lonely), [head, order])
    code, said = run("import", good, lonely, "--dir", str(folder))
    assert (code, "lonely.csv:2" in said, "nobody" in said) == (1, True, True)
    assert run("import", good, "--dir", str(folder), "--json") == (0, '{"put": 1, "faults": []}\n')


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_sku_that_is_repeated_or_an_unknown_currency_leaves_nothing_half_imported(
    folder: Path, tmp_path: Path, ending: str
) -> None:
    head = tuple(PRODUCT_HEAD.split(","))
    tee, cap = (
        (name, "物", name, "tops", f"{name}-M", "白", "white", "M", "5", "CNY", "1", "yes") for name in ("tee", "cap")
    )
    sheet = tmp_path / f"goods.{ending}"
    people = tmp_path / "people.csv"
    write_sheet(people, [("customer_id", "name"), ("c1", "Mia")])
    assert run("import", str(people), "--dir", str(folder))[0] == 0
    twice, foreign = ("hat", *tee[1:]), ("hat", *tee[1:4], "h", *tee[5:9], "XYZ", "1", "")
    for bad, said in ((twice, "tee-M is in row 2"), (foreign, "XYZ")):
        write_sheet(sheet, [head, tee, cap, bad])
        code, told = run("import", str(sheet), "--dir", str(folder))
        assert (code, f"goods.{ending}:4: " in told, said in told) == (1, True, True), told
    with closing(Database(f"sqlite:///{folder / 'data' / 'zhanggui.db'}")) as database:
        count = select(func.count()).select_from(products)
        assert asyncio.run(database.read(lambda c: c.execute(count).scalar_one())) == 0


async def test_a_long_import_is_one_transaction(database: Database) -> None:
    people = [Item(f"c{n}", CustomerBody(name=f"N{n}"), f"c.csv:{n}") for n in range(1200)]
    await database.write(lambda c: put_all(c, people, NOW))
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(customers)).scalar_one()) == 1200
