"""A preview and a live turn decide alike: the same words, through `ask` and all the way through the database."""

from collections.abc import Sequence

import pytest

from bot.ask import ask
from bot.brain import Brain
from bot.demo.shop import demo_settings
from bot.shop.sql import SqlShop
from bot.skills.turn import State
from bot.starter import starter_folder
from bot.store.tables import outbox
from tests.skills.talk import Talk

TALKS: Sequence[tuple[str, ...]] = (
    ("运费多少", "香港呢", "天气呢", "谁是世界首富"),
    ("想退货 另外运费谁出", "算了", "谢谢"),
    ("我的订单到哪了，能改地址吗", "好的"),
    ("黑色风衣还有货吗", "那白色呢", "我穿什么码", "175cm 70kg"),
    ("退", "1", "人工"),
    ("你们这群骗子垃圾店",),
    ("😀", "？？？？", "哈" * 100, "\u202e运费\u202c多少"),
    ("how much is shipping", "and to Hong Kong?", "who won the football", "what is the capital of Peru"),
    ("where's my order and can I change the address", "never mind", "thanks"),
    ("is the trench coat in stock?", "and in black?", "what size am I", "175 cm, 70 kg"),
    ("refund return", "1", "i have another question", "2"),
    ("is it true to size and does it shrink?", "this is bullshit, worst shop ever"),
)


@pytest.mark.parametrize("messages", TALKS, ids=lambda messages: messages[0])
def test_preview_and_live_turn_decide_alike(talk: Talk, messages: tuple[str, ...]) -> None:
    brain = Brain(starter_folder(), demo_settings(), talk.mind)
    stranger = talk.as_stranger()
    state = State()
    for text in messages:
        before = state

        def preview(connection, text=text, before=before):  # type: ignore[no-untyped-def]
            return ask(brain, demo_settings(), text, None, before, talk.now(), SqlShop(connection))

        answer, state = talk.read(preview)
        said = stranger.says(text)
        live = stranger.last_meaning
        assert said == answer.answer, text
        assert list(stranger.choices) == answer.choices, text
        for key in ("intent", "confidence", "decision", "entry", "skill", "why"):
            assert live[key] == getattr(answer, key), (text, key)
        assert [
            {"id": i, "version": v} for i, v in zip(stranger.sources, stranger.versions, strict=True)
        ] == answer.sources
        if stranger.waits_for_a_human:
            break
        assert stranger.state == state


@pytest.mark.parametrize("messages", TALKS, ids=lambda messages: messages[0])
def test_every_message_out_names_its_sources_and_every_decision_its_reasons(
    talk: Talk, messages: tuple[str, ...]
) -> None:
    stranger = talk.as_stranger()
    for text in messages:
        stranger.says(text)
        assert stranger.last_meaning["why"], text
    for (sources,) in talk.read(lambda c: c.execute(outbox.select().with_only_columns(outbox.c.sources)).all()):
        assert sources
        assert all(source["id"] and source["version"] for source in sources)
