"""Access tokens as WeChat hands them out (获取稳定版接口调用凭据 / Get Stable Access Token). No I/O."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from connectors.twin.wechat_errors import Refused
from connectors.twin.wechat_quotas import BEIJING

TOKEN_LIFE = timedelta(seconds=7200)
TOKEN_OVERLAP = timedelta(seconds=300)
FORCED_PER_DAY = 20
FORCED_APART = timedelta(seconds=30)


class Tokens:
    """Access tokens: one stable line, and the plain kind, whose newest alone is good."""

    def __init__(self) -> None:
        self._ends: dict[str, datetime] = {}
        self._stable = ""
        self._plain = ""
        self._forced: list[datetime] = []
        self.fetches = 0

    def stable(self, now: datetime, force: bool) -> tuple[str, int]:
        """Return the stable token and the seconds it has left; a new one near its end or if forced.

        Raises:
            Refused: 45009 at the 21st forced refresh of a day.
        """
        self.fetches += 1
        if force and self._may_force(now):
            self._forced.append(now)
            self._ends.pop(self._stable, None)
        if now + TOKEN_OVERLAP >= self._ends.get(self._stable, now):
            self._stable = self._issue(now)
        return self._stable, int((self._ends[self._stable] - now).total_seconds())

    def plain(self, now: datetime) -> tuple[str, int]:
        """Return a new plain token; the one before it dies."""
        self.fetches += 1
        self._ends.pop(self._plain, None)
        self._plain = self._issue(now)
        return self._plain, int(TOKEN_LIFE.total_seconds())

    def check(self, token: str, now: datetime) -> int:
        """Return 0 or WeChat's error code."""
        if not token:
            return 41001
        if token not in self._ends:
            return 40001
        return 0 if now < self._ends[token] else 42001

    def _may_force(self, now: datetime) -> bool:
        """Return whether a forced refresh renews the token; less than 30 s after the last one it does not."""
        today = now.astimezone(BEIJING).date()
        if sum(at.astimezone(BEIJING).date() == today for at in self._forced) >= FORCED_PER_DAY:
            raise Refused(45009)
        return not self._forced or now - self._forced[-1] >= FORCED_APART

    def _issue(self, now: datetime) -> str:
        token = secrets.token_urlsafe(96)
        self._ends[token] = now + TOKEN_LIFE
        return token
