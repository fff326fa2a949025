"""What agents do all day, in a real browser against a real server: by keys, side by side, on a phone, on a bad line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.knowledge.fields import REPLY_FIELDS
from bot.store import tables as t
from handoff import people
from handoff.console import keys
from handoff.console.labels import LABELS
from tests.browser.stand import Console, agents, browser, choose, serving, wait_until

FIELD = ".zg-field textarea"
SHOWN = "(document.querySelector('.zg-composer').dataset.talk || '')"
CHOSEN = "((field) => field.value.slice(field.selectionStart, field.selectionEnd))(document.querySelector('textarea'))"


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with serving(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as started:
        yield started


@pytest.fixture
def agent(chromium: Any, console: Console) -> Iterator[Callable[..., Any]]:
    with agents(chromium, console) as page:
        yield page


def notes_of(console: Console, talk: str) -> list[tuple[str, str]]:
    of_talk = select(t.notes.c.kind, t.notes.c.text).where(t.notes.c.conversation_id == talk).order_by(t.notes.c.id)
    return console.do(lambda c: [(row.kind, row.text) for row in c.execute(of_talk)])


def owner_of(console: Console, talk: str) -> tuple[str, str | None]:
    columns = t.conversations.c.owner, t.conversations.c.agent_id
    of_talk = select(*columns).where(t.conversations.c.id == talk)
    row = console.do(lambda c: c.execute(of_talk).one())
    return row.owner, row.agent_id


def said_by_agents(console: Console, talk: str) -> list[str]:
    query = select(t.outbox.c.text).where(t.outbox.c.conversation_id == talk, t.outbox.c.purpose == "human")
    return console.do(lambda c: list(c.execute(query.order_by(t.outbox.c.id)).scalars()))


def open_by_keys(page: Any, tab: str, talk: str) -> None:
    """Go to a tab with Alt+G, and through its list with Alt+J until the conversation is shown."""
    name_of_tab = "document.querySelector('.zg-tab.zg-on').innerText.split('\\n')[0]"
    while (shown_tab := page.evaluate(name_of_tab)) != tab:
        page.keyboard.press("Alt+g")
        page.wait_for_function(f"(tab) => {name_of_tab} !== tab", arg=shown_tab)
    passed = []
    for _ in range(30):
        if (shown := page.evaluate(SHOWN)) == talk:
            return
        passed.append(shown)
        page.keyboard.press("Alt+j")
        page.wait_for_function(f"(shown) => {SHOWN} !== shown", arg=shown)
    raise AssertionError(f"it was not among {passed}")


def test_a_whole_day_goes_by_without_the_mouse(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Emma", "How long does shipping take?")
    li, wang = agent("a0"), agent("a1")
    li.mouse.move(0, 0)
    open_by_keys(li, "Waiting", talk)
    li.keyboard.press("Alt+t")
    li.wait_for_selector(f"{FIELD}:visible")
    li.wait_for_function("document.activeElement.tagName === 'TEXTAREA'")
    li.keyboard.type("/hello")
    li.wait_for_selector(".zg-canned [aria-selected=true] >> text=/hello")
    li.keyboard.press("Enter")
    assert li.locator(FIELD).input_value().startswith("Hello Emma, this is Li Na from Qinghe.")
    li.keyboard.press("Enter")
    li.wait_for_selector(".zg-agent .zg-text >> text=Hello Emma")
    console.says(talk, "How long does delivery take?")
    li.wait_for_selector(".zg-suggested")
    li.keyboard.press("Alt+a")
    li.wait_for_function(f"document.querySelector('{FIELD}').value.length > 20")
    suggested = li.locator(FIELD).input_value()
    assert suggested.splitlines()[0] in li.locator(".zg-suggested-text").first.inner_text()
    li.keyboard.press("Enter")
    li.wait_for_function("document.querySelectorAll('.zg-agent').length === 2")
    li.keyboard.press("Alt+p")
    li.wait_for_selector(".zg-writes-note")
    li.keyboard.type("asked twice")
    li.keyboard.press("Enter")
    li.wait_for_selector(".zg-note .zg-text >> text=asked twice")
    li.keyboard.press("Alt+x")
    li.wait_for_selector(".zg-dialog [type=radio]:focus")
    assert li.locator(".zg-radio-row:has(:checked)").inner_text().startswith("Wang Wei · on, ")
    li.keyboard.press("Tab")
    li.keyboard.type("knows parcels")
    li.keyboard.press("Enter")
    wait_until(lambda: owner_of(console, talk) == ("agent", "a1"))
    open_by_keys(wang, "Mine", talk)
    wang.keyboard.press("Alt+l")
    wang.wait_for_function("document.activeElement.tagName === 'TEXTAREA'")
    wang.keyboard.type("On its way.")
    wang.keyboard.press("Enter")
    wang.wait_for_selector(".zg-agent .zg-text >> text=On its way.")
    wang.keyboard.press("Alt+e")
    wang.wait_for_selector(".zg-dialog [type=radio]:focus")
    wang.keyboard.press("ArrowDown")
    wang.keyboard.press("Tab")
    wang.keyboard.type("writes on Monday")
    wang.keyboard.press("Enter")
    wait_until(lambda: owner_of(console, talk) == ("closed", None))
    assert notes_of(console, talk)[-3:] == [
        ("note", "asked twice"),
        ("transferred", "→ Wang Wei · knows parcels"),
        ("closed", "waiting: writes on Monday"),
    ]
    assert said_by_agents(console, talk)[1:] == [suggested, "On its way."]
    asked = select(t.timers.c.key).where(t.timers.c.kind == "csat", t.timers.c.key.like(f"csat:{talk}%"))
    assert console.do(lambda c: c.execute(asked).scalars().all())


def test_who_passes_on_reads_what_will_happen_and_can_choose_the_queue(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Tilda", "hello")
    page = agent("a0")
    take(page, talk)
    console.do(lambda c: c.execute(t.agents.update().where(t.agents.c.id == "a1").values(status="off")))
    page.keyboard.press("Alt+x")
    page.wait_for_selector(".zg-dialog [type=radio]:focus")
    page.wait_for_selector(".zg-radio-row >> text=Wang Wei · not at work")
    page.click(".zg-radio-row >> text=Queue · whoever has room next")
    page.locator(".zg-dialog input.q-field__native").fill("not mine")
    page.keyboard.press("Enter")
    wait_until(lambda: owner_of(console, talk) == ("queue", None))
    assert notes_of(console, talk)[-1] == ("handoff", "not mine")
    console.do(lambda c: c.execute(t.agents.update().where(t.agents.c.id == "a1").values(status="on")))


def test_close_and_next_leads_to_the_next_conversation(agent: Callable[..., Any], console: Console) -> None:
    first, second = console.waiting("Ann", "one"), console.waiting("Ben", "two")
    page = agent("a1")
    for talk in (first, second):
        page.click(".zg-tab >> text=Waiting")
        choose(page, talk)
        page.keyboard.press("Alt+t")
        page.wait_for_selector(f"{FIELD}:visible")
    page.keyboard.press("Control+Alt+e")
    page.wait_for_selector(".zg-dialog [type=radio]:focus")
    page.keyboard.press("Enter")
    wait_until(lambda: owner_of(console, second)[0] == "closed")
    page.wait_for_selector(f".zg-composer:not([data-talk={second}])")


def test_a_snoozed_conversation_says_until_when(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Cleo", "later please")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.keyboard.press("Alt+t")
    page.wait_for_selector(f"{FIELD}:visible")
    page.keyboard.press("Alt+m")
    page.wait_for_selector(".zg-dialog [type=radio]:focus")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".zg-mark-snoozed >> text=Snoozed by Li Na until")
    page.wait_for_selector(f".zg-card[data-talk={talk}] .zg-time >> nth=0")
    until = select(t.conversations.c.snoozed_until).where(t.conversations.c.id == talk)
    left = console.do(lambda c: c.execute(until).scalar_one()) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=58) < left <= timedelta(hours=2)


def test_the_card_and_the_head_name_the_nearest_end_and_what_happens_then(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Sven", "hello")
    page = agent("a0")
    take(page, talk)
    for place in (".zg-head", f".zg-card[data-talk={talk}]"):
        page.wait_for_selector(f"{place} [data-end=duty] >> text=else back to the queue")
    page.wait_for_selector(".zg-head [data-end=first].zg-bad >> text=overdue")
    page.locator(FIELD).fill("here I am")
    page.locator(FIELD).press("Enter")
    page.wait_for_selector(".zg-head [data-end=duty]", state="detached")
    page.wait_for_selector(f".zg-card[data-talk={talk}] [data-end]", state="detached")


def test_an_open_page_says_on_and_the_agent_can_say_away(agent: Callable[..., Any], console: Console) -> None:
    page = agent("a1")
    page.wait_for_selector(".zg-status[data-status=on]")
    page.keyboard.press("Alt+s")
    page.wait_for_selector(".zg-status[data-status=away] >> text=away")
    status = select(t.agents.c.status).where(t.agents.c.id == "a1")
    assert console.do(lambda c: c.execute(status).scalar_one()) == "away"
    page.keyboard.press("Alt+s")
    page.keyboard.press("Alt+s")
    page.wait_for_selector(".zg-status[data-status=on]")


def test_a_draft_survives_a_reload_and_another_browser_and_is_gone_once_sent(
    agent: Callable[..., Any], console: Console
) -> None:
    talk, other = console.waiting("Dora", "hello"), console.waiting("Eve", "hello")
    page = agent("a0")
    for key in (other, talk):
        page.click(".zg-tab >> text=Waiting")
        choose(page, key)
        page.keyboard.press("Alt+t")
        page.wait_for_selector(f"{FIELD}:visible")
    page.locator(FIELD).fill("Dear Dora, I have")
    choose(page, other)
    assert page.locator(FIELD).input_value() == ""
    choose(page, talk)
    assert page.locator(FIELD).input_value() == "Dear Dora, I have"
    page.locator(FIELD).press_sequentially(" looked")
    drafts = select(t.drafts.c.text).where(t.drafts.c.conversation_id == talk)
    wait_until(lambda: console.do(lambda c: c.execute(drafts).scalar()) == "Dear Dora, I have looked")
    page.reload()
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    assert page.locator(FIELD).input_value() == "Dear Dora, I have looked"
    elsewhere = agent("a0")
    choose(elsewhere, talk)
    assert elsewhere.locator(FIELD).input_value() == "Dear Dora, I have looked"
    elsewhere.locator(FIELD).press("Enter")
    elsewhere.wait_for_selector(".zg-agent .zg-text >> text=Dear Dora")
    wait_until(lambda: console.do(lambda c: c.execute(drafts).scalar()) is None)


def test_others_see_who_is_writing_and_who_wrote_last_has_no_notice(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Finn", "hello")
    li, lead = agent("a0"), agent("a2")
    for page in (li, lead):
        page.click(".zg-tab >> text=Waiting")
        choose(page, talk)
    li.keyboard.press("Alt+t")
    li.wait_for_selector(f"{FIELD}:visible")
    li.locator(FIELD).press_sequentially("I am look")
    lead.wait_for_selector(".zg-collision:visible >> text=Li Na is writing here now", timeout=4000)
    assert not li.locator(".zg-collision").is_visible()
    li.locator(FIELD).press("Enter")
    lead.wait_for_selector(".zg-collision", state="hidden")


def test_a_reply_with_a_hole_is_not_sent_and_not_lost(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Gus", "where is it")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.keyboard.press("Alt+t")
    page.wait_for_selector(f"{FIELD}:visible")
    page.locator(FIELD).press_sequentially("/order-found")
    page.wait_for_selector(".zg-canned")
    page.keyboard.press("Tab")
    page.wait_for_function(f"{CHOSEN} === '{{order.number}}'")
    page.keyboard.press("Enter")
    page.wait_for_selector(".q-notification >> text={order.number}")
    page.wait_for_function(f"document.querySelector('{FIELD}').value.includes('{{order.total}}')")
    assert said_by_agents(console, talk) == []


def test_the_customer_who_types_is_seen_until_they_have_said_it(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Hana", "hello")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    assert not page.locator(".zg-typing").is_visible()
    until = datetime.now(UTC) + timedelta(seconds=6)
    types = t.conversations.update().where(t.conversations.c.id == talk).values(customer_typing_until=until)
    console.do(lambda c: c.execute(types))
    page.wait_for_selector(".zg-typing:visible >> text=Hana is typing", timeout=3000)
    console.says(talk, "here")
    page.wait_for_selector(".zg-typing", state="hidden", timeout=3000)


def test_a_page_that_lost_its_connection_catches_up_by_itself(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Ida", "first")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.evaluate("window.stayed = true")
    page.context.set_offline(True)
    page.wait_for_timeout(500)
    console.says(talk, "while you were away")
    page.wait_for_timeout(1500)
    assert page.locator(".zg-customer .zg-text >> text=while you were away").count() == 0
    page.context.set_offline(False)
    page.wait_for_selector(".zg-customer .zg-text >> text=while you were away", timeout=15_000)
    assert page.evaluate("window.stayed")


@contextmanager
def cut_off(page: Any) -> Iterator[None]:
    """Cut the page's line, and mend it at the end."""
    page.context.set_offline(True)
    try:
        yield
    finally:
        page.context.set_offline(False)


