"""`zhanggui demo`: the product, the twins and the demo's page as one web app on one port of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import httpx
import typer

from bot.clock import SystemClock, keep_offset, new_id
from bot.commands.common import talk
from bot.demo.shop import RECALL_PLAN, SECRETS, SHOP_TOML, demo_toml
from bot.errors import PortInUse, SettingsError
from bot.logs import configure_logs
from bot.settings import load_settings
from bot.starter import make_shop

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOST = "127.0.0.1"
OPEN_FROM, OPEN_UNTIL = 10, 18
"""Hours between which the demo's day may begin, so that nothing waits for the end of quiet hours."""

SERVER_PORT = re.compile(r"(\[server\][^\[]*?^port\s*=\s*)\d+", re.MULTILINE)
TWIN_PORT = re.compile(rf"(http://{re.escape(HOST)}:)\d+(?=/twin/)")


@dataclass(frozen=True, slots=True)
class Addresses:
    """What `--json` prints."""

    web: str
    console: str
    login: str
    telegram_twin: str
    wechat_twin: str
    wecom_twin: str
    miniprogram_twin: str
    api: str


def run_demo(folder: Path, port: int, as_json: bool) -> None:
    """Prepare the folder, seed a fresh database and serve until interrupted."""
    configure_logs()
    started = time.monotonic()
    make_folder(folder, port)
    with only_demo_in(folder):
        talk.print(f"掌柜 Zhanggui demo: preparing the shop in {folder} …")
        begin_anew(folder, port)
        asyncio.run(_serve(folder, port, as_json, started))


def make_folder(folder: Path, port: int) -> None:
    """Make the demo's folder, or use the one there is.

    Raises:
        SettingsError: the folder belongs to something else.
    """
    toml = folder / "shop.toml"
    if toml.exists() and toml.read_text(encoding="utf-8").split("\n")[0] != SHOP_TOML.split("\n")[0]:
        raise SettingsError(f"{folder} holds another shop. Choose another folder with --dir")
    if not toml.exists():
        make_shop(folder, demo_toml(port))


