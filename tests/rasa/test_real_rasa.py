"""Rasa 3.6 itself: installed in an environment of its own, trained on an exported shop, served and asked. Minutes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.knowledge.entries import Entry, Knowledge
from bot.rasa.environment import rasa_python
from bot.rasa.project import exported
from bot.rasa.ranker import BOUNDS, RasaRanker
from bot.rasa.running import Runner, free_port
from bot.rasa.scores import scores_of
from bot.rasa.server import Server, Unusable
from bot.understanding.engine import training_rows
from bot.understanding.ranker import Builtin
from bot.understanding.training import train
from tests import needs

TOKEN = "t0ken-of-the-test"
pytestmark = [
    pytest.mark.rasa,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(
        not (needs.IN_CI or os.environ.get("ZHANGGUI_TEST_RASA")),
        reason="takes minutes and installs 2.7 GB: set ZHANGGUI_TEST_RASA=1",
    ),
]


def entry(entry_id: str, answer: str, *ask: str, intents: tuple[str, ...] = ()) -> Entry:
    return Entry(entry_id, "en", f"knowledge/en/x/{entry_id}.md", ask, answer, intents=intents)


ENTRIES = [
    entry(
        "fee", "Shipping is {policy.shipping_fee}.", "what is the shipping fee", "how much is delivery", "postage cost"
    ),
    entry("pay", "By card.\n\nOr by bank.", "how can i pay", "which payment methods", "do you take [visa](card)"),
    entry("hello", "Hello!", "good evening", intents=("greeting",)),
]
INTENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "greeting": {"en": ("hello", "hi there", "good morning", "hey")},
    "order_status": {"en": ("where is my parcel", "track my order", "my order has not come")},
}
KNOWLEDGE = Knowledge({(e.id, e.language): e for e in ENTRIES}, intents=INTENTS)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """Rasa in an environment made for this test; only uv's cache of packages is the user's."""
    cache = subprocess.run(["uv", "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    with TemporaryDirectory(prefix="zhanggui-rasa-test-", ignore_cleanup_errors=True) as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "UV_CACHE_DIR": cache}
        yield Runner(rasa_python(environment, print), environment)


def test_rasa_is_installed_trained_and_asked(runner: Runner, tmp_path: Path) -> None:
    for name, text in exported(KNOWLEDGE, {"en": {"policy.shipping_fee": "¥10"}}, epochs=15).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    steps: list[tuple[str, int]] = []
    model = runner.train(tmp_path / "en", lambda component, percent: steps.append((component, percent)))
    assert {("DIETClassifier", 100), ("ResponseSelector", 100), ("RulePolicy", 0)} <= set(steps)

    rows = training_rows(KNOWLEDGE)
    builtin = Builtin({"en": train(*rows["en"])})
    with runner.serve(model, free_port(), TOKEN, tmp_path / "serve.log") as (process, server):
        assert scores_of(server.parse("where is my parcel"))[0][0] == "order_status"
        ranker = RasaRanker(builtin, {"en": server}, {"en": frozenset(rows["en"][1])})
        for text, label in (("how much is delivery", "fee"), ("how can i pay", "pay"), ("good evening", "greeting")):
            ranking = ranker.rank(text, "en")
            assert ranking.labels[0][0] == label, ranking
            assert ranking.bounds == BOUNDS
        stranger = Server(server.url, "wrong", 5)
        with pytest.raises(Unusable, match="401"):
            stranger.parse("where is my parcel")
        stranger.close()
        arguments = Path(f"/proc/{process.pid}/cmdline")
        assert not arguments.exists() or TOKEN not in arguments.read_text("utf-8")

        process.kill()
        process.wait()
        assert "engine builtin" in ranker.rank("where is my parcel", "en").why[0]
