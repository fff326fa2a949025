"""Every conversation of `tests/skills/talks/orders-*.talk`, from the inbox to the shop's tables."""

from pathlib import Path

import pytest

from tests.skills.scripted import Play, Script, read_scripts
from tests.skills.talk import Shop
from tests.skills.telegram import Telegram

SCRIPTS = [
    script for path in sorted((Path(__file__).parent / "talks").glob("orders-*.talk")) for script in read_scripts(path)
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: f"{one.language}: {one.name}")
def test_the_conversation_goes_as_it_is_written(shop: Shop, telegram: Telegram, tmp_path: Path, script: Script) -> None:
    Play(shop, telegram, tmp_path, script).run()


def test_there_are_enough_conversations_in_both_languages() -> None:
    assert all(sum(script.language == language for script in SCRIPTS) >= 30 for language in ("zh", "en"))
    assert len({(script.name, script.language) for script in SCRIPTS}) == len(SCRIPTS)
