"""`sales`: planning flash sales, looking after them while they run, and what came of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import Connection

from bot.commands.common import HERE, Folder, Json, counted, open_shop, print_rows, talk
from bot.commands.people import in_database
from bot.commands.planned import By, PlanFile, Yes, at_its_time, look_first
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.campaigns.announcing import Announce
    from bot.campaigns.planning import Planned

sale_list = typer.Typer(help="Flash sales.", no_args_is_help=True)
SaleId = Annotated[str, typer.Argument(help="Id of the sale.")]


@sale_list.command("list")
def list_sales(folder: Folder = HERE, as_json: Json = False) -> None:
    """List flash sales."""
    from bot.campaigns.outcome import listed

    print_rows(in_database(folder, lambda c, _: listed(c)), as_json)


@sale_list.command("check")
def check(plan: PlanFile, folder: Folder = HERE) -> None:
    """Read a plan and say with file, line and fix what does not pass; exit 1 on faults."""
    from bot.campaigns.steering import check_known

    planned = _read(plan, folder)
    in_database(folder, lambda c, _: check_known(c, planned, str(plan)), reads=True)
    talk.print(f"{plan}: sale {planned.id} passes")


@sale_list.command("preview")
def preview(
    plan: PlanFile,
    to: Annotated[str, typer.Option(help="Login of an agent: send it to the own chat that they have linked.")] = "",
    moment: Annotated[str, typer.Option(help="Which announcement is sent with --to.")] = "start",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show every text that a plan would send, by moment, language and kind of channel; with --to send one."""
    from bot.campaigns.preview import texts_of
    from bot.campaigns.steering import check_known

    planned, say = _read(plan, folder), _say(folder)
    if to:
        _send_preview(planned, to, moment, say, folder)
        return

    def job(connection: Connection, _: Settings) -> list[dict[str, Any]]:
        check_known(connection, planned, str(plan))
        return [asdict(text) for text in texts_of(connection, planned, say)]

    print_rows(in_database(folder, job, reads=True), as_json)


def _send_preview(planned: Planned, login: str, moment: str, say: Announce, folder: Path) -> None:
    from bot.campaigns.moments import PHRASES
    from bot.campaigns.preview import send
    from bot.campaigns.steering import check_known
    from bot.clock import new_id
    from bot.errors import NotFound
    from handoff.console.marks import preview_marks

    which = next((one for one in PHRASES if one == moment), None)
    if which is None:
        raise NotFound(f"There is no moment {moment}. Choose one of: {', '.join(PHRASES)}.")

    def job(connection: Connection, _: Settings, now: datetime) -> int:
        check_known(connection, planned, "the plan")
        return send(connection, planned, login, which, say, preview_marks(), new_id, now)

    many = at_its_time(folder, job)
    talk.print(f"{counted(many, 'message')} to {login} wait in the outbox: the running shop sends them.")


@sale_list.command("dry-run")
def dry_run(plan: PlanFile, folder: Folder = HERE, as_json: Json = False) -> None:
    """Count who would hear of a plan on which road, and how long the sending takes. Nothing is sent."""
    from bot.campaigns.reach import in_words, reach
    from bot.channels import rates_of
    from bot.clock import clock_of

    planned, now = _read(plan, folder), clock_of(folder).now()
    rates = rates_of(open_shop(folder), now.date())
    found = in_database(
        folder, lambda c, _: reach(c, planned.values["audiences"], now, planned.values["currency"]), reads=True
    )
    if as_json:
        rows = [{**asdict(one), "hours": round(one.hours(rates.get(one.channel)), 2)} for one in found]
        typer.echo(json.dumps(rows))
        return
    for one in found:
        typer.echo(in_words(one, rates.get(one.channel)))


@sale_list.command("plan")
def make_plan(plan: PlanFile, by: By, folder: Folder = HERE) -> None:
    """Put a plan into the shop: it opens by itself. Above a size somebody else has to approve it first."""
    from bot.campaigns import steering

    planned = _read(plan, folder)

    def job(connection: Connection, settings: Settings, now: datetime) -> str:
        steering.check_known(connection, planned, str(plan))
        if why := steering.plan(connection, planned, by, settings.policy.sale_heard_alone, now):
            return f"Planned, not approved. {why}"
        starts_at = planned.values["starts_at"].astimezone(settings.shop.zone)
        return f"Planned: {planned.id} begins at {starts_at:%Y-%m-%d %H:%M}."

    talk.print(at_its_time(folder, job))


@sale_list.command("approve")
def approve(sale_id: SaleId, by: By, yes: Yes = False, folder: Folder = HERE) -> None:
    """Look at what somebody else has planned and approve it: it opens by itself from now on."""
    from bot.campaigns import steering

    say = _say(folder)
    seen, shown = at_its_time(folder, lambda c, settings, now: _shown(c, settings, sale_id, say, now), reads=True)
    look_first(shown, yes=yes)
    at_its_time(folder, lambda c, _, now: steering.approve(c, sale_id, by, now, seen))
    talk.print(f"{sale_id} is approved.")


