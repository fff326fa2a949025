"""The words of the console, one dict per language, and codes as agents read them."""

from __future__ import annotations

from collections.abc import Mapping

from handoff.console import (
    labels_group_en,
    labels_group_zh,
    labels_safety_en,
    labels_safety_zh,
    labels_sales_en,
    labels_sales_zh,
    labels_team_en,
    labels_team_zh,
)
from handoff.console.labels_en import EN
from handoff.console.labels_zh import ZH

Labels = Mapping[str, str]
LABELS: Mapping[str, Labels] = {
    "zh": ZH | labels_safety_zh.ZH | labels_team_zh.ZH | labels_group_zh.ZH | labels_sales_zh.ZH,
    "en": EN | labels_safety_en.EN | labels_team_en.EN | labels_group_en.EN | labels_sales_en.EN,
}
TO_BOT = "→ bot"
"""How the note of a talk that goes to the bot begins."""
WRAP_UPS = ("solved", "waiting", "order", "refused", "spam", "other")


def language_of(cookie: str | None, accept: str) -> str:
    """Return `zh` or `en`: what the agent chose, else what the browser asks for first."""
    if cookie in LABELS:
        return str(cookie)
    return "en" if accept.strip().lower().startswith("en") else "zh"


def label_words(label: str, labels: Labels) -> str:
    """Return an intent or skill (`exchange_request`) as an agent reads it; an entry's id as it is."""
    return labels.get(f"reason_{label}", labels.get(f"wish_{label}", label.replace("_", " ")))


def wrap_up_words(said: str, labels: Labels) -> str:
    """Return why a talk was closed (`solved: sent a new one`), or to whom it was passed on, as an agent reads it."""
    if (to := said.partition(" · "))[0] == TO_BOT:
        return "".join((f"→ {labels['bot']}", *to[1:]))
    reason, _, remark = said.partition(": ")
    if reason not in WRAP_UPS:
        return reason_words(said, labels)
    return labels[f"wrap_{reason}"] + (f"{labels['colon']}{remark}" if remark else "")


def reason_words(reason: str, labels: Labels) -> str:
    """Return a stored reason (`asked`, `exchange QH1`, `no_window`) as an agent reads it; other text as it is."""
    code, _, rest = reason.partition(" ")
    return f"{labels[f'reason_{code}']} {rest}".strip() if f"reason_{code}" in labels else reason
