"""What a user does in the app; each act changes the account and returns what is pushed to the shop. No I/O."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.errors import ZhangguiError
from connectors.twin.wechat_account import MEDIA_LIFE, Account, Stored
from connectors.twin.wechat_cipher import Fields
from connectors.twin.wechat_follower import ENTRY_COUNT, Content, Follower
from connectors.twin.wechat_kinds import MINI_PROGRAM
from connectors.twin.wechat_media import keep
from connectors.twin.wechat_menu import keys

Body = Mapping[str, Any]
Act = Callable[[Account, Follower, Body, str], Fields]
"""Takes the account, the user, the fields of the request and the twin's address."""

_ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
_SAMPLES = {
    "image": (_ONE_PIXEL, "image/png", "picture.png"),
    "voice": (b"#!AMR\n" + bytes(32), "audio/amr", "voice.amr"),
    "video": (b"\x00\x00\x00\x18ftypmp42" + bytes(32), "video/mp4", "video.mp4"),
}


class Impossible(ZhangguiError):
    """A stand-in user cannot do this. Read the words of the answer."""

    def __init__(self, what: str, status: int = 409) -> None:
        super().__init__(what)
        self.status = status


def say(account: Account, user: Follower, body: Body, base: str) -> Fields:
    text = _words(body, "text")
    return _said(account, user, Content("text", text), {"MsgType": "text", "Content": text})


def image(account: Account, user: Follower, body: Body, base: str) -> Fields:
    media_id = _stored(account, "image", body)
    fields: Fields = {"MsgType": "image", "PicUrl": f"{base}/file/{media_id}", "MediaId": media_id}
    return _said(account, user, Content("image", "", {"media": media_id}), fields)


def voice(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Send a voice; with `recognition`, what the platform made of it."""
    media_id, heard = _stored(account, "voice", body), body.get("recognition")
    fields: Fields = {"MsgType": "voice", "MediaId": media_id, "Format": "amr"}
    if isinstance(heard, str):
        fields = {**fields, "Recognition": heard}
    return _said(account, user, Content("voice", "", {"media": media_id}), fields)


def video(account: Account, user: Follower, body: Body, base: str) -> Fields:
    media_id, thumb_id = _stored(account, "video", body), _stored(account, "image", {})
    fields: Fields = {"MsgType": "video", "MediaId": media_id, "ThumbMediaId": thumb_id}
    return _said(account, user, Content("video", "", {"media": media_id}), fields)


def location(account: Account, user: Follower, body: Body, base: str) -> Fields:
    label = _words(body, "label")
    place: Fields = {"Location_X": "30.25", "Location_Y": "120.17", "Scale": 16, "Label": label}
    return _said(account, user, Content("location", label), {"MsgType": "location", **place})


def link(account: Account, user: Follower, body: Body, base: str) -> Fields:
    title, url = _words(body, "title"), _words(body, "url")
    fields: Fields = {"MsgType": "link", "Title": title, "Description": "", "Url": url}
    return _said(account, user, Content("link", title, {"url": url}), fields)


def follow(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Follow, with `scene` by a code that was printed long ago."""
    scene = body.get("scene")
    return _arrived(account, user, scene if isinstance(scene, str) else "", "t")


def scan(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Scan a code that the shop made; who does not follow yet follows by it."""
    scene, now = _words(body, "scene"), account.clock.now()
    for ticket, code in account.qr_codes.items():
        if code.scene == scene and (code.ends is None or now < code.ends):
            return _arrived(account, user, scene, ticket)
    raise Impossible("no code with this scene is valid")


def unfollow(account: Account, user: Follower, body: Body, base: str) -> Fields:
    user.left()
    return _event("unsubscribe", EventKey="")


def click(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Tap a button of the menu; without a published one, of a menu that was made in the vendor's console."""
    key = _words(body, "key")
    if account.menu is not None and key not in keys(account.menu):
        raise Impossible("the menu has no such key")
    _check_follows(user)
    user.acted(account.clock.now())
    return _event("CLICK", EventKey=key)


def tap(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Tap an answer of a menu message: counts as a menu click, comes as a text."""
    _check_follows(user)
    item, label, now = _words(body, "id"), _words(body, "label"), account.clock.now()
    user.acted(now)
    user.add("user", label, now)
    return {"MsgType": "text", "Content": label, "MsgId": account.number(), "bizmsgmenuid": item}


def subscribe(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Accept or refuse a subscription notice; with `change`, in the settings, where only a refusal has an effect."""
    template, accepts = _words(body, "template"), body.get("accept", True) is True
    status = "accept" if accepts else "reject"
    choice = {"TemplateId": template, "SubscribeStatusString": status}
    if body.get("change") is True:
        if not accepts:
            user.credits[template] = 0
        return _event("subscribe_msg_change_event", SubscribeMsgChangeEvent={"List": choice})
    user.credits[template] += accepts
    return _event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": {**choice, "PopupScene": 2}})


def enter(account: Account, user: Follower, body: Body, base: str) -> Fields:
    """Open the customer-service session of a mini-program."""
    user.acted(account.clock.now(), ENTRY_COUNT)
    return _event("user_enter_tempsession", SessionFrom=str(body.get("session_from", "")))


_MINI_ACTS = MappingProxyType({"say": say, "image": image, "enter": enter})
_OFFICIAL_ACTS = MappingProxyType(
    {
        "say": say,
        "image": image,
        "voice": voice,
        "video": video,
        "location": location,
        "link": link,
        "follow": follow,
        "scan": scan,
        "unfollow": unfollow,
        "click": click,
        "tap": tap,
        "subscribe": subscribe,
    }
)


def acts_of(kind: str) -> Mapping[str, Act]:
    """Return what users of this kind of account can do, by name."""
    return _MINI_ACTS if kind == MINI_PROGRAM else _OFFICIAL_ACTS


def _said(account: Account, user: Follower, content: Content, fields: Fields) -> Fields:
    _check_follows(user)
    if user.blocked:
        raise Impossible("is on the account's black list")
    now = account.clock.now()
    user.said(now)
    user.show("user", content, now)
    return {**fields, "MsgId": account.number()}


def _arrived(account: Account, user: Follower, scene: str, ticket: str) -> Fields:
    scanned_before = user.follows and scene
    user.follows = True
    user.acted(account.clock.now())
    if scanned_before:
        return _event("SCAN", EventKey=scene, Ticket=ticket)
    if scene:
        return _event("subscribe", EventKey=f"qrscene_{scene}", Ticket=ticket)
    return _event("subscribe", EventKey="")


def _event(name: str, **fields: str | Fields) -> Fields:
    return {"MsgType": "event", "Event": name, **fields}


def _stored(account: Account, kind: str, body: Body) -> str:
    """Put what the user sends on the shelf, for three days, and return its id."""
    content, mime, name = _SAMPLES[kind]
    given = body.get("base64")
    if isinstance(given, str):
        try:
            content = base64.b64decode(given, validate=True)
        except binascii.Error as fault:
            raise Impossible("base64 is damaged", 400) from fault
    return keep(account, Stored(kind, content, mime, name, account.clock.now() + MEDIA_LIFE))


def _check_follows(user: Follower) -> None:
    if not user.follows:
        raise Impossible("does not follow the account")


def _words(body: Body, name: str) -> str:
    words = body.get(name)
    if not isinstance(words, str) or not words:
        raise Impossible(f"{name} is needed", 400)
    return words
