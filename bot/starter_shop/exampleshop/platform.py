"""One shop of the platform behind Zhanggui."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from bot.clock import Clock
from bot.errors import BadCallback, SettingsError
from bot.shop.commands import CancelOrder, Command, Outcome
from bot.shop.guard import read_or_skip
from bot.shop.http import Line, checked_base, object_of
from bot.shop.platform import Answer, PlatformRefuses, Told
from bot.shop.wire import members, text

from . import wire

PAGE = 100


class ExampleShop:
    """`bot.shop.platform.Platform` over the platform's API.

    Args:
        currency: what the shop sells in, ISO 4217; here every price says it.
        api_base: root of the platform's API.
        token: what the platform wants to see from us.
        secret: what it signs its webhooks with.

    Raises:
        SettingsError: the address is not https, or a secret is empty.
    """

    name = "exampleshop"
    can: frozenset[type[Command]] = frozenset({CancelOrder})

    def __init__(self, *, clock: Clock, currency: str, api_base: str, token: str, secret: str) -> None:
        if not token or not secret:
            raise SettingsError("exampleshop needs `token` and `secret`. Put both under `secrets` in shop.toml")
        self._base = checked_base(api_base, "shop.other.options.api_base")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._secret = secret
        self._line = Line("exampleshop", "Make a new token and put it where shop.toml says")

    async def close(self) -> None:
        """Release the connections."""
        await self._line.close()

    async def changes(self, since: datetime | None) -> AsyncIterator[Sequence[Told]]:
        """Yield pages of what was changed at `since` or later, everything if None."""
        cursor = ""
        while True:
            query = {"limit": str(PAGE), "cursor": cursor, "since": since.isoformat() if since else ""}
            url = f"{self._base}/changes"
            answer = await self._line.call("GET", url, again=True, params=query, headers=self._headers)
            page = object_of(answer)
            yield read_or_skip(wire.told, members(page, "things"))
            cursor = text(page.get("next"))
            if not cursor:
                return

    async def order(self, number: str) -> Sequence[Told]:
        """Read one order as it is now, its customer in front; empty if there is none."""
        url = f"{self._base}/orders/{quote(number, safe='')}"
        answer = await self._line.call("GET", url, again=True, headers=self._headers)
        return () if answer.status_code == 404 else read_or_skip(wire.told, [object_of(answer)])

    def hook(self, headers: Mapping[str, str], body: bytes) -> tuple[str, Sequence[Told]]:
        """Check the signature of a webhook; return its delivery id and what it tells."""
        found = wire.opened(headers.get("x-signature", ""), body, self._secret)
        delivery = headers.get("x-delivery", "")
        if not delivery:
            raise BadCallback("A webhook of exampleshop has no delivery id.")
        return delivery, read_or_skip(wire.told, [found])

    async def do(self, command: Command, key: str) -> Answer:
        """Carry out a command; the platform drops a repeated key and answers as before."""
        if not isinstance(command, CancelOrder):
            raise PlatformRefuses(f"exampleshop has no call for {type(command).__name__}. Staff have to do it")
        url = f"{self._base}/orders/{quote(command.order_number, safe='')}/cancel"
        headers = {**self._headers, "Idempotency-Key": key}
        answer = await self._line.call("POST", url, again=False, json={"reason": command.reason}, headers=headers)
        if answer.status_code == 409:  # it has left
            return Answer(Outcome.REFUSED, why=text(object_of(answer).get("message")))
        if not answer.is_success:
            raise PlatformRefuses(f"exampleshop did not cancel it: HTTP {answer.status_code}")
        return Answer(Outcome.DONE, text(object_of(answer).get("id")))
