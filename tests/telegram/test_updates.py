"""Reading updates, and cutting texts: the pure part."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.messages import Chat, Event, Media
from connectors.telegram import updates
from connectors.telegram.account import Account
from connectors.telegram.cutting import cut
from tests.telegram.stage import text_update

NOW = datetime(2026, 11, 11, tzinfo=UTC)
ACCOUNT = Account("telegram:shopbot", "4242", "shop_bot")


def test_unknown_future_fields_are_ignored() -> None:
    plain = updates.parse(text_update(), ACCOUNT, NOW)
    assert plain is not None
    assert updates.parse(text_update(aura={"colour": "green"}) | {"quantum": 1}, ACCOUNT, NOW) == plain


def test_an_edit_has_the_time_of_the_edit() -> None:
    update = text_update(text="red, not blue", edit_date=1_700_000_060)
    update["edited_message"] = update.pop("message")
    inbound = updates.parse(update, ACCOUNT, NOW)
    assert inbound is not None
    assert (inbound.event, inbound.sent_at) == (Event.EDITED, datetime.fromtimestamp(1_700_000_060, UTC))


def test_a_live_location_that_moves_is_no_edit() -> None:
    update = text_update(text="", location={"latitude": 1.0})
    update["edited_message"] = update.pop("message")
    assert updates.parse(update, ACCOUNT, NOW) is None


def test_other_bots_service_messages_and_channels_are_ignored() -> None:
    from_robot = text_update()
    from_robot["message"]["from"] = {"id": 5, "is_bot": True, "first_name": "R"}
    in_channel = text_update(chat={"id": -7, "type": "channel"})
    post = {"update_id": 9, "channel_post": in_channel["message"], "edited_channel_post": in_channel["message"]}
    for update in (from_robot, text_update(text="", pinned_message={"message_id": 3}), in_channel, post):
        assert updates.parse(update, ACCOUNT, NOW) is None


@pytest.mark.parametrize(
    ("fields", "media"),
    [
        ({"photo": [{"file_id": "small"}, {"file_id": "large"}]}, Media("image", "large")),
        ({"voice": {"file_id": "v"}}, Media("voice", "v")),
        ({"video_note": {"file_id": "n"}}, Media("video", "n")),
        ({"animation": {"file_id": "a"}, "document": {"file_id": "a"}}, Media("video", "a")),
        ({"sticker": {"file_id": "s"}}, Media("image", "s")),
        ({"sticker": {"file_id": "s", "is_animated": True}}, None),
        ({"location": {"latitude": 1.0}}, None),
    ],
)
def test_what_is_no_text_comes_as_media(fields: dict[str, Any], media: Media | None) -> None:
    inbound = updates.parse(text_update(text="", **fields), ACCOUNT, NOW)
    assert inbound is not None
    assert (inbound.event, inbound.media) == (Event.MEDIA, media)


def test_text_that_no_database_takes_is_cleaned() -> None:
    inbound = updates.parse(json.loads(json.dumps(text_update(text="x\ud83d\0y"))), ACCOUNT, NOW)
    assert inbound is not None and inbound.text == "x?y"


KEYS = st.sampled_from(
    [
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "poll_answer",
        "chat",
        "from",
        "user",
        "text",
        "caption",
        "photo",
        "voice",
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
        "poll_id",
        "option_ids",
        "file_id",
        "migrate_to_chat_id",
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.sampled_from(["private", "group", "kicked"])
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=20)
POLL = updates.Poll(Chat("telegram:shopbot", "-500"), "77:3")


@given(update=JSON, number=st.integers())
@example(update={"message": {"chat": {"id": 1, "type": []}, "from": {"id": 1}, "text": "x"}}, number=1)
@example(update={"message": {"chat": {"id": 1, "type": "private"}, "from": {"id": 1}, "date": 2**62}}, number=1)
@example(update={"poll_answer": {"poll_id": "7", "user": {"id": 1}, "option_ids": [None, "1", 2]}}, number=1)
def test_no_update_makes_the_parser_raise(update: Any, number: int) -> None:
    updates.parse(update, ACCOUNT, NOW)
    updates.callback_id(update)
    updates.poll_id(update)
    if isinstance(update, dict):
        numbered = {**update, "update_id": number}
        for inbound in (updates.parse(numbered, ACCOUNT, NOW), updates.vote(numbered, POLL, ACCOUNT, NOW)):
            if inbound is not None:
                assert inbound.key == f"tg:4242:{number}"
                inbound.text.encode()


@given(text=st.text(alphabet=st.sampled_from("ab 。.!？\n退👩\u200d🇨🇳e\u0301"), max_size=400), limit=st.integers(4, 60))
def test_cutting_loses_nothing_but_white_space_and_keeps_the_limit(text: str, limit: int) -> None:
    pieces = cut(text, limit)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(len(piece.encode("utf-16-le")) // 2 <= limit for piece in pieces)


def test_a_cut_never_breaks_an_emoji_of_several_characters() -> None:
    family = "👩‍👩‍👧‍👦"
    pieces = cut("x" * 15 + family * 4, 24)
    assert len(pieces) == 3
    assert all(piece.strip("x").replace(family, "") == "" for piece in pieces)