@sale_list.command("start")
def start_sale(sale_id: SaleId, folder: Folder = HERE) -> None:
    """Start a sale now, whenever it was planned: the running shop announces it."""
    from bot.audit import COMMAND
    from bot.campaigns import steering

    say = _say(folder)

    def job(connection: Connection, settings: Settings, now: datetime) -> int:
        return steering.start(connection, sale_id, COMMAND, settings.policy.sale_heard_alone, say, now)

    talk.print(f"Started; {counted(at_its_time(folder, job), 'announcement')} wait in the outbox.")


@sale_list.command("pause")
def pause_sale(sale_id: SaleId, folder: Folder = HERE) -> None:
    """Stop giving out pieces and sending announcements. Who holds a piece may still pay it."""
    from bot.audit import COMMAND
    from bot.campaigns.flash import pause

    at_its_time(folder, lambda c, _, now: pause(c, sale_id, COMMAND, now))
    talk.print(f"{sale_id} is paused. Go on with `zhanggui sales resume {sale_id}`.")


@sale_list.command("resume")
def resume_sale(sale_id: SaleId, folder: Folder = HERE) -> None:
    """Go on with a paused sale: who waits in line is served first."""
    from bot.audit import COMMAND
    from bot.campaigns.flash import resume

    at_its_time(folder, lambda c, _, now: resume(c, sale_id, COMMAND, now))
    talk.print(f"{sale_id} goes on.")


@sale_list.command("cancel")
def cancel_sale(sale_id: SaleId, folder: Folder = HERE) -> None:
    """End a sale for good, or call off a planned one. Who holds a piece may still pay it."""
    from bot.audit import COMMAND
    from bot.campaigns import steering

    at_its_time(folder, lambda c, _, now: steering.call_off(c, sale_id, COMMAND, now))
    talk.print(f"{sale_id} is cancelled.")


@sale_list.command("reword")
def reword_sale(plan: PlanFile, by: By, folder: Folder = HERE) -> None:
    """Take the texts of a plan anew: for what is announced from now on, and for what is not sent yet."""
    from bot.campaigns.planning import reword

    planned, say = _read(plan, folder, begun=True), _say(folder)

    def job(connection: Connection, settings: Settings, now: datetime) -> int:
        return reword(connection, planned, by, settings.policy.sale_heard_alone, say, now)

    talk.print(f"{counted(at_its_time(folder, job), 'announcement')} in the outbox changed.")


@sale_list.command("report")
def report(sale_id: SaleId, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show what came of a sale: pieces, the line, and who was told, with reasons."""
    from bot.campaigns.announcing import authors_of
    from bot.campaigns.outcome import announced, outcome
    from bot.shop.amounts import written_of

    found = in_database(folder, lambda c, _: outcome(c, sale_id, announced(c, authors_of(sale_id))), reads=True)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    talk.print(f"{found.id}: {found.status}, {found.total} pieces, {found.available} free")
    revenue = written_of(found.revenue_minor, found.currency)
    talk.print(f"Paid:   {found.claims.get('paid', 0)}, {revenue} {found.currency}")
    talk.print(f"Line:   {found.claims.get('waiting', 0)} wait, {found.from_line} were offered a piece")
    talk.print(f"Late:   {found.claims.get('late', 0)} paid too late")
    for what, many in found.announced.items():
        talk.print(f"Told:   {many} × {what}")


def _shown(
    connection: Connection, settings: Settings, sale_id: str, say: Announce, now: datetime
) -> tuple[str, list[str]]:
    """Return the digest of a sale, and its plan, who would hear of it now, and every text, for people."""
    from bot.campaigns.line import sale_of
    from bot.campaigns.planning import Planned, digest
    from bot.campaigns.preview import merged, texts_of
    from bot.campaigns.reach import in_words, reach
    from bot.channels import rates_of
    from bot.pages.planform import text_of_sale

    sale = sale_of(connection, sale_id)
    rates = rates_of(settings, now.date())
    heard = [in_words(one, rates.get(one.channel)) for one in reach(connection, sale.audiences, now, sale.currency)]
    own = ("id", "texts", "available")
    values = {str(name): value for name, value in sale._mapping.items() if name not in own}  # noqa: SLF001 - SQLAlchemy's public name
    texts = merged(texts_of(connection, Planned(sale.id, values, sale.texts), say))
    said = [f"[{one.moment} · {one.language} · {one.channel}] {one.text}" for one in texts]
    return digest(sale), [text_of_sale(sale, settings.shop.zone), *heard, "", *said]


def _read(path: Path, folder: Path, *, begun: bool = False) -> Planned:
    """Return a plan, or print its faults and exit.

    Args:
        begun: its times may be over.
    """
    from bot.campaigns.planfile import read_plan
    from bot.clock import clock_of
    from bot.knowledge.yamlfile import Reading

    settings, reading = open_shop(folder), Reading(str(path))
    now = None if begun else clock_of(folder).now()
    planned = read_plan(path, settings.shop.zone, settings.shop.currency, settings.channels.names(), now, reading)
    for fault in reading.faults:
        typer.echo(str(fault))
    if planned is None:
        raise typer.Exit(1)
    return planned


def _say(folder: Path) -> Announce:
    from bot.brain import read_mind
    from bot.campaigns.announce import announcement

    settings = open_shop(folder)
    return announcement(read_mind(folder, settings).voice, settings.shop.zone)
