"""What is said when shop.toml leaves something empty: never a sentence with a hole in it."""

from pathlib import Path

import pytest

from bot.brain import KnowledgeFaults, read_files, read_mind
from bot.settings import Settings, parse_settings
from bot.skills.turn import Say
from bot.starter import SHOP_TOML, make_shop


def settings_of(**shop: object) -> Settings:
    return parse_settings({"shop": {"name": {"zh": "店", "en": "Shop"}, **shop}}, "shop.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_shop(tmp_path / "shop", SHOP_TOML)
    return tmp_path / "shop"


def test_a_line_about_something_the_shop_has_not_is_left_out(folder: Path) -> None:
    without = read_mind(folder, settings_of()).voice.speak([Say("contact-hours")], "en").text
    with_phone = read_mind(folder, settings_of(phone="400-1")).voice.speak([Say("contact-hours")], "en").text
    assert "ring" not in without
    assert "09:00" in without
    assert "400-1" in with_phone


def test_no_answer_of_the_starter_set_is_emptied_by_an_empty_setting(folder: Path) -> None:
    assert read_files(folder, settings_of())[1] == []


def test_an_answer_of_which_nothing_is_left_is_a_fault(folder: Path) -> None:
    path = folder / "knowledge/en/contact/contact-hours.md"
    front = path.read_text(encoding="utf-8").rsplit("---\n", 1)[0]
    path.write_text(front + "---\nRing {shop.phone}.\n", encoding="utf-8")
    with pytest.raises(KnowledgeFaults, match=r"contact-hours\.md.*shop\.toml"):
        read_mind(folder, settings_of())
    assert read_mind(folder, settings_of(phone="400-1"))
