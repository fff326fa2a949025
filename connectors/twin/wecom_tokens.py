"""WeCom's access tokens: one for each secret, the same until its end is near (获取access_token). No I/O."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.twin.wecom_answers import Refused

LIFE = timedelta(seconds=7200)
OVERLAP = timedelta(seconds=300)


class Tokens:
    """Attributes: fetches counts the calls of gettoken."""

    def __init__(self, corp_id: str, known: Mapping[str, str]) -> None:
        """`known` gives the secrets by whose they are: `app`, `kf`."""
        self._corp_id = corp_id
        self._known = {secret: whose for whose, secret in known.items() if secret}
        self._ends: dict[str, datetime] = {}
        self._whose: dict[str, str] = {}
        self._newest: dict[str, str] = {}
        self.fetches = 0

    def fetch(self, corp_id: str, secret: str, now: datetime) -> tuple[str, int]:
        """Return the token and the seconds it has left.

        Raises:
            Refused: 40013 or 40001.
        """
        self.fetches += 1
        if corp_id != self._corp_id:
            raise Refused(40013)
        if secret not in self._known:
            raise Refused(40001)
        whose = self._known[secret]
        token = self._newest.get(whose, "")
        if now + OVERLAP >= self._ends.get(token, now):
            token = self._newest[whose] = secrets.token_urlsafe(96)
            self._ends[token], self._whose[token] = now + LIFE, whose
        return token, int((self._ends[token] - now).total_seconds())

    def owner(self, token: str, now: datetime) -> str:
        """Return whose secret fetched `token`.

        Raises:
            Refused: 41001, 40014 or 42001.
        """
        if not token:
            raise Refused(41001)
        if token not in self._ends:
            raise Refused(40014)
        if now >= self._ends[token]:
            raise Refused(42001)
        return self._whose[token]

    def revoke(self) -> None:
        """Make every token invalid: WeCom may do it at any time."""
        self._ends.clear()
        self._newest.clear()
