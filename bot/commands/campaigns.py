"""`campaigns`: recalls and greetings to people of a segment, counted before they are sent, and what came of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import Connection

from bot.commands.carts import in_words as effect_in_words
from bot.commands.common import HERE, Folder, Json, open_shop, print_rows, talk
from bot.commands.people import in_database
from bot.commands.planned import By, PlanFile, Yes, at_its_time, look_first
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.campaigns.counting import Count
    from bot.campaigns.plans import CampaignBody, Plan

campaign_list = typer.Typer(
    help="Campaigns to a segment of people: recall, birthday and festival greetings.", no_args_is_help=True
)
CampaignId = Annotated[str, typer.Argument(help="Id of the campaign.")]


@campaign_list.command("list")
def list_campaigns(folder: Folder = HERE, as_json: Json = False) -> None:
    """List campaigns."""
    from bot.campaigns.running import listed

    print_rows(in_database(folder, lambda c, _: listed(c)), as_json)


@campaign_list.command("check")
def check(plan: PlanFile, folder: Folder = HERE) -> None:
    """Read a plan and say with file, line and fix what does not pass; exit 1 on faults."""
    body = _read(plan, folder)
    in_database(folder, lambda c, _: _known_products(c, body, plan), reads=True)
    talk.print(f"{body.id} passes.")


@campaign_list.command("count")
def count_people(plan: PlanFile, folder: Folder = HERE, as_json: Json = False) -> None:
    """Count whom a plan would write to now, by channel and road, and whom it leaves out, with reasons."""
    from bot.campaigns.counting import in_words

    body = _read(plan, folder)
    found = _counted(body, plan, folder)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "hours": round(found.hours(_rates(folder)), 2)}))
        return
    for line in in_words(found, _rates(folder)):
        typer.echo(line)


@campaign_list.command("dry-run")
def dry_run(plan: PlanFile, folder: Folder = HERE, as_json: Json = False) -> None:
    """Count, say by which cycle, and show the text of each wave in each language. Nothing is sent."""
    from bot.campaigns.counting import in_words
    from bot.campaigns.cycle import ENOUGH_BUYERS, cycle_of
    from bot.campaigns.plans import RECALL, plan_of
    from bot.campaigns.sample import samples

    body, settings, now = _read(plan, folder), open_shop(folder), _now(folder)
    found = _counted(body, plan, folder)
    texts = samples(_voice(folder, settings), plan_of(body, settings.shop.currency), settings.shop.zone, now)
    cycle = in_database(folder, lambda c, _: cycle_of(c, body.segment.products or (), now), reads=True)
    day = _next_day(plan_of(body, settings.shop.currency), now.astimezone(settings.shop.zone).date())
    if as_json:
        data = {"count": asdict(found), "cycle": asdict(cycle), "by_cycle": body.cycle and cycle.is_known, "day": day}
        typer.echo(json.dumps({**data, "texts": texts}, ensure_ascii=False))
        return
    for line in in_words(found, _rates(folder)):
        typer.echo(line)
    if day:
        typer.echo(f"Day:        next on {day}, in the morning where each of them lives")
    elif body.kind != RECALL:
        typer.echo("Day:        everybody's own")
    elif cycle.is_known:
        rest = f"three in four come again within {cycle.overdue_days} days, half within {cycle.median_days:.0f}"
        typer.echo(f"Cycle:      of {cycle.buyers:,} customers who came again {rest}")
    else:
        typer.echo(f"Cycle:      not known: {cycle.buyers:,} customers came again, {ENOUGH_BUYERS} are enough")
    print_rows(texts, as_json=False)


@campaign_list.command("start")
def start_campaign(
    plan: PlanFile,
    by: By,
    folder: Folder = HERE,
) -> None:
    """Start a plan: the running shop looks every day whom to write to. Above a size somebody else starts it."""
    from bot.campaigns.planning import approver
    from bot.campaigns.plans import RECALL
    from bot.campaigns.running import put, start
    from bot.errors import NotAllowed

    body, now = _read(plan, folder), _now(folder)
    found = _counted(body, plan, folder)

    def job(connection: Connection, settings: Settings) -> str:
        who = approver(connection, by)
        row = put(connection, body, who, now)
        try:
            start(connection, row, who, found.may_hear, settings.policy.sale_heard_alone, now)
        except NotAllowed as why:
            return f"Planned, not started. {why}"
        if body.kind != RECALL:
            return f"Started: {body.id} may write to {found.may_hear:,} people, once a year each, on the day."
        return f"Started: {body.id} writes to {found.recipients:,} people now, and looks again every day."

    talk.print(in_database(folder, job))


@campaign_list.command("approve")
def approve_campaign(campaign_id: CampaignId, by: By, yes: Yes = False, folder: Folder = HERE) -> None:
    """Look at a campaign that has grown and approve it: it writes to whoever comes to belong to it from now on."""
    from bot.campaigns.planning import approver
    from bot.campaigns.running import approve

    plan, shown = at_its_time(folder, lambda c, of, now: _shown(c, of, campaign_id, folder, now), reads=True)
    look_first(shown, yes=yes)
    at_its_time(folder, lambda c, _, now: approve(c, campaign_id, approver(c, by), plan, now))
    talk.print(f"{campaign_id} is approved.")


@campaign_list.command("pause")
def pause_campaign(campaign_id: CampaignId, folder: Folder = HERE) -> None:
    """Stop writing to people until it goes on."""
    _move(campaign_id, "paused", folder)
    talk.print(f"{campaign_id} is paused. Go on with `zhanggui campaigns resume {campaign_id}`.")


@campaign_list.command("resume")
def resume_campaign(campaign_id: CampaignId, folder: Folder = HERE) -> None:
    """Go on with a paused campaign."""
    _move(campaign_id, "running", folder)
    talk.print(f"{campaign_id} goes on.")


@campaign_list.command("end")
def end_campaign(campaign_id: CampaignId, folder: Folder = HERE) -> None:
    """End a campaign for good. Coupons that were told of stay."""
    _move(campaign_id, "ended", folder)
    talk.print(f"{campaign_id} is over.")


@campaign_list.command("report")
def report(
    campaign_id: CampaignId,
    days: Annotated[int, typer.Option(min=1, help="Of how many days, until now.")] = 60,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Show what became of every wave, who paid, and the lift over those who were held out, with its interval."""
    from bot.campaigns.effect import effect
    from bot.campaigns.running import campaign_of, steps

    now = _now(folder)

    def job(connection: Connection, _: Settings) -> tuple[Any, Any, Any]:
        row = campaign_of(connection, campaign_id)
        name = f"{row.kind}:{row.id}"
        return row.status, steps(connection, name), effect(connection, now - timedelta(days=days), now, [name])

    status, waves, found = in_database(folder, job)
    if as_json:
        data = {"id": campaign_id, "status": status, "days": days, "waves": waves, **asdict(found)}
        typer.echo(json.dumps(data, ensure_ascii=False))
        return
    talk.print(f"{campaign_id}: {status}")
    for what, many in waves.items():
        talk.print(f"{what}: {many:,}")
    for line in effect_in_words(found):
        talk.print(line)


