"""The files of the web chat: a full page around the element, under a policy that allows only its own origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from starlette.responses import FileResponse, HTMLResponse, Response

STATIC = Path(__file__).parent / "static"
HTML_LANGUAGE = {"zh": "zh-CN", "en": "en"}
TITLE = {"zh": "在线客服", "en": "Chat"}


def page(shop: Mapping[str, str], lang: str, origins: Sequence[str]) -> Response:
    """Return the page in `lang` ("zh" or "en"). Its addresses are relative, so that any prefix will do."""
    title = escape(f"{shop[lang]} · {TITLE[lang]}")
    html = f"""<!doctype html>
<html lang="{HTML_LANGUAGE[lang]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="page.css">
<script src="element.js" defer></script>
</head>
<body>
<main><zhanggui-chat src-base="." lang="{lang}"></zhanggui-chat></main>
</body>
</html>
"""
    frames = " ".join(("'self'", *origins))
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
    )
    return HTMLResponse(
        html,
        headers={
            "Content-Security-Policy": policy,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        },
    )


def static_file(name: str, media_type: str) -> Response:
    """Return a file of `static/`. Other sites may embed it; browsers ask each time whether it changed."""
    headers = {
        "Cache-Control": "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return FileResponse(STATIC / name, media_type=media_type, headers=headers)
