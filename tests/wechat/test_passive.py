"""Replies in the answer to a callback."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import connectors.wechat.connector as connector_module
from bot.messages import File, Inbound, Purpose, Receipt, Road, SendStatus
from connectors.twin.wechat_cipher import Fields, encrypt, sign, to_xml
from connectors.wechat.account import Kind
from tests.wechat.stage import AES_KEY, APP_ID, LI, TOKEN, WANG, Stage, a_message, staged

PICTURE = File(b"\x89PNG" + bytes(40), "image/png")


class QuickBot:
    """Answers on the passive road as soon as a message is stored."""

    def __init__(self, stage: Stage, *texts: str, **more: Any) -> None:
        self.stage, self.texts, self.more = stage, texts, more
        self.receipts: list[Receipt] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._store = stage.host.receive
        stage.host.receive = self.receive  # type: ignore[method-assign]

    async def receive(self, messages: Sequence[Inbound]) -> None:
        await self._store(messages)
        self.tasks.append(asyncio.create_task(self._answer()))

    async def _answer(self) -> None:
        for number, text in enumerate(self.texts):
            message = a_message(text, id=f"p{number}", road="passive", **self.more)
            self.receipts.append(await self.stage.connector.send(message))

    async def done(self) -> list[SendStatus]:
        await asyncio.gather(*self.tasks)
        return [receipt.status for receipt in self.receipts]


async def refusals(stage: Stage) -> list[Any]:
    answer = await stage.http.get(f"{stage.base}/twin/wechat/control/refusals")
    found: list[Any] = answer.json()["refusals"]
    return found


@pytest.mark.parametrize(
    "text", ["您好", "😀👨‍👩‍👧 ]]> <b>&amp;</b> ]]>]]>", "a\nb", "\u202eمرحبا\u202c", "x\x00\x0by"]
)
async def test_a_reply_goes_out_in_the_answer_to_the_callback_and_costs_nothing(held: Stage, text: str) -> None:
    bot = QuickBot(held, text)
    result = await held.does("say", text="在吗")
    assert (result["delivered"], result["attempts"]) == (True, 1)
    assert await bot.done() == [SendStatus.SENT]
    assert await held.chat() == [("user", "在吗"), ("account", text.replace("\x00\x0b", ""))]
    assert [(await held.send("x", id=str(n))).status for n in range(5)] == [SendStatus.SENT] * 5
    assert await refusals(held) == []


async def test_a_test_account_is_answered_in_plain_text() -> None:
    async with staged(Kind.TEST, twins_key="", holding=True) as stage:
        bot = QuickBot(stage, "您好 ]]>")
        await stage.does("say", text="在吗")
        assert await bot.done() == [SendStatus.SENT]
        assert (await stage.chat())[-1] == ("account", "您好 ]]>")


async def test_a_picture_alone_fits_into_the_answer(held: Stage) -> None:
    bot = QuickBot(held, "", picture=PICTURE)
    await held.does("say", text="有图吗")
    assert await bot.done() == [SendStatus.SENT]
    assert (await held.lines())[-1]["kind"] == "image"


async def test_the_second_reply_finds_the_callback_ended(held: Stage) -> None:
    bot = QuickBot(held, "一", "二")
    await held.does("say", text="在吗")
    assert await bot.done() == [SendStatus.SENT, SendStatus.NOT_ALLOWED]
    assert [text for _, text in await held.chat()] == ["在吗", "一"]


async def test_the_road_is_open_only_while_the_callback_of_this_user_is(
    held: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_module, "PASSIVE_WAIT_S", 0.2)
    saying = asyncio.create_task(held.does("say", text="在吗"))
    while not held.host.received:
        await asyncio.sleep(0.005)

    def first_road(**more: Any) -> str:
        return held.connector.roads(a_message(**{"text": "您好", **more}))[0].name

    assert held.connector.roads(a_message("您好"))[0] == Road("passive")
    assert [first_road(user=WANG), first_road(text="退" * 700), first_road(picture=PICTURE)] == ["window"] * 3
    assert [first_road(purpose=Purpose.MARKETING), first_road(purpose=Purpose.HUMAN)] == ["window", "passive"]
    assert (await saying)["delivered"]
    assert first_road() == "window"
    assert (await held.send("晚了", road="passive")).reason == "the callback had ended"
    assert await held.chat() == [("user", "在吗")]


async def test_a_process_that_does_not_hold_the_channel_answers_at_once(stage: Stage) -> None:
    roads: list[str] = []
    store = stage.host.receive

    async def receive(messages: Sequence[Inbound]) -> None:
        await store(messages)
        roads.extend(road.name for road in stage.connector.roads(a_message("您好")))

    stage.host.receive = receive  # type: ignore[method-assign]
    assert (await stage.does("say", text="在吗"))["delivered"]
    assert roads == ["window"]


@pytest.mark.parametrize("act", ["unfollow", "resend"])
async def test_what_wants_no_answer_is_answered_at_once(held: Stage, act: str) -> None:
    bot = QuickBot(held, "您好")
    await held.does("say", text="在吗")
    await bot.done()
    async with asyncio.timeout(0.5):
        await held.does(act)


async def test_a_second_delivery_is_answered_as_the_first_one(held: Stage) -> None:
    bot = QuickBot(held, "您好")
    await held.does("say", text="在吗")
    await bot.done()
    await held.does("resend")
    assert await held.chat() == [("user", "在吗"), ("account", "您好"), ("account", "您好")]
    assert len(held.host.received) == 1


async def test_a_customer_whose_platform_hung_up_gets_the_reply_on_another_road(held: Stage) -> None:
    held.twin.pusher.answer_limit_s = 0.1
    store = held.host.receive

    async def receive(messages: Sequence[Inbound]) -> None:
        await store(messages)
        if held.connector.roads(a_message("x"))[0].name == "passive":
            asyncio.get_running_loop().call_later(0.15, late.set)

    late = asyncio.Event()
    held.host.receive = receive  # type: ignore[method-assign]
    saying = asyncio.create_task(held.does("say", text="在吗"))
    await late.wait()
    receipt = await held.send("您好", road="passive")
    await saying
    assert (receipt.status, receipt.reason) == (SendStatus.NOT_ALLOWED, "the callback had ended")
    assert (await held.send("您好")).status is SendStatus.SENT


async def test_a_message_that_could_not_be_stored_takes_no_reply(held: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector_module, "SILENCE_S", 0.2)
    held.twin.pusher.answer_limit_s = 0.1
    held.host.refuse = 4
    await held.does("say", text="在吗")
    assert (await held.send("您好", road="passive")).status is SendStatus.NOT_ALLOWED


async def test_an_unverified_account_has_passive_replies_and_nothing_else() -> None:
    async with staged(Kind.UNVERIFIED, holding=True) as stage:
        bot = QuickBot(stage, "您好")
        await stage.does("say", text="在吗")
        assert await bot.done() == [SendStatus.SENT]
        assert stage.connector.roads(a_message("您好", user=LI)) == []
        assert await refusals(stage) == []


async def test_the_second_delivery_to_an_unverified_account_can_still_be_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connector_module, "ONLY_PASSIVE_WAIT_S", 2.0)
    async with staged(Kind.UNVERIFIED, holding=True) as stage:
        stage.twin.pusher.answer_limit_s = 0.15
        saying = asyncio.create_task(stage.does("say", text="在吗"))
        await asyncio.sleep(0.2)
        while not stage.connector.roads(a_message("您好")):
            await asyncio.sleep(0.005)
        assert (await stage.send("您好", road="passive")).status is SendStatus.SENT
        assert (await saying)["attempts"] > 1
        assert await stage.chat() == [("user", "在吗"), ("account", "您好")]


async def test_stopping_does_not_wait_for_replies() -> None:
    async with asyncio.timeout(3), staged(Kind.UNVERIFIED, holding=True) as stage:
        saying = asyncio.create_task(stage.does("say", text="在吗"))
        while not stage.host.received:
            await asyncio.sleep(0.005)
        await stage.connector.stop()
        async with asyncio.timeout(0.5):
            assert (await saying)["delivered"]


TEXT: Fields = {
    "ToUserName": "gh",
    "FromUserName": LI,
    "CreateTime": 1795312800,
    "MsgType": "text",
    "Content": "在吗",
    "MsgId": 5,
}


class BrokenOff(httpx.AsyncBaseTransport):
    """Hands a request to an app and breaks the line when the answer's body is written; hangs up when `gone` is set."""

    def __init__(self, app: Starlette, gone: asyncio.Event) -> None:
        self.app, self.gone = app, gone

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = [{"type": "http.request", "body": request.content, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if body:
                return body.pop()
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                raise ConnectionResetError

        scope = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "query_string": request.url.query,
            "headers": [],
        }
        await self.app(scope, receive, send)
        raise AssertionError("nothing was written")


async def push_by_hand(held: Stage, gone: asyncio.Event) -> None:
    timestamp = str(int(held.clock.now().timestamp()))
    sealed = encrypt(AES_KEY, APP_ID, to_xml(TEXT), b"0123456789abcdef")
    query = {"timestamp": timestamp, "nonce": "n", "msg_signature": sign(TOKEN, timestamp, "n", sealed)}
    transport = BrokenOff(Starlette(routes=list(held.connector.routes())), gone)
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(ConnectionResetError):
            await http.post(held.callback, params=query, content=to_xml({"Encrypt": sealed}))


async def test_a_reply_whose_writing_broke_off_is_unsure(held: Stage) -> None:
    bot = QuickBot(held, "您好")
    await push_by_hand(held, gone=asyncio.Event())
    assert await bot.done() == [SendStatus.UNSURE]


async def test_a_reply_in_the_moment_of_the_hang_up_was_not_sent(held: Stage) -> None:
    gone, receipts = asyncio.Event(), []

    async def answer() -> None:
        while not held.host.received:
            await asyncio.sleep(0.005)
        gone.set()
        receipts.append(await held.send("您好", road="passive"))

    await asyncio.gather(push_by_hand(held, gone), answer())
    assert [receipt.status for receipt in receipts] == [SendStatus.NOT_ALLOWED]
