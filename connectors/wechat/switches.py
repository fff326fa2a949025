"""Which services of the platform are not used for now, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.clock import Clock
from bot.connector import Host
from connectors.wechat.account import ALLOWED, Account, Service

_OFF_FOR = timedelta(days=1)


class Switches:
    """Answers from memory; what the platform denied is also kept in the shop's facts, for restarts and others."""

    def __init__(self, account: Account, clock: Clock) -> None:
        self._account = account
        self._clock = clock
        self._off: dict[Service, datetime] = {}
        self._paused: dict[Service, datetime] = {}
        self._stopped_until: datetime | None = None

    async def load(self, host: Host) -> None:
        """Learn what was switched off before, by this process or another."""
        for service in Service:
            if until := await host.recall(_fact(service)):
                self._off[service] = datetime.fromisoformat(until)

    def may_use(self, service: Service) -> bool:
        """Return whether this kind of account has `service`, and it is neither switched off nor paused.

        An account that is stopped keeps its services: what is to be said waits a few minutes for them.
        """
        is_off = self._left_s(self._off.get(service)) > 0
        return service in ALLOWED[self._account.kind] and not is_off and not self.is_paused(service)

    @property
    def stopped_s(self) -> float:
        """For how long nothing is called because the account's credentials are wrong, in seconds; 0 if it is."""
        return self._left_s(self._stopped_until)

    def is_paused(self, service: Service) -> bool:
        """Return whether the day's quota of `service` is gone."""
        return self._left_s(self._paused.get(service)) > 0

    async def switch_off(self, service: Service, host: Host) -> None:
        """Use `service` no more for a day, here and in every process that starts in that time."""
        self._off[service] = self._clock.now() + _OFF_FOR
        await host.keep(_fact(service), self._off[service].isoformat())

    def pause(self, service: Service, for_s: float) -> None:
        """Call `service` no more for `for_s` seconds."""
        self._paused[service] = self._clock.now() + timedelta(seconds=for_s)

    def stop(self, for_s: float) -> None:
        """Call nothing for `for_s` seconds."""
        self._stopped_until = self._clock.now() + timedelta(seconds=for_s)

    def _left_s(self, until: datetime | None) -> float:
        return max(0.0, (until - self._clock.now()).total_seconds()) if until else 0.0


def _fact(service: Service) -> str:
    return f"off:{service}"
