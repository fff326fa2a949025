"""Visitor tokens: who a browser is, signed, so that nobody can make up somebody else's."""

from __future__ import annotations

import hmac

from bot.errors import SettingsError

MIN_SECRET_CHARACTERS = 16


class VisitorTokens:
    """Signs and reads tokens of one channel. They do not end: the browser keeps its own until it forgets it."""

    def __init__(self, channel: str, secret: str) -> None:
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise SettingsError(f"{channel}: the web chat's secret needs at least {MIN_SECRET_CHARACTERS} characters")
        self._channel = channel
        self._secret = secret.encode()

    def sign(self, visitor: str) -> str:
        """Return the token of `visitor`."""
        return f"{visitor}.{self._signature(visitor)}"

    def read(self, token: str) -> str | None:
        """Return the visitor the token was signed for, or None if it was not signed here."""
        visitor, dot, signature = token.rpartition(".")
        expected = self._signature(visitor).encode()
        good = hmac.compare_digest(expected, signature.encode(errors="replace"))
        return visitor if dot and visitor and good else None

    def _signature(self, visitor: str) -> str:
        words = f"{self._channel}\n{visitor}".encode(errors="replace")
        return hmac.new(self._secret, words, "sha256").hexdigest()
