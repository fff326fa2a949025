"""The Telegram connector and the stand-in Telegram, over real HTTP on the loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from bot.clock import SystemClock
from bot.errors import SettingsError
from bot.messages import Chat, ChatKind, Choice, Event, Inbound, Outbound, Purpose, Receipt, SendStatus
from connectors.telegram import wire
from connectors.telegram.connector import BODY_LIMIT, TelegramConnector
from connectors.twin.telegram import TelegramTwin

TOKEN = "4242:test-token"
SECRET = "s3cret_of-the-hook"
LI, ANN, GROUP = 1001, 1002, -500
NOW = datetime(2026, 11, 11, tzinfo=UTC)
ACCOUNT = wire.Account("telegram:shopbot", "4242", "shop_bot")
# The connector fetches raw JSON on purpose and silences this; pytest resets the filters of warnings.
pytestmark = pytest.mark.filterwarnings("ignore:Please use 'Bot.getUpdates'")
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@dataclass
class Stage:
    """The twin, the connector and an HTTP client, all on one served port."""

    base: str
    twin: TelegramTwin
    connector: TelegramConnector
    clock: SystemClock
    http: httpx.AsyncClient
    inbox: dict[str, Inbound] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    store_is_down: bool = False

    @property
    def hook(self) -> str:
        return f"{self.base}/telegram/shopbot/webhook"

    async def receive(self, batch: Sequence[Inbound]) -> None:
        if self.store_is_down:
            raise OSError("disk full")
        self.calls += [inbound.key for inbound in batch]
        for inbound in batch:
            self.inbox.setdefault(inbound.key, inbound)

    async def do(self, action: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/twin/telegram/control/{action}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def shown(self, chat: int) -> list[dict[str, Any]]:
        answer = await self.http.get(f"{self.base}/twin/telegram/control/messages", params={"chat": chat})
        return list(answer.json()["messages"])

    async def state(self) -> dict[str, Any]:
        return dict((await self.http.get(f"{self.base}/twin/telegram/control/state")).json())

    async def inbound(self, count: int = 1) -> list[Inbound]:
        await until(lambda: len(self.inbox) >= count)
        return list(self.inbox.values())

    async def begin(self) -> None:
        await self.connector.start(self.receive)
        await asyncio.wait_for(self.connector.registered.wait(), 5)

    async def send(self, text: str, chat: int = LI, choices: tuple[Choice, ...] = (), id: str = "out-1") -> Receipt:
        kind = ChatKind.PRIVATE if chat > 0 else ChatKind.GROUP
        to = Chat("telegram:shopbot", str(chat), kind)
        return await self.connector.send(Outbound(id, to, Purpose.REPLY, text, choices))


async def until(condition: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


def connector_for(base: str, clock: SystemClock, **changes: Any) -> TelegramConnector:
    settings: dict[str, Any] = {
        "channel": "telegram:shopbot",
        "token": TOKEN,
        "webhook_secret": SECRET,
        "mode": "webhook",
        "public_url": base,
        "api_base": f"{base}/twin/telegram",
        "clock": clock,
    }
    return TelegramConnector(**(settings | changes))


@asynccontextmanager
async def staged(privacy: bool = True, **changes: Any) -> AsyncIterator[Stage]:
    clock = SystemClock()
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    twin = TelegramTwin(TOKEN, "shop_bot", [(LI, "李雷"), (ANN, "Ann")], [(GROUP, "Regulars")], clock, privacy)
    connector = connector_for(base, clock, **changes)
    app = Starlette(routes=list(connector.routes()))
    app.mount("/twin", Starlette(routes=twin.routes))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            yield Stage(base, twin, connector, clock, http)
        finally:
            await connector.stop()
            await twin.close()
            server.should_exit = True
            await serving


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as made:
        yield made


@pytest.fixture
async def begun(stage: Stage) -> Stage:
    await stage.begin()
    return stage


@pytest.fixture
async def client(stage: Stage) -> AsyncIterator[Bot]:
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    bot = Bot(TOKEN, base_url=f"{stage.base}/twin/telegram/bot", request=request, get_updates_request=request)
    yield bot
    await request.shutdown()


def refused(reason: str) -> float:
    labels = {"channel": "telegram:shopbot", "reason": reason}
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", labels) or 0.0


def text_update(number: int = 7, text: str = "hi", **message: Any) -> dict[str, Any]:
    chat = {"id": LI, "type": "private"}
    sender = {"id": LI, "is_bot": False, "first_name": "Li", "language_code": "zh-hans"}
    return {
        "update_id": number,
        "message": {"message_id": 1, "date": 1_700_000_000, "chat": chat, "from": sender, "text": text} | message,
    }


# The webhook.


async def test_a_signed_update_is_stored_before_it_is_acknowledged(begun: Stage) -> None:
    answer = await begun.http.post(begun.hook, json=text_update(text="尺码"), headers={HEADER: SECRET})
    assert answer.status_code == 200
    assert begun.inbox["tg:4242:7"] == Inbound(
        key="tg:4242:7",
        chat=Chat("telegram:shopbot", str(LI)),
        user=str(LI),
        sent_at=datetime.fromtimestamp(1_700_000_000, UTC),
        text="尺码",
        name="Li",
        language="zh-hans",
    )


@pytest.mark.parametrize("headers", [{}, {HEADER: ""}, {HEADER: "wrong"}, {HEADER: SECRET + "x"}])
async def test_an_update_without_the_secret_is_refused_and_counted(begun: Stage, headers: dict[str, str]) -> None:
    before = refused("secret")
    answer = await begun.http.post(begun.hook, json=text_update(), headers=headers)
    assert answer.status_code == 403
    assert not begun.inbox
    assert refused("secret") == before + 1


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"null", b'{"update_id": "7"}', b"{}"])
async def test_a_malformed_body_is_answered_with_400(begun: Stage, body: bytes) -> None:
    before = refused("form")
    assert (await begun.http.post(begun.hook, content=body, headers={HEADER: SECRET})).status_code == 400
    assert refused("form") == before + 1


async def test_a_body_over_256_kib_is_refused(begun: Stage) -> None:
    before = refused("size")
    answer = await begun.http.post(begun.hook, content=b" " * (BODY_LIMIT + 1), headers={HEADER: SECRET})
    assert answer.status_code == 413
    assert refused("size") == before + 1


async def test_an_update_of_an_unknown_kind_is_acknowledged_and_ignored(begun: Stage) -> None:
    update = {"update_id": 8, "hologram": {"beam": [1, 2, 3]}}
    assert (await begun.http.post(begun.hook, json=update, headers={HEADER: SECRET})).status_code == 200
    assert not begun.calls


async def test_a_repeated_update_carries_the_same_key(begun: Stage) -> None:
    await begun.do("say", user=LI, text="once")
    await begun.inbound()
    number = (await begun.state())["updates"][0]
    await begun.do("raw", resend=number)
    await until(lambda: len(begun.calls) == 2)
    assert begun.calls == [f"tg:4242:{number}"] * 2
    assert len(begun.inbox) == 1


async def test_an_update_that_could_not_be_stored_comes_again_and_keeps_its_order(begun: Stage) -> None:
    begun.store_is_down = True
    await begun.do("say", user=LI, text="first")
    await begun.do("say", user=LI, text="second")
    answer = await begun.http.post(begun.hook, json=text_update(), headers={HEADER: SECRET})
    assert answer.status_code == 503
    begun.store_is_down = False
    assert [inbound.text for inbound in await begun.inbound(2)] == ["first", "second"]


async def test_an_update_before_the_start_is_not_acknowledged(stage: Stage) -> None:
    answer = await stage.http.post(stage.hook, json=text_update(), headers={HEADER: SECRET})
    assert answer.status_code == 503


async def test_the_webhook_is_registered_with_only_the_kinds_the_shop_reads(begun: Stage, client: Bot) -> None:
    info = await client.get_webhook_info()
    assert info.url == begun.hook
    assert set(info.allowed_updates) == set(wire.ALLOWED_UPDATES)


async def test_the_start_does_not_wait_for_a_telegram_that_is_away() -> None:
    async with staged(api_base="http://127.0.0.1:9") as stage:
        await asyncio.wait_for(stage.connector.start(stage.receive), 0.5)
        assert not stage.connector.registered.is_set()


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_secret": ""},
        {"webhook_secret": "with space"},
        {"webhook_secret": "x" * 257},
        {"token": "no colon"},
        {"channel": "wechat:shop"},
        {"public_url": ""},
        {"api_base": "http://api.example.org"},
        {"mode": "pigeon"},
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_once(change: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        connector_for("http://127.0.0.1:1", SystemClock(), **change)


# What customers do.


async def test_pressing_start_brings_the_payload_of_the_link(begun: Stage) -> None:
    await begun.do("start", user=LI, payload="cart_42")
    (inbound,) = await begun.inbound()
    assert (inbound.event, inbound.payload, inbound.text) == (Event.STARTED, "cart_42", "")


async def test_a_tap_brings_the_token_of_the_button_and_is_answered(begun: Stage) -> None:
    await begun.do("start", user=LI)
    token = "c:" + "x" * 62
    receipt = await begun.send("选一个", choices=(Choice(token, "退货"), Choice("c:2", "换货")))
    await begun.do("tap", user=LI, message_id=int(receipt.platform_id), data=token)
    tapped = (await begun.inbound(2))[-1]
    assert (tapped.choice, tapped.text, tapped.user) == (token, "", str(LI))
    async with asyncio.timeout(5):
        while not all(tap["answered"] for tap in (await begun.state())["taps"].values()):
            await asyncio.sleep(0.02)


async def test_a_photo_comes_as_media_with_its_caption(begun: Stage) -> None:
    await begun.do("say", user=LI, text="坏了", photo=True)
    (inbound,) = await begun.inbound()
    assert (inbound.event, inbound.text) == (Event.MEDIA, "坏了")


async def test_blocking_the_bot_is_reported_and_makes_sends_unreachable(begun: Stage) -> None:
    await begun.do("start", user=LI)
    await begun.do("block", user=LI)
    assert (await begun.inbound(2))[-1].event is Event.LEFT
    assert (await begun.send("hello?")).status is SendStatus.UNREACHABLE
    await begun.do("start", user=LI)
    assert (await begun.send("welcome back")).status is SendStatus.SENT


async def test_four_byte_emoji_survive_both_ways(begun: Stage) -> None:
    family = "👩‍👩‍👧‍👦 𠮷野家 ]]> <b>"
    await begun.do("say", user=LI, text=family)
    assert (await begun.inbound())[0].text == family
    await begun.send(family)
    assert (await begun.shown(LI))[-1]["text"] == family


# Groups.


async def test_being_added_to_and_removed_from_a_group_is_reported(begun: Stage) -> None:
    await begun.do("remove", user=LI, group=GROUP)
    await begun.do("add", user=LI, group=GROUP)
    events = [(inbound.event, inbound.chat.kind) for inbound in await begun.inbound(2)]
    assert events == [(Event.LEFT, ChatKind.GROUP), (Event.JOINED, ChatKind.GROUP)]


async def test_with_privacy_mode_the_bot_hears_only_what_is_meant_for_it(begun: Stage) -> None:
    sent = await begun.send("Sale at eight", chat=GROUP)
    await begun.do("say", user=ANN, chat=GROUP, text="how is everyone")
    await begun.do("say", user=ANN, chat=GROUP, text="/help@other_bot")
    await begun.do("say", user=ANN, chat=GROUP, text="@shop_bot when does it end?")
    await begun.do("say", user=ANN, chat=GROUP, text="count me in", reply_to=int(sent.platform_id))
    await begun.do("say", user=ANN, chat=GROUP, text="/start@shop_bot")
    heard = await begun.inbound(3)
    assert [i.text or i.event for i in heard] == ["when does it end?", "count me in", Event.STARTED]
    assert {(i.chat.kind, i.chat.id, i.user) for i in heard} == {(ChatKind.GROUP, str(GROUP), str(ANN))}


async def test_without_privacy_mode_every_group_message_is_delivered() -> None:
    async with staged(privacy=False) as stage:
        await stage.begin()
        await stage.do("say", user=ANN, chat=GROUP, text="how is everyone")
        (inbound,) = await stage.inbound()
        assert (inbound.text, inbound.chat.kind) == ("how is everyone", ChatKind.GROUP)


async def test_a_group_that_moved_is_refused_with_its_new_id(begun: Stage) -> None:
    moved = (await begun.do("migrate", group=GROUP))["group"]
    receipt = await begun.send("hello", chat=GROUP)
    assert receipt.status is SendStatus.REFUSED
    assert str(moved) in receipt.reason
    assert (await begun.send("hello", chat=moved)).status is SendStatus.SENT


# Sending.


async def test_a_user_who_never_started_the_bot_cannot_be_reached(begun: Stage) -> None:
    assert (await begun.send("psst")).status is SendStatus.UNREACHABLE
    assert await begun.shown(LI) == []


async def test_an_unknown_chat_and_an_oversized_button_are_refused(begun: Stage) -> None:
    assert (await begun.send("hello", chat=999)).status is SendStatus.REFUSED
    await begun.do("start", user=LI)
    assert (await begun.send("pick", choices=(Choice("x" * 65, "A"),))).status is SendStatus.REFUSED
    assert (await begun.send("   ")).status is SendStatus.REFUSED


async def test_more_than_a_burst_to_one_person_is_rate_limited_with_a_pause(begun: Stage) -> None:
    await begun.do("start", user=LI)
    receipts = [await begun.send(f"no. {n}", id=f"out-{n}") for n in range(6)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 5 + [SendStatus.RATE_LIMITED]
    assert receipts[-1].retry_after_s == 1.0
    begun.clock.advance(timedelta(seconds=1))
    assert (await begun.send("no. 6")).status is SendStatus.SENT


async def test_a_group_takes_twenty_messages_a_minute(begun: Stage) -> None:
    for number in range(20):
        assert (await begun.send(f"no. {number}", chat=GROUP)).status is SendStatus.SENT
    receipt = await begun.send("one too many", chat=GROUP)
    assert receipt.status is SendStatus.RATE_LIMITED
    assert 50 < receipt.retry_after_s <= 60


async def test_a_long_text_is_split_and_the_buttons_are_under_the_last_part(begun: Stage) -> None:
    await begun.do("start", user=LI)
    text = "退货要在七天内申请。" * 500
    receipt = await begun.send(text, choices=(Choice("c:1", "知道了"),))
    parts = (await begun.shown(LI))[1:]
    assert receipt == Receipt(SendStatus.SENT, platform_id=str(parts[-1]["id"]))
    assert "".join(part["text"] for part in parts) == text
    assert all(part["text"].endswith("。") for part in parts)
    assert [bool(part["buttons"]) for part in parts] == [False, True]


async def test_a_split_message_that_stopped_half_way_goes_on_where_it_stopped(begun: Stage) -> None:
    await begun.do("start", user=LI)
    for n in range(4):
        await begun.send(f"no. {n}", id=f"fill-{n}")
    begun.connector.limits = type(begun.connector.limits)()  # no pause between parts, so that the second is too fast
    text = "a" * 4096 + "b" * 10
    assert (await begun.send(text, id="long")).status is SendStatus.RATE_LIMITED
    begun.clock.advance(timedelta(seconds=2))
    assert (await begun.send(text, id="long")).status is SendStatus.SENT
    assert [m["text"][0] for m in (await begun.shown(LI))[-2:]] == ["a", "b"]
    assert len(await begun.shown(LI)) == 7


async def test_a_send_without_an_answer_is_unsure_though_it_arrived(begun: Stage) -> None:
    await begun.do("start", user=LI)
    await begun.do("fault", method="sendMessage", kind="slow", seconds=5.5)
    assert (await begun.send("did you get it")).status is SendStatus.UNSURE
    assert (await begun.shown(LI))[-1]["text"] == "did you get it"


async def test_a_bad_gateway_is_unsure_and_a_flood_pauses(begun: Stage) -> None:
    await begun.do("start", user=LI)
    await begun.do("fault", method="sendMessage", kind="bad_gateway")
    assert (await begun.send("one")).status is SendStatus.UNSURE
    await begun.do("fault", method="sendMessage", kind="flood", seconds=17)
    assert (await begun.send("two")).retry_after_s == 17.0


async def test_a_refused_connection_is_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    connector = connector_for(f"http://127.0.0.1:{port}", SystemClock())
    receipt = await connector.send(Outbound("o", Chat("telegram:shopbot", str(LI)), Purpose.REPLY, "hi"))
    assert receipt.status is SendStatus.TRANSIENT
    await connector.stop()


async def test_a_wrong_token_keeps_the_message_for_later() -> None:
    async with staged(token="4242:wrong") as stage:
        receipt = await stage.send("hi")
        assert receipt.status is SendStatus.TRANSIENT
        assert receipt.retry_after_s > 0


# Polling.


async def test_polling_receives_in_order_and_answers_taps() -> None:
    async with staged(mode="polling", public_url="") as stage:
        await stage.begin()
        for text in ("one", "two", "three"):
            await stage.do("say", user=LI, text=text)
        assert [inbound.text for inbound in await stage.inbound(3)] == ["one", "two", "three"]
        assert (await stage.http.post(stage.hook, json=text_update())).status_code == 404


async def test_polling_confirms_an_update_only_once_it_is_stored() -> None:
    async with staged(mode="polling", public_url="") as stage:
        stage.store_is_down = True
        await stage.begin()
        await stage.do("say", user=LI, text="keep me")
        await asyncio.sleep(0.3)
        assert len((await stage.state())["pending"]) == 1
        stage.store_is_down = False
        assert (await stage.inbound())[0].text == "keep me"
        async with asyncio.timeout(5):
            while (await stage.state())["pending"]:
                await asyncio.sleep(0.02)
        assert len(stage.calls) == 1


async def test_polling_survives_an_update_that_the_library_does_not_know() -> None:
    async with staged(mode="polling", public_url="") as stage:
        await stage.begin()
        await stage.do("raw", update={"poll": {"id": "1"}, "message": {"message_id": "odd"}})
        await stage.do("say", user=LI, text="after it")
        assert (await stage.inbound())[0].text == "after it"


# The stand-in keeps Telegram's rules by itself.


async def test_the_twin_refuses_get_updates_while_a_webhook_is_set(begun: Stage, client: Bot) -> None:
    with pytest.raises(Conflict):
        await client.get_updates()
    await client.delete_webhook()
    assert await client.get_updates() == ()


async def test_the_twin_refuses_a_wrong_token(stage: Stage) -> None:
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    stranger = Bot("4242:stolen", base_url=f"{stage.base}/twin/telegram/bot", request=request)
    with pytest.raises(InvalidToken):
        await stranger.get_me()
    await request.shutdown()


async def test_the_twin_edits_and_sends_photos_for_a_real_client(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("是", callback_data="y")]])
    sent = await client.send_message(LI, "确定？", reply_markup=keyboard)
    await client.edit_message_text("好了", LI, sent.message_id)
    with pytest.raises(BadRequest, match="not modified"):
        await client.edit_message_text("好了", LI, sent.message_id)
    photo = await client.send_photo(LI, photo=b"\x89PNG", caption="图", filename="a.png")
    assert photo.photo[0].width > 0
    await client.send_chat_action(LI, "typing")
    shown = await stage.shown(LI)
    assert [(m["text"], m["photo"], m["edited"], m["buttons"]) for m in shown[1:]] == [
        ("好了", False, True, []),
        ("图", True, False, []),
    ]


async def test_the_twin_holds_the_whole_bot_to_thirty_a_second(stage: Stage) -> None:
    people = [(number, f"P{number}") for number in range(1, 41)]
    twin = TelegramTwin(TOKEN, "shop_bot", people, [], stage.clock)
    transport = httpx.ASGITransport(Starlette(routes=twin.routes))
    statuses = []
    async with httpx.AsyncClient(transport=transport, base_url="http://twin") as http:
        for number, _ in people:
            await http.post("/telegram/control/say", json={"user": number, "text": "hi"})
        for number, _ in people:
            path = f"/telegram/bot{TOKEN}/sendMessage"
            statuses.append((await http.post(path, json={"chat_id": number, "text": "sale"})).status_code)
    assert 30 <= statuses.count(200) < 40
    assert statuses[:30] == [200] * 30
    assert 429 in statuses


async def test_the_twin_refuses_a_text_of_4097_and_an_empty_one(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    await client.send_message(LI, "x" * 4096)
    for text in ("x" * 4097, " "):
        with pytest.raises(BadRequest):
            await client.send_message(LI, text)


async def test_the_twin_tells_a_real_client_when_to_come_back(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    for number in range(5):
        await client.send_message(LI, str(number))
    with pytest.raises(RetryAfter) as caught:
        await client.send_message(LI, "too fast")
    assert caught.value.retry_after == timedelta(seconds=1)


async def test_the_panel_and_its_files_are_served_without_foreign_addresses(stage: Stage) -> None:
    for path in ("panel?user=1001&lang=zh", "static/telegram.js", "static/telegram.css"):
        answer = await stage.http.get(f"{stage.base}/twin/telegram/{path}")
        assert answer.status_code == 200
        assert "//cdn" not in answer.text and "https://" not in answer.text
    assert (await stage.http.get(f"{stage.base}/twin/telegram/static/telegram.html")).status_code == 404


# The pure part.


def test_an_edited_message_is_read_like_a_new_one() -> None:
    update = text_update(text="red, not blue", edit_date=1_700_000_060)
    update["edited_message"] = update.pop("message")
    (inbound,) = wire.parse(update, ACCOUNT, NOW)
    assert inbound.text == "red, not blue"
    assert inbound.sent_at == datetime.fromtimestamp(1_700_000_060, UTC)


def test_unknown_future_fields_are_ignored() -> None:
    plain = wire.parse(text_update(), ACCOUNT, NOW)
    assert wire.parse(text_update(aura={"colour": "green"}) | {"quantum": 1}, ACCOUNT, NOW) == plain


def test_other_bots_service_messages_and_channels_are_ignored() -> None:
    from_robot = text_update()
    from_robot["message"]["from"] = {"id": 5, "is_bot": True, "first_name": "R"}
    assert wire.parse(from_robot, ACCOUNT, NOW) == []
    assert wire.parse(text_update(text="", pinned_message={"message_id": 3}), ACCOUNT, NOW) == []
    assert wire.parse(text_update(chat={"id": -7, "type": "channel"}), ACCOUNT, NOW) == []


def test_text_that_no_database_takes_is_cleaned() -> None:
    (inbound,) = wire.parse(json.loads(json.dumps(text_update(text="x\ud83d\0y"))), ACCOUNT, NOW)
    assert inbound.text == "x?y"


KEYS = st.sampled_from(
    [
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "chat",
        "from",
        "text",
        "caption",
        "photo",
        "id",
        "type",
        "date",
        "data",
        "update_id",
        "new_chat_member",
        "status",
        "is_bot",
        "first_name",
        "sender_chat",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["private", "group", "kicked"])
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=20)


@given(update=JSON, number=st.integers())
@example(update={"message": {"chat": {"id": 1, "type": []}, "from": {"id": 1}, "text": "x"}}, number=1)
@example(update={"message": {"chat": {"id": 1, "type": "private"}, "from": {"id": 1}, "date": 2**62}}, number=1)
def test_no_update_makes_the_parser_raise(update: Any, number: int) -> None:
    wire.parse(update, ACCOUNT, NOW)
    wire.callback_id(update)
    if isinstance(update, dict):
        for inbound in wire.parse({**update, "update_id": number}, ACCOUNT, NOW):
            assert inbound.key == f"tg:4242:{number}"
            inbound.text.encode()


@given(text=st.text(alphabet=st.sampled_from("ab 。.!？\n退👩\u200d🇨🇳e\u0301"), max_size=400), limit=st.integers(4, 60))
def test_splitting_loses_nothing_but_white_space_and_keeps_the_limit(text: str, limit: int) -> None:
    pieces = wire.split(text, limit)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece.encode("utf-16-le")) // 2 <= limit for piece in pieces)


def test_a_split_never_breaks_an_emoji_of_several_characters() -> None:
    family = "👩‍👩‍👧‍👦"
    pieces = wire.split("x" * 15 + family * 4, 24)
    assert len(pieces) == 3
    assert all(piece.strip("x").replace(family, "") == "" for piece in pieces)
