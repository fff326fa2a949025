"""One demo for all of it, and a browser for each file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import needs
from tests.acceptance.chats import Console
from tests.acceptance.running import Demo, demo_running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Start the real command once. In the end it gets Ctrl-C while a customer's page is open: it must end soon, clean."""
    with demo_running(tmp_path_factory.mktemp("demo") / "shop") as running:
        link = running.addresses["login"]  # used before any test moves the clock: it ends after some minutes
        running.logins += [httpx.get(link, trust_env=False) for _ in range(2)]
        yield running
        token = running.post("/webchat/shop/session")["token"]
        address = f"{running.web}/webchat/shop/events"
        with httpx.stream("GET", address, params={"token": token}, trust_env=False, timeout=20) as events:
            next(events.iter_lines())
            assert running.interrupt(within_s=10) in (0, 130)
    said = "".join(running.talk)
    assert "Traceback" not in said, said


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = needs.chromium()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=needs.CHROMIUM_ARGS)
        yield opened
        opened.close()


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    """Opens contexts, and closes them when the test ends."""
    before = set(browser.contexts)
    yield browser
    for opened in set(browser.contexts) - before:
        opened.close()


@pytest.fixture(scope="module")
def agent(browser: Any, demo: Demo) -> Iterator[Any]:
    """A browser in which the agent came in by the button of the demo's page."""
    logged_in = browser.new_context(locale="en-US", viewport={"width": 1366, "height": 768})
    page = logged_in.new_page()
    page.goto(demo.web)
    with page.expect_popup() as opened:
        page.locator("form[action='/demo/console'] button").click()
    opened.value.wait_for_selector(".zg-root")
    for tab in (page, opened.value):
        tab.close()
    yield logged_in
    logged_in.close()


@pytest.fixture
def console(agent: Any, demo: Demo) -> Iterator[Console]:
    page = agent.new_page()
    page.goto(demo.addresses["console"])
    page.wait_for_selector(".zg-root")
    yield Console(page)
    page.close()
