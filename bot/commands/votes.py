"""`votes`: planning trial votes, looking after them, drawing the winners, and what came of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy import Connection

from bot.commands.common import HERE, Folder, Json, counted, open_shop, print_rows, talk
from bot.commands.people import in_database
from bot.commands.planned import By, PlanFile, Yes, at_its_time, look_first
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.campaigns.vote_words import VoteWords
    from bot.campaigns.votefile import PlannedVote

vote_list = typer.Typer(help="Trial votes.", no_args_is_help=True)
VoteId = Annotated[str, typer.Argument(help="Id of the vote.")]


@vote_list.command("list")
def list_votes(folder: Folder = HERE, as_json: Json = False) -> None:
    """List votes."""
    from bot.campaigns.voting import listed

    print_rows(in_database(folder, lambda c, _: listed(c)), as_json)


@vote_list.command("check")
def check(plan: PlanFile, folder: Folder = HERE) -> None:
    """Read a plan and say with file, line and fix what does not pass; exit 1 on faults."""
    planned = _read(plan, folder)
    in_database(folder, lambda c, _: _known_chats(c, planned), reads=True)
    talk.print(f"{plan}: vote {planned.id} passes")


@vote_list.command("plan")
def make_plan(plan: PlanFile, by: By, folder: Folder = HERE) -> None:
    """Put a plan into the shop: it opens by itself. Above a size somebody else has to approve it first."""
    import secrets

    from bot.campaigns.ballots import locked_vote
    from bot.campaigns.draw import commitment
    from bot.campaigns.planning import approver
    from bot.campaigns.voting import check_approved, put_plan, schedule
    from bot.errors import NotAllowed

    planned, seed = _read(plan, folder), secrets.token_hex(16)

    def job(connection: Connection, settings: Settings, now: datetime) -> str:
        _known_chats(connection, planned)
        who = approver(connection, by)
        put_plan(connection, planned.id, planned.values, seed, who, now)
        vote = locked_vote(connection, planned.id)
        try:
            check_approved(connection, vote, settings.policy.sale_heard_alone, now)
        except NotAllowed as why:
            return f"Planned, not approved. {why}"
        schedule(connection, vote, who, now)
        return f"Planned: {planned.id} begins at {vote.starts_at.astimezone(settings.shop.zone):%Y-%m-%d %H:%M}."

    talk.print(at_its_time(folder, job))
    if planned.values["winners"]:
        talk.print(f"SHA-256 of the seed of the draw: {commitment(seed)}")


@vote_list.command("approve")
def approve_vote(vote_id: VoteId, by: By, yes: Yes = False, folder: Folder = HERE) -> None:
    """Look at what somebody else has planned and approve it: it opens by itself from now on."""
    from bot.campaigns.voting import approve

    words = _words(folder)
    seen, shown = at_its_time(folder, lambda c, settings, now: _shown(c, settings, vote_id, words, now), reads=True)
    look_first(shown, yes=yes)
    at_its_time(folder, lambda c, _, now: approve(c, vote_id, by, seen, now))
    talk.print(f"{vote_id} is approved.")


@vote_list.command("start")
def start_vote(vote_id: VoteId, folder: Folder = HERE) -> None:
    """Open a vote now, whenever it was planned: the running shop asks."""
    from bot.audit import COMMAND
    from bot.campaigns.ballots import vote_of
    from bot.campaigns.voting import check_approved, start

    words = _words(folder)

    def job(connection: Connection, settings: Settings, now: datetime) -> int:
        check_approved(connection, vote_of(connection, vote_id), settings.policy.sale_heard_alone, now)
        return start(connection, vote_id, words, now, COMMAND)

    talk.print(f"Open; {counted(at_its_time(folder, job), 'announcement')} wait in the outbox.")


@vote_list.command("close")
def close_vote(vote_id: VoteId, folder: Folder = HERE) -> None:
    """Close a vote before its time: what counts is fixed, and the groups hear the result."""
    from bot.audit import COMMAND
    from bot.campaigns.voting import close
    from bot.errors import Conflict

    words = _words(folder)
    if not at_its_time(folder, lambda c, _, now: close(c, vote_id, words, now, COMMAND)):
        raise Conflict(f"Vote {vote_id} is not open. Look at `zhanggui votes list`.")
    talk.print(f"{vote_id} is closed.")


@vote_list.command("draw")
def draw_vote(vote_id: VoteId, by: By, folder: Folder = HERE) -> None:
    """Draw the winners of a closed vote, publish the seed, and tell the groups and the winners."""
    from bot.campaigns.planning import approver
    from bot.campaigns.voting import draw

    words = _words(folder)

    def job(connection: Connection, settings: Settings, now: datetime) -> list[int]:
        return draw(connection, vote_id, words, approver(connection, by), settings.shop.language, now)

    talk.print(f"Drawn: {', '.join(map(str, at_its_time(folder, job))) or 'nobody has voted'}")


@vote_list.command("report")
def report_vote(vote_id: VoteId, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show what came of a vote so far: who chose what, who was asked, and the draw."""
    from bot.campaigns.vote_report import report

    found = in_database(folder, lambda c, _: report(c, vote_id), reads=True)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False))
        return
    talk.print(f"{found.id}: {found.status}, {counted(found.total, 'vote')}; {found.taken_back} taken back")
    for option in found.options:
        talk.print(f"{option['votes']:>6}  {option['share']:>6.1%}  {option['zh']} / {option['en']}")
    for what, many in found.announced.items():
        talk.print(f"Told:   {many} × {what}")
    for name, value in found.draw.items():
        talk.print(f"Draw:   {name} {value}")


