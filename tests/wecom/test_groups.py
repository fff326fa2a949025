"""A message to customer groups waits for a member of the staff, and what becomes of it is told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

import connectors.wecom.api as api_module
import connectors.wecom.groups as groups_module
from bot.errors import SettingsError
from bot.messages import Chat, ChatKind, Choice, Event, Outbound, Purpose, Report, Road, SendStatus
from connectors.wecom.answers import RefusedCall
from tests.host import RecordingHost
from tests.wecom.stage import AI, BO, GROUPS, LI, PNG, WANG, Stage, Watch, groups_connector, scripted, task_for, until

LIST, GET = "externalcontact/groupchat/list", "externalcontact/groupchat/get"


async def tasks(stage: Stage) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await stage.asks("tasks"))["tasks"]
    return found


async def groups(stage: Stage) -> list[list[str]]:
    rows = (await stage.asks("groups"))["groups"]
    return [[line["text"] for line in row["messages"]] for row in rows]


async def rounds(stage: Stage) -> None:
    """Let the connector look at its tasks a few times."""
    await asyncio.sleep(0.15)


async def test_nothing_is_shown_before_staff_confirm(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    assert receipt.status is SendStatus.CONFIRMING
    assert await groups(stage) == [[], []]
    [task] = await tasks(stage)
    assert (task["id"], task["text"]) == (receipt.platform_id, "今晚8点秒杀")


async def test_a_confirmed_task_is_reported_once(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    stage.hold(stage.groups)
    await stage.does("confirm", task=receipt.platform_id, staff=AI)
    await until(lambda: stage.groups_host.reports)
    await rounds(stage)
    assert stage.groups_host.reports == [Report(GROUPS, receipt.platform_id, SendStatus.SENT, "2 groups")]
    assert await groups(stage) == [["今晚8点秒杀"], ["今晚8点秒杀"]]


async def test_the_shop_gets_to_know_whose_customer_groups_there_are(stage: Stage) -> None:
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.received)
    assert {(met.chat.id, met.chat.kind, met.event) for met in stage.groups_host.received} == {
        (f"owner:{AI}", ChatKind.GROUP, Event.JOINED)
    }


async def test_an_owner_is_met_again_on_the_next_day_and_not_before(stage: Stage) -> None:
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.received)
    stage.clock.move(hours=12)
    await rounds(stage)
    assert len(stage.groups_host.received) == 1
    stage.clock.move(hours=12)
    await until(lambda: len(stage.groups_host.received) == 2)
    assert [met.key for met in stage.groups_host.received] == [
        "wecom:qinghe:owner:ai:2026-11-22",
        "wecom:qinghe:owner:ai:2026-11-23",
    ]


async def test_groups_that_could_not_be_stored_are_met_ten_minutes_later_and_tasks_are_looked_at(stage: Stage) -> None:
    stage.groups_host.refuse = 1
    receipt = await stage.announce("今晚8点秒杀")
    holding = stage.hold(stage.groups)
    await stage.does("confirm", task=receipt.platform_id, staff=AI)
    await until(lambda: stage.groups_host.reports)
    await until(lambda: not stage.groups_host.refuse)
    await rounds(stage)
    assert (holding.done(), stage.groups_host.received) == (False, [])
    stage.clock.move(minutes=10)
    await until(lambda: stage.groups_host.received)


async def test_facts_that_cannot_be_read_for_a_while_do_not_end_the_round(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    recall, left = stage.groups_host.recall, [1, 1, 1]

    async def away(name: str) -> str:
        if left:
            left.pop()
            raise ConnectionError
        return await recall(name)

    monkeypatch.setattr(stage.groups_host, "recall", away)
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.received)


async def test_open_tasks_come_before_owners(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    await stage.does("confirm", task=receipt.platform_id, staff=AI)
    await stage.does("html", api=LIST)
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.reports)
    assert stage.groups_host.received == []


def told(owner: object) -> dict[str, Any]:
    return {"errcode": 0, "group_chat": {"owner": owner}}


@pytest.mark.parametrize(
    "strange",
    [{"errcode": 0, "group_chat": ["x"]}, {"errcode": 0}, told(7), told("o" * 129), {"errcode": 90500, "errmsg": ""}],
)
async def test_a_group_that_makes_no_sense_hides_no_other(strange: dict[str, Any]) -> None:
    host, page = RecordingHost(), {"errcode": 0, "group_chat_list": ["x", {"chat_id": "1"}, {"chat_id": "2"}]}
    async with scripted({LIST: [page], GET: [strange, told(AI)]}) as base:
        connector = groups_connector(base, Watch())
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.received)
        holding.cancel()
        await connector.stop()
    assert [met.user for met in host.received] == [AI]


async def test_one_page_of_groups_is_asked_for_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "PAGE", 3)
    host = RecordingHost()
    pages = [{"errcode": 0, "group_chat_list": [{"chat_id": "1"}] * 4, "next_cursor": cursor} for cursor in ("c", "")]
    async with scripted({LIST: pages, GET: [*[told(AI)] * 3, told(BO)]}) as base:
        connector = groups_connector(base, Watch(), look_s=0.2)
        await connector.start(host)
        holding = asyncio.create_task(connector.hold())
        await until(lambda: host.received)
        first = [met.user for met in host.received]
        await until(lambda: len(host.received) == 2)
        holding.cancel()
        await connector.stop()
    assert (first, [met.user for met in host.received]) == ([AI], [AI, BO])


async def test_open_tasks_outlive_the_process(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    other = groups_connector(stage.base, stage.clock)
    await other.start(stage.groups_host)
    stage.hold(other)
    await stage.does("confirm", task=receipt.platform_id, staff=AI)
    await until(lambda: stage.groups_host.reports)
    await other.stop()


async def test_groups_that_had_their_month_are_told(stage: Stage) -> None:
    quota = stage.groups.quota(stage.clock.now())
    for number in range(quota):
        await stage.does("confirm", task=(await stage.announce(str(number))).platform_id, staff=AI)
    last = await stage.announce("one more")
    stage.hold(stage.groups)
    await stage.does("confirm", task=last.platform_id, staff=AI)
    await until(lambda: len(stage.groups_host.reports) == quota + 1)
    report = stage.groups_host.reports[-1]
    assert (report.platform_id, report.status) == (last.platform_id, SendStatus.REFUSED)
    assert "2 groups had their 30 of this month" in report.reason


def test_the_months_count_is_its_days_in_china(stage: Stage) -> None:
    assert stage.groups.quota(datetime(2026, 2, 10, tzinfo=UTC)) == 28
    assert stage.groups.quota(datetime(2026, 2, 28, 17, tzinfo=UTC)) == 31


async def test_staff_are_reminded_three_times_a_day_at_most(stage: Stage) -> None:
    await stage.announce("今晚8点秒杀")
    stage.hold(stage.groups)
    await rounds(stage)
    assert (await tasks(stage))[0]["reminders"] == 0
    for _ in range(5):
        stage.clock.move(minutes=30)
        await rounds(stage)
    assert (await tasks(stage))[0]["reminders"] == 3
    assert stage.twin.refusals == []


async def test_what_nobody_confirms_is_cancelled_and_told(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    await stage.does("decline", task=receipt.platform_id, staff=AI)
    stage.clock.move(hours=24)
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.reports)
    [report] = stage.groups_host.reports
    assert (report.status, report.reason) == (SendStatus.REFUSED, "ai did not confirm it in time")
    assert (await tasks(stage))[0]["cancelled"]


async def test_what_is_confirmed_in_the_last_moment_counts_as_sent(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    stage.clock.move(hours=24)
    await stage.does("confirm", task=receipt.platform_id, staff=AI)
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.reports)
    assert stage.groups_host.reports[0].status is SendStatus.SENT
    assert not (await tasks(stage))[0]["cancelled"]


async def test_a_task_can_be_cancelled(stage: Stage) -> None:
    receipt = await stage.announce("今晚8点秒杀")
    await stage.groups.cancel(receipt.platform_id)
    assert (await tasks(stage))[0]["cancelled"]
    assert [report.status for report in stage.groups_host.reports] == [SendStatus.REFUSED]
    assert stage.groups_host.facts["tasks"] == "[]"


async def test_a_task_that_nobody_knows_cannot_be_cancelled(stage: Stage) -> None:
    with pytest.raises(RefusedCall, match="41047"):
        await stage.groups.cancel("msgUnknown")
    assert stage.groups_host.reports == []


async def test_one_task_in_trouble_does_not_hide_the_others(stage: Stage) -> None:
    await stage.announce("一")
    second = await stage.announce("二")
    await stage.does("fault", errcode=-1, api="externalcontact/get_groupmsg_task")
    await stage.does("confirm", task=second.platform_id, staff=AI)
    stage.hold(stage.groups)
    await until(lambda: stage.groups_host.reports)
    assert stage.groups_host.reports[0].platform_id == second.platform_id


async def test_a_member_without_groups_is_told(stage: Stage) -> None:
    assert (await stage.announce("hello", owner=BO)).status is SendStatus.UNREACHABLE


async def test_an_unknown_member_is_told(stage: Stage) -> None:
    assert (await stage.announce("hello", owner="nobody")).status is SendStatus.UNREACHABLE


async def test_choices_are_a_numbered_list_and_the_picture_goes_along(stage: Stage) -> None:
    chat = Chat(GROUPS, f"owner:{AI}", ChatKind.GROUP)
    choices = (Choice("y", "要"), Choice("n", "不要"))
    message = Outbound("t", chat, Purpose.MARKETING, "要吗？", choices, road="task", picture=PNG)
    assert (await stage.groups.send(message)).status is SendStatus.CONFIRMING
    assert (await tasks(stage))[0]["text"] == "要吗？\n1. 要\n2. 不要"


@pytest.mark.parametrize("text", ["", "长" * 1334])
async def test_a_text_that_is_no_single_message_is_refused(stage: Stage, text: str) -> None:
    assert (await stage.announce(text)).status is SendStatus.REFUSED
    assert await tasks(stage) == []


async def test_a_task_whose_answer_was_lost_is_unsure(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "TIMEOUT_S", 0.1)
    hasty = groups_connector(stage.base, stage.clock)
    await hasty.start(stage.groups_host)
    assert not hasty.limits.takes_key
    await stage.does("slow", seconds=0.2, api="externalcontact/add_msg_template")
    assert (await hasty.send(task_for(AI, "今晚8点秒杀"))).status is SendStatus.UNSURE
    await hasty.stop()


async def test_a_picture_that_was_not_uploaded_is_no_task_that_may_exist(stage: Stage) -> None:
    await stage.does("half", api="media/upload")
    assert (await stage.announce("看", picture=PNG)).status is SendStatus.TRANSIENT


async def test_a_task_is_confirming_even_if_it_cannot_be_remembered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.announce("一")

    async def away(name: str, value: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(stage.groups_host, "keep", away)
    assert (await stage.announce("二")).status is SendStatus.CONFIRMING


@pytest.mark.parametrize(
    ("errcode", "status"),
    [
        (-1, SendStatus.TRANSIENT),
        (40058, SendStatus.REFUSED),
        (41048, SendStatus.UNREACHABLE),
        (45009, SendStatus.RATE_LIMITED),
        (48002, SendStatus.NOT_ALLOWED),
        (60020, SendStatus.NOT_ALLOWED),
    ],
)
async def test_every_error_has_a_meaning(stage: Stage, errcode: int, status: SendStatus) -> None:
    await stage.does("fault", errcode=errcode, api="externalcontact/add_msg_template")
    assert (await stage.announce("今晚8点秒杀")).status is status
    assert await tasks(stage) == []


@pytest.mark.parametrize(
    ("chat", "purpose", "roads"),
    [
        (Chat(GROUPS, "owner:ai", ChatKind.GROUP), Purpose.MARKETING, [Road("task")]),
        (Chat(GROUPS, "owner:ai", ChatKind.GROUP), Purpose.REPLY, []),
        (Chat(GROUPS, "wrOne", ChatKind.GROUP), Purpose.MARKETING, []),
        (Chat(GROUPS, "owner:ai"), Purpose.MARKETING, []),
    ],
)
async def test_the_only_road_is_a_task_of_a_member(
    stage: Stage, chat: Chat, purpose: Purpose, roads: list[Road]
) -> None:
    assert stage.groups.roads(Outbound("t", chat, purpose, "hi")) == roads


@pytest.mark.parametrize("changed", [{"corp_id": ""}, {"secret": ""}, {"channel": "kf:x"}, {"api_base": "ftp://x"}])
async def test_settings_that_cannot_work_are_refused_at_once(stage: Stage, changed: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        groups_connector(stage.base, stage.clock, **changed)


# --- codes into the groups -------------------------------------------------------------------------------------------
async def ways(stage: Stage) -> dict[str, Any]:
    """Let the connector look once, and return what it keeps of its codes."""
    stage.clock.move(days=1)
    before = stage.groups_host.facts.get("join_ways")
    holding = stage.hold(stage.groups)
    await until(lambda: stage.groups_host.facts.get("join_ways") not in (None, before))
    await rounds(stage)
    holding.cancel()
    kept: dict[str, Any] = json.loads(stage.groups_host.facts["join_ways"])
    return kept


async def test_who_comes_by_a_code_is_counted_at_the_place_where_it_hangs(stage: Stage) -> None:
    stage.groups = groups_connector(
        stage.base, stage.clock, join_ways={"parcel-card": ["wrOne"], "fair": ["wrTwo", "wrOne"]}
    )
    await stage.groups.start(stage.groups_host)
    made = await ways(stage)
    assert {state: way["joined"] for state, way in made.items()} == {"parcel-card": 0, "fair": 0}
    assert all(way["qr_code"].startswith("https://") for way in made.values())
    await stage.does("join", user=LI, way=made["parcel-card"]["config_id"])
    await stage.does("join", user=WANG, group="wrOne")
    counted = await ways(stage)
    assert {state: way["joined"] for state, way in counted.items()} == {"parcel-card": 1, "fair": 0}
    assert [way["config_id"] for way in counted.values()] == [way["config_id"] for way in made.values()]
    await stage.does("leave", user=LI, group="wrOne")
    assert (await ways(stage))["parcel-card"]["joined"] == 0
    await stage.groups.stop()


async def test_a_code_that_leads_elsewhere_from_now_on_is_the_same_code(stage: Stage) -> None:
    stage.groups = groups_connector(stage.base, stage.clock, join_ways={"fair": ["wrOne"]})
    await stage.groups.start(stage.groups_host)
    made = await ways(stage)
    await stage.groups.stop()
    stage.groups = groups_connector(stage.base, stage.clock, join_ways={"fair": ["wrTwo"]})
    await stage.groups.start(stage.groups_host)
    changed = await ways(stage)
    assert changed["fair"]["config_id"] == made["fair"]["config_id"]
    await stage.does("join", user=LI, way=made["fair"]["config_id"])
    assert (await ways(stage))["fair"]["joined"] == 1
    await stage.groups.stop()


async def test_a_group_that_is_gone_stops_no_other_code_and_no_count(stage: Stage) -> None:
    stage.groups = groups_connector(stage.base, stage.clock, join_ways={"gone": ["wrGone"], "fair": ["wrTwo"]})
    await stage.groups.start(stage.groups_host)
    made = await ways(stage)
    assert list(made) == ["fair"]
    await stage.does("join", user=LI, way=made["fair"]["config_id"])
    assert (await ways(stage))["fair"]["joined"] == 1
    await stage.groups.stop()


async def test_a_code_whose_picture_did_not_come_gets_it_soon_and_is_made_once(stage: Stage) -> None:
    stage.groups = groups_connector(stage.base, stage.clock, join_ways={"fair": ["wrTwo"]})
    await stage.groups.start(stage.groups_host)
    await stage.does("fault", errcode=-1, api="externalcontact/groupchat/get_join_way")
    made = (await ways(stage))["fair"]
    assert made["qr_code"] == ""
    stage.clock.move(minutes=11)
    stage.hold(stage.groups)
    await until(lambda: json.loads(stage.groups_host.facts["join_ways"])["fair"]["qr_code"])
    assert json.loads(stage.groups_host.facts["join_ways"])["fair"]["config_id"] == made["config_id"]
    await stage.groups.stop()
