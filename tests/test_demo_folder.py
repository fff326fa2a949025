"""The folder of the demo: what its operator changed there is still there at the next start."""

from __future__ import annotations

from pathlib import Path

from bot.demo.run import begin_anew, make_folder
from bot.demo.shop import demo_toml
from bot.settings import Settings, load_settings


def started(folder: Path, port: int) -> Settings:
    make_folder(folder, port)
    begin_anew(folder, port)
    return load_settings(folder, {})


def test_an_edit_of_the_settings_is_kept_at_the_next_start_and_the_demo_moves_to_its_port(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    started(folder, 8080)
    toml = folder / "shop.toml"
    edited = toml.read_text("utf-8").replace('en = "Qinghe"', 'en = "Lotus"')
    mail = '\n[codes]\nsmtp_host = "127.0.0.1"\nsmtp_port = 2525\nsender = "shop@lotus.example"\n'
    toml.write_text(f"{edited}{mail}\n[policy]\nreturn_days = 10\n", encoding="utf-8")
    settings = started(folder, 8090)
    assert settings.shop.name["en"] == "Lotus"
    assert settings.policy.return_days == 10
    assert settings.server.port == 8090
    told = toml.read_text("utf-8")
    assert told == (edited + mail + "\n[policy]\nreturn_days = 10\n").replace("8080", "8090")
    assert "127.0.0.1:8090/twin/wecom" in told


def test_a_demo_that_nobody_edited_starts_with_its_own_settings_and_an_empty_database(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    started(folder, 8080)
    database = folder / "data" / "zhanggui.db"
    database.write_bytes(b"of yesterday")
    started(folder, 8081)
    assert (folder / "shop.toml").read_text("utf-8") == demo_toml(8081)
    assert not database.exists()
