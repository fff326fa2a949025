"""What customers say to the wishes that came last; taught to the bot as far as the starter set has no phrasings yet."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.starter import PARTS, starter_folder

NEW: dict[str, tuple[tuple[str, str, str], tuple[str, str, str]]] = {  # intent → phrasings in zh and en
    "parcel_stuck": (
        ("物流好几天没更新了", "快递一直卡在中转站不动", "包裹停在那里三天没动静"),
        ("my parcel has not moved for days", "tracking is not updating", "the package seems stuck at the depot"),
    ),
    "delivery_reschedule": (
        ("可以让快递改天再送吗", "麻烦改约派送时间", "我不在家能不能明天再派送"),
        ("can the courier deliver on another day", "please reschedule my delivery", "redeliver it tomorrow please"),
    ),
    "return_cancel": (
        ("我不想退了", "取消退货申请", "退货申请帮我撤销"),
        ("i don't want to return it any more", "cancel my return request", "withdraw the return please"),
    ),
    "price_question": (
        ("这件多少钱", "价格是多少", "请问卖什么价"),
        ("how much is this piece", "what's the price of it", "what does it cost"),
    ),
    "product_compare": (
        ("这两款哪个好", "两件有什么区别", "帮我对比一下这两款"),
        ("which of the two is better", "what's the difference between these two", "compare both pieces for me"),
    ),
    "account_problem": (
        ("登录不了账号", "忘记密码了", "账号被锁了"),
        ("i can't log in", "forgot my password", "my account is locked"),
    ),
    "points_balance": (
        ("我有多少积分", "查下我的积分余额", "我现在是什么等级"),
        ("how many points do i have", "check my points balance", "what tier am i on"),
    ),
    "data_erasure": (
        ("我要注销账号", "把我的个人资料删掉", "删除我的账户信息"),
        ("delete my account", "erase my personal data", "remove all my details from your system"),
    ),
    "feedback": (
        ("给你们提个建议", "我有个小建议", "反馈一个想法给店里"),
        ("i have a suggestion for you", "some feedback for the shop", "just an idea for your team"),
    ),
    "callback_request": (
        ("请给我回个电话", "能打电话给我吗", "让客服回电给我"),
        ("please call me back", "can someone ring me", "i'd like a phone call from you"),
    ),
    "anger": (
        ("你们这群骗子垃圾店", "气死我了什么破店", "我要曝光你们"),
        ("you bunch of thieves", "this is bullshit, worst shop ever", "i will report you everywhere"),
    ),
    "something_else": (
        ("还有别的问题", "我想问点其他的", "换个问题"),
        ("i have another question", "something else", "a different question"),
    ),
    "confused": (
        ("听不懂你在说什么", "什么意思啊没明白", "这个怎么用啊看不懂"),
        ("i don't understand what you mean", "that makes no sense to me", "what do you mean by that"),
    ),
}


def with_new_wishes(folder: Path) -> Path:
    """Return a copy of the starter set that understands `NEW` as well."""
    for part in PARTS:
        shutil.copytree(starter_folder() / part, folder / part)
    for place, language in enumerate(("zh", "en")):
        written = folder / "intents" / language
        known = "".join(path.read_text("utf-8") for path in written.glob("*.yml"))
        missing = {intent: said[place] for intent, said in NEW.items() if f"- intent: {intent}\n" not in known}
        blocks = [
            f"- intent: {i}\n  examples: |\n" + "".join(f"    - {s}\n" for s in said) for i, said in missing.items()
        ]
        if blocks:
            (written / "new.yml").write_text('version: "3.1"\nnlu:\n' + "\n".join(blocks), encoding="utf-8")
    return folder
