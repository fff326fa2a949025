"""`Stop shipping updates`: whether someone no longer wants, or wants again, to be told of their parcels unasked."""

from __future__ import annotations

import re

NEWS_ZH = (
    r"(?:物流|快[递遞]|包裹|发货|發貨|出[货貨]|派送|配送|签收|簽收)[^，。,.!！?？]{0,6}?"
    r"(?:通知|提醒|推送|消息|信息|短信|更新|訊息)"
)
NO_ZH = r"不要|不用|不想|不需要|别|別|停止|停掉|停了|关闭|關閉|关掉|關掉|取消|退订|退訂|屏蔽|不再"
AGAIN_ZH = r"恢复|恢復|重新|继续|繼續|打开|打開|开启|開啟|开通|開通|订阅|訂閱"
NEWS_EN = (
    r"(?:shipping|shipment|delivery|parcel|package|tracking|dispatch|order)"
    r"(?: status)? (?:updates?|notifications?|notices?|alerts?|messages?|news|texts?)"
)
NO_EN = (
    r"stop|no more|don'?t (?:send|want|need)|do not (?:send|want)|turn off|switch off|unsubscribe|disable|mute"
    r"|opt(?: me)? out|cancel"
)
AGAIN_EN = r"send me|resume|turn (?:back )?on|switch (?:back )?on|subscribe|enable|start|i(?:'d like| want)"
OFF = re.compile(rf"(?:{NO_ZH}).{{0,8}}{NEWS_ZH}|{NEWS_ZH}.{{0,4}}(?:{NO_ZH})|\b(?:{NO_EN})\b.{{0,30}}\b{NEWS_EN}")
ON = re.compile(rf"(?:{AGAIN_ZH}).{{0,8}}{NEWS_ZH}|\b(?:{AGAIN_EN})\b.{{0,30}}\b{NEWS_EN}")
ASKS = re.compile(r"[?？吗麼么呢]|为什么|怎么|怎麼|\b(?:why|how|when|where)\b")


def parcel_news(said: str) -> bool | None:
    """Return the yes or no to news of parcels in `said` (normal form); None if it says neither."""
    if ASKS.search(said):
        return None
    if OFF.search(said):
        return False
    return True if ON.search(said) else None
