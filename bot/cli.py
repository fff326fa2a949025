"""The command `zhanggui`. Data on stdout, talk on stderr; exit 0 done, 1 a fault was found, 2 it could not be tried."""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper

from bot.loading import loading

with loading():
    import typer

    from bot.commands import (
        audit,
        bench,
        campaigns,
        carts,
        dead,
        files,
        hooks,
        join_ways,
        knowledge,
        new,
        nlu,
        people,
        rasa,
        report,
        sales,
        serving,
        shop,
        talking,
        tokens,
        votes,
    )
    from bot.commands.common import talk
    from bot.errors import ZhangguiError

app = typer.Typer(
    help="Zhanggui (掌柜): the shopkeeper that answers, sells and hands over to people.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serving.demo)
app.command()(files.init)
app.command()(serving.serve)
app.command()(files.check)
app.command()(talking.ask)
app.command()(talking.chat)
app.command()(serving.doctor)
app.command()(audit.audit)
app.command()(report.report)
app.command()(join_ways.join_ways)
app.command()(serving.twin)
knowledge.knowledge.command("evaluate")(nlu.evaluate_knowledge)
app.add_typer(knowledge.knowledge, name="knowledge")
people.agents.command("token")(tokens.token)
people.agents.command("tokens")(tokens.tokens)
people.agents.command("revoke")(tokens.revoke)
people.agents.command("telegram")(tokens.telegram)
app.add_typer(people.agents, name="agents")
app.add_typer(carts.cart_list, name="carts")
app.add_typer(campaigns.campaign_list, name="campaigns")
app.add_typer(sales.sale_list, name="sales")
app.add_typer(votes.vote_list, name="votes")
app.add_typer(shop.shop, name="shop")
app.add_typer(dead.dead, name="dead")
app.add_typer(hooks.hooks, name="hooks")
app.add_typer(people.db, name="db")
app.add_typer(new.new, name="new")
app.add_typer(nlu.nlu, name="nlu")
app.add_typer(rasa.rasa, name="rasa")
app.add_typer(bench.bench, name="bench")


def main() -> None:
    """Run the command; a known error is one line on stderr and exit 2 (`ZHANGGUI_DEBUG=1` shows where it came from)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.isatty():
            stream.reconfigure(encoding="utf-8")  # data is UTF-8 wherever it goes; GBK has no ¥
    try:
        app()
    except ZhangguiError as error:
        if os.environ.get("ZHANGGUI_DEBUG"):
            traceback.print_exc()
        talk.print(f"{error.code}: {error}", style="red")
        sys.exit(2)
