"""No number is invented: each one the shop says stands in an entry, in the settings, in checked data or was said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from bot.ask import ask
from bot.brain import Brain
from bot.deciding import Said, decide
from bot.demo.orders import PLANS
from bot.demo.shop import demo_settings
from bot.shop.port import Money
from bot.shop.sql import SqlShop
from bot.skills import shown
from bot.skills.refunds import paid_for_lines
from bot.skills.turn import Claim, Do, PersonView, SaleView, Say, State, Step
from bot.starter import starter_folder
from bot.voice import Listener, shop_fields
from tests.skills.said import NEW
from tests.skills.talk import MORNING, Talk, order_of

SETTINGS = demo_settings()
ZONE = SETTINGS.shop.zone
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
SALE = SaleView("s", {"zh": "亚麻连衣裙", "en": "Linen Dress"}, "¥199.00", 3)
TIERS = ("regular", "silver", "gold")
CHANNELS = ("", "web", "telegram", "wechat", "wecom")
REGIONS = ((), ("mainland",), ("remote",), ("hmt",), ("abroad",))
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
TALKS: dict[str, tuple[tuple[str, ...], ...]] = {
    "zh": (
        ("我的订单到哪了", order_of("lin", "shipped"), "那退货要几天"),
        *((f"我的订单到哪了 {order_of('lin', course)}",) for course in ("unpaid", "paid", "shipped", "delivered")),
        (f"我要退货 {order_of('lin', 'delivered')}", "1", "穿了3次就起球", "没有照片", "好的"),
        (f"{order_of('lin', 'delivered')} 裙子太小了想换L", "好的"),
        (f"全部都退 {order_of('lin', 'delivered')}", "太大了", "没拆", "好的"),
        (f"我要退风衣 {order_of('lin', 'delivered_long_ago')}",),
        (f"退款到哪了 {order_of('lin', 'delivered')}",),
        (f"取消订单 {order_of('lin', 'paid')}",),
        (f"我要换货 {order_of('lin', 'delivered')}",),
        ("我要退货 QH1999999999", "1234"),
        ("黑色风衣还有货吗", "那白色呢", "M码呢"),
        ("有没有连衣裙", "推荐一件", "有什么新款"),
        ("我穿什么码", "身高165体重55公斤", "连衣裙呢"),
        ("我身高210穿什么码",),
        ("想退货 另外运费谁出",),
        ("有秒杀吗", "我要抢"),
        ("退", "订阅", "退订", "人工"),
        *((said,) for said_zh, _ in NEW.values() for said in said_zh),
    ),
    "en": (
        ("where is my order", order_of("lin", "shipped"), "how long does a return take"),
        *((f"where is my order {order_of('lin', course)}",) for course in ("unpaid", "paid", "shipped", "delivered")),
        (f"I want to return {order_of('lin', 'delivered')}", "1", "pilled after 3 washes", "no photo", "yes"),
        (f"swap the dress from {order_of('lin', 'delivered')} for L", "yes"),
        (f"return everything from {order_of('lin', 'delivered')}", "too large", "unopened", "yes"),
        (f"I want to return the trench coat {order_of('lin', 'delivered_long_ago')}",),
        (f"where is my refund for {order_of('lin', 'delivered')}",),
        (f"cancel my order {order_of('lin', 'paid')}",),
        (f"I want to exchange {order_of('lin', 'delivered')}",),
        ("I want to return QH1999999999", "1234"),
        ("is the trench coat in stock?", "and in white?", "in size M?"),
        ("do you have dresses", "recommend me something", "what is new"),
        ("what size am I", "165 cm and 55 kg", "what about dresses?"),
        ("what size for 210 cm",),
        ("is it true to size and does it shrink?",),
        ("is there a flash sale", "grab"),
        ("refund return", "subscribe", "STOP", "human"),
        *((said,) for _, said_en in NEW.values() for said in said_en),
    ),
}


def numbers(text: str) -> set[str]:
    """Return the numbers of a text, and those that they are made of (`09:00–23:00`, `1,299.00`)."""
    found = set(NUMBER.findall(text))
    return found | {number.rstrip("0").rstrip(".") for number in found if "." in number}


def written(value: Any) -> str:
    """Return checked data as it may be shown: every number of it, money and days written out in both languages."""
    if isinstance(value, Money):
        return " ".join(shown.money(value, language) for language in ("zh", "en"))
    if isinstance(value, datetime):
        return " ".join(f"{shown.day(value, w, ZONE)} {shown.time_of(value, w, ZONE)}" for w in ("zh", "en"))
    if is_dataclass(value):
        return " ".join(written(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict):
        return " ".join(map(written, value.values()))
    return " ".join(map(written, value)) if isinstance(value, tuple | list) else str(value)


def checked_data(say: Say, shop: SqlShop, talk: Talk) -> str:
    """Return, written out, what the sources of a sentence hold: orders, products and charts."""
    texts = []
    for source in say.sources:
        kind, _, key = source.id.partition(":")
        if kind == "order" and (order := shop.order(key)) is not None:
            closes = order.created_at + timedelta(hours=SETTINGS.policy.order_close_h)
            cases = [case.number for case in shop.cases_of(order.number)]
            shares = [Money(minor, order.total.currency) for minor in paid_for_lines(order).values()]
            whole = Money(sum(share.amount_minor for share in shares), order.total.currency)
            send_by = MORNING + timedelta(days=SETTINGS.returns.send_days)
            texts.append(written([order, closes, cases, shares, whole, send_by]))
        elif kind == "case":
            owners = (shop.order(plan.number(MORNING)) for plan in PLANS)
            texts.append(
                written(
                    [case for order in owners if order for case in shop.cases_of(order.number) if case.number == key]
                )
            )
        elif kind == "product":
            texts.append(written(next(product for product in shop.products() if product.id == key)))
        elif kind in ("chart", "size-chart"):
            texts.append(written(talk.mind.knowledge.charts[key]))
        elif kind == "sale":
            texts.append(f"{SALE.price} {SALE.left} {SALE.limit}")
        else:
            raise AssertionError(f"a source nobody checked: {source.id}")
    return " ".join(texts)


def own_text(talk: Talk, text_id: str, language: str) -> str:
    knowledge = talk.mind.knowledge
    phrase = knowledge.phrases.get((text_id, language))
    if phrase is not None:
        return phrase.text
    entry = knowledge.entry(text_id, language)
    assert entry is not None
    return "\n".join((entry.answer, *(variant.answer for variant in entry.variants)))


@LANGUAGES
def test_every_number_of_every_answer_is_a_setting_or_the_entrys_own(talk: Talk, language: str) -> None:
    settings_say = " ".join(shop_fields(SETTINGS)[language].values())
    for entry_id, spoken in talk.mind.knowledge.entries:
        if spoken != language:
            continue
        may_be = numbers(own_text(talk, entry_id, language)) | numbers(settings_say)
        for channel in CHANNELS:
            for tier in TIERS:
                for regions in REGIONS:
                    to = Listener(channel, tier, regions, MORNING.astimezone(ZONE))
                    answer = talk.mind.voice.speak([Say(entry_id)], language, to).text
                    assert numbers(answer) <= may_be, (entry_id, answer)


@LANGUAGES
def test_every_number_of_every_conversation_is_traced(talk: Talk, language: str) -> None:
    settings_say = numbers(" ".join(shop_fields(SETTINGS)[language].values()))
    brain = Brain(starter_folder(), SETTINGS, talk.mind)

    def walk(connection: Connection) -> set[str]:
        shop = SqlShop(connection)
        phrases = set()
        for messages in TALKS[language]:
            state, heard = State(language=language), ""
            for text in messages:
                heard += f" {text}"
                step = decided(brain, shop, text, state)
                for say in (*step.says, *announced(step)):
                    said = talk.mind.voice.speak([say], language).text
                    known = numbers(own_text(talk, say.id, language)) | settings_say | numbers(heard)
                    known |= numbers(checked_data(say, shop, talk)) | numbers(
                        " ".join(c.label for c in step.state.offered)
                    )
                    assert numbers(said) <= known, (text, say.id, said)
                    phrases.add(say.id)
                state = step.state
        return phrases

    reached = talk.read(walk)
    print(language, len(reached), "texts reached")
    assert len(reached) >= 38


def announced(step: Step) -> list[Say]:
    """Return what is said once an effect took place; what the database gives to it stands for itself."""
    given = {"case.number": "", "sale.left": "", "claim.minutes": "", "claim.place": "", "claim.link": ""}
    says: list[Say] = []
    for effect in step.effects:
        if isinstance(effect, Claim | Do):
            says += effect.said.values()
    return [replace(say, fields={**say.fields, **given}) for say in says]


def decided(brain: Brain, shop: SqlShop, text: str, state: State) -> Step:
    """Return what a linked customer with orders hears."""
    lin = PersonView("i", "p", customer_id="lin")
    said = Said(text, lin, state, shop, brain.catalogue(shop.names()), MORNING, "zh", sales=lambda _: {"s": SALE})
    _, step = decide(brain.mind.engine, brain.mind.knowledge, SETTINGS, said)
    assert step is not None
    return step


@LANGUAGES
def test_a_number_from_nowhere_would_be_found(talk: Talk, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: a day that the shop's data do not hold is told apart from those that they do."""
    lie = {"zh": "7月19日 07:41", "en": "19 Jul, 07:41"}[language]
    monkeypatch.setattr("bot.skills.shown.time_of", lambda *_: lie)
    monkeypatch.setattr("tests.skills.test_traced.written", honest(lie))
    with pytest.raises(AssertionError, match=r"07:41|19"):
        test_every_number_of_every_conversation_is_traced(talk, language)


def honest(lie: str) -> Callable[[Any], str]:
    """Return what writes data out as ever, without what `lie` put there."""
    plain = written
    return lambda value: plain(value).replace(lie, "")


def test_ask_tells_no_number_of_a_shop_it_does_not_know(talk: Talk) -> None:
    brain = Brain(starter_folder(), SETTINGS, talk.mind)
    answer, _ = ask(brain, SETTINGS, "风衣多少钱", None, State(), MORNING)
    assert not numbers(answer.answer)
