"""The WeCom twin by itself: every rule of the platform once, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from connectors.twin.app import build_twin
from connectors.twin.wechat_cipher import decrypt, from_xml, sign
from connectors.twin.wecom import WeComTwin
from tests.conftest import StandingClock
from tests.loopback import base_of, listening

CORP, AGENT, SECRET, KF_SECRET = "ww1a2b3c4d5e6f7a8b", 1000002, "app-s3cret", "kf-s3cret"
TOKEN, AES_KEY, KF, ROBOT = "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wkTwin", "robot-key"
LI, WANG = "wmLi0000000000000000000000000001", "wmWang00000000000000000000000002"
ANNA, BO = "anna", "bo"
VIP, FANS, OTHERS = "wrVip", "wrFans", "wrOthers"
TEXT = {"msgtype": "text", "text": {"content": "在的"}}


@dataclass
class Shop:
    """The other end of the callbacks: opens each push and answers with what the test wants."""

    statuses: list[int] = field(default_factory=list)
    pushes: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    answers_echo: bool = True

    async def take(self, request: Request) -> Response:
        query = dict(request.query_params)
        if request.method == "GET":
            plain = decrypt(AES_KEY, CORP, query["echostr"])
            return PlainTextResponse(plain if self.answers_echo else f'"{plain}"')
        body = (await request.body()).decode()
        self.queries.append(query)
        self.bodies.append(body)
        try:
            sealed = from_xml(body)["Encrypt"]
            good = query["msg_signature"] == sign(TOKEN, query["timestamp"], query["nonce"], sealed)
            self.pushes.append(from_xml(decrypt(AES_KEY, CORP, sealed)) | {"good": str(good)})
        except (ValueError, KeyError):
            self.pushes.append({})
        return PlainTextResponse("", self.statuses.pop(0) if self.statuses else 200)


@dataclass
class Stage:
    base: str
    http: httpx.AsyncClient
    clock: StandingClock
    twin: WeComTwin
    shop: Shop
    token: str = ""

    def move(self, **step: float) -> None:
        self.clock.advance(timedelta(**step))

    async def fetch(self, secret: str = SECRET, corp: str = CORP) -> dict[str, Any]:
        url = f"{self.base}/wecom/cgi-bin/gettoken"
        answer: dict[str, Any] = (await self.http.get(url, params={"corpid": corp, "corpsecret": secret})).json()
        self.token = answer.get("access_token", self.token)
        return answer

    async def call(self, api: str, **body: Any) -> dict[str, Any]:
        """POST to one API with a good token."""
        if self.twin.fetches == 0:
            await self.fetch()
        url = f"{self.base}/wecom/cgi-bin/{api}"
        answer: dict[str, Any] = (await self.http.post(url, params={"access_token": self.token}, json=body)).json()
        return answer

    async def get(self, api: str, **query: str) -> httpx.Response:
        if self.twin.fetches == 0:
            await self.fetch()
        return await self.http.get(f"{self.base}/wecom/cgi-bin/{api}", params={"access_token": self.token, **query})

    async def send(self, **body: Any) -> int:
        sent = {"touser": LI, "open_kfid": KF, **(body or TEXT)}
        code: int = (await self.call("kf/send_msg", **sent))["errcode"]
        return code

    async def sync(self, **body: Any) -> dict[str, Any]:
        """Pull with the token of the last hint."""
        token = self.shop.pushes[-1].get("Token", "") if self.shop.pushes else ""
        return await self.call("kf/sync_msg", **{"token": token, "open_kfid": KF, **body})

    async def does(self, action: str, **body: Any) -> dict[str, Any]:
        answer = await self.http.post(f"{self.base}/wecom/control/{action}", json=body)
        result: dict[str, Any] = answer.json()
        assert answer.status_code == 200, result
        return result

    async def sees(self, what: str, **query: str) -> dict[str, Any]:
        answer = await self.http.get(f"{self.base}/wecom/control/{what}", params=query)
        result: dict[str, Any] = answer.json()
        return result

    async def chat(self, user: str = LI) -> list[tuple[str, str]]:
        return [(line["from"], line["text"]) for line in (await self.sees("messages", user=user))["messages"]]

    async def state(self, user: str = LI) -> tuple[int, str]:
        answer = await self.call("kf/service_state/get", open_kfid=KF, external_userid=user)
        return answer["service_state"], answer["servicer_userid"]

    async def transfer(self, state: int, staff: str = "", user: str = LI) -> int:
        body = {"open_kfid": KF, "external_userid": user, "service_state": state, "servicer_userid": staff}
        code: int = (await self.call("kf/service_state/trans", **body))["errcode"]
        return code

    async def upload(self, kind: str, data: bytes) -> dict[str, Any]:
        await self.fetch()
        query = {"access_token": self.token, "type": kind}
        files = {"media": ("bild.png", data, "image/png")}
        url = f"{self.base}/wecom/cgi-bin/media/upload"
        answer: dict[str, Any] = (await self.http.post(url, params=query, files=files)).json()
        return answer

    async def task(self, chat_type: str = "group", **more: Any) -> dict[str, Any]:
        body = {"chat_type": chat_type, "text": {"content": "秒杀"}, "sender": ANNA, **more}
        return await self.call("externalcontact/add_msg_template", **body)


@asynccontextmanager
async def served(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, lifespan="off", log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    yield
    server.should_exit = True
    await task
    listener.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    listener = listening()
    base = base_of(listener)
    clock, shop = StandingClock(datetime(2026, 11, 23, 3, 0, tzinfo=UTC)), Shop()
    twin = WeComTwin(
        CORP,
        AGENT,
        SECRET,
        TOKEN,
        AES_KEY,
        f"{base}/callback",
        users=[(LI, "李雷"), (WANG, "王芳")],
        staff=[(ANNA, "Anna"), (BO, "Bo")],
        groups=[(VIP, "贵宾", ANNA), (FANS, "粉丝", ANNA), (OTHERS, "其他", BO)],
        clock=clock,
        kf_secret=KF_SECRET,
        robot_keys=[ROBOT],
    )
    routes = [Route("/callback", shop.take, methods=["GET", "POST"]), Mount("/", build_twin(None, None, twin))]
    async with served(Starlette(routes=routes), listener), httpx.AsyncClient(trust_env=False) as http:
        yield Stage(base, http, clock, twin, shop)


# Tokens and the door


async def test_a_token_is_the_same_until_its_end_is_near(stage: Stage) -> None:
    first = await stage.fetch()
    stage.move(seconds=6800)
    second = await stage.fetch()
    stage.move(seconds=200)
    third = await stage.fetch()
    assert first["expires_in"] == 7200 and second["expires_in"] == 400
    assert first["access_token"] == second["access_token"] != third["access_token"]


async def test_each_secret_has_a_token_of_its_own(stage: Stage) -> None:
    assert (await stage.fetch())["access_token"] != (await stage.fetch(KF_SECRET))["access_token"]


@pytest.mark.parametrize(
    ("corp", "secret", "code"), [("ww0", SECRET, 40013), (CORP, "wrong", 40001), (CORP, "", 40001)]
)
async def test_a_wrong_company_or_secret_gets_no_token(stage: Stage, corp: str, secret: str, code: int) -> None:
    assert (await stage.fetch(secret, corp))["errcode"] == code


async def test_a_token_may_be_missing_wrong_or_expired(stage: Stage) -> None:
    async def code(token: str) -> int:
        stage.token = token
        return int((await stage.call("kf/account/list"))["errcode"])

    good = (await stage.fetch())["access_token"]
    assert [await code(token) for token in ("", "nonsense", good)] == [41001, 40014, 0]
    stage.move(seconds=7200)
    assert await code(good) == 42001


async def test_a_revoked_token_is_invalid_and_the_next_one_is_new(stage: Stage) -> None:
    old = (await stage.fetch())["access_token"]
    await stage.does("revoke")
    assert (await stage.call("kf/account/list"))["errcode"] == 40014
    assert (await stage.fetch())["access_token"] != old


async def test_an_address_that_is_not_trusted_is_turned_away(stage: Stage) -> None:
    await stage.does("trust", trusted=False)
    assert (await stage.call("kf/account/list"))["errcode"] == 60020
    await stage.does("trust", trusted=True)
    assert (await stage.call("kf/account/list"))["errcode"] == 0


async def test_the_secret_of_customer_service_opens_nothing_else(stage: Stage) -> None:
    await stage.fetch(KF_SECRET)
    assert (await stage.call("kf/account/list"))["errcode"] == 0
    assert (await stage.call("externalcontact/groupchat/list", limit=10))["errcode"] == 48002


@pytest.mark.parametrize("body", ["", "[]", "{", "null"])
async def test_a_body_that_is_no_object_is_refused(stage: Stage, body: str) -> None:
    await stage.fetch()
    url = f"{stage.base}/wecom/cgi-bin/kf/send_msg"
    answer = await stage.http.post(url, params={"access_token": stage.token}, content=body)
    assert answer.status_code == 200 and answer.json()["errcode"] == 47001


# Customer service: hints and pulling


async def test_a_message_is_only_hinted_at_and_then_pulled(stage: Stage) -> None:
    said = await stage.does("say", user=LI, text="在吗 😀 ]]>")
    push = stage.shop.pushes[-1]
    assert (push["Event"], push["OpenKfId"], push["good"]) == ("kf_msg_or_event", KF, "True")
    assert "在吗" not in stage.shop.bodies[-1]
    page = await stage.sync()
    (message,) = page["msg_list"]
    assert message["msgid"] == said["msgid"] and message["external_userid"] == LI and message["origin"] == 3
    assert message["text"] == {"content": "在吗 😀 ]]>"} and page["has_more"] == 0


async def test_a_hint_is_tried_three_times(stage: Stage) -> None:
    stage.shop.statuses = [500, 502, 200]
    assert await stage.does("say", user=LI, text="a") | {"msgid": ""} == {
        "delivered": True,
        "attempts": 3,
        "status": 200,
        "msgid": "",
    }
    stage.shop.statuses = [500, 500, 500]
    assert not (await stage.does("say", user=LI, text="b"))["delivered"]
    assert stage.shop.statuses == [] and len(stage.shop.pushes) == 6
    assert stage.shop.pushes[3]["Token"] == stage.shop.pushes[5]["Token"]


async def test_a_cursor_gives_what_came_after_it(stage: Stage) -> None:
    await stage.does("say", user=LI, text="1")
    cursor = (await stage.sync())["next_cursor"]
    await stage.does("say", user=LI, text="2")
    page = await stage.sync(cursor=cursor)
    assert [message["text"]["content"] for message in page["msg_list"]] == ["2"]
    assert (await stage.sync(cursor=page["next_cursor"]))["msg_list"] == []
    assert len((await stage.sync())["msg_list"]) == 2
    assert (await stage.sync(cursor="nonsense"))["errcode"] == 40058


async def test_a_page_may_be_shorter_than_asked_for(stage: Stage) -> None:
    await stage.does("page", size=2)
    for text in "123":
        await stage.does("say", user=LI, text=text)
    page = await stage.sync(limit=1000)
    assert len(page["msg_list"]) == 2 and page["has_more"] == 1
    assert (await stage.sync(limit=1))["has_more"] == 1
    assert (await stage.sync(cursor=page["next_cursor"]))["has_more"] == 0


async def test_nothing_is_kept_longer_than_three_days(stage: Stage) -> None:
    await stage.does("say", user=LI, text="old")
    stage.move(days=3)
    await stage.fetch()
    await stage.does("say", user=LI, text="new")
    assert [message["text"]["content"] for message in (await stage.sync())["msg_list"]] == ["new"]


async def test_the_token_of_a_hint_is_good_for_ten_minutes(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    stage.move(seconds=599)
    assert (await stage.sync())["errcode"] == 0
    stage.move(seconds=1)
    assert (await stage.sync())["errcode"] == 95007
    assert (await stage.sync(token="invented"))["errcode"] == 95007


async def test_pulling_without_a_token_is_held_back(stage: Stage) -> None:
    codes = [(await stage.sync(token=""))["errcode"] for _ in range(7)]
    assert codes == [0] * 6 + [45009]
    stage.move(minutes=1)
    assert (await stage.sync(token=""))["errcode"] == 0


async def test_what_our_api_sent_is_not_in_the_log(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    assert await stage.send() == 0
    assert len((await stage.sync())["msg_list"]) == 1


async def test_an_unknown_account_is_refused(stage: Stage) -> None:
    assert (await stage.sync(open_kfid="wkOther"))["errcode"] == 95000
    assert (await stage.call("kf/send_msg", touser=LI, open_kfid="wkOther", **TEXT))["errcode"] == 95000


# Customer service: sending


async def test_a_message_buys_five_and_the_next_one_buys_five_again(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    assert [await stage.send() for _ in range(6)] == [0] * 5 + [95001]
    await stage.does("say", user=LI, text="b")
    assert await stage.send() == 0
    assert (await stage.sees("messages", user=LI))["left"] == 4


async def test_the_window_ends_after_48_hours(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    stage.move(hours=47)
    await stage.fetch()
    assert await stage.send() == 0
    stage.move(hours=1)
    await stage.fetch()
    assert await stage.send() == 95018  # the session ended in the same moment
    await stage.does("state", user=LI, state=1)
    assert await stage.send() == 95002


async def test_a_session_ends_48_hours_after_its_first_message(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    stage.move(hours=47)
    await stage.fetch()
    await stage.does("say", user=LI, text="b")
    stage.move(hours=1)
    await stage.fetch()
    assert await stage.state() == (4, "")
    await stage.does("say", user=LI, text="c")
    assert await stage.state() == (0, "")


async def test_nobody_is_written_to_who_never_wrote(stage: Stage) -> None:
    assert await stage.send() == 95018
    assert await stage.send(touser="wmNobody", **TEXT) == 40096


@pytest.mark.parametrize("state", [0, 1])
async def test_our_api_may_speak_in_states_0_and_1(stage: Stage, state: int) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("state", user=LI, state=state)
    assert await stage.send() == 0


@pytest.mark.parametrize("state", [2, 3, 4])
async def test_our_api_may_not_speak_in_states_2_3_and_4(stage: Stage, state: int) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("state", user=LI, state=state, staff=ANNA)
    assert await stage.send() == 95018


async def test_an_own_msgid_is_given_back_and_taken_once(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    body = {"touser": LI, "open_kfid": KF, "msgid": "m-1_A", **TEXT}
    assert (await stage.call("kf/send_msg", **body))["msgid"] == "m-1_A"
    again = await stage.call("kf/send_msg", **body)
    assert again["errcode"] == 40058 and "msgid" in again["errmsg"]
    assert await stage.chat() == [("user", "a"), ("account", "在的")]
    assert (await stage.sees("messages", user=LI))["left"] == 4


@pytest.mark.parametrize("msgid", ["a" * 33, "a.b", "中"])
async def test_a_msgid_of_other_characters_or_too_long_is_refused(stage: Stage, msgid: str) -> None:
    await stage.does("say", user=LI, text="a")
    assert await stage.send(msgid=msgid, **TEXT) == 40058


def text(content: object) -> dict[str, Any]:
    return {"msgtype": "text", "text": {"content": content}}


def menu(entries: list[Any]) -> dict[str, Any]:
    return {"msgtype": "msgmenu", "msgmenu": {"head_content": "选", "list": entries}}


def click(own_id: str, says: str) -> dict[str, Any]:
    return {"type": "click", "click": {"id": own_id, "content": says}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text("字" * 682 + "ab"), 0),
        (text("字" * 682 + "abc"), 40058),
        (text(""), 44004),
        (text(None), 44004),
        ({"msgtype": "text"}, 40058),
        ({"msgtype": "hologram", "hologram": {}}, 40008),
        (menu([click("1", "好")]), 0),
        (menu([click("1", "好")] * 11), 95008),
        (menu([{"type": "dance"}]), 95009),
        (menu([]), 40058),
        (menu([click("1" * 129, "好")]), 40058),
        ({"msgtype": "image", "image": {"media_id": "gone"}}, 40007),
        ({"msgtype": "link", "link": {"title": "t", "url": "https://a", "thumb_media_id": "gone"}}, 40007),
        ({"msgtype": "location", "location": {"name": "店", "latitude": 1, "longitude": 2}}, 0),
    ],
)
async def test_types_and_sizes_are_those_of_the_page(stage: Stage, body: dict[str, Any], code: int) -> None:
    await stage.does("say", user=LI, text="a")
    assert await stage.send(**body) == code


async def test_a_tap_on_a_menu_comes_back_as_text_with_the_id_and_opens_the_window(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.send(**menu([click("buy", "我要买"), {"type": "view", "view": {"url": "https://a", "content": "看"}}]))
    await stage.does("tap", user=LI, menu_id="buy")
    message = (await stage.sync())["msg_list"][-1]
    assert message["text"] == {"content": "我要买", "menu_id": "buy"} and message["origin"] == 3
    assert (await stage.sees("messages", user=LI))["left"] == 5


async def test_a_failed_delivery_is_told_later(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.send(msgid="m1", **TEXT)
    await stage.does("fail", msgid="m1", fail_type=10)
    message = (await stage.sync())["msg_list"][-1]
    assert message["msgtype"] == "event" and message["origin"] == 4 and "external_userid" not in message
    event = message["event"]
    assert (event["event_type"], event["fail_msgid"], event["fail_type"]) == ("msg_send_fail", "m1", 10)
    assert await stage.chat() == [("user", "a")]


# Customer service: welcome, sessions, staff


async def entered(stage: Stage, **body: Any) -> dict[str, Any]:
    await stage.does("enter", user=LI, **body)
    event: dict[str, Any] = (await stage.sync())["msg_list"][-1]["event"]
    return event


async def welcome(stage: Stage, code: str, **body: Any) -> int:
    return int((await stage.call("kf/send_msg_on_event", code=code, **(body or TEXT)))["errcode"])


async def test_an_entry_tells_scene_and_parameter_and_brings_a_code(stage: Stage) -> None:
    event = await entered(stage, scene="poster", scene_param="order=7&x=1")
    assert (event["scene"], event["scene_param"], event["external_userid"]) == ("poster", "order=7&x=1", LI)
    assert await welcome(stage, event["welcome_code"]) == 0
    assert await stage.chat() == [("account", "在的")]


async def test_a_welcome_code_is_good_once(stage: Stage) -> None:
    code = (await entered(stage))["welcome_code"]
    assert [await welcome(stage, code), await welcome(stage, code)] == [0, 41050]


async def test_a_welcome_code_is_good_for_20_seconds(stage: Stage) -> None:
    code = (await entered(stage))["welcome_code"]
    stage.move(seconds=20)
    assert await welcome(stage, code) == 41050


async def test_a_welcome_is_text_or_a_menu(stage: Stage) -> None:
    code = (await entered(stage))["welcome_code"]
    assert await welcome(stage, code, msgtype="location", location={"name": "店"}) == 40008
    assert await welcome(stage, code, **menu([click("1", "好")])) == 0


async def test_no_code_within_48_hours_of_a_welcome(stage: Stage) -> None:
    await welcome(stage, (await entered(stage))["welcome_code"])
    stage.move(hours=47)
    await stage.fetch()
    assert "welcome_code" not in await entered(stage)
    stage.move(hours=1)
    await stage.fetch()
    assert "welcome_code" in await entered(stage)


async def test_no_code_for_a_customer_who_wrote(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    assert "welcome_code" not in await entered(stage)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        *((0, after, code) for after, code in enumerate([95016, 95016, 0, 0, 95016])),
        *((1, after, code) for after, code in enumerate([95016, 95016, 0, 0, 95016])),
        *((2, after, code) for after, code in enumerate([95016, 95016, 95016, 0, 95016])),
        *((3, after, code) for after, code in enumerate([95016, 95016, 95016, 0, 0])),
        *((4, after, code) for after, code in enumerate([95016] * 5)),
    ],
)
async def test_only_the_published_moves_are_allowed(stage: Stage, before: int, after: int, code: int) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("state", user=LI, state=before, staff=ANNA)
    assert await stage.transfer(after, BO) == code
    assert await stage.state() == (
        (after, BO if after == 3 else "") if code == 0 else (before, ANNA if before == 3 else "")
    )


async def test_a_session_is_given_only_to_somebody_on_duty(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("duty", staff=ANNA, on_duty=False)
    assert [await stage.transfer(3, staff) for staff in (ANNA, "nobody", "")] == [95014] * 3
    servicers = (await stage.get("kf/servicer/list", open_kfid=KF)).json()["servicer_list"]
    assert servicers == [{"userid": ANNA, "status": 1}, {"userid": BO, "status": 0}]


async def test_what_staff_say_is_in_the_log(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("state", user=LI, state=3, staff=ANNA)
    await stage.does("staff_says", user=LI, text="我来")
    message = (await stage.sync())["msg_list"][-1]
    assert (message["origin"], message["servicer_userid"], message["text"]) == (5, ANNA, {"content": "我来"})


async def test_moves_by_staff_are_in_the_log_and_those_of_our_api_are_not(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.transfer(2)
    await stage.does("state", user=LI, state=3, staff=ANNA)
    await stage.does("state", user=LI, state=3, staff=BO)
    await stage.does("close", user=LI)
    events = [message["event"] for message in (await stage.sync())["msg_list"][1:]]
    assert [(e["change_type"], e["old_servicer_userid"], e["new_servicer_userid"]) for e in events] == [
        (1, "", ANNA),
        (2, ANNA, BO),
        (3, BO, ""),
    ]


async def test_customers_are_described_by_the_hundred(stage: Stage) -> None:
    answer = await stage.call("kf/customer/batchget", external_userid_list=[LI, "wmNobody"])
    assert [one["nickname"] for one in answer["customer_list"]] == ["李雷"]
    assert answer["invalid_external_userid"] == ["wmNobody"]
    assert (await stage.call("kf/customer/batchget", external_userid_list=["a"] * 101))["errcode"] == 40058


async def test_an_entry_link_carries_its_scene_and_the_parameter_put_behind_it(stage: Stage) -> None:
    way = await stage.call("kf/add_contact_way", open_kfid=KF, scene="cart_1")
    event = await entered(stage, url=way["url"] + "&scene_param=a%3D1")
    assert (event["scene"], event["scene_param"]) == ("cart_1", "a=1")
    assert (await stage.call("kf/add_contact_way", open_kfid=KF, scene="a" * 33))["errcode"] == 40058
    url = f"{stage.base}/wecom/control/enter"
    assert (await stage.http.post(url, json={"user": LI, "scene_param": "a" * 129})).status_code == 400


# Files


async def test_a_file_lives_three_days(stage: Stage) -> None:
    media_id = (await stage.upload("image", b"\x89PNG-picture"))["media_id"]
    assert (await stage.get("media/get", media_id=media_id)).content == b"\x89PNG-picture"
    await stage.does("say", user=LI, text="a")
    assert await stage.send(msgtype="image", image={"media_id": media_id}) == 0
    assert await stage.send(msgtype="file", file={"media_id": media_id}) == 40007
    stage.move(days=3)
    await stage.fetch()
    assert (await stage.get("media/get", media_id=media_id)).json()["errcode"] == 40007


async def test_a_customers_picture_can_be_fetched(stage: Stage) -> None:
    await stage.does("image", user=LI)
    media_id = (await stage.sync())["msg_list"][-1]["image"]["media_id"]
    answer = await stage.get("media/get", media_id=media_id)
    assert answer.headers["content-type"] == "image/png" and answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [("poem", b"123456", 40005), ("image", b"", 44001), ("image", b"12345", 40006), ("voice", b"x" * 2097153, 40006)],
)
async def test_files_have_a_type_and_a_size(stage: Stage, kind: str, data: bytes, code: int) -> None:
    assert (await stage.upload(kind, data))["errcode"] == code


# Mass messages


async def test_a_task_sends_nothing_before_the_member_confirms(stage: Stage) -> None:
    task = (await stage.task())["msgid"]
    assert all(group["messages"] == [] for group in (await stage.sees("groups"))["groups"])
    (row,) = (await stage.call("externalcontact/get_groupmsg_task", msgid=task))["task_list"]
    assert row == {"userid": ANNA, "status": 0}
    await stage.does("confirm", task=task, staff=ANNA)
    groups = {group["id"]: len(group["messages"]) for group in (await stage.sees("groups"))["groups"]}
    assert groups == {VIP: 1, FANS: 1, OTHERS: 0}
    (row,) = (await stage.call("externalcontact/get_groupmsg_task", msgid=task))["task_list"]
    assert row["status"] == 2
    results = await stage.call("externalcontact/get_groupmsg_send_result", msgid=task, userid=ANNA)
    assert [(one["chat_id"], one["status"]) for one in results["send_list"]] == [(VIP, 1), (FANS, 1)]


async def test_a_group_gets_as_many_a_month_as_the_month_has_days(stage: Stage) -> None:
    for _ in range(30):
        await stage.does("confirm", task=(await stage.task(chat_id_list=[VIP]))["msgid"], staff=ANNA)
    task = (await stage.task())["msgid"]
    assert (await stage.does("confirm", task=task, staff=ANNA))["results"] == {VIP: 3, FANS: 1}
    stage.move(days=8)
    await stage.fetch()
    task = (await stage.task(chat_id_list=[VIP]))["msgid"]
    assert (await stage.does("confirm", task=task, staff=ANNA))["results"] == {VIP: 1}


async def test_a_declined_task_stays_unsent_for_the_api(stage: Stage) -> None:
    task = (await stage.task())["msgid"]
    await stage.does("decline", task=task, staff=ANNA)
    (row,) = (await stage.call("externalcontact/get_groupmsg_task", msgid=task))["task_list"]
    assert row["status"] == 0
    url = f"{stage.base}/wecom/control/confirm"
    assert (await stage.http.post(url, json={"task": task, "staff": ANNA})).status_code == 409


async def test_a_task_is_reminded_of_three_times_in_24_hours(stage: Stage) -> None:
    task = (await stage.task())["msgid"]
    codes = [(await stage.call("externalcontact/remind_groupmsg_send", msgid=task))["errcode"] for _ in range(4)]
    assert codes == [0, 0, 0, 45009]
    stage.move(hours=24)
    await stage.fetch()
    assert (await stage.call("externalcontact/remind_groupmsg_send", msgid=task))["errcode"] == 0


async def test_a_cancelled_task_cannot_be_confirmed(stage: Stage) -> None:
    task = (await stage.task())["msgid"]
    assert (await stage.call("externalcontact/cancel_groupmsg_send", msgid=task))["errcode"] == 0
    url = f"{stage.base}/wecom/control/confirm"
    assert (await stage.http.post(url, json={"task": task, "staff": ANNA})).json()["errcode"] == 41047


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"chat_type": "crowd"}, 40058),
        ({"sender": ""}, 40058),
        ({"sender": "nobody"}, 60111),
        ({"chat_id_list": [OTHERS]}, 41048),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": "字" * 1334}}, 40058),
        ({"attachments": [{"msgtype": "image"}] * 10}, 40058),
        ({"attachments": [{"msgtype": "poem"}]}, 40058),
        ({"chat_type": "single"}, 41048),
        ({"chat_type": "single", "tag_filter": 7}, 40058),
    ],
)
async def test_a_task_that_makes_no_sense_is_refused(stage: Stage, body: dict[str, Any], code: int) -> None:
    assert (await stage.task(**body))["errcode"] == code


async def test_a_customer_with_two_contacts_falls_to_the_last_one(stage: Stage) -> None:
    await stage.does("add_contact", user=LI, staff=ANNA)
    await stage.does("add_contact", user=LI, staff=BO)
    answer = await stage.task("single", sender="", external_userid=[LI, WANG])
    assert answer["fail_list"] == [WANG]
    assert (await stage.does("confirm", task=answer["msgid"], staff=BO))["results"] == {LI: 1}
    assert await stage.chat() == [("staff", "秒杀")]


async def test_tags_choose_the_customers(stage: Stage) -> None:
    for user in (LI, WANG):
        await stage.does("add_contact", user=user)
    await stage.does("tag", user=WANG, tag="tea")
    answer = await stage.task("single", tag_filter={"group_list": [{"tag_list": ["tea", "rice"]}]})
    assert (await stage.does("confirm", task=answer["msgid"]))["results"] == {WANG: 1}


async def test_a_contact_who_left_gets_nothing(stage: Stage) -> None:
    await stage.does("add_contact", user=LI)
    task = (await stage.task("single"))["msgid"]
    await stage.does("del_contact", user=LI)
    assert stage.shop.pushes[-1]["ChangeType"] == "del_follow_user"
    assert (await stage.does("confirm", task=task))["results"] == {LI: 2}


# Contacts and groups


async def test_a_new_contact_is_welcomed_once_within_20_seconds(stage: Stage) -> None:
    async def greet(code: str) -> int:
        return int(
            (await stage.call("externalcontact/send_welcome_msg", welcome_code=code, text={"content": "你好"}))[
                "errcode"
            ]
        )

    await stage.does("add_contact", user=LI, staff=ANNA, state="poster")
    push = stage.shop.pushes[-1]
    assert (push["Event"], push["ChangeType"]) == ("change_external_contact", "add_external_contact")
    assert (push["UserID"], push["ExternalUserID"], push["State"]) == (ANNA, LI, "poster")
    assert [await greet(push["WelcomeCode"]) for _ in range(2)] == [0, 41051]
    await stage.does("add_contact", user=WANG)
    stage.move(seconds=20)
    assert await greet(stage.shop.pushes[-1]["WelcomeCode"]) == 41050


async def test_groups_are_listed_page_by_page_and_described(stage: Stage) -> None:
    page = await stage.call("externalcontact/groupchat/list", limit=2)
    rest = await stage.call("externalcontact/groupchat/list", limit=2, cursor=page["next_cursor"])
    assert [one["chat_id"] for one in page["group_chat_list"] + rest["group_chat_list"]] == [VIP, FANS, OTHERS]
    assert rest["next_cursor"] == ""
    owned = await stage.call("externalcontact/groupchat/list", limit=9, owner_filter={"userid_list": [BO]})
    assert [one["chat_id"] for one in owned["group_chat_list"]] == [OTHERS]
    assert (await stage.call("externalcontact/groupchat/list", limit=9, owner_filter="x"))["errcode"] == 40058
    await stage.does("join", user=LI, group=VIP)
    push = stage.shop.pushes[-1]
    assert (push["Event"], push["ChatId"], push["UpdateDetail"]) == ("change_external_chat", VIP, "add_member")
    chat = (await stage.call("externalcontact/groupchat/get", chat_id=VIP))["group_chat"]
    assert (chat["owner"], [one["userid"] for one in chat["member_list"]]) == (ANNA, [ANNA, LI])
    await stage.does("leave", user=LI, group=VIP)
    assert stage.shop.pushes[-1]["UpdateDetail"] == "del_member"
    assert (await stage.call("externalcontact/groupchat/get", chat_id="wrNone"))["errcode"] == 40050


async def test_a_code_leads_into_a_group(stage: Stage) -> None:
    way = await stage.call("externalcontact/groupchat/add_join_way", scene=2, chat_id_list=[VIP], state="s1")
    answer = await stage.call("externalcontact/groupchat/get_join_way", config_id=way["config_id"])
    assert answer["join_way"]["state"] == "s1" and answer["join_way"]["qr_code"].startswith("https://")
    wrong = await stage.call("externalcontact/groupchat/add_join_way", scene=2, chat_id_list=["wrNone"])
    assert wrong["errcode"] == 40050


# Robot and app messages


async def robot(stage: Stage, body: dict[str, Any], key: str = ROBOT) -> int:
    url = f"{stage.base}/wecom/cgi-bin/webhook/send"
    return int((await stage.http.post(url, params={"key": key}, json=body)).json()["errcode"])


async def test_a_robot_says_20_things_a_minute(stage: Stage) -> None:
    assert [await robot(stage, TEXT) for _ in range(21)] == [0] * 20 + [45009]
    stage.move(minutes=1)
    assert await robot(stage, TEXT) == 0
    assert len((await stage.sees("robots"))["robots"][ROBOT]) == 21


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text("a" * 2048), 0),
        (text("a" * 2049), 40058),
        ({"msgtype": "markdown", "markdown": {"content": "a" * 4096}}, 0),
        ({"msgtype": "markdown", "markdown": {"content": "a" * 4097}}, 40058),
        ({"msgtype": "poem", "poem": {}}, 40008),
    ],
)
async def test_a_robots_words_are_limited(stage: Stage, body: dict[str, Any], code: int) -> None:
    assert await robot(stage, body) == code


async def test_a_robot_needs_its_key(stage: Stage) -> None:
    assert await robot(stage, TEXT, "stolen") == 93000


async def test_an_app_message_reaches_the_staff_it_names(stage: Stage) -> None:
    answer = await stage.call("message/send", touser=f"{BO}|nobody", agentid=AGENT, **TEXT)
    assert answer["invaliduser"] == "nobody"
    staff = {one["id"]: [line["text"] for line in one["messages"]] for one in (await stage.sees("users"))["staff"]}
    assert staff == {ANNA: [], BO: ["在的"]}
    assert (await stage.call("message/send", touser="nobody", agentid=AGENT, **TEXT))["errcode"] == 81013
    assert (await stage.call("message/send", touser=BO, agentid=7, **TEXT))["errcode"] == 40056


# Callbacks


@pytest.mark.parametrize("honest", [True, False])
async def test_the_address_is_verified_by_an_exact_echo(stage: Stage, honest: bool) -> None:
    stage.shop.answers_echo = honest
    assert (await stage.does("verify"))["verified"] is honest


async def test_a_push_can_come_twice_and_in_another_order(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("resend")
    assert stage.shop.pushes[0] == stage.shop.pushes[1]
    await stage.does("hold")
    for user in (LI, WANG):
        await stage.does("add_contact", user=user)
    assert len(stage.shop.pushes) == 2
    await stage.does("release", order="backwards")
    assert [push["ExternalUserID"] for push in stage.shop.pushes[2:]] == [WANG, LI]
    await stage.does("add_contact", user=LI)
    assert len(stage.shop.pushes) == 5


async def test_forged_pushes_are_wrong_in_one_thing_each(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    for how in ("signature", "stale", "corp", "oversize", "plain", "garbage"):
        await stage.does("forge", how=how)
    signature, stale, corp, oversize, plain, garbage = stage.shop.pushes[1:]
    ages = [int(stage.clock.now().timestamp()) - int(query["timestamp"]) for query in stage.shop.queries[1:]]
    assert signature["good"] == "False" and stale["good"] == "True" and ages == [0, 600, 0, 0, 0, 0]
    assert corp == plain == garbage == {} and len(stage.shop.bodies[4]) > 2**20 and oversize["good"] == "True"


# Troubles


async def test_an_ordered_fault_comes_as_often_as_ordered_and_only_there(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("fault", errcode=-1, times=2, api="kf/send_msg")
    assert (await stage.call("kf/account/list"))["errcode"] == 0
    assert [await stage.send() for _ in range(3)] == [-1, -1, 0]
    assert await stage.chat() == [("user", "a"), ("account", "在的")]


async def test_a_slow_answer_is_late_but_the_message_is_sent(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.fetch()
    await stage.does("slow", seconds=0.2, api="kf/send_msg")
    url, body = f"{stage.base}/wecom/cgi-bin/kf/send_msg", {"touser": LI, "open_kfid": KF, **TEXT}
    with pytest.raises(httpx.ReadTimeout):
        await stage.http.post(url, params={"access_token": stage.token}, json=body, timeout=0.1)
    assert await stage.chat() == [("user", "a"), ("account", "在的")]


async def test_half_an_answer_breaks_off_but_the_message_is_sent(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("half", api="kf/send_msg")
    with pytest.raises(httpx.RemoteProtocolError):
        await stage.send()
    assert await stage.chat() == [("user", "a"), ("account", "在的")]


async def test_a_page_of_html_is_an_answer_too(stage: Stage) -> None:
    await stage.does("say", user=LI, text="a")
    await stage.does("html", api="kf/send_msg")
    with pytest.raises(json.JSONDecodeError):
        await stage.send()
    assert await stage.chat() == [("user", "a")]


async def test_every_refusal_is_remembered_but_no_ordered_fault(stage: Stage) -> None:
    await stage.fetch()
    await stage.does("fault", errcode=45009)
    assert [await stage.send(), await stage.send()] == [45009, 95018]
    (refused,) = (await stage.sees("refusals"))["refusals"]
    assert (refused["api"], refused["errcode"]) == ("kf/send_msg", 95018)


async def test_the_clock_can_be_moved_from_outside(stage: Stage) -> None:
    before = stage.clock.now()
    await stage.does("advance", seconds=60)
    assert stage.clock.now() - before == timedelta(seconds=60)


@pytest.mark.parametrize("action", ["say", "tap", "confirm", "fault", "forge", "state", "fail", "advance"])
async def test_a_control_call_without_its_fields_is_answered_with_400(stage: Stage, action: str) -> None:
    assert (await stage.http.post(f"{stage.base}/wecom/control/{action}", json={})).status_code == 400


async def test_the_panel_loads_nothing_from_elsewhere(stage: Stage) -> None:
    answer = await stage.http.get(f"{stage.base}/wecom/panel")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text and "style=" not in answer.text
    for name in ("wecom.js", "wecom.css"):
        assert f"static/{name}" in answer.text
        assert (await stage.http.get(f"{stage.base}/wecom/static/{name}")).status_code == 200
