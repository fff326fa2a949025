"""The stand-in keeps Telegram's rules by itself: asked by the real python-telegram-bot."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter

from connectors.twin.telegram import TelegramTwin
from connectors.twin.telegram_files import PIXEL
from tests.conftest import StandingClock
from tests.telegram.stage import ANN, GROUP, LI, TOKEN, Stage, client_of


def later(stage: Stage, seconds: float = 1.0) -> None:
    stage.clock.advance(timedelta(seconds=seconds))


async def test_it_refuses_get_updates_while_a_webhook_is_set(begun: Stage, client: Bot) -> None:
    with pytest.raises(Conflict):
        await client.get_updates()
    await client.delete_webhook()
    assert await client.get_updates() == ()


async def test_it_forgets_updates_after_a_day(stage: Stage, client: Bot) -> None:
    await stage.do("say", user=LI, text="old")
    later(stage, 12 * 3600)
    await stage.do("say", user=LI, text="newer")
    later(stage, 13 * 3600)
    assert [update.message.text for update in await client.get_updates() if update.message] == ["newer"]


async def test_it_keeps_updates_until_the_offset_confirms_them(stage: Stage, client: Bot) -> None:
    for text in ("one", "two"):
        await stage.do("say", user=LI, text=text)
    first, second = await client.get_updates()
    assert len(await client.get_updates(offset=first.update_id)) == 2
    assert [update.update_id for update in await client.get_updates(offset=second.update_id)] == [second.update_id]
    assert await client.get_updates(offset=second.update_id + 1) == ()


async def test_it_refuses_a_wrong_token(stage: Stage) -> None:
    async with client_of(stage, token="4242:stolen") as stranger:
        with pytest.raises(InvalidToken):
            await stranger.get_me()


async def test_it_edits_deletes_and_pins(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("是", callback_data="y")]])
    sent = await client.send_message(LI, "确定？", reply_markup=keyboard)
    await client.edit_message_text("好了", LI, sent.message_id)
    with pytest.raises(BadRequest, match="not modified"):
        await client.edit_message_text("好了", LI, sent.message_id)
    await client.edit_message_reply_markup(LI, sent.message_id, reply_markup=keyboard)
    await client.pin_chat_message(LI, sent.message_id)
    page = await stage.look("messages", chat=LI)
    assert page["pinned"] == sent.message_id
    assert [(m["text"], m["edited"], len(m["buttons"])) for m in page["messages"][1:]] == [("好了", True, 1)]
    await client.delete_message(LI, sent.message_id)
    assert len(await stage.shown(LI)) == 1


async def test_a_message_of_two_days_ago_cannot_be_deleted(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    sent = await client.send_message(LI, "old")
    later(stage, 48 * 3600 + 1)
    with pytest.raises(BadRequest, match="can't be deleted"):
        await client.delete_message(LI, sent.message_id)


async def test_it_keeps_photos_and_hands_them_out(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    sent = await client.send_photo(LI, photo=PIXEL, caption="图")
    file = await client.get_file(sent.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == PIXEL
    later(stage)
    with pytest.raises(BadRequest, match="caption is too long"):
        await client.send_photo(LI, photo=PIXEL, caption="x" * 1025)
    with pytest.raises(BadRequest, match="ile is too big"):
        await client.send_photo(LI, photo=PIXEL + bytes(10 * 1024 * 1024))


async def test_it_counts_votes_until_the_poll_is_stopped(stage: Stage, client: Bot) -> None:
    sent = await client.send_poll(GROUP, "Which?", ["a", "b"], is_anonymous=False)
    for user in (LI, ANN):
        await stage.do("vote", user=user, message_id=sent.message_id, options=[1])
    answers = [update.poll_answer for update in await client.get_updates() if update.poll_answer]
    assert [(a.poll_id, a.user.id if a.user else 0, a.option_ids) for a in answers if sent.poll] == [
        (sent.poll.id if sent.poll else "", user, (1,)) for user in (LI, ANN)
    ]
    poll = await client.stop_poll(GROUP, sent.message_id)
    assert (poll.is_closed, [option.voter_count for option in poll.options]) == (True, [0, 2])
    late = {"user": LI, "message_id": sent.message_id, "options": [0]}
    assert (await stage.http.post(f"{stage.base}/twin/telegram/control/vote", json=late)).status_code == 409


async def test_it_knows_chats_and_commands(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    assert (await client.get_chat(GROUP)).title == "Regulars"
    await client.send_chat_action(LI, "typing")
    assert (await stage.look("messages", chat=LI))["typing"]
    await client.set_my_commands([("start", "Begin")])
    with pytest.raises(BadRequest, match="ot_command_invalid"):
        await client.set_my_commands([("Start!", "Begin")])
    assert [command["command"] for command in (await stage.look("state"))["commands"]] == ["start"]


async def test_it_tells_who_is_gone_and_where_a_group_went(stage: Stage, client: Bot) -> None:
    with pytest.raises(Forbidden, match="initiate"):
        await client.send_message(LI, "psst")
    moved = (await stage.do("migrate", group=GROUP))["group"]
    with pytest.raises(ChatMigrated) as caught:
        await client.send_message(GROUP, "hello")
    assert caught.value.new_chat_id == moved
    assert [(call["method"], call["status"], call["ordered"]) for call in await stage.refusals()] == [
        ("sendmessage", 403, False),
        ("sendmessage", 400, False),
    ]


async def test_it_holds_the_whole_bot_to_thirty_in_any_second(clock: StandingClock) -> None:
    people = [(number, f"P{number}") for number in range(1, 33)]
    twin = TelegramTwin(TOKEN, "shop_bot", people, [], clock)
    transport = httpx.ASGITransport(Starlette(routes=twin.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://twin") as http:

        async def send(number: int) -> int:
            answer = await http.post(f"/telegram/bot{TOKEN}/sendMessage", json={"chat_id": number, "text": "sale"})
            return answer.status_code

        for number, _ in people:
            await http.post("/telegram/control/say", json={"user": number, "text": "hi"})
        assert [await send(number) for number, _ in people] == [200] * 30 + [429] * 2
        clock.advance(timedelta(seconds=0.999))
        assert await send(31) == 429
        clock.advance(timedelta(seconds=0.001))
        assert await send(31) == 200
        await http.post("/telegram/control/rates", json={"overall": None, "per_chat": None})
        assert [await send(1) for _ in range(40)] == [200] * 40


async def test_it_refuses_a_text_of_4097_and_an_empty_one(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    await client.send_message(LI, "x" * 4096)
    later(stage)
    for text in ("x" * 4097, " "):
        with pytest.raises(BadRequest):
            await client.send_message(LI, text)


async def test_it_tells_when_to_come_back(stage: Stage, client: Bot) -> None:
    await stage.do("start", user=LI)
    await client.send_message(LI, "one")
    with pytest.raises(RetryAfter) as caught:
        await client.send_message(LI, "too fast")
    assert caught.value.retry_after == timedelta(seconds=1)
    later(stage)
    await client.send_message(LI, "two")


async def test_an_ordered_fault_happens_as_often_as_it_was_ordered(stage: Stage, client: Bot) -> None:
    await stage.do("fault", method="getMe", status=500, times=2)
    for _ in range(2):
        with pytest.raises(NetworkError):
            await client.get_me()
    assert (await client.get_me()).username == "shop_bot"


async def test_a_body_without_what_is_needed_is_refused_by_the_control_interface(stage: Stage) -> None:
    for action, body in (("say", {}), ("slow", {"seconds": "long"}), ("vote", {"user": LI, "message_id": 1})):
        answer = await stage.http.post(f"{stage.base}/twin/telegram/control/{action}", json=body)
        assert 400 <= answer.status_code < 500, action


async def test_the_panel_and_its_files_are_served_without_foreign_addresses(stage: Stage) -> None:
    for path in ("panel?user=1001&lang=zh", "static/telegram.js", "static/telegram.css"):
        answer = await stage.http.get(f"{stage.base}/twin/telegram/{path}")
        assert answer.status_code == 200
        assert "//cdn" not in answer.text and "https://" not in answer.text
    assert (await stage.http.get(f"{stage.base}/twin/telegram/static/telegram.html")).status_code == 404
