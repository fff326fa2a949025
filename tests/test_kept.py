"""A good set of files is parsed once; any change of a file is seen, and a broken or old copy does no harm."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.brain import KnowledgeFaults, read_mind
from bot.demo.shop import demo_settings
from bot.knowledge import parts
from bot.knowledge.entries import Knowledge
from bot.knowledge.kept import NAME
from bot.knowledge.load import load
from bot.skills.dialogue import CHARTS, ENTRIES, INTENTS_OF, PHRASES
from bot.starter import starter_folder

FEE = "knowledge/en/shipping/shipping-fee.md"


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop's folder that was read once."""
    folder = tmp_path_factory.mktemp("shops") / "shop"
    for part in ("knowledge", "intents"):
        shutil.copytree(starter_folder() / part, folder / part)
    (folder / "data").mkdir()
    known(folder)
    return folder


@pytest.fixture
def shop(once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(once, tmp_path / "shop")


@pytest.fixture
def no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("files were parsed")

    for reader in ("entry_of", "phrases_of", "chart_of", "intents_of"):
        monkeypatch.setattr(parts, reader, refuse)


def known(folder: Path) -> Knowledge:
    return read_mind(folder, demo_settings()).knowledge


def fee(folder: Path) -> str:
    entry = known(folder).entry("shipping-fee", "en")
    assert entry is not None
    return entry.answer


def test_what_is_kept_is_what_was_parsed(shop: Path) -> None:
    parsed, faults = load(shop, INTENTS_OF, PHRASES, ENTRIES, CHARTS)
    assert faults == []
    assert known(shop) == parsed


def test_unchanged_files_are_not_parsed_again(shop: Path, no_parser: None) -> None:
    assert known(shop).entries


def test_an_edited_file_is_read_anew_and_so_is_its_old_text(shop: Path) -> None:
    before = (shop / FEE).read_text(encoding="utf-8")
    old = fee(shop)
    (shop / FEE).write_text(before.rstrip() + "\nFlowers are free.\n", encoding="utf-8")
    assert fee(shop).endswith("Flowers are free.")
    (shop / FEE).write_text(before, encoding="utf-8")
    assert fee(shop) == old


def test_a_file_that_goes_is_missed(shop: Path) -> None:
    (shop / "knowledge" / "en" / "phrases.yml").unlink()
    with pytest.raises(KnowledgeFaults, match=r"knowledge/en/phrases\.yml"):
        known(shop)


def test_a_set_with_faults_is_not_kept(shop: Path) -> None:
    kept = shop / "data" / "models" / NAME
    before = kept.read_bytes()
    (shop / FEE).write_text("---\nid: shipping-fee\n---\n", encoding="utf-8")
    with pytest.raises(KnowledgeFaults, match="the answer is empty"):
        known(shop)
    assert kept.read_bytes() == before


def test_answers_that_the_settings_empty_are_faults_of_a_kept_set_too(shop: Path) -> None:
    settings = demo_settings()
    (shop / FEE).write_text("---\nid: shipping-fee\nask: [how much is postage]\n---\n{shop.phone}\n", encoding="utf-8")
    with_phone = settings.model_copy(update={"shop": settings.shop.model_copy(update={"phone": "400-1"})})
    without = settings.model_copy(update={"shop": settings.shop.model_copy(update={"phone": ""})})
    assert read_mind(shop, with_phone)
    with pytest.raises(KnowledgeFaults, match="nothing is left of this answer"):
        read_mind(shop, without)


@pytest.mark.parametrize("content", [b"", b'{"digest": 1}', b"\xff"])
def test_a_broken_copy_is_made_anew(shop: Path, content: bytes) -> None:
    kept = shop / "data" / "models" / NAME
    whole = kept.read_bytes()
    kept.write_bytes(content)
    assert known(shop).entries
    assert kept.read_bytes() == whole


def test_a_folder_that_cannot_be_written_is_parsed_each_time(shop: Path) -> None:
    kept = shop / "data" / "models" / NAME
    kept.unlink()
    kept.mkdir()  # a file cannot take its place
    assert known(shop).entries
    assert [path.name for path in kept.parent.iterdir() if path.suffix not in (".model", ".workings")] == [NAME]
