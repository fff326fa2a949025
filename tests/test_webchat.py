"""The web chat from outside: real HTTP on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Connection, create_engine, insert, update

import connectors.webchat
from bot.clock import SystemClock
from bot.delivery.signal import Signal
from bot.errors import SettingsError
from bot.messages import OPEN, Chat, Choice, Event, File, Outbound, Purpose, SendStatus
from bot.store.database import Database, Job, T
from bot.store.tables import conversations, inbox, media, metadata, outbox
from bot.transcript import StoredTranscript, picture_of, shown_after, typist_of
from connectors.webchat.tokens import VisitorTokens
from tests.webchat_stand import SECRET, Room, connector, png, serving

ORIGIN = "https://shop.example"
NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PICTURES = [
    (png(2, 2), "image/png"),
    (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg"),
    (b"GIF89a gif", "image/gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
]


class Browser:
    """What the page does, by hand."""

    def __init__(self, base: str, room: Room, clock: SystemClock) -> None:
        self.room = room
        self.clock = clock
        self.http = httpx.AsyncClient(base_url=base, timeout=5, trust_env=False)

    async def session(self, **body: Any) -> str:
        answer = await self.http.post("/session", json=body)
        assert answer.status_code == 201
        token: str = answer.json()["token"]
        return token

    async def say(self, token: str, client_id: str = "c1", **body: Any) -> httpx.Response:
        return await self.http.post("/messages", json={"token": token, "client_id": client_id, **body})

    async def show(self, token: str, picture: bytes, client_id: str = "p1", **body: Any) -> httpx.Response:
        image = base64.b64encode(picture).decode()
        return await self.http.post("/images", json={"token": token, "client_id": client_id, "image": image, **body})

    async def links(self, token: str) -> list[str]:
        return [data["picture"] for kind, data, _ in await self.events(token) if kind == "message"]

    async def events(
        self, token: str, seen: int | None = None, until: str = "live"
    ) -> list[tuple[str, dict[str, Any], int]]:
        """Return (kind, data, id) of every event up to the first `until`, which is left out."""
        headers = {} if seen is None else {"Last-Event-ID": str(seen)}
        found: list[tuple[str, dict[str, Any], int]] = []
        async with asyncio.timeout(5), self.http.stream("GET", f"/events?token={token}", headers=headers) as answer:
            assert answer.status_code == 200
            fields: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                fields[name] = value
                if line or "event" not in fields:
                    continue
                if fields["event"] == until:
                    return found
                found.append((fields["event"], json.loads(fields["data"]), int(fields.get("id", 0))))
                fields = {}
        raise AssertionError("the stream ended early")

    async def texts(self, token: str, seen: int | None = None) -> list[str]:
        return [data["text"] for kind, data, _ in await self.events(token, seen) if kind == "message"]


@asynccontextmanager
async def a_browser(origins: tuple[str, ...] = ()) -> AsyncIterator[Browser]:
    clock = SystemClock()
    room = Room(clock)
    chat = connector(room, clock, origins)
    await chat.start(room)
    async with serving(chat) as base:
        browser = Browser(base, room, clock)
        async with browser.http:
            yield browser


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with a_browser() as opened:
        yield opened


def chat_of(token: str) -> Chat:
    return Chat("web:shop", token.partition(".")[0])


def refused(reason: str) -> float:
    labels = {"channel": "web:shop", "reason": reason}
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", labels) or 0.0


async def test_a_first_session_tells_the_bot_that_somebody_came(browser: Browser) -> None:
    token = await browser.session(lang="en")
    [opened] = browser.room.received
    assert (opened.event, opened.chat, opened.language) == (Event.STARTED, chat_of(token), "en")
    assert opened.sent_at.tzinfo is not None


async def test_a_session_sets_no_cookie_and_each_visitor_is_another(browser: Browser) -> None:
    answer = await browser.http.post("/session")
    assert answer.status_code == 201 and "set-cookie" not in answer.headers
    assert chat_of(answer.json()["token"]) != chat_of(await browser.session())


async def test_a_message_is_stored_before_it_is_accepted(browser: Browser) -> None:
    token = await browser.session()
    answer = await browser.say(token, "c1", text="  你好 👋 ")
    said = browser.room.received[-1]
    assert answer.status_code == 202
    assert (said.key, said.text, said.choice) == (f"web:shop:{chat_of(token).id}:c1", "你好 👋", None)
    assert said.user == said.chat.id == chat_of(token).id


async def test_a_message_that_cannot_be_stored_is_not_accepted_and_comes_through_later(browser: Browser) -> None:
    token = await browser.session()
    browser.room.broken = True
    answer = await browser.say(token, text="hello")
    assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
    browser.room.broken = False
    assert (await browser.say(token, text="hello")).status_code == 202
    assert await browser.texts(token) == ["hello"]


async def test_a_connector_that_is_not_started_asks_to_come_back() -> None:
    clock = SystemClock()
    async with serving(connector(Room(clock), clock)) as base, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{base}/session")).status_code == 503


async def test_a_repeated_message_is_accepted_again_and_stored_once(browser: Browser) -> None:
    token = await browser.session()
    answers = [await browser.say(token, "same", text="once") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert await browser.texts(token) == ["once"]


async def test_a_tapped_button_carries_its_token_and_its_label(browser: Browser) -> None:
    token = await browser.session()
    assert (await browser.say(token, choice="size:m", text="M")).status_code == 202
    assert (await browser.say(token, "c2", choice="size:l")).status_code == 202
    assert [(said.choice, said.text) for said in browser.room.received[1:]] == [("size:m", "M"), ("size:l", "")]


async def test_the_stream_shows_both_sides_with_authors_and_choices(browser: Browser) -> None:
    token = await browser.session()
    await browser.say(token, "c7", text="which size?")
    browser.room.show(chat_of(token), "M or L?", choices=(Choice("m", "M"), Choice("l", "L")))
    browser.room.show(chat_of(token), "I am here", author="agent", name="Li Na")
    shop, asked, offered, agent = await browser.events(token)
    assert shop[:2] == ("shop", {"zh": "青禾", "en": "Qinghe <Tea>"})
    assert (asked[1]["mine"], asked[1]["client_id"], asked[2]) == (True, "c7", asked[1]["id"])
    assert offered[1]["choices"] == [{"token": "m", "label": "M"}, {"token": "l", "label": "L"}]
    assert (agent[1]["author"], agent[1]["name"]) == ("agent", "Li Na")


async def test_the_stream_resumes_after_the_last_event(browser: Browser) -> None:
    token = await browser.session()
    for text in ("one", "two", "three"):
        browser.room.show(chat_of(token), text)
    last_seen = (await browser.events(token))[2][2]
    assert await browser.texts(token, last_seen) == ["three"]


async def test_a_history_longer_than_one_read_comes_whole(browser: Browser) -> None:
    token = await browser.session()
    for number in range(250):
        browser.room.show(chat_of(token), str(number))
    assert await browser.texts(token) == [str(number) for number in range(250)]


async def test_an_open_stream_gets_what_is_said_later(browser: Browser) -> None:
    token = await browser.session()
    waiting = asyncio.create_task(browser.events(token, until="message"))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    browser.room.show(chat_of(token), "news")
    assert [kind for kind, _, _ in await waiting] == ["shop", "live", "sales"]


async def test_nobody_reads_another_visitors_words(browser: Browser) -> None:
    mine, theirs = await browser.session(), await browser.session()
    await browser.say(theirs, text="my address is …")
    assert await browser.texts(mine) == []


async def test_a_quiet_stream_shows_signs_of_life(browser: Browser) -> None:
    token = await browser.session()
    async with asyncio.timeout(5), browser.http.stream("GET", f"/events?token={token}") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        beats = 0
        while beats < 2:
            beats += (await anext(lines)).startswith(":")


async def test_a_visitor_may_not_hold_streams_without_end(browser: Browser) -> None:
    token = await browser.session()
    reading = [asyncio.create_task(browser.events(token, until="never")) for _ in range(8)]
    await asyncio.sleep(0.5)
    assert (await browser.http.get(f"/events?token={token}")).status_code == 429
    for task in reading:
        task.cancel()
    await asyncio.gather(*reading, return_exceptions=True)
    async with asyncio.timeout(5):
        while browser_is_refused := (await _status(browser, token)) == 429:
            await asyncio.sleep(0.1)
    assert not browser_is_refused


async def test_an_address_may_not_hold_streams_without_end(browser: Browser) -> None:
    *tokens, other = [await browser.session() for _ in range(6)]
    async with AsyncExitStack() as held:
        lines = []
        for token in tokens * 8:
            answer = await held.enter_async_context(browser.http.stream("GET", f"/events?token={token}"))
            lines.append(answer.aiter_lines())
            assert await anext(lines[-1]) == "event: shop"
        assert await _status(browser, other) == 429
    async with asyncio.timeout(5):
        while await _status(browser, other) == 429:
            await asyncio.sleep(0.1)


async def test_a_look_of_an_open_stream_is_one_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []
    read = Database.read

    async def count(self: Database, job: Job[T]) -> T:
        reads.append(job)
        return await read(self, job)

    monkeypatch.setattr(Database, "read", count)
    transcript = StoredTranscript(database, Signal(), SystemClock())
    assert await transcript.after(Chat("web:shop", "nobody"), 0, 100) == ([], "")
    assert len(reads) == 1


async def _status(browser: Browser, token: str) -> int:
    async with browser.http.stream("GET", f"/events?token={token}") as answer:
        return answer.status_code


@pytest.mark.parametrize("spoil", [lambda t: t[:-1] + "x", lambda t: "x" + t, lambda t: "", lambda t: "ü.é"])
async def test_a_bad_token_is_refused_and_counted(browser: Browser, spoil: Any) -> None:
    bad, before = spoil(await browser.session()), refused("token")
    assert (await browser.say(bad, text="hi")).status_code == 403
    assert (await browser.http.get("/events", params={"token": bad})).status_code == 403
    assert refused("token") == before + 2
    assert len(browser.room.received) == 1


async def test_a_visitor_who_types_is_told_to_the_transcript_and_says_nothing(browser: Browser) -> None:
    token = await browser.session()
    assert (await browser.http.post("/typing", json={"token": token})).status_code == 204
    assert browser.room.typed == [chat_of(token)]
    assert (await browser.http.post("/typing", json={"token": token + "x"})).status_code == 403
    assert (await browser.http.post("/typing", json={"text": "hi"})).status_code == 400
    answers = [(await browser.http.post("/typing", json={"token": token})).status_code for _ in range(30)]
    assert answers.count(429) == 1
    assert len(browser.room.typed) == 30
    assert len(browser.room.received) == 1


async def test_a_token_of_another_channel_or_secret_is_refused(browser: Browser) -> None:
    for tokens in (VisitorTokens("web:other", SECRET), VisitorTokens("web:shop", SECRET + "!")):
        assert (await browser.say(tokens.sign("visitor"), text="hi")).status_code == 403
    assert (await browser.say(VisitorTokens("web:shop", SECRET).sign("visitor"), text="hi")).status_code == 202


def test_a_short_secret_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match="web:shop"):
        VisitorTokens("web:shop", "short")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"\xff\xfe",
        b'{"client_id": "c1", "text": "no token"}',
        b'{"token": "TOKEN", "text": "no id"}',
        b'{"token": "TOKEN", "client_id": "c1"}',
        b'{"token": "TOKEN", "client_id": "c1", "text": "   "}',
        b'{"token": "TOKEN", "client_id": "c1", "text": 7}',
        b'{"token": "TOKEN", "client_id": "a b", "text": "spaces in the id"}',
        b'{"token": "TOKEN", "client_id": "c1\\n", "text": "a newline in the id"}',
        b'{"token": "TOKEN", "client_id": "c1", "text": "nul \\u0000"}',
        b'{"token": "TOKEN", "client_id": "c1", "text": "half a character \\ud83d"}',
        b'{"token": "TOKEN", "client_id": "c1", "choice": ""}',
        b'{"token": "TOKEN", "client_id": "c1", "choice": "%s"}' % ("选".encode() * 22),
        b'{"token": "TOKEN", "client_id": "c1", "text": "hi", "lang": "xx"}',
        b'{"token": "TOKEN", "client_id": "c1", "text": %s}' % (b"[" * 5000),
    ],
)
async def test_a_malformed_message_is_refused_and_counted(browser: Browser, body: bytes) -> None:
    token, before = await browser.session(), refused("malformed")
    answer = await browser.http.post("/messages", content=body.replace(b"TOKEN", token.encode()))
    assert answer.status_code == 400
    assert refused("malformed") == before + 1
    assert len(browser.room.received) == 1


async def test_a_malformed_session_or_resume_is_refused(browser: Browser) -> None:
    assert (await browser.http.post("/session", content=b"{")).status_code == 400
    token = await browser.session()
    for header in ("abc", "-1", "9" * 30):
        answer = await browser.http.get(f"/events?token={token}", headers={"Last-Event-ID": header})
        assert answer.status_code == 400


async def test_text_ends_at_2000_characters(browser: Browser) -> None:
    token = await browser.session()
    assert (await browser.say(token, "full", text="字" * 2000)).status_code == 202
    assert (await browser.say(token, "over", text="字" * 2001)).status_code == 400


async def test_a_body_over_16_kib_is_refused_with_and_without_a_length(browser: Browser) -> None:
    token = await browser.session()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 1024

    assert (await browser.say(token, text="x" * 17_000)).status_code == 413
    assert (await browser.http.post("/messages", content=pieces())).status_code == 413


async def test_a_visitor_gets_20_messages_a_minute(browser: Browser) -> None:
    token, before = await browser.session(), refused("rate")
    for number in range(20):
        assert (await browser.say(token, f"c{number}", text="hi")).status_code == 202
    over = await browser.say(token, "c20", text="hi")
    assert over.status_code == 429 and 1 <= int(over.headers["retry-after"]) <= 60
    assert refused("rate") == before + 1
    browser.clock.advance(timedelta(seconds=61))
    assert (await browser.say(token, "c20", text="hi")).status_code == 202


async def test_an_address_gets_60_messages_a_minute_over_all_its_visitors(browser: Browser) -> None:
    tokens = [await browser.session() for _ in range(4)]
    codes = [(await browser.say(tokens[n % 4], f"c{n}", text="hi")).status_code for n in range(61)]
    assert codes == [202] * 60 + [429]


async def test_an_address_gets_30_sessions_a_minute(browser: Browser) -> None:
    codes = [(await browser.http.post("/session")).status_code for _ in range(31)]
    assert codes == [201] * 30 + [429]
    browser.clock.advance(timedelta(seconds=61))
    assert (await browser.http.post("/session")).status_code == 201


@pytest.mark.parametrize(("lang", "html_lang", "name"), [("zh", "zh-CN", "青禾"), ("en", "en", "Qinghe &lt;Tea&gt;")])
async def test_the_page_speaks_the_language_and_allows_only_its_own_origin(
    browser: Browser, lang: str, html_lang: str, name: str
) -> None:
    answer = await browser.http.get(f"/page?lang={lang}")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy and "style-src 'self';" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert f'<html lang="{html_lang}">' in answer.text and name in answer.text
    assert "<style" not in answer.text and " style=" not in answer.text and "<script>" not in answer.text


async def test_the_page_follows_the_browsers_language_and_takes_no_other(browser: Browser) -> None:
    english = await browser.http.get("/page", headers={"Accept-Language": "en-GB,en"})
    strange = await browser.http.get("/page?lang=<script>")
    assert '<html lang="en">' in english.text
    assert strange.status_code == 200 and '<html lang="zh-CN">' in strange.text


async def test_the_element_is_small_and_served_as_script(browser: Browser) -> None:
    answer = await browser.http.get("/element.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(answer.content) < 16_000
    for name, kind in (
        ("sales.js", "text/javascript"),
        ("element.css", "text/css"),
        ("page.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ):
        assert (await browser.http.get(f"/{name}")).headers["content-type"].startswith(kind)


def test_the_element_never_turns_text_into_markup() -> None:
    static = Path(connectors.webchat.__file__).parent / "static"
    script = "".join((static / name).read_text() for name in ("element.js", "sales.js"))
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert sink not in script


async def test_another_site_may_embed_the_chat_only_if_it_is_named() -> None:
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    async with a_browser((ORIGIN,)) as named:
        allowed = await named.http.options("/messages", headers=preflight)
        other = await named.http.post("/session", headers={"Origin": "https://evil.example"})
        assert allowed.headers["access-control-allow-origin"] == ORIGIN
        assert "access-control-allow-origin" not in other.headers
        assert ORIGIN in (await named.http.get("/page")).headers["content-security-policy"]
    async with a_browser() as closed:
        answer = await closed.http.post("/session", headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("picture", "mime"), PICTURES)
async def test_a_picture_is_stored_with_its_caption_and_comes_back(browser: Browser, picture: bytes, mime: str) -> None:
    token = await browser.session()
    answer = await browser.show(token, picture, "p1", text=" in blue? ", lang="en")
    sent = browser.room.received[-1]
    assert (answer.status_code, sent.event, sent.text, sent.language) == (202, Event.MEDIA, "in blue?", "en")
    assert sent.key == f"web:shop:{chat_of(token).id}:p1"
    assert sent.media and (sent.media.kind, sent.media.file) == ("image", File(picture, mime))
    [link] = await browser.links(token)
    shown = await browser.http.get(f"/{link}")
    assert (shown.status_code, shown.content, shown.headers["content-type"]) == (200, picture, mime)


async def test_a_picture_is_served_so_that_it_can_be_nothing_else(browser: Browser) -> None:
    token = await browser.session()
    await browser.show(token, png(2, 2))
    headers = (await browser.http.get(f"/{(await browser.links(token))[0]}")).headers
    assert headers["x-content-type-options"] == "nosniff" and headers["content-disposition"] == "inline"
    assert headers["cache-control"].startswith("private") and "sandbox" in headers["content-security-policy"]


async def test_a_repeated_picture_is_stored_once(browser: Browser) -> None:
    token = await browser.session()
    assert [(await browser.show(token, png(2, 2))).status_code for _ in range(2)] == [202, 202]
    assert len(browser.room.received) == 2


@pytest.mark.parametrize("body", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"RIFF\0\0\0\0WAVE", b""])
async def test_what_does_not_begin_like_a_picture_is_refused(browser: Browser, body: bytes) -> None:
    token, before = await browser.session(), refused("type")
    assert (await browser.show(token, body)).status_code == 415
    assert refused("type") == before + 1 and len(browser.room.received) == 1


async def test_a_picture_ends_at_5_mib(browser: Browser) -> None:
    token = await browser.session()
    full = png(1, 1).ljust(5 * 1024 * 1024, b"\0")
    assert (await browser.show(token, full, "full")).status_code == 202
    assert (await browser.show(token, full + b"\0", "over")).status_code == 413
    assert (await browser.show(token, full * 2, "far")).status_code == 413


@pytest.mark.parametrize(
    "body", [{}, {"image": 7}, {"image": "a"}, {"image": "", "client_id": "a b"}, {"image": "", "text": "nul \x00"}]
)
async def test_a_malformed_picture_is_refused(browser: Browser, body: dict[str, Any]) -> None:
    token = await browser.session()
    answer = await browser.http.post("/images", json={"token": token, "client_id": "p1", **body})
    assert answer.status_code == 400 and len(browser.room.received) == 1


async def test_a_picture_without_a_good_token_is_refused(browser: Browser) -> None:
    assert (await browser.show("somebody.0", png(2, 2))).status_code == 403
    assert browser.room.received == []


async def test_a_visitor_gets_6_pictures_a_minute_and_an_address_18(browser: Browser) -> None:
    tokens = [await browser.session() for _ in range(4)]
    codes = [(await browser.show(tokens[0], png(1, 1), f"p{n}")).status_code for n in range(7)]
    assert codes == [202] * 6 + [429]
    codes = [(await browser.show(tokens[1 + n % 3], png(1, 1), f"p{n}")).status_code for n in range(12)]
    assert codes == [202] * 11 + [429]
    assert (await browser.say(tokens[0], text="words still go")).status_code == 202
    browser.clock.advance(timedelta(seconds=61))
    assert (await browser.show(tokens[0], png(1, 1), "p7")).status_code == 202


async def test_a_visitor_gets_20_mib_of_pictures_a_day_and_an_address_100(browser: Browser) -> None:
    large, day, before = png(1, 1) + bytes(4 * 1024**2), browser.clock.now().date(), refused("bytes")
    for visitor in range(5):
        token = await browser.session()
        codes = [(await browser.show(token, large, f"p{n}")).status_code for n in range(5)]
        assert codes == [202] * 4 + [429]
        assert (await browser.show(token, png(1, 1) + bytes(3 * 1024**2), f"q{visitor}")).status_code == 202
        browser.clock.advance(timedelta(seconds=61))
    token = await browser.session()
    assert (await browser.show(token, large, "p1")).status_code == 202
    browser.clock.advance(timedelta(seconds=61))
    over = await browser.show(token, large, "p2")
    assert over.status_code == 429 and int(over.headers["retry-after"]) <= 24 * 60 * 60
    assert refused("bytes") > before
    assert (await browser.say(token, text="words still go")).status_code == 202
    browser.clock.advance(timedelta(days=1))
    assert browser.clock.now().date() > day
    assert (await browser.show(token, large, "p2")).status_code == 202


async def test_a_link_opens_its_own_picture_only(browser: Browser) -> None:
    mine, theirs = await browser.session(), await browser.session()
    await browser.show(mine, png(1, 1), "p1")
    await browser.show(mine, png(2, 2), "p2")
    await browser.show(theirs, png(3, 3), "p3")
    first = (await browser.links(mine))[0].partition("?token=")[2]
    for wrong in (
        f"/pictures/2?token={first}",
        f"/pictures/3?token={first}",
        f"/pictures/1?token={mine}",
        "/pictures/1",
    ):
        assert (await browser.http.get(wrong)).status_code == 403
    assert (await browser.http.get(f"/pictures/{'9' * 5000}?token={first}")).status_code == 403
    assert (await browser.say(first, text="a link is no visitor")).status_code == 403


async def test_a_file_of_the_shop_that_is_no_picture_is_not_served(browser: Browser) -> None:
    token = await browser.session()
    browser.room.show(chat_of(token), "look", picture=File(b"<script>alert(1)</script>", "image/png"))
    [link] = await browser.links(token)
    assert (await browser.http.get(f"/{link}")).status_code == 404


async def test_a_picture_that_cannot_be_read_now_is_there_later(browser: Browser) -> None:
    token = await browser.session()
    browser.room.show(chat_of(token), "look", picture=File(png(1, 1), "image/png"))
    [link] = await browser.links(token)
    browser.room.broken = True
    assert (await browser.http.get(f"/{link}")).status_code == 503
    browser.room.broken = False
    assert (await browser.http.get(f"/{link}")).status_code == 200


async def test_the_stream_tells_who_types_and_when_it_ends(browser: Browser) -> None:
    token = await browser.session()
    browser.room.type("bot")
    waiting = asyncio.create_task(browser.events(token, until="message"))
    await asyncio.sleep(0.1)
    browser.room.type("")
    await asyncio.sleep(0.1)
    browser.room.show(chat_of(token), "here")
    heard = await waiting
    assert [(kind, data) for kind, data, _ in heard if kind not in ("shop", "sales")] == [
        ("live", {}),
        ("typing", {"who": "bot"}),
        ("typing", {"who": ""}),
    ]
    assert [message_id for *_, message_id in heard] == [0] * 5  # no id: a resumed stream does not repeat it


async def test_every_message_has_one_open_road_and_nothing_has_to_be_held() -> None:
    clock = SystemClock()
    chat = connector(Room(clock), clock)
    await asyncio.wait_for(chat.hold(), 0.2)
    for purpose in Purpose:
        assert chat.roads(Outbound("out-1", Chat("web:shop", "visitor"), purpose, "hello")) == [OPEN]


# --- the transcript over the database ---------------------------------------------------------------------------------
@pytest.fixture
def stored() -> Iterator[Connection]:
    """A visitor "ann" who has a conversation with one picture on each side, and "bob" who has said nothing."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    times = {"created_at": NOW, "updated_at": NOW}
    with engine.connect() as connection:
        for visitor in ("ann", "bob"):
            connection.execute(insert(conversations).values(id=visitor, channel="web:shop", chat=visitor, **times))
        said = {"conversation_id": "ann", "sent_at": NOW, "received_at": NOW}
        connection.execute(insert(inbox).values(id=1, key="web:shop:ann", seq=1, event="started", shown=1, **said))
        connection.execute(
            insert(inbox).values(id=2, key="web:shop:ann:p1", seq=2, event="media", text="this", shown=2, **said)
        )
        answered = {"conversation_id": "ann", "channel": "web:shop", "purpose": "reply", "status": "sent"}
        sent = {"not_before": NOW, "created_at": NOW, "sent_at": NOW}
        connection.execute(insert(outbox).values(id=1, key="o1", text="we have", shown=3, **answered, **sent))
        connection.execute(
            insert(outbox).values(id=2, key="o2", text="Colour?", poll=["blue", "red"], shown=4, **answered, **sent)
        )
        for name, side in (("m1", {"inbox_id": 2}), ("m2", {"outbox_id": 1})):
            row = {"id": name, "conversation_id": "ann", "channel": "web:shop", "kind": "image", "mime": "image/png"}
            connection.execute(insert(media).values(body=name.encode(), not_before=NOW, created_at=NOW, **row, **side))
        yield connection
    engine.dispose()


