"""Which roads WeChat leaves open for a message. From memory, at once."""

from __future__ import annotations

from bot.clock import Clock
from bot.messages import WINDOW, Outbound, Road
from connectors.rights import Rights
from connectors.wechat.account import Account, Form, Service
from connectors.wechat.notices import can_say
from connectors.wechat.passive import OpenCallbacks
from connectors.wechat.switches import Switches
from connectors.wechat.texts import parts


class Roads:
    """Knows the roads of one account in one process."""

    def __init__(self, account: Account, switches: Switches, callbacks: OpenCallbacks, clock: Clock) -> None:
        self._account = account
        self._switches = switches
        self._callbacks = callbacks
        self._clock = clock

    def of(self, message: Outbound) -> list[Road]:
        """Return the open roads, the cheapest first."""
        rights = self._account.rights(self._clock.now().date())
        found = [*self._direct(message, rights), *self._by_form(message)]
        return [road for road in found if rights.may_carry(road.name, message.purpose)]

    def form_of(self, message: Outbound) -> Form | None:
        """Return the form that can say the message's notice, if there is one."""
        form = self._account.forms.get(message.notice.name) if message.notice else None
        return form if form and message.notice and can_say(form, message.notice) else None

    def _direct(self, message: Outbound, rights: Rights) -> list[Road]:
        pieces = parts(message, rights.limits["text_bytes"])
        if not pieces or (message.picture and not self._switches.may_use(Service.MEDIA)):
            return []
        roads = []
        if len(pieces) == 1 and self._callbacks.has(message.chat.id):
            roads.append(Road("passive"))
        if self._switches.may_use(Service.MESSAGES):
            roads.append(Road("window", cost=len(pieces), needs=WINDOW))
        return roads

    def _by_form(self, message: Outbound) -> list[Road]:
        form = self.form_of(message)
        if form is None or message.notice is None or not self._switches.may_use(Service(form.road)):
            return []
        return [Road(form.road, needs=f"credit:{message.notice.name}" if form.road == "subscription" else "")]
