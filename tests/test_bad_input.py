"""Whatever is typed: each kind of odd message has its stated answer, nothing breaks, nothing is answered at random."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from bot.ask import Answer, ask
from bot.brain import Brain, read_mind
from bot.cli import app
from bot.demo.shop import demo_settings
from bot.skills.turn import State
from bot.starter import starter_folder
from bot.understanding.readable import LONGEST, readable, whole

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
FEE = {"zh": "运费多少", "en": "how much is shipping"}
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@cache
def brain() -> Brain:
    return Brain(starter_folder(), demo_settings(), read_mind(starter_folder(), demo_settings()))


def asked(text: str, language: str | None = None) -> Answer:
    return ask(brain(), demo_settings(), text, language, State(), NOON)[0]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "text", ["", "   ", "\n\t", "\u200b\u200d\ufeff", "\x00\x1b", "\ud83d", "🐙", "🌈🦄👍🏽", "，。", "……", "👨‍👩‍👧"]
)
@LANGUAGES
def test_what_has_no_words_is_asked_for_in_words(text: str, language: str) -> None:
    answer = asked(text, language)
    assert (answer.decision, [source["id"] for source in answer.sources]) == ("clarify", ["dialogue.no_words"])


@pytest.mark.parametrize(
    "text",
    [
        "zxcv qwer asdf",
        "qqqqqqqqqqqq" * 20,
        "x" * 10_000,
        "lorem ipsum dolor " * 500,
        "乂" * 10_000,
        "龘靐齉爩" * 2500,
        "blah " * 2000,
    ],
)
def test_gibberish_is_not_understood(text: str) -> None:
    assert asked(text).decision == "clarify"
    assert asked(text).entry is None


@LANGUAGES
def test_signs_that_nobody_sees_change_nothing(language: str) -> None:
    fee = FEE[language]
    plain = asked(fee)
    for odd in (
        "\u200b".join(fee),
        f"\u202e{fee}\u202c",
        f"\ufeff{fee}\x00",
        f"{fee[:4]}\u00ad{fee[4:]}\x07",
        f"\ud800{fee}\udfff",
        f"\u2067{fee}\u2069",
    ):
        answer = asked(odd)
        assert (answer.decision, answer.entry, answer.answer) == ("answer", "shipping-fee", plain.answer), repr(odd)


def test_arabic_beside_a_question_does_not_hide_it() -> None:
    assert asked("مرحبا how much is shipping").entry == "shipping-fee"
    assert asked("שלום").decision == "clarify"


@pytest.mark.parametrize("text", ["哈" * 100, "h" + "a" * 99, "?" * 100, "？" * 100, "!" * 100, "1" * 100, "啊" * 100])
def test_a_hundred_times_the_same_sign_starts_nothing(text: str) -> None:
    answer = asked(text)
    assert answer.decision in ("clarify", "smalltalk")
    assert answer.entry is None or answer.decision == "smalltalk"


@pytest.mark.parametrize(
    ("language", "filler"),
    [("zh", "今天天气真不错我和朋友去公园走了走。"), ("en", "we went for a walk in the park today. ")],
)
def test_a_long_text_is_read_by_its_beginning_and_its_end(language: str, filler: str) -> None:
    text = f"{filler * 10_000}{FEE[language]}"
    read = readable(text)
    assert len(read) <= LONGEST
    assert read.startswith(filler.strip())
    assert read.endswith(FEE[language])
    assert asked(text).decision in ("clarify", "answer")


def test_ten_thousand_characters_take_no_longer_than_a_thousand() -> None:
    def took_s(text: str) -> float:
        started = time.process_time()
        asked(text)
        return time.process_time() - started

    words = "is the blue dress in stock and what is the price of it please "
    took_s(words)
    assert min(took_s(words * 160) for _ in range(5)) < 2 * min(took_s(words * 16) for _ in range(5)) + 0.05


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_has_an_answer_in_words_with_a_source(text: str) -> None:
    answer = asked(text)
    assert answer.answer
    assert answer.sources
    assert answer.why
    assert json.dumps(answer.text, ensure_ascii=False).encode()


@given(st.text(st.characters(), max_size=2000))
def test_what_is_readable_stays_so(text: str) -> None:
    once = readable(text)
    assert len(once) <= LONGEST
    assert readable(once) == once
    assert whole(once) == once


# --- files of questions ----------------------------------------------------------------------------------------------
def test_ask_takes_a_megabyte() -> None:
    result = run("ask", "长" * 350_000, "--json")
    assert (result.exit_code, json.loads(result.stdout)["decision"]) == (0, "clarify")


def test_ask_prints_half_characters_as_whole_ones() -> None:
    result = run("ask", "运费多少\udce4", "--json")
    assert (json.loads(result.stdout)["text"], json.loads(result.stdout)["entry"]) == ("运费多少\ufffd", "shipping-fee")


def test_a_line_that_is_no_utf8_is_told_with_its_number_after_the_answers_before_it(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_bytes(b"how much is shipping\n" * 300 + "运费".encode("gbk"))
    result = run("ask", "--file", file, "--json")
    assert result.exit_code != 0
    assert "line 301 " in str(result.exception)
    assert len(result.stdout.splitlines()) == 300


def test_a_line_without_end_is_one_question(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("x" * 2_500_000 + "\nhow much is shipping\n", encoding="utf-8")
    answers = [json.loads(line) for line in run("ask", "--file", file, "--json").stdout.splitlines()]
    assert [answer["entry"] for answer in answers] == [None, "shipping-fee"]


def a_long_file(folder: Path, lines: int) -> Path:
    file = folder / "questions.txt"
    file.write_text(f"{FEE['en']}\n" * lines, encoding="utf-8")
    return file


def asking(file: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bot", "ask", "--file", str(file), "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


@pytest.mark.acceptance
def test_a_hundred_thousand_lines_are_answered_as_they_are_read_and_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    with asking(a_long_file(tmp_path, 100_000)) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        at_first_kb = resident_kb(process.pid)
        others = [process.stdout.readline() for _ in range(500)]
        at_last_kb = resident_kb(process.pid)
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert first["entry"] == "shipping-fee"
    assert all(json.loads(line) == first for line in others)
    assert at_last_kb - at_first_kb < 10_000
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "Stopped after" in errors
    assert all(json.loads(line) for line in rest.splitlines())


def resident_kb(pid: int) -> int:
    if not Path("/proc").is_dir():
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_chat_shows_its_reasons_when_asked_to() -> None:
    result = CliRunner().invoke(app, ["chat", "--why"], input="运费多少\n香港呢\n")
    assert "answer · shipping-hk-macau-taiwan" in result.stderr
    assert "read as the end of the message before it" in result.stderr
    assert "·" not in CliRunner().invoke(app, ["chat"], input="运费多少\n").stderr
