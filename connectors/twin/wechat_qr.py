"""Codes to scan that carry a scene (生成带参数的二维码 / Generating a Parametric QR Code)."""

from __future__ import annotations

import secrets
from datetime import timedelta

from connectors.twin.wechat_account import Account, Call, QrCode
from connectors.twin.wechat_errors import Refused

LONGEST_S, DEFAULT_S = 2_592_000, 60


def create(account: Account, call: Call) -> dict[str, object]:
    """Make a temporary or permanent code."""
    action, life_s = call.body.get("action_name"), call.body.get("expire_seconds", DEFAULT_S)
    scene = _scene(call.body.get("action_info"), textual=action in ("QR_STR_SCENE", "QR_LIMIT_STR_SCENE"))
    ticket = secrets.token_urlsafe(48)
    answer: dict[str, object] = {"ticket": ticket, "url": f"{call.base}/qr/{ticket}"}
    if action in ("QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"):
        account.qr_codes[ticket] = QrCode(scene, None)
        return answer
    if action not in ("QR_SCENE", "QR_STR_SCENE") or not isinstance(life_s, int) or not 1 <= life_s <= LONGEST_S:
        raise Refused(40053)
    account.qr_codes[ticket] = QrCode(scene, call.now + timedelta(seconds=life_s))
    return answer | {"expire_seconds": life_s}


def _scene(info: object, *, textual: bool) -> str:
    scene = info.get("scene") if isinstance(info, dict) else None
    value = scene.get("scene_str" if textual else "scene_id") if isinstance(scene, dict) else None
    if textual and isinstance(value, str) and 1 <= len(value) <= 64:
        return value
    if not textual and isinstance(value, int) and 1 <= value < 2**32:
        return str(value)
    raise Refused(40053)
