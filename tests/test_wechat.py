"""The WeChat connector against the WeChat twin: both served over loopback, the real wechatpy between them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from structlog.testing import capture_logs
from wechatpy.crypto import WeChatCrypto  # type: ignore[import-untyped]
from wechatpy.exceptions import WeChatClientException  # type: ignore[import-untyped]

import connectors.twin.wechat as twin_module
import connectors.wechat.connector as connector_module
import connectors.wechat.tokens as tokens_module
from bot.errors import SettingsError
from bot.messages import Chat, Choice, Event, Inbound, Outbound, Purpose, Receipt, SendStatus
from connectors.twin.app import build_twin
from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_cipher import decrypt, encrypt, from_xml, sign, to_xml
from connectors.wechat.connector import MAX_BODY_BYTES, WeChatConnector
from connectors.wechat.tokens import StableTokenClient
from connectors.wechat.wire import MAX_BYTES, split, texts

APP_ID, SECRET, TOKEN, AES_KEY = "wx5823bf96d3bd56c7", "s3cret", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
CHANNEL = "wechat:gh_qinghe"
LI, WANG = "oLi-0000000000000000000000001", "oWang-00000000000000000000002"
START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Watch:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def move(self, **step: float) -> None:
        self.time += timedelta(**step)


@dataclass
class Stage:
    connector: WeChatConnector
    twin: WeChatTwin
    clock: Watch
    twin_clock: Watch
    base: str
    http: httpx.AsyncClient
    inbox: list[Inbound] = field(default_factory=list)

    @property
    def callback(self) -> str:
        return f"{self.base}/wechat/gh_qinghe/callback"

    def move(self, **step: float) -> None:
        self.clock.move(**step)
        self.twin_clock.move(**step)

    async def does(self, action: str, user: str = LI, **more: object) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/twin/wechat/control/{action}", json={"user": user, **more})
        result: dict[str, Any] = answer.json()
        return result

    async def chat(self, user: str = LI) -> list[tuple[str, str]]:
        answer = await self.http.get(f"{self.base}/twin/wechat/control/messages", params={"user": user})
        return [(line["from"], line["text"]) for line in answer.json()["messages"]]

    async def send(self, text: str, *choices: Choice, user: str = LI, id: str = "m1") -> Receipt:
        return await self.connector.send(Outbound(id, Chat(CHANNEL, user), Purpose.REPLY, text, choices))

    async def push(self, xml: str, app_id: str = APP_ID, token: str = TOKEN, age_s: int = 0) -> httpx.Response:
        """Post any text to the callback, sealed and signed as the platform would."""
        sealed = encrypt(AES_KEY, app_id, xml, b"0123456789abcdef")
        timestamp = str(int(self.clock.now().timestamp()) - age_s)
        query = {"timestamp": timestamp, "nonce": "n", "msg_signature": sign(token, timestamp, "n", sealed)}
        return await self.http.post(self.callback, params=query, content=to_xml({"Encrypt": sealed}))

    async def push_plain(self, body: str | bytes, age_s: int = 0, **changed: str) -> httpx.Response:
        """Post any body to the callback, signed as the platform does for a test account."""
        timestamp = str(int(self.clock.now().timestamp()) - age_s)
        query = {"signature": sign(TOKEN, timestamp, "n"), "timestamp": timestamp, "nonce": "n", **changed}
        return await self.http.post(self.callback, params=query, content=body)

    async def push_fields(self, **fields: str | int) -> httpx.Response:
        return await self.push(to_xml({"FromUserName": LI, "CreateTime": 1795312800, **fields}))


@dataclass
class Served:
    """A web app on a free port of this machine, as a context."""

    app: Starlette
    listener: socket.socket

    async def __aenter__(self) -> str:
        config = uvicorn.Config(self.app, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        while not self.server.started:
            await asyncio.sleep(0.005)
        return base_of(self.listener)

    async def __aexit__(self, *exc: object) -> None:
        self.server.should_exit = True
        await self.task
        self.listener.close()


def free_socket() -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def base_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def make_connector(base: str, clock: Watch, **changed: Any) -> WeChatConnector:
    secrets: dict[str, Any] = {
        "app_id": APP_ID,
        "app_secret": SECRET,
        "token": TOKEN,
        "aes_key": AES_KEY,
        "api_base": base,
    }
    return WeChatConnector(CHANNEL, **{**secrets, **changed}, clock=clock)


@asynccontextmanager
async def staged(twins_key: str, **changed: Any) -> AsyncIterator[Stage]:
    listener, clock, twin_clock = free_socket(), Watch(), Watch()
    base = base_of(listener)
    connector = make_connector(f"{base}/twin/wechat", clock, **changed)
    users = [(LI, "李"), (WANG, "Wang")]
    callback = f"{base}/wechat/gh_qinghe/callback"
    twin = WeChatTwin(APP_ID, SECRET, TOKEN, twins_key, "清河", users, callback, twin_clock)
    app = Starlette(routes=[*connector.routes(), Mount("/twin", app=build_twin(None, twin))])
    async with Served(app, listener), httpx.AsyncClient(trust_env=False) as http:
        stage = Stage(connector, twin, clock, twin_clock, base, http)

        async def receive(messages: Sequence[Inbound]) -> None:
            stage.inbox.extend(messages)

        await connector.start(receive)
        yield stage
        await connector.stop()


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged(AES_KEY) as stage:
        yield stage


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Stage]:
    async with staged("", aes_key="", test_account=True) as stage:
        yield stage


def refused_so_far(reason: str) -> float:
    labels = {"channel": CHANNEL, "reason": reason}
    return REGISTRY.get_sample_value("zhanggui_callbacks_refused_total", labels) or 0.0


# Verification


def verification(stage: Stage, token: str = TOKEN, age_s: int = 0) -> dict[str, str]:
    timestamp = str(int(stage.clock.now().timestamp()) - age_s)
    return {"signature": sign(token, timestamp, "n"), "timestamp": timestamp, "nonce": "n", "echostr": "<b>5927</b>"}


async def test_the_verification_gets_its_echo_back_as_plain_text(stage: Stage) -> None:
    answer = await stage.http.get(stage.callback, params=verification(stage))
    assert (answer.status_code, answer.text) == (200, "<b>5927</b>")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_verification_with_another_token_or_an_old_one_is_refused(stage: Stage) -> None:
    forged = await stage.http.get(stage.callback, params=verification(stage, token="other"))
    unsigned = await stage.http.get(stage.callback)
    old = await stage.http.get(stage.callback, params=verification(stage, age_s=301))
    assert [forged.status_code, unsigned.status_code, old.status_code] == [403, 403, 403]


# Messages in


@pytest.mark.parametrize("text", ["尺码怎么选？", "😀👨‍👩‍👧 ]]> <b>&amp;</b>", "]]>]]>", "a\nb", " "])
async def test_a_text_arrives_unchanged_with_the_right_of_five_in_48_hours(stage: Stage, text: str) -> None:
    result = await stage.does("say", text=text)
    (message,) = stage.inbox
    assert result["delivered"]
    assert result["attempts"] == 1
    assert message.text.strip() == text.strip()
    assert message.chat == Chat(CHANNEL, LI)
    assert message.user == LI
    assert message.sent_at == START
    assert [(grant.count, grant.window_s) for grant in message.grants] == [(5, 172800)]


async def test_the_twins_cipher_and_wechatpys_open_each_others_envelopes() -> None:
    library = WeChatCrypto(TOKEN, AES_KEY, APP_ID)
    outer = from_xml(library.encrypt_message("<xml>😀]]></xml>", "n", "1"))
    assert outer["MsgSignature"] == sign(TOKEN, "1", "n", outer["Encrypt"])
    assert decrypt(AES_KEY, APP_ID, outer["Encrypt"]) == "<xml>😀]]></xml>"


async def test_the_same_message_delivered_again_has_the_same_key(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.does("resend")
    await stage.does("say", text="在吗")
    first, again, second = (message.key for message in stage.inbox)
    assert first == again != second
    assert first.startswith(f"oa:{APP_ID}:")


async def test_a_message_that_could_not_be_stored_is_delivered_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin_module, "ANSWER_LIMIT_S", 0.2)
    monkeypatch.setattr(connector_module, "SILENCE_S", 0.6)
    tries: list[str] = []

    async def receive(messages: Sequence[Inbound]) -> None:
        tries.extend(message.key for message in messages)
        if len(tries) < 3:
            raise OSError("disk full")

    await stage.connector.start(receive)
    result = await stage.does("say", text="在吗")
    assert (result["delivered"], result["attempts"]) == (True, 3)
    assert len(tries) == 3
    assert len(set(tries)) == 1


async def test_a_follow_opens_three_in_a_minute_and_a_scene_comes_as_payload(stage: Stage) -> None:
    await stage.does("unfollow")
    await stage.does("follow", scene="pay-8812")
    left, followed = stage.inbox
    assert (left.event, left.grants) == (Event.LEFT, ())
    assert (followed.event, followed.payload) == (Event.STARTED, "pay-8812")
    assert [(grant.count, grant.window_s) for grant in followed.grants] == [(3, 60)]
    assert followed.key == f"oa:{APP_ID}:{LI}:{int(START.timestamp())}:subscribe_scan:pay-8812"


async def test_a_plain_follow_has_no_payload_and_a_follower_who_scans_starts_again(stage: Stage) -> None:
    await stage.does("follow")
    await stage.does("follow", scene="table-4")
    assert [(m.event, m.payload) for m in stage.inbox] == [(Event.STARTED, ""), (Event.STARTED, "table-4")]
    assert len({message.key for message in stage.inbox}) == 2


async def test_a_menu_click_is_a_choice(stage: Stage) -> None:
    await stage.does("click", key="orders")
    (message,) = stage.inbox
    assert (message.choice, message.event, message.grants[0].count) == ("orders", None, 3)


async def test_a_tapped_menu_message_is_a_choice_with_the_short_right(stage: Stage) -> None:
    answer = await stage.push_fields(MsgType="text", Content="满意", MsgId=7, bizmsgmenuid="101")
    (message,) = stage.inbox
    assert answer.text == "success"
    assert (message.choice, message.text, message.grants[0].window_s) == ("101", "满意", 60)


@pytest.mark.parametrize(
    ("fields", "caption"),
    [
        ({"MsgType": "image", "PicUrl": "https://x/1.jpg", "MediaId": "m"}, ""),
        ({"MsgType": "voice", "MediaId": "m", "Format": "amr", "Recognition": "要退货"}, "要退货"),
        ({"MsgType": "video", "MediaId": "m", "ThumbMediaId": "t"}, ""),
        (
            {"MsgType": "location", "Location_X": "23.1", "Location_Y": "113.3", "Scale": 20, "Label": "广州塔"},
            "广州塔",
        ),
    ],
)
async def test_media_is_reported_as_media(stage: Stage, fields: dict[str, str | int], caption: str) -> None:
    await stage.push_fields(**fields, MsgId=9)
    (message,) = stage.inbox
    assert (message.event, message.text, message.grants[0].count) == (Event.MEDIA, caption, 5)


@pytest.mark.parametrize("event", ["VIEW", "TEMPLATESENDJOBFINISH", "LOCATION", "no_such_event"])
async def test_events_that_mean_nothing_to_the_bot_are_acknowledged_and_dropped(stage: Stage, event: str) -> None:
    answer = await stage.push_fields(MsgType="event", Event=event, EventKey="k")
    assert (answer.status_code, answer.text, stage.inbox) == (200, "success", [])


# Test accounts: plain text, by a setting of its own

PLAIN = to_xml({"FromUserName": LI, "CreateTime": 1795312800, "MsgType": "text", "Content": "x", "MsgId": 3})


@pytest.mark.parametrize("text", ["尺码怎么选？", "😀 ]]> <b>&amp;</b>", "<Encrypt>AAAA</Encrypt>"])
async def test_a_test_account_chats_in_plain_text(sandbox: Stage, text: str) -> None:
    result = await sandbox.does("say", text=text)
    assert (result["delivered"], result["attempts"]) == (True, 1)
    (message,) = sandbox.inbox
    assert (message.text, message.chat, message.sent_at) == (text, Chat(CHANNEL, LI), START)
    assert (await sandbox.send("您好")).status is SendStatus.SENT
    assert await sandbox.chat() == [("user", text), ("account", "您好")]


async def test_a_test_accounts_address_is_verified_and_what_comes_twice_has_one_key(sandbox: Stage) -> None:
    answer = await sandbox.http.get(sandbox.callback, params=verification(sandbox))
    assert (answer.status_code, answer.text) == (200, "<b>5927</b>")
    await sandbox.does("say", text="在吗")
    await sandbox.does("resend")
    await sandbox.does("follow", scene="table-4")
    first, again, followed = sandbox.inbox
    assert first.key == again.key
    assert (followed.event, followed.payload) == (Event.STARTED, "table-4")


async def test_a_plain_message_with_a_wrong_signature_is_refused_and_counted(sandbox: Stage) -> None:
    before = refused_so_far("signature")
    for forged in ("", "0" * 40, sign("guessed", str(int(START.timestamp())), "n")):
        assert (await sandbox.push_plain(PLAIN, signature=forged)).status_code == 403
    assert (await sandbox.http.post(sandbox.callback, content=PLAIN)).status_code == 403
    assert refused_so_far("signature") == before + 4
    assert sandbox.inbox == []


@pytest.mark.parametrize("age_s", [301, -301, 86400])
async def test_a_plain_message_from_another_time_is_refused(sandbox: Stage, age_s: int) -> None:
    before = refused_so_far("stale")
    assert (await sandbox.push_plain(PLAIN, age_s=age_s)).status_code == 403
    assert (refused_so_far("stale"), sandbox.inbox) == (before + 1, [])
    assert (await sandbox.push_plain(PLAIN, age_s=299)).status_code == 200


async def test_a_plain_message_over_64_kib_is_refused(sandbox: Stage) -> None:
    assert (await sandbox.push_plain(b"x" * (MAX_BODY_BYTES + 1))).status_code == 400


async def test_a_test_account_takes_no_encrypted_message() -> None:
    async with staged(AES_KEY, aes_key="", test_account=True) as stage:
        result = await stage.does("say", text="在吗")
        assert (result["delivered"], result["status"]) == (False, 400)
        assert (await stage.push_plain(to_xml({"ToUserName": "gh", "Encrypt": "AAAA"}))).status_code == 400
        assert (await stage.push_plain(PLAIN, encrypt_type="aes")).status_code == 400
        assert stage.inbox == []


async def test_a_test_account_is_warned_of_at_its_start_and_a_real_one_is_not() -> None:
    with capture_logs() as logs:
        async with staged(AES_KEY):
            pass
        assert logs == []
        async with staged("", aes_key="", test_account=True):
            pass
    (line,) = logs
    assert (line["event"], line["log_level"], line["channel"]) == ("wechat_unencrypted", "warning", CHANNEL)


# Callbacks that are refused


async def test_a_wrong_signature_is_refused_and_counted(stage: Stage) -> None:
    before = refused_so_far("signature")
    answer = await stage.push("<xml/>", token="guessed")
    assert (answer.status_code, stage.inbox) == (403, [])
    assert refused_so_far("signature") == before + 1


@pytest.mark.parametrize("age_s", [301, -301, 86400])
async def test_a_callback_from_another_time_is_refused(stage: Stage, age_s: int) -> None:
    xml = to_xml({"FromUserName": LI, "CreateTime": 1, "MsgType": "text", "Content": "x", "MsgId": 3})
    assert (await stage.push(xml, age_s=age_s)).status_code == 403
    assert stage.inbox == []
    assert (await stage.push(xml, age_s=299)).status_code == 200


async def test_a_message_for_another_app_is_refused(stage: Stage) -> None:
    before = refused_so_far("app_id")
    assert (await stage.push("<xml/>", app_id="wx0000000000000000")).status_code == 403
    assert refused_so_far("app_id") == before + 1


async def test_a_body_over_64_kib_is_refused(stage: Stage) -> None:
    before = refused_so_far("size")
    answer = await stage.http.post(stage.callback, content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 400
    assert refused_so_far("size") == before + 1


async def test_plain_mode_is_refused_though_its_signature_is_right(stage: Stage) -> None:
    assert (await stage.push_plain(PLAIN)).status_code == 400
    assert (await stage.push_plain(PLAIN, encrypt_type="raw")).status_code == 400
    assert stage.inbox == []


async def test_a_plain_pushing_account_reaches_no_shop_that_expects_encryption() -> None:
    async with staged("") as stage:
        result = await stage.does("say", text="在吗")
        assert (result["delivered"], result["status"], stage.inbox) == (False, 400, [])


junk = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@junk
@given(
    body=st.binary(max_size=300),
    query=st.dictionaries(st.sampled_from(["timestamp", "nonce", "msg_signature"]), st.text(max_size=20)),
)
async def test_junk_from_strangers_is_refused_without_an_error(
    stage: Stage, body: bytes, query: dict[str, str]
) -> None:
    wrapped = b"<xml><Encrypt>" + body.hex().encode() + b"</Encrypt></xml>"
    for content in (body, wrapped):
        answer = await stage.http.post(stage.callback, params=query, content=content)
        assert answer.status_code in (400, 403)


names = st.sampled_from(
    ["FromUserName", "CreateTime", "MsgType", "MsgId", "Content", "Event", "EventKey", "bizmsgmenuid"]
)
values = st.one_of(
    st.sampled_from(
        ["text", "event", "image", "subscribe", "CLICK", "<a>1</a>", "qrscene_1", "-1", "9" * 5000, "٣", ""]
    ),
    st.text(max_size=12).map(lambda text: text.replace("<", "").replace("&", "")),
)


@junk
@given(fields=st.lists(st.tuples(names, values), max_size=10), plain=st.text(max_size=40), whole=st.booleans())
async def test_signed_junk_is_refused_or_ignored_without_an_error(
    stage: Stage, fields: list[tuple[str, str]], plain: str, whole: bool
) -> None:
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    answer = await stage.push(f"<xml>{elements}</xml>" if whole else plain)
    assert answer.status_code in (200, 400)
    assert all(isinstance(message.text, str) and isinstance(message.user, str) for message in stage.inbox)


@junk
@given(fields=st.lists(st.tuples(names, values), max_size=10), plain=st.binary(max_size=60), whole=st.booleans())
async def test_plain_junk_with_a_right_signature_is_refused_or_ignored_without_an_error(
    sandbox: Stage, fields: list[tuple[str, str]], plain: bytes, whole: bool
) -> None:
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    answer = await sandbox.push_plain(f"<xml>{elements}</xml>" if whole else plain)
    assert answer.status_code in (200, 400)
    assert all(isinstance(message.text, str) and isinstance(message.user, str) for message in sandbox.inbox)


async def test_entities_in_a_plain_message_are_refused(sandbox: Stage) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + PLAIN.replace("<![CDATA[x]]>", "&b;")
    assert "&b;" in bomb
    assert (await sandbox.push_plain(bomb)).status_code == 400
    assert sandbox.inbox == []


@pytest.mark.parametrize(
    "broken",
    [
        {"CreateTime": "soon"},
        {"CreateTime": "9" * 5000},
        {"CreateTime": "9" * 18},
        {"MsgId": "x"},
        {"MsgId": 0},
        {"FromUserName": ""},
        {"MsgType": ""},
    ],
)
async def test_a_signed_message_with_a_broken_field_is_refused(stage: Stage, broken: dict[str, str | int]) -> None:
    whole: dict[str, str | int] = {"MsgType": "text", "Content": "x", "MsgId": 3}
    assert (await stage.push_fields(**{**whole, **broken})).status_code == 400
    assert (await stage.push_fields(**whole)).status_code == 200
    assert len(stage.inbox) == 1


@pytest.mark.parametrize("sealed", ["AAAA", "A" * 43 + "=", "A" * 64, "===="])
async def test_a_signed_but_broken_cipher_text_is_refused(stage: Stage, sealed: str) -> None:
    timestamp = str(int(START.timestamp()))
    query = {"timestamp": timestamp, "nonce": "n", "msg_signature": sign(TOKEN, timestamp, "n", sealed)}
    answer = await stage.http.post(stage.callback, params=query, content=f"<xml><Encrypt>{sealed}</Encrypt></xml>")
    assert answer.status_code in (400, 403)


# Messages out and their windows


async def test_an_answer_appears_in_the_chat(stage: Stage) -> None:
    await stage.does("say", text="你好")
    assert (await stage.send("您好 😀 ]]>")).status is SendStatus.SENT
    assert await stage.chat() == [("user", "你好"), ("account", "您好 😀 ]]>")]


async def test_choices_become_a_numbered_list(stage: Stage) -> None:
    await stage.does("say", text="退货")
    await stage.send("请选择：", Choice("a", "不合身"), Choice("b", "有瑕疵"))
    assert (await stage.chat())[-1] == ("account", "请选择：\n1. 不合身\n2. 有瑕疵")


async def test_without_a_window_nothing_is_sent(stage: Stage) -> None:
    receipt = await stage.send("您好")
    assert (receipt.status, receipt.reason) == (SendStatus.WINDOW_CLOSED, "wechat 45015")


async def test_the_sixth_answer_finds_the_window_used_up_and_a_new_message_opens_it(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    receipts = [await stage.send(str(number), id=str(number)) for number in range(6)]
    assert [receipt.status for receipt in receipts] == [SendStatus.SENT] * 5 + [SendStatus.WINDOW_CLOSED]
    assert receipts[-1].reason == "wechat 45047"
    await stage.does("say", text="还在吗")
    assert (await stage.send("在")).status is SendStatus.SENT


async def test_the_window_of_a_message_ends_after_48_hours(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    stage.move(hours=47, minutes=59)
    assert (await stage.send("在", id="1")).status is SendStatus.SENT
    stage.move(minutes=1)
    assert (await stage.send("在", id="2")).reason == "wechat 45015"


async def test_a_click_allows_three_in_a_minute_and_does_not_add_to_a_running_window(stage: Stage) -> None:
    await stage.does("click", key="orders")
    statuses = [(await stage.send("x", id=str(number))).reason for number in range(4)]
    assert statuses == ["", "", "", "wechat 45047"]
    await stage.does("click", key="orders")
    stage.move(seconds=60)
    assert (await stage.send("x")).reason == "wechat 45015"
    await stage.does("say", text="在吗")
    await stage.does("click", key="orders")
    assert [(await stage.send("x", id=str(n))).reason for n in range(6)] == [""] * 5 + ["wechat 45047"]


async def test_who_unfollowed_or_never_existed_cannot_be_reached(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.does("unfollow")
    gone, unknown = await stage.send("x"), await stage.send("x", user="oNobody")
    assert [gone.status, unknown.status] == [SendStatus.UNREACHABLE] * 2
    assert [gone.reason, unknown.reason] == ["wechat 43004", "wechat 40003"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (45015, SendStatus.WINDOW_CLOSED),
        (45047, SendStatus.WINDOW_CLOSED),
        (43004, SendStatus.UNREACHABLE),
        (40003, SendStatus.UNREACHABLE),
        (45011, SendStatus.RATE_LIMITED),
        (-1, SendStatus.TRANSIENT),
        (48001, SendStatus.REFUSED),
        (45002, SendStatus.REFUSED),
        (99999, SendStatus.REFUSED),
    ],
)
async def test_every_error_code_has_its_receipt(stage: Stage, code: int, status: SendStatus) -> None:
    await stage.does("fault", errcode=code, times=1)
    receipt = await stage.send("x")
    assert (receipt.status, receipt.reason) == (status, f"wechat {code}")


async def test_a_spent_day_quota_waits_until_midnight_in_beijing(stage: Stage) -> None:
    await stage.does("fault", errcode=45009, times=1)
    receipt = await stage.send("x")
    assert receipt.status is SendStatus.RATE_LIMITED
    assert receipt.retry_after_s == 14 * 3600  # 02:00 UTC is 10:00 there


async def test_a_long_text_arrives_whole_in_pieces_of_2048_bytes(stage: Stage) -> None:
    await stage.does("say", text="政策")
    policy = "自签收之日起七天内可以退货，商品须保持完好。" * 80
    assert (await stage.send(policy)).status is SendStatus.SENT
    pieces = [text for side, text in await stage.chat() if side == "account"]
    assert len(pieces) == 3
    assert all(len(piece.encode()) <= 2048 and piece.endswith("。") for piece in pieces)
    assert "".join(pieces) == policy


async def test_a_text_that_failed_midway_goes_on_where_it_stopped(stage: Stage) -> None:
    await stage.does("click", key="policy")
    policy = "\n".join(f"{number:02} " + "退" * 660 for number in range(4))
    assert (await stage.send(policy)).status is SendStatus.WINDOW_CLOSED
    await stage.does("say", text="继续")
    assert (await stage.send(policy)).status is SendStatus.SENT
    pieces = [text for side, text in await stage.chat() if side == "account"]
    assert [piece[:2] for piece in pieces] == ["00", "01", "02", "03"]


@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=300), max_bytes=st.integers(8, 64))
def test_splitting_loses_nothing_but_blanks_and_keeps_the_limit(text: str, max_bytes: int) -> None:
    pieces = split(text, max_bytes)
    assert all(0 < len(piece.encode()) <= max_bytes for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_splitting_leaves_numbers_and_joined_emoji_whole() -> None:
    assert split("Costs 3.50 today. Ask us tomorrow.", 20) == ["Costs 3.50 today.", "Ask us tomorrow."]
    family = "👨‍👩‍👧"
    assert split(family * 3, 40) == [family * 2, family]
    message = Outbound("1", Chat(CHANNEL, LI), Purpose.REPLY, "", (Choice("a", "是"), Choice("b", "否")))
    assert texts(message) == ["1. 是\n2. 否"]
    assert MAX_BYTES == 2048


# Tokens


async def test_an_expired_token_is_fetched_exactly_once_more(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.send("1", id="1")
    stage.twin_clock.move(seconds=7201)  # only the platform's: we still believe in the token we hold
    assert (await stage.send("2", id="2")).status is SendStatus.SENT
    assert stage.twin.fetches == 2
    assert [text for _, text in await stage.chat()] == ["在吗", "1", "2"]


async def test_a_token_near_its_end_is_renewed_before_the_platform_complains(stage: Stage) -> None:
    await stage.does("say", text="在吗")
    await stage.send("1", id="1")
    stage.move(seconds=6900)
    await stage.send("2", id="2")
    assert stage.twin.fetches == 1
    stage.move(seconds=61)
    await stage.send("3", id="3")
    await stage.send("4", id="4")
    assert stage.twin.fetches == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_storm_of_token_errors_ends_after_one_retry(stage: Stage, code: int) -> None:
    await stage.does("say", text="在吗")
    await stage.does("fault", errcode=code, times=3)
    assert (await stage.send("1")).status is SendStatus.TRANSIENT
    assert stage.twin.fetches == 2
    assert (await stage.send("1")).status is SendStatus.SENT  # the third refusal was all that was left


async def test_many_threads_with_a_cold_client_fetch_one_token(stage: Stage) -> None:
    client = StableTokenClient(APP_ID, SECRET, f"{stage.base}/twin/wechat", stage.clock)
    with ThreadPoolExecutor(16) as pool:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(pool, client.user.get, LI) for _ in range(32)]
        answers = await asyncio.gather(*calls)
    client.close()
    assert {answer["subscribe"] for answer in answers} == {1}
    assert stage.twin.fetches == 1


async def test_a_wrong_secret_refuses_with_its_code(stage: Stage) -> None:
    connector = make_connector(f"{stage.base}/twin/wechat", stage.clock, app_secret="wrong")
    receipt = await connector.send(Outbound("1", Chat(CHANNEL, LI), Purpose.REPLY, "x"))
    await connector.stop()
    assert (receipt.status, receipt.reason) == (SendStatus.REFUSED, "wechat 40125")


# Networks that fail


async def test_nobody_listening_means_surely_not_sent(stage: Stage) -> None:
    with free_socket() as bound:
        connector = make_connector(base_of(bound), stage.clock)
        receipt = await connector.send(Outbound("1", Chat(CHANNEL, LI), Purpose.REPLY, "x"))
        await connector.stop()
    assert receipt.status is SendStatus.TRANSIENT


async def stable_token(request: object) -> PlainTextResponse:
    return PlainTextResponse(json.dumps({"access_token": "t", "expires_in": 7200}))


async def hang(request: object) -> PlainTextResponse:
    await asyncio.sleep(1)
    return PlainTextResponse("{}")


async def fail(request: object) -> PlainTextResponse:
    return PlainTextResponse("<html>bad gateway</html>", 502)


async def portal(request: object) -> PlainTextResponse:
    return PlainTextResponse("<html>please log in</html>")


@pytest.mark.parametrize(
    ("token_answer", "send_answer", "status"),
    [
        (stable_token, hang, SendStatus.UNSURE),
        (stable_token, fail, SendStatus.TRANSIENT),
        (stable_token, portal, SendStatus.UNSURE),
        (hang, hang, SendStatus.TRANSIENT),
        (fail, hang, SendStatus.TRANSIENT),
        (portal, hang, SendStatus.TRANSIENT),
    ],
)
async def test_a_failing_server_is_told_apart_from_a_silent_one(
    monkeypatch: pytest.MonkeyPatch, token_answer: Any, send_answer: Any, status: SendStatus
) -> None:
    monkeypatch.setattr(tokens_module, "TIMEOUT_S", 0.3)
    routes = [
        Route("/cgi-bin/stable_token", token_answer, methods=["POST"]),
        Route("/cgi-bin/message/custom/send", send_answer, methods=["POST"]),
    ]
    async with Served(Starlette(routes=routes), free_socket()) as base:
        connector = make_connector(base, Watch())
        receipt = await connector.send(Outbound("1", Chat(CHANNEL, LI), Purpose.REPLY, "x"))
        await connector.stop()
    assert receipt.status is status


# Settings


@pytest.mark.parametrize(
    "changed",
    [
        {"app_id": ""},
        {"app_secret": ""},
        {"token": ""},
        {"aes_key": ""},
        {"aes_key": AES_KEY[:-1]},
        {"aes_key": AES_KEY[:-1] + "!"},
        {"test_account": True},
        {"test_account": True, "aes_key": "", "token": ""},
        {"api_base": "http://weixin.example.com"},
        {"api_base": "ftp://127.0.0.1"},
        {"api_base": "api.weixin.qq.com"},
    ],
)
def test_settings_that_would_not_be_safe_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        make_connector("https://api.weixin.qq.com", Watch(), **changed)


# The twin's own rules


async def test_the_twin_answers_wrong_requests_as_the_platform_does(stage: Stage) -> None:
    root = f"{stage.base}/twin/wechat/cgi-bin"
    app = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}

    async def code_of(path: str, **request: Any) -> int | None:
        code: int | None = (await stage.http.post(f"{root}/{path}", **request)).json().get("errcode")
        return code

    assert await code_of("stable_token", content=b"nonsense") == 47001
    assert await code_of("stable_token", json={**app, "secret": "x"}) == 40125
    assert await code_of("stable_token", json={**app, "appid": "x"}) == 40013
    assert await code_of("message/custom/send", json={}) == 41001
    assert await code_of("message/custom/send?access_token=x", json={}) == 40001
    token = (await stage.http.post(f"{root}/stable_token", json=app)).json()["access_token"]
    again = (await stage.http.post(f"{root}/stable_token", json=app)).json()["access_token"]
    forced = (await stage.http.post(f"{root}/stable_token", json={**app, "force_refresh": True})).json()["access_token"]
    assert token == again != forced
    await stage.does("say", text="x")
    long = {"touser": LI, "msgtype": "text", "text": {"content": "长" * 683}}
    assert await code_of(f"message/custom/send?access_token={token}", json=long) == 40001
    assert await code_of(f"message/custom/send?access_token={forced}", json=long) == 45002
    assert await code_of(f"message/custom/send?access_token={forced}", content=b"{") == 47001
    assert await code_of(f"message/custom/typing?access_token={forced}", json={"touser": LI, "command": "Typing"}) == 0


async def test_a_second_plain_token_kills_the_first(stage: Stage) -> None:
    root = f"{stage.base}/twin/wechat/cgi-bin"
    app = {"grant_type": "client_credential", "appid": APP_ID, "secret": SECRET}
    first, second = [(await stage.http.get(f"{root}/token", params=app)).json()["access_token"] for _ in range(2)]
    codes = []
    for token in (first, second):
        answer = await stage.http.get(f"{root}/user/info", params={"access_token": token, "openid": LI})
        codes.append(answer.json().get("errcode"))
    assert codes == [40001, None]


async def test_a_wrong_answer_shows_the_customer_that_the_service_is_unavailable(stage: Stage) -> None:
    async def answer(request: object) -> PlainTextResponse:
        return PlainTextResponse('{"ok": true}')

    async with Served(Starlette(routes=[Route("/cb", answer, methods=["POST"])]), free_socket()) as base:
        stage.twin._callback_url = f"{base}/cb"
        result = await stage.does("say", text="在吗")
    assert not result["delivered"]
    assert await stage.chat() == [("user", "在吗"), ("notice", twin_module.UNAVAILABLE)]


async def test_a_sealed_passive_reply_is_shown_and_costs_no_right_to_send(stage: Stage) -> None:
    async def answer(request: object) -> PlainTextResponse:
        inner = to_xml({"ToUserName": LI, "FromUserName": "gh", "CreateTime": 1, "MsgType": "text", "Content": "稍等"})
        return PlainTextResponse(WeChatCrypto(TOKEN, AES_KEY, APP_ID).encrypt_message(inner, "n"))

    async with Served(Starlette(routes=[Route("/cb", answer, methods=["POST"])]), free_socket()) as base:
        stage.twin._callback_url = f"{base}/cb"
        await stage.does("say", text="在吗")
    assert await stage.chat() == [("user", "在吗"), ("account", "稍等")]
    assert [(await stage.send("x", id=str(number))).reason for number in range(6)] == [""] * 5 + ["wechat 45047"]


async def test_a_plain_passive_reply_of_a_test_account_is_shown_and_another_is_not(sandbox: Stage) -> None:
    async def answer(request: object) -> PlainTextResponse:
        return PlainTextResponse(to_xml({"ToUserName": LI, "MsgType": "text", "Content": "稍等"}))

    async with Served(Starlette(routes=[Route("/cb", answer, methods=["POST"])]), free_socket()) as base:
        sandbox.twin._callback_url = f"{base}/cb"
        assert (await sandbox.does("say", text="在吗"))["delivered"]
        assert not (await sandbox.does("say", user=WANG, text="在吗"))["delivered"]
    assert await sandbox.chat() == [("user", "在吗"), ("account", "稍等")]


async def test_the_twin_answers_its_own_machine_only(stage: Stage) -> None:
    statuses = []
    for peer in ("203.0.113.9", "127.0.0.1", "::1", "::ffff:127.0.0.1"):
        transport = httpx.ASGITransport(build_twin(None, stage.twin), client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://twin") as http:
            statuses.append((await http.get("/wechat/panel")).status_code)
    assert statuses == [403, 200, 200, 200]
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await stage.http.post(f"{stage.base}/twin/wechat/control/say", json={"user": LI}, headers=foreign)
    assert answer.status_code == 403


async def test_the_panel_and_all_it_needs_come_from_the_twin(stage: Stage) -> None:
    page = await stage.http.get(f"{stage.base}/twin/wechat/panel", params={"user": LI, "lang": "en"})
    assert 'aria-label="message"' in page.text
    assert "://" not in page.text
    for name in ("wechat.css", "wechat.js"):
        assert f"static/{name}" in page.text
        assert (await stage.http.get(f"{stage.base}/twin/wechat/static/{name}")).status_code == 200


async def test_the_real_library_meets_the_same_refusals(stage: Stage) -> None:
    client = StableTokenClient(APP_ID, SECRET, f"{stage.base}/twin/wechat", stage.clock)
    with pytest.raises(WeChatClientException) as refused:
        await asyncio.to_thread(client.message.send_text, LI, "x")
    client.close()
    assert refused.value.errcode == 45015
