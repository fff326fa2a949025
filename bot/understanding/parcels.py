"""Numbers of parcels, with the carrier whose form they have; check digits are checked where a public rule has them."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.understanding.entity import ALONE, CHECKED, SAID, Read, Reader, Rule, rules

CARRIERS = {  # carrier → what customers call it
    "SF": "顺丰|sf express|sf",
    "ZTO": "中通|zto",
    "YTO": "圆通|yto",
    "STO": "申通|sto",
    "Yunda": "韵达|yunda",
    "JD": "京东|jd",
    "JT": "极兔|j&t",
    "Deppon": "德邦|deppon",
    "EMS": "ems|邮政|china post",
    "DHL": "dhl",
    "UPS": "ups",
    "FedEx": "fedex|联邦",
    "USPS": "usps",
}
CARRIER = re.compile("|".join(f"(?P<{carrier}>(?<![a-z])(?:{words})(?![a-z]))" for carrier, words in CARRIERS.items()))
POSTS = {"CN": "EMS", "US": "USPS", "GB": "Royal Mail", "DE": "DHL", "HK": "Hongkong Post", "SG": "SingPost"}


def _s10_is_right(number: str) -> bool:
    """Return whether the ninth digit of an international postal number (UPU S10) checks the eight before it."""
    digits = [int(sign) for sign in number[2:11]]
    check = 11 - sum(w * d for w, d in zip((8, 6, 4, 2, 3, 5, 9, 7), digits, strict=False)) % 11
    return digits[8] == {10: 0, 11: 5}.get(check, check)


def _tens_are_right(digits: str) -> bool:
    """Return whether the last digit makes threefold odd places (from the right) and even places a full ten."""
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits))) % 10 == 0


def _ups_is_right(number: str) -> bool:
    values = [int(sign) if sign.isdigit() else (ord(sign) - 63) % 10 for sign in number[2:].upper()]
    return (10 - (sum(values[:-1][0::2]) + 2 * sum(values[:-1][1::2])) % 10) % 10 == values[-1]


def _fedex_is_right(number: str) -> bool:
    return sum(w * int(d) for w, d in zip((3, 1, 7) * 4, number[:11], strict=False)) % 11 % 10 == int(number[11])


def _of(carrier: str, is_right: Callable[[str], bool] | None = None) -> Reader:
    """Return a reader of one carrier's numbers; blanks within them go."""

    def read(match: re.Match[str]) -> Read | None:
        number = re.sub(r"[ -]", "", match[1]).upper()
        return (number, carrier) if is_right is None or is_right(number) else None

    return read


def _post(match: re.Match[str]) -> Read | None:
    number = match[1].replace(" ", "").upper()
    return (number, POSTS.get(number[-2:], "post")) if _s10_is_right(number) else None


def _named(match: re.Match[str]) -> Read | None:
    """A number that is a parcel's because the carrier, or the word for it, stands in front."""
    carrier = CARRIER.search(match[0])
    number = match["number"].replace("-", "").upper()
    return number, (carrier.lastgroup or "") if carrier else ""


NO_LETTER = r"(?<![a-z0-9])"
END = r"(?![a-z0-9])"
_WORDS = "|".join(CARRIERS.values())
_BETWEEN = r"(?:快递|express|的|单号|运单|number|no\.?|is|是|为|[ :#,，：]){0,4}"
_CUES = r"(?:快递|物流|运)单?号?|(?<!订)单号|tracking(?: number| no\.?| code| #|#)?|parcel(?: number)?|waybill"


def _rows(*rows: tuple[str, Reader]) -> tuple[tuple[str, str, Reader], ...]:
    return tuple(("parcel", rf"{NO_LETTER}({form}){END}", read) for form, read in rows)


RULES: tuple[Rule, ...] = (
    *rules(
        *_rows(
            (r"[a-z]{2} ?\d{3} ?\d{3} ?\d{3} ?[a-z]{2}", _post),
            (r"1z ?[a-z0-9]{16}", _of("UPS", _ups_is_right)),
            (r"9[1-5]\d{2}(?: ?\d{4}){4} ?\d{2}", _of("USPS", _tens_are_right)),
        ),
        confidence=CHECKED,
    ),
    *rules(
        *_rows(
            (r"sf ?\d{12,13}", _of("SF")),
            (r"yt ?\d{13}", _of("YTO")),
            (r"jd[a-z]{0,2}\d{10,14}(?:-\d{1,2}-\d{1,2}-?)?", _of("JD")),
            (r"jt ?\d{13}", _of("JT")),
            (r"dpk ?\d{12}", _of("Deppon")),
            (r"jj?d\d{16,18}", _of("DHL")),
        ),
        confidence=SAID,
    ),
    *rules(
        (
            "parcel",
            rf"(?<![a-z])(?:{_WORDS}|{_CUES}){_BETWEEN}{NO_LETTER}(?P<number>[a-z]{{0,4}}\d{{8,20}}[a-z]{{0,2}}){END}",
            _named,
        ),
        confidence=SAID,
    ),
    *rules(
        *_rows(
            (r"77\d{13}", _of("STO")),
            (r"7[35-9]\d{12}", _of("ZTO")),
            (r"4[36]\d{11,13}|31\d{11}", _of("Yunda")),
            (r"(?:1[0-2]|9[89])\d{11}", _of("EMS")),
            (r"\d{4} ?\d{4} ?\d{4}", _of("FedEx", _fedex_is_right)),
        ),
        confidence=ALONE,
    ),
)
GATE = re.compile(r"\d{8}|1z|\d{3} ?\d{3} ?\d{3} ?[a-z]{2}|\d{4} \d{4}", re.ASCII)
