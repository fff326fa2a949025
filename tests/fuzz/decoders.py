"""Every decoder of what others wrote: bytes in, and what it may raise. `tests.fuzz` and `scripts.fuzz` run them."""

from __future__ import annotations

import base64
import json
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.errors import BadCallback, SettingsError
from bot.knowledge.datafiles import read_chart, read_intents, read_phrases
from bot.knowledge.entryfile import read_entry
from bot.knowledge.yamlfile import Reading
from bot.messages import Chat, Grant, Inbound
from bot.settings import load_settings
from bot.shop import bodies
from bot.starter_connector.examplechat import wire as example
from connectors.telegram import updates as telegram
from connectors.telegram.account import Account as TelegramAccount
from connectors.twin import wechat_cipher as cipher
from connectors.webchat.intake import NewMessage, NewPicture, NewSession, Refused
from connectors.wechat import wire as wechat
from connectors.wechat.account import Account as WeChatAccount
from connectors.wechat.notices import reports_in
from connectors.wechat.seal import Seal
from connectors.wecom import seal as wecom_seal
from connectors.wecom import wire as wecom

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
GRANTS = {name: Grant(5, 172_800, name) for name in ("said", "acted", "entered")}
TOKEN, AES_KEY, APP_ID = "hook-token", base64.b64encode(b"k" * 32).decode()[:43], "wx123"


@dataclass(frozen=True, slots=True)
class Decoder:
    """One decoder.

    Attributes:
        decode: reads the bytes.
        refuses: what it may raise; whatever else it raises is a fault of ours.
        seeds: good inputs, from which bad ones are made.
    """

    decode: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: Sequence[bytes]

    def try_on(self, data: bytes) -> None:
        """Decode `data`, and look at what comes out.

        Raises:
            AssertionError: an inbound holds what no database keeps.
        """
        try:
            found = self.decode(data)
        except self.refuses:
            return
        for inbound in found if isinstance(found, list) else ():
            check(inbound)


def check(inbound: Inbound) -> None:
    """Assert that an inbound can be stored."""
    texts = (inbound.key, inbound.chat.id, inbound.user, inbound.text, inbound.name, inbound.payload)
    media = inbound.media.ref if inbound.media else ""
    for text in (*texts, inbound.language or "", inbound.choice or "", media):
        assert isinstance(text, str), inbound
        assert "\0" not in text, inbound
        text.encode()
    assert inbound.key
    assert inbound.chat.id
    assert inbound.sent_at.tzinfo is not None


def _json(data: bytes) -> Any:
    return json.loads(data)  # as the connectors do, which answer 400 to what this raises


def _telegram(data: bytes) -> list[Inbound]:
    update, account = _json(data), TelegramAccount("telegram:shopbot", "4242", "shop_bot")
    poll = telegram.Poll(Chat(account.channel, "7"), "poll-1")
    telegram.update_id(update)
    telegram.callback_id(update)
    telegram.poll_id(update)
    found = (telegram.parse(update, account, NOW), telegram.vote(update, poll, account, NOW))
    return [inbound for inbound in found if inbound is not None]


def _wechat(seal: Seal, query: dict[str, str], data: bytes) -> list[Inbound]:
    message = seal.open(query, data, NOW)
    account = WeChatAccount("wechat:gh_1", APP_ID)
    reports_in(account, message)
    seal.reply(message, "好的 ]]>", "", NOW)
    return wechat.inbounds(account, message, GRANTS)


def _wechat_plain(data: bytes) -> list[Inbound]:
    query = {"timestamp": STAMP, "nonce": "n", "signature": cipher.sign(TOKEN, STAMP, "n")}
    return _wechat(Seal(APP_ID, TOKEN, "", test_account=True), query, data)


def _sealed(app_id: str, data: bytes) -> tuple[dict[str, str], bytes]:
    sealed = cipher.encrypt(AES_KEY, app_id, data.decode("utf-8", "replace"), b"0123456789abcdef")
    query = {"timestamp": STAMP, "nonce": "n", "msg_signature": cipher.sign(TOKEN, STAMP, "n", sealed)}
    query |= {"signature": cipher.sign(TOKEN, STAMP, "n"), "encrypt_type": "aes"}
    return query, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()


def _wechat_sealed(data: bytes) -> list[Inbound]:
    return _wechat(Seal(APP_ID, TOKEN, AES_KEY), *_sealed(APP_ID, data))


def _wechat_envelope(data: bytes) -> list[Inbound]:
    """The bytes are the envelope itself, rightly signed where it has something to sign."""
    query, _ = _sealed(APP_ID, b"")
    sealed = data.partition(b"<Encrypt>")[2].partition(b"</Encrypt>")[0].removeprefix(b"<![CDATA[").removesuffix(b"]]>")
    query["msg_signature"] = cipher.sign(TOKEN, STAMP, "n", sealed.decode("utf-8", "replace"))
    return _wechat(Seal(APP_ID, TOKEN, AES_KEY), query, data)


