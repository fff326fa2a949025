"""The WeChat twin keeps the platform's published rules: every rule once, over real HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from connectors.twin.wechat import WeChatTwin
from connectors.twin.wechat_cipher import decrypt, from_xml, sign, to_xml
from connectors.twin.wechat_pusher import UNAVAILABLE
from tests.twins.wechat_stand import AES_KEY, APP_ID, LI, SECRET, TOKEN, WANG, HandClock, Stand, stood

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest_asyncio.fixture
async def stand() -> AsyncIterator[Stand]:
    async with stood() as stand:
        yield stand


# Windows


async def test_a_message_opens_five_in_48_hours_and_the_next_one_starts_again(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]
    await stand.does("say", text="还在吗")
    stand.clock.advance(timedelta(hours=47, minutes=59))
    stand.token = ""
    assert await stand.send() == 0
    stand.clock.advance(timedelta(minutes=1))
    assert await stand.send() == 45015


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("follow", {}),
        ("click", {"key": "orders"}),
        ("tap", {"id": "101", "label": "满意"}),
    ],
)
async def test_an_action_opens_three_in_a_minute(stand: Stand, action: str, more: dict[str, str]) -> None:
    await stand.does(action, **more)
    assert [await stand.send() for _ in range(4)] == [0, 0, 0, 45047]
    await stand.does(action, **more)
    stand.clock.advance(timedelta(seconds=60))
    assert await stand.send() == 45015


async def test_an_action_adds_nothing_to_a_running_window(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    await stand.does("click", key="orders")
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]


async def test_who_left_is_unknown_or_blocked_is_refused_with_his_own_code(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    assert await stand.send(user="oNobody") == 40003
    await stand.does("block")
    assert await stand.send() == 43019
    assert "error" in await stand.does("say", text="在吗")
    await stand.does("block", blocked=False)
    await stand.does("unfollow")
    assert await stand.send() == 43004
    assert "error" in await stand.does("say", text="在吗")


# Messages


async def test_every_type_of_message_is_shown_with_what_it_carries(stand: Stand) -> None:
    image = (await stand.upload(PICTURE))["media_id"]
    voice = (await stand.upload(b"#!AMR\n", "voice"))["media_id"]
    thumb = (await stand.upload(b"\xff\xd8\xff", "thumb"))["media_id"]
    news = {"articles": [{"title": "新款", "description": "外套", "url": "https://a.cn/1", "picurl": "https://a.cn/p"}]}
    menu = {"head_content": "满意吗", "list": [{"id": "1", "content": "是"}], "tail_content": "谢谢"}
    page = {"title": "外套", "appid": "wx1", "pagepath": "pages/1", "thumb_media_id": thumb}
    await stand.does("say", text="在吗")
    codes = [await stand.send(image={"media_id": image}), await stand.send(voice={"media_id": voice})]
    codes += [await stand.send(news=news), await stand.send(msgmenu=menu), await stand.send(miniprogrampage=page)]
    assert codes == [0] * 5
    assert await stand.seen() == [
        ("user", "text", "在吗"),
        ("account", "image", ""),
        ("account", "voice", ""),
        ("account", "news", "新款"),
        ("account", "msgmenu", "满意吗"),
        ("account", "miniprogrampage", "外套"),
    ]
    lines = await stand.chat()
    assert lines[1]["media"] == image
    assert lines[4]["items"] == [{"id": "1", "label": "是"}]
    assert await stand.refusals() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": {"content": "长" * 683}}, 45002),
        ({"text": {"content": ""}}, 44004),
        ({"text": "x"}, 44004),
        ({"image": {}}, 41006),
        ({"image": {"media_id": "unknown"}}, 40007),
        ({"news": {"articles": []}}, 44003),
        ({"news": {"articles": [{"title": "1"}, {"title": "2"}]}}, 45008),
        ({"msgmenu": {"list": []}}, 47001),
        ({"link": {"title": "only in mini-programs", "url": "x"}}, 40008),
        ({"hologram": {}}, 40008),
    ],
)
async def test_a_wrong_message_is_refused_costs_nothing_and_is_noted(
    stand: Stand, body: dict[str, Any], code: int
) -> None:
    await stand.does("say", text="在吗")
    assert await stand.send(**body) == code
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]
    assert await stand.refusals() == [("message/custom/send", code), ("message/custom/send", 45047)]


async def test_a_text_may_have_2048_bytes(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    assert await stand.send(text={"content": "长" * 682 + "ab"}) == 0


async def test_the_typing_line_shows_within_30_seconds_of_a_message(stand: Stand) -> None:
    typing = {"touser": LI, "command": "Typing"}
    assert await stand.code("message/custom/typing", json=typing) == 45080
    await stand.does("say", text="在吗")
    assert await stand.code("message/custom/typing", json={**typing, "command": "Sing"}) == 45072
    assert await stand.code("message/custom/typing", json=typing) == 0
    stand.clock.advance(timedelta(seconds=31))
    assert await stand.code("message/custom/typing", json=typing) == 45080


# Kinds of account


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("unverified", {"message/custom/send", "media/upload", "qrcode/create", "message/template/send", "user/info"}),
        ("verified_subscription", {"qrcode/create", "message/template/send"}),
        ("verified_service", set()),
        ("test", set()),
        ("miniprogram", {"qrcode/create", "message/template/send", "user/info", "menu/get"}),
    ],
)
async def test_each_kind_of_account_may_call_its_own_and_no_more(kind: str, refused: set[str]) -> None:
    async with stood(kind) as stand:
        gets, posts = ["user/info", "menu/get"], ["message/custom/send", "media/upload", "qrcode/create"]
        posts.append("message/template/send")
        codes = {api: await stand.code(api) for api in gets} | {api: await stand.code(api, json={}) for api in posts}
    assert {api for api, code in codes.items() if code == 48001} == refused


def test_an_unknown_kind_of_account_is_not_set_up() -> None:
    with pytest.raises(ValueError, match="not 'guru'"):
        WeChatTwin(APP_ID, SECRET, TOKEN, "", "清河", [], "http://127.0.0.1:9", HandClock(), kind="guru")


# Tokens


async def test_a_token_is_asked_for_with_the_right_id_and_secret(stand: Stand) -> None:
    assert (await stand.fetch(appid="wx0"))["errcode"] == 40013
    assert (await stand.fetch(secret="x"))["errcode"] == 40125
    assert (await stand.fetch(grant_type="x"))["errcode"] == 40002
    assert (await stand.fetch("token", secret="x"))["errcode"] == 40125


async def test_a_call_needs_a_token_that_is_known_and_not_expired(stand: Stand) -> None:
    url = f"{stand.root}/cgi-bin/getcallbackip"
    assert (await stand.http.get(url)).json()["errcode"] == 41001
    assert (await stand.http.get(url, params={"access_token": "guess"})).json()["errcode"] == 40001
    assert (await stand.call("getcallbackip"))["ip_list"] == ["127.0.0.1"]
    stand.clock.advance(timedelta(seconds=7200))
    assert await stand.code("getcallbackip") == 42001


async def test_a_new_plain_token_kills_the_one_before_and_leaves_the_stable_one(stand: Stand) -> None:
    stable = (await stand.fetch())["access_token"]
    first, second = [(await stand.fetch("token"))["access_token"] for _ in range(2)]
    codes = []
    for stand.token in (stable, first, second):
        codes.append(await stand.code("getcallbackip"))
    assert codes == [0, 40001, 0]


async def test_the_stable_token_stays_until_five_minutes_before_its_end_and_overlaps(stand: Stand) -> None:
    first = await stand.fetch()
    assert first["expires_in"] == 7200
    stand.clock.advance(timedelta(seconds=6899))
    assert (await stand.fetch())["access_token"] == first["access_token"]
    stand.clock.advance(timedelta(seconds=1))
    second = await stand.fetch()
    assert second["access_token"] != first["access_token"]
    for stand.token in (first["access_token"], second["access_token"]):
        assert await stand.code("getcallbackip") == 0


async def test_a_forced_refresh_kills_the_old_token_works_every_30_seconds_and_20_times_a_day(stand: Stand) -> None:
    first = (await stand.fetch())["access_token"]
    forced = (await stand.fetch(force_refresh=True))["access_token"]
    assert forced != first
    stand.token = first
    assert await stand.code("getcallbackip") == 40001
    stand.clock.advance(timedelta(seconds=29))
    assert (await stand.fetch(force_refresh=True))["access_token"] == forced
    for _ in range(19):
        stand.clock.advance(timedelta(seconds=30))
        assert "access_token" in await stand.fetch(force_refresh=True)
    stand.clock.advance(timedelta(seconds=30))
    assert (await stand.fetch(force_refresh=True))["errcode"] == 45009
    assert "access_token" in await stand.fetch()
    stand.clock.advance(timedelta(days=1))
    assert "access_token" in await stand.fetch(force_refresh=True)


async def test_a_test_account_gets_two_hundred_plain_tokens_a_day() -> None:
    async with stood("test") as stand:
        await stand.does("quota", api="token", left=1)
        assert "access_token" in await stand.fetch("token")
        assert (await stand.fetch("token"))["errcode"] == 45009


async def test_a_spent_day_quota_comes_back_at_midnight_in_beijing(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    await stand.does("quota", api="message/custom/send", left=1)
    assert [await stand.send(), await stand.send()] == [0, 45009]
    stand.clock.advance(timedelta(hours=14))
    stand.token = ""
    assert await stand.send() == 0


# Files


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        ("hologram", PICTURE, 40004),
        ("image", b"GIF", 40005),
        ("thumb", PICTURE, 40005),
        ("image", b"", 44001),
        ("image", PICTURE + bytes(2 * 1024 * 1024), 40009),
        ("voice", b"#!AMR\n" + bytes(2 * 1024 * 1024), 40010),
        ("video", b"\0\0\0\0ftyp" + bytes(10 * 1024 * 1024), 40011),
        ("thumb", b"\xff\xd8\xff" + bytes(64 * 1024), 40012),
    ],
)
async def test_a_file_of_the_wrong_kind_form_or_size_is_refused(
    stand: Stand, kind: str, body: bytes, code: int
) -> None:
    assert (await stand.upload(body, kind))["errcode"] == code


async def test_an_upload_without_a_file_is_refused(stand: Stand) -> None:
    assert await stand.code("media/upload", params={"type": "image"}, json={}) == 41005


async def test_a_file_dies_after_three_days_and_material_does_not(stand: Stand) -> None:
    short = (await stand.upload(PICTURE))["media_id"]
    long = (await stand.upload(PICTURE, api="material/add_material"))["media_id"]
    url = f"{stand.root}/cgi-bin/media/get"
    fetched = await stand.http.get(url, params={"access_token": stand.token, "media_id": short})
    assert (fetched.content, fetched.headers["content-type"]) == (PICTURE, "image/png")
    stand.clock.advance(timedelta(days=3))
    stand.token = ""
    await stand.does("say", text="在吗")
    assert await stand.send(image={"media_id": short}) == 40007
    assert await stand.code("media/get", params={"media_id": short}) == 40007
    assert await stand.send(image={"media_id": long}) == 0


async def test_what_a_user_sends_can_be_fetched_for_three_days(stand: Stand) -> None:
    picture = base64.b64encode(PICTURE).decode()
    await stand.does("image", base64=picture)
    await stand.does("voice", recognition="要退货")
    await stand.does("video")
    image, voice, video = stand.shop.fields()
    assert (await stand.http.get(image["PicUrl"])).content == PICTURE
    assert (voice["Format"], voice["Recognition"]) == ("amr", "要退货")
    address = (await stand.call("media/get", params={"media_id": video["MediaId"]}))["video_url"]
    assert (await stand.http.get(address)).status_code == 200
    stand.clock.advance(timedelta(days=3))
    stand.token = ""
    assert await stand.code("media/get", params={"media_id": image["MediaId"]}) == 40007
    assert "error" in await stand.does("image", base64="?")


async def test_a_place_and_a_link_open_the_long_window_too(stand: Stand) -> None:
    await stand.does("location", label="广州塔")
    await stand.does("link", user=WANG, title="外套", url="https://a.cn/1")
    assert [(push["MsgType"], push.get("Label"), push.get("Url")) for push in stand.shop.fields()] == [
        ("location", "广州塔", None),
        ("link", None, "https://a.cn/1"),
    ]
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]


# Codes to scan and the menu


async def test_a_scan_carries_its_scene_as_a_follow_and_later_as_a_scan(stand: Stand) -> None:
    made = await stand.call("qrcode/create", json=qr("table-4", expire_seconds=2_592_000))
    assert made["expire_seconds"] == 2_592_000
    await stand.does("unfollow")
    await stand.does("scan", scene="table-4")
    await stand.does("scan", scene="table-4")
    _, followed, scanned = stand.shop.fields()
    assert (followed["Event"], followed["EventKey"]) == ("subscribe", "qrscene_table-4")
    assert (scanned["Event"], scanned["EventKey"], scanned["Ticket"]) == ("SCAN", "table-4", made["ticket"])
    assert [await stand.send() for _ in range(4)] == [0, 0, 0, 45047]


async def test_a_code_lives_60_seconds_unless_it_says_longer_and_a_permanent_one_stays(stand: Stand) -> None:
    assert (await stand.call("qrcode/create", json=qr("a")))["expire_seconds"] == 60
    permanent = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "b"}}}
    assert "expire_seconds" not in await stand.call("qrcode/create", json=permanent)
    numbered = {"action_name": "QR_SCENE", "action_info": {"scene": {"scene_id": 7}}}
    await stand.call("qrcode/create", json=numbered)
    assert (await stand.does("scan", scene="7"))["delivered"]
    stand.clock.advance(timedelta(seconds=60))
    assert "error" in await stand.does("scan", scene="a")
    assert "error" in await stand.does("scan", scene="never made")
    assert (await stand.does("scan", scene="b"))["delivered"]


@pytest.mark.parametrize("wrong", [{"expire_seconds": 2_592_001}, {"expire_seconds": 0}, {"action_name": "QR"}])
async def test_a_wrong_code_is_refused(stand: Stand, wrong: dict[str, object]) -> None:
    assert await stand.code("qrcode/create", json=qr("a", **wrong)) == 40053


@pytest.mark.parametrize("scene", ["", "x" * 65])
async def test_a_scene_has_1_to_64_characters(stand: Stand, scene: str) -> None:
    assert await stand.code("qrcode/create", json=qr(scene)) == 40053
    assert await stand.code("qrcode/create", json=qr("x" * 64)) == 0


def qr(scene: str, **more: object) -> dict[str, object]:
    return {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}, **more}


async def test_a_menu_is_published_shown_and_taken_away(stand: Stand) -> None:
    assert await stand.code("menu/get") == 46003
    menu = {"button": [{"name": "我的", "sub_button": [click("订单", "orders"), view()]}, click("人工", "human")]}
    assert await stand.code("menu/create", json=menu) == 0
    assert (await stand.call("menu/get"))["menu"] == menu
    assert (await stand.does("click", key="orders"))["delivered"]
    assert "error" in await stand.does("click", key="refunds")
    assert stand.shop.fields()[-1]["EventKey"] == "orders"
    assert await stand.code("menu/delete") == 0
    assert await stand.code("menu/get") == 46003


def click(name: str = "订单", key: str = "orders") -> dict[str, str]:
    return {"type": "click", "name": name, "key": key}


def view(url: str = "https://a.cn") -> dict[str, str]:
    return {"type": "view", "name": "商店", "url": url}


@pytest.mark.parametrize(
    ("buttons", "code"),
    [
        ([], 40016),
        ([click()] * 4, 40016),
        ([{"name": "x", "type": "sing"}], 40017),
        ([click(name="长" * 6)], 40018),
        ([click(key="")], 40019),
        ([view("")], 40020),
        ([{"name": "x", "sub_button": [click()] * 6}], 40023),
        ([{"name": "x", "sub_button": [{"name": "y"}]}], 40024),
        ([{"name": "x", "sub_button": [click(name="长" * 21)]}], 40025),
        ([{"name": "x", "sub_button": [click(key="k" * 129)]}], 40026),
        ([{"name": "x", "sub_button": [view("u" * 1025)]}], 40027),
    ],
)
async def test_a_menu_that_breaks_a_limit_is_refused(stand: Stand, buttons: list[object], code: int) -> None:
    assert await stand.code("menu/create", json={"button": buttons}) == code


# Notices


def template(**data: str) -> dict[str, object]:
    fields = {name: {"value": value} for name, value in (data or {"thing1": "外套"}).items()}
    return {"touser": LI, "template_id": "t1", "data": fields}


async def test_a_template_message_needs_no_window_and_reports_its_success(stand: Stand) -> None:
    sent = await stand.call("message/template/send", json=template(thing1="外套", amount2="¥19.90"))
    event = await stand.shop.waits_for(1)
    assert (event["Event"], event["Status"]) == ("TEMPLATESENDJOBFINISH", "success")
    assert event["MsgID"] == str(sent["msgid"])
    assert await stand.seen() == [("account", "template", "外套\n¥19.90")]


async def test_a_template_message_to_who_blocks_reports_it_and_to_who_left_is_refused(stand: Stand) -> None:
    await stand.does("block")
    assert await stand.code("message/template/send", json=template()) == 0
    assert (await stand.shop.waits_for(1))["Status"] == "failed:user block"
    assert await stand.seen() == []
    await stand.does("unfollow")
    assert await stand.code("message/template/send", json=template()) == 43004


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"template_id": ""}, 40037),
        ({"data": {}}, 47001),
        ({"data": {"thing1": {"value": "长" * 21}}}, 47003),
        ({"data": {"thing1": {}}}, 47003),
        ({"data": {"amount2": {"value": "cheap"}}}, 47003),
        ({"data": {"phrase3": {"value": "六个字的短语"}}}, 47003),
        ({"touser": "oNobody"}, 40003),
    ],
)
async def test_a_wrong_notice_is_refused(stand: Stand, wrong: dict[str, object], code: int) -> None:
    assert await stand.code("message/template/send", json={**template(), **wrong}) == code


async def test_a_subscription_notice_takes_one_of_the_accepted_ones(stand: Stand) -> None:
    assert await stand.code("message/subscribe/bizsend", json=template()) == 43101
    await stand.does("subscribe", template="t1", accept=False)
    await stand.does("subscribe", template="t1", accept=True)
    assert "<SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString>" in stand.shop.pushes[-1]
    assert "<TemplateId><![CDATA[t1]]></TemplateId>" in stand.shop.pushes[-1]
    assert await stand.code("message/subscribe/bizsend", json=template()) == 0
    event = await stand.shop.waits_for(3)
    assert event["Event"] == "subscribe_msg_sent_event"
    assert await stand.code("message/subscribe/bizsend", json=template()) == 43101
    assert await stand.seen() == [("account", "subscription", "外套")]


async def test_a_refusal_in_the_settings_takes_every_accepted_notice_away(stand: Stand) -> None:
    await stand.does("subscribe", template="t1")
    await stand.does("subscribe", template="t1", accept=False, change=True)
    assert stand.shop.fields()[-1]["Event"] == "subscribe_msg_change_event"
    assert await stand.code("message/subscribe/bizsend", json=template()) == 43101


async def test_a_one_time_message_goes_once_per_scene_and_does_not_add_up(stand: Stand) -> None:
    body = {**template(content="到货了"), "scene": "7", "title": "到货"}
    assert await stand.code("message/template/subscribe", json=body) == 43101
    await stand.does("authorize", template="t1", scene="7")
    await stand.does("authorize", template="t1", scene="7")
    assert await stand.code("message/template/subscribe", json={**body, "title": "长" * 16}) == 47003
    assert await stand.code("message/template/subscribe", json=body) == 0
    assert await stand.code("message/template/subscribe", json=body) == 43101


# Mass messages and tags


def mass(text: str = "秒杀", client_id: str = "", **target: object) -> dict[str, object]:
    body: dict[str, object] = {"filter": target or {"is_to_all": True}, "msgtype": "text", "text": {"content": text}}
    return {**body, "clientmsgid": client_id} if client_id else body


async def tag_of(stand: Stand, *users: str) -> int:
    tag = int((await stand.call("tags/create", json={"tag": {"name": "vip"}}))["tag"]["id"])
    assert await stand.code("tags/members/batchtagging", json={"openid_list": list(users), "tagid": tag}) == 0
    return tag


async def test_a_mass_message_reaches_a_tag_only_and_reports_its_counts(stand: Stand) -> None:
    tag = await tag_of(stand, LI)
    sent = await stand.call("message/mass/sendall", json=mass(is_to_all=False, tag_id=tag))
    event = await stand.shop.waits_for(1)
    assert (event["Event"], event["SentCount"], event["MsgID"]) == ("MASSSENDJOBFINISH", "1", str(sent["msg_id"]))
    assert (await stand.seen(LI), await stand.seen(WANG)) == ([("account", "text", "秒杀")], [])
    got = await stand.call("message/mass/get", json={"msg_id": sent["msg_id"]})
    assert got["msg_status"] == "SEND_SUCCESS"
    assert await stand.code("message/mass/delete", json={"msg_id": sent["msg_id"]}) == 0
    assert await stand.code("message/mass/get", json={"msg_id": 1}) == 40059


async def test_a_mass_message_with_a_known_clientmsgid_is_not_sent_again(stand: Stand) -> None:
    tag = await tag_of(stand, LI)
    first = await stand.call("message/mass/sendall", json=mass(client_id="c1", is_to_all=False, tag_id=tag))
    again = await stand.call("message/mass/sendall", json=mass(client_id="c1", is_to_all=False, tag_id=tag))
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
    assert len(await stand.seen()) == 1
    long = mass(client_id="c" * 65, is_to_all=False, tag_id=tag)
    assert await stand.code("message/mass/sendall", json=long) == 45067


async def test_a_user_gets_four_mass_messages_a_month(stand: Stand) -> None:
    tag = await tag_of(stand, LI)
    body = mass(is_to_all=False, tag_id=tag)
    assert [await stand.code("message/mass/sendall", json=body) for _ in range(5)] == [0] * 4 + [45028]
    await stand.code("tags/members/batchtagging", json={"openid_list": [WANG], "tagid": tag})
    assert await stand.code("message/mass/sendall", json=body) == 0
    assert (len(await stand.seen(LI)), len(await stand.seen(WANG))) == (4, 1)
    stand.clock.advance(timedelta(days=9))
    stand.token = ""
    assert await stand.code("message/mass/sendall", json=body) == 0


async def test_everybody_is_written_to_once_a_day(stand: Stand) -> None:
    assert [await stand.code("message/mass/sendall", json=mass()) for _ in range(2)] == [0, 45028]


async def test_a_subscription_account_sends_one_mass_message_a_day() -> None:
    async with stood("verified_subscription") as stand:
        body = mass(is_to_all=False, tag_id=await tag_of(stand, LI))
        for _ in range(5):
            assert [await stand.code("message/mass/sendall", json=body) for _ in range(2)] == [0, 45028]
            stand.clock.advance(timedelta(days=1))
            stand.token = ""


async def test_more_than_sixty_mass_calls_a_minute_are_too_fast(stand: Stand) -> None:
    codes = [await stand.code("message/mass/sendall", json={}) for _ in range(61)]
    assert codes == [47001] * 60 + [45011]
    stand.clock.advance(timedelta(minutes=1))
    assert await stand.code("message/mass/sendall", json={}) == 47001


async def test_a_preview_goes_to_one_user_and_off_no_month(stand: Stand) -> None:
    body = {"touser": LI, "msgtype": "text", "text": {"content": "秒杀"}}
    assert [await stand.code("message/mass/preview", json=body) for _ in range(5)] == [0] * 5
    await stand.does("unfollow")
    assert await stand.code("message/mass/preview", json=body) == 43004


async def test_tags_are_made_counted_and_taken_away(stand: Stand) -> None:
    tag = await tag_of(stand, LI, WANG)
    assert await stand.code("tags/create", json={"tag": {"name": "vip"}}) == 45157
    assert await stand.code("tags/create", json={"tag": {"name": "长" * 11}}) == 45158
    assert (await stand.call("tags/get"))["tags"] == [{"id": tag, "name": "vip", "count": 2}]
    untag = {"openid_list": [WANG], "tagid": tag}
    assert await stand.code("tags/members/batchuntagging", json=untag) == 0
    assert (await stand.call("user/tag/get", json={"tagid": tag}))["data"] == {"openid": [LI]}
    assert (await stand.call("user/info", params={"openid": LI}))["tagid_list"] == [tag]
    many = {"openid_list": [LI] * 51, "tagid": tag}
    assert await stand.code("tags/members/batchtagging", json=many) == 40032
    assert await stand.code("tags/delete", json={"tag": {"id": tag}}) == 0
    assert await stand.code("message/mass/sendall", json=mass(is_to_all=False, tag_id=tag)) == 45159


async def test_followers_are_listed_and_who_left_is_not(stand: Stand) -> None:
    await stand.does("unfollow", user=WANG)
    assert (await stand.call("user/get"))["data"] == {"openid": [LI]}
    assert (await stand.call("user/info", params={"openid": WANG}))["subscribe"] == 0


# Pushes and passive replies


def reply(kind: str, **parts: str) -> str:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
    return f"<xml><ToUserName>{LI}</ToUserName><MsgType>{kind}</MsgType>{inner}</xml>"


def article(count: int) -> dict[str, str]:
    return {"ArticleCount": str(count), "Articles": "<item><Title>新款</Title><Url>https://a.cn</Url></item>" * count}


async def test_passive_replies_are_shown_and_cost_no_window(stand: Stand) -> None:
    image = (await stand.upload(PICTURE))["media_id"]
    voice = (await stand.upload(b"#!AMR\n", "voice"))["media_id"]
    for stand.shop.answer in (
        reply("text", Content="您好"),
        reply("image", Image=f"<MediaId>{image}</MediaId>"),
        reply("voice", Voice=f"<MediaId>{voice}</MediaId>"),
        reply("news", **article(1)),
        "",
        "success",
    ):
        assert (await stand.does("say", text="在吗"))["delivered"]
    shown = [(kind, text) for side, kind, text in await stand.seen() if side != "user"]
    assert shown == [("text", "您好"), ("image", ""), ("voice", ""), ("news", "新款")]
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
        "<xml>",
        reply("text", Content=""),
        reply("text", Content="长" * 683),
        reply("text"),
        reply("sing"),
        reply("image", Image="<MediaId>unknown</MediaId>"),
        reply("news", **article(2)),
        reply("news", **{**article(1), "ArticleCount": "2"}),
        reply("text", Content="x").replace(LI, WANG),
    ],
)
async def test_a_malformed_passive_reply_shows_the_platforms_notice(stand: Stand, answer: str) -> None:
    stand.shop.answer = answer
    assert not (await stand.does("say", text="在吗"))["delivered"]
    assert await stand.seen() == [("user", "text", "在吗"), ("notice", "text", UNAVAILABLE)]
    assert [api for api, _ in await stand.refusals()] == ["passive reply"]


async def test_an_unsealed_passive_reply_in_safe_mode_is_malformed(stand: Stand) -> None:
    stand.shop.answer = "  " + reply("text", Content="x")
    assert not (await stand.does("say", text="在吗"))["delivered"]


async def test_a_message_is_given_to_the_platforms_own_customer_service_and_an_event_is_not(stand: Stand) -> None:
    stand.shop.answer = reply("transfer_customer_service")
    assert not (await stand.does("click", key="human"))["delivered"]
    assert (await stand.does("say", text="在吗"))["delivered"]
    answer = await stand.http.get(f"{stand.root}/control/messages", params={"user": LI})
    assert answer.json()["transferred"]


async def test_what_is_not_answered_in_time_comes_four_times_with_one_number(stand: Stand) -> None:
    stand.shop.delays_s = [0.15] * 4
    result = await stand.does("say", text="在吗")
    assert (result["delivered"], result["attempts"]) == (False, 4)
    assert len({push["MsgId"] for push in stand.shop.fields()}) == 1
    assert (await stand.seen())[-1] == ("notice", "text", UNAVAILABLE)
    stand.shop.delays_s = [0.15]
    assert (await stand.does("say", text="在吗"))["attempts"] == 2


async def test_a_push_comes_again_and_in_another_order_when_a_test_wants_it(stand: Stand) -> None:
    await stand.does("say", text="1")
    await stand.does("resend")
    await stand.does("hold")
    await stand.does("say", text="2")
    assert await stand.does("say", text="3") == {"held": 2}
    assert len((await stand.does("release", order=[1, 0, 1]))["results"]) == 3
    assert [push["Content"] for push in stand.shop.fields()] == ["1", "1", "3", "2", "3"]
    await stand.does("hold")
    assert "error" in await stand.does("release", order=[4])
    assert "error" in await stand.does("release", order="reverse")


async def test_a_forged_push_is_what_it_says(stand: Stand) -> None:
    stand.shop.opens = False
    for how in ("signature", "stale", "plain", "oversize", "app_id"):
        assert (await stand.does("forge", how=how))["status"] == 200
    signature, stale, plain, oversize, app_id = stand.shop.queries
    now = int(stand.clock.now().timestamp())
    assert signature["signature"] != expected(signature)
    assert (stale["signature"], int(stale["timestamp"])) == (expected(stale), now - 600)
    assert all(query["signature"] == expected(query) for query in (plain, oversize, app_id))
    _, _, plain_body, oversize_body, app_id_body = stand.shop.pushes
    assert from_xml(plain_body)["Content"] == "伪造"
    assert len(oversize_body) > 64 * 1024
    with pytest.raises(ValueError, match="app id"):
        decrypt(AES_KEY, APP_ID, from_xml(app_id_body)["Encrypt"])
    assert "error" in await stand.does("forge", how="nicely")


def expected(query: dict[str, str]) -> str:
    return sign(TOKEN, query["timestamp"], query["nonce"])


async def test_an_account_without_a_key_pushes_plain_text() -> None:
    async with stood("test", aes_key="") as stand:
        stand.shop.answer = reply("text", Content="您好 ]]&gt;")
        assert (await stand.does("say", text="在吗 ]]>"))["delivered"]
        assert stand.shop.fields()[0]["Content"] == "在吗 ]]>"
        assert (await stand.seen())[-1] == ("account", "text", "您好 ]]>")


# Faults


async def test_a_fault_answers_its_code_does_nothing_and_is_no_refusal(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    await stand.does("fault", errcode=45011, times=2)
    await stand.does("fault", errcode=40164, api="stable_token")
    assert (await stand.fetch())["errcode"] == 40164
    assert [await stand.send() for _ in range(3)] == [45011, 45011, 0]
    await stand.does("fault", errcode=-1, api="*")
    assert await stand.code("getcallbackip") == -1
    await stand.does("fault", errcode=-1, times=5)
    await stand.does("fault", errcode=-1, times=0)
    assert await stand.send() == 0
    assert await stand.refusals() == []


async def test_a_slow_call_is_done_and_answered_late(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    await stand.call("getcallbackip")
    await stand.does("slow", seconds=0.2)
    stand.http.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        await stand.send()
    stand.http.timeout = httpx.Timeout(5)
    assert (await stand.seen())[-1] == ("account", "text", "您好")


async def test_a_half_answer_breaks_off_after_the_message_was_shown(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    await stand.call("getcallbackip")
    await stand.does("half")
    with pytest.raises(httpx.RemoteProtocolError):
        await stand.send()
    assert (await stand.seen())[-1] == ("account", "text", "您好")
    assert await stand.send() == 0


@pytest.mark.parametrize("status", [200, 502])
async def test_a_page_comes_instead_of_an_answer_and_nothing_is_shown(stand: Stand, status: int) -> None:
    await stand.does("say", text="在吗")
    await stand.does("html", status=status)
    url, body = f"{stand.root}/cgi-bin/message/custom/send", {"touser": LI}
    answer = await stand.http.post(url, json=body)
    assert (answer.status_code, answer.text[:6]) == (status, "<html>")
    assert len(await stand.seen()) == 1


async def test_the_clock_can_be_moved_where_it_lets(stand: Stand) -> None:
    before = stand.clock.now()
    assert await stand.does("advance", seconds=60) == {"ok": True}
    assert stand.clock.now() - before == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("action", "body"),
    [("say", {}), ("fault", {}), ("fault", {"errcode": 1, "times": -1}), ("slow", {"seconds": "x"}), ("scan", {})],
)
async def test_a_wrong_order_to_the_twin_is_answered_with_words(
    stand: Stand, action: str, body: dict[str, Any]
) -> None:
    assert "error" in await stand.does(action, **body)
    assert "error" in await stand.does(action, user="oNobody", **body)


async def test_a_body_that_is_no_json_is_a_format_error(stand: Stand) -> None:
    assert await stand.code("message/custom/send", content=b"{") == 47001
    assert to_xml({"a": {"b": 1}}) == "<xml><a><b>1</b></a></xml>"
