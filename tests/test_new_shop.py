"""`zhanggui new shop NAME`, and the adapters of others that shop.toml names."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.clock import SystemClock
from bot.commands.new import SHOP, make_package
from bot.errors import SettingsError
from bot.settings import parse_settings
from bot.shop.platforms import make_platform
from bot.shop.plugins import make_plugin

ROOT = Path(__file__).parents[1]
EXAMPLE = "bot.starter_shop.exampleshop.platform:ExampleShop"
OPTIONS = {"api_base": "http://127.0.0.1:9", "token": "t", "secret": "s"}


def plugin(path: str, **options: Any) -> Any:
    return make_plugin(path, SystemClock(), "CNY", options or OPTIONS)


def test_the_written_package_passes_its_own_test(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", "shop", "parcel_mart", "--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=tmp_path / "parcel_mart", env=environment, capture_output=True, text=True,
                            timeout=120, check=False)  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout


def test_nothing_of_the_examples_name_is_left_in_the_package(tmp_path: Path) -> None:
    made = make_package(tmp_path, "parcel_mart", SHOP)
    files = [file for file in made.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"pyproject.toml", "README.md", "platform.py", "wire.py", "order.json"}
    left = [file for file in files if "example" in file.read_text("utf-8").lower().replace("api.example", "")]
    assert left == []
    assert not any("example" in part for file in files for part in file.relative_to(tmp_path).parts)


async def test_the_section_that_the_readme_gives_makes_the_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_package(tmp_path, "loaded_mart", SHOP)  # a name of its own: it stays loaded
    section = (made / "README.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    written = tomllib.loads(section)
    written["shop"]["name"] = {"zh": "店", "en": "shop"}
    monkeypatch.syspath_prepend(str(made))
    for name in ("LOADED_MART_TOKEN", "LOADED_MART_SECRET"):
        monkeypatch.setenv(name, "x")
    platform = make_platform(parse_settings(written, "shop.toml"), tmp_path, SystemClock())
    assert platform is not None
    assert platform.name == "loaded_mart"
    await platform.close()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("exampleshop", "package.module:Class"),
        (":Class", "package.module:Class"),
        ("no_such_package.platform:Shop", "No module named"),
        ("pathlib:NoSuchClass", "no class NoSuchClass"),
        ("pathlib:os", "no class os"),
        ("pathlib:Path", "no changes, order, hook"),
    ],
)
def test_a_path_that_leads_to_no_adapter_is_told(path: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        plugin(path)


def test_options_that_an_adapter_does_not_take_are_told_by_name_and_a_secret_never() -> None:
    with pytest.raises(SettingsError, match="colour") as told:
        plugin(EXAMPLE, **{**OPTIONS, "secret": "hush-hush"}, colour="red")
    assert "hush-hush" not in str(told.value)


def test_an_adapter_with_an_empty_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs `token`"):
        plugin(EXAMPLE, **(OPTIONS | {"token": ""}))
