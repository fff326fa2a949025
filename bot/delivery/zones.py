"""Where a person may live, as time zones: by the country of their newest address, else by their phone number.

The language of an app says nothing of it: Chinese is read in Sydney and English in Shanghai.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

CALLING_CODES = {
    "1": ("US", "CA"), "7": ("RU", "KZ"), "20": ("EG",), "27": ("ZA",), "30": ("GR",), "31": ("NL",), "32": ("BE",),
    "33": ("FR",), "34": ("ES",), "36": ("HU",), "39": ("IT",), "40": ("RO",), "41": ("CH",), "43": ("AT",),
    "44": ("GB",), "45": ("DK",), "46": ("SE",), "47": ("NO",), "48": ("PL",), "49": ("DE",), "51": ("PE",),
    "52": ("MX",), "54": ("AR",), "55": ("BR",), "56": ("CL",), "57": ("CO",), "60": ("MY",), "61": ("AU",),
    "62": ("ID",), "63": ("PH",), "64": ("NZ",), "65": ("SG",), "66": ("TH",), "81": ("JP",), "82": ("KR",),
    "84": ("VN",), "86": ("CN",), "90": ("TR",), "91": ("IN",), "92": ("PK",), "94": ("LK",), "95": ("MM",),
    "212": ("MA",), "234": ("NG",), "254": ("KE",), "351": ("PT",), "352": ("LU",), "353": ("IE",), "354": ("IS",),
    "358": ("FI",), "359": ("BG",), "370": ("LT",), "371": ("LV",), "372": ("EE",), "380": ("UA",), "385": ("HR",),
    "386": ("SI",), "420": ("CZ",), "421": ("SK",), "852": ("HK",), "853": ("MO",), "855": ("KH",), "856": ("LA",),
    "880": ("BD",), "886": ("TW",), "961": ("LB",), "965": ("KW",), "966": ("SA",), "971": ("AE",), "972": ("IL",),
    "974": ("QA",), "977": ("NP",), "998": ("UZ",),
}  # fmt: skip
"""Countries by calling code (ITU-T E.164, list of assigned country codes). A code that is missing says nothing."""
ONE_TIME = {"CN": ("Asia/Shanghai",)}
"""Countries that keep one legal time although the tz database has several places of them."""


@lru_cache(maxsize=4096)
def zones_of(country: str, phone: str) -> tuple[ZoneInfo, ...]:
    """Return every time zone in which a person may live; empty where nothing is known.

    Args:
        country: ISO 3166-1 alpha-2 of the newest address, or empty.
        phone: international with `+` or `00`, else it says nothing.
    """
    names = _of_country(country) or [name for code in _countries(phone) for name in _of_country(code)]
    return tuple(ZoneInfo(name) for name in dict.fromkeys(names))


def _of_country(country: str) -> list[str]:
    from babel.core import get_global  # reads a file of its own, which only campaigns need

    if country in ONE_TIME:
        return list(ONE_TIME[country])
    known = available_timezones()
    return [name for name in get_global("territory_zones").get(country, ()) if name in known]


def _countries(phone: str) -> tuple[str, ...]:
    digits = "".join(character for character in phone if character.isdigit())
    if phone.strip().startswith("00"):
        digits = digits[2:]
    elif not phone.strip().startswith("+"):
        return ()
    return next((CALLING_CODES[digits[:n]] for n in (3, 2, 1) if digits[:n] in CALLING_CODES), ())
