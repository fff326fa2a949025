"""What an invoice is made out to: a person or a company, its title, its tax id, and where it is sent."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from stdnum.cn import uscc
from stdnum.eu import vat as eu_vat
from stdnum.gb import vat as gb_vat

EMAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}", re.ASCII)
CHINESE_ID = re.compile(r"(?<![\dA-Z])[\dA-Z](?:[ -]?[\dA-Z]){17}(?![\dA-Z])")
"""统一社会信用代码: 18 signs (GB 32100-2015)."""
VAT_ID = re.compile(
    r"(?<![\dA-Z])(?:AT|BE|BG|CY|CZ|DE|DK|EE|EL|GR|ES|EU|FI|FR|GB|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK|XI)"
    r"[ -]?(?=[\dA-Z. -]*\d{3})[\dA-Z](?:[ .-]?[\dA-Z]){6,11}(?![\dA-Z])"
)
LIKE_AN_ID = re.compile(r"(?<![\dA-Z@.])(?=[A-Z]*\d)(?=(?:[A-Z]*\d){6})[\dA-Z]{8,22}(?![\dA-Z@])")
COMPANY = re.compile(r"公司|单位|企业|\bcompany|\bbusiness|\bcorporate|\bfirm\b|\bemployer", re.IGNORECASE)
PERSON = re.compile(r"个人|私人|本人|自己|\bpersonal|\bprivate|\bindividual|\bmyself\b|\bmy own name", re.IGNORECASE)
NO_ID = re.compile(
    r"没有?(?:税号|信用代码)|税号没有|不知道税号|(?:no|don't have an?|without an?|haven't got an?) (?:tax|vat)",
    re.IGNORECASE,
)
_END_ZH = (
    r"有限责任公司|股份有限公司|有限公司|公司|集团|事务所|大学|学院|学校|中学|小学|医院|研究院|研究所|中心|厂|工作室|合作社"
    r"|协会|银行|商行|经营部"
)
COMPANY_ZH = re.compile(rf"[\u3400-\u9fff()A-Za-z\d·]{{2,40}}?(?:{_END_ZH})(?:[\u3400-\u9fff]{{1,10}}分公司)?")
COMPANY_EN = re.compile(
    r"\b[A-Z\d][\w&.'-]*(?:,? (?:[A-Z\d&][\w&.'-]*|and|of))*,? "
    r"(?:Ltd|Limited|Inc|LLC|LLP|GmbH|Co|Company|Corp|Corporation|PLC|AG|SA|SARL|BV|SpA|KG)\b\.?",
)
TOLD = re.compile(
    r"(?:抬[头頭]|公司名称?|单位名称?|开票名称|名称|全称)(?:名称)?(?:就|请|写|寫|是|为|填|叫|改|成|换|[:\s])*(?P<zh>[^,;。:\n]{2,80})"
    r"|\b(?:made out to|in the name of|(?:the )?title(?: is| should be)?|(?:company|business) name(?: is)?|billed? to|"
    r"name(?: is| on it|(?=:| (?-i:[A-Z]))))[: ]+(?P<en>[^,;:\n]{2,80})",
    re.IGNORECASE,
)
LEAD = re.compile(
    r"^(?:给(?=[\u3400-\u9fff]{4})|我们?|咱们?|公司|单位|发票|抬[头頭]|名称|全称|个人|是|为|写|叫|开给|开成|开到|开票|帮我|给我|麻烦|想|需要|要|请|改成|改为|换成|用"
    r"|不对|错了|应该|[,:\s.、。]"
    r"|(?:please|use|to|it's|its|it is|the|is|no|not|sorry|actually|make it|change it to|for)\b)+(?=.{2})",
    re.IGNORECASE,
)
TRAIL = re.compile(
    r"(?:的|吧|哦|谢谢|就行|就好|可以|税号|邮箱|[,:;\s.!。!]"
    r"|(?:and|please|thanks|thank you|with|tax id|vat|email)\b)+$",
    re.IGNORECASE,
)
NO_TITLE = re.compile(
    r"发票|發票|抬[头頭]|可以|怎么|什么|能开|吗|税号|邮箱|^公司名[称稱字]?$|\binvoice"
    r"|^(?:my|our|the) (?:company|employer|firm|business|boss|office|work)\b|\?|？",
    re.IGNORECASE,
)
"""Words about a title."""
FAULTY = re.compile(
    r"[错錯漏]|少了|多了|不[对對]|\b(?:rather than|instead of|as an?|wrong|missing|misspelt|misspelled)\b",
    re.IGNORECASE,
)
"""Words about what is wrong with it."""
FAULTY_COMPANY = re.compile(r"[写寫填打开開弄搞印][错錯漏]|[错錯漏][了的]|少了|多了|不[对對](?![称稱])")
"""The same where the words end as the name of a company does: of `漏斗` and `Missing Link` nothing is wrong."""
ONLY_KIND = re.compile(
    r"(?:还是|改|换|成|开给?|要|算了|那就?|给|用|写|我们?|吧|公司|单位|企业|个人|私人|的|抬头|发票|[,。.!\s])+"
    r"|(?:no|actually|make it|a|an|for|my|me|us|it's|the|to|rather|company|business|personal|private|one|instead"
    r"|please|[,.!\s])+",
    re.IGNORECASE,
)
"""Says for whom it is, and no name."""
ALONE = re.compile(
    r"(?:抬头|开给?|给|是|为)?(?:个人|私人|公司|单位|企业)(?:的|抬头|发票)?"
    r"|(?:a |for a |as a )?(?:personal|private|company|business|individual)(?: person| invoice| title)?",
    re.IGNORECASE,
)
"""For whom it is, as one item of a list."""
NAME = re.compile(r"[\u3400-\u9fff·]{2,12}|[A-Z][\w'.-]*(?: [A-Z][\w'.-]*){1,3}")
"""A person's, as it is written."""
LEADS_THERE = re.compile(r"[发發寄送邮郵给給到至]|\b(?:e-?mail|mail|send|to|at)\b", re.IGNORECASE)
"""Words that lead to an address, and are no name."""
GENERIC = ("公司", "单位", "企业", "个人", "company", "person", "personal")


