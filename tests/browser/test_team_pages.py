"""The board and the day reports in a real browser, beside an agent's open console."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import needs

ROOT = Path(__file__).parents[2]
SALES = ("campaigns", "campaigns/plan?of=linen", "campaigns/sales/linen", "campaigns/sales/linen/told")
PAGES = ("board", "report?days=7", *SALES)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a running console and its database; all tests of this file share it."""
    folder = tmp_path_factory.mktemp("team")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, str(ROOT / "tests/browser/seeded.py"), str(folder), str(port)]
    process = subprocess.Popen(program, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})
    address = f"http://127.0.0.1:{port}/console"
    try:
        for _ in range(300):
            assert process.poll() is None, "the server ended"
            try:
                urllib.request.urlopen(address + "/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, folder / "console.db"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def browsers(console: tuple[str, Path]) -> Iterator[dict[str, Any]]:
    """A browser context each of Li, Wang (agents) and Zhao (lead), logged in."""
    from playwright.sync_api import sync_playwright

    path = needs.chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=needs.CHROMIUM_ARGS)
        contexts = {}
        for name in ("li", "wang", "zhao"):
            context = chromium.new_context(locale="en-US", viewport={"width": 1366, "height": 768})
            context.set_default_timeout(60_000)
            context.new_page().goto(f"{console[0]}/login?token=link-of-{name}")
            contexts[name] = context
        yield contexts
        chromium.close()


def go(context: Any, address: str) -> Any:
    page = context.pages[0]
    page.goto(address)
    return page


def rows(file: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as connection:
        return connection.execute(query, values).fetchall()


def test_the_board_follows_what_happens_and_a_lead_acts_from_it(
    console: tuple[str, Path], browsers: dict[str, Any]
) -> None:
    address, file = console
    board = go(browsers["zhao"], f"{address}/board")
    assert board.locator("#part-tiles .tile b").first.inner_text() == "3"
    assert board.locator("#part-queue tbody tr").count() == 3
    assert "<img src=x" in board.locator("#part-queue").inner_text()
    assert board.evaluate("window.hacked") is None

    li = go(browsers["li"], f"{address}/?c=v2")
    li.click(".zg-head .zg-primary")
    board.locator("#part-talks tbody tr", has_text="Emma Fischer").wait_for(timeout=60_000)
    assert board.locator("#part-queue tbody tr").count() == 2
    due = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
    rows(file, "UPDATE clocks SET due_at = ? WHERE conversation_id = 'v2' AND kind = 'first'", due)
    board.locator("#part-talks .pill.late", has_text="overdue for").wait_for(timeout=60_000)

    board.locator("#part-talks summary").click()
    board.fill("#part-talks input[name=words]", "Offer her a new zipper, free of charge")
    board.click("#part-talks button[value=whisper]")
    board.wait_for_url("**/board?done=1")
    li.locator(".zg-note", has_text="Offer her a new zipper").wait_for(timeout=60_000)
    assert "only the agent and leads read it" in li.locator(".zg-note-head").inner_text()
    wang = go(browsers["wang"], f"{address}/?c=v2")
    wang.wait_for_selector(".zg-head")
    assert wang.locator(".zg-note").count() == 0

    board.locator("#part-talks summary").click()
    board.select_option("#part-talks select[name=to]", value="a1")
    board.click("#part-talks button[value=pass]")
    board.wait_for_url("**/board?done=1")
    wang.locator(".zg-note", has_text="Offer her a new zipper").wait_for(timeout=60_000)
    assert rows(file, "SELECT agent_id FROM conversations WHERE id = 'v2'") == [("a1",)]


def test_a_part_of_the_board_in_which_a_lead_writes_stands_still(
    console: tuple[str, Path], browsers: dict[str, Any]
) -> None:
    address, file = console
    board = go(browsers["zhao"], f"{address}/board")
    row = board.locator('#part-agents tbody tr:has(b:text-is("Li Na"))')
    row.locator("summary").click()
    row.locator("input[name=capacity]").fill("7")
    rows(file, "UPDATE agents SET status = 'away' WHERE id = 'a2'")
    board.wait_for_timeout(2500)
    assert row.locator("input[name=capacity]").input_value() == "7"
    row.locator("button[value=set]").click()
    board.wait_for_url("**/board?done=1")
    assert rows(file, "SELECT capacity FROM agents WHERE id = 'a0'") == [(7,)]
    assert board.locator("#part-agents .on-away").count() == 1


def test_a_board_that_cannot_be_reached_says_so_and_goes_on(
    console: tuple[str, Path], browsers: dict[str, Any]
) -> None:
    board = go(browsers["zhao"], f"{console[0]}/board")
    assert board.locator("#stale").is_hidden()
    board.context.set_offline(True)
    board.locator("#stale").wait_for(timeout=60_000)
    board.context.set_offline(False)
    board.locator("#stale").wait_for(state="hidden", timeout=60_000)


def test_the_page_of_a_sale_follows_what_is_claimed(console: tuple[str, Path], browsers: dict[str, Any]) -> None:
    address, file = console
    page = go(browsers["zhao"], f"{address}/campaigns/sales/linen")
    left = page.locator("#part-numbers .tile b").first
    assert left.inner_text() == "30"
    assert page.locator("#part-course polyline").count() == 5
    rows(file, "UPDATE sales SET available = 29 WHERE id = 'linen'")
    page.locator("#part-numbers .tile b", has_text="29").first.wait_for(timeout=60_000)
    assert page.locator("#part-head [data-time]").inner_text().startswith(("1:59", "2:00"))


def test_pages_of_the_team_fit_every_screen_and_agents_get_none(
    console: tuple[str, Path], browsers: dict[str, Any]
) -> None:
    address, _ = console
    page = browsers["zhao"].pages[0]
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    for width in (1366, 360):
        page.set_viewport_size({"width": width, "height": 768})
        for name in PAGES:
            page.goto(f"{address}/{name}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    page.goto(f"{address}/report?days=7")
    assert page.locator("caption", has_text="By channel").count() == 1
    assert not faults
    for name in ("board", "board/live", "report", "report.csv", *SALES):
        assert browsers["li"].request.get(f"{address}/{name}").status == 403


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_pages_of_the_team(
    console: tuple[str, Path], browsers: dict[str, Any], scheme: str
) -> None:
    page = browsers["zhao"].pages[0]
    page.emulate_media(color_scheme=scheme)
    for name in PAGES:
        page.goto(f"{console[0]}/{name}")
        assert faults(page) == [], name
        page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert faults(page) == [], f"{name}, opened"


def faults(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]
