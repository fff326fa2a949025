"""The engine `rasa` against a real small server on loopback: what it says is used, whatever it does wrong is survived."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from bot.errors import SettingsError
from bot.rasa.connect import check_url, connected
from bot.rasa.ranker import BOUNDS, REST_S, RasaRanker, margin_of
from bot.rasa.server import Server
from bot.settings import Understanding
from bot.understanding.engine import Catalogue
from bot.understanding.engine import Engine as Understands
from bot.understanding.ranker import MARGINS, Builtin, Ranking
from bot.understanding.training import train

TEXTS = ["where is my parcel", "track my order", "send it back", "i want a refund", "hello there", "good morning"]
LABELS = ["order", "order", "returns-days", "returns-days", "greet", "greet"]
TOKEN = "t0ken"
TIMEOUT_S = 0.3


def parsed(**intents: float) -> dict[str, Any]:
    ranking = [{"name": name, "confidence": score} for name, score in intents.items()]
    share = [("faq/returns-days", 0.75), ("faq/returns-late", 0.25)]
    selected = {"ranking": [{"intent_response_key": key, "confidence": score} for key, score in share]}
    return {"intent_ranking": ranking, "response_selector": {"all_retrieval_intents": ["faq"], "faq": selected}}


GOOD = parsed(faq=0.8, greet=0.15, nlu_fallback=0.05)


@dataclass
class Fake:
    """A server that says `body` with `status`, or does what `act` does first."""

    body: bytes = json.dumps(GOOD).encode()
    status: int = 200
    wait_s: float = 0
    asked: list[tuple[str, Any]] = field(default_factory=list)
    url: str = ""


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is what some tests are about."""


