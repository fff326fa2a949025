"""WeChat's error codes and their words (全局返回码 / Global Return Codes)."""

from __future__ import annotations

from bot.errors import ZhangguiError

ERRORS = {
    -1: "system error",
    0: "ok",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40010: "invalid voice size",
    40011: "invalid video size",
    40012: "invalid thumb size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40017: "invalid button type",
    40018: "invalid button name size",
    40019: "invalid button key size",
    40020: "invalid button url size",
    40023: "invalid sub button size",
    40024: "invalid sub button type",
    40025: "invalid sub button name size",
    40026: "invalid sub button key size",
    40027: "invalid sub button url size",
    40032: "invalid openid list size",
    40035: "invalid parameter",
    40037: "invalid template_id",
    40053: "invalid action info",
    40059: "invalid msg id",
    40125: "invalid appsecret",
    40164: "invalid ip, not in whitelist",
    40243: "AppSecret has been frozen",
    41001: "access_token missing",
    41005: "media data missing",
    41006: "media_id missing",
    42001: "access_token expired",
    43004: "require subscribe",
    43019: "require remove blacklist",
    43101: "user refuse to accept the msg",
    44001: "empty media data",
    44003: "empty news data",
    44004: "empty content",
    45002: "content size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45028: "has no masssend quota",
    45047: "out of response count limit",
    45065: "clientmsgid exist",
    45067: "clientmsgid size out of limit",
    45072: "invalid typing command",
    45080: "no message from the user in the last 30 seconds",
    45157: "invalid tag name",
    45158: "tag name too long",
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    47003: "argument invalid",
    48001: "api unauthorized",
}


class Refused(ZhangguiError):
    """The stand-in WeChat refused a call; `code` of the answer says why, see `ERRORS`."""

    def __init__(self, errcode: int, **more: object) -> None:
        """Take the code, and what else stands in the answer."""
        super().__init__(f"{errcode} {ERRORS.get(errcode, 'error')}")
        self.errcode = errcode
        self.more = more


def body_of(errcode: int) -> dict[str, object]:
    """Return the answer that carries a code; WeChat sends it with status 200."""
    return {"errcode": errcode, "errmsg": ERRORS.get(errcode, "error")}
