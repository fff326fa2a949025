"""shop.toml: right keys are read, wrong ones are named with the nearest right one, secrets are never shown."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.sections import Secret
from bot.settings import Settings, load_settings
from bot.starter import SHOP_TOML, make_shop

SHOP = '[shop]\nname = { zh = "青禾", en = "Qinghe" }\n'
TELEGRAM = SHOP + "[channels.telegram.shopbot]\n"
WECHAT = SHOP + '[channels.wechat.gh_1]\napp_id = "wx1"\napp_secret = {env = "A"}\ntoken = {env = "T"}\n'
WECHAT_KEY = 'aes_key = {env = "K"}\n'
SECRET = "1234567:AAF-very-secret"


def read(folder: Path, toml: str | bytes, **environment: str) -> Settings:
    (folder / "shop.toml").write_bytes(toml if isinstance(toml, bytes) else toml.encode())
    return load_settings(folder, environment)


def refusal(folder: Path, toml: str | bytes, **environment: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, toml, **environment)
    said = str(caught.value)
    assert "\n" not in said
    assert str(folder / "shop.toml") in said
    return said


def test_what_init_writes_is_right_as_it_stands(tmp_path: Path) -> None:
    found = read(tmp_path, SHOP_TOML)
    assert found.shop.opens == time(9)
    assert list(found.channels.web) == ["shop"]
    assert found.policy.return_days == 7


def test_what_init_shows_as_examples_is_right_too(tmp_path: Path) -> None:
    examples = "\n".join(
        line.removeprefix("# ") if line.startswith(("# [", "# token", "# mode", "# app", "# aes", "# public")) else line
        for line in SHOP_TOML.splitlines()
    )
    found = read(tmp_path, examples)
    assert list(found.channels.telegram) == ["shopbot"]
    assert list(found.channels.wechat) == ["gh_1"]
    assert found.channels.wechat["gh_1"].aes_key == Secret(env="WECHAT_AES_KEY")
    assert found.channels.wechat["gh_1"].kind == "verified_service"


def test_a_wechat_test_account_needs_no_key(tmp_path: Path) -> None:
    channel = read(tmp_path, WECHAT + 'kind = "test"\n').channels.wechat["gh_1"]
    assert (channel.aes_key, channel.kind) == (None, "test")


# fmt: off
# what is written, the key that is named, the words of the way out
WRONG = {
    "a section": (SHOP + "[polcy]\nreturn_days = 9\n", "`polcy`", "`policy`"),
    "a key": (SHOP + "[policy]\nreturn_day = 9\n", "`policy.return_day`", "`return_days`"),
    "a kind of channel": (SHOP + "[channels.telegrm.x]\n", "`channels.telegrm`", "`telegram`"),
    "a key of a channel": (TELEGRAM + 'token = {env = "T"}\nmod = "polling"\n', "`channels.telegram.shopbot.mod`", "`mode`"),
    "a key of a secret": (TELEGRAM + 'token = {enf = "T"}\n', "`channels.telegram.shopbot.token.enf`", "`env`"),
    "a channel named like a key": (SHOP + "[channels.web.origins]\norigin = []\n", "`channels.web.origins.origin`", "`origins`"),
    "no name": ("[shop]\n", "`shop.name` is missing", "Add it"),
    "no shop": ("", "`shop` is missing", "Add it"),
    "no token": (TELEGRAM, "`channels.telegram.shopbot.token` is missing", "Add it"),
    "another language": ('[shop]\nname = { de = "Q" }\n', "`shop.name", "use zh and en"),
    "a text for a number": (SHOP + '[policy]\nreturn_days = "many"\n', "`policy.return_days` = 'many'", "integer"),
    "a number below zero": (SHOP + "[policy]\nreturn_days = -1\n", "`policy.return_days` = -1", "greater than or equal to 0"),
    "a number for a text": ("[shop]\nname = 3\n", "`shop.name` = 3", "dictionary"),
    "a port that is none": (SHOP + "[server]\nport = 70000\n", "`server.port` = 70000", "65535"),
    "an hour that is a number": (SHOP + "opens = 9\n", "`shop.opens` = 9", "write 09:00:00"),
    "an hour that is none": (SHOP + 'closes = "late"\n', "`shop.closes` = 'late'", "time"),
    "a quiet hour that is a number": (SHOP + "[policy]\nquiet_from = 21\n", "`policy.quiet_from` = 21", "write 21:00:00"),
    "a time zone": (SHOP + 'time_zone = "Asia/Shangai"\n', "`shop.time_zone`", "did you mean 'Asia/Shanghai'?"),
    "a time zone that is a path": (SHOP + 'time_zone = "../../etc/passwd"\n', "`shop.time_zone`", "did you mean"),
    "a mode": (TELEGRAM + 'token = {env = "T"}\nmode = "poling"\n', "`channels.telegram.shopbot.mode`", "'polling' or 'webhook'"),
    "no key of an account": (WECHAT, "`channels.wechat.gh_1.kind` = 'verified_service'", "`aes_key` is missing; add it"),
    "a key where none is": (WECHAT + WECHAT_KEY + 'kind = "test"\n', "`channels.wechat.gh_1.kind` = 'test'", "remove one"),
    "a section that is a text": (SHOP + "server = 3\n", "`shop.server`", "Did you mean"),
}
# fmt: on


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_named_with_the_way_out(tmp_path: Path, kind: str) -> None:
    toml, key, fix = WRONG[kind]
    said = refusal(tmp_path, toml)
    assert key in said
    assert fix in said


def test_broken_toml_tells_the_line(tmp_path: Path) -> None:
    assert "is not TOML" in refusal(tmp_path, SHOP + "[policy\n")
    assert "line 3" in refusal(tmp_path, SHOP + "[policy\n")


def test_a_file_in_another_encoding_is_refused_and_says_so(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path, SHOP.encode("gb18030"))


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode())
    assert found.shop.name["zh"] == "青禾"


def test_a_folder_without_shop_toml_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"does not exist.*zhanggui init"):
        load_settings(tmp_path, {})


def test_a_file_in_the_place_of_the_folder_and_a_folder_in_the_place_of_the_file_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path / "file", {})
    (tmp_path / "shop.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path, {})


def test_variables_override_single_keys(tmp_path: Path) -> None:
    environment = {
        "ZHANGGUI_SERVER__PORT": "9000",
        "ZHANGGUI_SHOP__OPENS": "10:30",
        "ZHANGGUI_CHANNELS__TELEGRAM__SHOPBOT__MODE": "webhook",
        "ZHANGGUI_DIR": "/elsewhere",
        "OTHER__PORT": "1",
    }
    found = read(tmp_path, TELEGRAM + 'token = {env = "T"}\n', **environment)
    assert (found.server.port, found.shop.opens) == (9000, time(10, 30))
    assert found.channels.telegram["shopbot"].mode == "webhook"


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    said = refusal(tmp_path, SHOP, ZHANGGUI_SERVER__PORT="many")
    assert "ZHANGGUI_SERVER__PORT" in said
    assert "`server.port` = 'many'" in said
    assert "`port`" in refusal(tmp_path, SHOP, ZHANGGUI_SERVER__PROT="1")


def test_a_variable_below_a_key_that_is_no_section_does_not_hide_the_fault_of_the_file(tmp_path: Path) -> None:
    assert "`server`" in refusal(tmp_path, "server = 3\n" + SHOP, ZHANGGUI_SERVER__PORT="1")


def test_a_secret_comes_from_a_variable_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", f" {SECRET}\n")
    assert Secret(env="SHOP_TOKEN").read(tmp_path, "x") == SECRET
    (tmp_path / "token").write_bytes(b"\xef\xbb\xbf" + SECRET.encode() + b"\r\n")
    assert Secret(file=Path("token")).read(tmp_path, "x") == SECRET


@pytest.mark.parametrize(
    ("secret", "names"),
    [
        (Secret(env="SHOP_TOKEN_NOT_SET"), "export SHOP_TOKEN_NOT_SET="),
        (Secret(file=Path("data/none")), "data/none is missing or empty: write"),
        (Secret(file=Path("empty")), "empty is missing or empty: write"),
        (Secret(file=Path()), "is missing or empty"),
        (Secret(), 'env = "NAME"'),
    ],
)
def test_a_missing_secret_names_the_key_and_the_place(tmp_path: Path, secret: Secret, names: str) -> None:
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(SettingsError) as caught:
        secret.read(tmp_path, "channels.telegram.shopbot.token")
    assert "shop.toml: channels.telegram.shopbot.token" in str(caught.value)
    assert names in str(caught.value)


def test_a_secret_file_of_odd_bytes_is_told_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(SettingsError) as caught:
        Secret(file=Path("token")).read(tmp_path, "x")
    assert "cannot be read" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "value", [f'token = "{SECRET}"', f'token = ["{SECRET}"]', f'token = {{ env = ["{SECRET}"] }}', f'token = {{ value = "{SECRET}" }}',
              f'token = {{env = "T"}}\nwebhook_secret = "{SECRET}"']
)  # fmt: skip
def test_a_secret_written_into_shop_toml_is_refused_and_not_repeated(tmp_path: Path, value: str) -> None:
    said = refusal(tmp_path, TELEGRAM + value + "\n")
    assert SECRET not in said
    assert "channels.telegram.shopbot." in said


def test_a_secret_in_the_wrong_variable_is_not_repeated(tmp_path: Path) -> None:
    name = "ZHANGGUI_CHANNELS__TELEGRAM__SHOPBOT__TOKEN"
    said = refusal(tmp_path, TELEGRAM, **{name: SECRET})
    assert name in said
    assert SECRET not in said


def test_settings_never_hold_or_show_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", SECRET)
    found = read(tmp_path, TELEGRAM + 'token = {env = "SHOP_TOKEN"}\n')
    token = found.channels.telegram["shopbot"].token
    assert token.read(tmp_path, "x") == SECRET
    assert SECRET not in f"{found!r} {found} {found.model_dump()} {token!r}"


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    found = read(tmp_path, SHOP)
    with pytest.raises(ValueError, match="frozen"):
        found.server.port = 1


# --- the folder that init makes ------------------------------------------------------------------------------------
def test_init_makes_secrets_that_only_the_owner_reads_and_that_differ(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_shop(tmp_path / name, SHOP_TOML)
    files = [tmp_path / shop / "data" / name for shop in ("one", "two") for name in ("secret", "api-key")]
    assert len({file.read_text() for file in files}) == 4
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    found = load_settings(tmp_path / "one", {})
    assert len(found.server.secret.read(tmp_path / "one", "server.secret")) >= 40


@pytest.mark.parametrize("part", ["shop.toml", "knowledge/zh/x.md", "data/secret"])
def test_init_touches_nothing_in_a_folder_that_holds_a_part_of_a_shop(tmp_path: Path, part: str) -> None:
    path = tmp_path / part
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(SettingsError, match="already"):
        make_shop(tmp_path, SHOP_TOML)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]
    assert path.read_text() == "mine"


def test_init_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"cannot be written: \w+"):
        make_shop(tmp_path / "file", SHOP_TOML)
