"""The web chat in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import BrowserContext, Page, async_playwright, expect
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.clock import SystemClock
from bot.first_bytes import picture_type
from bot.messages import Choice, Event, File, Inbound
from connectors.webchat.transcript import SaleCard
from tests import needs
from tests.webchat_stand import Room, connector, free_port, listening, png, serving

SIZES = (Choice("size:m", "M · 165–172 cm"), Choice("size:l", "L · 172–180 cm"))
ATTACKS = (
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    'https://shop.example/"onmouseover="document.title=1',
)


def answer(said: Inbound) -> Sequence[tuple[str, tuple[Choice, ...]]]:
    """Greet, offer sizes when asked, echo the rest."""
    if said.event is Event.STARTED:
        return [("Welcome to the shop!", ())]
    if said.choice:
        return [(f"Noted: {said.choice}", ())]
    if said.event is Event.MEDIA:
        return [(f"You showed: {said.text}", ())]
    if said.text == "size?":
        return [("Which one?", SIZES)]
    return [(f"You said: {said.text}", ())]


@dataclass(frozen=True, slots=True)
class Visit:
    """One open page."""

    page: Page
    context: BrowserContext
    room: Room
    clock: SystemClock
    faults: list[str]
    site_port: int  # the shop's own site, which may embed the chat

    async def say(self, text: str) -> None:
        box = self.page.get_by_role("textbox", name="message")
        await box.fill(text)
        await box.press("Enter")

    async def attach(self, name: str, body: bytes) -> None:
        await self.page.get_by_label("picture").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": body}
        )


@pytest.fixture
async def visit() -> AsyncIterator[Visit]:
    path = needs.chromium()
    clock = SystemClock()
    room = Room(clock, answer)
    site_port = free_port()
    chat = connector(room, clock, (f"http://127.0.0.1:{site_port}",))
    await chat.start(room)
    async with serving(chat) as base, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=needs.CHROMIUM_ARGS)
        context = await browser.new_context(viewport={"width": 380, "height": 640}, reduced_motion="reduce")
        page = await context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        context.on("console", lambda line: faults.append(line.text) if "Content Security" in line.text else None)
        await page.goto(f"{base}/page?lang=en")
        await expect(page.get_by_role("log")).to_contain_text("Welcome to the shop!")
        yield Visit(page, context, room, clock, faults, site_port)
        await browser.close()
    assert faults == []


async def test_a_message_is_shown_once_and_answered(visit: Visit) -> None:
    await visit.say("hello")
    log = visit.page.get_by_role("log")
    await expect(log.get_by_text("You said: hello")).to_be_visible()
    await expect(log.get_by_text("hello", exact=True)).to_have_count(1)
    await expect(log.get_by_role("img", name="typing")).to_be_hidden()
    await expect(visit.page.get_by_role("heading")).to_have_text("Qinghe <Tea>")


async def test_a_reload_keeps_the_visitor_and_the_history(visit: Visit) -> None:
    await visit.say("remember me")
    await expect(visit.page.get_by_text("You said: remember me")).to_be_visible()
    await visit.page.reload()
    await expect(visit.page.get_by_text("You said: remember me")).to_be_visible()
    await expect(visit.page.get_by_text("Welcome to the shop!")).to_have_count(1)
    assert len(visit.room.received) == 2


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_anybody_writes_stays_text(visit: Visit, attack: str) -> None:
    await visit.say(attack)
    chat = visit.room.received[0].chat
    await expect(visit.page.get_by_role("log").get_by_text(attack, exact=True)).to_have_count(1)
    visit.room.show(chat, f"agent {attack}", author="agent", name=attack, choices=(Choice("t", attack),))
    await expect(visit.page.get_by_role("button", name=attack)).to_be_visible()
    await expect(visit.page.locator("zhanggui-chat img, zhanggui-chat script")).to_have_count(0)
    for link in await visit.page.locator("zhanggui-chat a").all():
        assert (await link.get_attribute("href") or "").startswith("https://shop.example/")
        assert await link.get_attribute("onmouseover") is None
    assert "owned" not in await visit.page.title()


async def test_addresses_become_safe_links(visit: Visit) -> None:
    await visit.say("see https://shop.example/p?id=1&b=2。 and http://a.example/x).")
    links = visit.page.get_by_role("log").locator("li.mine a")
    await expect(links).to_have_count(2)
    assert [await link.get_attribute("href") for link in await links.all()] == [
        "https://shop.example/p?id=1&b=2",
        "http://a.example/x",
    ]
    await expect(links.first).to_have_attribute("rel", re.compile("noopener"))


async def test_a_choice_is_taken_once(visit: Visit) -> None:
    await visit.say("size?")
    medium = visit.page.get_by_role("button", name=SIZES[0].label)
    await medium.click()
    await expect(visit.page.get_by_text("Noted: size:m")).to_be_visible()
    await expect(medium).to_be_disabled()
    await expect(medium).to_have_attribute("aria-pressed", "true")
    await expect(visit.page.get_by_role("button", name=SIZES[1].label)).to_be_disabled()
    await visit.page.reload()
    await expect(medium).to_be_disabled()
    await expect(medium).to_have_attribute("aria-pressed", "true")


async def test_old_choices_are_closed_by_another_message(visit: Visit) -> None:
    await visit.say("size?")
    medium = visit.page.get_by_role("button", name=SIZES[0].label)
    await expect(medium).to_be_enabled()
    await visit.say("something else")
    await expect(medium).to_be_disabled()
    await expect(medium).not_to_have_attribute("aria-pressed", "true")


async def test_messages_written_offline_wait_survive_a_reload_and_arrive_once_in_order(visit: Visit) -> None:
    visit.room.broken = True  # the server cannot store: the page must keep everything
    await visit.say("first")
    await visit.say("second")
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(2)
    await visit.page.reload()
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(2)
    visit.room.broken = False
    await expect(visit.page.get_by_text("You said: second")).to_be_visible(timeout=15_000)
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(0)
    await expect(visit.page.get_by_text("second", exact=True)).to_have_count(1)
    assert [said.text for said in visit.room.received if said.event is None] == ["first", "second"]


async def test_what_is_written_offline_goes_in_order_and_once_after_a_reload(visit: Visit) -> None:
    await visit.context.set_offline(True)
    await visit.say("one")
    await visit.attach("shirt.png", png(30, 20))
    await visit.say("two")
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(3)
    visit.room.broken = True  # a reload needs the network for the page itself, so now the shop refuses
    await visit.context.set_offline(False)
    await visit.page.reload()
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(3)
    visit.room.broken = False
    await expect(visit.page.get_by_text("You said: two")).to_be_visible(timeout=30_000)
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(0)
    said = [message.text or message.event for message in visit.room.received[1:]]
    assert said == ["one", Event.MEDIA, "two"]
    await expect(visit.page.get_by_role("img", name="picture")).to_have_count(1)


async def test_a_picture_goes_with_what_stands_in_the_box_as_a_small_jpeg(visit: Visit) -> None:
    box = visit.page.get_by_role("textbox", name="message")
    await box.fill("in blue?")
    await visit.attach("shirt.png", png(2400, 30))
    await expect(visit.page.get_by_text("You showed: in blue?")).to_be_visible()
    await expect(box).to_have_value("")
    picture = visit.page.get_by_role("img", name="picture")
    await expect(picture).to_have_js_property("naturalWidth", 1600)
    await expect(picture).to_have_js_property("naturalHeight", 20)
    await expect(visit.page.get_by_text("in blue?", exact=True)).to_have_count(1)
    sent = visit.room.received[-1].media
    assert sent and sent.file and picture_type(sent.file.body) == sent.file.mime == "image/jpeg"


async def test_a_file_that_is_no_picture_is_not_sent_and_the_page_says_so(visit: Visit) -> None:
    await visit.attach("notes.png", b"just words")
    await expect(visit.page.get_by_text("Not sent")).to_be_visible()
    await expect(visit.page.get_by_text("notes.png")).to_be_visible()
    assert len(visit.room.received) == 1


async def test_a_picture_of_the_shop_is_shown_and_opens_by_keyboard(visit: Visit) -> None:
    chat = visit.room.received[0].chat
    visit.room.show(chat, "The blue one", author="agent", name="Li Na", picture=File(png(40, 30), "image/png"))
    picture = visit.page.get_by_role("link", name="picture")
    await expect(picture.get_by_role("img")).to_have_js_property("naturalWidth", 40)
    async with visit.context.expect_page() as opened:
        await picture.press("Enter")
    shown = await opened.value
    assert "/pictures/" in shown.url and await shown.locator("img").count() == 1


async def test_the_page_shows_who_is_typing(visit: Visit) -> None:
    dots = visit.page.get_by_role("img", name="Agent is typing")
    visit.room.type("agent")
    await expect(dots).to_be_visible()
    visit.room.type("bot")
    await expect(visit.page.get_by_role("img", name="Assistant is typing")).to_be_visible()
    visit.room.type("")
    await expect(dots).to_be_hidden()


async def test_the_shop_is_told_that_the_customer_types_once_in_three_seconds(visit: Visit) -> None:
    field = visit.page.get_by_role("textbox")
    await field.press_sequentially("I would like", delay=20)
    await asyncio.sleep(0.5)
    assert len(visit.room.typed) == 1
    assert not [said for said in visit.room.received if said.text]


async def test_nobody_types_on_a_line_that_is_cut(visit: Visit) -> None:
    visit.room.type("bot")
    dots = visit.page.get_by_role("img", name="Assistant is typing")
    await expect(dots).to_be_visible()
    await visit.context.set_offline(True)
    await expect(dots).to_be_hidden()


async def test_everything_can_be_reached_by_keyboard(visit: Visit) -> None:
    await visit.page.get_by_role("button", name="中文").focus()
    reached = []
    for _ in range(4):
        await visit.page.keyboard.press("Tab")
        reached.append(
            await visit.page.evaluate("document.querySelector('zhanggui-chat').shadowRoot.activeElement.ariaLabel")
        )
    assert reached == ["Chat history", "picture", "message", "send"]


async def test_a_lost_network_is_said_and_mended(visit: Visit) -> None:
    await visit.context.set_offline(True)
    await expect(visit.page.get_by_text("Connecting…")).to_be_visible()
    await visit.say("in the tunnel")
    await expect(visit.page.get_by_text("Waiting to send")).to_be_visible()
    visit.room.show(visit.room.received[0].chat, "Are you there?", author="agent", name="Li Na")
    await visit.context.set_offline(False)
    log = visit.page.get_by_role("log")
    await expect(log.get_by_text("You said: in the tunnel")).to_be_visible(timeout=15_000)
    await expect(log.get_by_text("Are you there?")).to_have_count(1)
    await expect(log.get_by_text("Li Na")).to_be_visible()
    await expect(visit.page.get_by_text("Waiting to send")).to_have_count(0)


async def test_a_forgotten_visitor_begins_anew_and_loses_no_message(visit: Visit) -> None:
    await visit.page.evaluate("for (const key of Object.keys(localStorage)) localStorage[key] = 'made.up'")
    await visit.say("still here")
    await expect(visit.page.get_by_text("You said: still here")).to_be_visible(timeout=15_000)
    assert len({said.chat.id for said in visit.room.received}) == 2


async def test_a_message_over_the_limit_of_a_minute_waits_and_then_goes(visit: Visit) -> None:
    for number in range(20):
        await visit.say(f"m{number}")
    await expect(visit.page.get_by_text("You said: m19")).to_be_visible(timeout=15_000)
    await visit.say("one more")
    await expect(visit.page.get_by_text("Waiting to send")).to_be_visible()
    visit.clock.advance(timedelta(seconds=61))
    await visit.page.reload()
    await expect(visit.page.get_by_text("You said: one more")).to_be_visible(timeout=15_000)


async def test_labels_change_language_and_the_words_said_do_not(visit: Visit) -> None:
    await visit.page.get_by_role("button", name="中文").click()
    await expect(visit.page.get_by_role("textbox", name="消息")).to_be_visible()
    await expect(visit.page.get_by_role("button", name="发送")).to_be_visible()
    await expect(visit.page.get_by_role("heading")).to_have_text("青禾")
    await expect(visit.page.get_by_role("log")).to_contain_text("智能助手")
    await expect(visit.page.get_by_text("Welcome to the shop!")).to_be_visible()


async def test_enter_that_ends_an_input_methods_composition_does_not_send(visit: Visit) -> None:
    box = visit.page.get_by_role("textbox", name="message")
    await box.fill("ni hao")
    await box.evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, cancelable: true}))"
    )
    await expect(box).to_have_value("ni hao")
    await box.press("Enter")
    await expect(box).to_have_value("")


async def test_one_script_and_one_tag_embed_it_on_the_shops_own_site_under_a_strict_policy(visit: Visit) -> None:
    base = visit.page.url.partition("/page")[0]
    policy = f"default-src 'none'; script-src {base}/; connect-src {base}/; img-src {base}/"
    html = f'<!doctype html><script src="{base}/element.js"></script><zhanggui-chat lang="en"></zhanggui-chat>'

    async def home(request: Request) -> Response:
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    async with listening([Route("/", home)], visit.site_port):
        site = await visit.context.new_page()
        await site.goto(f"http://127.0.0.1:{visit.site_port}/")
        await expect(site.get_by_role("log")).to_contain_text("Welcome to the shop!")
        await site.get_by_role("textbox", name="message").fill("from the shop")
        await site.get_by_role("button", name="send").click()
        await expect(site.get_by_text("You said: from the shop")).to_be_visible()
        await expect(site.locator("zhanggui-chat li.mine .bubble")).to_have_css("border-bottom-left-radius", "18px")
        await site.get_by_label("picture").set_input_files(
            {"name": "shirt.png", "mimeType": "image/png", "buffer": png(30, 20)}
        )
        await expect(site.get_by_role("img", name="picture")).to_have_js_property("naturalWidth", 30)


async def test_the_styles_arrive_under_the_policy(visit: Visit) -> None:
    await visit.say("hello")
    bubble = visit.page.locator("zhanggui-chat li.mine .bubble").first
    await expect(bubble).to_have_css("border-bottom-left-radius", "18px")
    scroll_width = await visit.page.evaluate("document.documentElement.scrollWidth")
    assert scroll_width <= 380


async def test_a_sale_counts_down_by_the_servers_clock_and_a_tap_claims(visit: Visit) -> None:
    """The browser's own clock is an hour wrong; what others claim changes the number, and nothing of theirs is shown."""
    await visit.page.clock.install(time=visit.clock.now() + timedelta(hours=1))
    now = visit.clock.now()
    card = SaleCard(
        "linen",
        {"zh": "亚麻裙", "en": "<b>Linen</b>"},
        {"zh": "¥199.00", "en": "¥199.00"},
        12,
        30,
        "running",
        now - timedelta(minutes=1),
        now + timedelta(minutes=30),
    )
    visit.room.sell(replace(card, state="soon", starts_at=now + timedelta(minutes=10)))
    region = visit.page.get_by_role("region", name="Flash sale <b>Linen</b>")
    await expect(region).to_contain_text(re.compile(r"12 of 30 left.*Begins in 0:(09:5\d|10:00)"))
    await expect(region.get_by_role("button")).to_be_disabled()
    visit.room.sell(replace(card, starts_at=now + timedelta(minutes=10)))  # some may claim already: who, the bot knows
    await expect(visit.page.get_by_role("button", name="Claim one")).to_be_enabled()
    visit.room.sell(card)
    await expect(region).to_contain_text(re.compile(r"Ends in 0:(29|30):"))
    assert await faults_of(visit.page) == []
    await region.get_by_role("button", name="Claim one").click()
    await expect(visit.page.get_by_role("log")).to_contain_text("Noted: claim:linen")
    visit.room.sell(replace(card, left=0))
    await expect(region).to_contain_text("Sold out")
    await expect(region.get_by_role("button", name="Stand in line")).to_be_enabled()
    await visit.context.set_offline(True)
    await expect(region).to_contain_text("Connecting")
    await expect(region.get_by_role("button")).to_be_disabled()
    await visit.context.set_offline(False)
    await visit.page.get_by_role("button", name="中文").click()
    await expect(visit.page.get_by_role("region", name="限时秒杀 亚麻裙")).to_contain_text("已抢完")
    visit.room.sell(replace(card, state="over", left=0))
    over = visit.page.get_by_role("region", name="限时秒杀 亚麻裙")
    await expect(over).to_contain_text("已结束")
    await expect(over.get_by_role("button")).to_have_count(0)
    await visit.page.emulate_media(color_scheme="dark")
    assert await faults_of(visit.page) == []
    visit.room.sell()
    await expect(over).to_have_count(0)


async def faults_of(page: Page) -> list[str]:
    found = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
    return [f"{one['id']}: {node['html'][:160]}" for one in found.response["violations"] for node in one["nodes"]]
