"""`zhanggui knowledge` as an operator meets it: edit, break, lint, try, publish, go back, use a sheet."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from bot.brain import read_mind
from bot.cli import app
from bot.commands.people import in_database
from bot.delivery.asked import last_questions
from bot.store.tables import conversations, inbox
from tests.smallshop import FEE, SmallShop, small_shop

WOOL = "knowledge/en/care/care-wool.md"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    shop = small_shop(tmp_path_factory.mktemp("command") / "shop")
    read_mind(shop.folder, shop.settings)
    return shop


@pytest.fixture
def shop(trained: SmallShop, tmp_path: Path) -> SmallShop:
    return SmallShop(shutil.copytree(trained.folder, tmp_path / "shop"), trained.settings)


def run(shop: SmallShop, *arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["knowledge", *map(str, arguments), "--dir", str(shop.folder)])
    structlog.reset_defaults()
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def asked(shop: SmallShop, *texts: str, **more: object) -> None:
    """Store messages that customers sent."""
    now = datetime(2026, 11, 1, tzinfo=UTC)

    def job(connection: Connection, _: object) -> None:
        if connection.execute(conversations.select()).first() is None:
            connection.execute(
                conversations.insert().values(id="talk", channel="web:shop", chat="v1", created_at=now, updated_at=now)
            )
        for text in texts:
            seq = len(connection.execute(inbox.select()).all()) + 1
            row = {"key": f"k{seq}", "conversation_id": "talk", "seq": seq, "text": text, "sent_at": now}
            connection.execute(inbox.insert().values(**row, received_at=now, **more))

    in_database(shop.folder, job)


# --- lint and test ---------------------------------------------------------------------------------------------------
def test_lint_lists_warnings_with_their_place_and_fails_only_on_faults(shop: SmallShop) -> None:
    shop.edit(FEE, "Free from", "Free from ¥99, that is")
    told = run(shop, "lint")
    assert told.exit_code == 0
    assert (
        f"{FEE}:15: warning: a price as text: '¥99'. If that is `{{policy.free_shipping}}`, write the field"
        in told.stdout
    )
    assert run(shop, "lint", "--strict").exit_code == 1
    shop.edit(FEE, "{policy.shipping_fee}", "{policy.shiping_fee}")
    told = run(shop, "lint", "--json")
    assert told.exit_code == 1
    (fault,) = json.loads(told.stdout)
    assert fault == {
        "level": "fault",
        "file": FEE,
        "line": 15,
        "problem": "there is no field `{policy.shiping_fee}`",
        "fix": "Did you mean `{policy.shipping_fee}`?",
    }


def test_the_questions_beside_the_answers_are_asked(shop: SmallShop) -> None:
    assert run(shop, "test").exit_code == 0
    shop.write("knowledge/en/tests.tsv", "is postage free\tcare-wool\n")
    told = run(shop, "test")
    said = "knowledge/en/tests.tsv:1: wrong: 'is postage free' should lead to care-wool, got answer shipping-fee"
    assert told.stdout.startswith(said)
    assert "2 questions: 1 right (50.0%), 0 asked back, 1 wrong" in told.stderr
    assert told.exit_code == 0  # nothing was published that does better
    assert run(shop, "test", "--strict").exit_code == 1
    found = json.loads(run(shop, "test", "--json").stdout)
    assert (found["wrong"], found["published"]) == (1, None)


def test_a_test_run_fails_if_the_edition_published_last_has_more_right(shop: SmallShop) -> None:
    shop.write("knowledge/en/tests.tsv", "is shipping free\tshipping-fee\nis postage free\tcare-wool\n")
    run(shop, "publish")
    assert run(shop, "test").exit_code == 0
    shop.edit(FEE, "  - is shipping free\n", "")
    shop.edit(WOOL, "wash a jumper", "wash a jumper, is shipping free")
    told = run(shop, "test")
    assert told.exit_code == 1
    assert "'is shipping free' should lead to shipping-fee" in told.stdout
    assert "it was right in edition 1" in told.stdout
    assert told.stdout.count("it was right") == 1  # the other one was wrong before
    assert "3 questions: 1 right" in told.stderr
    assert "Edition 1, published last, has 2 of them right" in told.stderr
    assert json.loads(run(shop, "test", "--json").stdout)["published"] == {"edition": 1, "right": 2}


def test_one_is_told_as_one(shop: SmallShop) -> None:
    shop.edit(FEE, "Free from", "Free from ¥99, that is")
    assert run(shop, "lint").stderr == "0 faults, 1 warning\n"
    shop.edit(FEE, "{policy.shipping_fee}", "{policy.shiping_fee}")
    assert run(shop, "lint").stderr == "1 fault, 0 warnings\n"
    assert run(shop, "publish").stderr == "1 fault.\n"


# --- publish, diff, history, rollback --------------------------------------------------------------------------------
def test_an_edit_is_compared_published_listed_and_taken_back(shop: SmallShop) -> None:
    asked(shop, "is shipping free", "how do i wash wool")
    first = shop.contents()
    assert "Edition 1." in run(shop, "publish").stderr
    shop.edit(FEE, "Free from", "Costs nothing from")
    told = run(shop, "diff")
    assert told.stdout.splitlines()[0] == "is shipping free"
    assert "  - answer shipping-fee: Free from" in told.stdout
    assert "  + answer shipping-fee: Costs nothing from" in told.stdout
    assert "1 of 2 questions is answered differently. Compared with edition 1" in told.stderr
    assert "1 of 2 questions" in run(shop, "publish").stderr
    editions = json.loads(run(shop, "history", "--json").stdout)
    assert [(e["number"], e["by"], e["changed"]) for e in editions] == [(1, "publish", []), (2, "publish", [f"~{FEE}"])]
    assert f"~{FEE}"[:20] in run(shop, "history").stdout.replace("\n", "")
    assert "edition 1 again" in run(shop, "rollback").stderr
    assert shop.contents() == first
    assert "edition 2 again" in run(shop, "rollback", "--to", "2").stderr


def test_the_undo_that_a_rollback_prints_brings_bad_files_back_too(shop: SmallShop) -> None:
    run(shop, "publish")
    shop.edit(FEE, "ask:", "aks:")
    bad = shop.contents()
    told = run(shop, "rollback")
    assert (told.exit_code, told.stderr.strip().endswith("Undo: zhanggui knowledge rollback --to 2")) == (0, True)
    assert shop.contents() != bad
    told = run(shop, "rollback", "--to", "2")
    assert shop.contents() == bad
    assert told.exit_code == 1
    assert "unknown key `aks`" in told.stdout
    assert "keeps its last good set" in told.stderr


def test_a_file_of_questions_takes_the_place_of_customers_own(shop: SmallShop, tmp_path: Path) -> None:
    run(shop, "publish")
    shop.edit(FEE, "Free from", "Costs nothing from")
    (tmp_path / "q.txt").write_text("is shipping free\nhow do i wash wool\n", encoding="utf-8")
    (change,) = json.loads(run(shop, "diff", tmp_path / "q.txt", "--json").stdout)
    assert change["before"]["what"] == "answer shipping-fee"


def test_what_does_not_pass_is_not_published(shop: SmallShop) -> None:
    shop.edit(FEE, "ask:", "aks:")
    told = run(shop, "publish")
    assert told.exit_code == 1
    assert "unknown key `aks`" in told.stdout
    assert run(shop, "history", "--json").stdout == "[]\n"


def test_only_what_customers_typed_is_asked_again_and_numbers_are_hidden(shop: SmallShop) -> None:
    asked(shop, "call 13812345678 or me@shop.com", "order 12")
    asked(shop, "", event="left")
    asked(shop, "yes", choice="label:shipping-fee")
    found = in_database(shop.folder, lambda connection, _: last_questions(connection))
    assert found == ["order 12", "call 00000000000 or m*@shop.com"]


def test_of_what_customers_typed_nobody_learns_who_they_are(shop: SmallShop) -> None:
    asked(shop, "寄到浙江省杭州市西湖区文三路100号", "my phone is 138 1234 5678, is shipping free", "单号 QH26112")
    phone, address = "138 1234", "西湖区文三路100号"
    number, spaced, place = in_database(shop.folder, lambda connection, _: last_questions(connection))
    assert number == "单号 QH00000"
    assert phone not in spaced and spaced.endswith("is shipping free")
    assert not any(part in place for part in ("西湖", "文三", "100")) and address not in place


# --- sheets ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["all.xlsx", "all.csv"])
def test_a_sheet_goes_out_and_comes_in_with_a_way_back(shop: SmallShop, tmp_path: Path, name: str) -> None:
    sheet = tmp_path / name
    first = shop.contents()
    assert run(shop, "export", sheet).exit_code == 0
    assert "0 entries would change" in run(shop, "import", sheet).stderr
    sheet = tmp_path / "few.csv"
    sheet.write_text("id,language,answer\nshipping-fee,en,Always free.\n", encoding="utf-8")
    dry = run(shop, "import", sheet, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.split("\n") == [
        "~ shipping-fee (en): answer",
        "    - Free from {policy.free_shipping}, else {policy.shipping_fee}.",
        "    + Always free.",
        "",
    ]
    assert "1 entry would change" in dry.stderr
    assert shop.contents() == first
    assert run(shop, "import", sheet).exit_code == 0
    assert shop.text(FEE).endswith("---\nAlways free.\n")
    assert [e["by"] for e in json.loads(run(shop, "history", "--json").stdout)] == [
        "before import few.csv",
        "import few.csv",
    ]
    assert run(shop, "rollback").exit_code == 0
    assert shop.contents() == first


def test_a_bad_sheet_is_refused_as_a_whole(shop: SmallShop, tmp_path: Path) -> None:
    first = shop.contents()
    sheet = tmp_path / "bad.csv"
    sheet.write_text("id,language,answer\nshipping-fee,en,Always free.\ncare-wool,fr,Oui.\n", encoding="utf-8")
    told = run(shop, "import", sheet)
    assert told.exit_code == 1
    assert told.stdout == "bad.csv:3: column B (language): `fr` is no language here. Write zh or en\n"
    assert "Nothing was imported" in told.stderr
    assert shop.contents() == first