def _shown(
    connection: Connection, settings: Settings, campaign_id: str, folder: Path, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    """Return the plan of a campaign; and it, whom it would write to now, and every text, for people."""
    from bot.campaigns.counting import in_words
    from bot.campaigns.rounds import plan_in
    from bot.campaigns.running import row_of
    from bot.campaigns.sample import samples

    row = row_of(connection, campaign_id)
    plan = plan_in(row, settings)
    found = _count(connection, plan, settings, now)
    texts = samples(_voice(folder, settings), plan, settings.shop.zone, now)
    said = [f"[{one['wave']} · {one['language']}] {one['text']}" for one in texts]
    written = json.dumps(row.plan, ensure_ascii=False, indent=2)
    return row.plan, [written, *in_words(found, _rates(folder)), "", *said]


def _move(campaign_id: str, to: str, folder: Path) -> None:
    from bot.audit import COMMAND
    from bot.campaigns.running import move

    now = _now(folder)
    in_database(folder, lambda c, _: move(c, campaign_id, to, COMMAND, now))


def _counted(body: CampaignBody, path: Path, folder: Path) -> Count:
    from bot.campaigns.plans import plan_of

    now = _now(folder)

    def job(connection: Connection, settings: Settings) -> Count:
        _known_products(connection, body, path)
        return _count(connection, plan_of(body, settings.shop.currency), settings, now)

    return in_database(folder, job, reads=True)


def _count(connection: Connection, plan: Plan, settings: Settings, now: datetime) -> Count:
    from bot.campaigns import greeting, recall
    from bot.campaigns.counting import count
    from bot.campaigns.plans import RECALL

    is_recall = plan.kind == RECALL
    who = recall.meant(connection, plan, now) if is_recall else greeting.meant(plan, now)
    notice = RECALL if is_recall else greeting.NOTICE
    return count(connection, who, plan.segment, settings.policy.holdout_pct, now, notice)


def _next_day(plan: Plan, today: date) -> str:
    """Return the next day of a festival; empty where everybody has a day of their own."""
    from bot.campaigns.days import upcoming

    return upcoming(plan.day, today).isoformat() if plan.day else ""


def _known_products(connection: Connection, body: CampaignBody, path: Path) -> None:
    from bot.shop.load import known
    from bot.store.tables import products

    known(connection, products.c.id, body.segment.products or [], f"{path}: segment.products", "product")


def _read(path: Path, folder: Path) -> CampaignBody:
    """Return a plan, or print its faults and exit."""
    from bot.campaigns.campaignfile import read_campaign
    from bot.knowledge.yamlfile import Reading

    settings, reading = open_shop(folder), Reading(str(path))
    body = read_campaign(path, settings.shop.currency, settings.channels.names(), reading)
    for fault in reading.faults:
        typer.echo(str(fault))
    if body is None:
        raise typer.Exit(1)
    return body


def _now(folder: Path) -> datetime:
    from bot.clock import clock_of

    return clock_of(folder).now()


def _rates(folder: Path) -> Any:
    from bot.channels import rates_of

    return rates_of(open_shop(folder), _now(folder).date())


def _voice(folder: Path, settings: Settings) -> Any:
    from bot.brain import read_mind

    return read_mind(folder, settings).voice
