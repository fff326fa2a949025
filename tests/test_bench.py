"""`bench idle`: a real shop is served and measured, and a shop that does not start is an error that says why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.bench import idle
from bot.bench.idle import TARGETS, BenchFailed, measure


@pytest.mark.acceptance
def test_an_idle_shop_is_measured_after_its_first_answer() -> None:
    command = [sys.executable, "-m", "bot", "bench", "idle", "--seconds", "1", "--json"]
    done = subprocess.run(command, capture_output=True, timeout=170, check=True)
    measured = json.loads(done.stdout)
    assert set(TARGETS) < set(measured)
    assert 0 < measured["pss_mb"] <= measured["rss_mb"]
    assert 0 < measured["ready_s"] < measured["answer_s"]
    assert measured["rss_mb"] <= TARGETS["rss_mb"]
    assert measured["rss_mb"] < measured["console_rss_mb"]
    assert measured["threads"] >= 1


def test_a_shop_on_sqlite_starts_without_what_it_may_never_need() -> None:
    heavy = {"nicegui", "psycopg", "ruamel.yaml", "numpy", "alembic", "telegram", "wechatpy", "opencc"}
    program = f"import sys, bot.cli, bot.app; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.acceptance
def test_a_shop_that_does_not_start_is_told_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "CHANNELS", "[channels.fax.bench]\n")
    with pytest.raises(BenchFailed, match=r"exit status 2.*channels\.fax"):
        measure(tmp_path / "shop", 1)
