"""`serve`, `demo`, `twin` and `doctor`: what runs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import HERE, Folder, Json, open_shop, talk
from bot.errors import PortInUse, SettingsError, ZhangguiError
from bot.loading import loading

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bot.settings import Settings
    from bot.store.database import Database


def serve(
    folder: Folder = HERE,
    role: Annotated[
        str, typer.Option(help="all, or one of web, worker and console: several processes on one PostgreSQL.")
    ] = "all",
    port: Annotated[int | None, typer.Option(help="Another port than the one in shop.toml.")] = None,
) -> None:
    """Run the shop: chats, bot, outbox and the agents' console."""
    with loading():
        from bot.app import Role, build
        from bot.clock import SystemClock, new_id
        from bot.logs import configure_logs

    if role not in list(Role):
        talk.print(f"There is no role `{role}`. The roles are {', '.join(f'`{known}`' for known in Role)}")
        raise typer.Exit(2)
    configure_logs()
    settings = open_shop(folder)
    if port is not None:  # platforms are told the address with the port
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"port": port})})
    host, port = settings.server.host, settings.server.port
    free_port(host, port)
    with loading():
        shopkeeper = build(folder, settings, SystemClock(), new_id, Role(role))
    console = f" — console: http://{host}:{port}/console" if role in (Role.ALL, Role.CONSOLE) else ""
    talk.print(
        f"Serving on http://{host}:{port}{console}" if role == Role.ALL else f"{role} on http://{host}:{port}{console}"
    )
    run_web(shopkeeper.web, host, port)


def demo(
    port: Annotated[int, typer.Option(help="Port of everything.")] = 8080,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo's files are kept.")] = Path("demo-data"),
    clock: Annotated[int | None, typer.Option("--clock", help="Move a running demo's clock on, in minutes.")] = None,
    as_json: Json = False,
) -> None:
    """Run a seeded shop with web chat, stand-in platforms and the console. Needs no key and no network."""
    from bot.demo.run import advance_running_demo, run_demo

    if clock is not None:
        talk.print(advance_running_demo(port, clock))
        return
    free_port("127.0.0.1", port)
    run_demo(folder, port, as_json)


def twin(
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8090,
    product: Annotated[str, typer.Option(help="Where the shop to be tested answers.")] = "http://127.0.0.1:8080",
) -> None:
    """Run only the stand-in platforms, on this machine, for tests of a shop's own set-up."""
    from bot.clock import SystemClock
    from bot.demo.twins import make_twins

    free_port("127.0.0.1", port)
    twins = make_twins(product, SystemClock())
    for name in ("telegram", "wechat", "miniprogram", "wecom"):
        talk.print(f"{name}: http://127.0.0.1:{port}/{name}/panel")
    run_web(twins.app(), "127.0.0.1", port)


def doctor(folder: Folder = HERE) -> None:
    """Check settings, files, database, channels and port without changing anything; one line each, with the fix."""
    from bot.brain import read_mind
    from bot.channels import make_connectors
    from bot.clock import SystemClock, new_id
    from bot.delivery.signal import Signal
    from bot.store.database import Database
    from bot.store.upgrade import database_url, needs_upgrade
    from bot.transcript import StoredTranscript

    settings = open_shop(folder)
    typer.echo("OK   settings")
    url = database_url(settings.store.url, folder)
    with closing(Database(url)) as database:
        transcript = StoredTranscript(database, Signal(), SystemClock())
        checks: dict[str, Callable[[], object]] = {
            "files": lambda: read_mind(folder, settings),
            "database": lambda: "`serve` will bring it up to date" if needs_upgrade(url) else "",
            "channels": lambda: make_connectors(settings, folder, SystemClock(), new_id, transcript),
            "staff groups": lambda: _staff_groups(settings, folder),
            "hooks": lambda: _hooks(database, settings, folder, needs_upgrade(url)),
            "port": lambda: free_port(settings.server.host, settings.server.port),
        }
        passed = [_passes(name, check) for name, check in checks.items()]
    raise typer.Exit(0 if all(passed) else 1)


def _hooks(database: Database, settings: Settings, folder: Path, is_old: bool) -> str:
    """Return who is not called any more.

    Raises:
        SettingsError: a secret is missing or has the wrong form.
    """
    import asyncio

    from bot.app import subscribers_of
    from handoff.hooks import standings

    subscribers_of(settings, folder)
    found = () if is_old else asyncio.run(database.read(standings))
    off = [
        f"{one.name} is not called any more ({one.reason}): zhanggui hooks retry {one.name}"
        for one in found
        if one.off_since
    ]
    return "; ".join(off)


def _staff_groups(settings: Settings, folder: Path) -> str:
    """Ask Telegram whether the bots can work in the staff's groups. Return what is odd about them.

    Raises:
        SettingsError: one of them cannot.
    """
    import asyncio

    from bot.channels import staff_groups
    from bot.channels import telegram_connector as connector_of
    from bot.clock import SystemClock

    async def faults(name: str) -> list[str]:
        connector = connector_of(name, settings.channels.telegram[name], settings, folder, SystemClock())
        try:
            return [f"{connector.channel}: {fault}" for fault in await connector.staff_group_faults()]
        finally:
            await connector.stop()

    groups = staff_groups(settings)
    found = [fault for channel in groups for fault in asyncio.run(faults(channel.partition(":")[2]))]
    if found:
        raise SettingsError(" ".join(found))
    hidden = groups and settings.agents.see == "own"
    return "everybody in the group reads every customer, whatever [agents] see says" if hidden else ""


def _passes(name: str, check: Callable[[], object]) -> bool:
    try:
        remark = check()
    except ZhangguiError as error:
        typer.echo(f"FAIL {name}: {error}")
        return False
    typer.echo(f"OK   {name}" + (f": {remark}" if isinstance(remark, str) and remark else ""))
    return True


def free_port(host: str, port: int) -> None:
    """Make sure that the port can be had.

    Raises:
        PortInUse: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            problem = f"port {port} on {host} cannot be used ({error.strerror}). Choose another: --port"
            raise PortInUse(problem) from None


def run_web(web: ASGIApp, host: str, port: int) -> None:
    """Serve until interrupted. The access log is off: addresses of event streams hold tokens."""
    import uvicorn

    uvicorn.run(web, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=3)
