"""Whatever a customer writes, in whatever field, is shown as text and never runs: in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.store import tables as t
from handoff import desk, drafts, people
from handoff.drafts import Draft
from tests.browser.stand import Console, agents, browser, choose, serving

PAYLOADS = (
    "<script>window.hacked=1</script>",
    '<img src=x onerror="window.hacked=1">',
    "<svg onload=window.hacked=1>",
    '"><svg/onload=window.hacked=1>',
    "' onfocus=window.hacked=1 autofocus x='",
    "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "<details open ontoggle=window.hacked=1>",
    "<body onload=window.hacked=1>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=window.hacked=1>",
    "</textarea><img src=x onerror=window.hacked=1>",
    "</script><script>window.hacked=1</script>",
    "<a href='javascript:window.hacked=1'>go</a>",
    "javascript:window.hacked=1",
    '[go](javascript:window.hacked=1) ![x](x"onerror="window.hacked=1)',
    "{{constructor.constructor('window.hacked=1')()}}",
    "${window.hacked=1} `${window.hacked=1}`",
    "');window.hacked=1;//",
    "\\u003cimg src=x onerror=window.hacked=1\\u003e",
    "&lt;img src=x onerror=window.hacked=1&gt;",
    "\u2028window.hacked=1\u2029</style><style>*{display:none}</style>",
)
LONG_ENOUGH_TO_RUN_MS = 400


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with serving(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="module")
def page(console: Console) -> Iterator[Any]:
    with browser() as chromium, agents(chromium, console) as log_in:
        opened = log_in("a0")
        opened.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
        yield opened


def hostile(connection: Connection, talk: str, payload: str) -> None:
    """Put the payload everywhere that is not the name or the message: files, orders, places, tasks, notes, a draft."""
    now = datetime.now(UTC)
    inbox_id = connection.execute(t.inbox.select().where(t.inbox.c.conversation_id == talk)).first().id  # type: ignore[union-attr]
    file = {"id": f"m-{talk}", "conversation_id": talk, "inbox_id": inbox_id, "channel": "web:shop", "kind": "file"}
    file |= {"body": payload.encode(), "mime": "text/html", "status": "kept", "name": payload}
    connection.execute(t.media.insert().values(file | {"not_before": now, "created_at": now}))
    meaning = {"intent": payload, "confidence": 0.5, "decision": "answer", "label": payload, "why": [payload]}
    meaning |= {"named": [["order", payload], [payload, payload]]}
    state = {"skill": payload, "step": payload, "slots": {payload: payload, "order": payload}, "language": payload[:8]}
    connection.execute(t.inbox.update().where(t.inbox.c.id == inbox_id).values(meaning=meaning))
    connection.execute(t.conversations.update().where(t.conversations.c.id == talk).values(state=state))
    said: dict[str, Any] = {
        "key": f"o-{talk}",
        "conversation_id": talk,
        "channel": "web:shop",
        "purpose": "reply",
        "text": payload,
    }
    said |= {"status": "failed", "reason": payload, "road": payload[:20], "choices": [{"label": payload}]}
    said |= {"sources": [{"id": payload.replace(":", ""), "version": payload}], "not_before": now, "created_at": now}
    connection.execute(t.outbox.insert().values(said))
    task = {"key": f"k-{talk}", "kind": payload[:50], "conversation_id": talk, "text": payload, "created_at": now}
    connection.execute(t.tasks.insert().values(task))
    consent = {"person_id": f"p-{talk}", "channel": payload[:100], "purpose": payload[:20], "granted": True}
    connection.execute(t.consents.insert().values(consent | {"proof": payload, "at": now}))
    desk.note(connection, talk, people.list_agents(connection)[0], payload, f"note-{talk}", now)
    drafts.keep(connection, talk, "a0", Draft("reply", payload), now)


PLACES = (".zg-title-name", ".zg-customer .zg-text", ".zg-why", ".zg-note .zg-text", ".zg-card.zg-on .zg-name")


def test_what_customers_write_is_text_in_every_field(page: Any, console: Console) -> None:
    talks: dict[str, str] = {}
    for payload in PAYLOADS:
        talks[payload] = talk = console.waiting(payload, payload, reason=payload)
        console.waiting(payload, payload, channel="telegram:shopbot", person=f"p-{talk}")
        console.do(lambda c, talk=talk, payload=payload: hostile(c, talk, payload))  # type: ignore[misc]
    page.click(".zg-tab >> text=All")
    for payload, talk in talks.items():
        choose(page, talk)
        page.wait_for_selector(".zg-elsewhere")
        for place in PLACES:
            shown = page.locator(place).first.inner_text()
            assert shown.split() == payload.split(), place
        page.keyboard.press("Alt+i")
        page.wait_for_selector(".zg-beside:visible .zg-customer")
        assert nothing_ran(page), payload
    page.keyboard.press("Alt+t")
    page.wait_for_selector(".zg-field textarea:visible")
    assert page.locator(".zg-field textarea").input_value() == PAYLOADS[-1]
    page.locator(".zg-search input").fill("window.hacked=1")
    page.wait_for_selector(".zg-hit")
    assert nothing_ran(page)
    page.keyboard.press("Escape")
    page.click(".zg-tab >> text=Tasks")
    page.wait_for_function("(count) => document.querySelectorAll('.zg-task-text').length >= count", arg=len(PAYLOADS))
    page.wait_for_timeout(LONG_ENOUGH_TO_RUN_MS)
    assert nothing_ran(page)


def nothing_ran(page: Any) -> bool:
    """Whether no script ran and no markup came of words: no element, no handler, no link that runs."""
    made = ".zg-root :is(script, iframe, svg, math, style, form, a[href^='javascript'], img:not(.zg-picture))"
    handlers = (
        "[...document.querySelectorAll('.zg-root *')].some((e) => e.getAttributeNames().some((n) => /^on/.test(n)))"
    )
    return page.evaluate(f"!window.hacked && !document.querySelector({made!r}) && !{handlers}") is True


@pytest.mark.parametrize("payload", PAYLOADS[:4], ids=range(4))
def test_a_file_that_a_customer_named_and_filled_is_only_downloaded(page: Any, console: Console, payload: str) -> None:
    talk = console.waiting("Emma", "a file")
    console.do(lambda c: hostile(c, talk, payload))
    file = page.context.request.get(f"{console.address}/media/m-{talk}")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment")
