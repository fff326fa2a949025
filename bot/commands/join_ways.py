"""`join-ways`: the codes that lead into WeCom's customer groups, and how many came by each."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from bot.commands.common import HERE, Folder, Json, print_rows
from bot.commands.people import in_database


def join_ways(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the codes into WeCom's customer groups: where people came from, how many are there, and the picture."""
    print_rows(in_database(folder, lambda c, _: _listed(c), reads=True), as_json)


def _listed(connection: Connection) -> list[dict[str, Any]]:
    from bot.store.tables import channel_facts
    from connectors.wecom.join_ways import FACT

    query = select(channel_facts).where(channel_facts.c.name == FACT).order_by(channel_facts.c.channel)
    return [
        {"channel": row.channel, "state": state, "joined": way["joined"], "qr_code": way["qr_code"]}
        for row in connection.execute(query)
        for state, way in sorted(json.loads(row.value).items())
    ]