def test_the_transcript_marks_what_has_a_picture_and_numbers_the_options_of_a_vote(stored: Connection) -> None:
    shown = shown_after(stored, Chat("web:shop", "ann"), 0, 10)
    assert [(message.id, message.mine, message.picture) for message in shown] == [
        (2, True, True),
        (3, False, True),
        (4, False, False),
    ]
    assert shown[2].text == "Colour?\n1. blue\n2. red"


def test_the_transcript_gives_a_picture_to_its_own_chat_only(stored: Connection) -> None:
    ann, bob = Chat("web:shop", "ann"), Chat("web:shop", "bob")
    assert picture_of(stored, ann, 2) == File(b"m1", "image/png")
    assert picture_of(stored, ann, 3) == File(b"m2", "image/png")
    assert [picture_of(stored, ann, 4), picture_of(stored, bob, 2), picture_of(stored, bob, 3)] == [None] * 3


def test_the_bot_types_while_it_has_the_conversation_and_a_turn_is_open(stored: Connection) -> None:
    ann = Chat("web:shop", "ann")
    typists = []
    for owner, last_seq, done_seq in (("bot", 2, 1), ("bot", 2, 2), ("queue", 2, 1), ("agent", 2, 1)):
        stored.execute(
            update(conversations)
            .where(conversations.c.id == "ann")
            .values(owner=owner, last_seq=last_seq, done_seq=done_seq)
        )
        typists.append(typist_of(stored, ann, NOW))
    assert typists == ["bot", "", "", ""]


def test_an_agent_types_until_the_moment_passes_or_the_conversation_is_no_longer_theirs(stored: Connection) -> None:
    ann, of_ann = Chat("web:shop", "ann"), conversations.c.id == "ann"
    soon = NOW + timedelta(seconds=6)
    stored.execute(update(conversations).where(of_ann).values(owner="agent", typing_until=soon))
    assert [typist_of(stored, ann, at) for at in (NOW, soon)] == ["agent", ""]
    stored.execute(update(conversations).where(of_ann).values(owner="bot"))
    assert typist_of(stored, ann, NOW) == ""


async def test_sending_reports_what_the_page_will_read_anyway() -> None:
    clock = SystemClock()
    chat = connector(Room(clock), clock)
    receipt = await chat.send(Outbound("out-1", Chat("web:shop", "visitor"), Purpose.REPLY, "hello"))
    assert (receipt.status, receipt.platform_id) == (SendStatus.SENT, "out-1")
    assert chat.limits.takes_key and not chat.limits.counts_windows
