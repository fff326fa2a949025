"""`agents`, `carts`, `sales` and `db`: looking after a running shop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from sqlalchemy import Connection, select

from bot.commands.common import HERE, Folder, Json, open_shop, print_rows, talk
from bot.settings import Settings
from bot.store.tables import carts, customers, sales, variants

T = TypeVar("T")
agents = typer.Typer(help="The people who answer in the console.", no_args_is_help=True)
cart_list = typer.Typer(help="Open carts.", no_args_is_help=True)
sale_list = typer.Typer(help="Flash sales.", no_args_is_help=True)
db = typer.Typer(help="The database.", no_args_is_help=True)


def in_database(folder: Path, job: Callable[[Connection, Settings], T]) -> T:
    """Run `job` in one transaction on the shop's database, brought up to date first."""
    from bot.store.database import Database
    from bot.store.upgrade import database_url, upgrade

    settings = open_shop(folder)
    url = database_url(settings.store.url, folder)
    upgrade(url)
    database = Database(url)
    try:
        return asyncio.run(database.write(lambda connection: job(connection, settings)))
    finally:
        database.close()


@agents.command("add")
def add(
    login: Annotated[str, typer.Argument(help="Name to log in with.")],
    name: Annotated[str, typer.Option(help="Name that customers see.")] = "",
    role: Annotated[str, typer.Option(help="agent, lead, editor or admin.")] = "agent",
    folder: Folder = HERE,
) -> None:
    """Add an agent and print a one-time login link."""
    from bot.channels import public_url
    from bot.clock import SystemClock, new_id
    from handoff.people import add_agent, create_link, new_token

    token = new_token()

    def job(connection: Connection, settings: Settings) -> str:
        now = SystemClock().now()
        agent = add_agent(connection, new_id(), login, name or login, role, now)
        create_link(connection, agent.id, token, now)
        return public_url(settings)

    typer.echo(f"{in_database(folder, job)}/console/login?token={token}")
    talk.print("The link works once, within 15 minutes.")


@agents.command("link")
def link(login: Annotated[str, typer.Argument(help="Name of the agent.")], folder: Folder = HERE) -> None:
    """Print a new one-time login link."""
    from bot.channels import public_url
    from bot.clock import SystemClock
    from handoff.people import create_link, find_agent, new_token

    token = new_token()

    def job(connection: Connection, settings: Settings) -> str:
        create_link(connection, find_agent(connection, login).id, token, SystemClock().now())
        return public_url(settings)

    typer.echo(f"{in_database(folder, job)}/console/login?token={token}")


@agents.command("password")
def password(login: Annotated[str, typer.Argument(help="Name of the agent.")], folder: Folder = HERE) -> None:
    """Set a password, asked for or read from one line of stdin, and end the agent's sessions."""
    from handoff.people import find_agent, hash_password, set_password

    in_database(folder, lambda connection, _: find_agent(connection, login))
    hashed = hash_password(_typed_password())
    in_database(folder, lambda c, _: set_password(c, find_agent(c, login).id, hashed))
    talk.print(f"{login} has a new password.")


def _typed_password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@agents.command("list")
def list_agents(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the agents."""
    from handoff.people import list_agents as read

    found = in_database(folder, lambda connection, _: read(connection))
    print_rows([asdict(agent) for agent in found], as_json)


@agents.command("disable")
def disable(login: Annotated[str, typer.Argument(help="Name of the agent.")], folder: Folder = HERE) -> None:
    """Shut an agent out; conversations go back to the queue."""
    from bot.clock import SystemClock
    from handoff.people import disable_agent, find_agent

    in_database(folder, lambda c, _: disable_agent(c, find_agent(c, login).id, SystemClock().now()))
    talk.print(f"{login} is disabled.")


@cart_list.command("list")
def list_carts(folder: Folder = HERE, as_json: Json = False) -> None:
    """List carts that are open."""
    query = (
        select(carts.c.id, customers.c.name.label("customer"), carts.c.updated_at)
        .join(customers, carts.c.customer_id == customers.c.id)
        .where(carts.c.status == "open")
        .order_by(carts.c.updated_at.desc())
    )
    rows = in_database(folder, lambda c, _: [dict(row) for row in c.execute(query).mappings()])
    print_rows(rows, as_json)


@sale_list.command("list")
def list_sales(folder: Folder = HERE, as_json: Json = False) -> None:
    """List flash sales."""
    query = select(
        sales.c.id, sales.c.sku, sales.c.status, sales.c.available, sales.c.total, sales.c.starts_at, sales.c.ends_at
    ).join(variants, sales.c.sku == variants.c.sku)
    print_rows(in_database(folder, lambda c, _: [dict(row) for row in c.execute(query).mappings()]), as_json)


@sale_list.command("start")
def start_sale(sale_id: Annotated[str, typer.Argument(help="Id of a draft.")], folder: Folder = HERE) -> None:
    """Start a flash-sale draft: the running shop announces it."""
    from bot.brain import read_mind
    from bot.campaigns.announce import announcement
    from bot.campaigns.flash import start
    from bot.clock import SystemClock

    settings = open_shop(folder)
    say = announcement(read_mind(folder, settings).voice, settings.shop.zone)
    told = in_database(folder, lambda c, _: start(c, sale_id, say, SystemClock().now()))
    talk.print(f"Started; {told} announcements wait in the outbox.")


@db.command("upgrade")
def upgrade_database(folder: Folder = HERE) -> None:
    """Bring the database to this version's schema."""
    in_database(folder, lambda _connection, _settings: None)
    talk.print("The database is up to date.")
