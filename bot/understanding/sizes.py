"""Sizes as garments and shoes are labelled. `size` is what shops here write on their own goods: letters, EU and Chinese
numbers, children's heights. `size_label` is any other system, named by its unit, which a chart may turn into one.
"""

from __future__ import annotations

import re

from bot.understanding.entity import ALONE, SAID, Read, Reader, plain, rules

SIZE_NAMES = {"xxxl": "3XL", "2xl": "XXL", "xxxxl": "4XL", "xxxxxl": "5XL", "xxs": "XXS", "2xs": "XXS"}
SHOE_OR_CHILD = r"((?:3[5-9]|4[0-6])(?:\.5)?|[89]0|1[0-7]0)"
NUMBER = r"(\d{1,2}(?:\.5)?)"
SYSTEMS = {
    "uk": "uk",
    "英": "uk",
    "us": "us",
    "美": "us",
    "jp": "jp",
    "ja": "jp",
    "日": "jp",
    "au": "au",
    "法": "fr",
    "fr": "fr",
    "it": "it",
    "意": "it",
}
SEX = r"(?: ?(?:wom[ae]n|men|lad(?:y|ies))(?:'?s)?| ?[女男]士?款?)"
SEXED = rf"{SEX}?"
"""American shoe sizes are women's or men's."""
BEFORE_US = r"size|尺码|wears?|an?|in|码|^|[,，/(]|\bi'?m|\bam|\bis|\bare|foot|feet|shoes?|take"
"""After anything else `us` is a word: `tell us 9 things`."""
SHOE = r"(?:[运跑皮凉帆球][\u4e00-\u9fff]{0,2})?鞋"
FOREIGN_SHOE = r"((?:[3-9]|1[0-3])(?:\.5)?)"
"""British or American: which of them, nobody can tell."""
A_DAY = r"[之以]?[前后]|左右|那天|[早晚上下]|(?:能|会|必须|一定|就)?要?[到发收寄送]"
"""What follows the number of a day: `鞋子要10号之前到`."""
OLDEST_CHILD = 16


def _letters(match: re.Match[str]) -> Read | None:
    return SIZE_NAMES.get(match[1], match[1].upper()), "letter"


def _numbered(match: re.Match[str]) -> Read | None:
    """EU shoes below 50, children's heights above."""
    return match[1], "eu" if float(match[1]) < 50 else "child"


def _one_for_all(_match: re.Match[str]) -> Read | None:
    return "ONE SIZE", "letter"


def _jeans(match: re.Match[str]) -> Read | None:
    return f"W{match[1]} L{match[2]}", "jeans"


def _jeans_waist(match: re.Match[str]) -> Read | None:
    return f"W{match[1]}", "jeans"


def _chinese(match: re.Match[str]) -> Read | None:
    return f"{match[1]}/{match[2]}{match[3].upper()}", "cn"


def _bra(match: re.Match[str]) -> Read | None:
    return f"{match[1]}{match[2].upper()}", "bra"


def _in_system(number: str, system: str) -> Reader:
    return lambda match: (match[number], SYSTEMS[match[system][:2]])


def _age(match: re.Match[str]) -> Read | None:
    years = [int(said) for said in match.groups() if said]
    return ("-".join(map(str, years)) + "Y", "age") if max(years) <= OLDEST_CHILD else None


def _toddler(match: re.Match[str]) -> Read | None:
    return f"{match[1]}T", "age"


def _months(match: re.Match[str]) -> Read | None:
    return f"{match[1]}-{match[2]}M", "age"


