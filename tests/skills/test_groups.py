"""The bot in a customers' group on Telegram: whom it answers there, what it keeps for the private chat, whom it welcomes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from bot.store import tables as t
from handoff.transcript import Side, transcript
from tests.skills.group_stand import CHEN, LIN, MINUTE, Group
from tests.skills.talk import later, order_of
from tests.skills.telegram import BOT, GROUP, GUEST


def test_a_question_to_the_bot_by_name_is_answered_as_a_reply_to_it(group: Group) -> None:
    assert "运费" in group.hears(LIN, f"@{BOT} 运费多少钱")
    shown = group.talk.telegram.shows("messages", chat=GROUP)["messages"]
    assert [message["reply_to"] for message in shown] == [None, shown[0]["id"]]
    assert shown[1]["buttons"] == [], "a button would go on with one person's talk before everybody"


def test_what_people_say_to_each_other_is_left_alone(group: Group) -> None:
    assert group.hears(LIN, "运费多少钱") == ""
    assert group.hears(CHEN, "@someone_else 运费多少钱") == ""
    assert group.hears(CHEN, "/help@other_bot") == ""


def test_a_reply_to_the_bot_is_answered_where_it_asks_something_and_left_alone_where_it_does_not(group: Group) -> None:
    group.hears(LIN, f"@{BOT} 运费多少钱")
    bots = group.said()[0]["id"]
    assert group.hears(CHEN, "谢谢", reply_to=bots) == ""
    assert group.hears(CHEN, "🤣🤣", reply_to=bots) == ""
    assert "7" in group.hears(CHEN, "那几天可以无理由退货？", reply_to=bots)


def test_the_catalogue_may_be_asked_about_in_the_group_at_the_price_for_everybody(group: Group) -> None:
    cheap = update(t.variants).values(tier_prices_minor={"gold": 100})
    group.talk.write(lambda c: c.execute(cheap).rowcount)
    said = group.hears(LIN, f"@{BOT} 亚麻连衣裙多少钱")
    assert "亚麻连衣裙" in said
    assert "会员" not in said
    group.talk.hears("say", user=LIN, text="亚麻连衣裙多少钱")
    assert "会员价" in group.said(LIN)[-1]["text"]


def test_an_order_is_spoken_of_in_private_where_the_button_carries_the_wish_on(group: Group) -> None:
    number = order_of("lin", "shipped")
    said = group.hears(LIN, f"@{BOT} 订单{number}到哪了")
    assert "私聊" in said
    assert number not in said
    assert number in group.follows_the_button(LIN)
    assert len(group.said()) == 1


def test_who_asked_for_a_person_in_the_group_waits_for_one_in_private(group: Group) -> None:
    assert "私聊" in group.hears(LIN, f"@{BOT} 转人工")
    assert "同事" in group.follows_the_button(LIN)
    (talk,) = group.talk.read(lambda c: c.execute(t.conversations.select().filter_by(owner="queue")).all())
    assert talk.chat == str(LIN)
    lines = group.talk.read(lambda c: transcript(c, talk.id, group.talk.now()))
    assert [line.text for line in lines if line.side is Side.CUSTOMER][-1].endswith("转人工"), "whoever helps reads it"


def test_somebody_else_who_presses_the_button_gets_none_of_it(group: Group) -> None:
    number = order_of("lin", "shipped")
    group.hears(LIN, f"@{BOT} 订单{number}到哪了")
    said = group.follows_the_button(CHEN)
    assert said
    assert number not in said


def test_a_payload_that_was_not_made_here_only_opens_the_chat(group: Group) -> None:
    number = order_of("lin", "shipped")
    group.hears(LIN, f"@{BOT} 订单{number}到哪了")
    (button,) = group.said()[-1]["buttons"][0]
    payload = button["url"].partition("?start=")[2]
    forged = payload[:-1] + ("A" if payload[-1] != "A" else "B")
    before = len(group.said(LIN))
    group.talk.hears("start", user=LIN, payload=forged)
    assert number not in "".join(message["text"] for message in group.said(LIN)[before:])


def test_a_wish_is_forgotten_after_a_week(group: Group) -> None:
    number = order_of("lin", "shipped")
    group.hears(LIN, f"@{BOT} 订单{number}到哪了")
    later(group.talk, timedelta(days=8))
    assert number not in group.follows_the_button(LIN)


def test_what_one_asks_does_not_go_on_from_what_another_has_asked(group: Group) -> None:
    group.hears(LIN, f"@{BOT} 亚麻连衣裙还有货吗")
    assert "亚麻" not in group.hears(CHEN, f"@{BOT} 那M码呢")


def test_several_who_come_together_are_welcomed_by_one_message_and_once(group: Group) -> None:
    group.changes("join", users=[LIN, CHEN])
    group.changes("join", users=[GUEST])
    (welcome,) = group.waits(MINUTE)
    assert "欢迎" in welcome
    assert group.waits(MINUTE) == []
    group.changes("leave", user=LIN)
    group.changes("join", users=[LIN])
    assert group.waits(MINUTE) == []


def test_who_has_left_again_meanwhile_is_not_welcomed(group: Group) -> None:
    group.changes("join", users=[LIN])
    group.changes("leave", user=LIN)
    assert group.waits(MINUTE) == []


def test_a_group_hears_two_welcomes_a_day_at_most(group: Group) -> None:
    said = []
    for user in (LIN, CHEN, GUEST):
        group.changes("join", users=[user])
        said += group.waits(MINUTE)
    assert len(said) == 2
    (left_out,) = group.talk.read(lambda c: c.execute(t.outbox.select().filter_by(status="dropped")).all())
    assert left_out.reason == "group_has_welcomed_enough_today"


def test_a_group_from_which_the_bot_was_removed_gets_no_welcome(group: Group) -> None:
    group.changes("join", users=[LIN])
    group.changes("remove")
    assert group.waits(MINUTE) == []


def test_the_welcome_opens_the_private_chat(group: Group) -> None:
    group.changes("join", users=[LIN])
    group.waits(MINUTE)
    assert group.follows_the_button(LIN)


def test_a_group_that_became_a_supergroup_is_answered_and_told_of_sales_there(group: Group) -> None:
    group.hears(LIN, f"@{BOT} 运费多少钱")
    audience = [{"channel": "telegram:demo", "chat": str(GROUP)}, {"channel": "web:demo"}]
    channel = group.talk.read(lambda c: c.execute(t.conversations.select().filter_by(chat=str(GROUP))).one().channel)
    audience[0]["channel"] = channel
    group.talk.write(lambda c: c.execute(update(t.sales).values(audiences=audience)).rowcount)
    moved = group.talk.telegram.does("migrate", group=GROUP)["group"]
    group.chat = moved
    assert "运费" in group.hears(CHEN, f"@{BOT} 运费多少钱")
    (sale,) = group.talk.read(lambda c: c.execute(t.sales.select()).all())
    assert sale.audiences == [{"channel": channel, "chat": str(moved)}, {"channel": "web:demo"}]
