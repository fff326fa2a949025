"""Parts of postal addresses: a place is one only together with another part, such as a city with its district."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.understanding.entity import ALONE, SAID, Entity
from bot.understanding.places import PROVINCES

NAME = r"(?:(?![我在到寄住是的送去了给您你请把从离址发往省市区县镇乡路街巷号楼栋和或跟这那哪个改])[\u4e00-\u9fff])"
CHINESE = re.compile(
    rf"(?P<province>(?:{PROVINCES})(?:省|市|(?:维吾尔|壮族|回族)?自治区)?)? ?"
    rf"(?P<city>(?!{NAME}{{1,3}}(?:{PROVINCES})){NAME}{{2,4}}(?:市|自治州|地区))? ?"
    rf"(?P<district>{NAME}{{1,4}}(?:新区|(?<![小社校园])区|[县旗]))? ?"
    rf"(?P<town>{NAME}{{1,5}}(?:街道|[镇乡]))? ?(?P<street>{NAME}{{1,6}}(?:大道|[路街巷]|胡同)(?:[东西南北中]?段)?)? ?"
    r"(?P<number>\d{1,5}(?:弄\d{1,4})?(?:-\d{1,4})?号(?!楼|码))? ?"
    rf"(?P<estate>{NAME}{{1,8}}(?:小区|花园|公寓|大厦|广场|家园|新村|[村苑]))? ?"
    r"(?P<building>\d{1,3}(?:号楼|[栋幢座楼]))? ?(?P<unit>\d{1,2}单元)? ?(?P<floor>\d{1,2}[楼层])? ?"
    r"(?P<room>\d{2,5}[室房]|(?<=[栋幢座楼层元苑区园])\d{3,4}(?![\d.]|[件元块cm]))?"
)
"""Every part may be missing, each is short: there is nothing to go back to."""
PARTS = tuple(CHINESE.groupindex)
STREETS = "street|st|road|rd|avenue|ave|lane|ln|boulevard|blvd|drive|terrace"
ENGLISH = re.compile(
    r"(?<![\d.#])(?:(?P<room>(?:flat|apt|apartment|unit|suite|room) ?#?[a-z0-9-]{1,6}),? )?"
    rf"(?P<number>\d{{1,5}}[a-c]?) (?P<street>(?!(?:hour|day|week|month|year|item|pair|piece)s?\b)"
    rf"[a-z']{{2,15}}(?: [a-z']{{2,15}}){{0,2}} (?:{STREETS}))\b\.?"
    r"(?:,? (?P<after>(?:apt|apartment|flat|unit|suite|room|#) ?[a-z0-9-]{1,6}))?"
    r"(?:,? (?P<city>[a-z]{3,15}(?: [a-z]{3,15})?),? (?P<postcode>[a-z]{2} \d{5}|[a-z]{1,2}\d[a-z\d]? \d[a-z]{2}))?",
    re.ASCII,
)
POSTCODE = re.compile(
    r"(?:邮编|邮政编码|\bzip(?: code)?\b|postcode|postal code)"
    r"[ :：是]{0,3}(?P<postcode>(?=[a-z]{0,2}\d)[a-z\d]{3,5}[ -]?[a-z\d]{0,4})\b",
    re.ASCII,
)
GATE = re.compile(rf"[省市区县旗镇乡路街巷号栋幢弄]|\b(?:{STREETS})\b|邮编|zip|post(?:al )?code", re.ASCII)
FINE = ("district", "town", "street", "number", "estate", "building", "unit", "room")
"""Parts that tell an address from a place one speaks of."""


def addresses(left: str) -> Iterator[Entity]:
    """Yield the parts of addresses in `left` (normal form), each with its part as unit."""
    for match in _chinese(left):
        yield from _parts(match, SAID)
    for pattern in (ENGLISH, POSTCODE):
        for match in pattern.finditer(left):
            yield from _parts(match, ALONE)


def _chinese(left: str) -> Iterator[re.Match[str]]:
    at = 0
    while at < len(left):
        match = CHINESE.match(left, at)
        if match is None or not match[0].strip():
            at += 1
            continue
        said = [part for part in PARTS if match[part]]
        if len(said) > 1 and any(part in FINE for part in said):
            yield match
            at = match.end()
        else:
            at += 1


def _parts(match: re.Match[str], confidence: float) -> Iterator[Entity]:
    for part, value in match.groupdict().items():
        if value:
            unit = "room" if part == "after" else part
            yield Entity("address", value, match.start(part), match.end(part), unit, confidence)
