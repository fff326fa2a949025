"""The wheel, installed where nothing of this project lies: it answers from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests import needs
from tests.acceptance.running import ROOT, demo_running, run_command

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def zhanggui(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the wheel, install it into an empty environment and return the path of the command there."""
    if shutil.which("uv") is None:
        needs.missing("uv", "pip install uv")
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    wheel = next(folder.glob("*.whl"))
    _uv("venv", "--python", sys.executable, str(folder / "venv"))
    scripts = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    _uv("pip", "install", "--python", str(scripts / "python"), str(wheel))
    return str(scripts / "zhanggui")


def _uv(*arguments: str) -> None:
    """Run uv from what it has kept. Only in CI may it fetch the rest; elsewhere a test does not reach out."""
    done = _run("uv", *arguments, "--offline")
    if done.returncode and not needs.IN_CI:
        needs.missing("all packages in uv's cache", "CI=1 uv run pytest tests/acceptance/test_wheel.py (once, online)")
    if done.returncode:
        done = _run("uv", *arguments)
    assert done.returncode == 0, done.stderr


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    return subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=150, check=False)


def test_the_installed_demo_answers_from_an_empty_directory(zhanggui: str, tmp_path: Path) -> None:
    with demo_running(Path("shop"), command=[zhanggui], cwd=tmp_path) as demo:
        panels = [f"/twin/{name}/panel" for name in ("telegram", "wechat", "wecom", "miniprogram")]
        for page in ("/", "/demo/static/demo.css", "/webchat/shop/page", *panels):
            assert httpx.get(demo.web + page, trust_env=False).status_code == 200, page
        token = demo.post("/webchat/shop/session", {"lang": "zh"})["token"]
        asked = {"token": token, "client_id": "one", "text": "七天无理由怎么退", "lang": "zh"}
        demo.post("/webchat/shop/messages", asked)
        address = f"{demo.web}/webchat/shop/events"
        with httpx.stream("GET", address, params={"token": token}, trust_env=False, timeout=15) as events:
            assert any("7天内可以无理由退货" in line for line in events.iter_lines())

    answered = run_command("ask", "do you ship to Taiwan?", "--json", "-C", "shop", command=[zhanggui], cwd=tmp_path)
    assert answered.returncode == 0, answered.stderr
    answer = json.loads(answered.stdout)
    assert (answer["decision"], answer["entry"]) == ("answer", "shipping-hk-macau-taiwan")
    assert "Taiwan" in answer["answer"]