def _wecom_hint(data: bytes) -> object:
    return wecom_seal.Seal(APP_ID, TOKEN, AES_KEY).open(*_sealed(APP_ID, data), NOW)


def _kf_item(data: bytes) -> list[Inbound]:
    item = _json(data)
    if not isinstance(item, dict):
        raise BadCallback
    found = wecom.said("kf:shop", "wk1", item, GRANTS)
    return [found.inbound] if found.inbound else []


def _model(*models: type[BaseModel]) -> Callable[[bytes], object]:
    def decode(data: bytes) -> object:
        for model in models:
            try:
                model.model_validate_json(data)
            except ValidationError:
                continue
        return None

    return decode


def _picture(data: bytes) -> object:
    return NewPicture.model_validate_json(data).file()


def _file(name: str, read: Callable[[Path, Reading], object]) -> Callable[[bytes], object]:
    """Read the bytes as a file of the shop; what is wrong with it must be in its faults, with a line."""

    def decode(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path, reading = Path(folder, name), Reading(name)
            path.write_bytes(data)
            read(path, reading)
        assert all(fault.line >= 1 and fault.problem and fault.fix for fault in reading.faults)
        return None

    return decode


def _settings(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "shop.toml").write_bytes(data)
        return load_settings(Path(folder), {})


def _example(data: bytes) -> list[Inbound]:
    return example.parse(data, example.Account("other:x", GRANTS["said"])) or []


def _dumped(*values: Any) -> list[bytes]:
    return [json.dumps(value, ensure_ascii=False).encode() for value in values]


_PERSON = {"id": 7, "is_bot": False, "first_name": "Li", "last_name": "Lei", "language_code": "zh-hans", "status": "x"}
_TELEGRAM_CHAT = {"id": -5, "type": "supergroup", "title": "Regulars"}
_MESSAGE = {"message_id": 1, "date": 1_795_000_000, "chat": {"id": 7, "type": "private"}, "from": _PERSON}
_PHOTO = [{"file_id": "f1", "file_unique_id": "u1", "width": 90, "height": 90, "file_size": 1000}]
_UPDATES = _dumped(
    {"update_id": 1, "message": _MESSAGE | {"text": "/start shoes"}},
    {"update_id": 2, "message": _MESSAGE | {"photo": _PHOTO, "caption": "this one?"}},
    {"update_id": 3, "edited_message": _MESSAGE | {"text": "M 码", "edit_date": 1_795_000_001}},
    {"update_id": 4, "message": _MESSAGE | {"chat": _TELEGRAM_CHAT, "migrate_to_chat_id": -1005}},
    {"update_id": 5, "message": _MESSAGE | {"voice": {"file_id": "v", "duration": 3}, "document": {"file_id": "d"}}},
    {"update_id": 6, "callback_query": {"id": "c1", "from": _PERSON, "data": "size:m", "message": _MESSAGE}},
    {"update_id": 7, "poll_answer": {"poll_id": "p", "user": _PERSON, "option_ids": [0, 2]}},
    {
        "update_id": 8,
        "my_chat_member": {
            "chat": _TELEGRAM_CHAT,
            "from": _PERSON,
            "date": 1_795_000_000,
            "old_chat_member": {"user": _PERSON, "status": "left"},
            "new_chat_member": {"user": _PERSON, "status": "member"},
        },
    },
)
_SIDES = "<ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1795000000</CreateTime>"
_PUSHES = [
    f"<xml>{_SIDES}{rest}</xml>".encode()
    for rest in (
        "<MsgType>text</MsgType><Content><![CDATA[在吗]]></Content><MsgId>1</MsgId><bizmsgmenuid>a</bizmsgmenuid>",
        "<MsgType>image</MsgType><PicUrl>http://a/b</PicUrl><MediaId>m</MediaId><MsgId>2</MsgId>",
        "<MsgType>voice</MsgType><MediaId>m</MediaId><Format>amr</Format><Recognition>你好</Recognition><MsgId>3</MsgId>",
        (
            "<MsgType>location</MsgType><Location_X>1.5</Location_X><Location_Y>2</Location_Y><Scale>1</Scale>"
            "<Label>here</Label><MsgId>4</MsgId>"
        ),
        "<MsgType>link</MsgType><Title>t</Title><Description>d</Description><Url>http://a</Url><MsgId>5</MsgId>",
        "<MsgType>event</MsgType><Event>subscribe</Event><EventKey>qrscene_shoes</EventKey><Ticket>t</Ticket>",
        "<MsgType>event</MsgType><Event>CLICK</Event><EventKey>help</EventKey>",
        "<MsgType>event</MsgType><Event>user_enter_tempsession</Event><SessionFrom>cart</SessionFrom>",
        "<MsgType>event</MsgType><Event>TEMPLATESENDJOBFINISH</Event><MsgID>9</MsgID><Status>success</Status>",
        (
            "<MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent><List>"
            "<TemplateId>t1</TemplateId><SubscribeStatusString>accept</SubscribeStatusString><PopupScene>2</PopupScene>"
            "</List></SubscribeMsgPopupEvent>"
        ),
    )
]
_FROM = {"msgid": "m1", "open_kfid": "wk1", "external_userid": "wm1", "send_time": 1_795_000_000, "origin": 3}
_KF = _dumped(
    _FROM | {"msgtype": "text", "text": {"content": "在吗", "menu_id": "a"}},
    _FROM | {"msgtype": "image", "image": {"media_id": "m"}},
    _FROM | {"msgtype": "location", "location": {"name": "here", "latitude": 1.5}},
    _FROM
    | {
        "origin": 4,
        "msgtype": "event",
        "event": {"event_type": "enter_session", "external_userid": "wm1", "scene_param": "s", "welcome_code": "w"},
    },
    _FROM
    | {
        "origin": 4,
        "msgtype": "event",
        "event": {"event_type": "msg_send_fail", "fail_msgid": "abc_0", "fail_type": 4, "external_userid": "wm1"},
    },
)
_WORDS = {"zh": "红", "en": "red"}
_SHOP = _dumped(
    {
        "name": _WORDS,
        "category": "tops",
        "variants": [
            {"sku": "A-1", "colour": _WORDS, "size": "M", "price_minor": 9900, "currency": "CNY", "stock": 3},
        ],
    },
    {"name": "Li", "phone": "13800138000"},
)
_ENTRY = "---\nid: x\nask: [怎么退货, 能退吗]\nvalid_from: 2026-01-01\nvariants:\n- when: {tier: vip}\n  answer: 好\n---\n七天。\n"
_CHART = "category: tops\nunit: cm\nmeasures: [chest]\nsizes:\n- size: M\n  chest: [88, 92]\n"
_INTENTS = "version: '3.1'\nnlu:\n- intent: returns\n  examples: |\n    - 退货\n    - 我要退\n"
_PHRASES = "greet:\n  text: 您好\n  by_tier: {vip: 您好}\n"
_TOML = b'[shop]\nname = { zh = "A", en = "A" }\nopens = 09:00:00\n[server]\nport = 80\n[channels.telegram.a]\ntoken = { env = "T" }\n'
_BAD_JSON = (ValueError, RecursionError)

DECODERS = {
    "telegram": Decoder(_telegram, _BAD_JSON, _UPDATES),
    "wechat_plain": Decoder(_wechat_plain, (BadCallback,), _PUSHES),
    "wechat_sealed": Decoder(_wechat_sealed, (BadCallback,), _PUSHES),
    "wechat_envelope": Decoder(_wechat_envelope, (BadCallback,), [_sealed(APP_ID, push)[1] for push in _PUSHES[:2]]),
    "wecom_hint": Decoder(
        _wecom_hint,
        (BadCallback,),
        [b"<xml><MsgType>event</MsgType><Event>kf_msg_or_event</Event><Token>t</Token><OpenKfId>wk1</OpenKfId></xml>"],
    ),
    "kf": Decoder(_kf_item, (BadCallback, *_BAD_JSON), _KF),
    "webchat": Decoder(
        _model(NewSession, NewMessage),
        (),
        _dumped({"token": "t.s", "client_id": "c1", "text": "hi", "choice": "a", "lang": "zh"}, {"lang": "en"}),
    ),
    "webchat_picture": Decoder(
        _picture, (ValidationError, Refused), _dumped({"token": "t", "client_id": "c", "image": "iVBORw0KGgo="})
    ),
    "shop": Decoder(_model(bodies.ProductBody, bodies.CustomerBody, bodies.OrderBody, bodies.SaleBody), (), _SHOP),
    "entry": Decoder(_file("x.md", lambda path, reading: read_entry(path, "zh", reading)), (), [_ENTRY.encode()]),
    "phrases": Decoder(
        _file("phrases.yml", lambda path, reading: read_phrases(path, "zh", reading)), (), [_PHRASES.encode()]
    ),
    "chart": Decoder(_file("tops.yml", read_chart), (), [_CHART.encode()]),
    "intents": Decoder(_file("returns.yml", read_intents), (), [_INTENTS.encode()]),
    "settings": Decoder(_settings, (SettingsError,), [_TOML]),
    "example": Decoder(
        _example,
        (),
        _dumped({"id": "m", "kind": "message", "time": 1_795_000_000, "chat": "c", "user": {"id": "u"}, "text": "hi"}),
    ),
}
assert tomllib.loads(_TOML.decode())
