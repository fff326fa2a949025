"""The words of the campaigns' pages in English."""

from __future__ import annotations

EN = {
    "sale_preview_mark": "👁 Preview, only to you. · Below it stands the button “{button}”.",
}
