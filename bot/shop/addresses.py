"""Splits an address that a customer wrote in one go. What cannot be split for certain is left to people. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_POSTCODES = {
    "US": r"\d{5}(?:-\d{4})?",
    "CA": r"[A-Z]\d[A-Z][ -]?\d[A-Z]\d",
    "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "AU": r"\d{4}",
    **dict.fromkeys(("DE", "FR", "IT", "ES"), r"\d{5}"),
    **dict.fromkeys(("AT", "CH", "BE", "DK"), r"\d{4}"),
    "NL": r"\d{4} ?[A-Z]{2}",
}
"""Postcodes of the countries whose addresses are split by them."""
_WITH_REGION = ("US", "CA", "AU")
_MAINLAND = re.compile(
    r"(?P<region>(?:北京|上海|天津|重庆)市?|[\u4e00-\u9fff]{2,3}省|(?:内蒙古|广西|西藏|宁夏|新疆)[\u4e00-\u9fff]{0,4}自治区)\s*"
    r"(?P<city>[\u4e00-\u9fff]{2,9}?(?:自治州|地区|盟|市))?\s*(?P<line>.+)",
    re.DOTALL,
)
_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")


_PROVINCES = {
    "安徽": "AH", "北京": "BJ", "重庆": "CQ", "福建": "FJ", "甘肃": "GS", "广东": "GD", "广西": "GX", "贵州": "GZ",
    "海南": "HI", "河北": "HE", "河南": "HA", "黑龙江": "HL", "湖北": "HB", "湖南": "HN", "吉林": "JL", "江苏": "JS",
    "江西": "JX", "辽宁": "LN", "内蒙古": "NM", "宁夏": "NX", "青海": "QH", "陕西": "SN", "山东": "SD", "上海": "SH",
    "山西": "SX", "四川": "SC", "天津": "TJ", "新疆": "XJ", "西藏": "XZ", "云南": "YN", "浙江": "ZJ",
}  # fmt: skip


def region_code(region: str, country: str) -> str:
    """Return the code of a region within its country (ISO 3166-2); states of elsewhere are written as codes already."""
    if country != "CN":
        return region
    return next((code for name, code in _PROVINCES.items() if region.startswith(name)), "")


@dataclass(frozen=True, slots=True)
class Address:
    """Parts of an address; `region` (province, state) and `postcode` are empty where they are not used."""

    line: str
    city: str
    region: str
    postcode: str


def split_address(text: str, country: str) -> Address | None:
    """Return the parts of an address in `country` (ISO 3166-1 alpha-2), or None if it is not certain which is which."""
    if country == "CN":
        return _mainland(text)
    pattern = _POSTCODES.get(country)
    return None if pattern is None else _by_postcode(text, country, pattern)


def _mainland(text: str) -> Address | None:
    found = _MAINLAND.search(text)
    if found is None:
        return None
    region = found["region"]
    is_municipality = region.startswith(_MUNICIPALITIES)
    city = region if is_municipality else found["city"]
    postcode = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    line = (found["city"] or "" if is_municipality else "") + found["line"]
    # Name and telephone, wherever they stand, are part of what the carrier reads.
    before = text[: found.start()].strip(" ,，;；。\n")
    line = " ".join(f"{line} {before}".replace(postcode[0] if postcode else "\0", " ").split()).strip(" ,，")
    return Address(line, city, region, postcode[0] if postcode else "") if city and len(line) >= 4 else None


def _by_postcode(text: str, country: str, pattern: str) -> Address | None:
    parts = [part.strip() for part in re.split(r"[,，;\n]", text) if part.strip()]
    coded = re.compile(rf"(?<![\w-]){pattern}(?![\w-])", re.IGNORECASE)
    places = [place for place, part in enumerate(parts) if place and coded.search(part)]
    if not places:
        return None
    place = places[-1]
    postcode = coded.findall(parts[place])[-1]
    rest = " ".join(parts[place].replace(postcode, " ").split())
    region = ""
    if country in _WITH_REGION:
        state = re.search(r"(?:^|\s)([A-Za-z]{2,3})$", rest)
        if state is None:
            return None
        region, rest = state[1].upper(), rest[: state.start()].strip()
    before = parts[:place]
    city = rest or (before.pop() if len(before) > 1 else "")
    line = ", ".join(before)
    return Address(line, city, region, postcode.upper()) if line and city else None
