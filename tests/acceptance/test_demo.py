"""`zhanggui demo` as a newcomer uses it: the real command in a process, the chats and the console in a browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.acceptance.chats import ANSWER_MS, Chat, Console, telegram_chat, web_chat, wechat_chat
from tests.acceptance.running import READY_WITHIN_CPU_S, Demo, free_port, run_command, wait_for

pytestmark = pytest.mark.acceptance
CASE_NUMBER = re.compile(r"\bRT\d{6,}\b")
POLICY = {
    "zh": ("七天无理由怎么退", ("7天内可以无理由退货",)),
    "en": ("do you ship to Taiwan?", ("Taiwan", "SF Express")),
}
SIZE = {
    "zh": ("我身高175体重70公斤穿什么码", "建议选 L 码"),
    "en": ("I'm 175 cm and 70 kg, what size should I take?", "size L"),
}
SIZE_OF = {
    "zh": ("身高162体重52公斤，碎花雪纺连衣裙穿什么码", "碎花雪纺连衣裙建议选 S 码"),
    "en": ("I'm 162 cm and 52 kg, what size is the Linen Dress?", "size S in our Linen Dress"),
}
WHERE = {"zh": "我的订单到哪了", "en": "where is my order"}
HUMAN = {"zh": ("转人工", "人工客服"), "en": ("talk to a human", "a person")}
SMALL = {"zh": "太小了", "en": "Too small"}
SUM = {"zh": "一共退 ¥{}，", "en": "In total ¥{} goes back"}
REASON = {"zh": "原因：「{}」", "en": "Reason: “{}”"}
AGREE = {"zh": "没问题，办吧", "en": "Yes, go ahead"}
OPENED = {"zh": "的退货已经登记", "en": "Your return of "}
Step = Callable[[Demo, Chat], None]


def test_it_is_ready_in_time_and_prints_its_addresses(demo: Demo) -> None:
    assert demo.ready_after_cpu_s < READY_WITHIN_CPU_S
    twins = {"telegram_twin", "wechat_twin", "wecom_twin", "miniprogram_twin"}
    assert set(demo.addresses) == {"web", "console", "login", "api", *twins}
    for name in ("web", "api", *twins):
        assert httpx.get(demo.addresses[name], trust_env=False).status_code == 200, name
    products = demo.get("/api/shop/products")
    assert len(products) >= 40
    assert len(demo.get("/demo/state")["orders"]) >= 30


def test_the_login_link_opens_the_console_once(demo: Demo) -> None:
    first, second = demo.logins
    assert (first.status_code, second.status_code) == (303, 403)
    assert httpx.get(demo.addresses["console"], trust_env=False).status_code == 303  # nobody: to the login
    assert httpx.get(demo.addresses["console"], cookies=first.cookies, trust_env=False).status_code == 200


# --- point 2: the questions, in each of the three, in both languages ----------------------------------------------------


def agree(chat: Chat, summary: str, language: str, goods: str, amount: str, reason: str) -> None:
    """Read the summary, in which nothing is opened yet, agree, and get the case number of these goods."""
    for part in (goods, SUM[language].format(amount), REASON[language].format(reason)):
        assert part in summary
    assert not CASE_NUMBER.search(summary)
    opened = chat.choose(AGREE[language])
    assert CASE_NUMBER.search(opened)
    assert OPENED[language] in opened
    assert goods in opened


def web_zh(demo: Demo, chat: Chat) -> None:
    """Return a pair of shoes; then prove another order, with a wrong try before."""
    shoes = demo.order("tan", "delivered")
    chat.ask("我想退那双帆布鞋")
    chat.ask(shoes["number"])
    assert "帆布鞋" in chat.ask(shoes["phone_tail"])
    agree(chat, chat.choose(SMALL["zh"]), "zh", "帆布鞋", "159.00", SMALL["zh"])
    theirs = demo.order("emma", "shipped")
    assert "丝" not in chat.ask(f"{WHERE['zh']} {theirs['number']}")
    refused = chat.ask("0000")
    assert "对不上" in refused
    assert "丝" not in refused
    status = chat.ask(theirs["phone_tail"])
    assert "桑蚕丝上衣" in status
    assert re.search(r"单号 \w+", status)
    assert "香港" in status


def web_en(demo: Demo, chat: Chat) -> None:
    """Return the blue dress to a case number; then prove another order."""
    dress = demo.order("zhao", "delivered")
    assert "order number" in chat.ask("I want to return the blue dress")
    assert "dress" not in chat.ask(dress["number"]).lower()
    assert "Girls' Dress" in chat.ask(dress["phone_tail"])
    agree(chat, chat.choose(SMALL["en"]), "en", "Girls' Dress", "159.00", SMALL["en"])
    theirs = demo.order("emma", "shipped")
    assert "Silk" not in chat.ask(f"where is my order {theirs['number']}")
    status = chat.ask(theirs["phone_tail"])
    assert "Silk Blouse" in status
    assert re.search(r"tracking number \w+", status)


def telegram_zh(demo: Demo, chat: Chat) -> None:
    """Lin Yue is known: she chooses among her own orders, and returns her blue dress; which way the size is off is asked."""
    chat.ask(WHERE["zh"])
    status = chat.choose("亚麻连衣裙")
    assert "已发货" in status
    assert "上海" in status
    if "原因" not in chat.ask("我想退那条蓝色连衣裙"):  # more than one order fits
        assert "原因" in chat.choose("碎花雪纺连衣裙")
    assert "偏小还是偏大" in chat.ask("尺码不合适")
    agree(chat, chat.choose("太大了"), "zh", "碎花雪纺连衣裙", "299.00", "太大了")


def telegram_en(demo: Demo, chat: Chat) -> None:
    """Wang Lei is known: he chooses among his own orders, and returns the shirt, not the trousers of the same order."""
    chat.ask(WHERE["en"])
    assert "on its way" in chat.choose("Trench Coat")
    answer = chat.ask("I want to return the blue shirt")
    assert "Oxford Shirt" in answer
    agree(chat, chat.choose(SMALL["en"]), "en", "Oxford Shirt", "189.00", SMALL["en"])


def wechat_zh(demo: Demo, chat: Chat) -> None:
    """A guest returns a red dress and puts the reason right; a parcel on its way is refused by the policy."""
    dress, on_its_way = demo.order("huang", "delivered"), demo.order("lin", "shipped")
    chat.ask("我想退那条红色连衣裙")
    chat.ask(dress["number"])
    assert "丝绒晚礼裙" in chat.ask(dress["phone_tail"])
    assert REASON["zh"].format(SMALL["zh"]) in chat.choose(SMALL["zh"])
    chat.choose("不对，要改")
    chat.choose("改原因")
    agree(chat, chat.choose("和想的不一样"), "zh", "丝绒晚礼裙", "599.00", "和想的不一样")
    chat.ask(f"{WHERE['zh']} {on_its_way['number']}")
    assert "已发货" in chat.ask(on_its_way["phone_tail"])
    refused = chat.ask(f"我要退货 {on_its_way['number']}")
    assert "签收之后才能办退换" in refused
    assert not CASE_NUMBER.search(refused)


def wechat_en(demo: Demo, chat: Chat) -> None:
    """Chen Hao is known: he chooses by number, as WeChat has no buttons, and returns two of his three T-shirts."""
    chat.ask(WHERE["en"])
    assert "on its way" in chat.choose("Straight Jeans")
    shirts = demo.order("chen", "delivered")
    assert "how many" in chat.ask(f"I want to return the t-shirts of {shirts['number']}")
    assert "what's wrong with" in chat.choose("2")
    agree(chat, chat.choose(SMALL["en"]), "en", "Basic T-shirt (black, L) ×2", "158.00", SMALL["en"])


SCENES: dict[str, tuple[Callable[[Any, dict[str, str]], Chat], Step]] = {
    "web zh": (lambda browser, at: web_chat(browser, at, "zh"), web_zh),
    "web en": (lambda browser, at: web_chat(browser, at, "en"), web_en),
    "telegram zh": (lambda browser, at: telegram_chat(browser, at, "zh", 1001), telegram_zh),
    "telegram en": (lambda browser, at: telegram_chat(browser, at, "en", 1003), telegram_en),
    "wechat zh": (lambda browser, at: wechat_chat(browser, at, "zh", "oQingheGuest"), wechat_zh),
    "wechat en": (lambda browser, at: wechat_chat(browser, at, "en", "oQingheChen"), wechat_en),
}


@pytest.mark.parametrize("scene", SCENES)
def test_a_customer_is_answered_and_a_human_takes_over_and_hands_back(
    scene: str, demo: Demo, context: Any, console: Console
) -> None:
    language = scene.split()[1]
    open_chat, orders_and_returns = SCENES[scene]
    chat = open_chat(context, demo.addresses)
    question, parts = POLICY[language]
    answer = chat.ask(question)
    assert all(part in answer for part in parts)
    assert SIZE[language][1] in chat.ask(SIZE[language][0])
    if chat.kind == "web":
        assert SIZE_OF[language][1] in chat.ask(SIZE_OF[language][0])
    orders_and_returns(demo, chat)

    wish, promise = HUMAN[language]
    assert promise in chat.ask(wish)
    words = f"number {scene} 7731"
    chat.tell(words)  # nobody answers: the bot is silent while a human is awaited
    console.open(words)
    expect(console.page.locator(".zg-customer .zg-text", has_text=question)).not_to_have_count(0)
    expect(console.page.locator(".zg-bot .zg-text", has_text=promise)).not_to_have_count(0)
    expect(console.page.locator(".zg-why")).to_contain_text("asked for a human")
    console.is_given()
    console.reply(f"您好 {scene}, this is Xiaohe. 稍等")
    chat.sees(f"您好 {scene}, this is Xiaohe. 稍等")
    expect(console.page.locator(".zg-agent .zg-chip", has_text="sending")).to_have_count(0)
    console.close()
    answer = chat.ask(question)
    assert all(part in answer for part in parts)
    expect(chat.page.get_by_text("Xiaohe. 稍等")).to_have_count(1)


# --- point 3: what the agent sees ---------------------------------------------------------------------------------------


def test_the_agent_sees_customer_orders_and_cart_and_the_bot_stays_silent(
    demo: Demo, context: Any, console: Console
) -> None:
    lin = telegram_chat(context, demo.addresses, "zh", 1001)
    lin.ask("转人工")
    lin.tell("购物车里那条裙子能便宜点吗 5512")
    console.open("5512")
    side = console.page.locator(".zg-side")
    expect(side).to_contain_text("林悦")
    expect(side).to_contain_text(demo.order("lin", "shipped")["number"])
    expect(side.locator(".zg-order").first).to_contain_text("Linen Dress")
    expect(side).to_contain_text("Open cart")
    console.is_given()
    said = lin.shop.count()
    lin.tell("七天无理由怎么退")
    demo.settle()
    lin.page.wait_for_timeout(1500)
    assert lin.shop.count() == said
    console.close()
    assert "7天内" in lin.ask("七天无理由怎么退")


def test_a_link_of_the_command_line_opens_the_console_of_a_demo_whose_clock_was_turned_forward(demo: Demo) -> None:
    demo.post("/demo/clock?minutes=30")  # longer than a link is good for
    link = run_command("agents", "link", "demo", "--dir", str(demo.folder))
    opened = httpx.get(link.stdout.strip(), trust_env=False, timeout=60)
    assert opened.status_code == 303, link.stderr
    assert opened.headers["location"] == "/console/"


# --- point 4: clock, cart and flash sale --------------------------------------------------------------------------------


def test_an_open_cart_gets_one_follow_up_and_a_paid_one_none(demo: Demo, context: Any) -> None:
    lin = telegram_chat(context, demo.addresses, "zh", 1001)
    chen = wechat_chat(context, demo.addresses, "zh", "oQingheChen")
    chen.ask("七天无理由怎么退")  # a window is open: nothing but the payment keeps the bot from writing to him
    page = context.new_context(locale="en-US").new_page()
    page.goto(demo.web)
    before = page.locator("#time").inner_text()
    page.locator("[data-post='/demo/pay']").click()
    expect(page.locator("#said")).not_to_have_text("")
    assert demo.post("/demo/pay") == {"paid": False}  # the page's button has paid it
    page.locator("[data-post='/demo/clock?minutes=60']").click()
    expect(page.locator("#time")).not_to_have_text(before)
    lin.sees("购物车里的")
    assert "亚麻连衣裙" in lin.shop.filter(has_text="购物车里的").inner_text()
    buttons = lin.page.locator("#log li", has_text="购物车里的").locator(".keys button")
    expect(buttons.filter(has_text="找专属客服")).to_have_count(1)
    expect(buttons.filter(has_text="不再提醒")).to_have_count(1)
    moved = run_command("demo", "--clock", "60", "--port", str(demo.port))
    assert moved.returncode == 0, moved.stderr
    assert "clock" in moved.stderr
    demo.settle()
    page.wait_for_timeout(2000)
    lin.sees("购物车里的", times=1)
    chen.sees("购物车里的", times=0)


def test_a_flash_sale_is_announced_and_never_oversold(demo: Demo, context: Any) -> None:
    visitor = web_chat(context, demo.addresses, "zh")
    group = telegram_chat(context, demo.addresses, "zh", 1003, group=-1001)
    guest = telegram_chat(context, demo.addresses, "en", 1002)
    late = wechat_chat(context, demo.addresses, "zh", "oQingheGuest")
    page = context.new_context(locale="zh-CN").new_page()
    page.goto(demo.web)
    page.locator("[data-post='/demo/sale']").click()
    group.sees("限时秒杀")
    visitor.sees("限时秒杀")
    assert "3 件" in group.shop.filter(has_text="限时秒杀").inner_text()

    won = group.choose("我要抢")
    assert "恭喜" in won
    assert "还剩 2 件" in won
    assert "还剩 1 件" in visitor.choose("我要抢")
    assert "还剩 0 件" in guest.ask("抢")
    assert "抢完" in late.ask("抢")
    assert "已经抢到" in visitor.ask("抢")
    page.locator("[data-post='/demo/sale']").click()  # it runs already: nothing is announced twice
    demo.settle()
    visitor.sees("限时秒杀", times=1)


# --- point 5: files -----------------------------------------------------------------------------------------------------


def test_an_edited_file_answers_at_once_and_a_broken_one_is_named(demo: Demo, context: Any, console: Console) -> None:
    entry = demo.folder / "knowledge" / "zh" / "care" / "care-silk.md"
    first = entry.read_text(encoding="utf-8")
    chat = web_chat(context, demo.addresses, "zh")
    assert "中性洗涤剂" in chat.ask("真丝裙子怎么洗")
    banner = console.page.locator(".zg-faults")
    expect(banner).to_be_hidden()
    head = first.rpartition("---\n")[0]
    try:
        entry.write_text(head + "---\n真丝请只用冷水，轻轻按压。\n", encoding="utf-8")
        answered_with(chat, "真丝裙子怎么洗", "轻轻按压", within=6)

        broken = entry.read_text(encoding="utf-8").replace("\nask:", "\naks:")
        line = 1 + broken[: broken.index("aks:")].count("\n")
        entry.write_text(broken, encoding="utf-8")
        place = re.compile(rf"care-silk\.md:{line}\b")
        wait_for(lambda: any(place.search(said) for said in demo.talk), 10, f"care-silk.md:{line} on the terminal")
        said = next(said for said in demo.talk if place.search(said))
        assert "ask" in said.partition("aks")[2], said  # it names the right key
        expect(banner).to_be_visible(timeout=5000)
        banner.get_by_text("Show").click()
        expect(banner).to_contain_text(place)
        assert "轻轻按压" in chat.ask("真丝裙子怎么洗")
    finally:
        entry.write_text(first, encoding="utf-8")
    expect(banner).to_be_hidden(timeout=10_000)
    answered_with(chat, "真丝裙子怎么洗", "中性洗涤剂", within=6)


def answered_with(chat: Chat, question: str, words: str, within: int) -> None:
    """Ask again, every second and a half, until the answer holds `words`."""
    answers = []
    for _ in range(within):
        answers.append(chat.ask(question))
        if words in answers[-1]:
            return
        chat.page.wait_for_timeout(1500)
    pytest.fail(f"{words} is in none of {answers}")


# --- bad input ----------------------------------------------------------------------------------------------------------

TELEGRAM, WECHAT, WEB = "telegram:shopbot", "wechat:gh_qinghe", "web:shop"
TELEGRAM_SECRET = {"X-Telegram-Bot-Api-Secret-Token": "demo-webhook-secret"}
SIGNED = "?signature=0&timestamp=1&nonce=1&encrypt_type=aes&msg_signature=0"
BAD_CALLBACKS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "telegram, no secret": (TELEGRAM, "/telegram/shopbot/webhook", {}, b'{"update_id": 1}'),
    "telegram, wrong secret": (TELEGRAM, "/telegram/shopbot/webhook", {"X-Telegram-Bot-Api-Secret-Token": "x"}, b"{}"),
    "telegram, no JSON": (TELEGRAM, "/telegram/shopbot/webhook", TELEGRAM_SECRET, b"\xff\x00{"),
    "telegram, deep JSON": (TELEGRAM, "/telegram/shopbot/webhook", TELEGRAM_SECRET, b"[" * 100_000),
    "telegram, no object": (TELEGRAM, "/telegram/shopbot/webhook", TELEGRAM_SECRET, b"[1]"),
    "telegram, too long": (TELEGRAM, "/telegram/shopbot/webhook", TELEGRAM_SECRET, b" " * 300_000),
    "wechat, unsigned": (WECHAT, "/wechat/gh_qinghe/callback", {}, b"<xml></xml>"),
    "wechat, wrongly signed": (
        WECHAT,
        f"/wechat/gh_qinghe/callback{SIGNED}",
        {},
        b"<xml><Encrypt>AA==</Encrypt></xml>",
    ),
    "wechat, no XML": (WECHAT, f"/wechat/gh_qinghe/callback{SIGNED}", {}, b"\xff\xfe\x00"),
    "wechat, too long": (WECHAT, f"/wechat/gh_qinghe/callback{SIGNED}", {}, b"<" * 70_000),
    "web, no token": (WEB, "/webchat/shop/messages", {}, b'{"token": "", "client_id": "a", "text": "hi"}'),
    "web, forged token": (WEB, "/webchat/shop/messages", {}, b'{"token": "a.b", "client_id": "a", "text": "hi"}'),
    "web, no JSON": (WEB, "/webchat/shop/messages", {}, b"\xff\x00"),
    "web, half an emoji": (WEB, "/webchat/shop/messages", {}, b'{"token": "a", "client_id": "a", "text": "\\ud800"}'),
    "web, session of garbage": (WEB, "/webchat/shop/session", {}, b"[[["),
}


@pytest.mark.parametrize("case", BAD_CALLBACKS)
def test_a_bad_callback_is_refused_and_counted(case: str, demo: Demo) -> None:
    channel, path, headers, body = BAD_CALLBACKS[case]
    before = demo.refused(channel)
    answer = httpx.post(demo.web + path, headers=headers, content=body, trust_env=False)
    assert 400 <= answer.status_code < 500
    assert demo.refused(channel) == before + 1


def test_a_port_in_use_is_one_line_and_exit_2(demo: Demo, tmp_path: Path) -> None:
    second = run_command("demo", "--port", str(demo.port), "--dir", str(tmp_path / "second"))
    assert second.returncode == 2
    assert second.stdout == ""
    assert len(second.stderr.splitlines()) == 1
    assert str(demo.port) in second.stderr
    assert not (tmp_path / "second").exists()
    assert demo.get("/livez") == {"status": "ok"}


def test_a_second_demo_in_the_same_folder_is_one_line_and_exit_2_and_the_first_goes_on(demo: Demo) -> None:
    settings = (demo.folder / "shop.toml").read_text(encoding="utf-8")
    second = run_command("demo", "--port", str(free_port()), "--dir", str(demo.folder))
    assert (second.returncode, second.stdout) == (2, "")
    assert len(second.stderr.splitlines()) == 1
    assert "--dir" in second.stderr
    assert (demo.folder / "shop.toml").read_text(encoding="utf-8") == settings
    assert len(demo.get("/demo/state")["orders"]) >= 30
    assert demo.get("/readyz")["status"] == "ok"


@pytest.mark.parametrize("control", ["clock?minutes=15", "sale", "pay", "console"])
@pytest.mark.parametrize(
    "header", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Host": "shop.example:8080"}]
)
def test_the_demos_controls_answer_no_other_web_site(demo: Demo, control: str, header: dict[str, str]) -> None:
    before = demo.get("/demo/state")["time"]
    answer = httpx.post(f"{demo.web}/demo/{control}", headers=header, trust_env=False)
    assert answer.status_code == 403
    assert demo.get("/demo/state")["time"][:13] == before[:13]


def test_a_name_that_was_made_to_lead_to_this_machine_reads_nothing(demo: Demo) -> None:
    for host in ("shop.example", f"shop.example:{demo.port}", "127.0.0.1:1", ""):
        assert httpx.get(f"{demo.web}/demo/state", headers={"Host": host}, trust_env=False).status_code == 403, host
    for host in (f"127.0.0.1:{demo.port}", f"localhost:{demo.port}"):
        assert httpx.get(f"{demo.web}/demo/state", headers={"Host": host}, trust_env=False).status_code == 200, host
    own = {"Sec-Fetch-Site": "same-origin"}
    assert httpx.post(f"{demo.web}/demo/console", headers=own, trust_env=False).status_code == 303


def test_the_clock_of_no_demo_is_one_line_and_exit_2() -> None:
    answer = run_command("demo", "--clock", "60", "--port", "9")
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1


# --- the demo's own page ------------------------------------------------------------------------------------------------


FRAMES = ("#telegram", "#wechat", "#wecom", "#miniprogram")


@pytest.mark.parametrize(("width", "height", "dark"), [(1366, 768, False), (1366, 768, True), (390, 844, False)])
def test_the_demos_page_fits_and_shows_a_chat_for_each_platform(
    width: int, height: int, dark: bool, demo: Demo, context: Any
) -> None:
    opened = context.new_context(
        locale="en-US", viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page = opened.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(demo.web)
    panels = [page.locator(where) for where in ("#web > zhanggui-chat", *FRAMES)]
    expect(page.locator("zhanggui-chat").get_by_role("log")).to_contain_text("bot", timeout=ANSWER_MS)
    for frame in FRAMES:
        page.locator(frame).scroll_into_view_if_needed()  # the lower ones are fetched when they are looked at
        expect(page.frame_locator(frame).get_by_role("textbox", name="message")).to_be_attached()
    boxes = [panel.bounding_box() for panel in panels]
    assert len({box["height"] for box in boxes}) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
    page.locator("#language").click()
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    expect(page.locator("#try")).to_contain_text("七天无理由怎么退")
    assert faults == []
