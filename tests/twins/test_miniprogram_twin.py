"""The WeChat twin as a mini-program: entry, messages, and what it may not do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from tests.twins.wechat_stand import Stand, stood


@pytest_asyncio.fixture
async def stand() -> AsyncIterator[Stand]:
    async with stood("miniprogram") as stand:
        yield stand


async def test_an_entry_tells_where_the_user_came_from_and_opens_two_in_a_minute(stand: Stand) -> None:
    await stand.does("enter", session_from="cart:77")
    (event,) = stand.shop.fields()
    assert (event["Event"], event["SessionFrom"]) == ("user_enter_tempsession", "cart:77")
    assert [await stand.send() for _ in range(3)] == [0, 0, 45047]
    await stand.does("enter")
    stand.clock.advance(timedelta(seconds=60))
    assert await stand.send() == 45015


async def test_a_message_opens_five_in_48_hours(stand: Stand) -> None:
    await stand.does("say", text="在吗")
    stand.clock.advance(timedelta(hours=47))
    assert [await stand.send() for _ in range(6)] == [0] * 5 + [45047]


async def test_a_mini_program_sends_its_four_types_and_no_other(stand: Stand) -> None:
    image = (await stand.upload(b"\x89PNG"))["media_id"]
    await stand.does("image")
    codes = [
        await stand.send(image={"media_id": image}),
        await stand.send(link={"title": "外套", "url": "https://a.cn", "description": "", "thumb_url": ""}),
        await stand.send(miniprogrampage={"title": "外套", "pagepath": "p", "thumb_media_id": image}),
        await stand.send(voice={"media_id": image}),
        await stand.send(msgmenu={"list": []}),
    ]
    assert codes == [0, 0, 0, 40008, 40008]
    assert [line["kind"] for line in await stand.chat()] == ["image", "image", "link", "miniprogrampage"]


async def test_a_mini_program_has_no_followers_codes_or_menu(stand: Stand) -> None:
    for action in ("follow", "scan", "click", "tap"):
        answer = await stand.http.post(f"{stand.root}/control/{action}", json={})
        assert answer.status_code == 404
