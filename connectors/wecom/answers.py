"""What WeCom's answers to a send mean for us. Pure."""

from __future__ import annotations

from bot.errors import ZhangguiError
from bot.messages import Receipt, SendStatus


class RefusedCall(ZhangguiError):
    """WeCom refused a call. Look its number up in the table of global error codes (全局错误码).

    Attributes:
        errcode: WeCom's number.
        repeated: whether it refused a message because it was sent before under the same id.
    """

    code = "wecom_refused"

    def __init__(self, errcode: int, api: str, errmsg: str = "") -> None:
        super().__init__(f"WeCom refused {api} with error {errcode}.")
        self.errcode = errcode
        # Our ids always have the right form, so a complaint about one can only mean that it is taken. No page of
        # WeCom's names the number for it.
        self.repeated = errcode == INVALID_PARAMETER and "msgid" in errmsg.lower()


class NoAnswer(ZhangguiError):
    """WeCom gave no answer that can be read. Look at the network; it is tried again.

    Attributes:
        reason: one word for the receipt.
        arrived: whether WeCom may have done what was asked.
    """

    code = "wecom_silent"

    def __init__(self, reason: str, arrived: bool) -> None:
        super().__init__(f"WeCom gave no answer: {reason}.")
        self.reason = reason
        self.arrived = arrived


STALE_TOKEN = frozenset({40001, 40014, 42001})
"""WeCom: 全局错误码 / Global Error Codes: wrong, unacceptable and expired access token."""

ACCOUNT = frozenset({40001, 40013, 40056, 48002, 60011, 60020, 95000, 95004, 95010, 95017, 301002})
"""Codes that the shop's owner has to mend: secret, corp id, rights of the app, trusted address, account."""

INVALID_PARAMETER = 40058

WRONG_STATE = 95018
"""WeCom: 微信客服 分配客服会话 / Session States: the chat is not the bot's at the moment."""

STATUS = {
    -1: SendStatus.TRANSIENT,
    40001: SendStatus.TRANSIENT,  # comes here only after the token was renewed
    40014: SendStatus.TRANSIENT,
    42001: SendStatus.TRANSIENT,
    40013: SendStatus.NOT_ALLOWED,
    40056: SendStatus.NOT_ALLOWED,
    40096: SendStatus.UNREACHABLE,
    41048: SendStatus.UNREACHABLE,  # nobody to send to
    45009: SendStatus.RATE_LIMITED,
    45033: SendStatus.RATE_LIMITED,
    45047: SendStatus.WINDOW_CLOSED,
    48002: SendStatus.NOT_ALLOWED,
    60011: SendStatus.NOT_ALLOWED,
    60020: SendStatus.NOT_ALLOWED,
    60111: SendStatus.UNREACHABLE,  # no such member of the staff
    84061: SendStatus.UNREACHABLE,  # the staff member and the customer are no contacts
    93000: SendStatus.NOT_ALLOWED,  # wrong key of a group robot
    95000: SendStatus.NOT_ALLOWED,
    95001: SendStatus.WINDOW_CLOSED,
    95002: SendStatus.WINDOW_CLOSED,
    95004: SendStatus.NOT_ALLOWED,
    95010: SendStatus.NOT_ALLOWED,
    95013: SendStatus.WINDOW_CLOSED,
    95017: SendStatus.NOT_ALLOWED,
    130101: SendStatus.RATE_LIMITED,
    301002: SendStatus.NOT_ALLOWED,
}
"""WeCom: 全局错误码 / Global Error Codes. A code that is not named is REFUSED: the message itself is wrong."""

WAIT_S = {45009: 60.0, 45033: 1.0, 130101: 60.0}

FAILURES = {
    1: SendStatus.NOT_ALLOWED,
    2: SendStatus.NOT_ALLOWED,
    4: SendStatus.WINDOW_CLOSED,
    5: SendStatus.WINDOW_CLOSED,
    6: SendStatus.WINDOW_CLOSED,
    7: SendStatus.NOT_ALLOWED,
    8: SendStatus.NOT_ALLOWED,
    9: SendStatus.NOT_ALLOWED,
    10: SendStatus.UNREACHABLE,
    11: SendStatus.NOT_ALLOWED,
}
"""WeCom: 微信客服 接收消息和事件 / msg_send_fail, by fail_type. One that is not named is REFUSED."""


def receipt_for(fault: RefusedCall | NoAnswer) -> Receipt:
    """Return the receipt of a send that ended in `fault`."""
    if isinstance(fault, NoAnswer):
        return Receipt(SendStatus.UNSURE if fault.arrived else SendStatus.TRANSIENT, reason=fault.reason)
    status = STATUS.get(fault.errcode, SendStatus.REFUSED)
    return Receipt(status, reason=f"wecom {fault.errcode}", retry_after_s=WAIT_S.get(fault.errcode, 0.0))


def reason_of(fault: Exception) -> str:
    """Return words about `fault` for the log; those of other people's exceptions may hold what a customer wrote."""
    return str(fault) if isinstance(fault, ZhangguiError) else type(fault).__name__