@dataclass(frozen=True, slots=True)
class Billing:
    """What a message says of an invoice; empty where it says nothing.

    Attributes:
        kind: person | company.
        title: whom it is made out to, as it was written.
        tax_id: 统一社会信用代码 or a VAT id whose check digits are right, without blanks.
        bad_tax_id: what was meant as a tax id and is none.
        has_none: there is no tax id, or they do not know it.
    """

    kind: str = ""
    title: str = ""
    tax_id: str = ""
    bad_tax_id: str = ""
    has_none: bool = False
    email: str = ""

    def __bool__(self) -> bool:
        return self != Billing()


def billing_in(text: str, *, asked: str = "") -> Billing:
    """Return what `text` says of an invoice.

    Args:
        asked: `title` or `tax` if that was asked for: then words without a mark of their own count as well.
    """
    said = unicodedata.normalize("NFKC", text).strip()
    email = EMAIL.search(said)
    left = EMAIL.sub("\n", said)
    tax_id, bad, left = _tax_id(left, asked == "tax")
    title = (
        _title(left)
        or (_bare(left) if asked == "title" and not ONLY_KIND.fullmatch(left) else "")
        or (_listed(_tax_id(said, asked == "tax")[2]) if email or tax_id else "")
    )
    kind = "company" if tax_id or COMPANY_ZH.fullmatch(title) or COMPANY_EN.fullmatch(title) else _kind(left)
    return Billing(kind, title, tax_id, bad, bool(NO_ID.search(said)), email[0] if email else "")


def _kind(said: str) -> str:
    if PERSON.search(said):
        return "person"
    return "company" if COMPANY.search(said) else ""


def _tax_id(said: str, asked: bool) -> tuple[str, str, str]:
    """Return the tax id, else what was meant as one, and `said` without it."""
    capitals = said.upper() if len(said.upper()) == len(said) else said
    for pattern in (CHINESE_ID, VAT_ID):
        for match in pattern.finditer(capitals):
            if valid := _valid(match[0]):
                return valid, "", said[: match.start()] + "\n" + said[match.end() :]
    meant = LIKE_AN_ID.search(capitals) if asked or re.search(r"税号|信用代码|\bTAX\b|\bVAT\b", capitals) else None
    meant = meant or VAT_ID.search(capitals)
    meant = meant or next((m for m in LIKE_AN_ID.finditer(capitals) if len(m[0]) in (15, 17, 18, 19, 20)), None)
    if meant is None:
        return "", "", said
    return "", meant[0], said[: meant.start()] + "\n" + said[meant.end() :]


def _valid(said: str) -> str:
    for kind in (uscc, eu_vat, gb_vat):
        if kind.is_valid(said):
            return str(kind.compact(said)) if kind is not gb_vat else f"GB{kind.compact(said)}"
    return ""


def _title(left: str) -> str:
    told = TOLD.search(left)
    if told and (title := _bare(told["zh"] or told["en"])):
        return title
    for line in left.split("\n"):
        found = COMPANY_ZH.search(LEAD.sub("", line)) or COMPANY_EN.search(line)
        if found and len(found[0]) > 4 and not (_is_about(found[0]) or ONLY_KIND.fullmatch(found[0])):
            return found[0]
    return ""


def _listed(said: str) -> str:
    """Return the name in a list of what an invoice needs: `个人，林悦，邮箱 …`. The kind, alone, tells a list.

    What stands with an address in one item leads to it: `麻烦发到 …`.
    """
    items = [item for item in re.split(r"[\n,;，；、]", said) if not EMAIL.search(item)]
    parts = [part for item in items if (part := TRAIL.sub("", item.strip()))]
    parts += [part for item in re.split(r"[\n,;，；、]", said) if EMAIL.search(item) for part in _beside_address(item)]
    kinds = [part for part in parts if ALONE.fullmatch(part)]
    names = [name for part in parts if part not in kinds and (name := _bare(part))]
    return names[0] if kinds and len(names) == 1 else ""


def _beside_address(item: str) -> list[str]:
    """Return kind and name where they stand before an address in one item: `个人 林悦 a@b.cn`, `Lin Yue a@b.cn`."""
    rest = EMAIL.split(item)[0].strip()
    led = re.match(rf"({ALONE.pattern})\s+", rest, re.IGNORECASE)
    name = rest[led.end() :] if led else rest
    return ([led[1]] if led else []) + ([name] if _is_name(name) else [])


def _is_name(said: str) -> bool:
    return NAME.fullmatch(said) is not None and not LEADS_THERE.search(said) and _bare(said) == said


def _bare(said: str) -> str:
    """Return the longest line of `said` without the words around a name; empty if it is no name."""
    lines = (TRAIL.sub("", LEAD.sub("", line.strip())).strip() for line in re.split(r"[\n,;，；]", said))
    name = max(lines, key=len, default="")
    letters = sum(sign.isalpha() for sign in name)
    named = letters >= 2 and len(name) <= 80 and not _is_about(name) and name not in GENERIC
    return name if named else ""


def _is_about(said: str) -> bool:
    """Return whether words are about a title, or what is wrong with it, and so are none."""
    company = COMPANY_ZH.fullmatch(said) or COMPANY_EN.fullmatch(said)
    return bool(NO_TITLE.search(said) or (FAULTY_COMPANY if company else FAULTY).search(said))
