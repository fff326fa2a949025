"""What each kind of account may call, and how often (接口权限说明 / Explanation of Interface Privileges)."""

from __future__ import annotations

from types import MappingProxyType

MINI_PROGRAM = "miniprogram"

_BASIC = frozenset({"token", "stable_token", "getcallbackip"})
_CHAT = frozenset({"message/custom/send", "message/custom/typing", "media/upload", "media/get"})
_MENU = frozenset({"menu/create", "menu/get", "menu/delete"})
_PEOPLE = frozenset(
    {
        "user/info",
        "user/get",
        "user/tag/get",
        "tags/create",
        "tags/get",
        "tags/delete",
        "tags/members/batchtagging",
        "tags/members/batchuntagging",
    }
)
_MASS = frozenset({"message/mass/sendall", "message/mass/preview", "message/mass/get", "message/mass/delete"})
_SUBSCRIPTION = _BASIC | _CHAT | _MENU | _PEOPLE | _MASS | {"material/add_material", "message/template/subscribe"}
_SERVICE = _SUBSCRIPTION | {"message/template/send", "message/subscribe/bizsend", "qrcode/create"}

ALLOWED = MappingProxyType(
    {
        "verified_service": _SERVICE,
        "test": _SERVICE,
        "verified_subscription": _SUBSCRIPTION,
        # Of the unverified accounts only the service account has menus; this one stands for it.
        "unverified": _BASIC | _MENU,
        MINI_PROGRAM: _BASIC | _CHAT,
    }
)
"""The calls of each kind of account; another one gets 48001."""

# video, music, mpnews and wxcard are WeChat's too; nothing here sends them, so they are refused as unknown
_OFFICIAL_TYPES = frozenset({"text", "image", "voice", "news", "msgmenu", "miniprogrampage"})
_MINI_TYPES = frozenset({"text", "image", "link", "miniprogrampage"})


def message_types(kind: str) -> frozenset[str]:
    """Return the types that customer messages of this kind of account may have; another one gets 40008."""
    return _MINI_TYPES if kind == MINI_PROGRAM else _OFFICIAL_TYPES


_PER_DAY = {
    "token": 2_000,
    "stable_token": 500_000,
    "message/custom/send": 500_000,
    "message/template/send": 100_000,
    "message/mass/sendall": 100,
    "message/mass/preview": 100,
    "media/upload": 100_000,
    "media/get": 200_000,
    "qrcode/create": 100_000,
    "menu/create": 1_000,
    "user/info": 5_000_000,
}
_PER_DAY_TEST = {"token": 200, "message/custom/send": 50_000, "qrcode/create": 10_000}


def calls_per_day(kind: str) -> dict[str, int]:
    """Return the day quotas (接口调用频次限制说明 / API Call Limits)."""
    return _PER_DAY | _PER_DAY_TEST if kind == "test" else _PER_DAY


CALLS_PER_MINUTE = MappingProxyType({"stable_token": 10_000, "message/mass/sendall": 60})
