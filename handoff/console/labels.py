"""The words of the console, one dict per language, and codes as agents read them."""

from __future__ import annotations

from collections.abc import Mapping

from handoff.console.labels_en import EN
from handoff.console.labels_zh import ZH

Labels = Mapping[str, str]
LABELS: Mapping[str, Labels] = {"zh": ZH, "en": EN}
WRAP_UPS = ("solved", "waiting", "order", "refused", "spam", "other")


def language_of(cookie: str | None, accept: str) -> str:
    """Return `zh` or `en`: what the agent chose, else what the browser asks for first."""
    if cookie in LABELS:
        return str(cookie)
    return "en" if accept.strip().lower().startswith("en") else "zh"


def reason_words(reason: str, labels: Labels) -> str:
    """Return a stored reason (`asked`, `exchange QH1`, `no_window`) as an agent reads it; other text as it is."""
    code, _, rest = reason.partition(" ")
    return f"{labels[f'reason_{code}']} {rest}".strip() if f"reason_{code}" in labels else reason
