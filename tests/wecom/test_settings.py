"""shop.toml makes the connectors of WeCom."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.channels import make_connectors, staff_robots
from bot.errors import SettingsError
from bot.settings import Settings, parse_settings
from tests.conftest import StandingClock

KF = {
    "corp_id": "ww1",
    "secret": {"file": "secret"},
    "open_kfid": "wk1",
    "token": {"file": "token"},
    "aes_key": {"file": "key"},
}
WECOM = {"corp_id": "ww1", "secret": {"file": "secret"}, "robot": {"file": "token"}}
CLOCK = StandingClock(datetime(2026, 11, 23, tzinfo=UTC))


def settings(**channels: Any) -> Settings:
    return parse_settings({"shop": {"name": {"zh": "清河"}}, "channels": channels}, "shop.toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "token").write_text("t0ken")
    (tmp_path / "key").write_text("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
    return tmp_path


async def test_the_channels_are_made(folder: Path) -> None:
    asked = settings(kf={"shop": KF}, wecom={"staff": WECOM})
    connectors = make_connectors(asked, folder, CLOCK, lambda: "id", transcript=None)  # type: ignore[arg-type]
    assert [connector.channel for connector in connectors] == ["kf:shop", "wecom:staff"]
    robots = staff_robots(asked, folder, CLOCK)
    assert len(robots) == 1
    for connector in connectors:
        await connector.stop()
    await robots[0].stop()


def test_a_missing_secret_is_named(folder: Path) -> None:
    (folder / "secret").unlink()
    with pytest.raises(SettingsError, match=r"channels\.kf\.shop\.secret"):
        make_connectors(settings(kf={"shop": KF}), folder, CLOCK, lambda: "id", transcript=None)  # type: ignore[arg-type]


def test_a_company_without_a_robot_has_none(folder: Path) -> None:
    without = {name: value for name, value in WECOM.items() if name != "robot"}
    assert staff_robots(settings(wecom={"staff": without}), folder, CLOCK) == []
