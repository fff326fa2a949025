"""Fetching updates instead of being called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.telegram.stage import LI, Stage, client_of, staged, text_update, until


@pytest.fixture
async def polling() -> AsyncIterator[Stage]:
    async with staged(mode="polling", public_url="") as stage:
        yield stage


async def test_polling_receives_in_order_and_has_no_webhook(polling: Stage) -> None:
    await polling.begin()
    for text in ("one", "two", "three"):
        await polling.do("say", user=LI, text=text)
    assert [inbound.text for inbound in await polling.inbound(3)] == ["one", "two", "three"]
    assert (await polling.http.post(polling.hook, json=text_update())).status_code == 404


async def test_a_process_that_does_not_hold_the_channel_does_not_poll(polling: Stage) -> None:
    await polling.connector.start(polling.host)
    await polling.do("say", user=LI, text="keep me")
    await asyncio.sleep(0.1)
    assert not polling.host.received


async def test_an_update_is_confirmed_only_once_it_is_stored(polling: Stage) -> None:
    await polling.do("say", user=LI, text="keep me")
    polling.host.refuse = 1_000_000
    await polling.begin()
    await until(lambda: polling.host.refuse < 999_990)
    assert len((await polling.look("state"))["pending"]) == 1
    polling.host.refuse = 0
    assert (await polling.inbound())[0].text == "keep me"
    async with asyncio.timeout(5):
        while (await polling.look("state"))["pending"]:
            await asyncio.sleep(0.02)
    assert len(polling.host.received) == 1


async def test_polling_survives_updates_that_nobody_knows(polling: Stage) -> None:
    await polling.begin()
    await polling.do("raw", update={"poll": {"id": "1"}, "message": {"message_id": "odd"}})
    await polling.do("unknown_update")
    await polling.do("say", user=LI, text="after it")
    assert (await polling.inbound())[0].text == "after it"


async def test_polling_survives_a_gateway_and_half_an_answer(polling: Stage) -> None:
    await polling.do("html", method="getUpdates")
    await polling.do("half", method="getUpdates")
    await polling.begin()
    await polling.do("say", user=LI, text="after it")
    assert (await polling.inbound())[0].text == "after it"


async def test_a_webhook_that_somebody_set_is_taken_away_again(polling: Stage) -> None:
    await polling.begin()
    async with client_of(polling) as other:
        await other.set_webhook(f"{polling.base}/elsewhere")
    await polling.do("say", user=LI, text="for us")
    assert (await polling.inbound())[0].text == "for us"


async def test_a_second_poller_is_a_task_for_the_staff(polling: Stage) -> None:
    await polling.do("fault", method="getUpdates", status=409, times=4, description="Conflict: terminated")
    await polling.begin()
    await until(lambda: bool(polling.host.alerts))
    assert "Another program" in next(iter(polling.host.alerts.values()))
    await polling.do("say", user=LI, text="after it")
    assert (await polling.inbound())[0].text == "after it"
