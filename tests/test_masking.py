"""What is kept or logged tells nobody who someone is."""

import io
import time
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import configure_logs, without_people
from bot.masking import masked

LINES = (Path(__file__).parent / "entities" / "masks.txt").read_text("utf-8").splitlines()
ROWS = [line.split(" =>") for line in LINES if not line.startswith("#")]
CASES = [(text, [part.strip() for part in parts.split(", ") if part.strip()]) for text, parts in ROWS]


@pytest.mark.parametrize(("text", "secrets"), [case for case in CASES if case[1]])
def test_what_tells_who_someone_is_is_masked(text: str, secrets: list[str]) -> None:
    assert not [secret for secret in secrets if secret.casefold() in masked(text).casefold()], masked(text)


@pytest.mark.parametrize("text", [text for text, secrets in CASES if not secrets])
def test_what_tells_nothing_stays_readable(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("我电话13812345678", "我电话*******5678"),
        ("QH2611200086", "QH******0086"),
        ("bob@example.com", "b**@example.com"),
        ("a@example.com", "*@example.com"),
        ("11010519491231002X", "******************"),
        ("浙江省杭州市西湖区文三路100号", "浙江省杭州市**********"),
    ],
)
def test_what_is_left_is_enough_to_help(text: str, kept: str) -> None:
    assert masked(text) == kept


@given(st.text(max_size=80))
def test_masking_keeps_the_length_and_adds_nothing(text: str) -> None:
    again = masked(text)
    assert len(again) == len(text)
    assert all(new in ("*", old) for new, old in zip(again, text, strict=True))
    assert masked(again) == again


@pytest.mark.parametrize("piece", ["1", "a", "市", "路1号", "1 high street ", "a@", "+1 ", "西湖区"])
def test_masking_ten_thousand_characters_takes_less_than_half_a_second(piece: str) -> None:
    started = time.process_time()
    masked((piece * 10_000)[:10_000])
    assert time.process_time() - started < 0.5


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_traceback_that_repeats_a_message_is_masked_on_a_terminal_too(
    kind: type[io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = kind()
    monkeypatch.setattr("sys.stderr", out)
    configure_logs()
    try:
        raise ValueError("寄到文三路100号 13812345678")
    except ValueError:
        structlog.get_logger().exception("failed")
    finally:
        structlog.reset_defaults()
    assert "ValueError" in out.getvalue()
    assert "文三路" not in out.getvalue()
    assert "1381234" not in out.getvalue()


def test_an_error_that_repeats_a_message_is_masked_in_the_log() -> None:
    out = io.StringIO()
    render = structlog.processors.JSONRenderer(ensure_ascii=False)
    log = structlog.wrap_logger(structlog.PrintLogger(out), processors=[without_people, render])
    log.info("failed", exception="ValueError: 寄到文三路100号 13812345678", chat="telegram:1234567890")
    assert "文三路" not in out.getvalue()
    assert "1381234" not in out.getvalue()
    assert "telegram:1234567890" in out.getvalue()