@pytest.fixture
def fake() -> Iterator[Fake]:
    state = Fake()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append((self.path, json.loads(body)))
            time.sleep(state.wait_s)
            try:
                self.send_response(state.status)
                self.send_header("Content-Length", str(len(state.body)))
                self.end_headers()
                self.wfile.write(state.body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def builtin() -> Builtin:
    return Builtin({"en": train(TEXTS, LABELS), "zh": train(TEXTS, LABELS)})


@dataclass
class Engine:
    """The engine with a clock that moves only when told."""

    ranker: RasaRanker
    at_s: float = 1000.0

    def rank(self, text: str = "can i return it", language: str = "en") -> Ranking:
        return self.ranker.rank(text, language)


@pytest.fixture
def engine(fake: Fake, builtin: Builtin) -> Iterator[Engine]:
    structlog.reset_defaults()
    server = Server(fake.url, TOKEN, TIMEOUT_S)
    made = Engine(RasaRanker(builtin, {"en": server}, {"en": frozenset(LABELS)}))
    made.ranker.monotonic = lambda: made.at_s
    yield made
    server.close()


def used_rasa(ranking: Ranking) -> bool:
    return ranking.bounds == BOUNDS and ranking.why[0].startswith("engine rasa, ")


def used_builtin(ranking: Ranking, builtin: Builtin, why: str) -> bool:
    expected = builtin.rank("can i return it", "en")
    return ranking.labels == expected.labels and ranking.bounds == expected.bounds and why in ranking.why[0]


def test_intents_and_entries_come_on_one_scale(engine: Engine, fake: Fake) -> None:
    ranking = engine.rank()
    assert used_rasa(ranking)
    assert [label for label, _ in ranking.labels] == ["returns-days", "greet"]
    assert [score for _, score in ranking.labels] == pytest.approx([margin_of(0.6), margin_of(0.15)])
    assert ranking.why == ("engine rasa, returns-days with a confidence of 0.60",)
    assert fake.asked == [(f"/model/parse?token={TOKEN}", {"text": "can i return it"})]


def test_a_confidence_is_told_as_the_margin_that_means_the_same() -> None:
    margins = [margin_of(percent / 100) for percent in range(101)]
    assert margins == sorted(set(margins)), "the order of labels stays"
    assert (margins[0], margins[15], margins[85], margins[95], margins[100]) == pytest.approx(
        (-1, MARGINS.ask, MARGINS.act, MARGINS.sure, 1)
    )
    assert margin_of(1.0001) == 1


def test_what_rasa_says_is_acted_on_asked_about_or_beyond_doubt_by_the_rules_of_all_engines(
    engine: Engine, fake: Fake
) -> None:
    catalogue = Catalogue()
    fake.body = json.dumps(parsed(order=0.99, greet=0.01)).encode()
    understood = Understands(engine.ranker).understand("hello there, where is my parcel", "en", catalogue)
    assert (understood.best, understood.is_sure) == ("order", True)
    fake.body = json.dumps(parsed(order=0.9, greet=0.1)).encode()
    understood = Understands(engine.ranker).understand("where is my parcel", "en", catalogue)
    assert (understood.best, understood.is_sure) == ("order", False)
    fake.body = json.dumps(parsed(order=0.5, greet=0.4)).encode()
    understood = Understands(engine.ranker).understand("where is my parcel", "en", catalogue)
    assert (understood.best, understood.possible) == ("", ("order", "greet"))


def test_a_language_without_a_server_is_ranked_by_builtin(engine: Engine, builtin: Builtin, fake: Fake) -> None:
    assert engine.rank(language="zh").labels == builtin.rank("can i return it", "zh").labels
    assert fake.asked == []


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"{}", 200, "no list `intent_ranking`"),
        (b"[]", 200, "no list `intent_ranking`"),
        (b"null", 200, "no list `intent_ranking`"),
        (b"", 200, "no JSON"),
        (b"<html>", 200, "no JSON"),
        (b"\xff\xfe", 200, "no JSON"),
        (b" " * 2_000_000, 200, "too long"),
        (b'{"status": "failure"}', 500, "answered 500"),
        (b'{"status": "failure"}', 401, "answered 401"),
        (b'{"intent_ranking": []}', 200, "names no intent"),
        (b'{"intent_ranking": [{"name": "greet", "confidence": "high"}]}', 200, "no `name` or `confidence`"),
        (b'{"intent_ranking": [{"name": 7, "confidence": 1}]}', 200, "no `name` or `confidence`"),
        (b'{"intent_ranking": [{"name": "greet", "confidence": 7}]}', 200, "7 is no confidence"),
        (b'{"intent_ranking": [{"name": "greet", "confidence": -1}]}', 200, "-1 is no confidence"),
        (b'{"intent_ranking": [{"name": "greet", "confidence": NaN}]}', 200, "no JSON"),
        (b'{"intent_ranking": ["greet"]}', 200, "no `name` or `confidence`"),
        (b'{"intent_ranking": [{"name": "faq", "confidence": 1}]}', 200, "no list `response_selector.faq.ranking`"),
        (b'{"intent_ranking": [{"name": "of_another_shop", "confidence": 1}]}', 200, "train it anew"),
    ],
)
def test_nonsense_and_errors_are_answered_by_builtin(
    engine: Engine, builtin: Builtin, fake: Fake, body: bytes, status: int, why: str
) -> None:
    fake.body, fake.status = body, status
    assert used_builtin(engine.rank(), builtin, why)


def test_a_slow_answer_costs_no_more_than_the_timeout(engine: Engine, builtin: Builtin, fake: Fake) -> None:
    fake.wait_s = 1.0
    started = time.monotonic()
    assert used_builtin(engine.rank(), builtin, "did not answer within 300 ms")
    assert time.monotonic() - started < 0.9


def test_a_server_that_is_gone_is_done_without(engine: Engine, builtin: Builtin, fake: Fake) -> None:
    engine.ranker.servers = {"en": Server("http://127.0.0.1:9", TOKEN, TIMEOUT_S)}
    assert used_builtin(engine.rank(), builtin, "cannot be reached")


def test_a_closed_server_is_done_without(engine: Engine, builtin: Builtin) -> None:
    engine.ranker.servers["en"].close()
    assert used_builtin(engine.rank(), builtin, "was closed")


