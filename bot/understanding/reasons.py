"""Why a piece goes back, in what condition it is, and how many of it: what customers say of these, read by words.

All texts are in normal form (`bot.understanding.text.normal`). Each line of a table is one way to say it.
"""

from __future__ import annotations

import re

from bot.understanding.entity import spoken


def _any(lines: str) -> re.Pattern[str]:
    """Return what finds any of the lines; a line of English stands for whole words."""
    ways = (line.strip() for line in lines.strip().splitlines())
    return re.compile(
        "|".join(rf"\b(?:{way})(?![a-z])" if way[0].isascii() and way[0].isalpha() else way for way in ways)
    )


DENIED = _any("""
    (?:没有?|不是|无|并?非)(?:什么|任何|啥)?(?:质量|品质)?(?:问题|瑕疵|破损|毛病)
    质量(?:也|都|还)?(?:没问题|没毛病|挺好|不错|还行|很好)
    (?:no|not an?|without(?: any)?|isn't an?|not) (?:quality |real )?(?:problem|defect|fault|issue|damage)s?
    (?:not|isn't|nothing is|nothing's) (?:faulty|damaged|defective|broken|wrong)
    quality is (?:fine|good|ok|great)
""")
"""What is said not to be the reason."""
REASONS = {  # the first that is found counts: the shop's own faults in front
    "missing": _any("""
        [少漏](?:发|寄|了一|了[件条双个])
        缺(?:了|件|少)|没(?:有)?(?:发全|给全|寄全)
        missing|left out|not in the (?:parcel|box|package)|wasn't in (?:the|my)
        (?:forgot|didn't|did not) (?:to )?(?:send|pack)
    """),
    "wrong": _any("""
        [发寄出配]错|错发|发来的(?:不是|颜色不)|颜色发|货不对[板版]
        不是我(?:买|要|订|拍|下单)
        wrong (?:item|one|colou?r|product|piece|thing|article)
        (?:sent|got|received) (?:me )?(?:the|a) (?:wrong|different)
        (?:not|isn't|wasn't) what i ordered|instead of the one i ordered
    """),
    "damaged": _any("""
        [破坏裂断](?:了|的|损|掉|个|洞|口)
        有(?:个|一个|两个)?洞|弄坏|压坏|污渍|脏(?:了|印|污)|扣子(?:掉|没)|拉链拉不
        broken|torn|ripped|damaged|stain(?:s|ed)?|dirty|cracked|holes?|smashed
        (?:zip|zipper|button)s? (?:is |are )?(?:broken|stuck|missing|came off|fell off)
    """),
    "quality": _any("""
        质量|品质|起球|掉色|褪色|染色|开线|脱线|线头|瑕疵|次品|做工|缩水|变形|异味|味道[大重很]|臭|开胶|脱胶|掉毛|勾丝
        quality|defect(?:s|ive)?|faulty|pill(?:s|ed|ing)|fad(?:ed|es|ing)|shr(?:ank|unk|inks)|stitching|seams?
        smell(?:s|y)?|poorly made|badly made|falling apart|came apart|loose threads?
    """),
    "small": _any("""
        (?:太|偏|有点|有些|穿|买|拍)小|小了|细咗|[太偏好很]紧|有点紧|紧了|紧绷|勒(?:得|着|肉|人|了)
        挤脚|顶脚|夹脚|穿不[上下进]|塞不进|扣不上|太短|短了|太窄
        too (?:small|tight|short|narrow|snug)|runs? small|can't get (?:it|them) on
        (?:bit|little|rather|very|is|are|was|were|it's) (?:too )?(?:small|tight|snug)
        (?:doesn't|does not|won't|don't) (?:close|zip|button|go over)
    """),
    "large": _any("""
        (?:太|偏|有点|有些|穿着|买|拍)大(?!声)|大了|大咗|[太偏]松|松了|松垮|肥了|肥大|掉跟|太长|长了|太宽
        too (?:big|large|loose|long|wide|baggy|huge)|runs? (?:big|large)
        (?:bit|little|rather|very|is|are|was|were|it's) (?:too )?(?:big|large|loose|baggy|huge)
    """),
    "size": _any("""
        (?:尺码|尺寸|码数|大小|号)[^,，。]{0,4}(?:不[合对准适啱]|有问题|拍错|买错|选错)
        不合身|不合适|唔啱[身码]|拍错[码号尺]
        (?:wrong|incorrect|bad) (?:size|fit)|ordered the wrong size|(?:fit|size) (?:issue|problem)
        (?:doesn't|doesnt|does not|didn't|didnt|don't|dont|do not|not) fit|size (?:is|was) (?:wrong|off)
    """),
    "look": _any("""
        不好看|难看|丑|不喜欢|唔钟意|唔好睇|色差|颜色[不太跟和]|[和跟与](?:图|照片|想)|不一样|没有?图片|显[胖黑老矮]
        不搭|不适合我|气质|面料|料子|太薄|太厚|款式
        (?:don't|do not|didn't|not) (?:really )?(?:like|suit|love)|doesn't suit|unflattering|ugly|fabric
        (?:not|isn't|wasn't) (?:as|what i) (?:expected|described|pictured|shown|imagined)
        looks? (?:different|bad|ugly|cheap|awful)|different (?:from|than|to) the (?:photo|picture)
        colou?r (?:is|was) (?:off|different|not)
    """),
    "other": _any("""
        不想要|不要了|不需要|用不[上着]|买多|买重|重复(?:买|下单)|拍多|后悔|改主意|没用|无理由|冲动
        changed my mind|no longer (?:need|want)|by mistake|no reason|regret
        (?:don't|do not) (?:need|want) (?:it|them|this)|bought (?:two|too many|it twice)|ordered (?:twice|too many)
    """),
}


