"""What a message wants of a return or an exchange, by its own words: to open it, to call it off, to ask beside it."""

from __future__ import annotations

import re

from bot.shop.port import CaseKind
from bot.skills import cases, will
from bot.skills.asking import NAME
from bot.skills.choices import is_question
from bot.skills.draft import CANCEL, EXCHANGE, RETURN, STATUS, WISHES, draft_of
from bot.skills.hearing import ALONE
from bot.skills.hearing import FAULTS as FAULTS_TOLD
from bot.skills.turn import Turn
from bot.understanding.entities import without
from bot.understanding.reasons import wanted_in
from bot.understanding.text import normal

CALLS_OFF = re.compile(
    r"(?:取消|撤[销銷回掉])[^,，。;；!！?？]{0,5}(?:退[货貨换換款]|[换換][货貨]|售后|售後)|(?:退[货貨款]|[换換][货貨])(?:申请|申請)?(?:取消|撤)"
    r"|\b(?:cancel|withdraw|call off)(?: (?:the|my|this|that|a))? (?:[a-z]+ )?(?:return|exchange|swap)\b"
)
OPENS = re.compile(
    r"(?:(?:hi|hello|please|pls|i want to|i'd like to|i need to|can i|帮我|我要|我想|想要?|要|请)[,， ]*)*"
    r"(return|exchange|swap|send back|退|换)(?! (?:address|label|policy|shipping|status|window))(?![款到差押订])"
)
"""A message that begins with the wish itself."""
SOUNDS_LIKE = frozenset({RETURN, EXCHANGE, "returns-partial", *ALONE})
"""What clauses of a message sound like that sends back some pieces and says why."""
LEADING = re.compile(r"^[\W\d_]+")
OF_OTHERS = re.compile(
    r"(?:别人|別人|人家|他人|有人)[^,，。]{0,3}退[^,，。]{0,3}"
    r"|\b(?:somebody|someone|another (?:customer|buyer|person))(?: else)?(?:'s| has| must have)? returned?\b"
)
"""A piece that comes from somebody else's return."""
WANTS_MONEY = re.compile(
    r"(?:要|直接|就|申请|申請|[给給]我|[帮幫]我|那)退[款钱錢]|退[款钱錢]吧"
    r"|\b(?:want|just|then|rather|please|like) (?:a |the |my |to be |you to )?(?:full )?(?:refund(?:ed)?|money back)\b"
    r"|\brefund me\b|\bgive me (?:my |the )?money back\b"
)
UNSURE_OF_MONEY = (STATUS, RETURN)
"""What a wish for the money back looks like."""
OF_A_PRICE = re.compile(r"差[价價]|定金|订金|押金|运费|運費|\b(?:difference|deposit|shipping|postage)\b")
"""Money that is not paid for a piece."""
PROGRESS = re.compile(
    r"进度|進度|到[账帳]|多久|哪|[什甚]么时候|几时|了[吗嗎没沒]|多少|怎|还没|還沒|\b(?:where|when|how|status|yet|still|long)\b"
)
UNWANTED = re.compile(
    r"(?:^|[,，。 我那就])(?:不(?:想|要|用|需要|打算)再?|别)(?:申请|办|给我)?退|我不退"
    r"|\bi (?:really |just |actually )*(?:do ?n['’]?o?t|no longer) (?:really )?(?:want|need|wish)\b"
    r".{0,20}\b(?:refund|return|money back)"
    r"|\bno refund,? (?:please|needed|thanks)\b"
)
"""No money back is wished for; `you won't refund me` is a complaint."""
NEXT_SIZE = re.compile(
    r"[换換]|(?:另|别的|别|其他)(?:一个|外)?的?(?:尺码|码|颜色|款)"
    r"|\b(?:another|different|other|larger|smaller|bigger) (?:size|colou?r|one)\b|\ba new one\b"
)
"""What is wanted in place of the money."""
MONEY_COMES = re.compile(
    r"(?:多久|多少天|几天|[什甚]么时候|几时|啥时候?)[^,，。]{0,8}(?:到[账帳]|退[到回款给]|到[^,，。]{0,6}(?:卡|账户|支付宝|微信|钱包)|收到[钱款])"
    r"|(?:钱|款)[^,，。]{0,6}(?:多久|几天|[什甚]么时候|几时)"
    r"|\b(?:how (?:long|many days|soon)|when)\b.{0,40}\b(?:bank|account|card|money|refund|paypal|wallet)\b"
)
FREIGHT = re.compile(
    r"(?:邮费|运费|快递费|郵費|運費)[^,，。]{0,6}(?:谁|誰|我|自己|自理|你们|要[出付钱]|包|免)|(?:谁|誰|我|自己|你们)[^,，。]{0,6}(?:邮费|运费|快递费|郵費|運費)"
    r"|\b(?:postage|shipping|freight)\b.{0,20}\b(?:pay|free|me|mine|myself)\b"
    r"|\b(?:pay|pays|cover|covers)\b.{0,30}\b(?:postage|shipping|freight|return label|courier|delivery)\b"
    r"|\bhow much is (?:the )?return (?:postage|shipping)\b"
)
"""Asks who pays for the way back; `how much is shipping?` asks what delivery costs."""
PICKUP = re.compile(
    r"上[门門]|取件|来[取拿收]|派人"
    r"|\b(?:pick(?:ed)?|collect(?:ed)?)\b.{0,12}\b(?:up|it|them|from)\b|\bcollect(?:ion)?\b|\bpick-?up\b"
)
WHERE_TO = re.compile(
    r"^(?:那|请问)?(?:退货|换货|寄回|收货|收件|你们的?)?的?地址(?:呢|是[什甚]么|是哪|在哪|多少|给我|发我|发一下)?[呢啊呀吗?？。]*$"
    r"|寄[到去回]?[^,，。]{0,3}(?:哪|什么地[方址])"
    r"|^(?:and |so )?(?:what'?s|what is|the|your|return)? ?(?:the |your |return )*address(?: please)?[?.]*$"
    r"|\bwhere (?:do|should|shall|can|must|will|to)\b.{0,12}\b(?:send|post|ship|return|mail)\b"
)


