"""The words of the campaigns' pages in Chinese."""

from __future__ import annotations

ZH = {
    "sale_preview_mark": "👁 预览，只发给你。 · 下面有按钮「{button}」。",
}