def test_after_a_failure_it_is_left_alone_for_some_seconds(engine: Engine, builtin: Builtin, fake: Fake) -> None:
    fake.status = 500
    engine.rank()
    fake.status = 200
    engine.at_s += REST_S - 0.1
    assert used_builtin(engine.rank(), builtin, "failed a moment ago")
    assert len(fake.asked) == 1
    engine.at_s += 0.2
    assert used_rasa(engine.rank())
    assert used_rasa(engine.rank())
    assert len(fake.asked) == 3


def test_while_it_is_gone_one_of_many_callers_tries(engine: Engine, fake: Fake) -> None:
    fake.status = 500
    engine.rank()
    engine.at_s += REST_S + 0.1
    fake.wait_s = 0.2
    callers = [threading.Thread(target=engine.rank) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(fake.asked) == 2


def test_going_and_coming_back_are_each_logged_once(engine: Engine, fake: Fake) -> None:
    with capture_logs() as logs:
        fake.status = 500
        for _ in range(3):
            engine.rank()
            engine.at_s += REST_S + 0.1
        fake.status = 200
        for _ in range(3):
            engine.rank()
    assert [(line["event"], line["log_level"]) for line in logs] == [("rasa_gone", "warning"), ("rasa_back", "info")]
    assert TOKEN not in str(logs)
    assert "return" not in str(logs), "no message text"


@pytest.mark.parametrize("text", ["", "\ud800", "哈" * 10_000, "\x00", "😀" * 3000])
def test_any_text_can_be_asked(engine: Engine, fake: Fake, text: str) -> None:
    assert used_rasa(engine.rank(text))
    assert len(fake.asked[0][1]["text"]) <= 1000


def test_what_tells_who_a_customer_is_does_not_go_to_rasa(engine: Engine, fake: Fake) -> None:
    engine.rank("call me at 13812345678 or jane.doe@example.com")
    assert fake.asked[0][1]["text"] == "call me at *******5678 or j*******@example.com"


@pytest.mark.parametrize("url", ["http://rasa.example.com", "http://10.0.0.5:5005", "http://[::2]:80", "ftp://x", "x"])
def test_an_address_on_whose_way_others_could_read_is_refused(builtin: Builtin, tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match=r"rasa_url.*Write https://HOST"):
        connected(builtin, Understanding(engine="rasa", rasa_url={"en": url}), {}, tmp_path)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://[::1]:1", "http://127.0.0.2", "https://rasa.example.com"]
)
def test_an_encrypted_way_or_none_at_all_is_fine(url: str) -> None:
    check_url(url)


def test_it_is_put_together_from_settings(fake: Fake, builtin: Builtin, tmp_path: Path) -> None:
    settings = Understanding(engine="rasa", rasa_url={"en": f"{fake.url}/"})
    with pytest.raises(SettingsError, match="zhanggui rasa train"):
        connected(builtin, settings, {}, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rasa-token").write_text(f"{TOKEN}\n")
    ranker = connected(builtin, settings, {"en": (TEXTS, LABELS)}, tmp_path)
    assert used_rasa(ranker.rank("can i return it", "en"))
    assert TOKEN not in repr(ranker)
    for server in ranker.servers.values():
        server.close()


def test_a_shop_that_chose_it_answers_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bot.brain import read_mind
    from bot.demo.shop import demo_settings
    from bot.starter import starter_folder

    monkeypatch.setenv("RASA_TEST_TOKEN", TOKEN)
    chosen = {"engine": "rasa", "rasa_url": {"en": "http://127.0.0.1:9"}, "rasa_token": {"env": "RASA_TEST_TOKEN"}}
    settings = demo_settings().model_copy(update={"understanding": Understanding.model_validate(chosen)})
    mind = read_mind(starter_folder(), settings)
    meaning = mind.engine.understand("I want to return this", "en", Catalogue())
    assert meaning.best == "return_request"
    assert [line for line in meaning.why if line.startswith("engine builtin, as rasa: it cannot be reached")]
