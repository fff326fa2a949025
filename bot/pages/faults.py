"""The faults of a plan in the reader's language: commands tell them in English, and their Chinese stands here."""

from __future__ import annotations

import re

ZH = {
    # what is wrong
    "`{key}` is missing": "缺少 `{key}`",
    "`{key}` does not pass: {why}": "`{key}` 不符合要求",
    "unknown key `{key}`": "没有 `{key}` 这个键",
    "this is not YAML: {why}": "这不是正确的 YAML",
    "a mapping of keys and values is expected": "这里应当是一组键和值",
    "`{key}：` has a full-width colon": "`{key}：` 用了全角冒号",
    "the item begins with `{sign}`": "这一项以 `{sign}` 开头",
    "there is no blank after the `-` of `{item}`": "`{item}` 的 `-` 后面少一个空格",
    "`starts` is over": "`starts` 已经过去",
    "`ends` is not within 7 days after `starts`": "`ends` 不在 `starts` 之后 7 天以内",
    "the shop has no channel `{channel}`": "店里没有渠道 `{channel}`",
    "`{channel}` is sent by hand, and the start is less than two hours away": (
        "`{channel}` 由同事手动发送，而离开始已不到两小时"
    ),
    "there is no moment `{moment}`": "没有 `{moment}` 这个时刻",
    "`{name}` has no field `{field}`": "`{name}` 里没有字段 `{field}`",
    "`{odd}` in `{name}` is no field, so customers would read it": "`{name}` 里的 `{odd}` 不是字段，顾客会原样看到",
    "`{name}` is there in `{language}` only": "`{name}` 只有 `{language}` 一种语言",
    "`price` has more than {digits} digits behind the point, for {currency}": (
        "`price` 的小数位数多于 {digits} 位（币种 {currency}）"
    ),
    "the file has more than {size}": "文件超过 {size}",
    "the file ends in the middle of a character": "文件在一个字的中间断开了",
    "byte {place} is not UTF-8": "第 {place} 个字节不是 UTF-8",
    "`id` is not {name}": "`id` 不是 {name}",
    "plan: sku: there is no sku {sku}. Put it there first.": "没有 SKU {sku}，请先把它放进店里。",
    "The bot has never met chat {chat} of {channel}. Write to it there once, or take it out.": (
        "机器人从没见过 {channel} 的会话 {chat}。请先在那里给它发一条消息，或者把它去掉。"
    ),
    "`segment` chooses nobody on `{channel}`": "`segment` 在 `{channel}` 上选不出人",
    "`segment` names `channels`, and the audience has its `channel`": (
        "`segment` 里写了 `channels`，而受众已有 `channel`"
    ),
    "`segment` is empty": "`segment` 是空的",
    "`spent` is in the shop's currency, and the sale is not": "`spent` 用店铺币种，而秒杀不是",
    # the way out
    "Write it beside a channel of private chats, without `chat`, or take it out": (
        "请写在私聊渠道旁边，不带 `chat`，或者把它去掉"
    ),
    "Take `channels` out": "请去掉 `channels`",
    "Take `spent` out": "请去掉 `spent`",
    "Write whom you mean, e.g. {example}": "请写给哪些人，例如 {example}",
    "Did you mean `{near}`?": "是不是 `{near}`？",
    "Correct it": "请改正",
    "Set it up in shop.toml": "请在 shop.toml 里设好",
    "Write a time to come": "请写将来的时间",
    "Begin later, or take it out": "请晚些开始，或者把它去掉",
    "Write it in `{language}`, too": "请把 `{language}` 也写上",
    "Write the field as `{field}`": "请把字段写成 `{field}`",
    "Write a field as `{field}`, with both braces in half width, or take the brace away": (
        "字段请写成 `{field}`，两边都用半角花括号；不是字段就把花括号去掉"
    ),
    "Write `{key}: value` lines": "请写成 `{key}: value` 的行",
    "Write `{key}:` and a blank, in half width": "请用半角写 `{key}:`，后面加一个空格",
    "Begin it with `-` in half width and a blank": "请用半角 `-` 开头，后面加一个空格",
    "Write `- {item}`": "请写成 `- {item}`",
    "Check indentation: blanks, no tabs": "请检查缩进：用空格，不用 Tab",
    "Check indentation and quotes": "请检查缩进和引号",
    "Check days, quotes and odd characters": "请检查日期、引号和特殊字符",
    "Is it the right file?": "是这个文件吗？",
    "It was not saved whole: save it again": "文件没有存完整，请重新保存",
    "Save the file as UTF-8": "请把文件存成 UTF-8",
    "It looks like {encoding}: open it as that and save it as UTF-8": "看起来是 {encoding}：请按它打开，再存成 UTF-8",
    "A sale keeps its id: only its texts can be changed now": "秒杀的 id 不能变：现在只能改文案",
    # of each key
    "Write a short name without blanks, e.g. {example}": "请写一个不带空格的短名，例如 {example}",
    "Name one variant of the shop, e.g. {example}": "请写店里的一个 SKU，例如 {example}",
    "Write the price of a piece, e.g. {example}": "请写每件的价格，例如 {example}",
    "Write three capital letters, e.g. {example}": "请写三个大写字母，例如 {example}",
    "Write how many pieces there are, e.g. {example}": "请写一共几件，例如 {example}",
    "Write how many pieces a person may have, 1 to 100": "请写每人限购几件，1 到 100",
    "Write minutes by member tier, e.g. {example}": "请按会员等级写分钟数，例如 {example}",
    "Write how many days old an account must be, 0 for any": "请写账号至少要有几天，0 表示不限",
    "Write for how many minutes a piece is held, 1 to 1440": "请写为顾客保留几分钟，1 到 1440",
    "Write for how many minutes the next in line has it, 1 to 1440": "请写为下一位排队的顾客保留几分钟，1 到 1440",
    "Write day and time of the shop, e.g. {example}": "请写店铺时间的日期和钟点，例如 {example}",
    "Write day and time of the shop, later than `starts`, at most 7 days": (
        "请写店铺时间的日期和钟点，晚于 `starts`，最多 7 天"
    ),
    "Write an address, e.g. {example}": "请写一个网址，例如 {example}",
    "Write a list; each item has `channel`, and `chat` for a group, e.g. {example}": (
        "请写成列表；每一项有 `channel`，群还要有 `chat`，例如 {example}"
    ),
    "Write texts by language and moment: {example}": "请按语言和时刻写文案：{example}",
}
"""What is told of a plan, as it is in English and in Chinese; in braces, what differs."""
_FIELD = re.compile(r"\\\{(\w+)\\\}")
_KNOWN = [
    (re.compile(_FIELD.sub(r"(?P<\1>.+)", re.escape(english)), re.DOTALL), chinese) for english, chinese in ZH.items()
]


def in_words(told: str, language: str) -> str:
    """Return what is wrong, or the way out, in a language; what nobody has put into Chinese stays English."""
    if language != "zh":
        return told
    for pattern, chinese in _KNOWN:
        if found := pattern.fullmatch(told):
            return chinese.format(**found.groupdict())
    return told