def take(page: Any, talk: str) -> None:
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.keyboard.press("Alt+t")
    page.wait_for_selector(f"{FIELD}:visible")


def test_a_reply_said_on_a_dead_line_survives_the_page_and_is_sent_once_on_return(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Quentin", "hello")
    page = agent("a0")
    take(page, talk)
    with cut_off(page):
        page.locator(FIELD).fill("Yes, <b>tomorrow</b>")
        page.locator(FIELD).press("Enter")
        page.wait_for_selector(".zg-unsent-row >> text=waits for the connection")
        assert page.locator(".zg-unsent-row button").count() == 0
        page.goto("about:blank")
    assert said_by_agents(console, talk) == []
    page.goto(f"{console.address}/?c={talk}")
    page.wait_for_selector(f".zg-card[data-talk={talk}][data-unsent]")
    kept = page.evaluate("JSON.stringify({...localStorage})")
    page.wait_for_selector(".zg-unsent-row >> text=Yes, <b>tomorrow</b>")
    page.click(".zg-unsent-row >> text=Send")
    page.wait_for_selector(".zg-unsent-row", state="detached")
    assert said_by_agents(console, talk) == ["Yes, <b>tomorrow</b>"]
    # The server had it, and only its word did not reach the browser: nobody is asked to send it again.
    page.evaluate("(kept) => Object.assign(localStorage, JSON.parse(kept))", kept)
    page.reload()
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    page.wait_for_function("!Object.keys(localStorage).some((name) => name.startsWith('zg-unsent:'))")
    assert page.locator(".zg-unsent-row").count() == 0
    assert said_by_agents(console, talk) == ["Yes, <b>tomorrow</b>"]


def test_what_the_page_still_shows_as_a_note_is_said_to_nobody(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Ruth", "hello")
    page = agent("a0")
    take(page, talk)
    page.keyboard.press("Alt+p")
    page.wait_for_selector(".zg-writes-note")
    page.locator(FIELD).fill("she sounds angry")
    page.locator(FIELD).press("Enter")
    page.wait_for_selector(".zg-composer:not(.zg-writes-note)")
    # So it looks for as long as the line takes: the first note is kept, and the page has not been told yet.
    page.evaluate("document.querySelector('.zg-composer').dataset.mode = 'note'")
    page.locator(FIELD).fill("give her nothing")
    page.locator(FIELD).press("Enter")
    page.wait_for_selector(".zg-note .zg-text >> text=give her nothing")
    assert said_by_agents(console, talk) == []


def test_what_is_meant_as_a_note_is_said_to_nobody_while_the_page_still_shows_a_reply(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Ruben", "hello")
    page = agent("a0")
    take(page, talk)
    page.keyboard.press("Alt+p")
    page.wait_for_selector(".zg-writes-note")
    # So it looks for as long as the line takes: the server writes a note, and the page has not been told yet.
    page.evaluate("document.querySelector('.zg-composer').dataset.mode = 'reply'")
    page.locator(FIELD).fill("he sounds angry")
    assert page.evaluate("document.querySelector('.zg-composer').dataset.mode") == "reply"
    page.locator(FIELD).press("Enter")
    page.wait_for_selector(".zg-note .zg-text >> text=he sounds angry")
    assert said_by_agents(console, talk) == []


def test_what_was_not_sent_can_be_thrown_away_and_is_nobody_elses(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Rosa", "hello")
    page = agent("a0")
    take(page, talk)
    with cut_off(page):
        page.keyboard.press("Alt+l")
        page.locator(FIELD).fill("never mind")
        page.locator(FIELD).press("Enter")
        page.goto("about:blank")
    token = "lead-on-the-same-computer"
    console.do(lambda c: people.create_link(c, "a2", token, datetime.now(UTC)))
    page.goto(f"{console.address}/login?token={token}")
    page.goto(f"{console.address}/?c={talk}")
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    page.wait_for_function("Object.keys(localStorage).some((name) => name.startsWith('zg-unsent:'))")
    page.wait_for_timeout(2500)  # it would be shown after two seconds
    assert page.locator(".zg-unsent-row").count() == 0
    token = "and-back"
    console.do(lambda c: people.create_link(c, "a0", token, datetime.now(UTC)))
    page.goto(f"{console.address}/login?token={token}")
    page.goto(f"{console.address}/?c={talk}")
    page.click(".zg-unsent-row >> text=Discard")
    page.wait_for_selector(".zg-unsent-row", state="detached")
    page.reload()
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('zg-unsent:'))") == []
    assert said_by_agents(console, talk) == []


def test_a_person_is_found_by_name_order_and_words_and_the_search_is_left_by_escape(
    agent: Callable[..., Any], console: Console
) -> None:
    talk = console.waiting("Jule Kranich", "My 100% wool scarf has a hole_in it")
    page = agent("a0")
    page.keyboard.press("Control+k")
    page.keyboard.type("kranich")
    page.wait_for_selector(f"[data-found={talk}] .zg-name >> text=Jule Kranich")
    page.locator(".zg-search input").fill("100% WOOL")
    page.wait_for_selector(f"[data-found={talk}] .zg-last >> text=My 100% wool scarf")
    page.locator(".zg-search input").press("Enter")
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    page.locator(".zg-search input").fill("100_ wool")
    page.wait_for_selector(".zg-found >> text=Nothing found")
    page.keyboard.press("Escape")
    page.wait_for_selector(".zg-found", state="hidden")
    assert page.locator(".zg-card").first.is_visible()


def test_the_same_persons_other_channel_stands_beside_and_no_other_persons(
    agent: Callable[..., Any], console: Console
) -> None:
    here = console.waiting("Kim", "on the web")
    there = console.waiting("Kim", "in Telegram", channel="telegram:shopbot", person=f"p-{here}")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, here)
    page.wait_for_selector(".zg-elsewhere >> text=Telegram")
    page.keyboard.press("Alt+i")
    page.wait_for_selector(".zg-beside:visible .zg-text >> text=in Telegram")
    assert page.locator(".zg-beside textarea").count() == 0
    assert page.locator(".zg-elsewhere").count() == 1
    page.keyboard.press("Alt+i")
    page.wait_for_selector(".zg-beside", state="hidden")
    assert there != here


def test_new_messages_ring_unless_muted_and_stand_in_the_title(agent: Callable[..., Any], console: Console) -> None:
    page = agent("a0")
    page.mouse.click(700, 500)
    page.wait_for_timeout(400)
    console.waiting("Lou", "ring")
    page.wait_for_function("document.documentElement.dataset.rang === '1'")
    assert re.match(r"\(\d+\) ", page.title())
    page.keyboard.press("Alt+u")
    page.wait_for_selector("[aria-pressed=false] >> nth=0")
    page.wait_for_function("document.querySelector('.zg-root').dataset.sound === '0'")
    before = page.title()
    console.waiting("Max", "quiet")
    page.wait_for_function("(before) => document.title !== before", arg=before)
    assert page.evaluate("document.documentElement.dataset.rang") == "1"
    page.reload()
    page.wait_for_function("document.querySelector('.zg-root').dataset.sound === '0'")


def test_a_screen_reader_is_told_what_a_customer_wrote(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Nora", "hello")
    page = agent("a0")
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.wait_for_timeout(300)
    console.says(talk, "are you there?")
    page.wait_for_function("document.querySelector('.zg-live').textContent === 'Nora: are you there?'")
    assert page.locator(".zg-live").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(agent: Callable[..., Any], console: Console, scheme: str) -> None:
    talk = console.waiting("Olga", "How long does shipping take?")
    page = agent("a2", color_scheme=scheme)
    assert faults(page) == []
    page.click(".zg-tab >> text=Waiting")
    choose(page, talk)
    page.keyboard.press("Alt+t")
    page.wait_for_selector(f"{FIELD}:visible")
    page.wait_for_timeout(500)
    assert faults(page) == []
    for key in ("Alt+e", "Alt+x", "Alt+m"):
        page.keyboard.press(key)
        page.wait_for_selector(".zg-dialog [type=radio]:focus")
        page.wait_for_timeout(500)
        assert faults(page, ".q-dialog") == [], key
        page.keyboard.press("Escape")
        page.wait_for_selector(".zg-dialog", state="detached")
    page.click(".zg-tab >> text=All")
    choose(page, "v5")
    page.wait_for_timeout(300)
    assert faults(page) == []


def faults(page: Any, inside: str | None = None) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, inside).response["violations"]
    return [f"{one['id']}: {node['html'][:160]} {node['failureSummary']}" for one in found for node in one["nodes"]]


CUT_OFF = """(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText)"""


def test_nothing_in_the_bar_or_the_head_is_squeezed_on_a_laptop(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Theodora Papadopoulou", "hello")
    page = agent("a2")
    take(page, talk)
    page.wait_for_selector(".zg-head [data-end=duty]")
    chips = page.locator(".zg-head .zg-chip")
    assert chips.count() >= 5, "the channel, whose it is, and three ends"
    assert chips.evaluate_all(CUT_OFF) == []
    assert {round(chips.nth(n).bounding_box()["height"]) for n in range(chips.count())} == {18}, "one line each"
    icons = page.locator(".zg-bar .q-icon, .zg-head .q-icon")
    assert icons.evaluate_all(CUT_OFF) == [], "a name that the font of icons has not is shown as letters"


def test_a_link_to_a_conversation_opens_it_on_a_phone(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Ulla", "hello from my phone")
    page = agent("a1", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.goto(f"{console.address}/?c={talk}")
    page.wait_for_selector(".zg-customer .zg-text >> text=hello from my phone", state="visible")
    page.goto(f"{console.address}/?c=nothing-of-the-kind")
    page.wait_for_selector(".zg-tab", state="visible")


def test_it_works_on_a_phone(agent: Callable[..., Any], console: Console) -> None:
    talk = console.waiting("Pia with a very long name indeed", "hello " * 60, channel="wechat:gh_qinghe")
    page = agent("a0", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)

    def fits() -> bool:
        return bool(page.evaluate("document.documentElement.scrollWidth <= 360"))

    page.tap(".zg-tab >> text=Waiting")
    assert fits()
    page.tap(f".zg-card[data-talk={talk}]")
    page.wait_for_selector(f".zg-composer[data-talk={talk}]")
    assert not page.locator(".zg-list").is_visible()
    page.tap(".zg-actions .zg-primary")
    page.locator(FIELD).fill("Hello Pia")
    page.tap(".zg-send")
    page.wait_for_selector(".zg-agent .zg-text >> text=Hello Pia")
    assert fits()
    assert faults(page) == []
    page.tap(".zg-head .zg-narrow")
    page.wait_for_selector(".zg-side:visible")
    assert fits()
    page.tap(".zg-side .zg-narrow")
    page.tap(".zg-head .zg-phone")
    page.wait_for_selector(f".zg-card[data-talk={talk}]:visible")


def test_nothing_moves_for_who_wants_no_motion(agent: Callable[..., Any]) -> None:
    page = agent("a0", reduced_motion="reduce")
    lengths = (
        "[...new Set([...document.querySelectorAll('.zg-root *')].map((e) => getComputedStyle(e).transitionDuration))]"
    )
    assert page.evaluate(lengths) == ["0s"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_help_shows_every_key_and_each_is_heard(agent: Callable[..., Any], language: str) -> None:
    page = agent("a0", locale="en-US" if language == "en" else "zh-CN")
    page.keyboard.press("?")
    page.wait_for_selector(".zg-keys")
    shown = page.locator(".zg-keys > *").all_inner_texts()
    rows = dict(zip(shown[::2], shown[1::2], strict=True))
    assert rows == {keys_: LABELS[language][f"keys_{action}"] for keys_, action in keys.rows()}
    heard = page.evaluate("zgStart.keys.map((key) => key.action)")
    assert [key.action for key in keys.KEYS] == heard


@pytest.mark.parametrize("page", ["answer-customers.md"])
def test_the_page_in_the_docs_has_the_real_key_map(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \| (.+?) \|$", text, re.MULTILINE)
    keys_of = [(" · ".join(re.findall(r"`(.+?)`", shown)), words) for shown, words in rows]
    real = [(shown, LABELS["en"][f"keys_{action}"]) for shown, action in keys.rows()]
    assert [row for row in keys_of if row in real] == real
    named = set(re.findall(r"\{([a-z]+\.[a-z]+)\}", text))
    assert named >= REPLY_FIELDS
