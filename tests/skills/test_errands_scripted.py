"""Every conversation of `tests/skills/talks/` about what is plainly wished for, invoices, money, stock, goods and sizes."""

from pathlib import Path

import pytest

from tests.skills.scripted import Play, Script, read_scripts
from tests.skills.talk import Shop
from tests.skills.telegram import Telegram

PARTS = ("will", "invoices", "coupons", "payments", "prices", "restock", "price_drop", "goods", "sizing", "complaints")
TWO_SIDED = ("will", "coupons", "payments", "prices", "restock", "price_drop", "goods", "sizing")
FOLDER = Path(__file__).parent / "talks"
SCRIPTS = [script for part in PARTS for path in sorted(FOLDER.glob(f"{part}-*.talk")) for script in read_scripts(path)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: f"{one.file}: {one.name}")
def test_the_conversation_goes_as_it_is_written(shop: Shop, telegram: Telegram, tmp_path: Path, script: Script) -> None:
    Play(shop, telegram, tmp_path, script).run()


@pytest.mark.parametrize("part", TWO_SIDED)
def test_what_is_tried_in_one_language_is_tried_in_the_other(part: str) -> None:
    en, zh = ({s.name for s in SCRIPTS if s.file == f"{part}-{language}.talk"} for language in ("en", "zh"))
    assert en == zh


def test_there_are_enough_conversations_in_both_languages() -> None:
    assert all(sum(script.language == language for script in SCRIPTS) >= 30 for language in ("zh", "en"))
    assert len({(script.file, script.name) for script in SCRIPTS}) == len(SCRIPTS)
