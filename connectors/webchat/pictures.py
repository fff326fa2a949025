"""Pictures of the web chat: the signed link under which its visitor sees one again."""

from __future__ import annotations

from starlette.responses import Response

from bot.first_bytes import picture_type
from bot.messages import File
from connectors.webchat.tokens import VisitorTokens

MAX_PICTURE_BYTES = 5 * 1024 * 1024
KEPT_BY_THE_BROWSER_S = 24 * 60 * 60


class PictureLinks:
    """Makes and reads the links of one channel. Each opens one picture, so a link passed on gives nothing else away."""

    def __init__(self, channel: str, secret: str) -> None:
        self._tokens = VisitorTokens(f"{channel}/pictures", secret)

    def link(self, visitor: str, shown_id: int) -> str:
        """Return the link of the picture of message `shown_id`, relative to the channel's address."""
        return f"pictures/{shown_id}?token={self._tokens.sign(f'{visitor}/{shown_id}')}"

    def visitor(self, shown_id: str, token: str) -> str | None:
        """Return the visitor for whom the link to message `shown_id` was made, or None if it was not made here."""
        visitor, _, signed_id = (self._tokens.read(token) or "").rpartition("/")
        return visitor if visitor and signed_id == shown_id else None


def picture_answer(file: File | None) -> Response:
    """Return the picture, or 404 if there is none or its bytes are not one: no other type ever leaves here."""
    mime = picture_type(file.body) if file else None
    if file is None or mime is None:
        return Response(status_code=404, headers={"Cache-Control": "no-store"})
    headers = {
        "Cache-Control": f"private, max-age={KEPT_BY_THE_BROWSER_S}, immutable",
        "Content-Disposition": "inline",
        # The browser's own viewer centres the picture by inline styles; nothing else is in it.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(file.body, media_type=mime, headers=headers)
