"""Login, account, agents and audit in a real browser, on the real app: by keyboard, in both languages, light and dark."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine, create_engine

from bot.starter import SHOP_TOML, make_shop
from bot.store import tables as t
from bot.store.upgrade import upgrade
from handoff import ownership, people
from tests.browser import stand

ROOT = Path(__file__).parents[2]
PASSWORD = "a quiet morning in may"


@dataclass(frozen=True)
class Running:
    """`zhanggui serve` over a folder."""

    address: str
    port: int
    engine: Engine

    def rows(self, query: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(query).all())


def seed(c: Any) -> None:
    now = datetime.now(UTC)
    hashed = people.hash_password(PASSWORD, ())
    for key, role in (("li", "agent"), ("xu", "editor"), ("chen", "admin")):
        people.add_agent(c, key, key, key.title(), role, now)
        people.put_password(c, key, hashed)
    customer = {"id": "c1", "name": "Lin", "phone": "+8613800138000", "created_at": now}
    c.execute(t.customers.insert().values(customer))
    order = {"number": "QH20260412", "customer_id": "c1", "status": "paid", "total_minor": 100, "currency": "CNY"}
    c.execute(t.orders.insert().values(**order, address="浙江省杭州市西湖区文三路 1 号", created_at=now))
    c.execute(t.persons.insert().values(id="p1", customer_id="c1", created_at=now))
    who = {"id": "i1", "person_id": "p1", "channel": "web:shop", "user": "u", "created_at": now}
    c.execute(t.identities.insert().values(who))
    talk = {"id": "v1", "channel": "web:shop", "chat": "v1", "identity_id": "i1", "owner": "queue", "queued_at": now}
    c.execute(t.conversations.insert().values(**talk, created_at=now, updated_at=now))
    said = {"id": 1, "key": "v1:1", "conversation_id": "v1", "seq": 1, "text": "My number is 13800138000"}
    c.execute(t.inbox.insert().values(**said, status="done", sent_at=now, received_at=now))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("shop"), stand.free_port()
    make_shop(folder, SHOP_TOML)
    url = f"sqlite:///{folder / 'data' / 'zhanggui.db'}"
    upgrade(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        seed(connection)
    address, serve = f"http://127.0.0.1:{port}/console", ["-m", "bot", "serve", "--dir", str(folder)]
    with stand.running(serve, folder, address + "/", ZHANGGUI_SERVER__PORT=str(port), ZHANGGUI_QUEUE__ANSWER_S="3600"):
        yield Running(address, port, engine)
    engine.dispose()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with stand.browser() as browser:
        yield browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(locale="en-US", viewport={"width": 1366, "height": 768})
    opened = context.new_page()
    opened.set_default_timeout(15000)
    yield opened
    context.close()


def log_in(page: Any, running: Running, login: str) -> None:
    page.goto(f"{running.address}/login")
    page.wait_for_selector("[name=login]:focus")
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def test_login_then_phone_then_recovery_code_with_the_keyboard_alone(page: Any, running: Running) -> None:
    log_in(page, running, "xu")
    page.wait_for_url("**/console/account")
    page.locator("form", has=page.get_by_role("button", name="Set it up")).locator("[name=old]").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    secret = page.locator("section code").inner_text()
    assert page.locator(".qr svg").bounding_box()["width"] > 150
    page.wait_for_selector("[name=code]:focus")
    step = pyotp.TOTP(secret.replace(" ", ""))
    page.keyboard.type(step.now())
    page.keyboard.press("Enter")
    page.locator(".codes li").first.wait_for()
    codes = page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/login")
    log_in(page, running, "xu")
    page.wait_for_url("**/console/login/code")
    page.wait_for_selector("[name=code]:focus")
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    page.locator("[role=alert] >> text=The code is wrong").wait_for()
    page.wait_for_selector("[name=code]:focus")
    page.keyboard.type(codes[3])
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/account")
    assert "Recovery codes left: 9" in page.locator("main").inner_text()


def test_an_agent_sees_a_phone_only_for_a_reason(page: Any, running: Running) -> None:
    log_in(page, running, "li")
    takes(page, running)
    page.click(".zg-card[data-talk=v1]")
    side = page.locator(".zg-side")
    side.locator(".zg-value >> text=•••• 8000").wait_for()
    assert "文三路" not in side.inner_text()
    page.get_by_role("button", name="Show: Phone").click()
    page.get_by_label("Why do you need it").fill("to call back")
    page.keyboard.press("Enter")
    side.locator(".zg-value >> text=+8613800138000").wait_for()
    page.get_by_role("button", name="Show: Address").click()
    page.get_by_label("Why do you need it").press("Enter")
    page.wait_for_selector(".q-notification >> text=why you need it")
    assert "文三路" not in side.inner_text()
    said = page.locator(".zg-customer .zg-text >> text=My number is")
    said.wait_for()
    assert said.inner_text() == "My number is *******8000"
    page.get_by_role("button", name="Show: Message").click()
    page.get_by_label("Why do you need it").fill("to dial it")
    page.keyboard.press("Enter")
    page.wait_for_selector(".zg-customer .zg-text >> text=My number is 13800138000")
    shown = [
        (row.who, row.subject, row.why) for row in running.rows(t.audit.select().where(t.audit.c.what == "reveal"))
    ][-2:]
    assert shown == [("agent:li", "person:p1/phone", "to call back"), ("agent:li", "inbound:1/text", "to dial it")]


def takes(page: Any, running: Running) -> None:
    """Let li, whose page is open, have the conversation: whatever the hour, and whoever was at work before."""
    page.wait_for_selector(".zg-root")
    free = {"owner": "bot", "agent_id": None, "queued_at": None, "answer_by": None}
    with running.engine.begin() as c:
        c.execute(t.conversations.update().where(t.conversations.c.id == "v1").values(free))
        ownership.take(c, "v1", "li", datetime.now(UTC))
    page.click(".zg-tab >> text=Mine")


def says(running: Running, seq: int, text: str) -> None:
    now = datetime.now(UTC)
    said = {"id": seq, "key": f"v1:{seq}", "conversation_id": "v1", "seq": seq, "text": text, "status": "done"}
    with running.engine.begin() as c:
        c.execute(t.inbox.insert().values(**said, sent_at=now, received_at=now))
        c.execute(t.conversations.update().where(t.conversations.c.id == "v1").values(last_seq=seq, done_seq=seq))


def test_what_is_asked_and_what_was_shown_stay_when_the_customer_writes_on(page: Any, running: Running) -> None:
    log_in(page, running, "li")
    takes(page, running)
    page.click(".zg-card[data-talk=v1]")
    page.get_by_role("button", name="Show: Phone").click()
    page.get_by_label("Why do you need it").wait_for()
    says(running, 2, "How long does shipping take?")
    page.wait_for_selector(".zg-customer .zg-text >> text=How long does shipping")
    page.wait_for_selector(".zg-suggested")  # the pane behind the question was drawn anew
    page.get_by_label("Why do you need it").fill("to call back")
    page.keyboard.press("Enter")
    page.locator(".zg-side .zg-value >> text=+8613800138000").wait_for()
    says(running, 3, "Can I return it?")
    page.wait_for_selector(".zg-suggested >> text=7")
    assert "+8613800138000" in page.locator(".zg-side").inner_text()


def test_an_admin_adds_an_agent_gives_a_role_and_reads_who_did_it(page: Any, chromium: Any, running: Running) -> None:
    log_in(page, running, "chen")
    page.wait_for_selector(".zg-root")
    page.goto(f"{running.address}/agents")
    page.get_by_label("Login", exact=True).fill("<b>ma</b>")
    page.get_by_role("button", name="Add an agent").click()
    link = page.locator("section code").inner_text()
    assert re.fullmatch(rf"http://127\.0\.0\.1:{running.port}/console/login\?token=[\w-]{{40,}}", link)
    assert page.locator("td b").count() == 0
    new = chromium.new_context()
    theirs = new.new_page()
    theirs.goto(link)
    theirs.wait_for_selector(".zg-root")
    page.get_by_label("Role <b>ma</b>", exact=True).select_option("editor")
    page.get_by_role("button", name="Save Role <b>ma</b>").click()
    page.locator("[role=status] >> text=Done.").wait_for()
    theirs.wait_for_url("**/console/account")  # the open console goes by itself, without a click
    new.close()
    page.goto(f"{running.address}/audit?what=role")
    row = page.locator("tbody tr").first.inner_text()
    assert "chen" in row
    assert "<b>ma</b>" in row
    assert "Role: Agent → Role: Editor" in row


def test_the_console_is_for_those_who_answer_and_the_admins_pages_for_admins(page: Any, running: Running) -> None:
    page.goto(f"{running.address}/")
    assert page.url.endswith("/console/login")
    log_in(page, running, "li")
    page.wait_for_selector(".zg-root")
    for name in ("agents", "audit"):
        page.goto(f"{running.address}/{name}")
        assert page.url.endswith("/console/account"), name
    assert page.locator("header nav a").all_inner_texts() == ["Console", "Account"]


def test_nothing_of_the_console_breaks_its_own_policy(page: Any, running: Running) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, running, "chen")
    page.locator(".zg-tab", has_text="All").click()
    page.click(".zg-card[data-talk=v1]")
    page.wait_for_selector(".zg-composer[data-talk=v1]")
    for name in ("account", "agents", "audit"):
        page.goto(f"{running.address}/{name}")
    assert [said for said in complaints if "Content Security Policy" in said or "Refused" in said] == []


def test_the_web_socket_opens_to_the_own_page_and_to_no_other_site(page: Any, running: Running) -> None:
    log_in(page, running, "li")
    page.wait_for_url("**/console/")
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())

    def shakes_hands(origin: str) -> int:
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw:
            lines = (
                "GET /console/_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1",
                f"Host: 127.0.0.1:{running.port}",
                "Upgrade: websocket",
                "Connection: Upgrade",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13",
                f"Origin: {origin}",
                f"Cookie: {cookies}",
            )
            raw.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            return int(raw.recv(64).split()[1])

    assert shakes_hands("https://evil.test") == 403
    assert shakes_hands(f"http://127.0.0.1:{running.port}") == 101


def faults(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_a_phone_and_axe_finds_nothing(chromium: Any, running: Running, scheme: str) -> None:
    words = {"en-US": "Second factor", "zh-CN": "两步验证"}
    for locale, title in words.items():
        context = chromium.new_context(locale=locale, color_scheme=scheme, viewport={"width": 360, "height": 740})
        page = context.new_page()
        page.goto(f"{running.address}/login")
        assert faults(page) == [], locale
        log_in(page, running, "chen")
        page.wait_for_selector(".zg-root", timeout=15000)
        for name in ("account", "agents", "audit"):
            page.goto(f"{running.address}/{name}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, locale)
            assert faults(page) == [], (name, locale)
            if shots := os.environ.get("ZHANGGUI_SHOTS"):
                page.screenshot(path=f"{shots}/{name}-{locale}-{scheme}.png", full_page=True)
        page.goto(f"{running.address}/account")
        assert title in page.locator("main").inner_text()
        context.close()
