"""Brings what customers type into one form: width, case, traditional to simplified, digits; and tells the language."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

from bot.understanding.lexicon import generalised

OUT_OF_SCOPE = "oos"
"""Labels what fits nothing that the bot knows."""
REFUSALS = frozenset({"must_not_answer", "crisis"})
"""Labels of what a shop's bot refuses."""
CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
LATIN_WORD = re.compile(r"[a-z0-9à-ÿ']+")
TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]+|[a-z0-9à-ÿ']+")
LONG_NUMBER = re.compile(r"\d{2,}")
FILLER = re.compile(r"^(?:亲亲?|你好|您好|hi|hello|hey|请问|請問)[,，!！~～\s]+(?=\S)", re.IGNORECASE)


SLIPS = {  # what an input method makes of the sound of a word; as many signs as are meant
    "发票": re.compile(r"(?:(?<=[开要补张])|(?<=电子)|^)发[漂飘](?![亮白染洗逸扬窗流色过了])"),
    "退货": re.compile(r"(?<![兑交撤])退[伙获](?![得取奖胜食伴计])"),
    "换货": re.compile(r"(?<![兑交撤])换[伙获](?![得取奖胜食伴计])"),
    "快递": re.compile(r"快弟(?!弟)"),
    "优惠券": re.compile(r"优[惠会慧](?:卷(?![发尺筒帘])|劵)|优[会慧]券"),
}
"""Words of a shop that are typed by their sound alone."""


@cache
def _converter() -> Any:
    from opencc import OpenCC  # reads its dictionaries: only when first needed

    return OpenCC("t2s")


def simplified(text: str) -> str:
    """Return `text` with traditional Chinese characters replaced by simplified ones."""
    return str(_converter().convert(text)) if CJK.search(text) else text


def normal(text: str) -> str:
    """Return `text` in the form that is compared: NFKC, lower case, simplified, single blanks."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(_without_slips(simplified(folded)).split())


def _without_slips(text: str) -> str:
    for meant, slip in SLIPS.items() if CJK.search(text) else ():
        text = slip.sub(meant, text)
    return text


def letters(text: str) -> str:
    """Return the letters and digits of a text: `Where's my order?!` is `wheresmyorder`."""
    return re.sub(r"[^\w]", "", normal(text))


def comparable(text: str) -> str:
    """Return `normal(text)` without a greeting in front, and with longer numbers, garments and colours made alike."""
    return LONG_NUMBER.sub("00", generalised(FILLER.sub("", normal(text))))


OF_NO_LANGUAGE = frozenset(
    {"cm", "mm", "kg", "kgs", "lb", "lbs", "ft", "in", "xs", "xl", "xxl", "xxxl", "eu", "uk", "us", "ok", "sf", "zto"}
)
"""Units, sizes and the like: people write them in every language."""


ADDRESS = re.compile(r"https?://[^\s\u3400-\u9fff]{1,300}|[\w.+-]{1,64}@[\w.-]{1,80}", re.ASCII)
"""An address of the net is of no language."""


def language_of(text: str, default: str) -> str:
    """Return `zh` or `en` by script; `default` where the text has neither (emoji, numbers, order numbers)."""
    if CJK.search(text):
        return "zh"
    words = [
        word
        for word in LATIN_WORD.findall(ADDRESS.sub(" ", text.casefold()))
        if word.isalpha() and word not in OF_NO_LANGUAGE
    ]
    return "en" if len(words) >= 2 or any(len(word) > 2 for word in words) else default