def _shown(
    connection: Connection, settings: Settings, vote_id: str, words: VoteWords, now: datetime
) -> tuple[str, list[str]]:
    """Return the digest of a vote, and its times, who would be asked now, and what, for people."""
    from bot.campaigns.announcing import LANGUAGES
    from bot.campaigns.ballots import vote_of
    from bot.campaigns.planning import digest
    from bot.campaigns.reach import in_words, reach
    from bot.channels import rates_of

    vote, zone = vote_of(connection, vote_id), settings.shop.zone
    rates = rates_of(settings, now.date())
    starts, ends = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (vote.starts_at, vote.ends_at))
    heard = [in_words(one, rates.get(one.channel)) for one in reach(connection, vote.audiences, now)]
    options = [f"{one['id']}: {one['zh']} / {one['en']}, tag {one['tag']}" for one in vote.options]
    links = [f"{one['channel']}: {one['link']}" for one in vote.audiences if one.get("link")]
    asked = [f"[{language}] {words.ask(language, vote, poll=False).text}" for language in LANGUAGES]
    return digest(vote), [f"{vote.id}: {starts} to {ends}", *heard, *links, *options, "", *asked]


def _read(path: Path, folder: Path) -> PlannedVote:
    """Return a plan, or print its faults and exit."""
    from bot.campaigns.votefile import read_vote
    from bot.clock import clock_of
    from bot.knowledge.yamlfile import Reading

    settings, reading = open_shop(folder), Reading(str(path))
    planned = read_vote(path, settings.shop.zone, settings.channels.names(), clock_of(folder).now(), reading)
    for fault in reading.faults:
        typer.echo(str(fault))
    if planned is None:
        raise typer.Exit(1)
    return planned


def _known_chats(connection: Connection, planned: PlannedVote) -> None:
    from bot.campaigns.announcing import chat_kind

    for audience in planned.values["audiences"]:
        if audience.get("chat"):
            chat_kind(connection, audience["channel"], audience["chat"])


def _words(folder: Path) -> VoteWords:
    from bot.brain import read_mind
    from bot.campaigns.vote_words import VoteWords

    settings = open_shop(folder)
    return VoteWords(read_mind(folder, settings).voice, settings.shop.zone)
