"""`zhanggui new connector NAME`, and the connectors of others that shop.toml names."""

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
from bot.commands.new import CONNECTOR, make_package
from bot.errors import SettingsError
from connectors.plugins import make_plugin

ROOT = Path(__file__).parents[1]
OPTIONS = {"secret": "s", "token": "t", "api_base": "http://127.0.0.1:9"}
EXAMPLE = "bot.starter_connector.examplechat.connector:ExampleChat"


def plugin(path: str, **options: Any) -> Any:
    return make_plugin(path, "other:one", SystemClock(), options or OPTIONS)


def test_the_written_package_passes_its_own_test(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["new", "connector", "parcel_desk", "--dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tested = subprocess.run(command, cwd=tmp_path / "parcel_desk", env=environment, capture_output=True, text=True,
                            timeout=120, check=False)  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout


def test_nothing_of_the_examples_name_is_left_in_the_package(tmp_path: Path) -> None:
    made = make_package(tmp_path, "parcel_desk", CONNECTOR)
    files = [file for file in made.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {
        "pyproject.toml",
        "README.md",
        "connector.py",
        "rights.toml",
        "message.json",
    }
    left = [file for file in files if "example" in file.read_text("utf-8").lower().replace("api.example", "")]
    assert left == []
    assert not any("example" in part for file in files for part in file.relative_to(tmp_path).parts)


def test_the_section_that_the_readme_gives_is_toml_and_names_the_class(tmp_path: Path) -> None:
    made = make_package(tmp_path, "parcel_desk", CONNECTOR)
    section = (made / "README.md").read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]
    written = tomllib.loads(section)["channels"]["other"]["parcel_desk"]
    module, _, name = written["connector"].partition(":")
    code = (made / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    assert f"class {name}:" in code
    assert {*written["options"], *written["secrets"]} == OPTIONS.keys()


@pytest.mark.parametrize("name", ["", "Parcel", "1st", "a-b", "a b", "../x", "class", "json", "bot", "x" * 41, "包裹"])
def test_a_name_that_no_package_can_have_or_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        make_package(tmp_path, name, CONNECTOR)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "parcel_desk").mkdir()
    (tmp_path / "parcel_desk" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingsError, match="exists already"):
        make_package(tmp_path, "parcel_desk", CONNECTOR)
    assert [file.name for file in (tmp_path / "parcel_desk").iterdir()] == ["mine.txt"]


def test_a_plugin_is_made_from_its_import_path() -> None:
    assert plugin(EXAMPLE).channel == "other:one"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("examplechat", "package.module:Class"),
        (":Class", "package.module:Class"),
        ("no_such_package.connector:Chat", "No module named"),
        ("..relative:Chat", "cannot be loaded"),
        ("pathlib:NoSuchClass", "no class NoSuchClass"),
        ("pathlib:os", "no class os"),
        ("pathlib:Path", "no routes, start, hold"),
    ],
)
def test_a_path_that_leads_to_no_connector_is_told_with_the_channel(path: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as told:
        plugin(path)
    assert "other:one" in str(told.value)


def test_options_that_a_plugin_does_not_take_are_told_by_name() -> None:
    with pytest.raises(SettingsError, match="colour"):
        plugin(EXAMPLE, **OPTIONS, colour="red")


def test_a_secret_never_stands_in_the_error_about_options() -> None:
    with pytest.raises(SettingsError) as told:
        plugin(EXAMPLE, secret="hush-hush")
    assert "hush-hush" not in str(told.value)


def test_a_plugin_with_an_empty_secret_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs `secret`"):
        plugin(EXAMPLE, **(OPTIONS | {"secret": ""}))