def _shift(zh: str, en: str, way: str) -> re.Pattern[str]:
    """Return what finds the wish for a larger or a smaller size; `n` and `m` say by how many."""
    return re.compile(
        rf"{zh}(?:一点|点|(?P<n>半|一|1|两|2|二)?个?[码号])|换(?:个|条|件|双|一件|一条|一双)?加?{zh}(?:的|了)?(?!衣)|加{zh}|"
        rf"\b(?:(?P<m>one|two|1|2|a|half a) )?sizes? (?:{way}|{en})\b|\b(?:{en}|next size {way})\b"
    )


SHIFTS = ((1, _shift("大", "bigger|larger", "up")), (-1, _shift("小", "smaller", "down")))
TWO = frozenset({"两", "2", "二", "two"})
CONDITIONS = {  # the first that is found counts
    "washed": _any("""
        (?<!没有)(?<![没未不])(?:洗过|洗了|下过?水|水洗过)
        (?<!not )(?<!un)(?<!never )washed
    """),
    "worn": _any("""
        (?<!没有)(?<![试没未])穿[过了][一二两三四五六七八九十几\\d]*(?:次|天|回|个?月|周)?|穿出[门去]
        (?:吊牌|标签|标|吊卡)(?:都|已经|被|我)*[剪掉拆撕丢扔没]|剪[了掉](?:吊牌|标)
        (?<!not )(?<!un)(?<!never )(?:worn|wore it)
        (?:cut|took|removed|tore|ripped) (?:off )?the (?:tags?|labels?)
        (?:tags?|labels?) (?:are |is |were |was )?(?:cut|off|removed|gone|missing)
    """),
    "unopened": _any("""
        [没未](?:有)?(?:拆|开|打开|动|用)|未启封|全新|原封
        unopened|sealed|not (?:been )?opened|unused|brand new
        (?:haven't|have not|hasn't|didn't|did not|never) (?:even )?open
    """),
    "opened": _any("""
        拆[了开封过]|打开|开封|开了
        opened|took it out|unpacked|unsealed
    """),
}
MOST_BESIDE = 6
"""Letters: `sorry, I`."""
NO_PHOTO = _any("""
    (?:没有?|不|无|拍不|发不|传不|冇|唔)[^,，。]{0,4}(?:图|照片|相片|相|拍|照|了)
    (?:no|without(?: a)?|(?:don't|do not) have(?: any| a)?) ?(?:photos?|pictures?|pics?|images?|camera|one)
    (?:can't|cant|cannot|can not|unable to|no way to) (?:take|send|upload|attach|get)(?: a| any)? ?(?:photos?|pictures?)
    (?:can't|cant|cannot|can not|unable to|no way to) (?:take|send|upload|attach|get)(?: a| any)? ?(?:pics?|images?|one)
    (?:haven't|havent|don't|dont|didn't) (?:got|have|take|took)(?: any| a)? ?(?:photos?|pictures?|pics?|images?)
    (?:camera|phone)(?: camera)? (?:is|'s) (?:broken|bust)
""")
A_PHOTO = re.compile(r"照片|相片|拍照|图|[拍照]不了|\b(?:photos?|pictures?|pics?|images?|camera)\b")
JUST_NOW = re.compile(
    r"现在|暂时|抱歉|不好意思|手机|相机|\b(?:right now|at the moment|just now|now|sorry|of (?:it|them))\b"
)
ALL = _any("""
    全(?:部|都|退|换|要退)|都(?:要?退|不要|想退|寄回)|所有|整单|一起退|统统
    all of (?:it|them)|everything|both|the whole order|all (?:the )?(?:pieces|items)|them all|all
""")
BACK = {
    "return": _any("""
        (?<!不)(?<!不想)(?<!不要)(?<!不用)(?:退货|退款|退钱|退掉|退了|退回|退吧|[要想都全]退|退[一两二三四1-9][件条双个套只包盒])
        (?:to |please |a |my |full )(?:return|refund)|send (?:it|them|this|these) back|money back
        return (?:it|them|this|these|my|the|one|just|only|all|both|everything|something)
        return (?:two|three|four|five|[2-9])(?= (?!(?:business |working )?(?:days?|weeks?|months?)))
    """),
    "exchange": _any("""
        (?<!不)(?<!不想)(?<!不要)(?<!不用)(?:换货|[要想]换|换[一个条件双成]|换新)
        (?:exchange|swap|replace|replacement)
    """),
}
COUNT_ZH = re.compile(
    r"(?<![那这第大小码一二两三四五六七八九十\d])([1-9]|[一二两三四五六七八九])(?:件|条|双|个|套|只|包|盒)(?![装码号月洞小口])"
)
COUNT_EN = re.compile(
    r"\b(?:just|only) (one|two|three|four|five|\d)\b"
    r"|\b(one|two|three|four|five|\d) (?:of (?:them|the|these|those)|pieces?|pairs?|items?|packs?)\b"
)
ENGLISH = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def reason_in(said: str) -> str:
    """Return why a piece goes back, empty if it is not said.

    Returns:
        missing, wrong, damaged, quality, small, large, size (which way it does not say), look, or other: no need of it.
    """
    for _, pattern in SHIFTS:  # the wish for the next size is no complaint
        said = pattern.sub(" ", said)
    told = DENIED.sub(" ", said)
    return next((code for code, pattern in REASONS.items() if pattern.search(told)), "")


