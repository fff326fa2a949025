"""`carts`: what is open, and what the follow-ups do."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import select

from bot.campaigns.effect import Effect, Group, effect
from bot.commands.common import HERE, Folder, Json, print_rows, talk
from bot.commands.people import in_database
from bot.store.tables import carts, customers

cart_list = typer.Typer(help="Open carts, and what their follow-ups do.", no_args_is_help=True)


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


@cart_list.command("report")
def report(
    days: Annotated[int, typer.Option(min=1, help="Of how many days, until now.")] = 28,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show how many were written to and held out, who paid, and what the follow-ups did."""
    from bot.clock import SystemClock

    now = SystemClock().now()
    found = in_database(folder, lambda c, _: effect(c, now - timedelta(days=days), now))
    if as_json:
        typer.echo(json.dumps({"days": days, **asdict(found)}, ensure_ascii=False))
        return
    for line in in_words(found):
        talk.print(line)


def in_words(found: Effect) -> list[str]:
    """Return the report for people."""
    gross = ", ".join(f"{amount / 100:,.2f} {currency}" for currency, amount in sorted(found.gross_minor.items()))
    lines = [
        f"Written to: {_paid(found.touched)}, {gross or 'nothing'} in all",
        f"Held out:   {_paid(found.held_out)}",
    ]
    if found.lift is None:
        lines.append("Lift:       not known while one of the two groups is empty")
    else:
        ends = f"95 % between {found.lift.low:+.1f} and {found.lift.high:+.1f}"
        lines.append(f"Lift:       {found.lift.points:+.1f} points ({ends})")
    return lines + [f"Not sent:   {count} × {reason}" for reason, count in sorted(found.stopped.items())]


def _paid(group: Group) -> str:
    return f"{group.people} people, of whom {group.paid} paid ({group.share:.1%})"
