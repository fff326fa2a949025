"""Takes the pictures of the README from a running demo: `docs/images/{demo,console,webchat}.png`. Needs Chromium."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
MAX_BYTES = 400_000
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main() -> int:
    """Start a demo, act a few scenes, and write the pictures. Return 1 if one is too large."""
    chromium = os.environ.get("ZHANGGUI_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("Chromium is needed: apt-get install chromium fonts-noto-cjk, or set ZHANGGUI_CHROMIUM\n")
        return 2
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_demo() as addresses, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        demo(browser, addresses["web"])
        webchat(browser, addresses["web"])
        telegram(browser, addresses["telegram_twin"])
        console(browser, addresses["login"])
        browser.close()
    too_large = [path.name for path in IMAGES.glob("*.png") if path.stat().st_size > MAX_BYTES]
    for name in too_large:
        sys.stderr.write(f"docs/images/{name} is larger than {MAX_BYTES} bytes\n")
    return int(bool(too_large))


@contextmanager
def running_demo() -> Iterator[dict[str, str]]:
    """Run `zhanggui demo --json` on a free port; yield its addresses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "bot", "demo", "--json", "--port", port, "--dir", f"{folder}/demo"]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 (our own command)
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SystemExit("The demo did not start; its last lines above say why.")
            yield json.loads(line)
        finally:
            process.terminate()
            process.wait(15)


def a_context(browser: Browser, width: int, height: int) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": height},
        locale="en-GB",
        timezone_id="Asia/Shanghai",
        reduced_motion="reduce",
        color_scheme="light",
    )


def say(place: Page | FrameLocator, text: str, answer: str) -> None:
    """Write `text` into a chat and wait until `answer` is part of what it shows."""
    box = place.get_by_role("textbox", name="message")
    box.fill(text)
    box.press("Enter")
    expect(place.get_by_role("log").last).to_contain_text(answer, timeout=20_000)


def demo(browser: Browser, web: str) -> None:
    """Three channels side by side, one question in each."""
    context = a_context(browser, 1440, 880)
    page = context.new_page()
    page.goto(web)
    chat = page.locator("zhanggui-chat")
    expect(chat.get_by_role("log")).to_contain_text("Assistant", timeout=20_000)
    box = chat.get_by_role("textbox", name="message")
    for text, answer in (("do you ship to Taiwan?", "SF Express"), ("I'm 175 cm and 70 kg, what size?", "175")):
        box.fill(text)
        box.press("Enter")
        expect(chat.get_by_role("log").get_by_text(answer).last).to_be_visible(timeout=20_000)
    say(page.frame_locator("#telegram"), "我的订单到哪了", "哪一")
    say(page.frame_locator("#wechat"), "七天无理由怎么退", "签收")
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "demo.png")
    context.close()


def webchat(browser: Browser, web: str) -> None:
    """A customer on the shop's page, who proves that an order is theirs."""
    context = a_context(browser, 420, 760)
    page = context.new_page()
    state = json.loads(context.request.get(f"{web}/demo/state").body())
    parcel = next(one for one in state["orders"] if one["state"] == "shipped")
    page.goto(f"{web}/webchat/shop/page?lang=en")
    expect(page.get_by_role("log")).to_contain_text("Assistant", timeout=20_000)
    say(page, f"where is my order {parcel['number']}", "last four")
    say(page, parcel["phone_tail"], "on its way")
    page.wait_for_timeout(1000)
    page.screenshot(path=IMAGES / "webchat.png")
    context.close()


def telegram(browser: Browser, panel: str) -> None:
    """Wang Lei, whom the shop knows, complains: the conversation goes into the queue."""
    context = a_context(browser, 420, 760)
    page = context.new_page()
    page.goto(f"{panel}?user=1003&lang=en")
    page.locator("#start").click()
    expect(page.get_by_role("log").get_by_role("listitem")).to_have_count(2, timeout=20_000)
    say(page, "how long does delivery take", "days")
    say(page, "the zip of my hoodie was broken when it came", "person")
    context.close()


def console(browser: Browser, login: str) -> None:
    """An agent to whom the queue gives Wang Lei as soon as the page is open."""
    context = a_context(browser, 1366, 768)
    page = context.new_page()
    page.goto(login)
    page.wait_for_selector(".zg-root")
    page.get_by_role("tab").first.click()
    page.locator(".zg-card").first.click()
    field = page.locator(".zg-field textarea")
    field.fill("I am sorry about the zip. A new hoodie leaves today; you need not send the broken one back.")
    field.press("Enter")
    page.wait_for_selector(".zg-agent .zg-text >> text=leaves today")
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "console.png")
    context.close()


if __name__ == "__main__":
    sys.exit(main())