def wanted_in(said: str) -> str:
    """Return `return` or `exchange` if one is asked for in so many words, the later of the two; else empty."""
    last = {
        wish: max((match.start() for match in pattern.finditer(said)), default=-1) for wish, pattern in BACK.items()
    }
    wish = max(last, key=lambda one: last[one])
    return wish if last[wish] >= 0 else ""


def shift_in(said: str) -> int:
    """Return by how many sizes a larger (above 0) or smaller one is wished for, 0 if neither is."""
    for sign, pattern in SHIFTS:
        if match := pattern.search(said):
            return sign * (2 if TWO & {match["n"], match["m"]} else 1)
    return 0


def condition_in(said: str) -> str:
    """Return washed, worn (tags off counts), unopened or opened; empty if nothing is said of it."""
    return next((code for code, pattern in CONDITIONS.items() if pattern.search(said)), "")


def has_no_photo(said: str) -> bool:
    """Return whether somebody says that there is no picture to send."""
    return NO_PHOTO.search(said) is not None


def only_no_photo(said: str) -> bool:
    """Return whether a message says that there is no picture to send, and next to nothing else."""
    rest = JUST_NOW.sub(" ", NO_PHOTO.sub(" ", said))
    return (
        A_PHOTO.search(said) is not None
        and NO_PHOTO.search(said) is not None
        and sum(character.isalpha() for character in rest) <= MOST_BESIDE
    )


def means_all(said: str) -> bool:
    """Return whether everything is meant."""
    return ALL.search(said) is not None


def count_in(said: str) -> int:
    """Return how many pieces are spoken of, 0 if no number is said."""
    if match := COUNT_ZH.search(said):
        return int(match[1]) if match[1].isdigit() else int(spoken(match[1]))
    if match := COUNT_EN.search(said):
        word = match[1] or match[2]
        return ENGLISH.get(word) or int(word)
    return 0
