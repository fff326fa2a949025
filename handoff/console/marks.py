"""What stands above a preview that is sent to one of the staff."""

from __future__ import annotations

from bot.campaigns.preview import Mark
from handoff.console.labels import LABELS


def preview_marks() -> dict[str, Mark]:
    """Return it by language."""
    return {language: Mark(words["sale_mark"], words["sale_mark_button"]) for language, words in LABELS.items()}