LABELS = rules(
    ("size_label", r"(?<!\d)(1[0-9]\d|[89]\d)/(\d{2,3})([abcy])(?![a-z0-9])", _chinese),
    ("size_label", r"(?<!\d)((?:9|1[0-4])0/(?:48|52|56|60|64|68))(?![\d.]| ?(?:斤|公斤|kg|lb|cm))", plain("cn")),
    ("size_label", r"(?<![a-z0-9])w ?(\d{2})[ /x,-]{0,2}l ?(\d{2})(?!\d)", _jeans),
    ("size_label", r"(?<![a-z0-9])w ?(2[3-9]|3\d|4[0-8])(?![\d.])", _jeans_waist),
    ("size_label", r"(?<![\d.])(2[4-9]|3[0-4]) ?码", _jeans_waist),
    ("size_label", r"穿(2[4-9]|3[0-8])的?(?:牛仔|休闲|西)?裤", _jeans_waist),
    ("size_label", rf"(?<![a-z0-9])(?P<s>uk|jp|au)(?: ?size)? ?(?P<n>{NUMBER})(?![\d.])", _in_system("n", "s")),
    ("size_label", rf"(?<![a-z0-9])(?P<s>us)(?:{SEX} ?)?(?: ?size ?)?(?P<n>{NUMBER})(?![\d.])", _in_system("n", "s")),
    (
        "size_label",
        rf"(?:{BEFORE_US}) ?(?P<s>us){SEXED} (?P<n>{NUMBER})(?![\d.])",
        _in_system("n", "s"),
    ),
    (
        "size_label",
        rf"(?<![\d.])(?P<n>{NUMBER}) in (?P<s>uk|us|au)(?: (?:shoes?|sizes?|sizing|dress sizes?))",
        _in_system("n", "s"),
    ),
    (
        "size_label",
        rf"(?<![a-z])(?P<s>italian|french|japanese)(?: size)? (?P<n>{NUMBER})(?![\d.])",
        _in_system("n", "s"),
    ),
    (
        "size_label",
        rf"(?P<s>[英美日法意])(?:国|本|大利)?码?{SEXED} ?(?P<n>{NUMBER})(?: ?码|(?![\d.元块]))",
        _in_system("n", "s"),
    ),
    ("foot", r"(?<!\d)(2[1-9][05]) ?码", plain("mm")),
    ("size_label", rf"(?<![\d.]){FOREIGN_SHOE} ?[码号](?=的?{SHOE})", plain()),
    (
        "size_label",
        rf"(?:鞋子?|脚)(?:码|一般|平时|都|是|穿|要|的)*{FOREIGN_SHOE} ?(?:码(?![能会]?[到发收])|号(?!{A_DAY}))",
        plain(),
    ),
    ("size_label", rf"(?<![\d.])(?P<n>{NUMBER}) ?(?P<s>uk|us|jp)(?![a-z])", _in_system("n", "s")),
    ("size_label", r"(?<![\d.-])(\d{1,2})(?:-(\d{1,2}))? ?(?:yo?|yrs?(?: old)?|years? old|周?岁)(?![a-z])", _age),
    ("size_label", r"(?<![a-z\d.-])([1-6])t(?![a-z恤])", _toddler),
    ("size_label", r"(?<![\d.-])(\d{1,2})-(\d{1,2}) ?(?:m|months?|个月)(?![a-z])", _months),
    ("size", r"(?<!\d)(3[5-9]-(?:3[89]|4[0-2])|39-42|43-46) ?码?(?!\d)", plain("eu")),
    ("size", rf"(?<!\d){SHOE_OR_CHILD} ?码", _numbered),
    ("size", rf"(?:\bsize|\beu|欧码) ?{SHOE_OR_CHILD}(?![\d.])", _numbered),
    (
        "size_label",
        rf"(?<!\d)(?<!\d )(?:foot|feet)(?: is| are| size)* {FOREIGN_SHOE}(?!\.?\d| ?(?:cm|in\b|inch|\"|uk\b|us\b))",
        plain(),
    ),
    ("size_label", r"\bsize ?((?:[2-9]|1\d|2[0-8])(?:\.5)?)(?!\.?\d)", plain()),
    ("size_label", r"均码|free size|one size(?: fits all)?|\bf码", _one_for_all),
)
BRAS = rules(
    ("size_label", r"(?<![a-z0-9.])(3[0-8]|[6-9][05]|1[01][05])(aa|dd|[a-f])(?:杯|罩杯| cup)?(?![a-z0-9])", _bra),
    confidence=ALONE,
)
LETTERS = rules(
    (
        "size",
        r"(?<![a-z]\.)(?<![a-z0-9'&])(x{1,5}l|[2-5]xl|x{1,2}s|2xs|s|m|l)(?:码|号| size)?(?![a-z0-9'&])(?!\.[a-z]\b)",
        _letters,
    ),
    confidence=SAID,
)
