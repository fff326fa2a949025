"""The command as a person or a script meets it: exit codes, one line for a known error, data on stdout."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.errors import Conflict, NotAllowed, NotFound, PortInUse, SettingsError
from bot.skills.dialogue import ENTRIES
from bot.starter import SHOP_TOML, make_shop, starter_folder
from handoff.people import check_password

ANSWER_KEYS = [
    *("text", "lang", "intent", "confidence", "decision", "entry"),
    *("skill", "choices", "answer", "sources", "why", "labels"),
]
"""What `ask --json` prints; scripts depend on it."""
DECISIONS = {"answer", "skill", "clarify", "handoff", "smalltalk"}
FEE = {
    "zh": ("运费多少钱", "包邮吗", "满{policy.free_shipping}包邮，否则{policy.shipping_fee}。"),
    "en": ("how much is postage", "is shipping free", "Free from {policy.free_shipping}, else {policy.shipping_fee}."),
}


def zhanggui(*arguments: str | Path, typed: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", *map(str, arguments)],
        input=typed.encode() if isinstance(typed, str) else typed,
        capture_output=True,
        timeout=120,
        check=False,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("ZHANGGUI_")}, **environment},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def run(*arguments: str | Path) -> Result:
    """Run the command in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    structlog.reset_defaults()  # `serve` makes the logs go to the runner's stderr, which is closed now
    return result


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A small shop, learnt in no time: what skills say of the starter, two intents and an entry in two languages."""
    folder = tmp_path / "shop"
    make_shop(folder, SHOP_TOML)
    for path in [*folder.glob("knowledge/**/*.*"), *folder.glob("intents/**/*.*")]:
        if path.name != "phrases.yml" and path.parent.name != "size-charts" and path.stem not in ENTRIES:
            path.unlink()
        elif path.suffix == ".md":  # what it leads on to is gone
            text = re.sub(r"^next: .*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            path.write_text(text, encoding="utf-8")
    for language, (one, two, answer) in FEE.items():
        entry = folder / "knowledge" / language / "shipping" / "shipping-fee.md"
        entry.write_text(f"---\nid: shipping-fee\nask:\n  - {one}\n  - {two}\n---\n{answer}\n", encoding="utf-8")
        for name in ("service", "returns"):
            shutil.copy(starter_folder() / "intents" / language / f"{name}.yml", folder / "intents" / language)
    return folder


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def free() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr of a command that could not be tried."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# --- init and check ------------------------------------------------------------------------------------------------
@pytest.mark.acceptance
def test_a_new_shop_passes_its_check_until_a_file_is_broken(tmp_path: Path) -> None:
    folder = tmp_path / "a shop [new]"
    made = zhanggui("init", folder)
    assert (made.returncode, made.stdout) == (0, "")
    assert f"Made {folder}." in made.stderr

    good = zhanggui("check", "--dir", folder)
    assert (good.returncode, good.stdout) == (0, "")
    assert "0 faults" in good.stderr

    entry = next(folder.glob("knowledge/zh/*/shipping-fee.md"))
    front, answer = entry.read_text(encoding="utf-8").rsplit("---\n", 1)
    text = f"{front}---\n{answer.replace('{policy.free_shipping}', '{policy.free_shiping}')}"
    entry.write_text(text, encoding="utf-8")
    line = next(n for n, said in enumerate(text.split("\n"), 1) if "free_shiping" in said)
    bad = zhanggui("check", "-C", folder)
    assert bad.returncode == 1
    assert bad.stdout.startswith(f"knowledge/zh/shipping/shipping-fee.md:{line}: ")
    assert "Did you mean `{policy.free_shipping}`?" in bad.stdout
    assert bad.stdout.count("\n") == 1
    assert "1 fault\n" in bad.stderr


def test_check_prints_faults_as_json(shop: Path) -> None:
    assert json.loads(run("check", "--dir", shop, "--json").stdout) == []
    (shop / "knowledge/en/shipping/shipping-fee.md").write_text("nothing")
    result = run("check", "--dir", shop, "--json")
    (fault,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (fault["file"], fault["line"]) == ("knowledge/en/shipping/shipping-fee.md", 1)
    assert set(fault) == {"file", "line", "problem", "fix"}


def test_a_second_init_of_the_same_folder_is_refused(shop: Path) -> None:
    assert isinstance(run("init", shop).exception, SettingsError)


# --- errors --------------------------------------------------------------------------------------------------------
@pytest.mark.acceptance
def test_a_missing_shop_is_one_line_and_a_traceback_only_if_it_is_wanted(tmp_path: Path) -> None:
    folder = tmp_path / "[red]none[/red]"
    said = one_line(zhanggui("check", "--dir", folder))
    assert f"{folder / 'shop.toml'} does not exist" in said
    assert f"zhanggui init {folder}" in said
    debugged = zhanggui("check", ZHANGGUI_DEBUG="1", ZHANGGUI_DIR=str(folder))
    assert debugged.returncode == 2
    assert "Traceback (most recent call last)" in debugged.stderr
    assert debugged.stderr.endswith(said)


@pytest.mark.acceptance
def test_a_port_that_is_taken_is_one_line(shop: Path, taken: int) -> None:
    said = one_line(zhanggui("serve", "--dir", shop, "--port", str(taken)))
    assert f"port {taken}" in said
    assert "--port" in said


@pytest.mark.parametrize("command", ["demo", "twin"])
def test_demo_and_twin_do_not_start_on_a_port_that_is_taken(tmp_path: Path, taken: int, command: str) -> None:
    more: list[str | Path] = ["--dir", tmp_path / "demo"] if command == "demo" else []
    assert isinstance(run(command, "--port", str(taken), *more).exception, PortInUse)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.acceptance
def test_a_database_of_a_newer_version_is_one_line_and_stays_as_it_is(shop: Path) -> None:
    with sqlite3.connect(shop / "data" / "zhanggui.db") as newer:
        newer.execute("create table alembic_version (version_num varchar(32) not null)")
        newer.execute("insert into alembic_version values ('9999')")
    newer.close()
    before = (shop / "data" / "zhanggui.db").read_bytes()
    said = one_line(zhanggui("db", "upgrade", "--dir", shop))
    assert "newer version" in said
    assert "9999" in said
    assert (shop / "data" / "zhanggui.db").read_bytes() == before


def test_serve_knows_one_role(shop: Path) -> None:
    result = run("serve", "--dir", shop, "--role", "wroker")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "wroker" in result.stderr
    assert "`all`" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["sevre"], ["ask", "hello", "--jsn"], ["check", "--dir"], ["serve", "--port", "many"]]
)
def test_a_mistyped_command_is_exit_2_and_nothing_on_stdout(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


# --- ask and chat --------------------------------------------------------------------------------------------------
@pytest.mark.acceptance
def test_ask_answers_a_file_of_questions_as_one_object_a_line(shop: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.txt"
    asked = ["运费多少钱", "how much is postage", "转人工", "i want to return my dress", "zxcv qwer"]
    questions.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(asked).encode())
    done = zhanggui("ask", "--file", questions, "--json", "--dir", shop, PYTHONIOENCODING="gbk")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [list(answer) for answer in answers] == [ANSWER_KEYS] * len(asked)
    assert [answer["text"] for answer in answers] == asked
    assert [answer["lang"] for answer in answers[:4]] == ["zh", "en", "zh", "en"]
    assert {answer["decision"] for answer in answers} <= DECISIONS
    fee_zh, fee_en, human, back, _ = answers
    assert (fee_zh["decision"], fee_zh["entry"], fee_zh["skill"]) == ("answer", "shipping-fee", None)
    assert fee_zh["answer"] == "满¥99包邮，否则¥10。"
    assert fee_en["answer"] == "Free from ¥99, else ¥10."
    (source,) = fee_en["sources"]
    assert source["id"] == "shipping-fee"
    assert len(source["version"]) == 8
    assert (human["decision"], human["intent"]) == ("handoff", "human")
    assert (back["decision"], back["skill"], back["intent"]) == ("skill", "returns", "return_request")
    assert all(isinstance(answer["confidence"], float) and answer["why"] for answer in answers)


def test_ask_takes_one_question_and_a_language(shop: Path) -> None:
    result = run("ask", "yunfei?", "--lang", "zh", "--json", "--dir", shop)
    answer = json.loads(result.stdout)
    assert (result.exit_code, list(answer), answer["lang"]) == (0, ANSWER_KEYS, "zh")


def test_ask_talks_on_stderr_and_answers_on_stdout(shop: Path) -> None:
    result = run("ask", "how much is postage", "--dir", shop)
    assert result.stdout == "Free from ¥99, else ¥10.\n"
    assert "answer · shipping-fee" in result.stderr


def test_ask_leaves_no_trace_in_the_shop(shop: Path) -> None:
    def traces() -> dict[Path, int]:
        learnt = shop / "data" / "models"  # kept from one start to the next
        others = (path for path in shop.rglob("*") if path != shop / "data" and not path.is_relative_to(learnt))
        return {path: path.stat().st_mtime_ns for path in others}

    before = traces()
    assert run("ask", "转人工", "--dir", shop).exit_code == 0
    assert traces() == before


@pytest.mark.parametrize(
    "arguments", [["ask"], ["ask", "hi", "--file", "x"], ["ask", "hi", "--lang", "de"], ["ask", "--file", "none"]]
)
def test_ask_wants_one_question_or_one_file_and_a_language_it_speaks(arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1


def test_each_question_of_a_file_is_shown_with_what_was_decided(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_text("is shipping free\n\nhuman please\n", encoding="utf-8")
    result = run("ask", "--file", tmp_path / "q.txt", "--dir", shop)
    first, second = result.stdout.strip().split("\n\n")
    assert first.split("\n") == ["is shipping free", "→ answer shipping-fee", "Free from ¥99, else ¥10."]
    assert second.split("\n")[:2] == ["human please", "→ handoff"]


def test_questions_in_another_encoding_are_refused_with_the_name_of_the_file(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "gbk.txt").write_bytes("运费多少钱".encode("gbk"))
    result = run("ask", "--file", tmp_path / "gbk.txt", "--dir", shop)
    assert "gbk.txt cannot be read" in str(result.exception)


def test_a_faulty_shop_is_not_asked_and_tells_the_line(shop: Path) -> None:
    (shop / "knowledge/en/shipping/shipping-fee.md").write_text("nothing")
    assert "shipping-fee.md:1: " in str(run("ask", "hi", "--dir", shop).exception)


@pytest.mark.acceptance
def test_chat_goes_on_over_several_lines_and_ends_with_the_input(shop: Path) -> None:
    done = zhanggui("chat", "--dir", shop, typed="how much is postage\n\n包邮吗\nhuman please")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == ["Free from ¥99, else ¥10.", "满¥99包邮，否则¥10。"]
    assert len(done.stdout.splitlines()) >= 3
    assert "Traceback" not in done.stderr


# --- agents, carts, sales, db, doctor ------------------------------------------------------------------------------
def test_agents_are_added_listed_and_disabled(shop: Path) -> None:
    added = run("agents", "add", "lin", "--name", "林 [red]", "--role", "lead", "--dir", shop)
    assert added.exit_code == 0, added.exception
    assert added.stdout.startswith("http://127.0.0.1:8080/console/login?token=")
    assert added.stdout.count("\n") == 1
    assert run("agents", "link", "lin", "--dir", shop).stdout.split("=")[1] != added.stdout.split("=")[1]
    assert run("agents", "add", "ming", "--dir", shop).exit_code == 0

    listed = run("agents", "list", "--json", "--dir", shop)
    rows = {row["login"]: row for row in json.loads(listed.stdout)}
    assert (rows["lin"]["name"], rows["lin"]["role"], rows["lin"]["disabled"]) == ("林 [red]", "lead", False)
    assert (rows["ming"]["name"], rows["ming"]["role"]) == ("ming", "agent")
    assert "林 [red]" in run("agents", "list", "--dir", shop).stdout

    assert run("agents", "disable", "lin", "--dir", shop).exit_code == 0
    rows = {row["login"]: row for row in json.loads(run("agents", "list", "--json", "--dir", shop).stdout)}
    assert {login: row["disabled"] for login, row in rows.items()} == {"lin": True, "ming": False}


@pytest.mark.acceptance
def test_a_password_is_read_from_one_line_lets_its_agent_in_and_ends_what_was_open(shop: Path) -> None:
    assert run("agents", "add", "lin", "--dir", shop).exit_code == 0
    short = zhanggui("agents", "password", "lin", "--dir", shop, typed="ninechars\n")
    assert "12 characters" in one_line(short)
    assert rows_of(shop, "select password_hash from agents") == [("",)]
    assert len(rows_of(shop, "select hash from logins")) == 1

    done = zhanggui("agents", "password", "lin", "--dir", shop, typed="a quiet morning\nnot this line\n")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    ((stored,),) = rows_of(shop, "select password_hash from agents")
    assert stored.startswith("$argon2id$")
    assert check_password(stored, "a quiet morning")
    assert rows_of(shop, "select hash from logins") == []
    assert isinstance(run("agents", "password", "nobody", "--dir", shop).exception, NotFound)


def rows_of(shop: Path, query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(shop / "data" / "zhanggui.db")) as database:
        return database.execute(query).fetchall()


def test_what_is_wrong_about_an_agent_is_told(shop: Path) -> None:
    assert isinstance(run("agents", "add", "lin", "--role", "boss", "--dir", shop).exception, NotAllowed)
    assert run("agents", "add", "lin", "--dir", shop).exit_code == 0
    assert isinstance(run("agents", "add", "lin", "--dir", shop).exception, Conflict)
    assert isinstance(run("agents", "disable", "nobody", "--dir", shop).exception, NotFound)
    assert isinstance(run("agents", "link", "nobody", "--dir", shop).exception, NotFound)


def test_lists_of_a_new_shop_are_empty_and_json_all_the_same(shop: Path) -> None:
    for name in ("agents", "carts", "sales"):
        assert json.loads(run(name, "list", "--json", "--dir", shop).stdout) == []
        empty = run(name, "list", "--dir", shop)
        assert (empty.exit_code, empty.stdout) == (0, "")


def test_a_sale_that_is_not_there_cannot_be_started(shop: Path) -> None:
    result = run("sales", "start", "none", "--dir", shop)
    assert isinstance(result.exception, (NotFound, Conflict))


def test_db_upgrade_makes_the_database_and_may_be_repeated(shop: Path) -> None:
    assert run("db", "upgrade", "--dir", shop).exit_code == 0
    made = (shop / "data" / "zhanggui.db").stat().st_size
    assert made > 0
    assert run("db", "upgrade", "--dir", shop).exit_code == 0


def test_doctor_says_ok_for_a_good_shop(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHANGGUI_SERVER__PORT", free())
    result = run("doctor", "--dir", shop)
    assert result.exit_code == 0, result.stdout
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["OK", part] for part in ("settings", "files", "database:", "channels", "staff", "hooks", "port")
    ]
    assert "`serve` will bring it up to date" in result.stdout
    assert not (shop / "data" / "zhanggui.db").exists(), "a check changes nothing"


def test_doctor_names_everything_that_fails_at_once(shop: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHANGGUI_SERVER__PORT", str(taken))
    monkeypatch.delenv("TELEGRAM_TOKEN", raising=False)
    with (shop / "shop.toml").open("a") as toml:
        toml.write('[channels.telegram.shopbot]\ntoken = { env = "TELEGRAM_TOKEN" }\n')
    (shop / "knowledge/en/shipping/shipping-fee.md").write_text("nothing")
    result = run("doctor", "--dir", shop)
    said = result.stdout
    assert result.exit_code == 1
    assert "OK   settings" in said
    assert "FAIL files: knowledge/en/shipping/shipping-fee.md:1: " in said
    assert "OK   database" in said
    assert "FAIL channels: shop.toml: channels.telegram.shopbot.token" in said
    assert "export TELEGRAM_TOKEN=" in said
    assert f"FAIL port: port {taken}" in said


def test_doctor_without_a_shop_cannot_be_tried(tmp_path: Path) -> None:
    assert isinstance(run("doctor", "--dir", tmp_path).exception, SettingsError)