def settles(turn: Turn) -> str:
    """Return the wish of a message that says in so many words what of a case is wanted."""
    said = normal(turn.text)
    if not turn.choice and turn.state.skill in ("", NAME) and CALLS_OFF.search(said) and not will.denies(said, CANCEL):
        return CANCEL
    if turn.choice or turn.state.skill not in ("", NAME):
        return ""
    if beside := _asked_beside(turn):
        return beside
    best = turn.meaning.best
    likeliest = turn.meaning.ranked[0][0] if turn.meaning.ranked else ""
    parts = {label for label, _ in turn.meaning.parts}
    wanted = wanted_in(said)
    if (
        not turn.state.skill
        and EXCHANGE in parts
        and parts <= SOUNDS_LIKE
        and wanted
        and not will.denies(said, f"{wanted}_request")
    ):
        return f"{wanted}_request"  # what is wrong with a piece sounds like the other wish
    if not turn.state.skill and _asks_for_money(said) and (likeliest in UNSURE_OF_MONEY or not best):
        return RETURN
    if not turn.state.skill and is_unwanted(said) and NEXT_SIZE.search(said) and not is_question(said):
        return EXCHANGE
    if not turn.state.skill and cases.parcel_in(turn) and cases.open_ones(turn):
        return STATUS
    if cases.named(turn) and (not best or best in WISHES) and not will.denies(said, CANCEL):
        return best or STATUS
    told = LEADING.sub("", without("order", said, turn.meaning.entities))
    if not turn.state.skill and turn.meaning.value("order") and OPENS.match(told):
        return EXCHANGE if cases.KINDS[CaseKind.EXCHANGE].search(told) else RETURN
    return _asks_back(turn)


def is_unwanted(said: str) -> bool:
    """Return whether somebody says (normal form) that they want no money back and send nothing back.

    Who sends nothing back and wants the money says another thing: `不用退货，直接给我退款吧`.
    """
    return UNWANTED.search(said) is not None and will.denies(said, RETURN) and not wants_money(said)


def wants_money(said: str) -> bool:
    """Return whether the money is wanted in so many words (normal form), whatever is denied beside it."""
    return WANTS_MONEY.search(will.without_denied(said, RETURN)) is not None


def _asks_for_money(said: str) -> bool:
    """Return whether the money for a piece is asked for in so many words, and not how far it is."""
    return wants_money(said) and not (PROGRESS.search(said) or OF_A_PRICE.search(said) or is_question(said))


def _asks_back(turn: Turn) -> str:
    """Return the wish of someone who asks for a return or an exchange in so many words, and says more than that.

    Beside an order number it is meant, whatever rule the rest sounds like; a fault beside it is its reason.
    """
    said, best = OF_OTHERS.sub(" ", normal(turn.text)), turn.meaning.best
    wanted = "" if turn.state.skill or turn.choice or is_question(turn.text) else wanted_in(said)
    if not wanted:
        return ""
    likeliest = turn.meaning.ranked[0][0] if turn.meaning.ranked else ""
    told = {label for label, _ in (*turn.meaning.ranked[:1], *turn.meaning.parts)}
    unsettled = not best or best in FAULTS_TOLD or (best, turn.language) in turn.knowledge.entries
    meant = turn.meaning.value("order") is not None and unsettled
    label = likeliest if likeliest in WISHES else f"{wanted}_request"
    beside = (
        best in dict(turn.meaning.alone) and best not in WISHES and (best, turn.language) not in turn.knowledge.entries
    )
    return label if meant or beside or told & FAULTS_TOLD else ""


def _asked_beside(turn: Turn) -> str:
    """Return the entry that answers a question asked while a return or an exchange is talked over.

    The same words mean something else outside of one: the postage of an order, the address of a customer.
    """
    said = normal(turn.text)
    if turn.state.skill != NAME or turn.meaning.value("order") or turn.meaning.parts or turn.meaning.best in WISHES:
        return ""
    exchange = draft_of(turn.state.slots).is_exchange
    if WHERE_TO.search(said):
        return "returns-address"
    if not is_question(turn.text):
        return ""
    if MONEY_COMES.search(said):
        return "refund-time"
    if FREIGHT.search(said):
        return "exchange-freight" if exchange else "returns-freight"
    return "returns-pickup" if PICKUP.search(said) else ""
