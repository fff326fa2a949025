"""The customers' three chats and the agents' console, as seen and used in a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

ANSWER_MS = 15_000


@dataclass(frozen=True, slots=True)
class Chat:
    """One customer's open chat. `shop` finds what the shop said, `buttons` what can be tapped."""

    page: Page
    kind: str
    shop: Locator
    buttons: str

    def ask(self, text: str) -> str:
        """Write a message and return the answer."""
        before = self.shop.count()
        box = self.page.get_by_role("textbox", name=re.compile("message|消息"))
        box.fill(text)
        box.press("Enter")
        return self._next(before)

    def tell(self, text: str) -> None:
        """Write a message that nobody answers yet."""
        box = self.page.get_by_role("textbox", name=re.compile("message|消息"))
        box.fill(text)
        box.press("Enter")
        expect(self.page.get_by_role("log")).to_contain_text(text)

    def choose(self, words: str) -> str:
        """Tap the choice that holds `words`, or write its number where the platform has no buttons; return the answer."""
        before = self.shop.count()
        if self.buttons:
            self.page.locator(self.buttons, has_text=words).last.click()
            return self._next(before)
        lines = self.shop.last.inner_text().splitlines()
        number = next(line.partition(".")[0] for line in lines if words in line and re.match(r"\d+\.", line))
        return self.ask(number)

    def _next(self, before: int) -> str:
        answer = self.shop.nth(before)
        answer.wait_for(timeout=ANSWER_MS)
        return answer.inner_text()

    def sees(self, words: str, times: int = 1) -> None:
        expect(self.shop.filter(has_text=words)).to_have_count(times, timeout=ANSWER_MS)


def web_chat(browser: Any, addresses: dict[str, str], language: str) -> Chat:
    """Open the web chat as a new visitor."""
    page = browser.new_context(viewport={"width": 420, "height": 720}).new_page()
    page.goto(f"{addresses['web']}/webchat/shop/page?lang={language}")
    shop = page.locator("zhanggui-chat li:not(.mine) .bubble")
    shop.first.wait_for(timeout=ANSWER_MS)  # the greeting
    return Chat(page, "web", shop, "zhanggui-chat .choices button:enabled")


def telegram_chat(browser: Any, addresses: dict[str, str], language: str, user: int, group: int | None = None) -> Chat:
    """Open the Telegram panel as a user: the bot's private chat, started if it was not, or a group."""
    page = browser.new_context(viewport={"width": 420, "height": 720}).new_page()
    page.goto(f"{addresses['telegram_twin']}?lang={language}&user={user}{f'&chat={group}' if group else ''}")
    shop = page.locator("#log li.theirs .text")
    page.locator("#log[data-owner]").wait_for(state="attached")  # drawn once: it is known whether the bot was started
    if group is None:
        if page.locator("#start").is_visible():
            page.locator("#start").click()
        shop.first.wait_for(timeout=ANSWER_MS)
    return Chat(page, "telegram", shop, "#log .keys button")


def wechat_chat(browser: Any, addresses: dict[str, str], language: str, user: str) -> Chat:
    """Open the WeChat panel as a follower."""
    page = browser.new_context(viewport={"width": 420, "height": 720}).new_page()
    seen = f"control/messages?user={user}"
    with page.expect_response(lambda answer: seen in answer.url):
        page.goto(f"{addresses['wechat_twin']}?lang={language}&user={user}")
    expect(page.locator("#user")).to_have_value(user)
    page.wait_for_timeout(1000)  # what was said before is drawn: it must not be taken for the next answer
    return Chat(page, "wechat", page.locator("#log li.account .bubble"), "")


@dataclass(frozen=True, slots=True)
class Console:
    """The agents' console in English."""

    page: Page

    def open(self, words: str) -> None:
        """Choose the conversation whose last line is `words`, whether it was given to this agent or waits."""
        self.page.locator(".zg-tab", has_text="All").click()
        self.page.locator(".zg-card", has_text=words).click(timeout=ANSWER_MS)
        expect(self.page.locator(".zg-lines .zg-customer").last).to_contain_text(words, timeout=ANSWER_MS)

    def is_given(self) -> None:
        """Expect that the queue gave the chosen conversation to this agent, who has nothing else to do."""
        expect(self.page.locator(".zg-title-low")).to_contain_text("yours", timeout=ANSWER_MS)

    def reply(self, text: str) -> None:
        field = self.page.locator(".zg-field textarea")
        field.fill(text)
        field.press("Enter")

    def close(self) -> None:
        self.page.locator(".zg-actions .zg-primary", has_text="Close").click()
        self.page.locator(".zg-dialog-buttons button", has_text="Close").click()
        expect(self.page.locator(".zg-title-low")).to_contain_text("closed")