@contextmanager
def only_demo_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with the process, however that ends.

    Raises:
        SettingsError: another demo runs in this folder.
    """
    with (folder / "data" / "demo.lock").open("w") as lock:
        if sys.platform != "win32":  # there nobody can delete the files of a running demo anyway
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SettingsError(f"a demo runs in {folder} already. Choose another folder with --dir") from None
        yield


def begin_anew(folder: Path, port: int) -> None:
    """Move the settings to `port`, write secrets and a plan, delete the database. Edits of what people write stay."""
    toml = folder / "shop.toml"
    toml.write_text(_at_port(toml.read_text(encoding="utf-8"), port), encoding="utf-8")
    if not (folder / "recall.yml").exists():
        (folder / "recall.yml").write_text(RECALL_PLAN, encoding="utf-8")
    for name, secret in SECRETS.items():
        (folder / "data" / name).write_text(secret, encoding="utf-8")
    for old in (folder / "data").glob("zhanggui.db*"):
        old.unlink()


def _at_port(toml: str, port: int) -> str:
    """Return the settings with this port, for the server and in the addresses of the twins."""
    return TWIN_PORT.sub(rf"\g<1>{port}", SERVER_PORT.sub(rf"\g<1>{port}", toml))


async def _serve(folder: Path, port: int, as_json: bool, started: float) -> None:
    import uvicorn

    from bot.app import build
    from bot.demo.page import AGENT, demo_app
    from bot.demo.seed import STAFF, TELEGRAM, seed, tell_customer_groups
    from bot.demo.twins import make_twins
    from handoff.group import accounts
    from handoff.people import add_agent, create_link, new_token

    base = f"http://{HOST}:{port}"
    clock = daytime_clock(datetime.now(UTC))
    keep_offset(folder, clock)
    settings = load_settings(folder, os.environ)
    shopkeeper = build(folder, settings, clock, new_id)
    token = new_token()
    now = clock.now()

    def first_rows(connection: Connection) -> None:
        seed(connection, now)
        tell_customer_groups(connection, now)
        agent = add_agent(connection, new_id(), AGENT, "小禾 Xiaohe", "admin", now)
        colleague = add_agent(connection, new_id(), "tang", "阿棠 A Tang", "agent", now)
        for (user, _), who in zip(STAFF, (agent, colleague), strict=True):
            accounts.join(connection, TELEGRAM, str(user), who.id, now)
        create_link(connection, agent.id, token, now)

    await shopkeeper.database.write(first_rows)
    app = demo_app(shopkeeper, clock, make_twins(base, clock), port)
    server = uvicorn.Server(
        uvicorn.Config(app, host=HOST, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    )
    # Listening before the parts start: the twins answer the connectors' very first call.
    serving = asyncio.create_task(server.serve([_listening(port)]))
    while not server.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event for it)
        await asyncio.sleep(0.05)
    addresses = Addresses(
        web=base,
        console=f"{base}/console/",
        login=f"{base}/console/login?token={token}",
        telegram_twin=f"{base}/twin/telegram/panel",
        wechat_twin=f"{base}/twin/wechat/panel",
        wecom_twin=f"{base}/twin/wecom/panel",
        miniprogram_twin=f"{base}/twin/miniprogram/panel",
        api=f"{base}/api/openapi.json",
    )
    await telegram_customer_begins(addresses)
    _tell(addresses, as_json, time.monotonic() - started)
    with suppress(asyncio.CancelledError):
        await serving


def _listening(port: int) -> socket.socket:
    try:
        listener = socket.create_server((HOST, port))
    except OSError as error:
        raise PortInUse(f"port {port} on {HOST} cannot be used ({error.strerror}). Choose another: --port") from None
    # asyncio does this for sockets of its own only; without it each answer on an open connection takes 40 ms more.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def telegram_customer_begins(addresses: Addresses) -> None:
    """Let the customer who agreed to be written to start the bot, as she once did on her phone."""
    from bot.demo.seed import DEMO_USERS, TELEGRAM

    customer = next(user for user in DEMO_USERS if user.channel == TELEGRAM and user.consented)
    async with httpx.AsyncClient(trust_env=False) as http:
        await http.post(addresses.telegram_twin.replace("/panel", "/control/start"), json={"user": int(customer.user)})


def daytime_clock(now: datetime) -> SystemClock:
    """Return a clock that shows the real time, or the next morning if the shop's people sleep now."""
    clock = SystemClock()
    local = now.astimezone(ZoneInfo("Asia/Shanghai"))
    if not OPEN_FROM <= local.hour < OPEN_UNTIL:
        morning = local.replace(hour=OPEN_FROM, minute=0, second=0, microsecond=0)
        clock.advance((morning if morning > local else morning + timedelta(days=1)) - local)
    return clock


def _tell(addresses: Addresses, as_json: bool, took_s: float) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(addresses)))
        return
    typer.echo(f"Open   {addresses.web}")
    typer.echo(f"Login  {addresses.login}   (for the agents' console, works once)")
    talk.print(f"Ready after {took_s:.0f} s. Stop with Ctrl-C.")


def advance_running_demo(port: int, minutes: int) -> str:
    """Move the clock of the demo on `port` forward.

    Raises:
        SettingsError: no demo answers there, or it refuses the step.
    """
    try:
        answer = httpx.post(f"http://{HOST}:{port}/demo/clock", params={"minutes": minutes}, trust_env=False)
    except httpx.HTTPError as error:
        raise SettingsError(f"no demo answers on port {port}. Start one with `zhanggui demo --port {port}`") from error
    if answer.status_code != httpx.codes.OK:
        raise SettingsError(f"the demo refused: {answer.text}")
    return f"The demo's clock shows {answer.json()['time']}."
