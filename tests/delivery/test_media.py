"""Customers' files: fetched while the platform has them, tried again, given up in the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.clock import IdMaker
from bot.delivery import media as fetching
from bot.delivery.media import fetch_next
from bot.messages import Event, File, Inbound, Media
from bot.store.database import Database
from bot.store.tables import inbox, media
from tests.conftest import StandingClock
from tests.delivery.stand import arrive, rows, said

PNG = File(b"png", "image/png", "shirt.png")


class Source:
    """The platform's store of files: what it answers, one after the other, then always the picture."""

    def __init__(self, *answers: File | Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def fetch(self, ref: str) -> File | None:
        self.asked.append(ref)
        answer = self.answers.pop(0) if self.answers else PNG
        if isinstance(answer, Exception):
            raise answer
        return answer


def a_picture(number: int, file: File | None = None) -> Inbound:
    return said(number, "", event=Event.MEDIA, media=Media("image", f"ref{number}", file))


async def fetch_all(database: Database, clock: StandingClock, source: Source, channel: str = "web:shop") -> None:
    while await fetch_next(database, clock, source, channel):
        assert len(source.asked) < 100, "a file is fetched for ever"


async def states(database: Database) -> Sequence[tuple[str, bytes | None]]:
    found = {row.ref: (row.status, row.body) for row in await rows(database, media)}
    return [found[ref] for ref in sorted(found)]


async def test_a_file_is_fetched_once_and_kept_with_its_message(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, a_picture(1))
    source = Source()
    await fetch_all(database, clock, source)
    await fetch_all(database, clock, source)

    assert source.asked == ["ref1"]
    (row,) = await rows(database, media)
    (message,) = await rows(database, inbox)
    assert (row.status, row.body, row.mime, row.name) == ("kept", b"png", "image/png", "shirt.png")
    assert (row.inbox_id, row.conversation_id) == (message.id, message.conversation_id)


async def test_a_file_that_came_along_is_there_at_once(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, a_picture(1, PNG))
    source = Source()
    await fetch_all(database, clock, source)
    assert (source.asked, await states(database)) == ([], [("kept", b"png")])


async def test_a_channel_fetches_its_own_files(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, a_picture(1))
    source = Source()
    await fetch_all(database, clock, source, "telegram:bot")
    assert source.asked == []


async def test_what_the_platform_has_no_more_is_lost(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, a_picture(1), a_picture(2))
    await fetch_all(database, clock, Source(None))
    assert sorted(await states(database)) == [("kept", b"png"), ("lost", None)]


async def test_a_file_that_cannot_be_fetched_now_is_tried_later_and_others_do_not_wait_for_it(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await arrive(database, clock, new_id, a_picture(1))
    source = Source(OSError("time-out"), ValueError("no picture"))
    await fetch_all(database, clock, source)
    await arrive(database, clock, new_id, a_picture(2, PNG))
    assert await states(database) == [("new", None), ("kept", b"png")]

    for pause_s, times in ((4, 1), (1, 2), (19, 2), (1, 3)):
        clock.advance(timedelta(seconds=pause_s))
        await fetch_all(database, clock, source)
        assert len(source.asked) == times
    assert (await states(database))[0] == ("kept", b"png")


async def test_a_file_that_never_comes_is_given_up(database: Database, clock: StandingClock, new_id: IdMaker) -> None:
    await arrive(database, clock, new_id, a_picture(1))
    source = Source(*[OSError("time-out")] * 100)
    for _ in range(20):
        await fetch_all(database, clock, source)
        clock.advance(timedelta(days=3))
    assert (len(source.asked), await states(database)) == (8, [("lost", None)])


async def test_a_file_that_is_too_large_is_not_kept(
    database: Database, clock: StandingClock, new_id: IdMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MAX_BYTES", 3)
    await arrive(database, clock, new_id, a_picture(1), a_picture(2))
    await fetch_all(database, clock, Source(File(b"four", "image/png")))
    assert sorted(await states(database)) == [("kept", b"png"), ("lost", None)]
