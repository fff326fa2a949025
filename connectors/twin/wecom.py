"""A stand-in for WeCom: customer service (微信客服), customer contact, the group robot, and a panel for trying."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.clock import Clock
from connectors.twin.wecom_answers import Call
from connectors.twin.wecom_contacts import Contacts
from connectors.twin.wecom_control import Control
from connectors.twin.wecom_gate import Gate, Refusal
from connectors.twin.wecom_kf import Desk
from connectors.twin.wecom_kf_api import KfApi
from connectors.twin.wecom_looks import Looks
from connectors.twin.wecom_media import MediaShelf
from connectors.twin.wecom_notices import Notices, Robot
from connectors.twin.wecom_people import Customer, Group, People, Staff
from connectors.twin.wecom_pushes import Pushes
from connectors.twin.wecom_tasks import Tasks
from connectors.twin.wecom_tokens import Tokens

STATIC = Path(__file__).parent / "static"
_SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


class WeComTwin:
    """One company with its staff, customers, customer groups and one customer-service account, in memory.

    Attributes:
        routes: everything under `/wecom`, to be put into a Starlette app.
    """

    def __init__(
        self,
        corp_id: str,
        agent_id: int,
        app_secret: str,
        token: str,
        aes_key: str,
        callback_url: str,
        users: Sequence[tuple[str, str]],
        staff: Sequence[tuple[str, str]],
        groups: Sequence[tuple[str, str, str]],
        clock: Clock,
        kf_secret: str = "",
        open_kfid: str = "wkTwin",
        account_name: str = "掌柜",
        robot_keys: Sequence[str] = (),
    ) -> None:
        """Set the company up.

        Args:
            users: external_userid and name of each customer; nobody's contacts yet.
            staff: userid and name; all on duty.
            groups: chat_id, name and the owner's userid.
            kf_secret: the system secret of older companies, good for customer service alone.
        """
        people = People(
            (Customer(*user) for user in users),
            (Staff(*member) for member in staff),
            (Group(*group, created=clock.now()) for group in groups),
        )
        self._gate = Gate(Tokens(corp_id, {"app": app_secret, "kf": kf_secret}), clock)
        media = MediaShelf()
        desk = Desk(open_kfid, account_name, people)
        kf = KfApi(desk, media)
        contacts, tasks = Contacts(people), Tasks(people)
        notices = Notices(agent_id, people, {key: Robot() for key in robot_keys})
        pushes = Pushes(corp_id, agent_id, token, aes_key, callback_url, clock)
        control = Control(people, desk, kf, contacts, tasks, media, pushes, self._gate)
        looks = Looks(people, desk, tasks, notices, self._gate)
        api = [
            self._gate.route("gettoken", self._fetch_token, "GET", frozenset()),
            self._gate.route("media/upload", media.upload, by=frozenset({"app", "kf"})),
            self._gate.route("media/get", media.download, "GET", frozenset({"app", "kf"})),
            *(route for part in (kf, contacts, tasks, notices) for route in part.routes(self._gate)),
        ]
        panel = [Route("/panel", _panel), Mount("/static", StaticFiles(directory=STATIC))]
        self.routes: list[BaseRoute] = [
            Mount("/wecom", routes=[*api, Mount("/control", routes=[*control.routes(), *looks.routes()]), *panel])
        ]

    @property
    def fetches(self) -> int:
        """How many access tokens were asked for."""
        return self._gate.tokens.fetches

    @property
    def refusals(self) -> Sequence[Refusal]:
        """Every call that the platform turned down by its own rules."""
        return self._gate.refusals

    def _fetch_token(self, call: Call) -> dict[str, Any]:
        query = call.query
        token, left_s = self._gate.tokens.fetch(query.get("corpid", ""), query.get("corpsecret", ""), call.now)
        return {"access_token": token, "expires_in": left_s}


async def _panel(request: Request) -> Response:
    return FileResponse(STATIC / "wecom.html", headers=_SECURITY)
